"""Overfitting: the error taken apart, regularisers against PyTorch's, an honest search, and the page's exercises."""

import json
from functools import partial
from itertools import pairwise

import pytest
import torch
from conftest import drawings_of
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

import overfitting
from neuronup.command import kept
from neuronup.images import Images, load, standardised
from neuronup.loaders import Examples
from neuronup.optimisers import SGD
from neuronup.regularisation import BatchNorm, Dropout, penalised, translate_randomly
from neuronup.selection import cross_validate, cross_validation_folds, optimism, random_predictions
from overfitting import (
    NOISE,
    REGULARISERS,
    build_mlp,
    choose_degree,
    corrupt_labels,
    decay_under_noise,
    decompose,
    is_correct,
    measure,
    polynomial,
    random_features,
    sample_configuration,
    train,
)

seeds = st.integers(0, 10_000)


@pytest.fixture(scope="module")
def images() -> Images:
    """The digits, as the lecture scales them."""
    return standardised(load("digits", 0))


# The error taken apart


@pytest.mark.parametrize("degree", [1, 3, 5, 9, 12])
def test_bias_variance_and_noise_add_up_to_the_measured_error(degree: int) -> None:
    errors = decompose(degree, seed=1)
    assert sum(errors[2:]) == pytest.approx(errors.held_out, rel=0.02)


@pytest.mark.parametrize("degree", [5, 8, 12])
def test_variance_at_the_measured_places_is_noise_times_parameters_over_examples(degree: int) -> None:
    x = torch.linspace(-1, 1, 20).double()
    predictions = polynomial(x, measure(x, 5000, torch.Generator().manual_seed(0)), degree)(x)
    assert float(predictions.var(dim=0).mean()) == pytest.approx(NOISE**2 * (degree + 1) / 20, rel=0.03)


def test_training_error_falls_and_held_out_error_falls_and_rises() -> None:
    errors = [decompose(degree, seed=0, sets=500) for degree in overfitting.DEGREES]
    training, held_out = [each.training for each in errors], [each.held_out for each in errors]
    assert training == sorted(training, reverse=True)
    assert held_out[0] > 4 * min(held_out)
    assert held_out[-1] > 4 * min(held_out)
    assert min(held_out) > NOISE**2 > training[4]


