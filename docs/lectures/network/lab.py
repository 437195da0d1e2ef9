# %% [markdown]
# # Lab: build a network, and look inside
#
# You compute with layers, choose weights by hand, train others, and look for what the neurons mean. 45 minutes. Read the
# [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `network.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the repository. Cells
# named *your turn* hold a stub: fill it in and run the check below it. The solution is folded under the check; it runs too,
# so you can go on without having solved anything.

# %%
from itertools import pairwise

import torch

from network import Homes, correlation, fit, forward, initialise, target_curve
from neuronup import figures
from neuronup.exercises import attempt
from neuronup.xor import xor

# %% [markdown]
# ## 1. Your turn: one layer
#
# > **Predict.** A layer takes 3 inputs to 2 neurons. What are the shapes of its weights and its biases? And of its activations
# > for 5 observations?
#
# Write a layer with ReLU: `weight (k, m)`, `bias (k,)` and observations `x (n, m)`, one in each row, give `(n, k)`.


# %% tags=["exercise"]
def layer(weight, bias, x):
    return None  # your turn


# %% tags=["check"]
def check_layer(layer):
    weight = torch.tensor([[1.0, 2.0, 0.0], [-1.0, 1.0, 1.0]])
    bias, x = torch.tensor([0.0, 1.0]), torch.tensor([[3.0, 1.0, 0.0], [0.0, 1.0, 2.0]])
    found = layer(weight, bias, x)
    assert found is not None, "it returns nothing yet"
    assert found.shape == (2, 2), f"a row for each observation, not {found.shape}"
    assert (found >= 0).all(), "a ReLU never lets a negative number pass"
    assert torch.equal(found, torch.tensor([[5.0, 0.0], [2.0, 4.0]])), (
        "multiply each row of weights with the observation, and add the bias"
    )


attempt(check_layer, layer)


# %% tags=["solution"] jupyter={"source_hidden": true}
def layer(weight, bias, x):
    return torch.relu(x @ weight.mT + bias)


check_layer(layer)

# %% [markdown]
# The answer to the prediction: weights 2 by 3, 2 biases, activations 5 by 2. A network is layers in a row; the last has
# no ReLU:

# %%
torch.manual_seed(0)
weights = initialise(3, 4, 1)
x = torch.randn(5, 3)
print("shapes:", [tuple(each.shape) for each in weights])
by_layers = layer(weights[0], weights[1], x) @ weights[2].mT + weights[3]
print(
    "the lecture's forward says the same:",
    torch.equal(by_layers, forward(weights, x)[-1]),
)

# %% [markdown]
# ## 2. Your turn: count
#
# > **Predict.** Which has more parameters, $64 \to 32 \to 32 \to 10$ or $64 \to 40 \to 10$?
#
# Count the parameters of a network from its widths: `count([4, 16, 8, 1])` is 225.


# %% tags=["exercise"]
def count(widths):
    return None  # your turn


# %% tags=["check"]
def check_count(count):
    assert count([4, 16, 8, 1]) is not None, "it returns nothing yet"
    assert count([3, 2]) != 6, "each neuron has a bias as well"
    assert count([4, 16, 8, 1]) == 225, "80, 136 and 9 for the three layers"
    for widths in ([3, 2], [64, 32, 32, 10], [7, 1, 7]):
        assert count(widths) == sum(each.numel() for each in initialise(*widths)), (
            widths
        )


attempt(check_count, count)


# %% tags=["solution"] jupyter={"source_hidden": true}
def count(widths):
    return sum((m + 1) * k for m, k in pairwise(widths))


check_count(count)

# %%
print("64, 32, 32, 10:", count([64, 32, 32, 10]))
print("64, 40, 10:", count([64, 40, 10]))

# %% [markdown]
# ## 3. Your turn: XOR by hand, with ReLUs
#
# In the lecture the hidden neurons had step functions. Now with ReLUs: choose the weights of $2 \to 2 \to 1$ so that the output is positive
# where the coordinates differ, and negative where they agree. The inputs are −1 or +1.
#
# A hint: what is $\max(0, x_1 - x_2)$ at the four points? And which second neuron is its mirror image?


# %% tags=["exercise"]
def chosen():
    return None  # your turn: [W (2, 2), b (2,), W (1, 2), b (1,)]


