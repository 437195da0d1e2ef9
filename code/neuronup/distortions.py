"""As many images of digits as one likes, and classifiers of any width to learn them.

Built in the lecture `learning`.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, cross_entropy, grid_sample, pad


# --8<-- [start:distorted]
def distorted(x: Tensor, y: Tensor, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Make n images (n, 144) and their labels (n,) out of images x (m, 64), y (m,).

    Each is one of x in a frame of 12 by 12 pixels: turned by up to 20 degrees, made
    larger or smaller by up to a fifth, and moved by up to 1.5 pixels.
    """
    drawn = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(x), (n,), generator=drawn, device="cpu").to(x.device)
    change = 2 * torch.rand(4, n, generator=drawn, device="cpu").to(x.device) - 1
    angle, size, right, down = change * x.new_tensor([[0.35], [0.2], [0.25], [0.25]])
    cos, sin = (1 + size) * angle.cos(), (1 + size) * angle.sin()
    rows = torch.stack([cos, -sin, right, sin, cos, down], dim=1).reshape(n, 2, 3)
    framed = pad(x[chosen].reshape(n, 1, 8, 8), (2, 2, 2, 2))
    places = affine_grid(rows, [n, 1, 12, 12], align_corners=False)
    return grid_sample(framed, places, align_corners=False).flatten(1), y[chosen]


# --8<-- [end:distorted]
# --8<-- [start:classifier]
def classifier(in_features: int, width: int) -> nn.Sequential:
    """Make ten scores (n, 10) of x (n, in_features), over `width` neurons if any."""
    if width == 0:
        return nn.Sequential(nn.Linear(in_features, 10))
    first, last = nn.Linear(in_features, width), nn.Linear(width, 10)
    return nn.Sequential(first, nn.ReLU(), last)


def fit_width(
    x: Tensor, y: Tensor, width: int, rate: float, seed: int, steps: int = 500
) -> nn.Sequential:
    """Change all weights a little for 64 images of x (n, d), y (n,), `steps` times."""
    torch.manual_seed(seed)
    model = classifier(x.shape[1], width).to(x.device)
    optimiser = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    drawn = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        batch = torch.randint(len(x), (64,), generator=drawn, device="cpu")
        optimiser.zero_grad()
        cross_entropy(model(x[batch]), y[batch]).backward()
        optimiser.step()
    return model


# --8<-- [end:classifier]
