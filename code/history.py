"""Rules written by hand, or examples: two ways to make a machine read digits.

An expert system keeps what a person knows as if-then rules over named facts, and each
rule must agree with all the others. A learner keeps examples, and needs no rule at all.
On images of digits a few dozen examples are worth more than all of our rules.

Source: Buchanan and Shortliffe, "Rule-based expert systems: the MYCIN experiments of
the Stanford Heuristic Programming Project", Addison-Wesley, 1984.
"""

from collections.abc import Callable
from math import log2
from pathlib import Path
from typing import NamedTuple

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn.functional import pad

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.command import folder, keep, record, run


# --8<-- [start:foreground]
def bright(rows: slice, columns: slice, least: float) -> Callable[[Tensor], Tensor]:
    """Make the fact that a patch of images x (n, 8, 8) averages `least` or more."""
    return lambda x: x[:, rows, columns].mean(dim=(1, 2)) >= least


def holes(x: Tensor) -> Tensor:
    """Mark the background of images x (n, 8, 8) that is cut off from the edge."""
    background = pad(x < 0.5, (1, 1, 1, 1), value=True)  # (n, 10, 10)
    outside, before = torch.zeros_like(background), background
    outside[:, 0, 0] = True
    while not torch.equal(outside, before):  # as water that seeps from the corner
        before = outside
        for axis, step in ((1, 1), (1, -1), (2, 1), (2, -1)):
            outside = outside | before.roll(step, axis)
        outside = outside & background
    return (background & ~outside)[:, 1:-1, 1:-1]


# --8<-- [end:foreground]
# --8<-- [start:facts]
FACTS: dict[str, Callable[[Tensor], Tensor]] = {
    "hole above": lambda x: holes(x)[:, :4].flatten(1).any(dim=1),
    "hole below": lambda x: holes(x)[:, 4:].flatten(1).any(dim=1),
    "full top": bright(slice(0, 1), slice(2, 6), 0.5),
    "full bottom": bright(slice(7, 8), slice(2, 6), 0.5),
    "foot": bright(slice(7, 8), slice(5, 8), 0.1),
    "stroke above the middle": bright(slice(2, 3), slice(3, 5), 0.45),
    "stroke in the middle": bright(slice(3, 5), slice(3, 5), 0.25),
    "stroke below the middle": bright(slice(5, 6), slice(3, 5), 0.3),
    "stroke upper left": bright(slice(2, 4), slice(1, 3), 0.3),
    "stroke left": bright(slice(4, 6), slice(1, 3), 0.3),
    "stroke lower left": bright(slice(6, 7), slice(1, 3), 0.3),
    "stroke upper right": bright(slice(2, 3), slice(5, 7), 0.2),
    "stroke right": bright(slice(3, 5), slice(5, 7), 0.3),
    "stroke lower right": bright(slice(5, 7), slice(5, 7), 0.3),
}


def observe(x: Tensor) -> dict[str, Tensor]:
    """Say of images x (n, 8, 8) which facts, and which opposites, hold: each (n,)."""
    true = {name: fact(x) for name, fact in FACTS.items()}
    return true | {f"no {name}": ~found for name, found in true.items()}


# --8<-- [end:facts]
# --8<-- [start:first]
FIRST = """
0 if no stroke in the middle
1 if stroke above the middle, stroke in the middle, stroke below the middle, \
no stroke upper left, no foot
2 if foot, full bottom, no stroke left, no stroke right
3 if full top, full bottom, stroke lower right, no stroke upper left
4 if stroke left, stroke right, no full top, no full bottom
5 if stroke upper left, full top, no stroke upper right
6 if hole below, no stroke upper right
7 if full top, stroke right, no foot, no full bottom
8 if hole above, hole below, stroke in the middle
9 if hole above, no hole below, stroke lower right
"""

