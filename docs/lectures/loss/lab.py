# %% [markdown]
# # Lab: losses by hand
#
# You write losses, see what each one wants, check a derivative by finite differences, and mend a softmax that overflows. 30 minutes. Read the
# [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `loss.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the repository. Cells
# named *your turn* hold a stub: fill it in and run the check below it. The solution is folded under the check; it runs too,
# so you can go on without having solved anything.

# %%
import torch

from loss import (
    SoftmaxLayer,
    absolute,
    cross_entropy,
    empirical_loss,
    fit,
    line,
    misprint,
    patients,
    squared,
)
from neuronup import figures
from neuronup.accuracy import accuracy
from neuronup.digits import train_test_digits
from neuronup.exercises import attempt
from neuronup.one_hot import most_likely, one_hot

x, y, x_test, y_test = patients(seed=0)
print(f"{len(x)} patients to train on, {len(x_test)} held out")

# %% [markdown]
# ## 1. What does a loss want?
#
# Seven people wait 2, 3, 3, 4, 5, 6 and 40 minutes for a bus. You may name one number for all of them.
#
# > **Predict.** Which number has the lowest mean squared error, which the lowest mean absolute error? What happens to each if the 40
# > becomes 400?

# %%
waits = torch.tensor([2.0, 3.0, 3.0, 4.0, 5.0, 6.0, 40.0])
constants = torch.linspace(0, 80, 801)
for longest in (40.0, 400.0):
    waits[-1] = longest
    for name, each in (("squared", squared), ("absolute", absolute)):
        risk = each(constants[:, None], waits).mean(dim=1)
        best = float(constants[risk.argmin()])
        print(f"longest {longest:.0f}, {name} error: best constant {best:.1f}")

# %% [markdown]
# The mean follows the longest wait. The median does not change.
#
# ## 2. Your turn: Huber
#
# Half the square of the error, as long as the error is at most `delta`; beyond that a straight line, $\delta\,(e - \delta / 2)$ for an error of
# size $e$, so that value and derivative agree where the two meet. `prediction` and `y` have the same shape, and so has the result.


# %% tags=["exercise"]
def huber(prediction, y, delta):
    return None  # your turn


# %% tags=["check"]
def check_huber(huber):
    prediction, truth = torch.tensor([1.0, -1.0, 3.0, -5.0]), torch.zeros(4)
    found = huber(prediction, truth, 2.0)
    assert found is not None, "it returns nothing yet"
    assert found.shape == (4,), "one loss for each example: no mean yet"
    assert torch.allclose(found[:2], torch.tensor([0.5, 0.5])), (
        "for errors up to delta take half the square"
    )
    assert torch.allclose(found[2:], torch.tensor([4.0, 8.0])), (
        "for errors above delta take delta * (error - delta / 2), on both sides"
    )


attempt(check_huber, huber)


# %% tags=["solution"] jupyter={"source_hidden": true}
def huber(prediction, y, delta):
    error = (prediction - y).abs()
    return torch.where(error <= delta, error**2 / 2, delta * (error - delta / 2))


check_huber(huber)

# %% [markdown]
# ## 3. One zero too many
#
# > **Predict.** One training value is multiplied by ten. Sort three losses by how much the fitted line moves: squared, absolute,
# > Huber with $\delta = 50$. And with $\delta = 5000$?

# %%
shown = {
    "squared": squared,
    "absolute": absolute,
    "Huber, 50": lambda prediction, y: huber(prediction, y, 50.0),
    "Huber, 5000": lambda prediction, y: huber(prediction, y, 5000.0),
}
for name, each in shown.items():
    before, after = fit(each, x, y), fit(each, x, misprint(x, y, 10))
    print(f"{name:12s} weight {before[0]:5.1f}, with the misprint {after[0]:5.1f}")

