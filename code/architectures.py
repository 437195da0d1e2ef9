"""Architectures: what to do with the input besides convolving it.

A deep network is a stack of blocks. LeNet's block convolves and pools; later ones see
with several kernels at once and concatenate, add their input, keep all maps there
were, filter each channel by itself, or let patches attend to each other. Each idea
changes what a network can learn, and what it costs.

Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition",
Computer Vision and Pattern Recognition, 2016.
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy, pad
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.accuracy import accuracy
from neuronup.blocks import (
    Concatenate,
    Residual,
    conv_unit,
    dense_layer,
    inception,
    inverted_residual,
    normalised_conv,
    residual_block,
)
from neuronup.checkpoint import History
from neuronup.command import BadInput, folder, keep, record, run
from neuronup.costs import count_parameters, seconds
from neuronup.images import Images, Name, load, standardised
from neuronup.loaders import Examples, Loader
from neuronup.loop import fit, predict
from neuronup.zoo import PUBLISHED, VisionTransformer, lenet5, pooled_head

# --8<-- [start:count]
Build = Callable[[], nn.Module]


def on_meta(build: Build) -> nn.Module:
    """Build a network of shapes alone: on the meta device no number is kept."""
    with torch.device("meta"):
        return build()


def count_flops(model: nn.Module, shape: tuple[int, ...]) -> int:
    """Count the FLOPs of one image (channels, h, w); the model is on meta."""
    pair = torch.empty(2, *shape, device="meta")  # batch norm wants more than one
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.train()(pair)
    return counter.get_total_flops() // 2


# --8<-- [end:count]
# --8<-- [start:fill]
def filled(build: Build, device: torch.device) -> nn.Module:
    """Build a network that holds one number everywhere: enough to time it."""
    model = on_meta(build).to_empty(device=device)
    for each in model.state_dict().values():
        each.fill_(0.001)
    return model


# --8<-- [end:fill]
# --8<-- [start:small]
TINY_SIDE = 12  # pixels across of the images that the small networks see


def small_lenet() -> nn.Module:
    """Convolve with 5 x 5 and pool, twice; then fully connected layers."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5, padding=2),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 3 * 3, 100),
        nn.Tanh(),
        nn.Linear(100, 10),
    )


def small_vgg() -> nn.Module:
    """Stack convolutions of 3 x 3, with pools in between."""
    return nn.Sequential(
        conv_unit(1, 16, 3),
        nn.MaxPool2d(2),
        conv_unit(16, 16, 3),
        conv_unit(16, 32, 3),
        nn.MaxPool2d(2),
        conv_unit(32, 32, 3),
        *pooled_head(32, 10),
    )


def small_inception() -> nn.Module:
    """See with kernels of 1, 3 and 5 at once, in two modules."""
    return nn.Sequential(
        conv_unit(1, 16, 3),
        nn.MaxPool2d(2),
        inception(16, 12, (12, 24), (6, 12), 8),  # 56 channels
        nn.MaxPool2d(2),
        inception(56, 16, (14, 36), (8, 16), 16),  # 84
        *pooled_head(84, 10),
    )


def small_resnet() -> nn.Module:
    """Add each block's input to its output."""
    return nn.Sequential(
        conv_unit(1, 16, 3),
        nn.MaxPool2d(2),
        residual_block(16, 16),
        residual_block(16, 32, 2),
        *pooled_head(32, 10),
    )


