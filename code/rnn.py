"""The recurrent network: one small network, used again at every place of a sequence.

It reads a sequence one symbol after the other and keeps a state, a list of numbers
that it makes anew from the old state and the next symbol. To learn, the loop is
unrolled, and slopes flow back through every copy: they vanish or explode. Gates
let the network decide what to keep, and let the slopes through where it does.

Source: Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation
9(8), 1997.
"""

# --8<-- [start:imports]
import math
import platform
import re
import textwrap
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot
from torch.optim import Adam
from torch.optim.lr_scheduler import CosineAnnealingLR
from tqdm import tqdm

# --8<-- [end:imports]
# --8<-- [start:earlier]
import devices
import figures
from command import BadInput, folder, record, run
from training import Examples, History, Loader, fit, predict

# --8<-- [end:earlier]


# --8<-- [start:recurrent]
State = tuple[Tensor, ...]  # each (n, hidden); the first is what others see


class Recurrent(nn.Module):
    """Reads a sequence of any length; `step` says how it makes its next state."""

    sums = 1  # how many weighted sums a number of the state needs
    kept = 1  # how many lists of numbers the state holds

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.read = nn.Linear(inputs, self.sums * hidden)
        self.recall = nn.Linear(hidden, self.sums * hidden)
        for weight in self.parameters():  # drawn as PyTorch draws them
            nn.init.uniform_(weight, -(hidden**-0.5), hidden**-0.5)

    def step(self, x: Tensor, state: State) -> State:
        """Make the next state from x (n, inputs) and the state."""
        raise NotImplementedError

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Read x (n, T, inputs): what each place shows (n, T, hidden), and the end."""
        if state is None:  # nothing was read yet
            state = (x.new_zeros(len(x), self.hidden),) * self.kept
        shown = []
        for xt in x.unbind(dim=1):  # the same weights at every place
            state = self.step(xt, state)
            shown.append(state[0])
        return torch.stack(shown, dim=1), state


# --8<-- [end:recurrent]
# --8<-- [start:rnn]
class RNN(Recurrent):
    """The plain recurrence: mix what is read with what is recalled, and squash."""

    def step(self, x: Tensor, state: State) -> State:
        """Make the next state from x (n, inputs) and h (n, hidden)."""
        (h,) = state
        return (torch.tanh(self.read(x) + self.recall(h)),)


# --8<-- [end:rnn]
# --8<-- [start:lstm]
class LSTM(Recurrent):
    """Keeps a memory c that is only scaled and added to, under the rule of gates."""

    sums, kept = 4, 2

    def step(self, x: Tensor, state: State) -> State:
        """Make the next state from x (n, inputs) and h, c (n, hidden)."""
        h, c = state
        enter, forget, new, show = (self.read(x) + self.recall(h)).chunk(4, dim=1)
        c = torch.sigmoid(forget) * c + torch.sigmoid(enter) * torch.tanh(new)
        return torch.sigmoid(show) * torch.tanh(c), c


# --8<-- [end:lstm]
# --8<-- [start:gru]
class GRU(Recurrent):
    """Keeps or replaces each number of its state, by one gate that does both."""

    sums = 3

    def step(self, x: Tensor, state: State) -> State:
        """Make the next state from x (n, inputs) and h (n, hidden)."""
        (h,) = state
        reset, keep, new = self.read(x).chunk(3, dim=1)
        reset_h, keep_h, new_h = self.recall(h).chunk(3, dim=1)
        new = torch.tanh(new + torch.sigmoid(reset + reset_h) * new_h)
        kept = torch.sigmoid(keep + keep_h)
        return (kept * h + (1 - kept) * new,)


# --8<-- [end:gru]
# --8<-- [start:through_time]
def through_time(cell: RNN, x: Tensor, h: Tensor, slope: Tensor) -> dict[str, Tensor]:
    """Slopes of a loss in the weights, from its `slope` in each state h (n, T, hidden).

    The cell has read x (n, T, inputs) from a state of zeros.
    """
    before = torch.cat([torch.zeros_like(h[:, :1]), h[:, :-1]], dim=1)
    names = ("read.weight", "read.bias", "recall.weight", "recall.bias")
    total = {name: torch.zeros_like(cell.get_parameter(name)) for name in names}
    later = torch.zeros_like(h[:, 0])  # what comes back from the places after
    for t in reversed(range(x.shape[1])):
        dz = (slope[:, t] + later) * (1 - h[:, t] ** 2)  # through the tanh
        total["read.weight"] += dz.mT @ x[:, t]  # each copy adds its share
        total["recall.weight"] += dz.mT @ before[:, t]
        total["read.bias"] += dz.sum(dim=0)
        total["recall.bias"] += dz.sum(dim=0)
        later = dz @ cell.recall.weight  # to the state before
    return total


# --8<-- [end:through_time]
# --8<-- [start:truncated]
def in_stretches(cell: Recurrent, x: Tensor, length: int) -> Tensor:
    """Read x (n, T, inputs) in stretches: the state goes on, the slopes do not."""
    shown, state = [], None
    for stretch in x.split(length, dim=1):
        h, state = cell(stretch, state)
        shown.append(h)
        state = tuple(part.detach() for part in state)  # the same numbers, no past
    return torch.cat(shown, dim=1)


# --8<-- [end:truncated]
# --8<-- [start:clip]
def clip(parameters: Iterable[Tensor], most: float) -> Tensor:
    """Shorten the gradient of all parameters to the length `most`; return its own."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    length = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    for gradient in gradients:  # one factor for all: the direction stays
        gradient *= (most / (length + 1e-6)).clamp(max=1)
    return length


