"""Answers to the lab on one neuron."""

import math

import numpy as np
import torch

from answers import right, wrong


@right("correct")
def branches(weight, bias, x, y):
    z = (weight * x).sum() + bias
    if z > 0 and y < 0:
        return weight - x, bias - 1
    if z <= 0 and y > 0:
        return weight + x, bias + 1
    return weight, bias


@right("correct")
def with_numpy(weight, bias, x, y):
    w, x = weight.numpy(), x.numpy()
    predicted = 1 if w @ x + float(bias) > 0 else -1
    return (w + float(y) * x, float(bias) + float(y)) if predicted != y else (w, float(bias))


@right("correct")
def as_a_difference(weight, bias, x, y):
    error = (y - torch.where(weight.dot(x) + bias > 0, 1.0, -1.0)) / 2
    return weight + error * x, bias + error


@right("correct")
def a_list_that_copies_first(weight, bias, x, y):
    weight = weight.clone()
    if (1.0 if weight @ x + bias > 0 else -1.0) != y.item():
        weight += y * x
        bias = bias + y
    return [weight, bias]


@wrong("correct", "the bias moves too")
def bias_stays(weight, bias, x, y):
    predicted = 1.0 if x @ weight + bias > 0 else -1.0
    return (weight + y * x, bias) if predicted != y else (weight, bias)


@wrong("correct", "times its *label*")
def label_left_out(weight, bias, x, y):
    predicted = 1.0 if x @ weight + bias > 0 else -1.0
    return (weight + x, bias + 1) if predicted != y else (weight, bias)


@wrong("correct", "the sum of all pixels and of the bias")
def bias_left_out_of_the_sum(weight, bias, x, y):
    predicted = 1.0 if x @ weight > 0 else -1.0
    return (weight + y * x, bias + y) if predicted != y else (weight, bias)


@wrong("correct", "exactly 0 means -1, and -1 is the label")
def zero_is_always_wrong(weight, bias, x, y):
    return (weight + y * x, bias + y) if y * (x @ weight + bias) <= 0 else (weight, bias)


@wrong("correct", "exactly 0 means -1, so")
def zero_means_one(weight, bias, x, y):
    predicted = 1.0 if x @ weight + bias >= 0 else -1.0
    return (weight + y * x, bias + y) if predicted != y else (weight, bias)


@wrong("correct", "nothing should change")
def moves_always(weight, bias, x, y):
    return weight + y * x, bias + y


@wrong("correct", "nothing changed")
def moves_never(weight, bias, x, y):
    return weight, bias


@wrong("correct", "nothing should change")
def one_pixel_only(weight, bias, x, y):
    predicted = 1.0 if x[0] * weight[0] + bias > 0 else -1.0
    return (weight + y * x, bias + y) if predicted != y else (weight, bias)


@wrong("correct", "argument 1: make a new one")
def in_place(weight, bias, x, y):
    if (1.0 if x @ weight + bias > 0 else -1.0) != y:
        weight += y * x
        bias = bias + y
    return weight, bias


@wrong("correct", "return two things")
def weight_only(weight, bias, x, y):
    return weight + y * x


@wrong("correct", "not 3")
def three_things(weight, bias, x, y):
    return weight, bias, y


@wrong("correct", "line 3 of another_shape, `return weight + x[:1] @ x, bias + y`, stopped with RuntimeError")
def another_shape(weight, bias, x, y):
    return weight + x[:1] @ x, bias + y


@right("margins")
def sum_by_hand(weight, bias, x, y):
    z = (x * weight).sum(dim=1) + bias
    return z * y / (weight**2).sum().sqrt()


@right("margins")
def margins_with_numpy(weight, bias, x, y):
    w = weight.numpy()
    return y.numpy() * (x.numpy() @ w + float(bias)) / np.linalg.norm(w)


@right("margins")
def one_at_a_time(weight, bias, x, y):
    length = math.sqrt(float(weight @ weight))
    return [float(label * (point @ weight + bias)) / length for point, label in zip(x, y, strict=True)]


@right("margins")
def in_float64(weight, bias, x, y):
    x, y, weight, bias = x.double(), y.double(), weight.double(), bias.double()
    return y * torch.einsum("ij,j->i", x, weight / weight.norm()) + y * bias / weight.norm()


