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
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.accuracy import accuracy
from neuronup.checkpoint import History
from neuronup.command import BadInput, folder, keep, record, run
from neuronup.digits import train_test_digits
from neuronup.loaders import Examples, Loader
from neuronup.loop import best_epoch, fit, predict


# --8<-- [start:memory]
def memory() -> dict[str, float]:
    """Change a NumPy array, and see which tensor changes with it."""
    array = np.zeros(3, dtype=np.float32)
    shared, copied = torch.from_numpy(array), torch.tensor(array)
    array[0] = 7
    return {"shared": float(shared[0]), "copied": float(copied[0])}


# --8<-- [end:memory]
# --8<-- [start:dtypes]
def dtypes() -> dict[str, str]:
    """Name the dtypes of the tensors that everyday lines make."""
    whole, decimal = torch.tensor([1, 2]), torch.tensor([1.0, 2.0])
    made = {
        "whole": whole,
        "decimal": decimal,
        "both": whole + decimal,
        "numpy": torch.from_numpy(np.array([1.0, 2.0])),
        "truth": decimal > 1,
    }
    return {name: str(tensor.dtype).split(".")[1] for name, tensor in made.items()}


# --8<-- [end:dtypes]
# --8<-- [start:broadcast]
def broadcast() -> dict[str, str]:
    """Subtract what has another shape: three that help, and a trap."""
    x, y, z = torch.ones(5, 3), torch.ones(5), torch.ones(5, 1)
    made = {
        "number": x - 1,  # (5, 3) - () gives (5, 3)
        "row": x - x.mean(dim=0),  # (5, 3) - (3,): from each row
        "column": x - x.mean(dim=1, keepdim=True),  # (5, 3) - (5, 1)
        "trap": y - z,  # (5,) - (5, 1): each from each
    }
    return {name: str(tuple(tensor.shape)) for name, tensor in made.items()}


# --8<-- [end:broadcast]
# --8<-- [start:gradients]
def gradients_accumulate() -> dict[str, float]:
    """Let autograd find the gradient of w³ at 2, twice without clearing the first."""
    w = torch.tensor(2.0, requires_grad=True)  # record what is done with w
    found = []
    for _ in range(2):
        (w**3).backward()  # replay the record backwards: 3 w² is 12
        assert w.grad is not None
        found.append(w.grad.clone())  # which is added to what was there
    with torch.no_grad():  # do not record this
        w -= 0.01 * found[0]
    once, twice, moved = map(float, (*found, w.detach()))
    return {"once": once, "twice": twice, "moved": moved}


# --8<-- [end:gradients]
# --8<-- [start:moved]
def there_and_back(x: Tensor, device: torch.device) -> dict[str, Any]:
    """Move x to `device` and back: the same numbers, elsewhere and here."""
    there = x.to(device)  # a copy, unless x is there already
    back = there.cpu()
    return {"there": there.device.type, "back": torch.equal(back, x)}


# --8<-- [end:moved]
# --8<-- [start:digit_splits]
def digit_splits(seed: int) -> tuple[Examples, Examples, Examples]:
    """Load digits x (n, 64) and their classes y (n,): 70 % to train on, 20 %, 10 %."""
    x, y, x_held, y_held = train_test_digits(seed)
    cut = len(x_held) * 2 // 3
    validation = Examples(x_held[:cut], y_held[:cut])
    return Examples(x, y), validation, Examples(x_held[cut:], y_held[cut:])


# --8<-- [end:digit_splits]
# --8<-- [start:tensor_level]
Weights = list[Tensor]  # (hidden, 64), (hidden,), (10, hidden), (10,)


