"""Drift: has what arrives in use changed since the test? Alarms without labels.

Built in the lecture `deployment`.
"""

import torch
from torch import Tensor, nn

from neuronup.loop import predict


# --8<-- [start:ks]
def ks_statistic(a: Tensor, b: Tensor) -> Tensor:
    """Return the largest gap between the cumulative shares of a (n,) and b (m,)."""
    both = torch.cat([a, b])
    of_a, of_b = (
        torch.searchsorted(each.sort().values, both, right=True) / len(each)
        for each in (a, b)
    )
    return (of_a - of_b).abs().amax()


def ks_p_value(a: Tensor, b: Tensor) -> float:
    """Return how often two samples of one distribution have so large a gap, or larger.

    This is the first term of Kolmogorov's series: right where it is small.
    """
    n = len(a) * len(b) / (len(a) + len(b))
    return float((2 * (-2 * n * ks_statistic(a, b) ** 2).exp()).clamp(max=1))


# --8<-- [end:ks]
# --8<-- [start:counts]
def counts_p_value(counts: Tensor, shares: Tensor) -> float:
    """Return how often counts (k,) are as far from the shares (k,) they should have.

    Pearson's chi-squared test.
    """
    expected = counts.sum() * shares
    distance = ((counts - expected) ** 2 / expected).sum()
    freedom = torch.tensor(len(counts) - 1.0, device="cpu")
    return float(torch.special.gammaincc(freedom / 2, distance / 2))


# --8<-- [end:counts]
# --8<-- [start:monitor]
ALARMS = ("confidence", "foreground", "predictions")


class Monitor:
    """Compares a window of inputs with held-out ones of known accuracy; no labels."""

    def __init__(self, model: nn.Module, x: Tensor) -> None:
        self.model = model
        self.reference = self.measure(x)
        classes = predict(model, x[:1]).shape[1]
        counts = self.reference["predictions"].long().bincount(minlength=classes) + 1
        self.shares = counts / counts.sum()  # none is 0

    def measure(self, x: Tensor) -> dict[str, Tensor]:
        """Return what is watched of each image x (n, 1, h, w): each (n,)."""
        p = predict(self.model, x).softmax(dim=1)
        confidence, prediction = p.max(dim=1)
        foreground = x.mean(dim=(1, 2, 3))
        values = (confidence, foreground, prediction.float())
        return dict(zip(ALARMS, values, strict=True))

    def p_values(self, window: dict[str, Tensor]) -> dict[str, float]:
        """Return for each alarm how often a window is so unlike by chance."""
        found = {
            name: ks_p_value(self.reference[name], window[name]) for name in ALARMS[:2]
        }
        counts = window["predictions"].long().bincount(minlength=len(self.shares))
        return {**found, "predictions": counts_p_value(counts, self.shares)}


# --8<-- [end:monitor]