# --8<-- [end:first]
# --8<-- [start:later]
LATER = """
3 if full top, full bottom, stroke lower right, no stroke upper left, \
no stroke below the middle
8 if hole above, hole below, stroke in the middle, stroke upper right, full bottom
1 if stroke above the middle, stroke in the middle, stroke below the middle, foot, \
no full top
9 if stroke upper left, stroke upper right, stroke right, stroke lower right, \
no stroke left
0 if no stroke in the middle, stroke upper right, stroke left, stroke right, \
stroke lower right
7 if full top, stroke upper right, stroke right, no foot, no full bottom, \
no stroke lower right
5 if stroke upper left, full top, no stroke upper right, no stroke left, \
no stroke below the middle
6 if stroke left, stroke below the middle, stroke lower right, foot, full bottom, \
no stroke upper right
2 if full bottom, foot, stroke below the middle, stroke lower left, no stroke right, \
no stroke upper left
8 if stroke in the middle, stroke upper right, stroke below the middle, \
stroke lower left, full bottom, no stroke right
1 if stroke above the middle, stroke in the middle, stroke below the middle, \
stroke upper left, no full top, no stroke lower left
4 if stroke left, stroke right, stroke below the middle, no full top, no full bottom, \
no foot, no stroke lower left
9 if stroke above the middle, stroke upper right, stroke right, stroke lower right, \
full bottom, no stroke left, no stroke below the middle
8 if hole above, hole below, stroke in the middle, stroke left, stroke lower left
"""
RULES = FIRST + LATER


# --8<-- [end:later]
# --8<-- [start:rule]
class Rule(NamedTuple):
    """A digit, and the conditions under which an image shows it."""

    digit: int
    conditions: list[str]

    def fires(self, facts: dict[str, Tensor]) -> Tensor:
        """Say for which images (n,) all conditions hold."""
        return torch.stack([facts[name] for name in self.conditions]).all(dim=0)


def parse(text: str) -> list[Rule]:
    """Read rules, one a line."""
    lines = [line.split(" if ") for line in text.splitlines() if line]
    return [Rule(int(digit), conditions.split(", ")) for digit, conditions in lines]


# --8<-- [end:rule]
# --8<-- [start:engine]
SILENT = -1


def infer(rules: list[Rule], facts: dict[str, Tensor]) -> Tensor:
    """Let the most specific of the rules that fire name the digit (n,).

    Of two with as many conditions the older one wins; where no rule fires: SILENT.
    """
    specific = torch.zeros_like(facts["foot"], dtype=torch.int64)
    digit = torch.full_like(specific, SILENT)
    for rule in rules:
        wins = rule.fires(facts) & (len(rule.conditions) > specific)
        digit[wins], specific[wins] = rule.digit, len(rule.conditions)
    return digit


# --8<-- [end:engine]
# --8<-- [start:nearest_neighbour]
def nearest_neighbour(x: Tensor, digit: Tensor, x_new: Tensor) -> Tensor:
    """Predict the digits of x_new (m, 8, 8): those of the nearest x (n, 8, 8)."""
    distance = torch.cdist(x_new.flatten(1), x.flatten(1))  # (m, n)
    return digit[distance.argmin(dim=1)]


# --8<-- [end:nearest_neighbour]
# --8<-- [start:data]
def fixed_split() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Load images (n, 8, 8), from 0 (background) to 1, and their digits (n,), twice.

    First 70 % of each digit, on which the rules were written; then those held out. The
    split never changes: whoever wrote the rules has seen the first, and only the first.
    """
    data = load_digits()
    x = torch.tensor(data.images / 16, dtype=torch.float32)
    digit = torch.tensor(data.target)
    fixed = torch.Generator().manual_seed(0)
    seen, held_out = [], []
    for number in range(10):
        these = (digit == number).nonzero().squeeze(1)
        order = torch.randperm(len(these), generator=fixed, device="cpu")
        first, second = these[order].tensor_split([round(len(these) * 0.7)])
        seen.append(first)
        held_out.append(second)
    a, b = torch.cat(seen), torch.cat(held_out)
    return x[a], digit[a], x[b], digit[b]


# --8<-- [end:data]
def share_correct(prediction: Tensor, digit: Tensor) -> float:
    """Share of the digits (n,) that are as predicted (n,)."""
    return float((prediction == digit).float().mean())


def growth(rules: list[Rule], x: Tensor, digit: Tensor) -> list[dict[str, float]]:
    """Add one rule after another: what each wins and loses of images x (n, 8, 8)."""
    facts, steps = observe(x), []
    before = infer([], facts)
    named = torch.zeros(len(x), 10, dtype=torch.bool, device=x.device)
    for count, rule in enumerate(rules, 1):
        after = infer(rules[:count], facts)
        named[rule.fires(facts), rule.digit] = True
        steps.append(
            {
                "accuracy": share_correct(after, digit),
                "won": int(((after == digit) & (before != digit)).sum()),
                "lost": int(((after != digit) & (before == digit)).sum()),
                "silent": share_correct(after, torch.full_like(digit, SILENT)),
                "conflict": float((named.sum(dim=1) > 1).float().mean()),
            }
        )
        before = after
    return steps


TRAINING_SIZES = [10, 20, 40, 80, 160, 320, 640, 1258]


def learning_curves(seed: int, device: torch.device) -> Tensor:
    """Held-out accuracy (5, sizes) with more and more examples, drawn by five seeds."""
    x, digit, x_test, digit_test = (part.to(device) for part in fixed_split())
    rows = []
    for each in range(seed, seed + 5):
        drawn = torch.Generator().manual_seed(each)
        order = torch.randperm(len(x), generator=drawn, device="cpu")
        subsets = [order[:size] for size in TRAINING_SIZES]
        predictions = [nearest_neighbour(x[s], digit[s], x_test) for s in subsets]
        rows.append([share_correct(each, digit_test) for each in predictions])
    return torch.tensor(rows)


# --8<-- [start:shift]
def shift(x: Tensor) -> Tensor:
    """Move images x (n, 8, 8) one pixel to the right; background comes in."""
    return pad(x, (1, 0))[:, :, :-1]


# --8<-- [end:shift]
class Event(NamedTuple):
    """Something that happened, and the page's footnotes that say so."""

    year: int
    kind: str  # of EVENT_KINDS
    what: str
    sources: str


