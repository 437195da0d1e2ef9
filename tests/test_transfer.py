"""Transfer: what is frozen stays, what is copied is a copy, what is published is checked; and the page's exercises."""

import copy
import hashlib
import io
import json
import math
import pickle
import socket
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
from conftest import drawings_of
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d
from torch.testing import assert_close
from torchvision import models
from torchvision.transforms.functional import InterpolationMode

import transfer
from neuronup.command import BadInput
from neuronup.costs import count_parameters
from neuronup.images import Images, load
from neuronup.loaders import Examples
from neuronup.pretrained import Frozen, Surprise, pretrained_resnet18, published_weights, renew_statistics
from neuronup.weights import load_weights
from transfer import (
    BUDGET_RATES,
    PAIR_RATES,
    SHOTS,
    ImageClassifier,
    Task,
    adapt,
    by_intensity,
    draw_few,
    enlarge,
    evaluate,
    freeze_by_half,
    load_digits,
    load_mnist,
    make_task,
    optimise,
    parameter_groups,
    pretrain,
    probe_resnet,
    replace_head,
    select,
    shrink,
    source_accuracy,
)

CPU = torch.device("cpu")


def numbered(n: int, classes: int = 10) -> Examples:
    """Images of 12 by 12 that differ, with labels in turn."""
    y = torch.arange(n) % classes
    x = torch.rand(n, 1, 12, 12, generator=torch.Generator().manual_seed(n))
    x[torch.arange(n), 0, y] += 2  # a bright row says the class
    return Examples(x, y)


@pytest.fixture(scope="module")
def task() -> Task:
    """Bright rows to pre-train on, and the digits as a target."""
    return Task(numbered(400), numbered(100), *load_digits(0, CPU))


@pytest.fixture(scope="module")
def trained(task) -> ImageClassifier:
    """A model that knows bright rows."""
    return pretrain(task, 60, seed=0)


def state(model: nn.Module) -> dict[str, Tensor]:
    """Weights and statistics, as they are now."""
    return copy.deepcopy(dict(model.state_dict()))


def unchanged(before: dict[str, Tensor], model: nn.Module) -> bool:
    """Whether weights and statistics are the same, to the bit."""
    return all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_pre_training_learns_the_source(task, trained) -> None:
    assert evaluate(trained, task.held_out) > 0.9
    assert count_parameters(trained) == 6330
    assert trained.backbone(task.test.x[:3]).shape == (3, 32)


def test_a_new_head_leaves_the_backbone_and_the_first_model_as_they_were(trained) -> None:
    before = state(trained)
    model = replace_head(trained, 3)
    assert unchanged(state(trained.backbone), model.backbone)
    assert model.head.out_features == 3
    with torch.no_grad():
        for value in model.parameters():
            value.zero_()
    assert unchanged(before, trained)


def test_a_frozen_part_stays_to_the_bit_while_the_rest_learns(trained) -> None:
    model = replace_head(trained, 10)
    model.backbone = Frozen(model.backbone)
    before, head = state(model.backbone), state(model.head)
    optimise(model, numbered(40), parameter_groups(model, 0.01, 1.0), 5, 0)
    assert unchanged(before, model.backbone)
    assert not unchanged(head, model.head)
    assert not model.train().backbone[0].training
    assert all(value.grad is None for value in model.backbone.parameters())


def test_without_gradients_alone_the_weights_stay_but_the_statistics_move(task, trained) -> None:
    before = state(trained)
    model = freeze_by_half(trained, draw_few(task.target, 5, 0), 5, 0.1, 0)
    after = model.backbone.state_dict()
    moved = {name for name, value in after.items() if not torch.equal(value, before[f"backbone.{name}"])}
    assert {name.split(".")[-1] for name in moved} == {"running_mean", "running_var", "num_batches_tracked"}
    assert source_accuracy(model, trained, task) < source_accuracy(trained, trained, task)
    assert unchanged(before, trained)


