"""Answers to the lab on backpropagation."""

import math

import numpy as np
import torch

from answers import right, wrong
from backprop import Value


@right("finite_difference")
def larger_step(f, x):
    h = 1e-3
    return (f(x + h) - f(x - h)) / (2 * h)


@right("finite_difference")
def five_points(f, x):
    h = 1e-3
    return (f(x - 2 * h) - 8 * f(x - h) + 8 * f(x + h) - f(x + 2 * h)) / (12 * h)


@right("finite_difference")
def mean_of_both_sides(f, x, h=1e-6):
    after, before = (f(x + h) - f(x)) / h, (f(x) - f(x - h)) / h
    return torch.tensor((after + before) / 2)


@right("finite_difference")
def difference_with_numpy(f, x):
    low, high = np.float64(x) + np.array([-1e-5, 1e-5])
    return np.array([(f(high) - f(low)) / (high - low)])


@wrong("finite_difference", "step both ways")
def one_sided(f, x):
    return (f(x + 1e-5) - f(x)) / 1e-5


@wrong("finite_difference", "step both ways")
def one_sided_with_a_tiny_step(f, x):
    return (f(x + 1e-8) - f(x)) / 1e-8


@wrong("finite_difference", "step equally far both ways")
def lopsided(f, x):
    return (f(x + 1e-5) - f(x - 3e-5)) / 4e-5


@wrong("finite_difference", "divide by 2h, not by h")
def half_the_step(f, x):
    return (f(x + 1e-5) - f(x - 1e-5)) / 1e-5


@wrong("finite_difference", "in brackets")
def brackets_left_out(f, x):
    h = 1e-5
    return (f(x + h) - f(x - h)) / 2 * h


@wrong("finite_difference", "the sign is wrong")
def the_other_way_round(f, x):
    h = 1e-5
    return (f(x - h) - f(x + h)) / (2 * h)


@wrong("finite_difference", "is h small")
def large_step(f, x):
    return (f(x + 0.5) - f(x - 0.5)) / 1


@wrong("finite_difference", "is h small")
def rounded(f, x):
    return round((f(x + 1e-5) - f(x - 1e-5)) / 2e-5)


@wrong("finite_difference", "call f")
def known_by_heart(f, x):
    return 3 * x**2


@wrong("finite_difference", "this is f(x)")
def only_the_value(f, x):
    return f(x)


@right("replay")
def by_index(tape):
    place = {id(node): number for number, node in enumerate(tape)}
    gradients = [0.0] * (len(tape) - 1) + [1.0]
    for number in range(len(tape) - 1, -1, -1):
        for parent, derivative in zip(tape[number].parents, tape[number].derivatives, strict=True):
            gradients[place[id(parent)]] += derivative * gradients[number]
    return gradients


@right("replay")
def into_the_values(tape):
    tape[-1].grad = 1.0
    for node in tape[::-1]:
        for parent, derivative in zip(node.parents, node.derivatives, strict=True):
            parent.grad += derivative * node.grad
    return tuple(node.grad for node in tape)


@right("replay")
def asking_who_uses_it(tape):
    found = np.zeros(len(tape))
    found[-1] = 1
    for number in reversed(range(len(tape) - 1)):
        for user, node in enumerate(tape):
            for parent, derivative in zip(node.parents, node.derivatives, strict=True):
                if parent is tape[number]:
                    found[number] += derivative * found[user]
    return found


@right("replay")
def along_every_path(tape):
    def flow(node, end):
        if node is end:
            return 1.0
        return sum(d * flow(node, p) for p, d in zip(end.parents, end.derivatives, strict=True))

    return torch.tensor([flow(node, tape[-1]) for node in tape], dtype=torch.float64)


def passing(tape, start=1.0, share=lambda so_far, derivative, gradient: so_far + derivative * gradient, order=reversed):
    """Pass gradients back as told."""
    gradient = dict.fromkeys(tape, 0.0)
    gradient[tape[-1]] = start
    for node in order(tape):
        for parent, derivative in zip(node.parents, node.derivatives, strict=True):
            gradient[parent] = share(gradient[parent], derivative, gradient[node])
    return [gradient[node] for node in tape]


@wrong("replay", "use += and not =")
def overwriting(tape):
    return passing(tape, share=lambda so_far, derivative, gradient: derivative * gradient)


@wrong("replay", "by the gradient so far")
def derivatives_only(tape):
    return passing(tape, share=lambda so_far, derivative, gradient: so_far + derivative)


