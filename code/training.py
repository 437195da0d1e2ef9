"""The training loop: guess, measure, follow the slope, step; and keep what must last.

Every later lecture learns by the one loop written out here. It runs the examples
in mini-batches, judges the model on others after each epoch, stops when these say
so, and writes down all it needs to go on after being killed.

Source: Paszke and others, "PyTorch: an imperative style, high-performance deep
learning library", NeurIPS 2019.
"""

# --8<-- [start:imports]
import copy
import hashlib
import io
import math
import os
import pickle
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout, suppress
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2
from tqdm import trange

# --8<-- [end:imports]
# --8<-- [start:earlier]
import devices
import figures
from command import BadInput, folder, record, run
from figures import FAINT, GREEN
from perceptron import scans

# --8<-- [end:earlier]


# --8<-- [start:memory]
def memory() -> dict[str, float]:
    """Change a NumPy array, and see which tensor changes with it."""
    array = np.zeros(3, dtype=np.float32)
    shared, copied = torch.from_numpy(array), torch.tensor(array)
    array[0] = 7
    return {"shared": float(shared[0]), "copied": float(copied[0])}


# --8<-- [end:memory]
# --8<-- [start:kinds]
def kinds() -> dict[str, str]:
    """Name the kinds of numbers that everyday lines make."""
    whole, decimal = torch.tensor([1, 2]), torch.tensor([1.0, 2.0])
    made = {
        "whole": whole,
        "decimal": decimal,
        "both": whole + decimal,
        "numpy": torch.from_numpy(np.array([1.0, 2.0])),
        "truth": decimal > 1,
    }
    return {name: str(tensor.dtype).split(".")[1] for name, tensor in made.items()}


# --8<-- [end:kinds]
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
# --8<-- [start:slopes]
def slopes() -> dict[str, float]:
    """Let autograd find the slope of w³ at 2, twice without forgetting the first."""
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


# --8<-- [end:slopes]
# --8<-- [start:moved]
def there_and_back(x: Tensor, device: torch.device) -> dict[str, Any]:
    """Move x to `device` and back: the same numbers, elsewhere and here."""
    there = x.to(device)  # a copy, unless x is there already
    back = there.cpu()
    return {"there": there.device.type, "back": torch.equal(back, x)}


# --8<-- [end:moved]
# --8<-- [start:examples]
class Examples(NamedTuple):
    """Observations x (n, ...) and their labels y (n, ...)."""

    x: Tensor
    y: Tensor

    def to(self, device: torch.device) -> "Examples":
        """Return these examples on `device`."""
        return Examples(self.x.to(device), self.y.to(device))


# --8<-- [end:examples]
# --8<-- [start:parts]
def parts(seed: int) -> tuple[Examples, Examples, Examples]:
    """Load scans x (n, 64) and their digits y (n,): 70 % to learn from, 20 %, 10 %."""
    x, y, x_held, y_held = scans(seed)
    cut = len(x_held) * 2 // 3
    validation = Examples(x_held[:cut], y_held[:cut])
    return Examples(x, y), validation, Examples(x_held[cut:], y_held[cut:])


# --8<-- [end:parts]
# --8<-- [start:tensor_level]
Weights = list[Tensor]  # (hidden, 64), (hidden,), (10, hidden), (10,)


def tensor_step(weights: Weights, x: Tensor, y: Tensor, rate: float) -> Weights:
    """Step on x (b, 64), y (b,) with gradients worked out on paper."""
    w1, b1, w2, b2 = weights
    z1 = x @ w1.mT + b1  # (b, hidden)
    a1 = z1.clamp(min=0)
    z2 = a1 @ w2.mT + b2  # (b, 10)
    d2 = (z2.softmax(dim=1) - one_hot(y, 10)) / len(y)  # slope of the loss in z2
    d1 = d2 @ w2 * (z1 > 0)  # and in z1
    gradients = [d1.mT @ x, d1.sum(0), d2.mT @ a1, d2.sum(0)]
    return [w - rate * g for w, g in zip(weights, gradients, strict=True)]


# --8<-- [end:tensor_level]
# --8<-- [start:graph_level]
def graph_step(weights: Weights, x: Tensor, y: Tensor, rate: float) -> Weights:
    """Step on x (b, 64), y (b,) with gradients that autograd replays."""
    w1, b1, w2, b2 = (w.detach().requires_grad_() for w in weights)
    z2 = (x @ w1.mT + b1).relu() @ w2.mT + b2
    gradients = torch.autograd.grad(cross_entropy(z2, y), [w1, b1, w2, b2])
    return [w - rate * g for w, g in zip(weights, gradients, strict=True)]


