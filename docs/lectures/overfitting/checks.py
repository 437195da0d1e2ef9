"""The checks of the lab on overfitting: what each answer must do, and what mistakes look like."""

from collections.abc import Callable
from math import isclose
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from neuronup.exercises import call, expect, tensor


def _pair(found: Any, what: str) -> list[Any]:
    """Return the two things that an answer found, as a list."""
    assert isinstance(found, tuple | list) or getattr(found, "ndim", 0) > 0, (
        f"return two things: {what}"
    )
    pair = list(found)
    assert len(pair) == 2, f"return two things, {what}, not {len(pair)}"
    return pair


def stop(stop: Callable[..., Any]) -> None:
    """Patience: six lists of losses, of several lengths, with patience of 1, 2 and 3."""

    def after(losses: list[float], patience: int) -> list[Any]:
        found = call(stop, losses, patience)
        return _pair(found, "the best epoch, and the epoch after which training ended")

    expect(
        after([3.0, 2.5, 2.0, 1.0], 2),
        (4, 4),
        "the loss falls to the end: training ends after epoch 4, which is the best",
        {
            "count epochs from 1, not from 0": (3, 3),
            "the best epoch is asked for, not its loss": (1, 4),
        },
    )
    losses = [3.0, 2.0, 2.5, 2.4, 2.6, 2.7, 1.0]
    early = "compare with the lowest loss so far, not with that of the epoch before"
    expect(
        after(losses, 2),
        (2, 4),
        f"the losses are {losses}, patience is 2: epochs 3 and 4 bring no new lowest, so training ends after 4",
        {
            "training ends after epochs 3 and 4, two without a new lowest: what comes later is never seen": (
                7,
                7,
            ),
            early: (4, 6),
            "a wait ends only with a new lowest loss, not with one lower than the last": (
                2,
                6,
            ),
            "count both epochs from 1, not from 0": (1, 3),
            "one epoch too late: epochs 3 and 4 are two in a row": (2, 5),
            "one epoch too early: epoch 3 is only the first without a new lowest": (
                2,
                3,
            ),
            "first the epoch to go back to, then the one after which training ended": (
                4,
                2,
            ),
            "go back to the best epoch, not to the last": (4, 4),
        },
    )
    expect(
        after([3.0, 2.0, 2.5, 1.5, 1.6, 1.4], 2),
        (6, 6),
        "epoch 4 is a new lowest, so epoch 5 is the first without one, and epoch 6 is the best",
        {"a new lowest starts the wait anew: set the count back to 0": (4, 5)},
    )
    expect(
        after([1.0, 1.0, 1.0, 0.5], 2),
        (1, 3),
        "three equal losses, patience 2: training ends after epoch 3, and epoch 1 is the best",
        {"an equal loss is not a lower one: < and not <=": (4, 4)},
    )
    expect(
        after([2.0, 1.0, 1.5], 2),
        (2, 3),
        "patience is not exhausted: training ends after the last epoch, 3, and the best is 2",
        {
            "if patience is not exhausted, go back to the best epoch, not to the last": (
                3,
                3,
            ),
            "if patience is not exhausted, training ends after the last epoch": (2, 2),
        },
    )
    expect(
        after([7e6, 9e6, 8e6, 3e6, 4e6, 5e6, 6e6, 1e6], 3),
        (4, 7),
        "losses may be large, and patience another: with 3, training ends after epoch 7, and epoch 4 is the best",
        {"use the patience that is given, which is 3 here": (1, 3)},
    )


def drop(drop: Callable[..., Any]) -> None:
    """Weights dropped in a layer: two sizes and two probabilities, in training and in evaluation."""
    drawn = torch.Generator().manual_seed(0)
    for n, inputs, outputs, p in ((4, 3, 2, 0.75), (2, 5, 3, 0.2)):
        x = torch.randn(n, inputs, generator=drawn)
        weight = torch.randn(outputs, inputs, generator=drawn)
        bias = torch.randn(outputs, generator=drawn) + 1
        kept = (torch.arange(outputs * inputs) % 3 != 1).float().reshape(weight.shape)
        thin, whole = linear(x, weight * kept), linear(x, weight)
        expect(
            call(drop, x, weight, bias, kept, p, True),
            thin / (1 - p) + bias,
            f"p is {p}, in training: a layer with weight * kept / (1 - p), and the bias as it is",
            {
                "divide the weights that are kept by 1 - p, so that the mean stays": thin
                + bias,
                "divide the weights by 1 - p, not the bias: it is never dropped": (
                    thin + bias
                )
                / (1 - p),
                "divide by 1 - p, the share that is kept, not by p": thin / p + bias,
                "divide by 1 - p, do not multiply: fewer weights need to be larger": thin
                * (1 - p)
                + bias,
                "kept is 1 where a weight is kept, 0 where it is dropped: the other way round": linear(
                    x, weight * (1 - kept)
                )
                / (1 - p)
                + bias,
                "do not forget the bias": thin / (1 - p),
                "in training, drop weights: multiply them by kept": whole + bias,
                "divide, but drop too: multiply the weights by kept": whole / (1 - p)
                + bias,
            },
        )
        expect(
            call(drop, x, weight, bias, kept, p, False),
            whole + bias,
            "in evaluation it is an ordinary layer, with all weights",
            {
                "in evaluation nothing is dropped: look at training": thin / (1 - p)
                + bias,
                "in evaluation nothing is dropped, even without a division": thin
                + bias,
                "in evaluation do not divide: all weights are there": whole / (1 - p)
                + bias,
                "in evaluation do not multiply by 1 - p: training has divided already": whole
                * (1 - p)
                + bias,
                "do not forget the bias in evaluation": whole,
            },
        )