@given(seed=seeds, degree=st.integers(1, 6))
@settings(deadline=None, max_examples=20)
def test_a_polynomial_is_found_again_from_its_own_values(seed: int, degree: int) -> None:
    weight = torch.randn(degree + 1, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x, places = torch.linspace(-1, 1, 20).double(), torch.linspace(-1, 1, 7).double()
    y = (torch.linalg.vander(x, N=degree + 1) @ weight).mT
    assert_close(polynomial(x, y, degree)(places), (torch.linalg.vander(places, N=degree + 1) @ weight).mT)


@given(n=st.integers(5, 60), k=st.integers(2, 5), seed=seeds)
@settings(deadline=None, max_examples=30)
def test_folds_hold_out_every_example_once_and_never_train_on_it(n: int, k: int, seed: int) -> None:
    dealt = cross_validation_folds(n, k, seed)
    assert sorted(torch.cat([validation for _, validation in dealt]).tolist()) == list(range(n))
    for training, validation in dealt:
        assert sorted([*training.tolist(), *validation.tolist()]) == list(range(n))


def test_leaving_out_one_at_a_time_is_the_shortcut_by_the_hat_matrix() -> None:
    x = torch.linspace(-1, 1, 20).double()
    y = measure(x, 3, torch.Generator().manual_seed(2))
    powers = torch.linalg.vander(x, N=5)
    hat = powers @ torch.linalg.pinv(powers)
    shortcut = ((y - y @ hat.mT) / (1 - hat.diag())).square().mean(dim=1)
    assert_close(cross_validate(x, y, partial(polynomial, degree=4), seed=0, k=20), shortcut)


def test_folds_choose_a_better_degree_than_the_training_error_does() -> None:
    errors = choose_degree(seed=3)
    assert errors["truth"] <= errors["folds"] < errors["training"]


def test_mistakes_peak_where_there_are_as_many_random_neurons_as_examples(images: Images) -> None:
    training = Examples(images.train.x[:200], corrupt_labels(images.train.y[:200], 0.15, 10, 0)[0])
    few, as_many, many = (random_features(training, images.validation, width, 0) for width in (40, 200, 1500))
    assert as_many[0] == many[0] == 0 < few[0]
    assert as_many[1] > 2 * few[1] > many[1]


def test_the_weights_are_very_large_where_there_are_as_many_random_neurons_as_examples(
    images: Images, monkeypatch
) -> None:
    inverted = torch.linalg.pinv
    sizes: list[float] = []

    def spy(hidden: Tensor) -> Tensor:
        sizes.append(float(inverted(hidden).norm()))
        return inverted(hidden)

    monkeypatch.setattr(torch.linalg, "pinv", spy)
    training = Examples(images.train.x[:200], images.train.y[:200])
    for width in (40, 200, 2000):
        random_features(training, images.validation, width, 0)
    few, as_many, many = sizes
    assert as_many > 10 * few
    assert as_many > 10 * many


# The regularisers against PyTorch's


@given(seed=seeds, p=st.floats(0.05, 0.9))
@settings(deadline=None, max_examples=30)
def test_dropout_draws_pytorchs_mask_from_the_same_seed_with_its_values_and_gradients(seed: int, p: float) -> None:
    a, back = torch.randn(2, 40, 30, generator=torch.Generator().manual_seed(seed))
    ours, theirs = a.clone().requires_grad_(), a.clone().requires_grad_()
    outputs = []
    for layer, x in ((Dropout(p), ours), (nn.Dropout(p), theirs)):
        torch.manual_seed(seed)
        outputs.append(layer(x))
        outputs[-1].backward(back)
    assert_close(*outputs)
    assert_close(ours.grad, theirs.grad)
    assert 0 < int((outputs[0] == 0).sum()) < a.numel()


def test_dropout_keeps_the_mean_and_is_the_identity_in_evaluation() -> None:
    torch.manual_seed(0)
    layer, a = Dropout(0.7), torch.ones(200, 1000)
    thinned = layer(a)
    assert float((thinned == 0).float().mean()) == pytest.approx(0.7, abs=0.01)
    assert float(thinned.mean()) == pytest.approx(1, abs=0.01)
    assert torch.equal(layer.eval()(a), a)


@given(seed=seeds)
@settings(deadline=None, max_examples=15)
def test_batch_norm_is_pytorchs_in_training_and_in_evaluation(seed: int) -> None:
    drawn = torch.Generator().manual_seed(seed)
    ours, theirs = BatchNorm(6), nn.BatchNorm1d(6)
    for layer in (ours, theirs):
        with torch.no_grad():
            layer.weight.copy_(torch.linspace(0.5, 2, 6))
            layer.bias.copy_(torch.linspace(-1, 1, 6))
    for _ in range(4):
        a = 3 * torch.randn(16, 6, generator=drawn) + 2
        x, y = a.clone().requires_grad_(), a.clone().requires_grad_()
        back = torch.randn(16, 6, generator=drawn)
        ours(x).backward(back)
        theirs(y).backward(back)
        assert_close(ours(a), theirs(a))
        assert_close(x.grad, y.grad, atol=1e-5, rtol=1e-4)
    assert_close(ours.weight.grad, theirs.weight.grad, atol=1e-4, rtol=1e-4)
    assert_close(ours.mean, theirs.running_mean)
    assert_close(ours.variance, theirs.running_var)
    a = torch.randn(5, 6, generator=drawn)
    assert_close(ours.eval()(a), theirs.eval()(a))
    assert_close(ours(a)[:1], ours(a[:1]))  # its output does not depend on the rest of the batch


def train_penalised(l1: float, l2: float, **settings: float) -> tuple[Tensor, Tensor]:
    """Take 60 steps of SGD with our penalty, and with PyTorch's settings: parameters (d,) each."""
    ends = []
    for price, decay in (((l1, l2), {}), ((0.0, 0.0), settings)):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
        x, y = torch.randn(60, 5), torch.randint(3, (60,))
        loss = penalised(model, *price)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, **decay)
        for _ in range(60):
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()
        ends.append(nn.utils.parameters_to_vector(model.parameters()).detach())
    return ends[0], ends[1]


