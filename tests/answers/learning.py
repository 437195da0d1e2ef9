"""Answers to the lab on learning from data."""

import math
from itertools import combinations

import numpy as np
import torch

from answers import right, wrong
from learning import means, nearest_index


@right("learn_one")
def by_the_sum(mean, count, image, label):
    total = mean * count[:, None]
    total[label] += image
    added = count.clone()
    added[label] += 1
    return total / added.clamp(min=1)[:, None], added


@right("learn_one")
def learn_with_numpy(mean, count, image, label):
    mean, count = mean.numpy().copy(), count.numpy().copy()
    mean[label] = (mean[label] * count[label] + image.numpy()) / (count[label] + 1)
    count[label] += 1
    return mean, count


@right("learn_one")
def learn_as_lists(mean, count, image, label):
    mean, count = mean.tolist(), count.tolist()
    n = count[label]
    mean[label] = [(m * n + pixel) / (n + 1) for m, pixel in zip(mean[label], image.tolist(), strict=True)]
    count[label] = n + 1
    return [mean, count]


@right("learn_one")
def one_hot_in_float64(mean, count, image, label):
    chosen = torch.eye(len(count), dtype=torch.float64)[label]
    added = count + chosen
    return mean + torch.einsum("k,d->kd", chosen, image) / (count[label] + 1) - (chosen / (count[label] + 1)).unsqueeze(
        1
    ) * mean, added


@wrong("learn_one", "halfway is too far")
def halfway(mean, count, image, label):
    mean, count = mean.clone(), count.clone()
    mean[label] = (mean[label] + image) / 2
    count[label] += 1
    return mean, count


@wrong("learn_one", "not by the old one")
def the_old_count(mean, count, image, label):
    mean, count = mean.clone(), count.clone()
    mean[label] += (image - mean[label]) / count[label]
    count[label] += 1
    return mean, count


@wrong("learn_one", "stands for four images")
def mean_counts_once(mean, count, image, label):
    mean, count = mean.clone(), count.clone()
    count[label] += 1
    mean[label] = (mean[label] + image) / count[label]
    return mean, count


@wrong("learn_one", "only the row of the label")
def every_row(mean, count, image, label):
    count = count.clone()
    count[label] += 1
    return mean + (image - mean) / count[label], count


@wrong("learn_one", "the counts should go up too")
def counts_stay(mean, count, image, label):
    mean = mean.clone()
    mean[label] += (image - mean[label]) / (count[label] + 1)
    return mean, count


@wrong("learn_one", "only the count of the label")
def all_counts(mean, count, image, label):
    mean = mean.clone()
    mean[label] += (image - mean[label]) / (count[label] + 1)
    return mean, count + 1


@wrong("learn_one", "still the sum")
def sums(mean, count, image, label):
    mean, count = mean.clone(), count.clone()
    mean[label] = mean[label] * count[label] + image
    count[label] += 1
    return mean, count


@wrong("learn_one", "the image itself")
def latest(mean, count, image, label):
    mean, count = mean.clone(), count.clone()
    mean[label] = image
    count[label] += 1
    return mean, count


@wrong("learn_one", "of the first image of a label")
def first_image_is_lost(mean, count, image, label):
    mean, count = mean.clone(), count.clone()
    if count[label] > 0:
        mean[label] += (image - mean[label]) / (count[label] + 1)
    count[label] += 1
    return mean, count


@wrong("learn_one", "make a new one")
def learn_in_place(mean, count, image, label):
    count[label] += 1
    mean[label] += (image - mean[label]) / count[label]
    return mean, count


@wrong("learn_one", "return two things")
def means_alone(mean, count, image, label):
    mean = mean.clone()
    mean[label] += (image - mean[label]) / (count[label] + 1)
    return mean


@wrong("learn_one", "not 3")
def three_things(mean, count, image, label):
    return mean, count, image


wrong("learn_one", "nothing moved", lambda mean, count, image, label: (mean, count))
wrong("learn_one", "shape (3, 2), not (2,)", lambda mean, count, image, label: (image, count))


def medoid(members):
    return members[torch.cdist(members, members).sum(dim=0).argmin()]


@right("step")
def with_mean_distance(x, centres):
    group = torch.cdist(x, centres).argmin(dim=1)
    groups = [x[group == k] for k in range(len(centres))]
    return [min(members, key=lambda each: float((members - each).norm(dim=1).mean())) for members in groups]


@right("step")
def step_with_numpy(x, centres):
    x, centres = x.numpy(), centres.numpy()
    group = np.linalg.norm(x[:, None] - centres, axis=2).argmin(axis=1)
    found = np.zeros_like(centres)
    for k in range(len(centres)):
        members = x[group == k]
        found[k] = members[np.linalg.norm(members[:, None] - members, axis=2).sum(axis=1).argmin()]
    return found


@right("step")
def masked_table(x, centres):
    x = x.double()
    group = nearest_index(x, centres.double())
    together = group[:, None] == group
    cost = (torch.cdist(x, x) * together).sum(dim=1)
    chosen = [torch.where(group == k, cost, torch.inf).argmin() for k in range(len(centres))]
    return x[torch.stack(chosen)]


