# %% [markdown]
# # Lab: descend by hand
#
# You take the first steps by hand, end in a local minimum, find the rate at which descent diverges, write momentum and a relative of Adam, and plan a
# schedule. 45 minutes. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `sgd.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the
# repository, or `nox -s live` and work on this page.
# **Your turn** means: fill in the stub and run the check below it. If you are stuck, unfold the two hints. The solution is
# folded under the check: run it in any case. Where your own answer has passed, yours is used from there on; where not, the course's.

# %%
import torch

import checks
import drawings
import sgd
from neuronup import figures
from neuronup.exercises import attempt, solution
from neuronup.optimisers import SGD, Adam, Momentum

ravine = sgd.SURFACES["ravine"]
start = torch.tensor(ravine.start)

# %% [markdown]
# ## 1. One weight, two valleys (5 minutes)
#
# The loss of the lecture's first figure has its global minimum at −1.53, a local one at 1.27, and the top of a hill between them, at 0.26.
#
# > **Predict.** Gradient descent at rate 0.1 starts at −2, 0, 0.2, 0.3 and 2. Which of the five end in the global minimum?
# > And does momentum change anything for the one that starts at 2?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
starts = torch.tensor([-2.0, 0.0, 0.2, 0.3, 2.0])
ends = sgd.descend(SGD(0.1), sgd.double_well_derivative, starts, 100)[-1]
for begin, end in zip(starts.tolist(), ends.tolist(), strict=True):
    height = float(sgd.double_well(torch.tensor(end)))
    print(f"from {begin:4.1f} to {end:5.2f}, loss {height:5.2f}")