@wrong("replay", "start with gradient 1")
def never_started(tape):
    return passing(tape, start=0.0)


@wrong("replay", "start with 1, not with its value")
def started_with_the_value(tape):
    return passing(tape, start=tape[-1].data)


@wrong("replay", "in reverse")
def forwards(tape):
    return passing(tape, order=list)


@wrong("replay", "in the order of the tape")
def last_one_first(tape):
    return passing(tape)[::-1]


@wrong("replay", "these are the values")
def data(tape):
    return [node.data for node in tape]


@wrong("replay", "not the values")
def the_values_themselves(tape):
    return tape


@wrong("replay", "tell values apart")
def by_name(tape):
    gradient = {node.name: 0.0 for node in tape} | {tape[-1].name: 1.0}
    for node in reversed(tape):
        for parent, derivative in zip(node.parents, node.derivatives, strict=True):
            gradient[parent.name] += derivative * gradient[node.name]
    return [gradient[node.name] for node in tape]


@wrong("replay", "in exp(tanh(a))")
def looked_up(tape):
    return [24, -20, -10, -6, 1][: len(tape)]


@wrong("replay", "in a·a the two shares")
def overwriting_in_products(tape):
    return passing(tape) if len(tape) > 2 else [3.0, 1.0]


@wrong("replay", "returns nothing yet")
def sets_grad_only(tape):
    tape[-1].backward()


def sigma(z):
    return 1 / (1 + math.exp(-z))


@right("softplus")
def with_log1p(z):
    return Value(math.log1p(math.exp(z.data)), (z,), (sigma(z.data),))


@right("softplus")
def stable(z):
    value = max(z.data, 0.0) + math.log1p(math.exp(-abs(z.data)))
    return Value(value, [z], [1 - math.exp(-value)])


@right("softplus")
def softplus_with_numpy(z):
    e = np.exp(z.data)
    return Value(np.log(1 + e), (z,), (e / (1 + e),))


@right("softplus")
def softplus_with_torch(z):
    x = torch.tensor(z.data, requires_grad=True)
    value = torch.nn.functional.softplus(x)
    value.backward()
    return Value(value.item(), (z,), (x.grad,))


@right("softplus")
def slope_from_the_engine(z):
    return Value(math.log(1 + math.exp(z.data)), (z,), (z.sigmoid().data,))


def softplus_of(derivative):
    """Make a softplus with another derivative, of z."""

    def softplus(z):
        return Value(math.log(1 + math.exp(z.data)), (z,), (derivative(z.data),))

    return softplus


def valued(value):
    """Make a softplus with another value, of z."""

    def softplus(z):
        return Value(value(z.data), (z,), (sigma(z.data),))

    return softplus


wrong("softplus", "times the derivative of what is inside", softplus_of(lambda z: 1 / (1 + math.exp(z))))
wrong("softplus", "divide e^z by 1 + e^z", softplus_of(math.exp))
wrong("softplus", "the derivative of the sigmoid", softplus_of(lambda z: sigma(z) * (1 - sigma(z))))
wrong("softplus", "the sigmoid of the value", softplus_of(lambda z: sigma(math.log(1 + math.exp(z)))))
wrong("softplus", "this is the value", softplus_of(lambda z: math.log(1 + math.exp(z))))
wrong("softplus", "the derivative of the ReLU", softplus_of(lambda z: float(z > 0)))
wrong("softplus", "by the chain rule", softplus_of(lambda z: 1.0))
wrong("softplus", "the 1 is missing", valued(lambda z: z))
wrong("softplus", "take its natural logarithm", valued(lambda z: 1 + math.exp(z)))
wrong("softplus", "the sign of z", valued(lambda z: math.log(1 + math.exp(-z))))
wrong("softplus", "math.log", valued(lambda z: math.log10(1 + math.exp(z))))
wrong("softplus", "this is the ReLU", valued(lambda z: max(z, 0)))


@wrong("softplus", "its parent is to be z itself")
def put_together(z):
    return (z.exp() + 1).log()


@wrong("softplus", "one operation with one parent")
def no_parent(z):
    return Value(math.log(1 + math.exp(z.data)))


@wrong("softplus", "one operation with one parent")
def not_a_tuple(z):
    return Value(math.log(1 + math.exp(z.data)), z, sigma(z.data))


@wrong("softplus", "with a comma")
def comma_forgotten(z):
    return Value(math.log(1 + math.exp(z.data)), (z,), (sigma(z.data)))


