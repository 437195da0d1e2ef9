"""Eight published architectures, from LeNet-5 to the vision transformer.

Weights have the shapes and the order of torchvision's, so that those can be copied;
those of the vision transformer are in another order.

Built in the lecture `architectures`.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from neuronup.blocks import (
    EncoderBlock,
    bottleneck,
    conv_unit,
    dense_layer,
    inception,
    inverted_residual,
    normalised_conv,
    residual_block,
)


# --8<-- [start:lenet]
def lenet5() -> nn.Sequential:
    """Build LeNet-5 for digits (n, 1, 32, 32): conv, pool, conv, pool, conv, dense."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5),  # (n, 6, 28, 28)
        nn.Tanh(),
        nn.AvgPool2d(2),  # (n, 6, 14, 14)
        nn.Conv2d(6, 16, 5),  # (n, 16, 10, 10)
        nn.Tanh(),
        nn.AvgPool2d(2),  # (n, 16, 5, 5)
        nn.Conv2d(16, 120, 5),  # (n, 120, 1, 1)
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(120, 84),
        nn.Tanh(),
        nn.Linear(84, 10),
    )


# --8<-- [end:lenet]
# --8<-- [start:heads]
def dense_head(features: int, classes: int = 1000) -> list[nn.Module]:
    """Make the three fully connected layers of AlexNet and VGG."""
    hidden = [nn.Linear(features, 4096), nn.ReLU(), nn.Dropout()]
    more = [nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout()]
    return [nn.Flatten(), *hidden, *more, nn.Linear(4096, classes)]


def pooled_head(channels: int, classes: int = 1000) -> list[nn.Module]:
    """Average every map to one number; then one linear layer: all later networks."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]


# --8<-- [end:heads]
# --8<-- [start:alexnet]
def alexnet() -> nn.Sequential:
    """Build AlexNet, as its author simplified it in 2014 for a single GPU."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.AdaptiveAvgPool2d(6),
        *dense_head(256 * 6 * 6),
    )


# --8<-- [end:alexnet]
# --8<-- [start:vgg]
def vgg16() -> nn.Sequential:
    """Build VGG-16: two or three convolutions of 3 x 3, a pool, and again."""
    layers: list[nn.Module] = []
    channels = 3
    for filters, many in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(many):
            layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU()]
            channels = filters
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(7), *dense_head(512 * 7 * 7))


# --8<-- [end:vgg]
# --8<-- [start:googlenet]
def googlenet(largest: int = 3) -> nn.Sequential:
    """Build GoogLeNet; its largest kernel is 5 in the paper, but 3 in torchvision."""

    def pool(size: int) -> nn.MaxPool2d:
        return nn.MaxPool2d(size, 2, ceil_mode=True)

    return nn.Sequential(
        conv_unit(3, 64, 7, 2),
        pool(3),
        conv_unit(64, 64, 1),
        conv_unit(64, 192, 3),
        pool(3),
        inception(192, 64, (96, 128), (16, 32), 32, largest),
        inception(256, 128, (128, 192), (32, 96), 64, largest),
        pool(3),
        inception(480, 192, (96, 208), (16, 48), 64, largest),
        inception(512, 160, (112, 224), (24, 64), 64, largest),
        inception(512, 128, (128, 256), (24, 64), 64, largest),
        inception(512, 112, (144, 288), (32, 64), 64, largest),
        inception(528, 256, (160, 320), (32, 128), 128, largest),
        pool(2),
        inception(832, 256, (160, 320), (32, 128), 128, largest),
        inception(832, 384, (192, 384), (48, 128), 128, largest),
        *pooled_head(1024),
    )


# --8<-- [end:googlenet]
# --8<-- [start:resnet]
def resnet18() -> nn.Sequential:
    """Build ResNet-18: eight blocks of two convolutions, with shortcuts."""
    layers = [conv_unit(3, 64, 7, 2), nn.MaxPool2d(3, 2, padding=1)]
    channels = 64
    for filters in (64, 128, 256, 512):
        stride = filters // channels  # 2 wherever the channels double
        layers += [residual_block(channels, filters, stride)]
        layers += [residual_block(filters, filters)]
        channels = filters
    return nn.Sequential(*layers, *pooled_head(512))