# %% [markdown]
# With a large $\delta$ every error counts as small, and Huber is half the squared error.
#
# ## 4. Your turn: cross-entropy
#
# The logits of some examples are `z (n, K)` and their labels `label (n,)`. Return the cross-entropy of each, `(n,)`: minus the logarithm of the
# probability that softmax gives to the label. Write it as the formula says; we break it afterwards.


# %% tags=["exercise"]
def naive_loss(z, label):
    return None  # your turn


# %% tags=["check"]
def check_naive(naive_loss):
    z, label = (
        torch.tensor([[0.0, 0.0], [2.0, 0.0], [2.0, 0.0]]),
        torch.tensor([0, 0, 1]),
    )
    found = naive_loss(z, label)
    assert found is not None, "it returns nothing yet"
    assert found.shape == (3,), (
        f"one number for each example, not shape {tuple(found.shape)}"
    )
    assert torch.allclose(found[0], torch.tensor(2.0).log()), (
        "two equal logits mean one half each, and -ln(1/2) = 0.69"
    )
    assert torch.allclose(found, torch.tensor([0.6931, 0.1269, 2.1269]), atol=1e-4), (
        "take the entry of the true label in each row"
    )


attempt(check_naive, naive_loss)


# %% tags=["solution"] jupyter={"source_hidden": true}
def naive_loss(z, label):
    probabilities = torch.exp(z) / torch.exp(z).sum(dim=1, keepdim=True)
    return -probabilities[torch.arange(len(z)), label].log()


check_naive(naive_loss)

# %% [markdown]
# > **Predict.** A model of ten classes is untrained: all its logits are 0. What is its loss? And what does your function return for the
# > logits 10 and 0, then 100 and 0, if the second class is true?

# %%
print(f"all logits 0: {float(naive_loss(torch.zeros(1, 10), torch.tensor([3]))):.3f}")
for large in (10.0, 100.0):
    found = naive_loss(torch.tensor([[large, 0.0]]), torch.tensor([1]))
    print(f"logits {large:.0f} and 0: {float(found)}")

# %% [markdown]
# The first is $\ln 10$. For the logits 100 and 0 it should be 100; but $e^{100}$ is too large for 32 bits.
#
# ## 5. Your turn: mend it
#
# Write the same loss without ever taking the exponential of a positive number, nor the logarithm of something below 1:
# $-\ln q_y = m + \ln \sum_j e^{z_j - m} - z_y$, where $m$ is the largest logit of the row.


# %% tags=["exercise"]
def stable_loss(z, label):
    return None  # your turn


# %% tags=["check"]
def check_stable(stable_loss):
    easy = torch.tensor([[0.5, -1.0, 2.0], [0.0, 0.0, 0.0]])
    label = torch.tensor([1, 2])
    found = stable_loss(easy, label)
    assert found is not None, "it returns nothing yet"
    assert torch.allclose(found, naive_loss(easy, label)), (
        "on small logits it should equal naive_loss"
    )
    hard = torch.tensor([[1000.0, 0.0, -1000.0], [-1000.0, -1000.0, -2000.0]])
    found = stable_loss(hard, label)
    assert found.isfinite().all(), f"it still overflows: {found.tolist()}"
    assert torch.allclose(found, torch.tensor([1000.0, 1000.6931])), (
        "subtract the largest logit of each row, not of the whole tensor"
    )


attempt(check_stable, stable_loss)


# %% tags=["solution"] jupyter={"source_hidden": true}
def stable_loss(z, label):
    top = z.amax(dim=1)
    total = top + torch.exp(z - top[:, None]).sum(dim=1).log()
    return total - z[torch.arange(len(z)), label]


check_stable(stable_loss)

# %% [markdown]
# ## 6. Your turn: finite differences
#
# The derivative of a loss in one logit: move this logit up and down by `step`, and divide the change of the loss by `2 * step`. Do it for each logit of one
# example, `z (K,)`, with `loss` a function of `z` that returns one number; return `(K,)`.
#
# > **Predict.** The logits are 2, 1 and −1 and the second class is true. Which derivatives are positive? What do the three add up to?


