# %% [markdown]
# # Lab: a map of handwriting
#
# You write a variational autoencoder piece by piece, train it, interpolate between digits, draw new ones, and remove noise. 45
# minutes, best in pairs. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `vae.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the repository. Cells
# named *your turn* hold a stub: fill it in and run the check below it. The solution is folded under the check; it runs too,
# so you can go on without having solved anything.

# %%
import math

import torch
from torch.distributions import Normal, kl_divergence

from drawings import draw_grid, strip
from neuronup import figures
from neuronup.exercises import attempt
from neuronup.images import load
from neuronup.loop import predict
from neuronup.samples import fit_classifier, sample_quality
from vae import (
    SIGMA,
    VAE,
    Autoencoder,
    first_of_each_class,
    negative_elbo,
    sample_codes,
    squared_error,
    train,
)

images = load("digits", seed=0)
x, y = images.test
shape = x.shape[1:]
print(
    f"{len(images.train.x)} training images, {len(x)} test images, each {tuple(shape)}"
)

# %% [markdown]
# ## 1. Through two numbers (5 minutes)
#
# > **Predict.** An autoencoder compresses 64 pixels to two numbers. Which digits will be reconstructed well? Which will be taken for
# > one another?

# %%
torch.manual_seed(0)
plain = Autoencoder(shape, 2)
train(plain, images, 0, 40, squared_error)
some = first_of_each_class(images)
with torch.no_grad():
    back = plain.decode(plain.encode(some))
figures.Shown(
    strip({"image": some, "again": back}, 1.5),
    "A test image of each digit, and below its reconstruction from two numbers: most can be recognised, some have become another digit.",
)

# %% [markdown]
# > **Predict.** Now feed the decoder ten codes of your own, drawn from the standard Gaussian. How many of the ten images can you recognise?

# %%
torch.manual_seed(1)
with torch.no_grad():
    made = plain.decode(torch.randn(10, 2))
    codes = plain.encode(images.train.x)
low, high = codes.amin(dim=0), codes.amax(dim=0)
print(
    f"codes of images: z1 from {low[0]:.1f} to {high[0]:.1f}, z2 from {low[1]:.1f} to {high[1]:.1f}"
)
figures.Shown(
    strip({"made": made}, 0.9),
    "Ten images from codes drawn at random: some can be recognised, others are between two digits.",
)

# %% [markdown]
# Some can be recognised, since the codes of many images happen to lie near zero. But other codes lie much farther out, where your draws never come. The loss
# did not say where the codes should lie. Now it will.
#
# ## 2. Your turn: how far from the prior? (5 minutes)
#
# > **Predict.** A Gaussian has mean 0 and variance 1. What is its KL divergence from the standard Gaussian? What if its mean moves to 1?
#
# Write the KL divergence of Gaussians with `mean (n, k)` and `logvar (n, k)`, the logarithm of the variance, from the standard one:
# $\frac12(\mu^2 + s^2 - 1 - \log s^2)$, added up over the $k$ numbers. It returns `(n,)`.


# %% tags=["exercise"]
def kl(mean, logvar):
    return None  # your turn


# %% tags=["check"]
def check_kl(kl):
    mean = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.5, -2.0]])
    logvar = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, -1.0]])
    found = kl(mean, logvar)
    assert found is not None, "it returns nothing yet"
    assert found.shape == (3,), (
        f"one number for each Gaussian, not {tuple(found.shape)}"
    )
    assert float(found[0]) == 0, "the prior is no distance from itself"
    assert float(found[1]) == 0.5, "a mean of 1 costs half a nat"
    expected = kl_divergence(Normal(mean, (logvar / 2).exp()), Normal(0, 1)).sum(dim=1)
    assert torch.allclose(found, expected), "the variance is logvar.exp()"


attempt(check_kl, kl)


# %% tags=["solution"] jupyter={"source_hidden": true}
def kl(mean, logvar):
    return (mean**2 + logvar.exp() - 1 - logvar).sum(dim=1) / 2


check_kl(kl)

# %% [markdown]
# ## 3. Your turn: draw, so that gradients get through (5 minutes)
#
# > **Predict.** `torch.normal(mean, std)` draws from the same Gaussian. What is the gradient of what it returns in `mean`?

