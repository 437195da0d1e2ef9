"""Networks: their matrices against PyTorch's layers, width, depth, XOR, homes, and the exercises of the page."""

import json

import pytest
import torch
from conftest import drawings_of
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

import network
from network import (
    DEEP,
    Homes,
    correlation,
    curve_error,
    fit,
    fit_curve,
    fit_xor,
    folding_network,
    forward,
    forward_many,
    given_points,
    has_dead_relu,
    initialise,
    initialise_equal,
    initialise_many,
    least_squares,
    market,
    other_points,
    parameter_count,
    piecewise_linear,
    r_squared,
    target_curve,
    xor_by_hand,
)
from neuronup.command import kept
from neuronup.xor import xor


# --8<-- [start:sequential]
def as_sequential(theta: list[torch.Tensor]) -> torch.nn.Sequential:
    """Build the network theta of PyTorch's own layers."""
    model = torch.nn.Sequential()
    for weight, bias in zip(theta[::2], theta[1::2], strict=True):
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
        layer.load_state_dict({"weight": weight, "bias": bias})
        model.extend([layer, torch.nn.ReLU()])
    return model[:-1]  # no activation after the last layer


def test_the_forward_pass_is_pytorchs() -> None:
    theta, x = initialise(4, 16, 8, 1), torch.randn(50, 4)
    torch.testing.assert_close(forward(theta, x)[-1], as_sequential(theta)(x))


# --8<-- [end:sequential]
@given(seed=st.integers(0, 10_000), widths=st.lists(st.integers(1, 9), min_size=2, max_size=5))
@settings(deadline=None, max_examples=30)
def test_forward_gradients_and_parameter_counts_are_pytorchs_for_any_widths(seed: int, widths: list[int]) -> None:
    torch.manual_seed(seed)
    theta, x = initialise(*widths), torch.randn(7, widths[0])
    model = as_sequential([parameter.detach() for parameter in theta])
    activations = forward(theta, x)
    assert_close(activations[-1], model(x))
    assert len(activations) == len(widths) - 1
    activations[-1].square().sum().backward()
    model(x).square().sum().backward()
    for ours, theirs in zip(theta, model.parameters(), strict=True):
        assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=1e-4)
    assert parameter_count(*widths) == sum(parameter.numel() for parameter in model.parameters())
    assert parameter_count(*widths) == sum(parameter.numel() for parameter in theta)


def test_many_nets_side_by_side_answer_as_each_does_alone() -> None:
    torch.manual_seed(0)
    theta, x = initialise_many(3, 2, 5, 1), torch.randn(6, 2)
    for one in range(3):
        alone = forward([parameter[one] for parameter in theta], x)
        for together, apart in zip(forward_many(theta, x), alone, strict=True):
            assert_close(together[one], apart)


def test_the_initialisation_keeps_within_the_range_of_pytorchs_linear() -> None:
    torch.manual_seed(0)
    ours, theirs = initialise(25, 400)[0], nn.Linear(25, 400).weight
    assert ours.abs().max() <= 25**-0.5
    assert_close(ours.std(), theirs.std(), atol=0.005, rtol=0)


def test_a_step_of_fit_is_a_step_of_pytorchs_loop() -> None:
    torch.manual_seed(0)
    theta, x, y = initialise(3, 4, 2), torch.randn(9, 3), torch.randn(9, 2)
    model = as_sequential([parameter.detach() for parameter in theta])
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(5):
        optimiser.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimiser.step()
    fit(theta, x, y, steps=5, rate=0.05)
    for ours, theirs in zip(theta, model.parameters(), strict=True):
        assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_two_layers_solve_xor_by_hand() -> None:
    x, y = xor()
    hidden, output = xor_by_hand(x)
    assert torch.equal(output, y)
    assert len(hidden.unique(dim=0)) == 3  # the two points labelled +1 have become one


def test_two_layers_learn_xor_from_nearly_every_initialisation_if_wide_and_not_if_narrow() -> None:
    torch.manual_seed(1)
    narrow, wide = (fit_xor(initialise_many(50, 2, hidden, 1)).float().mean() for hidden in (2, 16))
    assert 0 < narrow < 0.8
    assert wide > 0.95


def test_a_network_with_a_dead_relu_fails_on_xor_and_others_fail_without_one() -> None:
    torch.manual_seed(0)
    theta = initialise_many(100, 2, 2, 1)
    solved, dead = fit_xor(theta), has_dead_relu(theta)
    assert not (solved & dead).any()
    assert (~solved & dead).any()
    assert (~solved & ~dead).any()
    x, _ = xor()
    for one in range(100):
        hidden = forward([parameter[one] for parameter in theta], x)[0]
        assert dead[one] == any(not neuron.any() for neuron in hidden.T)
        if solved[one]:
            continue
        forward([parameter[one] for parameter in theta], x)[-1].sum().backward()
        assert all(theta[0].grad[one, row].abs().sum() == 0 for row in range(2) if not hidden[:, row].any())