def choose(choose: Callable[..., Any]) -> None:
    """A search that may ask for one test score: three tables, their best in other places."""
    for strengths, validation, test in (
        ([0.1, 0.2, 0.3], [0.80, 0.90, 0.85], [0.99, 0.84, 0.86]),
        ([0.5, 0.02, 0.7, 0.1], [0.61, 0.55, 0.58, 0.72], [0.52, 0.81, 0.66, 0.68]),
        ([3.0, 0.04], [0.42, 0.31], [0.37, 0.46]),
    ):
        _search(choose, strengths, {"validation": validation, "test": test})


def _search(
    choose: Callable[..., Any], strengths: list[float], tables: dict[str, list[float]]
) -> None:
    """Try a search on accuracies, by part, in the order of the strengths."""
    asked: list[str] = []

    def score(strength: float, part: str) -> float:
        assert part in tables, (
            f'score knows "validation" and "test", not {part!r}: choose on validation'
        )
        places = [
            place
            for place, each in enumerate(strengths)
            if isclose(each, float(strength), rel_tol=1e-4)
        ]
        assert places, (
            f"score was asked about {float(strength):g}, which is not one of the strengths: "
            "give it a strength, not its place"
        )
        asked.append(part)
        return tables[part][places[0]]

    found = _pair(
        call(choose, strengths, score), "the strength, and its accuracy on the test"
    )
    assert "test" in asked, (
        'report an accuracy on the test: ask for score(strength, "test") once'
    )
    assert asked.count("test") == 1, (
        f"you asked for a test score {asked.count('test')} times, not once: "
        "choose on validation, then test the one strength you chose"
    )
    best, test = tables["validation"], tables["test"]
    winner = best.index(max(best))
    worst = best.index(min(best))
    expect(
        found[0],
        strengths[winner],
        "take the strength with the highest accuracy on validation",
        {
            "take the strength with the *highest* accuracy, not the lowest": strengths[
                worst
            ],
            "return the strength, not its place in the list": winner,
            "return the strength, not its accuracy on validation": max(best),
            "first the strength, then its accuracy": test[winner],
        },
    )
    expect(
        found[1],
        test[winner],
        "report the test accuracy of the strength you chose",
        {
            "report its accuracy on the test, even if lower: that on validation was chosen for being high": max(
                best
            )
        },
    )


def honest(honest: Callable[..., Any]) -> None:
    """No leak: held-out labels count in the accuracy alone; and what there is to find is found."""

    def accuracy(x: Tensor, y: Tensor, held_out: Tensor) -> float:
        found = tensor(call(honest, x, y, held_out))
        assert found.numel() == 1, (
            f"one number is asked for, the accuracy, not the shape {tuple(found.shape)}"
        )
        share = float(found.reshape(()))
        assert 0 <= share <= 1, (
            f"return the accuracy as a share between 0 and 1, not {share:g}"
        )
        return share

    dependent = False
    for seed in range(4):
        x, y, held_out = _patients(seed, signal=0)
        turned = torch.where(held_out, -y, y)
        dependent |= accuracy(x, y, held_out) != accuracy(x, turned, held_out)
    assert dependent, (
        "with all labels of held-out patients turned round, the accuracy is the same: "
        "compare the predictions for x[held_out] with y[held_out]"
    )
    noise = sum(accuracy(*_patients(seed, signal=0)) for seed in range(40)) / 40
    assert noise < 0.57, (
        f"on pure noise it still claims {noise:.0%}: which line uses labels that are held out?"
    )
    assert noise > 0.43, (
        f"on pure noise it should claim about 50 %, not {noise:.0%}: "
        "count the predictions that are equal to the labels"
    )
    for seed in range(5):
        x, y, held_out = _patients(seed, signal=0)
        of_three = torch.arange(len(y)) // 4 % 3
        parts = [
            accuracy(x, torch.where(held_out & (of_three == each), -y, y), held_out)
            for each in range(3)
        ]  # each turns a part of the labels, so what was right there is now wrong
        assert isclose(sum(parts), 1 + accuracy(x, y, held_out), abs_tol=1e-3), (
            "the predictions change with the labels of held-out patients: choose the measurements "
            "and compute the two means from the rows ~held_out alone, then test on the rows held_out"
        )
    known = sum(accuracy(*_patients(seed, signal=5)) for seed in range(15)) / 15
    assert known > 0.88, (
        f"where five measurements go with the label it finds them too rarely, and has {known:.0%}: "
        "choose 20 by most_telling, as in the report, but on the rows ~held_out"
    )


def _patients(seed: int, signal: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw x (60, 1000), y (60,), and the 20, ten of each class, who are held out.

    `signal` columns know y; the others are noise.
    """
    drawn = torch.Generator().manual_seed(seed)
    x, y = torch.randn(60, 1000, generator=drawn), torch.ones(60)
    shuffled = torch.randperm(60, generator=drawn)
    y[shuffled[:30]] = -1
    x[:, 100 : 100 + signal] += y[:, None]
    held_out = torch.zeros(60, dtype=torch.bool)
    held_out[shuffled[20:40]] = True
    return x, y, held_out
