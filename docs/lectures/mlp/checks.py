"""The checks of the lab on handwritten digits: what each answer must do, and what mistakes look like."""

import copy
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from neuronup.exercises import call, expect, tensor
from neuronup.images import translate


def top_k_accuracy(top_k_accuracy: Callable[..., Any]) -> None:
    """The share of five rows in which the label is among the k largest logits."""
    z = torch.tensor(
        [
            [0.5, 2.0, -1.0, 1.0],
            [-3.0, -2.0, -4.0, -1.0],
            [3.0, 1.0, 2.0, 0.0],
            [-0.5, 0.0, 1.5, 0.7],
            [0.1, 0.4, 0.3, 0.2],
        ]
    )
    y = torch.tensor([1, 1, 0, 1, 0])  # in places 1, 2, 1, 3 and 4 of their rows
    first = (z.argmax(dim=1) == y).float().mean()
    expect(
        call(top_k_accuracy, z, y, 1),
        first,
        "for k = 1 it is the accuracy: the share of rows whose argmax is the label",
        {
            "return a share, not a count: divide by the number of rows": 2.0,
            "this takes the smallest outputs; the largest are asked for": 0.2,
            "look for each label in its own row, not in all rows together": 1.0,
            "for k = 1 only the largest counts: this is one place too many": 0.6,
        },
    )
    expect(
        call(top_k_accuracy, z, y, 2),
        0.6,
        "for k = 2 the label may also have the second largest output of its own row",
        {
            "it does not depend on k yet: the label may be among the k largest": first,
            "return a share, not a count: divide by the number of rows": 3.0,
            "divide by the number of rows, not by the number of outputs that you looked at": 0.3,
            "the label may have the largest output as well as the second largest": 0.2,
        },
    )
    expect(
        call(top_k_accuracy, z, y, 3), 0.8, "for k = 3 only the last row is a mistake"
    )
    expect(
        call(top_k_accuracy, z, y, 4), 1.0, "among all four outputs each label is found"
    )
    expect(
        call(top_k_accuracy, z[3:, :3], y[3:], 2),
        0.5,
        "there may be other numbers of rows and of classes",
    )


FORBIDDEN = {"cross_entropy", "softmax", "log_softmax", "nll_loss"}
FORBIDDEN |= {"CrossEntropyLoss", "Softmax", "LogSoftmax", "NLLLoss"}


def loss(loss: Callable[..., Any]) -> None:
    """The mean cross-entropy of three rows of logits with three labels, written by hand."""
    names = getattr(getattr(loss, "__code__", None), "co_names", ())
    used = sorted(FORBIDDEN.intersection(names))
    assert not used, f"write it yourself: without {used[0]}"
    z = torch.tensor([[0.3, -0.2, 1.0], [2.0, -1.0, 0.4], [0.5, 3.0, -0.6]])
    y = torch.tensor([2, 0, 0])
    right = cross_entropy(z, y)
    p = z.exp() / z.exp().sum(dim=1, keepdim=True)
    rows = torch.arange(3)
    across = z.exp() / z.exp().sum(dim=0)
    expect(
        call(loss, z, y),
        right,
        "the mean over the images of minus the logarithm of the probability at the label",
        {
            "the mean over the images is asked for, not the sum": 3 * right,
            "the loss is minus the logarithm: the sign is wrong": -right,
            "take the logarithm of the probability at the label": p[rows, y].mean(),
            "there is a minus, but no logarithm": -p[rows, y].mean(),
            "each image has a label of its own: take p[i, y[i]], not the first column": -p[
                :, 0
            ]
            .log()
            .mean(),
            "p[:, y] takes all three labels from every row: take p[i, y[i]]": -p[:, y]
            .log()
            .mean(),
            "the probabilities of one image add up to 1: sum along dim=1, not over the images": -across[
                rows, y
            ]
            .log()
            .mean(),
            "the sum of all exponentials is too much: each image has a sum of its own": -(
                z.exp() / z.exp().sum()
            )[rows, y]
            .log()
            .mean(),
            "the natural logarithm is asked for": -p[rows, y].log10().mean(),
            "the logarithm comes first, then the mean": -p[rows, y].mean().log(),
            "divide by the number of images, not by that of all outputs": right / 3,
            "the exponentials are not divided by their sum": -z[rows, y].mean(),
        },
    )
    expect(
        call(loss, z[1:2, :2], y[1:2]),
        cross_entropy(z[1:2, :2], y[1:2]),
        "there may be other numbers of images and of classes",
    )


