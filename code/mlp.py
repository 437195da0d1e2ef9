"""The multilayer perceptron: hidden neurons find features, ten others weigh them.

An image is laid out as a row of pixels. One layer turns it into the activations of 128
hidden neurons, a second one turns these into a logit for each digit, and the loop
of the course changes all weights until the logit of the true digit is the largest.

Source: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to
document recognition", Proceedings of the IEEE 86(11), 1998.
"""

from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import torch
from sklearn.datasets import load_sample_images
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, cross_entropy
from tqdm import tqdm

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.accuracy import accuracy
from neuronup.checkpoint import History
from neuronup.command import folder, keep, record, run
from neuronup.images import Images, Name, load, translate
from neuronup.loaders import Examples, Loader
from neuronup.loop import best_epoch, fit, predict
from neuronup.metrics import confusion_matrix
from neuronup.one_hot import one_hot
from neuronup.seeds import mean

# --8<-- [start:network]
HIDDEN = 128


def network(images: Images, hidden: int) -> nn.Sequential:
    """Make a network from images (n, channels, height, width) to (n, classes)."""
    pixels = images.train.x[0].numel()
    return nn.Sequential(
        nn.Flatten(),  # (n, pixels): each image a row
        nn.Linear(pixels, hidden),
        nn.ReLU(),
        nn.Linear(hidden, len(images.classes)),  # a logit for each class
    )


def untrained(images: Images, seed: int) -> nn.Sequential:
    """Make the network with which the run called `seed` starts."""
    torch.manual_seed(seed)
    return network(images, HIDDEN).to(images.train.x.device)


# --8<-- [end:network]
# --8<-- [start:train]
RATE = 2e-3  # of 1e-3, 2e-3, 5e-3, 1e-2 the lowest loss on validation images


def train(model: nn.Module, images: Images, seed: int, epochs: int) -> History:
    """Train `model` in batches of 128, until 2 epochs have brought no lower loss."""
    batches = Loader(images.train, batch_size=128, seed=seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    return fit(model, batches, images.validation, optimiser, epochs, patience=2)


# --8<-- [end:train]
# --8<-- [start:baselines]
def logistic_regression(images: Images) -> nn.Sequential:
    """Make one neuron a class, and no hidden layer."""
    pixels = images.train.x[0].numel()
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, len(images.classes)))


