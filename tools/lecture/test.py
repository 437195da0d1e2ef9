"""The laws that TOPIC keeps."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from TOPIC import fit, loss, main

numbers = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=20).map(torch.tensor)


@given(numbers)
def test_the_slope_agrees_with_torch(x):
    guess = torch.zeros((), requires_grad=True)
    loss(guess, x).backward()
    torch.testing.assert_close(fit(x, steps=1, rate=1.0)[1], -guess.grad)


@given(numbers, st.floats(0.1, 1.9))
def test_no_step_goes_uphill(x, rate):
    x = x.double()
    losses = torch.stack([loss(guess, x) for guess in fit(x, steps=5, rate=rate)])
    assert (losses.diff() <= 1e-9 * losses[:-1] + 1e-12).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_main_ends_at_the_mean(seed, tmp_path, capsys):
    main(seed=seed, device="cpu", out=tmp_path / "outputs")
    numbers = json.loads((tmp_path / "outputs" / "metrics.json").read_text())
    assert numbers["guess"] == pytest.approx(numbers["mean"], abs=1e-4)
    assert f"the mean: {numbers['mean']:.4f}" in capsys.readouterr().out
    assert "<svg" in (tmp_path / "outputs" / "fit.svg").read_text()
