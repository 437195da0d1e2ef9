# %% [markdown]
# # Lab: descend by hand
#
# You take the first steps by hand, end in a local minimum, find the rate at which descent diverges, write momentum and Adam, and plan a
# schedule. 30 minutes. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `sgd.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the repository. Cells
# named *your turn* hold a stub: fill it in and run the check below it. The solution is folded under the check; it runs too,
# so you can go on without having solved anything.

# %%
import torch

from drawings import contours
from neuronup import figures
from neuronup.exercises import attempt
from neuronup.optimisers import SGD, Adam, Momentum
from sgd import (
    SURFACES,
    by_epoch,
    descend,
    double_well,
    double_well_derivative,
    eights,
    limit,
    logistic_loss,
    train,
)

# %% [markdown]
# ## 1. One weight, two valleys
#
# The loss of the lecture's first figure has its global minimum at −1.53, a local one at 1.27, and the top of a hill between them, at 0.26.
#
# > **Predict.** Gradient descent at rate 0.1 starts at −2, 0, 0.2, 0.3 and 2. Which of the five end in the global minimum?

# %%
starts = torch.tensor([-2.0, 0.0, 0.2, 0.3, 2.0])
ends = descend(SGD(0.1), double_well_derivative, starts, 100)[-1]
for begin, end in zip(starts.tolist(), ends.tolist(), strict=True):
    height = float(double_well(torch.tensor(end)))
    print(f"from {begin:4.1f} to {end:5.2f}, loss {height:5.2f}")
rolled = descend(Momentum(0.1), double_well_derivative, torch.tensor(2.0), 200)[-1]
print(f"with momentum 0.9, from  2.0 to {float(rolled):5.2f}")

# %% [markdown]
# Those that start left of the hill: the derivative at the start decides. Momentum carries a descent over the hill
# that gradient descent does not pass; but nothing makes it stop in the deeper of two valleys.

# %% [markdown]
# ## 2. Your turn: one step in two directions
#
# The ravine is $f(a, b) = (a^2 + 25\,b^2)/2$. We start at $(-4, 1)$, where the gradient is $(-4, 25)$.
#
# > **Predict.** Which of the two numbers changes more in one step of gradient descent at rate 0.05, and in which direction does each go?
#
# Write the step: from parameters `theta (d,)`, gradient `g (d,)` and a learning rate to new parameters.


# %% tags=["exercise"]
def step(theta, g, rate):
    return None  # your turn


# %% tags=["check"]
def check_step(step):
    moved = step(torch.tensor([1.0, 1.0]), torch.tensor([3.0, -4.0]), 0.1)
    assert moved is not None, "it returns nothing yet"
    assert not torch.allclose(moved, torch.tensor([1.3, 0.6])), (
        "that raises the loss: go against the gradient"
    )
    assert torch.allclose(moved, torch.tensor([0.7, 1.4])), (
        "subtract the rate times the gradient"
    )


attempt(check_step, step)


# %% tags=["solution"] jupyter={"source_hidden": true}
def step(theta, g, rate):
    return theta - rate * g


check_step(step)

# %%
ravine = SURFACES["ravine"]
start = torch.tensor(ravine.start)
print("after one step:", step(start, ravine.gradient(start), 0.05).tolist())

# %% [markdown]
# The direction of large curvature, $b$, changes most, past the minimum and out on the other side; $a$ comes a little nearer.
#
# ## 3. Where does it diverge?
#
# > **Predict.** The curvatures are 1 and 25. Of the rates 0.03, 0.06, 0.078 and 0.082, which diverge? Which gets lowest in 40 steps?

# %%
for rate in (0.03, 0.06, 0.078, 0.082):
    end = descend(SGD(rate), ravine.gradient, start, 40)[-1]
    print(f"rate {rate}: height {float(ravine.value(end)):.4f} after 40 steps")

