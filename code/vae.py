"""The variational autoencoder: new images from codes of a known distribution.

An autoencoder compresses an image to a few numbers, its code, and decodes it again.
A variational one encodes each image as a Gaussian, and keeps it near a prior: then
codes drawn from the prior decode to new images. Training makes a lower bound on the
log-likelihood of the data as large as possible.

Source: Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import mse_loss
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import tqdm

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.checkpoint import History
from neuronup.command import folder, keep, record, run
from neuronup.gaussians import active_units, gradient_estimates, kl, reparameterise
from neuronup.images import Images, Name, load
from neuronup.loaders import Examples, Loader
from neuronup.loop import Loss, fit, predict
from neuronup.noise import add_noise, denoise
from neuronup.samples import (
    fit_classifier,
    sample_distances,
    sample_mixture,
    sample_quality,
    share_confident,
)
from neuronup.seeds import mean, stack
from neuronup.weights import load_weights, save_weights


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
    """Encode images (n, *shape) as codes (n, latent), and decode them again."""

    def __init__(self, shape: torch.Size, latent: int, hidden: int = 128) -> None:
        super().__init__()
        self.shape, self.latent, pixels = shape, latent, shape.numel()
        self.encoder = layers(pixels, hidden, hidden, latent)
        self.decoder = layers(latent, hidden, hidden, pixels).append(nn.Sigmoid())

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes (n, latent) of images x (n, *shape)."""
        return self.encoder(x.flatten(1))

    def decode(self, z: Tensor) -> Tensor:
        """Return images (n, *shape), from 0 to 1, for codes z (n, latent)."""
        return self.decoder(z).unflatten(1, self.shape)

    def forward(self, x: Tensor) -> Tensor:
        """Return the pixels (n, pixels) that images x (n, *shape) come back as."""
        return self.decoder(self.encode(x))


# --8<-- [end:autoencoder]
# --8<-- [start:reconstruction]
SIGMA = 0.2  # best of 0.1, 0.15 ... 0.3, by validation ELBO of two numbers


def log_likelihood(decoded: Tensor, x: Tensor) -> Tensor:
    """Log-likelihood (n,) of images x (n, ...): Gaussian around pixels (n, pixels)."""
    residual = (x.flatten(1) - decoded) / SIGMA
    return -(residual**2 / 2 + math.log(SIGMA * math.sqrt(2 * math.pi))).sum(dim=1)


def squared_error(decoded: Tensor, x: Tensor) -> Tensor:
    """Mean squared error () of pixels (n, pixels): the loss of a plain autoencoder."""
    return mse_loss(decoded, x.flatten(1))


# --8<-- [end:reconstruction]
# --8<-- [start:vae]
class VAE(Autoencoder):
    """An autoencoder whose codes are drawn from Gaussians, one for each image."""

    def __init__(self, shape: torch.Size, latent: int, hidden: int = 128) -> None:
        super().__init__(shape, latent, hidden)
        self.encoder = layers(shape.numel(), hidden, hidden, 2 * latent)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance, each (n, latent), for images x (n, *shape)."""
        mean, logvar = self.encoder(x.flatten(1)).chunk(2, dim=1)
        return mean, logvar

    def encode(self, x: Tensor) -> Tensor:
        """Return the posterior means (n, latent) of images x (n, *shape)."""
        return self.posterior(x)[0]

    def forward(self, x: Tensor) -> Tensor:
        """Return pixels, means and log-variances side by side: what a loss needs."""
        mean, logvar = self.posterior(x)
        z = reparameterise(mean, logvar)
        return torch.cat([self.decoder(z), mean, logvar], dim=1)


# --8<-- [end:vae]
# --8<-- [start:elbo]
def elbo_terms(output: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Take the output of a VAE for images x (n, ...) apart: log-likelihood and KL."""
    decoded, posterior = output.tensor_split([x[0].numel()], dim=1)
    mean, logvar = posterior.chunk(2, dim=1)
    return log_likelihood(decoded, x), kl(mean, logvar)


