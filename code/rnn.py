"""The recurrent network: one small network, used again at every step of a sequence.

It reads a sequence one time step after the other and keeps a hidden state, a vector
that it computes anew from the old one and the next symbol. To train it, the loop is
unrolled, and gradients flow back through every copy: they may vanish or explode.
Gates let the network decide what to keep, and let gradients through where it does.

Source: Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation
9(8), 1997.
"""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.optim.lr_scheduler import CosineAnnealingLR
from tqdm import tqdm

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.checkpoint import History
from neuronup.clipping import clipping_adam
from neuronup.command import BadInput, folder, keep, record, run
from neuronup.costs import count_parameters
from neuronup.loaders import Examples, Loader
from neuronup.loop import fit, predict
from neuronup.ngram import ngram_bits, ngram_codes
from neuronup.seeds import stack
from neuronup.text import (
    ALPHABET,
    bits_per_character,
    character_accuracy,
    decode,
    encode,
    sonnets,
    split_text,
    text_windows,
    verbatim_overlap,
)

# --8<-- [start:recurrent]
State = tuple[Tensor, ...]  # each (n, hidden); the first is the hidden state h


class Recurrent(nn.Module):
    """Reads a sequence of any length; `step` computes the next state."""

    chunks = 1  # weighted sums for each unit: one, and one more for each gate
    vectors = 1  # how many vectors (n, hidden) make up the state

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.input_to_hidden = nn.Linear(inputs, self.chunks * hidden)
        self.hidden_to_hidden = nn.Linear(hidden, self.chunks * hidden)
        for weight in self.parameters():  # drawn as PyTorch draws them
            nn.init.uniform_(weight, -(hidden**-0.5), hidden**-0.5)

    def step(self, x: Tensor, state: State) -> State:
        """Compute the next state from x (n, inputs) and the state."""
        raise NotImplementedError

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Read x (n, T, inputs): h at each step (n, T, hidden), and the last state."""
        if state is None:  # nothing was read yet
            state = (x.new_zeros(len(x), self.hidden),) * self.vectors
        outputs = []
        for xt in x.unbind(dim=1):  # the same weights at every step
            state = self.step(xt, state)
            outputs.append(state[0])
        return torch.stack(outputs, dim=1), state


# --8<-- [end:recurrent]
# --8<-- [start:rnn]
class RNN(Recurrent):
    """The simple recurrent cell: a weighted sum of input and old state, then tanh."""

    def step(self, x: Tensor, state: State) -> State:
        """Compute the next state from x (n, inputs) and h (n, hidden)."""
        (h,) = state
        return (torch.tanh(self.input_to_hidden(x) + self.hidden_to_hidden(h)),)


# --8<-- [end:rnn]
# --8<-- [start:lstm]
class LSTM(Recurrent):
    """Has a cell state c that is only scaled and added to, as three gates decide."""

    chunks, vectors = 4, 2

    def step(self, x: Tensor, state: State) -> State:
        """Compute the next state from x (n, inputs) and h, c (n, hidden)."""
        h, c = state
        sums = self.input_to_hidden(x) + self.hidden_to_hidden(h)  # (n, 4 * hidden)
        i, f, g, o = sums.chunk(4, dim=1)
        input_gate, forget_gate, output_gate = map(torch.sigmoid, (i, f, o))
        candidate = torch.tanh(g)
        c = forget_gate * c + input_gate * candidate
        return output_gate * torch.tanh(c), c


# --8<-- [end:lstm]
# --8<-- [start:gru]
class GRU(Recurrent):
    """Keeps or replaces each number of its hidden state: one gate does both."""

    chunks = 3

    def step(self, x: Tensor, state: State) -> State:
        """Compute the next state from x (n, inputs) and h (n, hidden)."""
        (h,) = state
        r, z, n = self.input_to_hidden(x).chunk(3, dim=1)
        r_h, z_h, n_h = self.hidden_to_hidden(h).chunk(3, dim=1)
        reset_gate, update_gate = torch.sigmoid(r + r_h), torch.sigmoid(z + z_h)
        candidate = torch.tanh(n + reset_gate * n_h)
        return (update_gate * h + (1 - update_gate) * candidate,)


# --8<-- [end:gru]
# --8<-- [start:through_time]
def backpropagate_through_time(
    cell: RNN, x: Tensor, h: Tensor, gradient: Tensor
) -> dict[str, Tensor]:
    """Gradients of a loss in the weights, from its `gradient` in h (n, T, hidden).

    The cell has read x (n, T, inputs) from a state of zeros.
    """
    previous = torch.cat([torch.zeros_like(h[:, :1]), h[:, :-1]], dim=1)
    total = {name: torch.zeros_like(p) for name, p in cell.named_parameters()}
    later = torch.zeros_like(h[:, 0])  # what comes back from the steps after
    for t in reversed(range(x.shape[1])):
        dz = (gradient[:, t] + later) * (1 - h[:, t] ** 2)  # through the tanh
        total["input_to_hidden.weight"] += dz.mT @ x[:, t]  # each copy adds its share
        total["hidden_to_hidden.weight"] += dz.mT @ previous[:, t]
        total["input_to_hidden.bias"] += dz.sum(dim=0)
        total["hidden_to_hidden.bias"] += dz.sum(dim=0)
        later = dz @ cell.hidden_to_hidden.weight  # to the state before
    return total


# --8<-- [end:through_time]
# --8<-- [start:truncated]
def forward_truncated(cell: Recurrent, x: Tensor, length: int) -> Tensor:
    """Read x (n, T, inputs) in segments: the state goes on, the gradients do not."""
    outputs, state = [], None
    for segment in x.split(length, dim=1):
        h, state = cell(segment, state)
        outputs.append(h)
        state = tuple(part.detach() for part in state)  # the same numbers, no past
    return torch.cat(outputs, dim=1)


# --8<-- [end:truncated]
# --8<-- [start:state_gradients]
def state_gradients(cell: Recurrent, x: Tensor) -> Tensor:
    """Measure the gradient of the last state in the state t steps before: (T,) by t.

    The state is the cell state c of an LSTM, h of the others, on reading x (n, T,
    inputs): the root mean square, over its numbers, of the norms of their gradients.
    """
    state = (x.new_zeros(len(x), cell.hidden),) * cell.vectors
    states = []
    for xt in x.unbind(dim=1):
        state = cell.step(xt, state)
        states.append(state[-1].requires_grad_())
    squares = torch.zeros(len(states))
    for number in states[-1].sum(dim=0):  # sequences do not mix: one sum will do
        gradients = torch.autograd.grad(number, states, retain_graph=True)
        squares += torch.stack([each.square().sum() for each in gradients]).cpu()
    return (squares / states[-1].numel()).sqrt().flip(0)


# --8<-- [end:state_gradients]
# --8<-- [start:layer]
def recurrent_layer(
    kind: str, inputs: int, hidden: int, gate_bias: float = 0.0
) -> nn.RNNBase:
    """PyTorch's own layer, "RNN", "GRU" or "LSTM".

    An LSTM's forget gate is opened by `gate_bias`, and its input gate closed by it.
    """
    layer = getattr(nn, kind)(inputs, hidden, batch_first=True)
    if kind == "LSTM":  # its sums: input gate, forget gate, candidate, output gate
        with torch.no_grad():
            layer.bias_ih_l0[:hidden] -= gate_bias
            layer.bias_ih_l0[hidden : 2 * hidden] += gate_bias
    return layer


# --8<-- [end:layer]
# --8<-- [start:orthogonal]
def make_orthogonal(u: Tensor, *biases: Tensor) -> None:
    """Make u (hidden, hidden) a random rotation or reflection, and the biases 0."""
    nn.init.orthogonal_(u)  # it turns a vector, and keeps its length
    for bias in biases:
        nn.init.zeros_(bias)


# --8<-- [end:orthogonal]
# --8<-- [start:memory_task]
SYMBOLS = 4  # one of these comes first; as many others follow, and mean nothing


def memory_task(n: int, length: int, drawn: torch.Generator) -> Examples:
    """Draw sequences x (n, length), whose label y (n,) is the first symbol."""
    x = torch.randint(SYMBOLS, 2 * SYMBOLS, (n, length), generator=drawn)
    x[:, 0] = torch.randint(SYMBOLS, (n,), generator=drawn)
    return Examples(x, x[:, 0])


# --8<-- [end:memory_task]
# --8<-- [start:classifier]
class SequenceClassifier(nn.Module):
    """Reads to the end and predicts once: many to one."""

    def __init__(self, layer: nn.Module, symbols: int, hidden: int, k: int) -> None:
        super().__init__()
        self.layer, self.symbols = layer, symbols
        self.output = nn.Linear(hidden, k)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (n, k) of symbols x (n, T)."""
        h, _ = self.layer(one_hot(x, self.symbols).float())  # (n, T, hidden)
        return self.output(h[:, -1])


