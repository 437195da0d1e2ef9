"""Architectures: lines to try and change below the code of the page."""

from functools import partial

import torch
from torch import nn

from architectures import count_flops, deep_network, gradient_by_layer, on_meta
from neuronup.blocks import BatchNorm2d, inception
from neuronup.costs import count_parameters
from neuronup.zoo import VisionTransformer, alexnet, lenet5, vgg16

# --8<-- [start:heads]
for build in lenet5, alexnet, vgg16:  # and resnet18, which has a pooled head?
    network = on_meta(build)
    linear = [each for each in network.modules() if isinstance(each, nn.Linear)]
    dense = sum(count_parameters(layer) for layer in linear)
    every = count_parameters(network)
    print(
        f"{build.__name__}: {every:,} parameters, {dense / every:.0%} in linear layers"
    )

# --8<-- [end:heads]
# --8<-- [start:branches]
module = inception(192, 64, (96, 128), (16, 32), 32)  # the first of GoogLeNet
maps = torch.zeros(2, 192, 28, 28)
for branch in module.branches:  # which branch is the dearest? Try (64, 128)
    print(tuple(branch(maps).shape), f"{count_parameters(branch):,} parameters")
print(tuple(module(maps).shape), "concatenated")

# --8<-- [end:branches]
# --8<-- [start:norm]
torch.manual_seed(0)
x = torch.randn(8, 2, 4, 4) * torch.tensor([1.0, 50.0])[:, None, None] + 3
norm = BatchNorm2d(2)
for change in (lambda a: a, lambda a: 10 * a, lambda a: a + 100, lambda a: -a):
    z = norm(change(x))  # which changes does the layer not see?
    print(f"standard deviation {z.std():.2f}, first number {z[0, 0, 0, 0]:.3f}")

# --8<-- [end:norm]
# --8<-- [start:depth]
images, labels = torch.randn(64, 1, 12, 12), torch.arange(64) % 10
for shortcuts, normalise in (False, False), (False, True), (True, True):
    for depth in 10, 30:  # and 100?
        torch.manual_seed(0)
        network = deep_network(shortcuts, normalise, depth)
        norms = gradient_by_layer(network, images, labels)
        print(f"{shortcuts=}, {normalise=}, {depth=}: {norms[0] / norms[-1]:.1e}")

# --8<-- [end:depth]
# --8<-- [start:apart]
for width in 16, 64, 256:  # from how many channels on is it worth it? Try kernel 5
    whole = nn.Conv2d(width, width, 3, padding=1)
    apart = nn.Conv2d(width, width, 3, padding=1, groups=width)  # each by itself
    pair = nn.Sequential(apart, nn.Conv2d(width, width, 1)).to("meta")
    costs = [count_flops(each, (width, 14, 14)) for each in (whole.to("meta"), pair)]
    print(f"{width} channels: {costs[0]:,} FLOPs in one, {costs[1]:,} apart")

# --8<-- [end:apart]
# --8<-- [start:patches]
for patch in 32, 16, 8:  # half the patch: four times the tokens; and the FLOPs?
    network = on_meta(partial(VisionTransformer, patch=patch))
    work = count_flops(network, (3, 224, 224)) / 1e9
    print(f"patches of {patch}: {(224 // patch) ** 2} tokens, {work:.1f} billion FLOPs")

# --8<-- [end:patches]