def test_features_computed_once_give_the_head_that_a_frozen_backbone_gives(task, trained) -> None:
    few = draw_few(task.target, 3, 0)
    ours = adapt("linear probe", trained, few, 20, 0.1, seed=1)
    torch.manual_seed(1)
    model = replace_head(trained, 10)
    model.backbone = Frozen(model.backbone)
    optimise(model, few, [{"params": model.head.parameters(), "lr": 0.1}], 20, seed=1)
    assert_close(ours.head.weight, model.head.weight, atol=1e-4, rtol=1e-3)
    assert unchanged(state(trained.backbone), ours.backbone)


def test_scratch_takes_nothing_from_the_pre_trained_model(task, trained) -> None:
    few = draw_few(task.target, 1, 0)
    other = replace_head(ImageClassifier(4), 4)
    ours, theirs = (adapt("scratch", each, few, 3, 0.01, seed=2) for each in (trained, other))
    assert unchanged(state(ours), theirs)


def test_every_parameter_is_in_one_group_and_the_backbone_moves_by_its_own_rate(trained) -> None:
    model = replace_head(trained, 10)
    groups = parameter_groups(model, 0.1, 0.01)
    grouped = [id(value) for group in groups for value in group["params"]]
    assert sorted(grouped) == sorted(map(id, model.parameters()))
    before = state(model)
    nn.functional.cross_entropy(model(numbered(20).x), numbered(20).y).backward()
    gradients = {name: value.grad.clone() for name, value in model.named_parameters()}
    torch.optim.SGD(groups).step()
    for name, value in model.named_parameters():
        rate = 0.1 if name.startswith("head") else 0.001
        assert_close(value.data, before[name] - rate * gradients[name])


@given(steps=st.integers(1, 12), n=st.integers(1, 40))
@settings(max_examples=20)
def test_training_takes_as_many_steps_as_told_whatever_the_number_of_examples(steps: int, n: int) -> None:
    model, seen = nn.Linear(144, 10), []
    model.register_forward_hook(lambda _, taken, __: seen.append(len(taken[0])))
    x, y = numbered(n)
    groups = [{"params": model.parameters(), "lr": 0.1}]
    optimise(model, Examples(x.flatten(1), y), groups, steps, 0)
    assert len(seen) == steps
    assert max(seen) <= 32


