"""Answers to the lab on data."""

import math
from collections import defaultdict

import numpy as np
import torch
from torch.nn.functional import one_hot

from answers import right, wrong


@right("folds")
def dealt_out(y, k, generator):
    hands = [[] for _ in range(k)]
    for label in sorted(set(y.tolist())):
        indices = [i for i, each in enumerate(y.tolist()) if each == label]
        for turn, at in enumerate(torch.randperm(len(indices), generator=generator).tolist()):
            hands[turn % k].append(indices[at])
    return [torch.tensor(hand) for hand in hands]


@right("folds")
def lists_of_numbers(y, k, generator):
    order = torch.randperm(len(y), generator=generator).tolist()
    seen, hands = defaultdict(int), [[] for _ in range(k)]
    for at in order:
        label = int(y[at])
        hands[seen[label] % k].append(at)
        seen[label] += 1
    return hands


@right("folds")
def split_each_class(y, k, generator):
    parts = [torch.tensor([], dtype=torch.long)] * k
    for label in y.unique():
        indices = torch.where(y == label)[0]
        indices = indices[torch.randperm(len(indices), generator=generator)]
        parts = [torch.cat(pair) for pair in zip(parts, indices.tensor_split(k), strict=True)]
    return tuple(parts)


@right("folds")
def folds_with_numpy(y, k, generator):
    order = torch.randperm(len(y), generator=generator).numpy()
    by_class = order[np.argsort(y.numpy()[order], kind="stable")]
    return [by_class[first::k] for first in range(k)]


@wrong("folds", "each class alike")
def without_classes(y, k, generator):
    return list(torch.randperm(len(y), generator=generator).tensor_split(k))


@wrong("folds", "shuffle within each class with the generator")
def unshuffled(y, k, generator):
    order = y.argsort(stable=True)
    return [order[first::k] for first in range(k)]


@wrong("folds", "the same generator must give the same folds")
def another_source(y, k, generator):
    order = torch.randperm(len(y))
    order = order[y[order].argsort(stable=True)]
    return [order[first::k] for first in range(k)]


@wrong("folds", "some examples are in no fold")
def rest_left_out(y, k, generator):
    parts = [[] for _ in range(k)]
    for label in y.unique():
        indices = (y == label).nonzero()[:, 0]
        indices = indices[torch.randperm(len(indices), generator=generator)]
        size = len(indices) // k
        for number, part in enumerate(parts):
            part.append(indices[number * size : (number + 1) * size])
    return [torch.cat(part) for part in parts]


@wrong("folds", "return indices, not labels")
def labels_for_indices(y, k, generator):
    return [y[part] for part in split_each_class(y, k, generator)]


@wrong("folds", "exactly one fold")
def places_within_the_class(y, k, generator):
    parts = [[] for _ in range(k)]
    for label in y.unique():
        order = torch.randperm(int((y == label).sum()), generator=generator)
        for number, part in enumerate(parts):
            part.append(order[number::k])
    return [torch.cat(part) for part in parts]


@wrong("folds", "folds, not 2")
def two_parts(y, k, generator):
    first, *others = split_each_class(y, k, generator)
    return [first, torch.cat(others)]


@wrong("folds", "folds, not 1")
def first_class_alone(y, k, generator):
    return [torch.randperm(len(y), generator=generator)]


@wrong("folds", "folds, each a tensor of indices")
def a_number(y, k, generator):
    return k


@right("suspects")
def with_broadcasting(train, test, limit):
    gaps = test.flatten(1)[:, None] - train.flatten(1)[None]
    return float(((gaps**2).sum(dim=2).sqrt().min(dim=1).values < limit).double().mean())


@right("suspects")
def suspects_with_numpy(train, test, limit):
    a, b = (each.numpy().reshape(len(each), -1) for each in (test, train))
    near = np.linalg.norm(a[:, None] - b[None], axis=2) < limit
    return near.any(axis=1).mean()


@right("suspects")
def with_loops(train, test, limit):
    found = 0
    for image in test:
        found += any(float((image - known).norm()) < limit for known in train)
    return found / len(test)


@right("suspects")
def squares_compared(train, test, limit):
    distance = torch.cdist(test.flatten(1).double(), train.flatten(1).double()) ** 2
    return (distance.min(1)[0] < limit**2).sum() / len(test)


@wrong("suspects", "the share, not the number")
def number_of_them(train, test, limit):
    return with_loops(train, test, limit) * len(test)


@wrong("suspects", "share of *test* images")
def of_the_training_images(train, test, limit):
    return suspects_with_numpy(test, train, limit)


@wrong("suspects", "count each test image once")
def all_pairs(train, test, limit):
    return (torch.cdist(test.flatten(1), train.flatten(1)) < limit).float().mean()


@wrong("suspects", "root of the sum of squares")
def without_the_root(train, test, limit):
    return with_loops(train, test, math.sqrt(limit))


@wrong("suspects", "of those that are closer")
def those_that_are_not(train, test, limit):
    return 1 - with_loops(train, test, limit)


