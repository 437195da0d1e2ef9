"""Answers to the lab on the variational autoencoder."""

import math

import numpy as np
import torch
from torch.distributions import Independent, Normal, kl_divergence

from answers import right, wrong
from neuronup.gaussians import kl_between
from vae import SIGMA


@right("kl_of_gaussians")
def with_distributions(mean1, std1, mean2, std2):
    first, second = Independent(Normal(mean1, std1), 1), Independent(Normal(mean2, std2), 1)
    return kl_divergence(first, second)


@right("kl_of_gaussians")
def number_by_number(mean1, std1, mean2, std2):
    total = torch.zeros(len(mean1))
    for i in range(mean1.shape[1]):
        ratio = std1[:, i] ** 2 / std2[:, i] ** 2
        scaled = (mean2[:, i] - mean1[:, i]) / std2[:, i]
        total = total + 0.5 * (ratio + scaled**2 - 1 - torch.log(ratio))
    return total


@right("kl_of_gaussians")
def kl_in_float64(mean1, std1, mean2, std2):
    mean1, std1, mean2, std2 = (each.double() for each in (mean1, std1, mean2, std2))
    square = torch.einsum("nk,nk->n", (mean1 - mean2) ** 2 + std1**2, 1 / std2**2)
    return 0.5 * (square - 2 * std1.log().sum(-1) + 2 * std2.log().sum(-1) - mean1.shape[1])


@right("kl_of_gaussians")
def gaussian_by_gaussian(*given):
    rows = []
    for m1, s1, m2, s2 in zip(*given, strict=True):
        rows.append((torch.log(s2 / s1) + (s1**2 + (m1 - m2) ** 2) / (2 * s2**2) - 1 / 2).sum())
    return torch.stack(rows)


@right("kl_of_gaussians")
def by_log_variances(mean1, std1, mean2, std2):
    return kl_between(mean1, 2 * std1.log(), mean2, 2 * std2.log())


def formula(m1, s1, m2, s2):
    return ((m1 - m2) ** 2 + s1**2) / s2**2 - 1 - torch.log(s1**2 / s2**2)


def kl_as(terms):
    """Half the sum of `terms` over the numbers."""
    return lambda *given: terms(*given).sum(dim=1) / 2


wrong("kl_of_gaussians", "return a tensor", lambda *given: list(formula(*given).sum(dim=1) / 2))
wrong("kl_of_gaussians", "factor one half", lambda *given: formula(*given).sum(dim=1))
wrong("kl_of_gaussians", "this is their mean", lambda *given: formula(*given).mean(dim=1) / 2)
wrong("kl_of_gaussians", "shape (4,), not ()", lambda *given: formula(*given).sum() / 2)
wrong("kl_of_gaussians", "shape (4,), not (3,)", lambda *given: formula(*given).sum(dim=0) / 2)
wrong("kl_of_gaussians", "the other way round", kl_as(lambda m1, s1, m2, s2: formula(m2, s2, m1, s1)))
wrong("kl_of_gaussians", "from the standard Gaussian", kl_as(lambda m1, s1, m2, s2: m1**2 + s1**2 - 1 - 2 * s1.log()))
wrong("kl_of_gaussians", "not the log-variance", kl_between)
wrong("kl_of_gaussians", "square it", kl_as(lambda m1, s1, m2, s2: ((m1 - m2) ** 2 + s1) / s2 - 1 - (s1 / s2).log()))
wrong(
    "kl_of_gaussians",
    "square there, too",
    kl_as(lambda m1, s1, m2, s2: ((m1 - m2) ** 2 + s1**2) / s2**2 - 1 - (s1 / s2).log()),
)
wrong("kl_of_gaussians", "forget the - 1", kl_as(lambda *given: formula(*given) + 1))
wrong(
    "kl_of_gaussians",
    "the logarithm has the wrong sign",
    kl_as(lambda m1, s1, m2, s2: formula(m1, s1, m2, s2) + 4 * (s1 / s2).log()),
)
wrong(
    "kl_of_gaussians",
    "the logarithm is missing",
    kl_as(lambda m1, s1, m2, s2: ((m1 - m2) ** 2 + s1**2) / s2**2 - 1),
)
wrong(
    "kl_of_gaussians",
    "by the second variance",
    kl_as(lambda m1, s1, m2, s2: (m1 - m2) ** 2 + s1**2 / s2**2 - 1 - 2 * (s1 / s2).log()),
)
wrong(
    "kl_of_gaussians",
    "square the distance",
    kl_as(lambda m1, s1, m2, s2: (m1 - m2 + s1**2) / s2**2 - 1 - 2 * (s1 / s2).log()),
)
wrong("kl_of_gaussians", "no detach()", kl_as(lambda *given: formula(*given).detach()))
wrong("kl_of_gaussians", "no gradient reaches argument 1", kl_as(lambda m1, *rest: formula(m1.detach(), *rest)))


