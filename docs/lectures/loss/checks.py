"""The checks of the lab on losses: what each answer must do, and what mistakes look like."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from neuronup.exercises import call, expect, tensor


def smooth_l1(smooth_l1: Callable[..., Any]) -> None:
    """A parabola with a straight line on both sides: errors of both signs, two betas."""
    y = torch.tensor([3.0, -1.0, 2.0, 0.5, -4.0, 1.0])
    error = torch.tensor([0.5, -1.5, 3.0, -5.0, 1.5, -0.25])

    def compare(error: Tensor, y: Tensor, beta: float) -> None:
        size = error.abs()
        parabola = error**2 / (2 * beta)
        found = tensor(call(smooth_l1, y + error, y, beta))
        assert found.dim() == y.dim(), (
            f"one loss for each example, {tuple(y.shape)}: no mean or sum yet"
        )
        expect(
            found,
            functional.smooth_l1_loss(y + error, y, reduction="none", beta=beta),
            f"with beta {beta}: error ** 2 / (2 * beta) up to beta, and from there the size of the error minus beta / 2",
            {
                "this is Huber's loss, which rises by delta: here the line has the derivative 1": functional.huber_loss(
                    y + error, y, reduction="none", delta=beta
                ),
                "the line must begin where the parabola ends: subtract beta / 2 from the size of the error": torch.where(
                    size <= beta, parabola, size
                ),
                "the line must begin where the parabola ends: at beta the parabola is beta / 2, not 0": torch.where(
                    size <= beta, parabola, size - beta
                ),
                "beyond beta the loss is a straight line on both sides: compare the size of the error with beta": torch.where(
                    error <= beta, parabola, error - beta / 2
                ),
                "on the left the loss rises too: the line takes the size of the error": torch.where(
                    size <= beta, parabola, error - beta / 2
                ),
                "half the square, divided by beta: its derivative must be 1 at beta": torch.where(
                    size <= beta, error**2 / beta, size - beta / 2
                ),
                "beta is an argument: this is the loss for beta = 1": functional.smooth_l1_loss(
                    y + error, y, reduction="none", beta=1.0
                ),
            },
        )

    compare(error, y, 2.0)
    compare(error.reshape(2, 3), y.reshape(2, 3), 0.4)


def naive_loss(naive_loss: Callable[..., Any]) -> None:
    """Cross-entropy from labels, for three classes and for two; every label differs from its place."""

    def compare(z: Tensor, label: Tensor) -> None:
        n = len(z)
        found = tensor(call(naive_loss, z, label))
        assert found.shape != (n, n), (
            "probabilities[:, label] takes these columns in every row: index the row too, with torch.arange(len(z))"
        )
        assert found.dim() > 0, "one number for each example: no mean or sum yet"
        q, rows = torch.softmax(z, dim=1), torch.arange(n)
        expect(
            found,
            functional.cross_entropy(z, label, reduction="none"),
            "minus the logarithm of the probability that softmax gives to the label of each row",
            {
                "this is the probability of the label: minus its logarithm is asked for": q[
                    rows, label
                ],
                "minus the logarithm: a loss is not negative": q[rows, label].log(),
                "softmax over the classes of each example, dim=1, not over the examples": -(
                    torch.softmax(z, dim=0)[rows, label].log()
                ),
                "this takes the first class in every row: take the class of the label": -(
                    q[:, 0].log()
                ),
                "this takes the most probable class: take the class of the label": -(
                    q.amax(dim=1).log()
                ),
                "this is minus the logit: softmax first, then the logarithm": -z[
                    rows, label
                ],
                "divide by the sum over all classes: this is the logarithm of it alone": z.logsumexp(
                    dim=1
                ),
                "only the label's class counts: this adds up minus the logarithms of all": -(
                    q.log().sum(dim=1)
                ),
                "softmax twice: cross_entropy takes logits, and applies softmax itself": functional.cross_entropy(
                    q, label, reduction="none"
                ),
                "the natural logarithm is asked for, torch.log": -(
                    q[rows, label].log2()
                ),
            },
        )

    compare(
        torch.tensor(
            [[0.5, -1.0, 2.0], [1.5, 0.3, -0.7], [-0.2, 0.9, 2.5], [0.1, 1.2, -2.0]]
        ),
        torch.tensor([1, 0, 2, 1]),
    )
    compare(torch.tensor([[2.0, -0.5], [0.3, 1.1]]), torch.tensor([1, 0]))


def stable_loss(stable_loss: Callable[..., Any]) -> None:
    """Smoothed cross-entropy: on small logits, and on some whose exponentials 32 bits cannot hold."""
    z = torch.tensor(
        [[0.5, -1.0, 2.0, 0.2], [1.5, 0.3, -0.7, -0.4], [0.6, 0.9, -1.3, 2.2]]
    )
    label = torch.tensor([1, 0, 2])
    smoothing = 0.3
    found = tensor(call(stable_loss, z, label, smoothing))
    assert found.dim() > 0, "one number for each example: no mean or sum yet"
    log_q, k = torch.log_softmax(z, dim=1), z.shape[1]
    of_label = -log_q[torch.arange(len(z)), label]
    of_all = -log_q.sum(dim=1)
    expect(
        found,
        functional.cross_entropy(z, label, reduction="none", label_smoothing=smoothing),
        "the label counts 1 - smoothing, and every class, the label's too, smoothing / K more",
        {
            "use smoothing: this is the loss of the bare label": of_label,
            "the share goes to all K classes, the label's too: smoothing / K for each, not smoothing / (K - 1) for the others": (
                1 - smoothing
            )
            * of_label
            + smoothing / (k - 1) * (of_all - of_label),
            "the label's class gets its share smoothing / K as well": (1 - smoothing)
            * of_label
            + smoothing / k * (of_all - of_label),
            "divide the share by the number of classes: smoothing / K for each": (
                1 - smoothing
            )
            * of_label
            + smoothing * of_all,
            "what is shared among all is taken from the label: it keeps 1 - smoothing": of_label
            + smoothing / k * of_all,
            "the label keeps 1 - smoothing, and smoothing is shared, not the other way round": smoothing
            * of_label
            + (1 - smoothing) / k * of_all,
            "a loss is not negative: minus the logarithm": -(1 - smoothing) * of_label
            - smoothing / k * of_all,
        },
    )
    expect(
        call(stable_loss, z[:2, :3], torch.tensor([2, 1]), 0.0),
        functional.cross_entropy(
            z[:2, :3], torch.tensor([2, 1]), reduction="none", label_smoothing=0.0
        ),
        "with smoothing 0 and three classes it should be the bare cross-entropy",
    )
    hard = torch.tensor([[1000.0, 0.0, -400.0], [-1000.0, -1000.0, -2000.0]])
    label = torch.tensor([1, 2])
    found = tensor(call(stable_loss, hard, label, 0.1), 2)
    assert not found[0].isnan(), (
        "it still overflows at the logit 1000: subtract the largest logit of the row before the exponential"
    )
    assert found[0].isfinite(), (
        "a probability rounds to 0, and the logarithm of 0 is infinite: take no logarithm of a probability, but write -ln q as the sum given above"
    )
    assert found[1].isfinite(), (
        "subtract the largest logit of each row, not of the whole tensor: all exponentials of the second row are 0"
    )
    expect(
        found,
        functional.cross_entropy(hard, label, reduction="none", label_smoothing=0.1),
        "on large logits too -ln q has an exact value: add or clamp nothing, write it as the sum given above",
    )


def finite_differences(finite_differences: Callable[..., Any]) -> None:
    """Central differences with a step so large that they differ from the derivative itself."""

    def curved(z: Tensor) -> Tensor:
        return (z**3).sum() + 2 * z[0] * z[-1]

    def compare(z: Tensor, h: float) -> None:
        cross = torch.zeros_like(z)
        cross[0], cross[-1] = 2 * z[-1], 2 * z[0]
        exact = 3 * z**2 + cross
        right = exact + h**2
        everywhere = (curved(z + h) - curved(z - h)) / (2 * h)
        found = tensor(call(finite_differences, curved, z, h))
        assert found.dim() > 0, (
            "one derivative for each logit: move one at a time, not all at once"
        )
        expect(
            found,
            right,
            f"(loss with this logit {h} higher - loss with it {h} lower) / {2 * h}, for each logit alone",
            {
                "move one logit at a time: here all were moved together": everywhere.expand_as(
                    z
                ),
                "the two places are 2 * step apart: divide by 2 * step, not by step": 2
                * right,
                "divide the change of the loss by 2 * step": 2 * h * right,
                "this divides by 2 and then multiplies by step: write / (2 * step)": right
                * h**2,
                "the sign is wrong: the loss further up minus the loss further down": -right,
                "this moves the logit up only: move it down as well": right + 3 * z * h,
                "this moves the logit down only: move it up as well": right - 3 * z * h,
                "this is the derivative itself, and a finite difference with this step is a little off: use the step you are given": exact,
            },
        )

    compare(torch.tensor([2.0, 1.0, -1.0], dtype=torch.float64), 0.25)
    compare(torch.tensor([-0.5, 0.25, 1.5, 0.75, -2.0], dtype=torch.float64), 0.125)
