"""The checks of the lab on recurrent networks: what each answer must do, and what mistakes look like."""

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from neuronup.exercises import call, expect, tensor
from neuronup.text import encode

FOLLOW = "return a tensor made with PyTorch's functions, so that autograd can follow it: no NumPy, no float(), no detach()"


def step(step: Callable[..., Any]) -> None:
    """One time step, as PyTorch's own cell does it, of two sizes."""
    for n, inputs, hidden in ((5, 4, 4), (2, 3, 6)):
        x, h = torch.randn(n, inputs), torch.randn(n, hidden)
        w, u = torch.randn(hidden, inputs), torch.randn(hidden, hidden)
        b = torch.randn(hidden)
        z = x @ w.mT + h @ u.mT + b
        mistakes = {
            "tanh is missing": z,
            "tanh, not a sigmoid": z.sigmoid(),
            "tanh of the whole sum: here the bias is added after it": (z - b).tanh()
            + b,
            "do not forget the bias": (z - b).tanh(),
            "do not forget the old hidden state, times u": (x @ w.mT + b).tanh(),
            "u is (out, in): multiply the rows of h by its transpose": (
                x @ w.mT + h @ u + b
            ).tanh(),
            "add the sums up first, then one tanh": (x @ w.mT).tanh()
            + (h @ u.mT).tanh()
            + b,
        }
        if inputs == hidden:
            mistakes |= {
                "w is (out, in): multiply the rows of x by its transpose": (
                    x @ w + h @ u.mT + b
                ).tanh(),
                "weights are (out, in): multiply by their transpose, of w and of u": (
                    x @ w + h @ u + b
                ).tanh(),
                "w belongs to the input x, u to the hidden state h": (
                    x @ u.mT + h @ w.mT + b
                ).tanh(),
            }
        found = call(step, x, h, w, u, b)
        right = torch.rnn_tanh_cell(x, h, w, u, b, torch.zeros(hidden))
        expect(
            found,
            right,
            "the tanh of W x + U h + b, for each row of the batch",
            mistakes,
        )
    _follows(step, x, h, w, u, b)


def unroll(unroll: Callable[..., Any]) -> None:
    """All hidden states of a sequence, as PyTorch's own layer finds them."""
    for n, length, inputs, hidden in ((5, 7, 3, 4), (2, 4, 5, 3)):
        net = nn.RNN(inputs, hidden, batch_first=True)
        x = torch.randn(n, length, inputs)
        w, u, b, _ = (each.detach().clone() for each in net.parameters())
        b = b + 0.5
        found = tensor(call(unroll, x, w, u, b))
        right = _states(x, w, u, b)
        assert found.shape != (length, n, hidden), (
            f"the sequences come first, (n, T, hidden): stack along dim=1, to {(n, length, hidden)}"
        )
        assert found.shape != (n, hidden), (
            "the hidden state at *each* time step is asked for, not the last alone"
        )
        assert found.shape != (n, length + 1, hidden), (
            "one state too many: leave out the zeros that it starts from"
        )
        without = torch.stack(
            [_states(xt[:, None], w, u, b)[:, 0] for xt in x.unbind(1)], 1
        )
        before = torch.cat([torch.zeros(n, 1, hidden), right[:, :-1]], dim=1)
        mistakes = {
            "each time step should get the hidden state of the one before, not zeros": without,
            "the states are one time step late: note each after its step, not before": before,
            "the sequence is read from the end: begin at time step 0": _states(
                x.flip(1), w, u, b
            ),
            "the sequence is read from the end: begin at time step 0, and return the states in that order": _states(
                x.flip(1), w, u, b
            ).flip(1),
            "this is the last state at every time step": right[:, -1:].expand_as(right),
            "these are running sums: note each hidden state by itself": right.cumsum(1),
        }
        given = tensor(found, n, length, hidden)
        if any(torch.allclose(given, each, atol=1e-4) for each in mistakes.values()):
            expect(given, right, "", mistakes)
        expect(
            given[:, 0],
            right[:, 0],
            "the first hidden state is wrong: does it start from zeros?",
        )
        expect(
            given,
            right,
            "a later hidden state is wrong: does each time step get the one before it?",
        )
    _follows(unroll, x, w, u, b)


