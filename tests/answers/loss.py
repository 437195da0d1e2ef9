"""Answers to the lab on losses."""

import math

import numpy as np
import torch
from torch.nn import functional

from answers import right, wrong


@right("smooth_l1")
def by_parts(prediction, y, beta):
    error = torch.abs(prediction - y)
    small = (error < beta).float()
    return small * error**2 / (2 * beta) + (1 - small) * (error - beta / 2)


@right("smooth_l1")
def smooth_with_numpy(prediction, y, beta):
    error = np.abs(prediction.numpy() - y.numpy()).astype(np.float64)
    return np.where(error <= beta, error**2 / (2 * beta), error - beta / 2)


@right("smooth_l1")
def clamped(prediction, y, beta):
    error = (prediction - y).abs()
    near = error.clamp(max=beta)
    return near * (error - near / 2) / beta


@right("smooth_l1")
def nested_loops(prediction, y, beta):
    def one(p, t):
        e = abs(p - t)
        return e * e / 2 / beta if e <= beta else e - beta / 2

    def each(p, t):
        return [each(a, b) for a, b in zip(p, t, strict=True)] if isinstance(p, list) else one(p, t)

    found = each(prediction.tolist(), y.tolist())
    return torch.tensor(found)


@right("smooth_l1")
def filled_in(prediction, y, beta):
    error = prediction - y
    result = error**2 / (2 * beta)
    far = error.abs() > beta
    result[far] = error[far].abs() - 0.5 * beta
    return result


@right("smooth_l1")
def a_list(prediction, y, beta):
    return list(functional.smooth_l1_loss(prediction, y, reduction="none", beta=beta))


@wrong("smooth_l1", "this is Huber's loss")
def huber(prediction, y, beta):
    error = (prediction - y).abs()
    return torch.where(error <= beta, error**2 / 2, beta * (error - beta / 2))


@wrong("smooth_l1", "subtract beta / 2")
def line_from_the_origin(prediction, y, beta):
    error = (prediction - y).abs()
    return torch.where(error <= beta, error**2 / (2 * beta), error)


@wrong("smooth_l1", "at beta the parabola is beta / 2, not 0")
def line_from_beta(prediction, y, beta):
    error = (prediction - y).abs()
    return torch.where(error <= beta, error**2 / (2 * beta), error - beta)


@wrong("smooth_l1", "on both sides: compare the size")
def without_abs(prediction, y, beta):
    error = prediction - y
    return torch.where(error <= beta, error**2 / (2 * beta), error - beta / 2)


@wrong("smooth_l1", "on the left the loss rises too")
def abs_in_the_condition_only(prediction, y, beta):
    error = prediction - y
    return torch.where(error.abs() <= beta, error**2 / (2 * beta), error - beta / 2)


@wrong("smooth_l1", "half the square")
def half_forgotten(prediction, y, beta):
    error = (prediction - y).abs()
    return torch.where(error <= beta, error**2 / beta, error - beta / 2)


@wrong("smooth_l1", "no mean or sum yet")
def mean_of_it(prediction, y, beta):
    return functional.smooth_l1_loss(prediction, y, beta=beta)


@wrong("smooth_l1", "this is the loss for beta = 1")
def beta_ignored(prediction, y, beta):
    return functional.smooth_l1_loss(prediction, y, reduction="none")


@wrong("smooth_l1", "with beta 0.4")
def two_by_heart(prediction, y, beta):
    error = (prediction - y).abs()
    return torch.where(error <= 2, error**2 / 4, error - 1)


@wrong("smooth_l1", "changed the tensor")
def in_place(prediction, y, beta):
    prediction -= y
    return functional.smooth_l1_loss(prediction, torch.zeros_like(y), reduction="none", beta=beta)


@wrong("smooth_l1", "`if error <= beta:`, stopped with")
def one_number_at_a_time(prediction, y, beta):
    error = (prediction - y).abs()
    if error <= beta:
        return error**2 / (2 * beta)
    return error - beta / 2


