# %% [markdown]
# # Lab: losses by hand
#
# You write losses, see what each one wants, check a derivative by finite differences, and mend a softmax that overflows. 45 minutes. Read the
# [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `loss.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the
# repository, or `nox -s live` and work on this page.
# **Your turn** means: fill in the stub and run the check below it. If you are stuck, unfold the two hints. The solution is
# folded under the check: run it in any case. Where your own answer has passed, yours is used from there on; where not, the course's.

# %%
import torch

import checks
import loss
from neuronup import figures
from neuronup.accuracy import accuracy
from neuronup.digits import train_test_digits
from neuronup.exercises import attempt, solution
from neuronup.one_hot import most_likely, one_hot

x, y, x_test, y_test = loss.patients(seed=0)
print(f"{len(x)} patients to train on, {len(x_test)} held out")

# %% [markdown]
# ## 1. What does a loss want? (5 minutes)
#
# Seven people wait 2, 3, 3, 4, 5, 6 and 40 minutes for a bus. You may name one number for all of them.
#
# > **Predict.** Which number has the lowest mean squared error, which the lowest mean absolute error? What happens to each if the 40
# > becomes 400?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
waits = torch.tensor([2.0, 3.0, 3.0, 4.0, 5.0, 6.0, 40.0])
constants = torch.linspace(0, 80, 801)
for longest in (40.0, 400.0):
    waits[-1] = longest
    for name, each in (("squared", loss.squared), ("absolute", loss.absolute)):
        risk = each(constants[:, None], waits).mean(dim=1)
        best = float(constants[risk.argmin()])
        print(f"longest {longest:.0f}, {name} error: best constant {best:.1f}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The mean follows the longest wait: 9 becomes 60.4. The median does not change: it is 4 in both cases.
#
# </details>
#
# ## 2. Your turn: a parabola between two lines (10 minutes)
#
# Huber's loss stands in the lecture. PyTorch's `nn.SmoothL1Loss` is a relative of it, whose straight lines always have the derivative 1 in size. For an error of size
# $e$ it is $e^2 / (2 \beta)$ as long as $e$ is at most `beta`; beyond that a straight line with derivative 1, which begins where the parabola ends.
# Find this line, and write the loss. `prediction` and `y` have the same shape, and so has the result.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# At $e = \beta$ the parabola has the derivative 1 and the height $\beta / 2$. Which number must be added to $e$, so that the line has this height there?
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `error = (prediction - y).abs()`; then `torch.where` chooses between two formulas
#
# </details>


# %% tags=["exercise"]
def smooth_l1(prediction, y, beta):
    return None  # your turn


# %% tags=["check"]
attempt(checks.smooth_l1, smooth_l1)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def smooth_l1(prediction, y, beta):
    error = (prediction - y).abs()
    return torch.where(error <= beta, error**2 / (2 * beta), error - beta / 2)


# %% [markdown]
# It is Huber's loss with $\delta = \beta$, divided by $\delta$. A constant factor moves no minimum, so both fit the same line.
#
# ## 3. One zero too many (5 minutes)
#
# > **Predict.** One training value is multiplied by ten. Sort three losses by how much the fitted line moves: squared, absolute,
# > smooth L1 with $\beta = 50$. And with $\beta = 5000$?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
shown = {
    "squared": loss.squared,
    "absolute": loss.absolute,
    "smooth L1, 50": lambda prediction, y: torch.as_tensor(
        smooth_l1(prediction, y, 50.0)
    ),
    "smooth L1, 5000": lambda prediction, y: torch.as_tensor(
        smooth_l1(prediction, y, 5000.0)
    ),
}
for name, each in shown.items():
    before = loss.fit(each, x, y)
    after = loss.fit(each, x, loss.misprint(x, y, 10))
    print(f"{name:15s} weight {before[0]:5.1f}, with the misprint {after[0]:5.1f}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The line by squared error gets half as steep again; absolute error and smooth L1 with 50 hardly move. With a large $\beta$ every
# error counts as small, and smooth L1 is the squared error times a constant: it fits the same line and follows the misprint as far.
#
# </details>
#
# ## 4. Your turn: cross-entropy (5 minutes)
#
# The logits of some examples are `z (n, K)` and their labels `label (n,)`. Return the cross-entropy of each, `(n,)`: minus the logarithm of the
# probability that softmax gives to the label. Write it as the formula says; we break it afterwards.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# First all probabilities, `(n, K)`, each row adding up to 1. Then one of them from each row, and minus its logarithm.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `probabilities = torch.exp(z) / torch.exp(z).sum(dim=1, keepdim=True)`
#
# </details>


# %% tags=["exercise"]
def naive_loss(z, label):
    return None  # your turn


# %% tags=["check"]
attempt(checks.naive_loss, naive_loss)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def naive_loss(z, label):
    probabilities = torch.exp(z) / torch.exp(z).sum(dim=1, keepdim=True)
    return -probabilities[torch.arange(len(z)), label].log()


# %% [markdown]
# > **Predict.** A model of ten classes is untrained: all its logits are 0. What is its loss? And what does your function return for the
# > logits 10 and 0, then 100 and 0, if the second class is true?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
found = float(naive_loss(torch.zeros(1, 10), torch.tensor([3]))[0])
print(f"all logits 0: {found:.3f}")
for large in (10.0, 100.0):
    found = naive_loss(torch.tensor([[large, 0.0]]), torch.tensor([1]))
    print(f"logits {large:.0f} and 0: {float(found[0])}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The first is $\ln 10$. For the logits 100 and 0 it should be 100, but $e^{100}$ is too large for 32 bits, and the result is infinite. (Is yours 100? Then
# it is mended already, or computed with 64 bits, which end at $e^{709}$.)
#
# </details>
#
# ## 5. Your turn: mend it, and smooth the label (10 minutes)
#
# A label may be wrong. *Label smoothing* takes the share `smoothing` of the probability, $s$, away from the label and shares it evenly among all $K$ classes: the
# labelled class counts $1 - s + s/K$, each other $s/K$. The loss is the cross-entropy with these probabilities $p$, $-\sum_i p_i \ln q_i$. With $s = 0$ it is
# that of section 4.
#
# Write it without ever taking the exponential of a positive number, nor the logarithm of something below 1:
# $-\ln q_i = m + \ln \sum_j e^{z_j - m} - z_i$, where $m$ is the largest logit of the row. `z (n, K)`, `label (n,)` and a number give `(n,)`.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# The sum over $j$ is the same for all classes of a row. So compute it once, take away the logits, and you have all $-\ln q_i$, `(n, K)`. The loss is $1 - s$ times that of the label, plus $s$ times the mean of all.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `top = z.amax(dim=1, keepdim=True)`
#
# </details>


# %% tags=["exercise"]
def stable_loss(z, label, smoothing):
    return None  # your turn


# %% tags=["check"]
attempt(checks.stable_loss, stable_loss)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def stable_loss(z, label, smoothing):
    top = z.amax(dim=1, keepdim=True)
    total = top + torch.exp(z - top).sum(dim=1, keepdim=True).log()
    surprise = total - z  # (n, K): minus the logarithm of each probability
    of_label = surprise[torch.arange(len(z)), label]
    return (1 - smoothing) * of_label + smoothing * surprise.mean(dim=1)


# %% [markdown]
# ## 6. Your turn: finite differences (5 minutes)
#
# > **Predict.** The logits are 2, 1 and −1 and the second class is true. Which derivatives of the cross-entropy are positive? What do the three add up to?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# The derivative of a loss in one logit: move this logit up and down by `step`, and divide the change of the loss by `2 * step`. Do it for each logit of one
# example, `z (K,)`, with `loss` a function of `z` that returns one number; return `(K,)`.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Move one logit at a time, in a copy of `z`, and put all derivatives together at the end. A vector that is 0 but for one place moves one logit.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `for i in range(len(z)):`, and in it `nudge = torch.zeros_like(z)`
#
# </details>


# %% tags=["exercise"]
def finite_differences(loss, z, step):
    return None  # your turn


# %% tags=["check"]
attempt(checks.finite_differences, finite_differences)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def finite_differences(loss, z, step):
    derivatives = torch.zeros_like(z)
    for i in range(len(z)):
        nudge = torch.zeros_like(z)
        nudge[i] = step
        derivatives[i] = (loss(z + nudge) - loss(z - nudge)) / (2 * step)
    return derivatives


# %%
z = torch.tensor([2.0, 1.0, -1.0], dtype=torch.float64)
p = one_hot(torch.tensor(1), 3).double()
found = finite_differences(lambda z: loss.cross_entropy(z, p), z, 1e-5)
print("finite differences: ", torch.as_tensor(found))
print("prediction - label: ", torch.softmax(z, dim=0) - p)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# They are prediction minus label: negative for the true class, positive for the two others. They add up to 0: a step against them raises the logit of the true
# class by as much as it lowers the others together.
#
# </details>
#
# ## 7. Which images cost most? (5 minutes)
#
# > **Predict.** Logistic regression with ten classes classifies about 96 of 100 held-out images of digits correctly. What share of its whole held-out loss comes
# > from the twenty of the 540 images with the largest loss?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
pixels, digit, pixels_test, digit_test = train_test_digits(seed=0)
layer = loss.SoftmaxLayer(64, 10)
for _ in range(500):
    layer.gradient_step(pixels, one_hot(digit, 10), rate=1.0)
logits = layer(pixels_test)
losses = torch.as_tensor(stable_loss(logits, digit_test, 0.0))
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
# <details markdown="1"><summary>What came out</summary>
#
# Less than 4 of 100 images make more than 40 % of the loss. A mean of cross-entropies is decided by a few images on which the model is
# sure and wrong.
#
# </details>
#
# ## Go further
#
# - Which $\beta$ of smooth L1 has the lowest held-out error after the misprint? Does it depend on how you measure that error?
# - Train the layer with smoothed labels: of ten classes the true one keeps 0.91, each other gets 0.01. Its accuracy hardly changes; what becomes of its
#   largest loss, measured without smoothing?

# %%
smooth = loss.SoftmaxLayer(64, 10)
for _ in range(500):
    smooth.gradient_step(pixels, 0.9 * one_hot(digit, 10) + 0.01, rate=1.0)
softer = torch.as_tensor(stable_loss(smooth(pixels_test), digit_test, 0.0))
right = float(accuracy(smooth(pixels_test), digit_test))
print(f"largest loss: {losses.max():.2f}, with smoothed labels {softer.max():.2f}")
print(f"accuracy with smoothed labels: {right:.1%}")
theta = loss.fit(loss.squared, x, y)
error = loss.empirical_loss(loss.absolute, loss.line(theta, x_test), y_test)
print(f"mean error of the line by squared error, held out: {float(error):.1f}")
assert softer.max() < losses.max()
assert right > 0.9
