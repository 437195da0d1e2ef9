"""The pages about the course: the answers of the self-test are right, and what the refresher says holds."""

import math
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

PLANS = Path(__file__).parents[1] / "docs" / "course" / "plans"
SLOT = re.compile(r"^\| (\d\d):(\d\d) \| (\d\d):(\d\d) \| (.+?) \|", re.M)


def slots(plan: str) -> list[tuple[int, int, str]]:
    """List the slots of a plan's timetable: from, to, in minutes, and what."""
    found = SLOT.findall((PLANS / f"{plan}.md").read_text(encoding="utf-8"))
    return [(int(a) * 60 + int(b), int(c) * 60 + int(d), what) for a, b, c, d, what in found]


@pytest.mark.parametrize(("plan", "start", "end"), [("workshop", 540, 1020), ("class", 0, 180), ("webinar", 0, 60)])
def test_a_timetable_fills_its_day_without_a_gap(plan: str, start: int, end: int) -> None:
    day = slots(plan)
    assert (day[0][0], day[-1][1]) == (start, end)
    assert all(before[1] == after[0] for before, after in pairwise(day))
    assert all(begin < finish for begin, finish, _ in day)


def test_the_workshop_has_four_hands_ons_of_two_and_a_half_hours_recaps_and_breaks() -> None:
    day = slots("workshop")
    hands_on = [finish - begin for begin, finish, what in day if "Hands-on" in what]
    assert len(hands_on) == 4
    assert abs(sum(hands_on) - 150) <= 10
    assert sum("Recap" in what for *_, what in day) == 3
    assert any("PyTorch" in what for _, finish, what in day if finish <= 12 * 60)  # before the first hands-on
    assert sum(what in ("Break", "Lunch") for *_, what in day) == 3


@pytest.mark.parametrize("plan", ["workshop", "class", "webinar", "semester"])
def test_slides_that_a_plan_names_are_there(plan: str) -> None:
    def bare(title: str) -> str:
        return re.sub(r"\W", "", re.sub(r"\{\{.*?\}\}|\$[^$]*\$", "", title)).lower()

    text = (PLANS / f"{plan}.md").read_text(encoding="utf-8")
    for topic, words in re.findall(r"lectures/(\w+)/slides\.md\)((?:(?!\]\().)*)", text):
        deck = (PLANS.parents[1] / "lectures" / topic / "slides.md").read_text(encoding="utf-8")
        titles = [bare(title) for title in re.findall(r"^#+ (.*)", deck, flags=re.M)]
        for quoted in re.findall(r'"([^"]+)"', words):
            assert any(bare(quoted) in title for title in titles), f"{topic} has no slide {quoted!r}"


# --8<-- [start:f]
def f(numbers: list[float]) -> list[float]:
    entries, total = [], 0
    for number in numbers:
        total += number
        entries.append(total)
    return entries


# --8<-- [end:f]
# --8<-- [start:counter]
class Counter:
    def __init__(self) -> None:
        self.total = 0

    def __call__(self, number: int) -> int:
        self.total += number
        return self.total


def count_twice() -> int:
    counter = Counter()
    counter(1)
    total = counter(2)
    return total


# --8<-- [end:counter]


# --8<-- [start:answer-running]
def test_running_sums() -> None:
    assert f([2, 3, 4]) == [2, 5, 9]


# --8<-- [end:answer-running]
# --8<-- [start:answer-counter]
def test_an_object_that_is_called_remembers() -> None:
    assert count_twice() == 3


# --8<-- [end:answer-counter]
# --8<-- [start:answer-shapes]
def test_shapes_of_arrays() -> None:
    x, w = np.ones((5, 3)), np.ones(3)
    assert (x @ w).shape == (5,)
    assert (x + w).shape == (5, 3)
    assert x.mean(0).shape == (3,)


# --8<-- [end:answer-shapes]
# --8<-- [start:answer-dot]
def test_a_dot_product() -> None:
    assert np.dot([1, 2, -1], [3, 0, 2]) == 1