@right("naive_loss")
def gathered(z, label):
    e = z.exp()
    return -torch.log(e / e.sum(1, keepdim=True)).gather(1, label[:, None]).squeeze(1)


@right("naive_loss")
def row_by_row(z, label):
    losses = []
    for row, y in zip(z, label, strict=True):
        losses.append(-math.log(math.exp(row[y]) / sum(math.exp(each) for each in row)))
    return losses


@right("naive_loss")
def naive_with_numpy(z, label):
    e = np.exp(z.numpy().astype(np.float64))
    q = e / e.sum(axis=1, keepdims=True)
    return -np.log(q[np.arange(len(q)), label.numpy()])


@right("naive_loss")
def with_a_one_hot_label(z, label):
    p = functional.one_hot(label, z.shape[1]).double()
    return -torch.einsum("nk,nk->n", p, torch.softmax(z.double(), dim=1).log())


@right("naive_loss")
def diagonal(z, label):
    return -torch.softmax(z, dim=1)[:, label].diagonal().log()


@right("naive_loss")
def a_list_of_tensors(z, label):
    return [torch.exp(z[i]).sum().log() - z[i, label[i]] for i in range(len(z))]


@wrong("naive_loss", "index the row too")
def columns(z, label):
    return -torch.softmax(z, dim=1)[:, label].log()


@wrong("naive_loss", "take the class of the label")
def first_column(z, label):
    return -torch.softmax(z, dim=1)[:, 0].log()


@wrong("naive_loss", "this takes the most probable class")
def largest(z, label):
    return -torch.softmax(z, dim=1).amax(dim=1).log()


@wrong("naive_loss", "this is the probability of the label")
def no_logarithm(z, label):
    return torch.softmax(z, dim=1)[torch.arange(len(z)), label]


@wrong("naive_loss", "a loss is not negative")
def no_minus(z, label):
    return torch.log_softmax(z, dim=1)[torch.arange(len(z)), label]


@wrong("naive_loss", "dim=1, not over the examples")
def over_the_examples(z, label):
    q = torch.exp(z) / torch.exp(z).sum(dim=0)
    return -q[torch.arange(len(z)), label].log()


@wrong("naive_loss", "softmax first")
def bare_logits(z, label):
    return -z[torch.arange(len(z)), label]


@wrong("naive_loss", "no mean or sum yet")
def naive_mean(z, label):
    return functional.cross_entropy(z, label)


@wrong("naive_loss", "the natural logarithm")
def in_bits(z, label):
    return functional.cross_entropy(z, label, reduction="none") / math.log(2)


@wrong("naive_loss", "the sum over all classes")
def denominator_only(z, label):
    return torch.exp(z).sum(dim=1).log()


@wrong("naive_loss", "adds up minus the logarithms of all")
def every_class(z, label):
    return -torch.log_softmax(z, dim=1).sum(dim=1)


@wrong("naive_loss", "stopped with RuntimeError")
def sum_without_keepdim(z, label):
    return -(torch.exp(z) / torch.exp(z).sum(dim=1))[torch.arange(len(z)), label].log()


@wrong("naive_loss", "softmax twice")
def softmax_twice(z, label):
    return functional.cross_entropy(torch.softmax(z, dim=1), label, reduction="none")


@right("stable_loss")
def one_sum(z, label, smoothing):
    top = z.amax(dim=1)
    total = top + torch.exp(z - top[:, None]).sum(dim=1).log()
    return total - (1 - smoothing) * z[torch.arange(len(z)), label] - smoothing * z.mean(dim=1)


@right("stable_loss")
def with_smoothed_labels(z, label, smoothing):
    k = z.shape[1]
    p = torch.full(z.shape, smoothing / k)
    p[range(len(z)), label] += 1 - smoothing
    return -(p * torch.log_softmax(z, dim=1)).sum(dim=1)


