# %% [markdown]
# # Lab: a map of handwriting
#
# You write a variational autoencoder piece by piece, train it, interpolate between digits, draw new ones, and remove noise. 70
# minutes, best in pairs. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `vae.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the
# repository, or `nox -s live` and work on this page.
# **Your turn** means: fill in the stub and run the check below it. If you are stuck, unfold the two hints. The solution is
# folded under the check: run it in any case. Where your own answer has passed, yours is used from there on; where not, the course's.

# %%
import torch

import checks
import drawings
import vae
from neuronup import figures
from neuronup.exercises import attempt, solution, tensor
from neuronup.images import load
from neuronup.samples import fit_classifier, sample_quality

images = load("digits", seed=0)
x, y = images.test
shape = x.shape[1:]
print(
    f"{len(images.train.x)} training images, {len(x)} test images, each {tuple(shape)}"
)

# %% [markdown]
# ## 1. Through two numbers (7 minutes)
#
# > **Predict.** An autoencoder compresses 64 pixels to two numbers. Which digits will be reconstructed well? Which will be taken for
# > one another?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
torch.manual_seed(0)
plain = vae.Autoencoder(shape, 2)
vae.train(plain, images, 0, 40, vae.squared_error)
some = vae.first_of_each_class(images)
with torch.no_grad():
    back = plain.decode(plain.encode(some))