@wrong("suspects", "over all pixels")
def mean_over_pixels(train, test, limit):
    gaps = test.flatten(1)[:, None] - train.flatten(1)[None]
    return ((gaps**2).mean(dim=2).sqrt().amin(dim=1) < limit).float().mean()


@wrong("suspects", "does not add their absolute values")
def absolute_differences(train, test, limit):
    return (torch.cdist(test.flatten(1), train.flatten(1), p=1).amin(dim=1) < limit).float().mean()


@wrong("suspects", "a single number")
def one_for_each(train, test, limit):
    return torch.cdist(test.flatten(1), train.flatten(1)).amin(dim=1) < limit


@right("honest")
def choose_then_scale(x, y, train, held_out):
    known, labels = x[train], y[train]
    std = known.std(dim=0)
    gap = (known[labels == 1].mean(dim=0) - known[labels == 0].mean(dim=0)) / std
    best = gap.abs().argsort(descending=True)[:20]
    means = torch.stack([known[labels == k][:, best].mean(dim=0) for k in (0, 1)])
    gaps = (x[held_out][:, best][:, None] - means) / std[best]
    return (gaps.norm(dim=2).argmin(dim=1) == y[held_out]).float().mean()


@right("honest")
def honest_with_numpy(x, y, train, held_out):
    x, y, train, held_out = (each.numpy() for each in (x, y, train, held_out))
    mean, std = x[train].mean(axis=0), x[train].std(axis=0, ddof=1)
    known, new = (x[train] - mean) / std, (x[held_out] - mean) / std
    zero, one = (known[y[train] == k].mean(axis=0) for k in (0, 1))
    best = np.argsort(-np.abs(one - zero))[:20]
    far = np.stack([((new[:, best] - centre[best]) ** 2).sum(axis=1) for centre in (zero, one)])
    return np.mean(far.argmin(axis=0) == y[held_out])


@right("honest")
def honest_in_float64(x, y, train, held_out):
    return choose_then_scale(x.double(), y, train, held_out).item()


@right("honest")
def one_by_one(x, y, train, held_out):
    std, known = x[train].std(dim=0), one_hot(y[train]).float()
    centres = (known.T @ x[train]) / known.sum(dim=0)[:, None]
    best = ((centres[1] - centres[0]) / std).abs().topk(20).indices
    right_ones = 0
    for at in held_out.tolist():
        far = [float((((x[at] - centre) / std)[best] ** 2).sum()) for centre in centres]
        right_ones += int(far[1] < far[0]) == int(y[at])
    return right_ones / len(held_out)


def leaky(x, y, train, held_out, chosen, scaled):
    x = (x - x[scaled].mean(dim=0)) / x[scaled].std(dim=0)
    means = [x[chosen][y[chosen] == k].mean(dim=0) for k in (0, 1)]
    best = (means[1] - means[0]).abs().topk(20).indices
    centres = torch.stack([x[train][y[train] == k].mean(dim=0) for k in (0, 1)])
    distance = torch.cdist(x[held_out][:, best], centres[:, best])
    return float((distance.argmin(dim=1) == y[held_out]).float().mean())


@wrong("honest", "have a say")
def as_reported(x, y, train, held_out):
    everyone = torch.arange(len(y))
    return leaky(x, y, train, held_out, everyone, everyone)


@wrong("honest", "held-out labels have a say")
def columns_by_both_parts(x, y, train, held_out):
    return leaky(x, y, train, held_out, torch.cat([train, held_out]), train)


@wrong("honest", "held-out patients have a say in how others are scaled")
def scaled_by_both_parts(x, y, train, held_out):
    return leaky(x, y, train, held_out, train, torch.cat([train, held_out]))


@wrong("honest", "neither in train nor in held_out")
def scaled_by_all(x, y, train, held_out):
    return leaky(x, y, train, held_out, train, torch.arange(len(y)))


@wrong("honest", "a classifier should find out")
def a_coin(x, y, train, held_out):
    return 0.5


@wrong("honest", "a share between 0 and 1")
def number_of_right_ones(x, y, train, held_out):
    return choose_then_scale(x, y, train, held_out) * len(held_out)


@wrong("honest", "return one number")
def each_patient(x, y, train, held_out):
    return y[held_out]


@right("fill")
def fill_with_numpy(x, train):
    x = x.numpy()
    return np.hstack([np.where(np.isnan(x), np.nanmedian(train.numpy(), axis=0), x), np.isnan(x)])


@right("fill")
def cell_by_cell(x, train):
    medians = [column[~column.isnan()].median() for column in train.T]
    rows = []
    for row in x.tolist():
        filled = [float(medians[j]) if math.isnan(value) else value for j, value in enumerate(row)]
        rows.append(filled + [1.0 if math.isnan(value) else 0.0 for value in row])
    return torch.tensor(rows)