@wrong("kl_of_gaussians", "other numbers of Gaussians")
def three_numbers_only(*given):
    return formula(*given).sum(dim=1) / 2 if given[0].shape[1] == 3 else torch.zeros(2)


@wrong("kl_of_gaussians", "no NumPy")
def kl_with_numpy(*given):
    m1, s1, m2, s2 = (each.numpy() for each in given)
    return (((m1 - m2) ** 2 + s1**2) / s2**2 - 1 - 2 * np.log(s1 / s2)).sum(axis=1) / 2


@right("sample_posterior")
def with_rsample(mean, logvar, draws):
    return Normal(mean, torch.exp(0.5 * logvar)).rsample((draws,))


@right("sample_posterior")
def draw_by_draw(mean, logvar, draws):
    std = logvar.exp().sqrt()
    return torch.stack([mean + std * torch.randn_like(mean) for _ in range(draws)])


@right("sample_posterior")
def draws_last_then_moved(mean, logvar, draws):
    noise = torch.randn(*mean.shape, draws)
    return (mean[..., None] + (logvar / 2).exp()[..., None] * noise).permute(2, 0, 1)


@right("sample_posterior")
def posterior_in_float64(mean, logvar, draws):
    mean, logvar = mean.double().expand(draws, -1, -1), logvar.double().expand(draws, -1, -1)
    return torch.addcmul(mean, (logvar / 2).exp(), torch.randn_like(mean))


def noisy(mean, std, draws):
    return mean + std * torch.randn(draws, *mean.shape)


wrong("sample_posterior", "multiplied by the variance", lambda m, v, n: noisy(m, v.exp(), n))
wrong("sample_posterior", "half of the variance is not its root", lambda m, v, n: noisy(m, v.exp() / 2, n))
wrong("sample_posterior", "standard deviation 1 everywhere", lambda m, v, n: noisy(m, 1, n))
wrong("sample_posterior", "multiplied by the logarithm", lambda m, v, n: noisy(m, v, n))
wrong("sample_posterior", "is not that of the posterior", lambda m, v, n: noisy(m, (-v / 2).exp(), n))
wrong("sample_posterior", "is not `mean`", lambda m, v, n: noisy(m, (v / 2).exp(), n) - m)
wrong(
    "sample_posterior",
    "every draw is the same",
    lambda m, v, n: (m + (v / 2).exp() * torch.randn_like(m)).expand(n, -1, -1),
)
wrong(
    "sample_posterior",
    "the same noise is used twice",
    lambda m, v, n: m + (v / 2).exp() * torch.randn(n, 1, m.shape[1]),
)
wrong(
    "sample_posterior",
    "the same noise is used twice",
    lambda m, v, n: m + (v / 2).exp() * torch.randn(n, m.shape[0], 1),
)
wrong(
    "sample_posterior",
    "68 % should lie",
    lambda m, v, n: m + (v / 2).exp() * 12**0.5 * (torch.rand(n, *m.shape) - 0.5),
)
wrong(
    "sample_posterior",
    "the gradient in the mean is 0",
    lambda m, v, n: torch.normal(m.expand(n, -1, -1), (v / 2).exp().expand(n, -1, -1)),
)
wrong("sample_posterior", "so that autograd can follow", lambda m, v, n: Normal(m, (v / 2).exp()).sample((n,)))
wrong("sample_posterior", "no gradient reaches argument 2", lambda m, v, n: noisy(m, (v.detach() / 2).exp(), n))
wrong(
    "sample_posterior",
    "not (3, 20000, 2)",
    lambda m, v, n: m[:, None] + (v / 2).exp()[:, None] * torch.randn(m.shape[0], n, m.shape[1]),
)
wrong("sample_posterior", "not (3, 2)", lambda m, v, n: m + (v / 2).exp() * torch.randn_like(m))