# %% tags=["check"]
def check_chosen(chosen):
    theta, (points, labels) = chosen(), xor()
    assert theta is not None, "it returns nothing yet"
    shapes = [tuple(each.shape) for each in theta]
    assert shapes == [(2, 2), (2,), (1, 2), (1,)], f"not these shapes: {shapes}"
    outputs = forward(theta, points)[-1].squeeze(1)
    wrong = [
        point
        for point, a, y in zip(points.tolist(), outputs, labels, strict=True)
        if a * y <= 0
    ]
    assert not wrong, f"the sign is wrong at {wrong}"


attempt(check_chosen, chosen)


# %% tags=["solution"] jupyter={"source_hidden": true}
def chosen():
    return [
        torch.tensor([[1.0, -1.0], [-1.0, 1.0]]),  # x1 above x2, x2 above x1
        torch.zeros(2),
        torch.tensor([[1.0, 1.0]]),
        torch.tensor([-1.0]),
    ]


check_chosen(chosen)

# %% [markdown]
# ## 4. Train it, from several random initialisations
#
# > **Predict.** Two ReLUs can solve XOR, you have just shown it. From how many of five random initialisations will training find it?

# %%
points, labels = xor()
for seed in range(5):
    torch.manual_seed(seed)
    theta = initialise(2, 2, 1)
    fit(theta, points, labels[:, None], steps=400, rate=0.03)
    hidden, outputs = forward(theta, points)
    dead = (hidden == 0).all(dim=0).sum()
    shown = " ".join(f"{each:+.2f}" for each in outputs.squeeze(1).tolist())
    print(f"seed {seed}: {shown}, dead ReLUs: {dead}")
print("labels:", labels.tolist())

# %% [markdown]
# Where the signs are wrong, training is stuck. A ReLU that is 0 at all four points is dead: its derivative is 0 there, and its weights
# never move. In the lecture, fewer than half of the failures had one; the others are stuck without. What a network can represent
# and what it learns are two questions.
#
# ## 5. Your turn: a tent
#
# > **Predict.** A tent is 0 up to $a$, rises to 1 in the middle between $a$ and $b$, falls to 0 at $b$, and stays 0. By how much
# > does its derivative change at each of its three breakpoints?
#
# Choose the parameters of $1 \to 3 \to 1$ that draw it.


# %% tags=["exercise"]
def tent(a, b):
    return None  # your turn: [W (3, 1), b (3,), W (1, 3), b (1,)]


# %% tags=["check"]
def check_tent(tent):
    theta = tent(1.0, 3.0)
    assert theta is not None, "it returns nothing yet"
    x = torch.tensor([[0.0], [1.0], [1.5], [2.0], [2.5], [3.0], [9.0]])
    output = forward(theta, x)[-1].squeeze(1)
    assert output[3] == 1, f"in the middle it should be 1, not {output[3]:.2f}"
    assert output[6] == 0, "far to the right it should be 0: a third breakpoint at b"
    wanted = torch.tensor([0, 0, 0.5, 1, 0.5, 0, 0])
    assert torch.allclose(output, wanted), output.tolist()
    other = forward(tent(-1.0, -0.5), torch.tensor([[-0.75], [0.0]]))[-1].squeeze(1)
    assert torch.allclose(other, torch.tensor([1.0, 0.0])), (
        "a narrow tent has a larger derivative"
    )


attempt(check_tent, tent)


# %% tags=["solution"] jupyter={"source_hidden": true}
def tent(a, b):
    derivative = 2 / (b - a)
    return [
        torch.ones(3, 1),
        torch.tensor([-a, -(a + b) / 2, -b]),
        derivative * torch.tensor([[1.0, -2.0, 1.0]]),
        torch.zeros(1),
    ]


check_tent(tent)

# %% [markdown]
# The answer to the prediction: by $s$, $-2s$ and $s$, with $s = 2/(b - a)$. Each ReLU makes one breakpoint.
#
# Nine tents that overlap, each as high as the curve of the lecture is in its middle:

