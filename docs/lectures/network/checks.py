"""The checks of the lab on networks: what each answer must do, and what mistakes look like."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from network import forward
from neuronup.exercises import call, expect, tensor
from neuronup.xor import xor


def layer(layer: Callable[..., Any]) -> None:
    """A layer with ReLU, for as many observations as neurons, and for more of them."""
    weight = torch.tensor([[1.0, 2.0, -0.5], [-1.0, 1.0, 1.0]])
    bias = torch.tensor([0.5, -0.6])
    x = torch.tensor([[3.0, -1.0], [1.0, 2.0], [1.4, 1.0]])
    z = torch.tensor([[4.8, 3.0], [-1.2, 3.4]])
    expect(
        call(layer, weight, bias, x),
        [[4.8, 3.0], [0.0, 3.4]],
        "weigh the inputs of each observation, add the neuron's bias, and let no negative number pass",
        {
            "there is no ReLU yet: a negative number should become 0": z,
            "do not forget the bias": torch.relu(z - bias[:, None]),
            "the bias comes before the ReLU, inside it": [[4.8, 3.0], [-0.6, 3.4]],
            "each neuron is a row here, so its bias belongs to its row: bias[:, None]": [
                [4.8, 1.9],
                [0.0, 3.4],
            ],
            "an absolute value is no ReLU: a negative number should become 0": z.abs(),
            "this has a row for each observation: they stand in the columns here": [
                [4.8, 0.0],
                [3.0, 3.4],
            ],
            "a ReLU keeps the positive numbers as they are: this says only which they are": [
                [1.0, 1.0],
                [0.0, 1.0],
            ],
        },
    )
    generator = torch.Generator().manual_seed(0)
    weight, bias, x = (
        torch.randn(*size, generator=generator) for size in ((4, 2), (4,), (2, 5))
    )
    expect(
        call(layer, weight, bias, x),
        torch.nn.functional.linear(x.T, weight, bias).relu().T,
        "with 2 inputs, 4 neurons and 5 observations: the sizes may change",
    )


def widest(widest: Callable[..., Any]) -> None:
    """The width of a hidden layer for a budget of parameters, where rounding and biases tell."""

    def found(inputs: int, outputs: int, budget: int) -> Tensor:
        width = tensor(call(widest, inputs, outputs, budget))
        assert width.numel() == 1, (
            f"a single number is asked for, not the shape {tuple(width.shape)}"
        )
        width = width.reshape(())
        assert width == width.round(), (
            f"a whole number of neurons is asked for, not {float(width):.2f}"
        )
        return width

    expect(
        found(5, 3, 100),
        10,
        "10 hidden neurons have 6 x 10 + 11 x 3 = 93 parameters, and 11 would have 102",
        {
            "11 hidden neurons have 6 x 11 + 12 x 3 = 102 parameters, more than 100: count the biases of the outputs, and round down": 11,
            "each hidden neuron has a bias as well": 12,
            "this many have 93 parameters: return how many neurons they are": 93,
            "count the weights that go out of the hidden neurons as well": 16,
            "count the weights that come into the hidden neurons as well": 24,
        },
    )
    expect(
        found(2, 3, 33),
        5,
        "with 2 inputs and 3 outputs, 5 hidden neurons have exactly 33 parameters, and that is allowed",
    )
    for inputs, outputs, budget, width in ((4, 1, 225, 37), (1, 1, 900, 299)):
        expect(
            found(inputs, outputs, budget),
            width,
            f"with {inputs} inputs and {outputs} output, for {budget} parameters: compute it from what is given",
        )


def chosen(chosen: Callable[..., Any]) -> None:
    """Parameters of two ReLUs whose output has the sign of XOR."""
    x, y = xor()
    theta = _theta(call(chosen), (2, 2), (2,), (1, 2), (1,))
    outputs = forward(theta, x)[-1].squeeze(1)
    zero = [_point(point) for point in x[outputs == 0]]
    wrong = [_point(point) for point in x[outputs.sign() != y]]
    assert len(zero) < len(x), "the output is 0 at all four points"
    assert not (outputs.sign() == -y).all(), (
        "every sign is the wrong way round: it should be positive where the coordinates differ"
    )
    assert not (zero and zero == wrong), (
        f"the output is exactly 0 at {' and '.join(zero)}: let the bias of the output move it"
    )
    assert not wrong, (
        f"the sign is wrong at {' and '.join(wrong)}. In order, the outputs should have the signs of "
        f"{_list(y)} and are {_list(outputs)}: a ReLU is not a step, it grows with its sum"
    )


def tent(tent: Callable[..., Any]) -> None:
    """Parameters that draw a tent: a wide one, a narrow one, and one across 0."""
    x = torch.tensor([-6.0, -1.0, 0.0, 1.5, 2.0, 3.25, 3.5, 5.0, 9.0, 12.0])

    def relus(breakpoints: tuple[float, ...], weights: tuple[float, ...]) -> Tensor:
        each = zip(breakpoints, weights, strict=True)
        return torch.stack([w * (x - at).relu() for at, w in each]).sum(dim=0)

    def output(a: float, b: float) -> Tensor:
        theta = _theta(call(tent, a, b), (3, 1), (3,), (1, 3), (1,))
        return forward(theta, x[:, None])[-1].squeeze(1)

    at, s = (1.5, 3.25, 5.0), 2 / 3.5  # the breakpoints, and the slope on the left
    right = relus(at, (s, -2 * s, s))
    expect(
        output(1.5, 5.0),
        right,
        "tent(1.5, 5.0) should be 0 up to 1.5, 1 at 3.25, and 0 again from 5 on",
        {
            "the tent has not the height 1: divide, so that the slope is 2 / (b - a)": relus(
                at, (1, -2, 1)
            ),
            "it rises over half of the way from a to b only: the slope is 2 / (b - a), twice as large": right
            / 2,
            "multiplied where it should be divided: the slope is 2 / (b - a)": right
            / s**2,
            "after b it falls on and on: a third breakpoint at b should end that": relus(
                at, (s, -2 * s, 0)
            ),
            "after the middle it stays at 1: the slope must change by twice as much there": relus(
                at, (s, -s, 0)
            ),
            "the weights should add up to 0, or it goes on rising after b: the middle one counts twice": relus(
                at, (s, -s, s)
            ),
            "the middle of a and b is (a + b) / 2": relus(
                (1.5, 1.75, 5.0), (s, -2 * s, s)
            ),
            "the breakpoints are at -a, -b and between: where x = a, the sum x + bias is 0 for a bias of -a": relus(
                (-1.5, -3.25, -5.0), (s, -2 * s, s)
            ),
            "the tent stands on its head": -right,
        },
    )
    right = (1 - (x - 2).abs() / 0.5).relu()
    expect(
        output(1.5, 2.5),
        right,
        "tent(1.5, 2.5) is narrow, so its slope is 2: compute it from a and b",
    )
    right = (1 - x.abs() / 2).relu()
    expect(
        output(-2.0, 2.0),
        right,
        "tent(-2.0, 2.0) should be 1 at 0, and 0 up to -2 and from 2 on",
    )


def closest(closest: Callable[..., Any]) -> None:
    """The neuron with the largest correlation: negative, small, and beside a constant one."""
    generator = torch.Generator().manual_seed(1)
    concept = 2 + torch.randn(200, generator=generator)
    noise = torch.randn(200, 6, generator=generator)
    follows = torch.tensor([0.0, 1.0, -0.3, 10.0, 0.0, 0.1])
    size = torch.tensor([1.0, 2.0, 0.1, 60.0, 0.1, 1.0])
    offset = torch.tensor([0.0, 1.0, 4.0, 0.0, 50.0, -50.0])
    activations = follows * concept[:, None] + size * noise + offset

    def found(activations: Tensor, concept: Tensor) -> tuple[int, float]:
        pair = call(closest, activations, concept)
        single = isinstance(pair, int | float) or getattr(pair, "shape", None) == ()
        assert not single, "return two things, not only one"
        assert len(pair) == 2, (
            f"return two things, the number of the neuron and its correlation, not {len(pair)}"
        )
        numbers = [tensor(each).flatten() for each in pair]
        assert all(len(each) == 1 for each in numbers), (
            "return two numbers: the neuron, and its correlation alone"
        )
        which, how = (float(each) for each in numbers)
        assert not math.isnan(which + how), (
            "the result is not a number (nan): a neuron with the same output for every observation has no correlation"
        )
        assert which == int(which), (
            f"first the number of the neuron, then its correlation, not {which:.2f} first"
        )
        return int(which), how

    right = torch.corrcoef(torch.stack([activations[:, 2], concept]))[0, 1]
    which, how = found(activations, concept)
    from_one = 3 if abs(abs(how) - abs(right)) < 0.01 else math.nan
    expect(
        which,
        2,
        "neuron 2 has the largest correlation in size",
        {
            "a neuron that falls as the concept rises tells as much: compare sizes, without the sign": 1,
            "count the neurons from 0, as PyTorch does": from_one,
            "neuron 3 has large activations, not a large correlation: divide by the standard deviations": 3,
            "neuron 4 has a large mean: subtract the means first": 4,
            "neuron 5 has a large mean: subtract the means first": 5,
        },
    )
    expect(
        how,
        right,
        "return the correlation of that neuron with the concept",
        {
            "return the correlation with its sign: this neuron falls as the concept rises": -right,
            "return the correlation, not its square": right**2,
        },
        within=0.01,
    )
    quiet = torch.cat([torch.zeros(200, 1), activations[:, [4, 1, 5]]], dim=1)
    which, how = found(quiet, concept)
    expect(
        which,
        2,
        "neuron 2 of other activations has the largest correlation",
        {"neuron 0 is 0 for every observation: it tells nothing": 0},
    )
    expect(
        how,
        torch.corrcoef(torch.stack([activations[:, 1], concept]))[0, 1],
        "return the correlation of that neuron with the concept",
        within=0.01,
    )
    which, _ = found(activations[:50, [3, 5, 0, 4, 1]], -concept[:50])
    expect(which, 4, "for other activations it is another neuron: compute it")


def _theta(found: Any, *shapes: tuple[int, ...]) -> list[Tensor]:
    """The parameters W, b, W, b of two layers as tensors, if they have these `shapes`."""
    names = (
        "W of the hidden layer",
        "b of the hidden layer",
        "W of the output",
        "b of the output",
    )
    assert isinstance(found, list | tuple), "return a list of four: W, b, W, b"
    assert len(found) == 4, f"return four things, W, b, W, b, not {len(found)}"
    theta = [tensor(each) for each in found]
    for name, each, shape in zip(names, theta, shapes, strict=True):
        assert each.shape == shape, (
            f"{name} should have the shape {shape}, not {tuple(each.shape)}"
        )
        assert each.isfinite().all(), f"{name} has numbers that are not finite"
    return theta


def _point(point: Tensor) -> str:
    """A point as it is written in a sentence."""
    return "({:g}, {:g})".format(*point.tolist())


def _list(values: Tensor) -> str:
    """Numbers with their signs."""
    return ", ".join(f"{value:+.3g}" for value in values.tolist())