@pytest.mark.parametrize("decay", [0.001, 0.03, 0.3])
def test_an_l2_penalty_trains_as_pytorchs_sgd_with_weight_decay_does(decay: float) -> None:
    ours, theirs = train_penalised(0.0, decay, weight_decay=decay)
    assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(ours, train_penalised(0.0, 0.0)[0], atol=1e-2)


def test_the_l1_penalty_has_the_gradient_of_the_signs() -> None:
    torch.manual_seed(0)
    model, (z, y) = nn.Linear(4, 3), (torch.zeros(2, 3), torch.tensor([0, 1]))
    penalised(model, 0.1, 0.0)(z, y).backward()
    assert_close(model.weight.grad, 0.1 * model.weight.detach().sign())


def test_l1_leaves_more_weights_near_zero_than_l2_at_the_same_length() -> None:
    ends = train_penalised(0.02, 0.0)[0], train_penalised(0.0, 0.05)[0]
    near = [float((each.abs() < 0.02 * each.abs().max()).float().mean()) for each in ends]
    assert near[0] > 2 * near[1]


def test_penalties_cost_nothing_once_training_is_over() -> None:
    model, (z, y) = nn.Linear(4, 3).eval(), (torch.randn(2, 3), torch.tensor([0, 1]))
    assert_close(penalised(model, 1.0, 1.0)(z, y), nn.functional.cross_entropy(z, y))


def test_adamw_shrinks_loud_and_quiet_weights_alike_and_adam_with_a_penalty_does_not() -> None:
    alike, unlike = decay_under_noise(decoupled=True, seed=0)[-1], decay_under_noise(decoupled=False, seed=0)[-1]
    assert_close(alike, torch.full((2,), (1 - 0.01 * 0.5) ** 200), atol=0.02, rtol=0)
    assert unlike[0] < 0.1 < 0.8 < unlike[1]