@wrong("sample_posterior", "set no seed inside")
def seeded_posterior(mean, logvar, draws):
    torch.manual_seed(1)
    return noisy(mean, (logvar / 2).exp(), draws)


@right("log_likelihood")
def by_the_formula(decoded, x, sigma):
    residual = (x.reshape(len(x), -1) - decoded) / sigma
    return -0.5 * (residual**2).sum(dim=1) - decoded.shape[1] * math.log(sigma * math.sqrt(2 * math.pi))


@right("log_likelihood")
def log_of_the_density(decoded, x, sigma):
    x, decoded = x.flatten(1).double(), decoded.double()
    density = torch.exp(-((x - decoded) ** 2) / (2 * sigma**2)) / (sigma * (2 * math.pi) ** 0.5)
    return density.log().sum(-1)


@right("log_likelihood")
def image_by_image(decoded, x, sigma):
    constant = 0.5 * math.log(2 * math.pi * sigma**2)
    pairs = zip(decoded, x, strict=True)
    return torch.stack([-((a - b.flatten()) ** 2 / (2 * sigma**2) + constant).sum() for a, b in pairs])


@right("log_likelihood")
def independent_pixels(decoded, x, sigma):
    return Independent(Normal(decoded.unflatten(1, x.shape[1:]), sigma), x.dim() - 1).log_prob(x)


@right("log_likelihood")
def by_einsum(decoded, x, sigma):
    gap = x.flatten(1) - decoded
    return torch.einsum("ij,ij->i", gap, gap) / (-2 * sigma**2) - gap.shape[1] * np.log(sigma * np.sqrt(2 * np.pi))


def squares(decoded, x):
    return (x.flatten(1) - decoded) ** 2


def constant(sigma):
    return math.log(sigma * math.sqrt(2 * math.pi))


wrong("log_likelihood", "the constant is missing", lambda d, x, s: -(squares(d, x) / (2 * s**2)).sum(dim=1))
wrong(
    "log_likelihood",
    "the constant has the wrong sign",
    lambda d, x, s: (constant(s) - squares(d, x) / (2 * s**2)).sum(dim=1),
)
wrong(
    "log_likelihood",
    "the constant belongs to each pixel",
    lambda d, x, s: -(squares(d, x) / (2 * s**2)).sum(dim=1) - constant(s),
)
wrong(
    "log_likelihood",
    "sigma belongs into the constant",
    lambda d, x, s: -(squares(d, x) / (2 * s**2) + constant(1)).sum(dim=1),
)
wrong(
    "log_likelihood",
    "lacks the root of 2 pi",
    lambda d, x, s: -(squares(d, x) / (2 * s**2) + math.log(s)).sum(dim=1),
)
wrong("log_likelihood", "this is their mean", lambda d, x, s: Normal(d, s).log_prob(x.flatten(1)).mean(dim=1))
wrong("log_likelihood", "the sign is wrong", lambda d, x, s: -Normal(d, s).log_prob(x.flatten(1)).sum(dim=1))
wrong(
    "log_likelihood",
    "forget the half",
    lambda d, x, s: -(squares(d, x) / s**2 + constant(s)).sum(dim=1),
)
wrong(
    "log_likelihood",
    "divide the squared difference by its square",
    lambda d, x, s: Normal(d, s**0.5).log_prob(x.flatten(1)).sum(dim=1),
)
wrong(
    "log_likelihood",
    "by sigma squared, not by sigma",
    lambda d, x, s: -(squares(d, x) / (2 * s) + constant(s)).sum(dim=1),
)
wrong("log_likelihood", "this is the squared error", lambda d, x, s: squares(d, x).sum(dim=1))
wrong("log_likelihood", "not SIGMA", lambda d, x, s: Normal(d, SIGMA).log_prob(x.flatten(1)).sum(dim=1))
wrong("log_likelihood", "shape (3,), not ()", lambda d, x, s: Normal(d, s).log_prob(x.flatten(1)).sum())
wrong("log_likelihood", "shape (3,), not (3, 6)", lambda d, x, s: Normal(d, s).log_prob(x.flatten(1)))
wrong("log_likelihood", "flatten x first", lambda d, x, s: Normal(d, s).log_prob(x).sum(dim=1))