@wrong("margins", "times the label")
def without_the_label(weight, bias, x, y):
    return (x @ weight + bias) / weight.norm()


@wrong("margins", "divide by the length")
def undivided(weight, bias, x, y):
    return y * (x @ weight + bias)


@wrong("margins", "no absolute value")
def absolute(weight, bias, x, y):
    return (x @ weight + bias).abs() / weight.norm()


@wrong("margins", "the bias in z")
def without_the_bias(weight, bias, x, y):
    return y * (x @ weight) / weight.norm()


@wrong("margins", "not by its square")
def squared_length(weight, bias, x, y):
    return y * (x @ weight + bias) / (weight @ weight)


@wrong("margins", "root of the sum of their squares")
def sum_of_sizes(weight, bias, x, y):
    return y * (x @ weight + bias) / weight.abs().sum()


@wrong("margins", "shape (4,), not ()")
def smallest_only(weight, bias, x, y):
    return (y * (x @ weight + bias) / weight.norm()).min()


@wrong("margins", "stopped with RuntimeError")
def turned_round(weight, bias, x, y):
    return y * (weight @ x + bias) / weight.norm()


@right("features")
def squared_difference(x):
    return (x[:, :1] - x[:, 1:]) ** 2


@right("features")
def size_of_the_sum(x):
    return torch.stack([(x[:, 0] + x[:, 1]).abs(), x[:, 0]], dim=1)


@right("features")
def features_with_numpy(x):
    a, b = x.numpy().T
    return np.stack([a, b, np.maximum(a, b) - np.minimum(a, b)], axis=1)


@right("features")
def a_list_of_rows(x):
    return [[abs(float(a) - float(b))] for a, b in x]


@right("features")
def one_if_they_agree(x):
    return (x[:, 0] == x[:, 1]).float()[:, None]


@wrong("features", "the product in disguise")
def the_product(x):
    return x[:, :1] * x[:, 1:]


@wrong("features", "the product in disguise")
def hidden_product(x):
    return torch.cat([x, (x[:, :1] + 1) * (x[:, 1:] + 1)], dim=1)


@wrong("features", "no line splits")
def squares(x):
    return x**2


@wrong("features", "no line splits")
def as_they_are(x):
    return x


@wrong("features", "other points may come")
def labels_by_heart(x):
    return torch.tensor([[0.0], [1.0], [1.0], [0.0]])


@wrong("features", "a row for each point")
def a_vector(x):
    return (x[:, 0] - x[:, 1]).abs()


@wrong("features", "a row for each of the 4 points, not 1")
def a_row_for_all(x):
    return (x[:, :1] - x[:, 1:]).abs().mT


def sine(z):
    return torch.sin(z)


def cosine(z):
    return torch.cos(z)


def leaky(z):
    return torch.where(z > 0, z, 0.1 * z)


def relu(z):
    return z.clamp(min=0)


def swish(z):
    return z * torch.sigmoid(z)


right("activation", sine, cosine)
right("activation", lambda z: z**2, lambda z: 2 * z)
right("activation", leaky, lambda z: torch.where(z > 0, 1.0, 0.1))
right("activation", relu, lambda z: z > 0)
right("activation", relu, lambda z: [1 if value > 0 else 0 for value in z])
right("activation", torch.tanh, lambda z: 1 - np.tanh(z.numpy()) ** 2)
wrong("activation", "a straight line", lambda z: 2 * z + 1, lambda z: torch.full_like(z, 2))
wrong("activation", "activation itself", sine, sine)
wrong("activation", "the sign is wrong", cosine, sine)
wrong("activation", "not the derivative of activation", swish, torch.sigmoid)
wrong("activation", "a finite value", torch.log, lambda z: 1 / z)
wrong("activation", "derivative returns nothing yet", sine, lambda z: None)
wrong("activation", "activation returns nothing yet", lambda z: None, cosine)
wrong("activation", "torch.exp, not math.exp", lambda z: [math.sin(value) for value in z], cosine)
wrong("activation", "a value for each z", lambda z: z.sum() ** 2, cosine)
