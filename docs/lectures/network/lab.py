# %% [markdown]
# # Lab: build a network, and look inside
#
# You compute with layers, choose weights by hand, train others, and look for what the neurons mean. 70 minutes. Read the
# [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `network.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the
# repository, or `nox -s live` and work on this page.
# **Your turn** means: fill in the stub and run the check below it. If you are stuck, unfold the two hints. The solution is
# folded under the check: run it in any case. Where your own answer has passed, yours is used from there on; where not, the course's.

# %%
import torch

import checks
import network
from neuronup import figures
from neuronup.exercises import attempt, solution, tensor
from neuronup.xor import xor

# %% [markdown]
# ## 1. Your turn: one layer, in columns (10 minutes)
#
# > **Predict.** A layer takes 3 inputs to 2 neurons. What are the shapes of its weights and its biases? And of its activations
# > for 5 observations, if each observation is a column?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# The lecture's code has an observation in each row. In many textbooks, and in the formula $f(W \mathbf{x} + \mathbf{b})$, an observation is a column. Write a layer
# with ReLU in this way: `weight (k, m)`, `bias (k,)` and observations `x (m, n)`, one in each column, give `(k, n)`.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# The product of the two matrices has a row for each neuron. Its bias is added along the row, so the biases must stand in a column.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `z = weight @ x + bias[:, None]`
#
# </details>


# %% tags=["exercise"]
def layer(weight, bias, x):
    return None  # your turn


# %% tags=["check"]
attempt(checks.layer, layer)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def layer(weight, bias, x):
    return torch.relu(weight @ x + bias[:, None])


# %% [markdown]
# A network is layers in a row; the last has no ReLU:

# %%
torch.manual_seed(0)
theta = [each.detach() for each in network.initialise(3, 2, 1)]
x = torch.randn(5, 3)  # the lecture's way, in rows
print("shapes of the parameters:", [tuple(each.shape) for each in theta])
activations = tensor(layer(theta[0], theta[1], x.mT))
print("shape of the activations:", tuple(activations.shape))
output = theta[2] @ activations + theta[3][:, None]
same = torch.allclose(output.mT, network.forward(theta, x)[-1], atol=1e-6)
print("the lecture's forward says the same:", same)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Weights 2 by 3, 2 biases, activations 2 by 5. In rows they would be 5 by 2.
#
# </details>
#
# ## 2. Your turn: a fair comparison (10 minutes)
#
# > **Predict.** Which has more parameters, $64 \to 32 \to 32 \to 10$ or $64 \to 40 \to 10$?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# To compare a deep network with a shallow one fairly, both should have about as many parameters. Write the function that finds the shallow one: how wide may the only
# hidden layer be, at most, so that a network with so many `inputs` and `outputs` has no more parameters than `budget`? For the lecture's
# $4 \to 16 \to 8 \to 1$ with its 225 parameters, `widest(4, 1, 225)` is 37.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Each hidden neuron has a weight for each input, a bias, and a weight to each output. The outputs have biases, too, however many hidden neurons there are.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `for_each = inputs + 1 + outputs`, the parameters that one more hidden neuron brings
#
# </details>


# %% tags=["exercise"]
def widest(inputs, outputs, budget):
    return None  # your turn


# %% tags=["check"]
attempt(checks.widest, widest)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def widest(inputs, outputs, budget):
    return (budget - outputs) // (inputs + 1 + outputs)


# %%
budget = network.parameter_count(64, 32, 32, 10)
print("64, 32, 32, 10:", budget)
print("64, 40, 10:", network.parameter_count(64, 40, 10))
print("a single hidden layer with no more than the first:", int(widest(64, 10, budget)))

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The deeper one, but not by much: most weights of both are in the first layer. A single hidden layer may have 46 neurons before it has as many.
#
# </details>
#
# ## 3. Your turn: XOR by hand, with ReLUs (15 minutes)
#
# In the lecture the hidden neurons had step functions. Now with ReLUs: choose the weights of $2 \to 2 \to 1$ so that the output is positive
# where the coordinates differ, and negative where they agree. The inputs are −1 or +1.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# What is $\max(0, x_1 - x_2)$ at the four points? And which second neuron is its mirror image?
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `hidden = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])`, a row for each neuron: $x_1 - x_2$ and $x_2 - x_1$
#
# </details>


# %% tags=["exercise"]
def chosen():
    return None  # your turn: [W (2, 2), b (2,), W (1, 2), b (1,)]


# %% tags=["check"]
attempt(checks.chosen, chosen)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def chosen():
    return [
        torch.tensor([[1.0, -1.0], [-1.0, 1.0]]),  # x1 above x2, x2 above x1
        torch.zeros(2),
        torch.tensor([[1.0, 1.0]]),
        torch.tensor([-1.0]),
    ]


# %%
points, labels = xor()
hidden, outputs = network.forward([tensor(each) for each in chosen()], points)
print("labels: ", labels.tolist())
print("outputs:", outputs.squeeze(1).tolist())
print("hidden: ", hidden.tolist())

# %% [markdown]
# ## 4. Train it, from several random initialisations (5 minutes)
#
# > **Predict.** Two ReLUs can solve XOR, you have just shown it. From how many of five random initialisations will training find it?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
for seed in range(5):
    torch.manual_seed(seed)
    theta = network.initialise(2, 2, 1)
    network.fit(theta, points, labels[:, None], steps=400, rate=0.03)
    hidden, outputs = network.forward(theta, points)
    dead = (hidden == 0).all(dim=0).sum()
    shown = " ".join(f"{each:+.2f}" for each in outputs.squeeze(1).tolist())
    print(f"seed {seed}: {shown}, dead ReLUs: {dead}")
