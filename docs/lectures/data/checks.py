"""The checks of the lab on data: what each answer must do, and what mistakes look like."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from neuronup.exercises import call, expect, tensor


def _index_lists(found: Any, k: int) -> list[list[int]]:
    """The folds that an answer gave, as lists of whole numbers."""
    assert isinstance(found, list | tuple) or hasattr(found, "__len__"), (
        f"return a list of {k} folds, each a tensor of indices"
    )
    assert len(found) == k, f"return {k} folds, not {len(found)}"
    return [[int(each) for each in tensor(fold).flatten()] for fold in found]


def folds(folds: Callable[..., Any]) -> None:
    """Stratified folds: every index once, each class alike, shuffled by the generator."""

    def parts(y: Tensor, k: int, seed: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(seed)
        found = folds(y.clone(), k, generator)
        assert found is not None, "folds returns nothing yet"
        return _index_lists(found, k)

    for counts, k in (((40, 12, 8), 4), ((31, 14), 3)):
        sizes = torch.tensor(counts)
        y = torch.arange(len(counts)).repeat_interleave(sizes)
        y = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(5))]
        found = parts(y, k, 0)
        together = sorted(index for fold in found for index in fold)
        assert len(together) >= len(y), (
            "some examples are in no fold: every index belongs in exactly one"
        )
        assert together == list(range(len(y))), (
            "every index belongs in exactly one fold, and no other numbers: return indices, not labels"
        )
        for label, count in enumerate(counts):
            each = [int((y[fold] == label).sum()) for fold in found]
            assert max(each) - min(each) <= 1, (
                f"each class alike: of {count} examples of class {label} the folds hold {each}"
            )
    y = torch.tensor([0] * 30 + [1] * 20)
    assert parts(y, 5, 0) == parts(y, 5, 0), (
        "the same generator must give the same folds: use only it to shuffle"
    )
    first, other = (set(parts(y, 5, seed)[0]) for seed in (0, 1))
    assert first != other, (
        "shuffle within each class with the generator: another seed, other folds"
    )


def suspects(suspects: Callable[..., Any]) -> None:
    """The share of test images near some training image, by hand on images of few pixels."""
    train = torch.tensor(
        [
            [[[0.0, 0.0], [0.0, 0.0]]],
            [[[1.0, 1.0], [1.0, 1.0]]],
            [[[9.0, 0.0], [0.0, 0.0]]],
        ]
    )
    test = torch.tensor(
        [
            [[[0.3, 0.3], [0.0, 0.0]]],  # 0.42 from the first
            [[[5.0, 5.0], [5.0, 5.0]]],
            [[[1.0, 1.0], [1.0, 1.0]]],  # a copy
            [[[0.0, 0.0], [0.7, 0.0]]],  # 0.7 from the first
            [[[1.4, 1.4], [1.4, 1.4]]],  # 0.8 from the second
        ]
    )
    wrong_side = "the share of *test* images: for each test image, look at its nearest training image"
    expect(
        call(suspects, train, test, 0.5),
        0.4,
        "two of these five test images are closer than 0.5 to a training image: the distance is the root of the sum of squares, and the share is of those that are closer",
        {
            "the distance is over all pixels: a sum, not a mean": 0.8,
            "the Euclidean distance squares the differences; it does not add their absolute values": 0.2,
            "the share, not the number, of test images": 2.0,
            wrong_side: 2 / 3,
            "count each test image once, whatever the number of training images near it": 2
            / 15,
        },
    )
    expect(
        call(suspects, train, test, 0.75),
        0.6,
        "three of these five are closer than 0.75: use the limit that is given",
    )
    expect(
        call(suspects, test, train, 0.75),
        2 / 3,
        "with three other test images the share is two of three: compute it from the images",
        {wrong_side: 0.6},
    )


def honest(honest: Callable[..., Any]) -> None:
    """Held-out accuracy that owes nothing to held-out or other patients."""
    drawn = torch.Generator().manual_seed(3)
    y = torch.randint(2, (90,), generator=drawn)
    x = 5 + 2 * torch.randn(90, 300, generator=drawn)
    x[:, :4] += 2.0 * y[:, None]
    order = torch.randperm(90, generator=drawn)
    train, held_out = order[:50], order[50:80]

    def score(x: Tensor, y: Tensor, held_out: Tensor) -> float:
        found = tensor(call(honest, x, y, train, held_out))
        assert found.dim() == 0, (
            "return one number, the accuracy on the patients held out"
        )
        assert 0 <= float(found) <= 1, "return the accuracy: a share between 0 and 1"
        return float(found)

    whole = score(x, y, held_out)
    assert whole > 0.6, (
        f"here four columns say something, and a classifier should find out: {whole:.0%} is too low"
    )
    others = x.clone()
    others[order[80:]] = torch.nan
    ignored = score(others, y, held_out)
    assert abs(ignored - whole) < 1e-6, (
        "patients who are neither in train nor in held_out have a say: choose columns and scale by x[train] alone"
    )
    flipped = y.clone()
    flipped[held_out] = 1 - flipped[held_out]
    assert abs(score(x, flipped, held_out) + whole - 1) < 1e-6, (
        "held-out labels have a say in the choice of columns: choose by y[train] alone"
    )
    for size in (1, 10, 25):
        a, b = held_out[:size], held_out[size:]
        shares = size * score(x, y, a) + (30 - size) * score(x, y, b)
        assert abs(shares / 30 - whole) < 1e-6, (
            "held-out patients have a say in how others are scaled: scale by mean and standard deviation of x[train]"
        )
    noise = []
    for seed in range(10):
        drawn = torch.Generator().manual_seed(seed)
        nothing = torch.randn(90, 300, generator=drawn)
        noise.append(score(nothing, torch.randint(2, (90,), generator=drawn), held_out))
    mean = sum(noise) / len(noise)
    assert 0.35 < mean < 0.65, f"noise cannot be predicted, but you report {mean:.0%}"


def fill(fill: Callable[..., Any]) -> None:
    """Gaps filled with the training median of their column, and columns that say where they were."""
    nan = torch.nan
    train = torch.tensor(
        [[1.0, 10.0], [2.0, nan], [9.0, 40.0], [nan, 20.0], [4.0, nan], [6.0, nan]]
    )
    x = torch.tensor([[nan, 7.0], [3.0, nan], [8.0, 9.0], [nan, nan]])
    gaps = x.isnan().float()

    def filled(*values: float) -> Tensor:
        return torch.cat([torch.where(x.isnan(), torch.tensor(values), x), gaps], dim=1)

    found = tensor(call(fill, x, train))
    assert found.dim() == 2, "return a table, (n, 2 d), a row for each row of x"
    assert len(found) == 4, (
        f"return a row for each of the 4 rows of x, not {len(found)} rows"
    )
    assert found.shape[1] != 2, (
        "add a column for each column: 1 where there was a gap, 0 elsewhere"
    )
    assert found.shape[1] == 4, (
        f"2 columns, and an indicator for each, make 4 columns, not {found.shape[1]}"
    )
    assert not found.isnan().any(), (
        "there are gaps left: leave them out before you take the median"
    )
    turned = torch.cat([filled(4.0, 20.0)[:, :2], 1 - gaps], dim=1)
    expect(
        found,
        filled(4.0, 20.0),
        "each gap holds the median of its column in train, 4 and 20; then an indicator for each column",
        {
            "the median, not the mean": filled(4.4, 70 / 3),
            "the median of the training rows, not of the rows that are filled": filled(
                3.0, 7.0
            ),
            "the median of train, not of x": filled(5.5, 8.0),
            "the median of each column, not of all numbers together": filled(6.0, 6.0),
            "the median, not zero": filled(0.0, 0.0),
            "the indicator is 1 where there was a gap, 0 elsewhere": turned,
            "first the filled columns, then the indicators": filled(4.0, 20.0)[
                :, [2, 3, 0, 1]
            ],
            "the median of the known values: a gap is no zero": filled(2.0, 0.0),
            "the median of the known values: gaps are not zeros": filled(3.0, 5.0),
        },
    )
    again = torch.tensor([[nan, 1.0, 2.0]])
    base = torch.tensor([[5.0, 0.0, 0.0], [7.0, 0.0, 0.0], [100.0, 0.0, 0.0]])
    expect(
        call(fill, again, base),
        [[7.0, 1.0, 2.0, 1.0, 0.0, 0.0]],
        "with three columns, and one row to fill: the median of 5, 7 and 100 is 7",
    )


def threshold_for(threshold_for: Callable[..., Any]) -> None:
    """The largest threshold that finds the wanted share of positives, by hand."""
    y = torch.tensor([0, 1, 0, 1, 0, 1, 1, 0, 0, 1])
    score = torch.tensor([0.95, 0.2, 0.1, 0.9, 0.5, 0.7, 0.4, 0.8, 0.3, 0.6])
    expect(
        call(threshold_for, y, score, 0.6),
        0.6,
        "three of five positives, 0.9, 0.7 and 0.6, are enough: the threshold is the third highest score of a positive",
        {
            "go only as far down as needed: this finds more positives than wanted": 0.4,
            "this finds too few: three of five positives score at least 0.6": 0.7,
            "the share of the *positives*, y == 1, not of all examples": 0.5,
            "the largest threshold that finds enough, not the smallest": 0.1,
        },
    )
    expect(
        call(threshold_for, y, score, 1.0),
        0.2,
        "to find all five, go down to 0.2, the lowest score of a positive, and no further",
        {
            "the lowest score of a *positive*, not of all examples": 0.1,
            "a score from the threshold on means yes, so this one is found, too": 0.4,
        },
    )
    expect(
        call(threshold_for, y, score, 0.5),
        0.6,
        "half of five is 2.5: three must be found, so round up",
        {"half of five is 2.5: two are not enough, so round up": 0.7},
    )
    expect(
        call(
            threshold_for, torch.tensor([1, 0, 1]), torch.tensor([-3.0, 5.0, -1.0]), 0.5
        ),
        -1.0,
        "scores may be of any size, below 0 too",
    )
