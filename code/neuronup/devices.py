"""Where tensors live: the processor, or an accelerator that is really there."""

import os
from typing import Literal

import torch

from neuronup.command import BadInput

Device = Literal["auto", "cpu", "cuda", "mps", "xpu"]
AUTO = "NEURONUP_DEVICE"  # in the environment: the device that "auto" is to mean


def pick(name: Device) -> torch.device:
    """Return the device called `name`; "auto" is the accelerator, if there is one.

    For "cpu" nothing is asked of an accelerator, now or later in this process.
    Raises BadInput when this machine does not have the device.
    """
    wanted = os.environ.get(AUTO, name) if name == "auto" else name
    if wanted == "cpu":
        hide_cuda()
        return torch.device("cpu")
    there = torch.accelerator.current_accelerator(check_available=True)
    if there is not None and wanted in ("auto", there.type):
        return there
    if wanted == "auto":
        return torch.device("cpu")
    here = "cpu" if there is None else f"{there.type}, cpu"
    raise BadInput(
        f"--device {wanted}: this machine has no such device; it has {here}."
    )


def hide_cuda() -> None:
    """Let PyTorch find no CUDA device: else its optimisers ask for one at each step.

    An old driver would answer with a warning. The second variable makes it look at
    the first one before it calls the driver.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