# %%
mean = torch.zeros(3, requires_grad=True)
print(
    "does the draw depend on mean, for autograd?",
    torch.normal(mean, torch.ones(3)).requires_grad,
)
print(
    "the gradient it passes on:",
    torch.autograd.grad(torch.normal(mean, torch.ones(3)).sum(), mean)[0],
)

# %% [markdown]
# The gradient is zero, as if the mean did not matter. Write `reparameterise(mean, logvar)`, which returns codes of the same shape: mean, plus standard deviation times
# noise (`torch.randn_like`).


# %% tags=["exercise"]
def reparameterise(mean, logvar):
    return None  # your turn


# %% tags=["check"]
def check_reparameterise(reparameterise):
    torch.manual_seed(0)
    mean = torch.full((20_000, 1), 3.0, requires_grad=True)
    logvar = torch.full((20_000, 1), math.log(4.0), requires_grad=True)
    z = reparameterise(mean, logvar)
    assert z is not None, "it returns nothing yet"
    assert z.shape == mean.shape, f"the shape should be {tuple(mean.shape)}"
    assert abs(float(z.detach().mean()) - 3) < 0.1, (
        "the mean of the draws is not `mean`"
    )
    assert abs(float(z.detach().std()) - 2) < 0.1, (
        "with a variance of 4 the standard deviation should be 2: exp(logvar / 2)"
    )
    gradient = torch.autograd.grad(z.sum(), (mean, logvar), allow_unused=True)
    assert gradient[0] is not None, "no gradient reaches the mean"
    assert (gradient[0] == 1).all(), "moving the mean by 1 should move the code by 1"
    assert gradient[1] is not None, "no gradient reaches the variance"


attempt(check_reparameterise, reparameterise)


# %% tags=["solution"] jupyter={"source_hidden": true}
def reparameterise(mean, logvar):
    return mean + (logvar / 2).exp() * torch.randn_like(mean)


check_reparameterise(reparameterise)

# %% [markdown]
# ## 4. Your turn: the loss (8 minutes)
#
# > **Predict.** Every pixel of the decoder's output is wrong by $\sigma$. How many nats does that cost for 64 pixels, against a perfect output?
#
# First the log-likelihood of images `x (n, 1, 8, 8)`, given the decoder's output, `decoded (n, 64)`: Gaussian with standard deviation `SIGMA`, added up
# over the pixels, `(n,)`. (`Normal(decoded, SIGMA).log_prob` knows the formula; so does the lecture.)


# %% tags=["exercise"]
def log_likelihood(decoded, x):
    return None  # your turn


# %% tags=["check"]
def check_likelihood(log_likelihood):
    decoded = predict(plain, x)
    found = log_likelihood(decoded, x)
    assert found is not None, "it returns nothing yet"
    assert found.shape == (len(x),), (
        f"one number for each image, not {tuple(found.shape)}: flatten x, and add up"
    )
    perfect = log_likelihood(x.flatten(1), x)
    off = log_likelihood(x.flatten(1) + SIGMA, x)
    assert torch.allclose(perfect - off, torch.tensor(32.0), atol=1e-3), (
        "each pixel that is off by SIGMA should cost half a nat"
    )
    constant = 64 * Normal(0, SIGMA).log_prob(torch.tensor(0.0))
    assert torch.allclose(perfect, constant), "the constant is missing"


attempt(check_likelihood, log_likelihood)


# %% tags=["solution"] jupyter={"source_hidden": true}
def log_likelihood(decoded, x):
    return Normal(decoded, SIGMA).log_prob(x.flatten(1)).sum(dim=1)


check_likelihood(log_likelihood)

# %% [markdown]
# Now minus the ELBO, as a mean over the images. The `output (n, 64 + 2 + 2)` of a VAE holds the decoded pixels, the means and the log-variances side by side.
# Take it apart, and use what you have written.


# %% tags=["exercise"]
def loss(output, x):
    return None  # your turn


