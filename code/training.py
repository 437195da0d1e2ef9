"""The training loop: predict, measure the loss, find the gradient, step; and evaluate.

Every later lecture trains by the one loop shown here. It runs through the examples
in mini-batches, evaluates the model on others after each epoch, stops when these say
so, and writes down all it needs to go on after being killed.

Source: Paszke and others, "PyTorch: an imperative style, high-performance deep
learning library", NeurIPS 2019.
"""

import io
import math
import pickle
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout, suppress
from functools import partial
from itertools import product
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.accuracy import accuracy
from neuronup.checkpoint import History, read_checkpoint
from neuronup.command import BadInput, folder, keep, record, run
from neuronup.datasets import DigitDataset, prepare, shuffled_loader, whole_loader
from neuronup.images import Name, load
from neuronup.loaders import Examples, Loader
from neuronup.loop import best_epoch, fit, predict
from neuronup.tensors import broadcast, dtypes, gradients_accumulate, memory

# --8<-- [start:image_splits]
Parts = tuple[Examples, ...]  # to train on, to validate, to test


def image_splits(data: Name, seed: int) -> Parts:
    """Load images x (n, pixels) and their classes y (n,), in three parts."""
    _, *parts = load(data, seed)
    return tuple(Examples(x.flatten(1), y) for x, y in parts)


def first(examples: Examples, most: int) -> Examples:
    """Return the first of the examples, `most` of them."""
    return Examples(examples.x[:most], examples.y[:most])


# --8<-- [end:image_splits]
# --8<-- [start:tensor_level]
Weights = list[Tensor]  # (hidden, pixels), (hidden,), (10, hidden), (10,)


def tensor_step(weights: Weights, x: Tensor, y: Tensor, rate: float) -> Weights:
    """Step on x (b, pixels), y (b,) with gradients derived by hand."""
    w1, b1, w2, b2 = weights
    z1 = x @ w1.mT + b1  # (b, hidden)
    a1 = z1.clamp(min=0)
    z2 = a1 @ w2.mT + b2  # (b, 10)
    d2 = (z2.softmax(dim=1) - one_hot(y, 10)) / len(y)  # gradient of the loss in z2
    d1 = d2 @ w2 * (z1 > 0)  # and in z1
    gradients = [d1.mT @ x, d1.sum(0), d2.mT @ a1, d2.sum(0)]
    return [w - rate * g for w, g in zip(weights, gradients, strict=True)]


# --8<-- [end:tensor_level]
# --8<-- [start:graph_level]
def graph_step(weights: Weights, x: Tensor, y: Tensor, rate: float) -> Weights:
    """Step on x (b, pixels), y (b,) with gradients that autograd computes."""
    leaves = [w.detach().requires_grad_() for w in weights]
    w1, b1, w2, b2 = leaves
    z2 = (x @ w1.mT + b1).relu() @ w2.mT + b2
    cross_entropy(z2, y).backward()  # puts a gradient into .grad of each leaf
    with torch.no_grad():
        return [w - rate * w.grad for w in leaves if w.grad is not None]


