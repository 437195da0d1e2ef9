"""Labels as one-hot vectors, and the way back.

Built in the lecture `loss`.
"""

import torch
from torch import Tensor


# --8<-- [start:one_hot]
def one_hot(label: Tensor, classes: int) -> Tensor:
    """Write labels (...,), from 0 up, as zeros and a 1 at the label: (..., classes)."""
    return (label.unsqueeze(-1) == torch.arange(classes).to(label)).float()


def most_likely(p: Tensor) -> Tensor:
    """Go back: from probabilities or logits (..., K) to the likeliest label (...,)."""
    return p.argmax(dim=-1)


# --8<-- [end:one_hot]
