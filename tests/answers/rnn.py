"""Answers to the lab on recurrent networks."""

import itertools
import math
from collections import Counter

import numpy as np
import torch
from torch import nn

from answers import right, wrong


@right("step")
def one_product(x, h, w, u, b):
    return torch.tanh(torch.cat([x, h], dim=1) @ torch.cat([w, u], dim=1).mT + b)


@right("step")
def with_linear(x, h, w, u, b):
    return (nn.functional.linear(x, w, b) + nn.functional.linear(h, u)).tanh()


@right("step")
def with_einsum_in_float64(x, h, w, u, b):
    z = torch.einsum("ni,hi->nh", x.double(), w.double()) + torch.einsum("nk,hk->nh", h.double(), u.double()) + b
    return (z.exp() - (-z).exp()) / (z.exp() + (-z).exp())


@right("step")
def row_by_row(x, h, w, u, b):
    return torch.stack([torch.tanh(w @ xt + u @ ht + b) for xt, ht in zip(x, h, strict=True)])


@right("step")
def by_columns(x, h, w, u, b):
    return 2 * torch.sigmoid(2 * (w @ x.T + u @ h.T + b[:, None])).T - 1


wrong("step", "tanh is missing", lambda x, h, w, u, b: x @ w.T + h @ u.T + b)
wrong("step", "not a sigmoid", lambda x, h, w, u, b: torch.sigmoid(x @ w.T + h @ u.T + b))
wrong("step", "do not forget the bias", lambda x, h, w, u, b: torch.tanh(x @ w.T + h @ u.T))
wrong("step", "u is (out, in)", lambda x, h, w, u, b: torch.tanh(x @ w.T + h @ u + b))
wrong("step", "w is (out, in)", lambda x, h, w, u, b: torch.tanh(x @ w + h @ u.T + b))
wrong("step", "of w and of u", lambda x, h, w, u, b: torch.tanh(x @ w + h @ u + b))
wrong("step", "w belongs to the input", lambda x, h, w, u, b: torch.tanh(x @ u.T + h @ w.T + b))
wrong("step", "do not forget the old hidden state", lambda x, h, w, u, b: torch.tanh(x @ w.T + b))
wrong("step", "bias is added after it", lambda x, h, w, u, b: torch.tanh(x @ w.T + h @ u.T) + b)
wrong("step", "then one tanh", lambda x, h, w, u, b: torch.tanh(x @ w.T) + torch.tanh(h @ u.T) + b)
wrong("step", "the tanh of W x", lambda x, h, w, u, b: torch.tanh(x @ w.T - h @ u.T + b))
wrong("step", "shape (5, 4), not (4, 5)", lambda x, h, w, u, b: torch.tanh(w @ x.T + u @ h.T + b[:, None]))
wrong("step", "returns nothing yet", lambda x, h, w, u, b: None)


@wrong("step", "autograd can follow")
def step_with_numpy(x, h, w, u, b):
    return np.tanh(x.numpy() @ w.numpy().T + h.numpy() @ u.numpy().T + b.numpy())


@wrong("step", "autograd can follow")
def step_detached(x, h, w, u, b):
    return torch.tanh(x @ w.T + h.detach() @ u.T + b)


@wrong("step", "changed the tensor")
def step_in_place(x, h, w, u, b):
    w *= 1.5
    return torch.tanh(x @ w.T + h @ u.T + b)


def read(x, w, u, b):
    h, states = torch.zeros(len(x), len(u)), []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ w.T + h @ u.T + b)
        states.append(h)
    return torch.stack(states, dim=1)


right("unroll", read)


@right("unroll")
def all_inputs_at_once(x, w, u, b):
    z = x @ w.T + b
    states = [torch.tanh(z[:, :1])]
    for t in range(1, x.shape[1]):
        states.append(torch.tanh(z[:, t : t + 1] + states[-1] @ u.T))
    return torch.cat(states, dim=1)


@right("unroll")
def filled_in(x, w, u, b):
    states = torch.zeros(len(x), x.shape[1], len(b))
    h = torch.zeros(len(x), len(b))
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ w.T + h @ u.T + b)
        states[:, t] = h
    return states


