"""Answers to the lab on handwritten digits."""

import copy
import math
from collections import OrderedDict

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from answers import right, wrong


@right("top_k_accuracy")
def by_topk(z, y, k):
    return (z.topk(k, dim=1).indices == y[:, None]).any(dim=1).float().mean()


@right("top_k_accuracy")
def by_sorting(z, y, k):
    order = z.argsort(dim=1, descending=True)[:, :k]
    return sum(int(label) in row.tolist() for row, label in zip(order, y, strict=True)) / len(y)


@right("top_k_accuracy")
def top_k_with_numpy(z, y, k):
    z, y = z.numpy(), y.numpy()
    best = np.argsort(-z, axis=1)[:, :k]
    return np.mean([label in row for label, row in zip(y, best, strict=True)])


@right("top_k_accuracy")
def by_counting(z, y, k):
    right = 0
    for row, label in zip(z.double(), y, strict=True):
        right += int((row > row[label]).sum()) < k
    return torch.tensor(right / len(y), dtype=torch.float64)


@wrong("top_k_accuracy", "it does not depend on k yet")
def first_choice_only(z, y, k):
    return (z.argmax(dim=1) == y).float().mean()


@wrong("top_k_accuracy", "a share, not a count")
def counted(z, y, k):
    return (z.topk(k, dim=1).indices == y[:, None]).any(dim=1).sum()


@wrong("top_k_accuracy", "not by the number of outputs")
def mean_of_all_cells(z, y, k):
    return (z.topk(k, dim=1).indices == y[:, None]).float().mean()


@wrong("top_k_accuracy", "in its own row")
def in_any_row(z, y, k):
    return torch.isin(y, z.topk(k, dim=1).indices).float().mean()


@wrong("top_k_accuracy", "smallest outputs")
def smallest(z, y, k):
    return (z.topk(k, dim=1, largest=False).indices == y[:, None]).any(dim=1).float().mean()


@wrong("top_k_accuracy", "one place too many")
def one_place_too_many(z, y, k):
    return ((z > z[torch.arange(len(y)), y][:, None]).sum(dim=1) <= k).float().mean()


@wrong("top_k_accuracy", "as well as the second largest")
def kth_choice_only(z, y, k):
    return (z.argsort(dim=1, descending=True)[:, k - 1] == y).float().mean()


@wrong("top_k_accuracy", "selected index k out of range")
def over_the_images(z, y, k):
    return (z.topk(k + 5, dim=0).indices == y).float().mean()


@right("loss")
def through_one_hot(z, y):
    p = z.exp() / z.exp().sum(dim=1, keepdim=True)
    return -(torch.eye(z.shape[1])[y] * p.log()).sum(dim=1).mean()


@right("loss")
def by_logsumexp(z, y):
    return (z.logsumexp(dim=1) - z.gather(1, y[:, None])[:, 0]).mean()


@right("loss")
def loss_with_numpy(z, y):
    z, y = z.numpy(), y.numpy()
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(y)), y]).mean()


@right("loss")
def image_by_image(z, y):
    total = 0.0
    for row, label in zip(z.tolist(), y.tolist(), strict=True):
        total -= math.log(math.exp(row[label]) / sum(map(math.exp, row)))
    return total / len(y)


@right("loss")
def loss_in_float64(z, y):
    z = z.double() - z.max()
    p = torch.einsum("nk,n->nk", z.exp(), 1 / z.exp().sum(dim=1))
    return -torch.stack([p[i, label].log() for i, label in enumerate(y)]).mean()


@wrong("loss", "the first column")
def first_column(z, y):
    p = z.exp() / z.exp().sum(dim=1, keepdim=True)
    return -p[:, 0].log().mean()


@wrong("loss", "takes all three labels from every row")
def all_labels_of_all(z, y):
    p = z.exp() / z.exp().sum(dim=1, keepdim=True)
    return -p[:, y].log().mean()


