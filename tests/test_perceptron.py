"""The perceptron: its theorem, its neurons against PyTorch's, XOR, and the solutions of the page's exercises."""

import json
from types import SimpleNamespace

import pytest
import torch
from conftest import drawings_of
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

import perceptron
from neuronup.activations import ACTIVATIONS, maxout, sigmoid, softmax
from neuronup.digits import train_test_digits
from neuronup.xor import lift, xor
from perceptron import (
    KernelPerceptron,
    LogisticRegression,
    Perceptron,
    fit,
    maximum_margin,
    mistake_bound,
    pair_accuracy,
    select_pair,
    separable,
)


def separable_points(seed: int, n: int = 40, d: int = 3) -> tuple[Tensor, Tensor]:
    """Draw points x (n, d) that a random line through no point splits, and their sides y (n,)."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator)
    side = x @ torch.randn(d, generator=generator) + torch.randn((), generator=generator)
    kept = side.abs() > 0.1
    return x[kept], side[kept].sign()


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_mistakes_stay_within_novikoffs_bound(seed: int) -> None:
    x, y = separable_points(seed)
    model = Perceptron(3)
    mistakes = fit(model, x, y, epochs=10_000)
    assert mistakes[-1] == 0
    if y.unique().numel() == 2:  # one class alone may need no line
        assert sum(mistakes) <= mistake_bound(x, y, model.weight, model.bias)
        assert sum(mistakes) <= mistake_bound(x, y, *maximum_margin(x, y))


def test_a_line_that_does_not_split_bounds_nothing() -> None:
    x, y = xor()
    with pytest.raises(ValueError, match="does not split"):
        mistake_bound(x, y, torch.tensor([1.0, 1.0]), torch.tensor(0.0))


def test_a_correction_moves_the_sum_by_the_squared_length_plus_one() -> None:
    model, x, y = Perceptron(2), torch.tensor([3.0, 4.0]), torch.tensor(1.0)
    assert model.learn(x, y)
    assert_close(x @ model.weight + model.bias, torch.tensor(26.0))
    assert not model.learn(x, y)


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=20)
def test_the_linear_program_agrees_with_a_clean_pass(seed: int) -> None:
    x, y = separable_points(seed)
    assert separable(x, y)
    doubled, contradiction = torch.cat([x, x[:1]]), torch.cat([y, -y[:1]])
    assert not separable(doubled, contradiction)


def test_a_linear_program_that_gives_up_is_no_answer(monkeypatch) -> None:
    gave_up = SimpleNamespace(status=1, message="Iteration limit reached.")
    monkeypatch.setattr("scipy.optimize.linprog", lambda *_, **__: gave_up)
    with pytest.raises(RuntimeError, match="limit reached"):
        separable(*xor())


def test_logistic_regression_does_not_learn_by_rosenblatts_rule() -> None:
    x, y = xor()
    with pytest.raises(AttributeError, match="learn"):
        fit(LogisticRegression(2), x, y, epochs=1)


def test_logistic_regression_predicts_the_side_that_is_more_probable() -> None:
    x, y = separable_points(5)
    model = LogisticRegression(3)
    for _ in range(500):
        model.gradient_step(x, y, rate=1.0)
    assert_close(model(x), torch.where(model.probability(x) > 0.5, 1.0, -1.0))
    assert float((model(x) == y).float().mean()) > 0.9


@given(seed=st.integers(0, 10_000), rate=st.floats(0.01, 2))
@settings(deadline=None, max_examples=20)
def test_a_step_of_logistic_regression_is_pytorchs_gradient_step_on_the_cross_entropy(seed: int, rate: float) -> None:
    x, y = separable_points(seed)
    ours, theirs = LogisticRegression(3), nn.Linear(3, 1)
    nn.init.zeros_(theirs.weight), nn.init.zeros_(theirs.bias)
    optimiser = torch.optim.SGD(theirs.parameters(), lr=rate)
    for _ in range(5):
        ours.gradient_step(x, y, rate)
        optimiser.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(theirs(x).squeeze(1), (y + 1) / 2).backward()
        optimiser.step()
    assert_close(ours.weight, theirs.weight.detach()[0], atol=1e-5, rtol=1e-4)
    assert_close(ours.bias, theirs.bias.detach()[0], atol=1e-5, rtol=1e-4)


PYTORCHS = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "ReLU": torch.relu,
    "leaky ReLU": nn.functional.leaky_relu,
    "ELU": nn.functional.elu,
    "GELU": nn.functional.gelu,
    "SiLU": nn.functional.silu,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_derivatives_are_pytorchs(name: str) -> None:
    z = torch.linspace(-6, 6, 100, requires_grad=True)  # 0, where some have no derivative, is not among them
    value, derivative = ACTIVATIONS[name]
    if name == "step":
        assert_close(value(z), torch.heaviside(z, torch.zeros(())))
        assert not derivative(z).any()
        return
    assert_close(value(z), PYTORCHS[name](z))
    (expected,) = torch.autograd.grad(PYTORCHS[name](z).sum(), z)
    assert_close(derivative(z.detach()), expected)


@pytest.mark.parametrize("name", ["ReLU", "leaky ReLU"])
def test_at_a_kink_the_derivative_is_the_one_from_the_left(name: str) -> None:
    z = torch.zeros((), requires_grad=True)
    (expected,) = torch.autograd.grad(PYTORCHS[name](z), z)
    assert_close(ACTIVATIONS[name][1](torch.zeros(())), expected)
    assert_close(ACTIVATIONS[name][1](torch.tensor(-1.0)), expected)


@pytest.mark.parametrize(("name", "lowest"), [("GELU", -0.17), ("SiLU", -0.28), ("ELU", -1.0)])
def test_the_ranges_of_the_page_hold(name: str, lowest: float) -> None:
    value, derivative = ACTIVATIONS[name]
    z = torch.linspace(-20, 20, 4001)
    assert float(value(z).amin()) == pytest.approx(lowest, abs=0.005)
    assert bool((derivative(z) < 0).any()) == (name != "ELU")  # they fall before they rise


def test_softmax_is_pytorchs_even_where_exp_would_overflow() -> None:
    z = torch.tensor([[1.0, 2.0, 3.0], [1000.0, 0.0, -1000.0]])
    assert_close(softmax(z), torch.softmax(z, dim=-1))


def test_maxout_passes_on_the_largest_sum() -> None:
    assert_close(maxout(torch.tensor([[1.0, -2.0, 0.5], [-3.0, -1.0, -2.0]])), torch.tensor([1.0, -1.0]))


def test_xor_never_comes_clean_but_its_product_does() -> None:
    x, y = xor()
    assert not separable(x, y)
    assert fit(Perceptron(2), x, y, epochs=50)[-1] > 0
    assert separable(lift(x), y)
    assert fit(Perceptron(3), lift(x), y, epochs=50)[-1] == 0


def test_the_kernel_perceptron_is_a_perceptron_on_all_monomials() -> None:
    x, _ = separable_points(7, n=60, d=2)
    y = torch.where(x.prod(dim=1) > 0, 1.0, -1.0)
    root = 2**0.5

    def features(x: Tensor) -> Tensor:
        a, b = x[..., 0], x[..., 1]
        return torch.stack([root * a, root * b, a * a, b * b, root * a * b], dim=-1)

    kernel, plain = KernelPerceptron(2, degree=2), Perceptron(5)
    for xi, yi in zip(x, y, strict=True):
        assert kernel.learn(xi, yi) == plain.learn(features(xi), yi)
    assert_close(kernel(x), plain(features(x)))


@pytest.mark.parametrize("seed", range(5))
def test_no_hyperplane_splits_8_from_the_other_digits(seed: int) -> None:
    x, digit, _, _ = train_test_digits(seed)
    assert not separable(x, torch.where(digit == 8, 1.0, -1.0))


def test_held_out_images_are_not_among_the_training_images() -> None:
    x, digit, x_test, digit_test = train_test_digits(seed=3)
    assert len(x) + len(x_test) == 1797
    assert set(map(tuple, x.tolist())).isdisjoint(map(tuple, x_test.tolist()))
    assert set(digit.tolist()) == set(digit_test.tolist()) == set(range(10))


def test_other_seeds_hold_out_other_images() -> None:
    assert not torch.equal(train_test_digits(0)[0], train_test_digits(1)[0])
    assert_close(train_test_digits(0)[0], train_test_digits(0)[0])


def test_main_prints_and_records_what_it_found(tmp_path, capsys) -> None:
    perceptron.main(seed=0, device="cpu", epochs=12, out=tmp_path)
    printed, metrics = capsys.readouterr().out, json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert "45 of 45 pairs of digits" in printed
    assert metrics["split"] == 45
    assert metrics["hard_mistakes"] <= metrics["hard_allowed"]
    ordered = ("kernel", "logistic", "perceptron", "never")
    assert metrics["rest_kernel"] > metrics["rest_logistic"] > metrics["rest_perceptron"] > metrics["rest_never"]
    always = [float((train_test_digits(seed).y_test != 8).float().mean()) for seed in range(5)]
    assert metrics["rest_never"] == pytest.approx(sum(always) / 5)  # the mean of all five, as the others
    threes_and_eights = [pair_accuracy(3, 8, seed, torch.device("cpu")) for seed in range(5)]
    assert metrics["three_eight_accuracy"] == pytest.approx(sum(threes_and_eights) / 5)  # one split decides little:
    assert metrics["three_eight_high"] - metrics["three_eight_low"] > 0.04
    assert 0.8 < metrics["bound_rank"] <= 1
    assert 65 < metrics["rest_kernel_points"] < len(train_test_digits(0).x)
    assert 0.1 < metrics["fluctuation_logistic"] < metrics["fluctuation_perceptron"] < 5  # percentage points
    drawn = drawings_of("perceptron").draw(tmp_path)
    plots = {"activations", "bound", "boundary", "mistakes", "rest", "scans", "weights", "xor"}
    assert drawn.keys() == plots | {"correction", "game", "gates", "line", "margin", "race", "room"}
    lines = {line.get_label(): line.get_ydata()[-1] for line in drawn["rest"].axes[0].lines}
    assert list(lines) == ["kernel perceptron", "logistic regression", "perceptron", "always “not 8”"]
    assert list(lines.values()) == pytest.approx([metrics[f"rest_{name}"] for name in ordered])
    assert len(drawn["mistakes"].axes[0].texts) == 45
    assert [ax.get_title() for ax in drawn["activations"].axes] == list(ACTIVATIONS)
    across, up = drawn["xor"].axes[1].lines[0].get_data()
    assert list(across) == [0, 1]  # from the left edge to the right
    assert up[0] == up[1] == pytest.approx(0, abs=1e-6)  # half-way between the products -1 and 1


def test_main_draws_nothing_unless_told_where(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    perceptron.main(device="cpu", epochs=1)
    assert "XOR" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


# --8<-- [start:by_hand]
def test_by_hand() -> None:
    x = torch.tensor([[1.0, 1.0], [-1.0, 0.0], [0.0, -2.0]])
    y = torch.tensor([1.0, -1.0, 1.0])
    neuron = Perceptron(2)
    steps = []
    while not steps or any(wrong for wrong, _, _ in steps[-3:]):
        for xi, yi in zip(x, y, strict=True):
            wrong = neuron.learn(xi, yi)
            steps.append((wrong, neuron.weight.tolist(), neuron.bias.item()))
    assert steps == [
        (True, [1, 1], 1),  # (1, 1) gives 0, which is not above 0: add it
        (False, [1, 1], 1),  # (-1, 0) gives 0: right, by the rule for the boundary
        (True, [1, -1], 2),  # (0, -2) gives -1: add it
        (False, [1, -1], 2),
        (True, [2, -1], 1),  # (-1, 0) now gives 1: subtract it
        (False, [2, -1], 1),
        (False, [2, -1], 1),  # the third pass is clean
        (False, [2, -1], 1),
        (False, [2, -1], 1),
    ]


# --8<-- [end:by_hand]
# --8<-- [start:order]
def test_order() -> None:
    x, digit, _, _ = train_test_digits(seed=0)
    x, y = select_pair(x, digit, 3, 8)
    forward, backward = Perceptron(64), Perceptron(64)
    mistakes = sum(fit(forward, x, y, epochs=100)), sum(fit(backward, x.flip(0), y.flip(0), epochs=100))
    assert mistakes[0] != mistakes[1]
    assert not torch.equal(forward.weight, backward.weight)
    assert max(mistakes) <= mistake_bound(x, y, *maximum_margin(x, y))


# --8<-- [end:order]
# --8<-- [start:two_classes]
def test_two_classes() -> None:
    z = torch.tensor([[2.0, -1.0], [0.0, 0.0], [-3.0, 4.0]])
    torch.testing.assert_close(softmax(z)[:, 0], sigmoid(z[:, 0] - z[:, 1]))


# --8<-- [end:two_classes]
# --8<-- [start:monomials]
def monomials(x: Tensor) -> Tensor:
    """Map points x (n, 2) to (n, 6): every monomial up to degree 2, weighted as the kernel weights it."""
    a, b = x.T
    one, root = torch.ones_like(a), 2**0.5
    return torch.stack([one, root * a, root * b, a * a, b * b, root * a * b], dim=1)


def test_monomials() -> None:
    x, other = torch.randn(2, 5, 2).unbind()
    torch.testing.assert_close((1 + x @ other.T) ** 2, monomials(x) @ monomials(other).T)
    assert torch.equal(torch.sign(monomials(xor()[0])[:, 5]), -xor()[1])


# --8<-- [end:monomials]


def test_the_drawings_of_the_deck_say_what_is_true() -> None:
    """The labels of the game have a rule; a correction turns the line; the race ends where Novikoff says."""
    drawn = drawings_of("perceptron")
    for (first, second), label in drawn.SEEN:
        assert (1 if 2 * first - second > 0 else -1) == label
    assert any((first > second) != (label > 0) for (first, second), label in drawn.SEEN)
    arrows = {text.get_text(): text.get_position() for text in drawn.draw_correction().axes[0].texts if text.get_text()}
    w, x, after = (torch.tensor(arrows[name]) - torch.tensor([0.08, 0]) for name in ("w", "x", "w + x"))
    assert_close(w + x, after, rtol=0, atol=1e-6)
    assert w @ x < 0 < after @ x  # misclassified before, right after
    low, high = drawn.draw_race().axes[0].lines[:2]
    crossing = [k for k, a, b in zip(low.get_xdata(), low.get_ydata(), high.get_ydata(), strict=True) if k and a >= b]
    assert float(crossing[0]) == 25
    for ax in drawn.draw_gates().axes:
        sides = {"AND": 1.5, "OR": 0.5}
        assert (len(ax.lines) == 1) == (ax.get_title() in sides)
        for line in ax.lines:
            across, up = line.get_data()
            assert across[0] + up[0] == across[1] + up[1] == sides[ax.get_title()]
