"""The laws that architectures keeps."""

import json

import pytest
import torch
from conftest import drawings_of
from hypothesis import given
from hypothesis import strategies as st

from architectures import architectures_loss, fit, main

numbers = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=20).map(torch.tensor)


@given(numbers)
def test_the_gradient_agrees_with_torch(x):
    prediction = torch.zeros((), requires_grad=True)
    architectures_loss(prediction, x).backward()
    torch.testing.assert_close(fit(x, steps=1, rate=1.0)[1], -prediction.grad)


@given(numbers, st.floats(0.1, 1.9))
def test_no_step_raises_the_loss(x, rate):
    x = x.double()
    losses = torch.stack([architectures_loss(prediction, x) for prediction in fit(x, steps=5, rate=rate)])
    assert (losses.diff() <= 1e-9 * losses[:-1] + 1e-12).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_main_ends_at_the_mean_and_draws_the_way(seed, tmp_path, capsys):
    main(seed=seed, device="cpu", out=tmp_path)
    numbers = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert numbers["end"] == pytest.approx(numbers["mean"], abs=1e-4)
    assert f"the mean: {numbers['mean']:.4f}" in capsys.readouterr().out
    (ax,) = drawings_of("architectures").draw(tmp_path)["fit"].axes
    predictions, mean = ax.lines
    assert predictions.get_ydata()[0] == 0
    assert predictions.get_ydata()[-1] == pytest.approx(mean.get_ydata()[0], abs=1e-4)