@wrong("loss", "without cross_entropy")
def by_pytorch(z, y):
    return functional.cross_entropy(z, y)


@wrong("loss", "without softmax")
def softmax_given(z, y):
    return -z.softmax(dim=1)[torch.arange(len(y)), y].log().mean()


@wrong("loss", "not the sum")
def summed(z, y):
    p = z.exp() / z.exp().sum(dim=1, keepdim=True)
    return -p[torch.arange(len(y)), y].log().sum()


@wrong("loss", "the sign is wrong")
def without_the_minus(z, y):
    p = z.exp() / z.exp().sum(dim=1, keepdim=True)
    return p[torch.arange(len(y)), y].log().mean()


@wrong("loss", "sum along dim=1")
def along_the_images(z, y):
    p = z.exp() / z.exp().sum(dim=0)
    return -p[torch.arange(len(y)), y].log().mean()


@wrong("loss", "each image has a sum of its own")
def one_sum_for_all(z, y):
    p = z.exp() / z.exp().sum()
    return -p[torch.arange(len(y)), y].log().mean()


@wrong("loss", "the logarithm comes first")
def logarithm_of_the_mean(z, y):
    p = z.exp() / z.exp().sum(dim=1, keepdim=True)
    return -p[torch.arange(len(y)), y].mean().log()


@wrong("loss", "not divided by their sum")
def undivided(z, y):
    return -z.exp()[torch.arange(len(y)), y].log().mean()


@wrong("loss", "a single number")
def one_for_each(z, y):
    p = z.exp() / z.exp().sum(dim=1, keepdim=True)
    return -p[torch.arange(len(y)), y].log()


@wrong("loss", "stopped with RuntimeError")
def sums_without_keepdim(z, y):
    p = z.exp() / z[:, :2].exp()
    return -p[torch.arange(len(y)), y].log().mean()


@right("build")
def with_append(widths):
    sizes = [784, *widths, 10]
    layers = [nn.Flatten()]
    for i in range(len(sizes) - 1):
        layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        if i < len(sizes) - 2:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


@right("build")
def lazily(widths):
    layers = [nn.Flatten()]
    for width in widths:
        layers += [nn.LazyLinear(width), nn.ReLU()]
    return nn.Sequential(*layers, nn.LazyLinear(10))


@right("build")
def with_names(widths):
    layers = OrderedDict(flatten=nn.Flatten(start_dim=1))
    for i, (a, b) in enumerate(zip([784, *widths], widths, strict=False)):
        layers[f"linear{i}"] = nn.Linear(a, b)
        layers[f"relu{i}"] = nn.ReLU(inplace=True)
    layers["logits"] = nn.Linear(widths[-1] if widths else 28 * 28, 10)
    return nn.Sequential(layers)


@right("build")
def module_by_module(widths):
    model, inputs = nn.Sequential(nn.Flatten()), 784
    while widths:
        model.append(nn.Linear(inputs, widths[0])).append(nn.ReLU())
        inputs, widths = widths[0], widths[1:]
    return model.append(nn.Linear(inputs, 10))


@wrong("build", "ends with a ReLU")
def relu_after_all(widths):
    layers, inputs = [nn.Flatten()], 784
    for width in [*widths, 10]:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers)


@wrong("build", "Flatten, ReLU, Linear")
def relu_before_both(widths):
    layers, inputs = [nn.Flatten()], 784
    for width in [*widths, 10]:
        layers += [nn.ReLU(), nn.Linear(inputs, width)]
        inputs = width
    return nn.Sequential(*layers)


@wrong("build", "ends with a LogSoftmax")
def logarithms_of_probabilities(widths):
    return nn.Sequential(*by_parts(widths), nn.LogSoftmax(dim=1))


@wrong("build", "Dropout")
def with_dropout(widths):
    return nn.Sequential(*by_parts(widths)[:-1], nn.Dropout(0.5), by_parts(widths)[-1])