def negative_elbo(beta: float = 1.0) -> Loss:
    """Make the loss of a VAE that counts the KL divergence `beta` times."""

    def loss(output: Tensor, x: Tensor) -> Tensor:
        likelihood, divergence = elbo_terms(output, x)
        return (beta * divergence - likelihood).mean()

    return loss


# --8<-- [end:elbo]
# --8<-- [start:train]
def images_as_labels(part: Examples) -> Examples:
    """Return examples whose labels are the images: nobody has to label anything."""
    return Examples(part.x, part.x)


def train(
    model: nn.Module,
    images: Images,
    seed: int,
    epochs: int,
    loss: Loss,
    corrupt: Callable[[Tensor], Tensor] | None = None,
) -> History:
    """Train `model` to return the training images, from corrupted ones if asked to."""
    training, validation = (images_as_labels(part) for part in images[1:3])
    batches = Loader(training, 64, seed, transform=corrupt)
    optimiser = Adam(model.parameters(), fused=True)
    # up, then down; the highest rate is the best of 0.005, 0.01 and 0.02 on MNIST
    schedule = OneCycleLR(optimiser, max_lr=0.01, total_steps=epochs)
    return fit(model, batches, validation, optimiser, epochs, loss, loss, schedule)


# --8<-- [end:train]
# --8<-- [start:bound]
@torch.no_grad()
def importance_weighted_bound(model: VAE, x: Tensor, draws: int) -> Tensor:
    """Bound log p(x) (n,) from below by `draws` weighted codes for every image."""
    mean, logvar = model.posterior(x)
    posterior, prior = Normal(mean, (logvar / 2).exp()), Normal(0, 1)
    log_weights = []
    for _ in range(draws):
        z = posterior.sample()  # (n, latent)
        log_ratio = (prior.log_prob(z) - posterior.log_prob(z)).sum(dim=1)
        log_weights.append(log_likelihood(model.decoder(z), x) + log_ratio)
    return torch.stack(log_weights).logsumexp(dim=0) - math.log(draws)


# --8<-- [end:bound]
def sample_codes(
    model: Autoencoder, x: Tensor, n: int, seed: int, components: int = 1
) -> Tensor:
    """Draw codes (n, latent): from the prior, or a mixture fitted to codes of x."""
    if isinstance(model, VAE):
        drawn = torch.Generator().manual_seed(seed)
        return torch.randn(n, model.latent, generator=drawn).to(x)
    with torch.no_grad():
        codes = model.encode(x)
    return sample_mixture(codes, n, components, seed)


@torch.no_grad()
def midpoint(model: Autoencoder | None, x: Tensor, y: Tensor) -> Tensor:
    """Return the images between x (n, ...) and y (n, ...): by codes, or by pixels."""
    if model is None:
        return (x + y) / 2
    return model.decode((model.encode(x) + model.encode(y)) / 2)


def save_decoder(model: Autoencoder, classes: tuple[str, ...], path: Path) -> None:
    """Write the decoder, and all that another program must know to use it."""
    save_weights(
        model.decoder,
        path,
        input=f"codes (n, {model.latent}), drawn from a standard normal",
        layers=["linear", "relu", "linear", "relu", "linear", "sigmoid"],
        output="images, row by row, channels first, 0 background, 1 foreground",
        latent=model.latent,
        shape=model.shape,
        classes=classes,
    )


def load_decoder(path: Path) -> nn.Module:
    """Read a decoder: it returns images (n, *shape) for codes z (n, latent)."""
    weights, about = load_weights(path)
    sizes = [about["latent"]]
    sizes += [len(bias) for name, bias in weights.items() if name.endswith("bias")]
    decoder = layers(*sizes).append(nn.Sigmoid())
    decoder.load_state_dict(weights)
    return decoder.append(nn.Unflatten(1, about["shape"])).eval()


LATENT = 8  # numbers of a code, where they are not two
COMPONENTS = 10  # of the mixture fitted to codes of a plain autoencoder: not tuned
BETAS = (0.25, 1.0, 4.0, 16.0)
Betas = dict[float, dict[str, float]]  # scores of the VAE of each beta


