"""The checks of the lab on architectures: what each answer must do, and what mistakes look like."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, batch_norm, conv2d, max_pool2d
from torch.nn.functional import group_norm as native_group_norm
from torch.utils.flop_counter import FlopCounterMode

from architectures import Candidate, train
from neuronup import devices
from neuronup.accuracy import accuracy
from neuronup.costs import count_parameters
from neuronup.exercises import call, expect, tensor
from neuronup.images import load
from neuronup.loop import predict

BUDGET = 50_000  # FLOPs of an image


def _count_flops(model: nn.Module, x: Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        predict(model, x)
    return counter.get_total_flops()


def _two(found: Any, what: str) -> tuple[Any, Any]:
    """Return the two things that an answer gives."""
    try:
        first, second = found
    except (TypeError, ValueError):
        raise AssertionError(f"return two things: {what}") from None
    return first, second


def cost(cost: Callable[..., Any]) -> None:
    """The weights and FLOPs of convolutions with few and many groups."""
    for channels, filters, kernel, groups, side in (
        (12, 18, 3, 6, 5),
        (8, 20, 5, 1, 7),
        (6, 6, 3, 6, 4),
        (10, 15, 1, 5, 9),
    ):
        layer = nn.Conv2d(
            channels, filters, kernel, 1, kernel // 2, groups=groups, bias=False
        )
        right = count_parameters(layer)
        flops = _count_flops(layer, torch.zeros(1, channels, side, side))
        given = f"{channels} channels, {filters} filters, kernel {kernel}, groups {groups}, side {side}"
        weights, found = _two(
            call(cost, channels, filters, kernel, groups, side),
            "how many weights, and how many FLOPs",
        )
        expect(
            weights,
            float(right),
            f"weights: {given}",
            {
                "weights: a filter sees only the channels of its group, channels / groups": right
                * groups,
                "weights: there are `filters` filters in all groups together": right
                / groups,
                "weights: biases are not asked for": right + filters,
                "weights: a filter has kernel · kernel weights for each channel it sees": right
                / kernel,
                "weights: of every channel the filter has kernel · kernel weights, and it sees several channels": filters
                * kernel**2,
                "first the weights, then the FLOPs": flops,
            },
        )
        expect(
            found,
            float(flops),
            f"FLOPs: {given}",
            {
                "FLOPs: a multiplication and an addition are two": flops / 2,
                "FLOPs: the map has side · side pixels": flops / side,
                "FLOPs: each weight is used once for every pixel of the map": flops
                / side**2,
                "FLOPs: a filter sees only the channels of its group": flops * groups,
                "FLOPs: the weights count kernel · kernel already": flops * kernel**2,
            },
        )


def _maps(model: nn.Module, x: Tensor) -> Tensor:
    """Return what a model makes of x, or say why its maps cannot be concatenated."""
    try:
        found = call(model, x)
    except RuntimeError as error:
        if "Sizes of tensors must match" in str(error):
            raise AssertionError(
                "these maps cannot be concatenated so: their number is dim=1"
            ) from None
        raise
    assert isinstance(found, Tensor), (
        f"forward is to return a tensor, not a {type(found).__name__}"
    )
    assert found.dtype == x.dtype, (
        f"x is of type {x.dtype}, and the maps are to be so too, not {found.dtype}: other layers follow"
    )
    return found


def fire(answer: Callable[..., Any]) -> None:
    """A Fire module of two sizes: its parameters, and its output with them."""
    for channels, squeezed, one, three in ((7, 3, 4, 5), (4, 2, 3, 6)):
        model = answer(channels, squeezed, one, three)
        assert isinstance(model, nn.Module), (
            f"write a class that is an nn.Module, not a {type(model).__name__}"
        )
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
                assert layer.padding in ((1, 1), "same"), (
                    "the 3 by 3 filters make the maps smaller, which then do not fit to the others: padding=1"
                )
        x = torch.randn(2, channels, 5, 6)
        found = _maps(model, x)
        shape = (2, one + three, 5, 6)
        assert found.shape == shape, (
            f"Fire({channels}, {squeezed}, {one}, {three}) makes {one} + {three} maps of x {tuple(x.shape)}, so {shape}; "
            f"yours makes {tuple(found.shape)}"
        )
        by_shape = {tuple(each.shape): tensor(each) for each in model.parameters()}
        assert (three, channels, 3, 3) not in by_shape, (
            "the 3 by 3 filters see the few maps of the squeeze, not x itself"
        )
        assert (one, channels, 1, 1) not in by_shape, (
            "the 1 by 1 filters of the expand see the few maps of the squeeze, not x itself"
        )
        weights = {(squeezed, channels, 1, 1), (one, squeezed, 1, 1)}
        weights |= {(three, squeezed, 3, 3)}
        biases: set[tuple[int, ...]] = {(squeezed,), (one,), (three,)}
        assert by_shape.keys() != weights, "the convolutions are to have their biases"
        count = squeezed * (channels + one + 9 * three) + squeezed + one + three
        own = count_parameters(model)
        assert (by_shape.keys(), own) == (weights | biases, count), (
            f"Fire({channels}, {squeezed}, {one}, {three}) has three convolutions, with {count} parameters in all; yours has {own}"
        )
        raw = conv2d(x, by_shape[squeezed, channels, 1, 1], by_shape[squeezed,])
        few = raw.relu()
        ones = by_shape[one, squeezed, 1, 1], by_shape[one,]
        threes = by_shape[three, squeezed, 3, 3], by_shape[three,], 1, 1
        both = [conv2d(few, *ones), conv2d(few, *threes)]
        without = torch.cat([conv2d(raw, *ones), conv2d(raw, *threes)], dim=1)
        expect(
            found,
            torch.cat(both, dim=1).relu(),
            "the parameters are right, but not the output: squeeze, ReLU, both kernels, ReLU, concatenate",
            {
                "a ReLU is missing after the squeeze": without.relu(),
                "a ReLU is missing after the expand": torch.cat(both, dim=1),
                "there are two ReLUs in it: after the squeeze, and after the expand": without,
                "first the maps of the 1 by 1 filters, then those of the 3 by 3": torch.cat(
                    both[::-1], dim=1
                ).relu(),
            },
        )


def add_shortcut(add_shortcut: Callable[..., Any]) -> None:
    """The sum in four shapes, and the gradient that flows back."""
    for before, after in (
        ((2, 3, 5, 7), (2, 3, 5, 7)),
        ((2, 4, 6, 8), (2, 4, 3, 4)),
        ((1, 2, 4, 4), (1, 5, 4, 4)),
        ((2, 3, 5, 7), (2, 5, 3, 4)),
    ):
        x, y = torch.randn(before), torch.randn(after)
        (_, maps, high, wide), more = after, after[1] - before[1]
        half = before[2:] != after[2:]
        kept = x[:, :, ::2, ::2] if half else x
        zeros = torch.zeros(after[0], more, high, wide)
        fitted = torch.cat([kept, zeros], dim=1)
        shapes = f"x {before}, y {after}"
        found = call(add_shortcut, x, y)
        assert isinstance(found, Tensor), (
            f"return a tensor, made by PyTorch's functions, not a {type(found).__name__}: a gradient must find its way back"
        )
        assert found.shape == after, (
            f"{shapes}: the sum is to have the shape of y; yours has {tuple(found.shape)}"
        )
        others = {}
        if half:
            others = {
                "keep every second pixel of x; do not take means": avg_pool2d(
                    x, 2, ceil_mode=True
                ),
                "keep every second pixel of x, not the largest of each four": max_pool2d(
                    x, 2, ceil_mode=True
                ),
                "the first row and the first column are kept: begin the slice at 0": x[
                    :, :, 1::2, 1::2
                ],
                "keep every second pixel, not a corner of x": x[:, :, :high, :wide],
            }
        if more:
            others = {
                "append the maps of zeros after those of x, not before": torch.cat(
                    [zeros, kept], dim=1
                ),
                "append maps of zeros, not the maps of x again": kept[
                    :, torch.arange(maps) % before[1]
                ],
            }
        expect(
            found,
            (y + fitted).relu(),
            f"{shapes}: it is not the ReLU of their sum",
            {
                "a ReLU of the sum is missing": y + fitted,
                "add first, then apply the ReLU: here x is added after it": y.relu()
                + fitted,
                "add first, then apply the ReLU to the sum, not to each of the two": y.relu()
                + fitted.relu(),
                "this is y alone: add x": y.relu(),
                "add x to y, do not multiply them": (y * fitted).relu(),
                "add x to y, do not subtract": (y - fitted).relu(),
                **{
                    text: (y + other).relu()
                    for text, other in others.items()
                    if other.shape == after
                },
            },
        )
        x.requires_grad_()
        y.requires_grad_()
        kept = x[:, :, ::2, ::2] if half else x
        right = (y + torch.cat([kept, zeros], dim=1)).relu()
        sums, weight = add_shortcut(x, y), torch.randn(after)
        goals = torch.autograd.grad((right * weight).sum(), (x, y))
        assert sums.requires_grad, (
            "no gradient comes back: use PyTorch's functions, without detach, item or no_grad"
        )
        back = torch.autograd.grad((sums * weight).sum(), (x, y), allow_unused=True)
        for name, gradient, goal in zip("xy", back, goals, strict=True):
            assert gradient is not None, (
                f"no gradient comes back to {name}: use it as it is, without detach, item or no_grad"
            )
            expect(gradient, goal, f"the gradient that comes back to {name} is another")


def group_norm(group_norm: Callable[..., Any]) -> None:
    """Maps normalised in one group, in several, and channel by channel."""
    eps = 0.3
    for shape, groups in (
        ((3, 6, 2, 2), 3),
        ((4, 8, 1, 3), 2),
        ((3, 5, 2, 2), 1),
        ((2, 4, 3, 2), 4),
    ):
        images, channels = shape[:2]
        offsets = torch.randn(images, channels, 1, 1)
        x = torch.randn(shape) * (offsets + 2) + 2 * offsets
        rows = x.reshape(images, groups, -1)
        mean = rows.mean(dim=2, keepdim=True)
        variance = rows.var(dim=2, correction=0, keepdim=True)
        found = tensor(call(group_norm, x, groups, eps))
        assert found.shape == shape, (
            f"the maps are to keep their shape, {shape}; it is {tuple(found.shape)}"
        )

        def back(rows: Tensor, shape: tuple[int, ...] = shape) -> Tensor:
            return rows.reshape(shape)

        mixed = x.reshape(images, channels // groups, groups, *shape[2:])
        variances = mixed.var(dim=(1, 3, 4), correction=0, keepdim=True)
        centred = mixed - mixed.mean(dim=(1, 3, 4), keepdim=True)
        pooled = rows.var(dim=(0, 2), correction=0, keepdim=True)
        expect(
            found,
            back((rows - mean) / (variance + eps).sqrt()),
            f"x {shape}, {groups} groups: subtract the mean of each group of each image, and divide by the root of its variance + eps",
            {
                "this is batch normalisation: the images of a batch may not matter to each other": batch_norm(
                    x, None, None, training=True, eps=eps
                ),
                "each image is normalised by itself: take no mean over the images": back(
                    (rows - rows.mean(dim=(0, 2), keepdim=True)) / (pooled + eps).sqrt()
                ),
                "there are several groups: all channels of an image are in one here": native_group_norm(
                    x, 1, eps=eps
                ),
                "there are several channels in a group: each is normalised by itself here": native_group_norm(
                    x, channels, eps=eps
                ),
                "neighbouring channels are a group: reshape to (n, groups, -1)": back(
                    centred / (variances + eps).sqrt()
                ),
                "the variance is the mean of the squared differences: var(correction=0)": back(
                    (rows - mean) / (rows.var(dim=2, keepdim=True) + eps).sqrt()
                ),
                "eps is missing: it is added to the variance": back(
                    (rows - mean) / variance.sqrt()
                ),
                "eps is added to the variance, under the root": back(
                    (rows - mean) / (variance.sqrt() + eps)
                ),
                "divide by the root of variance + eps": back(
                    (rows - mean) / (variance + eps)
                ),
                "subtract the mean first": back(rows / (variance + eps).sqrt()),
                "subtract the mean from the numbers, not from the quotient": back(
                    rows / (variance + eps).sqrt() - mean
                ),
                "this has the mean 0, but not yet the variance 1: divide, too": back(
                    rows - mean
                ),
            },
        )


def build(build: Callable[..., Any]) -> None:
    """A network within the budget that has learnt nothing yet, and learns in eight epochs."""
    device = devices.pick("auto")
    digits = load("digits", seed=0).to(device)
    held_out = digits.validation
    model = call(build)
    assert isinstance(model, nn.Module), (
        f"return a network, an nn.Module such as nn.Sequential(…), not a {type(model).__name__}"
    )
    model = model.to(device)
    logits = predict(model, digits.train.x[:64])
    assert logits.shape == (64, 10), (
        f"64 images are to give logits of shape (64, 10), not {tuple(logits.shape)}"
    )
    assert any(isinstance(layer, nn.Conv2d) for layer in model.modules()), (
        "there is no convolution in it"
    )
    for sums in (logits.sum(dim=1), logits.exp().sum(dim=1)):
        assert not torch.allclose(sums, torch.ones_like(sums), atol=1e-3), (
            "return logits, not probabilities or their logarithms: the loss has the softmax in it"
        )
    flops = _count_flops(model, digits.train.x[:1])
    assert flops <= BUDGET, (
        f"{flops:,} FLOPs are more than {BUDGET:,}: make the maps smaller sooner, or take fewer filters where there are many pixels"
    )
    known = float(accuracy(predict(model, held_out.x), held_out.y))
    assert known < 0.6, (
        f"it classifies {known:.1%} correctly before any training here: return a new network, with weights as PyTorch draws them"
    )
    _, history = train(Candidate(lambda: model, 0.01), digits, epochs=8, seed=0)
    right = history["validation_score"][-1]
    assert right >= 0.95, (
        f"{flops:,} FLOPs are within the budget, but only {right:.1%} of the validation images are classified correctly after eight epochs"
    )
