"""The training loop: equal to a bare one, killed and taken up again, early stopping, loaders, and the exercises."""

import copy
import json
import multiprocessing
import os
import pickle
import random
import runpy
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ROOT, drawings_of
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import CosineAnnealingLR, StepLR
from torch.testing import assert_close
from torch.utils.data import DataLoader, Dataset

import training
from neuronup import tensors
from neuronup.accuracy import accuracy
from neuronup.checkpoint import Run, read_checkpoint, sealed
from neuronup.command import BadInput
from neuronup.datasets import DigitDataset, prepare, shuffled_loader, whole_loader
from neuronup.loaders import Examples, Loader
from neuronup.loop import best_epoch, fit, predict, train_epoch
from training import (
    Classifier,
    Trap,
    image_splits,
    load_state_dict,
    save_state_dict,
    time_alternately,
    train_on_each_level,
)

CPU = torch.device("cpu")


def few(n: int = 60, seed: int = 0) -> tuple[Examples, Examples]:
    """Some images to train on, and as many to validate."""
    train, validation, _ = image_splits("digits", seed)
    return Examples(train.x[:n], train.y[:n]), Examples(validation.x[:n], validation.y[:n])


def same(a: Any, b: Any) -> bool:
    """Whether two nests of dicts, lists, tensors and numbers hold the very same."""
    if isinstance(a, Tensor):
        return isinstance(b, Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(value, b[key]) for key, value in a.items())
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


# The loop


@given(seed=st.integers(0, 10_000), size=st.integers(1, 70), scheduled=st.booleans())
@settings(max_examples=10)
def test_fit_is_the_bare_loop_to_the_last_bit(seed: int, size: int, scheduled: bool) -> None:
    train, validation = few()
    torch.manual_seed(seed)
    ours = Classifier(hidden=8, dropout=0.3)
    theirs = copy.deepcopy(ours)
    adam = Adam(ours.parameters(), lr=0.02)
    plan = StepLR(adam, 1, 0.5) if scheduled else None
    torch.manual_seed(seed)
    history = fit(ours, Loader(train, size, seed), validation, adam, 3, schedule=plan)

    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    adam, rates = Adam(theirs.parameters(), lr=0.02), []
    for epoch in range(3):
        theirs.train()
        rates.append(0.02 * 0.5**epoch if scheduled else 0.02)
        adam.param_groups[0]["lr"] = rates[-1]
        for batch in torch.randperm(60, generator=order).split(size):
            adam.zero_grad()
            cross_entropy(theirs(train.x[batch]), train.y[batch]).backward()
            adam.step()
        theirs.eval()
        with torch.no_grad():
            assert history["validation_loss"][epoch] == float(cross_entropy(theirs(validation.x), validation.y))
    assert same(ours.state_dict(), theirs.state_dict())
    assert history["rate"] == pytest.approx(rates)
    assert not ours.training


def test_a_tiny_batch_can_be_memorised() -> None:
    train, _ = few(10)
    torch.manual_seed(0)
    model = Classifier()
    history = fit(model, Loader(train, 10, 0), train, Adam(model.parameters(), lr=0.01), 100)
    assert history["loss"][-1] < 0.01
    assert history["validation_score"][-1] == 1


def test_the_loss_of_an_epoch_is_the_mean_over_examples_and_not_over_batches() -> None:
    train, _ = few(10)
    model = nn.Linear(64, 10)
    history = fit(model, Loader(train, 7, 0), train, SGD(model.parameters(), lr=0.0), 1)
    assert history["loss"] == pytest.approx(history["validation_loss"])


def test_one_epoch_is_one_step_a_batch_against_the_gradient_of_that_batch_alone() -> None:
    train, _ = few(40)
    torch.manual_seed(0)
    model, theirs = Classifier(hidden=8), Classifier(hidden=8)
    theirs.load_state_dict(model.state_dict())
    loss = train_epoch(model.eval(), Loader(train, 16, 3), SGD(model.parameters(), lr=0.2))
    assert model.training
    total = 0.0
    for x, y in Loader(train, 16, 3):
        batch_loss = cross_entropy(theirs(x), y)
        for weight, gradient in zip(
            theirs.parameters(), torch.autograd.grad(batch_loss, [*theirs.parameters()]), strict=True
        ):
            weight.data -= 0.2 * gradient
        total += float(batch_loss.detach()) * len(y)
    assert loss == pytest.approx(total / 40)
    for ours, other in zip(model.parameters(), theirs.parameters(), strict=True):
        assert_close(ours, other)


