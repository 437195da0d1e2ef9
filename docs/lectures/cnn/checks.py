"""The checks of the lab on convolutional networks: what each answer must do, and what mistakes look like."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuronup import devices
from neuronup.accuracy import accuracy
from neuronup.costs import count_parameters
from neuronup.exercises import call, expect, tensor
from neuronup.images import load
from neuronup.loaders import Loader
from neuronup.loop import fit, predict


def convolve(convolve: Callable[..., Any]) -> None:
    """A feature map, for images, filters and strides of several sizes."""

    def conv(image: Tensor, weight: Tensor, stride: int) -> Tensor:
        return functional.conv2d(image[None, None], weight[None, None], stride=stride)[
            0, 0
        ]

    sizes = [((6, 8), (3, 2), 1), ((6, 8), (3, 2), 2), ((6, 8), (3, 2), 3)]
    for shape, kernel, stride in [*sizes, ((5, 9), (2, 2), 2)]:
        image, weight = torch.randn(shape), torch.randn(kernel)
        right = conv(image, weight, stride)
        rows, columns = right.shape
        found = tensor(call(convolve, image, weight, stride))
        assert found.shape == right.shape, (
            f"on {shape[0]} by {shape[1]} pixels, with a filter of {kernel[0]} by {kernel[1]} and stride {stride}, "
            f"there are {rows} by {columns} positions; the shape is {tuple(found.shape)}"
        )
        expect(
            found,
            right,
            f"with stride {stride}: multiply each weight by the pixel under it, and add up",
            {
                "add up the products, do not take their mean": right / weight.numel(),
                "do not flip the filter: its first weight lies on the window's first pixel": conv(
                    image, weight.flip(0, 1), stride
                ),
                "the window in row i of the map begins in row i · stride of the image": conv(
                    image, weight, 1
                )[:rows, :columns],
                "only the pixels are added up: multiply them by the weights": conv(
                    image, torch.ones(kernel), stride
                ),
            },
            within=1e-3,
        )


def slanted(slanted: Callable[..., Any]) -> None:
    """A filter for falling lines: its sums on lines of four directions and on a uniform area."""
    weight = tensor(call(slanted), 3, 3)
    falling, rising = float(weight.trace()), float(weight.flip(1).trace())
    expect(
        weight.sum(),
        0.0,
        "a uniform area does not give 0: the weights must add up to 0",
    )
    expect(
        weight[1].sum(),
        0.0,
        "a horizontal line does not give 0: the middle row must add up to 0",
    )
    expect(
        weight[:, 1].sum(),
        0.0,
        "a vertical line does not give 0: the middle column must add up to 0",
    )
    assert falling > 1e-3, (
        f"a falling line should give a positive sum, not {falling:.4g}: it lies on the diagonal from the upper left"
    )
    assert falling > rising + 1e-3, (
        f"a rising line gives {rising:.4g}, but it should give less than a falling one, {falling:.4g}"
    )


def arithmetic(size: Callable[..., Any], parameters: Callable[..., Any]) -> None:
    """The size of a dilated convolution's map, and the parameters of a depthwise separable one."""
    for pixels, kernel, stride, padding, dilation in (
        (28, 3, 2, 1, 1),
        (32, 5, 1, 0, 1),
        (10, 3, 4, 0, 2),
        (10, 3, 4, 0, 1),
        (28, 5, 3, 2, 3),
        (9, 2, 3, 1, 1),
        (20, 4, 2, 3, 2),
    ):
        layer = nn.Conv2d(1, 1, kernel, stride, padding, dilation)
        right = layer(torch.zeros(1, 1, pixels, pixels)).shape[-1]
        width = dilation * (kernel - 1) + 1
        expect(
            call(size, pixels, kernel, stride, padding, dilation),
            float(right),
            f"size: {pixels} pixels, kernel {kernel}, stride {stride}, padding {padding}, dilation {dilation}",
            {
                "size: the first position counts too: + 1": right - 1,
                "size: padding comes in on both sides: 2 · padding": (
                    pixels + padding - width
                )
                // stride
                + 1,
                "size: with a dilation the filter is wider than `kernel`": (
                    pixels + 2 * padding - kernel
                )
                // stride
                + 1,
                "size: gaps lie only between the weights, so the filter is dilation · (kernel - 1) + 1 wide": (
                    pixels + 2 * padding - dilation * kernel
                )
                // stride
                + 1,
                "size: a position that does not fit whole is left out: round down, with //": (
                    pixels + 2 * padding - width
                )
                / stride
                + 1,
            },
        )
    for channels, filters, kernel in ((3, 7, 5), (16, 32, 3), (1, 4, 2)):
        depthwise = nn.Conv2d(channels, channels, kernel, groups=channels)
        pointwise = nn.Conv2d(channels, filters, 1)
        first, second = count_parameters(depthwise), count_parameters(pointwise)
        expect(
            call(parameters, channels, filters, kernel),
            float(first + second),
            f"parameters: {channels} channels, {filters} filters, kernel {kernel}",
            {
                "parameters: this is the ordinary convolution; here a filter of the first step sees one channel only": filters
                * (channels * kernel**2 + 1),
                "parameters: each filter has a bias, in both steps": channels
                * kernel**2
                + filters * channels,
                "parameters: do not forget the second step, the filters of 1 by 1": first,
                "parameters: do not forget the first step, a filter for each channel": second,
                "parameters: the filters of the first step have biases too": first
                - channels
                + second,
                "parameters: the filters of the second step have biases too": first
                + second
                - filters,
                "parameters: a filter has kernel · kernel weights": channels
                * (kernel + 1)
                + second,
            },
        )