def gradient_norms(gradient_norms: Callable[..., Any]) -> None:
    """Norms of the gradient of the last state at each time step, of two sizes."""
    for length, inputs, hidden in ((6, 3, 4), (4, 5, 2)):
        w, u = torch.randn(hidden, inputs), 0.8 * torch.randn(hidden, hidden)
        x, b = 0.5 * torch.randn(1, length, inputs), 0.3 * torch.randn(hidden)
        read = x.clone().requires_grad_()
        h = _states(read, w, u, b)
        gradient, of_all, of_longest = (
            torch.autograd.grad(each, read, retain_graph=True)[0][0]
            for each in (h[0, -1].sum(), h.sum(), h[0, -1].norm())
        )
        right = gradient.norm(dim=1)
        found = tensor(call(gradient_norms, x, w, u, b))
        assert found.shape != (length, inputs), (
            f"one number for each time step, ({length},): the norm of each of these rows"
        )
        assert found.dim() > 0, (
            f"one number for each time step, ({length},), not one norm of them all"
        )
        assert found.shape != (inputs,) or inputs == length, (
            "the norm over the inputs at each time step: dim=1 of the gradient (T, inputs)"
        )
        expect(
            tensor(found, length),
            right,
            "the norm of the gradient of the last state's sum, at each time step of x",
            {
                "the order is reversed: time step 0 comes first": right.flip(0),
                "the gradient of the *sum* of the last hidden state: this is its mean's": right
                / hidden,
                "the sum of the *last* hidden state alone, not of all of them": of_all.norm(
                    dim=1
                ),
                "the sum of the last hidden state, not its norm": of_longest.norm(
                    dim=1
                ),
                "take the root: this is the norm squared": right**2,
                "the norm is the root of the sum of squares, not a sum of sizes": gradient.abs().sum(
                    1
                ),
                "the norm of each gradient, not the sum of its numbers": gradient.sum(
                    1
                ),
                "this is the norm of the hidden states: ask for the gradient": h[0]
                .detach()
                .norm(dim=1),
                "divided by the largest: leave them as they are": right / right.max(),
            },
            within=1e-3,
        )


def clip(clip: Callable[..., Any]) -> None:
    """Gradients that are too long, short enough, zero, or no numbers at all."""
    long = [torch.tensor([3.0, -2.0]), torch.tensor([[4.0], [2.0]]), torch.tensor(-4.0)]
    whole = _flat(long)  # of length 7
    alone = [each * min(1.0, 3.5 / float(each.norm())) for each in long]
    found = _clipped(clip, long, 3.5)
    expect(
        found,
        whole / 2,
        "of all of them together the norm is 7, and 3.5 allowed: multiply each by one half",
        {
            "one norm for all together: here each tensor is clipped by its own": _flat(
                alone
            ),
            "the direction should stay: multiply all by one factor, do not clamp": whole.clamp(
                -3.5, 3.5
            ),
            "take the root: the norm is 7, not 49": whole * 3.5 / 49,
            "the norm is 7, the root of the sum of squares, not the sum of sizes": whole
            * 3.5
            / whole.abs().sum(),
            "multiply by max_norm too: its norm is to be max_norm, not 1": whole / 7,
            "the norm is 7 and 3.5 allowed, and nothing changed": whole,
            "divide max_norm by the norm, and not the other way round": whole * 2,
        },
    )
    expect(
        _clipped(clip, long, 14.0),
        whole,
        "the norm is 7, and 14 allowed: leave them as they are",
        {"shorter ones stay as they are: the factor is at most 1": whole * 2},
    )
    zeros = _clipped(clip, [torch.zeros(3), torch.zeros(2, 2)], 1.0)
    assert zeros.isfinite().all(), (
        "gradients of zeros stay zeros: do not divide by a norm of 0"
    )
    expect(zeros, torch.zeros(7), "gradients of zeros stay zeros")
    for broken in (math.inf, math.nan):
        told = f"with {broken} among them the norm is no finite number: return zeros for all, of the same shapes"
        found = _clipped(clip, [torch.tensor([1.0, broken]), torch.ones(1, 2)], 2.0)
        assert found.isfinite().all(), told
        expect(found, torch.zeros(4), told)


