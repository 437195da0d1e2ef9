"""Answers to the lab on networks."""

import math

import numpy as np
import torch

from answers import right, wrong
from network import correlation, parameter_count


@right("layer")
def turned_round(weight, bias, x):
    return torch.relu(x.mT @ weight.mT + bias).mT


@right("layer")
def layer_with_numpy(weight, bias, x):
    return np.maximum(0, weight.numpy() @ x.numpy() + bias.numpy()[:, None])


@right("layer")
def layer_by_loops(weight, bias, x):
    columns = x.mT.tolist()
    return [
        [max(0.0, sum(w * a for w, a in zip(row, column, strict=True)) + b) for column in columns]
        for row, b in zip(weight.tolist(), bias.tolist(), strict=True)
    ]


@right("layer")
def by_einsum(weight, bias, x):
    z = torch.einsum("km,mn->kn", weight.double(), x.double()) + bias.unsqueeze(1)
    return z * (z > 0)


@right("layer")
def one_row_each(weight, bias, x):
    return [torch.addmv(b.expand(x.shape[1]), x.T, w).clamp(min=0) for w, b in zip(weight, bias, strict=True)]


@wrong("layer", "there is no ReLU yet")
def linear(weight, bias, x):
    return weight @ x + bias[:, None]


@wrong("layer", "do not forget the bias")
def without_bias(weight, bias, x):
    return torch.relu(weight @ x)


@wrong("layer", "before the ReLU")
def bias_outside(weight, bias, x):
    return torch.relu(weight @ x) + bias[:, None]


@wrong("layer", "bias[:, None]")
def bias_along_columns(weight, bias, x):
    return torch.relu(weight @ x + bias)


@wrong("layer", "no ReLU: a negative number")
def absolute(weight, bias, x):
    return (weight @ x + bias[:, None]).abs()


@wrong("layer", "stand in the columns")
def in_rows(weight, bias, x):
    return torch.relu(weight @ x + bias[:, None]).mT


@wrong("layer", "says only which they are")
def steps(weight, bias, x):
    return weight @ x + bias[:, None] > 0


@wrong("layer", "let no negative number pass")
def sigmoid(weight, bias, x):
    return torch.sigmoid(weight @ x + bias[:, None])


@wrong("layer", "stopped with RuntimeError")
def of_the_lecture(weight, bias, x):
    return torch.relu(x @ weight.mT + bias)


@wrong("layer", "the sizes may change")
def first_two_neurons(weight, bias, x):
    z = torch.relu(weight @ x + bias[:, None])
    return torch.cat([z[:2], torch.zeros(len(z) - 2, z.shape[1])])


@wrong("layer", "shape (2, 2), not (2,)")
def first_observation(weight, bias, x):
    return torch.relu(weight @ x[:, 0] + bias)


@right("widest")
def by_counting(inputs, outputs, budget):
    width = 0
    while parameter_count(inputs, width + 1, outputs) <= budget:
        width += 1
    return width


@right("widest")
def floor(inputs, outputs, budget):
    return math.floor((budget - outputs) / (inputs + outputs + 1))


@right("widest")
def widest_with_numpy(inputs, outputs, budget):
    widths = np.arange(budget)
    return widths[(inputs + 1) * widths + (widths + 1) * outputs <= budget].max()


@right("widest")
def in_a_tensor(inputs, outputs, budget):
    return torch.div(torch.tensor([budget - outputs]), inputs + outputs + 1, rounding_mode="floor")


@right("widest")
def as_a_float(inputs, outputs, budget):
    return (budget - outputs) / (inputs + 1 + outputs) // 1


@wrong("widest", "each hidden neuron has a bias as well")
def no_biases(inputs, outputs, budget):
    return budget // (inputs + outputs)


@wrong("widest", "each hidden neuron has a bias as well")
def no_hidden_biases(inputs, outputs, budget):
    return (budget - outputs) // (inputs + outputs)


