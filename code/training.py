"""The training loop: guess, measure, follow the slope, step; and keep what must last.

Every later lecture learns by the one loop written out here. It runs the examples
in mini-batches, judges the model on others after each epoch, stops when these say
so, and writes down all it needs to go on after being killed.

Source: Paszke and others, "PyTorch: an imperative style, high-performance deep
learning library", NeurIPS 2019.
"""

# --8<-- [start:imports]
import io
import math
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from tqdm import trange

# --8<-- [end:imports]
import figures
from command import BadInput


# --8<-- [start:examples]
class Examples(NamedTuple):
    """Observations x (n, ...) and their labels y (n, ...)."""

    x: Tensor
    y: Tensor

    def to(self, device: torch.device) -> "Examples":
        """Return these examples on `device`."""
        return Examples(self.x.to(device), self.y.to(device))


# --8<-- [end:examples]
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
        BadInput: `checkpoint` is damaged, or belongs to another run.
    """
    run = Run(model, optimiser, train, schedule)
    if checkpoint is not None and checkpoint.exists():
        run.load(checkpoint)
    history = run.history
    done = len(history["loss"])
    for _ in trange(done, epochs, initial=done, total=epochs, desc="fit", disable=None):
        if is_over(history, patience):
            break
        model.train()
        total = torch.zeros((), device=train.examples.x.device)
        for x, y in train:
            optimiser.zero_grad()  # forget the gradient of the batch before
            batch_loss = loss(model(x), y)  # forward: guess, and measure
            batch_loss.backward()  # backward: a gradient for every parameter
            optimiser.step()  # move the parameters against it
            total += batch_loss.detach() * len(y)
        history["loss"].append(float(total) / len(train.examples.y))
        history["rate"].append(optimiser.param_groups[0]["lr"])
        z = predict(model, validation.x)
        history["validation_loss"].append(float(loss(z, validation.y)))
        history["validation_score"].append(float(score(z, validation.y)))
        if schedule is not None:
            schedule.step()
        if patience is not None and best_epoch(history) == len(history["loss"]) - 1:
            run.keep_best()
        if checkpoint is not None:
            run.save(checkpoint)
    if patience is not None and run.best:
        model.load_state_dict(run.best)
    return history


# --8<-- [end:fit]
# --8<-- [start:checkpoint]
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
        names = ("loss", "rate", "validation_loss", "validation_score")
        self.history: History = {name: [] for name in names}
        self.best: dict[str, Tensor] = {}
        self.plan = self.describe()

    def describe(self) -> dict[str, Any]:
        """Tell this run from others: the parts it is made of, and their settings."""
        weights = self.model.state_dict()
        settings = {name: repr(v) for name, v in self.optimiser.defaults.items()}
        return {
            "model": {name: list(value.shape) for name, value in weights.items()},
            "optimiser": {"rule": type(self.optimiser).__name__, **settings},
            "schedule": type(self.schedule).__name__,
            "examples": list(self.train.examples.x.shape),
            "batch size": self.train.batch_size,
            "seed": self.train.generator.initial_seed(),
        }

    def keep_best(self) -> None:
        """Copy the weights of this moment."""
        weights = self.model.state_dict()
        self.best = {name: value.clone() for name, value in weights.items()}

    def chance(self) -> dict[str, Tensor]:
        """Return the state of every generator of random numbers that is in use."""
        device = self.train.examples.x.device
        states = {"order": self.train.generator.get_state()}
        states["cpu"] = torch.get_rng_state()
        if device.type != "cpu":
            states["device"] = torch.get_device_module(device).get_rng_state()
        return states

    def save(self, path: Path) -> None:
        """Write everything to `path`: the new file takes the place of the old whole."""
        partial = path.with_name(path.name + ".partial")
        with partial.open("wb") as file:
            torch.save(
                {
                    "plan": self.plan,
                    "model": self.model.state_dict(),
                    "best": self.best,
                    "optimiser": self.optimiser.state_dict(),
                    "schedule": self.schedule.state_dict() if self.schedule else {},
                    "history": self.history,
                    "chance": self.chance(),
                },
                file,
            )
            file.flush()
            os.fsync(file.fileno())  # it is on the disk before it gets its name
        partial.replace(path)

    def load(self, path: Path) -> None:
        """Take everything from `path`, or nothing: raise BadInput if it will not do."""
        saved = read(path)
        if set(saved) != {
            *("plan", "model", "best", "optimiser", "schedule", "history", "chance")
        }:
            raise BadInput(f"{path} is no checkpoint of a run; name another file.")
        for part, ours in self.plan.items():
            if saved["plan"].get(part) != ours:
                raise BadInput(
                    f"{path} is the checkpoint of another run, whose {part} was "
                    f"{saved['plan'].get(part)}; name another file, or delete it."
                )
        self.model.load_state_dict(saved["model"])
        self.optimiser.load_state_dict(saved["optimiser"])
        if self.schedule is not None:
            self.schedule.load_state_dict(saved["schedule"])
        self.best = saved["best"]
        self.history.update(saved["history"])
        device = self.train.examples.x.device
        self.train.generator.set_state(saved["chance"]["order"])
        torch.set_rng_state(saved["chance"]["cpu"])
        if "device" in saved["chance"] and device.type != "cpu":
            module = torch.get_device_module(device)
            module.set_rng_state(saved["chance"]["device"])


def read(path: Path) -> dict[str, Any]:
    """Read a file of `torch.save`, of data only; raise BadInput if it is damaged."""
    try:
        content = io.BytesIO(path.read_bytes())
        damaged = zipfile.ZipFile(content).testzip()  # compares every checksum
        content.seek(0)
        saved = torch.load(content, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can break in any way
        raise BadInput(
            f"{path} is damaged or no checkpoint ({type(error).__name__}); delete it "
            "to start anew."
        ) from None
    if damaged is not None or not isinstance(saved, dict):
        raise BadInput(f"{path} is damaged or no checkpoint; delete it to start anew.")
    return saved


# --8<-- [end:checkpoint]
# --8<-- [start:plot]
def draw_history(history: History, score: str = "accuracy") -> Figure:
    """Draw both losses, and the score on the validation examples, by epoch."""
    fig, (left, right) = figures.panels(5.2, 2.9, columns=2)
    epochs = range(1, len(history["loss"]) + 1)
    left.plot(epochs, history["loss"], label="training")
    left.plot(epochs, history["validation_loss"], label="validation")
    left.set(xlabel="epochs", title="loss", ylim=(0, None))
    left.legend()
    right.plot(epochs, history["validation_score"], color=figures.GREEN)
    right.set(xlabel="epochs", title=f"{score}, validation")
    return fig


# --8<-- [end:plot]