def pool(pool: Callable[..., Any]) -> None:
    """Mean pooling with windows of 3 by 3, for maps of two sizes."""
    for shape in ((2, 3, 6, 9), (1, 2, 3, 12)):
        x = torch.randn(shape)
        n, c, high, wide = shape
        right = functional.avg_pool2d(x, 3)
        expect(
            call(pool, x),
            right,
            "each number is to be the mean of its own 3 by 3 window",
            {
                "this is max pooling: take the mean": functional.max_pool2d(x, 3),
                "take the mean of nine pixels, not their sum": 9 * right,
                "this is every third pixel: take the mean of all nine": x[
                    ..., ::3, ::3
                ],
                "divide by nine: a window is 3 by 3": 3 * right,
                "these windows are not neighbours: reshape to (n, c, h / 3, 3, w / 3, 3), with each 3 after the number of windows": x.reshape(
                    n, c, 3, high // 3, 3, wide // 3
                ).mean(dim=(2, 4)),
            },
        )


def build(build: Callable[..., Any]) -> None:
    """A small network that has learnt nothing yet, and learns in twelve epochs."""
    device = devices.pick("auto")
    images = load("digits", seed=0).to(device)
    model = call(build)
    assert isinstance(model, nn.Module), (
        f"return a network, an nn.Module such as nn.Sequential(…), not a {type(model).__name__}"
    )
    model = model.to(device)
    with torch.no_grad():
        logits = model.eval()(images.train.x[:64])
    assert isinstance(logits, Tensor), "the network is to return a tensor of logits"
    assert logits.shape == (64, 10), (
        f"64 images are to give logits of shape (64, 10), not {tuple(logits.shape)}"
    )
    many = count_parameters(model)
    assert many <= 5000, f"{many:,} parameters are more than 5,000"
    assert any(isinstance(layer, nn.Conv2d) for layer in model.modules()), (
        "there is no convolution in it"
    )
    sums = logits.sum(dim=1)
    assert not torch.allclose(sums, torch.ones_like(sums), atol=1e-3), (
        "return logits, not probabilities: the loss has the softmax in it"
    )
    sums = logits.exp().sum(dim=1)
    assert not torch.allclose(sums, torch.ones_like(sums), atol=1e-3), (
        "return logits, not logarithms of probabilities: the loss has the softmax in it"
    )
    known = float(accuracy(predict(model, images.validation.x), images.validation.y))
    assert known < 0.6, (
        f"it classifies {known:.1%} correctly before any training here: return a new network, with weights as PyTorch draws them"
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 12)
    batches = Loader(images.train, 64, seed=0)
    history = fit(model, batches, images.validation, optimiser, 12, schedule=schedule)
    right = history["validation_score"][-1]
    assert right >= 0.95, (
        f"only {right:.1%} of the validation images are classified correctly after twelve epochs"
    )


