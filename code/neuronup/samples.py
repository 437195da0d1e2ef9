"""Samples of a generative model: codes to decode, and how good the images are.

Built in the lecture `vae`.
"""

import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn
from torch.optim import Adam

from neuronup.images import Images
from neuronup.loaders import Loader
from neuronup.loop import fit, predict


# --8<-- [start:mixture]
def sample_mixture(codes: Tensor, n: int, components: int, seed: int) -> Tensor:
    """Fit a mixture of Gaussians to codes (m, k), and draw (n, k) from it."""
    mixture = GaussianMixture(components, random_state=seed)
    mixture.fit(codes.cpu().double().numpy())
    drawn = torch.Generator().manual_seed(seed)
    weights = torch.tensor(mixture.weights_)  # (components,)
    chosen = torch.multinomial(weights, n, replacement=True, generator=drawn)
    noise = torch.randn(n, codes.shape[1], 1, generator=drawn).double()
    roots = torch.linalg.cholesky(torch.tensor(mixture.covariances_))
    z = torch.tensor(mixture.means_)[chosen] + (roots[chosen] @ noise)[..., 0]
    return z.to(codes)


# --8<-- [end:mixture]
# --8<-- [start:quality]
def fit_classifier(images: Images, seed: int, epochs: int) -> nn.Module:
    """Train a network to classify images: it will evaluate samples."""
    x = images.train.x
    classifier = nn.Sequential(
        nn.Flatten(),
        nn.Linear(x[0].numel(), 128),
        nn.ReLU(),
        nn.Linear(128, len(images.classes)),
    )
    classifier.to(x.device)
    batches = Loader(images.train, batch_size=64, seed=seed)
    optimiser = Adam(classifier.parameters(), lr=0.005)
    fit(classifier, batches, images.validation, optimiser, epochs, patience=10)
    return classifier


def share_confident(classifier: nn.Module, x: Tensor) -> float:
    """Return the share of images x (n, ...) that `classifier` is over 90 % sure of."""
    confidence = predict(classifier, x).softmax(dim=1).amax(dim=1)
    return float((confidence > 0.9).float().mean())


def sample_distances(x: Tensor, real: Tensor) -> dict[str, float]:
    """Measure how far samples x (n, ...) are from real images (m, ...), and back."""
    distance = torch.cdist(x.flatten(1), real.flatten(1))  # (n, m)
    return {
        "near": float(distance.amin(dim=1).mean()),  # is each like something real?
        "missed": float(distance.amin(dim=0).mean()),  # is each real one matched?
    }


def sample_quality(x: Tensor, real: Tensor, classifier: nn.Module) -> dict[str, float]:
    """Evaluate samples x (n, ...) by real images (m, ...) and by a classifier."""
    return {"sure": share_confident(classifier, x), **sample_distances(x, real)}


# --8<-- [end:quality]
