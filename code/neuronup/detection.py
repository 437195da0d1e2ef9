"""Detection: from a score for every window to a few windows, one for each object.

Built in the lecture `cnn`.
"""

import torch
from torch import Tensor


# --8<-- [start:suppression]
def non_maximum_suppression(scores: Tensor, near: int) -> list[tuple[int, int]]:
    """Keep the highest of scores (rows, columns), suppress those near it; repeat."""
    scores, kept = scores.clone(), []
    while scores.max() > -torch.inf:
        row, column = divmod(int(scores.argmax()), scores.shape[1])
        kept.append((row, column))
        rows = slice(max(0, row - near), row + near + 1)
        scores[rows, max(0, column - near) : column + near + 1] = -torch.inf
    return kept


# --8<-- [end:suppression]
