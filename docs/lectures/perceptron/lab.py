# %% [markdown]
# # Lab: one neuron, from scratch
#
# You build a neuron that learns, train it, find out which pixels it uses, and break it. 45 minutes. Read the
# [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `perceptron.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the repository. Cells
# named *your turn* hold a stub: fill it in and run the check below it. The solution is folded under the check; it runs too,
# so you can go on without having solved anything.

# %%
import torch

from neuronup import figures
from neuronup.accuracy import accuracy
from neuronup.digits import train_test_digits
from neuronup.exercises import attempt
from neuronup.xor import xor
from perceptron import Perceptron, fit, maximum_margin, select_pair, separable

x, digit, x_test, digit_test = train_test_digits(seed=0)
print(f"{len(x)} training images, {len(x_test)} held out; each has {x.shape[1]} pixels")

# %% [markdown]
# ## 1. Look before you learn
#
# An image is a vector of 64 intensities, from 0 (background) to 1 (darkest). As an 8 by 8 grid, each pixel a square, the larger the darker:

# %%
fig, axes = figures.panels(5.2, 1.4, columns=5)
for ax, number in zip(axes, range(5), strict=True):
    figures.squares(ax, x[digit == number][0].reshape(8, 8))
figures.Shown(fig, "Five images drawn as squares: a 0, a 1, a 2, a 3 and a 4.")

# %% [markdown]
# ## 2. Your turn: the rule
#
# > **Predict.** The weights start at zero. What does a neuron with zero weights predict for every image? How many mistakes does
# > it make before it first predicts something else?
#
# Write Rosenblatt's rule. It gets weights `weight (64,)`, `bias ()`, one image `x (64,)` and its label `y`, −1 or +1, and returns
# the new weight and bias: changed if the neuron is wrong, as they were if it is right. The neuron predicts +1 only if the sum
# is above 0.


# %% tags=["exercise"]
def correct(weight, bias, x, y):
    return None  # your turn


# %% tags=["check"]
def check_correct(correct):
    weight, bias = torch.tensor([1.0, -1.0]), torch.tensor(0.5)
    right = correct(weight, bias, torch.tensor([2.0, 0.0]), 1.0)
    assert right is not None, "it returns nothing yet"
    assert torch.equal(right[0], weight), (
        "it moved the weights although the neuron was right"
    )
    assert right[1] == bias, "it moved the bias although the neuron was right"
    wrong = correct(weight, bias, torch.tensor([2.0, 0.0]), -1.0)
    assert torch.equal(wrong[0], torch.tensor([-1.0, -1.0])), (
        "after a mistake add the point, times its label"
    )
    assert wrong[1] == -0.5, "after a mistake add the label to the bias"
    edge = correct(weight, bias, torch.tensor([-0.5, 0.0]), 1.0)
    assert edge[1] == 1.5, (
        "a sum of exactly 0 means -1, so this point with label +1 is misclassified"
    )


attempt(check_correct, correct)


# %% tags=["solution"] jupyter={"source_hidden": true}
def correct(weight, bias, x, y):
    predicted = 1.0 if x @ weight + bias > 0 else -1.0
    return (weight + y * x, bias + y) if predicted != y else (weight, bias)


check_correct(correct)

# %% [markdown]
# The answer to the prediction: the sum is 0, so it predicts −1 for everything. It is wrong for the first time at the first image labelled +1,
# and that one mistake already makes weights which are not zero.
#
# Now pass over the images of two digits until a pass is clean.

# %%
weight, bias = torch.zeros(64), torch.tensor(0.0)
pair, labels = select_pair(x, digit, 3, 8)
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
neuron = Perceptron(64)
fit(neuron, pair, labels, epochs=100)
assert torch.equal(weight, neuron.weight)
others, sides = select_pair(x_test, digit_test, 3, 8)
right = float(accuracy(neuron(others), sides))
print(f"held-out images of 3 and 8 classified correctly: {right:.1%}")

# %% [markdown]
# ## 3. Which pixels does it use?
#
# > **Predict.** Where in the 8 by 8 image will the weights be positive (dark speaks for 3), where negative (dark speaks for 8)?

# %%
fig, ax = figures.panels(2.4, 2.4)
figures.squares(ax, neuron.weight.reshape(8, 8))
figures.Shown(
    fig,
    "The weights for 3 against 8: hollow, negative squares left of the middle, where an 8 closes its loops.",
)

# %% [markdown]
# ## 4. Your turn: how sure is it?
#
# The distance of a point from the boundary says how firmly a label is predicted: $|z| / \lVert \mathbf{w} \rVert$, with the sign of $z$.
# Times the label $y$ it is the point's own margin: negative if the neuron is wrong, near 0 if it was a close call. The smallest of
# them all is the line's [margin](../../../course/glossary/#margin), the one in the theorem. Compute it for many points at once: `weight (d,)`, `bias ()`, `x (n, d)`, `y (n,)` give `(n,)`.


# %% tags=["exercise"]
def margins(weight, bias, x, y):
    return None  # your turn