# --8<-- [end:classifier]
# --8<-- [start:memory]
MEMORY_NETWORKS = {  # kind; hidden size, for equal parameters; rate, by validation
    "RNN": ("RNN", 68, 0.01),
    "RNN, orthogonal": ("RNN", 68, 0.0003),
    "LSTM": ("LSTM", 32, 0.1),
    "LSTM, gates set": ("LSTM", 32, 0.03),
}


def memory_network(name: str, length: int) -> SequenceClassifier:
    """Make an untrained network; two of the four are initialised to remember."""
    kind, hidden, _ = MEMORY_NETWORKS[name]
    gate_bias = math.log(length) if name == "LSTM, gates set" else 0.0
    layer = recurrent_layer(kind, 2 * SYMBOLS, hidden, gate_bias)
    if name == "RNN, orthogonal":
        _, u, *biases = layer.parameters()  # W, U, and both biases
        make_orthogonal(u, *biases)
    return SequenceClassifier(layer, 2 * SYMBOLS, hidden, SYMBOLS)


def train_to_remember(name: str, length: int, seed: int, device: torch.device) -> float:
    """Train one network to recall the first symbol; return its held-out accuracy."""
    torch.manual_seed(seed)
    drawn = torch.Generator().manual_seed(seed)
    training, test = (memory_task(n, length, drawn).to(device) for n in (1000, 500))
    model = memory_network(name, length).to(device)
    optimiser = clipping_adam(model, MEMORY_NETWORKS[name][2])
    history = fit(model, Loader(training, 50, seed), test, optimiser, epochs=5)
    return history["validation_score"][-1]