def by_parts(widths):
    layers, inputs = [nn.Flatten()], 784
    for width in widths:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return [*layers, nn.Linear(inputs, 10)]


@wrong("build", "each hidden layer needs one")
def no_relu(widths):
    return nn.Sequential(*[layer for layer in by_parts(widths) if not isinstance(layer, nn.ReLU)])


@wrong("build", "outputs, not [6, 4, 10]")
def one_hidden_layer(widths):
    model = nn.Sequential(*by_parts(widths[:1]))
    for _ in widths[1:]:
        model.append(nn.ReLU()).append(nn.Linear(10, 10))
    return model


@wrong("build", "stopped with RuntimeError")
def inputs_stay_784(widths):
    layers = [nn.Flatten()]
    for width in widths:
        layers += [nn.Linear(784, width), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(784, 10))
    model(torch.zeros(1, 1, 28, 28))
    return model


@wrong("build", "weights and biases of its own")
def shared(widths):
    layers = by_parts(widths)
    if len(widths) > 2:
        layers[5] = layers[3]
    return nn.Sequential(*layers)


@wrong("build", "biases of its own")
def without_biases(widths):
    layers, inputs = [nn.Flatten()], 784
    for width in widths:
        layers += [nn.Linear(inputs, width, bias=False), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, 10))


@wrong("build", "outputs, not [5, 10]")
def always_128(widths):
    return nn.Sequential(*by_parts([128] * len(widths)))


@wrong("build", "return an nn.Sequential, not a list")
def as_a_list(widths):
    return by_parts(widths)


@wrong("build", "leave the initial weights random")
def seeded(widths):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(*by_parts(widths))


@right("choose")
def by_a_loop(histories):
    best, lowest = None, math.inf
    for rate, history in histories.items():
        if min(history["validation_loss"]) < lowest:
            best, lowest = rate, min(history["validation_loss"])
    return best


@right("choose")
def by_the_last_epoch(histories):
    return min(histories, key=lambda rate: histories[rate]["validation_loss"][-1])


@right("choose")
def by_the_last_three(histories):
    return min(histories, key=lambda rate: sum(histories[rate]["validation_loss"][-3:]))


@right("choose")
def choose_with_numpy(histories):
    rates = np.array(list(histories))
    return rates[np.argmin([np.min(history["validation_loss"]) for history in histories.values()])]


@right("choose")
def sorted_pairs(histories):
    return sorted((min(each["validation_loss"]), rate) for rate, each in histories.items())[0][1]


@wrong("choose", "lowest training loss")
def by_training_loss(histories):
    return min(histories, key=lambda rate: histories[rate]["loss"][-1])


@wrong("choose", "after the first epoch")
def by_the_first_epoch(histories):
    return min(histories, key=lambda rate: histories[rate]["validation_loss"][0])


@wrong("choose", "after the first epoch")
def whole_lists_compared(histories):
    return min(histories, key=lambda rate: histories[rate]["validation_loss"])


@wrong("choose", "the lowest is asked for")
def highest(histories):
    return max(histories, key=lambda rate: max(histories[rate]["validation_loss"]))


@wrong("choose", "a key of the dict, not 0.3")
def the_loss_itself(histories):
    return min(min(history["validation_loss"]) for history in histories.values())


@wrong("choose", "there may be other rates")
def known_already(histories):
    return 0.01


@wrong("choose", "a key of the dict, not 2.5")
def place_of_the_rate(histories):
    lowest = [min(history["validation_loss"]) for history in histories.values()]
    return lowest.index(min(lowest)) + 1.5


@right("worst")
def two_loops(table):
    best, pair = -1, None
    for i in range(len(table)):
        for j in range(len(table)):
            if i != j and table[i, j] > best:
                best, pair = table[i, j], (i, j)
    return pair


