"""Distribution shift: what tells old from new, weights that are density ratios, and a loop that feeds on itself."""

import pytest
import torch
from torch import nn
from torch.nn.functional import one_hot
from torch.testing import assert_close

from neuronup.loaders import Examples
from neuronup.shifts import (
    distinguishability,
    fit_images,
    importance_weights,
    label_weights,
    partly_inverted,
    patrol,
    prediction_shift,
    right_of,
)


def test_inputs_of_one_distribution_cannot_be_told_apart_and_others_can():
    drawn = torch.Generator().manual_seed(0)
    old, same = torch.randn(4000, 5, generator=drawn), torch.randn(4000, 5, generator=drawn)
    assert distinguishability(old, same, seed=0) == pytest.approx(0.5, abs=0.04)
    assert distinguishability(old, same + 1, seed=0) > 0.85


def test_importance_weights_are_the_ratio_of_densities():
    drawn = torch.Generator().manual_seed(0)
    old, new = torch.randn(20_000, 1, generator=drawn), torch.randn(40_000, 1, generator=drawn) + 0.5
    x = torch.tensor([[-1.0], [0.0], [0.5], [1.0]])
    ratio = (0.5 * x[:, 0] - 0.125).exp()  # of two normal densities
    assert_close(importance_weights(x, old, new, seed=0), ratio, atol=0.1, rtol=0.15)


def test_label_weights_are_those_of_the_labels_if_predictions_err_as_before():
    kinds = torch.tensor([[80, 15, 5], [10, 70, 20], [0, 10, 90]])  # a row for each label, a column for each prediction

    def drawn(times):
        counts = (kinds * torch.tensor(times)[:, None]).flatten()
        return torch.cartesian_prod(torch.arange(3), torch.arange(3)).repeat_interleave(counts, dim=0).T

    y, prediction = drawn([1, 1, 1])
    _, new = drawn([1, 6, 2])
    weight = label_weights(y, prediction, new, 3)
    assert_close(weight, torch.tensor([1.0, 6.0, 2.0]) / 3, atol=1e-4, rtol=1e-4)
    assert_close(label_weights(y, prediction, prediction, 3), torch.ones(3), atol=1e-4, rtol=1e-4)


def test_a_weight_of_zero_takes_an_example_out_of_training():
    drawn = torch.Generator().manual_seed(0)
    y = torch.randint(3, (6000,), generator=drawn)
    x = one_hot(y, 3).float() + 0.1 * torch.randn(6000, 3, generator=drawn)
    lied = y.clone()
    lied[:3000] = (y[:3000] + 1) % 3
    weight = (torch.arange(6000) >= 3000).float() * 2
    model = fit_images(Examples(x, lied), 3, seed=0, weight=weight)
    assert right_of(model, Examples(x, y)).mean() > 0.95
    before = [each.clone() for each in model.parameters()]
    fit_images(Examples(x, (y + 1) % 3), 3, seed=0, model=model)
    assert all(map(torch.equal, before, model.parameters()))  # the model that is trained on stays as it is


def test_adding_to_the_logits_moves_predictions_and_inverting_twice_gives_the_image_back():
    part = Examples(torch.eye(3), torch.arange(3))
    assert right_of(nn.Identity(), part).tolist() == [1, 1, 1]
    assert right_of(nn.Identity(), part, torch.tensor([0.0, 0.0, 5.0])).tolist() == [0, 0, 1]
    assert torch.equal(partly_inverted(partly_inverted(part, 0.5, 3), 0.5, 3).x, part.x)
    assert torch.equal(partly_inverted(part, 1.0, 0).x, -part.x)
    assert prediction_shift(nn.Identity(), part, Examples(part.x[[0, 0, 1]], part.y), 3) == pytest.approx(1 / 3)


def test_records_feed_on_themselves_and_corrected_ones_find_that_the_districts_are_alike():
    ends = {way: torch.stack([patrol(seed, way)[-1] for seed in range(30)]) for way in (False, True)}
    assert ends[False].std() > 0.15
    assert ends[True].std() < 0.04
    assert ends[True].mean() == pytest.approx(0.5, abs=0.02)
