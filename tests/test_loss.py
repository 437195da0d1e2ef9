"""Losses: each against PyTorch's and against finite differences, at extremes too; and what they do to a line."""

import json
from math import log

import pytest
import torch
from conftest import drawings_of
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close

import loss
from loss import (
    LOSSES,
    SoftmaxLayer,
    absolute,
    binary_cross_entropy,
    cross_entropy,
    derivative,
    empirical_loss,
    entropy,
    find_minimum,
    fit,
    hinge,
    huber,
    kl_divergence,
    line,
    log_softmax,
    log_sum_exp,
    misprint,
    naive_cross_entropy,
    naive_softmax,
    negative_log_likelihood,
    patients,
    squared,
    squared_log,
    train_on_digits,
)
from neuronup.one_hot import most_likely, one_hot
from perceptron import Perceptron

NEAR = {"atol": 1e-6, "rtol": 1e-12}  # what the course promises; the second allows for 15 digits of a huge number
MODERATE = [st.floats(-30, 30), st.floats(-1, 1), st.sampled_from([-745.0, -89.0, 0.0, 89.0, 710.0])]
EXTREME = [*MODERATE, st.floats(-1e300, 1e300), st.sampled_from([-1e300, -1e4, 1e4, 1e300])]
seeds = st.integers(0, 10_000)
deltas = st.floats(0.01, 100)


def logits_of(numbers: list[st.SearchStrategy[float]]) -> st.SearchStrategy[Tensor]:
    """Draw logits z (4,) of double precision from any of `numbers`."""
    return st.lists(st.one_of(numbers), min_size=4, max_size=4).map(lambda z: torch.tensor(z, dtype=torch.float64))


