"""What a classifier is worth: precision, recall, F1, ROC curve, calibration.

Built in the lecture `data`.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad


# --8<-- [start:confusion]
def confusion_matrix(y: Tensor, prediction: Tensor, classes: int) -> Tensor:
    """Count (classes, classes) examples by label y (n,), a row each, and prediction."""
    return (
        (y * classes + prediction).bincount(minlength=classes**2).reshape(classes, -1)
    )


class ClassScores(NamedTuple):
    """What a classifier is worth for each class: three tensors (classes,)."""

    precision: Tensor  # of those it predicts, how many are
    recall: Tensor  # of those that are, how many it predicts
    f1: Tensor  # high only if both are


def class_scores(counts: Tensor) -> ClassScores:
    """Read them off a confusion matrix (classes, classes); 0 of 0 counts as 0."""
    correct, predicted = counts.diagonal(), counts.sum(dim=0)
    labelled = counts.sum(dim=1)
    f1 = 2 * correct / (predicted + labelled)
    shares = (correct / predicted, correct / labelled, f1)
    return ClassScores(*(share.nan_to_num(0.0) for share in shares))


# --8<-- [end:confusion]
# --8<-- [start:roc]
class RocCurve(NamedTuple):
    """What each threshold gives, if all scores from it on are called positive: (k,)."""

    false_positive_rate: Tensor  # share of the negatives
    true_positive_rate: Tensor  # share of the positives: the recall
    thresholds: Tensor


def roc_curve(y: Tensor, score: Tensor) -> RocCurve:
    """Sweep the threshold over the scores (n,) of examples y (n,), 0 or 1.

    Raises ValueError if one of the two is absent: its share would be of nothing.
    """
    if not 0 < y.sum() < len(y):
        raise ValueError("A ROC curve needs examples of both classes.")
    score, order = score.sort(descending=True)
    positive = y[order].bool()
    last = torch.cat([score.diff() != 0, torch.tensor([True], device=score.device)])
    counts = ((~positive).cumsum(0)[last], positive.cumsum(0)[last])  # ties as one
    false_positive_rate, true_positive_rate = (
        pad(count / count[-1], (1, 0)) for count in counts
    )
    thresholds = pad(score[last], (1, 0), value=torch.inf)  # from none on
    return RocCurve(false_positive_rate, true_positive_rate, thresholds)


def auc(curve: RocCurve) -> float:
    """Area under the curve: how often a positive outscores a negative, ties half."""
    return float(torch.trapezoid(curve.true_positive_rate, curve.false_positive_rate))


def best_threshold(y: Tensor, score: Tensor) -> float:
    """Return the threshold of the highest F1 on y (n,), score (n,): not the test's."""
    curve, positives = roc_curve(y, score), y.sum()
    true_positives = curve.true_positive_rate * positives
    false_positives = curve.false_positive_rate * (len(y) - positives)
    f1 = 2 * true_positives / (true_positives + false_positives + positives)
    return float(curve.thresholds[f1.argmax()])


# --8<-- [end:roc]
# --8<-- [start:calibration]
class CalibrationCurve(NamedTuple):
    """Examples in bins of predicted probability, the empty ones left out: (bins,)."""

    predicted: Tensor  # mean probability of a positive, as the model says
    observed: Tensor  # share of positives, as it turned out
    examples: Tensor  # in each bin


def calibration_curve(y: Tensor, p: Tensor, bins: int = 5) -> CalibrationCurve:
    """Sort examples y (n,), 0 or 1, by the probability p (n,) that they are 1."""
    edges = torch.linspace(0, 1, bins + 1, dtype=p.dtype, device=p.device)
    place = torch.bucketize(p, edges[1:-1])
    count = place.bincount(minlength=bins)
    filled = count > 0
    predicted, observed = (
        place.bincount(each.to(p.dtype), bins) / count for each in (p, y)
    )
    return CalibrationCurve(predicted[filled], observed[filled], count[filled])


def expected_calibration_error(curve: CalibrationCurve) -> float:
    """Mean gap between what is predicted and what is observed: ECE."""
    gaps = (curve.predicted - curve.observed).abs() * curve.examples
    return float(gaps.sum() / curve.examples.sum())


# --8<-- [end:calibration]
