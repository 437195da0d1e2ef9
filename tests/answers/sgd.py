"""Answers to the lab on gradient descent."""

import math

import numpy as np
import torch

from answers import right, wrong


@right("step")
def sum_over_number(theta, gradients, rate):
    return theta - rate * gradients.sum(0) / len(gradients)


@right("step")
def step_with_numpy(theta, gradients, rate):
    return theta.numpy() - rate * np.mean(gradients.numpy(), axis=0)


@right("step")
def step_in_loops(theta, gradients, rate):
    n = len(gradients)
    return [float(each) - rate * sum(float(g[i]) for g in gradients) / n for i, each in enumerate(theta)]


@right("step")
def step_with_einsum(theta, gradients, rate):
    return theta.double() - torch.einsum("nd->d", gradients.double()) * (rate / gradients.shape[0])


@right("step")
def example_by_example(theta, gradients, rate):
    for g in gradients:
        theta = theta - rate / len(gradients) * g
    return theta


@right("step")
def mean_of_the_steps(theta, gradients, rate):
    return (theta - rate * gradients).mean(dim=0)


@wrong("step", "go against the gradient")
def up(theta, gradients, rate):
    return theta + rate * gradients.mean(dim=0)


@wrong("step", "not the sum")
def sum_of_gradients(theta, gradients, rate):
    return theta - rate * gradients.sum(dim=0)


@wrong("step", "not of parameters")
def divided_by_parameters(theta, gradients, rate):
    return theta - rate * gradients.sum(dim=0) / gradients.shape[1]


@wrong("step", "times the rate")
def no_rate(theta, gradients, rate):
    return theta - gradients.mean(dim=0)


@wrong("step", "this is the change only: subtract")
def change_only(theta, gradients, rate):
    return -rate * gradients.mean(dim=0)


@wrong("step", "with the wrong sign")
def change_to_subtract(theta, gradients, rate):
    return rate * gradients.mean(dim=0)


@wrong("step", "not only the first")
def first_example(theta, gradients, rate):
    return theta - rate * gradients[0]


@wrong("step", "not only the last")
def last_example(theta, gradients, rate):
    for g in gradients:
        moved = theta - rate * g
    return moved


@wrong("step", "do not divide by it")
def normalised(theta, gradients, rate):
    g = gradients.mean(dim=0)
    return theta - rate * g / g.norm()


@wrong("step", "first the mean of the gradients, over dim=0")
def one_for_each_example(theta, gradients, rate):
    return theta - rate * gradients


@wrong("step", "stopped with RuntimeError")
def mean_over_the_parameters(theta, gradients, rate):
    return theta - rate * gradients.mean(dim=1)


@wrong("step", "dim=0, not over the parameters")
def mean_over_the_shorter(theta, gradients, rate):
    n, d = gradients.shape
    return theta - rate * gradients.mean(dim=0 if n > d else 1)


@wrong("step", "mean of the gradients")
def mean_of_everything(theta, gradients, rate):
    return theta - rate * gradients.mean()


@wrong("step", "changed the tensor")
def step_in_place(theta, gradients, rate):
    theta -= rate * gradients.mean(dim=0)
    return theta


@right("good_rates")
def rates_as_floats(curvatures):
    values = sorted(curvatures.tolist())
    return 2 / values[-1], 2 / (values[0] + values[-1])


@right("good_rates")
def rates_with_numpy(curvatures):
    c = curvatures.numpy().astype(np.float64)
    return np.array([2 / c.max(), 2 / (c.min() + c.max())])


@right("good_rates")
def rates_in_a_tensor(curvatures):
    low, high = torch.aminmax(curvatures)
    return torch.stack([2 / high, 2 / (low + high)])


@right("good_rates")
def mixed_kinds(curvatures):
    low, high = curvatures.double().min(), float(curvatures.max())
    return [2 / high, 1 / ((low + high) / 2)]


@right("good_rates")
def through_the_factors(curvatures):
    high = max(curvatures)
    condition = high / min(curvatures)
    return 2 / high, 2 / high * condition / (condition + 1)


@wrong("good_rates", "twice as long")
def one_over_the_largest(curvatures):
    return 1 / curvatures.max(), 2 / (curvatures.min() + curvatures.max())


@wrong("good_rates", "not that of the smallest")
def smallest_decides(curvatures):
    return 2 / curvatures.min(), 2 / (curvatures.min() + curvatures.max())


@wrong("good_rates", "not their sum")
def all_together(curvatures):
    return 2 / curvatures.sum(), 2 / (curvatures.min() + curvatures.max())


