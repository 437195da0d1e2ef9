"""The variational autoencoder: a map of images on which every point is an image.

An autoencoder squeezes an image through a few numbers, its code, and draws it again.
A variational one makes each code a small cloud, and keeps the clouds together: then
codes drawn at random become images that nobody scanned. What it makes large is a
lower bound on the probability of the data.

Source: Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014.
"""

# --8<-- [start:imports]
import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import avg_pool2d, mse_loss
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import tqdm

# --8<-- [end:imports]
import devices
import figures
from command import folder, record, run

# --8<-- [start:earlier]
from data import Images, Name, load, show
from figures import BLUE, FAINT, INK, ORANGE
from training import Examples, History, Loader, Loss, fit, predict

# --8<-- [end:earlier]


# --8<-- [start:layers]
def layers(*sizes: int) -> nn.Sequential:
    """Chain linear layers of these sizes, with a ReLU between any two."""
    chain: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        chain += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*chain[:-1])


# --8<-- [end:layers]
# --8<-- [start:autoencoder]
class Autoencoder(nn.Module):
    """Squeeze images (n, *shape) into codes (n, latent), and draw them again."""

    def __init__(self, shape: torch.Size, latent: int, hidden: int = 128) -> None:
        super().__init__()
        self.shape, self.latent, pixels = shape, latent, shape.numel()
        self.encoder = layers(pixels, hidden, hidden, latent)
        self.decoder = layers(latent, hidden, hidden, pixels).append(nn.Sigmoid())

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes (n, latent) of images x (n, *shape)."""
        return self.encoder(x.flatten(1))

    def decode(self, z: Tensor) -> Tensor:
        """Draw images (n, *shape), from 0 to 1, from codes z (n, latent)."""
        return self.decoder(z).unflatten(1, self.shape)

    def forward(self, x: Tensor) -> Tensor:
        """Return the pixels (n, pixels) that images x (n, *shape) come back as."""
        return self.decoder(self.encode(x))


# --8<-- [end:autoencoder]
# --8<-- [start:reconstruction]
SIGMA = 0.2  # best of 0.1, 0.15 ... 0.3, by validation ELBO of two numbers


def log_likelihood(drawn: Tensor, x: Tensor) -> Tensor:
    """Log-likelihood (n,) of images x (n, ...): Gaussian around pixels (n, pixels)."""
    apart = (x.flatten(1) - drawn) / SIGMA
    return -(apart**2 / 2 + math.log(SIGMA * math.sqrt(2 * math.pi))).sum(dim=1)


def squared_error(drawn: Tensor, x: Tensor) -> Tensor:
    """Mean squared error () of pixels (n, pixels): the loss of a plain autoencoder."""
    return mse_loss(drawn, x.flatten(1))


# --8<-- [end:reconstruction]
# --8<-- [start:kl]
def kl(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL divergence (n,) of Gaussians (n, k) from the standard one, in nats."""
    return (mean**2 + logvar.exp() - 1 - logvar).sum(dim=1) / 2


def kl_between(mean: Tensor, logvar: Tensor, mean2: Tensor, logvar2: Tensor) -> Tensor:
    """KL divergence (n,) of Gaussians (n, k) from second ones (n, k), in nats."""
    apart = ((mean - mean2) ** 2 + logvar.exp()) / logvar2.exp()
    return (apart - 1 + logvar2 - logvar).sum(dim=1) / 2


# --8<-- [end:kl]
# --8<-- [start:draw_code]
def draw_code(mean: Tensor, logvar: Tensor) -> Tensor:
    """Draw codes (n, k) from Gaussians, so that slopes reach mean and logvar."""
    return mean + (logvar / 2).exp() * torch.randn_like(mean)