EVENT_KINDS = ("networks", "rules", "data, compute, tools")
NETWORKS, SYMBOLIC, MEANS = EVENT_KINDS
EVENTS = [
    Event(1943, NETWORKS, "McCulloch and Pitts: a neuron as logic", "mcculloch aima"),
    Event(1949, NETWORKS, "Hebb: connections grow with use", "hebb aima"),
    Event(1950, SYMBOLIC, "Turing: can machines think?", "turing scaruffi"),
    Event(1956, SYMBOLIC, "Dartmouth: artificial intelligence", "dartmouth aima"),
    Event(1958, NETWORKS, "Rosenblatt: the perceptron", "rosenblatt flagship"),
    Event(1960, NETWORKS, "Widrow and Hoff: ADALINE", "widrow bishop"),
    Event(1965, SYMBOLIC, "DENDRAL begun", "nrc aima"),
    Event(1965, NETWORKS, "Ivakhnenko, Lapa: many layers", "ivakhnenko feedforward"),
    Event(1967, NETWORKS, "Amari: two layers trained", "amari feedforward"),
    Event(1969, NETWORKS, "Minsky and Papert: what one layer lacks", "minsky flagship"),
    Event(1970, NETWORKS, "Linnainmaa: backpropagation", "linnainmaa schmidhuber"),
    Event(1973, SYMBOLIC, "Lighthill's report", "lighthill winter"),
    Event(1974, NETWORKS, "Werbos: for networks", "werbos bishop"),
    Event(1976, SYMBOLIC, "MYCIN", "mycin aima"),
    Event(1980, SYMBOLIC, "XCON at work", "xcon soloway"),
    Event(1980, NETWORKS, "Fukushima: neocognitron", "fukushima neocognitron"),
    Event(1986, NETWORKS, "Rumelhart, Hinton, Williams", "rumelhart flagship"),
    Event(1987, SYMBOLIC, "Lisp machines no longer sell", "winter delmonte"),
    Event(1989, NETWORKS, "LeCun: postcodes read", "lecun owid"),
    Event(1997, NETWORKS, "LSTM", "lstm owid"),
    Event(1998, NETWORKS, "LeNet-5", "lenet owid"),
    Event(2006, NETWORKS, "deep belief nets", "dbn flagship"),
    Event(2007, MEANS, "CUDA: programs for GPUs", "cuda raina"),
    Event(2009, MEANS, "ImageNet", "imagenet aitimeline"),
    Event(2012, NETWORKS, "AlexNet", "alexnet owid"),
    Event(2013, NETWORKS, "VAE", "vae tenyears"),
    Event(2014, NETWORKS, "GAN", "gan owid"),
    Event(2015, NETWORKS, "ResNet", "resnet owid"),
    Event(2015, MEANS, "TensorFlow", "tensorflow frameworks"),
    Event(2016, NETWORKS, "AlphaGo beats Lee Sedol", "alphago aipod"),
    Event(2017, MEANS, "PyTorch", "pytorch frameworks"),
    Event(2017, NETWORKS, "Transformer", "transformer owid"),
    Event(2018, NETWORKS, "AlphaFold leads CASP13", "alphafold owid"),
    Event(2020, NETWORKS, "diffusion models", "ddpm milestones"),
    Event(2020, NETWORKS, "GPT-3", "gpt3 owid"),
    Event(2020, NETWORKS, "AlphaFold 2", "alphafold2 nobel"),
    Event(2021, NETWORKS, "DALL·E", "dalle owid"),
    Event(2022, NETWORKS, "ChatGPT", "chatgpt milestones"),
    Event(2023, NETWORKS, "GPT-4", "gpt4 owid"),
    Event(2024, NETWORKS, "two Nobel prizes", "nobel cambridge"),
    Event(2025, NETWORKS, "DeepSeek-R1, open weights", "r1 owid"),
]


