# %% [markdown]
# # Lab: a network with a memory
#
# You write a recurrent cell, watch gradients vanish, clip them, measure how surprising English is, and let a network write.
# 70 minutes. Read the [lecture](../) first, or go back to it when a term is new.
#
# To work along, unpack `rnn.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the
# repository, or `nox -s live` and work on this page.
# **Your turn** means: fill in the stub and run the check below it. If you are stuck, unfold the two hints. The solution is
# folded under the check: run it in any case. Where your own answer has passed, yours is used from there on; where not, the course's.

# %%
import math

import torch
from torch.nn.functional import one_hot

import checks
import rnn
from neuronup import devices, figures
from neuronup.exercises import attempt, solution
from neuronup.text import decode, encode, split_text

device = devices.pick("auto")  # where the model of text is trained: a GPU, if any
torch.manual_seed(0)
train, validation, test = (encode(part) for part in split_text(rnn.sonnets()))
print(f"{len(train):,} characters of Shakespeare's sonnets to train on:")
print(decode(train[:200]))

# %% [markdown]
# ## 1. Your turn: one time step (8 minutes)
#
# Write one time step of a simple recurrent network for a batch: the input `x (n, inputs)`, the hidden state `h (n, hidden)`, weights `w (hidden, inputs)` and
# `u (hidden, hidden)`, and one bias `b (hidden,)` give the next hidden state `(n, hidden)`: $\tanh(W \mathbf{x} + U \mathbf{h} + \mathbf{b})$.
# Use PyTorch's functions, here and in the next exercise: the third takes gradients through both.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# The formula is for one column vector. In a batch each input is a row, so the weights go to its right, transposed.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `z = x @ w.T`, of shape `(n, hidden)`; then add what comes from `h`, and the bias
#
# </details>


# %% tags=["exercise"]
def step(x, h, w, u, b):
    return None  # your turn


# %% tags=["check"]
attempt(checks.step, step)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def step(x, h, w, u, b):
    return torch.tanh(x @ w.T + h @ u.T + b)


# %% [markdown]
# ## 2. Your turn: unroll it (10 minutes)
#
# > **Predict.** Shuffle the first nine of ten symbols and leave the last. Does the last hidden state change? And if `u` is zero?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Read a whole sequence `x (n, T, inputs)` with your `step`, from a hidden state of zeros. Return the hidden state at each time step, `(n, T, hidden)`.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# A loop over the time steps carries the hidden state along, and a list takes down each new one. At the end the list is stacked.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `h, states = torch.zeros(len(x), len(u)), []`, then `for xt in x.unbind(dim=1):`
#
# </details>


# %% tags=["exercise"]
def unroll(x, w, u, b):
    return None  # your turn


# %% tags=["check"]
attempt(checks.unroll, unroll)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def unroll(x, w, u, b):
    h, states = torch.zeros(len(x), len(u)), []
    for xt in x.unbind(dim=1):
        h = step(xt, h, w, u, b)
        states.append(h)
    return torch.stack(states, dim=1)


