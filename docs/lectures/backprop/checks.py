"""The checks of the lab on backpropagation: what each answer must do, and what mistakes look like."""

import math
from collections.abc import Callable
from typing import Any

from backprop import Value, gradient_norms, random_weights, shared
from neuronup.digits import train_test_digits
from neuronup.exercises import call, expect, tensor


def finite_difference(finite_difference: Callable[..., Any]) -> None:
    """Derivatives of three functions, each from points on both sides."""
    cases: list[tuple[str, Callable[[float], float], float, float]] = [
        ("x³", lambda x: x**3, 2.0, 12.0),
        ("sin x", math.sin, 1.0, math.cos(1.0)),
        ("x³", lambda x: x**3, -1.5, 6.75),
        ("exp x", math.exp, 0.5, math.exp(0.5)),
    ]
    for name, function, x, right in cases:
        points: list[float] = []

        def f(
            x: float,
            function: Callable[[float], float] = function,
            points: list[float] = points,
        ) -> float:
            points.append(float(x))
            return function(x)

        given = tensor(call(finite_difference, f, x))
        assert given.numel() == 1, f"one number is asked for, not {given.numel()}"
        found = float(given.reshape(()))
        assert points, "call f: it may be any function, so compute the answer with it"
        assert abs(found) > 1e-2, (
            "that is nearly 0: divide the difference by 2h, in brackets, (…) / (2 * h)"
        )
        expect(
            found,
            right,
            f"the derivative of {name} at {x:g}: is h small, but not so small that rounding spoils it, as 1e-5?",
            {
                "from x - h to x + h the step is 2h long: divide by 2h, not by h": 2
                * right,
                "the step is 2h long: divide by 2h": right / 2,
                "the sign is wrong: it is f(x + h) - f(x - h)": -right,
                "this is f(x): take the difference of two values of f": function(x),
            },
        )
        low, high = min(points), max(points)
        assert low < x < high, (
            f"step both ways, it is more exact: f is to be called below {x:g} and above it"
        )
        assert abs((low + high) / 2 - x) < 0.1 * (high - low), (
            "step equally far both ways: the points are not x - h and x + h"
        )


def replay(replay: Callable[..., Any]) -> None:
    """The gradient of each value on a tape, where paths meet and where none do."""

    def gradients(end: Value) -> list[float]:
        found = call(replay, end.tape())
        values = found if isinstance(found, list | tuple) else []
        assert not any(isinstance(each, Value) for each in values), (
            "return numbers: the gradient of each value, not the values"
        )
        return tensor(found, len(end.tape())).tolist()

    expect(
        gradients(shared()),
        [24.0, -20.0, -10.0, -6.0, 1.0],
        "in L = c·d the gradients of a, b, c, d, L are others",
        {
            "where paths meet, shares add up: use += and not =": [
                18.0,
                -12.0,
                -6.0,
                -6.0,
                1.0,
            ],
            "multiply the derivative by the gradient so far, of the value whose parent it is": [
                -2.0,
                2.0,
                -3.0,
                -6.0,
                1.0,
            ],
            "everything is 0: start with gradient 1 at the last value": [0.0] * 5,
            "go through the tape in reverse: a value must have all its shares before it passes any on": [
                0.0,
                0.0,
                -4.0,
                -6.0,
                1.0,
            ],
            "these are the values: return the gradients": [2.0, -3.0, -6.0, -4.0, 24.0],
            "in the order of the tape: the last number belongs to the last value": [
                1.0,
                -6.0,
                -10.0,
                -20.0,
                24.0,
            ],
            "the last value changes with itself at rate 1: start with 1, not with its value": [
                576.0,
                -480.0,
                -240.0,
                -144.0,
                24.0,
            ],
        },
    )
    t = math.tanh(0.5)
    expect(
        gradients(Value(0.5).tanh().exp()),
        [(1 - t * t) * math.exp(t), math.exp(t), 1.0],
        "in exp(tanh(a)) nothing branches and no value has a name: multiply along the path, and tell values apart by what they are",
    )
    square = Value(3.0)
    expect(
        gradients(square * square),
        [6.0, 1.0],
        "in a·a the number a is both parents, and gets a share as each of them",
        {"in a·a the two shares of a add up: use += and not =": [3.0, 1.0]},
    )