@right("step")
def step_by_loops(x, centres):
    points = x.tolist()
    group = [min(range(len(centres)), key=lambda k: math.dist(point, centres[k].tolist())) for point in points]
    found = []
    for k in range(len(centres)):
        members = [point for point, number in zip(points, group, strict=True) if number == k]
        found.append(min(members, key=lambda each: sum(math.dist(each, other) for other in members)))
    return found


@wrong("step", "this is k-means")
def averages(x, centres):
    return means(x, nearest_index(x, centres), len(centres))


@wrong("step", "sum of *squared* distances")
def squared(x, centres):
    group = nearest_index(x, centres)
    groups = [x[group == k] for k in range(len(centres))]
    return torch.stack([members[(torch.cdist(members, members) ** 2).sum(dim=1).argmin()] for members in groups])


@wrong("step", "sum of *squared* distances")
def nearest_to_the_average(x, centres):
    moved = averages(x, centres)
    return x[nearest_index(moved, x)]


@wrong("step", "take members[number]")
def number_among_members(x, centres):
    group = nearest_index(x, centres)
    groups = [x[group == k] for k in range(len(centres))]
    return torch.stack([x[torch.cdist(members, members).sum(dim=1).argmin()] for members in groups])


@wrong("step", "take the smallest")
def outermost(x, centres):
    group = nearest_index(x, centres)
    groups = [x[group == k] for k in range(len(centres))]
    return torch.stack([members[torch.cdist(members, members).sum(dim=1).argmax()] for members in groups])


@wrong("step", "nearest to the old centres")
def nearest_to_the_old(x, centres):
    return x[nearest_index(centres, x)]


@wrong("step", "the order is wrong")
def sorted_centres(x, centres):
    group = nearest_index(x, centres)
    return torch.stack(sorted((medoid(x[group == k]) for k in range(len(centres))), key=lambda each: float(each[0])))


@wrong("step", "the groups come first")
def of_all(x, centres):
    return medoid(x).expand(len(centres), -1)


@wrong("step", "with three centres")
def always_two(x, centres):
    group = nearest_index(x, centres[:2])
    two = [medoid(x[group == k]) for k in range(2)]
    return torch.stack([*two, *centres[2:]])


@wrong("step", "shape (2, 2), not (2,)")
def numbers_only(x, centres):
    group = nearest_index(x, centres)
    return [int((group == k).sum()) for k in range(len(centres))]


wrong("step", "nothing moved", lambda x, centres: centres)


@right("closest_pair")
def over_combinations(points, label):
    centres = means(points, label)
    return min(combinations(range(10), 2), key=lambda pair: float((centres[pair[0]] - centres[pair[1]]).square().sum()))


@right("closest_pair")
def with_a_table(points, label):
    centres = torch.stack([points[label == k].mean(dim=0) for k in range(10)])
    table = torch.cdist(centres, centres) + torch.diag(torch.full((10,), torch.inf))
    return torch.tensor(divmod(int(table.argmin()), 10))


@right("closest_pair")
def pair_with_numpy(points, label):
    points, label = points.numpy().astype("float64"), label.numpy()
    centres = np.array([points[label == k].mean(axis=0) for k in range(10)])
    table = np.linalg.norm(centres[:, None] - centres, axis=2)
    table[np.tril_indices(10)] = np.inf
    return np.unravel_index(table.argmin(), table.shape)


@right("closest_pair")
def pair_as_a_list(points, label):
    best, found = math.inf, [0, 0]
    for a in range(10):
        for b in range(a):
            distance = math.dist(points[label == a].mean(0).tolist(), points[label == b].mean(0).tolist())
            if distance < best:
                best, found = distance, sorted([a, b])
    return found


@wrong("closest_pair", "not a pair with itself")
def with_itself(points, label):
    centres = means(points, label)
    return divmod(int(torch.cdist(centres, centres).argmin()), 10)


@wrong("closest_pair", "the smaller first")
def larger_first(points, label):
    return over_combinations(points, label)[::-1]


@wrong("closest_pair", "take the closest")
def farthest(points, label):
    centres = means(points, label)
    return divmod(int(torch.cdist(centres, centres).argmax()), 10)


@wrong("closest_pair", "compare the ten means")
def single_points(points, label):
    table = torch.cdist(points, points) + 1e9 * (label[:, None] == label)
    a, b = divmod(int(table.argmin()), len(points))
    return sorted([int(label[a]), int(label[b])])


@wrong("closest_pair", "the means of 4 and 7 are closest")
def sums_for_means(points, label):
    totals = torch.stack([points[label == k].sum(dim=0) for k in range(10)])
    return with_a_table(totals, torch.arange(10))


@wrong("closest_pair", "the means of 4 and 7 are closest")
def first_coordinate(points, label):
    return with_a_table(points[:, :1], label)


@wrong("closest_pair", "compute it from the points")
def pair_by_heart(points, label):
    return 4, 7


