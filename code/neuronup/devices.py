"""Where tensors live: the processor, or an accelerator that is really there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from neuronup.command import BadInput

Device = Literal["auto", "cpu", "cuda", "mps"]


def pick(name: Device) -> torch.device:
    """Return the device called `name`; "auto" is the best there is.

    Raises BadInput when this machine does not have it.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(device for device, here in there.items() if here))
    if not there[name]:
        here = ", ".join(device for device, found in there.items() if found)
        raise BadInput(
            f"--device {name}: this machine has no such device; it has {here}."
        )
    return torch.device(name)


@contextmanager
def on(name: Device) -> Iterator[torch.device]:
    """Make new tensors on the device called `name`, as long as the context lasts."""
    device = pick(name)
    if (
        device.type == "cpu"
    ):  # tensors are made there anyway, and the context would slow every call
        yield device
    else:
        with device:
            yield device