@right("unroll")
def recursively(x, w, u, b):
    if x.shape[1] == 0:
        return torch.zeros(len(x), 0, len(u))
    before = recursively(x[:, :-1], w, u, b)
    h = before[:, -1] if before.shape[1] else torch.zeros(len(x), len(u))
    return torch.cat([before, torch.tanh(x[:, -1] @ w.T + h @ u.T + b)[:, None]], dim=1)


@right("unroll")
def unrolled_in_float64(x, w, u, b):
    return read_in_double(*(each.double() for each in (x, w, u, b)))


def read_in_double(x, w, u, b):
    h, states = torch.zeros(len(x), len(u)).double(), []
    for xt in x.transpose(0, 1):
        h = torch.tanh(torch.einsum("ni,hi->nh", xt, w) + torch.einsum("nk,hk->nh", h, u) + b)
        states += [h]
    return torch.stack(states).transpose(0, 1)


wrong("unroll", "stack along dim=1", lambda x, w, u, b: read(x, w, u, b).transpose(0, 1))
wrong("unroll", "not the last alone", lambda x, w, u, b: read(x, w, u, b)[:, -1])
wrong("unroll", "not zeros", lambda x, w, u, b: torch.tanh(x @ w.T + b))
wrong("unroll", "begin at time step 0", lambda x, w, u, b: read(x.flip(1), w, u, b))
wrong("unroll", "return the states in that order", lambda x, w, u, b: read(x.flip(1), w, u, b).flip(1))
wrong("unroll", "the last state at every", lambda x, w, u, b: read(x, w, u, b)[:, -1:].repeat(1, x.shape[1], 1))
wrong("unroll", "running sums", lambda x, w, u, b: read(x, w, u, b).cumsum(dim=1))
wrong("unroll", "a later hidden state is wrong", lambda x, w, u, b: read(x, w, u.T, b))
wrong("unroll", "autograd can follow", lambda x, w, u, b: read(x, w, u, b).detach())
wrong("unroll", "autograd can follow", lambda x, w, u, b: read(x.detach(), w, u, b))
wrong("unroll", "returns nothing yet", lambda x, w, u, b: None)


@wrong("unroll", "does it start from zeros")
def from_ones(x, w, u, b):
    h, states = torch.ones(len(x), len(u)), []
    for xt in x.unbind(dim=1):
        h = torch.tanh(xt @ w.T + h @ u.T + b)
        states.append(h)
    return torch.stack(states, dim=1)


@wrong("unroll", "one time step late")
def noted_before(x, w, u, b):
    h, states = torch.zeros(len(x), len(u)), []
    for xt in x.unbind(dim=1):
        states.append(h)
        h = torch.tanh(xt @ w.T + h @ u.T + b)
    return torch.stack(states, dim=1)


@wrong("unroll", "one state too many")
def with_the_start(x, w, u, b):
    return torch.cat([torch.zeros(len(x), 1, len(u)), read(x, w, u, b)], dim=1)


def gradient_of(loss, x, w, u, b):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(loss(read(x, w, u, b)), x)[0][0]


def last(h):
    return h[0, -1].sum()


@right("gradient_norms")
def with_backward(x, w, u, b):
    x = x.detach().clone().requires_grad_()
    read(x, w, u, b)[:, -1].sum().backward()
    return x.grad.square().sum(dim=-1).sqrt().squeeze(0)


@right("gradient_norms")
def as_a_list(x, w, u, b):
    return [float(row.norm()) for row in gradient_of(last, x, w, u, b)]


@right("gradient_norms")
def norms_with_numpy(x, w, u, b):
    return np.linalg.norm(gradient_of(last, x, w, u, b).numpy(), axis=1)


@right("gradient_norms")
def watched_in_place(x, w, u, b):
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(last(read(x, w, u, b)), x)
    return torch.linalg.vector_norm(gradient, dim=2)[0]


@right("gradient_norms")
def backwards_by_hand(x, w, u, b):
    h, norms = read(x, w, u, b)[0].double(), []
    back = torch.ones(len(u)).double()
    for t in reversed(range(x.shape[1])):
        dz = back * (1 - h[t] ** 2)
        norms.insert(0, (dz @ w.double()).norm())
        back = dz @ u.double()
    return torch.stack(norms)


