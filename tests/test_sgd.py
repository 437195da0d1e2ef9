"""Gradient descent: its limit, its relatives against torch.optim's, noise, schedules, and the page's exercises."""

import json
import math
from functools import partial

import pytest
import torch
from conftest import drawings_of
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

import sgd
from neuronup.optimisers import SGD, Adam, AdamW, Momentum, Nesterov, RMSProp
from neuronup.schedules import cosine, step_decay, warm_up
from perceptron import LogisticRegression
from sgd import (
    RACERS,
    RATES,
    SURFACES,
    best_rate,
    by_clock,
    by_epoch,
    compare_warm_up,
    descend,
    double_well,
    double_well_derivative,
    eights,
    gradient,
    gradient_noise,
    limit,
    logistic_loss,
    race,
    told,
    train,
    try_rates,
    widen,
)

CPU = torch.device("cpu")

THEIRS = {  # ours, and what torch.optim calls it
    "SGD": (SGD, torch.optim.SGD),
    "momentum": (Momentum, partial(torch.optim.SGD, momentum=0.9)),
    "Nesterov": (Nesterov, partial(torch.optim.SGD, momentum=0.9, nesterov=True)),
    "RMSProp": (RMSProp, partial(torch.optim.RMSprop, alpha=0.9)),
    "Adam": (Adam, torch.optim.Adam),
    "AdamW": (partial(AdamW, weight_decay=0.1), partial(torch.optim.AdamW, weight_decay=0.1)),
}