@right("fill")
def by_quantile(x, train):
    median = train.double().nanquantile(0.5, dim=0)
    gaps = x.isnan()
    return torch.hstack([x.double().nan_to_num(0) + gaps * median, gaps.double()])


@right("fill")
def in_a_copy(x, train):
    filled = x.clone()
    for column in range(x.shape[1]):
        known = train[:, column]
        filled[x[:, column].isnan(), column] = known[~known.isnan()].sort().values[(~known.isnan()).sum() // 2]
    return torch.cat([filled, x.isnan()], dim=1)


def fill_by(median):
    return lambda x, train: torch.cat([torch.where(x.isnan(), median(x, train), x), x.isnan().float()], dim=1)


wrong("fill", "not the mean", fill_by(lambda x, train: train.nanmean(dim=0)))
wrong("fill", "of the training rows", fill_by(lambda x, train: x.nanmedian(dim=0).values))
wrong("fill", "of train, not of x", fill_by(lambda x, train: x.nanquantile(0.5, dim=0)))
wrong("fill", "not of all numbers together", fill_by(lambda x, train: train.nanmedian()))
wrong("fill", "not zero", fill_by(lambda x, train: torch.tensor(0.0)))
wrong("fill", "a gap is no zero", fill_by(lambda x, train: train.nan_to_num(0).median(dim=0).values))
wrong("fill", "gaps are not zeros", fill_by(lambda x, train: train.nan_to_num(0).quantile(0.5, dim=0)))
wrong("fill", "there are gaps left", fill_by(lambda x, train: train.median(dim=0).values))
wrong("fill", "add a column for each column", lambda x, train: torch.where(x.isnan(), train.nanmedian(0).values, x))


@wrong("fill", "1 where there was a gap")
def indicator_turned_round(x, train):
    return torch.cat([cell_by_cell(x, train)[:, : x.shape[1]], (~x.isnan()).float()], dim=1)


@wrong("fill", "first the filled columns")
def indicator_first(x, train):
    return torch.cat([x.isnan().float(), cell_by_cell(x, train)[:, : x.shape[1]]], dim=1)


@wrong("fill", "make 4 columns, not 3")
def one_indicator(x, train):
    return torch.cat([cell_by_cell(x, train)[:, : x.shape[1]], x.isnan().any(dim=1, keepdim=True)], dim=1)


@wrong("fill", "changed the tensor that it was given as argument 1")
def fill_in_place(x, train):
    gaps = x.isnan()
    x[gaps] = train.nanmedian(dim=0).values.expand_as(x)[gaps]
    return torch.cat([x, gaps], dim=1)


@right("threshold_for")
def downwards(y, score, wanted):
    for threshold in sorted(score.tolist(), reverse=True):
        found = ((score >= threshold) & (y == 1)).sum() / (y == 1).sum()
        if found >= wanted - 1e-6:
            return threshold
    return -math.inf


@right("threshold_for")
def rounded_up(y, score, wanted):
    positives = score[y.bool()].sort(descending=True).values
    return positives[math.ceil(wanted * len(positives) - 1e-9) - 1]


@right("threshold_for")
def threshold_with_numpy(y, score, wanted):
    positives = np.sort(score.numpy()[y.numpy() == 1])[::-1]
    shares = np.arange(1, len(positives) + 1) / len(positives)
    return positives[np.argmax(shares >= wanted - 1e-6)]


@right("threshold_for")
def largest_that_is_enough(y, score, wanted):
    recall = [float((score[y == 1] >= t).double().mean()) for t in score]
    return max(float(t) for t, found in zip(score, recall, strict=True) if found > wanted - 1e-6)


@wrong("threshold_for", "this finds more positives than wanted")
def one_too_far(y, score, wanted):
    positives = score[y == 1].sort(descending=True).values
    return positives[min(math.ceil(wanted * len(positives) - 1e-9), len(positives) - 1)]


@wrong("threshold_for", "this finds too few")
def one_too_few(y, score, wanted):
    positives = score[y == 1].sort(descending=True).values
    return positives[max(math.ceil(wanted * len(positives) - 1e-9) - 2, 0)]


@wrong("threshold_for", "not of all examples")
def share_of_everything(y, score, wanted):
    return score.sort(descending=True).values[math.ceil(wanted * len(y) - 1e-9) - 1]


@wrong("threshold_for", "not the smallest")
def smallest(y, score, wanted):
    return score.min()


@wrong("threshold_for", "round up")
def rounded_down(y, score, wanted):
    positives = score[y == 1].sort(descending=True).values
    return positives[max(int(wanted * len(positives) + 1e-9), 1) - 1]


@wrong("threshold_for", "(expected 0.6, got")
def between_two(y, score, wanted):
    return score[y == 1].quantile(1 - wanted)


@wrong("threshold_for", "below 0 too")
def never_below_zero(y, score, wanted):
    return max(rounded_up(y, score, wanted), torch.tensor(0.0))


@wrong("threshold_for", "the shape (")
def all_thresholds(y, score, wanted):
    return score[y == 1]