class Model(NamedTuple):
    """A trained model: how large, how much work, and the footnotes that say so."""

    name: str
    year: float
    parameters: float | None  # None where they were never published
    exaflop: float  # 10^18 additions and multiplications, all of training
    others: list[float]  # what other sources say of the same run
    sources: str


MODELS = [
    Model("AlexNet", 2012.7, 60e6, 0.47, [0.46], "alexnet owid gholami"),
    Model("ResNet-152", 2015.9, 60e6, 10.4, [11, 12.1], "epoch owid gholami"),
    Model("Deep Speech 2", 2015.9, 100e6, 26, [20], "deepspeech epoch chart"),
    Model("GNMT", 2016.7, 278e6, 6620, [6900], "epoch owid gnmt openai"),
    Model("MoE-Multi", 2017.1, 8.7e9, 94, [100], "epoch moe chart"),
    Model("Transformer", 2017.4, 213e6, 23, [7.4], "transformer owid gholami catalog"),
    Model("BERT", 2018.8, 340e6, 285, [250], "owid gholami catalog"),
    Model("GPT-2", 2019.1, 1.5e9, 1920, [1490], "owid gholami"),
    Model("GPT-3", 2020.4, 175e9, 3.14e5, [3.1e5], "gpt3 owid gholami"),
    Model("PaLM", 2022.3, 540e9, 2.53e6, [2.5e6], "owid emergent"),
    Model("GPT-4", 2023.2, None, 2.1e7, [], "owid ranking"),
    Model("Llama 3.1", 2024.6, 405e9, 3.8e7, [], "llama owid"),
    Model("DeepSeek-V3", 2024.98, 671e9, 3.3e6, [], "owid large"),
    Model("Grok 4", 2025.5, None, 5e8, [], "owid ledger"),
]


SPARSE = {  # parameters of mixtures of experts, each of which a token uses few of
    "Switch": (2021.0, 1.571e12, "switch metatext"),
    "PanGu-Σ": (2023.2, 1.085e12, "pangu paperium"),
    "Kimi K2": (2025.5, 1.04e12, "kimi thaki"),
}


def doubling(models: list[Model]) -> float:
    """Months in which compute doubles, by the straight line through its logarithm."""
    year = torch.tensor([model.year for model in models], dtype=torch.float64)
    work = torch.tensor([log2(model.exaflop) for model in models], dtype=torch.float64)
    off = year - year.mean()
    return float(12 * (off**2).sum() / (off * work).sum())


def cite(sources: str) -> str:
    """Write the footnotes of a row."""
    return " ".join(f"[^{name}]" for name in sources.split())