# --8<-- [end:draw_code]
# --8<-- [start:vae]
class VAE(Autoencoder):
    """An autoencoder whose codes are clouds: Gaussians with a mean and a variance."""

    def __init__(self, shape: torch.Size, latent: int, hidden: int = 128) -> None:
        super().__init__(shape, latent, hidden)
        self.encoder = layers(shape.numel(), hidden, hidden, 2 * latent)

    def cloud(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance, each (n, latent), for images x (n, *shape)."""
        mean, logvar = self.encoder(x.flatten(1)).chunk(2, dim=1)
        return mean, logvar

    def encode(self, x: Tensor) -> Tensor:
        """Return the middles (n, latent) of the clouds of images x (n, *shape)."""
        return self.cloud(x)[0]

    def forward(self, x: Tensor) -> Tensor:
        """Return pixels, means and log-variances side by side: what a loss needs."""
        mean, logvar = self.cloud(x)
        return torch.cat([self.decoder(draw_code(mean, logvar)), mean, logvar], dim=1)


# --8<-- [end:vae]
# --8<-- [start:elbo]
def two_terms(answer: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Take the answer of a VAE to images x (n, ...) apart: log-likelihood and KL."""
    drawn, cloud = answer.tensor_split([x[0].numel()], dim=1)
    mean, logvar = cloud.chunk(2, dim=1)
    return log_likelihood(drawn, x), kl(mean, logvar)


def minus_elbo(beta: float = 1.0) -> Loss:
    """Make the loss of a VAE that counts the KL divergence `beta` times."""

    def loss(answer: Tensor, x: Tensor) -> Tensor:
        likelihood, divergence = two_terms(answer, x)
        return (beta * divergence - likelihood).mean()

    return loss


# --8<-- [end:elbo]
# --8<-- [start:teach]
def images_as_labels(part: Examples) -> Examples:
    """Return examples whose labels are the images: nobody has to label anything."""
    return Examples(part.x, part.x)


def teach(
    model: nn.Module,
    images: Images,
    seed: int,
    epochs: int,
    loss: Loss,
    spoil: Callable[[Tensor], Tensor] | None = None,
) -> History:
    """Teach `model` to give back the training images, from spoiled ones if asked to."""
    train, validation = (images_as_labels(part) for part in images[1:3])
    batches = Loader(train, max(32, len(train.x) // 15), seed, transform=spoil)
    optimiser = Adam(model.parameters(), fused=True)
    plan = OneCycleLR(optimiser, max_lr=0.01, total_steps=epochs)  # slow, fast, slow
    return fit(model, batches, validation, optimiser, epochs, loss, loss, plan)


# --8<-- [end:teach]
# --8<-- [start:bound]
@torch.no_grad()
def bound(model: VAE, x: Tensor, draws: int) -> Tensor:
    """Bound log p(x) (n,) from below by `draws` weighted codes for every image."""
    mean, logvar = model.cloud(x)
    cloud, prior = Normal(mean, (logvar / 2).exp()), Normal(0, 1)
    weights = []
    for _ in range(draws):
        z = cloud.sample()  # (n, latent)
        odds = (prior.log_prob(z) - cloud.log_prob(z)).sum(dim=1)
        weights.append(log_likelihood(model.decoder(z), x) + odds)
    return torch.stack(weights).logsumexp(dim=0) - math.log(draws)


# --8<-- [end:bound]
# --8<-- [start:slopes]
def slopes(
    f: Callable[[Tensor], Tensor], mean: Tensor, logvar: Tensor, draws: int
) -> dict[str, Tensor]:
    """Estimate the slope of the mean of f(z) in `mean` (k,) in three ways.

    Returns an estimate (draws, k) from each single draw of z, by name. The baseline,
    the mean of f, takes most of the spread away from the score function.
    """
    std = (logvar / 2).exp()
    noise = torch.randn(draws, len(mean)).to(mean)
    z = (mean + std * noise).requires_grad_()  # (draws, k)
    value = f(z)  # (draws,)
    (through,) = torch.autograd.grad(value.sum(), z)
    value, score = value.detach()[:, None], noise / std
    return {
        "reparameterised": through,
        "score function": value * score,
        "score function, baseline": (value - value.mean()) * score,
    }


# --8<-- [end:slopes]
# --8<-- [start:samples]
def fresh_codes(model: Autoencoder, x: Tensor, n: int, seed: int) -> Tensor:
    """Draw codes (n, latent) at random: from the prior, if the model has one.

    A plain autoencoder has none: for it, from a Gaussian of the mean and covariance
    of the codes of images x, the fairest we can do.
    """
    drawn = torch.Generator().manual_seed(seed)
    z = torch.randn(n, model.latent, generator=drawn).to(x)
    if isinstance(model, VAE):
        return z
    with torch.no_grad():
        codes = model.encode(x)
    spread = codes.T.cov() + 1e-6 * torch.eye(model.latent).to(x)
    return codes.mean(dim=0) + z @ torch.linalg.cholesky(spread).T


# --8<-- [end:samples]
# --8<-- [start:quality]
def surely(reader: nn.Module, x: Tensor) -> float:
    """Return the share of images x (n, ...) that `reader` is over 90 % sure of."""
    certain = predict(reader, x).softmax(dim=1).amax(dim=1)
    return float((certain > 0.9).float().mean())


def quality(x: Tensor, real: Tensor, reader: nn.Module) -> dict[str, float]:
    """Judge made-up images x (n, ...) by real ones (m, ...) and one who can read."""
    distance = torch.cdist(x.flatten(1), real.flatten(1))  # (n, m)
    return {
        "sure": surely(reader, x),
        "near": float(distance.amin(dim=1).mean()),  # is each like something real?
        "missed": float(distance.amin(dim=0).mean()),  # is each real one matched?
    }


# --8<-- [end:quality]
# --8<-- [start:walk]
def walk(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """Go straight from `start` to `end`, of one shape: (steps, ...) with both ends."""
    share = torch.linspace(0, 1, steps).to(start)
    return torch.lerp(start, end, share.view(-1, *[1] * start.dim()))


@torch.no_grad()
def halfway(model: Autoencoder | None, x: Tensor, y: Tensor) -> Tensor:
    """Return the images between x (n, ...) and y (n, ...): by codes, or by pixels."""
    if model is None:
        return (x + y) / 2
    return model.decode((model.encode(x) + model.encode(y)) / 2)


# --8<-- [end:walk]
# --8<-- [start:noise]
NOISE = 0.4  # standard deviation, where ink is 1


def add_noise(x: Tensor) -> Tensor:
    """Spoil images x, from 0 to 1, by noise of another draw every time."""
    return (x + NOISE * torch.randn_like(x)).clamp(0, 1)


def blur(x: Tensor) -> Tensor:
    """Replace every pixel of x (n, c, h, w) by the mean of its neighbourhood."""
    return avg_pool2d(x, kernel_size=3, stride=1, padding=1, count_include_pad=False)


# --8<-- [end:noise]
# --8<-- [start:save]
def save_decoder(model: Autoencoder, classes: tuple[str, ...], path: Path) -> None:
    """Write the decoder, and all that another program must know to use it."""
    about = {
        "input": f"codes (n, {model.latent}), drawn from a standard normal",
        "layers": "linear, relu, linear, relu, linear, sigmoid",
        "output": "images, row by row, channels first, from 0 (paper) to 1 (ink)",
        "latent": str(model.latent),
        "shape": " ".join(map(str, model.shape)),
        "classes": ", ".join(classes),
    }
    weights = model.decoder.state_dict()
    save_file({name: weight.cpu() for name, weight in weights.items()}, path, about)


def load_decoder(path: Path) -> nn.Module:
    """Read a decoder back: it draws images (n, *shape) from codes z (n, latent)."""
    with safe_open(path, "pt") as file:
        shape = tuple(map(int, file.metadata()["shape"].split()))
        weights = file.get_tensors()
    sizes = [weights["0.weight"].shape[1]]
    sizes += [len(bias) for name, bias in weights.items() if name.endswith("bias")]
    decoder = layers(*sizes).append(nn.Sigmoid())
    decoder.load_state_dict(weights)
    return decoder.append(nn.Unflatten(1, shape)).eval()


# --8<-- [end:save]
# --8<-- [start:trial]
class Trial(NamedTuple):
    """One split of the images, the models that learned from it, and their marks."""

    images: Images
    reader: nn.Module
    models: dict[str, Autoencoder]
    marks: dict[str, float]


def fit_reader(images: Images, seed: int, epochs: int) -> nn.Module:
    """Teach a network to tell the classes apart: it will judge made-up images."""
    pixels, classes = images.train.x[0].numel(), len(images.classes)
    reader = nn.Sequential(nn.Flatten(), layers(pixels, 128, classes))
    reader.to(images.train.x.device)
    batches = Loader(images.train, max(32, len(images.train.x) // 15), seed)
    optimiser = Adam(reader.parameters(), lr=0.005)
    fit(reader, batches, images.validation, optimiser, epochs, patience=10)
    return reader


def fit_models(images: Images, seed: int, epochs: int) -> dict[str, Autoencoder]:
    """Teach five models, by name: two plain, two variational, one that denoises."""
    torch.manual_seed(seed)
    shape = images.train.x.shape[1:]
    models = {
        "AE2": Autoencoder(shape, 2),
        "VAE2": VAE(shape, 2),
        "AE": Autoencoder(shape, LATENT),
        "VAE": VAE(shape, LATENT),
        "denoiser": Autoencoder(shape, LATENT),
    }
    for name, model in models.items():
        loss = minus_elbo() if isinstance(model, VAE) else squared_error
        spoil = add_noise if name == "denoiser" else None
        teach(model.to(images.train.x.device), images, seed, epochs, loss, spoil)
    return models


# --8<-- [end:trial]
# --8<-- [start:marks]
def real_ones(images: Images) -> Tensor:
    """Gather held-out images (n, ...), two thousand at most, to compare with."""
    return torch.cat([images.test.x, images.validation.x])[:2000]


def mark_bounds(name: str, model: VAE, x: Tensor) -> dict[str, float]:
    """Measure both terms of the ELBO on images x (n, ...), and a tighter bound."""
    answer = predict(model, x)
    likelihood, divergence = (float(term.mean()) for term in two_terms(answer, x))
    with torch.no_grad():
        mean, logvar = model.cloud(x)
        by_number = (
            kl(m[:, None], v[:, None]) for m, v in zip(mean.T, logvar.T, strict=True)
        )
        used = sum(float(each.mean()) > 0.1 for each in by_number)
    return {
        f"{name}_error": float(squared_error(answer[:, : x[0].numel()], x)),
        f"{name}_kl": divergence,
        f"{name}_elbo": likelihood - divergence,
        f"{name}_bound": float(bound(model, x, draws=50).mean()),
        f"{name}_used": used,
    }


def mark_samples(trial: Trial, seed: int) -> dict[str, float]:
    """Judge a thousand samples of each model, and as many real images.

    The reader learned from the training images: of real ones it reads held-out ones.
    """
    x, real = trial.images.train.x, real_ones(trial.images)
    plain, variational = trial.models["AE"], trial.models["VAE"]
    with torch.no_grad():
        made = {
            "real": x[:1000],
            "AE": plain.decode(fresh_codes(plain, x, 1000, seed)),
            "naive": plain.decode(fresh_codes(variational, x, 1000, seed)),
            "VAE": variational.decode(fresh_codes(variational, x, 1000, seed)),
        }
    found = {name: quality(each, real, trial.reader) for name, each in made.items()}
    found["real"]["sure"] = surely(trial.reader, real)
    return {f"{n}_{key}": v for n, marks in found.items() for key, v in marks.items()}


def mark_walks(trial: Trial) -> dict[str, float]:
    """Say how often an image halfway between two of different classes is clear."""
    x, y = trial.images.test
    other = x.roll(1, dims=0)
    differ = y != y.roll(1)
    marks = {}
    for name, model in {"pixels": None, **trial.models}.items():
        between = halfway(model, x[differ], other[differ])
        marks[f"halfway_{name}"] = surely(trial.reader, between)
    return marks


def mark_denoising(trial: Trial) -> dict[str, float]:
    """Measure the mean squared error of noisy test images, and of what cleans them."""
    x = trial.images.test.x
    with torch.no_grad():
        found = cleaned(trial, x).items()
    return {f"error_{name}": float(mse_loss(each, x)) for name, each in found}


def cleaned(trial: Trial, x: Tensor) -> dict[str, Tensor]:
    """Spoil images x (n, ...), and clean them in three ways."""
    noisy = add_noise(x)
    plain, denoiser = trial.models["AE"], trial.models["denoiser"]
    return {
        "noisy": noisy,
        "blurred": blur(noisy),
        "AE": plain.decode(plain.encode(noisy)),
        "denoiser": denoiser.decode(denoiser.encode(noisy)),
    }


# --8<-- [end:marks]
def run_trial(name: Name, seed: int, epochs: int, device: torch.device) -> Trial:
    """Load, teach, and judge once."""
    images = load(name, seed).to(device)
    models = fit_models(images, seed, epochs)
    trial = Trial(images, fit_reader(images, seed, epochs), models, {})
    x = images.test.x
    for each, model in models.items():
        if isinstance(model, VAE):
            trial.marks.update(mark_bounds(each, model, x))
        else:
            error = squared_error(predict(model, x), x)
            trial.marks[f"{each}_error"] = float(error)
    for marks in (mark_samples(trial, seed), mark_walks(trial), mark_denoising(trial)):
        trial.marks.update(marks)
    return trial


# --8<-- [start:betas]
BETAS = (0.25, 1.0, 4.0, 16.0)


def try_betas(trial: Trial, seed: int, epochs: int) -> dict[float, dict[str, float]]:
    """Teach a VAE for each weight of the KL divergence, and judge it."""
    images, found = trial.images, {}
    for beta in tqdm(BETAS, desc="betas", disable=None):
        torch.manual_seed(seed)
        model = VAE(images.train.x.shape[1:], LATENT).to(images.train.x.device)
        teach(model, images, seed, epochs, minus_elbo(beta))
        marks = mark_bounds("", model, images.test.x)
        with torch.no_grad():
            made = model.decode(fresh_codes(model, images.train.x, 1000, seed))
        marks |= quality(made, real_ones(images), trial.reader)
        found[beta] = marks
    return found


# --8<-- [end:betas]
def strip(fig_rows: dict[str, Tensor], height: float) -> Figure:
    """Show rows of images, each (columns, c, h, w), with their names to the left."""
    fig, ax = figures.panels(5.2, height)
    rows = list(fig_rows.values())
    show(ax, coarse(torch.cat(rows)), len(rows[0]))
    pitch = rows[0].shape[2] + 1
    ax.set_yticks([(i + 0.5) * pitch for i in range(len(rows))], list(fig_rows))
    return fig


def coarse(x: Tensor) -> Tensor:
    """Round images to 8 levels of grey: the eye does not mind, the page is lighter."""
    return ((7 * x).round() / 7).cpu()


def one_each(images: Images) -> Tensor:
    """Return the first test image of each class: (classes, c, h, w)."""
    x, y = images.test
    return torch.stack([x[y == label][0] for label in range(len(images.classes))])


@torch.no_grad()
def draw_rebuilt(trial: Trial) -> Figure:
    """Draw a test image of each class, and what comes out of each model."""
    x = one_each(trial.images)[:8]
    rows = {"image": x}
    for name, model in trial.models.items():
        if name != "denoiser":
            kind = "VAE" if isinstance(model, VAE) else "AE"
            rows[f"{kind}, {model.latent}"] = model.decode(model.encode(x))
    return strip(rows, 2.9)


@torch.no_grad()
def draw_map(trial: Trial) -> Figure:
    """Write each test image's class at its code, for both models with two numbers."""
    fig, axes = figures.panels(5.2, 2.9, columns=2)
    x, y = (part[:100] for part in trial.images.test)
    colours = [BLUE, ORANGE, figures.GREEN, figures.PURPLE, INK]
    for ax, name in zip(axes, ("AE2", "VAE2"), strict=True):
        codes = trial.models[name].encode(x).cpu()
        for (across, up), label in zip(codes.tolist(), y.tolist(), strict=True):
            look = {"color": colours[label % 5], "fontsize": 8}
            ax.text(across, up, str(label), ha="center", va="center", **look)
        low, high = codes.amin(dim=0), codes.amax(dim=0)
        edge = 0.06 * (high - low)
        (left, bottom), (right, top) = (low - edge).tolist(), (high + edge).tolist()
        ax.set(xlim=(left, right), ylim=(bottom, top), xlabel="z₁")
        ax.set_title("autoencoder" if name == "AE2" else "VAE")
    circle = torch.linspace(0, 2 * math.pi, 41)
    ends = 2 * torch.stack([circle.cos(), circle.sin()])
    axes[1].plot(*ends.tolist(), ":", color=FAINT, lw=1)
    axes[0].set_ylabel("z₂")
    return fig


@torch.no_grad()
def draw_grid(model: Autoencoder, side: int = 9) -> Figure:
    """Draw what the decoder makes of a grid of codes, spread as the prior spreads."""
    shares = torch.linspace(0.02, 0.98, side, device="cpu")
    steps = Normal(0, 1).icdf(shares)
    z = torch.stack(torch.meshgrid(-steps, steps, indexing="ij"), dim=-1).flip(-1)
    z = z.flatten(0, 1).to(next(model.parameters()).device)
    fig, ax = figures.panels(5.2, 5.2)
    show(ax, coarse(model.decode(z)), side)
    pitch, shown = model.shape[1] + 1, range(0, side, 2)
    marks = [f"{steps[i]:.1f}" for i in shown]
    ax.set_xticks([(i + 0.5) * pitch for i in shown], marks)
    ax.set_yticks([(side - i - 0.5) * pitch for i in shown], marks)
    ax.set(xlabel="z₁", ylabel="z₂")
    return fig


@torch.no_grad()
def draw_walk(trial: Trial, steps: int = 8) -> Figure:
    """Draw the way from one image to another, by pixels and by two models' codes."""
    start, end = one_each(trial.images)[[7, 6]]
    rows = {"pixels": walk(start, end, steps)}
    for name in ("AE", "VAE"):
        model = trial.models[name]
        first, last = model.encode(torch.stack([start, end]))
        rows[name] = model.decode(walk(first, last, steps))
    return strip(rows, 2.0)


@torch.no_grad()
def draw_samples(trial: Trial, seed: int) -> Figure:
    """Draw samples of both models, and real images, none of them chosen."""
    x = trial.images.train.x
    made = {
        name: model.decode(fresh_codes(model, x, 16, seed))
        for name, model in trial.models.items()
        if name in ("AE", "VAE")
    }
    fig, axes = figures.panels(5.2, 2.1, columns=3)
    panels = {"autoencoder": made["AE"], "VAE": made["VAE"], "scans": x[:16]}
    for ax, (name, images) in zip(axes, panels.items(), strict=True):
        show(ax, coarse(images), 4)
        ax.set_title(name)
    return fig


def draw_betas(found: dict[float, dict[str, float]]) -> Figure:
    """Draw surprise against KL for each beta, and how good the samples are."""
    fig, (left, right) = figures.panels(5.2, 2.9, columns=2)
    across = [marks["_kl"] for marks in found.values()]
    up = [marks["_error"] for marks in found.values()]
    left.plot(across, up, "o-", color=BLUE)
    for beta, x, y in zip(found, across, up, strict=True):
        left.annotate(f"β = {beta:g}", (x, y), (6, 4), textcoords="offset points")
    left.set(xlabel="KL, nats", ylabel="squared error", xlim=(0, 1.3 * max(across)))
    places = range(len(found))
    looks = {"near": ("sample to scan", "o-"), "missed": ("scan to sample", "s--")}
    for key, (name, look) in looks.items():
        right.plot(places, [marks[key] for marks in found.values()], look, label=name)
    right.set_xticks(places, [f"{beta:g}" for beta in found])
    right.set(xlabel="β", ylabel="distance to nearest", ylim=(1, 2.5))
    right.legend(loc="upper left")
    return fig


@torch.no_grad()
def draw_denoised(trial: Trial) -> Figure:
    """Draw noisy test images, and what a blur and two autoencoders make of them."""
    x = one_each(trial.images)[:8]
    return strip({**cleaned(trial, x), "clean": x}, 2.9)


def draw_slopes(found: dict[str, Tensor]) -> Figure:
    """Draw the mean of the first 16, 19, 23, ... estimates (draws, k) of one slope."""
    fig, ax = figures.panels(5.2, 2.6)
    sizes = [round(2 ** (i / 4)) for i in range(16, 53)]
    for name, estimates in found.items():
        means = [float(estimates[:n, 0].mean()) for n in sizes]
        ax.plot(sizes, means, label=name)
    ax.axhline(float(found["reparameterised"][:, 0].mean()), color=FAINT, lw=1)
    ax.set(xscale="log", xlabel="draws", ylabel="estimate of the slope")
    ax.legend()
    return fig


def one_slope(trial: Trial, draws: int = 2**13) -> dict[str, Tensor]:
    """Estimate the slope of a test image's log-likelihood in its cloud's mean."""
    model, x = trial.models["VAE2"], trial.images.test.x[:1]
    assert isinstance(model, VAE)
    mean, logvar = (each[0].detach() for each in model.cloud(x))

    def f(z: Tensor) -> Tensor:
        return log_likelihood(model.decoder(z), x.expand(len(z), *x.shape[1:]))

    return slopes(f, mean, logvar, draws)


def summary(
    trials: list[Trial], betas: dict[float, dict[str, float]], found: dict[str, Tensor]
) -> dict[str, float]:
    """Boil everything down to numbers with names: means, and spreads of the bounds."""
    numbers: dict[str, float] = {}
    for name in trials[0].marks:
        values = torch.tensor([float(trial.marks[name]) for trial in trials])
        numbers[name] = float(values.mean())
        if name.endswith(("elbo", "bound")):
            numbers[f"{name}_spread"] = float(values.std())
    for beta, marks in betas.items():
        for key, value in marks.items():
            numbers[f"beta_{beta:g}_{key.lstrip('_')}"] = value
    spread = {name: float(each[:, 0].std()) for name, each in found.items()}
    first = trials[0]
    numbers |= {
        "VAE_gap": numbers["VAE_bound"] - numbers["VAE_elbo"],
        "seeds": len(trials),
        "latent": LATENT,
        "pixels": first.images.train.x[0].numel(),
        "train": len(first.images.train.x),
        "test": len(first.images.test.x),
        "parameters": sum(p.numel() for p in first.models["VAE"].parameters()),
        "spread_through": spread["reparameterised"],
        "spread_score": spread["score function"],
        "spread_baseline": spread["score function, baseline"],
        "spread_ratio": spread["score function"] / spread["reparameterised"],
    }
    return numbers


def draw(
    trial: Trial,
    betas: dict[float, dict[str, float]],
    found: dict[str, Tensor],
    seed: int,
) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name."""
    return {
        "rebuilt": draw_rebuilt(trial),
        "map": draw_map(trial),
        "grid": draw_grid(trial.models["VAE2"]),
        "walk": draw_walk(trial),
        "samples": draw_samples(trial, seed),
        "betas": draw_betas(betas),
        "denoised": draw_denoised(trial),
        "slopes": draw_slopes(found),
    }


def main(
    data: Name = "digits",
    seed: int = 0,
    epochs: int = 40,
    device: devices.Device = "auto",
    out: Path | None = None,
) -> None:
    """Squeeze images through two numbers and through eight, and draw new ones.

    Args:
        data: The images to learn from; all but the digits are downloaded once.
        seed: How the images are parted, and where learning starts; and the next two.
        epochs: Passes over the images.
        device: Where to compute.
        out: Folder for figures, metrics.json and the decoder of the map.
    """
    folder(out)
    used = devices.pick(device)
    seeds = tqdm(range(seed, seed + 3), desc="seeds", disable=None)
    trials = [run_trial(data, each, epochs, used) for each in seeds]
    betas, found = try_betas(trials[0], seed, epochs), one_slope(trials[0])
    numbers = summary(trials, betas, found)
    print(REPORT.format(data=data, **numbers))
    if out is not None:
        figures.save_all(draw(trials[0], betas, found, seed), out)
        classes = trials[0].images.classes
        save_decoder(trials[0].models["VAE2"], classes, out / "vae-decoder.safetensors")
        record(out, seed, used, **numbers)


LATENT = 8
REPORT = """\
{data}: {train} images of {pixels} pixels to learn from, {test} to judge by; \
means of {seeds} seeds
squared error of a pixel, test images:
  2 numbers: autoencoder {AE2_error:.4f}, VAE {VAE2_error:.4f}
  {latent} numbers: autoencoder {AE_error:.4f}, VAE {VAE_error:.4f}
ELBO of test images, mean and spread of the seeds:
  2 numbers: {VAE2_elbo:.1f} ± {VAE2_elbo_spread:.1f}; \
a bound with 50 codes {VAE2_bound:.1f} ± {VAE2_bound_spread:.1f}
  {latent} numbers: {VAE_elbo:.1f} ± {VAE_elbo_spread:.1f}; \
a bound with 50 codes {VAE_bound:.1f} ± {VAE_bound_spread:.1f}
a thousand samples: read surely, distance to the nearest scan, and from each scan
  autoencoder {AE_sure:.0%}, {AE_near:.2f}, {AE_missed:.2f}
  VAE         {VAE_sure:.0%}, {VAE_near:.2f}, {VAE_missed:.2f}
  real        {real_sure:.0%}, {real_near:.2f}, {real_missed:.2f}
halfway between two classes, read surely: pixels {halfway_pixels:.0%}, \
autoencoder {halfway_AE:.0%}, VAE {halfway_VAE:.0%}
squared error of noisy images {error_noisy:.3f}, blurred {error_blurred:.3f}, \
autoencoder {error_AE:.3f}, denoising autoencoder {error_denoiser:.3f}
slope of one draw: spread {spread_through:.1f} reparameterised, \
{spread_score:.1f} by the score function, {spread_baseline:.1f} with a baseline"""

if __name__ == "__main__":
    run(main)