# --8<-- [end:answer-dot]
# --8<-- [start:answer-matrix]
def test_a_matrix_times_a_vector() -> None:
    product = np.array([[1, 0, 2], [0, 1, -1]]) @ np.array([1, 2, 3])
    assert product.tolist() == [7, -1]


# --8<-- [end:answer-matrix]
# --8<-- [start:answer-line]
def test_points_at_a_right_angle_to_a_vector_are_a_line() -> None:
    x1 = np.linspace(-3, 3, 7)
    points = np.stack([x1, 2 * x1], axis=1)
    assert np.allclose(points @ [2, -1], 0)


# --8<-- [end:answer-line]
# --8<-- [start:answer-slope]
def test_a_slope_by_the_chain_rule() -> None:
    step = 1e-6
    change = (3 * (1 + step) - 1) ** 2 - (3 * (1 - step) - 1) ** 2
    assert math.isclose(change / (2 * step), 12, rel_tol=1e-6)


# --8<-- [end:answer-slope]
# --8<-- [start:answer-gradient]
def test_a_gradient() -> None:
    x, y = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    (x**2 * y + y).backward()
    assert (x.grad, y.grad) == (12, 5)


# --8<-- [end:answer-gradient]
# --8<-- [start:answer-down]
def test_no_direction_falls_more_steeply_than_against_the_gradient() -> None:
    angles = np.linspace(0, 2 * np.pi, 3600, endpoint=False)
    x, y = 2 + 1e-4 * np.cos(angles), 3 + 1e-4 * np.sin(angles)
    steepest = angles[np.argmin(x**2 * y + y)]
    against = math.atan2(-5, -12) % (2 * np.pi)
    assert math.isclose(steepest, against, abs_tol=0.01)


# --8<-- [end:answer-down]
# --8<-- [start:answer-die]
def test_mean_and_variance_of_a_die() -> None:
    faces = np.arange(1, 7)
    assert faces.mean() == 3.5
    assert math.isclose(((faces - 3.5) ** 2).mean(), 35 / 12)


# --8<-- [end:answer-die]
# --8<-- [start:answer-bayes]
def test_an_alarm_is_mostly_false_where_the_illness_is_rare() -> None:
    ill_and_alarmed, healthy_and_alarmed = 0.01 * 0.9, 0.99 * 0.05
    share = ill_and_alarmed / (ill_and_alarmed + healthy_and_alarmed)
    assert round(share, 2) == 0.15


# --8<-- [end:answer-bayes]
# --8<-- [start:answer-logs]
def test_logarithms_add_up_where_a_product_vanishes() -> None:
    assert math.prod([0.1] * 400) == 0
    assert round(sum(math.log(0.1) for _ in range(400))) == -921


# --8<-- [end:answer-logs]
# --8<-- [start:refresh-shadow]
def test_a_dot_product_is_lengths_times_the_cosine() -> None:
    a, b = np.array([3.0, 0.0]), np.array([2.0, 2.0])
    angle = math.radians(45)
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    assert math.isclose(a @ b, lengths * math.cos(angle))


# --8<-- [end:refresh-shadow]
# --8<-- [start:refresh-chain]
def test_slopes_multiply_along_a_chain() -> None:
    x = torch.tensor(0.5, requires_grad=True, dtype=torch.float64)
    u = x**2  # slope in x: 2 x
    y = torch.exp(u)  # slope in u: exp(u)
    y.backward()
    torch.testing.assert_close(x.grad, (2 * x * torch.exp(u)).detach())


# --8<-- [end:refresh-chain]
# --8<-- [start:refresh-variance]
def test_a_mean_of_n_draws_varies_n_times_less() -> None:
    drawn = np.random.default_rng(0)
    means = drawn.integers(1, 7, size=(100_000, 25)).mean(axis=1)
    assert math.isclose(means.var(), 35 / 12 / 25, rel_tol=0.02)


# --8<-- [end:refresh-variance]
# --8<-- [start:refresh-softmax]
def test_exponentials_turn_scores_into_shares() -> None:
    scores = torch.tensor([2.0, 1.0, 0.0])
    shares = scores.exp() / scores.exp().sum()
    torch.testing.assert_close(shares, torch.softmax(scores, dim=0))


# --8<-- [end:refresh-softmax]