# %% tags=["exercise"]
def finite_differences(loss, z, step):
    return None  # your turn


# %% tags=["check"]
def check_differences(finite_differences):
    z = torch.tensor([2.0, 1.0, -1.0], dtype=torch.float64)
    before = z.clone()
    found = finite_differences(lambda z: (z**2).sum(), z, 1e-4)
    assert found is not None, "it returns nothing yet"
    assert torch.equal(z, before), (
        "change a copy: the logits you were given came back changed"
    )
    assert torch.allclose(found, 2 * z), "the gradient of the sum of squares is 2 z"


attempt(check_differences, finite_differences)


# %% tags=["solution"] jupyter={"source_hidden": true}
def finite_differences(loss, z, step):
    derivatives = torch.zeros_like(z)
    for i in range(len(z)):
        nudge = torch.zeros_like(z)
        nudge[i] = step
        derivatives[i] = (loss(z + nudge) - loss(z - nudge)) / (2 * step)
    return derivatives


check_differences(finite_differences)

# %%
z = torch.tensor([2.0, 1.0, -1.0], dtype=torch.float64)
p = one_hot(torch.tensor(1), 3).double()
print(
    "finite differences: ", finite_differences(lambda z: cross_entropy(z, p), z, 1e-5)
)
print("prediction - label: ", torch.softmax(z, dim=0) - p)

# %% [markdown]
# Prediction minus label. They add up to 0: a step against them raises the logit of the true class by as much as it lowers the others together.
#
# ## 7. Which images cost most?
#
# > **Predict.** Logistic regression with ten classes classifies about 96 of 100 held-out images of digits correctly. What share of its whole held-out loss comes
# > from the twenty of the 540 images with the largest loss?

# %%
pixels, digit, pixels_test, digit_test = train_test_digits(seed=0)
layer = SoftmaxLayer(64, 10)
for _ in range(500):
    layer.gradient_step(pixels, one_hot(digit, 10), rate=1.0)
logits = layer(pixels_test)
losses = stable_loss(logits, digit_test)
costliest = losses.argsort(descending=True)
share = float(losses[costliest[:20]].sum() / losses.sum())
print(f"the twenty costliest of {len(losses)} images make {share:.0%} of the loss")
fig, axes = figures.panels(5.2, 1.6, columns=5)
for ax, index in zip(axes, costliest[:5].tolist(), strict=True):
    figures.squares(ax, pixels_test[index].reshape(8, 8))
    ax.set_title(f"{digit_test[index]}, not {most_likely(logits[index])}")
figures.Shown(
    fig,
    "The five held-out images with the largest loss, each with its label and the prediction.",
)

# %% [markdown]
# ## Go further
#
# - Which $\delta$ of Huber's loss has the lowest held-out error after the misprint? Does it depend on how you measure that error?
# - A label may be wrong. *Label smoothing* takes a tenth of the probability away from the labelled class and shares
#   it among all ten: the true one keeps 0.91, each other gets 0.01. Train the layer with such labels. Its accuracy hardly changes; what becomes of its largest loss?

# %%
smooth = SoftmaxLayer(64, 10)
for _ in range(500):
    smooth.gradient_step(pixels, 0.9 * one_hot(digit, 10) + 0.01, rate=1.0)
softer = stable_loss(smooth(pixels_test), digit_test)
right = float(accuracy(smooth(pixels_test), digit_test))
print(f"largest loss: {losses.max():.2f}, with smoothed labels {softer.max():.2f}")
print(f"accuracy with smoothed labels: {right:.1%}")
theta = fit(squared, x, y)
print(f"mean error: {float(empirical_loss(absolute, line(theta, x_test), y_test)):.1f}")
assert softer.max() < losses.max()
assert right > 0.9