def test_weight_decay_of_pytorchs_adam_is_the_l2_penalty_and_that_of_adamw_is_not() -> None:
    def trained(kind: type[torch.optim.Optimizer], l2: float, decay: float) -> Tensor:
        torch.manual_seed(0)
        model, x, y = nn.Linear(5, 3), torch.randn(60, 5), torch.randint(3, (60,))
        loss, optimiser = penalised(model, 0.0, l2), kind(model.parameters(), lr=0.01, weight_decay=decay)
        for _ in range(60):
            optimiser.zero_grad()
            loss(model(x), y).backward()
            optimiser.step()
        return nn.utils.parameters_to_vector(model.parameters()).detach()

    penalty = trained(torch.optim.Adam, 0.3, 0.0)
    assert_close(trained(torch.optim.Adam, 0.0, 0.3), penalty, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(trained(torch.optim.AdamW, 0.0, 0.3), penalty, atol=1e-2)


@given(seed=seeds)
@settings(deadline=None, max_examples=20)
def test_a_shifted_image_is_the_image_moved_by_at_most_a_pixel(seed: int) -> None:
    torch.manual_seed(seed)
    x = torch.zeros(6, 2, 9, 7)
    x[:, :, 4, 3] = torch.tensor([1.0, 2.0])
    moved = translate_randomly(x)
    assert moved.shape == x.shape
    for image in moved:
        places = image.nonzero()  # one in each channel, at the same place
        assert len(places) == 2
        assert torch.equal(places[0, 1:], places[1, 1:])
        assert int((places[0, 1:] - torch.tensor([4, 3])).abs().max()) <= 1
        assert_close(image.sum(dim=(1, 2)), torch.tensor([1.0, 2.0]))


# The net, and the search


@given(seed=seeds, share=st.floats(0, 1))
@settings(deadline=None, max_examples=20)
def test_a_corrupted_label_is_another_class_and_the_rest_stay(seed: int, share: float) -> None:
    y = torch.arange(1000) % 7
    labels, wrong = corrupt_labels(y, share, 7, seed)
    assert torch.equal(labels != y, wrong)
    assert 0 <= int(labels.min()) <= int(labels.max()) < 7
    assert abs(float(wrong.float().mean()) - share) < 0.08


def test_deep_and_flat_nets_have_as_many_parameters_to_a_hundredth() -> None:
    flat, deep = (
        sum(p.numel() for p in build_mlp(REGULARISERS[name], 64, 10).parameters())
        for name in ("unregularised", "deeper")
    )
    assert flat == 64 * 128 + 128 + 128 * 10 + 10
    assert deep == pytest.approx(flat, rel=0.01)


def test_a_net_memorises_wrong_labels_and_early_stopping_keeps_it_from_that(images: Images) -> None:
    plain, stopped = (train(REGULARISERS[name], images, 0, epochs=50) for name in ("unregularised", "early stopping"))
    memorised = [float(is_correct(p.model, p.examples)[p.wrong].float().mean()) for p in (plain, stopped)]
    accuracy = [float(is_correct(p.model, images.test).float().mean()) for p in (plain, stopped)]
    assert memorised[0] > 0.9 > 0.3 > memorised[1]
    assert accuracy[1] > accuracy[0] + 0.05
    assert len(stopped.history["loss"]) < 50


def test_configurations_are_sampled_within_their_bounds_and_anew_each_time() -> None:
    drawn = torch.Generator().manual_seed(0)
    sampled = [sample_configuration(drawn) for _ in range(200)]
    assert len(set(sampled)) == 200
    assert all(1e-3 <= r.l2 <= 0.1 and 0 <= r.dropout <= 0.9 and 16 <= r.hidden[0] <= 255 for r in sampled)
    assert 0.4 < sum(r.l2 < 0.01 for r in sampled) / 200 < 0.6  # as many below 0.01 as above


def test_the_best_of_many_nets_that_predict_by_chance_looks_good_on_few_examples_and_is_not() -> None:
    validation, test = random_predictions(300, 200, seed=0)
    one, many = (optimism(validation, test, tries, 40, seed=0) for tries in (1, 300))
    assert one[0] == pytest.approx(0.1, abs=0.02)
    assert many[0] > 0.2
    assert one[1] == pytest.approx(0.1, abs=0.01)
    assert many[1] == pytest.approx(0.1, abs=0.01)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What main records, keeps, and what is drawn of it, with few epochs and tries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overfitting, "FEATURE_WIDTHS", [10, 70, 200, 700])
        out = tmp_path_factory.mktemp("overfitting")
        overfitting.main(device="cpu", epochs=8, tries=4, out=out)
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    return metrics, kept(out), drawings_of("overfitting").draw(out)


def test_main_draws_what_it_kept(results) -> None:
    _, found, drawn = results
    on_the_page = {"fits", "degrees", "parts", "descent", "curves", "regularisers", "search"}
    assert on_the_page < drawn.keys()
    assert [ax.get_title() for ax in drawn["fits"].axes] == ["degree 1", "degree 5", "degree 15"]
    _, held_out = drawn["descent"].axes[0].get_lines()[:2]
    assert list(held_out.get_xdata()) == [10, 70, 200, 700]
    assert list(held_out.get_ydata()) == pytest.approx((100 * found["mistakes"][:, :, 1]).mean(0).tolist())
    labels = [label.get_text() for label in drawn["regularisers"].axes[0].get_yticklabels()]
    assert labels == [name for name in reversed(REGULARISERS) if name != "correct labels"]
    assert [len(line.get_xdata()) for line in drawn["curves"].axes[0].get_lines()] == [8, 8]
    assert [ax.get_title() for ax in drawn["search"].axes] == ["random predictions", "trained networks"]


def test_stacked_parts_reach_the_held_out_error(results) -> None:
    _, found, drawn = results
    whole, *parts = drawn["stack"].axes[0].containers
    assert [part.get_label() for part in parts] == ["squared bias", "variance", "noise"]
    for place, degree in enumerate((1, 5, 15)):
        error = found["errors"][degree - 1]["held_out"]
        assert whole[place].get_height() == pytest.approx(error)
        assert sum(part[place].get_height() for part in parts) == pytest.approx(error, rel=0.02)


def test_histograms_of_the_weights_hold_all_parameters(results) -> None:
    for ax in results[2]["weights"].axes:
        (stairs,) = ax.patches
        assert float(stairs.get_data().values.sum()) == pytest.approx(100, abs=0.01)