@right("stable_loss")
def stable_with_numpy(z, label, smoothing):
    z = z.numpy().astype(np.float64)
    below = z - z.max(axis=1, keepdims=True)
    surprise = np.log(np.exp(below).sum(axis=1, keepdims=True)) - below
    return (1 - smoothing) * surprise[np.arange(len(z)), label.numpy()] + smoothing * surprise.mean(axis=1)


@right("stable_loss")
def in_loops(z, label, smoothing):
    found = []
    for row, y in zip(z.tolist(), label.tolist(), strict=True):
        m, k = max(row), len(row)
        surprise = [m + math.log(sum(math.exp(each - m) for each in row)) - each for each in row]
        p = [smoothing / k + (1 - smoothing if i == y else 0) for i in range(k)]
        found.append(sum(a * b for a, b in zip(p, surprise, strict=True)))
    return found


@right("stable_loss")
def with_logsumexp(z, label, smoothing):
    surprise = torch.logsumexp(z, 1, keepdim=True) - z
    picked = surprise.gather(1, label.unsqueeze(1)).squeeze(1)
    return torch.lerp(picked, surprise.mean(1), smoothing)


def stably(change):
    """Make an answer that smooths labels as `change` says, given all surprises, those of the labels and the share."""

    def stable_loss(z, label, smoothing):
        surprise = -torch.log_softmax(z, dim=1)
        return change(surprise, surprise[torch.arange(len(z)), label], smoothing)

    return stable_loss


wrong("stable_loss", "use smoothing", stably(lambda all, own, s: own))
wrong(
    "stable_loss",
    "not smoothing / (K - 1)",
    stably(lambda all, own, s: (1 - s) * own + s / (all.shape[1] - 1) * (all.sum(1) - own)),
)
wrong(
    "stable_loss",
    "gets its share smoothing / K as well",
    stably(lambda all, own, s: (1 - s) * own + s / all.shape[1] * (all.sum(1) - own)),
)
wrong("stable_loss", "divide the share", stably(lambda all, own, s: (1 - s) * own + s * all.sum(1)))
wrong("stable_loss", "it keeps 1 - smoothing", stably(lambda all, own, s: own + s * all.mean(1)))
wrong("stable_loss", "not the other way round", stably(lambda all, own, s: s * own + (1 - s) * all.mean(1)))
wrong("stable_loss", "a loss is not negative", stably(lambda all, own, s: -(1 - s) * own - s * all.mean(1)))
wrong("stable_loss", "no mean or sum yet", stably(lambda all, own, s: ((1 - s) * own + s * all.mean(1)).mean()))
wrong(
    "stable_loss",
    "with smoothing 0 and three classes",
    stably(lambda all, own, s: (1 - s) * own + s / 4 * all.sum(1) + (0.1 if s == 0 else 0)),
)


def smoothed(surprise, label, smoothing):
    own = surprise[torch.arange(len(label)), label]
    return (1 - smoothing) * own + smoothing * surprise.mean(dim=1)


@wrong("stable_loss", "it still overflows")
def still_naive(z, label, smoothing):
    q = torch.exp(z) / torch.exp(z).sum(dim=1, keepdim=True)
    return smoothed(-q.log(), label, smoothing)


@wrong("stable_loss", "no logarithm of a probability")
def logarithm_of_softmax(z, label, smoothing):
    return smoothed(-torch.softmax(z, dim=1).log(), label, smoothing)


@wrong("stable_loss", "of each row, not of the whole tensor")
def one_top_for_all(z, label, smoothing):
    top = z.max()
    total = top + torch.exp(z - top).sum(dim=1, keepdim=True).log()
    return smoothed(total - z, label, smoothing)


@wrong("stable_loss", "add or clamp nothing")
def clamped_probabilities(z, label, smoothing):
    return smoothed(-torch.softmax(z, dim=1).clamp(min=1e-12).log(), label, smoothing)