def build(build: Callable[..., Any]) -> None:
    """Networks with no, one and several hidden layers, layer by layer, and what they compute."""
    torch.manual_seed(1)
    x = torch.rand(3, 1, 28, 28)
    for widths in ([5], [6, 4], [7, 7, 7], []):
        model, name = call(build, list(widths)), f"build({widths})"
        assert isinstance(model, nn.Sequential), (
            f"return an nn.Sequential, not a {type(model).__name__}: nn.Sequential(*layers)"
        )
        with torch.no_grad():
            z = model(x)
        kinds = [type(layer).__name__ for layer in model]
        asked = ["Flatten", *["Linear", "ReLU"] * len(widths), "Linear"]
        assert kinds[-1] != "ReLU", (
            f"{name} ends with a ReLU: logits can be negative, so nothing comes after the last linear layer"
        )
        assert kinds[-1] not in ("Softmax", "LogSoftmax"), (
            f"{name} ends with a {kinds[-1]}: the loss does that itself, so return logits"
        )
        assert kinds.count("ReLU") >= len(widths), (
            f"{name} has {kinds.count('ReLU')} ReLU: each hidden layer needs one, or two linear layers are one"
        )
        assert kinds == asked, (
            f"{name} should be {', '.join(asked)}; it is {', '.join(kinds)}"
        )
        expect(
            tensor(z.shape), [3, 10], f"{name} should give ten logits for each image"
        )
        outputs = [each.out_features for each in model if isinstance(each, nn.Linear)]
        assert outputs == [*widths, 10], (
            f"{name} has linear layers with {outputs} outputs, not {[*widths, 10]}"
        )
        sizes = [784, *widths, 10]
        count = sum((a + 1) * b for a, b in pairwise(sizes))
        found = sum(parameter.numel() for parameter in model.parameters())
        assert found == count, (
            f"{name} has {found:,} parameters instead of {count:,}: each linear layer needs weights and biases of its own"
        )
        again = call(build, list(widths))
        again(x)  # layers that wait for an image get their size
        assert again[-1] is not model[-1], "build a new network each time"
        weights = (list(each.parameters())[-2] for each in (again, model))
        assert not torch.equal(*weights), "leave the initial weights random"


Histories = dict[float, dict[str, list[float]]]


def _histories(factor: float) -> Histories:
    """Make up five epochs for each of four rates, all of them times `factor`."""
    return {
        0.001 * factor: {
            "loss": [1.0, 0.9, 0.9, 0.88, 0.88],
            "validation_loss": [0.45, 0.9, 0.9, 0.9, 0.9],
        },
        0.01 * factor: {
            "loss": [2.0, 0.4, 0.3, 0.3, 0.3],
            "validation_loss": [2.2, 0.5, 0.3, 0.35, 0.4],
        },
        0.1 * factor: {
            "loss": [0.2, 0.01, 0.01, 0.01, 0.01],
            "validation_loss": [0.7, 0.75, 0.8, 0.7, 0.6],
        },
        1.0 * factor: {
            "loss": [0.9, 0.9, 0.9, 0.9, 0.9],
            "validation_loss": [0.6, 3.0, 3.0, 3.0, 3.0],
        },
    }


def choose(choose: Callable[..., Any]) -> None:
    """Of four made-up histories the rate with the lowest validation loss, at its best or at the end."""
    for factor in (1.0, 7.0, 0.3):
        made_up = _histories(factor)
        first, best, memorises, wild = made_up
        found = float(tensor(call(choose, copy.deepcopy(made_up))).reshape(()))
        known = {
            "this has the lowest training loss: go by the validation loss": memorises,
            "this has the lowest validation loss after the first epoch: look at all epochs": first,
            "this has the highest validation loss: the lowest is asked for": wild,
        }
        if factor == 1:
            assert any(abs(found - rate) < 1e-6 for rate in made_up), (
                f"return one of the rates, a key of the dict, not {found:g}"
            )
        expect(
            found,
            best,
            "compute it from the histories: there may be other rates",
            known,
            within=1e-5,
        )


