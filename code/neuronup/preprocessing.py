"""Preprocessing that is a part of the model, so that it is never forgotten.

Built in the lecture `cnn`.
"""

from torch import Tensor, nn

from neuronup.images import Scale


# --8<-- [start:standardise]
class Standardise(nn.Module):
    """Bring pixels to the scale of the training images; it is part of the model."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.register_buffer("mean", scale.mean)
        self.register_buffer("std", scale.std)

    def forward(self, x: Tensor) -> Tensor:
        """Scale images x (n, channels, height, width), from 0 to 1."""
        return Scale(self.get_buffer("mean"), self.get_buffer("std"))(x)


# --8<-- [end:standardise]