def test_a_penalty_moves_the_minimum_to_where_its_slope_and_the_losss_cancel() -> None:
    curvature, minimum, price = torch.tensor([[1.0, 0.25], [0.25, 0.4]]), torch.tensor([1.5, 0.8]), 0.6
    ball, corner = drawings_of("overfitting").ball_and_diamond(curvature, minimum, price)
    assert_close(curvature @ (ball - minimum), -price * ball)
    slope = curvature @ (corner - minimum)
    assert float(slope[0]) == pytest.approx(-price)
    assert corner[1] == 0
    assert abs(float(slope[1])) < price  # too little to leave zero


def test_main_records_what_the_page_claims(results) -> None:
    metrics, found, _ = results
    assert metrics["sum_off"] < 0.02
    assert metrics["training_15"] < metrics["training_best"] < NOISE**2 < metrics["held_out_best"]
    assert metrics["held_out_best"] < metrics["held_out_1"] < metrics["held_out_15"]
    assert metrics["descent_peak"] == 200
    assert metrics["descent_peak_mistakes"] > metrics["descent_first_mistakes"]
    assert metrics["test_correct_labels"] > metrics["test_unregularised"]
    assert metrics["chance_seen"] > 2 * metrics["chance_unseen"]
    (one_seen, _), *_ = found["curves"]["random predictions"].tolist()
    assert abs(one_seen - 0.1) < 0.01  # one try: nothing is chosen
    gap, one = (metrics[f"learned_{k}seen"] - metrics[f"learned_{k}unseen"] for k in ("", "one_"))
    assert gap > one
    assert (metrics["validation"], metrics["examples"]) == (360, 300)
    assert metrics["parameters"] == 9610
    named = [name for kind in ("helped", "doubtful") for name in metrics[kind].split(", ") if name]
    assert sorted([*named, "unregularised", "correct labels"]) == sorted(REGULARISERS)


def test_main_draws_nothing_unless_told_where(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(overfitting, "FEATURE_WIDTHS", [10, 200])
    few = ("unregularised", "more data", "batch norm", "fewer parameters", "correct labels")
    monkeypatch.setattr(overfitting, "REGULARISERS", {name: REGULARISERS[name] for name in few})
    overfitting.main(device="cpu", epochs=1, tries=1)
    assert "unregularised" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


# --8<-- [start:gap]
def test_gap() -> None:
    x = torch.linspace(-1, 1, 20).double()
    y, again = measure(x, 10_000, torch.Generator().manual_seed(0)).split(5000)
    predictions = polynomial(x, y, degree=7)(x)
    gap = (predictions - again).square().mean() - (predictions - y).square().mean()
    assert abs(float(gap) - 2 * NOISE**2 * 8 / 20) < 0.002  # degree 7 has 8 parameters


# --8<-- [end:gap]
# --8<-- [start:average]
def test_average() -> None:
    torch.manual_seed(0)
    layer, a, w = Dropout(0.5), torch.rand(8), torch.randn(8)
    sums = torch.stack([layer(a) @ w for _ in range(20_000)])
    torch.testing.assert_close(sums.mean(), a @ w, atol=0.05, rtol=0)
    # The variance of a sum is the sum of (a w)² p / (1 - p).
    torch.testing.assert_close(sums.var(), (a * w).square().sum(), atol=0, rtol=0.05)


# --8<-- [end:average]
# --8<-- [start:shrink]
def test_shrink() -> None:
    curvature, start = torch.tensor([10.0, 0.1]), torch.ones(2)
    theta, optimiser = torch.zeros(2), SGD(0.05)
    for _ in range(5000):  # the loss alone has its minimum at `start`
        theta = optimiser.step(theta, curvature * (theta - start) + 1.0 * theta)
    torch.testing.assert_close(theta, curvature / (curvature + 1.0))


# --8<-- [end:shrink]
# --8<-- [start:winner]
def test_winner() -> None:
    validation, test = random_predictions(1000, 400, seed=1)
    seen = [optimism(validation, test, tries=100, examples=n, seed=0)[0] for n in (25, 100, 400)]
    excess = [score - 0.1 for score in seen]
    for few, many in pairwise(excess):
        assert 1.6 < few / many < 2.6  # four times the examples: about half the illusion


# --8<-- [end:winner]
