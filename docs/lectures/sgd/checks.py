"""The checks of the lab on gradient descent: what each answer must do, and what mistakes look like."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from neuronup.exercises import call, expect, tensor


def _several(found: Any, what: str) -> list[Any]:
    """Take apart what returns as many things as `what` lists, or say so."""
    count = what.count(",") + 1
    assert isinstance(found, tuple | list), f"return {count} things: {what}"
    assert len(found) == count, f"return {count} things, {what}, not {len(found)}"
    return list(found)


def step(step: Callable[..., Any]) -> None:
    """A step on batches of several sizes: more examples than parameters, as many, and one."""

    def compare(theta: Tensor, gradients: Tensor, rate: float) -> None:
        (n, d), mean = gradients.shape, gradients.mean(dim=0)
        found = tensor(call(step, theta, gradients, rate))
        assert found.dim() == 1, (
            f"one step for the whole batch, ({d},): first the mean of the gradients, over dim=0"
        )
        mistakes = {
            "that raises the loss: go against the gradient": theta + rate * mean,
            "the loss is the mean over the batch, not the sum: so is its gradient": theta
            - rate * mean * n,
            "divide by the number of examples, not of parameters": theta
            - rate * mean * n / d,
            "times the rate": theta - mean,
            "this is the change only: subtract it from theta": -rate * mean,
            "this is the change only, and with the wrong sign: subtract it from theta": rate
            * mean,
            "use all examples of the batch, not only the first": theta
            - rate * gradients[0],
            "use all examples of the batch, not only the last": theta
            - rate * gradients[-1],
            "the length of the gradient counts: do not divide by it": theta
            - rate * mean / mean.norm(),
        }
        if n == d:
            mistakes["average over the examples, dim=0, not over the parameters"] = (
                theta - rate * gradients.mean(dim=1)
            )
        expect(
            found,
            theta - rate * mean,
            "subtract the rate times the mean of the gradients",
            mistakes,
        )

    compare(
        torch.tensor([1.0, -2.0, 0.5]),
        torch.tensor(
            [[3.0, -4.0, 1.0], [1.0, 2.5, -0.5], [-0.5, 1.0, 7.0], [2.0, -1.0, 0.3]]
        ),
        0.1,
    )
    compare(torch.tensor([0.3, 0.7]), torch.tensor([[2.0, -1.0], [3.5, 0.5]]), 0.4)
    compare(torch.tensor([-1.0, 2.0]), torch.tensor([[3.0, -4.0]]), 0.05)


def good_rates(good_rates: Callable[..., Any]) -> None:
    """The limit of the rate and the best rate, for curvatures in any order and number."""

    def compare(curvatures: Tensor) -> None:
        low, high = float(curvatures.min()), float(curvatures.max())
        limit, best = 2 / high, 2 / (low + high)
        found = tensor(call(good_rates, curvatures), 2)
        expect(
            found[0],
            limit,
            "the limit is 2 over the largest curvature",
            {
                "first the limit, then the best rate": best,
                "the step may be twice as long: at 1 over the curvature it ends in the minimum": 1
                / high,
                "the direction of the largest curvature diverges first, not that of the smallest": 2
                / low,
                "each direction has a curvature of its own: not their sum, but the largest decides": 2
                / float(curvatures.sum()),
                "each direction has a curvature of its own: not their mean, but the largest decides": 2
                / float(curvatures.mean()),
                "the curvatures may come in any order: the largest is not always the last": 2
                / float(curvatures[-1]),
                "the curvatures may come in any order: the largest is not always the first": 2
                / float(curvatures[0]),
            },
            within=1e-5,
        )
        expect(
            found[1],
            best,
            "for the best rate solve 1 - rate * smallest = rate * largest - 1",
            {
                "at 1 over the largest curvature that direction is done in a step, but the flattest shrinks slowly": 1
                / high,
                "this is the limit: there the steepest direction does not shrink at all": limit,
                "the largest direction has a factor below 0: its size is rate * largest - 1": 2
                / (high - low),
                "solve 1 - rate * smallest = rate * largest - 1: it has a 2 in it": 1
                / (low + high),
                "only the smallest and the largest matter, not all curvatures": 2
                / float(curvatures.sum()),
                "this is half-way between 1 / largest and 1 / smallest: solve the equation instead": (
                    1 / low + 1 / high
                )
                / 2,
            },
            within=1e-5,
        )

    compare(torch.tensor([7.0, 1.0, 25.0, 3.0]))
    compare(torch.tensor([3.0, 0.5, 8.0, 2.0]))
    compare(torch.tensor([10.0, 4.0]))


def momentum(momentum: Callable[..., Any]) -> None:
    """Momentum whose velocity holds the rate: one step from a velocity that is not 0, twice."""

    def compare(
        theta: Tensor, g: Tensor, velocity: Tensor, rate: float, beta: float
    ) -> None:
        found = call(momentum, theta, g, velocity, rate, beta)
        there, kept = _several(found, "the new theta, the new velocity")
        faster = beta * velocity - rate * g
        expect(
            kept,
            faster,
            "the new velocity is beta times the old one, minus the rate times the gradient",
            {
                "this is the velocity of the lecture: here the rate belongs to it, and it goes against the gradient": beta
                * velocity
                + g,
                "against the gradient: minus the rate times it": beta * velocity
                + rate * g,
                "times the rate": beta * velocity - g,
                "keep beta of the old velocity, not all of it": velocity - rate * g,
                "keep beta of the old velocity, all of the new part": beta
                * (velocity - rate * g),
                "the new part counts wholly: no 1 - beta": beta * velocity
                - (1 - beta) * rate * g,
                "keep beta of the velocity, not 1 - beta": (1 - beta) * velocity
                - rate * g,
                "the new velocity keeps some of the old one": -rate * g,
                "return the new velocity, not the old one": velocity,
                "first the new theta, then the new velocity": theta + faster,
            },
        )
        expect(
            there,
            theta + faster,
            "add the new velocity to theta",
            {
                "step by the new velocity, not by the old one": theta + velocity,
                "the velocity goes against the gradient already: add it": theta
                - faster,
                "the rate is in the velocity already: not once more": theta
                + rate * faster,
                "the rate is in the velocity already: add it": theta - rate * faster,
                "this is gradient descent: the step is the whole new velocity": theta
                - rate * g,
                "the gradient is in the velocity already: not once more": theta
                + faster
                - rate * g,
            },
        )

    compare(
        torch.tensor([1.0, -0.5, 2.0]),
        torch.tensor([0.5, 3.0, -1.5]),
        torch.tensor([2.0, -1.0, 0.7]),
        0.1,
        0.9,
    )
    compare(
        torch.tensor([-0.4, 0.9]),
        torch.tensor([2.0, -0.3]),
        torch.tensor([0.25, 0.6]),
        0.03,
        0.6,
    )


def adamax(adamax: Callable[..., Any]) -> None:
    """A step with memories that are not 0, then twenty as PyTorch takes them."""
    theta, g = (
        torch.tensor([1.0, -0.5, 2.0, 0.3]),
        torch.tensor([-3.0, 0.5, 2.0, -0.2]),
    )
    m, s = torch.tensor([0.4, -1.0, 0.6, 0.2]), torch.tensor([1.0, 4.0, 2.1, 0.1])
    t, rate, a, b = 3, 0.2, 0.8, 0.9
    three = "the new theta, m, s"
    there, mean, size = _several(call(adamax, theta, g, m, s, t, rate, a, b), three)
    right_m, right_s = a * m + (1 - a) * g, torch.maximum(b * s, g.abs())
    expect(
        mean,
        right_m,
        "m is a times the old m plus (1 - a) times the gradient",
        {
            "return m as it is, without the correction: that is for the step only": right_m
            / (1 - a**t),
            "the new gradient counts 1 - a": a * m + g,
            "m keeps a of the old one: a and 1 - a are swapped": (1 - a) * m + a * g,
            "m is kept by a; b is for s": b * m + (1 - b) * g,
            "return the new m, not the old one": m,
        },
    )
    expect(
        size,
        right_s,
        "s is, in each parameter, the larger of b * s and the size of the gradient",
        {
            "this is Adam's mean of squares: here s is the larger of b * s and the size of g": b
            * s
            + (1 - b) * g**2,
            "take the size of the gradient, g.abs(), or negative ones count as small": torch.maximum(
                b * s, g
            ),
            "let the old s shrink by b first": torch.maximum(s, g.abs()),
            "only the old s shrinks by b, not the new size": b
            * torch.maximum(s, g.abs()),
            "the size, not the square, of the gradient": torch.maximum(b * s, g**2),
            "s is kept by b; a is for m": torch.maximum(a * s, g.abs()),
            "the larger of the two, not the smaller": torch.minimum(b * s, g.abs()),
            "remember the old s: the larger of b * s and the size of the gradient": g.abs(),
            "each parameter has an s of its own, not one for all": right_s.max().expand(
                4
            ),
            "return the new s, not the old one": s,
        },
    )
    moved = rate * right_m / (1 - a**t) / right_s
    expect(
        there,
        theta - moved,
        "theta moves by the rate, times m / (1 - a ** t), divided by s",
        {
            "against the gradient: minus": theta + moved,
            "m began at 0, so divide it by 1 - a ** t": theta
            - rate * right_m / right_s,
            "s is a size already: no root": theta
            - rate * right_m / (1 - a**t) / right_s.sqrt(),
            "s needs no correction: a largest value is not too small at the start": theta
            - moved * (1 - b**t),
            "1 - a ** t, a to the power of t: not a * t": theta
            - rate * right_m / (1 - a * t) / right_s,
            "t counts from 1 on: 1 - a ** t, not t - 1": theta
            - rate * right_m / (1 - a ** (t - 1)) / right_s,
            "t counts from 1 on: 1 - a ** t, not t + 1": theta
            - rate * right_m / (1 - a ** (t + 1)) / right_s,
            "step by the mean m, not by the newest gradient": theta
            - rate * g / right_s,
            "step by the new m, not by the old one": theta
            - rate * m / (1 - a**t) / right_s,
            "divide by the new s, not by the old one": theta
            - rate * right_m / (1 - a**t) / s,
            "times the rate": theta - moved / rate,
        },
    )
    curvatures = torch.tensor([1.0, 25.0, 4.0])
    path = torch.tensor([-4.0, 1.0, 2.0], requires_grad=True)
    theirs = torch.optim.Adamax([path], lr=0.3, betas=(0.7, 0.95))
    theta, m, s = path.detach().clone(), torch.zeros(3), torch.zeros(3)
    for t in range(1, 21):
        path.grad = curvatures * path.detach()
        theirs.step()
        found = call(adamax, theta, curvatures * theta, m, s, t, 0.3, 0.7, 0.95)
        theta, m, s = (tensor(each, 3) for each in _several(found, three))
        expect(
            theta,
            path,
            f"at step {t}, with rate 0.3, a = 0.7 and b = 0.95, it is not where PyTorch's Adamax is",
            within=1e-3,
        )


def falling(falling: Callable[..., Any]) -> None:
    """A straight line from 1 to 0, for two lengths, and what comes after its end."""

    def compare(steps: int, times: list[int]) -> None:
        found = tensor([tensor(call(falling, t, steps)).reshape(()) for t in times])
        t = torch.tensor(times, dtype=torch.float32)
        line = 1 - t / steps
        expect(
            found,
            line.clamp(min=0),
            f"at the steps {times} of {steps} it is not on the straight line from 1 to 0",
            {
                "after the last step the rate would be negative: stay at 0": line,
                "after the last step stay at 0: this rises again": line.abs(),
                "this rises from 0 to 1": t / steps,
                "this rises from 0 to 1, and stays": (t / steps).clamp(max=1),
                "divide with /, not with //, which drops the fraction": (t < steps),
                "this is the cosine of the lecture: a straight line is asked for": (
                    1 + torch.cos(torch.pi * t / steps)
                )
                / 2,
                "this is the cosine of the lecture, cut off: a straight line is asked for": (
                    1 + torch.cos(torch.pi * (t / steps).clamp(max=1))
                )
                / 2,
                "step 0 has the whole rate: t / steps, not (t + 1) / steps": (
                    1 - (t + 1) / steps
                ).clamp(min=0),
                "it is 0 at step `steps`, not at the one before": (
                    1 - t / (steps - 1)
                ).clamp(min=0),
                "use `steps`: the line is 100 steps long whatever it is": (
                    1 - t / 100
                ).clamp(min=0),
            },
        )

    compare(100, [0, 20, 50, 99, 100, 130])
    compare(8, [0, 1, 5, 8, 9, 40])
