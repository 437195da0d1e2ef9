"""The figures of the lecture on autoencoders, drawn from what code/vae.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

import math
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Circle, Patch, Polygon, Rectangle
from matplotlib.text import Text
from torch import Tensor
from torch.distributions import Normal

from neuronup import figures
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE, board, tiles
from neuronup.images import Images, load
from vae import (
    COMPONENTS,
    VAE,
    Autoencoder,
    Betas,
    build_models,
    first_of_each_class,
    part_of,
    sample_codes,
)

arrow = partial(figures.arrow, arrowstyle="-|>", lw=None)
OUTLINE: dict[str, Any] = {"fill": False, "ec": BLUE, "lw": 1.8}
Models = dict[str, Autoencoder]


def coarse(x: Tensor, levels: int = 4) -> Tensor:
    """Round images to few levels of grey: legible still, and a lighter page."""
    return (x.clamp(0, 1) * (levels - 1)).round() / (levels - 1)


def strip(named: dict[str, Tensor], height: float) -> Figure:
    """Show rows of images, each (columns, c, h, w), with their names to the left."""
    fig, ax = figures.panels(5.2, height)
    rows = list(named.values())
    tiles(ax, coarse(torch.cat(rows)), len(rows[0]))
    pitch = rows[0].shape[2] + 1
    ax.set_yticks([(i + 0.5) * pitch for i in range(len(rows))], list(named))
    return fig


@torch.no_grad()
def draw_reconstructions(models: Models, x: Tensor) -> Figure:
    """Draw images x (n, c, h, w), and what each model returns for them."""
    rows = {"image": x}
    for model in models.values():
        kind = "VAE" if isinstance(model, VAE) else "AE"
        rows[f"{kind}, {model.latent}"] = model.decode(model.encode(x))
    return strip(rows, 3.6)


@torch.no_grad()
def draw_map(models: Models, images: Images) -> Figure:
    """Write each test image's class at its code, for both models with two numbers."""
    fig, axes = figures.panels(5.2, 2.9, columns=2)
    x, y = (part[:60] for part in images.test)
    colours = [BLUE, ORANGE, GREEN, PURPLE, INK]
    for ax, name in zip(axes, ("AE2", "VAE2"), strict=True):
        codes = models[name].encode(x)
        for (across, up), label in zip(codes.tolist(), y.tolist(), strict=True):
            look = {"color": colours[label % 5], "fontsize": 8}
            ax.text(across, up, str(label), ha="center", va="center", **look)
        low, high = codes.amin(dim=0), codes.amax(dim=0)
        edge = 0.06 * (high - low)
        (left, bottom), (right, top) = (low - edge).tolist(), (high + edge).tolist()
        ax.set(xlim=(left, right), ylim=(bottom, top), xlabel="z₁")
        ax.set_title("autoencoder" if name == "AE2" else "VAE")
    angle = torch.linspace(0, 2 * math.pi, 41)
    circle = 2 * torch.stack([angle.cos(), angle.sin()])
    axes[1].plot(*circle.tolist(), ":", color=FAINT, lw=1)
    axes[0].set_ylabel("z₂")
    figures.step(1, axes[1])
    return fig


@torch.no_grad()
def draw_grid(model: Autoencoder, side: int = 7) -> Figure:
    """Draw what the decoder makes of a grid of codes at quantiles of the prior."""
    shares = torch.linspace(0.02, 0.98, side)
    steps = Normal(0, 1).icdf(shares)
    z = torch.stack(torch.meshgrid(-steps, steps, indexing="ij"), dim=-1).flip(-1)
    fig, ax = figures.panels(4.2, 4.2)
    tiles(ax, coarse(model.decode(z.flatten(0, 1))), side)
    pitch, shown = model.shape[1] + 1, range(0, side, 2)
    labels = [f"{steps[i]:.1f}" for i in shown]
    ax.set_xticks([(i + 0.5) * pitch for i in shown], labels)
    ax.set_yticks([(side - i - 0.5) * pitch for i in shown], labels)
    ax.set(xlabel="z₁", ylabel="z₂")
    return fig