@wrong("widest", "count the biases of the outputs")
def no_output_biases(inputs, outputs, budget):
    return budget // (inputs + 1 + outputs)


@wrong("widest", "and round down")
def rounded(inputs, outputs, budget):
    return round((budget - outputs) / (inputs + 1 + outputs))


@wrong("widest", "a whole number of neurons")
def divided(inputs, outputs, budget):
    return (budget - outputs) / (inputs + 1 + outputs)


@wrong("widest", "that is allowed")
def fewer_than_the_budget(inputs, outputs, budget):
    return (budget - outputs - 1) // (inputs + 1 + outputs)


@wrong("widest", "return how many neurons they are")
def count_them(inputs, outputs, budget):
    return parameter_count(inputs, by_counting(inputs, outputs, budget), outputs)


@wrong("widest", "that go out of")
def no_way_out(inputs, outputs, budget):
    return (budget - outputs) // (inputs + 1)


@wrong("widest", "that come into")
def no_way_in(inputs, outputs, budget):
    return (budget - outputs) // (outputs + 1)


@wrong("widest", "compute it from what is given")
def widest_by_heart(inputs, outputs, budget):
    return {5: 10, 2: 5, 4: 37, 1: 37}[inputs]


@wrong("widest", "a single number is asked for")
def all_widths(inputs, outputs, budget):
    return [inputs, by_counting(inputs, outputs, budget), outputs]


HIDDEN = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
ZEROS, ONES = torch.zeros(2), torch.ones(1, 2)

right("chosen", lambda: [HIDDEN.tolist(), [0, 0], [[3, 3]], [-1]])
right("chosen", lambda: (HIDDEN.numpy(), np.zeros(2), np.ones((1, 2)), np.array([-0.5])))
right("chosen", lambda: [-HIDDEN.double(), ZEROS, 2 * ONES.double(), torch.tensor([-0.1])])
right(
    "chosen", lambda: [torch.ones(2, 2), torch.tensor([1.0, -1.0]), torch.tensor([[1.0, -4.0]]), torch.tensor([-0.5])]
)
right("chosen", lambda: [torch.tensor([[1.0, 1.0], [-1.0, -1.0]]), ZEROS, -ONES, torch.tensor([1.0])])
right("chosen", lambda: [p.requires_grad_() for p in (HIDDEN.clone(), ZEROS.clone(), ONES.clone(), -torch.ones(1))])
lecture = [torch.ones(2, 2), torch.tensor([1.0, -1.0]), torch.tensor([[1.0, -1.0]]), torch.tensor([-0.5])]
wrong("chosen", "the sign is wrong at (1, 1)", lambda: lecture)
wrong("chosen", "a ReLU is not a step", lambda: lecture)
wrong("chosen", "the wrong way round", lambda: [HIDDEN, ZEROS, -ONES, torch.ones(1)])
wrong("chosen", "exactly 0 at (-1, -1) and (1, 1)", lambda: [HIDDEN, ZEROS, ONES, torch.zeros(1)])
wrong("chosen", "the sign is wrong at (-1, 1)", lambda: [HIDDEN[[0, 0]], ZEROS, ONES, -torch.ones(1)])
wrong("chosen", "0 at all four points", lambda: [HIDDEN * 0, ZEROS, ONES * 0, torch.zeros(1)])
wrong("chosen", "W of the output should have the shape (1, 2)", lambda: [HIDDEN, ZEROS, ONES[0], -torch.ones(1)])
wrong("chosen", "b of the output should have the shape (1,), not ()", lambda: [HIDDEN, ZEROS, ONES, -1])
wrong("chosen", "not 3", lambda: [HIDDEN, ZEROS, ONES])
wrong("chosen", "a list of four", lambda: HIDDEN)
wrong("chosen", "not finite", lambda: [HIDDEN * math.inf, ZEROS, ONES, -torch.ones(1)])
wrong("chosen", "the sign is wrong", lambda: [HIDDEN.abs(), ZEROS, ONES, -torch.ones(1)])


