"""Accuracy: the share of examples that are classified correctly.

Built in the lecture `learning`.
"""

from torch import Tensor


# --8<-- [start:accuracy]
def accuracy(output: Tensor, y: Tensor) -> Tensor:
    """Share () of the labels y (n,) that `output` predicts.

    It holds the predicted classes (n,), or logits (n, classes): the largest counts.
    """
    prediction = output.argmax(dim=1) if output.dim() > y.dim() else output
    return (prediction == y).float().mean()


# --8<-- [end:accuracy]