def small_densenet(growth: int = 14) -> nn.Module:
    """Keep all maps, and add `growth` in each of four layers."""
    layers = [conv_unit(1, 16, 3), nn.MaxPool2d(2)]
    channels = 16
    for part in range(2):
        if part:
            layers += [*normalised_conv(channels, channels // 2, 1), nn.AvgPool2d(2)]
            channels //= 2
        for _ in range(2):
            layers.append(dense_layer(channels, growth, width=2))
            channels += growth
    norm = nn.BatchNorm2d(channels)
    return nn.Sequential(*layers, norm, nn.ReLU(), *pooled_head(channels, 10))


def small_mobilenet() -> nn.Module:
    """Filter each channel by itself, between convolutions of 1 x 1."""
    return nn.Sequential(
        conv_unit(1, 16, 3),
        nn.MaxPool2d(2),
        inverted_residual(16, 16, 1, expansion=4),
        inverted_residual(16, 32, 2, expansion=4),
        inverted_residual(32, 32, 1, expansion=3),
        *pooled_head(32, 10),
    )


def small_vit() -> nn.Module:
    """Let 16 patches of 3 x 3 attend to each other, twice."""
    return VisionTransformer(TINY_SIDE, 3, 26, depth=2, heads=2, classes=10, channels=1)


# --8<-- [end:small]
# --8<-- [start:kernels]
KERNELS = {  # how many filters of each kernel size: about as many parameters in all
    "1": {1: 58},
    "3": {3: 17},
    "5": {5: 8},
    "all": {1: 7, 3: 5, 5: 4},
}


def kernel_network(filters: dict[int, int]) -> nn.Sequential:
    """Stack two layers that see with kernels of these sizes, concatenated."""
    layers: list[nn.Module] = [conv_unit(1, 16, 3), nn.MaxPool2d(2)]
    channels = 16
    for _ in range(2):
        units = (conv_unit(channels, many, size) for size, many in filters.items())
        layers.append(Concatenate(*units))
        channels = sum(filters.values())
    return nn.Sequential(*layers, *pooled_head(channels, 10))


# --8<-- [end:kernels]
# --8<-- [start:images]
def shrunk(images: Images) -> Images:
    """Cut and shrink grey images to 12 x 12 pixels, on the scale of their training."""
    parts = []
    for x, y in images[1:]:
        side = x.shape[-1]
        cut, size = (
            ((side - 24) // 2, 2) if side >= 24 else ((side - TINY_SIDE) // 2, 1)
        )
        grey = pad(x.mean(dim=1, keepdim=True), (-cut,) * 4)
        parts.append(Examples(avg_pool2d(grey, size), y))
    return standardised(Images(images.classes, *parts))


def some(images: Images, many: int, number: int) -> Images:
    """Keep `many` images to train on, others for each `number`; few to evaluate on."""
    (x, y), held_out, test = images.train, images.validation, images.test
    chosen = torch.arange(number * many, (number + 1) * many, device=x.device) % len(x)
    return Images(
        images.classes,
        Examples(x[chosen], y[chosen]),
        Examples(held_out.x[:500], held_out.y[:500]),
        Examples(test.x[:2000], test.y[:2000]),
    )


# --8<-- [end:images]
# --8<-- [start:deep]
def deep_network(
    shortcuts: bool, normalise: bool, depth: int = 50, width: int = 16
) -> nn.Sequential:
    """Stack `depth` layers, in blocks of two, with or without what helps them learn."""

    def layer(channels: int = width, stride: int = 1) -> list[nn.Module]:
        conv = nn.Conv2d(channels, width, 3, stride, padding=1)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")  # He's
        return [conv, nn.BatchNorm2d(width)] if normalise else [conv]

    layers = [*layer(1, stride=2), nn.ReLU(), nn.AvgPool2d(2)]  # (n, width, 3, 3)
    for _ in range((depth - 2) // 2):
        body = nn.Sequential(*layer(), nn.ReLU(), *layer())
        layers += [Residual(body) if shortcuts else body, nn.ReLU()]
    return nn.Sequential(*layers, *pooled_head(width, 10))


def gradient_by_layer(model: nn.Module, x: Tensor, y: Tensor) -> list[float]:
    """Measure the norm of the loss's gradient in the weights of each convolution."""
    model.train().zero_grad()
    cross_entropy(model(x), y).backward()
    convolutions = (each for each in model.modules() if isinstance(each, nn.Conv2d))
    return [float(torch.norm(conv.weight.grad)) for conv in convolutions]


# --8<-- [end:deep]
# --8<-- [start:candidates]
class Candidate(NamedTuple):
    """A network to train, and the learning rate that validation images chose."""

    build: Build
    rate: float


SMALL_NETWORKS = {
    "LeNet": Candidate(small_lenet, 0.03),
    "VGG": Candidate(small_vgg, 0.03),
    "Inception": Candidate(small_inception, 0.01),
    "ResNet": Candidate(small_resnet, 0.01),
    "DenseNet": Candidate(small_densenet, 0.01),
    "MobileNet": Candidate(small_mobilenet, 0.01),
    "ViT": Candidate(small_vit, 0.003),
    "kernel_1": Candidate(partial(kernel_network, KERNELS["1"]), 0.03),
    "kernel_3": Candidate(partial(kernel_network, KERNELS["3"]), 0.03),
    "kernel_5": Candidate(partial(kernel_network, KERNELS["5"]), 0.03),
    "kernel_all": Candidate(partial(kernel_network, KERNELS["all"]), 0.03),
}
ARCHITECTURES = [name for name in SMALL_NETWORKS if not name.startswith("kernel")]
DEEP_NETWORKS = {
    "plain": Candidate(partial(deep_network, False, False), 0.001),
    "plain_norm": Candidate(partial(deep_network, False, True), 0.01),
    "shortcut": Candidate(partial(deep_network, True, False), 0.003),
    "shortcut_norm": Candidate(partial(deep_network, True, True), 0.003),
    "shallow": Candidate(partial(deep_network, False, True, depth=10), 0.01),
}


# --8<-- [end:candidates]
# --8<-- [start:train]
def train(
    candidate: Candidate, images: Images, epochs: int, seed: int
) -> tuple[nn.Module, History]:
    """Train with AdamW and a cosine schedule; return what happened in each epoch."""
    torch.manual_seed(seed)
    model, rate = candidate.build().to(images.train.x.device), candidate.rate
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=rate, weight_decay=0.01, fused=True
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    batches, held_out = Loader(images.train, 32, seed), images.validation
    history = fit(model, batches, held_out, optimiser, epochs, schedule=schedule)
    return model, history


# --8<-- [end:train]
class Cost(NamedTuple):
    """What a network costs: parameters, FLOPs of an image, seconds of a batch."""

    parameters: int
    flops: int
    seconds: float


Runs = dict[str, list[list[float]]]  # of each seed: what was found


def count_published() -> dict[str, tuple[int, int]]:
    """Count the parameters, and the FLOPs of one image, of each published network."""
    shapes: dict[str, tuple[Build, tuple[int, ...]]]
    shapes = {"LeNet-5": (lenet5, (1, 32, 32))}
    shapes |= {name: (each.build, (3, 224, 224)) for name, each in PUBLISHED.items()}
    found = {}
    for name, (build, shape) in shapes.items():
        model = on_meta(build)
        found[name] = count_parameters(model), count_flops(model, shape)
    return found


def matrix_flops(device: torch.device, side: int = 1024) -> float:
    """Measure the FLOPs in a second of what computers do best: a matrix product."""
    layer = nn.Linear(side, side, bias=False).to(device)
    return 2 * side**3 / seconds(layer, torch.ones(side, side, device=device))


def time_published(pixels: int, device: torch.device) -> dict[str, Cost]:
    """Count and time one image, `pixels` across, in each network of ImageNet's."""
    found = {}
    for name, (_, build, _) in PUBLISHED.items():
        if build is VisionTransformer:
            build = partial(VisionTransformer, size=pixels)
        flops = count_flops(on_meta(build), (3, pixels, pixels))
        model, x = filled(build, device), torch.ones(1, 3, pixels, pixels)
        found[name] = Cost(
            count_parameters(model), flops, seconds(model, x.to(device), 1)
        )
    return found


def time_small(device: torch.device) -> dict[str, Cost]:
    """Count each small network, and time it on 256 images."""
    found, x = {}, torch.ones(256, 1, TINY_SIDE, TINY_SIDE, device=device)
    for name, (build, _) in SMALL_NETWORKS.items():
        flops = count_flops(on_meta(build), (1, TINY_SIDE, TINY_SIDE))
        model = build().to(device)
        found[name] = Cost(count_parameters(model), flops, seconds(model, x))
    return found


def compare_small(images: Images, epochs: int, seed: int) -> dict[str, list[float]]:
    """Train every small network; return its validation and test accuracy."""
    found = {}
    for name, candidate in SMALL_NETWORKS.items():
        model, history = train(candidate, images, epochs, seed)
        right = accuracy(predict(model, images.test.x), images.test.y)
        found[name] = [history["validation_score"][-1], float(right)]
    return found


def compare_deep(
    images: Images, epochs: int, seed: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Train every deep network; return its losses by epoch, and its accuracy at last.

    And the norm of the gradient in each convolution, before the first step.
    """
    curves, gradients = {}, {}
    x, y = images.train
    for name, candidate in DEEP_NETWORKS.items():
        torch.manual_seed(seed)
        untrained = candidate.build().to(x.device)
        gradients[name] = gradient_by_layer(untrained, x[:256], y[:256])
        _, history = train(candidate, images, epochs, seed)
        curves[name] = [*history["loss"], history["validation_score"][-1]]
    return curves, gradients


def mean_of(runs: list[list[float]], place: int) -> float:
    """Average what stands at `place` in each run."""
    return sum(run[place] for run in runs) / len(runs)


def summary(small: Runs, deep: Runs, gradients: Runs) -> dict[str, float]:
    """Boil down what was learned to means over seeds."""
    numbers = {f"{name}_accuracy": mean_of(runs, 1) for name, runs in small.items()}
    for name, curves in deep.items():
        first, last = (mean_of(gradients[name], place) for place in (0, -1))
        numbers[f"{name}_accuracy"] = mean_of(curves, -1)
        numbers[f"{name}_ratio"] = first / last
    return numbers


def compare_costs(
    counts: dict[str, tuple[int, int]], times: dict[str, Cost], fastest: float
) -> dict[str, float]:
    """Boil down what networks cost; times only as ratios, since machines differ."""
    one_pass = 3 * counts["ResNet-50"][1] * 1.28e6  # forward, and twice that backward
    numbers: dict[str, float] = {"training_exaflop": 90 * one_pass / 1e18}
    for name, (parameters, flops) in counts.items():
        word = re.sub(r"\W", "_", name)
        numbers |= {f"{word}_parameters": parameters, f"{word}_gflops": flops / 1e9}
    sizes = [cost.parameters for name, cost in times.items() if name in ARCHITECTURES]
    numbers |= {"small_fewest": min(sizes), "small_most": max(sizes)}
    large, light = times["VGG-16"], times["MobileNetV2"]
    numbers["flops_ratio"] = large.flops / light.flops
    numbers["time_ratio"] = large.seconds / light.seconds
    for name, cost in times.items():
        word = re.sub(r"\W", "_", name)
        if name in PUBLISHED:
            numbers[f"{word}_top1"] = PUBLISHED[name].top1
            numbers[f"{word}_share"] = cost.flops / cost.seconds / fastest
            numbers[f"{word}_time"] = cost.seconds / times["ResNet-18"].seconds
        else:
            numbers[f"{word}_parameters"] = cost.parameters
            numbers[f"{word}_megaflops"] = cost.flops / 1e6
            numbers[f"{word}_time"] = cost.seconds / times["LeNet"].seconds
    return numbers


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    data: Name = "mnist",
    examples: int = 1000,
    epochs: int = 3,
    seeds: int = 3,
    pixels: int = 224,
    out: Path | None = None,
) -> None:
    """Count eight published architectures; train small ones; and train 50 layers.

    Args:
        seed: Draws images, weights and batches; the next seeds too, for means.
        device: Where to compute; on a GPU results differ, as between seeds.
        data: Images for the small networks; they are shrunk to 12 x 12.
        examples: How many images small networks learn from; deep ones, from half.
        epochs: Passes over these.
        seeds: How many times to repeat each training.
        pixels: How large the images are with which published networks are timed.
        out: Folder for metrics.json and results to draw; or only print.
    """
    if pixels < 64 or pixels % 16:
        raise BadInput(f"--pixels {pixels}: take 64 or more, in patches of 16.")
    if min(examples // 64, epochs, seeds) < 1:
        raise BadInput("Take 64 or more --examples, and at least 1 of the others.")
    folder(out)
    used = devices.pick(device)
    counts, before = count_published(), matrix_flops(used)
    times = time_published(pixels, used) | time_small(used)
    fastest = max(before, matrix_flops(used))  # the machine may have been busy once
    images = shrunk(load(data, seed).to(used))
    small: Runs = {}
    deep: Runs = {}
    gradients: Runs = {}
    for each in tqdm(range(seed, seed + seeds), desc="seeds", disable=None):
        scores = compare_small(some(images, examples, each), epochs, each)
        half = some(images, examples // 2, each)
        curves, norms = compare_deep(half, epochs, each)
        for runs, found in ((small, scores), (deep, curves), (gradients, norms)):
            for name, values in found.items():
                runs.setdefault(name, []).append(values)
    numbers = {
        "seeds": seeds,
        "examples": examples,
        "epochs": epochs,
        "deep_examples": examples // 2,
        **compare_costs(counts, times, fastest),
        **summary(small, deep, gradients),
    }
    print(REPORT.format(**numbers))
    if out is not None:
        learned = {"small": small, "deep": deep, "gradients": gradients}
        costs = {name: tuple(cost) for name, cost in times.items()}
        keep(out, counts=counts, costs=costs, fastest=fastest, **learned)
        record(out, seed, used, **numbers)


REPORT = """\
MobileNetV2: {MobileNetV2_parameters:,} parameters, \
{MobileNetV2_gflops:.1f} billion FLOPs an image
VGG-16: {VGG_16_parameters:,} parameters, {VGG_16_gflops:.1f} billion FLOPs
small networks of similar size; test accuracy, mean of {seeds} trainings:
  LeNet {LeNet_accuracy:.1%}, VGG {VGG_accuracy:.1%}, \
Inception {Inception_accuracy:.1%}, ResNet {ResNet_accuracy:.1%},
  DenseNet {DenseNet_accuracy:.1%}, MobileNet {MobileNet_accuracy:.1%}, \
ViT {ViT_accuracy:.1%}
kernels of 1 x 1 {kernel_1_accuracy:.1%}, 3 x 3 {kernel_3_accuracy:.1%}, \
5 x 5 {kernel_5_accuracy:.1%}, all three {kernel_all_accuracy:.1%}
50 layers, gradient of the first layer to that of the last; validation accuracy:
  plain                  {plain_ratio:.0e}, {plain_accuracy:.1%}
  plain, batch norm      {plain_norm_ratio:.0e}, {plain_norm_accuracy:.1%}
  shortcuts              {shortcut_ratio:.0e}, {shortcut_accuracy:.1%}
  shortcuts, batch norm  {shortcut_norm_ratio:.0e}, {shortcut_norm_accuracy:.1%}
10 layers, plain, batch norm: {shallow_accuracy:.1%}"""

if __name__ == "__main__":
    run(main)