@wrong("stable_loss", "counts 1 - smoothing")
def top_not_added_back(z, label, smoothing):
    top = z.amax(dim=1, keepdim=True)
    return smoothed(torch.exp(z - top).sum(dim=1, keepdim=True).log() - z, label, smoothing)


@right("finite_differences")
def in_a_clone(loss, z, step):
    found = []
    for i in range(len(z)):
        up, down = z.clone(), z.clone()
        up[i] += step
        down[i] -= step
        found.append((loss(up) - loss(down)) / (2 * step))
    return torch.stack(found)


@right("finite_differences")
def rows_of_the_identity(loss, z, step):
    nudges = step * torch.eye(len(z), dtype=z.dtype)
    return [float(loss(z + nudge) - loss(z - nudge)) / 2 / step for nudge in nudges]


@right("finite_differences")
def differences_with_numpy(loss, z, step):
    found = np.zeros(len(z))
    for i in range(len(z)):
        up, down = z.numpy().copy(), z.numpy().copy()
        up[i], down[i] = up[i] + step, down[i] - step
        found[i] = (loss(torch.from_numpy(up)) - loss(torch.from_numpy(down))) / (2 * step)
    return found


@right("finite_differences")
def there_and_back(loss, z, step):
    found = []
    for i in range(len(z)):
        z[i] += step
        up = loss(z)
        z[i] -= 2 * step
        down = loss(z)
        z[i] += step
        found.append(((up - down) / (2 * step)).item())
    return found


@right("finite_differences")
def in_float32(loss, z, step):
    z = z.float()
    one = torch.nn.functional.one_hot(torch.arange(len(z)), len(z)).float() * step
    return torch.stack([loss(z + each) - loss(z - each) for each in one]) / (2 * step)


def central(change):
    """Make an answer that puts `change` of the loss further up, here and further down, and the step, in each place."""

    def finite_differences(loss, z, step):
        nudges = step * torch.eye(len(z), dtype=z.dtype)
        return torch.stack([change(loss(z + each), loss(z), loss(z - each), step) for each in nudges])

    return finite_differences


wrong("finite_differences", "not by step", central(lambda up, here, down, h: (up - down) / h))
wrong("finite_differences", "divide the change of the loss", central(lambda up, here, down, h: up - down))
wrong("finite_differences", "write / (2 * step)", central(lambda up, here, down, h: (up - down) / 2 * h))
wrong("finite_differences", "the sign is wrong", central(lambda up, here, down, h: (down - up) / (2 * h)))
wrong("finite_differences", "moves the logit up only", central(lambda up, here, down, h: (up - here) / h))
wrong("finite_differences", "moves the logit down only", central(lambda up, here, down, h: (here - down) / h))
wrong("finite_differences", "for each logit alone", central(lambda up, here, down, h: (up - down) / 0.02))


@wrong("finite_differences", "move one at a time")
def all_at_once(loss, z, step):
    return (loss(z + step) - loss(z - step)) / (2 * step)


@wrong("finite_differences", "here all were moved together")
def all_at_once_in_a_loop(loss, z, step):
    return [(loss(z + step) - loss(z - step)) / (2 * step) for _ in z]


@wrong("finite_differences", "use the step you are given")
def by_autograd(loss, z, step):
    z = z.clone().requires_grad_()
    return torch.autograd.grad(loss(z), z)[0]


@wrong("finite_differences", "changed the tensor")
def moved_and_left(loss, z, step):
    found = []
    for i in range(len(z)):
        z[i] += step
        up = loss(z)
        z[i] -= 2 * step
        found.append((up - loss(z)) / (2 * step))
    return found


@wrong("finite_differences", "for each logit alone")
def nudge_never_put_back(loss, z, step):
    nudge, found = torch.zeros_like(z), []
    for i in range(len(z)):
        nudge[i] = step
        found.append((loss(z + nudge) - loss(z - nudge)) / (2 * step))
    return found


@wrong("naive_loss", "gives to the label of each row")
def halved(z, label):
    return functional.cross_entropy(z, label, reduction="none") / 2