def test_without_detach_the_sum_keeps_a_graph_for_every_batch_but_not_its_activations() -> None:
    train, _ = few(40)
    model = Classifier(hidden=8)

    def graph_of_the_sum(batches: int) -> int:
        total = torch.zeros(())
        for _ in range(batches):
            batch_loss = cross_entropy(model(train.x), train.y)
            batch_loss.backward()
            total = total + batch_loss  # no detach
        seen, waiting = set(), [total.grad_fn]
        while waiting:
            node = waiting.pop()
            if node is not None and node not in seen:
                seen.add(node)
                waiting += [before for before, _ in node.next_functions]
        with pytest.raises(RuntimeError, match="a second time"):
            total.backward()  # what it needs has been freed
        return len(seen)

    sizes = [graph_of_the_sum(batches) for batches in (10, 20, 30)]
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0] > 0


def test_logits_through_a_softmax_keep_the_loss_above_the_bound_on_the_page() -> None:
    sure = nn.functional.one_hot(torch.arange(10), 10).float() * 1e3
    twice = cross_entropy(sure.softmax(dim=1), torch.arange(10))
    assert round(float(twice), 2) == 1.46
    assert float(cross_entropy(sure, torch.arange(10))) < 1e-6


def test_early_stopping_returns_the_weights_of_the_best_epoch() -> None:
    train, validation = few()
    torch.manual_seed(1)
    model = Classifier(dropout=0.2)
    history = fit(model, Loader(train, 16, 0), validation, Adam(model.parameters(), lr=0.05), 200, patience=3)
    losses = history["validation_loss"]
    assert len(losses) == best_epoch(history) + 1 + 3 < 200
    assert losses[-1] > min(losses)
    assert float(cross_entropy(predict(model, validation.x), validation.y)) == min(losses)


def test_accuracy_is_the_share_of_largest_logits_that_are_the_labels() -> None:
    z = torch.tensor([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0]])
    assert_close(accuracy(z, torch.tensor([1, 1, 1])), torch.tensor(2 / 3))


def test_predict_answers_in_parts_as_in_one_and_remembers_nothing() -> None:
    train, _ = few()
    model = Classifier(dropout=0.5)
    z = predict(model, train.x, batch_size=7)
    assert_close(z, predict(model, train.x))
    assert not z.requires_grad


# Killed, and taken up again

