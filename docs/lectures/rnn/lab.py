# %% [markdown]
# # Lab: a network with a memory
#
# You write a recurrent cell, watch gradients vanish, clip them, measure how surprising English is, and let a network write.
# 45 minutes. Read the [lecture](../) first, or go back to it when a term is new.
#
# To work along, unpack `rnn.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the repository. Cells
# named *your turn* hold a stub: fill it in and run the check below it. The solution is folded under the check; it runs too,
# so you can go on without having solved anything.

# %%
import math

import torch
from torch import nn
from torch.nn.functional import one_hot

from neuronup import devices, figures
from neuronup.clipping import clipping_adam
from neuronup.exercises import attempt
from neuronup.loaders import Loader
from neuronup.loop import fit
from neuronup.text import (
    bits_per_character,
    character_accuracy,
    decode,
    encode,
    sonnets,
    split_text,
    text_windows,
)
from rnn import (
    LSTM,
    RNN,
    LanguageModel,
    SequenceClassifier,
    evaluate,
    memory_task,
    recurrent_layer,
    state_gradients,
)

device = devices.pick("auto")  # where the model of text is trained: a GPU, if any
torch.manual_seed(0)
train, validation, test = (encode(part) for part in split_text(sonnets()))
print(f"{len(train):,} characters of Shakespeare's sonnets to train on:")
print(decode(train[:200]))

# %% [markdown]
# ## 1. Your turn: one time step
#
# Write one time step of a simple recurrent network for a batch: the input `x (n, inputs)`, the hidden state `h (n, hidden)`, weights `w (hidden, inputs)` and
# `u (hidden, hidden)`, and one bias `b (hidden,)` give the next hidden state `(n, hidden)`: $\tanh(W \mathbf{x} + U \mathbf{h} + \mathbf{b})$.


# %% tags=["exercise"]
def step(x, h, w, u, b):
    return None  # your turn


# %% tags=["check"]
def check_step(step):
    drawn = torch.Generator().manual_seed(1)
    cell = nn.RNNCell(3, 4)
    x, h = torch.randn(5, 3, generator=drawn), torch.randn(5, 4, generator=drawn)
    b = (cell.bias_ih + cell.bias_hh).detach()
    found = step(x, h, cell.weight_ih.detach(), cell.weight_hh.detach(), b)
    assert found is not None, "it returns nothing yet"
    assert found.shape == (5, 4), f"(n, hidden) is (5, 4), not {tuple(found.shape)}"
    assert found.abs().max() <= 1, "tanh is missing: a hidden state is larger than 1"
    assert torch.allclose(found, cell(x, h).detach(), atol=1e-5), (
        "not PyTorch's: weights are (out, in), so multiply by their transpose"
    )


attempt(check_step, step)


# %% tags=["solution"] jupyter={"source_hidden": true}
def step(x, h, w, u, b):
    return torch.tanh(x @ w.T + h @ u.T + b)


check_step(step)

# %% [markdown]
# ## 2. Your turn: unroll it
#
# Read a whole sequence `x (n, T, inputs)` with your `step`, from a hidden state of zeros. Return the hidden state at each time step, `(n, T, hidden)`.
#
# > **Predict.** Shuffle the first nine of ten symbols and leave the last. Does the last hidden state change? And if `u` is zero?


# %% tags=["exercise"]
def unroll(x, w, u, b):
    return None  # your turn


# %% tags=["check"]
def check_unroll(unroll):
    net = nn.RNN(3, 4, batch_first=True)
    x = torch.randn(5, 7, 3)
    with torch.no_grad():
        w, u, b = net.weight_ih_l0, net.weight_hh_l0, net.bias_ih_l0 + net.bias_hh_l0
        found, expected = unroll(x, w, u, b), net(x)[0]
    assert found is not None, "it returns nothing yet"
    assert found.shape == (5, 7, 4), f"(5, 7, 4) is wanted, not {tuple(found.shape)}"
    assert torch.allclose(found[:, 0], expected[:, 0], atol=1e-5), (
        "the first hidden state is wrong: does it start from zeros?"
    )
    assert torch.allclose(found, expected, atol=1e-5), (
        "a later one is wrong: does each time step get the hidden state before it?"
    )


attempt(check_unroll, unroll)


# %% tags=["solution"] jupyter={"source_hidden": true}
def unroll(x, w, u, b):
    h, states = torch.zeros(len(x), len(u)), []
    for xt in x.unbind(dim=1):
        h = step(xt, h, w, u, b)
        states.append(h)
    return torch.stack(states, dim=1)