@wrong("softplus", "one derivative for its one parent, not 0")
def no_derivative(z):
    return Value(math.log(1 + math.exp(z.data)), (z,))


@wrong("softplus", "not a float")
def a_number(z):
    return math.log(1 + math.exp(z.data))


@right("by_hand")
def by_the_short_form(w, b, x, y):
    error = (1 + math.tanh((w * x + b) / 2)) / 2 - y
    return [x * error, error]


@right("by_hand")
def factor_by_factor(w, b, x, y):
    p = 1 / (1 + np.exp(-(w * x + b)))
    of_p = -y / p + (1 - y) / (1 - p)
    return np.array([of_p * p * (1 - p) * x, of_p * p * (1 - p)])


@right("by_hand")
def in_float32(w, b, x, y):
    error = torch.sigmoid(torch.tensor(w * x + b)) - y
    return error * x, error


@right("by_hand")
def by_cases(w, b, x, y):
    p = sigma(w * x + b)
    return (-(1 - p) * x, -(1 - p)) if y == 1 else (p * x, p)


@right("by_hand")
def by_differences(w, b, x, y, h=1e-5):
    def loss(w, b):
        p = sigma(w * x + b)
        return -y * math.log(p) - (1 - y) * math.log(1 - p)

    return (loss(w + h, b) - loss(w - h, b)) / (2 * h), (loss(w, b + h) - loss(w, b - h)) / (2 * h)


def neuron(derivatives):
    """Make an answer out of the weight, the bias, the input, the label and the prediction."""

    def by_hand(w, b, x, y):
        return derivatives(w, b, x, y, sigma(w * x + b))

    return by_hand


wrong("by_hand", "the sign is wrong", neuron(lambda w, b, x, y, p: ((y - p) * x, y - p)))
wrong("by_hand", "has cancelled", neuron(lambda w, b, x, y, p: ((p - y) * p * (1 - p) * x, (p - y) * p * (1 - p))))
wrong("by_hand", "not yet dL/dz", neuron(lambda w, b, x, y, p: ((p - y) / p / (1 - p) * x, (p - y) / p / (1 - p))))
wrong("by_hand", "dz/db is 1", neuron(lambda w, b, x, y, p: ((p - y) * x, (p - y) * x)))
wrong("by_hand", "times what came in", neuron(lambda w, b, x, y, p: (p - y, p - y)))
wrong("by_hand", "and not w", neuron(lambda w, b, x, y, p: ((p - y) * w, p - y)))
wrong("by_hand", "first the one in w", neuron(lambda w, b, x, y, p: (p - y, (p - y) * x)))
wrong("by_hand", "not z", neuron(lambda w, b, x, y, p: ((w * x + b - y) * x, w * x + b - y)))
wrong("by_hand", "the bias in z", neuron(lambda w, b, x, y, p: ((sigma(w * x) - y) * x, sigma(w * x) - y)))
wrong("by_hand", "return two numbers", neuron(lambda w, b, x, y, p: (p - y) * x))
wrong("by_hand", "are others", neuron(lambda w, b, x, y, p: ((p - 1) * x, p - 1)))


@wrong("by_hand", "without the engine")
def with_the_engine(w, b, x, y):
    weight, bias = Value(w), Value(b)
    p = (weight * x + bias).sigmoid()
    (-(y * p.log() + (1 - y) * (1 - p).log())).backward()
    return weight.grad, bias.grad


right("good_scale", lambda: 1.41)
right("good_scale", lambda: torch.tensor(2.0).sqrt())
right("good_scale", lambda: np.sqrt([2.0]))
right("good_scale", lambda: (0.5 * (1 + 0.01**2)) ** -0.5)
wrong("good_scale", "it vanishes", lambda: 1.0)
wrong("good_scale", "it vanishes", lambda: (2 / 64) ** 0.5)
wrong("good_scale", "it vanishes", lambda: 0.5**0.5)
wrong("good_scale", "Is this the square of the scale?", lambda: 2)
wrong("good_scale", "it explodes", lambda: 1.7)
wrong("good_scale", "above 0", lambda: -(2**0.5))
wrong("good_scale", "a finite number", lambda: math.inf)
wrong("good_scale", "one number is asked for, not 2", lambda: (1.4, 1.42))
wrong("good_scale", "returns nothing yet", lambda: None)
wrong("finite_difference", "one number is asked for, not 2", lambda f, x: (f(x), x))