# --8<-- [end:memory]
# --8<-- [start:language_model]
class LanguageModel(nn.Module):
    """Predicts after each character which one comes next: many to many."""

    def __init__(self, layer: nn.Module, hidden: int) -> None:
        super().__init__()
        self.layer = layer
        self.output = nn.Linear(hidden, len(ALPHABET))

    def predict_next(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Go on from `state` with tokens x (n, T): logits (n, T, 96), new state."""
        h, state = self.layer(one_hot(x, len(ALPHABET)).float(), state)
        return self.output(h), state

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (n, T, 96) of what follows each of the tokens x (n, T)."""
        return self.predict_next(x)[0]


# --8<-- [end:language_model]
# --8<-- [start:generate]
@torch.no_grad()
def generate(
    model: LanguageModel, start: str, n: int, temperature: float, drawn: torch.Generator
) -> str:
    """Write n characters after `start`, each drawn and then read: one to many."""
    device = model.output.weight.device
    z, state = model.predict_next(encode(start)[None].to(device))
    tokens = []
    for _ in range(n):
        p = (z[0, -1] / temperature).softmax(dim=0).cpu()
        tokens.append(torch.multinomial(p, 1, generator=drawn))  # (1,)
        z, state = model.predict_next(tokens[-1][None].to(device), state)
    return decode(torch.cat(tokens))


# --8<-- [end:generate]
# --8<-- [start:train]
def evaluate(model: LanguageModel, text: Tensor) -> float:
    """Bits for each token of text (m,) from the fifth on, read in one go."""
    z = predict(model, text[None, :-1])
    return float(bits_per_character(z[:, 3:], text[None, 4:]))


RECURRENT_NETWORKS = {  # hidden size, for equal parameters; rate, by validation
    "RNN": (274, 0.005),
    "GRU": (152, 0.01),
    "LSTM": (128, 0.02),
}


def untrained_model(kind: str) -> LanguageModel:
    """Make an untrained model of text of one of the `RECURRENT_NETWORKS`."""
    hidden, _ = RECURRENT_NETWORKS[kind]
    return LanguageModel(recurrent_layer(kind, len(ALPHABET), hidden), hidden)


def train(
    kind: str, texts: list[Tensor], epochs: int, seed: int, device: torch.device
) -> tuple[LanguageModel, History]:
    """Train a network to continue a text, token by token; validate on the second."""
    torch.manual_seed(seed)
    model = untrained_model(kind).to(device)
    training, validation = (text_windows(part, 32).to(device) for part in texts[:2])
    optimiser = clipping_adam(model, RECURRENT_NETWORKS[kind][1])
    history = fit(
        model,
        Loader(training, 12, seed),
        validation,
        optimiser,
        epochs,
        bits_per_character,
        character_accuracy,
        CosineAnnealingLR(optimiser, epochs),
    )
    return model, history


# --8<-- [end:train]
def cells_to_compare(inputs: int, hidden: int) -> dict[str, Recurrent]:
    """Draw the cells whose gradients through time are measured."""
    large, orthogonal = RNN(inputs, hidden), RNN(inputs, hidden)
    open_forget = LSTM(inputs, hidden)
    u, b = orthogonal.hidden_to_hidden.parameters()
    make_orthogonal(u, b, orthogonal.input_to_hidden.bias)
    with torch.no_grad():
        large.hidden_to_hidden.weight *= 4
        open_forget.input_to_hidden.bias[hidden : 2 * hidden] += 4  # i, f, g, o
    return {
        "RNN": RNN(inputs, hidden),
        "RNN, U times 4": large,
        "RNN, orthogonal": orthogonal,
        "LSTM": LSTM(inputs, hidden),
        "LSTM, forget bias 4": open_forget,
    }


def measure_gradients(seeds: range, device: torch.device) -> dict[str, Tensor]:
    """Measure state gradients (seeds, T) of each kind of cell on random symbols."""
    runs = []
    for seed in seeds:
        torch.manual_seed(seed)
        drawn = torch.Generator().manual_seed(seed)
        x = one_hot(torch.randint(8, (8, 60), generator=drawn), 8).float().to(device)
        cells = {name: c.to(device) for name, c in cells_to_compare(8, 32).items()}
        runs.append({name: state_gradients(c, x).tolist() for name, c in cells.items()})
    return stack(runs)


LENGTHS = (10, 20, 40, 80)


def compare_memory(seeds: range, device: torch.device) -> dict[str, Tensor]:
    """Measure accuracy (seeds, lengths) on the memory task, by kind of network."""
    found: dict[str, list[float]] = {name: [] for name in MEMORY_NETWORKS}
    runs = [(name, s, n) for name in found for s in seeds for n in LENGTHS]
    for name, seed, length in tqdm(runs, desc="memory", disable=None):
        found[name].append(train_to_remember(name, length, seed, device))
    return {k: torch.tensor(each).view(len(seeds), -1) for k, each in found.items()}


def summary(
    gradients: dict[str, Tensor], remembered: dict[str, Tensor]
) -> dict[str, float]:
    """Take from gradients (seeds, T) and accuracies (seeds, lengths) what is told."""
    shorts = ("rnn", "times_4", "orthogonal", "lstm", "open")
    logs = [float(each.log().mean(0)[20]) for each in gradients.values()]
    numbers = {f"reach_{s}": math.exp(g) for s, g in zip(shorts, logs, strict=True)}
    numbers["factor_rnn"] = math.exp(logs[0] / 20)
    networks = ("rnn", "orthogonal", "lstm", "gates")
    for short, shares in zip(networks, remembered.values(), strict=True):
        for length, share in zip(LENGTHS, shares.mean(0).tolist(), strict=True):
            numbers[f"{short}_{length}"] = share
    return numbers


TEMPERATURES = (0.5, 1.0, 1.5)
START = "When "


def sample_lines(model: LanguageModel, temperature: float, seed: int) -> str:
    """Let `model` write on after the start; return the first four lines."""
    drawn = torch.Generator().manual_seed(seed)
    text = START + generate(model, START, 300, temperature, drawn)
    return "\n".join(text.splitlines()[:4])


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    epochs: int = 5,
    characters: int = 94_109,
    out: Path | None = None,
) -> None:
    """Measure gradients and memory through time, and train networks to write.

    Args:
        seed: For weights and draws; what takes several seeds takes the next ones too.
        device: Where to compute, but for n-grams and the drawing of characters. On a
            GPU results differ, as between seeds.
        epochs: Passes over the text.
        characters: How much of Shakespeare's sonnets to take; all by default.
        out: Folder for metrics.json and the results that drawings.py draws; without
            it, only lines are printed.
    """
    text = sonnets()
    if not 10_000 <= characters <= len(text):
        raise BadInput(f"--characters {characters}: take from 10000 to {len(text)}.")
    folder(out)
    used = devices.pick(device)
    seeds = range(seed, seed + 3)
    gradients, remembered = measure_gradients(seeds, used), compare_memory(seeds, used)
    texts = split_text(text[:characters])
    training, validation, test = encoded = [encode(part) for part in texts]
    bits = ngram_bits(training, validation, test)
    torch.manual_seed(seed)
    before = evaluate(untrained_model("LSTM").to(used), test.to(used))
    models, histories = {}, {}
    for kind in RECURRENT_NETWORKS:
        models[kind], histories[kind] = train(kind, encoded, epochs, seed, used)
        bits[kind] = evaluate(models[kind], test.to(used))
    samples = {
        f"sample_{round(10 * t)}": sample_lines(models["LSTM"], t, seed)
        for t in TEMPERATURES
    }
    start = encode(START)[None].to(used)
    numbers: dict[str, float | str] = {
        "characters": characters,
        "seen": verbatim_overlap(texts[2], texts[0]),
        "before": before,
        "runs_counted": len(ngram_codes(training, 5).unique()),
        **{f"bits_{name.replace('-', '_')}": each for name, each in bits.items()},
        **{f"perplexity_{n.replace('-', '_')}": 2**each for n, each in bits.items()},
        **{f"parameters_{k}": count_parameters(each) for k, each in models.items()},
        "train_LSTM": histories["LSTM"]["loss"][-1],
        "validation_LSTM": histories["LSTM"]["validation_loss"][-1],
        **summary(gradients, remembered),
    }
    print(REPORT.format(**numbers, **samples))
    if out is not None:
        keep(
            out,
            gradients=gradients,
            remembered=remembered,
            bits=bits,
            histories=histories,
            next_logits=predict(models["LSTM"], start)[0, -1].cpu(),
            validation_bits=ngram_bits(training, validation, validation),
        )
        record(out, seed, used, **numbers)