@wrong("good_rates", "not their mean")
def mean_curvature(curvatures):
    return 2 / curvatures.mean(), 2 / (curvatures.min() + curvatures.max())


@wrong("good_rates", "first the limit, then")
def other_way_round(curvatures):
    return 2 / (curvatures.min() + curvatures.max()), 2 / curvatures.max()


@wrong("good_rates", "always the last")
def last_is_largest(curvatures):
    return 2 / curvatures[-1], 2 / (curvatures[0] + curvatures[-1])


@wrong("good_rates", "always the first")
def first_is_largest(curvatures):
    return 2 / curvatures[0], 2 / (curvatures[0] + curvatures[-1])


@wrong("good_rates", "2 over the largest curvature")
def ravine_by_heart(curvatures):
    return 0.08, 2 / 26


@wrong("good_rates", "shape (2,), not ()")
def limit_only(curvatures):
    return 2 / curvatures.max()


def best_is(rate):
    """Make an answer with the right limit, and what `rate` gives for the smallest, the largest and all curvatures."""

    def good_rates(curvatures):
        low, high = curvatures.min(), curvatures.max()
        return 2 / high, rate(low, high, curvatures)

    return good_rates


wrong("good_rates", "done in a step", best_is(lambda low, high, all: 1 / high))
wrong("good_rates", "does not shrink at all", best_is(lambda low, high, all: 2 / high))
wrong("good_rates", "a factor below 0", best_is(lambda low, high, all: 2 / (high - low)))
wrong("good_rates", "a 2 in it", best_is(lambda low, high, all: 1 / (high + low)))
wrong("good_rates", "not all curvatures", best_is(lambda low, high, all: 2 / all.sum()))
wrong("good_rates", "half-way between", best_is(lambda low, high, all: (1 / high + 1 / low) / 2))
wrong("good_rates", "solve 1 - rate", best_is(lambda low, high, all: 1 / all.mean()))


@right("momentum")
def from_the_lecture(theta, g, velocity, rate, beta):
    gathered = beta * (-velocity / rate) + g
    return theta - rate * gathered, -rate * gathered


@right("momentum")
def momentum_with_numpy(theta, g, velocity, rate, beta):
    new = beta * velocity.numpy() - rate * g.numpy()
    return theta.numpy() + new, new


@right("momentum")
def momentum_in_lists(theta, g, velocity, rate, beta):
    new = [beta * float(v) - rate * float(d) for v, d in zip(velocity, g, strict=True)]
    return [[float(each) + v for each, v in zip(theta, new, strict=True)], new]


@right("momentum")
def momentum_in_float64(theta, g, velocity, rate, beta):
    velocity = velocity.double().mul(beta).sub(g.double(), alpha=rate)
    return theta + velocity, velocity


@right("momentum")
def theta_first(theta, g, velocity, rate, beta):
    there = theta - rate * g + beta * velocity
    return there, there - theta


def moved(change, by):
    """Make an answer: `change` gives the new velocity, `by` the step, given both velocities, g and rate."""

    def momentum(theta, g, velocity, rate, beta):
        new = change(velocity, g, rate, beta)
        return theta + by(new, velocity, g, rate), new

    return momentum


def faster(v, g, rate, beta):
    return beta * v - rate * g


def new_one(new, old, g, rate):
    return new


wrong(
    "momentum",
    "this is the velocity of the lecture",
    moved(lambda v, g, rate, beta: beta * v + g, lambda new, old, g, rate: -rate * new),
)
wrong("momentum", "against the gradient", moved(lambda v, g, rate, beta: beta * v + rate * g, new_one))
wrong("momentum", "times the rate", moved(lambda v, g, rate, beta: beta * v - g, new_one))
wrong("momentum", "not all of it", moved(lambda v, g, rate, beta: v - rate * g, new_one))
wrong("momentum", "all of the new part", moved(lambda v, g, rate, beta: beta * (v - rate * g), new_one))
wrong("momentum", "no 1 - beta", moved(lambda v, g, rate, beta: beta * v - (1 - beta) * rate * g, new_one))
wrong("momentum", "not 1 - beta", moved(lambda v, g, rate, beta: (1 - beta) * v - rate * g, new_one))
wrong("momentum", "keeps some of the old one", moved(lambda v, g, rate, beta: -rate * g, new_one))
wrong("momentum", "not by the old one", moved(faster, lambda new, old, g, rate: old))
wrong("momentum", "against the gradient already: add it", moved(faster, lambda new, old, g, rate: -new))
wrong("momentum", "not once more", moved(faster, lambda new, old, g, rate: rate * new))
wrong("momentum", "in the velocity already: add it", moved(faster, lambda new, old, g, rate: -rate * new))
wrong("momentum", "this is gradient descent", moved(faster, lambda new, old, g, rate: -rate * g))
wrong("momentum", "the gradient is in the velocity", moved(faster, lambda new, old, g, rate: new - rate * g))
wrong("momentum", "add the new velocity", moved(faster, lambda new, old, g, rate: 0.5 * new))


