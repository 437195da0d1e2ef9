# %% [markdown]
# # Lab: one neuron, from scratch
#
# You build a neuron that learns, train it, find out which pixels it uses, and break it. 75 minutes. Read the
# [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `perceptron.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the
# repository, or `nox -s live` and work on this page.
# **Your turn** means: fill in the stub and run the check below it. If you are stuck, unfold the two hints. The solution is
# folded under the check: run it in any case. Where your own answer has passed, yours is used from there on; where not, the course's.

# %%
import torch

import checks
import perceptron
from neuronup import figures
from neuronup.digits import train_test_digits
from neuronup.exercises import attempt, solution

x, digit, x_test, digit_test = train_test_digits(seed=0)
print(f"{len(x)} training images, {len(x_test)} held out; each has {x.shape[1]} pixels")

# %% [markdown]
# ## 1. Look before you learn (5 minutes)
#
# An image is a vector of 64 intensities, from 0 (background) to 1 (darkest). As an 8 by 8 grid, each pixel a square, the larger the darker:

# %%
fig, axes = figures.panels(5.2, 1.4, columns=5)
for ax, number in zip(axes, range(5), strict=True):
    figures.squares(ax, x[digit == number][0].reshape(8, 8))
figures.Shown(fig, "Five images drawn as squares: a 0, a 1, a 2, a 3 and a 4.")

# %% [markdown]
# ## 2. Your turn: the rule (15 minutes)
#
# > **Predict.** The weights start at zero. What does a neuron with zero weights predict for every image? How many mistakes does
# > it make before it first predicts something else?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write Rosenblatt's rule. It gets weights `weight (64,)`, `bias ()`, one image `x (64,)` and its label `y`, −1 or +1, and returns
# two things: the new weight and the new bias, changed if the neuron is wrong, as they were if it is right. The neuron predicts +1 only if the sum
# is above 0.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# First predict, from the sum of all weighted pixels and the bias. Only if the prediction differs from `y` there is something to change.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `predicted = 1.0 if x @ weight + bias > 0 else -1.0`
#
# </details>


# %% tags=["exercise"]
def correct(weight, bias, x, y):
    return None  # your turn


# %% tags=["check"]
attempt(checks.correct, correct)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def correct(weight, bias, x, y):
    predicted = 1.0 if x @ weight + bias > 0 else -1.0
    return (weight + y * x, bias + y) if predicted != y else (weight, bias)


# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The sum is 0, so it predicts −1 for everything. It is wrong for the first time at the first image labelled +1,
# and that one mistake already makes weights which are not zero.
#
# </details>
#
# Now pass over the images of two digits until a pass is clean.

# %%
weight, bias = torch.zeros(64), torch.tensor(0.0)
pair, labels = perceptron.select_pair(x, digit, 3, 8)
for epoch in range(1, 100):
    mistakes = 0
    for image, label in zip(pair, labels, strict=True):
        moved, bias = correct(weight, bias, image, label)
        mistakes += not torch.equal(moved, weight)
        weight = moved
    print(f"pass {epoch}: {mistakes} mistakes")
    if mistakes == 0:
        break

# %% [markdown]
# It is the neuron of the lecture:

# %%
neuron = perceptron.Perceptron(64)
perceptron.fit(neuron, pair, labels, epochs=100)
assert torch.allclose(weight, neuron.weight)
others, sides = perceptron.select_pair(x_test, digit_test, 3, 8)
right = float((neuron(others) == sides).float().mean())
print(f"held-out images of 3 and 8 classified correctly: {right:.1%}")