RUNNER = """
import json, os, signal, sys, time
from pathlib import Path
import torch
from torch.optim import Adam
from torch.optim.lr_scheduler import CosineAnnealingLR
from neuronup.datasets import DigitDataset, prepare, shuffled_loader, whole_loader
from neuronup.loaders import Examples, Loader
from neuronup.loop import fit
from training import Classifier, image_splits

EPOCHS = 24

class Slow(CosineAnnealingLR):
    nap = 0.0

    def step(self, epoch=None):
        time.sleep(self.nap)
        super().step(epoch)


def work(place, nap=0.0, fatal=None):
    torch.set_num_threads(1)
    train, validation, _ = image_splits("digits", 0)
    torch.manual_seed(0)
    model = Classifier(16, dropout=0.3)
    adam, Slow.nap = Adam(model.parameters(), lr=0.02), nap
    if fatal is not None:  # at this save, die with half of the file written
        saves, sync = iter(range(fatal)), os.fsync

        def die(file):
            if next(saves, None) is None:
                os.truncate(file, os.fstat(file).st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)
            sync(file)

        os.fsync = die
    few = Examples(train.x[:200], train.y[:200])
    history = fit(
        model, Loader(few, 32, 0), Examples(validation.x[:100], validation.y[:100]), adam, EPOCHS,
        schedule=Slow(adam, EPOCHS), patience=6, checkpoint=Path(place, "run.pt"),
    )
    torch.save({"model": model.state_dict(), "history": history}, Path(place, "end.pt"))
"""


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A script that trains, and what it ends with if nobody stops it."""
    folder = tmp_path_factory.mktemp("whole")
    script = folder / "runner.py"
    script.write_text(RUNNER, encoding="utf-8")
    runpy.run_path(str(script))["work"](folder)
    return script, torch.load(folder / "end.pt", weights_only=True)


def start(script: Path, place: Path, **how: float) -> multiprocessing.Process:
    """Start the script in a process of its own, which has loaded torch already."""
    caller = place / "caller.py"
    call = f"import runpy\nrunpy.run_path({str(script)!r})['work']({str(place)!r}, **{how!r})\n"
    caller.write_text(call, encoding="utf-8")
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["training"])
    process = server.Process(target=runpy.run_path, args=(str(caller),))
    process.start()
    return process


def epochs_in(file: Path) -> int:
    """How many epochs a checkpoint has behind it; it is whole at any moment."""
    return len(read_checkpoint(file)["history"]["loss"]) if file.exists() else -1


@pytest.mark.parametrize("draw", [0, 1])
def test_a_run_killed_at_any_moment_ends_with_the_weights_of_one_never_stopped(
    draw: int, runner: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    script, whole = runner
    chance, file = random.Random(draw), tmp_path / "run.pt"
    for target in sorted(chance.sample(range(-1, 12), 4)):
        process = start(script, tmp_path, nap=0.02)
        while epochs_in(file) < target:
            assert process.is_alive()
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.03))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    assert epochs_in(file) < len(whole["history"]["loss"])
    last = start(script, tmp_path)
    last.join()
    assert last.exitcode == 0
    assert same(torch.load(tmp_path / "end.pt", weights_only=True), whole)


def test_a_run_killed_while_it_writes_goes_on_from_the_file_before(
    runner: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    script, whole = runner
    for fatal in (0, 1, 5):  # the first, which is written before any epoch; the second of the next run; ...
        process = start(script, tmp_path, fatal=fatal)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert (tmp_path / "run.pt.partial").exists()
    assert epochs_in(tmp_path / "run.pt") == 5
    last = start(script, tmp_path)
    last.join()
    assert same(torch.load(tmp_path / "end.pt", weights_only=True), whole)
    assert not (tmp_path / "run.pt.partial").exists()


def test_a_finished_run_is_not_run_again(runner: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    script, whole = runner
    work = runpy.run_path(str(script))["work"]
    work(tmp_path)
    before = (tmp_path / "run.pt").read_bytes()
    work(tmp_path)
    assert (tmp_path / "run.pt").read_bytes() == before
    assert same(torch.load(tmp_path / "end.pt", weights_only=True), whole)


def test_more_epochs_go_on_where_fewer_ended(tmp_path: Path) -> None:
    def trained(*stages: int) -> nn.Module:
        train, validation = few()
        torch.manual_seed(0)
        model = Classifier(8, dropout=0.2)
        loader, optimiser = Loader(train, 16, 0), SGD(model.parameters(), lr=0.1, momentum=0.9)
        for epochs in stages:
            file = tmp_path / f"{len(stages)}.pt"
            fit(model, loader, validation, optimiser, epochs, schedule=StepLR(optimiser, 2), checkpoint=file)
        return model

    assert same(trained(5).state_dict(), trained(2, 5).state_dict())


# Damaged, and foreign


def begin(
    hidden: int = 4, momentum: float = 0.9, size: int = 16, seed: int = 0, epochs: int = 5, kind: str = "SGD"
) -> Run:
    """A small run that has not learned anything yet."""
    train, _ = few()
    torch.manual_seed(0)
    model = Classifier(hidden)
    optimiser = SGD(model.parameters(), lr=0.1, momentum=momentum) if kind == "SGD" else Adam(model.parameters())
    return Run(model, optimiser, Loader(train, size, seed), CosineAnnealingLR(optimiser, epochs))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What a run of two epochs has written."""
    kept, (_, validation) = begin(), few()
    file = tmp_path_factory.mktemp("two") / "run.pt"
    fit(kept.model, kept.train, validation, kept.optimiser, 2, schedule=kept.schedule, checkpoint=file)
    return file.read_bytes()