def clipped(model: nn.Module, rate: float, most: float = 1.0) -> Adam:
    """Make an optimiser that clips before each step."""
    optimiser = Adam(model.parameters(), lr=rate)

    def shorten(*_: Any) -> None:
        clip(model.parameters(), most)

    optimiser.register_step_pre_hook(shorten)
    return optimiser


# --8<-- [end:clip]
# --8<-- [start:reach]
def reach(cell: Recurrent, x: Tensor) -> Tensor:
    """How much the last state feels a nudge of the state t places before: (T,) by t.

    The state is the memory c of an LSTM, h of the others, on reading x (n, T, inputs).
    Each number is the root of the mean squared slope, so that t = 0 has 1.
    """
    state = (x.new_zeros(len(x), cell.hidden),) * cell.kept
    states = []
    for xt in x.unbind(dim=1):
        state = cell.step(xt, state)
        states.append(state[-1].requires_grad_())
    squares = torch.zeros(len(states))
    for number in states[-1].sum(dim=0):  # sequences do not mix: one sum will do
        slopes = torch.autograd.grad(number, states, retain_graph=True)
        squares += torch.stack([slope.square().sum() for slope in slopes]).cpu()
    return (squares / states[-1].numel()).sqrt().flip(0)


# --8<-- [end:reach]
# --8<-- [start:layer]
def layer(kind: str, inputs: int, hidden: int, hold: float = 0.0) -> nn.RNNBase:
    """PyTorch's own layer, "RNN", "GRU" or "LSTM"; this last may begin by holding on.

    `hold` opens its forget gate, and closes its enter gate, by a bias.
    """
    made = getattr(nn, kind)(inputs, hidden, batch_first=True)
    if kind == "LSTM":  # its sums: enter, forget, new, show
        with torch.no_grad():
            made.bias_ih_l0[:hidden] -= hold
            made.bias_ih_l0[hidden : 2 * hidden] += hold
    return made


# --8<-- [end:layer]
# --8<-- [start:delayed]
SIGNS = 4  # what may come first; as many others follow, and mean nothing


def delayed(n: int, length: int, drawn: torch.Generator) -> Examples:
    """Draw sequences x (n, length), whose label y (n,) is the first symbol."""
    x = torch.randint(SIGNS, 2 * SIGNS, (n, length), generator=drawn)
    x[:, 0] = torch.randint(SIGNS, (n,), generator=drawn)
    return Examples(x, x[:, 0])


# --8<-- [end:delayed]
# --8<-- [start:reader]
class Reader(nn.Module):
    """Reads to the end and answers once: many to one."""

    def __init__(self, layer: nn.Module, symbols: int, hidden: int, k: int) -> None:
        super().__init__()
        self.layer, self.symbols = layer, symbols
        self.output = nn.Linear(hidden, k)

    def forward(self, x: Tensor) -> Tensor:
        """Answer symbols x (n, T) with logits (n, k)."""
        shown, _ = self.layer(one_hot(x, self.symbols).float())  # (n, T, hidden)
        return self.output(shown[:, -1])