def tensor_step(weights: Weights, x: Tensor, y: Tensor, rate: float) -> Weights:
    """Step on x (b, 64), y (b,) with gradients derived by hand."""
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
    """Step on x (b, 64), y (b,) with gradients that autograd computes."""
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

    def __init__(self, hidden: int = 64, dropout: float = 0.0) -> None:
        super().__init__()
        self.hidden = nn.Linear(64, hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (n, 10) of digits x (n, 64)."""
        return self.output(self.dropout(self.hidden(x).relu()))


# --8<-- [end:classifier]
# --8<-- [start:module_level]
def module_step(model: nn.Module, x: Tensor, y: Tensor, optimiser: Optimizer) -> None:
    """Step on x (b, 64), y (b,) with modules that hold weights and gradients."""
    optimiser.zero_grad()
    cross_entropy(model(x), y).backward()
    optimiser.step()


# --8<-- [end:module_level]
# --8<-- [start:levels]
def train_on_each_level(train: "Loader", steps: int) -> dict[str, Weights]:
    """Take the same steps from the same weights on each level; return the weights."""
    model, rate = Classifier().to(train.examples.x.device), 0.1
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
# --8<-- [start:dataset]
class DigitDataset(Dataset[tuple[Tensor, Tensor]]):
    """Digits one at a time, as an image file holds them: a byte for each pixel."""

    def __init__(
        self,
        examples: Examples,
        transform: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        pixels = (examples.x * 255).round().to(torch.uint8)
        self.images, self.labels = pixels.reshape(-1, 1, 8, 8), examples.y
        self.transform = transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = self.images[index]
        return self.transform(image) if self.transform else image, self.labels[index]


# --8<-- [end:dataset]
# --8<-- [start:prepare]
def prepare(train: Examples) -> Callable[[Tensor], Tensor]:
    """Turn bytes into numbers from 0 to 1; then to mean 0, standard deviation 1."""
    from torchvision.transforms import v2  # takes seconds to import

    mean, std = float(train.x.mean()), float(train.x.std())
    to_numbers = v2.ToDtype(torch.float32, scale=True)
    return v2.Compose([to_numbers, v2.Normalize([mean], [std])])


# --8<-- [end:prepare]
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


def shuffled_loader(data: DigitDataset, batch_size: int, workers: int) -> DataLoader:
    """Yield mini-batches of `data` the usual way: item by item, shuffled."""
    return DataLoader(
        data,
        batch_size,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )


def whole_loader(data: DigitDataset, batch_size: int) -> DataLoader:
    """Ask `data` for a whole batch at a time, by a list of indices."""
    batches = BatchSampler(RandomSampler(data), batch_size, drop_last=False)
    return DataLoader(data, batch_size=None, sampler=batches)


def time_loaders(batch_size: int, rounds: int, workers: int = 0) -> dict[str, float]:
    """Time an epoch of a DataLoader, one by whole batches, and one of ours."""
    train, _, _ = digit_splits(seed=0)
    data = DigitDataset(train, prepare(train))
    usual = shuffled_loader(data, batch_size, workers)
    whole = whole_loader(data, batch_size)
    ours = Loader(Examples(data.images, train.y), batch_size, 0, prepare(train))
    list(usual)  # the workers start with the first epoch
    runners = {
        "usual": lambda: list(usual),
        "whole": lambda: [*map(list, [whole] * 12)],
        "ours": lambda: [*map(list, [ours] * 20)],
    }  # of about the same length, to be disturbed alike
    best = time_alternately(runners, rounds)
    return {**best, "whole": best["whole"] / 12, "ours": best["ours"] / 20}


def ratios(rounds: int) -> Iterator[tuple[str, float]]:
    """Yield what `python -m tools.bench` prints: how many times as fast ours is."""
    for workers in (0, 2):
        for batch_size in (32, 256):
            best = time_loaders(batch_size, rounds, workers)
            name = f"Loader over DataLoader, {workers} workers, batches of {batch_size}"
            yield name, best["usual"] / best["ours"]


# --8<-- [end:time]
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
    seed: int,
    epochs: int,
    device: torch.device,
    rate: float = 0.01,
    cosine: bool = True,
    patience: int | None = 10,
    checkpoint: Path | None = None,
    transform: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Classifier, History]:
    """Train a classifier of digits, with all that `fit` can do."""
    train, validation, _ = (part.to(device) for part in digit_splits(seed))
    torch.manual_seed(seed)  # initial weights, and dropout
    model = Classifier(dropout=0.2).to(device)
    optimiser = Adam(model.parameters(), lr=rate)
    history = fit(
        model,
        Loader(train, 64, seed, transform),
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
    seed: int, epochs: int, device: torch.device, patience: int | None = None
) -> tuple[Classifier, History]:
    """Train a classifier at a constant rate until it has memorised its examples."""
    train, validation, _ = (part.to(device) for part in digit_splits(seed))
    torch.manual_seed(seed)
    model = Classifier().to(device)
    optimiser = SGD(model.parameters(), lr=0.3, momentum=0.9)
    loader = Loader(train, 32, seed)
    return model, fit(model, loader, validation, optimiser, epochs, patience=patience)


# --8<-- [end:memorise]
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
    whole: nn.Module, seed: int, epochs: int, device: torch.device
) -> str:
    """Cut a run off, resume it, and compare its weights with those of `whole`."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "run.pt"
        with suppress(PowerCut):
            cut = fail_after(50)
            train_classifier(seed, epochs, device, checkpoint=file, transform=cut)
        again, _ = train_classifier(seed, epochs, device, checkpoint=file)
    pairs = zip(whole.parameters(), again.parameters(), strict=True)
    return "the same" if all(torch.equal(a, b) for a, b in pairs) else "others"


# --8<-- [end:survive]
def on_test_sets(
    models: list[Classifier], seed: int, device: torch.device
) -> tuple[float, float]:
    """Return mean loss and accuracy; each model has the test set of its own seed."""
    tests = [digit_splits(seed + i)[2].to(device) for i in range(len(models))]
    zs = [(predict(m, test.x), test.y) for m, test in zip(models, tests, strict=True)]
    loss, right = (fmean(float(f(*zy)) for zy in zs) for f in (cross_entropy, accuracy))
    return loss, right


def largest_difference(trained: dict[str, Weights]) -> float:
    """Return the largest difference between any weight on one level and another."""
    first, *others = trained.values()
    pairs = [(a, b) for other in others for a, b in zip(first, other, strict=True)]
    return max(float((a - b).abs().max()) for a, b in pairs)


def measure_basics(seed: int, device: torch.device) -> dict[str, Any]:
    """Return what tensors, levels, loaders and files have to show."""
    train, _, _ = digit_splits(seed)
    torch.manual_seed(seed)
    best, found = time_loaders(32, rounds=10), gradients_accumulate()
    item, _ = DigitDataset(train, prepare(train))[0]
    levels = train_on_each_level(Loader(train.to(device), 32, seed), 100)
    return {
        **{f"memory_{name}": value for name, value in memory().items()},
        **{f"kind_{name}": value for name, value in dtypes().items()},
        **{f"shape_{name}": value for name, value in broadcast().items()},
        **{f"gradient_{name}": found[name] for name in ("once", "twice")},
        "apart": largest_difference(levels),
        "mean": float(train.x.mean()),
        "std": float(train.x.std()),
        "item": str(tuple(item.shape)),
        "faster": best["usual"] / best["ours"],
        "faster_whole": best["usual"] / best["whole"],
        "trap_careless": load_trap(weights_only=False),
        "trap_careful": load_trap(weights_only=True),
    }


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    epochs: int = 30,
    checkpoint: Path | None = None,
    out: Path | None = None,
) -> None:
    """Train a classifier of handwritten digits by the loop of the course.

    Args:
        seed: Which digits are held out, and the first weights; four more are tried.
        device: Where to train; loaders are timed, and tensors shown, on the CPU.
        epochs: Passes over the digits, at most.
        checkpoint: File from which the first run goes on if it was cut off.
        out: Folder for metrics.json and the results that drawings.py draws; without
            it, only lines are printed.
    """
    folder(out)
    if epochs < 1:
        raise BadInput(f"--epochs {epochs}: takes no step; name 1 or more.")
    used, seeds = devices.pick(device), range(seed, seed + 5)
    model, history = train_classifier(seed, epochs, used, checkpoint=checkpoint)
    numbers = measure_basics(seed, used) | {
        "survives": resume_after_failure(model, seed, epochs, used),
        "parameters": sum(p.numel() for p in model.parameters()),
        "heart_epochs": 2 * epochs,
    }
    models = [model, *(train_classifier(each, epochs, used)[0] for each in seeds[1:])]
    _, numbers["right"] = on_test_sets(models, seed, used)
    histories, schedules = {}, {}
    for name, patience in {"heart": None, "early": 10}.items():
        runs = [memorise(each, 2 * epochs, used, patience) for each in seeds]
        histories[name] = [history for _, history in runs]
        tested = on_test_sets([each for each, _ in runs], seed, used)
        numbers[f"{name}_test"], numbers[f"{name}_right"] = tested
    numbers["heart_train"] = fmean(each["loss"][-1] for each in histories["heart"])
    numbers["stopped"] = len(histories["early"][0]["loss"])
    numbers["best"] = best_epoch(histories["early"][0]) + 1
    for name, cosine in {"constant": False, "cosine": True}.items():
        last = {}
        for rate in (0.003, 0.01, 0.1, 0.03):  # the last one is drawn
            args = (epochs, used, rate, cosine, None)
            schedules[name] = [train_classifier(s, *args)[1] for s in seeds[:3]]
            last[rate] = fmean(each["validation_loss"][-1] for each in schedules[name])
        numbers[f"{name}_rate"] = min(last, key=last.__getitem__)
        numbers[f"{name}_tuned"] = min(last.values())
        numbers[f"{name}_last"] = last[0.03]
        lowest = (min(each["validation_loss"]) for each in schedules[name])
        numbers[f"{name}_best"] = fmean(lowest)
    print(REPORT.format(**numbers))
    if out is not None:
        keep(out, history=history, stopping=histories["heart"][0], schedules=schedules)
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
loading a trap carelessly: {trap_careless}; as data only: {trap_careful}
early stopping: best epoch {best}, stopped after {stopped} of {heart_epochs}
  test loss {early_test:.3f}, without it {heart_test:.3f}, mean of 5 seeds
cut off and resumed, the weights are {survives}
test accuracy: {right:.1%}, mean of 5 seeds
validation loss at rate 0.03, mean of 3 seeds, best epoch and last:
  constant {constant_best:.3f} {constant_last:.3f}, cosine {cosine_best:.3f} \
{cosine_last:.3f}
  at the best of four rates: constant {constant_tuned:.3f}, cosine {cosine_tuned:.3f}"""

if __name__ == "__main__":
    run(main)