def refused(content: bytes, place: Path, kept: Run | None = None) -> str:
    """Check that `content` is refused in a sentence, and that all is left as it was; return the sentence."""
    kept, file = kept or begin(), place / "run.pt"
    file.write_bytes(content)
    before = copy.deepcopy(kept.state())
    with pytest.raises(BadInput) as error:
        kept.load(file)
    assert same(kept.state(), before)
    assert file.read_bytes() == content
    sentence = str(error.value)
    assert "\n" not in sentence
    assert sentence.startswith(str(file))
    assert sentence.endswith(".")
    return sentence


def test_an_undamaged_checkpoint_of_the_same_run_is_taken_whole(checkpoint: bytes, tmp_path: Path) -> None:
    kept, file = begin(), tmp_path / "run.pt"
    file.write_bytes(checkpoint)
    kept.load(file)
    assert len(kept.history["loss"]) == 2
    assert same({**kept.state(), "plan": 0}, {**read_checkpoint(file), "plan": 0})


@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=60)
def test_a_checkpoint_with_one_bit_flipped_anywhere_is_refused(
    where: float, bit: int, checkpoint: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    flipped = bytearray(checkpoint)
    flipped[int(where * len(flipped))] ^= 1 << bit
    refused(bytes(flipped), tmp_path_factory.getbasetemp())


@given(share=st.floats(0, 1, exclude_max=True))
@settings(max_examples=30)
def test_a_checkpoint_cut_off_anywhere_is_refused(
    share: float, checkpoint: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    refused(checkpoint[: int(share * len(checkpoint))], tmp_path_factory.getbasetemp())


def packed(thing: object, place: Path) -> bytes:
    """What torch.save writes of a thing."""
    torch.save(thing, place / "thing.pt")
    return (place / "thing.pt").read_bytes()


def test_what_is_no_checkpoint_is_refused_and_no_code_in_it_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = packed(begin().model.state_dict(), tmp_path)
    code = packed({"plan": {}, "model": Trap()}, tmp_path)
    others = [b"", b"epoch 3\n", pickle.dumps(Trap()), weights, code, packed([1], tmp_path), b"\0" * 10_000]
    for content in others:
        assert "damaged or no checkpoint" in refused(content, tmp_path)
        refused(sealed(content), tmp_path)  # even if somebody forges the checksum
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("part", ["model", "optimiser", "schedule", "history", "best", "order", "rng", "device rng"])
def test_a_forged_checkpoint_that_lacks_a_part_is_not_loaded_in_part(
    part: str, checkpoint: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "whole.pt"
    file.write_bytes(checkpoint)
    state = read_checkpoint(file)
    del state[part]
    assert "no whole checkpoint" in refused(sealed(packed(state, tmp_path)), tmp_path)
    broken = {**read_checkpoint(file), part: {"hidden.weight": torch.ones(1)}}
    if part not in ("schedule", "best"):
        refused(sealed(packed(broken, tmp_path)), tmp_path)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"hidden": 5}, "model's hidden.weight is torch.float32 (4, 64), not torch.float32 (5, 64)"),
        ({"kind": "Adam"}, "optimiser is SGD, not Adam"),
        ({"momentum": 0.5}, "optimiser's momentum is 0.9, not 0.5"),
        ({"size": 8}, "batch size is 16, not 8"),
        ({"seed": 1}, "seed is 0, not 1"),
        ({"epochs": 9}, "schedule's T_max is 5, not 9"),
    ],
)
def test_the_checkpoint_of_another_run_is_refused_and_the_sentence_says_why(
    other: dict[str, Any], said: str, checkpoint: bytes, tmp_path: Path
) -> None:
    assert said in refused(checkpoint, tmp_path, begin(**other))


def test_a_checkpoint_of_other_labels_rates_or_dtypes_is_refused(checkpoint: bytes, tmp_path: Path) -> None:
    lied, faster, finer = begin(), begin(), begin()
    lied.train.examples.y[0] += 1
    lied = Run(lied.model, lied.optimiser, lied.train, lied.schedule)
    faster.optimiser.add_param_group({"params": [nn.Parameter(torch.ones(1))], "lr": 0.5})
    faster = Run(faster.model, faster.optimiser, faster.train, faster.schedule)
    finer = Run(finer.model.double(), finer.optimiser, finer.train, finer.schedule)
    for kept, said in ((lied, "labels"), (faster, "rate of group 1"), (finer, "float32")):
        assert said in refused(checkpoint, tmp_path, kept)