print("labels:", labels.tolist())

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Where the signs are wrong, training is stuck. A ReLU that is 0 at all four points is dead: its derivative is 0 there, and its weights
# never move. In the lecture, fewer than half of the failures had one; the others are stuck without. What a network can represent
# and what it learns are two questions.
#
# </details>
#
# ## 5. Your turn: a tent (15 minutes)
#
# > **Predict.** A tent is 0 up to $a$, rises to 1 in the middle between $a$ and $b$, falls to 0 at $b$, and stays 0. By how much
# > does its derivative change at each of its three breakpoints?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Choose the parameters of $1 \to 3 \to 1$ that draw it, for any $a$ and $b$.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Each ReLU makes one breakpoint, where its sum is 0. Its weight in the output is the change of the derivative there.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `bias = torch.tensor([-a, -(a + b) / 2, -b])`, if all three weights of the hidden layer are 1
#
# </details>


# %% tags=["exercise"]
def tent(a, b):
    return None  # your turn: [W (3, 1), b (3,), W (1, 3), b (1,)]


# %% tags=["check"]
attempt(checks.tent, tent)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def tent(a, b):
    derivative = 2 / (b - a)
    return [
        torch.ones(3, 1),
        torch.tensor([-a, -(a + b) / 2, -b]),
        derivative * torch.tensor([[1.0, -2.0, 1.0]]),
        torch.zeros(1),
    ]


# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# By $s$, $-2s$ and $s$, with $s = 2/(b - a)$: it rises by 1 over half the way from $a$ to $b$, falls as fast, and is level again.
#
# </details>
#
# Nine tents that overlap, each as high as the curve of the lecture is in its middle:

# %%
x = torch.linspace(-1, 1, 101)[:, None]
total = torch.zeros(101)
for middle in torch.linspace(-1, 1, 9):
    theta = [tensor(each) for each in tent(float(middle) - 0.25, float(middle) + 0.25)]
    total += network.target_curve(middle) * network.forward(theta, x)[-1].squeeze(1)
curve = network.target_curve(x).squeeze(1)
fig, ax = figures.panels(5.2, 2.6)
ax.plot(x.squeeze(1).tolist(), total.tolist(), label="tents")
ax.plot(x.squeeze(1).tolist(), curve.tolist(), "--", label="curve")
ax.legend()
figures.Shown(
    fig, "A wavy curve, and the sum of nine tents that follows it with straight pieces."
)

# %% [markdown]
# ## 6. Break it: no random numbers (5 minutes)
#
# > **Predict.** All weights and biases start at 0.1. What will the five rows of the first matrix look like after training?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
start = network.initialise(1, 5, 1)
theta = [torch.full_like(each, 0.1).requires_grad_() for each in start]
network.fit(theta, x, network.target_curve(x), steps=300)
print([round(weight, 3) for weight in theta[0].detach().squeeze(1).tolist()])
assert theta[0].unique().numel() == 1

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Five neurons, and only one number. They moved, but together.
#
# </details>
#
# ## 7. Your turn: price homes, and ask a neuron (10 minutes)
#
# The market of the lecture: the facts are rooms, area, and how far east and north of the town hall. Here is a network, trained on what homes
# sold for.

# %%
torch.manual_seed(0)
homes = network.Homes(seed=0)
theta = network.initialise(4, 12, 1)
network.fit(theta, homes.x, homes.y, steps=600, rate=0.02)
theta = [each.detach() for each in theta]
hidden, prices = network.forward(theta, homes.x_new)
print(f"mean error on new homes: {homes.error(prices):.0f} thousand euros")

# %% [markdown]
# > **Predict.** Will one of the 12 hidden neurons rise and fall with the closeness to the town hall? How large will the largest
# > correlation be, between 0 and 1?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Find the neuron with the largest correlation with a concept, positive or negative: `activations (n, k)` and `concept (n,)` give two things, its number, from 0, and
# its correlation, with the sign. `network.correlation(a, b)` compares every column of `a (n, k)` with every column of `b (n, m)`, and gives 0 where a column is constant.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Make one column of the concept. Of the `k` correlations you look for the largest in size, and return it as it is.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `each = network.correlation(activations, concept[:, None]).squeeze(1)`, of shape `(k,)`
#
# </details>


# %% tags=["exercise"]
def closest(activations, concept):
    return None  # your turn


# %% tags=["check"]
attempt(checks.closest, closest)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def closest(activations, concept):
    each = network.correlation(activations, concept[:, None]).squeeze(1)
    number = int(each.abs().argmax())
    return number, float(each[number])


# %%
for column, name in enumerate(("closeness", "comfort", "price")):
    number, how = closest(hidden, homes.truths_new[:, column])
    print(f"{name}: neuron {int(number)}, correlation {float(how):+.2f}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# No single neuron tells much of any of the three. Try `homes.facts_new` instead: most of these neurons have their largest correlation with
# east or north. Train again from another seed: other neurons, nearly the same error.
#
# </details>
#
# ## Go further
#
# - How wide must one hidden layer be to reach the error that two layers of 16 and 8 have in the lecture?
# - Give the network `torch.hypot(east, north)` as a fifth fact. What becomes of the error of a plain weighted sum, and of the network? What is a good feature worth?
# - Does the network know what a home 20 km away is worth? It predicts a price all the same:

# %%
far = torch.tensor([[3.0, 75.0, 20.0, 0.0], [3.0, 75.0, 0.0, 0.0]])
predicted = 100 * network.forward(theta, homes.scale(far))[-1]
away, hall = predicted.squeeze(1).tolist()
print(f"20 km east: {away:.0f} thousand euros; at the town hall: {hall:.0f}")
print(f"the market's formula: {75 * (1 + 7 * 0.5**10):.0f} and {75 * 8:.0f}")
assert homes.error(prices) < homes.error(homes.y.mean()) / 2