@wrong("closest_pair", "two labels are asked for")
def table_of_all(points, label):
    centres = means(points, label)
    return torch.cdist(centres, centres)


@right("choose")
def as_the_course(image, total, count, explores):
    return count.argmin() if explores else nearest_index(image[None], total / count)


@right("choose")
def choose_with_numpy(image, total, count, explores):
    count = count.numpy()[:, 0]
    if explores or not count.any():
        return count.argmin()
    seen = np.flatnonzero(count)
    return seen[np.linalg.norm(total.numpy()[seen] / count[seen, None] - image.numpy(), axis=1).argmin()]


@right("choose")
def choose_by_loops(image, total, count, explores):
    if explores:
        return min(range(9, -1, -1), key=lambda k: float(count[k]))
    best, found = math.inf, 3
    for k in range(10):
        if count[k] > 0 and (distance := math.dist((total[k] / count[k]).tolist(), image.tolist())) < best:
            best, found = distance, k
    return found


@right("choose")
def far_where_there_is_none(image, total, count, explores):
    if explores:
        return int(torch.sort(count, dim=0).indices[0])
    distance = (image - total / count.clamp(min=1)).norm(dim=1)
    distance[count[:, 0] == 0] = torch.inf
    return float(distance.argmin())


@wrong("choose", "which have none")
def never_explores(image, total, count, explores):
    return int(nearest_index(image[None], total / count))


@wrong("choose", "it explores only if explores is true")
def always_explores(image, total, count, explores):
    return int(count.argmin())


@wrong("choose", "which have none")
def largest_count(image, total, count, explores):
    return int(count.argmax()) if explores else never_explores(image, total, count, False)


@wrong("choose", "the smallest count")
def only_if_one_is_missing(image, total, count, explores):
    return int(count.argmin()) if explores and 0 in count else never_explores(image, total, count, False)


@wrong("choose", "which have none")
def smallest_that_is_seen(image, total, count, explores):
    if explores:
        return int(torch.where(count > 0, count, torch.inf).argmin())
    return never_explores(image, total, count, False)


@wrong("choose", "the digit of the nearest total")
def totals(image, total, count, explores):
    return int(count.argmin()) if explores else int(nearest_index(image[None], total))


@wrong("choose", "not the farthest")
def farthest_mean(image, total, count, explores):
    return int(count.argmin()) if explores else int((total / count - image).norm(dim=1).argmax())


@wrong("choose", "the largest product is not")
def product(image, total, count, explores):
    return int(count.argmin()) if explores else int((total / count @ image).argmax())


@wrong("choose", "0 / 0, not a number")
def nan_is_nearest(image, total, count, explores):
    return int(count.argmin()) if explores else int((total / count - image).norm(dim=1).argmin())


@wrong("choose", "0 / 0, not a number")
def zero_for_none(image, total, count, explores):
    return int(count.argmin()) if explores else int(nearest_index(image[None], total / count.clamp(min=1)))


@wrong("choose", "for another image")
def choose_by_heart(image, total, count, explores):
    return int(count.argmin()) if explores else 7


@wrong("choose", "a digit from 0 to 9")
def least_so_far(image, total, count, explores):
    return int(count.argmin()) if explores else count.max()


@wrong("choose", "one digit is asked for")
def distances(image, total, count, explores):
    return int(count.argmin()) if explores else (total / count - image).norm(dim=1)


@right("answers")
def by_branches(task):
    if task == "leap year":
        return True, True, False, False, False
    return [False, True, task == "bird songs", True, False]


@right("answers")
def as_numbers(task):
    return {"leap year": [1, 0, 1, 1, 1], "bird songs": [0, 1, 1, 0, 1], "warehouse": [0, 1, 0, 1, 1]}[task]


@right("answers")
def in_a_tensor(task):
    return torch.tensor([task == "leap year", True, task != "warehouse", True, True])


@right("answers")
def in_an_array(task):
    return np.array([task == "leap year", True, task == "bird songs", task == "warehouse", False])


@right("answers")
def one_after_the_other(task):
    return (each in task for each in ("leap", "", "bird", "ware", "songs"))


wrong("answers", "bird songs: your answers lead to “write rules”", lambda task: (True, True, True, True, True))
wrong("answers", "leap year: your answers lead to “learn, supervised”", lambda task: (False, True, True, True, True))
wrong("answers", "five answers are asked for", lambda task: (True, True, True))
wrong("answers", "without quotes, not 'no'", lambda task: (True, "no", "yes", "no", "no"))
wrong("answers", "such as (True, False", lambda task: "write rules")
wrong("answers", "such as (True, False", lambda task: True)
wrong("answers", "only True or False", lambda task: [2, 3, 4, 5, 1])


@wrong("answers", "not to “learn, by reinforcement”")
def labels_everywhere(task):
    return task == "leap year", True, True, True, True


@wrong("answers", "bird songs: your answers lead to “let a person decide”")
def never_wrong(task):
    return task == "leap year", False, True, True, True