# --8<-- [end:graph_level]
# --8<-- [start:classifier]
class Classifier(nn.Module):
    """Two layers that read scans; while it learns, neurons fall silent by chance."""

    def __init__(self, hidden: int = 64, silent: float = 0.0) -> None:
        super().__init__()
        self.hidden = nn.Linear(64, hidden)
        self.silence = nn.Dropout(silent)
        self.output = nn.Linear(hidden, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Answer scans x (n, 64) with logits (n, 10)."""
        return self.output(self.silence(self.hidden(x).relu()))


# --8<-- [end:classifier]
# --8<-- [start:module_level]
def module_step(model: nn.Module, x: Tensor, y: Tensor, optimiser: Optimizer) -> None:
    """Step on x (b, 64), y (b,) with modules that hold weights and gradients."""
    optimiser.zero_grad()
    cross_entropy(model(x), y).backward()
    optimiser.step()


# --8<-- [end:module_level]
# --8<-- [start:levels]
def levels(train: "Loader", steps: int) -> dict[str, Weights]:
    """Take the same steps from the same weights on each level; return their ends."""
    model, rate = Classifier(), 0.1
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
class Scans(Dataset[tuple[Tensor, Tensor]]):
    """Scans one at a time, as an image file holds them: a byte for each pixel."""

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
def prepare(train: Examples) -> v2.Compose:
    """Turn bytes into numbers from 0 to 1, and then to mean 0 and spread 1."""
    mean, spread = float(train.x.mean()), float(train.x.std())
    to_numbers = v2.ToDtype(torch.float32, scale=True)
    return v2.Compose([to_numbers, v2.Normalize([mean], [spread])])


# --8<-- [end:prepare]
# --8<-- [start:loader]
class Loader:
    """Deal out examples that are in memory, in mini-batches, shuffled each epoch."""

    def __init__(
        self,
        examples: Examples,
        batch_size: int,
        seed: int,
        transform: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.examples, self.batch_size = examples, batch_size
        self.transform = transform
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return math.ceil(len(self.examples.x) / self.batch_size)

    def __iter__(self) -> Iterator[Examples]:
        x, y = self.examples
        order = torch.randperm(len(x), generator=self.generator, device="cpu")
        for batch in order.to(x.device).split(self.batch_size):
            xb = x[batch]
            yield Examples(self.transform(xb) if self.transform else xb, y[batch])


# --8<-- [end:loader]
# --8<-- [start:race]
def race(runners: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Let each run once a round, in turn; return the fewest seconds of each."""
    best = dict.fromkeys(runners, math.inf)
    for _ in range(rounds):
        for name, runner in runners.items():
            start = perf_counter()
            runner()
            best[name] = min(best[name], perf_counter() - start)
    return best


def one_by_one(data: Scans, batch_size: int, workers: int) -> DataLoader:
    """Deal out `data` the usual way: item by item, shuffled each epoch."""
    return DataLoader(
        data,
        batch_size,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )


def loaders_race(batch_size: int, rounds: int, workers: int = 0) -> dict[str, float]:
    """Race an epoch of a DataLoader against one of ours, on the same scans."""
    train, _, _ = parts(seed=0)
    usual = one_by_one(Scans(train, prepare(train)), batch_size, workers)
    images = Scans(train).images
    ours = Loader(Examples(images, train.y), batch_size, 0, prepare(train))
    list(usual)  # the workers start with the first epoch
    runners = {"usual": lambda: list(usual), "ours": lambda: [*map(list, [ours] * 20)]}
    best = race(runners, rounds)  # of about the same length, to be disturbed alike
    return {"usual": best["usual"], "ours": best["ours"] / 20}


def ratios(rounds: int) -> Iterator[tuple[str, float]]:
    """Yield what `python -m tools.bench` prints: how many times as fast ours is."""
    for workers in (0, 2):
        for batch_size in (32, 256):
            best = loaders_race(batch_size, rounds, workers)
            name = f"Loader over DataLoader, {workers} workers, batches of {batch_size}"
            yield name, best["usual"] / best["ours"]


# --8<-- [end:race]
# --8<-- [start:evaluate]
Loss = Callable[[Tensor, Tensor], Tensor]  # logits (n, ...), y (n, ...) to a mean ()


def accuracy(z: Tensor, y: Tensor) -> Tensor:
    """Share () of logits z (n, classes) whose largest is that of the label y (n,)."""
    return (z.argmax(dim=1) == y).float().mean()


@torch.no_grad()
def predict(model: nn.Module, x: Tensor, batch_size: int = 1024) -> Tensor:
    """Return the logits (n, ...) of x (n, ...), with the model set to answer."""
    model.eval()
    return torch.cat([model(xb) for xb in x.split(batch_size)])


# --8<-- [end:evaluate]
# --8<-- [start:history]
History = dict[str, list[float]]  # a list of numbers, one an epoch, for each name


def best_epoch(history: History) -> int:
    """Return the epoch, from 0, of the lowest validation loss; -1 before the first."""
    losses = history["validation_loss"]
    return min(range(len(losses)), key=losses.__getitem__, default=-1)


def is_over(history: History, patience: int | None) -> bool:
    """Say whether the validation loss has not improved for `patience` epochs."""
    waited = len(history["validation_loss"]) - 1 - best_epoch(history)
    return patience is not None and waited >= patience


# --8<-- [end:history]
# --8<-- [start:fit]
def fit(
    model: nn.Module,
    train: Loader,
    validation: Examples,
    optimiser: Optimizer,
    epochs: int,
    loss: Loss = cross_entropy,
    score: Loss = accuracy,
    schedule: LRScheduler | None = None,
    patience: int | None = None,
    checkpoint: Path | None = None,
) -> History:
    """Teach `model` for `epochs` passes over `train`; return what happened in each.

    Args:
        model: Answers x (b, ...) with logits.
        train: The examples to learn from, in mini-batches.
        validation: Examples on which the model is judged after each epoch.
        optimiser: Holds the parameters of `model`, and steps.
        epochs: How many passes in all, those before a restart included.
        loss: What to make small.
        score: What to report beside the loss on `validation`.
        schedule: Changes the learning rate after each epoch.
        patience: Stop after so many epochs without a lower validation loss, and
            return to the weights that had the lowest; without it, keep the last.
        checkpoint: A file that is written after each epoch. If it is there, the
            run goes on from it, to the very weights of a run that never stopped.

    Raises:
        BadInput: `checkpoint` is damaged, of another run, or cannot be written.
    """
    kept = Run(model, optimiser, train, schedule)
    if checkpoint is not None:
        (kept.load if checkpoint.exists() else kept.save)(checkpoint)
    history = kept.history
    done = len(history["loss"])
    for _ in trange(
        done, epochs, initial=done, total=epochs, desc="fit", leave=False, disable=None
    ):
        if is_over(history, patience):
            break
        # --8<-- [start:step]
        model.train()
        total = torch.zeros((), device=train.examples.x.device)
        for x, y in train:
            optimiser.zero_grad()  # forget the gradient of the batch before
            batch_loss = loss(model(x), y)  # forward: guess, and measure
            batch_loss.backward()  # backward: a gradient for every parameter
            optimiser.step()  # move the parameters against it
            total += batch_loss.detach() * len(y)
        # --8<-- [end:step]
        history["loss"].append(float(total) / len(train.examples.y))
        history["rate"].append(optimiser.param_groups[0]["lr"])
        z = predict(model, validation.x)
        history["validation_loss"].append(float(loss(z, validation.y)))
        history["validation_score"].append(float(score(z, validation.y)))
        if schedule is not None:
            schedule.step()
        if best_epoch(history) == len(history["loss"]) - 1:
            kept.keep_best()
        if checkpoint is not None:
            kept.save(checkpoint)
    if patience is not None and kept.best:
        model.load_state_dict(kept.best)
    return history


# --8<-- [end:fit]
# --8<-- [start:plan]
def describe(
    model: nn.Module,
    optimiser: Optimizer,
    train: Loader,
    schedule: LRScheduler | None,
) -> dict[str, str]:
    """Tell a run from others: the parts it is made of, and their settings."""
    x, y = train.examples
    plan = {
        "optimiser": type(optimiser).__name__,
        "schedule": type(schedule).__name__,
        "shape of examples": str(tuple(x.shape)),
        "checksum of labels": str(zlib.crc32(y.cpu().numpy().tobytes())),
        "batch size": str(train.batch_size),
        "seed": str(train.generator.initial_seed()),
        "device": x.device.type,
    }
    for name, weight in model.state_dict().items():
        plan[f"model's {name}"] = f"{weight.dtype} {tuple(weight.shape)}"
    for name, setting in optimiser.defaults.items():
        plan[f"optimiser's {name}"] = repr(setting)
    for number, group in enumerate(optimiser.param_groups):
        rate = group.get("initial_lr", group["lr"])
        plan[f"rate of group {number}"] = f"{rate} for {len(group['params'])}"
    timed = schedule.state_dict() if schedule else {}
    for name, setting in timed.items():
        if not name.startswith("_") and name != "last_epoch":  # these move
            plan[f"schedule's {name}"] = repr(setting)
    return plan


# --8<-- [end:plan]
# --8<-- [start:read]
def sealed(content: bytes) -> bytes:
    """Add a checksum of 32 bytes, which damage of any kind will not match."""
    return content + hashlib.sha256(content).digest()


def read(path: Path) -> dict[str, Any]:
    """Read a checkpoint, as data only; raise BadInput if it is damaged or none."""
    try:
        whole = path.read_bytes()
        if whole != sealed(whole[:-32]):
            raise ValueError("the checksum differs")
        state = torch.load(io.BytesIO(whole), map_location="cpu", weights_only=True)
        return {"plan": state["plan"], **state}
    except Exception:  # a file can be wrong in any way
        raise BadInput(
            f"{path} is damaged or no checkpoint of a run; name another file, or "
            "delete it to start anew."
        ) from None


# --8<-- [end:read]
# --8<-- [start:run]
class Run:
    """All that a run of `fit` must keep to go on as if it had never stopped."""

    def __init__(
        self,
        model: nn.Module,
        optimiser: Optimizer,
        train: Loader,
        schedule: LRScheduler | None,
    ) -> None:
        self.model, self.optimiser, self.train = model, optimiser, train
        self.schedule = schedule
        self.plan = describe(model, optimiser, train, schedule)
        names = ("loss", "rate", "validation_loss", "validation_score")
        self.history: History = {name: [] for name in names}
        self.best: dict[str, Tensor] = {}
        device = train.examples.x.device  # draws random numbers of its own
        self.there = torch if device.type == "cpu" else torch.get_device_module(device)

    def keep_best(self) -> None:
        """Copy the weights of this moment."""
        weights = self.model.state_dict()
        self.best = {name: value.clone() for name, value in weights.items()}

    # --8<-- [start:state]
    def state(self) -> dict[str, Any]:
        """Return everything that the next epoch depends on."""
        return {
            "plan": self.plan,
            "model": self.model.state_dict(),
            "best": self.best,
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict() if self.schedule else {},
            "history": self.history,
            "order": self.train.generator.get_state(),  # random numbers, in 3 places
            "chance": torch.get_rng_state(),
            "chance there": self.there.get_rng_state(),
        }

    # --8<-- [end:state]
    # --8<-- [start:restore]
    def restore(self, state: dict[str, Any]) -> None:
        """Take everything from `state`."""
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        self.history.update({name: state["history"][name] for name in self.history})
        self.best = state["best"]
        self.train.generator.set_state(state["order"])
        torch.set_rng_state(state["chance"])
        self.there.set_rng_state(state["chance there"])

    # --8<-- [end:restore]
    # --8<-- [start:save]
    def save(self, path: Path) -> None:
        """Write everything to `path`: the new file takes the place of the old whole."""
        content = io.BytesIO()
        torch.save(self.state(), content)
        partial = path.with_name(path.name + ".partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                file.write(sealed(content.getvalue()))
                file.flush()
                os.fsync(file.fileno())  # it is on the disk before it gets its name
            partial.replace(path)
        except OSError as error:
            raise BadInput(
                f"{path} cannot be written ({error.strerror}); name another file."
            ) from None

    # --8<-- [end:save]
    # --8<-- [start:load]
    def load(self, path: Path) -> None:
        """Take everything from `path`, or nothing: raise BadInput if it will not do."""
        state = read(path)
        for part in self.plan | state["plan"]:
            theirs, ours = (plan.get(part) for plan in (state["plan"], self.plan))
            if theirs != ours:
                raise BadInput(
                    f"{path} is the checkpoint of another run: its {part} is {theirs}, "
                    f"not {ours}; name another file, or delete it."
                )
        before = copy.deepcopy(self.state())
        try:
            self.restore(state)
        except Exception:  # whatever may be missing in there
            self.restore(before)
            raise BadInput(f"{path} is no whole checkpoint; delete it.") from None


# --8<-- [end:load]
# --8<-- [end:run]
# --8<-- [start:weights]
def save_weights(model: nn.Module, path: Path) -> None:
    """Write the weights of `model` to `path`: numbers by name, and nothing else."""
    torch.save(model.state_dict(), path)


def load_weights(model: nn.Module, path: Path) -> None:
    """Put the weights in `path` into `model`, wherever they and it may live."""
    weights = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(weights)


# --8<-- [end:weights]
# --8<-- [start:trap]
class Trap:
    """An object that has a function of its author's choice called on being read."""

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return print, ("this line was printed by reading a file",)


def spring(weights_only: bool) -> str:
    """Save a trap, read it, and return what it did."""
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
# --8<-- [start:classify]
def classify(
    seed: int,
    epochs: int,
    device: torch.device,
    rate: float = 0.01,
    cosine: bool = True,
    patience: int | None = 10,
    checkpoint: Path | None = None,
    transform: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Classifier, History]:
    """Teach a classifier to read scans, with all that `fit` can do."""
    train, validation, _ = (part.to(device) for part in parts(seed))
    torch.manual_seed(seed)  # initial weights, and who is silent when
    model = Classifier(silent=0.2).to(device)
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


# --8<-- [end:classify]
# --8<-- [start:by_heart]
def by_heart(
    seed: int, epochs: int, device: torch.device, patience: int | None = None
) -> History:
    """Let a classifier go on at a constant rate until it knows its scans by heart."""
    train, validation, _ = (part.to(device) for part in parts(seed))
    torch.manual_seed(seed)
    model = Classifier().to(device)
    optimiser = SGD(model.parameters(), lr=0.3, momentum=0.9)
    loader = Loader(train, 32, seed)
    return fit(model, loader, validation, optimiser, epochs, patience=patience)


# --8<-- [end:by_heart]
# --8<-- [start:survive]
class PowerCut(Exception):
    """Somebody pulls the plug."""


def failing(batches: int) -> Callable[[Tensor], Tensor]:
    """Pass on so many batches unchanged, and then fail."""
    left = iter(range(batches))

    def transform(x: Tensor) -> Tensor:
        if next(left, None) is None:
            raise PowerCut
        return x

    return transform


def survives(whole: nn.Module, seed: int, epochs: int, device: torch.device) -> str:
    """Cut a run off, take it up again, and compare its end with `whole`."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "run.pt"
        with suppress(PowerCut):
            classify(seed, epochs, device, checkpoint=file, transform=failing(50))
        again, _ = classify(seed, epochs, device, checkpoint=file)
    pairs = zip(whole.parameters(), again.parameters(), strict=True)
    return "the same" if all(torch.equal(a, b) for a, b in pairs) else "others"


# --8<-- [end:survive]
# --8<-- [start:plot]
def draw_history(history: History, score: str = "accuracy") -> Figure:
    """Draw both losses, and the score on the validation examples, by epoch."""
    fig, axes = figures.panels(5.2, 2.9, columns=2)
    epochs = range(1, len(history["loss"]) + 1)
    axes[0].plot(epochs, history["loss"], label="training")
    axes[0].plot(epochs, history["validation_loss"], label="validation")
    axes[0].set(xlabel="epochs", title="loss", ylim=(0, None))
    axes[1].plot(epochs, history["validation_score"], "-.", color=GREEN)
    axes[1].set(xlabel="epochs", title=f"{score}, validation")
    best = best_epoch(history) + 1
    for ax, top in zip(axes, (0.6, 1), strict=True):  # below the legend
        ax.axvline(best, ymax=top, color=FAINT, ls=":", label="best epoch")
    axes[0].legend()
    return fig


# --8<-- [end:plot]
def draw_schedule(bold: dict[str, list[History]]) -> Figure:
    """Draw the learning rate, and the validation loss of some seeds, by epoch."""
    fig, axes = figures.panels(5.2, 2.9, columns=2)
    rates = {name: torch.tensor([runs[0]["rate"]]) for name, runs in bold.items()}
    losses = {
        name: torch.tensor([run["validation_loss"] for run in runs])
        for name, runs in bold.items()
    }
    for ax, named, title in zip(
        axes, (rates, losses), ("learning rate", "validation loss"), strict=True
    ):
        figures.curves(ax, named)
        ax.set(xlabel="epochs", title=title, ylim=(0, None))
    axes[1].get_legend().remove()
    return fig


def apart(ends: dict[str, Weights]) -> float:
    """Return the largest difference between any weight on one level and another."""
    first, *others = ends.values()
    pairs = [(a, b) for other in others for a, b in zip(first, other, strict=True)]
    return max(float((a - b).abs().max()) for a, b in pairs)


def basics(seed: int, device: torch.device) -> dict[str, Any]:
    """Return what tensors, levels, loaders and files have to show."""
    train, _, _ = parts(seed)
    torch.manual_seed(seed)
    best = loaders_race(32, rounds=10)
    scans_here = Scans(train, prepare(train))
    return {
        **{f"memory_{name}": value for name, value in memory().items()},
        **{f"kind_{name}": value for name, value in kinds().items()},
        **{f"shape_{name}": value for name, value in broadcast().items()},
        **{f"slope_{name}": value for name, value in slopes().items()},
        **{f"moved_{k}": v for k, v in there_and_back(train.x, device).items()},
        "apart": apart(levels(Loader(train, 32, seed), steps=100)),
        "mean": float(train.x.mean()),
        "spread": float(train.x.std()),
        "item": str(tuple(scans_here[0][0].shape)),
        "faster": best["usual"] / best["ours"],
        "trap_careless": spring(weights_only=False),
        "trap_careful": spring(weights_only=True),
    }


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    epochs: int = 30,
    checkpoint: Path | None = None,
    out: Path | None = None,
) -> None:
    """Teach a classifier of scanned digits by the loop of the course.

    Args:
        seed: Which scans are held out, and the first weights; four more are tried.
        device: Where to compute.
        epochs: Passes over the scans, at most.
        checkpoint: File from which the first run goes on if it was cut off.
        out: Folder for figures and metrics.json; without it, only lines are printed.
    """
    folder(out)
    if epochs < 1:
        raise BadInput(f"--epochs {epochs}: takes no step; name 1 or more.")
    used = devices.pick(device)
    model, history = classify(seed, epochs, used, checkpoint=checkpoint)
    stopped = by_heart(seed, 2 * epochs, used, patience=10)
    numbers = basics(seed, used) | {
        "survives": survives(model, seed, epochs, used),
        "epochs": epochs,
        "parameters": sum(p.numel() for p in model.parameters()),
        "stopped": len(stopped["loss"]),
        "best": best_epoch(stopped) + 1,
        "heart_epochs": 2 * epochs,
    }
    seeds, rights = range(seed, seed + 5), []
    for each in seeds:
        if each > seed:
            model, _ = classify(each, epochs, used)
        test = parts(each)[2].to(used)
        rights.append(float(accuracy(predict(model, test.x), test.y)))
    numbers["right"] = sum(rights) / len(rights)
    bold = {
        name: [classify(s, epochs, used, 0.03, cosine, None)[1] for s in seeds[:3]]
        for name, cosine in {"constant": False, "cosine": True}.items()
    }
    hearts = [by_heart(each, 2 * epochs, used) for each in seeds[:3]]
    numbers["heart_train"] = sum(run["loss"][-1] for run in hearts) / len(hearts)
    for name, runs in {**bold, "heart": hearts}.items():
        losses = torch.tensor([run["validation_loss"] for run in runs])
        numbers[f"{name}_last"] = float(losses[:, -1].mean())
        numbers[f"{name}_best"] = float(losses.amin(1).mean())
    print(REPORT.format(**numbers))
    if out is not None:
        drawings = {
            "history": draw_history(history),
            "stopping": draw_history(hearts[0]),
            "schedule": draw_schedule(bold),
        }
        figures.save_all(drawings, out)
        record(out, seed, used, **numbers)


REPORT = """\
an array changed: the tensor that shares its memory says {memory_shared:.0f}, the copy \
{memory_copied:.0f}
kinds of numbers: whole {kind_whole}, decimal {kind_decimal}, from NumPy {kind_numpy}
shapes: (5, 3) - (3,) is {shape_row}, but (5,) - (5, 1) is {shape_trap}
slope of w³ at 2: {slope_once:.0f}, and not forgotten {slope_twice:.0f}
three levels, 100 steps: no weight differs by more than {apart:.0e}
an epoch of ours is {faster:.0f} times as fast as one of DataLoader, item by item
reading a trap carelessly: {trap_careless}; as data only: {trap_careful}
early stopping: best epoch {best}, stopped after {stopped} of {heart_epochs}
  without it, validation loss {heart_last:.3f} after the lowest {heart_best:.3f}
cut off and taken up again, the weights are {survives}
test scans read rightly: {right:.1%}, mean of 5 seeds
validation loss at a bold rate, mean of 3 seeds, best epoch and last:
  constant {constant_best:.3f} {constant_last:.3f}, cosine {cosine_best:.3f} \
{cosine_last:.3f}"""

if __name__ == "__main__":
    run(main)