# --8<-- [end:graph_level]
# --8<-- [start:classifier]
class Classifier(nn.Module):
    """Two layers that classify digits, with dropout between them while it trains."""

    def __init__(self, hidden: int = 64, dropout: float = 0, pixels: int = 64) -> None:
        super().__init__()
        self.hidden = nn.Linear(pixels, hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (n, 10) of digits x (n, pixels)."""
        return self.output(self.dropout(self.hidden(x).relu()))


# --8<-- [end:classifier]
# --8<-- [start:tree]
def parameters_by_module(model: nn.Module) -> dict[str, int]:
    """Count the parameters in every module of `model`, itself included, by name."""
    return {
        name: sum(parameter.numel() for parameter in module.parameters())
        for name, module in model.named_modules()
    }


# --8<-- [end:tree]
# --8<-- [start:module_level]
def module_step(model: nn.Module, x: Tensor, y: Tensor, optimiser: Optimizer) -> None:
    """Step on x (b, pixels), y (b,) with modules that hold weights and gradients."""
    optimiser.zero_grad()
    cross_entropy(model(x), y).backward()
    optimiser.step()


# --8<-- [end:module_level]
# --8<-- [start:levels]
def train_on_each_level(train: "Loader", steps: int) -> dict[str, Weights]:
    """Take the same steps from the same weights on each level; return the weights."""
    x = train.examples.x
    model, rate = Classifier(pixels=x.shape[1]).to(x.device), 0.1
    optimiser = SGD(model.parameters(), lr=rate)
    on_tensors = on_graph = [w.detach().clone() for w in model.parameters()]
    batches = [batch for _ in range(1 + steps // len(train)) for batch in train]
    for x, y in batches[:steps]:
        on_tensors = tensor_step(on_tensors, x, y, rate)
        on_graph = graph_step(on_graph, x, y, rate)
        module_step(model, x, y, optimiser)
    on_modules = [w.detach() for w in model.parameters()]
    return {"tensor": on_tensors, "graph": on_graph, "module": on_modules}


# --8<-- [end:levels]
# --8<-- [start:time]
def time_alternately(
    runners: Mapping[str, Callable[[], object]], rounds: int
) -> dict[str, float]:
    """Let each run once a round, in turn; return the fewest seconds of each."""
    best = dict.fromkeys(runners, math.inf)
    for _ in range(rounds):
        for name, runner in runners.items():
            start = perf_counter()
            runner()
            best[name] = min(best[name], perf_counter() - start)
    return best


def time_loaders(
    train: Examples, batch_size: int, rounds: int, workers: int = 0
) -> dict[str, float]:
    """Time an epoch of a DataLoader, one by whole batches, and one of ours."""
    data = DigitDataset(train, prepare(train))
    usual = shuffled_loader(data, batch_size, workers)
    whole = whole_loader(data, batch_size)
    ours = Loader(Examples(data.images, train.y), batch_size, 0, prepare(train))
    list(usual)  # the workers start with the first epoch
    runners = {
        "usual": lambda: list(usual),
        "whole": lambda: [*map(list, [whole] * 8)],
        "ours": lambda: [*map(list, [ours] * 10)],
    }  # of about the same length, to be disturbed alike
    best = time_alternately(runners, rounds)
    return {**best, "whole": best["whole"] / 8, "ours": best["ours"] / 10}


def ratios(rounds: int) -> Iterator[tuple[str, float]]:
    """Yield what `python -m tools.bench` prints: how many times as fast ours is."""
    train = first(image_splits("mnist", seed=0)[0], 1000)
    for workers, batch_size in product((0, 2), (32, 256)):
        best = time_loaders(train, batch_size, rounds, workers)
        name = f"Loader over DataLoader, {workers} workers, batches of {batch_size}"
        yield name, best["usual"] / best["ours"]


# --8<-- [end:time]
# --8<-- [start:device_loop]
def epoch_on_device(data: DigitDataset, device: torch.device) -> Classifier:
    """Train for an epoch on `device`; the batches begin in the CPU's memory."""
    model = Classifier(pixels=data.images[0].numel()).to(device)  # once
    optimiser = SGD(model.parameters(), lr=0.1)
    for x, y in DataLoader(data, batch_size=128, shuffle=True):
        x, y = x.to(device), y.to(device)  # for every batch
        module_step(model, x.flatten(1), y, optimiser)
    return model.cpu()  # back, to be saved or drawn


# --8<-- [end:device_loop]
# --8<-- [start:step_times]
def step_times(train: Examples, rounds: int) -> dict[int, float]:
    """Time a step of training for each size of batch: seconds for one example."""
    model = Classifier(pixels=train.x.shape[1]).to(train.x.device)
    optimiser = SGD(model.parameters(), lr=0.01)

    def steps(size: int) -> None:
        for _ in range(4):
            module_step(model, train.x[:size], train.y[:size], optimiser)
        model.output.bias[0].item()  # on a GPU: wait for the last step

    sizes = [4**power for power in range(6)]
    best = time_alternately({str(n): partial(steps, n) for n in sizes}, rounds)
    return {size: best[str(size)] / (4 * size) for size in sizes}


# --8<-- [end:step_times]
# --8<-- [start:weights]
def save_state_dict(model: nn.Module, path: Path) -> None:
    """Write the weights of `model` to `path`: numbers by name, and nothing else."""
    torch.save(model.state_dict(), path)


def load_state_dict(model: nn.Module, path: Path) -> None:
    """Load the weights in `path` into `model`, whatever device each is on."""
    weights = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(weights)


# --8<-- [end:weights]
# --8<-- [start:trap]
class Trap:
    """An object that calls a function of its author's choice when it is loaded."""

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return print, ("this line was printed by loading a file",)


def load_trap(weights_only: bool) -> str:
    """Save a trap, load it, and return what it did."""
    file, said = io.BytesIO(), io.StringIO()
    torch.save(Trap(), file)
    file.seek(0)
    with redirect_stdout(said):
        try:
            torch.load(file, weights_only=weights_only)
        except pickle.UnpicklingError:
            return "refused"
    return said.getvalue().strip()


# --8<-- [end:trap]
# --8<-- [start:train_classifier]
def train_classifier(
    parts: Parts,
    seed: int,
    epochs: int,
    rate: float = 0.01,
    cosine: bool = True,
    patience: int | None = 10,
    checkpoint: Path | None = None,
    transform: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Classifier, History]:
    """Train a classifier of digits, with all that `fit` can do."""
    train, validation, _ = parts
    torch.manual_seed(seed)  # initial weights, and dropout
    model = Classifier(dropout=0.2, pixels=train.x.shape[1]).to(train.x.device)
    optimiser = Adam(model.parameters(), lr=rate)
    history = fit(
        model,
        Loader(train, 128, seed, transform),
        validation,
        optimiser,
        epochs,
        schedule=CosineAnnealingLR(optimiser, epochs) if cosine else None,
        patience=patience,
        checkpoint=checkpoint,
    )
    return model, history


# --8<-- [end:train_classifier]
# --8<-- [start:memorise]
def memorise(
    parts: Parts, seed: int, epochs: int, patience: int | None = None
) -> tuple[Classifier, History]:
    """Train a classifier at a constant rate until it has memorised its examples."""
    train, validation, _ = parts
    torch.manual_seed(seed)
    model = Classifier(pixels=train.x.shape[1]).to(train.x.device)
    optimiser = SGD(model.parameters(), lr=0.1, momentum=0.9)
    loader = Loader(train, 64, seed)
    return model, fit(model, loader, validation, optimiser, epochs, patience=patience)


# --8<-- [end:memorise]
BUGS = ("none", "no zero_grad", "softmax twice", "rate × 10", "other parameters")


def train_with_bug(parts: Parts, seed: int, epochs: int, bug: str) -> list[float]:
    """Train with one mistake in the loop; return the validation loss by epoch."""
    train, validation, _ = parts
    torch.manual_seed(seed)
    a, b = (Classifier(pixels=train.x.shape[1]).to(train.x.device) for _ in "ab")
    held = (b if bug == "other parameters" else a).parameters()
    optimiser = SGD(held, lr=1.0 if bug == "rate × 10" else 0.1)
    losses, batches = [], Loader(train, 64, seed)
    for _ in range(epochs):
        for x, y in batches:
            if bug != "no zero_grad":
                optimiser.zero_grad()
            z = a(x).softmax(dim=1) if bug == "softmax twice" else a(x)
            cross_entropy(z, y).backward()
            optimiser.step()
        losses.append(float(cross_entropy(predict(a, validation.x), validation.y)))
    return losses


# --8<-- [start:survive]
class PowerCut(Exception):
    """Somebody pulls the plug."""


def fail_after(batches: int) -> Callable[[Tensor], Tensor]:
    """Pass so many batches on unchanged, then fail: a power cut to order."""
    left = iter(range(batches))

    def transform(x: Tensor) -> Tensor:
        if next(left, None) is None:
            raise PowerCut
        return x

    return transform


def resume_after_failure(
    parts: Parts, whole: nn.Module, seed: int, epochs: int
) -> tuple[str, History, History]:
    """Cut a run off, resume it, and compare its weights with those of `whole`.

    Returns the verdict, the history when it was cut off, and that at the end.
    """
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "run.pt"
        with suppress(PowerCut):
            cut = fail_after(8 * epochs)
            train_classifier(parts, seed, epochs, checkpoint=file, transform=cut)
        before = read_checkpoint(file)["history"]
        again, history = train_classifier(parts, seed, epochs, checkpoint=file)
    pairs = zip(whole.parameters(), again.parameters(), strict=True)
    same = all(torch.equal(a, b) for a, b in pairs)
    return "the same" if same else "others", before, history


# --8<-- [end:survive]
def on_test_set(models: list[Classifier], test: Examples) -> tuple[float, float]:
    """Return the mean loss and accuracy of `models` on the test images."""
    zs = [predict(model, test.x) for model in models]
    losses = [float(cross_entropy(z, test.y)) for z in zs]
    return fmean(losses), fmean(float(accuracy(z, test.y)) for z in zs)


def basics(train: Examples, seed: int, times: dict[str, float]) -> dict[str, Any]:
    """Return what tensors, levels, loaders and files have to show."""
    torch.manual_seed(seed)
    found = gradients_accumulate()
    levels = train_on_each_level(Loader(train, 32, seed), 100)
    tensors, graph, modules = levels.values()
    pairs = [*zip(tensors, graph, strict=True), *zip(tensors, modules, strict=True)]
    item, _ = DigitDataset(train, prepare(train))[0]
    return {
        **{f"memory_{name}": value for name, value in memory().items()},
        **{f"kind_{name}": value for name, value in dtypes().items()},
        **{f"shape_{name}": value for name, value in broadcast().items()},
        **{f"gradient_{name}": found[name] for name in ("once", "twice")},
        "apart": max(float((a - b).abs().max()) for a, b in pairs),
        "mean": float(train.x.mean()),
        "std": float(train.x.std()),
        "item": str(tuple(item.shape)),
        "faster": times["usual"] / times["ours"],
        "faster_whole": times["usual"] / times["whole"],
        "trap_careless": load_trap(weights_only=False),
        "trap_careful": load_trap(weights_only=True),
    }


def compare_stopping(few: Parts, seeds: range, epochs: int) -> tuple[Any, History]:
    """Memorise with and without early stopping: numbers, and one history without."""
    numbers, histories = {}, {}
    for name, patience in {"heart": None, "early": 10}.items():
        runs = [memorise(few, each, epochs, patience) for each in seeds]
        histories[name] = [history for _, history in runs]
        tested = on_test_set([model for model, _ in runs], few[2])
        numbers[f"{name}_test"], numbers[f"{name}_right"] = tested
    numbers["heart_train"] = fmean(each["loss"][-1] for each in histories["heart"])
    numbers["stopped"] = len(histories["early"][0]["loss"])
    numbers["best"] = best_epoch(histories["early"][0]) + 1
    return numbers, histories["heart"][0]


def tune_schedules(few: Parts, seeds: range, epochs: int) -> tuple[Any, Any]:
    """Train at three rates, constant and with a schedule: numbers, and histories."""
    numbers, schedules = {}, {}
    for name, cosine in {"constant": False, "cosine": True}.items():
        last = {}
        for rate in (0.003, 0.01, 0.03):
            args = (epochs, rate, cosine, None)
            schedules[name] = [train_classifier(few, s, *args)[1] for s in seeds]
            last[rate] = fmean(each["validation_loss"][-1] for each in schedules[name])
        numbers[f"{name}_rate"] = min(last, key=last.__getitem__)
        numbers[f"{name}_tuned"] = min(last.values())
        numbers[f"{name}_last"] = last[0.03]
        lowest = (min(each["validation_loss"]) for each in schedules[name])
        numbers[f"{name}_best"] = fmean(lowest)  # of the last rate, which is drawn
    return numbers, schedules


def main(
    data: Name = "mnist",
    seed: int = 0,
    device: devices.Device = "auto",
    epochs: int = 5,
    checkpoint: Path | None = None,
    out: Path | None = None,
) -> None:
    """Train a classifier of handwritten digits by the loop of the course.

    Args:
        data: The images to learn from; the digits have 8 by 8 pixels, MNIST 28 by 28.
        seed: How the images are split, and the first weights; two more are tried.
        device: Where to train; loaders are timed, and tensors shown, on the CPU. On a
            GPU results differ, as between seeds.
        epochs: Passes over all images, at most; three and more times as many over few.
        checkpoint: File from which the first run goes on if it was cut off.
        out: Folder for metrics.json and the results that drawings.py draws; without
            it, only lines are printed.
    """
    folder(out)
    if epochs < 1:
        raise BadInput(f"--epochs {epochs}: takes no step; name 1 or more.")
    used, seeds = devices.pick(device), range(seed, seed + 3)
    here = image_splits(data, seed)
    parts = train, validation, test = tuple(part.to(used) for part in here)
    few = first(train, 2000), first(validation, 1000), test  # to train many times
    model, history = train_classifier(parts, seed, epochs, checkpoint=checkpoint)
    models = [model, *(train_classifier(parts, s, epochs)[0] for s in seeds[1:])]
    timed = first(here[0], 1000)
    loaded, stepped = time_loaders(timed, 32, rounds=20), step_times(train, rounds=30)
    stopping, memorised = compare_stopping(few, seeds, 8 * epochs)
    scheduled, schedules = tune_schedules(few, seeds, 3 * epochs)
    whole, uncut = train_classifier(few, seed, 3 * epochs)
    survives, before, resumed = resume_after_failure(few, whole, seed, 3 * epochs)
    numbers = basics(train, seed, loaded) | stopping | scheduled
    numbers |= {
        "survives": survives,
        "parameters": parameters_by_module(model)[""],
        "train": len(train.y),
        "few": len(few[0].y),
        "epochs": epochs,
        "heart_epochs": 8 * epochs,
        "right": on_test_set(models, test)[1],
        "step_1": 1e6 * stepped[1],
        "step_1024": 1e6 * stepped[1024],
        "step_gain": stepped[1] / stepped[1024],
    }
    print(REPORT.format(data=data, used=used.type, **numbers))
    if out is not None:
        bugs = {bug: train_with_bug(few, seed, 2 * epochs, bug) for bug in BUGS}
        keep(
            out,
            history=history,
            stopping=memorised,
            schedules=schedules,
            loaders=loaded,
            steps=stepped,
            device=used.type,
            cut={"uncut": uncut, "before": before, "resumed": resumed},
            bugs=bugs,
            images=timed.x[:8].clone(),
        )
        record(out, seed, used, **numbers)


REPORT = """\
an array changed: the tensor that shares its memory says {memory_shared:.0f}, the copy \
{memory_copied:.0f}
dtypes: integers {kind_whole}, decimals {kind_decimal}, from NumPy {kind_numpy}
shapes: (5, 3) - (3,) is {shape_row}, but (5,) - (5, 1) is {shape_trap}
gradient of w³ at 2: {gradient_once:.0f}, and not cleared {gradient_twice:.0f}
three levels, 100 steps: no weight differs by more than {apart:.0e}
an epoch, against DataLoader item by item: DataLoader by whole batches \
{faster_whole:.0f} times as fast, ours {faster:.0f}
a step on this machine's {used}: {step_1:.0f} µs an example alone, \
{step_1024:.1f} µs in batches of 1,024
loading a trap carelessly: {trap_careless}; as data only: {trap_careful}
{data}, {train:,} images, {epochs} epochs: test accuracy {right:.1%}, mean of 3 seeds
with {few:,} of them: early stopping: best epoch {best}, stopped after {stopped} of \
{heart_epochs}
  test loss {early_test:.3f}, without it {heart_test:.3f}, mean of 3 seeds
cut off and resumed, the weights are {survives}
validation loss at rate 0.03, mean of 3 seeds, best epoch and last:
  constant {constant_best:.3f} {constant_last:.3f}, cosine {cosine_best:.3f} \
{cosine_last:.3f}
  at the best of three rates: constant {constant_tuned:.3f}, cosine \
{cosine_tuned:.3f}"""

if __name__ == "__main__":
    run(main)