# %%
x, w, u, b = torch.randn(1, 10, 3), torch.randn(4, 3), torch.randn(4, 4), torch.zeros(4)
shuffled = torch.cat([x[:, torch.randperm(9)], x[:, 9:]], dim=1)
for name, weights in (("with u", u), ("with u = 0", 0 * u)):
    last = [unroll(each, w, weights, b)[0, -1] for each in (x, shuffled)]
    print(f"{name}: the last hidden state changes by {(last[0] - last[1]).norm():.3f}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The order matters because of `u`, and of nothing else: with `u = 0` each hidden state depends on its own symbol alone.
#
# </details>
#
# ## 3. Your turn: see the gradient vanish (12 minutes)
#
# > **Predict.** The recurrent weights are multiplied by 0.5, 1 and 2. Which of the three curves falls towards the first time step, which stays, which climbs?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# How much does the input at each time step affect the last hidden state? Return, for each time step, the norm of the gradient of the **sum
# of the last hidden state** with respect to `x` at that time step: `(T,)`, for a batch of one sequence `x (1, T, inputs)`. Use
# `torch.autograd.grad`.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Let autograd watch a copy of `x`, unroll, and ask for the gradient of one number in it. It has the shape of `x`; what remains is a norm over the inputs.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `x = x.clone().requires_grad_()`
#
# </details>


# %% tags=["exercise"]
def gradient_norms(x, w, u, b):
    return None  # your turn


# %% tags=["check"]
attempt(checks.gradient_norms, gradient_norms)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def gradient_norms(x, w, u, b):
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(unroll(x, w, u, b)[0, -1].sum(), x)
    return gradient[0].norm(dim=1)


# %%
rotation, _ = torch.linalg.qr(torch.randn(16, 16))  # orthogonal: it keeps lengths
x, w, b = 0.01 * torch.randn(1, 40, 3), torch.randn(16, 3), torch.zeros(16)
fig, ax = figures.panels(5.2, 3)
for factor in (0.5, 1.0, 2.0):
    norms = torch.as_tensor(gradient_norms(x, w, factor * rotation, b))
    ax.plot(norms.tolist(), label=f"times {factor}")
ax.set(yscale="log", xlabel="time step", ylabel="gradient of the last state")
ax.legend()
figures.Shown(
    fig,
    "Gradient at each of 40 time steps: times 0.5 it falls towards the first in a straight line; times 1 it stays level; times 2 it climbs towards the first, and ever less.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Times 0.5 falls, times 1 stays, times 2 climbs. Half as long each time is a millionth after twenty time steps. Twice as long
# would be a million; but where hidden states are large, the derivative of tanh is small, which takes part of it back.
#
# </details>
#
# ## 4. Your turn: clip (8 minutes)
#
# Write a function that takes a list of gradients of any shapes and returns a list of new ones; those given stay as they are. Take all of them
# together as one long vector. If its norm is larger than `max_norm`, multiply each by the same factor, so that the norm becomes `max_norm`;
# otherwise leave their values. The lecture's version stops there. Yours also saves the training: where the norm is infinite or not a number, return zeros,
# so that this step changes nothing.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# One norm for all, then one factor for all, at most 1. Infinity times zero is no number, so make those zeros afresh.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()`
#
# </details>


# %% tags=["exercise"]
def clip(gradients, max_norm):
    return None  # your turn


# %% tags=["check"]
attempt(checks.clip, clip)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def clip(gradients, max_norm):
    norm = float(torch.cat([gradient.flatten() for gradient in gradients]).norm())
    if not math.isfinite(norm):
        return [torch.zeros_like(gradient) for gradient in gradients]
    factor = max_norm / norm if norm > max_norm else 1.0
    return [factor * gradient for gradient in gradients]


# %% [markdown]
# The gradient in recurrent weights that make it explode, as it is and clipped at 1:

# %%
u = (2 * rotation).requires_grad_()
(gradient,) = torch.autograd.grad(unroll(x, w, u, b)[0, -1].sum(), u)
(shorter,) = clip([gradient], 1.0)
print(f"norm {gradient.norm():.0f}, clipped {torch.as_tensor(shorter).norm():.2f}")

# %% [markdown]
# ## 5. Your turn: open the forget gate (12 minutes)
#
# > **Predict.** An untrained LSTM forgets half of its cell state at each time step. Which bias of the forget gate makes it keep 90 %?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write the inverse of the sigmoid: for a Python number `p` between 0 and 1, the bias $b$ with $\sigma(b) = p$.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# The sigmoid is $1 / (1 + e^{-b})$. Set it equal to $p$ and solve for $b$: first $e^{-b}$, then a logarithm.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `odds = p / (1 - p)`, which is $e^b$
#
# </details>


# %% tags=["exercise"]
def bias_for(p):
    return None  # your turn


# %% tags=["check"]
attempt(checks.bias_for, bias_for)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def bias_for(p):
    return math.log(p / (1 - p))


# %%
symbols = one_hot(torch.randint(8, (4, 40)), 8).float()
for p in (0.5, 0.9, 0.99):
    cell = rnn.LSTM(8, 16)
    with torch.no_grad():
        cell.input_to_hidden.bias[16:32] += float(bias_for(p))  # of the forget gate
    left = rnn.state_gradients(cell, symbols)[30]
    print(f"keeps {p:.0%} (bias {float(bias_for(p)):.1f}): {left:.1e} left")
left = rnn.state_gradients(rnn.RNN(8, 16), symbols)[30]
print(f"a simple RNN: {left:.1e} left after 30 time steps")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The bias is $\ln 9 \approx 2.2$. With it, most of the gradient is left after 30 time steps; without it, less than a millionth.
#
# </details>
#
# Does it help to remember? The first of 40 symbols, one of four, is to be recalled at the end. The second LSTM has $\ln 40$ at its forget gate and
# $-\ln 40$ at its input gate; both train at rate 0.01. (The lecture compares at each network's own best rate, and an RNN too.)
#
# > **Predict.** What accuracy will each reach?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
drawn = torch.Generator().manual_seed(0)
training, held_out = (rnn.memory_task(n, 40, drawn) for n in (1000, 500))
for gate_bias in (0.0, math.log(40)):
    torch.manual_seed(0)
    layer = rnn.recurrent_layer("LSTM", 8, 32, gate_bias)
    net = rnn.SequenceClassifier(layer, 8, 32, 4)
    batches, optimiser = rnn.Loader(training, 50, 0), rnn.clipping_adam(net, 0.01)
    history = rnn.fit(net, batches, held_out, optimiser, epochs=6)
    print(f"bias {gate_bias:.1f}: {history['validation_score'][-1]:.0%} recalled")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# With its gates as they are drawn the LSTM stays at chance, one in four. With its gates set it recalls every one.
#
# </details>
#
# ## 6. Your turn: how surprising is English? (12 minutes)
#
# > **Predict.** With all 96 equally likely it would be 6.58 bits. How many will it be? And with the text's own counts, on itself?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# A bigram model says how likely each character is after the one before. Count in `train (n,)` which follows which, add 1 to each
# of the 96 × 96 counts so that nothing is impossible, and divide. Return the mean of $-\log_2 p$ over the characters of `text (m,)` from
# the second on: the bits per character.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Every pair of neighbours of `train` is an index into a table of 96 × 96 counts, row by the first, column by the second. Each row divided by its sum is what follows that character.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `counts = torch.ones(96, 96)`; then `counts.index_put_` with `accumulate=True`, or a loop
#
# </details>


# %% tags=["exercise"]
def bigram_bits(train, text):
    return None  # your turn


# %% tags=["check"]
attempt(checks.bigram_bits, bigram_bits)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def bigram_bits(train, text):
    counts = torch.ones(96, 96)
    where = (train[:-1], train[1:])
    counts.index_put_(where, torch.ones(len(where[0])), accumulate=True)
    p = counts / counts.sum(dim=1, keepdim=True)
    return -p[text[:-1], text[1:]].log2().mean()


# %%
bits = float(bigram_bits(train, test))
print(f"held-out text: {bits:.2f} bits per character, a perplexity of {2**bits:.1f}")
own = float(bigram_bits(test, test))
print(f"the held-out text by its own counts: {own:.2f}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# By its own counts it needs more bits than by those of eight times as much other text. In a text this short, the 96 added counts of each
# row outweigh what was counted: with hardly any added, its own counts would need about 0.35 bits fewer. In the lecture
# the smoothing constant is chosen on the validation text.
#
# </details>
#
# A small GRU on the same text. It takes some seconds.

# %%
torch.manual_seed(0)
model = rnn.LanguageModel(rnn.recurrent_layer("GRU", 96, 64), 64).to(device)
before = rnn.evaluate(model, test.to(device))
batches = rnn.Loader(rnn.text_windows(train, 48).to(device), 16, seed=0)
history = rnn.fit(
    model,
    batches,
    rnn.text_windows(validation, 48).to(device),
    rnn.clipping_adam(model, 0.02),
    epochs=6,
    loss=rnn.bits_per_character,
    score=rnn.character_accuracy,
)
after = rnn.evaluate(model, test.to(device))
print(f"before {before:.2f}, after {after:.2f} bits per character")

# %% [markdown]
# ## 7. Your turn: draw with a temperature (8 minutes)
#
# > **Predict.** Which text will be more boring, that of temperature 0.3 or of 1.2? And what changes if only the three likeliest characters
# may be drawn?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# The lecture draws from all symbols; here only the likeliest may come. Turn logits `z (symbols,)` into one drawn symbol: keep the `k`
# largest logits, divide by the temperature, softmax, and draw with the generator `drawn`, as in
# `torch.multinomial(p, 1, generator=drawn)`. Return the symbol as an integer.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# `z.topk(k)` gives the largest logits and where they stand. You draw a place among them, and return what stands there.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `likeliest, symbols = z.topk(k)`
#
# </details>


# %% tags=["exercise"]
def draw(z, temperature, k, drawn):
    return None  # your turn


# %% tags=["check"]
attempt(checks.draw, draw)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def draw(z, temperature, k, drawn):
    likeliest, symbols = z.topk(k)
    p = (likeliest / temperature).softmax(dim=0)
    return int(symbols[torch.multinomial(p, 1, generator=drawn)])


# %%
for temperature, k in ((0.3, 96), (0.7, 96), (1.2, 96), (1.2, 3)):
    drawn, text = torch.Generator().manual_seed(0), encode("When ")
    with torch.no_grad():
        z, state = model.predict_next(text[None].to(device))
        for _ in range(150):
            token = torch.tensor([int(draw(z[0, -1].cpu(), temperature, k, drawn))])
            text = torch.cat([text, token])
            z, state = model.predict_next(token[None].to(device), state)
    print(f"temperature {temperature}, the {k} likeliest:\n{decode(text)}\n")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The colder, the more the text repeats common words; at 1.2 it invents many. Only the three likeliest characters at 1.2 give fewer strange words:
# each rare character has a small probability, but there are many of them, and now none is drawn.
#
# </details>
#
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
    name: rnn.evaluate(model, text.to(device))
    for name, text in (("english", english), ("backwards", turned))
}
print({name: round(each, 2) for name, each in surprise.items()})
assert surprise["english"] < surprise["backwards"]
assert after < before
