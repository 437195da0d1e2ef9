"""The artificial neuron: lines to try and change below the code of the page."""

import torch

from neuronup import figures
from neuronup.activations import ACTIVATIONS
from neuronup.digits import train_test_digits
from neuronup.xor import lift, xor
from perceptron import (
    LogisticRegression,
    Perceptron,
    fit,
    select_pair,
    separable,
    two_features,
)

# --8<-- [start:fit]
x = torch.tensor([[2.0, 1.0], [1.0, 2.0], [-1.0, 0.0], [0.0, -1.0]])
y = torch.tensor([1.0, 1.0, -1.0, -1.0])  # turn one label round: can it still learn?
neuron = Perceptron(2)
print("mistakes in each pass:", fit(neuron, x, y, epochs=20))
print("weights", neuron.weight.tolist(), "bias", neuron.bias.item())

# --8<-- [end:fit]
# --8<-- [start:features]
images, digit = train_test_digits(seed=0)[:2]
fig, ax = figures.panels(4.6, 2.6)
for number, marker in (3, "o"), (8, "x"):  # other digits: 0 and 8 hardly overlap
    middle, top = two_features(images[digit == number][:40]).T
    ax.plot(middle, top, marker, markersize=4, label=str(number))
ax.set(xlabel="intensity in the middle", ylabel="top-heaviness")
ax.legend()
figures.Shown(fig, "Two clouds of points, of 3s and of 8s, that overlap.")

# --8<-- [end:features]
# --8<-- [start:separable]
for a, b in (0, 1), (3, 8), (8, 9):  # try other pairs
    pair, side = select_pair(images, digit, a, b)
    flat = separable(two_features(pair), side)
    print(f"{a} and {b}: {separable(pair, side)} in 64 pixels, {flat} in two features")

# --8<-- [end:separable]
# --8<-- [start:soft]
pair, side = select_pair(images, digit, 3, 8)
for rate in 0.01, 0.1, 1.0, 10.0:  # what is too small, what is too large?
    model = LogisticRegression(64)
    for _ in range(100):
        model.gradient_step(pair, side, rate)
    print(f"rate {rate}: {(model(pair) == side).float().mean():.1%} of training images")

# --8<-- [end:soft]
# --8<-- [start:xor]
points, labels = xor()
print("two inputs: ", fit(Perceptron(2), points, labels, epochs=12))
print("and product:", fit(Perceptron(3), lift(points), labels, epochs=12))
print(lift(points))  # which column does the neuron use? Look at its weights

# --8<-- [end:xor]
# --8<-- [start:activations]
z = torch.linspace(-3, 3, 61)
for name in "sigmoid", "tanh", "ReLU":  # or "step", "leaky ReLU", "ELU", "GELU"
    f, derivative = ACTIVATIONS[name]
    print(f"{name:8} from {f(z).min():5.2f} to {f(z).max():4.2f}, ", end="")
    print(f"slope at -3, 0, 3: {derivative(z[::30]).tolist()}")

# --8<-- [end:activations]
