"""Trained weights as a safetensors file: numbers by name, and no code.

Built in the lecture `cnn`.
"""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from neuronup.command import BadInput


# --8<-- [start:weights]
def save_weights(model: nn.Module, path: Path, **about: object) -> None:
    """Write the weights of `model` to `path`, and what another program must know.

    `about` may hold whatever JSON can: classes, the shape of an input, a scale. It is
    one entry of the metadata, `about`: of several the order would change by the run.
    """
    weights = {name: value.cpu() for name, value in model.state_dict().items()}
    path.write_bytes(save(weights, {"about": json.dumps(about)}))


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read weights and what is known about them; raise BadInput if it is none."""
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {}).get("about", "{}"))
            return file.get_tensors(), about
    except (OSError, SafetensorError, ValueError) as error:
        raise BadInput(
            f"{path} holds no weights ({type(error).__name__}); run the script with "
            "--out to make the file anew."
        ) from None


# --8<-- [end:weights]