def softplus(softplus: Callable[..., Any]) -> None:
    """One operation of the engine: its value, its parent and its derivative."""
    for at in (-2.0, 0.7, 1.5):
        z = Value(at)
        end = softplus(z)
        assert end is not None, "softplus returns nothing yet"
        assert isinstance(end, Value), (
            f"return a Value, with z as its parent, not a {type(end).__name__}"
        )
        e = math.exp(at)
        right = math.log(1 + e)
        expect(
            end.data,
            right,
            f"the value at {at:g} is ln(1 + e^z)",
            {
                "the 1 is missing: ln(1 + e^z), not ln(e^z)": at,
                "this is the ReLU: softplus has no corner": max(at, 0.0),
                "this is 1 + e^z: take its natural logarithm": 1 + e,
                "the sign of z is wrong: ln(1 + e^z), not ln(1 + e^(-z))": right - at,
                "the logarithm is the natural one, math.log": right / math.log(10),
            },
        )
        parents = end.parents if isinstance(end.parents, list | tuple) else []
        assert len(parents) == 1, (
            "it is one operation with one parent: the second argument of Value is (z,), and the third is (its derivative,)"
        )
        assert parents[0] is z, (
            "its parent is to be z itself: one operation, not one put together from the engine's"
        )
        slopes = end.derivatives
        assert isinstance(slopes, list | tuple), (
            "the derivatives are a tuple too, one for each parent: (derivative,) with a comma"
        )
        assert len(slopes) == 1, (
            f"one derivative for its one parent, not {len(slopes)}: the third argument of Value is (derivative,)"
        )
        s = 1 / (1 + 1 / e)
        expect(
            slopes[0],
            s,
            f"the derivative at {at:g}: by the chain rule 1 / (1 + e^z), times the derivative of 1 + e^z",
            {
                "by the chain rule, times the derivative of what is inside the logarithm, e^z": 1
                - s,
                "the derivative of ln u is 1/u: divide e^z by 1 + e^z": e,
                "this is the derivative of the sigmoid: that of softplus is simpler": s
                * (1 - s),
                "this is the sigmoid of the value: take it of z": 1
                / (1 + math.exp(-right)),
                "this is the value: give its derivative in z": right,
                "this is the derivative of the ReLU, which jumps": float(at > 0),
            },
        )


def by_hand(by_hand: Callable[..., Any]) -> None:
    """The two derivatives of a neuron's loss, without automatic differentiation."""
    code = getattr(by_hand, "__code__", None)
    used = {"Value", "backward", "autograd"} & set(code.co_names if code else ())
    assert not used, f"by hand, without the engine: there is {min(used)} in it"
    for w, b, x, y in (
        (0.5, -0.2, 3.0, 1.0),
        (-1.0, 0.3, 0.4, 0.0),
        (0.8, 0.6, -2.0, 1.0),
    ):
        found = call(by_hand, w, b, x, y)
        assert isinstance(found, tuple | list) or getattr(found, "shape", None) == (
            2,
        ), "return two numbers, the derivative in w and the one in b"
        z = w * x + b
        p = 1 / (1 + math.exp(-z))
        error, bend = p - y, p * (1 - p)
        without = 1 / (1 + math.exp(-w * x)) - y
        expect(
            tensor(found, 2),
            [error * x, error],
            f"for w = {w:g}, b = {b:g}, x = {x:g}, y = {y:g} the derivatives in w and in b are others",
            {
                "the sign is wrong: the error is the prediction minus the label": [
                    -error * x,
                    -error,
                ],
                "the derivative of the sigmoid has cancelled already: do not multiply by it again": [
                    error * x * bend,
                    error * bend,
                ],
                "dL/dŷ is not yet dL/dz: times the derivative of the sigmoid": [
                    error / bend * x,
                    error / bend,
                ],
                "the bias is added, not multiplied by x: dz/db is 1": [
                    error * x,
                    error * x,
                ],
                "dz/dw is x: times what came in through the weight": [error, error],
                "dz/dw is x, and not w": [error * w, error],
                "first the one in w, then the one in b": [error, error * x],
                "the prediction is the sigmoid of z, not z": [(z - y) * x, z - y],
                "do not forget the bias in z": [without * x, without],
            },
        )


def good_scale(good_scale: Callable[..., Any]) -> None:
    """A scale at which twenty layers of leaky ReLUs keep the gradient's size."""
    found = tensor(call(good_scale))
    assert found.numel() == 1, f"one number is asked for, not {found.numel()}"
    scale = float(found.reshape(()))
    assert math.isfinite(scale), "the scale is to be a finite number"
    assert scale > 0, "the scale is to be above 0"
    images, digit, _, _ = train_test_digits(seed=0)
    for seed in range(5):
        weights = random_weights(20, scale, seed)
        norms = gradient_norms(images, digit, weights, "leaky ReLU")
        ratio = float(norms[0] / norms[-1])
        told = f"with a scale of {scale:.4g} and seed {seed} the first layer gets {ratio:.1e} times the gradient of the last"
        if abs(scale - 2) < 0.01:
            told += ". Is this the square of the scale?"
        assert ratio > 1 / 3, f"{told}: it vanishes, so the scale is too small"
        assert ratio < 3, f"{told}: it explodes, so the scale is too large"