def worst(worst: Callable[..., Any]) -> None:
    """The largest count off the diagonal, below it and above it, in tables of several sizes."""
    below = [[9, 0, 1], [4, 90, 0], [2, 3, 9]]
    above = [[90, 5, 1, 6], [2, 40, 0, 0], [2, 3, 9, 0], [0, 0, 4, 4]]
    last = [[30, 1, 0, 2], [1, 5, 3, 0], [2, 4, 50, 7], [6, 0, 5, 80]]
    for table, label, prediction in ((below, 1, 0), (above, 0, 3), (last, 2, 3)):
        found = call(worst, torch.tensor(table))
        try:
            pair = [int(each) for each in found]
        except (TypeError, ValueError, RuntimeError):
            raise AssertionError(
                "return two numbers: the label, and the prediction"
            ) from None
        assert len(pair) == 2, "return two numbers: the label, and the prediction"
        assert pair[0] != pair[1], (
            "the diagonal counts correct predictions: leave it out"
        )
        expect(
            pair,
            [label, prediction],
            "look for the largest count outside the diagonal, above it and below it",
            {"the label is the row, the prediction the column": [prediction, label]},
        )


def silence(silence: Callable[..., Any]) -> None:
    """A copy of a network without its first n hidden neurons, by what it computes; the model itself is as before."""
    torch.manual_seed(2)
    last = nn.Linear(128, 10)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), last)
    nn.init.normal_(last.bias)
    before = copy.deepcopy(model.state_dict())
    x = torch.rand(4, 1, 28, 28)
    with torch.no_grad():
        hidden = model[:3](x)

        def without(kept: Tensor) -> Tensor:
            return (hidden * kept) @ last.weight.mT + last.bias

        place = torch.arange(128)
        for n in (40, 3, 128):
            quiet = silence(model, n)
            assert quiet is not None, "silence returns nothing yet"
            state = model.state_dict()
            kept = all(torch.equal(before[name], state[name]) for name in before)
            assert kept, (
                "you changed the model that you were given: copy it first, with copy.deepcopy"
            )
            assert callable(quiet), f"return a model, not a {type(quiet).__name__}"
            right = without(place >= n)
            rows = torch.where(torch.arange(10) < n, last.bias, model(x))
            expect(
                quiet(x),
                right,
                f"with n = {n} it should compute what the model does without its first {n} hidden neurons",
                {
                    "nothing is switched off yet: this is a copy": model(x),
                    "these are rows of the weights, which belong to digits; hidden neurons are columns": rows,
                    "switch off the first n neurons, not the last": without(
                        place < 128 - n
                    ),
                    "one neuron too many is switched off": without(place > n),
                    "one neuron too few is switched off": without(place >= n - 1),
                    "the bias of the last layer should stay": right - last.bias,
                },
            )


def random_shift(random_shift: Callable[..., Any]) -> None:
    """Every move by up to three pixels across and down comes up, each as it should be."""
    torch.manual_seed(3)
    x = torch.rand(2, 1, 28, 28) / 2 + 0.1
    x[..., MIDDLE, MIDDLE] = 1
    seen = set()
    for _ in range(600):
        moved = tensor(call(random_shift, x), *x.shape)
        for before, after in zip(x, moved, strict=True):
            move = _move(before, after)
            assert max(map(abs, move)) <= 3, (
                f"moved by {move}: three pixels at most are asked for"
            )
            seen.add(move)
    across, down = ({move[axis] for move in seen} for axis in (0, 1))
    assert len(seen) > 1, "the move is the same each time: draw it anew in each call"
    assert len(across) > 1, "images should move across as well as down"
    assert len(down) > 1, "images should move down as well as across"
    for name, found in (("across", across), ("down", down)):
        absent = sorted(set(range(-3, 4)) - found)
        assert not absent, (
            f"a move {name} by {absent[0]} never comes up: torch.randint leaves out its upper end"
        )
    assert len(seen) == 49, (
        f"49 moves are possible, {len(seen)} came up: draw across and down apart"
    )


MIDDLE = 14  # row and column of the largest pixel of the images that are moved


def _move(x: Tensor, moved: Tensor) -> tuple[int, int]:
    """Find the move that makes an image x (1, height, width) into `moved`."""
    row, column = divmod(int(moved.argmax()), moved.shape[-1])
    right, down = column - MIDDLE, row - MIDDLE
    goal = translate(x, right, down)
    inside = goal > 0  # what comes in at the sides is 0
    assert torch.allclose(moved[inside], goal[inside]), (
        "the result is no moved image: its pixels should stay as they are"
    )
    assert torch.equal(moved, goal), (
        "what comes in at a side should be background, 0: neither what left on the other side nor a copy of the edge"
    )
    return right, down