def resnet50() -> nn.Sequential:
    """Build ResNet-50: sixteen bottlenecks of three convolutions."""
    layers = [conv_unit(3, 64, 7, 2), nn.MaxPool2d(3, 2, padding=1)]
    channels = 64
    for width, many in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for number in range(many):
            stride = 2 if number == 0 and width > 64 else 1
            layers.append(bottleneck(channels, width, stride))
            channels = 4 * width
    return nn.Sequential(*layers, *pooled_head(2048))


# --8<-- [end:resnet]
# --8<-- [start:densenet]
def densenet121(growth: int = 32) -> nn.Sequential:
    """Build DenseNet-121: in each of four parts, every layer sees all before it."""
    layers = [conv_unit(3, 64, 7, 2), nn.MaxPool2d(3, 2, padding=1)]
    channels = 64
    for many in (6, 12, 24, 16):
        if many > 6:  # between two parts, half the channels and half the size
            layers += [*normalised_conv(channels, channels // 2, 1), nn.AvgPool2d(2)]
            channels //= 2
        for _ in range(many):
            layers.append(dense_layer(channels, growth))
            channels += growth
    return nn.Sequential(
        *layers, nn.BatchNorm2d(channels), nn.ReLU(), *pooled_head(channels)
    )


# --8<-- [end:densenet]
# --8<-- [start:mobilenet]
def mobilenet_v2() -> nn.Sequential:
    """Build MobileNetV2: depthwise convolutions between convolutions of 1 x 1."""
    layers: list[nn.Module] = [conv_unit(3, 32, 3, 2, activation=nn.ReLU6)]
    layers.append(inverted_residual(32, 16, expansion=1))
    channels = 16
    parts = ((24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
    for filters, many, stride in parts:
        for number in range(many):
            step = stride if number == 0 else 1
            layers.append(inverted_residual(channels, filters, step))
            channels = filters
    last = conv_unit(320, 1280, 1, activation=nn.ReLU6)
    return nn.Sequential(*layers, last, *pooled_head(1280))


# --8<-- [end:mobilenet]
# --8<-- [start:vit]
class VisionTransformer(nn.Module):
    """Cut an image into patches, and let them attend to each other like words."""

    def __init__(
        self,
        size: int = 224,
        patch: int = 16,
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
        classes: int = 1000,
        channels: int = 3,
    ) -> None:
        super().__init__()
        tokens = (size // patch) ** 2
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.patches = nn.Conv2d(channels, width, patch, stride=patch)
        self.positions = nn.Parameter(0.02 * torch.randn(1, 1 + tokens, width))
        blocks = [EncoderBlock(width, heads) for _ in range(depth)]
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (n, classes) of images x (n, channels, size, size)."""
        tokens = self.patches(x).flatten(2).mT  # (n, tokens, width)
        first = self.class_token.expand(len(x), -1, -1)  # it gathers the answer
        tokens = torch.cat([first, tokens], dim=1) + self.positions
        return self.head(self.norm(self.blocks(tokens))[:, 0])


# --8<-- [end:vit]
# --8<-- [start:published]
class Published(NamedTuple):
    """An architecture, its year, and what torchvision's weights reach on ImageNet."""

    year: int
    build: Callable[[], nn.Module]
    top1: float  # share of validation images, one crop of 224 x 224


PUBLISHED = {
    "AlexNet": Published(2012, alexnet, 0.56522),
    "VGG-16": Published(2014, vgg16, 0.71592),
    "GoogLeNet": Published(2014, googlenet, 0.69778),
    "ResNet-18": Published(2015, resnet18, 0.69758),
    "ResNet-50": Published(2015, resnet50, 0.7613),
    "DenseNet-121": Published(2016, densenet121, 0.74434),
    "MobileNetV2": Published(2018, mobilenet_v2, 0.71878),
    "ViT-B/16": Published(2020, VisionTransformer, 0.81072),
}
# --8<-- [end:published]