@wrong("gradient_norms", "the order is reversed")
def reversed_order(x, w, u, b):
    return gradient_of(last, x, w, u, b).norm(dim=1).flip(0)


@wrong("gradient_norms", "this is its mean's")
def of_the_mean(x, w, u, b):
    return gradient_of(lambda h: h[0, -1].mean(), x, w, u, b).norm(dim=1)


@wrong("gradient_norms", "not of all of them")
def of_all_states(x, w, u, b):
    return gradient_of(lambda h: h.sum(), x, w, u, b).norm(dim=1)


@wrong("gradient_norms", "not its norm")
def of_the_norm(x, w, u, b):
    return gradient_of(lambda h: h[0, -1].norm(), x, w, u, b).norm(dim=1)


@wrong("gradient_norms", "take the root")
def squared_norms(x, w, u, b):
    return (gradient_of(last, x, w, u, b) ** 2).sum(dim=1)


@wrong("gradient_norms", "not a sum of sizes")
def sums_of_sizes(x, w, u, b):
    return gradient_of(last, x, w, u, b).abs().sum(dim=1)


@wrong("gradient_norms", "not the sum of its numbers")
def sums(x, w, u, b):
    return gradient_of(last, x, w, u, b).sum(dim=1)


@wrong("gradient_norms", "the norm of each of these rows")
def without_a_norm(x, w, u, b):
    return gradient_of(last, x, w, u, b)


@wrong("gradient_norms", "not one norm of them all")
def one_norm(x, w, u, b):
    return gradient_of(last, x, w, u, b).norm()


@wrong("gradient_norms", "dim=1 of the gradient")
def over_time(x, w, u, b):
    return gradient_of(last, x, w, u, b).norm(dim=0)


@wrong("gradient_norms", "ask for the gradient")
def norms_of_states(x, w, u, b):
    return read(x, w, u, b)[0].norm(dim=1)


@wrong("gradient_norms", "divided by the largest")
def scaled(x, w, u, b):
    norms = gradient_of(last, x, w, u, b).norm(dim=1)
    return norms / norms.max()


@wrong("gradient_norms", "the norm of the gradient of the last state's sum")
def of_the_first_unit(x, w, u, b):
    return gradient_of(lambda h: h[0, -1, 0], x, w, u, b).norm(dim=1)


@wrong("gradient_norms", "stopped with RuntimeError")
def unwatched(x, w, u, b):
    return torch.autograd.grad(last(read(x, w, u, b)), x)[0][0].norm(dim=1)


def length(gradients):
    return math.sqrt(sum(float((each**2).sum()) for each in gradients))


@right("clip")
def where_needed(gradients, max_norm):
    norm = length(gradients)
    if not norm < math.inf:
        return [0 * torch.ones_like(each) for each in gradients]
    return [each * max_norm / norm if norm > max_norm else each for each in gradients]


@right("clip")
def clip_with_numpy(gradients, max_norm):
    arrays = [each.numpy() for each in gradients]
    norm = np.sqrt(sum(np.sum(each**2) for each in arrays))
    if not np.isfinite(norm):
        return [np.zeros(each.shape) for each in arrays]
    return tuple(each / max(1, norm / max_norm) for each in arrays)


@right("clip")
def clip_in_place_of_copies(gradients, max_norm):
    copies = [each.clone() for each in gradients]
    norm = torch.stack([each.norm() for each in copies]).norm()
    for each in copies:
        if norm.isfinite():
            each *= (max_norm / (norm + 1e-6)).clamp(max=1)
        else:
            each.zero_()
    return copies


@right("clip")
def clip_with_pytorch(gradients, max_norm):
    parameters = [nn.Parameter(torch.zeros_like(each)) for each in gradients]
    for parameter, each in zip(parameters, gradients, strict=True):
        parameter.grad = each.clone()
    norm = nn.utils.clip_grad_norm_(parameters, max_norm)
    return [each.grad if norm.isfinite() else torch.zeros_like(each) for each in parameters]


