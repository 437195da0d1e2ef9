# %% [markdown]
# # Lab: From LeNet to vision transformers
#
# Change a number, run a cell, and see what happens. **Your turn** means: fill in the stub and
# run the check below it. Where your answer has passed, it is used from there on.

# %%
import torch

import checks
from architectures import architectures_data, fit
from drawings import draw_fit
from neuronup.exercises import attempt, solution
from neuronup.figures import Shown

x = architectures_data(seed=0)

# %% [markdown]
# ## Gradient descent
#
# > **Predict.** Each step goes half of the way that is left. How far from the mean is it
# > after ten steps: nearer to a tenth, a hundredth or a thousandth of where it began?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
predictions = fit(x, steps=10, rate=0.5)
left = float((x.mean() - predictions[-1]) / x.mean())
print(f"of the way, {left:.4f} is left")
Shown(
    draw_fit(predictions, float(x.mean())),
    "The prediction comes nearer to the mean with every step, and ever more slowly.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Half of the way, ten times: a thousandth is left.
#
# </details>
#
# ## Your turn: the gradient
#
# `gradient(prediction, x)` is the derivative of `architectures_loss(prediction, x)`. Write it
# without autograd.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# The loss is half a mean of squares: each square gives its difference, and the mean stays.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `difference = prediction - x`
#
# </details>


# %% tags=["exercise"]
def gradient(prediction, x):
    return None  # your turn


# %% tags=["check"]
attempt(checks.gradient, gradient)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def gradient(prediction, x):
    return (prediction - x).mean()


# %% [markdown]
# ## What you have seen
#
# Say it in a sentence, and prove it in the last cell.

# %%
assert torch.isclose(fit(x, steps=50, rate=0.5)[-1], x.mean())