# %% [markdown]
# The limit is $2/25 = 0.08$. Just below it, at 0.078, descent still comes down, but it crosses the minimum at every step; 0.06 gets lowest
# in 40 steps.
#
# ## 4. Your turn: how large may the rate be?
#
# Given all the curvatures of a quadratic loss, `curvatures (d,)`, return the limit of the rate, above which descent diverges, and the rate at which the worst
# direction shrinks fastest. (Hint for the second: the directions of the largest and of the smallest curvature should shrink equally fast, one with a factor above
# 0, the other below.)


# %% tags=["exercise"]
def good_rates(curvatures):
    return None  # your turn: limit, best


# %% tags=["check"]
def check_good_rates(good_rates):
    found = good_rates(torch.tensor([1.0, 25.0, 7.0]))
    assert found is not None, "it returns nothing yet"
    most, best = (float(each) for each in found)
    assert abs(most - 0.08) < 1e-6, "the limit is 2 over the largest curvature"
    assert abs(best - 2 / 26) < 1e-6, (
        "solve 1 - rate * smallest = rate * largest - 1 for the rate"
    )


attempt(check_good_rates, good_rates)


# %% tags=["solution"] jupyter={"source_hidden": true}
def good_rates(curvatures):
    return 2 / curvatures.max(), 2 / (curvatures.min() + curvatures.max())


check_good_rates(good_rates)

# %% [markdown]
# ## 5. Your turn: a memory
#
# > **Predict.** With momentum 0.9 at rate 0.02: will descent along the floor be faster than without it, at the same rate? Will it
# > stop at the minimum, or run past it?
#
# Write momentum: from `theta`, the gradient `g`, the `velocity` so far, a rate and how much of the velocity to keep, return the new theta
# **and** the new velocity.


# %% tags=["exercise"]
def momentum(theta, g, velocity, rate, beta):
    return None  # your turn: theta, velocity


# %% tags=["check"]
def check_momentum(momentum):
    theta, velocity = torch.tensor([1.0]), torch.tensor([2.0])
    found = momentum(theta, torch.tensor([0.5]), velocity, 0.1, 0.9)
    assert found is not None, "it returns nothing yet"
    theta, velocity = found
    assert torch.allclose(velocity, torch.tensor([2.3])), (
        "the new velocity is what is kept of the old one, plus the gradient"
    )
    assert torch.allclose(theta, torch.tensor([0.77])), (
        "step against the new velocity, times the rate"
    )


attempt(check_momentum, momentum)


# %% tags=["solution"] jupyter={"source_hidden": true}
def momentum(theta, g, velocity, rate, beta):
    velocity = beta * velocity + g
    return theta - rate * velocity, velocity


check_momentum(momentum)

# %%
theta, velocity = start, torch.zeros(2)
for _ in range(60):
    theta, velocity = momentum(theta, ravine.gradient(theta), velocity, 0.02, 0.9)
paths = {
    "momentum": descend(Momentum(0.02), ravine.gradient, start, 60),
    "gradient descent": descend(SGD(0.02), ravine.gradient, start, 60),
}
assert torch.allclose(theta, paths["momentum"][-1])
fig, ax = figures.panels(5.2, 3.2)
contours(ax, "ravine")
for (name, path), marker in zip(paths.items(), ("s", "o"), strict=True):
    ax.plot(*path.T.tolist(), marker=marker, ms=3.5, lw=1.2, label=name)
fig.legend(loc="outside lower center", ncols=2)
figures.Shown(
    fig,
    "Two paths down the ravine: gradient descent creeps along the floor, momentum swings, overtakes it and overshoots the minimum.",
)

# %% [markdown]
# Faster, and past the minimum, as a heavy ball would.
#
# ## 6. Your turn: a step for each parameter
#
# > **Predict.** Adam's very first step: how long is it in each parameter, if the derivatives are −4 and 25 and the rate is 0.1?
#
# Write one step of Adam. It gets `theta`, `g`, both means so far, `m` and `s`, and the number `t` of the step, from 1 on.
# `a` and `b` say how much of each mean to keep. Return the new theta, `m` and `s`.


