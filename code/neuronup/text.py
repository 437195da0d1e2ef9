"""Text to train on: a corpus, its characters as numbers, its parts, its windows.

Built in the lecture `rnn`.
"""

import math
import re
from pydoc_data.topics import topics

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from neuronup.loaders import Examples


# --8<-- [start:text]
def manual(once: bool = True) -> str:
    """Return the prose of Python's manual; each paragraph once, however often it is in.

    Headings, code and grammar are left out, and lines run on to the paragraph's end.
    """
    paragraphs = (p for topic in topics.values() for p in topic.split("\n\n"))
    prose = [
        " ".join(p.split())
        for p in paragraphs
        if p[:1].isalpha() and not re.search(r"^[*=~-]{3}", p, re.M)
    ]
    return "\n".join(dict.fromkeys(prose) if once else prose)


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
    """Cut text in three: 80 % for training, then 10 % for validation, 10 % to test."""
    first, second = len(text) * 8 // 10, len(text) * 9 // 10
    return [text[:first], text[first:second], text[second:]]


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
