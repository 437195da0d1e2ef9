"""The figures of the lecture on networks, drawn from what code/network.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from itertools import pairwise
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from network import (
    WIDTHS,
    Homes,
    correlation,
    folding_network,
    forward,
    forward_many,
    piecewise_linear,
    step_function,
    target_curve,
    xor_by_hand,
)
from neuronup import figures
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, INK, ORANGE
from neuronup.xor import xor


def draw_xor() -> Figure:
    """Draw the lines of two neurons between the points of XOR, and their outputs."""
    (x, y), (fig, axes) = xor(), figures.panels(5.2, 2.8, columns=2)
    hidden, _ = xor_by_hand(x)
    for ax, points, end in zip(axes, (x, hidden), (1.7, 1.4), strict=True):
        figures.scatter(ax, points, y, size=80)
        ax.set(xlim=(-end, end), ylim=(-end, end), aspect="equal")
    axes[1].set(xlim=(-0.5, 1.6), ylim=(-0.5, 1.6))
    lines = ((1, "a₁", "-", (0.65, -1.55)), (-1, "a₂", "--", (-0.3, 1.4)))
    for bias, name, look, place in lines:
        axes[0].plot([-2, 2], [2 - bias, -2 - bias], look, color=INK)
        axes[0].text(*place, name, size="large")
    axes[1].plot([0, 2], [-0.5, 1.5], color=INK)
    axes[1].annotate("two points", (1, 0), (0.42, -0.35))
    axes[0].set(xlabel="x₁", ylabel="x₂", xticks=[-1, 1], yticks=[-1, 1])
    axes[1].set(xlabel="a₁: at least one is +1", ylabel="a₂: both are +1")
    axes[1].set(xticks=[0, 1], yticks=[0, 1])
    handles = axes[0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside upper center", ncols=2)
    return fig


def draw_shares(shares: dict[int, float]) -> Figure:
    """Draw the share of random initialisations that learned XOR, by hidden neurons."""
    fig, ax = figures.panels(5.2, 2.4)
    names = [str(width) for width in shares]
    bars = ax.bar(names, [100 * share for share in shares.values()], 0.6, color=BLUE)
    ax.bar_label(bars, fmt="%.0f %%")
    ax.set(xlabel="hidden neurons", ylabel="networks that learn XOR", ylim=(0, 115))
    ax.set(yticks=[0, 50, 100], yticklabels=["0 %", "50 %", "100 %"])
    return fig


def draw_pieces(pieces: int = 12) -> Figure:
    """Draw a bump of two steps and a tent of three ReLUs, and curves built of them."""
    fig, axes = figures.panels(5.2, 4.2, rows=2, columns=2)
    z, x = torch.linspace(-0.5, 1.5, 201), torch.linspace(-1, 1, 201)
    ramps = [torch.relu(z), -2 * torch.relu(z - 0.5), torch.relu(z - 1)]
    simple = {
        "two steps: a bump": ([step_function(z - 0.2), -step_function(z - 0.8)], 0),
        "three ReLUs: a tent": (ramps, 1),
    }
    for name, (parts, row) in simple.items():
        for part in parts:
            axes[row, 0].plot(z.tolist(), part.tolist(), "--", color=FAINT, lw=1.2)
        axes[row, 0].plot(
            z.tolist(), torch.stack(parts).sum(dim=0).tolist(), "-", color=BLUE
        )
        axes[row, 0].set(title=name, ylim=(-1.3, 1.3))
    edges = torch.linspace(-1, 1, pieces + 1)
    for low, high in pairwise(edges.tolist()):
        middle = float(target_curve(torch.tensor((low + high) / 2)))
        axes[0, 1].plot([low, low, high, high], [0, middle, middle, 0], "-", color=BLUE)
        axes[0, 1].lines[-1].set_linewidth(1)
    for edge in edges.tolist():
        ends, top = (
            [edge - 2 / pieces, edge, edge + 2 / pieces],
            target_curve(torch.tensor(edge)),
        )
        axes[1, 1].plot(ends, [0, float(top), 0], "-", color=BLUE, lw=0.8)
    output = forward(piecewise_linear(pieces), x[:, None])[-1]
    axes[1, 1].plot(x.tolist(), output.squeeze(1).tolist(), "-", color=BLUE)
    names = (f"{pieces} bumps", f"{pieces + 1} tents")  # a tent at each point
    for ax, name in zip(axes[:, 1], names, strict=True):
        ax.plot(x.tolist(), target_curve(x).tolist(), "--", color=ORANGE)
        ax.set(title=f"{name}: a curve", xlim=(-1, 1))
    return fig


def draw_curves(networks: dict[int, list[Tensor]]) -> Figure:
    """Draw the curve, and the first trained network of each width."""
    fig, axes = figures.panels(5.2, 2.3, columns=len(networks))
    x = torch.linspace(-1, 1, 61)[:, None]
    across = x.squeeze(1).tolist()
    for ax, (width, theta) in zip(axes, networks.items(), strict=True):
        output = forward_many(theta, x)[-1][0]
        ax.plot(across, output.squeeze(1).tolist(), label="network")
        ax.plot(across, target_curve(x).squeeze(1).tolist(), label="curve", lw=1.4)
        ax.set(title=f"width {width}", ylim=(-1.3, 1.3))
        ax.label_outer()
    fig.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2
    )
    return fig


def draw_widths(learned: Tensor, built: Tensor) -> Figure:
    """Draw errors by width: trained (widths, many), built by hand (widths,)."""
    fig, ax = figures.panels(5.2, 3.2)
    figures.band(ax, WIDTHS, learned.T, "trained", marker="o", ms=4)
    ax.plot(WIDTHS, built.tolist(), "s--", color=ORANGE, label="built by hand", ms=4)
    ax.set(xscale="log", yscale="log", xlabel="width of the hidden layer")
    ax.set(ylabel="error", xticks=WIDTHS, xticklabels=[str(width) for width in WIDTHS])
    ax.minorticks_off()
    ax.legend()
    return fig


def draw_folds(depths: tuple[int, ...] = (1, 2, 4)) -> Figure:
    """Draw the outputs of networks of two neurons a layer: 1, 2 and 4 layers."""
    fig, axes = figures.panels(5.2, 2, columns=len(depths))
    for ax, depth in zip(axes, depths, strict=True):
        x = torch.linspace(0, 1, 2**depth + 1)
        output = forward(folding_network(depth), x[:, None])[-1].squeeze(1)
        ax.plot(x.tolist(), output.tolist())
        name = "layer" if depth == 1 else "layers"
        ax.set(title=f"{depth} {name}: {2**depth} pieces", xticks=[0, 1], yticks=[0, 1])
        ax.label_outer()
    return fig


def contours(ax: Axes, height: Tensor) -> None:
    """Draw lines of equal height (side, side) over a town of 12 by 12 km."""
    ends = torch.linspace(-6, 6, height.shape[0]).tolist()
    levels = torch.linspace(float(height.min()), float(height.max()), 8)[1:-1].tolist()
    ax.contour(ends, ends, height.T.tolist(), levels, colors=BLUE, linewidths=1.2)
    ax.plot([0], [0], "+", color=ORANGE, ms=10)
    ax.set(aspect="equal", xticks=[-6, 0, 6], yticks=[-6, 0, 6], xlabel="km east")


def draw_town(homes: Homes, theta: list[Tensor], side: int = 19) -> Figure:
    """Draw the activations of the first network for one home, all over town."""
    ends = torch.linspace(-6, 6, side)
    places = torch.cartesian_prod(ends, ends)  # (side * side, 2), east first
    home = torch.tensor([3.0, 75.0]).expand(len(places), 2)
    first = [parameter[0] for parameter in theta]
    moved = forward(first, homes.scale(torch.cat([home, places], dim=1)))
    at_home = forward(first, homes.x_new)
    fig, axes = figures.panels(5.2, 2.3, columns=3)
    names = ("a neuron of layer 1", "a neuron of layer 2", "the price")
    for ax, name, layer, known in zip(axes, names, moved, at_home, strict=True):
        one = correlation(known, homes.truths_new)[:, 0].abs().argmax()
        contours(ax, layer[:, one].reshape(side, side))
        ax.set_title(name, size="small")
        ax.label_outer()
    axes[0].set_ylabel("km north")
    return fig


def draw_probe(probe: Tensor) -> Figure:
    """Draw how much of each truth a weighted sum tells (many, layers, 3)."""
    fig, ax = figures.panels(5.2, 3)
    names = ("closeness", "comfort", "price")
    figures.curves(ax, dict(zip(names, probe.unbind(dim=2), strict=True)))
    ax.set(xticks=[1, 2, 3], xticklabels=["facts", "layer 1", "layer 2"])
    ax.set(ylabel="variance explained", ylim=(-0.05, 1.05))
    return fig


def draw_meanings(homes: Homes, theta: list[Tensor]) -> Figure:
    """Draw how each hidden neuron of the first network goes with facts and truths."""
    first = [parameter[0] for parameter in theta]
    known = torch.cat([homes.facts_new, homes.truths_new], dim=1)
    names = ["rooms", "area", "east", "north", "closeness", "comfort", "price"]
    fig, axes = figures.panels(5.2, 4.4, rows=2)
    layers = forward(first, homes.x_new)[:-1]
    for number, (ax, layer) in enumerate(zip(axes, layers, strict=True), 1):
        figures.squares(ax, correlation(layer, known).T)
        ax.set(yticks=range(7), yticklabels=names, title=f"layer {number}")
        ax.grid(False)
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    homes, deep = Homes(results["seed"]), results["deep"]
    return {
        "xor": draw_xor(),
        "shares": draw_shares(results["shares"]),
        "pieces": draw_pieces(),
        "curves": draw_curves(results["networks"]),
        "widths": draw_widths(results["learned"], results["built"]),
        "folds": draw_folds(),
        "town": draw_town(homes, deep),
        "readable": draw_probe(results["probe"]),
        "meanings": draw_meanings(homes, deep),
    }


if __name__ == "__main__":
    figures.run(draw)
