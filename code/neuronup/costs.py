"""What a layer costs: its output size, parameters, receptive field, FLOPs, seconds.

Built in the lecture `cnn`.
"""

from collections.abc import Sequence
from time import perf_counter

import torch
from torch import Tensor, nn


# --8<-- [start:arithmetic]
def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """Count the positions of a window of `kernel` pixels along `size` pixels."""
    return (size + 2 * padding - kernel) // stride + 1


def conv_parameters(channels: int, filters: int, kernel: int) -> int:
    """Count the weights and biases of a convolution; the image's size is not in it."""
    return filters * (channels * kernel**2 + 1)


def receptive_field(layers: Sequence[tuple[int, int]]) -> int:
    """Count the pixels across that one output sees through (kernel, stride) layers."""
    field, jump = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump *= stride  # in pixels: between the windows of two neighbouring outputs
    return field


@torch.no_grad()
def flops(model: nn.Sequential, x: Tensor) -> int:
    """Count the multiplications and additions of x (1, c, h, w) in sums of products."""
    total = 0
    for layer in model.eval():
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.Linear):  # each output is one such sum
            total += 2 * x.numel() * layer.weight[0].numel()
    return total


def count_parameters(model: nn.Module) -> int:
    """Count the numbers that training may change."""
    return sum(parameter.numel() for parameter in model.parameters())


# --8<-- [end:arithmetic]
# --8<-- [start:seconds]
@torch.no_grad()
def seconds(model: nn.Module, x: Tensor, repeats: int = 7) -> float:
    """Time `model` on x: the median of some runs, after one to warm up."""
    model.eval()
    times = []
    for _ in range(repeats + 1):
        begun = perf_counter()
        float(model(x).sum())  # on a GPU this waits for the answer
        times.append(perf_counter() - begun)
    return sorted(times[1:])[repeats // 2]


# --8<-- [end:seconds]