# --8<-- [end:reader]
# --8<-- [start:remember]
def remember(
    kind: str, hold: float, length: int, seed: int, device: torch.device
) -> float:
    """Teach one network to recall the first symbol; return its held-out accuracy."""
    torch.manual_seed(seed)
    drawn = torch.Generator().manual_seed(seed)
    train, test = (delayed(n, length, drawn).to(device) for n in (1000, 500))
    net = Reader(layer(kind, 2 * SIGNS, 32, hold), 2 * SIGNS, 32, SIGNS).to(device)
    history = fit(net, Loader(train, 50, seed), test, clipped(net, 0.01), epochs=6)
    return history["validation_score"][-1]


# --8<-- [end:remember]
# --8<-- [start:text]
def manual(once: bool = True) -> str:
    """Return the prose of Python's manual; each paragraph once, however often it is in.

    Headings, code and grammar are left out, and lines run on to the paragraph's end.
    """
    paragraphs = (p for topic in topics.values() for p in topic.split("\n\n"))
    prose = [
        " ".join(p.split())
        for p in paragraphs
        if p[:1].isalpha() and not re.search(r"^[*=~-]{3}", p, re.M)
    ]
    return "\n".join(dict.fromkeys(prose) if once else prose)


ALPHABET = "\n" + "".join(map(chr, range(32, 127)))  # all that a typewriter has
PLACE = {sign: place for place, sign in enumerate(ALPHABET)}


def encode(text: str) -> Tensor:
    """Turn text into places in the alphabet (n,); what is not in it becomes a ?."""
    places = [PLACE.get(sign, PLACE["?"]) for sign in text]
    return torch.tensor(places, dtype=torch.long)


def decode(symbols: Tensor) -> str:
    """Turn places in the alphabet (n,) into text."""
    return "".join(ALPHABET[place] for place in symbols.tolist())


# --8<-- [end:text]
# --8<-- [start:split]
def parts(text: str) -> list[str]:
    """Cut text in three: 80 % to learn from, then 10 % to choose by, 10 % to judge."""
    first, second = len(text) * 8 // 10, len(text) * 9 // 10
    return [text[:first], text[first:second], text[second:]]


def seen(held: str, train: str, length: int = 40) -> float:
    """Share of the stretches of `held` that stand in `train`, word for word."""
    known = {train[i : i + length] for i in range(len(train) - length + 1)}
    found = [held[i : i + length] in known for i in range(len(held) - length + 1)]
    return sum(found) / len(found)


# --8<-- [end:split]
# --8<-- [start:ngram]
def codes(symbols: Tensor, order: int) -> Tensor:
    """Number each run of `order` symbols of (n,): (n - order + 1,)."""
    digits = len(ALPHABET) ** torch.arange(order - 1, -1, -1)
    return (symbols.unfold(0, order, 1) * digits).sum(dim=1)


def count(codes: Tensor, wanted: Tensor) -> Tensor:
    """How often each code `wanted` (m,) occurs in `codes` (n,): (m,)."""
    there, often = codes.unique(return_counts=True)
    at = torch.searchsorted(there, wanted).clamp(max=len(there) - 1)
    return often[at] * (there[at] == wanted)


def ngram(train: Tensor, text: Tensor, order: int, doubt: float) -> Tensor:
    """Probability of each symbol of text (m,) after the `order` - 1 before it.

    What followed in train (n,) is counted; `doubt` counts more are dealt out as the
    next lower order says. Order 1 knows only how common a symbol is, 0 nothing.
    """
    if order == 0:
        return torch.full(text.shape, 1 / len(ALPHABET), dtype=torch.double)
    lower = ngram(train, text, order - 1, doubt)[-(len(text) - order + 1) :]
    runs, wanted = codes(train, order), codes(text, order)
    contexts = runs // len(ALPHABET), wanted // len(ALPHABET)
    return (count(runs, wanted) + doubt * lower) / (count(*contexts) + doubt)