def short(number: float | None) -> str:
    """Write a number as a person would: 60 million, 0.47, unpublished."""
    if number is None:
        return "unpublished"
    for size, word in ((1e9, " billion"), (1e6, " million")):
        if number >= size:
            return f"{number / size:.3g}{word}"
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def tables() -> dict[str, str]:
    """Write the timeline and the models as tables for the page."""
    events = [f"| {e.year} | {e.what} {cite(e.sources)} | {e.kind} |" for e in EVENTS]
    models = [
        f"| {m.name} {cite(m.sources)} | {int(m.year)} | {short(m.parameters)} "
        f"| {short(m.exaflop)} | {', '.join(map(short, m.others)) or 'none'} |"
        for m in MODELS
    ]
    head = "| model | year | parameters | exaFLOP | other counts |\n"
    return {
        "timeline": "\n".join(["| year | what | branch |\n|---|---|---|", *events]),
        "compute": "\n".join([head + "|---|---|---|---|---|", *models]),
    }


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    out: Path | None = None,
) -> None:
    """Classify the same held-out digits by hand-written rules and by examples.

    Args:
        seed: Which examples the learner is given first; the next four seeds too.
        device: Where to compute.
        out: Folder for metrics.json, tables, and the results that drawings.py draws;
            without it, only lines are printed.
    """
    folder(out)
    used = devices.pick(device)
    x, digit, x_test, digit_test = (part.to(used) for part in fixed_split())
    rules = parse(RULES)
    seen, held_out = growth(rules, x, digit), growth(rules, x_test, digit_test)
    inferred = infer(rules, observe(x_test))
    learned = nearest_neighbour(x, digit, x_test)
    curves, shifted = learning_curves(seed, used), shift(x_test)
    forward, backward = (infer(each, observe(x)) for each in (rules, rules[::-1]))
    both, twice = torch.cat([x, shift(x)]), torch.cat([digit, digit])
    mean = curves.mean(0).tolist()
    nets = [step["won"] - step["lost"] for step in seen]
    beaten = [each > held_out[-1]["accuracy"] for each in mean]
    numbers = {
        "training_images": len(x),
        "held_out": len(x_test),
        "facts": len(FACTS),
        "rules": len(rules),
        "conditions": sum(len(rule.conditions) for rule in rules),
        "seen": seen[-1]["accuracy"],
        "accuracy": held_out[-1]["accuracy"],
        "silent": held_out[-1]["silent"],
        "conflict": held_out[-1]["conflict"],
        "conflict_ten": held_out[9]["conflict"],
        "gain_first": sum(nets[:10]) / 10,
        "gain_later": sum(nets[10:]) / len(nets[10:]),
        "harmful": sum(net < 0 for net in nets),
        "worst": nets.index(min(nets)) + 1,
        "worst_won": seen[nets.index(min(nets))]["won"],
        "worst_lost": seen[nets.index(min(nets))]["lost"],
        "learned": share_correct(learned, digit_test),
        "enough": TRAINING_SIZES[beaten.index(True)],
        "enough_accuracy": mean[beaten.index(True)],
        "shifted": share_correct(infer(rules, observe(shifted)), digit_test),
        "shifted_learned": share_correct(
            nearest_neighbour(x, digit, shifted), digit_test
        ),
        "shifted_taught": share_correct(
            nearest_neighbour(both, twice, shifted), digit_test
        ),
        "reordered": int((forward != backward).sum()),
        "doubling": doubling(MODELS),
        "models": len(MODELS),
        "billions": MODELS[-1].exaflop / MODELS[0].exaflop / 1e9,
    }
    print(REPORT.format(**numbers))
    if out is not None:
        for name, table in tables().items():
            (out / f"{name}.txt").write_text(table + "\n", encoding="utf-8")
        keep(
            out,
            seen=seen,
            held_out=held_out,
            curves=curves,
            inferred=inferred.cpu(),
            learned=learned.cpu(),
        )
        record(out, seed, used, **numbers)


REPORT = """\
{rules} rules with {conditions} conditions over {facts} facts
  accuracy {seen:.1%} on the {training_images} images they were written on
  accuracy {accuracy:.1%} on {held_out} held-out images; no rule fires on {silent:.1%}
  rules for different digits fire on {conflict:.1%} (after ten rules {conflict_ten:.1%})
on average the first ten rules gain {gain_first:.0f} images each, later {gain_later:.0f}
  {harmful} lose more than they win; rule {worst}: {worst_won} won, {worst_lost} lost
nearest neighbour, {training_images} examples: accuracy {learned:.1%} on held-out images
  {enough} examples are enough to beat the rules: {enough_accuracy:.1%}, mean of 5 draws
held-out images moved by one pixel: rules {shifted:.1%}, nearest neighbour \
{shifted_learned:.1%}
  nearest neighbour with moved examples too: {shifted_taught:.1%}
compute of {models} well-known models doubled every {doubling:.0f} months"""

if __name__ == "__main__":
    run(main)
