"""Answers to the lab on architectures."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from answers import right, wrong
from architectures import Candidate, train
from neuronup.blocks import Concatenate, conv_unit
from neuronup.images import load


@right("cost")
def in_numpy(channels, filters, kernel, groups, side):
    weights = np.prod([filters, channels / groups, kernel, kernel])
    return np.array([weights, weights * 2 * side**2])


@right("cost")
def of_a_layer(channels, filters, kernel, groups, side):
    layer = nn.Conv2d(channels, filters, kernel, groups=groups, bias=False)
    return [layer.weight.numel(), torch.tensor(2.0 * side * side * layer.weight.numel())]


@right("cost")
def by_groups(channels, filters, kernel, groups, side):
    weights = flops = 0
    for _ in range(groups):
        own = (channels // groups) * (filters // groups) * kernel**2
        weights += own
        flops += own * side * side + own * side * side
    return weights, flops


@right("cost")
def in_float64(channels, filters, kernel, groups, side):
    filter_weights = torch.tensor(channels / groups * kernel**2, dtype=torch.float64)
    return filter_weights * filters, filter_weights * filters * 2 * side**2


@wrong("cost", "weights: a filter sees only the channels of its group")
def without_groups(channels, filters, kernel, groups, side):
    weights = filters * channels * kernel**2
    return weights, 2 * weights * side**2


@wrong("cost", "in all groups together")
def divided_twice(channels, filters, kernel, groups, side):
    weights = (filters // groups) * (channels // groups) * kernel**2
    return weights, 2 * weights * side**2


@wrong("cost", "biases are not asked for")
def with_biases(channels, filters, kernel, groups, side):
    weights = filters * ((channels // groups) * kernel**2 + 1)
    return weights, 2 * weights * side**2


@wrong("cost", "weights: a filter has kernel · kernel weights")
def kernel_once(channels, filters, kernel, groups, side):
    weights = filters * channels // groups * kernel
    return weights, 2 * weights * side**2


@wrong("cost", "and it sees several channels")
def one_channel(channels, filters, kernel, groups, side):
    return filters * kernel**2, 2 * filters * kernel**2 * side**2


@wrong("cost", "a multiplication and an addition are two")
def multiplications(channels, filters, kernel, groups, side):
    weights = filters * channels // groups * kernel**2
    return weights, weights * side**2


@wrong("cost", "side · side pixels")
def side_once(channels, filters, kernel, groups, side):
    weights = filters * channels // groups * kernel**2
    return weights, 2 * weights * side


@wrong("cost", "once for every pixel of the map")
def pixels_left_out(channels, filters, kernel, groups, side):
    weights = filters * channels // groups * kernel**2
    return weights, 2 * weights


@wrong("cost", "FLOPs: a filter sees only")
def flops_without_groups(channels, filters, kernel, groups, side):
    return filters * channels // groups * kernel**2, 2 * filters * channels * kernel**2 * side**2


@wrong("cost", "count kernel · kernel already")
def kernel_again(channels, filters, kernel, groups, side):
    weights = filters * channels // groups * kernel**2
    return weights, 2 * weights * (side * kernel) ** 2


@wrong("cost", "first the weights, then the FLOPs")
def turned_round(channels, filters, kernel, groups, side):
    weights = filters * channels // groups * kernel**2
    return 2 * weights * side**2, weights


@wrong("cost", "return two things")
def weights_only(channels, filters, kernel, groups, side):
    return filters * channels // groups * kernel**2


@wrong("cost", "FLOPs: 12 channels, 18 filters")
def one_addition_less(channels, filters, kernel, groups, side):
    weights = filters * channels // groups * kernel**2
    return weights, side**2 * (2 * weights - filters)


@wrong("cost", "weights: 8 channels, 20 filters")
def hard_coded(channels, filters, kernel, groups, side):
    return 324, 16200


def fires(first=nn.ReLU, second=nn.ReLU, turned=False):  # or with one of the mistakes
    class Fire(nn.Module):
        def __init__(self, channels, squeezed, one, three):
            super().__init__()
            self.few = nn.Sequential(nn.Conv2d(channels, squeezed, 1), first())
            branches = [nn.Conv2d(squeezed, one, 1), nn.Conv2d(squeezed, three, 3, padding="same")]
            self.both = nn.ModuleList(branches[::-1] if turned else branches)
            self.last = second()

        def forward(self, x):
            few = self.few(x)
            return self.last(torch.cat([branch(few) for branch in self.both], dim=1))

    return Fire


right("fire", fires())
wrong("fire", "a ReLU is missing after the squeeze", fires(first=nn.Identity))
wrong("fire", "a ReLU is missing after the expand", fires(second=nn.Identity))
wrong("fire", "there are two ReLUs", fires(nn.Identity, nn.Identity))
wrong("fire", "first the maps of the 1 by 1", fires(turned=True))
wrong("fire", "the parameters are right, but not the output", fires(nn.Sigmoid))


@right("fire")
def from_the_blocks(channels, squeezed, one, three):
    expand = Concatenate(nn.Conv2d(squeezed, one, 1), nn.Conv2d(squeezed, three, 3, padding=1))
    return nn.Sequential(nn.Conv2d(channels, squeezed, 1), nn.ReLU(), expand, nn.ReLU())


@right("fire")
class Lazy(nn.Module):
    def __init__(self, channels, squeezed, one, three):
        super().__init__()
        self.squeeze = nn.LazyConv2d(squeezed, 1)
        self.one, self.three = nn.LazyConv2d(one, 1), nn.LazyConv2d(three, 3, padding=1)

    def forward(self, x):
        few = functional.relu(self.squeeze(x))
        return torch.hstack([functional.relu(self.one(few)), functional.relu(self.three(few))])


@right("fire")
class OfParameters(nn.Module):
    def __init__(self, channels, squeezed, one, three):
        super().__init__()
        shapes = [(squeezed, channels, 1, 1), (one, squeezed, 1, 1), (three, squeezed, 3, 3)]
        self.weights = nn.ParameterList(torch.randn(shape) for shape in shapes)
        self.biases = nn.ParameterList(torch.randn(shape[0]) for shape in shapes)

    def forward(self, x):
        few, maps = None, []
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = functional.conv2d(x if few is None else few, weight, bias, padding=number // 2).clamp(min=0)
            if few is None:
                few = z
            else:
                maps.append(z)
        return torch.cat(maps, 1)


@wrong("fire", "not torch.float64: other layers follow")
class InFloat64(nn.Module):
    def __init__(self, channels, squeezed, one, three):
        super().__init__()
        self.body = from_the_blocks(channels, squeezed, one, three).double()

    def forward(self, x):
        return self.body(x.double())


@wrong("fire", "nothing yet")
class Unfinished(nn.Module):
    def __init__(self, channels, squeezed, one, three):
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)

    def forward(self, x):
        self.squeeze(x)


@wrong("fire", "forward is to return a tensor, not a list")
class Listed(nn.Module):
    def __init__(self, channels, squeezed, one, three):
        super().__init__()

    def forward(self, x):
        return [x]


@wrong("fire", "not a function")
def no_module(channels, squeezed, one, three):
    return lambda x: x


@wrong("fire", "padding=1")
def unpadded(channels, squeezed, one, three):
    both = Concatenate(nn.Conv2d(squeezed, one, 1), nn.Conv2d(squeezed, three, 3))
    return nn.Sequential(nn.Conv2d(channels, squeezed, 1), nn.ReLU(), both, nn.ReLU())


@wrong("fire", "the 3 by 3 filters see the few maps of the squeeze, not x")
def wide_three(channels, squeezed, one, three):
    narrow = nn.Sequential(nn.Conv2d(channels, squeezed, 1), nn.ReLU(), nn.Conv2d(squeezed, one, 1))
    return nn.Sequential(Concatenate(narrow, nn.Conv2d(channels, three, 3, padding=1)), nn.ReLU())


@wrong("fire", "the 1 by 1 filters of the expand see the few maps")
def wide_one(channels, squeezed, one, three):
    narrow = nn.Sequential(nn.Conv2d(channels, squeezed, 1), nn.ReLU(), nn.Conv2d(squeezed, three, 3, padding=1))
    return nn.Sequential(Concatenate(nn.Conv2d(channels, one, 1), narrow), nn.ReLU())


@wrong("fire", "are to have their biases")
def without_biases(channels, squeezed, one, three):
    body = from_the_blocks(channels, squeezed, one, three)
    for layer in body.modules():
        if isinstance(layer, nn.Conv2d):
            layer.bias = None
    return body


@wrong("fire", "three convolutions, with 180 parameters in all; yours has 198")
def normalised(channels, squeezed, one, three):
    return nn.Sequential(from_the_blocks(channels, squeezed, one, three), nn.BatchNorm2d(one + three))


@wrong("fire", "makes 4 + 5 maps of x (2, 7, 5, 6), so (2, 9, 5, 6); yours makes (2, 5, 5, 6)")
def one_after_the_other(channels, squeezed, one, three):
    few = nn.Sequential(nn.Conv2d(channels, squeezed, 1), nn.ReLU())
    return nn.Sequential(few, nn.Conv2d(squeezed, one, 1), nn.ReLU(), nn.Conv2d(one, three, 3, padding=1))


@wrong("fire", "their number is dim=1")
class AlongTheBatch(from_the_blocks(7, 3, 4, 5).__class__):
    def __init__(self, channels, squeezed, one, three):
        super().__init__(nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, one, 1))
        self.append(nn.Conv2d(squeezed, three, 3, padding=1))

    def forward(self, x):
        few = self[0](x).relu()
        return torch.cat([self[1](few), self[2](few)]).relu()


@wrong("fire", "line 2 of forward, `return self.squeeze(self.one(x))`, stopped with RuntimeError: Given groups=1")
class Backwards(nn.Module):
    def __init__(self, channels, squeezed, one, three):
        super().__init__()
        self.squeeze, self.one = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, one, 1)

    def forward(self, x):
        return self.squeeze(self.one(x))


@right("add_shortcut")
def concatenated(x, y):
    step = x.shape[2] // y.shape[2]
    step = 2 if x.shape[2] > y.shape[2] else max(step, 1)
    x = x[..., ::step, ::step]
    return functional.relu(torch.cat([x, torch.zeros(y.shape[0], y.shape[1] - x.shape[1], *y.shape[2:])], dim=1) + y)


@right("add_shortcut")
def by_index(x, y):
    rows = torch.arange(0, x.shape[2], 1 + (x.shape[2] != y.shape[2]))
    columns = torch.arange(0, x.shape[3], 1 + (x.shape[3] != y.shape[3]))
    kept = x.index_select(2, rows).index_select(3, columns)
    return torch.clamp(torch.stack([y[:, c] + (kept[:, c] if c < x.shape[1] else 0) for c in range(y.shape[1])], 1), 0)


@right("add_shortcut")
def by_a_convolution(x, y):
    weight = torch.eye(y.shape[1], x.shape[1])[:, :, None, None]
    return nn.ReLU()(functional.conv2d(x, weight, stride=1 + (x.shape[-1] != y.shape[-1])) + y)


@right("add_shortcut")
def doubled(x, y):
    total = y.double().clone()
    kept = functional.max_pool2d(x, 1, 2) if x.shape[2:] != y.shape[2:] else x
    total[:, : x.shape[1]] += kept
    return torch.where(total > 0, total, 0.0)


def shortcuts(
    shrink=lambda x: x[:, :, ::2, ::2],
    widen=lambda x, more: functional.pad(x, (0, 0, 0, 0, 0, more)),
    add=lambda x, y: (x + y).relu(),
):  # or with one of the mistakes
    def answer(x, y):
        if x.shape[-1] != y.shape[-1]:
            x = shrink(x)
        return add(widen(x, y.shape[1] - x.shape[1]), y)

    answer.__name__ = "add_shortcut"
    return answer


right("add_shortcut", shortcuts())
for said, mistake in {
    "a ReLU of the sum is missing": {"add": lambda x, y: x + y},
    "here x is added after it": {"add": lambda x, y: x + y.relu()},
    "not to each of the two": {"add": lambda x, y: x.relu() + y.relu()},
    "this is y alone": {"add": lambda x, y: y.relu()},
    "do not multiply": {"add": lambda x, y: (x * y).relu()},
    "do not subtract": {"add": lambda x, y: (y - x).relu()},
    "do not take means": {"shrink": lambda x: functional.avg_pool2d(x, 2, ceil_mode=True)},
    "not the largest of each four": {"shrink": lambda x: functional.max_pool2d(x, 2, ceil_mode=True)},
    "begin the slice at 0": {"shrink": lambda x: x[:, :, 1::2, 1::2]},
    "not a corner of x": {"shrink": lambda x: x[:, :, : x.shape[2] // 2, : x.shape[3] // 2]},
    "after those of x, not before": {"widen": lambda x, more: functional.pad(x, (0, 0, 0, 0, more, 0))},
    "not the maps of x again": {
        "widen": lambda x, more: torch.cat([x] * 3, dim=1)[:, : x.shape[1] + more],
    },
    "stopped with RuntimeError: The size of tensor a (8)": {"shrink": lambda x: x},
    "the sum is to have the shape of y; yours has (2, 3, 1, 7)": {"add": lambda x, y: (x + y).relu()[:, :, :1]},
    "no gradient comes back to x": {"add": lambda x, y: (x.detach() + y).relu()},
    "no gradient comes back to y": {"add": lambda x, y: (x + y.detach()).relu()},
    "no gradient comes back: use": {"add": lambda x, y: torch.no_grad()(torch.add)(x, y).relu()},
    "the gradient that comes back to x is another": {
        "add": lambda x, y: ((x + x.detach()) / 2 + y).relu(),
    },
    "changed the tensor that it was given": {"add": lambda x, y: y.add_(x).relu()},
    "not a ndarray": {"add": lambda x, y: np.maximum((x + y).numpy(), 0)},
    "nothing yet": {"add": lambda x, y: None},
}.items():
    wrong("add_shortcut", said, shortcuts(**mistake))


@right("group_norm")
def by_pytorch(x, groups, eps):
    return functional.group_norm(x, groups, eps=eps)


@right("group_norm")
def grouped_in_numpy(x, groups, eps):
    rows = x.numpy().reshape(len(x), groups, -1)
    mean = rows.mean(axis=2, keepdims=True)
    return ((rows - mean) / np.sqrt(rows.var(axis=2, keepdims=True) + eps)).reshape(x.shape)


@right("group_norm")
def group_by_group(x, groups, eps):
    found, size = torch.empty_like(x), x.shape[1] // groups
    for number, image in enumerate(x):
        for start in range(0, len(image), size):
            part = image[start : start + size]
            deviation = (((part - part.mean()) ** 2).mean() + eps) ** 0.5
            found[number, start : start + size] = (part - part.mean()) / deviation
    return found


@right("group_norm")
def lists(x, groups, eps):
    return [
        torch.cat([(part - part.mean()) / (part.var(correction=0) + eps).sqrt() for part in image.chunk(groups)])
        for image in x
    ]


@right("group_norm")
def in_doubles(x, groups, eps):
    parts = x.double().unflatten(1, (groups, -1))
    mean = parts.mean((2, 3, 4), keepdim=True)
    variance = (parts**2).mean((2, 3, 4), keepdim=True) - mean**2
    return ((parts - mean) * (variance + eps).rsqrt()).flatten(1, 2)


def norms(
    group=lambda x, groups: x.reshape(len(x), groups, -1),
    dims=(2,),
    scale=lambda variance, eps: (variance + eps).sqrt(),
    correction=0,
    last=lambda rows, mean, scale: (rows - mean) / scale,
):  # or with one of the mistakes
    def group_norm(x, groups, eps):
        rows = group(x, groups)
        mean = rows.mean(dim=dims, keepdim=True)
        variance = rows.var(dim=dims, correction=correction, keepdim=True)
        return last(rows, mean, scale(variance, eps)).reshape(x.shape)

    return group_norm


right("group_norm", norms())
for said, mistake in {
    "this is batch normalisation": {"group": lambda x, groups: x, "dims": (0, 2, 3)},
    "take no mean over the images": {"dims": (0, 2)},
    "all channels of an image are in one here": {"group": lambda x, groups: x, "dims": (1, 2, 3)},
    "each is normalised by itself here": {"group": lambda x, groups: x, "dims": (2, 3)},
    "neighbouring channels are a group": {
        "group": lambda x, groups: x.reshape(len(x), -1, groups, *x.shape[2:]),
        "dims": (1, 3, 4),
    },
    "var(correction=0)": {"correction": 1},
    "eps is missing": {"scale": lambda variance, eps: variance.sqrt()},
    "under the root": {"scale": lambda variance, eps: variance.sqrt() + eps},
    "divide by the root of variance + eps": {"scale": lambda variance, eps: variance + eps},
    "subtract the mean first": {"last": lambda rows, mean, scale: rows / scale},
    "not from the quotient": {"last": lambda rows, mean, scale: rows / scale - mean},
    "but not yet the variance 1": {"last": lambda rows, mean, scale: rows - mean},
    "x (3, 6, 2, 2), 3 groups: subtract the mean": {"last": lambda rows, mean, scale: (mean - rows) / scale},
}.items():
    wrong("group_norm", said, norms(**mistake))


@wrong("group_norm", "keep their shape, (3, 6, 2, 2); it is (3, 3, 8)")
def left_in_rows(x, groups, eps):
    rows = x.reshape(len(x), groups, -1)
    return (rows - rows.mean(2, keepdim=True)) / (rows.var(2, correction=0, keepdim=True) + eps).sqrt()


@wrong("group_norm", "x (4, 8, 1, 3), 2 groups")
def always_three(x, groups, eps):
    return functional.group_norm(x, 3, eps=eps) if x.shape[1] == 6 else x / eps


@wrong("group_norm", "changed the tensor that it was given")
def normalised_in_place(x, groups, eps):
    x -= x.mean()
    return x


@right("build")
def separable():
    return nn.Sequential(
        conv_unit(1, 12, 3, stride=2),
        conv_unit(12, 12, 3, groups=12),
        conv_unit(12, 32, 1),
        nn.Flatten(),
        nn.Linear(512, 10),
    )


@right("build")
def lazy():
    return nn.Sequential(
        nn.LazyConv2d(24, 3, stride=2, padding=1),
        nn.LazyBatchNorm2d(),
        nn.ReLU(),
        nn.Flatten(),
        nn.LazyLinear(40),
        nn.ReLU(),
        nn.LazyLinear(10),
    )


@right("build")
class Patches(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 48, 4, stride=2, padding=1), nn.BatchNorm2d(48)
        self.head = nn.Linear(48 * 4 * 4, 10)

    def forward(self, x):
        return self.head(self.norm(self.conv(x)).relu().flatten(1))


@right("build")
def pooled_first():
    unit = conv_unit(1, 16, 3)
    body = nn.Sequential(unit, nn.MaxPool2d(2), from_the_blocks(16, 6, 8, 8), nn.BatchNorm2d(16))
    return nn.Sequential(body, nn.Flatten(), nn.Linear(256, 10))


@wrong("build", "161,792 FLOPs are more than 50,000")
def of_the_lab_before():
    body = nn.Sequential(conv_unit(1, 8, 3), conv_unit(8, 16, 3), nn.MaxPool2d(2))
    return nn.Sequential(body, nn.Flatten(), nn.Linear(256, 10))


@wrong("build", "there is no convolution in it")
def fully_connected():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))


@wrong("build", "return logits, not probabilities")
def with_softmax():
    return nn.Sequential(separable(), nn.Softmax(dim=1))


@wrong("build", "return logits, not probabilities")
def with_log_softmax():
    return nn.Sequential(separable(), nn.LogSoftmax(dim=1))


@wrong("build", "of shape (64, 10), not (64, 9)")
def nine_classes():
    return nn.Sequential(nn.Conv2d(1, 8, 8), nn.Flatten(), nn.Linear(8, 9))


@wrong("build", "not a list")
def a_list():
    return [nn.Conv2d(1, 8, 8), nn.Flatten(), nn.Linear(8, 10)]


@wrong("build", "FLOPs are within the budget, but only")
def too_small():
    return nn.Sequential(nn.Conv2d(1, 2, 8), nn.Flatten(), nn.Linear(2, 10))


@wrong("build", "line 4 of mismatched")
def mismatched():
    layers = [nn.Conv2d(1, 8, 8), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(9, "ten"))


@wrong("build", "before any training here")
def trained_before():
    return train(Candidate(pooled_first, 0.01), load("digits", seed=1), epochs=2, seed=0)[0]
