"""XOR: the four points that no line separates.

Built in the lecture `perceptron`.
"""

import torch
from torch import Tensor


# --8<-- [start:xor]
def xor() -> tuple[Tensor, Tensor]:
    """Return four points (4, 2), labelled (4,) +1 where their coordinates differ."""
    x = torch.cartesian_prod(torch.tensor([-1.0, 1.0]), torch.tensor([-1.0, 1.0]))
    return x, -x.prod(dim=1)


def lift(x: Tensor) -> Tensor:
    """Map points x (n, 2) to (n, 3): one more feature, the product of the two."""
    return torch.cat([x, x.prod(dim=1, keepdim=True)], dim=1)


# --8<-- [end:xor]