REPORT = """\
gradient of the last state in the state 20 time steps before, mean of 3 draws:
  RNN {reach_rnn:.0e}, U times 4 {reach_times_4:.0f}, orthogonal \
{reach_orthogonal:.2f}, LSTM {reach_lstm:.0e}, forget bias 4 {reach_open:.2f}
first symbol recalled after 10, 20, 40, 80 symbols, mean of 3 seeds:
  RNN             {rnn_10:4.0%} {rnn_20:4.0%} {rnn_40:4.0%} {rnn_80:4.0%}
  RNN, orthogonal {orthogonal_10:4.0%} {orthogonal_20:4.0%} {orthogonal_40:4.0%} \
{orthogonal_80:4.0%}
  LSTM            {lstm_10:4.0%} {lstm_20:4.0%} {lstm_40:4.0%} {lstm_80:4.0%}
  LSTM, gates set {gates_10:4.0%} {gates_20:4.0%} {gates_40:4.0%} {gates_80:4.0%}
{characters:,} characters of Shakespeare's sonnets
bits per character of the test text:
  uniform {bits_uniform:.2f}, unigram {bits_unigram:.2f}, bigram {bits_bigram:.2f}, \
trigram {bits_trigram:.2f}, five-gram {bits_five_gram:.2f}
  LSTM before training {before:.2f}
  trained: RNN {bits_RNN:.2f}, GRU {bits_GRU:.2f}, LSTM {bits_LSTM:.2f}
  perplexity: five-gram {perplexity_five_gram:.1f}, LSTM {perplexity_LSTM:.1f}
the LSTM continues "When", at temperature 0.5:
{sample_5}
at temperature 1:
{sample_10}
at temperature 1.5:
{sample_15}"""

if __name__ == "__main__":
    run(main)
