"""The n-gram model: count what followed the last few characters, and smooth.

Built in the lecture `rnn`.
"""

from functools import partial

import torch
from torch import Tensor

from neuronup.text import ALPHABET


# --8<-- [start:ngram]
def ngram_codes(tokens: Tensor, order: int) -> Tensor:
    """Number each run of `order` tokens of (n,): (n - order + 1,)."""
    digits = len(ALPHABET) ** torch.arange(order - 1, -1, -1)
    return (tokens.unfold(0, order, 1) * digits).sum(dim=1)


def count_occurrences(codes: Tensor, wanted: Tensor) -> Tensor:
    """How often each code `wanted` (m,) occurs in `codes` (n,): (m,)."""
    found, counts = codes.unique(return_counts=True)
    index = torch.searchsorted(found, wanted).clamp(max=len(found) - 1)
    return counts[index] * (found[index] == wanted)


def ngram_probability(
    train: Tensor, text: Tensor, order: int, smoothing: float
) -> Tensor:
    """Probability of each token of text (m,) after the `order` - 1 before it.

    What followed in train (n,) is counted; `smoothing` counts more are dealt out as
    the next lower order says. Order 1 knows the characters' shares, 0 nothing.
    """
    if order == 0:
        return torch.full(text.shape, 1 / len(ALPHABET), dtype=torch.double)
    lower = ngram_probability(train, text, order - 1, smoothing)
    lower = lower[-(len(text) - order + 1) :]
    runs, wanted = ngram_codes(train, order), ngram_codes(text, order)
    followed = count_occurrences(runs, wanted)
    contexts = count_occurrences(runs // len(ALPHABET), wanted // len(ALPHABET))
    return (followed + smoothing * lower) / (contexts + smoothing)


# --8<-- [end:ngram]
# --8<-- [start:smoothing]
ORDERS = {"uniform": 0, "unigram": 1, "bigram": 2, "trigram": 3, "five-gram": 5}
SMOOTHING = (1, 2, 5, 10, 20, 50)


def ngram_bits(train: Tensor, validation: Tensor, text: Tensor) -> dict[str, float]:
    """Bits for each token of text (m,) from the fifth on, by n-gram models of `train`.

    Each takes the smoothing constant that `validation` prefers.
    """

    def bits(text: Tensor, order: int, smoothing: float) -> float:
        p = ngram_probability(train, text, order, smoothing)[-(len(text) - 4) :]
        return float(-p.log2().mean())

    found = {}
    for name, order in ORDERS.items():
        best = min(SMOOTHING, key=partial(bits, validation, order))
        found[name] = bits(text, order, best)
    return found


# --8<-- [end:smoothing]
