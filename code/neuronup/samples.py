"""What samples of a generative model are worth: are they clear, real, and varied?

Built in the lecture `vae`.
"""

import torch
from torch import Tensor, nn
from torch.optim import Adam

from neuronup.images import Images
from neuronup.loaders import Loader
from neuronup.loop import fit, predict


# --8<-- [start:quality]
def fit_classifier(images: Images, seed: int, epochs: int) -> nn.Module:
    """Train a network to tell the classes apart: it will evaluate samples."""
    x = images.train.x
    classifier = nn.Sequential(
        nn.Flatten(),
        nn.Linear(x[0].numel(), 128),
        nn.ReLU(),
        nn.Linear(128, len(images.classes)),
    )
    classifier.to(x.device)
    batches = Loader(images.train, max(32, len(x) // 15), seed)
    optimiser = Adam(classifier.parameters(), lr=0.005)
    fit(classifier, batches, images.validation, optimiser, epochs, patience=10)
    return classifier


def share_confident(classifier: nn.Module, x: Tensor) -> float:
    """Return the share of images x (n, ...) that `classifier` is over 90 % sure of."""
    confidence = predict(classifier, x).softmax(dim=1).amax(dim=1)
    return float((confidence > 0.9).float().mean())


def sample_quality(x: Tensor, real: Tensor, classifier: nn.Module) -> dict[str, float]:
    """Evaluate samples x (n, ...) by real images (m, ...) and by a classifier."""
    distance = torch.cdist(x.flatten(1), real.flatten(1))  # (n, m)
    return {
        "sure": share_confident(classifier, x),
        "near": float(distance.amin(dim=1).mean()),  # is each like something real?
        "missed": float(distance.amin(dim=0).mean()),  # is each real one matched?
    }


# --8<-- [end:quality]