class Experiment(NamedTuple):
    """One split of the images, the models trained on it, and their scores."""

    images: Images
    classifier: nn.Module
    models: dict[str, Autoencoder]
    scores: dict[str, float]


def part_of(images: Images, train: int = 5000, held_out: int = 1000) -> Images:
    """Return at most so many images to train on, and of the other two parts."""
    parts = []
    for (x, y), n in zip(images[1:], (train, held_out, held_out), strict=True):
        every = max(1, len(x) // n)
        parts.append(Examples(x[::every][:n], y[::every][:n]))
    return Images(images.classes, *parts)


def passes(images: Images, epochs: int) -> int:
    """Return how often to pass over images: few ones three times as often."""
    return epochs if len(images.train.x) > 2000 else 3 * epochs


def build_models(shape: torch.Size) -> dict[str, Autoencoder]:
    """Build four models, by name: two plain, and two variational."""
    return {
        "AE2": Autoencoder(shape, 2),
        "VAE2": VAE(shape, 2),
        "AE": Autoencoder(shape, LATENT),
        "VAE": VAE(shape, LATENT),
    }


def train_models(images: Images, seed: int, epochs: int) -> dict[str, Autoencoder]:
    """Train all four models, each with its loss."""
    torch.manual_seed(seed)
    models = build_models(images.train.x.shape[1:])
    for model in models.values():
        loss = negative_elbo() if isinstance(model, VAE) else squared_error
        train(model.to(images.train.x.device), images, seed, epochs, loss)
    return models


def held_out_images(images: Images) -> Tensor:
    """Gather all held-out images (n, ...), to compare with."""
    return torch.cat([images.test.x, images.validation.x])


def evaluate_vae(model: VAE, x: Tensor) -> dict[str, float]:
    """Measure the ELBO on images x (n, ...), its terms, and a tighter bound."""
    output = predict(model, x)
    likelihood, divergence = (float(term.mean()) for term in elbo_terms(output, x))
    return {
        "error": float(squared_error(output[:, : x[0].numel()], x)),
        "kl": divergence,
        "elbo": likelihood - divergence,
        "bound": float(importance_weighted_bound(model, x, draws=50).mean()),
        "used": active_units(*model.posterior(x)),
    }


def evaluate_samples(experiment: Experiment, seed: int) -> dict[str, float]:
    """Evaluate a thousand samples of each model, and as many real images."""
    images, classifier, models, _ = experiment
    x, real = images.train.x, held_out_images(images)
    plain, variational = models["AE"], models["VAE"]
    z = sample_codes(variational, x, 1000, seed)  # from the prior
    with torch.no_grad():
        samples = {
            "real": x[:1000],
            "AE": plain.decode(sample_codes(plain, x, 1000, seed)),
            "mixture": plain.decode(sample_codes(plain, x, 1000, seed, COMPONENTS)),
            "naive": plain.decode(z),
            "VAE": variational.decode(z),  # the means of p(x | z)
        }
    other = torch.Generator().manual_seed(seed + 1)
    noise = torch.randn(samples["VAE"].shape, generator=other).to(x)
    samples["draws"] = samples["VAE"] + SIGMA * noise  # true draws from p(x | z)
    scores = {n: sample_quality(each, real, classifier) for n, each in samples.items()}
    scores["real"]["sure"] = share_confident(classifier, real)  # not trained on them
    return {f"{n}_{key}": v for n, found in scores.items() for key, v in found.items()}


def evaluate_interpolation(experiment: Experiment) -> dict[str, float]:
    """Measure how often the classifier is sure of an image between two classes."""
    images, classifier, models, _ = experiment
    x, y = images.test
    other, differ = x.roll(1, dims=0), y != y.roll(1)
    scores = {}
    for name in ("pixels", "AE", "VAE"):
        between = midpoint(models.get(name), x[differ], other[differ])
        scores[f"halfway_{name}"] = share_confident(classifier, between)
    return scores


def run_experiment(images: Images, seed: int, epochs: int) -> Experiment:
    """Train all models and a classifier, and evaluate the models on test images."""
    models, x = train_models(images, seed, epochs), images.test.x
    classifier = fit_classifier(images, seed, epochs)
    scores: dict[str, float] = {}
    for name, model in models.items():
        if isinstance(model, VAE):
            scores |= {f"{name}_{k}": v for k, v in evaluate_vae(model, x).items()}
        else:
            scores[f"{name}_error"] = float(squared_error(predict(model, x), x))
    experiment = Experiment(images, classifier, models, scores)
    scores |= evaluate_samples(experiment, seed)
    scores |= evaluate_interpolation(experiment)
    return experiment


def compare_denoisers(
    images: Images, seed: int, epochs: int
) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Remove noise in four ways: errors on test images, and what became of eight."""
    torch.manual_seed(seed)
    x, models = images.train.x, {}
    for name, corrupt in {"AE": None, "denoiser": add_noise}.items():
        models[name] = Autoencoder(x.shape[1:], LATENT).to(x.device)
        train(models[name], images, seed, epochs, squared_error, corrupt)
    test = images.test.x
    errors = {
        f"error_{name}": float(mse_loss(each, test))
        for name, each in denoise(models, x, test).items()
    }
    some = first_of_each_class(images)[:8]
    return errors, {**denoise(models, x, some), "clean": some}


def compare_betas(images: Images, seed: int, epochs: int) -> Betas:
    """Train a VAE for each weight of the KL divergence, and evaluate it."""
    x, shape, scores = images.train.x, images.train.x.shape[1:], {}
    for beta in tqdm(BETAS, desc="betas", disable=None):
        torch.manual_seed(seed)
        model = VAE(shape, LATENT).to(x.device)
        train(model, images, seed, epochs, negative_elbo(beta))
        with torch.no_grad():
            samples = model.decode(sample_codes(model, x, 1000, seed))
        scores[beta] = {
            **evaluate_vae(model, images.test.x),
            **sample_distances(samples, held_out_images(images)),
        }
    return scores


def estimate_one_gradient(experiment: Experiment) -> dict[str, Tensor]:
    """Estimate the gradient of a test image's log-likelihood in its posterior mean."""
    model, x = experiment.models["VAE2"], experiment.images.test.x[:1]
    assert isinstance(model, VAE)
    mean, logvar = (each[0].detach() for each in model.posterior(x))

    def f(z: Tensor) -> Tensor:
        return log_likelihood(model.decoder(z), x.expand(len(z), *x.shape[1:]))

    return gradient_estimates(f, mean, logvar, draws=2**13)


def first_of_each_class(images: Images) -> Tensor:
    """Return the first test image of each class: (classes, c, h, w)."""
    x, y = images.test
    return torch.stack([x[y == label][0] for label in range(len(images.classes))])


def summary(
    experiments: list[Experiment], betas: Betas, estimates: dict[str, Tensor]
) -> dict[str, float]:
    """Boil everything down to numbers with names: means, and deviations of bounds."""
    numbers: dict[str, float] = {}
    for name, values in stack([each.scores for each in experiments]).items():
        numbers[name] = float(values.mean())
        if name.endswith(("elbo", "bound")):
            numbers[f"{name}_spread"] = float(values.std())
    recorded = {1: ("kl", "error", "used"), 4: ("kl", "error"), 16: ("kl", "used")}
    for beta, names in recorded.items():
        numbers |= {f"beta_{beta}_{name}": betas[beta][name] for name in names}
    std = {name: float(each[:, 0].std()) for name, each in estimates.items()}
    images = experiments[0].images
    return numbers | {
        "VAE_gap": numbers["VAE_bound"] - numbers["VAE_elbo"],
        "seeds": len(experiments),
        "latent": LATENT,
        "components": COMPONENTS,
        "pixels": images.train.x[0].numel(),
        "train": len(images.train.x),
        "test": len(images.test.x),
        "spread_through": std["reparameterised"],
        "spread_score": std["score function"],
        "spread_baseline": std["score function, baseline"],
        "spread_ratio": std["score function"] / std["reparameterised"],
    }


def main(
    data: Name = "mnist",
    seed: int = 0,
    epochs: int = 10,
    device: devices.Device = "auto",
    out: Path | None = None,
) -> None:
    """Compress images to two numbers and to eight, and draw new ones.

    Values of beta and ways to remove noise are compared on the digits of 8 by 8 pixels.

    Args:
        data: The images to train on; of the large sets a part.
        seed: Of the split and the initial weights; the next two are used as well.
        epochs: Passes over the images; three times as many over the digits.
        device: Where to compute; on a GPU results differ, as between seeds.
        out: Folder for metrics.json, the results that drawings.py draws, and the
            decoder of the map; without it, only lines are printed.
    """
    folder(out)
    used = devices.pick(device)
    experiments, denoised = [], []
    for each in tqdm(range(seed, seed + 3), desc="seeds", disable=None):
        images, digits = (part_of(load(n, each)).to(used) for n in (data, "digits"))
        experiments.append(run_experiment(images, each, passes(images, epochs)))
        denoised.append(compare_denoisers(digits, each, passes(digits, epochs)))
    first, digits = experiments[0], part_of(load("digits", seed)).to(used)
    betas = compare_betas(digits, seed, passes(digits, epochs))
    estimates = estimate_one_gradient(first)
    numbers = summary(experiments, betas, estimates)
    numbers |= mean([errors for errors, _ in denoised])
    print(REPORT.format(data=data, **numbers))
    if out is not None:
        images, _, models, _ = first
        save_decoder(models["VAE2"], images.classes, out / "vae-decoder.safetensors")
        keep(
            out,
            data=data,
            seed=seed,
            weights={name: on_cpu(each.state_dict()) for name, each in models.items()},
            denoised=on_cpu(denoised[0][1]),
            scores=numbers,
            betas=betas,
            estimates=on_cpu(estimates),
        )
        record(out, seed, used, **numbers)


def on_cpu(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the same tensors where any machine can read them."""
    return {name: tensor.cpu() for name, tensor in tensors.items()}


REPORT = """\
{data}: {train} training images of {pixels} pixels, {test} test images; \
means of {seeds} seeds
squared error of a pixel, test images:
  2 numbers: autoencoder {AE2_error:.4f}, VAE {VAE2_error:.4f}
  {latent} numbers: autoencoder {AE_error:.4f}, VAE {VAE_error:.4f}
ELBO of test images, mean and standard deviation of the seeds:
  2 numbers: {VAE2_elbo:.1f} ± {VAE2_elbo_spread:.1f}; \
a bound with 50 codes {VAE2_bound:.1f} ± {VAE2_bound_spread:.1f}
  {latent} numbers: {VAE_elbo:.1f} ± {VAE_elbo_spread:.1f}; \
a bound with 50 codes {VAE_bound:.1f} ± {VAE_bound_spread:.1f}
a thousand samples: confidence above 90 %, distance to the nearest real image, \
and from a real image
  autoencoder, one Gaussian  {AE_sure:.0%}, {AE_near:.2f}, {AE_missed:.2f}
  autoencoder, mixture of {components} \
{mixture_sure:.0%}, {mixture_near:.2f}, {mixture_missed:.2f}
  VAE, prior                 {VAE_sure:.0%}, {VAE_near:.2f}, {VAE_missed:.2f}
  VAE, prior, with noise     {draws_sure:.0%}, {draws_near:.2f}, {draws_missed:.2f}
  real images                {real_sure:.0%}, {real_near:.2f}, {real_missed:.2f}
halfway between two classes, confidence above 90 %: pixels {halfway_pixels:.0%}, \
autoencoder {halfway_AE:.0%}, VAE {halfway_VAE:.0%}
8 by 8 digits, squared error: noisy {error_noisy:.3f}, blurred {error_blurred:.3f}, \
autoencoder {error_AE:.3f}, denoising autoencoder {error_denoiser:.3f}, \
linear regression {error_linear:.3f}
gradient of one draw, standard deviation: {spread_through:.1f} reparameterised, \
{spread_score:.1f} by the score function, {spread_baseline:.1f} with a baseline"""

if __name__ == "__main__":
    run(main)