def test_checkpoints_and_weights_are_only_ever_read_as_data(
    checkpoint: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, load = [], torch.load

    def watched(*args: Any, **kwargs: Any) -> Any:
        asked.append(kwargs["weights_only"])
        return load(*args, **kwargs)

    monkeypatch.setattr(torch, "load", watched)
    (tmp_path / "run.pt").write_bytes(checkpoint)
    begin().load(tmp_path / "run.pt")
    save_state_dict(Classifier(), tmp_path / "weights.pt")
    load_state_dict(Classifier(), tmp_path / "weights.pt")
    assert asked == [True, True]


def test_a_place_that_cannot_be_written_is_refused_before_the_first_epoch(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    kept, (_, validation) = begin(), few()
    before = copy.deepcopy(kept.state())
    for place in (tmp_path / "file" / "run.pt", tmp_path):
        with pytest.raises(BadInput, match=r"^\S+ (cannot be written|is damaged).*\.$"):
            fit(kept.model, kept.train, validation, kept.optimiser, 2, schedule=kept.schedule, checkpoint=place)
        assert same(kept.state(), before)


# Loaders


@given(n=st.integers(1, 90), size=st.integers(1, 100), seed=st.integers(0, 1000))
@settings(max_examples=30)
def test_every_example_comes_once_an_epoch(n: int, size: int, seed: int) -> None:
    loader = Loader(Examples(torch.arange(n), -torch.arange(n)), size, seed)
    for _ in range(2):
        batches = list(loader)
        x, y = torch.cat([b.x for b in batches]), torch.cat([b.y for b in batches])
        assert len(batches) == len(loader)
        assert all(len(b.x) == size for b in batches[:-1])
        assert x.sort().values.tolist() == list(range(n))
        assert torch.equal(x, -y)


def test_each_epoch_has_another_order_and_each_seed_its_own() -> None:
    def order(loader: Loader) -> list[int]:
        return torch.cat([batch.x for batch in loader]).tolist()

    examples = Examples(torch.arange(100), torch.arange(100))
    one, again, other = (Loader(examples, 32, seed) for seed in (1, 1, 2))
    orders = [order(one), order(one), order(other)]
    assert len({tuple(each) for each in orders}) == 3
    assert [order(again), order(again)] == orders[:2]


def test_ours_deals_out_what_a_dataloader_does_batch_by_batch() -> None:
    train, _ = few(100)
    data, ready = DigitDataset(train, prepare(train)), prepare(train)
    ours = list(Loader(Examples(DigitDataset(train).images, train.y), 32, 7, ready))
    order = torch.randperm(100, generator=torch.Generator().manual_seed(7))
    theirs = list(DataLoader(data, batch_sampler=[batch.tolist() for batch in order.split(32)]))
    assert len(ours) == len(theirs) == 4
    for mine, (x, y) in zip(ours, theirs, strict=True):
        assert_close(mine.x, x, rtol=0, atol=1e-6)
        assert torch.equal(mine.y, y)


def test_a_plain_dataloader_and_ours_hold_the_same_examples() -> None:
    train, _ = few(100)
    usual = shuffled_loader(DigitDataset(train), 32, workers=0)
    ours = Loader(Examples(DigitDataset(train).images, train.y), 32, 0)

    def content(batches: Any) -> list[tuple[int, ...]]:
        rows = [(*x.flatten().tolist(), int(y)) for xb, yb in batches for x, y in zip(xb, yb, strict=True)]
        return sorted(rows)

    assert content(usual) == content(ours)


def test_a_dataloader_asked_for_whole_batches_holds_the_same_examples() -> None:
    train, _ = few(100)
    data = DigitDataset(train, prepare(train))
    batches = list(whole_loader(data, 32))
    assert [len(x) for x, _ in batches] == [32, 32, 32, 4]
    x, y = torch.cat([x for x, _ in batches]), torch.cat([y for _, y in batches])
    rows = sorted((*image.flatten().tolist(), int(label)) for image, label in zip(x, y, strict=True))
    assert_close(rows, sorted((*image.flatten().tolist(), int(label)) for image, label in data))


def test_prepared_images_have_mean_0_and_standard_deviation_1() -> None:
    train, _, _ = image_splits("digits", 0)
    ready = prepare(train)(DigitDataset(train).images)
    assert_close(ready.mean(), torch.tensor(0.0), atol=0.01, rtol=0)
    assert_close(ready.std(), torch.tensor(1.0), atol=0.01, rtol=0)


def test_the_three_parts_share_no_image_and_lose_none() -> None:
    x = [tuple(row) for part in image_splits("digits", 4) for row in part.x.tolist()]
    assert len(x) == len(set(x)) == 1797
    assert [round(len(part.x) / 1797, 2) for part in image_splits("digits", 4)] == [0.7, 0.2, 0.1]


def test_a_race_reports_the_fewest_seconds_of_each() -> None:
    naps = iter([0.05, 0.001, 0.02])
    best = time_alternately({"sleeper": lambda: time.sleep(next(naps)), "quick": lambda: None}, rounds=3)
    assert 0.001 <= best["sleeper"] < 0.02
    assert best["quick"] < best["sleeper"]


# Tensors, levels, files


def test_all_three_levels_end_with_the_same_weights() -> None:
    train, _ = few(200)
    torch.set_default_dtype(torch.float64)
    try:
        torch.manual_seed(3)
        ends = train_on_each_level(Loader(Examples(train.x.double(), train.y), 32, 0), steps=60)
    finally:
        torch.set_default_dtype(torch.float32)
    for other in ("graph", "module"):
        assert_close(ends[other], ends["tensor"], rtol=1e-10, atol=1e-12)
    assert float(ends["tensor"][3].std()) > 0.01  # they did move


def test_what_the_page_says_of_tensors_is_so() -> None:
    assert tensors.memory() == {"shared": 7, "copied": 0}
    assert tensors.dtypes() | {"both": "float32", "decimal": "float32", "whole": "int64"} == tensors.dtypes()
    with pytest.raises(RuntimeError, match="mat1 and mat2 must have the same dtype, but got Double and Float"):
        Classifier()(torch.ones(1, 64).double())
    with pytest.raises(RuntimeError, match=r"mat1 and mat2 shapes cannot be multiplied \(256x8 and 64x64\)"):
        Classifier()(torch.ones(32, 1, 8, 8))
    assert tensors.broadcast() == {"number": "(5, 3)", "row": "(5, 3)", "column": "(5, 3)", "trap": "(5, 5)"}
    assert tensors.gradients_accumulate() == pytest.approx({"once": 12, "twice": 24, "moved": 1.88})


def test_weights_come_back_as_they_were_and_a_trap_does_not(tmp_path: Path) -> None:
    one, other = Classifier(), Classifier()
    save_state_dict(one, tmp_path / "weights.pt")
    load_state_dict(other, tmp_path / "weights.pt")
    assert same(one.state_dict(), other.state_dict())
    assert training.load_trap(weights_only=True) == "refused"
    assert training.load_trap(weights_only=False) == "this line was printed by loading a file"


def test_a_run_on_other_random_numbers_ends_elsewhere() -> None:
    parts = image_splits("digits", 0)
    model, uncut = training.train_classifier(parts, 0, 6)
    said, before, resumed = training.resume_after_failure(parts, model, 0, 6)
    assert said == "the same"
    assert resumed == uncut
    assert before["loss"] == uncut["loss"][: len(before["loss"])]
    assert 0 < len(before["loss"]) < 6
    assert training.resume_after_failure(parts, Classifier(dropout=0.2), 0, 6)[0] == "others"


def test_models_are_evaluated_on_the_test_set_by_their_means() -> None:
    models = [Classifier(hidden=4) for _ in range(2)]
    _, _, test = image_splits("digits", 3)
    zs = [predict(model, test.x) for model in models]
    losses, scores = ([float(f(z, test.y)) for z in zs] for f in (cross_entropy, accuracy))
    assert training.on_test_set(models, test) == pytest.approx((sum(losses) / 2, sum(scores) / 2))


def test_parameters_are_counted_in_every_module_and_the_parts_add_up() -> None:
    counts = training.parameters_by_module(Classifier(pixels=784))
    assert counts == {"": 50_890, "hidden": 784 * 64 + 64, "dropout": 0, "output": 64 * 10 + 10}
    nested = training.parameters_by_module(nn.Sequential(Classifier(), Classifier()))
    assert nested[""] == nested["0"] + nested["1"] == 2 * training.parameters_by_module(Classifier())[""]


def test_an_epoch_on_a_device_is_the_same_steps_on_batches_that_were_moved() -> None:
    train, _ = few(300)
    torch.manual_seed(5)
    there = training.epoch_on_device(DigitDataset(train, lambda image: image / 255), CPU)
    torch.manual_seed(5)
    here = Classifier()
    optimiser = SGD(here.parameters(), lr=0.1)
    for x, y in DataLoader(DigitDataset(train), batch_size=128, shuffle=True):
        training.module_step(here, x.flatten(1) / 255, y, optimiser)
    assert same(there.state_dict(), here.state_dict())
    assert {weight.device for weight in there.parameters()} == {CPU}


def test_a_step_is_timed_per_example_for_each_size_of_batch() -> None:
    train, _, _ = image_splits("digits", 0)
    found = training.step_times(train, rounds=2)
    assert list(found) == [1, 4, 16, 64, 256, 1024]
    assert found[1] > 3 * found[1024] > 0


def test_each_bug_shows_in_the_validation_loss_as_the_page_says() -> None:
    parts = image_splits("digits", 0)
    losses = {bug: training.train_with_bug(parts, 0, 12, bug) for bug in training.BUGS}
    right = losses["none"][-1]
    assert right < 0.6
    assert len(set(losses["other parameters"])) == 1
    assert losses["softmax twice"][-1] > 2 * right
    assert losses["no zero_grad"][-1] > 2 * min(losses["no zero_grad"])
    assert losses["rate × 10"] != losses["none"]


# What main does


def test_main_prints_and_records_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training.main("digits", device="cpu", epochs=3, out=tmp_path)
    printed = capsys.readouterr().out
    numbers = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert "the weights are the same" in printed
    assert numbers["apart"] < 1e-5
    assert numbers["faster"] > numbers["faster_whole"] > 2
    assert numbers["right"] > 0.8
    for name in ("constant", "cosine"):
        assert numbers[f"{name}_rate"] in (0.003, 0.01, 0.03)
        assert numbers[f"{name}_best"] <= numbers[f"{name}_last"]
        assert numbers[f"{name}_tuned"] <= numbers[f"{name}_last"]
    assert numbers["best"] <= numbers["stopped"] <= numbers["heart_epochs"] == 24
    drawn = drawings_of("training").draw(tmp_path)
    assert {"history", "schedule", "stopping", "bugs", "cut"} < drawn.keys()
    assert len(drawn["cut"].axes[0].lines[0].get_ydata()) == 9
    assert len(drawn["bugs"].axes[0].lines) == 5
    rates, losses = drawn["schedule"].axes
    assert [line.get_label() for line in rates.lines] == ["constant", "cosine"]
    assert rates.lines[0].get_ydata().tolist() == pytest.approx([0.03] * 9)
    assert [len(line.get_ydata()) for line in losses.lines] == [9, 9]
    assert len(drawn["stopping"].axes[0].lines[0].get_ydata()) == 24


def test_main_takes_a_run_up_again_and_draws_nothing_unless_told_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "new" / "run.pt"
    training.train_classifier(image_splits("digits", 0), 0, 2, checkpoint=file)
    assert len(read_checkpoint(file)["history"]["loss"]) == 2
    training.main("digits", device="cpu", epochs=2, checkpoint=file)
    assert "test accuracy" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    with pytest.raises(BadInput, match="T_max is 2, not 1"):
        training.main("digits", device="cpu", epochs=1, checkpoint=file)
    with pytest.raises(BadInput, match="--epochs 0"):
        training.main(epochs=0)


def test_the_line_to_try_on_the_page_and_in_the_notes_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lecture = ROOT / "docs" / "lectures" / "training"
    page, deck = ((lecture / name).read_text(encoding="utf-8") for name in ("index.md", "slides.md"))
    line = page.partition('python -c "')[2].partition('"')[0]
    assert f'`python -c "{line}"`' in deck
    line = line.replace("3000", "9")
    saved, save = [], Run.save

    def pulled(run: Run, path: Path) -> None:
        save(run, path)
        saved.append(len(run.history["loss"]))
        if len(saved) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(Run, "save", pulled)
    for _ in range(2):
        with suppress(KeyboardInterrupt):
            exec(line, {})
    assert saved == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_a_damaged_checkpoint_on_the_command_line_is_one_sentence_and_exit_status_2(tmp_path: Path) -> None:
    file = tmp_path / "run.pt"
    file.write_text("no checkpoint", encoding="utf-8")
    words = [sys.executable, str(ROOT / "code" / "training.py"), "--data", "digits", "--checkpoint", str(file)]
    ran = subprocess.run(
        words, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT / "code")}, encoding="utf-8"
    )
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1].startswith(f"{file} is damaged or no checkpoint")
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""


