"""The figures of the lecture on autoencoders, drawn from what code/vae.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

import math
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.distributions import Normal

from neuronup import figures
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE, tiles
from neuronup.images import Images, load
from vae import (
    COMPONENTS,
    VAE,
    Autoencoder,
    Betas,
    build_models,
    first_of_each_class,
    interpolate,
    sample_codes,
)

Models = dict[str, Autoencoder]


def coarse(x: Tensor) -> Tensor:
    """Round images to 8 levels of grey: the eye does not mind, the page is lighter."""
    return (7 * x.clamp(0, 1)).round() / 7


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
    for name, model in models.items():
        if name != "denoiser":
            kind = "VAE" if isinstance(model, VAE) else "AE"
            rows[f"{kind}, {model.latent}"] = model.decode(model.encode(x))
    return strip(rows, 2.9)


@torch.no_grad()
def draw_map(models: Models, images: Images) -> Figure:
    """Write each test image's class at its code, for both models with two numbers."""
    fig, axes = figures.panels(5.2, 2.9, columns=2)
    x, y = (part[:100] for part in images.test)
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
def draw_grid(model: Autoencoder, side: int = 9) -> Figure:
    """Draw what the decoder makes of a grid of codes at quantiles of the prior."""
    shares = torch.linspace(0.02, 0.98, side)
    steps = Normal(0, 1).icdf(shares)
    z = torch.stack(torch.meshgrid(-steps, steps, indexing="ij"), dim=-1).flip(-1)
    fig, ax = figures.panels(5.2, 5.2)
    tiles(ax, coarse(model.decode(z.flatten(0, 1))), side)
    pitch, shown = model.shape[1] + 1, range(0, side, 2)
    labels = [f"{steps[i]:.1f}" for i in shown]
    ax.set_xticks([(i + 0.5) * pitch for i in shown], labels)
    ax.set_yticks([(side - i - 0.5) * pitch for i in shown], labels)
    ax.set(xlabel="z₁", ylabel="z₂")
    return fig


@torch.no_grad()
def draw_interpolation(
    models: Models, start: Tensor, end: Tensor, steps: int = 8
) -> Figure:
    """Draw the way from one image to another, by pixels and by two models' codes."""
    rows = {"pixels": interpolate(start, end, steps)}
    for name in ("AE", "VAE"):
        model = models[name]
        first, last = model.encode(torch.stack([start, end]))
        rows[name] = model.decode(interpolate(first, last, steps))
    return strip(rows, 2.0)


@torch.no_grad()
def draw_samples(models: Models, x: Tensor, seed: int) -> Figure:
    """Draw samples of both models, and training images x, none of them chosen."""
    fig, axes = figures.panels(5.2, 1.5, columns=4)
    plain, variational = models["AE"], models["VAE"]
    named = {
        "one Gaussian": plain.decode(sample_codes(plain, x, 12, seed)),
        "mixture": plain.decode(sample_codes(plain, x, 12, seed, COMPONENTS)),
        "VAE": variational.decode(sample_codes(variational, x, 12, seed)),
        "real images": x[:12],
    }
    for ax, (name, images) in zip(axes, named.items(), strict=True):
        tiles(ax, coarse(images), 4)
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


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    images = load(results["data"], results["seed"])
    models = build_models(images.train.x.shape[1:])
    for name, model in models.items():
        model.load_state_dict(results["weights"][name])
    examples = first_of_each_class(images)
    return {
        "rebuilt": draw_reconstructions(models, examples[:8]),
        "map": draw_map(models, images),
        "grid": draw_grid(models["VAE2"]),
        "walk": draw_interpolation(models, examples[7], examples[6]),
        "samples": draw_samples(models, images.train.x, results["seed"]),
        "betas": draw_betas(results["betas"]),
        "denoised": strip({**results["denoised"], "clean": examples[:8]}, 3.2),
        "slopes": draw_gradient_estimates(results["estimates"]),
    }


if __name__ == "__main__":
    figures.run(draw)