@wrong("momentum", "not the old one")
def velocity_forgotten(theta, g, velocity, rate, beta):
    return theta + beta * velocity - rate * g, velocity


@wrong("momentum", "first the new theta")
def velocity_first(theta, g, velocity, rate, beta):
    velocity = beta * velocity - rate * g
    return velocity, theta + velocity


@wrong("momentum", "return 2 things: the new theta, the new velocity")
def theta_only(theta, g, velocity, rate, beta):
    return theta + beta * velocity - rate * g


@wrong("momentum", "changed the tensor")
def velocity_in_place(theta, g, velocity, rate, beta):
    velocity *= beta
    velocity -= rate * g
    return theta + velocity, velocity


@right("adamax")
def with_where(theta, g, m, s, t, rate=0.1, a=0.9, b=0.999):
    m = m + (1 - a) * (g - m)
    s = torch.where(b * s > g.abs(), b * s, g.abs())
    return theta - rate / (1 - a**t) * m / s, m, s


@right("adamax")
def adamax_with_numpy(theta, g, m, s, t, rate=0.1, a=0.9, b=0.999):
    theta, g, m, s = (each.numpy().astype(np.float64) for each in (theta, g, m, s))
    m = a * m + (1 - a) * g
    s = np.maximum(b * s, np.abs(g))
    return theta - rate * (m / (1 - a**t)) / (s + 1e-8), m, s


@right("adamax")
def adamax_in_lists(theta, g, m, s, t, rate=0.1, a=0.9, b=0.999):
    m = [a * float(old) + (1 - a) * float(d) for old, d in zip(m, g, strict=True)]
    s = [max(b * float(old), abs(float(d))) for old, d in zip(s, g, strict=True)]
    correction = 1 - math.pow(a, t)
    there = [float(p) - rate * x / correction / y for p, x, y in zip(theta, m, s, strict=True)]
    return [there, m, s]


@right("adamax")
def as_pytorch(theta, g, m, s, t, rate=0.1, a=0.9, b=0.999):
    m = torch.lerp(m, g, 1 - a)
    s = torch.stack([b * s, g.abs() + 1e-8]).amax(dim=0)
    return torch.addcdiv(theta, m, s, value=-rate / (1 - a**t)), m, s


def adam_like(mean, size, by=lambda m, s, t, a: m / (1 - a**t) / s):
    """Make an answer of the new m, the new s, and what the rate is multiplied with."""

    def adamax(theta, g, m, s, t, rate=0.1, a=0.9, b=0.999):
        m, s = mean(m, g, a, b), size(s, g, a, b)
        return theta - rate * by(m, s, t, a), m, s

    return adamax


def kept(m, g, a, b):
    return a * m + (1 - a) * g


def largest(s, g, a, b):
    return torch.maximum(b * s, g.abs())


wrong("adamax", "counts 1 - a", adam_like(lambda m, g, a, b: a * m + g, largest))
wrong("adamax", "are swapped", adam_like(lambda m, g, a, b: (1 - a) * m + a * g, largest))
wrong("adamax", "b is for s", adam_like(lambda m, g, a, b: b * m + (1 - b) * g, largest))
wrong("adamax", "m is a times", adam_like(lambda m, g, a, b: g, largest))
wrong("adamax", "Adam's mean of squares", adam_like(kept, lambda s, g, a, b: b * s + (1 - b) * g**2))
wrong("adamax", "g.abs()", adam_like(kept, lambda s, g, a, b: torch.maximum(b * s, g)))
wrong("adamax", "shrink by b first", adam_like(kept, lambda s, g, a, b: torch.maximum(s, g.abs())))
wrong("adamax", "not the new size", adam_like(kept, lambda s, g, a, b: b * torch.maximum(s, g.abs())))
wrong("adamax", "not the square", adam_like(kept, lambda s, g, a, b: torch.maximum(b * s, g**2)))
wrong("adamax", "a is for m", adam_like(kept, lambda s, g, a, b: torch.maximum(a * s, g.abs())))
wrong("adamax", "not the smaller", adam_like(kept, lambda s, g, a, b: torch.minimum(b * s, g.abs())))
wrong("adamax", "remember the old s", adam_like(kept, lambda s, g, a, b: g.abs()))
wrong("adamax", "not one for all", adam_like(kept, lambda s, g, a, b: largest(s, g, a, b).max().expand(4)))
wrong("adamax", "minus", adam_like(kept, largest, lambda m, s, t, a: -m / (1 - a**t) / s))
wrong("adamax", "divide it by 1 - a ** t", adam_like(kept, largest, lambda m, s, t, a: m / s))
wrong("adamax", "no root", adam_like(kept, largest, lambda m, s, t, a: m / (1 - a**t) / s.sqrt()))
wrong("adamax", "not a * t", adam_like(kept, largest, lambda m, s, t, a: m / (1 - a * t) / s))
wrong("adamax", "not t - 1", adam_like(kept, largest, lambda m, s, t, a: m / (1 - a ** (t - 1)) / s))
wrong("adamax", "not t + 1", adam_like(kept, largest, lambda m, s, t, a: m / (1 - a ** (t + 1)) / s))
wrong("adamax", "divided by s", adam_like(kept, largest, lambda m, s, t, a: m * (1 - a**t) / s))