# --8<-- [end:ngram]
# --8<-- [start:predictor]
class Predictor(nn.Module):
    """Says after each symbol what may come next: many to many."""

    def __init__(self, layer: nn.Module, hidden: int) -> None:
        super().__init__()
        self.layer = layer
        self.output = nn.Linear(hidden, len(ALPHABET))

    def read(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Go on from `state` with symbols x (n, T): logits (n, T, 96), new state."""
        shown, state = self.layer(one_hot(x, len(ALPHABET)).float(), state)
        return self.output(shown), state

    def forward(self, x: Tensor) -> Tensor:
        """Answer symbols x (n, T) with logits (n, T, 96)."""
        return self.read(x)[0]


# --8<-- [end:predictor]
# --8<-- [start:windows]
def windows(symbols: Tensor, length: int) -> Examples:
    """Cut (n,) into windows x (m, length); y (m, length) is x, one symbol on."""
    m = (len(symbols) - 1) // length
    x, y = symbols[: m * length], symbols[1 : m * length + 1]
    return Examples(x.reshape(m, length), y.reshape(m, length))


def bits(z: Tensor, y: Tensor) -> Tensor:
    """Mean surprise () at y (n, T), in bits, of logits z (n, T, symbols)."""
    return cross_entropy(z.flatten(0, 1), y.flatten()) / math.log(2)


def hits(z: Tensor, y: Tensor) -> Tensor:
    """Share () of symbols y (n, T) that logits z (n, T, symbols) held likeliest."""
    return (z.argmax(dim=-1) == y).float().mean()


# --8<-- [end:windows]
# --8<-- [start:write]
@torch.no_grad()
def write(
    model: Predictor, start: str, n: int, temperature: float, drawn: torch.Generator
) -> str:
    """Go on for n symbols after `start`, each drawn and then read: one to many."""
    device = model.output.weight.device
    z, state = model.read(encode(start)[None].to(device))
    text = []
    for _ in range(n):
        p = (z[0, -1] / temperature).softmax(dim=0).cpu()
        text.append(torch.multinomial(p, 1, generator=drawn))  # (1,)
        z, state = model.read(text[-1][None].to(device), state)
    return decode(torch.cat(text))


# --8<-- [end:write]
# --8<-- [start:learn]
def judge(model: Predictor, text: Tensor) -> float:
    """Bits for each symbol of text (m,) from the fifth on, read in one go."""
    z = predict(model, text[None, :-1])
    return float(bits(z[:, 3:], text[None, 4:]))


def learn(
    kind: str, text: list[Tensor], epochs: int, seed: int, device: torch.device
) -> tuple[Predictor, History]:
    """Teach a network to foresee the next symbol of the first of three texts."""
    torch.manual_seed(seed)
    model = Predictor(layer(kind, len(ALPHABET), 128), 128).to(device)
    train, validation = (windows(part, 64).to(device) for part in text[:2])
    optimiser = clipped(model, rate=0.01)
    slower = CosineAnnealingLR(optimiser, epochs)
    batches = Loader(train, 16, seed)
    return model, fit(model, batches, validation, optimiser, epochs, bits, hits, slower)


# --8<-- [end:learn]
# --8<-- [start:cells]
def cells(inputs: int, hidden: int) -> dict[str, Recurrent]:
    """Draw the cells whose reach is measured."""
    wild, keeping = RNN(inputs, hidden), LSTM(inputs, hidden)
    with torch.no_grad():
        wild.recall.weight *= 4
        keeping.read.bias[hidden : 2 * hidden] += 4  # its sums: enter, forget, ...
    return {
        "RNN": RNN(inputs, hidden),
        "RNN, weights times 4": wild,
        "LSTM": LSTM(inputs, hidden),
        "LSTM, forget bias 4": keeping,
        "GRU": GRU(inputs, hidden),
    }


# --8<-- [end:cells]
def reaches(seeds: range, device: torch.device) -> dict[str, Tensor]:
    """Measure the reach (seeds, T) of each kind of cell on random symbols."""
    found: dict[str, list[Tensor]] = {}
    for seed in seeds:
        torch.manual_seed(seed)
        drawn = torch.Generator().manual_seed(seed)
        x = torch.randint(8, (8, 60), generator=drawn)
        for name, cell in cells(8, 32).items():
            slopes = reach(cell.to(device), one_hot(x, 8).float().to(device))
            found.setdefault(name, []).append(slopes)
    return {name: torch.stack(each) for name, each in found.items()}


LENGTHS = (10, 20, 40, 80)


def memories(seeds: range, device: torch.device) -> dict[str, Tensor]:
    """Measure accuracy (seeds, lengths) on the memory task, by kind of network."""
    found: dict[str, list[float]] = {"RNN": [], "LSTM": [], "LSTM that holds on": []}
    runs = [(name, s, n) for name in found for s in seeds for n in LENGTHS]
    for name, seed, length in tqdm(runs, desc="memory", disable=None):
        kind, holds = name[:4].strip(), name.endswith("on")
        hold = math.log(length) if holds else 0.0
        found[name].append(remember(kind, hold, length, seed, device))
    shape = len(seeds), len(LENGTHS)
    return {name: torch.tensor(each).reshape(shape) for name, each in found.items()}


# --8<-- [start:counted]
ORDERS = {"uniform": 0, "unigram": 1, "bigram": 2, "trigram": 3, "five-gram": 5}
DOUBTS = (1, 3, 10, 30)


def counted(train: Tensor, chosen_by: Tensor, text: Tensor) -> dict[str, float]:
    """Bits for each symbol of text (m,) from the fifth on, by what counts foresee."""

    def surprise(text: Tensor, order: int, doubt: float) -> float:
        p = ngram(train, text, order, doubt)[-(len(text) - 4) :]
        return float(-p.log2().mean())

    found = {}
    for name, order in ORDERS.items():
        best = min(DOUBTS, key=partial(surprise, chosen_by, order))
        found[name] = surprise(text, order, best)
    return found


# --8<-- [end:counted]
def draw_reach(reaches: dict[str, Tensor]) -> Figure:
    """Draw the reach (seeds, T) of four kinds of cells: mean and range."""
    fig, ax = figures.panels(5.2, 3.6)
    for name, slopes in reaches.items():
        if name != "GRU":  # it runs close to the LSTM
            middle = slopes.log().mean(0).exp().tolist()
            (line,) = ax.plot(middle, label=name)
            low, high = slopes.amin(0).tolist(), slopes.amax(0).tolist()
            colour = line.get_color()
            ax.fill_between(range(len(low)), low, high, color=colour, alpha=0.2, lw=0)
    ax.set(yscale="log", ylim=(1e-12, None))
    ax.set(xlabel="places back", ylabel="slope of the last state")
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def draw_memory(memories: dict[str, Tensor]) -> Figure:
    """Draw accuracy (seeds, lengths) on the memory task: mean and range."""
    fig, ax = figures.panels(5.2, 3.2)
    for (name, found), marker in zip(memories.items(), "sXo", strict=True):
        middle = found.mean(0).tolist()
        (line,) = ax.plot(LENGTHS, middle, marker=marker, label=name)
        low, high, colour = found.amin(0), found.amax(0), line.get_color()
        ax.fill_between(
            LENGTHS, low.tolist(), high.tolist(), color=colour, alpha=0.15, lw=0
        )
    ax.axhline(1 / SIGNS, color=figures.FAINT, linestyle="-", lw=1)
    ax.set(xscale="log", xticks=LENGTHS, xticklabels=LENGTHS, ylim=(0, 1.05))
    ax.set(xlabel="symbols to read", ylabel="held-out accuracy")
    ax.minorticks_off()
    fig.legend(loc="outside upper center", ncols=3)
    return fig


def draw_bits(bits: dict[str, float]) -> Figure:
    """Draw the bits for each symbol as bars, with their numbers."""
    fig, ax = figures.panels(5.2, 3)
    counted = [figures.FAINT if name in ORDERS else figures.BLUE for name in bits]
    bars = ax.barh(list(bits), list(bits.values()), color=counted)
    ax.bar_label(bars, fmt="%.2f", padding=4)
    ax.invert_yaxis()
    ax.set(xlabel="bits for each character, test text", xlim=(0, 7.4))
    ax.grid(axis="y", visible=False)
    return fig


def draw_learning(histories: dict[str, History], bits: dict[str, float]) -> Figure:
    """Draw validation bits by epoch, and what counts reach on the same text."""
    fig, ax = figures.panels(5.2, 3)
    for (name, history), marker in zip(histories.items(), "sX", strict=True):
        curve = history["validation_loss"]
        ax.plot(range(1, len(curve) + 1), curve, marker=marker, label=name)
    for name in ("bigram", "trigram"):
        ax.axhline(bits[name], color=figures.FAINT, linestyle=":", lw=1.5)
        ax.annotate(
            name,
            (len(curve), bits[name]),
            (0, 3),
            textcoords="offset points",
            ha="right",
        )
    ax.set(xlabel="epochs", ylabel="bits for each character")
    ax.legend()
    return fig


def summary(
    reached: dict[str, Tensor], remembered: dict[str, Tensor]
) -> dict[str, float]:
    """Boil reach (seeds, T) and accuracies (seeds, lengths) down to numbers."""
    named = dict(zip(("rnn", "wild", "lstm", "hold", "gru"), reached, strict=True))
    numbers = {}
    for short, name in named.items():
        middle = reached[name].log().mean(0)
        numbers[f"reach_{short}"] = float(middle[20].exp())
        numbers[f"factor_{short}"] = float((middle[20] / 20).exp())
    for short, found in zip(("rnn", "lstm", "hold"), remembered.values(), strict=True):
        for length, share in zip(LENGTHS, found.mean(0).tolist(), strict=True):
            numbers[f"{short}_{length}"] = share
    return numbers


TEMPERATURES = (0.5, 1.0, 1.5)
START = "The "


def sample(model: Predictor, temperature: float, seed: int) -> str:
    """Let `model` go on after the start, in lines that fit a page."""
    drawn = torch.Generator().manual_seed(seed)
    text = START + write(model, START, 200, temperature, drawn)
    return textwrap.fill(text, 72, break_on_hyphens=False)


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    epochs: int = 6,
    characters: int = 140_000,
    out: Path | None = None,
) -> None:
    """Measure how far back networks feel and remember, and let one learn to write.

    Args:
        seed: For weights and draws; what takes several seeds takes the next ones too.
        device: Where to compute.
        epochs: Passes over the text.
        characters: How much of the manual of Python to take.
        out: Folder for figures and metrics.json; without it, only lines are printed.
    """
    text = manual()
    if not 1000 <= characters <= len(text):
        raise BadInput(f"--characters {characters}: take from 1000 to {len(text)}.")
    folder(out)
    used = devices.pick(device)
    seeds = range(seed, seed + 3)
    reached, remembered = reaches(seeds, used), memories(seeds, used)
    texts = parts(text[:characters])
    raw = parts(manual(once=False)[:characters])
    encoded = [encode(part) for part in texts]
    surprise = counted(*encoded)
    torch.manual_seed(seed)
    untaught = Predictor(layer("LSTM", len(ALPHABET), 128), 128).to(used)
    before = judge(untaught, encoded[2].to(used))
    models, histories = {}, {}
    for kind in ("RNN", "LSTM"):
        models[kind], histories[kind] = learn(kind, encoded, epochs, seed, used)
        surprise[kind] = judge(models[kind], encoded[2].to(used))
    samples = {
        f"sample_{round(10 * heat)}": sample(models["LSTM"], heat, seed)
        for heat in TEMPERATURES
    }
    numbers: dict[str, float | str] = {
        "python": platform.python_version(),
        "characters": characters,
        "seen": seen(texts[2], texts[0]),
        "seen_raw": seen(raw[2], raw[0]),
        "before": before,
        "parameters": sum(p.numel() for p in models["LSTM"].parameters()),
        "runs_counted": len(codes(encoded[0], 5).unique()),
        **{f"bits_{name.replace('-', '_')}": each for name, each in surprise.items()},
        **summary(reached, remembered),
    }
    print(REPORT.format(**numbers, **samples))
    if out is not None:
        drawings = {
            "reach": draw_reach(reached),
            "memory": draw_memory(remembered),
            "bits": draw_bits(surprise),
            "learning": draw_learning(
                histories, counted(encoded[0], encoded[1], encoded[1])
            ),
        }
        figures.save_all(drawings, out)
        record(out, seed, used, **numbers)


REPORT = """\
slope of the last state in the one 20 places before, mean of 3 draws:
  RNN {reach_rnn:.0e}, weights times 4 {reach_wild:.0f}, LSTM {reach_lstm:.0e}, \
forget bias 4 {reach_hold:.2f}
first symbol recalled after 10, 20, 40, 80 symbols, mean of 3 seeds:
  RNN                {rnn_10:4.0%} {rnn_20:4.0%} {rnn_40:4.0%} {rnn_80:4.0%}
  LSTM               {lstm_10:4.0%} {lstm_20:4.0%} {lstm_40:4.0%} {lstm_80:4.0%}
  LSTM that holds on {hold_10:4.0%} {hold_20:4.0%} {hold_40:4.0%} {hold_80:4.0%}
{characters:,} characters of the manual of Python {python}
bits for each character of the test text:
  uniform {bits_uniform:.2f}, unigram {bits_unigram:.2f}, bigram {bits_bigram:.2f}, \
trigram {bits_trigram:.2f}, five-gram {bits_five_gram:.2f}
  LSTM before learning {before:.2f}, after {bits_LSTM:.2f}; RNN {bits_RNN:.2f}
the LSTM goes on after The, at temperature 0.5:
{sample_5}
at temperature 1:
{sample_10}
at temperature 1.5:
{sample_15}"""

if __name__ == "__main__":
    run(main)