def test_ratios_name_what_they_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    def raced(train: Examples, batch_size: int, rounds: int, workers: int) -> dict[str, float]:
        return {"usual": 3.0 * rounds, "ours": 1.0}

    monkeypatch.setattr(training, "time_loaders", raced)
    monkeypatch.setattr(training, "image_splits", lambda name, seed: image_splits("digits", seed))
    found = dict(training.ratios(rounds=2))
    assert len(found) == 4
    assert set(found.values()) == {6.0}


# The exercises


# --8<-- [start:forgotten]
def test_forgotten() -> None:
    train, _, _ = image_splits("digits", seed=0)
    x, y = train.x[:32], train.y[:32]
    model = Classifier()
    sizes = []
    for _ in range(3):  # three passes of the same batch, and no zero_grad
        cross_entropy(model(x), y).backward()
        sizes.append(float(model.output.weight.grad.norm()))
    once, twice, thrice = sizes
    assert_close(twice, 2 * once)
    assert_close(thrice, 3 * once)


# --8<-- [end:forgotten]
# --8<-- [start:shapes]
def test_shapes() -> None:
    prediction, label = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([1.0, 2.0, 3.0])
    assert float(((prediction[:, 0] - label) ** 2).mean()) == 0  # (3,) and (3,)
    wrong = (prediction - label) ** 2  # (3, 1) and (3,) give (3, 3)
    assert wrong.shape == (3, 3)
    assert_close(wrong.mean(), torch.tensor(4 / 3))  # every prediction minus every label
    with pytest.warns(UserWarning, match="target size"):
        mse_loss(prediction, label)  # PyTorch's own says so


