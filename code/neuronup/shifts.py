"""Distribution shift: the data in use are not those of the training, in three ways.

Built in the lecture `data`.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from neuronup.images import Images
from neuronup.loaders import Examples, Loader
from neuronup.metrics import auc, confusion_matrix, roc_curve


# --8<-- [start:apart]
def tell_apart(old: Tensor, new: Tensor, seed: int) -> nn.Sequential:
    """Train one neuron to tell new inputs (m, d) from old ones (n, d): 1 is new."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(old.shape[1], 1), nn.Flatten(0))
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    is_new = torch.cat([torch.zeros(len(old)), torch.ones(len(new))])
    for _ in range(5):
        for x, y in Loader(Examples(torch.cat([old, new]), is_new), 128, seed):
            optimiser.zero_grad()
            binary_cross_entropy_with_logits(model(x), y).backward()
            optimiser.step()
    return model.requires_grad_(False)


def distinguishability(old: Tensor, new: Tensor, seed: int) -> float:
    """Return the AUC with which inputs that were not trained on are told apart."""
    (a, old_rest), (b, new_rest) = old.tensor_split(2), new.tensor_split(2)
    z = tell_apart(a, b, seed)(torch.cat([old_rest, new_rest]))
    is_new = torch.cat([torch.zeros(len(old_rest)), torch.ones(len(new_rest))])
    return auc(roc_curve(is_new, z))


# --8<-- [end:apart]
# --8<-- [start:weights]
def importance_weights(x: Tensor, old: Tensor, new: Tensor, seed: int) -> Tensor:
    """Return p(x | new) / p(x | old) for inputs x (k, d): the odds of being new."""
    odds = tell_apart(old, new, seed)(x).exp()
    return odds * len(old) / len(new)


# --8<-- [end:weights]
# --8<-- [start:shares]
def label_weights(y: Tensor, prediction: Tensor, new: Tensor, classes: int) -> Tensor:
    """Return p(y | new) / p(y | old) for each class, without labels of new inputs.

    Of old inputs labels y (n,) and predictions (n,) are known; of new ones only the
    predictions (m,). It solves: shares of predictions = confusion matrix x weights.
    """
    joint = confusion_matrix(y, prediction, classes).float().T / len(y)
    found = new.bincount(minlength=classes) / len(new)
    return torch.linalg.lstsq(joint, found[:, None]).solution[:, 0].clamp(min=0)


# --8<-- [end:shares]
# --8<-- [start:shift_model]
def fit_images(
    train: Examples,
    classes: int,
    seed: int,
    weight: Tensor | None = None,
    model: nn.Module | None = None,
) -> nn.Module:
    """Train a small network, from scratch or on, its losses weighted by weight (n,)."""
    torch.manual_seed(seed)
    x, y = train.x, train.y
    if model is None:
        first = nn.Linear(x.shape[1], 32)
        model = nn.Sequential(first, nn.ReLU(), nn.Linear(32, classes))
    model = deepcopy(model).requires_grad_(True)  # the one given stays as it is
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    weight = torch.ones(len(y)) if weight is None else weight
    for _ in range(10):
        for xb, at in Loader(Examples(x, torch.arange(len(y))), 64, seed):
            optimiser.zero_grad()
            losses = cross_entropy(model(xb), y[at], reduction="none")
            (losses * weight[at]).mean().backward()
            optimiser.step()
    return model.requires_grad_(False)


def right_of(model: nn.Module, part: Examples, shift: Tensor | None = None) -> Tensor:
    """Say which of part (n,) are classified correctly; `shift` is added to logits."""
    z = model(part.x) if shift is None else model(part.x) + shift
    return (z.argmax(dim=1) == part.y).float()


# --8<-- [end:shift_model]
# --8<-- [start:covariate]
Pools = tuple[Examples, Examples, Examples]  # to train on, to validate, met in use


def pools(images: Images, seed: int) -> Pools:
    """Draw 6,000 training images, 3,000 to validate, 3,000 of the use; 0 is grey."""
    drawn = torch.Generator().manual_seed(seed)

    def some(part: Examples) -> Examples:
        at = torch.randperm(len(part.y), generator=drawn, device="cpu")[:6000]
        return Examples(part.x[at].flatten(1) - 0.5, part.y[at])

    train, rest = some(images.train), some(images.validation)
    one, other = (Examples(rest.x[k::2], rest.y[k::2]) for k in (0, 1))
    return train, one, other


def partly_inverted(part: Examples, share: float, seed: int) -> Examples:
    """Invert this share of the images: another scanner, for which dark is bright."""
    drawn = torch.Generator().manual_seed(seed)
    inverted = torch.rand(len(part.y), 1, generator=drawn, device="cpu") < share
    return Examples(torch.where(inverted, -part.x, part.x), part.y)


