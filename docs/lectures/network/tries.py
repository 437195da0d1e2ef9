"""Networks: lines to try and change below the code of the page."""

import torch

from network import (
    fit,
    folding_network,
    forward,
    initialise,
    least_squares,
    market,
    parameter_count,
    piecewise_linear,
    r_squared,
    target_curve,
)
from neuronup import figures
from neuronup.xor import xor

# --8<-- [start:forward]
weight, bias = torch.tensor([[1.0, 2.0], [-1.0, 1.0]]), torch.tensor([0.0, 1.0])
theta = [weight, bias, torch.tensor([[1.0, 1.0]]), torch.tensor([0.0])]
for point in [3.0, 1.0], [1.0, 3.0], [-3.0, 1.0]:  # where are both ReLUs 0?
    hidden, output = forward(theta, torch.tensor([point]))
    print(point, "->", hidden.tolist(), "->", output.tolist())

# --8<-- [end:forward]
# --8<-- [start:initialise]
torch.manual_seed(0)
widths = [64] * 9  # try other widths: does the width matter, or the depth?
for number, a in enumerate(forward(initialise(*widths), torch.randn(500, 64)), 1):
    print(f"layer {number}: activations differ by about {a.std(dim=0).mean():.3f}")
print(f"{parameter_count(*widths):,} parameters")

# --8<-- [end:initialise]
# --8<-- [start:fit]
x, y = xor()
for seed in range(5):
    torch.manual_seed(seed)
    theta = initialise(2, 2, 1)  # try 4 and 8 hidden neurons
    fit(theta, x, y[:, None], steps=300, rate=0.03)
    error = ((forward(theta, x)[-1] - y[:, None]) ** 2).mean()
    print(f"seed {seed}: mean squared error {error:.2f}")

# --8<-- [end:fit]
# --8<-- [start:curve]
across = torch.linspace(-1, 1, 81)
fig, ax = figures.panels(4.6, 2.6)
for width in 3, 9:  # how many do you need until you see no difference?
    found = forward(piecewise_linear(width), across[:, None])[-1].squeeze(1)
    ax.plot(across.tolist(), found.tolist(), label=f"{width} ReLUs")
ax.plot(across.tolist(), target_curve(across).tolist(), ":", label="the curve")
ax.legend()
figures.Shown(fig, "3 straight pieces far from a wavy curve, 9 pieces near it.")

# --8<-- [end:curve]
# --8<-- [start:folds]
near = torch.tensor([[0.3], [0.3001]])  # two inputs that hardly differ
for depth in 1, 5, 10, 15:  # from which depth on can you no longer tell?
    first, second = forward(folding_network(depth), near)[-1].squeeze(1).tolist()
    print(f"{2 * depth} neurons, {2**depth:,} pieces: {first:.4f} and {second:.4f}")

# --8<-- [end:folds]
# --8<-- [start:probe]
facts, concepts, price = market(2000, seed=5)
squares = torch.cat([facts, facts[:, 2:] ** 2], dim=1)  # try .abs() instead
for name, known in ("facts", facts), ("and squares", squares):
    closeness = least_squares(known[:1000], concepts[:1000, :1])(known[1000:])
    print(f"{name}: {r_squared(closeness, concepts[1000:, :1]).item():.2f} explained")

# --8<-- [end:probe]
