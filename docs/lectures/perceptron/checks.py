"""The checks of the lab on one neuron: what each answer must do, and what mistakes look like."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from neuronup.exercises import call, expect, tensor
from neuronup.xor import xor
from perceptron import separable


def correct(correct: Callable[..., Any]) -> None:
    """Rosenblatt's rule: on points that it misclassifies, on others, and on the line itself."""
    weight, bias = torch.tensor([1.0, -1.0]), torch.tensor(0.5)
    plus, minus = torch.tensor(1.0), torch.tensor(-1.0)

    def after(x: list[float], y: Tensor) -> list[float]:
        found = call(correct, weight, bias, torch.tensor(x), y)
        assert isinstance(found, tuple | list), (
            "return two things: the new weight, and the new bias"
        )
        assert len(found) == 2, (
            f"return two things, the new weight and the new bias, not {len(found)}"
        )
        return [*tensor(found[0], 2).tolist(), float(tensor(found[1]).reshape(()))]

    same = [1.0, -1.0, 0.5]
    expect(
        after([2.0, 0.0], plus),
        same,
        "the sum is 2.5, so +1 is predicted, and +1 is the label: nothing should change",
    )
    expect(
        after([2.0, 0.0], minus),
        [-1.0, -1.0, -0.5],
        "the sum is 2.5 and the label is -1: a mistake, so add the point, times its label",
        {
            "after a mistake the bias moves too: add the label to it": [
                -1.0,
                -1.0,
                0.5,
            ],
            "add the point times its *label*, which is -1 here": [3.0, -1.0, 1.5],
            "this is a mistake (the sum is 2.5, the label -1), and nothing changed": same,
        },
    )
    expect(
        after([-0.5, 0.0], plus),
        [0.5, -1.0, 1.5],
        "a sum of exactly 0 means -1, so this point with label +1 is misclassified",
    )
    expect(
        after([-0.5, 0.0], minus),
        same,
        "a sum of exactly 0 means -1, and -1 is the label: leave it",
    )
    expect(
        after([-1.0, -1.0], plus),
        same,
        "the sum of all pixels and of the bias is 0.5, so this point is classified correctly: nothing should change",
    )
    expect(
        after([-0.3, 0.0], plus),
        same,
        "do not forget the bias in the sum: it is 0.2, above 0",
    )


def margins(margins: Callable[..., Any]) -> None:
    """Distances of four points from a line, with the sign that says whether they are on the right side."""
    weight, bias = torch.tensor([3.0, 4.0]), torch.tensor(-5.0)
    x = torch.tensor([[3.0, 4.0], [0.0, 0.0], [2.0, 1.0], [1.0, 3.0]])
    y = torch.tensor([1.0, 1.0, -1.0, -1.0])
    z = x @ weight + bias
    expect(
        call(margins, weight, bias, x, y),
        y * z / 5,
        "one number for each point: y z, divided by the length of the weights",
        {
            "divide by the length of the weights": y * z,
            "times the label: a point on the wrong side has a negative margin": z / 5,
            "no absolute value: a point on the wrong side has a negative margin": (
                z / 5
            ).abs(),
            "the length of the weights is the root of the sum of their squares, here 5": y
            * z
            / 7,
            "divide by the length of the weights, not by its square": y * z / 25,
            "do not forget the bias in z": y * (x @ weight) / 5,
        },
    )


def features(features: Callable[..., Any]) -> None:
    """A feature map without the product that makes XOR separable, computed from each point."""
    x, y = xor()
    mapped = tensor(call(features, x))
    assert mapped.dim() == 2, (
        f"the result needs a row for each point, (n, k), not the shape {tuple(mapped.shape)}"
    )
    assert len(mapped) == len(x), (
        f"the result needs a row for each of the {len(x)} points, not {len(mapped)}"
    )
    assert separable(mapped, y), "no line splits these features"
    grid = torch.cartesian_prod(*[torch.tensor([-2.0, -1.0, 1.0, 2.0])] * 2)
    product = torch.cat(
        [torch.ones(len(grid), 1), grid, grid.prod(dim=1, keepdim=True)], dim=1
    )
    found = tensor(call(features, grid))
    assert len(found) == len(grid), (
        "compute the features from x: other points may come, and more of them"
    )
    fitted = torch.linalg.lstsq(product, found).solution
    exact = (product @ fitted - found).abs().amax(dim=0) < 1e-4
    assert not (exact & (fitted[3].abs() > 1e-4)).any(), (
        "this is the product in disguise: find another feature"
    )


def activation(activation: Callable[..., Any], derivative: Callable[..., Any]) -> None:
    """A nonlinear function of any kind, and its derivative, as autograd finds it."""
    z = torch.linspace(-3, 3, 60)
    inputs = z.clone().requires_grad_()
    value = activation(inputs)
    assert value is not None, "activation returns nothing yet"
    found = derivative(z.clone())
    assert found is not None, "derivative returns nothing yet"
    assert getattr(value, "requires_grad", False), (
        "write activation with PyTorch's functions, so that autograd can follow it: torch.exp, not math.exp"
    )
    assert value.shape == z.shape, (
        f"a value for each z: shape {tuple(z.shape)}, not {tuple(value.shape)}"
    )
    assert value.isfinite().all(), "activation should have a finite value at every z"
    (right,) = torch.autograd.grad(value.sum(), inputs)
    assert right.max() - right.min() > 0.01, (
        "activation is a straight line: two layers of it would amount to one"
    )
    expect(
        tensor(found).expand_as(right),
        right,
        "derivative is not the derivative of activation",
        {
            "this is activation itself, not its derivative": value.detach(),
            "the sign is wrong: this is minus the derivative": -right,
        },
    )