def interpolate(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """Go straight from `start` to `end`, of one shape: (steps, ...) with both ends."""
    share = torch.linspace(0, 1, steps).to(start)
    return torch.lerp(start, end, share.view(-1, *[1] * start.dim()))


@torch.no_grad()
def draw_interpolation(
    models: Models, start: Tensor, end: Tensor, steps: int = 6
) -> Figure:
    """Draw the way from one image to another, by pixels and by two models' codes."""
    rows = {"pixels": interpolate(start, end, steps)}
    for name in ("AE", "VAE"):
        model = models[name]
        first, last = model.encode(torch.stack([start, end]))
        rows[name] = model.decode(interpolate(first, last, steps))
    return strip(rows, 2.2)


@torch.no_grad()
def draw_samples(models: Models, x: Tensor, seed: int) -> Figure:
    """Draw samples of both models, and training images x, none of them chosen."""
    fig, axes = figures.panels(5.2, 1.7, columns=4)
    plain, variational = models["AE"], models["VAE"]
    named = {
        "one Gaussian": plain.decode(sample_codes(plain, x, 9, seed)),
        "mixture": plain.decode(sample_codes(plain, x, 9, seed, COMPONENTS)),
        "VAE": variational.decode(sample_codes(variational, x, 9, seed)),
        "real images": x[:9],
    }
    for ax, (name, images) in zip(axes, named.items(), strict=True):
        tiles(ax, coarse(images), 3)
        ax.set_title(name)
    return fig


def draw_betas(found: Betas) -> Figure:
    """Draw squared error against KL for each beta, and how good the samples are."""
    fig, (left, right) = figures.panels(5.2, 2.9, columns=2)
    divergences = [scores["kl"] for scores in found.values()]
    errors = [scores["error"] for scores in found.values()]
    left.plot(divergences, errors, "o-", color=BLUE)
    for beta, x, y in zip(found, divergences, errors, strict=True):
        left.annotate(f"β = {beta:g}", (x, y), (6, 4), textcoords="offset points")
    left.set(xlabel="KL, nats", ylabel="squared error")
    left.set(xlim=(0, 1.3 * max(divergences)))
    places = range(len(found))
    looks = {"near": ("sample to real", "o-"), "missed": ("real to sample", "s--")}
    for key, (name, look) in looks.items():
        distances = [scores[key] for scores in found.values()]
        right.plot(places, distances, look, label=name)
    right.set_xticks(places, [f"{beta:g}" for beta in found])
    right.set(xlabel="β", ylabel="distance to the nearest", ylim=(1, 2.5))
    right.legend(loc="upper left")
    return fig


def draw_gradient_estimates(estimates: dict[str, Tensor]) -> Figure:
    """Draw the mean of the first 16, 19, 23, ... estimates (draws, k) of a gradient."""
    fig, ax = figures.panels(5.2, 2.6)
    sizes = [round(2 ** (i / 4)) for i in range(16, 53)]
    for name, each in estimates.items():
        ax.plot(sizes, [float(each[:n, 0].mean()) for n in sizes], label=name)
    ax.axhline(float(estimates["reparameterised"][:, 0].mean()), color=FAINT, lw=1)
    ax.set(xscale="log", xlabel="draws", ylabel="estimate of the gradient")
    ax.legend()
    return fig


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Return an empty drawing, and its axes with 100 units for each inch."""
    fig, ax = board(width, height, (0, 100 * width), (0, 100 * height))
    ax.set_aspect("equal")
    return fig, ax


def label(ax: Axes, x: float, y: float, words: str, **look: Any) -> Text:
    """Write words around a place."""
    return ax.text(x, y, words, **{"ha": "center", "va": "center", **look})


def square(ax: Axes, image: Tensor, left: float, low: float, side: float) -> AxesImage:
    """Show an image (1, h, w), black on white, with a frame, as large as `side`."""
    shades = 1 - coarse(image[0].detach(), levels=8)
    extent = (left, left + side, low, low + side)
    look: dict[str, Any] = {"cmap": "gray", "interpolation": "none"}
    shown = ax.imshow(shades.numpy(), extent=extent, vmin=0, vmax=1, **look)
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())
    return shown


def part(ax: Axes, x: float, y: float, name: str, tall: float = 30) -> list[Artist]:
    """Draw a box with a name in it, 80 wide, and return both."""
    box = Rectangle((x - 40, y - tall / 2), 80, tall, fill=False, ec=BLUE, lw=1.8)
    ax.add_patch(box)
    return [box, label(ax, x, y, name, fontsize=9)]


def draw_rare(x: Tensor) -> Figure:
    """Draw random images, shuffled digits, and digits x (n, ...)."""
    drawn = torch.Generator().manual_seed(0)
    order = torch.randperm(x[0].numel(), generator=drawn)
    rows = {
        "random": torch.rand(x.shape, generator=drawn),
        "shuffled": x.flatten(1)[:, order].view_as(x),
        "digits": x,
    }
    fig, axes = figures.panels(3.4, 2.7, rows=3)
    for number, (ax, (name, images)) in enumerate(zip(axes, rows.items(), strict=True)):
        tiles(ax, coarse(images), len(images))
        pitch = x.shape[2] + 1
        ax.set_yticks([pitch / 2], [name])
        if number:
            figures.step(number, ax)
    return fig


FAMILIES = (  # name, does it know p(x), and what a sample takes
    ("autoregressive", "exactly", "many steps"),
    ("VAE", "a bound", "one step"),
    ("GAN", "no", "one step"),
    ("flow", "exactly", "one step"),
    ("diffusion", "a bound", "many steps"),
)


def scheme(ax: Axes, y: float, shapes: str, both: bool = False) -> list[Artist]:
    """Draw shapes in a row, with an arrow from each to the next.

    They are written as letters: a code z, a decoder d, a second network ?, an image o,
    and images of more and more noise: 1, 2 and 3.
    """
    places = [245 + 46 * (i - (len(shapes) - 1) / 2) for i in range(len(shapes))]
    hatches = {"o": "", "1": "//", "2": "////", "3": "////////"}
    found: list[Patch] = []
    words: list[Artist] = []
    for x, kind in zip(places, shapes, strict=True):
        edges = [(x - 10, y - 6), (x + 10, y - 14), (x + 10, y + 14), (x - 10, y + 6)]
        if kind == "z":
            found.append(Circle((x, y), 5, color=ORANGE))
        elif kind == "d":
            found.append(Polygon(edges, **OUTLINE))
        elif kind == "?":
            found.append(Circle((x, y), 12, **OUTLINE))
            words.append(label(ax, x, y, "?"))
        else:
            frame = Rectangle((x - 11, y - 11), 22, 22, fill=False, ec=INK)
            frame.set_hatch(hatches[kind])
            found.append(frame)
    for each in found:
        ax.add_patch(each)
    look = {"arrowstyle": "<|-|>" if both else "-|>"}
    ends = [((left + 14, y), (right - 14, y)) for left, right in pairwise(places)]
    words += [arrow(ax, start, end, **look) for start, end in ends]
    return [*found, *words]


def draw_families() -> Figure:
    """Draw a scheme for each of five families, beside what it knows and takes."""
    fig, ax = canvas(5.2, 2.75)
    heads = {60: "family", 245: "how", 385: "knows p(x)", 470: "a sample"}
    for x, head in heads.items():
        label(ax, x, 260, head, fontsize=9, fontweight="bold")
    shapes = ("oooo", "zdo", "zdo?", "3o", "321o")
    for number, (words, row) in enumerate(zip(FAMILIES, shapes, strict=True)):
        y = 215 - 47 * number
        parts = scheme(ax, y, row, both=words[0] == "flow")
        for x, each in zip((60, 385, 470), words, strict=True):
            bold = "bold" if each == "VAE" else "normal"
            parts.append(label(ax, x, y, each, fontsize=9, fontweight=bold))
        if number:
            figures.step(number, *parts)
    return fig


@torch.no_grad()
def draw_decoder(model: Autoencoder) -> Figure:
    """Draw three codes from a standard Gaussian, and what a decoder makes of them."""
    fig, ax = canvas(5.2, 2.5)
    z = torch.randn(3, model.latent, generator=torch.Generator().manual_seed(1))
    ax.add_patch(Polygon([(200, 90), (320, 40), (320, 210), (200, 160)], **OUTLINE))
    label(ax, 260, 125, "decoder")
    label(ax, 70, 240, "code", fontsize=9.5)
    label(ax, 440, 240, "image", fontsize=9.5)
    for number, (code, image) in enumerate(zip(z, model.decode(z), strict=True)):
        y = 190 - 72 * number
        numbers = ", ".join(f"{value:.1f}".replace("-", "−") for value in code)
        label(ax, 70, y, f"({numbers})")
        arrow(ax, (125, y), (195, 125 + (y - 118) / 4))
        shown = square(ax, image, 408, y - 32, 64)
        tip = arrow(ax, (325, 125 + (y - 118) / 1.5), (403, y))
        figures.step(number + 1, shown, tip)
    return fig


def draw_graphical_model() -> Figure:
    """Draw the latent variable, the image that comes from it, and the way back."""
    fig, ax = canvas(3.2, 2.9)
    for y, name, ground in ((225, "z", "none"), (80, "x", FAINT)):
        ax.add_patch(Circle((120, y), 32, fc=ground, ec=INK, lw=1.8, alpha=0.4))
        ax.add_patch(Circle((120, y), 32, fill=False, ec=INK, lw=1.8))
        label(ax, 120, y, name, fontsize=15)
    label(ax, 235, 225, "p(z) = N(0, I)")
    down = arrow(ax, (120, 193), (120, 114))
    figures.step(1, down, label(ax, 190, 155, "p(x | z)"))
    bend = "arc3,rad=-0.5"
    back = arrow(ax, (92, 98), (92, 207), color=ORANGE, ls="--", connectionstyle=bend)
    figures.step(2, back, label(ax, 35, 155, "q(z | x)", color=ORANGE))
    ax.add_patch(Rectangle((3, 25), 310, 250, fill=False, ec=FAINT, lw=1.2))
    label(ax, 255, 40, "for each image", fontsize=9)
    return fig


def draw_jensen() -> Figure:
    """Draw the logarithm, a chord below it, and both at the mean of its ends."""
    fig, ax = figures.panels(5.2, 1.75)
    u = torch.linspace(0.15, 4.3, 60)
    ax.plot(u.tolist(), u.log().tolist())
    low, high = 0.4, 3.8
    middle, mean = (low + high) / 2, (math.log(low) + math.log(high)) / 2
    (chord,) = ax.plot([low, high], [math.log(low), math.log(high)], "o--")
    (dots,) = ax.plot([middle] * 2, [mean, math.log(middle)], "s:", color=INK, ms=5)
    above = ax.text(
        middle, math.log(middle) + 0.15, "log E[u]", ha="right", va="bottom"
    )
    below = ax.text(middle + 0.1, mean - 0.1, "E[log u]", va="top")
    figures.step(1, chord)
    figures.step(2, dots, above, below)
    ax.set(xticks=[], yticks=[], ylim=(-1.6, 1.75))
    ax.text(4.3, 1.2, "log u", ha="right", va="top")
    return fig


def draw_posteriors() -> Figure:
    """Draw posteriors of three images: for either term of the ELBO alone, and both."""
    fig, axes = figures.panels(5.2, 2.0, columns=3)
    z = torch.linspace(-4, 4, 81)
    prior = Normal(0, 1).log_prob(z).exp()
    cases = {
        "reconstruct alone": (0.16, 2.8),
        "prior alone": (1.0, 0.0),
        "both": (0.42, 1.3),
    }
    for number, (ax, (name, (std, apart))) in enumerate(
        zip(axes, cases.items(), strict=True)
    ):
        ax.fill_between(z.tolist(), prior.tolist(), color=FAINT, alpha=0.4, lw=0)
        for place in (-apart, 0.0, apart):
            density = Normal(place, std).log_prob(z).exp() * std**0.6
            ax.plot(z.tolist(), density.tolist(), lw=1.8)
        ax.set(xticks=[0], yticks=[], ylim=(0, 0.9), xlabel="z")
        ax.set_title(name, fontsize=10)
        if number:
            figures.step(number, ax)
    return fig


def draw_gradient_paths() -> Figure:
    """Draw where the gradient stops at a draw, and how noise as input lets it pass."""
    fig, (left, right) = figures.panels(5.2, 2.5, columns=2)
    for ax, name in ((left, "z drawn inside"), (right, "z = μ + s ε")):
        ax.set(xlim=(0, 250), ylim=(0, 230), aspect="equal")
        ax.set_axis_off()
        ax.set_title(name)
        for y, words in ((200, "loss"), (110, "z"), (20, "μ, s")):
            part(ax, 80, y, words)
        arrow(ax, (65, 37), (65, 91))
        arrow(ax, (65, 127), (65, 181))
        label(ax, 40, 155, "decoder", fontsize=9, rotation=90)
        arrow(ax, (95, 181), (95, 129), color=ORANGE, ls="--", lw=1.8)
    label(left, 165, 155, "gradient", color=ORANGE, fontsize=9)
    label(left, 95, 65, "×", color=ORANGE, fontsize=22)
    label(left, 170, 65, "none: a die has\nno derivative", color=ORANGE, fontsize=9)
    arrow(right, (95, 91), (95, 39), color=ORANGE, ls="--", lw=1.8)
    label(right, 172, 65, "dz/dμ = 1\ndz/ds = ε", color=ORANGE, fontsize=9)
    right.add_patch(Circle((215, 110), 22, fill=False, ec=GREEN, lw=1.8))
    label(right, 215, 110, "ε", fontsize=13)
    arrow(right, (192, 110), (123, 110))
    label(right, 200, 150, "noise: an input", color=GREEN, fontsize=9)
    figures.step(1, right)
    return fig


def draw_bound(scores: dict[str, float]) -> Figure:
    """Draw what the ELBO consists of, for two numbers and more, and a tighter bound."""
    fig, axes = figures.panels(5.2, 2.5, columns=2)
    for ax, name in zip(axes, ("VAE2", "VAE"), strict=True):
        elbo, divergence = scores[f"{name}_elbo"], scores[f"{name}_kl"]
        heights = {"likelihood": elbo + divergence, "− KL": divergence}
        heights |= {"ELBO": elbo, "50 codes": scores[f"{name}_bound"]}
        places, bottoms = range(4), (0, elbo, 0, 0)
        colours = (BLUE, ORANGE, GREEN, FAINT)
        bars = ax.bar(places, heights.values(), 0.7, bottom=bottoms, color=colours)
        bars[1].set_hatch("//")
        ax.set_xticks(places, heights, fontsize=8)
        ax.set_ylim(0, 1.18 * max(heights.values()))
        ax.grid(axis="x", visible=False)
        for i, (low, height) in enumerate(zip(bottoms, heights.values(), strict=True)):
            sign = "−" if i == 1 else ""
            words = f"{sign}{height:.0f}"
            above = ax.text(i, low + height, words, ha="center", va="bottom")
            figures.step(i, bars[i], above) if i else None
    axes[0].set(title="2 numbers", ylabel="nats per image")
    axes[1].set_title(f"{scores['latent']:.0f} numbers")
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    images = part_of(load(results["data"], results["seed"]))
    models = build_models(images.train.x.shape[1:])
    for name, model in models.items():
        model.load_state_dict(results["weights"][name])
    examples = first_of_each_class(images)
    return {
        "rare": draw_rare(examples[[2, 3, 5, 8]]),
        "families": draw_families(),
        "rebuilt": draw_reconstructions(models, examples[:6]),
        "decoder": draw_decoder(models["AE2"]),
        "model": draw_graphical_model(),
        "jensen": draw_jensen(),
        "posteriors": draw_posteriors(),
        "paths": draw_gradient_paths(),
        "bound": draw_bound(results["scores"]),
        "map": draw_map(models, images),
        "grid": draw_grid(models["VAE2"]),
        "walk": draw_interpolation(models, examples[7], examples[6]),
        "samples": draw_samples(models, images.train.x, results["seed"]),
        "betas": draw_betas(results["betas"]),
        "denoised": strip(results["denoised"], 3.2),
        "slopes": draw_gradient_estimates(results["estimates"]),
    }


if __name__ == "__main__":
    figures.run(draw)