# %%
x = torch.linspace(-1, 1, 101)[:, None]
middles = torch.linspace(-1, 1, 9).tolist()
tents = [
    float(target_curve(torch.tensor(m))) * forward(tent(m - 0.25, m + 0.25), x)[-1]
    for m in middles
]
fig, ax = figures.panels(5.2, 2.6)
ax.plot(x.squeeze(1).tolist(), sum(tents).squeeze(1).tolist(), label="tents")
ax.plot(x.squeeze(1).tolist(), target_curve(x).squeeze(1).tolist(), label="curve")
ax.legend()
figures.Shown(
    fig, "A wavy curve, and the sum of nine tents that follows it with straight pieces."
)

# %% [markdown]
# ## 6. Break it: no random numbers
#
# > **Predict.** All weights and biases start at 0.1. What will the five rows of the first matrix look like after training?

# %%
theta = [torch.full_like(each, 0.1).requires_grad_() for each in initialise(1, 5, 1)]
fit(theta, x, target_curve(x), steps=300)
print([round(weight, 3) for weight in theta[0].detach().squeeze(1).tolist()])
assert theta[0].unique().numel() == 1

# %% [markdown]
# Five neurons, and only one number. They moved, but together.
#
# ## 7. Your turn: price homes, and ask a neuron
#
# The market of the lecture: the facts are rooms, area, and how far east and north of the town hall. Here is a network, trained on what homes
# sold for.

# %%
torch.manual_seed(0)
homes = Homes(seed=0)
theta = initialise(4, 12, 1)
fit(theta, homes.x, homes.y, steps=600, rate=0.02)
theta = [each.detach() for each in theta]
hidden, prices = forward(theta, homes.x_new)
print(f"mean error on new homes: {homes.error(prices):.0f} thousand euros")

# %% [markdown]
# > **Predict.** Will one of the 12 hidden neurons rise and fall with the closeness to the town hall? How large will the largest
# > correlation be, between 0 and 1?
#
# Find the neuron with the largest correlation with a concept, positive or negative: `activations (n, k)` and `concept (n,)` give its number and its
# correlation. `correlation(a, b)` of the lecture compares every column of `a (n, k)` with every column of `b (n, m)`.


# %% tags=["exercise"]
def closest(activations, concept):
    return None  # your turn


# %% tags=["check"]
def check_closest(closest):
    generator = torch.Generator().manual_seed(1)
    concept = torch.randn(200, generator=generator)
    activations = torch.randn(200, 4, generator=generator)
    activations[:, 2] -= 3 * concept
    activations[:, 1] += concept
    found = closest(activations, concept)
    assert found is not None, "it returns nothing yet"
    assert int(found[0]) == 2, "a neuron that falls as the concept rises tells as much"
    assert -0.98 < found[1] < -0.9, "return its correlation, with its sign"


attempt(check_closest, closest)


# %% tags=["solution"] jupyter={"source_hidden": true}
def closest(activations, concept):
    all_of_them = correlation(activations, concept[:, None]).squeeze(1)
    number = int(all_of_them.abs().argmax())
    return number, float(all_of_them[number])


check_closest(closest)

# %%
for column, name in enumerate(("closeness", "comfort", "price")):
    number, how = closest(hidden, homes.truths_new[:, column])
    print(f"{name}: neuron {number}, correlation {how:+.2f}")

# %% [markdown]
# No single neuron tells much of any of the three. Try `homes.facts_new` instead: most of these neurons have their largest correlation with
# east or north. Train again from another seed: other neurons, nearly the same error.
#
# ## Go further
#
# - How wide must one hidden layer be to reach the error that two layers of 16 and 8 have in the lecture?
# - Give the network `torch.hypot(east, north)` as a fifth fact. What becomes of the error of a plain weighted sum, and of the network? What is a good feature worth?
# - Does the network know what a home 20 km away is worth? It predicts a price all the same:

# %%
far = torch.tensor([[3.0, 75.0, 20.0, 0.0], [3.0, 75.0, 0.0, 0.0]])
away, hall = (100 * forward(theta, homes.scale(far))[-1]).squeeze(1).tolist()
print(f"20 km east: {away:.0f} thousand euros; at the town hall: {hall:.0f}")
print(f"the market's formula: {75 * (1 + 7 * 0.5**10):.0f} and {75 * 8:.0f}")
assert homes.error(prices) < homes.error(homes.y.mean()) / 2
