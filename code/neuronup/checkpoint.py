"""Checkpoints: all that a run must keep to go on as if it had never stopped.

Built in the lecture `training`.
"""

import copy
import hashlib
import io
import os
import zlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from neuronup.command import BadInput
from neuronup.loaders import Loader

# --8<-- [start:history]
History = dict[str, list[float]]  # a list of numbers, one an epoch, for each name
# --8<-- [end:history]


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


def read_checkpoint(path: Path) -> dict[str, Any]:
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
        self.device_rng = (
            torch if device.type == "cpu" else torch.get_device_module(device)
        )

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
            "rng": torch.get_rng_state(),
            "device rng": self.device_rng.get_rng_state(),
        }

    # --8<-- [end:state]
    def restore(self, state: dict[str, Any]) -> None:
        """Take everything from `state`."""
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        self.history.update({name: state["history"][name] for name in self.history})
        self.best = state["best"]
        self.train.generator.set_state(state["order"])
        torch.set_rng_state(state["rng"])
        self.device_rng.set_rng_state(state["device rng"])

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
    def load(self, path: Path) -> None:
        """Take everything from `path`, or nothing: raise BadInput if it will not do."""
        state = read_checkpoint(path)
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


# --8<-- [end:run]
