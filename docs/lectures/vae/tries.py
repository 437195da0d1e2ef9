"""The variational autoencoder: lines to try and change below the code of the page."""

import torch

from neuronup.gaussians import kl, reparameterise
from neuronup.images import load
from vae import VAE, Autoencoder, elbo_terms, negative_elbo, squared_error, train

# --8<-- [start:autoencoder]
shape, x = torch.Size([1, 28, 28]), torch.rand(3, 1, 28, 28)
for latent in 2, 16, 784:  # with 784, is there still a bottleneck?
    model = Autoencoder(shape, latent)
    many = sum(part.numel() for part in model.parameters())
    print(tuple(model.encode(x).shape), tuple(model(x).shape), many, "parameters")

# --8<-- [end:autoencoder]
# --8<-- [start:train]
images = load("digits", seed=0)
torch.manual_seed(0)
model = Autoencoder(images.train.x.shape[1:], latent=2)  # how much do 16 gain?
history = train(model, images, seed=0, epochs=10, loss=squared_error)
print([round(loss, 3) for loss in history["validation_loss"]])

# --8<-- [end:train]
# --8<-- [start:kl]
mean = torch.tensor([[0.0], [1.0], [0.0], [0.0]])
logvar = torch.tensor([[0.0], [0.0], [-2.0], [2.0]])  # why is the first divergence 0?
print(kl(mean, logvar))

# --8<-- [end:kl]
# --8<-- [start:reparameterise]
torch.manual_seed(0)  # another seed: what stays?
mu, logvar = (torch.zeros(4, 1, requires_grad=True) for _ in range(2))
z = reparameterise(mu, logvar)
by_mean, by_logvar = torch.autograd.grad(z.sum(), (mu, logvar))
print("z         ", z.detach().flatten())
print("dz/dmean  ", by_mean.flatten())
print("dz/dlogvar", by_logvar.flatten())

# --8<-- [end:reparameterise]
# --8<-- [start:elbo]
torch.manual_seed(0)
untrained = VAE(images.test.x.shape[1:], latent=2)
output = untrained(images.test.x)
likelihood, divergence = elbo_terms(output, images.test.x)
print(f"log-likelihood {likelihood.mean():.1f}, KL {divergence.mean():.3f}")
for beta in 0.0, 1.0, 100.0:  # an untrained code says nothing: what does beta change?
    print(f"beta {beta}: loss {negative_elbo(beta)(output, images.test.x):.1f}")

# --8<-- [end:elbo]