def bias_for(bias_for: Callable[..., Any]) -> None:
    """The inverse of the sigmoid at several shares."""
    for p in (0.9, 0.2, 0.5, 0.99, 0.01):
        expect(
            call(bias_for, p),
            torch.tensor(p).logit(),
            f"the sigmoid of it should be {p}: solve 1 / (1 + exp(-b)) = p for b",
            {
                "the sign is wrong: a share above one half needs a positive bias": torch.tensor(
                    1 - p
                ).logit(),
                "this is the sigmoid itself: its inverse is asked for": torch.tensor(
                    p
                ).sigmoid(),
                "p / (1 - p) is the odds: take their logarithm": p / (1 - p),
                "the natural logarithm, not that to base 10": math.log10(p / (1 - p)),
                "the natural logarithm, not that to base 2": math.log2(p / (1 - p)),
                "divide by 1 - p inside the logarithm": math.log(p),
                "this is the derivative of the sigmoid at the bias": p * (1 - p),
                "this is the inverse of tanh: the sigmoid is tanh of half the sum, moved": math.atanh(
                    p
                ),
            },
        )


def bigram_bits(bigram_bits: Callable[..., Any]) -> None:
    """The bits of texts whose pairs are counted by hand."""
    known = [("", "any text", [(0, 0)] * 7)]  # how often the pair, how often its first
    known += [("abacab~", "abcac~", [(2, 3), (0, 2), (1, 1), (1, 3), (0, 1)])]
    known += [("no\n~~~~", "~~\n~o", [(3, 3), (0, 3), (1, 1), (0, 3)])]
    for seen, text, pairs in known:
        train, tokens = encode(seen), encode(text)
        shares = torch.tensor([(1 + pair) / (96 + first) for pair, first in pairs])
        once = torch.tensor(
            [(1 + min(pair, 1)) / (96 + first) for pair, first in pairs]
        )
        few = torch.tensor(
            [(1 + min(p, 1)) / (96 + min(f, 2)) for p, f in pairs]
        )  # repeated pairs counted once: a index += 1
        joint = torch.tensor(
            [(1 + p) / (96 * 96 + max(len(seen) - 1, 0)) for p, _ in pairs]
        )
        bits = -shares.log2()
        found = tensor(call(bigram_bits, train, tokens))
        assert found.isfinite().all(), (
            "add 1 to each of the counts: what was never counted would need infinitely many bits"
        )
        expect(
            found,
            bits.mean(),
            "count the pairs of train, add 1 to each of the 96 x 96 counts, divide each row by its sum, "
            f"and take the mean of -log2 p over the {len(pairs)} pairs of text",
            {
                "the mean of them, not the sum": bits.sum(),
                "the sign: -log2 p is positive": -bits.mean(),
                "bits are base 2: log2, not the natural logarithm": -shares.log().mean(),
                "the mean of the logarithms, not the logarithm of the mean": -shares.mean().log2(),
                f"this is the perplexity, 2 to that many bits: {bits.mean():.2f} bits are asked for": 2
                ** bits.mean(),
                "divide each row by its own sum, not by the sum of all": -joint.log2().mean(),
                "divide by the number of pairs, one less than the characters": bits.sum()
                / len(text),
                "a pair that comes twice counts twice: counts[a, b] += 1 with tensors of indices adds only once": -few.log2().mean(),
                "a pair that comes twice counts twice: here it counts once": -once.log2().mean(),
            },
        )