# --8<-- [end:shapes]
# --8<-- [start:pairs]
class Pairs(Dataset[tuple[Tensor, Tensor]]):
    """Two digits next to each other, labelled with their sum."""

    def __init__(self, examples: Examples, n: int, seed: int) -> None:
        self.examples = examples
        drawn = torch.Generator().manual_seed(seed)
        self.places = torch.randint(len(examples.x), (n, 2), generator=drawn)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        both = self.places[index]
        images = self.examples.x[both].reshape(2, 8, 8)
        return torch.cat([*images], dim=1), self.examples.y[both].sum()  # (8, 16), ()


def test_pairs() -> None:
    train, _, _ = image_splits("digits", seed=0)
    x, y = next(iter(DataLoader(Pairs(train, 100, seed=0), batch_size=10)))
    assert x.shape == (10, 8, 16)
    assert y.shape == (10,)
    assert int(y.max()) <= 18
    first = Pairs(train, 100, seed=0)
    assert torch.equal(first[3][0], x[3])


# --8<-- [end:pairs]
# --8<-- [start:half]
def test_half() -> None:
    train, validation, _ = image_splits("digits", seed=0)

    def go_on(model: nn.Module, optimiser: SGD, epochs: int) -> None:
        fit(model, Loader(train, 32, seed=0), validation, optimiser, epochs)

    whole = Classifier()
    optimiser = SGD(whole.parameters(), lr=0.1, momentum=0.9)
    go_on(whole, optimiser, 2)
    half = copy.deepcopy(whole)  # as if only the weights had been saved
    forgetful = SGD(half.parameters(), lr=0.1, momentum=0.9)
    go_on(whole, optimiser, 2)
    go_on(half, forgetful, 2)
    assert not torch.equal(whole.output.weight, half.output.weight)


# --8<-- [end:half]
