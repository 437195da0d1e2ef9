"""The checks of the lab on the history of AI: what each answer must do, and what mistakes look like."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from history import fixed_split
from neuronup.exercises import call, expect, tensor

Rules = list[tuple[str, list[str]]]


def conclude(conclude: Callable[..., Any]) -> None:
    """Forward chaining: over a chain against the order of the rules, and round a circle."""
    rules: Rules = [
        ("stops late", ["slippery", "fast"]),
        ("slippery", ["ice"]),
        ("wet feet", ["puddle", "sandals"]),
        ("ice", ["puddle", "frost"]),
        ("puddle", ["rain"]),
        ("dirt road", ["mud"]),
        ("mud", ["dirt road", "rain"]),
    ]

    def after(*facts: str) -> set[str]:
        found = call(conclude, rules, set(facts))
        assert isinstance(found, set | frozenset | list | tuple), (
            f"return a set of words, not a {type(found).__name__}"
        )
        return set(found)

    def told(words: set[str]) -> str:
        return ", ".join(sorted(words)) or "nothing"

    def tried(facts: set[str], right: set[str], mistakes: dict[str, set[str]]) -> None:
        found = after(*facts)
        for text, wrong in mistakes.items():
            assert found == right or found != wrong, text
        assert found == right, (
            f"from {told(facts)} should follow {told(right - facts)}, and not {told(found - facts)}"
        )

    tried(
        {"sandals", "mild"},
        {"sandals", "mild"},
        {
            "return the given facts too: they hold as well": set(),
            "a rule fires only if *all* of its conditions hold": {
                "sandals",
                "mild",
                "wet feet",
            },
        },
    )
    facts = {"rain", "frost", "fast"}
    right = facts | {"puddle", "ice", "slippery", "stops late"}
    tried(
        facts,
        right,
        {
            "return the given facts too: they hold as well": right - facts,
            "a rule fires only if *all* of its conditions hold": right
            | {"wet feet", "mud", "dirt road"},
            "one pass over the rules is not enough: what the last one adds, the first may need": facts
            | {"puddle"},
            "two passes over the rules are not enough: repeat until a pass adds nothing": facts
            | {"puddle", "ice"},
            "three passes over the rules are not enough: repeat until a pass adds nothing": right
            - {"stops late"},
        },
    )
    tried(
        {"rain", "mud"},
        {"rain", "mud", "puddle", "dirt road"},
        {
            "a conclusion may be given already: the others count all the same": {
                "rain",
                "mud",
            }
        },
    )
    long: Rules = [(str(n + 1), [str(n)]) for n in reversed(range(12))]
    assert set(call(conclude, long, {"0"})) == {str(n) for n in range(13)}, (
        "here a chain of twelve rules stands in the wrong order: repeat until a pass adds nothing, however many passes it takes"
    )


def is_eight(is_eight: Callable[..., Any]) -> None:
    """A rule on the images that may be looked at: of each image by itself, and right often enough."""
    x, digit, _, _ = fixed_split()
    these = (digit == 3) | (digit == 8)
    x, eight = x[these], digit[these] == 8
    try:
        found = tensor(call(is_eight, x))
    except (RuntimeError, ValueError) as error:
        if "ambiguous" not in str(error):
            raise
        raise AssertionError(
            "`if`, `and` and `or` ask for a single yes or no, and here are many images: "
            "combine conditions as in (a > 0.3) & (b > 0.3), or loop over the images"
        ) from None
    assert found.shape == eight.shape, (
        f"a yes or no for each image: shape {tuple(eight.shape)}, not {tuple(found.shape)}. "
        "x[:, 5, 2] is a pixel of each image"
    )
    assert not ((found == 3) | (found == 8)).all(), (
        "true for an 8 and false for a 3 are asked for, not the digits"
    )
    assert ((found == 0) | (found == 1)).all(), (
        "a yes or no for each image: compare what you measured with a number, as in patch > 0.3"
    )
    some = torch.arange(0, len(x), 25).flip(0)
    alone = [tensor(call(is_eight, x[k : k + 1])).reshape(-1) for k in some]
    assert torch.equal(torch.cat(alone), found[some]), (
        "of an image alone it says something else than of the same image among others: "
        "a rule looks at one image at a time, so compare with a fixed number, not with a mean over all images"
    )
    assert 0 < found.mean() < 1, (
        f"it says {'8' if found.any() else '3'} of every image: try another number to compare with"
    )
    right = float((found.bool() == eight).float().mean())
    assert right > 0.3, (
        f"it is right on {right:.0%} of the images, so turn it round: true for an 8, false for a 3"
    )
    missed = int((eight & ~found.bool()).sum())
    taken = int((~eight & found.bool()).sum())
    assert right >= 0.85, (
        f"it is right on {right:.1%} of the images, and 85 % are asked for. It takes {missed} of {int(eight.sum())} 8s for a 3, "
        f"and {taken} of {int((~eight).sum())} 3s for an 8"
    )


def best_fact(best_fact: Callable[..., Any]) -> None:
    """A small table in which each mistake chooses another fact, and one with a fact that never holds."""
    facts, digit = _table(
        """
        1010011 3
        0011011 4
        1110010 1
        1001100 3
        1001110 4
        0111001 3
        1001010 3
        0000110 1
        1010000 3
        0000110 1
        0101010 8
        1110100 1
        1011101 3
        0000010 4
        """
    )
    right = [7, 7, 6, 8, 7, 7, 7]  # images that each fact gets right
    found = tensor(call(best_fact, facts, digit))
    assert not found.dim(), (
        f"a single number is asked for, which of the facts, not the shape {tuple(found.shape)}"
    )
    assert 0 <= found < len(right), (
        f"return which of the facts, 0 to {len(right) - 1}, not {found:g}: not the count itself"
    )
    mistakes = {
        0: "count in both parts, also where the fact does not hold",
        1: "count in both parts, also where the fact holds",
        2: "this is the fact with the lowest count; the highest is asked for",
        4: "facts are numbered from 0, not from 1",
        5: "this is the fact that holds most often; what counts is how many images it gets right",
        6: "add the two counts of images, not the shares: the parts are not equally large",
    }
    chosen = int(found)
    assert chosen == 3, (
        f"{mistakes.get(chosen)} (fact {chosen} gets {right[chosen]} images right, fact 3 gets {right[3]})"
    )
    facts, digit = _table(
        """
        01101 9
        01011 9
        01100 7
        01010 2
        01010 2
        01000 2
        """
    )
    try:
        found = call(best_fact, facts, digit)
    except (ValueError, IndexError, RuntimeError, KeyError):
        raise AssertionError(
            "here a fact holds of no image, another of all: an empty part gets no image right, "
            "so let its count be 0 (torch.bincount needs minlength=10)"
        ) from None
    expect(
        found,
        4,
        "the fact 4 holds of both 9s and of no other image: 2 right where it holds, 3 where it does not",
        {"count the digits of the data, which may be any from 0 to 9": 2},
    )
    others, more = _table(
        """
        11 1
        11 1
        11 1
        01 1
        11 2
        00 2
        01 3
        01 4
        """
    )
    expect(
        call(best_fact, others, more),
        1,
        "the fact 1 gets 5 images right, the fact 0 only 4",
        {
            "count the images that are classified correctly: halves of equal size are not asked for": 0
        },
    )
    expect(
        call(best_fact, facts[:, [4, 0, 1, 2]], digit),
        0,
        "the facts may come in another order, and fewer of them",
    )


def _table(lines: str) -> tuple[Tensor, Tensor]:
    """Read a table: facts (n, k) as 0 and 1, then the digit, (n,)."""
    rows = [line.split() for line in lines.strip().splitlines()]
    facts = torch.tensor([[mark == "1" for mark in marks] for marks, _ in rows])
    return facts, torch.tensor([int(digit) for _, digit in rows])


def forecast(forecast: Callable[..., Any]) -> None:
    """Growth by a factor, over spans of other lengths, forwards, backwards and between."""

    def found(
        earlier: tuple[float, float], later: tuple[float, float], year: float
    ) -> object:
        return call(forecast, earlier, later, year)

    expect(
        found((2010.0, 2.0), (2012.0, 10.0), 2018.0),
        1250.0,
        "from 2 to 10 in two years is five times as much, so after six more years it is 10 · 5 · 5 · 5",
        {
            "compute *multiplies*: this adds as much in each year": 34.0,
            "go on from the later model: this begins at the earlier one": 250.0,
            "the factor is for all the years between the two models, here two, not for one": 156250.0,
            "count the years from the later model, not from the earlier one": 6250.0,
            "this is the factor for one span; the year asked for is three spans later": 50.0,
            "this is the growth: multiply it by the compute of the later model": 125.0,
            "a power is meant, `factor ** spans`, not a product": 150.0,
            "take the factor between the two models: it is not always a doubling": 80.0,
            "the growth from one model to the other is later by earlier": 0.08,
        },
    )
    expect(
        found((2010.0, 2.0), (2014.0, 32.0), 2015.0),
        64.0,
        "from 2 to 32 in four years is a doubling each year, so after one more year it is 64",
        {
            "the power need not be a whole number: divide years with `/`, not `//`, and do not round": 32.0,
        },
    )
    expect(
        found((2000.0, 8.0), (2001.0, 4.0), 2003.0),
        1.0,
        "what halves every year has halved twice more after two years",
    )
    expect(
        found((2012.0, 1.0), (2014.0, 100.0), 2013.0),
        10.0,
        "halfway between the two models it is the root of the factor: the power may be negative",
    )
