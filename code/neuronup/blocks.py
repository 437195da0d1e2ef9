"""Blocks of networks for images: add the input, concatenate, normalise, attend.

Built in the lecture `architectures`.
"""

import torch
from torch import Tensor, nn

from neuronup.regularisation import BatchNorm


# --8<-- [start:batch_norm_2d]
class BatchNorm2d(BatchNorm):
    """Normalise each channel: every place of every image counts as one example."""

    def forward(self, x: Tensor) -> Tensor:
        """Return feature maps x (n, c, h, w), normalised and rescaled."""
        rows = x.movedim(1, -1)  # (n, h, w, c)
        return super().forward(rows.flatten(0, 2)).reshape(rows.shape).movedim(-1, 1)


# --8<-- [end:batch_norm_2d]
# --8<-- [start:unit]
def conv_unit(
    channels: int,
    filters: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    activation: type[nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """Convolve, normalise, activate; with stride 1 the maps keep their size."""
    padding = kernel // 2
    conv = nn.Conv2d(
        channels, filters, kernel, stride, padding, groups=groups, bias=False
    )
    return nn.Sequential(conv, nn.BatchNorm2d(filters), activation())


# --8<-- [end:unit]
# --8<-- [start:concatenate]
class Concatenate(nn.Module):
    """Give x to several branches, and put their maps one after the other."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """Return the channels of all branches for x (n, c, h, w)."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


# --8<-- [end:concatenate]
# --8<-- [start:inception]
def inception(
    channels: int,
    one: int,
    three: tuple[int, int],
    five: tuple[int, int],
    pooled: int,
    largest: int = 5,
) -> Concatenate:
    """See with kernels of 1, 3, 5 and a pool at once; 1 x 1 makes large ones cheap."""
    return Concatenate(
        conv_unit(channels, one, 1),
        nn.Sequential(conv_unit(channels, three[0], 1), conv_unit(*three, 3)),
        nn.Sequential(conv_unit(channels, five[0], 1), conv_unit(*five, largest)),
        nn.Sequential(nn.MaxPool2d(3, 1, padding=1), conv_unit(channels, pooled, 1)),
    )


# --8<-- [end:inception]
# --8<-- [start:residual]
class Residual(nn.Module):
    """Add x, on a shortcut, to what `body` makes of it."""

    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return body(x) + x; where the shape changes, the shortcut changes x too."""
        return self.body(x) + self.shortcut(x)


# --8<-- [end:residual]
# --8<-- [start:residual_block]
def residual_block(channels: int, filters: int, stride: int = 1) -> nn.Sequential:
    """Add x to two convolutions of it; then a ReLU: the block of ResNet-18 and 34."""
    first = conv_unit(channels, filters, 3, stride)
    second = conv_unit(filters, filters, 3, activation=nn.Identity)
    body = nn.Sequential(first, second)
    return nn.Sequential(
        Residual(body, projection(channels, filters, stride)), nn.ReLU()
    )


def projection(channels: int, filters: int, stride: int) -> nn.Module:
    """Bring x to the shape of what it is added to: by 1 x 1, if need be."""
    if (channels, 1) == (filters, stride):
        return nn.Identity()
    return conv_unit(channels, filters, 1, stride, activation=nn.Identity)


# --8<-- [end:residual_block]
# --8<-- [start:bottleneck]
def bottleneck(channels: int, width: int, stride: int = 1) -> nn.Sequential:
    """Convolve by 3 x 3 on fewer channels, then widen: the block of ResNet-50."""
    body = nn.Sequential(
        conv_unit(channels, width, 1),
        conv_unit(width, width, 3, stride),
        conv_unit(width, 4 * width, 1, activation=nn.Identity),
    )
    return nn.Sequential(
        Residual(body, projection(channels, 4 * width, stride)), nn.ReLU()
    )


# --8<-- [end:bottleneck]
# --8<-- [start:dense]
def normalised_conv(channels: int, filters: int, kernel: int) -> list[nn.Module]:
    """Normalise and activate first, and then convolve: DenseNet's order."""
    conv = nn.Conv2d(channels, filters, kernel, padding=kernel // 2, bias=False)
    return [nn.BatchNorm2d(channels), nn.ReLU(), conv]


def dense_layer(channels: int, growth: int, width: int = 4) -> Concatenate:
    """Keep all maps there are, and add `growth` new ones made from all of them."""
    narrow = normalised_conv(channels, width * growth, 1)
    new = nn.Sequential(*narrow, *normalised_conv(width * growth, growth, 3))
    return Concatenate(nn.Identity(), new)


# --8<-- [end:dense]
# --8<-- [start:mobile]
def inverted_residual(
    channels: int, filters: int, stride: int = 1, expansion: int = 6
) -> nn.Module:
    """Widen by 1 x 1; filter each channel by itself; mix them by 1 x 1; add x."""
    wide = expansion * channels
    depthwise = conv_unit(wide, wide, 3, stride, groups=wide, activation=nn.ReLU6)
    pointwise = conv_unit(wide, filters, 1, activation=nn.Identity)
    layers = [depthwise, pointwise]
    if expansion > 1:
        layers.insert(0, conv_unit(channels, wide, 1, activation=nn.ReLU6))
    body = nn.Sequential(*layers)
    return Residual(body) if (channels, 1) == (filters, stride) else body


# --8<-- [end:mobile]
# --8<-- [start:encoder]
class EncoderBlock(nn.Module):
    """Let every token look at all others (attention), then treat each by itself."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens x (n, tokens, width) with two residuals added."""
        tokens = self.norm1(x)
        x = x + self.attention(tokens, tokens, tokens, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


# --8<-- [end:encoder]