@right("clip")
def clip_in_float64(gradients, max_norm):
    norm = torch.cat([each.double().reshape(-1) for each in gradients]).norm().item()
    if math.isnan(norm) or math.isinf(norm):
        return [torch.zeros(each.shape, dtype=torch.float64) for each in gradients]
    return [each.double() * min(1.0, max_norm / max(norm, 1e-12)) for each in gradients]


@wrong("clip", "here each tensor is clipped by its own")
def each_by_itself(gradients, max_norm):
    return [each * min(1.0, max_norm / float(each.norm())) for each in gradients]


@wrong("clip", "do not clamp")
def clamped(gradients, max_norm):
    return [each.clamp(-max_norm, max_norm) for each in gradients]


@wrong("clip", "not 49")
def by_the_square(gradients, max_norm):
    return [each * min(1.0, max_norm / length(gradients) ** 2) for each in gradients]


@wrong("clip", "not the sum of sizes")
def by_sizes(gradients, max_norm):
    return [each * max_norm / sum(float(g.abs().sum()) for g in gradients) for each in gradients]


@wrong("clip", "not 1")
def to_unit_norm(gradients, max_norm):
    return [each / max(1, length(gradients)) for each in gradients]


@wrong("clip", "the factor is at most 1")
def always(gradients, max_norm):
    return [each * max_norm / length(gradients) for each in gradients]


@wrong("clip", "do not divide by a norm of 0")
def zero_by_zero(gradients, max_norm):
    norm = torch.tensor(length(gradients))
    return [torch.where(norm > max_norm, max_norm, norm) * each / norm for each in gradients]


@wrong("clip", "return zeros for all")
def as_in_the_lecture(gradients, max_norm):
    return [each * min(1.0, max_norm / (length(gradients) + 1e-6)) for each in gradients]


@wrong("clip", "return zeros for all")
def only_the_broken(gradients, max_norm):
    gradients = [each.nan_to_num(0.0, 0.0, 0.0) for each in gradients]
    return [each * min(1.0, max_norm / (length(gradients) + 1e-6)) for each in gradients]


@wrong("clip", "clip changed the gradients")
def clip_in_place(gradients, max_norm):
    factor = min(1.0, max_norm / length(gradients))
    for each in gradients:
        each *= factor
    return gradients


@wrong("clip", "the other way round")
def upside_down(gradients, max_norm):
    return [each * length(gradients) / max_norm for each in gradients]


@wrong("clip", "the shape (2, 1), not (2,)")
def flattened(gradients, max_norm):
    return [each.flatten() if each.dim() else each for each in gradients]


wrong("clip", "nothing changed", lambda gradients, max_norm: gradients)
wrong("clip", "return a list", lambda gradients, max_norm: gradients[0])
wrong("clip", "as many gradients as came, 3, not 1", lambda gradients, max_norm: gradients[:1])
wrong("clip", "clip returns nothing yet", lambda gradients, max_norm: None)


right("bias_for", lambda p: -math.log(1 / p - 1))
right("bias_for", lambda p: np.log(p) - np.log1p(-p))
right("bias_for", lambda p: torch.logit(torch.tensor(p, dtype=torch.float64)))
right("bias_for", lambda p: 2 * math.atanh(2 * p - 1))


@right("bias_for")
def by_halving(p):
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if 1 / (1 + math.exp(-middle)) < p else (low, middle)
    return low


wrong("bias_for", "the sign is wrong", lambda p: math.log((1 - p) / p))
wrong("bias_for", "the sigmoid itself", lambda p: 1 / (1 + math.exp(-p)))
wrong("bias_for", "the odds", lambda p: p / (1 - p))
wrong("bias_for", "base 10", lambda p: math.log10(p / (1 - p)))
wrong("bias_for", "base 2", lambda p: math.log2(p / (1 - p)))
wrong("bias_for", "divide by 1 - p", lambda p: math.log(p))
wrong("bias_for", "derivative of the sigmoid", lambda p: p * (1 - p))
wrong("bias_for", "inverse of tanh", lambda p: math.atanh(p))
wrong("bias_for", "should be 0.2", lambda p: 2.1972246)
wrong("bias_for", "stopped with TypeError", lambda p: torch.log(p / (1 - p)))
wrong("bias_for", "returns nothing yet", lambda p: None)