@given(each=st.integers(1, 8), more=st.integers(0, 8), seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_a_few_are_so_many_of_each_class_and_among_more_of_them(each: int, more: int, seed: int) -> None:
    whole = numbered(170)
    few, many = draw_few(whole, each, seed), draw_few(whole, each + more, seed)
    assert few.y.bincount().tolist() == [each] * 10
    held = {image.numpy().tobytes() for image in many.x}
    assert {image.numpy().tobytes() for image in few.x} <= held
    assert len(held) == 10 * (each + more)


def test_both_kinds_of_image_come_to_12_by_12_with_an_empty_border() -> None:
    large = torch.rand(2, 1, 28, 28)
    assert_close(shrink(large), avg_pool2d(large[..., 2:26, 2:26], 2))
    assert_close(shrink(large.expand(-1, 3, -1, -1)), shrink(large))
    small = enlarge(torch.full((2, 1, 8, 8), 0.7))
    assert_close(small[..., 1:-1, 1:-1], torch.full((2, 1, 10, 10), 0.7))
    assert float(small.sum()) == pytest.approx(2 * 0.7 * 100, rel=1e-5)


def test_halves_of_the_classes_share_no_image_and_are_numbered_from_0() -> None:
    images = numbered(100)
    low, high = select(images, 0, 4), select(images, 5, 9)
    assert len(low.x) + len(high.x) == 100
    assert low.y.unique().tolist() == high.y.unique().tolist() == [0, 1, 2, 3, 4]


def test_intensity_makes_ten_equal_classes_from_dark_to_bright() -> None:
    labelled = by_intensity(numbered(200))
    assert labelled.y.bincount().tolist() == [20] * 10
    means = labelled.x.mean(dim=(1, 2, 3))
    assert all(means[labelled.y == k].max() <= means[labelled.y == k + 1].min() for k in range(9))


@pytest.mark.parametrize("pair", ["mnist_digits", "digits_mnist", "mnist_halves", "digits_halves", "harm"])
def test_no_task_tests_on_what_it_learns_from(pair) -> None:
    digits = load_digits(0, CPU)
    mnist = numbered(300), numbered(110), numbered(120)
    made = make_task(pair, mnist, digits)
    parts = [{image.numpy().tobytes() for image in part.x} for part in (made.target, made.validation, made.test)]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    if pair.endswith("halves"):
        sources = {image.numpy().tobytes() for image in made.source.x}
        assert not sources & (parts[0] | parts[1] | parts[2])


def test_new_statistics_are_those_of_the_other_images_and_the_weights_stay(trained) -> None:
    x = load_digits(0, CPU)[0].x
    renewed = renew_statistics(trained, x)
    weights = dict(trained.named_parameters())
    assert all(torch.equal(value, weights[name]) for name, value in renewed.named_parameters())
    with torch.no_grad():
        first = renewed.backbone[0](x)
    assert_close(renewed.backbone[1].running_mean, first.mean(dim=(0, 2, 3)))
    assert not renewed.training


def test_pre_training_helps_where_labels_are_few_and_its_rates_were_chosen_well() -> None:
    """On splits that chose the rates: no neighbouring rate is much better on the validation images."""
    mnist = load_mnist("mnist", 100, CPU)
    found: dict[tuple[str, float], float] = {}
    for seed in (100, 101):
        each = make_task("mnist_digits", mnist, load_digits(seed, CPU))
        model = pretrain(each, 200, seed)
        few = draw_few(each.target, 10, seed)
        for method in ("scratch", "fine-tuned", "discriminative"):
            rate = PAIR_RATES["mnist_digits", method][1]
            for factor in (1 / 3, 1, 3):
                scored = evaluate(adapt(method, model, few, 50, factor * rate, seed), each.validation)
                found[method, factor] = found.get((method, factor), 0) + scored / 2
    for method in ("scratch", "fine-tuned", "discriminative"):
        assert found[method, 1] >= max(found[method, 1 / 3], found[method, 3]) - 0.02
    assert found["fine-tuned", 1] > found["scratch", 1] + 0.02


class Server:
    """A server on loopback that has one file, and may misbehave."""

    def __init__(self, content: bytes) -> None:
        self.content, self.asked, self.trouble = content, 0, ""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Answer, self))
        self.thread = Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def url(self, name: str) -> str:
        """The address of the file."""
        return f"http://127.0.0.1:{self.server.server_port}/models/{name}"

    def close(self) -> None:
        """Stop."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Answer(BaseHTTPRequestHandler):
    """One answer."""

    def __init__(self, server: Server, *args) -> None:
        self.mine = server
        super().__init__(*args)

    def do_GET(self) -> None:
        """Send the file, or half of it, or nothing."""
        self.mine.asked += 1
        if self.mine.trouble == "missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.mine.content)))
        self.end_headers()
        half = len(self.mine.content) // 2 if self.mine.trouble == "cut off" else None
        self.wfile.write(self.mine.content[:half])

    def log_message(self, *_) -> None:
        """Say nothing."""


@pytest.fixture
def serve(monkeypatch):
    """Open servers on loopback; nothing else can be reached."""
    opened: list[Server] = []
    real = socket.getaddrinfo

    def resolve(host, *args, **kwargs):
        if host == "127.0.0.1":
            return real(host, *args, **kwargs)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setenv("no_proxy", "*")

    def open_one(content: bytes) -> Server:
        opened.append(Server(content))
        return opened[-1]

    yield open_one
    for server in opened:
        server.close()


def packed(weights: object) -> bytes:
    """A file as torch.save writes it."""
    buffer = io.BytesIO()
    torch.save(weights, buffer)
    return buffer.getvalue()


def named(content: bytes) -> str:
    """The name under which such a file is published."""
    return f"small-{hashlib.sha256(content).hexdigest()[:8]}.pth"


SMALL = packed(nn.Linear(3, 2).state_dict())


def test_published_weights_are_downloaded_once_and_checked_every_time(serve, tmp_path) -> None:
    server = serve(SMALL)
    url = server.url(named(SMALL))
    first = published_weights(url, tmp_path / "new")
    assert_close(first, torch.load(io.BytesIO(SMALL), weights_only=True), atol=0, rtol=0)
    assert_close(published_weights(url, tmp_path / "new"), first, atol=0, rtol=0)
    assert server.asked == 1
    kept = tmp_path / "new" / named(SMALL)
    kept.write_bytes(SMALL[:-5])  # damaged on the disk
    assert_close(published_weights(url, tmp_path / "new"), first, atol=0, rtol=0)
    assert server.asked == 2
    assert list((tmp_path / "new").iterdir()) == [kept]


@pytest.mark.parametrize("trouble", ["missing", "cut off", "other content", "no server"])
def test_what_cannot_be_had_whole_is_refused_in_one_sentence_and_leaves_nothing(trouble, serve, tmp_path) -> None:
    content = SMALL + b" " if trouble == "other content" else SMALL
    server = serve(content)
    server.trouble = trouble
    url = server.url(named(SMALL))
    if trouble == "no server":
        url = f"https://download.example/models/{named(SMALL)}"
    with pytest.raises(BadInput) as refused:
        published_weights(url, tmp_path)
    said = str(refused.value)
    assert said.startswith(f"{named(SMALL)} cannot be had whole from ")
    assert said.endswith("connect to a network and try again.")
    assert "\n" not in said
    assert not list(tmp_path.iterdir())


def test_a_name_without_a_checksum_is_refused(tmp_path) -> None:
    with pytest.raises(BadInput, match="tells no checksum"):
        published_weights("https://download.example/models/small.pth", tmp_path)


def test_a_pickle_can_run_code_and_weights_only_refuses_it(serve, tmp_path, capsys) -> None:
    content = packed(Surprise())
    torch.load(io.BytesIO(content), weights_only=False)
    assert capsys.readouterr().out == "This ran while the file was opened.\n"
    with pytest.raises(pickle.UnpicklingError):
        torch.load(io.BytesIO(content), weights_only=True)
    with pytest.raises(BadInput, match="cannot be had whole"):  # though its checksum is right
        published_weights(serve(content).url(named(content)), tmp_path)
    assert capsys.readouterr().out == ""


def test_resnet_18_comes_with_its_weights_its_preprocessing_and_a_new_head(serve, tmp_path, monkeypatch) -> None:
    theirs = models.resnet18()
    content = packed({name: value.half() for name, value in theirs.state_dict().items()})
    kind = models.ResNet18_Weights.IMAGENET1K_V1
    weights = copy.copy(kind.value)
    weights.url = serve(content).url(named(content))
    monkeypatch.setattr(kind, "_value_", weights)
    model, preprocess = pretrained_resnet18(10, tmp_path)
    assert count_parameters(theirs) == 11_689_512 == kind.meta["num_params"]
    assert count_parameters(theirs.fc) == 513_000
    assert count_parameters(model) == 11_689_512 - 513_000 + 5_130
    assert_close(model.conv1.weight, theirs.conv1.weight.half().float())
    x = preprocess(torch.full((2, 3, 60, 50), 0.5))
    assert x.shape == (2, 3, 224, 224)
    assert_close(x[0, :, 0, 0], (0.5 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225]))
    assert preprocess.interpolation == InterpolationMode.BILINEAR


def test_a_probe_learns_on_features_of_another_network(task, monkeypatch) -> None:
    """With a small one instead of ResNet-18, which takes colour images too."""

    def small(classes: int, root: Path):
        model = nn.Sequential()
        model.add_module("grey", nn.Conv2d(3, 1, 1))
        nn.init.ones_(model.grey.weight)
        model.add_module("flat", nn.Flatten())
        model.add_module("fc", nn.Linear(144, classes))
        return model, lambda x: x - 0.5

    monkeypatch.setattr(transfer, "pretrained_resnet18", small)
    assert probe_resnet(task, 10, seed=0) > 0.7


def test_main_prints_records_keeps_weights_and_draws(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(transfer, "probe_resnet", lambda task, each, seed: 0.5)
    transfer.main(device="cpu", pretraining=40, steps=10, seeds=1, resnet=True, out=tmp_path)
    printed = capsys.readouterr().out
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert f"pre-trained on mnist, 40 steps: {metrics['mnist_digits_source']:.1%}" in printed
    assert printed.startswith("ResNet-18, linear probe, 10: 50.0%\n")
    assert metrics["source_frozen"] == metrics["source_as_is"] == metrics["mnist_digits_source"]
    assert metrics["source_half"] < metrics["source_frozen"]
    assert metrics["features_ratio"] > 1
    assert metrics["linear_probe_10"] > metrics["harm_linear_probe_10"]
    assert (metrics["target"], metrics["validation"], metrics["test"]) == (719, 359, 719)
    assert {f"{method}_50_{budget}".replace("-", "_") for budget, method in BUDGET_RATES} <= metrics.keys()
    assert {f"scratch_{size}" for size in SHOTS} <= metrics.keys()
    assert all(math.isfinite(value) for value in metrics.values() if not isinstance(value, str))
    weights, about = load_weights(tmp_path / "pretrained.safetensors")
    model = ImageClassifier(10)
    model.load_state_dict(weights)
    assert about["data"] == "mnist"
    assert about["input"] == ["batch", 1, 12, 12]
    assert drawings_of("transfer").draw(tmp_path).keys() >= {"shots", "budgets", "others", "harm", "trap"}


def test_main_keeps_nothing_unless_told_where_and_takes_other_images(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)

    def fake(name: str, seed: int) -> Images:
        parts = load("digits", seed)[1:]
        return Images(tuple("0123456789"), *(Examples(part.x.repeat(1, 3, 4, 4), part.y) for part in parts))

    monkeypatch.setattr(transfer, "load", fake)
    transfer.main(device="cpu", data="cifar10", pretraining=2, steps=2, seeds=1)
    assert "pre-trained on cifar10" in capsys.readouterr().out
    assert not list(Path().iterdir())


# --8<-- [start:count_probe]
def test_count_what_a_linear_probe_trains() -> None:
    model = models.resnet18()
    model.fc = nn.Linear(model.fc.in_features, 10)
    backbone = nn.ModuleList(layer for name, layer in model.named_children() if name != "fc")
    backbone.requires_grad_(False)
    trained = sum(value.numel() for value in model.parameters() if value.requires_grad)
    assert trained == 512 * 10 + 10 == 5130
    assert count_parameters(backbone) == 11_176_512


# --8<-- [end:count_probe]
# --8<-- [start:first_stage]
def test_freeze_only_the_first_stage() -> None:
    model = ImageClassifier(10)
    first, rest = model.backbone[:4], model.backbone[4:]
    model.backbone = nn.Sequential(Frozen(first), rest)
    before = model.backbone[0].state_dict()["0.0.weight"].clone()
    images = Examples(torch.rand(40, 1, 12, 12), torch.arange(40) % 10)
    optimise(model, images, parameter_groups(model, 0.01, 1.0), 5, 0)
    assert torch.equal(model.backbone[0].state_dict()["0.0.weight"], before)
    assert not model.train().backbone[0].training
    assert model.backbone[1].training


# --8<-- [end:first_stage]
# --8<-- [start:by_stage]
def test_a_learning_rate_for_every_stage() -> None:
    model, rate, factor = ImageClassifier(10), 0.1, 3
    stages = [model.backbone[:4], model.backbone[4:8], model.backbone[8:], model.head]
    groups = [
        {"params": list(stage.parameters()), "lr": rate / factor**depth} for depth, stage in enumerate(reversed(stages))
    ]
    assert [round(group["lr"], 4) for group in groups] == [0.1, 0.0333, 0.0111, 0.0037]
    assert sum(value.numel() for group in groups for value in group["params"]) == count_parameters(model)


# --8<-- [end:by_stage]
# --8<-- [start:renewed]
def test_statistics_of_the_target_help_without_a_label() -> None:
    cpu = torch.device("cpu")
    task = make_task("mnist_digits", load_mnist("mnist", 0, cpu), load_digits(0, cpu))
    model = pretrain(task, 100, seed=0)
    renewed = renew_statistics(model, task.target.x)
    assert evaluate(renewed, task.test) > evaluate(model, task.test) + 0.1
    assert evaluate(renewed, task.held_out) < evaluate(model, task.held_out)


# --8<-- [end:renewed]