@wrong("log_likelihood", "no NumPy")
def likelihood_with_numpy(decoded, x, sigma):
    residual = (x.flatten(1).numpy() - decoded.numpy()) / sigma
    return -(residual**2 / 2 + constant(sigma)).sum(axis=1)


def take_apart(output, x):
    pixels = x[0].numel()
    k = (output.shape[1] - pixels) // 2
    decoded, mean, logvar = output.split([pixels, k, k], dim=1)
    return Normal(decoded, SIGMA).log_prob(x.flatten(1)).sum(dim=1), mean, logvar


def from_the_prior(mean, logvar):
    return (mean**2 + logvar.exp() - 1 - logvar).sum(dim=1) / 2


@right("loss")
def by_slices(output, x):
    pixels = x.shape[1] * x.shape[2] * x.shape[3]
    k = (output.shape[1] - pixels) // 2
    mean, logvar = output[:, pixels : pixels + k], output[:, pixels + k :]
    return from_the_prior(mean, logvar).mean() - by_the_formula(output[:, :pixels], x, SIGMA).mean()


@right("loss")
def loss_by_distributions(output, x):
    likelihood, mean, logvar = take_apart(output, x)
    return -torch.mean(likelihood - kl_divergence(Normal(mean, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(1))


@right("loss")
def loss_in_float64(output, x):
    likelihood, mean, logvar = take_apart(output.double(), x.double())
    return (from_the_prior(mean, logvar) - likelihood).sum() / len(x)


@right("loss")
def loss_image_by_image(output, x):
    total = 0
    for i in range(len(x)):
        likelihood, mean, logvar = take_apart(output[i : i + 1], x[i : i + 1])
        total = total + from_the_prior(mean, logvar)[0] - likelihood[0]
    return total / len(x)


def of_terms(combine):
    """A loss of the log-likelihoods, the means and the log-variances."""
    return lambda output, x: combine(*take_apart(output, x))


wrong("loss", "not their sum", of_terms(lambda a, m, v: (from_the_prior(m, v) - a).sum()))
wrong("loss", "this is the ELBO", of_terms(lambda a, m, v: (a - from_the_prior(m, v)).mean()))
wrong("loss", "subtract the log-likelihood", of_terms(lambda a, m, v: (a + from_the_prior(m, v)).mean()))
wrong("loss", "add the KL divergence", of_terms(lambda a, m, v: -(a + from_the_prior(m, v)).mean()))
wrong("loss", "the KL divergence is missing", of_terms(lambda a, m, v: -a.mean()))
wrong("loss", "the log-likelihood is missing", of_terms(lambda a, m, v: from_the_prior(m, v).mean()))
wrong("loss", "the two are swapped", of_terms(lambda a, m, v: (from_the_prior(v, m) - a).mean()))
wrong(
    "loss",
    "from the posterior to the prior",
    of_terms(lambda a, m, v: (kl_divergence(Normal(0.0, 1.0), Normal(m, (v / 2).exp())).sum(dim=1) - a).mean()),
)
wrong(
    "loss",
    "not their mean",
    lambda o, x: (lambda a, m, v: (from_the_prior(m, v) - a / x[0].numel()).mean())(*take_apart(o, x)),
)
wrong("loss", "for all images is asked for", of_terms(lambda a, m, v: from_the_prior(m, v) - a))
wrong("loss", "no item()", of_terms(lambda a, m, v: (from_the_prior(m, v) - a).mean().detach()))
wrong("loss", "not a float", of_terms(lambda a, m, v: float((from_the_prior(m, v) - a).detach().mean())))


@wrong("loss", "other sizes may come")
def sizes_by_heart(output, x):
    mean, logvar = output[:, -4:].chunk(2, dim=1)
    pixels = output[:, :64] if output.shape[1] > 64 else output[:, :6]
    return (from_the_prior(mean, logvar) - by_the_formula(pixels, x, SIGMA)).mean()


@right("interpolate")
def with_numpy(start, end, steps):
    return np.linspace(start.numpy(), end.numpy(), steps)


@right("interpolate")
def point_by_point(start, end, steps):
    return [start + i / (steps - 1) * (end - start) for i in range(steps)]


@right("interpolate")
def with_lerp(start, end, steps):
    return torch.lerp(start.double(), end.double(), torch.linspace(0, 1, steps).double().unsqueeze(1))


@right("interpolate")
def by_outer(start, end, steps):
    share = torch.arange(steps) / (steps - 1)
    return torch.outer(1 - share, start) + torch.einsum("s,k->sk", share, end)


@right("interpolate")
def number_lists(start, end, steps):
    return [
        [float(a) * (1 - i / (steps - 1)) + float(b) * i / (steps - 1) for a, b in zip(start, end, strict=True)]
        for i in range(steps)
    ]


def at(share, start, end):
    return start + share[:, None] * (end - start)


wrong("interpolate", "the other way round", lambda a, b, n: at(torch.linspace(1, 0, n), a, b))
wrong("interpolate", "the end is missing", lambda a, b, n: at(torch.arange(n) / n, a, b))
wrong("interpolate", "the start is missing", lambda a, b, n: at(torch.arange(1, n + 1) / n, a, b))
wrong("interpolate", "both", lambda a, b, n: at(torch.linspace(0, 1, n) ** 2, a, b))
wrong("interpolate", "are to be included", lambda a, b, n: at(torch.arange(1, n + 1) / (n + 1), a, b))
wrong("interpolate", "add up to 1", lambda a, b, n: a + torch.linspace(0, 1, n)[:, None] * b)
wrong("interpolate", "not (6, 2)", lambda a, b, n: at(torch.linspace(0, 1, n + 1), a, b))
wrong("interpolate", "not (2, 5)", lambda a, b, n: at(torch.linspace(0, 1, n), a, b).mT)
wrong(
    "interpolate",
    "should have the shape (4, 3)",
    lambda a, b, n: torch.stack([torch.linspace(float(a[i]), float(b[i]), n) for i in (0, 1)], dim=1),
)
wrong("interpolate", "the shape (steps, 1)", lambda a, b, n: a + torch.linspace(0, 1, n) * (b - a))


@right("sample")
def from_a_normal(model, n):
    return model.decode(Normal(0.0, 1.0).sample((n, model.latent)))


@right("sample")
def sampled_with_numpy(model, n):
    z = np.random.default_rng().standard_normal((n, model.latent))
    with torch.no_grad():
        return model.decode(torch.as_tensor(z, dtype=torch.float32)).numpy()


@right("sample")
def one_by_one(model, n):
    return [model.decode(torch.randn(1, model.latent)).detach()[0] for _ in range(n)]


@right("sample")
def by_the_decoder(model, n):
    z = torch.normal(0.0, 1.0, size=(n, model.latent))
    return model.decoder(z).unflatten(1, model.shape).double()


wrong("sample", "do not have mean 0", lambda model, n: model.decode(torch.rand(n, model.latent)))
wrong("sample", "do not have standard deviation 1", lambda model, n: model.decode(2 * torch.rand(n, model.latent) - 1))
wrong("sample", "do not have standard deviation 1", lambda model, n: model.decode(3 * torch.randn(n, model.latent)))
wrong("sample", "68 % should lie", lambda model, n: model.decode(12**0.5 * (torch.rand(n, model.latent) - 0.5)))
wrong("sample", "as model.latent says", lambda model, n: model.decode(torch.randn(n, 2)))
wrong("sample", "not (6000, 3)", lambda model, n: torch.randn(n, model.latent))
wrong("sample", "what model.decode makes", lambda model, n: torch.randn(n, *model.shape))
wrong("sample", "all the same", lambda model, n: model.decode(torch.randn(1, model.latent).expand(n, -1)))
wrong("sample", "draw each for itself", lambda model, n: model.decode(torch.randn(n, 1).expand(-1, model.latent)))
wrong("sample", "all the same", lambda model, n: model.decode(torch.zeros(n, model.latent)))
wrong("sample", "not (1000, 1, 2, 4)", lambda model, n: model.decode(torch.randn(1000, model.latent)))
wrong("sample", "not (6000, 8)", lambda model, n: model.decoder(torch.randn(n, model.latent)))


@wrong("sample", "set no seed")
def seeded_sample(model, n):
    torch.manual_seed(0)
    return model.decode(torch.randn(n, model.latent))


@right("salt_and_pepper")
def one_draw(x, share):
    u = torch.rand_like(x)
    return torch.where(u < share / 2, 0.0, torch.where(u > 1 - share / 2, 1.0, x))


@right("salt_and_pepper")
def noise_with_numpy(x, share):
    rng = np.random.default_rng()
    return np.where(rng.random(x.shape) < share, rng.integers(0, 2, x.shape), x.numpy())


@right("salt_and_pepper")
def with_a_mask(x, share):
    x = x.clone()
    mask = torch.rand(x.shape) < share
    x[mask] = torch.randint(0, 2, (int(mask.sum()),)).float()
    return x


@right("salt_and_pepper")
def with_bernoulli(x, share):
    replaced = torch.bernoulli(torch.full_like(x, share, dtype=torch.float64))
    return (1 - replaced) * x + replaced * torch.bernoulli(torch.full_like(x, 0.5))


@right("salt_and_pepper")
def image_after_image(x, share):
    return [torch.where(torch.rand(each.shape) < share, (torch.rand(each.shape) < 0.5).float(), each) for each in x]


def replace(x, replaced):
    return torch.where(replaced, torch.rand_like(x).round(), x)


wrong("salt_and_pepper", "no pixel is replaced", lambda x, share: x)
wrong("salt_and_pepper", "other values", lambda x, share: (x + 0.4 * torch.randn_like(x)).clamp(0, 1))
wrong(
    "salt_and_pepper",
    "other values",
    lambda x, share: torch.where(torch.rand_like(x) < share, torch.rand_like(x), x),
)
wrong("salt_and_pepper", "*below* share", lambda x, share: replace(x, torch.rand_like(x) > share))
wrong("salt_and_pepper", "half as many", lambda x, share: replace(x, torch.rand_like(x) < share / 2))
wrong("salt_and_pepper", "where 10% should be", lambda x, share: replace(x, torch.rand_like(x) < 0.4))
wrong("salt_and_pepper", "where 40% should be", lambda x, share: replace(x, torch.randn_like(x) < share))
wrong("salt_and_pepper", "the same pixels", lambda x, share: replace(x, torch.rand_like(x[:1]) < share))
wrong("salt_and_pepper", "whole images", lambda x, share: replace(x, torch.rand(len(x), 1, 1, 1) < share))
wrong("salt_and_pepper", "100% zeros", lambda x, share: x * (torch.rand_like(x) >= share))
wrong("salt_and_pepper", "0% zeros", lambda x, share: torch.where(torch.rand_like(x) < share, 1.0, x))
wrong(
    "salt_and_pepper",
    "draw 0 or 1 for each pixel",
    lambda x, share: torch.where(torch.rand_like(x) < share, torch.rand(len(x), 1, 1, 1).round(), x),
)


@wrong("salt_and_pepper", "twice as many")
def whole_share_each(x, share):
    u = torch.rand_like(x)
    return torch.where(u < share, 0.0, torch.where(u > 1 - share, 1.0, x))


@wrong("salt_and_pepper", "with the whole share each")
def two_draws(x, share):
    x = torch.where(torch.rand_like(x) < share, 0.0, x)
    return torch.where(torch.rand_like(x) < share, 1.0, x)


@wrong("salt_and_pepper", "overwrites the first")
def two_draws_of_half(x, share):
    x = torch.where(torch.rand_like(x) < share / 2, 0.0, x)
    return torch.where(torch.rand_like(x) < share / 2, 1.0, x)


@wrong("salt_and_pepper", "changed the tensor")
def in_place(x, share):
    x[torch.rand_like(x) < share] = 0
    return x


@wrong("salt_and_pepper", "set no seed")
def seeded_noise(x, share):
    torch.manual_seed(3)
    return replace(x, torch.rand_like(x) < share)