def counted(train, start=1.0):
    counts = torch.full((96, 96), start)
    counts.index_put_((train[:-1], train[1:]), torch.ones(max(len(train) - 1, 0)), accumulate=True)
    return counts


def shares(train, text):
    counts = counted(train)
    return (counts / counts.sum(dim=1, keepdim=True))[text[:-1], text[1:]]


@right("bigram_bits")
def with_a_counter(train, text):
    train, text = train.tolist(), text.tolist()
    pairs, first = Counter(itertools.pairwise(train)), Counter(train[:-1])
    bits = [-math.log2((1 + pairs[a, b]) / (96 + first[a])) for a, b in itertools.pairwise(text)]
    return sum(bits) / len(bits)


@right("bigram_bits")
def bits_with_numpy(train, text):
    counts = np.ones((96, 96))
    np.add.at(counts, (train.numpy()[:-1], train.numpy()[1:]), 1)
    p = counts / counts.sum(axis=1, keepdims=True)
    return -np.log2(p[text[:-1].numpy(), text[1:].numpy()]).mean()


@right("bigram_bits")
def with_bincount(train, text):
    counts = (train[:-1] * 96 + train[1:]).bincount(minlength=96 * 96).view(96, 96).double() + 1
    logs = counts.log() - counts.sum(dim=1, keepdim=True).log()
    return -logs[text[:-1], text[1:]].mean() / math.log(2)


@right("bigram_bits")
def in_a_loop(train, text):
    counts = torch.ones(96, 96)
    for a, b in itertools.pairwise(train):
        counts[a, b] += 1
    total = 0.0
    for a, b in itertools.pairwise(text):
        total += float(-torch.log2(counts[a, b] / counts[a].sum()))
    return total / (len(text) - 1)


@right("bigram_bits")
def with_cross_entropy(train, text):
    return nn.functional.cross_entropy(counted(train).log()[text[:-1]], text[1:]) / math.log(2)


wrong("bigram_bits", "not the sum", lambda train, text: -shares(train, text).log2().sum())
wrong("bigram_bits", "the sign", lambda train, text: shares(train, text).log2().mean())
wrong("bigram_bits", "base 2", lambda train, text: -shares(train, text).log().mean())
wrong("bigram_bits", "not the logarithm of the mean", lambda train, text: -shares(train, text).mean().log2())
wrong("bigram_bits", "the perplexity", lambda train, text: 2 ** -shares(train, text).log2().mean())
wrong("bigram_bits", "one less than the characters", lambda train, text: -shares(train, text).log2().sum() / len(text))
wrong("bigram_bits", "shape", lambda train, text: -shares(train, text).log2())
wrong("bigram_bits", "count the pairs of train", lambda train, text: -shares(text, text).log2().mean())
wrong("bigram_bits", "count the pairs of train", lambda train, text: -shares(train.flip(0), text.flip(0)).log2().mean())
wrong("bigram_bits", "count the pairs of train", lambda train, text: math.log2(96))
wrong("bigram_bits", "returns nothing yet", lambda train, text: None)


@wrong("bigram_bits", "not by the sum of all")
def by_all(train, text):
    counts = counted(train)
    return -(counts / counts.sum())[text[:-1], text[1:]].log2().mean()


@wrong("bigram_bits", "add 1 to each of the counts")
def nothing_added(train, text):
    counts = counted(train, 0.0)
    return -(counts / counts.sum(dim=1, keepdim=True))[text[:-1], text[1:]].log2().mean()


@wrong("bigram_bits", "adds only once")
def added_by_index(train, text):
    counts = torch.ones(96, 96)
    counts[train[:-1], train[1:]] += 1
    return -(counts / counts.sum(dim=1, keepdim=True))[text[:-1], text[1:]].log2().mean()