# %% tags=["exercise"]
def adam(theta, g, m, s, t, rate=0.1, a=0.9, b=0.999):
    return None  # your turn: theta, m, s


# %% tags=["check"]
def check_adam(adam):
    theta, m, s = start, torch.zeros(2), torch.zeros(2)
    found = adam(theta, ravine.gradient(theta), m, s, 1)
    assert found is not None, "it returns nothing yet"
    path = descend(Adam(0.1), ravine.gradient, start, 20)
    for t in range(1, 21):
        theta, m, s = adam(theta, ravine.gradient(theta), m, s, t)
        assert torch.allclose(theta, path[t], atol=1e-5), (
            f"at step {t} it is not where Adam is: are both means divided by 1 - beta ** t?"
        )


attempt(check_adam, adam)


# %% tags=["solution"] jupyter={"source_hidden": true}
def adam(theta, g, m, s, t, rate=0.1, a=0.9, b=0.999):
    m, s = a * m + (1 - a) * g, b * s + (1 - b) * g**2
    mean, square = m / (1 - a**t), s / (1 - b**t)
    return theta - rate * mean / (square.sqrt() + 1e-8), m, s


check_adam(adam)

# %%
first = (
    adam(start, ravine.gradient(start), torch.zeros(2), torch.zeros(2), 1)[0] - start
)
print("Adam's first step:", first.tolist())

# %% [markdown]
# In each parameter it is the rate, 0.1, whatever the derivative: mean over root of mean square of a single number is its sign.
#
# ## 7. Your turn: a schedule for real data
#
# Logistic regression is to tell 8 from the rest, on mini-batches of 32, at rate 4. That is well above the limit at the start:

# %%
x, y, x_test, y_test = eights(seed=0)
print(f"limit at the start: {limit(x):.2f}")


def held_out(schedule):
    steps = train(SGD(4.0), x, y, 32, seed=0, schedule=schedule)
    thetas = by_epoch(steps, an_epoch=40, epochs=15)
    return logistic_loss(thetas, x_test, y_test).tolist()


constant = held_out(lambda t: 1.0)
print("the last five epochs:", " ".join(f"{each:.3f}" for each in constant[-5:]))

# %% [markdown]
# > **Predict.** What would the last five look like if the rate fell to 0 by the end?
#
# Write a schedule that falls in a straight line from 1 at step 0 to 0 at step `steps`, and stays at 0 from there on.


# %% tags=["exercise"]
def falling(t, steps):
    return None  # your turn


# %% tags=["check"]
def check_falling(falling):
    assert falling(0, 100) is not None, "it returns nothing yet"
    shares = [falling(t, 100) for t in (0, 25, 50, 100, 150)]
    assert shares[-1] >= 0, "after the last step the rate would be negative"
    assert torch.allclose(torch.tensor(shares), torch.tensor([1, 0.75, 0.5, 0, 0])), (
        "it is not a straight line from 1 to 0"
    )


attempt(check_falling, falling)


# %% tags=["solution"] jupyter={"source_hidden": true}
def falling(t, steps):
    return max(0.0, 1.0 - t / steps)


check_falling(falling)

# %%
settled = held_out(lambda t: falling(t, 40 * 15))
print("the last five epochs:", " ".join(f"{each:.3f}" for each in settled[-5:]))

# %% [markdown]
# It comes to rest, because the steps shrink and with them the noise.
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
    descend(optimiser, turned, start @ turn, 60)[-1]
    for optimiser in (SGD(0.06), Adam(0.1))
)
straight = descend(SGD(0.06), ravine.gradient, start, 60)[-1]
print(
    "gradient descent, as on the straight ravine:",
    (ours @ turn.T).tolist(),
    straight.tolist(),
)
print("Adam on the turned one:", (adaptive @ turn.T).tolist())
assert torch.allclose(ours @ turn.T, straight, atol=1e-4)