def three(breakpoints, weights):
    return [torch.ones(3, 1), -torch.tensor(breakpoints), torch.tensor([weights]), torch.zeros(1)]


@right("tent")
def from_the_right(a, b):
    s = 2 / (b - a)
    return [-torch.ones(3, 1), torch.tensor([a, (a + b) / 2, b]), torch.tensor([[s, -2 * s, s]]), torch.zeros(1)]


@right("tent")
def tent_as_lists(a, b):
    half = (b - a) / 2
    return [[1], [1], [1]], [-a, -a - half, -b], [[1 / half, -2 / half, 1 / half]], [0]


@right("tent")
def tent_with_numpy(a, b):
    s = 2 / (b - a)
    return (np.full((3, 1), s), np.array([-s * a, -s * (a + b) / 2, -s * b]), np.array([[1.0, -2.0, 1.0]]), np.zeros(1))


@right("tent")
def in_another_order(a, b):
    s, m = torch.tensor(2 / (b - a)).double(), (a + b) / 2
    return [torch.ones(3, 1).double(), -torch.tensor([b, a, m]), torch.stack([s, s, -2 * s])[None], torch.zeros(1)]


@right("tent")
def with_larger_weights(a, b):
    s, m = 2 / (b - a), (a + b) / 2
    return [torch.full((3, 1), 2), -2 * torch.tensor([a, m, b]), torch.tensor([[s / 2, -s, s / 2]]), torch.zeros(1)]


def mistake(said, make):
    wrong("tent", said, lambda a, b: make(a, (a + b) / 2, b, 2 / (b - a)))


mistake("has not the height 1", lambda a, m, b, s: three([a, m, b], [1.0, -2.0, 1.0]))
mistake("twice as large", lambda a, m, b, s: three([a, m, b], [s / 2, -s, s / 2]))
mistake("multiplied where it should be divided", lambda a, m, b, s: three([a, m, b], [1 / s, -2 / s, 1 / s]))
mistake("falls on and on", lambda a, m, b, s: three([a, m, b], [s, -2 * s, 0.0]))
mistake("stays at 1", lambda a, m, b, s: three([a, m, b], [s, -s, 0.0]))
mistake("should add up to 0", lambda a, m, b, s: three([a, m, b], [s, -s, s]))
mistake("is (a + b) / 2", lambda a, m, b, s: three([a, (b - a) / 2, b], [s, -2 * s, s]))
mistake("breakpoints are at -a", lambda a, m, b, s: three([-a, -m, -b], [s, -2 * s, s]))
mistake("on its head", lambda a, m, b, s: three([a, m, b], [-s, 2 * s, -s]))
mistake("compute it from a and b", lambda a, m, b, s: three([a, m, b], [2 / 3.5, -4 / 3.5, 2 / 3.5]))
mistake("0 up to -2", lambda a, m, b, s: three([abs(a), m, b], [s, -2 * s, s]))
mistake("0 again from 5 on", lambda a, m, b, s: [*three([a, m, b], [s, -2 * s, s])[:3], torch.ones(1)])
mistake(
    "W of the hidden layer should have the shape (3, 1), not (3,)",
    lambda a, m, b, s: [torch.ones(3), *three([a, m, b], [s, -2 * s, s])[1:]],
)
mistake(
    "W of the output should have the shape (1, 3), not (3,)",
    lambda a, m, b, s: [*three([a, m, b], [s, -2 * s, s])[:2], torch.ones(3), torch.zeros(1)],
)


@right("closest")
def closest_with_numpy(activations, concept):
    a, c = activations.numpy(), concept.numpy()
    a, c = a - a.mean(axis=0), c - c.mean()
    size = np.linalg.norm(a, axis=0)
    each = np.where(size > 0, c @ a / np.linalg.norm(c) / np.where(size > 0, size, 1), 0)
    return np.abs(each).argmax(), each[np.abs(each).argmax()]


