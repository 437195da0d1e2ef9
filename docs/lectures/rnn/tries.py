"""Recurrent networks: lines to try and change below the code of the page."""

import torch

from neuronup.text import decode, encode, text_windows
from rnn import LSTM, RNN, forward_truncated, generate, state_gradients, train

# --8<-- [start:rnn]
cell = RNN(inputs=1, hidden=1)
pulse = torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]).view(1, 6, 1)  # (n, T, inputs)
for u in 0.5, 1.0, 2.0:  # try -2: from which size on does the cell never forget?
    for weight, number in zip(cell.parameters(), (1.0, 0.0, u, 0.0), strict=True):
        torch.nn.init.constant_(weight, number)  # W, its bias, U, its bias
    h, state = cell(pulse)
    print(f"U = {u}: h", [f"{value:.3f}" for value in h.flatten()])

# --8<-- [end:rnn]
# --8<-- [start:truncated]
for length in 6, 3, 2:  # why is the output the same? Which inputs does 4 cut off?
    x = pulse.clone().requires_grad_()
    last = forward_truncated(cell, x, length)[0, -1, 0]
    gradient = torch.autograd.grad(last, x)[0].flatten()
    print(f"segments of {length}: {last:.3f},", [f"{g:.1e}" for g in gradient])

# --8<-- [end:truncated]
# --8<-- [start:lstm]
torch.manual_seed(0)
for bias in 0.0, 1.0, 4.0:  # what does -4 do? And a bias of the input gate, [:32]?
    memory = LSTM(inputs=8, hidden=32)
    with torch.no_grad():
        memory.input_to_hidden.bias[32:64] += bias  # of the forget gate
    back = state_gradients(memory, torch.randn(4, 41, 8))[[1, 10, 20, 40]]
    print(f"bias {bias}: 1, 10, 20, 40 steps back", [f"{g:.0e}" for g in back])

# --8<-- [end:lstm]
# --8<-- [start:windows]
pairs = text_windows(encode("Shall I compare thee"), 6)  # where do the last ones go?
for a, b in zip(pairs.x, pairs.y, strict=True):
    print(f"reads {decode(a)!r}, predicts {decode(b)!r}")

# --8<-- [end:windows]
# --8<-- [start:generate]
tokens = encode("to be, or not to be: that is the question.\n" * 100)  # or your own
model, history = train("LSTM", [tokens, tokens], 10, 0, torch.device("cpu"))
print(f"{history['validation_loss'][-1]:.2f} bits per character")
for temperature in 0.1, 1.0, 2.0:  # where does it begin to misspell?
    drawn = torch.Generator().manual_seed(0)
    print(f"{temperature}: {generate(model, 'to be', 50, temperature, drawn)!r}")

# --8<-- [end:generate]