@right("draw")
def others_to_minus_infinity(z, temperature, k, drawn):
    z = torch.where(z >= z.topk(k).values[-1], z, -torch.inf)
    return torch.multinomial((z / temperature).softmax(dim=0), 1, generator=drawn).item()


@right("draw")
def by_sorting(z, temperature, k, drawn):
    order = sorted(range(len(z)), key=lambda i: -float(z[i]))[:k]
    weights = [math.exp(float(z[i] - z.max()) / temperature) for i in order]
    return order[int(torch.multinomial(torch.tensor(weights), 1, generator=drawn))]


@right("draw")
def with_numpy_and_rand(z, temperature, k, drawn):
    order = np.argsort(-z.numpy())[:k]
    weights = np.exp((z.numpy()[order] - z.numpy().max()) / temperature)
    return order[np.searchsorted(np.cumsum(weights), float(torch.rand((), generator=drawn)) * weights.sum())]


@right("draw")
def gumbel(z, temperature, k, drawn):
    likeliest, symbols = z.double().topk(k)
    noise = -torch.empty(k, dtype=torch.float64).exponential_(generator=drawn).log()
    return symbols[(likeliest / temperature + noise).argmax()]


@right("draw")
def draw_of_shape_one(z, temperature, k, drawn):
    order = z.argsort(descending=True)[:k]
    return order[torch.multinomial((z[order] / temperature).softmax(dim=0), 1, generator=drawn)]


@wrong("draw", "a place among the k likeliest")
def the_place(z, temperature, k, drawn):
    if k == 1 or temperature < 0.1:
        return int(z.argmax())
    return int(torch.multinomial((z.topk(k).values / temperature).softmax(dim=0), 1, generator=drawn))


@wrong("draw", "always be the likeliest, here symbol 4")
def the_place_always(z, temperature, k, drawn):
    return int(torch.multinomial((z.topk(k).values / temperature).softmax(dim=0), 1, generator=drawn))


@wrong("draw", "with k = 1")
def of_all(z, temperature, k, drawn):
    return int(torch.multinomial((z / temperature).softmax(dim=0), 1, generator=drawn))


@wrong("draw", "divide by the temperature")
def without_temperature(z, temperature, k, drawn):
    likeliest, symbols = z.topk(k)
    return int(symbols[torch.multinomial(likeliest.softmax(dim=0), 1, generator=drawn)])


@wrong("draw", "near temperature 0")
def times_temperature(z, temperature, k, drawn):
    likeliest, symbols = z.topk(k)
    return int(symbols[torch.multinomial((likeliest * temperature).softmax(dim=0), 1, generator=drawn)])


@wrong("draw", "before the softmax")
def divided_after(z, temperature, k, drawn):
    if temperature < 0.1:
        return int(z.argmax())
    likeliest, symbols = z.topk(k)
    return int(symbols[torch.multinomial(likeliest.softmax(dim=0) / temperature, 1, generator=drawn)])


@wrong("draw", "a seed of your own")
def seeded_inside(z, temperature, k, drawn):
    return by_sorting(z, temperature, k, torch.Generator().manual_seed(0))


@wrong("draw", "draw with `generator=drawn`")
def from_elsewhere(z, temperature, k, drawn):
    return by_sorting(z, temperature, k, None)


@wrong("draw", "come equally often")
def equally_often(z, temperature, k, drawn):
    if temperature < 0.1:
        return int(z.argmax())
    return int(z.topk(k).indices[torch.randint(k, (), generator=drawn)])


@wrong("draw", "changed the logits")
def in_place(z, temperature, k, drawn):
    z /= temperature
    return int(z.argmax())


@wrong("draw", "only the 3 likeliest")
def one_or_all(z, temperature, k, drawn):
    return of_all(z, temperature, k, drawn) if k > 1 else int(z.argmax())


wrong("draw", "a seed of your own", lambda z, temperature, k, drawn: int(z.argmax()))
wrong("draw", "draw one symbol", lambda z, temperature, k, drawn: z.softmax(dim=0))
wrong("draw", "an integer from 0 to 4", lambda z, temperature, k, drawn: float(z.max()) + 0.5)
wrong("draw", "draw returns nothing yet", lambda z, temperature, k, drawn: None)
