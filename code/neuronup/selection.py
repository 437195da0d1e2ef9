"""Model selection: folds to validate on, and by how much the winner is overrated.

Built in the lecture `overfitting`.
"""

from collections.abc import Callable

import torch
from torch import Tensor


# --8<-- [start:folds]
def cross_validation_folds(n: int, k: int, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Divide n places into k folds; list each fold (m,), after all others (n - m,)."""
    drawn = torch.Generator().manual_seed(seed)
    folds = torch.randperm(n, generator=drawn, device="cpu").tensor_split(k)
    return [
        (torch.cat([*folds[:each], *folds[each + 1 :]]), folds[each])
        for each in range(k)
    ]


Fit = Callable[[Tensor, Tensor], Callable[[Tensor], Tensor]]  # x, y to a function


def cross_validate(x: Tensor, y: Tensor, fit: Fit, seed: int, k: int = 5) -> Tensor:
    """Validate a way to fit x (n,), y (sets, n): mean squared error (sets,)."""
    errors = torch.zeros_like(y)
    for train, validation in cross_validation_folds(len(x), k, seed):
        predict = fit(x[train], y[:, train])
        errors[:, validation] = (predict(x[validation]) - y[:, validation]).square()
    return errors.mean(dim=1)


# --8<-- [end:folds]
# --8<-- [start:optimism]
def optimism(
    validation: Tensor, test: Tensor, tries: int, examples: int, seed: int
) -> tuple[float, float]:
    """Pick the best of a few tries by a few validation examples, again and again.

    Rows of validation (all, n) and test (all, m) say which are correct. Returns
    the winner's mean accuracy on the examples that chose it, and on the test images.
    """
    drawn, scores = torch.Generator().manual_seed(seed), []
    for _ in range(400):
        some = torch.randperm(len(validation), generator=drawn)[:tries]
        few = torch.randperm(validation.shape[1], generator=drawn)[:examples]
        each = validation[some][:, few].double().mean(dim=1)
        winner = int(each.argmax())
        scores.append([float(each[winner]), float(test[some[winner]].double().mean())])
    seen, unseen = torch.tensor(scores).mean(dim=0).tolist()
    return seen, unseen


def random_predictions(many: int, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Predict one of ten classes by chance: which are right (many, n), twice."""
    drawn = torch.Generator().manual_seed(seed)
    first, second = (torch.rand(many, n, generator=drawn) < 0.1 for _ in range(2))
    return first, second


# --8<-- [end:optimism]