class NearestNeighbour(nn.Module):
    """Predict the label of the training image that is closest; learn nothing."""

    def __init__(self, images: Images) -> None:
        super().__init__()
        self.x, self.y = images.train.x.flatten(1), images.train.y
        self.classes = len(images.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the labels one-hot (n, classes), as if they were logits."""
        closest = torch.cdist(x.flatten(1), self.x).argmin(dim=1)
        return one_hot(self.y[closest], self.classes)


# --8<-- [end:baselines]
# --8<-- [start:confidence]
def confidence(z: Tensor) -> Tensor:
    """Return the largest probability of each of the logits z (n, classes): (n,)."""
    return z.softmax(dim=1).amax(dim=1)


class Misclassified(NamedTuple):
    """A test image x (channels, height, width) with a wrong prediction."""

    x: Tensor
    label: int
    prediction: int
    confidence: float


def misclassified(model: nn.Module, test: Examples) -> list[Misclassified]:
    """List the test images that `model` misclassifies."""
    z = predict(model, test.x)
    prediction, sure = z.argmax(dim=1), confidence(z)
    wrong = (prediction != test.y).nonzero()[:, 0].tolist()
    return [
        Misclassified(test.x[i], int(test.y[i]), int(prediction[i]), float(sure[i]))
        for i in wrong
    ]


# --8<-- [end:confidence]
# --8<-- [start:corruptions]
def corrupted(x: Tensor, seed: int) -> dict[str, Tensor]:
    """Return images x (n, channels, height, width), corrupted in five ways."""
    drawn = torch.Generator().manual_seed(seed)
    noise = torch.randn(x.shape, generator=drawn, device="cpu").to(x.device)
    return {
        "shift_1": translate(x, right=1, down=0),
        "shift_2": translate(x, right=2, down=0),
        "shift_4": translate(x, right=4, down=0),
        "noise": (x + 0.3 * noise).clamp(0, 1),
        "inverted": 1 - x,
    }


def photographs(like: Tensor) -> Tensor:
    """Cut two photographs into 80 squares, shaped as the images `like` (n, c, h, w)."""
    photos = torch.stack([torch.tensor(p) for p in load_sample_images().images])
    photos = photos.to(like.device) / 255  # (2, height, width, 3)
    cut = photos.permute(0, 3, 1, 2).unfold(2, 80, 80).unfold(3, 80, 80)
    squares = cut.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)  # (80, 3, 80, 80)
    size = like.shape[2], like.shape[3]
    small = adaptive_avg_pool2d(squares, size)
    return small if like.shape[1] == 3 else small.mean(dim=1, keepdim=True)


# --8<-- [end:corruptions]
# --8<-- [start:influential]
def most_influential(model: nn.Sequential) -> Tensor:
    """Find the hidden neuron with the most influence on each class: (classes,)."""
    first, _, last, _ = model.parameters()  # (hidden, pixels), ..., (classes, hidden)
    return (last * first.norm(dim=1)).argmax(dim=1)


# --8<-- [end:influential]
# --8<-- [start:coarse]
def coarse(images: Images) -> Images:
    """Average the images over squares of 4 by 4 pixels."""
    parts = (
        Examples(avg_pool2d(x, 4), y)
        for x, y in (images.train, images.validation, images.test)
    )
    return Images(images.classes, *parts)


# --8<-- [end:coarse]
def score(z: Tensor, y: Tensor, name: str) -> dict[str, float]:
    """Measure logits z (n, classes) of the images called `name` against labels y."""
    accurate = {f"network_{name}": float(accuracy(z, y))}
    return accurate | measure_confidence(z, name)


def measure_confidence(z: Tensor, name: str) -> dict[str, float]:
    """Average the confidence of logits z (n, classes); how often is it above 90 %?"""
    sure = confidence(z)
    return {
        f"sure_{name}": float(sure.mean()),
        f"bold_{name}": float((sure > 0.9).float().mean()),
    }


FARTHEST = 6  # pixels to the right


def moved(model: nn.Module, test: Examples) -> Tensor:
    """Measure accuracy and confidence on images moved to the right: (2, pixels)."""
    views = (translate(test.x, right, down=0) for right in range(FARTHEST + 1))
    z = [predict(model, view) for view in views]
    rows = [
        (float(accuracy(each, test.y)), float(confidence(each).mean())) for each in z
    ]
    return torch.tensor(rows).T


class Trial(NamedTuple):
    """One split of the images, the network trained on it, and its scores."""

    images: Images
    model: nn.Sequential
    history: History
    scores: dict[str, float]


def trial(name: Name, seed: int, epochs: int, device: torch.device) -> Trial:
    """Go the whole way once: load, make, train, evaluate, break."""
    images = load(name, seed).to(device)
    x, y = images.test
    model, logistic = untrained(images, seed), logistic_regression(images).to(device)
    scores = {"loss_start": float(cross_entropy(predict(model, x), y))}
    start = perf_counter()
    history = train(model, images, seed, epochs)
    scores["seconds"] = perf_counter() - start
    train(logistic, images, seed, epochs)
    scores["best"] = best_epoch(history) + 1
    scores["loss"] = float(cross_entropy(predict(model, x), y))
    scores["logistic_whole"] = float(accuracy(predict(logistic, x), y))
    for state, view in ({"whole": x} | corrupted(x, seed)).items():
        scores |= score(predict(model, view), y, state)
    scores |= measure_confidence(predict(model, photographs(x)), "photo")
    return Trial(images, model, history, scores)


def neighbours(first: Trial, seed: int) -> dict[str, float]:
    """Compare with the nearest neighbour, on about 1,000 test images: it is slow."""
    every = max(1, len(first.images.test.y) // 1000)
    x, y = (each[::every] for each in first.images.test)
    nearest = NearestNeighbour(first.images)
    scores = {
        f"nearest_{state}": float(accuracy(predict(nearest, view), y))
        for state, view in ({"whole": x} | corrupted(x, seed)).items()
    }
    same = float(accuracy(predict(first.model, x), y))
    return scores | {"sampled": len(y), "network_sample": same}


def coarsely(first: Trial, seed: int, epochs: int) -> dict[str, float]:
    """Train on images of a quarter of the width; then move them by a pixel."""
    images = coarse(first.images)
    model, (x, y) = untrained(images, seed), images.test
    train(model, images, seed, epochs)
    one = translate(x, right=1, down=0)
    return {
        "coarse_whole": float(accuracy(predict(model, x), y)),
        "coarse_shift_1": float(accuracy(predict(model, one), y)),
    }


def confusions(trials: list[Trial]) -> Tensor:
    """Count test images of all trials by label and prediction: (classes, classes)."""
    classes = len(trials[0].images.classes)
    counts = torch.zeros(classes, classes, dtype=torch.long)
    for each in trials:
        prediction = predict(each.model, each.images.test.x).argmax(dim=1)
        counts += confusion_matrix(each.images.test.y, prediction, classes).cpu()
    return counts


def most_confused(counts: Tensor) -> dict[str, int]:
    """Find the most common mistake in counts (classes, classes)."""
    mistakes = counts - counts.diag().diag()
    label, prediction = divmod(int(mistakes.argmax()), len(counts))
    return {
        "confused_label": label,
        "confused_prediction": prediction,
        "confused_times": int(mistakes.max()),
    }


def summary(trials: list[Trial], wrong: list[Misclassified]) -> dict[str, float]:
    """Boil the trials down to the mean of every score, and what they have in common."""
    images, model = trials[0].images, trials[0].model
    accuracies = [each.scores["network_whole"] for each in trials]
    return mean([each.scores for each in trials]) | {
        "train": len(images.train.y),
        "validation": len(images.validation.y),
        "test": len(images.test.y),
        "classes": len(images.classes),
        "hidden": HIDDEN,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "logistic_parameters": (images.train.x[0].numel() + 1) * len(images.classes),
        "nearest_numbers": images.train.x.numel(),
        "blank": int((images.train.x == 0).all(dim=0).sum()),
        "pixel_low": float(images.train.x.min()),
        "pixel_high": float(images.train.x.max()),
        "network_low": min(accuracies),
        "network_high": max(accuracies),
        "mistakes": len(wrong),
        "evaluated": sum(len(each.images.test.y) for each in trials),
        "sure_mistakes": sum(each.confidence for each in wrong) / max(1, len(wrong)),
    }


def main(
    data: Name = "mnist",
    seed: int = 0,
    epochs: int = 10,
    device: devices.Device = "auto",
    out: Path | None = None,
) -> None:
    """Train a network to classify digits, three times; look at what it gets wrong.

    Args:
        data: The images to learn from; the digits have 8 by 8 pixels, MNIST 28 by 28.
        seed: How the images are split, and where training starts; and the next two.
        epochs: Passes over the images at most; training stops early.
        device: Where to compute; on a GPU results differ, as between seeds.
        out: Folder for metrics.json and the results that drawings.py draws; without
            it, only lines are printed.
    """
    folder(out)
    used = devices.pick(device)
    seeds = tqdm(range(seed, seed + 3), desc="seeds", disable=None)
    trials = [trial(data, each, epochs, used) for each in seeds]
    wrong = [misclassified(each.model, each.images.test) for each in trials]
    first, counts = trials[0], confusions(trials)
    every = [mistake for one in wrong for mistake in one]
    numbers = summary(trials, every) | most_confused(counts)
    numbers |= neighbours(first, seed) | coarsely(first, seed, epochs)
    surest = sorted(wrong[0], key=lambda each: -each.confidence)[:10]
    numbers["sure_worst"] = max((each.confidence for each in surest), default=0.0)
    shape = tuple(first.images.train.x.shape)
    print(REPORT.format(data=data, shape=shape, **numbers))
    if out is not None:
        measured = [moved(each.model, each.images.test) for each in trials]
        shown = [each._replace(x=each.x.cpu().clone())._asdict() for each in surest]
        keep(
            out,
            data=data,
            seed=seed,
            weights={k: value.cpu() for k, value in first.model.state_dict().items()},
            history=first.history,
            confusions=counts,
            mistakes=shown,
            moved=torch.stack(measured),  # (seeds, 2, pixels)
            scores=numbers,
        )
        record(out, seed, used, **numbers)


REPORT = """\
{data}: images {shape} to train on, from {pixel_low:.0f} to {pixel_high:.0f}
  {classes} classes; {validation:,} images for validation, {test:,} to test
a network of {hidden} hidden neurons, {parameters:,} parameters; means of 3 seeds:
  loss on test images {loss_start:.2f} before training, {loss:.2f} after \
{best:.0f} epochs
  accuracy on test images {network_whole:.1%} (from {network_low:.1%} to \
{network_high:.1%}), trained in {seconds:.0f} s
  logistic regression {logistic_whole:.1%}
  nearest neighbour {nearest_whole:.1%} of {sampled:,} test images, the network \
{network_sample:.1%} of them
  {mistakes} mistakes in {evaluated:,}; mean confidence in these {sure_mistakes:.0%}, \
in all {sure_whole:.0%}
accuracy and mean confidence on corrupted images:
  1 pixel to the right {network_shift_1:.0%}, {sure_shift_1:.0%}; \
2 pixels {network_shift_2:.0%}, {sure_shift_2:.0%}; \
4 pixels {network_shift_4:.0%}, {sure_shift_4:.0%}
  noise {network_noise:.0%}, {sure_noise:.0%}; \
inverted {network_inverted:.0%}, {sure_inverted:.0%}
  squares of photographs, no digits: confidence {sure_photo:.0%}
averaged over 4 by 4 pixels: accuracy {coarse_whole:.1%}, \
1 pixel to the right {coarse_shift_1:.0%}"""

if __name__ == "__main__":
    run(main)
