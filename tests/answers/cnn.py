"""Answers to the lab on convolutional networks."""

import functools
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from answers import right, wrong
from neuronup.images import load


@right("convolve")
def by_unfolding(image, weight, stride):
    windows = image.unfold(0, weight.shape[0], stride).unfold(1, weight.shape[1], stride)
    return torch.einsum("ijab,ab->ij", windows, weight)


@right("convolve")
def convolve_with_numpy(image, weight, stride):
    a, b = weight.shape
    windows = np.lib.stride_tricks.sliding_window_view(image.numpy().astype(float), (a, b))
    return (windows[::stride, ::stride] * weight.numpy()).sum(axis=(2, 3))


@right("convolve")
def lists_of_numbers(image, weight, stride):
    (h, w), (a, b) = image.shape, weight.shape
    return [
        [
            sum(float(image[i + k, j + m] * weight[k, m]) for k in range(a) for m in range(b))
            for j in range(0, w - b + 1, stride)
        ]
        for i in range(0, h - a + 1, stride)
    ]


@right("convolve")
def weight_by_weight(image, weight, stride):
    (h, w), (a, b) = image.shape, weight.shape
    found = torch.zeros(h - a + 1, w - b + 1, dtype=torch.float64)
    for k in range(a):
        for m in range(b):
            found += weight[k, m] * image[k : k + h - a + 1, m : m + w - b + 1]
    return found[::stride, ::stride]


