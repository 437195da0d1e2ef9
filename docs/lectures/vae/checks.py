"""The checks of the lab on the variational autoencoder: what each answer must do, and what mistakes look like."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from neuronup.exercises import call, expect, tensor
from vae import SIGMA, Autoencoder

FOLLOW = "write it with PyTorch's functions, so that autograd can follow it: no NumPy, no float(), no item(), no detach()"


def kl_of_gaussians(kl_of_gaussians: Callable[..., Any]) -> None:
    """The KL divergence of four Gaussians of three numbers from four others."""
    mean1, logvar1, mean2, logvar2 = torch.randn(4, 4, 3)
    std1, std2 = (logvar1 / 2).exp(), (logvar2 / 2).exp()
    right = _kl(mean1, logvar1, mean2, logvar2)
    square, ratio = (mean1 - mean2) ** 2, (std1 / std2) ** 2
    logs, zero = logvar2 - logvar1, torch.zeros_like(mean1)
    whole = square / std2**2 + ratio - 1 + logs
    expect(
        call(kl_of_gaussians, mean1, std1, mean2, std2),
        right,
        "one number for each pair: the formula, added up over the k numbers",
        {
            "do not forget the factor one half": whole.sum(dim=1),
            "add up over the k numbers: this is their mean": right / 3,
            "the other way round: the divergence of the first from the second is asked for": _kl(
                mean2, logvar2, mean1, logvar1
            ),
            "this is the divergence from the standard Gaussian: use mean2 and std2": _kl(
                mean1, logvar1, zero, zero
            ),
            "std is the standard deviation, not the log-variance of the lecture": _kl(
                mean1, std1, mean2, std2
            ),
            "std is the standard deviation: square it for the variance": _total(
                square / std2 + std1 / std2 - 1 + logs / 2
            ),
            "the logarithm is that of the variances: square there, too": _total(
                whole - logs / 2
            ),
            "do not forget the - 1": _total(whole + 1),
            "the logarithm has the wrong sign: minus the log of the first variance": _total(
                whole - 2 * logs
            ),
            "the logarithm is missing": _total(whole - logs),
            "divide the squared distance of the means by the second variance": _total(
                square + ratio - 1 + logs
            ),
            "square the distance of the means": _total(
                whole + (mean1 - mean2 - square) / std2**2
            ),
        },
    )
    few = mean1[:2, :1], std1[:2, :1], mean2[:2, :1], std2[:2, :1]
    expect(
        call(kl_of_gaussians, *few),
        _kl(mean1[:2, :1], logvar1[:2, :1], mean2[:2, :1], logvar2[:2, :1]),
        "there may be other numbers of Gaussians and of numbers",
    )
    _gradients(kl_of_gaussians, mean1, std1, mean2, std2)


def sample_posterior(sample_posterior: Callable[..., Any]) -> None:
    """Thousands of draws from six Gaussians, of which we know mean and deviation."""
    draws = 20_000
    mean = torch.tensor([[3.0, -1.0], [0.5, 2.0], [-2.0, 0.2]])
    std = torch.tensor([[3.0, 0.5], [1.5, 2.0], [0.7, 2.5]])
    logvar = 2 * std.log()
    z = tensor(call(sample_posterior, mean, logvar, draws), draws, 3, 2)
    spread = z.std(dim=0)

    def near(wrong: Tensor) -> bool:
        return torch.allclose(spread, wrong, rtol=0.05)

    assert spread.min() > 1e-3, "every draw is the same: each needs noise of its own"
    assert not near(std**2), (
        "the noise is multiplied by the variance: the standard deviation is exp(logvar / 2)"
    )
    assert not near(std**2 / 2), (
        "half of the variance is not its root: exp(logvar / 2), not exp(logvar) / 2"
    )
    assert not near(torch.ones_like(std)), (
        "the noise has standard deviation 1 everywhere: multiply it by exp(logvar / 2)"
    )
    assert not near(logvar.abs()), (
        "the noise is multiplied by the logarithm: the standard deviation is exp(logvar / 2)"
    )
    assert near(std), (
        "the standard deviation of the draws is not that of the posterior, exp(logvar / 2)"
    )
    assert ((z.mean(dim=0) - mean).abs() < 0.05 * std).all(), (
        "the mean of the draws is not `mean`"
    )
    noise = ((z - mean) / std).flatten(1)  # (draws, 6)
    _noise_is_gaussian(noise, "the noise")
    assert (torch.corrcoef(noise.mT) - torch.eye(6)).abs().max() < 0.05, (
        "the same noise is used twice: draw it anew for each image and for each number of its code"
    )
    assert not torch.equal(z, tensor(call(sample_posterior, mean, logvar, draws))), (
        "a second call draws the same codes: set no seed inside"
    )
    tensor(call(sample_posterior, mean[:2, :1], logvar[:2, :1], 5), 5, 2, 1)
    towards_mean, towards_logvar = _gradients(sample_posterior, mean, logvar, draws)
    assert not (towards_mean == 0).all(), (
        "the gradient in the mean is 0: make the noise first, then multiply, then add the mean"
    )
    expect(
        towards_mean / draws,
        torch.ones_like(mean),
        "moving the mean by 1 should move each code by 1",
    )
    assert (towards_logvar != 0).all(), "no gradient reaches the variance"


def log_likelihood(log_likelihood: Callable[..., Any]) -> None:
    """The log-likelihood of three images of six pixels, for two standard deviations."""
    decoded = torch.rand(3, 6)
    for sigma, shape in ((0.5, (1, 1, 6)), (0.2, (1, 2, 3))):
        x = torch.rand(3, *shape)
        found = tensor(call(log_likelihood, decoded, x, sigma))
        assert found.dim() < 3, "flatten x first, to the shape of decoded"
        each = Normal(decoded, sigma).log_prob(x.flatten(1))
        right, constant = (
            each.sum(dim=1),
            Normal(0, sigma).log_prob(torch.zeros(6)).sum(),
        )
        exponent = right - constant
        root = Normal(decoded, sigma**0.5).log_prob(x.flatten(1)).sum(dim=1)
        in_log = 6 * torch.tensor(sigma).log()
        expect(
            found,
            right,
            "one number for each image: the logarithm of the Gaussian, added up over the pixels",
            {
                "the constant is missing: minus log of sigma times the root of 2 pi, for each pixel": exponent,
                "the constant has the wrong sign: it is subtracted": exponent
                - constant,
                "the constant belongs to each pixel: add it up as well": exponent
                + constant / 6,
                "sigma belongs into the constant, too: minus log(sigma) for each pixel": right
                + in_log,
                "the constant lacks the root of 2 pi": exponent - in_log,
                "add up over the pixels: this is their mean": right / 6,
                "the sign is wrong: this is minus the log-likelihood": -right,
                "do not forget the half in the exponent": right + exponent,
                "sigma is the standard deviation: divide the squared difference by its square": root,
                "divide the squared difference by sigma squared, not by sigma": sigma
                * exponent
                + constant,
                "this is the squared error: divide it by twice sigma squared, and take the logarithm of the density": -2
                * sigma**2
                * exponent,
                "use the sigma that is given, not SIGMA": Normal(decoded, SIGMA)
                .log_prob(x.flatten(1))
                .sum(dim=1),
            },
        )
    _gradients(log_likelihood, decoded, x, 0.5)


def loss(loss: Callable[..., Any]) -> None:
    """Minus the ELBO of five images of six pixels, with codes of three numbers."""
    for pixels, latent, shape in ((64, 2, (1, 8, 8)), (6, 3, (1, 2, 3))):
        x = torch.rand(5, *shape)
        decoded, mean, logvar = (
            torch.rand(5, pixels),
            torch.randn(5, latent),
            torch.randn(5, latent),
        )
        zero = torch.zeros_like(mean)
        divergence = _kl(mean, logvar, zero, zero)
        likelihood = Normal(decoded, SIGMA).log_prob(x.flatten(1)).sum(dim=1)
        right = (divergence - likelihood).mean()
        found = tensor(call(loss, torch.cat([decoded, mean, logvar], dim=1), x))
        assert found.dim() == 0, (
            f"one number for all images is asked for, their mean, not the shape {tuple(found.shape)}"
        )
        expect(
            found,
            right,
            "the KL divergence from the prior, minus the log-likelihood, as a mean over the images"
            if pixels == 64
            else "other sizes may come: an image has x[0].numel() pixels, and the rest are two equal halves",
            {
                "take the mean over the images, not their sum": 5 * right,
                "this is the ELBO: what training makes smaller is minus the ELBO": -right,
                "subtract the log-likelihood: this makes good images costly": (
                    divergence + likelihood
                ).mean(),
                "add the KL divergence: this rewards codes far from the prior": -(
                    divergence + likelihood
                ).mean(),
                "the KL divergence is missing": -likelihood.mean(),
                "the log-likelihood is missing": divergence.mean(),
                "means come first, log-variances second: the two are swapped": (
                    _kl(logvar, mean, zero, zero) - likelihood
                ).mean(),
                "from the posterior to the prior, not the other way round": (
                    _kl(zero, zero, mean, logvar) - likelihood
                ).mean(),
                "the log-likelihood is a sum over pixels, not their mean": (
                    divergence - likelihood / pixels
                ).mean(),
            },
        )
    _gradients(loss, torch.rand(5, 10), torch.rand(5, 1, 2, 3))


def interpolate(interpolate: Callable[..., Any]) -> None:
    """Equal steps from one code to another, for codes of two numbers and of three."""
    wide = torch.arange(5.0)
    assert tensor(call(interpolate, wide, wide.flip(0), 5)).dim() == 2, (
        "the result needs a row for each point: let the shares have the shape (steps, 1)"
    )
    start, end = torch.tensor([1.0, -2.0]), torch.tensor([5.0, 0.0])
    shares = torch.tensor([[0.0], [0.25], [0.5], [0.75], [1.0]])
    right = start + shares * (end - start)
    expect(
        call(interpolate, start, end, 5),
        right,
        "a row for each point, in equal steps from start to end, both included",
        {
            "the other way round: the first row should be the start": right.flip(0),
            "the end is missing: five points make four steps": start
            + 0.8 * shares * (end - start),
            "the start is missing: the first row should be the start": start
            + (0.2 + 0.8 * shares) * (end - start),
            "start and end are to be included: the first row should be the start": start
            + (1 + 4 * shares) / 6 * (end - start),
            "the shares of start and end should add up to 1": start + shares * end,
        },
    )
    start, end = torch.tensor([0.3, -1.0, 2.0]), torch.tensor([-0.3, 2.0, 2.0])
    expect(
        call(interpolate, start, end, 4),
        [[0.3, -1.0, 2.0], [0.1, 0.0, 2.0], [-0.1, 1.0, 2.0], [-0.3, 2.0, 2.0]],
        "codes may have three numbers, and there may be four points",
    )


def sample(sample: Callable[..., Any]) -> None:
    """Thousands of images from a decoder that lets us see the codes they came from."""
    for latent, n in ((3, 6000), (2, 7000)):
        model = _Readable(latent)
        made = tensor(call(sample, model, n), n, 1, 2, 4)
        codes = made.flatten(1)[:, :latent]
        assert torch.equal(model.decode(codes), made), (
            "the images should be what model.decode makes of codes"
        )
        assert codes.std(dim=0).min() > 1e-3, (
            "the images are all the same: each needs a code of its own"
        )
        assert codes.mean(dim=0).abs().max() < 0.1, (
            "the codes do not have mean 0: the prior is the standard Gaussian, torch.randn"
        )
        assert (codes.std(dim=0) - 1).abs().max() < 0.07, (
            "the codes do not have standard deviation 1: the prior is the standard Gaussian, torch.randn"
        )
        _noise_is_gaussian(codes, "what is drawn")
        assert (torch.corrcoef(codes.mT) - torch.eye(latent)).abs().max() < 0.1, (
            "the numbers of a code are all the same: draw each for itself"
        )
        assert not torch.equal(made, tensor(call(sample, model, n))), (
            "a second call draws the same images: set no seed inside"
        )


def salt_and_pepper(salt_and_pepper: Callable[..., Any]) -> None:
    """Which of many grey pixels are replaced, and by what, for two shares."""
    x = 0.2 + 0.6 * torch.rand(2000, 1, 3, 4)
    for share in (0.4, 0.1):
        found = tensor(call(salt_and_pepper, x, share), *x.shape)
        replaced = (found - x).abs() > 1e-5
        new = found[replaced]
        assert len(new) > 0, "no pixel is replaced"
        assert ((new == 0) | (new == 1)).all(), (
            "a pixel is kept as it is, or becomes 0 or 1: here are other values"
        )
        masks = replaced.flatten(1).float()
        assert masks.mean(dim=0).std() < 0.1, (
            "the same pixels are replaced in every image: draw for each image, of the shape of x"
        )
        assert masks.mean(dim=1).std() < 0.2, (
            "whole images or rows are replaced: draw for each pixel, of the shape of x"
        )
        often = float(masks.mean())
        mistakes = {
            1
            - share: "these are the pixels to keep: replace where the draw is *below* share",
            share / 2: "half as many as asked for: both kinds together make up share",
            2 * share: "twice as many as asked for: both kinds together make up share",
            1
            - (1 - share)
            ** 2: "zeros and ones were drawn with the whole share each: both kinds together make up share",
            1
            - (1 - share / 2)
            ** 2: "the second kind overwrites the first: draw once which pixels are replaced",
        }
        known = [text for rate, text in mistakes.items() if abs(often - rate) < 0.015]
        otherwise = (
            f"{often:.0%} of the pixels are replaced, where {share:.0%} should be"
        )
        assert abs(often - share) < 0.015, known[0] if known else otherwise
        assert abs(float(new.mean()) - 0.5) < 0.05, (
            "as many should become 0 as become 1: here are "
            f"{float((new == 0).float().mean()):.0%} zeros"
        )
        salt = (found == 1).flatten(1).any(dim=1)
        pepper = (found == 0).flatten(1).any(dim=1)
        assert (salt & pepper).any(), (
            "in each image all are 0 or all are 1: draw 0 or 1 for each pixel"
        )
        again = tensor(call(salt_and_pepper, x, share))
        assert not torch.equal(found, again), (
            "a second call replaces the same pixels: draw anew each time, set no seed"
        )


class _Readable(Autoencoder):
    """A model whose images of eight pixels begin with the numbers of their code."""

    def __init__(self, latent: int) -> None:
        super().__init__(torch.Size([1, 2, 4]), latent)
        linear = nn.Linear(latent, 8, bias=False)
        linear.weight = nn.Parameter(torch.eye(8, latent))
        self.decoder = nn.Sequential(linear)

    def decode(self, z: Tensor) -> Tensor:
        """Return images (n, 1, 2, 4) for codes z (n, latent)."""
        assert z.shape[1:] == (self.latent,), (
            f"a code of this model has {self.latent} numbers, as model.latent says: (n, {self.latent}), not {tuple(z.shape)}"
        )
        return super().decode(z)


def _kl(mean1: Tensor, logvar1: Tensor, mean2: Tensor, logvar2: Tensor) -> Tensor:
    """KL divergences (n,) of Gaussians (n, k), as PyTorch computes them."""
    first, second = (
        Normal(mean1, (logvar1 / 2).exp()),
        Normal(mean2, (logvar2 / 2).exp()),
    )
    return kl_divergence(first, second).sum(dim=1)


def _total(terms: Tensor) -> Tensor:
    """Half the sum (n,) of terms (n, k)."""
    return terms.sum(dim=1) / 2


def _noise_is_gaussian(noise: Tensor, what: str) -> None:
    """Raise AssertionError unless noise of mean 0 and deviation 1 is Gaussian."""
    inside = float((noise.abs() < 1).float().mean())
    assert abs(inside - 0.683) < 0.02, (
        f"{what} is not Gaussian: 68 % should lie within one standard deviation, not {inside:.0%}"
    )


def _gradients(answer: Callable[..., Any], *inputs: Any) -> list[Tensor]:
    """Gradients of what `answer` returns, added up, in all inputs of floats but images."""
    given = [
        each.clone().requires_grad_(each.dim() < 3)
        if isinstance(each, Tensor)
        else each
        for each in inputs
    ]
    leaves = [each for each in given if isinstance(each, Tensor) and each.requires_grad]
    try:
        found = answer(*given)
    except (RuntimeError, TypeError, UserWarning):  # it was fine without gradients
        raise AssertionError(FOLLOW) from None
    assert isinstance(found, Tensor), (
        f"return a tensor, for training to differentiate, not a {type(found).__name__}: torch.stack makes one of a list"
    )
    assert found.requires_grad, FOLLOW
    slopes = torch.autograd.grad(found.sum(), leaves, allow_unused=True)
    missing = [number for number, each in enumerate(slopes, 1) if each is None]
    assert not missing, f"no gradient reaches argument {missing[0]}: {FOLLOW}"
    return list(slopes)
