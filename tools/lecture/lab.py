# %% [markdown]
# # Lab: TITLE
#
# Change a number, run a cell, and see what happens. Each exercise has a check that says
# what is still missing; its solution is folded below it.

# %%
import torch

from drawings import draw_fit
from neuronup.exercises import attempt
from neuronup.figures import Shown
from TOPIC import TOPIC_data, TOPIC_loss, fit

x = TOPIC_data(seed=0)

# %% [markdown]
# ## Gradient descent
#
# > **Predict.** Each step goes half of the way that is left. How far from the mean is it
# > after ten steps: nearer to a tenth, a hundredth or a thousandth of where it began?

# %%
predictions = fit(x, steps=10, rate=0.5)
left = float((x.mean() - predictions[-1]) / x.mean())
print(f"of the way, {left:.4f} is left")
Shown(
    draw_fit(predictions, float(x.mean())),
    "The prediction comes nearer to the mean with every step, and ever more slowly.",
)

# %% [markdown]
# ## Your turn: the gradient
#
# `gradient(prediction, x)` is the derivative of `TOPIC_loss(prediction, x)`. Write it
# without autograd.


# %% tags=["exercise"]
def gradient(prediction, x): ...  # your turn


# %% tags=["check"]
def check_gradient(gradient):
    prediction = torch.tensor(1.0, requires_grad=True)
    TOPIC_loss(prediction, x).backward()
    found = gradient(prediction.detach(), x)
    assert found is not None, "it returns nothing yet"
    right = prediction.grad
    assert torch.isclose(found, right), f"at 1 it is {right:.4f}, not {found:.4f}"


attempt(check_gradient, gradient)


# %% tags=["solution"] jupyter={"source_hidden": true}
def gradient(prediction, x):
    return (prediction - x).mean()


check_gradient(gradient)

# %% [markdown]
# ## What you have seen
#
# Say it in a sentence, and prove it in the last cell.

# %%
assert torch.isclose(fit(x, steps=50, rate=0.5)[-1], x.mean())