def pair(seed: int, n: int = 20, scale: float = 3.0) -> tuple[Tensor, Tensor]:
    """Draw predictions and truths, each (n,) of double precision."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(scale * torch.randn(2, n, generator=generator, dtype=torch.float64))


def distribution(seed: int, *shape: int) -> Tensor:
    """Draw probabilities (..., K), one in four of them 0 before they are made to add up to 1."""
    generator = torch.Generator().manual_seed(seed)
    p = torch.rand(*shape, generator=generator, dtype=torch.float64)
    p = p * (torch.rand(*shape, generator=generator) > 0.25)
    p[..., 0] += 0.1
    return p / p.sum(dim=-1, keepdim=True)


@given(seed=seeds, scale=st.sampled_from([0.1, 3.0, 1e3, 1e9]))
def test_squared_and_absolute_are_pytorchs(seed: int, scale: float) -> None:
    prediction, y = pair(seed, scale=scale)
    assert_close(squared(prediction, y), functional.mse_loss(prediction, y, reduction="none"), **NEAR)
    assert_close(empirical_loss(squared, prediction, y), functional.mse_loss(prediction, y), **NEAR)
    assert_close(absolute(prediction, y), functional.l1_loss(prediction, y, reduction="none"), **NEAR)
    assert_close(empirical_loss(absolute, prediction, y), functional.l1_loss(prediction, y), **NEAR)


@given(seed=seeds, delta=deltas)
def test_huber_is_pytorchs_for_every_delta(seed: int, delta: float) -> None:
    prediction, y = pair(seed)
    assert_close(
        huber(prediction, y, delta), functional.huber_loss(prediction, y, reduction="none", delta=delta), **NEAR
    )


@given(seed=seeds)
def test_squared_log_is_pytorchs_squared_error_of_logarithms(seed: int) -> None:
    prediction, y = (each.abs() for each in pair(seed, scale=100))
    assert_close(
        squared_log(prediction, y), functional.mse_loss(prediction.log1p(), y.log1p(), reduction="none"), **NEAR
    )


@given(z=logits_of(EXTREME), y=st.sampled_from([0.0, 0.3, 1.0]))
def test_binary_cross_entropy_is_pytorchs_at_any_logit(z: Tensor, y: float) -> None:
    target = torch.full_like(z, y)
    ours = binary_cross_entropy(z, target)
    assert ours.isfinite().all()
    assert_close(ours, functional.binary_cross_entropy_with_logits(z, target, reduction="none"), **NEAR)


@given(z=logits_of(EXTREME), y=st.sampled_from([-1.0, 1.0]))
def test_hinge_is_pytorchs_margin_loss_against_zero(z: Tensor, y: float) -> None:
    target = torch.full_like(z, y)
    theirs = functional.margin_ranking_loss(z, torch.zeros_like(z), target, margin=1, reduction="none")
    assert_close(hinge(z, target), theirs, **NEAR)


@given(z=logits_of(EXTREME))
def test_log_sum_exp_and_log_softmax_are_pytorchs_at_any_logit(z: Tensor) -> None:
    assert_close(log_sum_exp(z), torch.logsumexp(z, dim=-1), **NEAR)
    assert_close(log_softmax(z), torch.log_softmax(z, dim=-1), **NEAR)
    assert log_softmax(z).isfinite().all()


@given(z=logits_of(EXTREME), label=st.integers(0, 3), seed=seeds)
def test_the_losses_of_many_classes_are_pytorchs_at_any_logit(z: Tensor, label: int, seed: int) -> None:
    z, labels, p = z.expand(3, 4), torch.tensor([label, 0, 3]), distribution(seed, 3, 4)
    ours = negative_log_likelihood(z, labels)
    assert ours.isfinite().all()
    assert_close(ours, functional.nll_loss(torch.log_softmax(z, -1), labels, reduction="none"), **NEAR)
    assert_close(cross_entropy(z, p), functional.cross_entropy(z, p, reduction="none"), **NEAR)
    assert_close(kl_divergence(z, p), functional.kl_div(torch.log_softmax(z, -1), p, reduction="none").sum(-1), **NEAR)


@given(seed=seeds)
def test_cross_entropy_of_a_one_hot_label_is_the_negative_log_likelihood(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    z, label = 5 * torch.randn(6, 4, generator=generator), torch.randint(4, (6,), generator=generator)
    assert_close(cross_entropy(z, one_hot(label, 4)), negative_log_likelihood(z, label))


@given(z=st.floats(-700, 700), seed=seeds)
def test_two_classes_make_binary_cross_entropy_of_the_difference(z: float, seed: int) -> None:
    (a, *_), _ = pair(seed)
    both = torch.stack([a + z, a])
    y = distribution(seed, 2)
    assert_close(cross_entropy(both, y), binary_cross_entropy(both[0] - both[1], y[0]), atol=1e-6, rtol=1e-9)


@given(seed=seeds)
def test_one_hot_is_pytorchs_and_goes_back(seed: int) -> None:
    label = torch.randint(5, (2, 7), generator=torch.Generator().manual_seed(seed))
    assert torch.equal(one_hot(label, 5), functional.one_hot(label, 5).float())
    assert torch.equal(most_likely(one_hot(label, 5)), label)


@given(seed=seeds)
def test_no_distribution_is_nearer_to_p_than_p(seed: int) -> None:
    p, q = distribution(seed, 5, 4), distribution(seed + 1, 5, 4) + 1e-3
    q = q / q.sum(dim=-1, keepdim=True)
    assert (kl_divergence(q.log(), p) > -1e-12).all()
    assert_close(kl_divergence(p.clamp(min=1e-300).log(), p), torch.zeros(5, dtype=torch.float64), atol=1e-9, rtol=0)
    assert_close(cross_entropy(q.log(), p), entropy(p) + kl_divergence(q.log(), p))
    assert (entropy(p) <= log(4) + 1e-12).all()


def test_no_loss_is_ever_negative_and_a_perfect_prediction_costs_nothing() -> None:
    prediction, y = (each.abs() for each in pair(5))
    for each in (squared, absolute, huber, squared_log):
        assert (each(prediction, y) >= 0).all()
        assert not each(y, y).any()
    z, far = pair(6)[0], torch.tensor(1e4, dtype=torch.float64)
    assert (binary_cross_entropy(z, (y > 1).double()) >= 0).all()
    assert binary_cross_entropy(far, torch.ones_like(far)) == hinge(far, torch.ones_like(far)) == 0


def test_the_naive_softmax_breaks_where_the_stable_one_does_not() -> None:
    easy, hard = torch.tensor([1.0, 2.0, -3.0]), torch.tensor([1000.0, 0.0, -1000.0])
    assert_close(naive_softmax(easy), log_softmax(easy).exp())
    assert naive_softmax(hard).isnan().any()
    assert_close(log_softmax(hard).exp(), torch.tensor([1.0, 0.0, 0.0]))
    second = one_hot(torch.tensor(1), 3)
    assert_close(naive_cross_entropy(easy, second), cross_entropy(easy, second))
    assert not naive_cross_entropy(hard, second).isfinite()
    assert cross_entropy(hard, second) == 1000


def test_32_bits_end_where_the_page_says() -> None:
    assert torch.exp(torch.tensor(88.0)).isfinite()
    assert torch.exp(torch.tensor(89.0)).isinf()
    assert torch.finfo(torch.float32).max == pytest.approx(3.4e38, rel=1e-2)
    assert torch.exp(torch.tensor(-104.0)) == 0


# The derivatives in the tables of the page.
DERIVATIVES = {
    "squared": (squared, lambda g, y: 2 * (g - y)),
    "absolute": (absolute, lambda g, y: (g - y).sign()),
    "Huber": (huber, lambda g, y: (g - y).clamp(-1, 1)),
    "squared log": (squared_log, lambda g, y: 2 * (g.log1p() - y.log1p()) / (1 + g)),
    "binary cross-entropy": (binary_cross_entropy, lambda z, y: torch.sigmoid(z) - y),
    "hinge": (hinge, lambda z, y: torch.where(y * z < 1, -y, 0)),
}


@pytest.mark.parametrize("name", DERIVATIVES)
@given(seed=seeds)
def test_derivatives_are_finite_differences_and_autograds(name: str, seed: int) -> None:
    (each, expected), (prediction, y) = DERIVATIVES[name], pair(seed)
    prediction, y = (prediction.abs(), y.abs()) if name == "squared log" else (prediction, y)
    if name == "binary cross-entropy":
        y = (y > 0).double()
    elif name == "hinge":
        y = torch.where(y > 0, 1.0, -1.0).double()
    away = (y * prediction - 1 if name == "hinge" else prediction - y).abs()  # from a kink, where no derivative exists
    prediction = prediction[away > 1e-3].requires_grad_()
    y = y[away > 1e-3]
    (found,) = torch.autograd.grad(each(prediction, y).sum(), prediction)
    assert_close(found, expected(prediction, y).detach())
    assert_close(derivative(each, prediction.detach(), y, step=1e-5), found, atol=2e-5, rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, -1e4, 1e4, 1e300])
def test_binary_cross_entropy_has_its_derivative_at_zero_and_at_extremes(value: float) -> None:
    z = torch.tensor([value, value], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([0.0, 1.0], dtype=torch.float64)
    (found,) = torch.autograd.grad(binary_cross_entropy(z, y).sum(), z)
    assert_close(found, torch.sigmoid(z.detach()) - y)


@given(z=logits_of(MODERATE), seed=seeds)
def test_the_gradient_of_cross_entropy_is_prediction_minus_truth(z: Tensor, seed: int) -> None:
    p = distribution(seed, 4)
    for each in (cross_entropy, kl_divergence):
        leaf = z.clone().requires_grad_()
        (found,) = torch.autograd.grad(each(leaf, p), leaf)
        assert found.isfinite().all()
        assert_close(found, torch.softmax(z, -1) - p)
        nudges = 1e-5 * torch.eye(4, dtype=torch.float64)
        differences = (each(z + nudges, p.expand(4, 4)) - each(z - nudges, p.expand(4, 4))) / 2e-5
        assert_close(found, differences, atol=1e-6, rtol=0)


@given(seed=seeds)
def test_fit_finds_the_line_of_least_squares(seed: int) -> None:
    x, y = pair(seed, n=30)
    theta = fit(squared, x, y)
    known = torch.linalg.lstsq(torch.stack([x, torch.ones_like(x)], dim=1), y[:, None]).solution[:, 0]
    assert_close(theta, known, atol=1e-2, rtol=0)


@given(seed=seeds, name=st.sampled_from(sorted(LOSSES)))
def test_no_line_nearby_is_lower_than_the_one_that_fit_finds(seed: int, name: str) -> None:
    x, y, _, _ = patients(seed)
    theta, each = fit(LOSSES[name], x, y), LOSSES[name]
    lowest_risk = float(empirical_loss(each, line(theta, x), y))
    around = torch.randn(20, 2, generator=torch.Generator().manual_seed(seed))
    assert all(float(empirical_loss(each, line(theta + nudge, x), y)) >= lowest_risk * (1 - 1e-5) for nudge in around)


def test_the_misprint_spoils_one_value_and_only_in_the_copy() -> None:
    x, y, _, _ = patients(0)
    before, spoiled = y.clone(), misprint(x, y, 10)
    assert torch.equal(y, before)
    assert (spoiled != y).sum() == 1
    assert spoiled[x.argmax()] == 10 * y[x.argmax()]


def test_the_misprint_at_the_edge_does_more_harm_to_least_squares_than_most_others() -> None:
    for seed in range(10):
        x, y, x_test, y_test = (each.double() for each in patients(seed))
        rows = torch.stack([x, torch.ones_like(x)], dim=1)
        change = torch.linalg.solve(rows.T @ rows, rows.T) * 9 * y  # (2, n): of the line, for each patient times ten
        thetas = torch.linalg.lstsq(rows, y[:, None]).solution + change
        harm = (thetas[0] * x_test[:, None] + thetas[1] - y_test[:, None]).abs().mean(dim=0)  # (n,)
        assert (harm < harm[x.argmax()]).double().mean() > 0.5
        assert (x - x.mean()).abs().argmax() == x.argmax()


def test_hubers_best_constant_need_not_lie_between_mean_and_median() -> None:
    y = torch.tensor([-3.0, -3.0, 0.0, 1.0, 5.0], dtype=torch.float64)
    assert y.mean() == y.median() == 0
    best = find_minimum(lambda c: huber(c.expand(5), y, delta=1.5).mean(), torch.ones(1, dtype=torch.float64))
    assert float(best) == pytest.approx(-0.25, abs=2e-3)


def test_softmax_applied_twice_leaves_a_perfect_prediction_a_loss_of_1_46() -> None:
    z, label = 1000 * one_hot(torch.arange(10), 10), torch.arange(10)
    twice = functional.cross_entropy(torch.softmax(z, dim=1), label, reduction="none")
    assert_close(twice, torch.full((10,), 1.4612), atol=1e-4, rtol=0)
    assert_close(twice[0], torch.tensor(1 + 9 / 2.718281828).log())


def test_held_out_patients_are_the_rest_and_other_seeds_hold_out_others() -> None:
    x, y, x_test, y_test = patients(3)
    assert (len(x), len(x_test)) == (309, 133)
    assert_close(torch.cat([y, y_test]).sort().values, torch.cat(patients(4)[1::2]).sort().values)
    assert not torch.equal(patients(3)[1], patients(4)[1])
    assert_close(patients(3)[1], y)


def test_a_step_of_the_layer_is_pytorchs_gradient_step() -> None:
    generator = torch.Generator().manual_seed(0)
    x, p = torch.randn(12, 5, generator=generator), distribution(0, 12, 3).float()
    ours, theirs = SoftmaxLayer(5, 3), torch.nn.Linear(5, 3)
    torch.nn.init.zeros_(theirs.weight), torch.nn.init.zeros_(theirs.bias)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.5)
    for _ in range(5):
        ours.gradient_step(x, p, rate=0.5)
        optimizer.zero_grad()
        functional.cross_entropy(theirs(x), p).backward()
        optimizer.step()
    assert_close(ours(x), theirs(x).detach())
    assert_close((ours.weight, ours.bias), (theirs.weight.detach(), theirs.bias.detach()))  # a row for each class


def test_a_layer_that_knows_nothing_has_the_loss_of_guessing() -> None:
    _, numbers = train_on_digits(seed=1, steps=100, device=torch.device("cpu"))
    assert numbers["untrained"] == pytest.approx(log(10))
    assert numbers["end_loss"] < numbers["half_loss"] < log(10)
    assert numbers["end_accuracy"] > 0.9
    assert numbers["worst_given"] == pytest.approx(2.718281828 ** -numbers["worst_loss"], rel=1e-4)


def test_main_prints_and_records_what_it_found(tmp_path, capsys) -> None:
    loss.main(seed=0, device="cpu", seeds=3, steps=200, out=tmp_path)
    printed, metrics = capsys.readouterr().out, json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert "naive [nan, 0.0], stable [1.0, 0.0]" in printed
    assert metrics["constant_squared"] == pytest.approx(metrics["mean"], abs=0.01)
    assert metrics["constant_absolute"] == pytest.approx(metrics["median"], abs=0.01)
    assert metrics["median"] < metrics["constant_Huber"] < metrics["mean"]
    for name in ("Huber", "absolute", "squared_log"):
        assert metrics[f"hundred_{name}"] < metrics[f"clean_{name}"] + 2 < metrics["hundred_squared"]
    assert metrics["clean_squared"] < metrics["ten_squared"] < metrics["hundred_squared"]
    assert metrics["worst_loss"] > 20 * metrics["typical_loss"]
    drawn = drawings_of("loss").draw(tmp_path)
    assert drawn.keys() >= {"lines", "reaction", "regression", "surface", "surrogate", "worst"}
    worst = drawn["worst"].axes[1]
    assert worst.get_title() == f"label {metrics['worst_digit']}, prediction {metrics['worst_prediction']}"
    assert worst.patches[metrics["worst_digit"]].get_height() == pytest.approx(metrics["worst_given"], rel=1e-3)
    for curve, name in zip(drawn["reaction"].axes[0].lines, LOSSES, strict=True):
        means = curve.get_ydata()
        assert [means[0], means[-1]] == pytest.approx(
            [metrics[f"{way}_{name.replace(' ', '_')}"] for way in ("clean", "hundred")]
        )
    (cross,) = drawn["surface"].axes[0].lines  # where the mean squared error is lowest
    assert cross.get_xydata()[0] == pytest.approx([metrics["weight"], metrics["bias"]])


def test_the_forecasters_pay_what_the_page_says() -> None:
    ax = drawings_of("loss").draw_forecasters().axes[0]
    assert [text.get_text() for text in ax.texts] == ["0.67", "0.01", "0.71", "4.61"]
    paid = [float(line.get_ydata()[0]) for line in ax.lines if len(line.get_xdata()) == 1]
    for (forecast, rain), found in zip([(0.51, 1), (0.99, 1), (0.51, 0), (0.99, 0)], paid, strict=True):
        assert found == pytest.approx(-log(forecast if rain else 1 - forecast), abs=1e-5)


def test_secants_settle_at_the_derivative() -> None:
    drawn = drawings_of("loss").draw_secants().axes[0]
    found = [float(text.get_text().split(": ")[1].replace("−", "-")) for text in drawn.texts]
    true = 2 * (log(2) - log(4)) / 2  # of the squared log error at a prediction of 1, if 3 is true
    gaps = [abs(each - true) for each in found]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 1e-3


def test_pulls_cancel_at_the_mean_and_at_the_median() -> None:
    for ax in drawings_of("loss").draw_wants().axes:
        pulls = [arrow.xy[0] - arrow.xyann[0] for arrow in ax.texts]
        assert min(pulls) < 0 == sum(pulls)


def test_the_product_drawn_is_the_sum_of_the_logarithms_drawn() -> None:
    product, total = drawings_of("loss").draw_likelihood().axes
    lengths = sum(bar.get_width() for bar in total.patches)
    assert product.patches[-1].get_height() == pytest.approx(2.718281828**-lengths, rel=1e-4)


def test_main_draws_nothing_unless_told_where(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    loss.main(device="cpu", seeds=1, steps=2)
    assert "ln 10" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


# --8<-- [start:rain]
def test_rain() -> None:
    careful, bold = torch.tensor([0.51, 0.51]), torch.tensor([0.99, 0.99])
    rained = torch.tensor([1.0, 0.0])  # on the first day, and not on the second
    for said, total in ((careful, 1.3867), (bold, 4.6152)):
        right = torch.where(rained == 1, said, 1 - said)
        torch.testing.assert_close(-right.log().sum(), torch.tensor(total), atol=1e-4, rtol=0)


# --8<-- [end:rain]
# --8<-- [start:salaries]
def test_salaries() -> None:
    pay = torch.tensor([20, 25, 30, 35, 40, 900], dtype=torch.float64)
    best = {}
    for name, each in (("squared", squared), ("absolute", absolute), ("log", squared_log)):
        best[name] = float(find_minimum(lambda c, each=each: empirical_loss(each, c.expand(6), pay), pay[2:3]))
    assert abs(best["squared"] - 175) < 0.01  # the mean
    assert 30 <= best["absolute"] <= 35  # any point between the two in the middle
    assert abs(best["log"] - float(torch.log1p(pay).mean().expm1())) < 0.01  # near 52.4


# --8<-- [end:salaries]
# --8<-- [start:rosenblatt]
def test_rosenblatt() -> None:
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    y = torch.where(x[:, 0] > 0.3, 1.0, -1.0)
    neuron = Perceptron(3)
    w, b = torch.zeros(3, requires_grad=True), torch.zeros((), requires_grad=True)
    for xi, yi in zip(x, y, strict=True):
        missed = neuron.learn(xi, yi)
        z = w @ xi + b
        loss = torch.where(yi * z <= 0, -yi * z, 0)  # at the kink, z = 0, the derivative of the steep side
        gradients = torch.autograd.grad(loss, (w, b))
        if missed:  # a sum of 0 means -1, so at the kink only +1 is a mistake
            with torch.no_grad():
                w -= gradients[0]
                b -= gradients[1]
        torch.testing.assert_close(w.detach(), neuron.weight)


# --8<-- [end:rosenblatt]
# --8<-- [start:three]
def test_three() -> None:
    z, label = torch.tensor([2.0, 1.0, -1.0]), torch.tensor(1)
    q = log_softmax(z).exp()
    torch.testing.assert_close(q, torch.tensor([0.7054, 0.2595, 0.0351]), atol=1e-4, rtol=0)
    torch.testing.assert_close(negative_log_likelihood(z, label), torch.tensor(1.3490), atol=1e-4, rtol=0)
    z.requires_grad_()
    negative_log_likelihood(z, label).backward()
    torch.testing.assert_close(z.grad, q - one_hot(label, 3))
    torch.testing.assert_close(z.grad, torch.tensor([0.7054, -0.7405, 0.0351]), atol=1e-4, rtol=0)


# --8<-- [end:three]
# --8<-- [start:noise]
def test_noise() -> None:
    prediction, y = torch.linspace(-3, 3, 7), torch.tensor(0.5)
    gaussian = -torch.distributions.Normal(prediction, 1).log_prob(y)
    laplace = -torch.distributions.Laplace(prediction, 1).log_prob(y)
    torch.testing.assert_close(gaussian - squared(prediction, y) / 2, torch.full((7,), 0.9189), atol=1e-4, rtol=0)
    torch.testing.assert_close(laplace - absolute(prediction, y), torch.full((7,), 0.6931), atol=1e-4, rtol=0)
    wider = -torch.distributions.Normal(prediction, 3).log_prob(y)
    torch.testing.assert_close(wider, squared(prediction, y) / 18 + 0.9189 + log(3), atol=1e-4, rtol=0)


# --8<-- [end:noise]