def test_more_steps_hardly_help_two_neurons_to_learn_xor() -> None:
    torch.manual_seed(0)
    theta = initialise_many(100, 2, 2, 1)
    longer = [each.detach().clone().requires_grad_() for each in theta]
    assert abs(fit_xor(theta, 500).sum() - fit_xor(longer, 2000).sum()) <= 3


@pytest.mark.parametrize("rate", [0.005, 0.04])
def test_another_learning_rate_does_not_close_the_gap_to_the_net_built_by_hand(rate: float) -> None:
    torch.manual_seed(0)
    (x, y), other = given_points(), other_points()
    theta = initialise_many(2, 1, 256, 1)
    fit(theta, x, y, steps=1000, rate=rate, forward=forward_many)
    trained = curve_error(forward_many([each.detach() for each in theta], other)[-1], other).mean()
    assert trained > 100 * curve_error(forward(piecewise_linear(256), other)[-1], other)


def test_neurons_that_start_alike_stay_alike() -> None:
    theta = initialise_equal(8)
    before = theta[0].detach().clone()
    assert not fit_xor(theta, steps=50).any()
    assert not torch.equal(theta[0], before)
    for row in theta[0][0]:
        assert torch.equal(row, theta[0][0, 0])


def test_no_weight_moves_from_all_0() -> None:
    theta = [torch.zeros_like(each).requires_grad_() for each in initialise(2, 8, 1)]
    fit(theta, torch.randn(20, 2), torch.ones(20, 1), steps=5)
    w1, b1, w2, b2 = theta
    assert not any(each.any() for each in (w1, b1, w2))
    assert b2 > 0