def covariate_shift(parts: Pools, classes: int, seed: int) -> dict[str, float]:
    """Train where one image in ten is inverted; use where nine are."""
    shares = (0.1, 0.1, 0.9)
    train, validation, use = (
        partly_inverted(part, share, seed + number)
        for number, (part, share) in enumerate(zip(parts, shares, strict=True))
    )
    model = fit_images(train, classes, seed)
    weight, of_training = (
        importance_weights(part.x, validation.x, use.x, seed)
        for part in (validation, train)
    )
    right = right_of(model, validation)
    weighted = fit_images(train, classes, seed, of_training / of_training.mean())
    return {
        "before": float(right.mean()),
        "use": float(right_of(model, use).mean()),
        "expected": float((weight * right).sum() / weight.sum()),
        "corrected": float(right_of(weighted, use).mean()),
        "auc": distinguishability(validation.x, use.x, seed),
        "predictions": prediction_shift(model, validation, use, classes),
    }


# --8<-- [end:covariate]
# --8<-- [start:label_shift]
def prediction_shift(
    model: nn.Module, old: Examples, new: Examples, classes: int
) -> float:
    """Share of predictions that would have to move for old and new ones to agree."""
    shares = [
        model(part.x).argmax(dim=1).bincount(minlength=classes) / len(part.y)
        for part in (old, new)
    ]
    return float((shares[0] - shares[1]).abs().sum() / 2)


def label_shift(
    model: nn.Module, parts: Pools, classes: int, seed: int
) -> dict[str, float]:
    """Let two classes, 3 and 8, make up five sixths of what is met in use."""
    _, validation, use = parts
    drawn = torch.Generator().manual_seed(seed)
    share = torch.full((classes,), 1 / 6 / (classes - 2))
    share[[3, 8]] = 5 / 12
    chance = (share / use.y.bincount(minlength=classes).clamp(min=1))[use.y]
    met = torch.multinomial(chance, len(use.y), replacement=True, generator=drawn)
    use = Examples(use.x[met], use.y[met])
    before = model(validation.x).argmax(dim=1)
    new = model(use.x).argmax(dim=1)
    weight = label_weights(validation.y, before, new, classes)
    expected = weight * validation.y.bincount(minlength=classes) / len(validation.y)
    truth, counted = (
        each.bincount(minlength=classes) / len(met) for each in (use.y, new)
    )
    return {
        "before": float(right_of(model, validation).mean()),
        "use": float(right_of(model, use).mean()),
        "corrected": float(right_of(model, use, weight.clamp(min=1e-6).log()).mean()),
        "auc": distinguishability(validation.x, use.x, seed),
        "predictions": prediction_shift(model, validation, use, classes),
        "counted_error": float((counted - truth).abs().sum() / 2),
        "solved_error": float((expected - truth).abs().sum() / 2),
    }


# --8<-- [end:label_shift]
# --8<-- [start:concept]
def concept_shift(
    model: nn.Module, parts: Pools, classes: int, seed: int
) -> dict[str, float]:
    """Let 3 mean what 8 meant, and 8 what 3 meant; then train on with new labels."""
    _, validation, use = parts
    meaning = torch.arange(classes)
    meaning[[3, 8]] = meaning[[8, 3]]
    labelled, rest = (
        Examples(use.x[at], meaning[use.y[at]]) for at in (slice(500), slice(500, None))
    )
    found = {
        "before": float(right_of(model, validation).mean()),
        "use": float(right_of(model, rest).mean()),
        "auc": distinguishability(validation.x, use.x, seed),
        "predictions": prediction_shift(model, validation, rest, classes),
    }
    model = fit_images(labelled, classes, seed, model=model)
    return {**found, "corrected": float(right_of(model, rest).mean())}


def measure_shifts(images: Images, seed: int) -> dict[str, dict[str, float]]:
    """Measure what each shift does to one small network, and what corrects it."""
    parts, classes = pools(images, seed), len(images.classes)
    model = fit_images(parts[0], classes, seed)
    return {
        "covariate": covariate_shift(parts, classes, seed),
        "label": label_shift(model, parts, classes, seed),
        "concept": concept_shift(model, parts, classes, seed),
    }


# --8<-- [end:concept]
# --8<-- [start:feedback]
def patrol(seed: int, corrected: bool, days: int = 300, rate: float = 0.3) -> Tensor:
    """Send ten inspectors a day to two districts that are alike, by past records.

    A record needs a visit. Corrected, each record counts 1 / (share of the visits).
    Returns the share of the visits to the first district after each day (days,).
    """
    drawn = torch.Generator().manual_seed(seed)
    records, share = torch.ones(2, device="cpu"), torch.tensor(0.5, device="cpu")
    visits = []
    for _ in range(days):
        first = int((torch.rand(10, generator=drawn, device="cpu") < share).sum())
        for district, sent in enumerate((first, 10 - first)):
            found = (torch.rand(sent, generator=drawn, device="cpu") < rate).sum()
            chance = share if district == 0 else 1 - share
            records[district] += found / chance if corrected else found
        share = (records[0] / records.sum()).clamp(0.02, 0.98)  # never quite nowhere
        visits.append(float(share))
    return torch.tensor(visits, device="cpu")


# --8<-- [end:feedback]