# %% tags=["check"]
def check_margins(margins):
    weight, bias = torch.tensor([3.0, 4.0]), torch.tensor(-5.0)
    points, sides = (
        torch.tensor([[3.0, 4.0], [0.0, 0.0], [1.0, 0.5], [1.0, 3.0]]),
        torch.tensor([1.0, 1.0, -1.0, -1.0]),
    )
    found = margins(weight, bias, points, sides)
    assert found is not None, "it returns nothing yet"
    assert found.shape == (4,), (
        f"one number for each point, not shape {tuple(found.shape)}"
    )
    assert torch.allclose(found, torch.tensor([4.0, -1.0, 0.0, -2.0])), (
        "divide z by the length of the weights, and mind the label"
    )


attempt(check_margins, margins)


# %% tags=["solution"] jupyter={"source_hidden": true}
def margins(weight, bias, x, y):
    return y * (x @ weight + bias) / weight.norm()


check_margins(margins)

# %% [markdown]
# The held-out images with the smallest margins. One with a negative margin is misclassified, and the first is the worst mistake:

# %%
found = margins(neuron.weight, neuron.bias, others, sides)
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
# ## 5. Break it
#
# > **Predict.** Flip the label of a single training image: call one 3 an 8. Can a hyperplane still split the data? What happens to
# > the number of mistakes?

# %%
spoiled = labels.clone()
spoiled[(labels > 0).nonzero()[0]] = -1
print("a hyperplane splits it:", separable(pair, spoiled))
mistakes = fit(Perceptron(64), pair, spoiled, epochs=300)
print(
    f"{len(mistakes)} passes, {sum(mistakes)} mistakes; in the last pass {mistakes[-1]}"
)
print(
    f"with true labels: {sum(fit(Perceptron(64), pair, labels, epochs=300))} mistakes"
)
for name, given in (("true labels", labels), ("one false label", spoiled)):
    widest = margins(*maximum_margin(pair, given), pair, given).min()
    print(f"widest margin with {name}: {widest:.3f}")

# %% [markdown]
# With 64 weights there is room for a hyperplane that obeys even a false label. The price is a smaller margin, and here half as many
# mistakes again; a smaller margin allows more. The neuron has memorised something wrong, perfectly. The lecture on [overfitting](../../overfitting/)
# is about this.
#
# ## 6. Your turn: XOR by a feature
#
# > **Predict.** Besides the product, would the square of each coordinate help? The distance between the coordinates?
#
# Write a feature map from points `x (n, 2)` to `(n, k)`, any $k$, **without** the product, such that a line splits XOR.


# %% tags=["exercise"]
def features(x):
    return None  # your turn


# %% tags=["check"]
def check_features(features):
    points, sides = xor()
    mapped = features(points)
    assert mapped is not None, "it returns nothing yet"
    assert mapped.ndim == 2, "the result needs a row for each point: (n, k)"
    assert len(mapped) == len(points), "the result needs a row for each point: (n, k)"
    assert separable(mapped, sides), "no line splits these features"


attempt(check_features, features)


# %% tags=["solution"] jupyter={"source_hidden": true}
def features(x):
    return (
        x[:, :1] - x[:, 1:]
    ).abs()  # 0 where the coordinates agree, 2 where they differ


check_features(features)

# %% [markdown]
# One feature is enough. The squares are no help: they are 1 at all four points.
#
# ## 7. Your turn: design an activation
#
# Write an activation of your own, a nonlinear function, and its derivative. Anything goes that has a derivative almost everywhere, and not
# the same one everywhere. The check compares your derivative with PyTorch's.


# %% tags=["exercise"]
def activation(z):
    return None  # your turn


def derivative(z):
    return None  # your turn


# %% tags=["check"]
def check_activation(activation, derivative):
    z = torch.linspace(-3, 3, 60, requires_grad=True)
    value = activation(z)
    assert value is not None, "activation returns nothing yet"
    (expected,) = torch.autograd.grad(value.sum(), z)
    found = derivative(z.detach())
    assert found is not None, "derivative returns nothing yet"
    assert torch.allclose(found, expected, atol=1e-4), (
        "derivative is not the derivative of activation"
    )
    assert expected.max() - expected.min() > 0.01, (
        "this is a straight line: two layers of it would amount to one"
    )


attempt(check_activation, activation, derivative)


# %% tags=["solution"] jupyter={"source_hidden": true}
def activation(z):
    return z / (1 + z.abs())  # softsign: a sigmoid without an exponential


def derivative(z):
    return 1 / (1 + z.abs()) ** 2


check_activation(activation, derivative)

# %% [markdown]
# ## Go further
#
# - Which pair of digits has the smallest margin on held-out images? Is it the one with most mistakes in training?
# - Train ten neurons, each on one digit against the rest, and predict the digit whose neuron gives the highest probability. How many
#   of the held-out images are classified correctly?

# %%
from perceptron import LogisticRegression

neurons = [LogisticRegression(64) for _ in range(10)]
for number, each in enumerate(neurons):
    target = torch.where(digit == number, 1.0, -1.0)
    for _ in range(300):
        each.gradient_step(x, target, rate=2.0)
predicted = torch.stack([each.probability(x_test) for each in neurons]).argmax(dim=0)
right = float((predicted == digit_test).float().mean())
print(f"ten logistic regressions classify {right:.1%} of held-out images correctly")
assert right > 0.9