@pytest.mark.parametrize("width", [1, 4, 32])
def test_a_built_net_joins_its_dots(width: int) -> None:
    dots = torch.linspace(-1, 1, width + 1)[:, None]
    assert_close(forward(piecewise_linear(width), dots)[-1], target_curve(dots), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("width", network.WIDTHS)
def test_a_built_net_joins_only_points_that_the_trained_nets_get_too(width: int) -> None:
    x, y = given_points()
    breakpoints = -piecewise_linear(width)[1]
    assert set(breakpoints.tolist()) <= set(x.squeeze(1).tolist())
    assert_close(y, target_curve(x))


def test_the_curve_is_evaluated_where_no_point_was_given() -> None:
    x, given = other_points(), given_points()[0]
    assert x.shape == (1000, 1)
    assert (x - given.T).abs().min() > 1e-6
    assert -1 < x.min() < x.max() < 1


def test_the_trained_error_falls_with_the_width() -> None:
    torch.manual_seed(3)
    x = other_points()
    errors = [float(curve_error(forward_many(fit_curve(width, 300, 6), x)[-1], x).mean()) for width in (1, 4, 16, 128)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0] / 3


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_each_layer_of_two_doubles_the_pieces(depth: int) -> None:
    x = torch.linspace(0, 1, 2**depth + 1)[:, None]
    zigzag = torch.tensor([0.0, 1.0]).repeat(2**depth)[: 2**depth + 1]
    assert_close(forward(folding_network(depth), x)[-1].squeeze(1), zigzag)
    assert parameter_count(1, *[2] * depth, 1) == sum(parameter.numel() for parameter in folding_network(depth))


def test_the_market_is_as_documented() -> None:
    (rooms, area, east, north), concepts, price = (each.T for each in market(5000, seed=1))
    assert set(rooms.tolist()) == {1, 2, 3, 4, 5, 6}
    assert ((area / rooms >= 10) & (area / rooms <= 40.001)).all()
    assert max(east.abs().max(), north.abs().max()) <= 6
    assert_close(concepts[0], 2 ** (-((east**2 + north**2) ** 0.5) / 2))
    luck = price[0] / (area * (1 + 7 * concepts[0]) * concepts[1])
    assert 0.9 - 1e-5 <= luck.min() < 0.91
    assert 1.09 < luck.max() <= 1.1 + 1e-5
    assert torch.equal(market(10, seed=1)[2], market(10, seed=1)[2])
    assert not torch.equal(market(10, seed=1)[2], market(10, seed=2)[2])


def test_new_homes_are_not_among_those_sold() -> None:
    homes = Homes(seed=0)
    parts = [set(map(tuple, x.tolist())) for x in (homes.x, homes.x_validation, homes.x_new)]
    assert len(set.union(*parts)) == sum(map(len, parts))


def test_the_rate_is_the_one_that_does_best_on_validation_homes(monkeypatch) -> None:
    homes, seen = Homes(seed=0), []
    error = Homes.error
    monkeypatch.setattr(
        Homes, "error", lambda self, output, y=None: seen.append((y, error(self, output, y))) or seen[-1][1]
    )
    torch.manual_seed(0)
    theta, rate = homes.fit((4, 5, 1), steps=20, many=2)
    assert len(seen) == len(network.PRICE_RATES)
    assert all(y is homes.y_validation for y, _ in seen)
    assert rate == network.PRICE_RATES[min(range(len(seen)), key=lambda index: seen[index][1])]
    again = homes.error(forward_many(theta, homes.x_validation)[-1], homes.y_validation)
    assert again not in [each for _, each in seen[:-1]]  # new networks: not the luckiest of those that chose


def test_new_homes_have_no_say_in_the_scale() -> None:
    homes = Homes(seed=0, sold=300, new=200)
    assert_close(homes.x.mean(dim=0), torch.zeros(4), atol=1e-5, rtol=0)
    assert_close(homes.x.std(dim=0), torch.ones(4))


def test_a_weighted_sum_explains_all_of_a_weighted_sum_and_nothing_of_noise() -> None:
    torch.manual_seed(0)
    x, x_new = torch.randn(2, 2000, 3).unbind()
    sums = (x[:, :1] - 2 * x[:, 2:] + 3), (x_new[:, :1] - 2 * x_new[:, 2:] + 3)
    assert_close(r_squared(least_squares(x, sums[0])(x_new), sums[1]), torch.ones(1))
    assert r_squared(least_squares(x, torch.randn(2000, 1))(x_new), torch.randn(2000, 1)).abs() < 0.05


def test_correlation_is_pytorchs_and_nought_for_a_silent_neuron() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(100, 3), torch.randn(100, 2)
    assert_close(correlation(a, b), torch.corrcoef(torch.cat([a, b], dim=1).T)[:3, 3:])
    assert not correlation(torch.zeros(100, 1), b).any()


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """The folder in which main records and keeps what it found, with a few steps."""
    folder = tmp_path_factory.mktemp("network")
    network.main(seed=0, device="cpu", steps=500, out=folder)
    return folder


def test_main_records_what_the_page_claims(out) -> None:
    metrics, results = json.loads((out / "metrics.json").read_text(encoding="utf-8")), kept(out)
    assert metrics["xor_2"] < metrics["xor_4"] < metrics["xor_8"] <= metrics["xor_16"]
    assert metrics["xor_2"] < 0.5
    assert metrics["xor_8"] > 0.9
    assert 0.2 < metrics["xor_2_dead"] < 0.8
    assert metrics["xor_equal"] == 0
    assert metrics["kinds"] == 1
    learned = results["learned"].mean(dim=1).tolist()
    assert learned == sorted(learned, reverse=True)
    assert metrics["built_256"] < metrics["learned_256"] / 10
    assert metrics["learned_1"] == learned[0] < results["built"][0]
    assert metrics["deep"] == 225
    assert metrics["flat"] == 223
    assert metrics["error_mean"] > metrics["error_straight"] > metrics["error_flat"] > metrics["error_deep"]
    assert metrics["error_deep_low"] > metrics["error_formula"]
    for name in ("error_flat", "error_deep"):
        assert metrics[f"{name}_low"] < metrics[name] < metrics[f"{name}_high"]
    assert metrics["closeness_facts"] == pytest.approx(-0.0029, abs=0.0005)  # below 0, and not set to 0
    assert metrics["ring_closeness"] < metrics["ring_price"]
    assert metrics["closeness_layer_1"] > metrics["closeness_layer_2"]
    assert metrics["price_facts"] < metrics["price_layer_1"] < metrics["price_layer_2"]
    assert metrics["closeness_facts"] < metrics["closeness_untrained_1"] < metrics["closeness_layer_1"]
    assert metrics["closeness_untrained_2"] < metrics["closeness_untrained_1"]
    assert metrics["price_untrained_2"] < metrics["price_facts"]
    assert metrics["best_closeness"] ** 2 < metrics["closeness_layer_1"]


def test_a_layer_that_has_learned_nothing_tells_more_of_the_price_than_the_facts(out) -> None:
    torch.manual_seed(0)
    untrained = [each.detach() for each in initialise_many(100, *DEEP)]
    facts, layer, _ = Homes(seed=0).probe(untrained).mean(dim=0)[:, 2]
    assert facts == pytest.approx(json.loads((out / "metrics.json").read_text(encoding="utf-8"))["price_facts"])
    assert facts < layer


def test_every_figure_is_drawn_from_what_main_kept(out) -> None:
    drawn = drawings_of("network").draw(out)
    assert drawn.keys() == {
        *("xor", "shares", "pieces", "curves", "widths", "folds", "town", "readable", "meanings"),
        *("matrix", "by_hand", "collapse", "blocks", "saying", "alike", "loop", "anything", "reach"),
        *("tube", "dimensions", "folding", "abstract", "market", "errors", "questions"),
    }
    assert [ax.get_title() for ax in drawn["curves"].axes] == ["width 4", "width 32", "width 256"]
    assert [line.get_label() for line in drawn["widths"].axes[0].lines] == ["trained", "built by hand"]
    heights = [bar.get_height() for bar in drawn["shares"].axes[0].patches]
    assert heights == [100 * share for share in kept(out)["shares"].values()]


def test_ten_layers_without_relus_are_drawn_as_a_straight_line_and_with_them_not(out) -> None:
    straight, bent = drawings_of("network").draw(out)["collapse"].axes[1].lines
    second = [torch.tensor(line.get_ydata()).diff().diff().abs().max() for line in (straight, bent)]
    assert second[0] < 1e-5 < 1e-2 < second[1]


def test_the_cells_that_are_drawn_are_counted(out) -> None:
    texts = [text.get_text() for text in drawings_of("network").draw(out)["blocks"].axes[0].texts]
    assert {"64 + 16 = 80", "128 + 8 = 136", "8 + 1 = 9", "all: 200 + 25 = 225"} <= set(texts)
    assert parameter_count(4, 16, 8, 1) == 225


def test_the_network_that_is_drawn_stays_within_epsilon_and_a_narrower_one_does_not(out) -> None:
    ax = drawings_of("network").draw(out)["tube"].axes[0]
    assert "9 neurons" in ax.texts[0].get_text()
    x = torch.linspace(-1, 1, 121)[:, None]
    far = [float((forward(piecewise_linear(width), x)[-1] - target_curve(x)).abs().max()) for width in (8, 9)]
    assert far[0] > 0.2 > far[1]


def test_weights_that_start_alike_are_one_line_and_random_ones_are_sixteen(out) -> None:
    alike, random = (kept(out)[name] for name in ("alike", "random"))
    assert alike.shape == random.shape == (50, 16)
    assert torch.equal(alike, alike[:, :1].expand(-1, 16))
    assert not torch.equal(alike[0], alike[-1])
    assert len(random[-1].unique()) == 16


def test_main_draws_nothing_unless_told_where(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    network.main(device="cpu", steps=2)
    printed = capsys.readouterr().out
    assert "XOR learned from 100 random initialisations" in printed
    assert "two hidden layers, 225 parameters" in printed
    assert not list(tmp_path.iterdir())


# --8<-- [start:collapse]
def test_collapse() -> None:
    x, (w1, b1, w2, b2) = torch.randn(10, 3), initialise(3, 5, 2)
    twice = (x @ w1.mT + b1) @ w2.mT + b2
    once = x @ (w2 @ w1).mT + (w2 @ b1 + b2)
    torch.testing.assert_close(twice, once)


# --8<-- [end:collapse]
# --8<-- [start:absolute]
def test_absolute() -> None:
    theta = [
        torch.tensor([[1.0], [-1.0]]),  # W₁: one ReLU for each side
        torch.zeros(2),
        torch.tensor([[1.0, 1.0]]),  # W₂: add them up
        torch.zeros(1),
    ]
    x = torch.linspace(-3, 3, 13)[:, None]
    torch.testing.assert_close(forward(theta, x)[-1], x.abs())


# --8<-- [end:absolute]
# --8<-- [start:shuffle]
def test_shuffle() -> None:
    x, (w1, b1, w2, b2) = torch.randn(10, 4), initialise(4, 16, 1)
    order = torch.randperm(16)
    shuffled = [w1[order], b1[order], w2[:, order], b2]
    torch.testing.assert_close(forward(shuffled, x)[-1], forward([w1, b1, w2, b2], x)[-1])


# --8<-- [end:shuffle]
# --8<-- [start:quarter]
def test_quarter() -> None:
    x = torch.linspace(-1, 1, 5000)[:, None]
    errors = [curve_error(forward(piecewise_linear(width), x)[-1], x) for width in (32, 64, 128)]
    for wide, narrow in zip(errors[1:], errors[:-1], strict=True):
        assert 3.8 < narrow / wide < 4.2


# --8<-- [end:quarter]