@right("closest")
def closest_with_corrcoef(activations, concept):
    each = [torch.corrcoef(torch.stack([column, concept]))[0, 1].nan_to_num(0) for column in activations.T]
    number = max(range(len(each)), key=lambda k: abs(each[k]))
    return [number, each[number]]


@right("closest")
def closest_in_float64(activations, concept):
    a, c = activations.double(), concept.double()[:, None]
    covariance = ((a - a.mean(0)) * (c - c.mean(0))).mean(0)
    each = covariance / (a.std(0, correction=0) * c.std(0, correction=0)).clamp(min=1e-9)
    return torch.argmax(each**2), each[torch.argmax(each**2)]


@right("closest")
def population_and_sample(activations, concept):
    covariance = ((activations - activations.mean(0)) * (concept - concept.mean())[:, None]).mean(0)
    each = (covariance / activations.std(0) / concept.std()).nan_to_num(0)
    return torch.stack([each.abs().argmax().float(), each[each.abs().argmax()]])


@right("closest")
def of_one_column(activations, concept):
    each = correlation(activations, concept[:, None])
    number = each.abs().argmax(dim=0)
    return number, each[number]


def largest(each, sign=True):
    number = int(each.abs().argmax())
    return number, float(each[number]) if sign else float(each[number].abs())


@wrong("closest", "tells as much")
def without_size(activations, concept):
    each = correlation(activations, concept[:, None])[:, 0]
    return int(each.argmax()), float(each.max())


@wrong("closest", "with its sign")
def size_returned(activations, concept):
    return largest(correlation(activations, concept[:, None])[:, 0], sign=False)


@wrong("closest", "not its square")
def square_returned(activations, concept):
    number, how = largest(correlation(activations, concept[:, None])[:, 0])
    return number, how**2


@wrong("closest", "divide by the standard deviations")
def covariances(activations, concept):
    return largest(((activations - activations.mean(0)) * (concept - concept.mean())[:, None]).mean(0))


@wrong("closest", "subtract the means first")
def cosines(activations, concept):
    return largest(torch.cosine_similarity(activations, concept[:, None], dim=0))


@wrong("closest", "subtract the means first")
def products(activations, concept):
    return largest(concept @ activations)


@wrong("closest", "count the neurons from 0")
def from_one(activations, concept):
    number, how = largest(correlation(activations, concept[:, None])[:, 0])
    return number + 1, how


@wrong("closest", "first the number of the neuron")
def the_other_way_round(activations, concept):
    return largest(correlation(activations, concept[:, None])[:, 0])[::-1]


@wrong("closest", "has no correlation")
def not_a_number(activations, concept):
    both = torch.cat([activations, concept[:, None]], dim=1)
    return largest(torch.corrcoef(both.T)[:-1, -1])


@wrong("closest", "for other activations")
def closest_by_heart(activations, concept):
    return 2, float(correlation(activations[:, 2:3], concept[:, None]))


@wrong("closest", "it tells nothing")
def constant_is_one(activations, concept):
    each = correlation(activations, concept[:, None])[:, 0]
    return largest(torch.where(activations.std(0) > 0, each, 1.0))


@wrong("closest", "the neuron, and its correlation alone")
def all_correlations(activations, concept):
    each = correlation(activations, concept[:, None])[:, 0]
    return each.abs().argmax(), each


@wrong("closest", "not only one")
def number_only(activations, concept):
    return largest(correlation(activations, concept[:, None])[:, 0])[0]


@wrong("closest", "not only one")
def correlation_only(activations, concept):
    each = correlation(activations, concept[:, None])[:, 0]
    return each[each.abs().argmax()]


@wrong("closest", "not 6")
def every_one(activations, concept):
    return correlation(activations, concept[:, None])[:, 0]


@wrong("closest", "return the correlation of that neuron")
def of_the_first(activations, concept):
    each = correlation(activations, concept[:, None])[:, 0]
    return int(each.abs().argmax()), float(each[0])