# %% tags=["check"]
def check_loss(loss):
    torch.manual_seed(0)
    output = torch.cat([torch.rand(len(x), 64), torch.randn(len(x), 4)], dim=1)
    found = loss(output, x)
    assert found is not None, "it returns nothing yet"
    assert found.shape == (), "take the mean over the images"
    assert torch.isclose(found, negative_elbo()(output, x), rtol=1e-4), (
        "the KL divergence is added, the log-likelihood is subtracted"
    )


attempt(check_loss, loss)


# %% tags=["solution"] jupyter={"source_hidden": true}
def loss(output, x):
    mean, logvar = output[:, 64:].chunk(2, dim=1)
    return (kl(mean, logvar) - log_likelihood(output[:, :64], x)).mean()


check_loss(loss)

# %% [markdown]
# ## 5. Train it, and look at the map (5 minutes)
#
# > **Predict.** Which digits will be neighbours on the map? What will lie in the middle?

# %%
torch.manual_seed(0)
model = VAE(shape, 2)
history = train(model, images, 0, 40, loss)
print(
    f"minus ELBO on validation images: {history['validation_loss'][0]:.1f} after one epoch, {history['validation_loss'][-1]:.1f} at the end"
)
figures.Shown(
    draw_grid(model),
    "A grid of images drawn from codes all over the prior: each region has its digit, and neighbours are alike.",
)

# %% [markdown]
# Your loss has trained it, without a single label.
#
# ## 6. Your turn: interpolation (5 minutes)
#
# > **Predict.** You go from a 0 to a 1 by pixels, and by codes. What do you see halfway?
#
# Write `interpolate(start, end, steps)`: points on the straight line from `start (k,)` to `end (k,)`, both included, `(steps, k)`.


# %% tags=["exercise"]
def interpolate(start, end, steps):
    return None  # your turn


# %% tags=["check"]
def check_interpolate(interpolate):
    start, end = torch.tensor([0.0, 2.0]), torch.tensor([4.0, 0.0])
    found = interpolate(start, end, 5)
    assert found is not None, "it returns nothing yet"
    assert found.shape == (5, 2), f"a row for each step, not {tuple(found.shape)}"
    assert torch.equal(found[0], start), "the first row should be the start"
    assert torch.equal(found[-1], end), "the last row should be the end"
    assert torch.allclose(found[1], torch.tensor([1.0, 1.5])), "go in equal steps"


attempt(check_interpolate, interpolate)


# %% tags=["solution"] jupyter={"source_hidden": true}
def interpolate(start, end, steps):
    share = torch.linspace(0, 1, steps)[:, None]  # (steps, 1)
    return (1 - share) * start + share * end


check_interpolate(interpolate)

# %%
first, last = some[0], some[1]
with torch.no_grad():
    from_code, to_code = model.encode(torch.stack([first, last]))
    by_codes = model.decode(interpolate(from_code, to_code, 9))
by_pixels = interpolate(first.flatten(), last.flatten(), 9).unflatten(1, shape)
figures.Shown(
    strip({"pixels": by_pixels, "codes": by_codes}, 1.5),
    "From a 0 to a 1. By pixels both lie over each other in the middle; by codes other shapes, some of them other digits, come in between.",
)

# %% [markdown]
# By pixels, two digits lie on top of each other. By codes you pass whatever lies between their codes: perhaps a 5, or a 9.
#
# ## 7. Your turn: draw new digits (5 minutes)
#
# > **Predict.** For how many of a thousand samples of your VAE will a classifier have a confidence above 90 %? And of a thousand of the plain autoencoder, with the same codes?
#
# Write `sample(model, n)`: draw codes from the prior, as many numbers each as `model.latent` says, and decode them.


# %% tags=["exercise"]
def sample(model, n):
    return None  # your turn


# %% tags=["check"]
def check_sample(sample):
    torch.manual_seed(0)
    made = sample(model, 2000)
    assert made is not None, "it returns nothing yet"
    assert made.shape == (2000, *shape), f"2000 images, not {tuple(made.shape)}"
    assert float(made.std(dim=0).mean()) > 0.05, "they are all the same"
    expected = model.decode(sample_codes(model, x, 2000, seed=0)).detach()
    assert torch.allclose(made.detach().mean(dim=0), expected.mean(dim=0), atol=0.03), (
        "on average they should be the images of codes from the standard Gaussian"
    )


attempt(check_sample, sample)


