"""The checks of the lab on learning: what each answer must do, and what mistakes look like."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from learning import advise
from neuronup.exercises import call, expect, tensor


def learn_one(learn_one: Callable[..., Any]) -> None:
    """One more image for a mean: of several, of none, and of one so far."""
    mean = torch.tensor([[2.0, -3.0], [0.0, 0.0], [1.0, 4.0]])
    count = torch.tensor([4.0, 0.0, 1.0])
    image = torch.tensor([7.0, 2.0])

    def after(label: int) -> tuple[Tensor, Tensor]:
        found = call(learn_one, mean, count, image, label)
        assert isinstance(found, tuple | list), (
            "return two things: the new means, and the new counts"
        )
        assert len(found) == 2, (
            f"return two things, the new means and the new counts, not {len(found)}"
        )
        return tensor(found[0], 3, 2), tensor(found[1], 3)

    def row(label: int, *values: float) -> Tensor:
        moved = mean.clone()
        moved[label] = torch.tensor(values)
        return moved

    moved, counted = after(0)
    expect(
        moved,
        row(0, 3, -2),
        "row 0 is the average of four images, and this is a fifth: it should move by a fifth of the way",
        {
            "nothing moved: row 0 should move by a fifth of the way to the image": mean,
            "halfway is too far: four images have made this mean, and this is only one": row(
                0, 4.5, -0.5
            ),
            "divide by the new count, 5, not by the old one, 4": row(0, 3.25, -1.75),
            "the old mean stands for four images: weigh it with 4": row(0, 1.8, -0.2),
            "this is the image itself: the four before it count too": row(0, 7, 2),
            "divide by the new count: this is still the sum of the five images": row(
                0, 15, -10
            ),
            "only the row of the label should move": mean + (image - mean) / 5,
        },
    )
    expect(
        counted,
        [5, 0, 1],
        "the count of label 0 goes up by one, the others stay",
        {
            "the counts should go up too: by one, for the label of the image": count,
            "only the count of the label goes up": count + 1,
        },
    )
    expect(
        after(1)[0],
        row(1, 7, 2),
        "of the first image of a label, the mean is the image itself",
    )
    expect(
        after(2)[0],
        row(2, 4, 3),
        "of two images, the mean lies halfway between them",
    )


def step(step: Callable[..., Any]) -> None:
    """One step of k-medoids, from centres that are no members, with outliers in two groups."""
    groups = [[(1, 0), (2, 1), (3, 0), (4, 1), (20, 2)], [(50, 9), (52, 5), (69, 7)]]
    near, far = (torch.tensor(group, dtype=torch.float32) for group in groups)
    x = torch.cat([far[2:], near[3:], near[:3], far[:2]])  # in no order
    initial = torch.tensor([[60.0, 4.0], [16.0, 1.0]])

    def closest_to_mean(points: Tensor) -> Tensor:
        return points[(points - points.mean(dim=0)).norm(dim=1).argmin()]

    expect(
        call(step, x, initial),
        [[52.0, 5.0], [3.0, 0.0]],
        "of each group the member with the smallest sum of distances to the others, in the order of the centres",
        {
            "this is k-means: a centre should be one of the members, not their average": torch.stack(
                [far.mean(dim=0), near.mean(dim=0)]
            ),
            "this is the member nearest to the average (the smallest sum of *squared* distances): sum the distances themselves": torch.stack(
                [closest_to_mean(far), closest_to_mean(near)]
            ),
            "argmin gives a number among the *members*: take members[number], not x[number]": x[
                [2, 4]
            ],
            "the largest sum of distances: take the smallest": [
                [69.0, 7.0],
                [20.0, 2.0],
            ],
            "these are the points nearest to the old centres: move on, to the middle of each group": [
                [52.0, 5.0],
                [20.0, 2.0],
            ],
            "the order is wrong: row 0 is the new centre of the group of row 0": [
                [3.0, 0.0],
                [52.0, 5.0],
            ],
            "nothing moved: return the new centres": initial,
            "the groups come first: sum the distances to the members of a group only": x[
                [2, 2]
            ],
        },
    )
    three = torch.tensor([[18.0, 3.0], [1.5, 0.5], [55.0, 6.0]])
    expect(
        call(step, x[x[:, 0] != 2], three),
        [[20.0, 2.0], [3.0, 0.0], [52.0, 5.0]],
        "with three centres, and without the point (2, 1): there may be any number of both",
    )


def closest_pair(closest_pair: Callable[..., Any]) -> None:
    """The pair of labels whose means are closest, where single points and sums mislead."""
    number = torch.arange(10.0)
    centres = torch.stack([number**2, 30 * ((7 * number) % 10)], dim=1)
    centres[7] = centres[4] + torch.tensor([1.5, -2.0])
    spread = torch.tensor([[8.0, -6.0], [-5.0, 9.0], [-3.0, -3.0]])
    points = (centres[:, None] + spread * (1 + number % 3)[:, None, None]).flatten(0, 1)
    label = torch.arange(10).repeat_interleave(3)
    touching = torch.stack([centres[0] - centres[9], centres[9] - centres[0]]) / 2
    points = torch.cat([points, centres[[9, 9, 0, 0]]])
    points[30:] += torch.cat([touching, -touching])
    label = torch.cat([label, torch.tensor([9, 9, 0, 0])])
    double = (label == 4).nonzero()[:, 0]  # all of a label twice: the same mean
    points, label = (torch.cat([each, each[double]]) for each in (points, label))

    def found(label: Tensor) -> tuple[int, ...]:
        pair = tensor(call(closest_pair, points, label))
        assert pair.shape == (2,), (
            f"two labels are asked for, not the shape {tuple(pair.shape)}"
        )
        return tuple(int(each) for each in pair)

    pair = found(label)
    assert pair[0] != pair[1], "a label is not a pair with itself"
    assert set(pair) != {0, 9}, (
        "0 and 9 have the closest single points: compare the ten means"
    )
    assert set(pair) != _extreme(centres), "the pair farthest apart: take the closest"
    assert set(pair) == {4, 7}, f"here the means of 4 and 7 are closest, not of {pair}"
    assert pair == (4, 7), f"the smaller first: (4, 7), not {pair}"
    pair = found((label + 5) % 10)
    assert pair == (2, 9), (
        f"where 2 and 9 have the closest means it gives {pair}: compute it from the points, the smaller first"
    )


def choose(choose: Callable[..., Any]) -> None:
    """The action of an agent: exploring, with means, with means that are missing, with none."""
    image = torch.tensor([0.2, 0.9, 0.4, 0.6])
    kinds = torch.tensor(
        [
            [0.9, 0.1, 0.8, 0.3],
            [0.3, 0.8, 0.4, 0.5],
            [2, 2, 2, 2],
            [0, 0, 0.1, 0.1],
            [3.5, 0, 0, 0],
        ]
    )
    count = torch.tensor([5, 3, 4, 8, 6, 2, 7, 9, 11, 10.0])[:, None]
    mean = kinds[[0, 0, 3, 0, 4, 3, 0, 1, 2, 0]] + 0.01 * torch.arange(10.0)[:, None]
    some = count.clone()
    some[[0, 5, 9]] = 0

    def action(image: Tensor, count: Tensor, explores: bool) -> int:
        found = tensor(call(choose, image, mean * count, count, explores))
        assert found.numel() == 1, (
            f"one digit is asked for, not the shape {tuple(found.shape)}"
        )
        digit = float(found.flatten()[0])
        assert digit in range(10), f"a digit from 0 to 9, not {digit:g}"
        return int(digit)

    assert action(image, some, True) in (0, 5, 9), (
        "where it explores, it names a digit with the smallest count, here 0, 5 or 9, which have none"
    )
    far = ((mean - image).norm(dim=1)).argmax()
    total = (mean * count - image).norm(dim=1).argmin()
    expect(
        action(image, count, False),
        7,
        "where it does not explore, it names the digit whose mean is nearest",
        {
            "it explores only if explores is true: this is the smallest count": 5,
            "the mean is total / count: this is the digit of the nearest total": total,
            "the nearest mean, not the farthest": far,
            "the largest product is not the smallest distance: compare the distances": (
                mean @ image
            ).argmax(),
        },
    )
    expect(
        action(image, count, True),
        5,
        "where it explores, it names the digit with the smallest count",
        {
            "the smallest count, not the largest": 8,
            "where explores is true, it names the digit with the smallest count, not the nearest mean": 7,
            "this is the smallest mean pixel: look at count": mean.sum(dim=1).argmin(),
        },
    )
    dark = torch.zeros(4)
    assert action(dark, some, False) not in (0, 5, 9), (
        "a digit without a mean is never the nearest: there total / count is 0 / 0, not a number"
    )
    expect(
        action(dark, some, False),
        2,
        "for another image another mean is nearest: compare it with each of them",
    )
    action(image, torch.zeros(10, 1), False)  # whatever digit, but a digit


def answers(answers: Callable[..., Any]) -> None:
    """Five times true or false for each of three tasks, judged by where they lead."""
    wanted = {
        "leap year": "write rules",
        "bird songs": "learn, supervised",
        "warehouse": "learn, by reinforcement",
    }
    for task, what in wanted.items():
        given = call(answers, task)
        asked = (
            f"{task}: five times True or False are asked for, such as (True, False, …)"
        )
        assert isinstance(given, Iterable), asked
        assert not isinstance(given, str | dict), asked
        given = list(given)
        quoted = [each for each in given if isinstance(each, str)]
        assert not quoted, f"{task}: True or False, without quotes, not {quoted[0]!r}"
        flags = tensor(given)
        assert flags.shape == (5,), (
            f"{task}: five answers are asked for, one a question, not the shape {tuple(flags.shape)}"
        )
        assert ((flags == 0) | (flags == 1)).all(), f"{task}: only True or False"
        advice = advise(*(bool(flag) for flag in flags))
        assert advice.what == what, (
            f"{task}: your answers lead to “{advice.what}” ({advice.why}), not to “{what}”"
        )


def _extreme(centres: Tensor) -> set[int]:
    """The pair of rows of `centres` that are farthest apart."""
    return set(divmod(int(torch.cdist(centres, centres).argmax()), len(centres)))