@pytest.mark.parametrize("name", THEIRS)
@given(seed=st.integers(0, 10_000), rate=st.floats(1e-5, 3e-4))  # above, Nesterov may diverge: nothing to compare
@settings(deadline=None, max_examples=5)
def test_each_optimiser_goes_where_pytorchs_goes_for_100_steps(name: str, seed: int, rate: float) -> None:
    (ours, theirs), surface = THEIRS[name], SURFACES["rosenbrock"]
    start = 2 * torch.rand(2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1
    theta = nn.Parameter(start.clone())
    optimizer = theirs([theta], lr=rate)
    path = [start]
    for _ in range(100):
        optimizer.zero_grad()
        surface.value(theta).backward()
        optimizer.step()
        path.append(theta.detach().clone())
    assert torch.stack(path).isfinite().all()
    assert_close(descend(ours(rate), surface.gradient, start, 100), torch.stack(path))


@given(seed=st.integers(0, 10_000), rate=st.floats(1e-5, 3e-4), momentum=st.floats(0, 0.95))
@settings(deadline=None, max_examples=10)
def test_nesterovs_parameters_are_the_points_ahead_of_sutskevers(seed: int, rate: float, momentum: float) -> None:
    along = SURFACES["rosenbrock"].gradient
    where = 2 * torch.rand(2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1
    ours = descend(Nesterov(rate, momentum), along, where, 50)
    ahead, velocity = [where], torch.zeros(2, dtype=torch.float64)
    for _ in range(50):
        velocity = momentum * velocity + along(where - rate * momentum * velocity)
        where = where - rate * velocity
        ahead.append(where - rate * momentum * velocity)
    assert_close(ours, torch.stack(ahead))


def test_the_curve_has_a_local_and_a_global_minimum_and_a_hill_between() -> None:
    theta = torch.linspace(-2.5, 2.5, 1001, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(double_well(theta).sum(), theta)
    assert_close(double_well_derivative(theta.detach()), expected)
    signs = double_well_derivative(theta.detach()).sign().diff().nonzero().flatten()
    places = theta.detach()[signs]
    assert_close(places, torch.tensor([-1.53, 0.26, 1.27], dtype=torch.float64), atol=0.01, rtol=0)
    lowest, hill, local = double_well(places)
    assert lowest < local < hill


@given(start=st.floats(-2.2, 2.2).filter(lambda start: abs(start - 0.2586) > 0.01))
def test_descent_on_the_curve_ends_in_the_minimum_on_its_side_of_the_hill(start: float) -> None:
    end = descend(SGD(0.1), double_well_derivative, torch.tensor(start), 300)[-1]
    assert float(end) == pytest.approx(-1.5257 if start < 0.2586 else 1.267, abs=1e-3)


@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 1.0))
@settings(deadline=None, max_examples=20)
def test_on_a_convex_loss_the_distance_to_the_lowest_shrinks_like_one_over_the_steps(seed: int, share: float) -> None:
    matrix, curvatures, axes = quadratic(seed)
    rate, start = share / float(curvatures[-1]), 3 * axes.sum(1)
    path = descend(SGD(rate), lambda p: p @ matrix, start, 100)[1:]
    losses = (path @ matrix * path).sum(1) / 2  # the lowest is 0, at 0
    assert (losses <= start.square().sum() / (2 * rate * torch.arange(1, 101)) + 1e-12).all()


@pytest.mark.parametrize("name", SURFACES)
def test_the_gradients_of_the_surfaces_are_pytorchs(name: str) -> None:
    surface = SURFACES[name]
    theta = torch.randn(50, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(surface.value(theta).sum(), theta)
    assert_close(surface.gradient(theta.detach()), expected)


@pytest.mark.parametrize("name", SURFACES)
def test_the_minima_of_the_surfaces_are_flat_and_as_low_as_said(name: str) -> None:
    surface = SURFACES[name]
    minima = torch.tensor(surface.minima, dtype=torch.float64)
    assert_close(surface.gradient(minima), torch.zeros_like(minima))
    assert (surface.value(minima) == surface.lowest).all()
    assert surface.value(torch.randn(1000, 2)).min() >= surface.lowest


def test_the_saddle_is_flat_in_the_middle_and_no_minimum() -> None:
    saddle, middle = SURFACES["saddle"], torch.zeros(2)
    assert not saddle.gradient(middle).any()
    assert saddle.value(torch.tensor([0.0, 0.1])) < saddle.value(middle) < saddle.value(torch.tensor([0.1, 0.0]))


def quadratic(seed: int, d: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    """Draw a matrix of curvatures (d, d), its eigenvalues (d,) from 0.5 to 10, and its eigenvectors (d, d)."""
    generator = torch.Generator().manual_seed(seed)
    axes = torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=torch.float64)).Q
    curvatures = 0.5 + 9.5 * torch.rand(d, generator=generator, dtype=torch.float64).sort().values
    return axes @ curvatures.diag() @ axes.T, curvatures, axes


@given(seed=st.integers(0, 10_000), share=st.floats(0.1, 0.98))
@settings(deadline=None, max_examples=20)
def test_descent_converges_below_two_over_the_largest_curvature_and_diverges_above(seed: int, share: float) -> None:
    matrix, curvatures, axes = quadratic(seed)
    edge, start = 2 / float(curvatures[-1]), axes.sum(1)
    below = descend(SGD(share * edge), lambda p: p @ matrix, start, 2000)
    above = descend(SGD(edge / share), lambda p: p @ matrix, start, 200)
    assert below[-1].norm() < 1e-6
    assert above[-1].norm() > 50


@given(seed=st.integers(0, 10_000), rate=st.floats(0.01, 0.3))
@settings(deadline=None, max_examples=20)
def test_each_step_multiplies_each_direction_by_one_minus_rate_times_curvature(seed: int, rate: float) -> None:
    matrix, curvatures, axes = quadratic(seed)
    path = descend(SGD(rate), lambda p: p @ matrix, axes.sum(1), 10)
    assert_close(path @ axes, (1 - rate * curvatures) ** torch.arange(11)[:, None])


def test_the_limit_on_digits_is_two_over_the_largest_curvature_of_the_loss() -> None:
    x, y, _, _ = eights(0)
    hessian = torch.autograd.functional.hessian(lambda theta: logistic_loss(theta, x, y), torch.zeros(65))
    assert_close(torch.tensor(limit(x)), 2 / torch.linalg.eigvalsh(hessian)[-1], rtol=1e-3, atol=0)


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=10)
def test_loss_and_gradient_are_pytorchs(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.randn(20, 5, generator=generator), torch.randint(2, (20,), generator=generator).float()
    theta = (10 * torch.randn(5, generator=generator)).requires_grad_()
    expected = nn.functional.binary_cross_entropy_with_logits(x @ theta, y)
    assert_close(logistic_loss(theta, x, y), expected)
    assert_close(gradient(theta.detach(), x, y), torch.autograd.grad(expected, theta)[0])


def test_a_step_on_all_digits_is_that_of_logistic_regression() -> None:
    x, y, _, _ = eights(0)
    model, steps = LogisticRegression(64), train(SGD(0.5), x, y, len(x), seed=0)
    for _ in range(5):
        model.gradient_step(x[:, :64], 2 * y - 1, rate=0.5)
        theta = next(steps)
    assert_close(theta, torch.cat([model.weight, model.bias[None]]), atol=1e-5, rtol=1e-4)


def test_an_epoch_shows_every_example_once(monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(sgd, "gradient", lambda theta, x, y: seen.append(y) or torch.zeros_like(theta))
    steps = train(SGD(1.0), torch.zeros(10, 3), torch.arange(10.0), size=4, seed=0)
    assert len(by_epoch(steps, an_epoch=3, epochs=2)) == 2
    first, second = torch.cat(seen[:3]), torch.cat(seen[3:])
    assert first.sort().values.tolist() == second.sort().values.tolist() == list(range(10))
    assert first.tolist() != second.tolist()
    assert [len(batch) for batch in seen] == [4, 4, 2] * 2


def test_gradients_of_batches_average_to_the_gradient_of_all() -> None:
    x, y, _, _ = eights(0)
    theta, x, y = torch.linspace(-1, 1, 65), x[:1250], y[:1250]
    parts = [gradient(theta, xb, yb) for xb, yb in zip(x.split(50), y.split(50), strict=True)]
    assert_close(torch.stack(parts).mean(0), gradient(theta, x, y))


@pytest.mark.parametrize("size", [1, 4, 16, 64])
def test_the_noise_of_the_gradient_falls_as_one_over_the_batch_size(size: int) -> None:
    x, y, _, _ = eights(0)
    theta = torch.zeros(65)
    each = torch.stack([gradient(theta, xi[None], yi[None]) for xi, yi in zip(x, y, strict=True)])
    variance = float(((each - each.mean(0)) ** 2).sum(1).mean())
    assert gradient_noise(theta, x, y, size, draws=2000, seed=size) == pytest.approx(variance / size, rel=0.08)


SCHEDULERS = {
    "step decay": (lambda t: step_decay(t, 30), lambda o: torch.optim.lr_scheduler.StepLR(o, 30)),
    "cosine": (lambda t: cosine(t, 100), lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 100)),
    "warm-up": (lambda t: warm_up(t, 20), lambda o: torch.optim.lr_scheduler.LinearLR(o, 1 / 20, total_iters=19)),
}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedules_are_pytorchs(name: str) -> None:
    ours, make = SCHEDULERS[name]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, theirs = make(optimizer), []
    for _ in range(100):
        theirs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert_close(torch.tensor([ours(t) for t in range(100)]), torch.tensor(theirs), atol=1e-6, rtol=1e-5)


def test_learning_follows_its_schedule() -> None:
    x, y = torch.ones(8, 1), torch.ones(8)
    half = next(train(SGD(1.0), x, y, 8, 0, lambda t: 0.5))
    assert_close(half, next(train(SGD(0.5), x, y, 8, 0)))


def test_the_clock_is_asked_at_every_mark() -> None:
    x, y, _, _ = eights(0)
    reached = by_clock(train(SGD(0.1), x, y, 32, 0), [0.0, 0.01, 0.02])
    first, *_, last = reached
    assert len(reached) == 3
    assert_close(first, next(train(SGD(0.1), x, y, 32, 0)))
    assert logistic_loss(last, x, y) < logistic_loss(first, x, y)


def test_products_of_pixels_are_every_pair_once() -> None:
    x = torch.rand(3, 65)
    assert widen(x).shape == (3, 2145)
    squares = (x[:, :64].sum(1) ** 2 + (x[:, :64] ** 2).sum(1)) / 2
    assert_close(widen(x)[:, 65:].sum(1), squares)


def test_many_rates_at_once_are_as_each_alone() -> None:
    x, y, _, _ = eights(0)
    rates = torch.tensor([0.01, 0.1, 0.5])
    for kind in (SGD, Momentum, Nesterov, RMSProp, Adam, AdamW):
        together = by_epoch(train(kind(rates[:, None]), x, y, 32, 0), 40, 2)
        alone = [by_epoch(train(kind(float(rate)), x, y, 32, 0), 40, 2) for rate in rates]
        assert_close(together, torch.stack(alone, dim=1), atol=1e-3, rtol=1e-3)


def test_rates_are_chosen_on_images_that_neither_train_nor_test(monkeypatch) -> None:
    digits, seen = eights(0), []
    trained = sgd.train
    monkeypatch.setattr(sgd, "train", lambda kind, x, *others: seen.append(x) or trained(kind, x, *others))
    validation, test = try_rates(SGD, digits, 32, 1, 0)
    n = len(seen[0])
    assert n == len(digits.x) * 4 // 5
    assert_close(seen[0], digits.x[:n])
    theta = next(iter(by_epoch(trained(SGD(RATES[20]), digits.x[:n], digits.y[:n], 32, 0), math.ceil(n / 32), 1)))
    assert validation[20] == pytest.approx(float(logistic_loss(theta, digits.x[n:], digits.y[n:])), rel=1e-3)
    assert test[20] == pytest.approx(float(logistic_loss(theta, digits.x_test, digits.y_test)), rel=1e-3)


def test_the_best_rate_is_that_of_the_lowest_validation_loss_not_of_the_lowest_test_loss() -> None:
    tried = torch.ones(2, 2, len(RATES))
    tried[:, 0, 7], tried[:, 1, 7], tried[:, 1, 9], tried[0, 0, 3] = 0.5, 0.8, 0.1, math.nan
    assert best_rate(tried) == (RATES[7], pytest.approx(0.8))


def test_a_race_too_short_says_so_and_a_longer_one_comes_home() -> None:
    for kind in RACERS.values():
        assert told(race(SURFACES["ravine"], 5, kind, 0, CPU).steps) == "too slow"
        ended = race(SURFACES["ravine"], 300, kind, 0, CPU)
        assert math.isfinite(ended.steps)
        assert SURFACES["ravine"].value(ended.path[-1]) < 0.01
    assert race(SURFACES["ravine"], 300, SGD, 0, CPU).rate < 2 / 25


@pytest.mark.parametrize(
    ("surface", "steps", "kind", "rate"),
    [
        ("rosenbrock", 2000, SGD, 0.00195),
        ("plateau", 400, SGD, 1.78),
        ("ravine", 400, SGD, 0.075),
        ("saddle", 400, Nesterov, 0.6),
        ("plateau", 400, Adam, 1.4),
        ("rosenbrock", 2000, RMSProp, 0.004),
    ],
)
def test_no_rate_found_by_hand_beats_the_best_of_the_race(
    surface: str, steps: int, kind: type[SGD], rate: float
) -> None:
    offsets = torch.randn(220, 2, generator=torch.Generator().manual_seed(0))
    starts = torch.tensor(SURFACES[surface].start) * (1 + 0.1 * offsets[20:])
    paths = descend(kind(rate), SURFACES[surface].gradient, starts, steps)
    away = SURFACES[surface].value(paths) - SURFACES[surface].lowest >= 0.01
    arrival = (torch.arange(1, steps + 2)[:, None] * away).amax(0).clamp(max=steps)
    assert arrival.median() < steps
    assert race(SURFACES[surface], steps, kind, 0, CPU).steps <= 1.05 * arrival.float().mean() + 1


def test_warm_up_keeps_the_loss_down_and_lets_momentum_bear_a_larger_rate() -> None:
    digits = eights(0)
    found = compare_warm_up(digits, 0)
    for name, share in {"cold": 1.0, "warm": 1 / 20}.items():
        first = next(train(SGD(3 * limit(digits.x) * share), digits.x, digits.y, len(digits.x), seed=0))
        assert max(found["by_step"][name]) == pytest.approx(float(logistic_loss(first, digits.x, digits.y)))
    assert max(found["by_step"]["warm"]) < math.log(2) < max(found["by_step"]["cold"])
    assert found["by_rate"]["cold"][0] == pytest.approx(found["by_rate"]["warm"][0], rel=0.02)
    assert found["by_rate"]["cold"][-1] > 1.3 * found["by_rate"]["warm"][-1]
    assert min(found["by_rate"]["warm"]) < min(found["by_rate"]["cold"])


def test_the_curvature_of_the_loss_on_digits_is_largest_at_the_start() -> None:
    x, y, _, _ = eights(0)

    def largest(theta: Tensor) -> float:
        hessian = torch.autograd.functional.hessian(lambda at: logistic_loss(at, x, y), theta)
        return float(torch.linalg.eigvalsh(hessian)[-1])

    generator, start = torch.Generator().manual_seed(0), largest(torch.zeros(65))
    assert all(largest(torch.randn(65, generator=generator)) < start for _ in range(5))


def test_main_prints_and_records_what_it_found(tmp_path, capsys) -> None:
    sgd.main(seed=0, device="cpu", epochs=9, clock=0.02, out=tmp_path)
    printed, found = capsys.readouterr().out, json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert "8 against the rest" in printed
    taken = {
        name: int(told.replace(",", "")) for name, told in found.items() if isinstance(told, str) and name != "device"
    }
    order = (
        "momentum_half",
        "nesterov",
        "gradient_descent",
        "adam",
        "momentum",
        "rmsprop",
    )  # in the ravine, as the page says
    needed = [taken[f"ravine_{name}"] for name in order]
    assert needed == sorted(needed)
    assert taken["rosenbrock_gradient_descent"] > 5 * taken["rosenbrock_momentum"]
    assert taken["saddle_gradient_descent"] == min(taken[f"saddle_{sgd.slug(name)}"] for name in RACERS)
    assert taken["plateau_gradient_descent"] == max(taken[f"plateau_{sgd.slug(name)}"] for name in RACERS)
    assert found["from_left"] == pytest.approx(-1.53, abs=0.01)
    assert found["from_right"] == pytest.approx(1.27, abs=0.01)
    assert found["rate_best_loss"] < min(found["rate_small_loss"], found["rate_large_loss"])
    assert found["limit"] < found["rate_best"]
    assert found["epochs_32"] < found["epochs_all"]
    assert found["rate_32"] > 4 * found["rate_1"]
    assert found["schedules_cosine"] < found["schedules_constant"]
    assert found["tuned_cosine"] < found["tuned_constant"] < found["schedules_constant"]
    assert found["warm"] < math.log(2) < found["cold"]  # a model that knows nothing has ln 2
    assert found["warm_bold"] < found["cold_bold"]
    assert found["uneven_adam"] < found["uneven_sgd"]
    drawn = drawings_of("sgd").draw(tmp_path)
    assert drawn.keys() >= {"curve", "factors", "noise", "rates", "schedules", "sizes", "sweep", "warm_up", *SURFACES}
    for surface in SURFACES:  # the key says how many steps each optimiser took
        key = [text.get_text() for text in drawn[surface].legends[0].get_texts()]
        assert key == [f"{name}: {found[sgd.slug(f'{surface} {name}')]}" for name in RACERS]
    written = [text.get_text() for text in drawn["units"].axes[0].texts]
    for name in ("SGD", *sgd.RELATIVES, "AdamW"):
        for units in ("even", "uneven"):
            assert f"{found[sgd.slug(f'{units} {name}')]:.3f}" in written


def test_the_cloud_drawn_is_narrow_at_a_small_rate_and_a_point_where_examples_agree() -> None:
    fitted = drawings_of("sgd").fitted
    large, small, agreed = (
        fitted(*kind)[0][-100:] for kind in ((1.0, (0.3, 400)), (1.0, (0.03, 400)), (0.0, (0.3, 400)))
    )
    assert large.std(0).mean() > 2 * small.std(0).mean()
    assert agreed.abs().max() < 1e-3
    _, loss = fitted(1.0, (0.3, 100), (0.03, 100))
    assert loss[-50:].mean() < loss[50:101].mean()


def test_the_weights_drawn_shrink_alike_with_adamw_and_not_with_a_penalty_in_adam() -> None:
    penalty, decoupled = (
        [line.get_ydata()[-1] for line in ax.lines] for ax in drawings_of("sgd").draw_shrinking().axes
    )
    assert penalty[0] > 2 * penalty[1]
    assert decoupled[0] == pytest.approx(decoupled[1], abs=0.02)


def test_the_velocities_drawn_are_those_of_momentum() -> None:
    ball, theta = Momentum(1.0), torch.zeros(2)
    for t, ax in enumerate(drawings_of("sgd").draw_velocity().axes, 1):
        after = ball.step(theta, torch.tensor([-1.0, 1.6 if t % 2 else -1.6]))
        *_, total = ax.texts
        assert_close(torch.tensor(total.xy), after - theta)
        theta = after


def test_main_writes_nothing_unless_told_where(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    by_epoch, race = sgd.by_epoch, sgd.race
    monkeypatch.setattr(sgd, "by_epoch", lambda steps, size, epochs: by_epoch(steps, min(size, 2), min(epochs, 2)))
    monkeypatch.setattr(sgd, "race", lambda surface, steps, *others: race(surface, 5, *others))
    sgd.main(device="cpu", epochs=2, clock=0.001)
    assert "rosenbrock" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


# --8<-- [start:by_hand]
def test_by_hand() -> None:
    def derivative(theta: Tensor) -> Tensor:
        return 4 * theta  # of 2 θ², whose curvature is 4

    start = torch.tensor(1.0)
    torch.testing.assert_close(descend(SGD(0.1), derivative, start, 3), torch.tensor([1, 0.6, 0.36, 0.216]))
    torch.testing.assert_close(descend(SGD(0.25), derivative, start, 3), torch.tensor([1.0, 0, 0, 0]))
    torch.testing.assert_close(descend(SGD(0.5), derivative, start, 3), torch.tensor([1.0, -1, 1, -1]))
    torch.testing.assert_close(descend(SGD(0.75), derivative, start, 3), torch.tensor([1.0, -2, 4, -8]))


# --8<-- [end:by_hand]
# --8<-- [start:terminal]
def test_terminal() -> None:
    path = descend(Momentum(0.01, momentum=0.9), torch.ones_like, torch.tensor([0.0]), 200)
    steps = path.diff(dim=0)
    torch.testing.assert_close(steps[0], torch.tensor([-0.01]))
    torch.testing.assert_close(steps[-1], torch.tensor([-0.1]), atol=1e-4, rtol=0)


# --8<-- [end:terminal]
# --8<-- [start:units]
def test_units() -> None:
    gradient = SURFACES["rosenbrock"].gradient
    start = torch.tensor([-1.2, 1.0], dtype=torch.float64)
    once = descend(Adam(0.1), gradient, start, 100)
    thousandfold = descend(Adam(0.1), lambda p: 1000 * gradient(p), start, 100)
    torch.testing.assert_close(thousandfold, once, atol=1e-6, rtol=0)
    left = descend(SGD(0.001), lambda p: 1000 * gradient(p), start, 20)
    assert not left.isfinite().all()


# --8<-- [end:units]
# --8<-- [start:decay]
def test_decay() -> None:
    gradient, start = SURFACES["ravine"].gradient, torch.tensor([-4.0, 1.0])
    rate, decay = 0.05, 0.5

    def with_penalty(theta: Tensor) -> Tensor:
        return gradient(theta) + decay * theta  # the gradient of decay / 2 · |θ|²

    penalised, shrunk = (
        SGD(rate).step(start, with_penalty(start)),
        SGD(rate).step(start * (1 - rate * decay), gradient(start)),
    )
    torch.testing.assert_close(penalised, shrunk)
    penalised = descend(Adam(rate), with_penalty, start, 20)
    shrunk = descend(AdamW(rate, decay), gradient, start, 20)
    assert (penalised - shrunk).norm(dim=1).max() > 0.1


# --8<-- [end:decay]
# --8<-- [start:interpolation]
def last_weights(y: Tensor, rate: float) -> Tensor:
    """Fit w to y (n,) = w x by SGD with batches of one; return the last 100 w."""
    x, w, last = torch.tensor([1.0, 2.0, 3.0]), torch.tensor(0.0), []
    drawn = torch.Generator().manual_seed(0)
    for i in torch.randint(3, (1000,), generator=drawn).tolist():
        w = SGD(rate).step(w, 2 * (w * x[i] - y[i]) * x[i])
        last.append(w)
    return torch.stack(last[-100:])


def test_interpolation() -> None:
    exact, noisy = torch.tensor([2.0, 4.0, 6.0]), torch.tensor([2.5, 3.0, 6.5])
    torch.testing.assert_close(last_weights(exact, 0.05), torch.full((100,), 2.0))
    assert last_weights(noisy, 0.05).std() > 0.05  # it does not come to rest
    assert last_weights(noisy, 0.01).std() < last_weights(noisy, 0.05).std() / 1.5


# --8<-- [end:interpolation]
# --8<-- [start:newton]
def test_newton() -> None:
    for start, end in ((2.0, 1.267), (-1.0, -1.5257), (0.2, 0.2586)):
        theta = torch.tensor(start)
        for _ in range(10):
            curvature = 3 * theta**2 - 2  # the derivative of the derivative
            theta = theta - double_well_derivative(theta) / curvature
        torch.testing.assert_close(theta, torch.tensor(end), atol=1e-3, rtol=0)
    assert 3 * 0.2586**2 - 2 < 0  # at the top of the hill


# --8<-- [end:newton]