path = sgd.descend(Momentum(0.1), sgd.double_well_derivative, starts[-1], 200)
print(f"with momentum 0.9, from  2.0 to {float(path[-1]):5.2f}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Those that start left of the hill: the derivative at the start decides. Momentum carries a descent over the hill
# that gradient descent does not pass; but nothing makes it stop in the deeper of two valleys.
#
# </details>
#
# ## 2. Your turn: one step on a batch (5 minutes)
#
# The ravine is $f(a, b) = (a^2 + 25\,b^2)/2$. We start at $(-4, 1)$, where the gradient is $(-4, 25)$.
#
# > **Predict.** Which of the two numbers changes more in one step of gradient descent at rate 0.05, and in which direction does each go?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write the step on a mini-batch, whose loss is the mean over its examples: from parameters `theta (d,)`, the gradient of each example, `gradients (n, d)`,
# and a learning rate to new parameters `(d,)`.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# The gradient of a mean is the mean of the gradients. The step goes against it.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `g = gradients.mean(dim=0)`
#
# </details>


# %% tags=["exercise"]
def step(theta, gradients, rate):
    return None  # your turn


# %% tags=["check"]
attempt(checks.step, step)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def step(theta, gradients, rate):
    return theta - rate * gradients.mean(dim=0)


# %% [markdown]
# The ravine is a batch of one:

# %%
moved = step(start, ravine.gradient(start)[None], 0.05)
print("after one step:", torch.as_tensor(moved).tolist())

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The direction of large curvature, $b$, changes most, past the minimum and out on the other side; $a$ comes a little nearer.
#
# </details>
#
# ## 3. Where does it diverge? (5 minutes)
#
# > **Predict.** The curvatures are 1 and 25. Of the rates 0.03, 0.06, 0.078 and 0.082, which diverge? Which gets lowest in 40 steps?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
for rate in (0.03, 0.06, 0.078, 0.082):
    end = sgd.descend(SGD(rate), ravine.gradient, start, 40)[-1]
    print(f"rate {rate}: height {float(ravine.value(end)):.4f} after 40 steps")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The limit is $2/25 = 0.08$. Just below it, at 0.078, descent still comes down, but it crosses the minimum at every step; 0.06 gets lowest
# in 40 steps.
#
# </details>
#
# ## 4. Your turn: how large may the rate be? (5 minutes)
#
# Given all the curvatures of a quadratic loss, `curvatures (d,)` in any order, return two numbers: the limit of the rate, above which descent diverges, and the
# rate at which the worst direction shrinks fastest.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# A step multiplies each direction by 1 − rate · curvature. At the best rate the directions of the largest and of the smallest curvature shrink equally fast, one with a factor above 0, the other below.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `low, high = curvatures.min(), curvatures.max()`; for the best rate solve 1 − rate · low = rate · high − 1
#
# </details>


# %% tags=["exercise"]
def good_rates(curvatures):
    return None  # your turn: limit, best


# %% tags=["check"]
attempt(checks.good_rates, good_rates)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def good_rates(curvatures):
    return 2 / curvatures.max(), 2 / (curvatures.min() + curvatures.max())


# %% [markdown]
# On the ravine:

# %%
most, best = (float(each) for each in good_rates(torch.tensor([1.0, 25.0])))
end = sgd.descend(SGD(best), ravine.gradient, start, 40)[-1]
print(f"limit {most:.3f}; best {best:.4f}: height {float(ravine.value(end)):.4f}")

# %% [markdown]
# ## 5. Your turn: a memory (10 minutes)
#
# > **Predict.** With momentum 0.9 at rate 0.02: will descent along the floor be faster than without it, at the same rate? Will it
# > stop at the minimum, or run past it?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# In the lecture the velocity is a sum of gradients, and the rate comes in at the step. Many write it otherwise: the velocity is the change of the parameters itself, so it
# holds the rate and points downhill, and the step just adds it. Write this form: from `theta`, the gradient `g`, the `velocity` so far, a rate and how much of the velocity to keep,
# `beta`, return the new theta **and** the new velocity.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# The new velocity is what is kept of the old one, minus what gradient descent would subtract. Change the velocity first, then step by the new one.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `velocity = beta * velocity - rate * g`
#
# </details>


# %% tags=["exercise"]
def momentum(theta, g, velocity, rate, beta):
    return None  # your turn: theta, velocity


# %% tags=["check"]
attempt(checks.momentum, momentum)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def momentum(theta, g, velocity, rate, beta):
    velocity = beta * velocity - rate * g
    return theta + velocity, velocity


# %% [markdown]
# At a constant rate it takes the same path as the lecture's:

# %%
theta, velocity = start, torch.zeros(2)
for _ in range(60):
    changed = momentum(theta, ravine.gradient(theta), velocity, 0.02, 0.9)
    theta, velocity = (torch.as_tensor(each).float() for each in changed)
paths = {
    "momentum": sgd.descend(Momentum(0.02), ravine.gradient, start, 60),
    "gradient descent": sgd.descend(SGD(0.02), ravine.gradient, start, 60),
}
assert torch.allclose(theta, paths["momentum"][-1], atol=1e-4)
fig, ax = figures.panels(5.2, 3.2)
drawings.contours(ax, "ravine")
for (name, path), marker in zip(paths.items(), ("s", "o"), strict=True):
    ax.plot(*path.T.tolist(), marker=marker, ms=3.5, lw=1.2, label=name)
fig.legend(loc="outside lower center", ncols=2)
figures.Shown(
    fig,
    "Two paths down the ravine: gradient descent creeps along the floor, momentum swings, overtakes it and overshoots the minimum.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Faster, and past the minimum, as a heavy ball would.
#
# </details>
#
# ## 6. Your turn: a step for each parameter (10 minutes)
#
# > **Predict.** Adam's very first step: how long is it in each parameter, if the derivatives are −4 and 25 and the rate is 0.1?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# *Adamax* comes from the same paper as Adam. Its mean of the gradients, `m`, is Adam's. But in place of the mean square it remembers, for each parameter, the largest
# recent size of the gradient: `s` shrinks to `b` times itself at each step, unless the size of the new gradient is larger, and then it becomes that. The step is the
# rate times the mean, divided by `s`. The mean is corrected as Adam's is, since it began at 0; `s` needs no correction, and no root.
#
# It gets `theta`, `g`, `m` and `s` so far, and the number `t` of the step, from 1 on; `a` says how much of `m` to keep. Return the new theta, `m` and `s`.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Three lines: the new `m`, the new `s`, the step. Only in the step is `m` divided by 1 − a to the power of t.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `m, s = a * m + (1 - a) * g, torch.maximum(b * s, g.abs())`
#
# </details>


# %% tags=["exercise"]
def adamax(theta, g, m, s, t, rate=0.1, a=0.9, b=0.999):
    return None  # your turn: theta, m, s


# %% tags=["check"]
attempt(checks.adamax, adamax)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def adamax(theta, g, m, s, t, rate=0.1, a=0.9, b=0.999):
    m, s = a * m + (1 - a) * g, torch.maximum(b * s, g.abs())
    return theta - rate * m / (1 - a**t) / s, m, s


# %%
g = ravine.gradient(start)
print("Adam's first step:  ", (Adam(0.1).step(start, g) - start).tolist())
moved, _, _ = adamax(start, g, torch.zeros(2), torch.zeros(2), 1)
print("Adamax's first step:", (torch.as_tensor(moved) - start).tolist())

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# In each parameter it is the rate, 0.1, whatever the derivative: the mean of a single number, over the root of its mean square or over its size, is its sign.
#
# </details>
#
# ## 7. Your turn: a schedule for real data (5 minutes)
#
# Logistic regression is to tell 8 from the rest, on mini-batches of 32, at rate 4. That is well above the limit at the start:

# %%
x, y, x_test, y_test = sgd.eights(seed=0)
print(f"limit at the start: {sgd.limit(x):.2f}")


def held_out(schedule):
    steps = sgd.train(SGD(4.0), x, y, 32, seed=0, schedule=schedule)
    thetas = sgd.by_epoch(steps, an_epoch=40, epochs=15)
    return sgd.logistic_loss(thetas, x_test, y_test).tolist()


constant = held_out(lambda t: 1.0)
print("the last five epochs:", " ".join(f"{each:.3f}" for each in constant[-5:]))

# %% [markdown]
# > **Predict.** What would the last five look like if the rate fell to 0 by the end?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write a schedule: which share of the rate step `t` gets, one number. It falls in a straight line from 1 at step 0 to 0 at step `steps`, and stays at 0 from there on.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Which share of the way is gone at step `t`? What is left of it is the share of the rate, but never less than nothing.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `left = 1.0 - t / steps`
#
# </details>


# %% tags=["exercise"]
def falling(t, steps):
    return None  # your turn


# %% tags=["check"]
attempt(checks.falling, falling)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def falling(t, steps):
    return max(0.0, 1.0 - t / steps)


# %%
settled = held_out(lambda t: float(falling(t, 40 * 15)))
print("the last five epochs:", " ".join(f"{each:.3f}" for each in settled[-5:]))

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# It comes to rest, because the steps shrink and with them the noise.
#
# </details>
#
# ## Go further
#
# - Put a warm-up of 60 steps before the falling line. Is the highest loss on the way lower?
# - Turn the ravine by 45 degrees, so that it runs diagonally. Which method descends as before, and why does Adam fall
#   behind? A start:

# %%
turn = torch.tensor([[1.0, 1.0], [-1.0, 1.0]]) / 2**0.5


def turned(theta):
    return ravine.gradient(theta @ turn.T) @ turn


ours, adaptive = (
    sgd.descend(optimiser, turned, start @ turn, 60)[-1]
    for optimiser in (SGD(0.06), Adam(0.1))
)
straight = sgd.descend(SGD(0.06), ravine.gradient, start, 60)[-1]
print(
    "gradient descent, as on the straight ravine:",
    (ours @ turn.T).tolist(),
    straight.tolist(),
)
print("Adam on the turned one:", (adaptive @ turn.T).tolist())
assert torch.allclose(ours @ turn.T, straight, atol=1e-4)
