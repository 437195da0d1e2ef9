"""Answers to the lab on architectures."""

import torch

from answers import right, wrong


@right("gradient")
def from_the_mean(prediction, x):
    return prediction - x.mean()


@right("gradient")
def with_numpy(prediction, x):
    return (float(prediction) - x.numpy()).mean()


@right("gradient")
def in_a_loop(prediction, x):
    return sum(float(prediction) - float(each) for each in x) / len(x)


@right("gradient")
def in_float64(prediction, x):
    return torch.mean(prediction.double() - x.double())


@wrong("gradient", "the sign is wrong")
def turned_round(prediction, x):
    return (x - prediction).mean()


@wrong("gradient", "not their sum")
def added_up(prediction, x):
    return (prediction - x).sum()


@wrong("gradient", "half a square")
def twice(prediction, x):
    return 2 * (prediction - x).mean()


@wrong("gradient", "a single number")
def one_for_each(prediction, x):
    return prediction - x