def draw(draw: Callable[..., Any]) -> None:
    """Symbols drawn at temperatures, of the likeliest few: their shares, and their source."""
    z = torch.tensor([0.5, 2.0, -1.0, 1.0, 3.0])
    drawn = torch.Generator().manual_seed(0)

    def symbols(times: int, temperature: float, k: int) -> list[int]:
        return [_drawn(draw, z, temperature, k, drawn) for _ in range(times)]

    assert set(symbols(20, 0.01, 5)) == {4}, (
        "near temperature 0 it should always be the likeliest, here symbol 4: divide by the temperature"
    )
    assert set(symbols(20, 2.0, 1)) == {4}, (
        "with k = 1 it should always be the likeliest, here symbol 4"
    )
    for temperature, k in ((2.0, 3), (0.7, 5), (3.0, 2)):
        many = symbols(1000, temperature, k)
        assert len(set(many)) > 1, (
            "it draws the same symbol each time: use `drawn` as it comes, without a seed of your own"
        )
        kept = [4, 1, 3, 0, 2][:k]  # from the likeliest on
        share = torch.tensor(many).bincount(minlength=5) / len(many)
        scaled = (z / temperature).softmax(dim=0)
        right, cut, plain = torch.zeros(5), torch.zeros(5), torch.zeros(5)
        right[kept] = scaled[kept] / scaled[kept].sum()
        cut[:k] = right[kept]
        plain[kept] = z[kept].softmax(dim=0)
        even = torch.zeros(5)
        even[kept] = 1 / k
        expect(
            share,
            right,
            f"at temperature {temperature:g} and k = {k} the shares of the symbols are wrong",
            {
                "this is a place among the k likeliest: return the symbol that stands there": cut,
                f"only the {k} likeliest may be drawn, and all were": scaled,
                "divide the logits by the temperature before the softmax": plain,
                "the k likeliest come equally often: softmax of their logits": even,
            },
            within=0.06,
        )
    drawn.manual_seed(1)
    first = symbols(30, 3.0, 5)
    drawn.manual_seed(1)
    assert first == symbols(30, 3.0, 5), (
        "the same generator should give the same symbols: draw with `generator=drawn`"
    )


def _states(x: Tensor, w: Tensor, u: Tensor, b: Tensor) -> Tensor:
    """Let PyTorch's own layer read x (n, T, inputs) with these weights."""
    weights = [w, u, b, torch.zeros_like(b)]
    start = x.new_zeros(1, len(x), len(u))
    states, _ = torch.rnn_tanh(x, start, weights, True, 1, 0.0, False, False, True)
    return states


def _follows(answer: Callable[..., Any], *inputs: Tensor) -> None:
    """Assert that autograd can follow what `answer` makes of `inputs`."""
    given = [each.clone().requires_grad_() for each in inputs]
    try:
        found = answer(*given)
    except (RuntimeError, TypeError):
        found = None
    assert isinstance(found, Tensor), FOLLOW
    assert found.requires_grad, FOLLOW
    gradients = torch.autograd.grad(found.sum(), given, allow_unused=True)
    assert all(each is not None for each in gradients), FOLLOW


def _flat(gradients: list[Tensor]) -> Tensor:
    return torch.cat([each.flatten() for each in gradients])


def _clipped(
    clip: Callable[..., Any], gradients: list[Tensor], max_norm: float
) -> Tensor:
    """Clip a list of gradients, and return all of what came as one long vector."""
    given = copy.deepcopy(gradients)
    found = clip(given, max_norm)
    assert found is not None, "clip returns nothing yet"
    assert torch.equal(_flat(given).nan_to_num(), _flat(gradients).nan_to_num()), (
        "clip changed the gradients that it was given: make new ones, factor * gradient"
    )
    assert isinstance(found, list | tuple), (
        f"return a list of gradients, not a {type(found).__name__}"
    )
    assert len(found) == len(gradients), (
        f"return as many gradients as came, {len(gradients)}, not {len(found)}"
    )
    return _flat(
        [tensor(each, *old.shape) for each, old in zip(found, gradients, strict=True)]
    )


def _drawn(
    draw: Callable[..., Any], z: Tensor, temperature: float, k: int, drawn: Any
) -> int:
    given = z.clone()
    found = draw(given, temperature, k, drawn)
    assert found is not None, "draw returns nothing yet"
    assert torch.equal(given, z), (
        "draw changed the logits that it was given: copy first"
    )
    symbol = tensor(found)
    assert symbol.numel() == 1, "draw one symbol, an integer"
    assert float(symbol) in range(len(z)), (
        f"return a symbol, an integer from 0 to {len(z) - 1}, not {float(symbol):g}"
    )
    return int(symbol)