# %% [markdown]
# ## 3. Which pixels does it use? (5 minutes)
#
# > **Predict.** Where in the 8 by 8 image will the weights be positive (dark speaks for 3), where negative (dark speaks for 8)?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
fig, ax = figures.panels(2.4, 2.4)
figures.squares(ax, neuron.weight.reshape(8, 8))
figures.Shown(
    fig,
    "The weights for 3 against 8: hollow, negative squares left of the middle, where an 8 closes its loops.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# A 3 is open on its left, where an 8 closes its two loops. Dark pixels there speak for an 8, so the weights are negative there.
#
# </details>
#
# ## 4. Your turn: how sure is it? (15 minutes)
#
# The distance of a point from the boundary says how firmly a label is predicted: $|z| / \lVert \mathbf{w} \rVert$, with the sign of $z$.
# Times the label $y$ it is the point's own margin: negative if the neuron is wrong, near 0 if it was a close call. The smallest of
# them all is the line's [margin](../../../course/glossary/#margin), the one in the theorem. Compute it for many points at once: `weight (d,)`, `bias ()`, `x (n, d)`, `y (n,)` give `(n,)`.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# All sums at once are a matrix times a vector. What remains is a division by the length of the weights and a sign.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `z = x @ weight + bias`
#
# </details>


# %% tags=["exercise"]
def margins(weight, bias, x, y):
    return None  # your turn


# %% tags=["check"]
attempt(checks.margins, margins)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def margins(weight, bias, x, y):
    return y * (x @ weight + bias) / weight.norm()


# %% [markdown]
# The held-out images with the smallest margins. One with a negative margin is misclassified, and the first is the worst mistake:

# %%
found = torch.as_tensor(margins(neuron.weight, neuron.bias, others, sides))
closest = found.argsort()[:5]
fig, axes = figures.panels(5.2, 1.6, columns=5)
for ax, index in zip(axes, closest.tolist(), strict=True):
    figures.squares(ax, others[index].reshape(8, 8))
    ax.set_title(f"{3 if sides[index] > 0 else 8}: {found[index]:+.2f}")
figures.Shown(
    fig,
    "The five held-out images with the smallest margins, each with its true digit and margin above.",
)

# %% [markdown]
# ## 5. Break it (10 minutes)
#
# > **Predict.** Flip the label of a single training image: call one 3 an 8. Can a hyperplane still split the data? What happens to
# > the number of mistakes?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
spoiled = labels.clone()
spoiled[(labels > 0).nonzero()[0]] = -1
print("a hyperplane splits it:", perceptron.separable(pair, spoiled))
for name, given in (("true labels", labels), ("one false label", spoiled)):
    mistakes = perceptron.fit(perceptron.Perceptron(64), pair, given, epochs=300)
    widest = margins(*perceptron.maximum_margin(pair, given), pair, given).min()
    print(
        f"{name}: {len(mistakes)} passes, {sum(mistakes)} mistakes, "
        f"{mistakes[-1]} in the last pass; widest margin {widest:.3f}"
    )

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# With 64 weights there is room for a hyperplane that obeys even a false label. The price is a smaller margin, and here half as many
# mistakes again; a smaller margin allows more. The neuron has memorised something wrong, perfectly. The lecture on [overfitting](../../overfitting/)
# is about this.
#
# </details>
#
# ## 6. Your turn: XOR by a feature (10 minutes)
#
# > **Predict.** Besides the product, would the square of each coordinate help? The distance between the coordinates?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write a feature map from points `x (n, 2)` to `(n, k)`, any $k$, **without** the product, such that a line splits XOR. The points are
# $(\pm 1, \pm 1)$, and the label says whether the coordinates differ.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# A single feature is enough if it is small where the two coordinates agree, and large where they differ.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `difference = x[:, :1] - x[:, 1:]`, of shape `(n, 1)`
#
# </details>


# %% tags=["exercise"]
def features(x):
    return None  # your turn


# %% tags=["check"]
attempt(checks.features, features)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def features(x):
    difference = x[:, :1] - x[:, 1:]  # 0 where they agree, 2 or -2 where they differ
    return difference.abs()


# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# One feature is enough. The squares are no help: they are 1 at all four points.
#
# </details>
#
# ## 7. Your turn: design an activation (15 minutes)
#
# Write an activation of your own, a nonlinear function, and its derivative, for a tensor `z` of any shape. Anything goes that has a derivative almost everywhere, and not
# the same one everywhere. Use PyTorch's functions in the first: the check compares your derivative with the one that PyTorch finds.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Begin with one whose derivative you know: $z^2$, $\sin z$, $e^{-z^2}$. Or divide $z$ by something that grows with it.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `return torch.sin(z)` in the first, so `return torch.cos(z)` in the second
#
# </details>


# %% tags=["exercise"]
def activation(z):
    return None  # your turn


def derivative(z):
    return None  # your turn


# %% tags=["check"]
attempt(checks.activation, activation, derivative)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def activation(z):
    return z / (1 + z.abs())  # softsign: a sigmoid without an exponential


@solution
def derivative(z):
    return 1 / (1 + z.abs()) ** 2


# %%
z = torch.linspace(-3, 3, 61)
fig, ax = figures.panels(4.2, 2.2)
ax.plot(z, torch.as_tensor(activation(z)), label="activation")
ax.plot(z, torch.as_tensor(derivative(z)).expand_as(z), "--", label="derivative")
ax.legend()
figures.Shown(
    fig, "An activation and its derivative, from -3 to 3: yours, if it passed."
)

# %% [markdown]
# ## Go further
#
# - Which pair of digits has the smallest margin on held-out images? Is it the one with most mistakes in training?
# - Train ten neurons, each on one digit against the rest, and predict the digit whose neuron gives the highest probability. How many
#   of the held-out images are classified correctly?

# %%
neurons = [perceptron.LogisticRegression(64) for _ in range(10)]
for number, each in enumerate(neurons):
    target = torch.where(digit == number, 1.0, -1.0)
    for _ in range(300):
        each.gradient_step(x, target, rate=2.0)
predicted = torch.stack([each.probability(x_test) for each in neurons]).argmax(dim=0)
right = float((predicted == digit_test).float().mean())
print(f"ten logistic regressions classify {right:.1%} of held-out images correctly")
assert right > 0.9