figures.Shown(
    drawings.strip({"image": some, "again": back}, 1.5),
    "A test image of each digit, and below its reconstruction from two numbers: most can be recognised, some have become another digit.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Most digits come back, blurred. Some come back as another digit, here the 9 as a 5: images of both get nearly the same code.
#
# </details>
#
# > **Predict.** Now feed the decoder ten codes of your own, drawn from the standard Gaussian. How many of the ten images can you recognise?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

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
    drawings.strip({"made": made}, 0.9),
    "Ten images from codes drawn at random: some can be recognised, others are between two digits.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Some can be recognised, since the codes of many images happen to lie near zero. But other codes lie much farther out, where your draws never come. The loss
# did not say where the codes should lie. Now it will.
#
# </details>
#
# ## 2. Your turn: how far apart are two Gaussians? (10 minutes)
#
# > **Predict.** One Gaussian has mean 0 and variance 1, another mean 0 and variance 4. Is the KL divergence of the first from the second
# > the same as that of the second from the first? If not, which is larger?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# The lecture writes the KL divergence with log-variances. Write it for two Gaussians given by their means, $\mu_1$ and $\mu_2$, and their standard deviations, $s_1$ and $s_2$:
#
# $$\frac12\left(\frac{(\mu_1 - \mu_2)^2 + s_1^2}{s_2^2} - 1 - \log\frac{s_1^2}{s_2^2}\right),$$
#
# added up over the $k$ numbers of a code. `kl_of_gaussians` gets `mean1`, `std1`, `mean2` and `std2`, each `(n, k)`, and returns `(n,)`: the divergence
# of the first from the second. Use PyTorch's functions, here and in sections 3 and 4: training differentiates what you write.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Only squares of the standard deviations occur: make the ratio of the two variances once, and use it twice.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `ratio = (std1 / std2) ** 2`, of shape `(n, k)`
#
# </details>


# %% tags=["exercise"]
def kl_of_gaussians(mean1, std1, mean2, std2):
    return None  # your turn


# %% tags=["check"]
attempt(checks.kl_of_gaussians, kl_of_gaussians)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def kl_of_gaussians(mean1, std1, mean2, std2):
    ratio = (std1 / std2) ** 2  # (n, k)
    distance = ((mean1 - mean2) / std2) ** 2
    return (distance + ratio - 1 - ratio.log()).sum(dim=1) / 2


# %%
zero, one, two = torch.tensor([[[0.0]], [[1.0]], [[2.0]]])
to_wide = float(kl_of_gaussians(zero, one, zero, two))
from_wide = float(kl_of_gaussians(zero, two, zero, one))
print(f"variance 1 from variance 4: {to_wide:.2f} nats")
print(f"variance 4 from variance 1: {from_wide:.2f} nats")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# They differ. The wide one from the narrow one is larger: it often draws values that are improbable under the narrow one.
# A KL divergence is no distance. The loss of a VAE takes it from the posterior to the prior.
#
# </details>
#
# ## 3. Your turn: draw, so that gradients get through (8 minutes)
#
# > **Predict.** `torch.normal(mean, std)` draws from a Gaussian. What is the gradient of what it returns in `mean`?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

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
# <details markdown="1"><summary>What came out</summary>
#
# The gradient is zero, as if the mean did not matter.
#
# </details>
#
# Write `sample_posterior(mean, logvar, draws)`: so many codes for each of the `n` images, drawn from its posterior with `mean (n, k)` and `logvar (n, k)`. It returns
# `(draws, n, k)`, with new noise for each number, and gradients reach both inputs.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# A draw is the mean, plus the standard deviation times noise. The noise alone has the shape of all draws; mean and deviation are broadcast.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `noise = torch.randn(draws, *mean.shape)`
#
# </details>


# %% tags=["exercise"]
def sample_posterior(mean, logvar, draws):
    return None  # your turn


# %% tags=["check"]
attempt(checks.sample_posterior, sample_posterior)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def sample_posterior(mean, logvar, draws):
    noise = torch.randn(draws, *mean.shape)  # (draws, n, k)
    return mean + (logvar / 2).exp() * noise


# %% [markdown]
# ## 4. Your turn: the loss (12 minutes)
#
# > **Predict.** Every pixel of the decoder's output is wrong by $\sigma$. How many nats does that cost for 64 pixels, against a perfect output?
# > Does the answer depend on $\sigma$?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# First the log-likelihood of images `x (n, 1, 8, 8)`, given the decoder's output, `decoded (n, 64)`: Gaussian with standard deviation `sigma`, a number, added up
# over the pixels, `(n,)`. Other sizes may come.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# The logarithm of a Gaussian is $-(x - \mu)^2 / 2\sigma^2 - \log(\sigma\sqrt{2\pi})$. Or let `torch.distributions.Normal` do it: it has a method `log_prob`.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `pixels = x.flatten(1)`, of the shape of `decoded`
#
# </details>


# %% tags=["exercise"]
def log_likelihood(decoded, x, sigma):
    return None  # your turn


# %% tags=["check"]
attempt(checks.log_likelihood, log_likelihood)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def log_likelihood(decoded, x, sigma):
    return torch.distributions.Normal(decoded, sigma).log_prob(x.flatten(1)).sum(dim=1)


# %%
for sigma in (0.1, vae.SIGMA, 0.5):
    perfect = log_likelihood(x.flatten(1), x, sigma)
    off = log_likelihood(x.flatten(1) + sigma, x, sigma)
    print(f"sigma {sigma}: {float((perfect - off).mean()):.2f} nats")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Half a nat for each pixel, 32 together, whatever $\sigma$ is. So $\sigma$ says which error of a pixel weighs as much as half a nat of KL divergence.
#
# </details>
#
# Now minus the ELBO, as a mean over the images. The `output (n, 64 + 2 + 2)` of a VAE holds the decoded pixels, the means and the log-variances side by side,
# and the prior is the standard Gaussian. Take it apart, and use what you have written, with `vae.SIGMA`. It should work for images and codes of other sizes, too.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Cut the pixels off, as many as an image has; what remains are two halves. Distance from the prior costs, a high log-likelihood pays.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `decoded, posterior = output.tensor_split([x[0].numel()], dim=1)`
#
# </details>


# %% tags=["exercise"]
def loss(output, x):
    return None  # your turn


# %% tags=["check"]
attempt(checks.loss, loss)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def loss(output, x):
    decoded, posterior = output.tensor_split([x[0].numel()], dim=1)
    mean, logvar = posterior.chunk(2, dim=1)
    prior = torch.zeros_like(mean), torch.ones_like(mean)
    divergence = kl_of_gaussians(mean, (logvar / 2).exp(), *prior)
    return (divergence - log_likelihood(decoded, x, vae.SIGMA)).mean()


# %% [markdown]
# ## 5. Train it, and look at the map (7 minutes)
#
# > **Predict.** Which digits will be neighbours on the map? What will lie in the middle?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
torch.manual_seed(0)
model = vae.VAE(shape, 2)
history = vae.train(model, images, 0, 40, loss)
print(
    f"minus ELBO on validation images: {history['validation_loss'][0]:.1f} after one epoch, {history['validation_loss'][-1]:.1f} at the end"
)
figures.Shown(
    drawings.draw_grid(model),
    "A grid of images drawn from codes all over the prior: each region has its digit, and neighbours are alike.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The loss has trained it, without a single label. Digits of similar shape are neighbours, and one turns into the other between them:
# here 6 and 5, 0 and 9. In the middle, where no digit has its region, the images are the most blurred.
#
# </details>
#
# ## 6. Your turn: interpolation (8 minutes)
#
# > **Predict.** You go from a 0 to a 1 by pixels, and by codes. What do you see halfway?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write `interpolate(start, end, steps)`: points on the straight line from `start (k,)` to `end (k,)`, both included, `(steps, k)`.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Each point is a share of the end and the rest of the start. The shares go from 0 to 1.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `share = torch.linspace(0, 1, steps)[:, None]`, of shape `(steps, 1)`
#
# </details>


# %% tags=["exercise"]
def interpolate(start, end, steps):
    return None  # your turn


# %% tags=["check"]
attempt(checks.interpolate, interpolate)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def interpolate(start, end, steps):
    share = torch.linspace(0, 1, steps)[:, None]  # (steps, 1)
    return (1 - share) * start + share * end


# %%
first, last = some[0], some[1]
with torch.no_grad():
    from_code, to_code = model.encode(torch.stack([first, last]))
    by_codes = model.decode(tensor(interpolate(from_code, to_code, 9)))
by_pixels = tensor(interpolate(first.flatten(), last.flatten(), 9)).unflatten(1, shape)
figures.Shown(
    drawings.strip({"pixels": by_pixels, "codes": by_codes}, 1.5),
    "From a 0 to a 1. By pixels both lie over each other in the middle; by codes other shapes, some of them other digits, come in between.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# By pixels, two digits lie on top of each other. By codes you pass whatever lies between their codes: here a 6.
#
# </details>
#
# ## 7. Your turn: draw new digits (8 minutes)
#
# > **Predict.** For how many of a thousand samples of your VAE will a classifier have a confidence above 90 %? And of a thousand of the plain autoencoder, with the same codes?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write `sample(model, n)`: draw `n` codes from the prior, as many numbers each as `model.latent` says, and decode them.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# The prior is the standard Gaussian, and `model.decode` makes images of codes.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `z = torch.randn(n, model.latent)`
#
# </details>


# %% tags=["exercise"]
def sample(model, n):
    return None  # your turn


# %% tags=["check"]
attempt(checks.sample, sample)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def sample(model, n):
    with torch.no_grad():
        return model.decode(torch.randn(n, model.latent))


# %%
classifier = fit_classifier(images, seed=0, epochs=40)
for name, each in {"VAE": model, "autoencoder": plain}.items():
    torch.manual_seed(0)
    scores = sample_quality(tensor(sample(each, 1000)), x, classifier)
    print(
        f"{name}: confident {scores['sure']:.0%}, to the nearest real image {scores['near']:.2f}, from a real one {scores['missed']:.2f}"
    )

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Look at the third number as well. A classifier may be confident about every sample although there are only a few kinds: then many real images have no sample near them.
# With two numbers the plain autoencoder does not do badly, perhaps since there is little room for holes. The lecture does the same with eight, and fits a mixture of Gaussians to the codes. (A sample is the decoder's output here, without the noise of the model.)
#
# </details>
#
# ## 8. Your turn: noise in, clean out (10 minutes)
#
# > **Predict.** In each image three of ten pixels, drawn at random, are replaced by white or by black. Can you still recognise the digits? Can a network that was trained on clean images only remove
# > the noise? One that was trained on noisy ones?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# The lecture adds Gaussian noise. Write another kind, known as salt and pepper: `salt_and_pepper(x, share)` replaces each pixel with the
# probability `share` by 0 or by 1, both equally likely, and keeps the others. It returns a new tensor of the shape of `x`, with another draw each time.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Two draws for each pixel: is it replaced, and if so, is it 0 or 1? `torch.rand_like(x) < share` is true with the probability `share`.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `replaced = torch.rand_like(x) < share`
#
# </details>


# %% tags=["exercise"]
def salt_and_pepper(x, share):
    return None  # your turn


# %% tags=["check"]
attempt(checks.salt_and_pepper, salt_and_pepper)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def salt_and_pepper(x, share):
    replaced = torch.rand_like(x) < share
    return torch.where(replaced, torch.rand_like(x).round(), x)


# %%
def spoil(x):
    return tensor(salt_and_pepper(x, 0.3))


torch.manual_seed(0)
denoisers = {}
for name, corrupt in {"clean only": None, "denoiser": spoil}.items():
    denoisers[name] = vae.Autoencoder(shape, 8)
    vae.train(denoisers[name], images, 0, 40, vae.squared_error, corrupt)
noisy = spoil(x)
with torch.no_grad():
    rows = {name: each.decode(each.encode(noisy)) for name, each in denoisers.items()}
rows = {"noisy": noisy, **rows, "image": x}
error = {name: float((each - x).pow(2).mean()) for name, each in rows.items()}
for name in ("noisy", *denoisers):
    print(f"squared error, {name}: {error[name]:.3f}")
figures.Shown(
    drawings.strip({name: each[:10] for name, each in rows.items()}, 2.4),
    "Ten noisy test images, the outputs of the network trained on clean images and of the denoiser, and the clean images.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Most digits can still be recognised, with some effort. The network trained on clean images removes about half of the squared error, since its output is always put together from
# what digits look like, but it often draws another digit. The denoiser's error is lower still; where it was unsure its output is grey.
#
# </details>
#
# ## Go further
#
# - Write `beta` into your loss, and train with 0.1, 1 and 10. Watch both terms, and the map.
# - Feed the denoiser its own output again and again, beginning with nothing but noise. What comes out? (The lecture on diffusion trains a network for it.)
# - Train a VAE on the images of a single digit. What do its two numbers mean now?
# - Find unusual images: those with the lowest ELBO, here as a mean over 20 draws from each posterior. Can you recognise them?

# %%
with torch.no_grad():
    mean, logvar = model.posterior(x)
    decoded = [model.decoder(z) for z in sample_posterior(mean, logvar, 20)]
    likelihoods = torch.stack([log_likelihood(each, x, vae.SIGMA) for each in decoded])
    posterior = mean, (logvar / 2).exp()
    prior = torch.zeros_like(mean), torch.ones_like(mean)
    elbo = likelihoods.mean(dim=0) - kl_of_gaussians(*posterior, *prior)
odd, usual = elbo.argsort()[:10], elbo.argsort()[-10:]
figures.Shown(
    drawings.strip({"odd": x[odd], "usual": x[usual]}, 1.5),
    "Ten test images with the lowest ELBO, which are crooked or bold, and ten with the highest, which are written in the usual way.",
)

# %%
assert error["denoiser"] < error["noisy"] / 2
assert history["validation_loss"][-1] < history["validation_loss"][0]
assert float(elbo[usual].mean()) > float(elbo[odd].mean()) + 10
print("your VAE is trained, and your denoiser removes noise")