check_unroll(unroll)

# %%
x, w, u, b = torch.randn(1, 10, 3), torch.randn(4, 3), torch.randn(4, 4), torch.zeros(4)
shuffled = torch.cat([x[:, torch.randperm(9)], x[:, 9:]], dim=1)
for name, weights in (("with u", u), ("with u = 0", 0 * u)):
    last = [unroll(each, w, weights, b)[0, -1] for each in (x, shuffled)]
    print(f"{name}: the last hidden state changes by {(last[0] - last[1]).norm():.3f}")

# %% [markdown]
# The order matters because of `u`, and of nothing else.
#
# ## 3. Your turn: see the gradient vanish
#
# How much does the input at each time step affect the last hidden state? Return, for each time step, the norm of the gradient of the **sum
# of the last hidden state** with respect to `x` at that time step: `(T,)`, for a batch of one sequence `x (1, T, inputs)`. Use
# `torch.autograd.grad`.
#
# > **Predict.** The recurrent weights are multiplied by 0.5, 1 and 2. Which of the three curves falls, which stays, which climbs?


# %% tags=["exercise"]
def gradient_norms(x, w, u, b):
    return None  # your turn


# %% tags=["check"]
def check_gradient_norms(gradient_norms):
    x, w, b = torch.tensor([[[0.0], [0.0], [0.0]]]), torch.ones(1, 1), torch.zeros(1)
    found = gradient_norms(x, w, torch.tensor([[0.5]]), b)  # tanh has derivative 1 at 0
    assert found is not None, "it returns nothing yet"
    assert found.shape == (3,), (
        f"one number a time step, not shape {tuple(found.shape)}"
    )
    assert found[0] < found[2], (
        "the last time step has the largest: is the order reversed?"
    )
    assert torch.allclose(found, torch.tensor([0.25, 0.5, 1.0])), (
        "wanted is the norm of the gradient at each time step, here 1/4, 1/2 and 1"
    )


attempt(check_gradient_norms, gradient_norms)


# %% tags=["solution"] jupyter={"source_hidden": true}
def gradient_norms(x, w, u, b):
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(unroll(x, w, u, b)[0, -1].sum(), x)
    return gradient[0].norm(dim=1)


check_gradient_norms(gradient_norms)

# %%
rotation, _ = torch.linalg.qr(torch.randn(16, 16))  # orthogonal: it keeps lengths
x, w, b = 0.01 * torch.randn(1, 40, 3), torch.randn(16, 3), torch.zeros(16)
fig, ax = figures.panels(5.2, 3)
for factor in (0.5, 1.0, 2.0):
    norms = gradient_norms(x, w, factor * rotation, b)
    ax.plot(norms.tolist(), label=f"times {factor}")
ax.set(yscale="log", xlabel="time step", ylabel="gradient of the last state")
ax.legend()
figures.Shown(
    fig,
    "Gradient at each of 40 time steps: times 0.5 it falls towards the first in a straight line; times 1 it stays level; times 2 it climbs towards the first, and ever less.",
)

# %% [markdown]
# Half as long each time is a millionth after twenty time steps. Twice as long would be a million; but where hidden states are large, the derivative of
# tanh is small, which takes part of it back.
#
# ## 4. Your turn: clip
#
# Write a function that takes a list of gradients of any shapes and returns new ones. Take all of them together as one long vector. If its norm is larger than
# `max_norm`, multiply each by the same factor, so that the norm becomes `max_norm`; otherwise leave them as they are.


# %% tags=["exercise"]
def clip(gradients, max_norm):
    return None  # your turn


# %% tags=["check"]
def check_clip(clip):
    long = [torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])]  # together of length 5
    found = clip(long, 1.0)
    assert found is not None, "it returns nothing yet"
    assert torch.allclose(found[0], torch.tensor([0.6, 0.0]), atol=1e-4), (
        "one norm for all together: 5, so each is to be divided by 5"
    )
    assert torch.allclose(found[1], torch.tensor([[0.8]]), atol=1e-4), (
        "the second is clipped too, by the same factor"
    )
    kept = clip(long, 10.0)
    assert torch.allclose(kept[1], long[1]), "shorter ones stay as they are"


attempt(check_clip, clip)