def to_the_right(to_the_right: Callable[..., Any]) -> None:
    """Images moved by several numbers of pixels, 0 among them."""
    for shape, right in (
        ((3, 1, 4, 5), 1),
        ((3, 1, 4, 5), 3),
        ((2, 2, 6, 6), 2),
        ((3, 1, 4, 5), 0),
    ):
        x = torch.rand(shape) + 0.1
        moved, left, down = torch.zeros(3, *shape)
        wide, high = shape[3] - right, shape[2] - right
        moved[..., right:] = x[..., :wide]
        left[..., :wide] = x[..., right:]
        down[..., right:, :] = x[..., :high, :]
        repeated = moved.clone()
        repeated[..., :right] = x[..., :1]
        zeroed = x.clone()
        zeroed[..., :right] = 0
        found = tensor(call(to_the_right, x, right))
        assert found.shape == x.shape, (
            f"moved by {right} pixels the images are to keep their shape, {shape}; it is {tuple(found.shape)}"
        )
        expect(
            found,
            moved,
            f"moved by {right} pixels the images are others",
            {
                "what leaves on the right must not come back on the left: background, 0, comes in": x.roll(
                    right, -1
                ),
                "that is to the left": left,
                "that is down: the columns are the last dimension": down,
                "background, 0, comes in at the left, not the border again": repeated,
                "the pixels stay where they were: move them, by `right` columns": zeroed,
                "the images stay where they were": x,
            },
        )


def locate(locate: Callable[..., Any]) -> None:
    """The best window among those with enough intensity, with logits below 0 and above it."""
    logits, intensity = torch.randn(10, 5, 3) / 4 - 8, torch.full((5, 3), 0.9)
    logits[4, 1, 2], intensity[1, 2] = -2.0, 0.2  # the one to find: just enough
    logits[8, 3, 0], intensity[3, 0] = 7.0, 0.1  # too dark
    logits[4, 0, 0] = -2.1  # the second best
    logits[2, 0, 1] = -3.0  # alone in its class
    logits[:, 4, 1], logits[6, 4, 1] = -4.0, -3.9  # the largest sum
    logits[:, 2, 1], logits[5, 2, 1] = -30.0, -9.0  # the surest softmax
    expect(
        call(locate, logits, intensity),
        [4.0, 2.0, 4.0],
        "it is not the class and the corner of the highest logit among the windows with intensity enough",
        {
            "the window at (6, 0) has too low an intensity": [8.0, 6.0, 0.0],
            "a window left out may not win with a logit of 0, for all others are below 0: use -torch.inf": [
                0.0,
                6.0,
                0.0,
            ],
            "the stride is 2: row 1, column 2 is the corner (2, 4)": [4.0, 1.0, 2.0],
            "first the row, then the column": [4.0, 4.0, 2.0],
            "an intensity of exactly 0.2 is enough": [4.0, 0.0, 0.0],
            "compare logits, not the shares of a softmax over the windows": [
                2.0,
                0.0,
                2.0,
            ],
            "look for the highest logit, not for the largest sum over the classes": [
                6.0,
                8.0,
                2.0,
            ],
            "compare logits, not probabilities: a softmax is sure of something in every window": [
                5.0,
                4.0,
                2.0,
            ],
        },
    )
    logits, intensity = torch.randn(10, 2, 7), torch.full((2, 7), 0.4)
    logits[9, 1, 5], logits[3, 1, 6], intensity[1, 6] = 5.0, 9.0, 0.19
    expect(
        call(locate, logits, intensity),
        [9.0, 2.0, 10.0],
        "with logits above 0, and 2 by 7 windows, it is not the class and the corner of the highest",
        {"the window at (2, 12) has too low an intensity": [3.0, 2.0, 12.0]},
    )