@right("worst")
def worst_with_numpy(table):
    counts = table.numpy().copy()
    np.fill_diagonal(counts, 0)
    return np.unravel_index(counts.argmax(), counts.shape)


@right("worst")
def masked(table):
    mistakes = table.masked_fill(torch.eye(len(table), dtype=torch.bool), -1)
    return (mistakes == mistakes.max()).nonzero()[0]


@right("worst")
def a_list_of_tensors(table):
    mistakes = table.double() * (1 - torch.eye(len(table), dtype=torch.float64))
    place = mistakes.argmax()
    return [place // table.shape[1], place % table.shape[1]]


@wrong("worst", "the diagonal counts correct predictions")
def diagonal_left_in(table):
    return divmod(int(table.argmax()), table.shape[1])


@wrong("worst", "the label is the row")
def turned_round(table):
    mistakes = table - table.diag().diag()
    label, prediction = divmod(int(mistakes.argmax()), table.shape[1])
    return prediction, label


@wrong("worst", "above it and below it")
def below_only(table):
    mistakes = table.tril(-1)
    return divmod(int(mistakes.argmax()), table.shape[1])


@wrong("worst", "above it and below it")
def above_only(table):
    mistakes = table.triu(1)
    return divmod(int(mistakes.argmax()), table.shape[1])


@wrong("worst", "above it and below it")
def by_share_of_the_row(table):
    mistakes = (table - table.diag().diag()) / table.sum(dim=1, keepdim=True)
    return divmod(int(mistakes.argmax()), table.shape[1])


@wrong("worst", "argument 1: make a new one")
def diagonal_filled_in_place(table):
    table.fill_diagonal_(0)
    return divmod(int(table.argmax()), table.shape[1])


@wrong("worst", "return two numbers")
def place_in_the_flat_table(table):
    return int((table - table.diag().diag()).argmax())


@wrong("worst", "return two numbers")
def with_the_count(table):
    mistakes = table - table.diag().diag()
    return (*divmod(int(mistakes.argmax()), table.shape[1]), int(mistakes.max()))


@right("silence")
def times_a_mask(model, n):
    quiet = copy.deepcopy(model)
    mask = (torch.arange(128) >= n).float()
    quiet[3].weight = nn.Parameter(quiet[3].weight * mask)
    return quiet


@right("silence")
def through_the_state(model, n):
    state = {name: value.clone() for name, value in model.state_dict().items()}
    state["3.weight"][:, :n] = 0
    quiet = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    quiet.load_state_dict(state)
    return quiet


@right("silence")
def neuron_by_neuron(model, n):
    quiet = copy.deepcopy(model)
    for neuron in range(n):
        quiet[3].weight.data[:, neuron].zero_()
    return quiet


@right("silence")
def incoming_weights_and_bias(model, n):
    quiet = copy.deepcopy(model)
    with torch.no_grad():
        quiet[1].weight[:n] = 0
        quiet[1].bias[:n] = 0
    return quiet


@wrong("silence", "copy it first")
def in_place(model, n):
    with torch.no_grad():
        model[3].weight[:, :n] = 0
    return model


@wrong("silence", "copy it first")
def a_copy_of_what_is_damaged(model, n):
    model[3].weight.data[:, :n] = 0
    return copy.deepcopy(model)


@wrong("silence", "a copy")
def nothing_off(model, n):
    return copy.deepcopy(model)


@wrong("silence", "hidden neurons are columns")
def rows_off(model, n):
    quiet = copy.deepcopy(model)
    quiet[3].weight.data[:n] = 0
    return quiet


@wrong("silence", "not the last")
def last_ones_off(model, n):
    quiet = copy.deepcopy(model)
    quiet[3].weight.data[:, -n:] = 0
    return quiet


@wrong("silence", "one neuron too many")
def one_too_many(model, n):
    quiet = copy.deepcopy(model)
    quiet[3].weight.data[:, : n + 1] = 0
    return quiet


@wrong("silence", "with n = 40")
def always_five(model, n):
    quiet = copy.deepcopy(model)
    quiet[3].weight.data[:, :5] = 0
    return quiet


@wrong("silence", "the bias of the last layer should stay")
def bias_off_as_well(model, n):
    quiet = copy.deepcopy(model)
    quiet[3].weight.data[:, :n] = 0
    quiet[3].bias.data.zero_()
    return quiet


@wrong("silence", "stopped with RuntimeError: a view of a leaf Variable")
def with_gradients(model, n):
    quiet = copy.deepcopy(model)
    with torch.enable_grad():
        quiet[3].weight[:, :n] = 0
    return quiet


@wrong("silence", "return a model, not a Tensor")
def the_weights(model, n):
    weight = model[3].weight.clone()
    weight[:, :n] = 0
    return weight


@right("random_shift")
def slices(x):
    across, down = int(torch.randint(7, ())) - 3, int(torch.randint(7, ())) - 3
    wide = functional.pad(x, (3, 3, 3, 3))
    return wide[..., 3 - down : 31 - down, 3 - across : 31 - across]


@right("random_shift")
def rolled_and_cut(x):
    across, down = torch.randint(-3, 4, (2,)).tolist()
    wide = torch.roll(functional.pad(x, (3, 3, 3, 3)), (down, across), dims=(2, 3))
    return wide[..., 3:-3, 3:-3]


@right("random_shift")
def each_image_apart(x):
    moves = torch.randint(-3, 4, (len(x), 2)).tolist()
    return torch.stack([functional.pad(each, (a, -a, d, -d)) for each, (a, d) in zip(x, moves, strict=True)])


@right("random_shift")
def shift_with_numpy(x):
    across, down = torch.randint(-3, 4, (2,)).tolist()
    moved = np.zeros_like(x.numpy())
    source = x.numpy()[..., max(0, -down) : 28 - max(0, down), max(0, -across) : 28 - max(0, across)]
    moved[..., max(0, down) : 28 + min(0, down), max(0, across) : 28 + min(0, across)] = source
    return moved


@wrong("random_shift", "background, 0")
def rolled(x):
    across, down = torch.randint(-3, 4, (2,)).tolist()
    return torch.roll(x, (down, across), dims=(2, 3))


@wrong("random_shift", "background, 0")
def edges_copied(x):
    across, down = torch.randint(-3, 4, (2,)).tolist()
    wide = functional.pad(x, (3, 3, 3, 3), mode="replicate")
    return wide[..., 3 - down : 31 - down, 3 - across : 31 - across]


@wrong("random_shift", "leaves out its upper end")
def never_three(x):
    across, down = torch.randint(-3, 3, (2,)).tolist()
    return functional.pad(x, (across, -across, down, -down))


@wrong("random_shift", "draw across and down apart")
def along_the_diagonal(x):
    move = int(torch.randint(-3, 4, ()))
    return functional.pad(x, (move, -move, move, -move))


@wrong("random_shift", "down as well as across")
def across_only(x):
    across = int(torch.randint(-3, 4, ()))
    return functional.pad(x, (across, -across))


@wrong("random_shift", "the same each time")
def seeded_inside(x):
    torch.manual_seed(0)
    across, down = torch.randint(-3, 4, (2,)).tolist()
    return functional.pad(x, (across, -across, down, -down))


@wrong("random_shift", "three pixels at most")
def by_four(x):
    across, down = torch.randint(-4, 5, (2,)).tolist()
    return functional.pad(x, (across, -across, down, -down))


@wrong("random_shift", "should have the shape")
def grows(x):
    across, down = torch.randint(0, 4, (2,)).tolist()
    return functional.pad(x, (across, 1, down, 1))


@wrong("random_shift", "its pixels should stay as they are")
def darker(x):
    across, down = torch.randint(-3, 4, (2,)).tolist()
    return 0.5 * functional.pad(x, (across, -across, down, -down))