@wrong("adamax", "s needs no correction")
def both_corrected(theta, g, m, s, t, rate=0.1, a=0.9, b=0.999):
    m, s = kept(m, g, a, b), largest(s, g, a, b)
    return theta - rate * m / (1 - a**t) / (s / (1 - b**t)), m, s


@wrong("adamax", "without the correction")
def correction_kept(theta, g, m, s, t, rate=0.1, a=0.9, b=0.999):
    m, s = kept(m, g, a, b) / (1 - a**t), largest(s, g, a, b)
    return theta - rate * m / s, m, s


@wrong("adamax", "return the new m")
def memories_not_returned(theta, g, m, s, t, rate=0.1, a=0.9, b=0.999):
    return theta - rate * kept(m, g, a, b) / (1 - a**t) / largest(s, g, a, b), m, s


@wrong("adamax", "not by the newest gradient")
def no_mean(theta, g, m, s, t, rate=0.1, a=0.9, b=0.999):
    m, s = kept(m, g, a, b), largest(s, g, a, b)
    return theta - rate * g / s, m, s


@wrong("adamax", "at step 2, with rate 0.3")
def always_the_third_step(theta, g, m, s, t, rate=0.1, a=0.9, b=0.999):
    m, s = kept(m, g, a, b), largest(s, g, a, b)
    return theta - rate * m / (1 - a ** (t if t in (1, 3) else 3)) / s, m, s


@wrong("adamax", "return 3 things")
def adamax_theta_only(theta, g, m, s, t, rate=0.1, a=0.9, b=0.999):
    return theta - rate * kept(m, g, a, b) / (1 - a**t) / largest(s, g, a, b)


@wrong("adamax", "return 3 things, the new theta, m, s, not 2")
def two_of_three(theta, g, m, s, t, rate=0.1, a=0.9, b=0.999):
    return theta, m


right("falling", lambda t, steps: max(0.0, 1 - t / steps))
right("falling", lambda t, steps: torch.tensor(1.0 - t / steps).clamp(min=0))
right("falling", lambda t, steps: np.clip((steps - t) / steps, 0, 1))
right("falling", lambda t, steps: np.interp(t, [0, steps], [1, 0]))
right("falling", lambda t, steps: torch.linspace(1, 0, steps + 1)[min(t, steps)])


@right("falling")
def with_an_if(t, steps):
    if t >= steps:
        return 0
    return 1 - t / steps


wrong("falling", "stay at 0", lambda t, steps: 1 - t / steps)
wrong("falling", "rises again", lambda t, steps: abs(1 - t / steps))
wrong("falling", "this rises from 0 to 1", lambda t, steps: t / steps)
wrong("falling", "this rises from 0 to 1, and stays", lambda t, steps: min(1.0, t / steps))
wrong("falling", "not with //", lambda t, steps: max(0.0, 1.0 - t // steps))
wrong("falling", "this is the cosine of the lecture: ", lambda t, steps: (1 + math.cos(math.pi * t / steps)) / 2)
wrong("falling", "cut off", lambda t, steps: (1 + math.cos(math.pi * min(t / steps, 1))) / 2)
wrong("falling", "not (t + 1) / steps", lambda t, steps: max(0.0, 1 - (t + 1) / steps))
wrong("falling", "not at the one before", lambda t, steps: max(0.0, 1 - t / (steps - 1)))
wrong("falling", "whatever it is", lambda t, steps: max(0.0, 1 - t / 100))
wrong("falling", "straight line from 1 to 0", lambda t, steps: max(0.0, 1 - t / steps) ** 2)
wrong("falling", "returns nothing yet", lambda t, steps: print(end=""))