# %% tags=["solution"] jupyter={"source_hidden": true}
def sample(model, n):
    with torch.no_grad():
        return model.decode(torch.randn(n, model.latent))


check_sample(sample)

# %%
classifier = fit_classifier(images, seed=0, epochs=40)
torch.manual_seed(0)
for name, each in {"VAE": model, "autoencoder": plain}.items():
    scores = sample_quality(sample(each, 1000), x, classifier)
    print(
        f"{name}: confident {scores['sure']:.0%}, to the nearest real image {scores['near']:.2f}, from a real one {scores['missed']:.2f}"
    )

# %% [markdown]
# Look at the third number as well. A classifier may be confident about every sample although there are only a few kinds: then many real images have no sample near them.
# With two numbers the plain autoencoder does not do badly, perhaps since there is little room for holes. The lecture does the same with eight, and fits a mixture of Gaussians to the codes. (A sample is the decoder's output here, without the noise of the model.)
#
# ## 8. Your turn: noise in, clean out (5 minutes)
#
# > **Predict.** Images with noise of standard deviation 0.4. Can you still recognise them? Can a network that was trained on clean images only?
#
# Write `add_noise(x)`: add Gaussian noise of standard deviation 0.4, another draw each time, and keep the result between 0 and 1.


# %% tags=["exercise"]
def add_noise(x):
    return None  # your turn


# %% tags=["check"]
def check_add_noise(add_noise):
    grey = torch.full((500, 1, 8, 8), 0.5)
    noisy = add_noise(grey)
    assert noisy is not None, "it returns nothing yet"
    assert noisy.shape == grey.shape, "the shape should stay"
    assert not torch.equal(noisy, add_noise(grey)), "draw anew each time"
    assert float(noisy.min()) >= 0, "no pixel should be below 0, the background"
    assert float(noisy.max()) <= 1, "no pixel should be above 1, the foreground"
    inside = ((noisy - 0.5).abs() < 0.4).float().mean()
    assert abs(float(inside) - 0.683) < 0.02, (
        "two of three values should be within one standard deviation, 0.4"
    )


attempt(check_add_noise, add_noise)


# %% tags=["solution"] jupyter={"source_hidden": true}
def add_noise(x):
    return (x + 0.4 * torch.randn_like(x)).clamp(0, 1)


check_add_noise(add_noise)

# %%
torch.manual_seed(0)
denoiser = Autoencoder(shape, 8)
train(denoiser, images, 0, 40, squared_error, add_noise)
with torch.no_grad():
    noisy = add_noise(x)
    clean = denoiser.decode(denoiser.encode(noisy))
before, after = (float((each - x).pow(2).mean()) for each in (noisy, clean))
print(f"squared error {before:.3f} noisy, {after:.3f} after cleaning")
figures.Shown(
    strip({"noisy": noisy[:10], "again": clean[:10], "image": x[:10]}, 1.9),
    "Ten noisy test images, the outputs of the network, and the clean images.",
)

# %% [markdown]
# ## Go further
#
# - Write `beta` into your loss, and train with 0.1, 1 and 10. Watch both terms, and the map.
# - Feed the denoiser its own output again and again, beginning with nothing but noise. What comes out? (The lecture on diffusion trains a network for it.)
# - Train a VAE on the images of a single digit. What do its two numbers mean now?
# - Find unusual images: those with the lowest ELBO. Can you recognise them?

# %%
with torch.no_grad():
    repeated = torch.stack([predict(model, x) for _ in range(20)])
    elbo = torch.stack(
        [
            log_likelihood(a[:, :64], x) - kl(*a[:, 64:].chunk(2, dim=1))
            for a in repeated
        ]
    ).mean(dim=0)
odd, usual = elbo.argsort()[:10], elbo.argsort()[-10:]
figures.Shown(
    strip({"odd": x[odd], "usual": x[usual]}, 1.5),
    "Ten test images with the lowest ELBO, which are crooked or bold, and ten with the highest, which are written in the usual way.",
)

# %%
assert after < before / 2
assert history["validation_loss"][-1] < history["validation_loss"][0]
assert float(elbo[usual].mean()) > float(elbo[odd].mean()) + 10
print("your VAE is trained, and your denoiser removes noise")