def sliding(image, weight, stride, pick=lambda window, weight: (window * weight).sum(), step=None, more=1):
    """Slide a window as told."""
    (h, w), (a, b) = image.shape, weight.shape
    found = torch.zeros((h - a) // stride + more, (w - b) // stride + more)
    step = step or stride
    for i in range(len(found)):
        for j in range(found.shape[1]):
            found[i, j] = pick(image[i * step : i * step + a, j * step : j * step + b], weight)
    return found


@wrong("convolve", "do not take their mean")
def convolve_by_means(image, weight, stride):
    return sliding(image, weight, stride, lambda window, weight: (window * weight).mean())


@wrong("convolve", "do not flip the filter")
def flipped(image, weight, stride):
    return sliding(image, weight.flip(0, 1), stride)


@wrong("convolve", "begins in row i · stride")
def windows_one_apart(image, weight, stride):
    return sliding(image, weight, stride, step=1)


@wrong("convolve", "multiply them by the weights")
def without_weights(image, weight, stride):
    return sliding(image, weight, stride, lambda window, weight: window.sum())


@wrong("convolve", "4 by 7 positions; the shape is (3, 6)")
def a_position_too_few(image, weight, stride):
    return sliding(image, weight, stride, more=0)


@wrong("convolve", "2 by 4 positions; the shape is (4, 7)")
def stride_forgotten(image, weight, stride):
    return sliding(image, weight, 1)


@wrong("convolve", "multiply each weight")
def nothing_but_zeros(image, weight, stride):
    (h, w), (a, b) = image.shape, weight.shape
    return torch.zeros((h - a) // stride + 1, (w - b) // stride + 1)


@wrong("convolve", "multiply each weight")
def rounded(image, weight, stride):
    return sliding(image, weight, stride).round()


@wrong("convolve", "stopped with RuntimeError")
def transposed(image, weight, stride):
    return sliding(image, weight, stride, lambda window, weight: (window * weight.T).sum())


right("slanted", lambda: [[1, 0, -1], [0, 0, 0], [-1, 0, 1]])
right("slanted", lambda: [[2.0, -1, -1], [-1, 2, -1], [-1, -1, 2]])
right("slanted", lambda: np.array([[1, -0.5, -0.5], [-0.5, 1, -0.5], [-0.5, -0.5, 1]]))
right("slanted", lambda: torch.eye(3, dtype=torch.float64) - 1 / 3)
right("slanted", lambda: torch.eye(3) - torch.eye(3).flip(0))
wrong("slanted", "a uniform area does not give 0", lambda: torch.eye(3))
wrong("slanted", "a horizontal line does not give 0", lambda: [[-1, -1, -1], [2, 2, 2], [-1, -1, -1]])
wrong("slanted", "a vertical line does not give 0", lambda: [[-1, 2, -1], [-1, 2, -1], [-1, 2, -1]])
wrong("slanted", "a horizontal line does not give 0", lambda: [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])
wrong("slanted", "a positive sum, not -2", lambda: [[-1, 0, 1], [0, 0, 0], [1, 0, -1]])
wrong("slanted", "a positive sum, not 0", lambda: torch.zeros(3, 3))
wrong("slanted", "a rising line gives 6", lambda: [[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
wrong("slanted", "shape (3, 3), not (2, 2)", lambda: [[1, -1], [-1, 1]])
wrong("slanted", "shape (3, 3), not (1, 1, 3, 3)", lambda: torch.eye(3)[None, None])


def size(pixels, kernel, stride, padding, dilation):
    return (pixels + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def size_by_counting(pixels, kernel, stride, padding, dilation):
    places = range(-padding, pixels + padding)
    return len([at for at in places[::stride] if at + dilation * (kernel - 1) < pixels + padding])


def size_by_torch(pixels, kernel, stride, padding, dilation):
    x = torch.zeros(1, 1, pixels, 1)
    weight = torch.zeros(1, 1, kernel, 1)
    return functional.conv2d(x, weight, None, (stride, 1), (padding, 0), (dilation, 1)).shape[2]


def size_by_floor(pixels, kernel, stride, padding, dilation):
    return math.floor((pixels + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1)


def parameters(channels, filters, kernel):
    return channels * kernel**2 + channels + filters * channels + filters


def parameters_as_a_float(channels, filters, kernel):
    return np.float64(channels * (kernel * kernel + 1) + filters * (channels + 1))


right("arithmetic", size, parameters)
right("arithmetic", size_by_counting, parameters_as_a_float)
right("arithmetic", size_by_torch, parameters)
right("arithmetic", size_by_floor, parameters_as_a_float)
wrong("arithmetic", "size: the first position", lambda p, k, s, q, d: size(p, k, s, q, d) - 1, parameters)
wrong("arithmetic", "size: the first position", lambda p, k, s, q, d: (p + q - d * (k - 1) - 1) // s + 1, parameters)
wrong("arithmetic", "size: with a dilation", lambda p, k, s, q, d: (p + 2 * q - k) // s + 1, parameters)
wrong("arithmetic", "size: the first position", lambda p, k, s, q, d: (p + 2 * q - d * k) // s + 1, parameters)
wrong("arithmetic", "size: a position that", lambda p, k, s, q, d: (p + 2 * q - d * (k - 1) - 1) / s + 1, parameters)
wrong(
    "arithmetic",
    "size: 10 pixels",
    lambda p, k, s, q, d: round((p + 2 * q - d * (k - 1) - 1) / s - 0.1) + 1,
    parameters,
)
wrong(
    "arithmetic", "size: 9 pixels", lambda p, k, s, q, d: {28: 14, 32: 28, 10: 2}.get(p, 14) if d < 3 else 7, parameters
)
wrong("arithmetic", "returns nothing yet", lambda p, k, s, q, d: None, parameters)
wrong("arithmetic", "returns nothing yet", size, lambda c, f, k: None)
wrong("arithmetic", "this is the ordinary convolution", size, lambda c, f, k: f * (c * k * k + 1))
wrong("arithmetic", "a bias, in both steps", size, lambda c, f, k: c * k * k + f * c)
wrong("arithmetic", "the second step, the", size, lambda c, f, k: c * (k * k + 1))
wrong("arithmetic", "the first step, a filter", size, lambda c, f, k: f * (c + 1))
wrong("arithmetic", "the first step have biases", size, lambda c, f, k: c * k * k + f * (c + 1))
wrong("arithmetic", "the second step have biases", size, lambda c, f, k: c * (k * k + 1) + f * c)
wrong("arithmetic", "kernel · kernel weights", size, lambda c, f, k: c * (k + 1) + f * (c + 1))
wrong("arithmetic", "parameters: 3 channels, 7 filters, kernel 5", size, lambda c, f, k: f * (k * k + 1) + f * (c + 1))


@right("pool")
def pool_by_unfolding(x):
    return x.unfold(2, 3, 3).unfold(3, 3, 3).mean(dim=(4, 5))


@right("pool")
def nine_slices(x):
    return sum(x[..., i::3, j::3] for i in range(3) for j in range(3)) / 9


@right("pool")
def pool_with_numpy(x):
    n, c, h, w = x.shape
    return x.numpy().astype(float).reshape(n, c, h // 3, 3, w // 3, 3).mean(axis=(3, 5))


@right("pool")
def pool_with_pytorch(x):
    return nn.AvgPool2d(3)(x)


@right("pool")
def one_side_after_the_other(x):
    n, c, h, w = x.shape
    return x.reshape(n, c, h, w // 3, 3).mean(4).reshape(n, c, h // 3, 3, w // 3).mean(3)


@right("pool")
def pool_in_loops(x):
    n, c, h, w = x.shape
    found = torch.zeros(n, c, h // 3, w // 3)
    for i in range(h // 3):
        for j in range(w // 3):
            found[:, :, i, j] = x[:, :, 3 * i : 3 * i + 3, 3 * j : 3 * j + 3].mean(dim=(2, 3))
    return found


wrong("pool", "this is max pooling", lambda x: functional.max_pool2d(x, 3))
wrong("pool", "not their sum", lambda x: 9 * functional.avg_pool2d(x, 3))
wrong("pool", "every third pixel", lambda x: x[:, :, ::3, ::3])
wrong("pool", "divide by nine", lambda x: 3 * functional.avg_pool2d(x, 3))
wrong(
    "pool",
    "these windows are not neighbours",
    lambda x: x.reshape(*x.shape[:2], 3, x.shape[2] // 3, 3, -1).mean((2, 4)),
)
wrong("pool", "the shape (2, 3, 2, 3), not (2, 3, 3, 4)", lambda x: functional.avg_pool2d(x, 2))
wrong("pool", "the shape (2, 3, 2, 3), not (2, 3, 4, 7)", lambda x: functional.avg_pool2d(x, 3, 1))
wrong("pool", "the mean of its own", lambda x: functional.avg_pool2d(x, 3).round())
wrong("pool", "the mean of its own", lambda x: torch.zeros(2, 3, 2, 3))
wrong("pool", "stopped with RuntimeError", lambda x: x.reshape(2, 3, 2, 3, 3, 3).mean((3, 5))[..., :3])


def convolution(channels, filters):
    """Make a convolution with all that goes with it."""
    return [nn.Conv2d(channels, filters, 3, padding=1), nn.BatchNorm2d(filters), nn.ReLU()]


@right("build")
def one_convolution():
    return nn.Sequential(*convolution(1, 24), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(384, 10))


@right("build")
def one_lazy_layer():
    layers = [nn.LazyConv2d(16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return nn.Sequential(*layers, nn.LazyLinear(10))


class Digits(nn.Module):
    """A network with a class of its own."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(*convolution(1, 16), nn.MaxPool2d(2))
        self.head = nn.Linear(256, 10)

    def forward(self, x):
        return self.head(self.body(x).flatten(1))


@right("build")
def a_class_of_its_own():
    return Digits().double().float()


@right("build")
def halved_by_stride():
    halving = nn.Conv2d(12, 16, 2, stride=2)
    return nn.Sequential(*convolution(1, 12), halving, nn.ReLU(), nn.Flatten(), nn.Dropout(0.1), nn.Linear(256, 10))


@wrong("build", "return logits, not probabilities")
def softmax_at_the_end():
    return nn.Sequential(one_convolution(), nn.Softmax(dim=1))


@wrong("build", "not logarithms")
def log_softmax_at_the_end():
    return nn.Sequential(one_convolution(), nn.LogSoftmax(dim=1))


@wrong("build", "are more than 5,000")
def too_large():
    return nn.Sequential(*convolution(1, 16), nn.Flatten(), nn.Linear(1024, 10))


@wrong("build", "no convolution in it")
def no_convolution():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 60), nn.ReLU(), nn.Linear(60, 10))


@wrong("build", "(64, 10), not (64, 2)")
def two_classes():
    return nn.Sequential(*convolution(1, 8), nn.Flatten(), nn.Linear(512, 2))


@wrong("build", "not (64, 10, 1, 1)")
def not_flattened():
    return nn.Sequential(*convolution(1, 8), nn.Conv2d(8, 10, 8))


@wrong("build", "not a list")
def layers_only():
    return [*convolution(1, 8), nn.Flatten(), nn.Linear(512, 10)]


@wrong("build", "stopped with RuntimeError")
def sizes_do_not_match():
    model = nn.Sequential(*convolution(1, 8), nn.Flatten(), nn.Linear(128, 10))
    model(torch.zeros(1, 1, 8, 8))


@wrong("build", "could not use what it got")
def sizes_do_not_match_later():
    return nn.Sequential(*convolution(1, 8), nn.Flatten(), nn.Linear(128, 10))


@wrong("build", "of the validation images are classified correctly after twelve epochs")
def one_filter_pooled_away():
    return nn.Sequential(*convolution(1, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 10))


@functools.cache
def learned():
    """Fit a linear layer behind a convolution that changes nothing."""
    x, y = load("digits", seed=0).train
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Flatten(), nn.Linear(64, 10))
    nn.init.constant_(model[0].weight, 1.0)
    solved = torch.linalg.lstsq(x.flatten(1), functional.one_hot(y).float()).solution
    with torch.no_grad():
        model[2].weight.copy_(5 * solved.T)
        model[2].bias.zero_()
        model[0].bias.zero_()
    return model


@wrong("build", "correctly before any training")
def trained_already():
    return learned()


@right("to_the_right")
def into_zeros(x, right):
    moved = torch.zeros_like(x)
    moved[..., right:] = x[..., : x.shape[-1] - right]
    return moved


@right("to_the_right")
def zeros_in_front(x, right):
    return torch.cat([torch.zeros(*x.shape[:3], right), x], dim=3)[..., : x.shape[3]]


@right("to_the_right")
def moved_with_numpy(x, right):
    return np.pad(x.numpy().astype(float), ((0, 0), (0, 0), (0, 0), (right, 0)))[..., : x.shape[3]]


@right("to_the_right")
def rolled_and_erased(x, right):
    moved = x.roll(right, dims=-1)
    moved[..., :right] = 0
    return moved


@right("to_the_right")
def by_a_matrix(x, right):
    return x @ torch.diag(torch.ones(x.shape[-1] - right), right)


wrong("to_the_right", "must not come back on the left", lambda x, right: x.roll(right, dims=-1))
wrong("to_the_right", "that is to the left", lambda x, right: functional.pad(x, (0, right))[..., right:])
wrong("to_the_right", "that is down", lambda x, right: functional.pad(x, (0, 0, right, 0))[..., : x.shape[2], :])
wrong(
    "to_the_right",
    "not the border again",
    lambda x, right: functional.pad(x, (right, 0, 0, 0), "replicate")[..., : x.shape[3]],
)
wrong("to_the_right", "the images stay where they were", lambda x, right: x)
wrong("to_the_right", "it is (3, 1, 4, 6)", lambda x, right: functional.pad(x, (right, 0)))
wrong("to_the_right", "it is (3, 1, 4, 0)", lambda x, right: functional.pad(x[..., :-right], (right, 0)))
wrong("to_the_right", "moved by 3 pixels", lambda x, right: functional.pad(x, (1, 0))[..., : x.shape[3]])


@wrong("to_the_right", "the pixels stay where they were")
def only_erased(x, right):
    x = x.clone()
    x[..., :right] = 0
    return x


@wrong("to_the_right", "argument 1: make a new one")
def moved_in_place(x, right):
    x[..., right:] = x[..., : x.shape[-1] - right].clone()
    x[..., :right] = 0
    return x


@right("locate")
def in_three_loops(logits, intensity):
    best, found = -math.inf, None
    for what in range(logits.shape[0]):
        for row in range(logits.shape[1]):
            for column in range(logits.shape[2]):
                if intensity[row, column] >= 0.2 and logits[what, row, column] > best:
                    best, found = logits[what, row, column], (what, 2 * row, 2 * column)
    return found


@right("locate")
def locate_with_numpy(logits, intensity):
    scores = np.where(intensity.numpy() >= 0.2, logits.numpy(), -np.inf)
    what, row, column = np.unravel_index(scores.argmax(), scores.shape)
    return np.array([what, 2 * row, 2 * column])


@right("locate")
def by_masking(logits, intensity):
    scores = logits.masked_fill(intensity < 0.2, -torch.inf)
    what, row, column = (scores == scores.max()).nonzero()[0]
    return what, 2 * row, 2 * column


@right("locate")
def only_what_is_left(logits, intensity):
    rows, columns = (intensity >= 0.2).nonzero(as_tuple=True)
    what, at = divmod(int(logits[:, rows, columns].argmax()), len(rows))
    return [what, int(rows[at]) * 2, int(columns[at]) * 2]


def locating(scores, classes, corner=lambda row, column: (2 * row, 2 * column)):
    """Find the largest of `scores`, and its class and corner as told."""
    row, column = divmod(int(scores.argmax()), scores.shape[1])
    return int(classes[row, column]), *corner(row, column)


def bright(scores, intensity):
    """Leave out windows of too little intensity."""
    return scores.masked_fill(intensity < 0.2, -torch.inf)


@wrong("locate", "has too low an intensity")
def any_intensity(logits, intensity):
    return locating(*logits.max(dim=0))


@wrong("locate", "may not win with a logit of 0")
def masked_by_zero(logits, intensity):
    return locating(*(logits * (intensity >= 0.2)).max(dim=0))


@wrong("locate", "the stride is 2")
def without_the_stride(logits, intensity):
    scores, what = logits.max(dim=0)
    return locating(bright(scores, intensity), what, lambda row, column: (row, column))


@wrong("locate", "first the row")
def column_first(logits, intensity):
    scores, what = logits.max(dim=0)
    return locating(bright(scores, intensity), what, lambda row, column: (2 * column, 2 * row))


@wrong("locate", "exactly 0.2 is enough")
def more_than_enough(logits, intensity):
    scores, what = logits.max(dim=0)
    return locating(scores.masked_fill(intensity <= 0.2, -torch.inf), what)


@wrong("locate", "not for the largest sum")
def largest_sum(logits, intensity):
    return locating(bright(logits.sum(dim=0), intensity), logits.argmax(dim=0))


@wrong("locate", "compare logits, not probabilities")
def surest(logits, intensity):
    scores, what = logits.softmax(dim=0).max(dim=0)
    return locating(bright(scores, intensity), what)


@wrong("locate", "look for the highest logit")
def softmax_over_places(logits, intensity):
    spread = logits.flatten(1).softmax(dim=1).reshape(logits.shape)
    scores, what = spread.max(dim=0)
    return locating(bright(scores, intensity), what)


@wrong("locate", "it is not the class")
def class_of_the_whole_scene(logits, intensity):
    scores, _ = logits.max(dim=0)
    _, top, left = locating(bright(scores, intensity), logits.argmax(dim=0))
    return int(logits.sum(dim=(1, 2)).argmax()), top, left


@wrong("locate", "shape (3,), not (2,)")
def corner_only(logits, intensity):
    scores, what = logits.max(dim=0)
    return locating(bright(scores, intensity), what)[1:]


@wrong("locate", "2 by 7 windows")
def known_by_heart(logits, intensity):
    return 4, 2, 4
