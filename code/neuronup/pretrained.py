"""Pre-trained models: layers frozen; published weights checked, and read safely.

Built in the lecture `transfer`.
"""

import copy
import re
from collections.abc import Callable
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlsplit

import torch
from torch import Tensor, nn

from neuronup.command import BadInput
from neuronup.download import PATIENCE, deadline, reason


# --8<-- [start:freeze]
class Frozen(nn.Sequential):
    """Layers that stay as they are, whatever mode the model around them is put into."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(*layers)
        self.requires_grad_(False)  # the weights stay
        self.eval()  # the statistics of batch normalisation stay

    def train(self, mode: bool = True) -> "Frozen":
        """Stay in evaluation mode: `model.train()` reaches every layer in it."""
        return super().train(False)


# --8<-- [end:freeze]
# --8<-- [start:statistics]
Net = TypeVar("Net", bound=nn.Module)


@torch.no_grad()
def renew_statistics(model: Net, x: Tensor) -> Net:
    """Copy a model, with the means and variances of other images x; without labels."""
    renewed = copy.deepcopy(model).train()  # statistics are measured in training mode
    for layer in renewed.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0  # those of this batch replace the old ones
    renewed(x)
    return renewed.eval()


# --8<-- [end:statistics]
# --8<-- [start:published]
def has_checksum(path: Path, start: str) -> bool:
    """Say whether a file is there, and its SHA-256 checksum begins with `start`."""
    return path.is_file() and sha256(path.read_bytes()).hexdigest().startswith(start)


def published_weights(url: str, root: Path) -> dict[str, Tensor]:
    """Return the weights at `url`, downloading them to `root` if they are not there.

    The name must end in the beginning of its checksum, as in resnet18-f37072fd.pth. A
    file that does not have this checksum is not opened. Raises BadInput.
    """
    name = Path(urlsplit(url).path).name
    ends = re.search(r"-([0-9a-f]{8,})\.", name)
    if ends is None:
        raise BadInput(f"{url}: its name tells no checksum; download it by hand.")
    path, checksum = root / name, ends[1]
    try:
        if not has_checksum(path, checksum):
            root.mkdir(parents=True, exist_ok=True)
            with deadline(PATIENCE):
                torch.hub.download_url_to_file(url, str(path), checksum, progress=False)
        weights: dict[str, Tensor] = torch.load(path, weights_only=True)
    except (OSError, HTTPException, RuntimeError, UnpicklingError) as error:
        if isinstance(error, HTTPError):
            error.close()  # it holds the connection
        raise BadInput(
            f"{name} cannot be had whole from {urlsplit(url).hostname} "
            f"({reason(error)}); connect to a network and try again."
        ) from None
    return weights


# --8<-- [end:published]
# --8<-- [start:resnet]
def pretrained_resnet18(
    classes: int, root: Path
) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    """Return ResNet-18 with ImageNet's weights and a new head; and its preprocessing.

    The preprocessing takes colour images (n, 3, height, width), from 0 to 1.
    """
    from torchvision import models  # takes seconds: only who asks for it is to wait

    published: Any = models.ResNet18_Weights.IMAGENET1K_V1
    model = models.resnet18()
    model.load_state_dict(published_weights(published.url, root))
    model.fc = nn.Linear(model.fc.in_features, classes)  # instead of 1,000 classes
    return model, published.transforms()


# --8<-- [end:resnet]
# --8<-- [start:surprise]
class Surprise:
    """An object that calls a function when its pickle is opened: here, print."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Tell pickle what to call, with which arguments, instead of an object."""
        return print, ("This ran while the file was opened.",)


# --8<-- [end:surprise]