# %% tags=["solution"] jupyter={"source_hidden": true}
def clip(gradients, max_norm):
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    factor = min(1.0, float(max_norm / norm))
    return [factor * gradient for gradient in gradients]


check_clip(clip)

# %% [markdown]
# ## 5. Your turn: open the forget gate
#
# > **Predict.** An untrained LSTM forgets half of its cell state at each time step. Which bias of the forget gate makes it keep 90 %?
#
# Write the inverse of the sigmoid: the bias $b$ with $\sigma(b) = p$.


# %% tags=["exercise"]
def bias_for(p):
    return None  # your turn


# %% tags=["check"]
def check_bias_for(bias_for):
    found = bias_for(0.5)
    assert found is not None, "it returns nothing yet"
    assert abs(found) < 1e-6, "sigmoid(0) is one half"
    for p in (0.1, 0.9, 0.99):
        back = 1 / (1 + math.exp(-bias_for(p)))
        assert abs(back - p) < 1e-6, (
            f"sigmoid({bias_for(p):.2f}) is {back:.2f}, not {p}"
        )


attempt(check_bias_for, bias_for)


# %% tags=["solution"] jupyter={"source_hidden": true}
def bias_for(p):
    return math.log(p / (1 - p))


check_bias_for(bias_for)

# %%
symbols = one_hot(torch.randint(8, (4, 40)), 8).float()
for p in (0.5, 0.9, 0.99):
    cell = LSTM(8, 16)
    with torch.no_grad():
        cell.input_to_hidden.bias[16:32] += bias_for(p)  # of the forget gate
    left = state_gradients(cell, symbols)[30]
    print(f"keeps {p:.0%} (bias {bias_for(p):.1f}): {left:.1e} left")
left = state_gradients(RNN(8, 16), symbols)[30]
print(f"a simple RNN: {left:.1e} left after 30 time steps")

# %% [markdown]
# Does it help to remember? The first of 40 symbols, one of four, is to be recalled at the end. The second LSTM has $\ln 40$ at its forget gate and
# $-\ln 40$ at its input gate; both train at rate 0.01. (The lecture compares at each network's own best rate, and an RNN too.)
#
# > **Predict.** What accuracy will each reach?

# %%
drawn = torch.Generator().manual_seed(0)
training, held_out = memory_task(1000, 40, drawn), memory_task(500, 40, drawn)
for gate_bias in (0.0, math.log(40)):
    torch.manual_seed(0)
    net = SequenceClassifier(recurrent_layer("LSTM", 8, 32, gate_bias), 8, 32, 4)
    history = fit(net, Loader(training, 50, 0), held_out, clipping_adam(net, 0.01), 6)
    print(f"bias {gate_bias:.1f}: {history['validation_score'][-1]:.0%} recalled")

# %% [markdown]
# ## 6. Your turn: how surprising is English?
#
# A bigram model says how likely each character is after the one before. Count in `train (n,)` which follows which, add 1 to each
# of the 96 × 96 counts so that nothing is impossible, and divide. Return the mean of $-\log_2 p$ over the characters of `text (m,)` from
# the second on: the bits per character.
#
# > **Predict.** With all 96 equally likely it would be 6.58 bits. How many will it be? And with the text's own counts, on itself?


# %% tags=["exercise"]
def bigram_bits(train, text):
    return None  # your turn


# %% tags=["check"]
def check_bigram_bits(bigram_bits):
    found = bigram_bits(encode(""), encode("any text"))
    assert found is not None, "it returns nothing yet"
    assert abs(float(found) - math.log2(96)) < 1e-4, (
        "after no text all 96 are equally likely: 6.58 bits. Is 1 added to each count?"
    )
    found = bigram_bits(encode("abab"), encode("ab"))  # b twice after a: 3 of 98
    assert abs(float(found) + math.log2(3 / 98)) < 1e-4, (
        "b followed a twice, so its share is (2 + 1) of (2 + 96)"
    )


attempt(check_bigram_bits, bigram_bits)


# %% tags=["solution"] jupyter={"source_hidden": true}
def bigram_bits(train, text):
    counts = torch.ones(96, 96)
    where = (train[:-1], train[1:])
    counts.index_put_(where, torch.ones(len(where[0])), accumulate=True)
    p = counts / counts.sum(dim=1, keepdim=True)
    return -p[text[:-1], text[1:]].log2().mean()


check_bigram_bits(bigram_bits)

