# %% [markdown]
# # Lab: TITLE
#
# Change a number, run a cell, and see what happens. Each exercise has a check that says
# what is still missing; its solution is folded below it.

# %%
import torch

from exercises import attempt
from TOPIC import data, draw_fit, fit, loss
from figures import Shown

x = data(seed=0)

# %% [markdown]
# ## Roll downhill
#
# > **Predict.** Each step goes half of the way that is left. How far from the mean is the
# > guess after ten steps: nearer to a tenth, a hundredth or a thousandth of where it began?

# %%
guesses = fit(x, steps=10, rate=0.5)
print(f"of the way, {float((x.mean() - guesses[-1]) / x.mean()):.4f} is left")
Shown(draw_fit(guesses, x.mean()), "The guess comes nearer to the mean with every step, and ever more slowly.")

# %% [markdown]
# ## Your turn: the slope
#
# `slope(guess, x)` is the derivative of `loss(guess, x)`. Write it without autograd.


# %% tags=["exercise"]
def slope(guess, x): ...  # your turn


# %% tags=["check"]
def check_slope(slope):
    guess = torch.tensor(1.0, requires_grad=True)
    loss(guess, x).backward()
    found = slope(guess.detach(), x)
    assert found is not None, "it returns nothing yet"
    assert torch.isclose(found, guess.grad), f"at 1 the slope is {guess.grad:.4f}, not {found:.4f}"


attempt(check_slope, slope)


# %% tags=["solution"] jupyter={"source_hidden": true}
def slope(guess, x):
    return (guess - x).mean()


check_slope(slope)

# %% [markdown]
# ## What you have seen
#
# Say it in a sentence, and prove it in the last cell.

# %%
assert torch.isclose(fit(x, steps=50, rate=0.5)[-1], x.mean())