# %%
bits = bigram_bits(train, test)
print(f"held-out text: {bits:.2f} bits per character, a perplexity of {2**bits:.1f}")
print(f"the held-out text by its own counts: {bigram_bits(test, test):.2f}")

# %% [markdown]
# By its own counts it needs more bits than by those of eight times as much other text. In a text this short, the 96 added counts of each
# row outweigh what was counted: with hardly any added, its own counts would need about 0.35 bits fewer. In the lecture
# the smoothing constant is chosen on the validation text.
#
# A small GRU on the same text. It takes some seconds.

# %%
torch.manual_seed(0)
model = LanguageModel(recurrent_layer("GRU", 96, 64), 64).to(device)
before = evaluate(model, test.to(device))
batches = Loader(text_windows(train, 48).to(device), 16, seed=0)
history = fit(
    model,
    batches,
    text_windows(validation, 48).to(device),
    clipping_adam(model, 0.02),
    epochs=6,
    loss=bits_per_character,
    score=character_accuracy,
)
after = evaluate(model, test.to(device))
print(f"before {before:.2f}, after {after:.2f} bits per character")

# %% [markdown]
# ## 7. Your turn: draw with a temperature
#
# Turn logits `z (symbols,)` into one drawn symbol: divide by the temperature, softmax, and draw with
# `torch.multinomial(p, 1, generator=drawn)`. Return it as an integer.
#
# > **Predict.** Which text will be more boring, that of temperature 0.3 or of 1.2?


# %% tags=["exercise"]
def draw(z, temperature, drawn):
    return None  # your turn


# %% tags=["check"]
def check_draw(draw):
    z, drawn = torch.tensor([0.0, 1.0, 2.0]), torch.Generator().manual_seed(0)
    assert draw(z, 1.0, drawn) is not None, "it returns nothing yet"
    cold = [draw(z, 0.01, drawn) for _ in range(50)]
    assert set(cold) == {2}, "near temperature 0 it should always be the likeliest"
    many = torch.tensor([draw(z, 2.0, drawn) for _ in range(4000)])
    share = many.bincount(minlength=3) / 4000
    expected = (z / 2).softmax(dim=0)
    assert torch.allclose(share, expected, atol=0.05), (
        f"at temperature 2 the shares should be {[round(p, 2) for p in expected.tolist()]}, "
        f"not {[round(p, 2) for p in share.tolist()]}"
    )


attempt(check_draw, draw)


# %% tags=["solution"] jupyter={"source_hidden": true}
def draw(z, temperature, drawn):
    p = (z / temperature).softmax(dim=0)
    return int(torch.multinomial(p, 1, generator=drawn))


check_draw(draw)

# %%
for temperature in (0.3, 0.7, 1.2):
    drawn, text = torch.Generator().manual_seed(0), encode("When ")
    with torch.no_grad():
        z, state = model.predict_next(text[None].to(device))
        for _ in range(150):
            token = torch.tensor([draw(z[0, -1].cpu(), temperature, drawn)])
            text = torch.cat([text, token])
            z, state = model.predict_next(token[None].to(device), state)
    print(f"temperature {temperature}:\n{decode(text)}\n")

# %% [markdown]
# ## Go further
#
# - Take your own text: `encode(open("my.txt", encoding="utf-8").read())`. Does a model of the sonnets find it more surprising than the sonnets?
# - Sonnets 36 and 96 end with the same two lines, up to three commas. Both are in the training text. Suppose 96 were in the test text:
#   what would `verbatim_overlap` say of it, and why so little? Write a measure that finds such near-duplicates.
# - Train for 20 epochs and draw the training and the validation loss: from which epoch on does the network overfit?
# - Train an LSTM of hidden size 256 for ten minutes, and try to beat the five-gram of the lecture clearly. Try `num_layers=2` and dropout.
# - Hand the hidden state on: make the windows of a batch follow those of the batch before, `detach` the hidden state between them, and
#   compare. What happens without `detach`?
# - The fewer bits a model needs for a text, the more the text is like those it was trained on. Which of two is more like a sonnet?

# %%
english = encode(
    "Then shall my song to thee the summer bring, and all thy days be sweet as this."
)
turned = english.flip(0)
surprise = {
    name: evaluate(model, text.to(device))
    for name, text in (("english", english), ("backwards", turned))
}
print({name: round(each, 2) for name, each in surprise.items()})
assert surprise["english"] < surprise["backwards"]
assert after < before
