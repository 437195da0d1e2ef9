"""The multilayer perceptron: hidden neurons find features, ten others read them.

A scan is laid out as a row of pixels. One layer turns it into what 128 hidden
neurons see, a second one turns that into a score for each digit, and the loop of
the course moves all weights until the score of the true digit is the largest.

Source: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to
document recognition", Proceedings of the IEEE 86(11), 1998.
"""

# --8<-- [start:imports]
from pathlib import Path
from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_sample_images
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy
from tqdm import tqdm

# --8<-- [end:imports]
import devices
import figures
from command import folder, record, run

# --8<-- [start:earlier]
from data import Images, Name, confusion, load, shift
from training import (
    Examples,
    History,
    Loader,
    accuracy,
    best_epoch,
    draw_history,
    fit,
    predict,
)

# --8<-- [end:earlier]


# --8<-- [start:one_hot]
def one_hot(y: Tensor, classes: int) -> Tensor:
    """Turn labels y (n,) into rows (n, classes) of zeros with a 1 at the label."""
    return torch.eye(classes, device=y.device)[y]


# --8<-- [end:one_hot]
# --8<-- [start:network]
HIDDEN = 128


def network(images: Images, hidden: int) -> nn.Sequential:
    """Make a network from images (n, channels, height, width) to (n, classes)."""
    pixels = images.train.x[0].numel()
    return nn.Sequential(
        nn.Flatten(),  # (n, pixels): each image a row
        nn.Linear(pixels, hidden),
        nn.ReLU(),
        nn.Linear(hidden, len(images.classes)),  # a logit for each class
    )


def fresh(images: Images, seed: int) -> nn.Sequential:
    """Make the network with which the run called `seed` starts."""
    torch.manual_seed(seed)
    return network(images, HIDDEN).to(images.train.x.device)


# --8<-- [end:network]
# --8<-- [start:teach]
RATE = 5e-3  # of 1e-3, 2e-3, 5e-3 and 1e-2 the most validation scans right


def teach(model: nn.Module, images: Images, seed: int, epochs: int) -> History:
    """Teach `model` in batches of 32, until 10 epochs have brought no lower loss."""
    train = Loader(images.train, batch_size=32, seed=seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    return fit(model, train, images.validation, optimiser, epochs, patience=10)


# --8<-- [end:teach]
# --8<-- [start:baselines]
def soft_neurons(images: Images) -> nn.Sequential:
    """Make one soft neuron a class, and no hidden layer."""
    pixels = images.train.x[0].numel()
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, len(images.classes)))


class Nearest(nn.Module):
    """Answer with the label of the training image that is closest; learn nothing."""

    def __init__(self, images: Images) -> None:
        super().__init__()
        self.x, self.y = images.train.x.flatten(1), images.train.y
        self.classes = len(images.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the labels one-hot (n, classes), as if they were logits."""
        closest = torch.cdist(x.flatten(1), self.x).argmin(dim=1)
        return one_hot(self.y[closest], self.classes)


# --8<-- [end:baselines]
# --8<-- [start:sure]
def sure(z: Tensor) -> Tensor:
    """Say how sure logits z (n, classes) are: the largest probability of each (n,)."""
    return z.softmax(dim=1).amax(dim=1)


class Mistake(NamedTuple):
    """A test image x (channels, height, width) that was misread."""

    x: Tensor
    label: int
    guess: int
    sure: float


def mistakes(model: nn.Module, test: Examples) -> list[Mistake]:
    """List the test images that `model` misreads."""
    z = predict(model, test.x)
    wrong = (z.argmax(dim=1) != test.y).nonzero()[:, 0].tolist()
    guess, certain = z.argmax(dim=1).tolist(), sure(z).tolist()
    return [Mistake(test.x[i], int(test.y[i]), guess[i], certain[i]) for i in wrong]


# --8<-- [end:sure]
# --8<-- [start:damages]
def damages(x: Tensor, seed: int) -> dict[str, Tensor]:
    """Return images x (n, channels, height, width), damaged in four ways."""
    drawn = torch.Generator().manual_seed(seed)
    noise = torch.randn(x.shape, generator=drawn, device="cpu").to(x.device)
    return {
        "shift_1": shift(x, right=1, down=0),
        "shift_2": shift(x, right=2, down=0),
        "noise": (x + 0.3 * noise).clamp(0, 1),
        "inverted": 1 - x,
    }


def photographs(like: Tensor) -> Tensor:
    """Cut two photographs into 80 squares, shaped as the images `like` (n, c, h, w)."""
    photos = torch.stack([torch.tensor(p) for p in load_sample_images().images]) / 255
    cut = photos.permute(0, 3, 1, 2).unfold(2, 80, 80).unfold(3, 80, 80)
    squares = cut.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)  # (80, 3, 80, 80)
    size = like.shape[2], like.shape[3]
    small = adaptive_avg_pool2d(squares, size).to(like.device)
    return small if like.shape[1] == 3 else small.mean(dim=1, keepdim=True)


# --8<-- [end:damages]
# --8<-- [start:trial]
class Trial(NamedTuple):
    """One split of the images, the network that learned from it, and its marks."""

    images: Images
    model: nn.Sequential
    history: History
    marks: dict[str, float]


def judge(models: dict[str, nn.Module], test: Examples, name: str) -> dict[str, float]:
    """Mark each model on test images, which are called `name`; and how sure one is."""
    z = {each: predict(model, test.x) for each, model in models.items()}
    marks = {f"{each}_{name}": float(accuracy(z[each], test.y)) for each in models}
    certain = sure(z["network"])
    marks[f"sure_{name}"] = float(certain.mean())
    marks[f"bold_{name}"] = float((certain > 0.9).float().mean())
    return marks


def trial(name: Name, seed: int, epochs: int, device: torch.device) -> Trial:
    """Go the whole way once: load, make, teach, judge, break."""
    images = load(name, seed).to(device)
    x, y = images.test
    model, soft = fresh(images, seed), soft_neurons(images).to(device)
    marks = {"loss_start": float(cross_entropy(predict(model, x), y))}
    history = teach(model, images, seed, epochs)
    teach(soft, images, seed, epochs)
    marks["best"] = best_epoch(history) + 1
    marks["loss"] = float(cross_entropy(predict(model, x), y))
    models = {"network": model, "soft": soft, "nearest": Nearest(images)}
    marks |= judge(models, images.test, "whole")
    for damage, spoiled in damages(x, seed).items():
        marks |= judge(models, Examples(spoiled, y), damage)
    certain = sure(predict(model, photographs(x)))
    marks |= {"sure_photo": float(certain.mean())}
    marks |= {"bold_photo": float((certain > 0.9).float().mean())}
    return Trial(images, model, history, marks)


# --8<-- [end:trial]
def grid(panels: list[tuple[Tensor, str]], rows: int, height: float) -> Figure:
    """Draw images (channels, height, width), each under its title, in rows."""
    columns = -(-len(panels) // rows)
    fig, axes = figures.panels(5.2, height, rows=rows, columns=max(1, columns))
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    for ax, (image, title) in zip(axes.flat, panels, strict=False):
        figures.squares(ax, image.mean(dim=0))
        ax.set_title(title, fontsize="small")
    return fig


def draw_five(images: Images) -> Figure:
    """Draw one image of class 5, and write its pixels beside it in sixteenths."""
    image = images.train.x[images.train.y == 5][0].mean(dim=0)
    fig, (left, right) = figures.panels(5.2, 2.7, columns=2)
    figures.squares(left, image)
    rows = (image * 16).round().int().tolist()
    cells = {(j, i): v for i, row in enumerate(rows) for j, v in enumerate(row)}
    figures.table(right, cells)
    left.set_title("as a picture")
    right.set(title="as numbers", aspect="equal", xticks=[], yticks=[])
    return fig


def draw_answer(trial: Trial, seed: int) -> Figure:
    """Draw a test image of class 5, and the answer before and after learning."""
    images, model = trial.images, trial.model
    x = images.test.x[images.test.y == 5][:1]
    new = fresh(images, seed)
    fig, (left, right) = figures.panels(5.2, 2.5, columns=2)
    figures.squares(left, x[0].mean(dim=0))
    places = torch.arange(len(images.classes))
    for name, place, net, look in (
        ("before learning", -0.2, new, {"color": figures.FAINT}),
        ("after", 0.2, model, {"color": figures.BLUE, "hatch": "//"}),
    ):
        p = predict(net, x).softmax(dim=1)[0].tolist()
        right.bar((places + place).tolist(), p, 0.4, label=name, **look)
    right.set(xticks=places.tolist(), ylim=(0, 1.3), title="probability by digit")
    right.legend(loc="upper left", ncols=2, fontsize="small", columnspacing=0.8)
    return fig


def draw_confusion(trials: list[Trial]) -> Figure:
    """Count test images of all trials by label and guess; leave zeros out."""
    classes = trials[0].images.classes
    counts = torch.zeros(len(classes), len(classes), dtype=torch.long)
    for each in trials:
        guess = predict(each.model, each.images.test.x).argmax(dim=1)
        counts += confusion(each.images.test.y, guess, len(classes)).cpu()
    rows = counts.tolist()
    cells = {(j, i): v for i, row in enumerate(rows) for j, v in enumerate(row) if v}
    fig, ax = figures.panels(5.2, 3.9)
    figures.table(ax, cells | {(i, i): row[i] for i, row in enumerate(rows)})
    ax.set(xlabel="guess", ylabel="label", aspect="equal")
    ax.set_xticks(range(len(classes)), classes)
    ax.set_yticks(range(len(classes)), classes)
    return fig


def draw_mistakes(trials: list[Trial]) -> Figure:
    """Draw the six mistakes of all trials of which the network was surest."""
    found = [m for each in trials for m in mistakes(each.model, each.images.test)]
    classes = trials[0].images.classes
    worst = sorted(found, key=lambda mistake: -mistake.sure)[:6]
    panels = [
        (m.x, f"{classes[m.guess]}: {m.sure:.0%}\n(is {classes[m.label]})")
        for m in worst
    ]
    return grid(panels, rows=2, height=4.2)


# --8<-- [start:loudest]
def loudest(model: nn.Sequential) -> Tensor:
    """Find the hidden neuron that speaks loudest for each class: (classes,)."""
    seen, _, said, _ = model.parameters()  # (hidden, pixels), ..., (classes, hidden)
    return (said * seen.norm(dim=1)).argmax(dim=1)


# --8<-- [end:loudest]
def draw_neurons(trial: Trial, seed: int) -> Figure:
    """Draw two hidden neurons: their weights, and what learning added to them."""
    images, names = trial.images, trial.images.classes
    shape = images.train.x.shape[1:]
    now = next(trial.model.parameters()).detach()  # (hidden, pixels)
    added = now - next(fresh(images, seed).parameters()).detach()
    chosen = loudest(trial.model).tolist()[:2]
    learned = [(now[i].reshape(shape), f"for {names[k]}") for k, i in enumerate(chosen)]
    change = [(added[i].reshape(shape), "added by learning") for i in chosen]
    panels = [panel for pair in zip(learned, change, strict=True) for panel in pair]
    return grid(panels, rows=1, height=1.8)


def draw_broken(trial: Trial, seed: int) -> Figure:
    """Draw a 5 in each state, and a photograph, with what is said of each."""
    x, classes = trial.images.test.x, trial.images.classes
    states = {"whole": x} | damages(x, seed) | {"photo": photographs(x)}
    y = trial.images.test.y
    right = (predict(trial.model, x).argmax(dim=1) == y) & (y == 5)
    first = int(right.int().argmax())
    panels = []
    for name, images in states.items():
        chosen = images if name == "photo" else images[first : first + 1]
        z = predict(trial.model, chosen)
        surest = int(sure(z).argmax())
        guess = classes[int(z[surest].argmax())]
        title = f"{TITLES[name]}\n{guess}: {float(sure(z)[surest]):.0%}"
        panels.append((chosen[surest], title))
    return grid(panels, rows=2, height=4.2)


TITLES = {
    "whole": "as scanned",
    "shift_1": "1 to the right",
    "shift_2": "2 to the right",
    "noise": "noise",
    "inverted": "inverted",
    "photo": "a photograph",
}


def summary(trials: list[Trial]) -> dict[str, float]:
    """Boil the trials down to the mean of every mark, and what they have in common."""
    images, model = trials[0].images, trials[0].model
    numbers = {
        name: sum(each.marks[name] for each in trials) / len(trials)
        for name in trials[0].marks
    }
    each_network = [each.marks["network_whole"] for each in trials]
    found = [m for each in trials for m in mistakes(each.model, each.images.test)]
    return numbers | {
        "train": len(images.train.y),
        "validation": len(images.validation.y),
        "test": len(images.test.y),
        "pixels": images.train.x[0].numel(),
        "classes": len(images.classes),
        "hidden": HIDDEN,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "soft_parameters": (images.train.x[0].numel() + 1) * len(images.classes),
        "nearest_numbers": images.train.x.numel(),
        "blank": int((images.train.x == 0).all(dim=0).sum()),
        "ink_low": float(images.train.x.min()),
        "ink_high": float(images.train.x.max()),
        "network_low": min(each_network),
        "network_high": max(each_network),
        "mistakes": len(found),
        "judged": sum(len(each.images.test.y) for each in trials),
        "sure_mistakes": sum(m.sure for m in found) / max(1, len(found)),
        "sure_worst": max((m.sure for m in found), default=0.0),
    }


def draw(trials: list[Trial], seed: int) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name."""
    first = trials[0]
    x, y = first.images.train
    one_each = [(x[y == i][0], name) for i, name in enumerate(first.images.classes)]
    return {
        "scans": grid(one_each, rows=2, height=2.8),
        "five": draw_five(first.images),
        "answer": draw_answer(first, seed),
        "curves": draw_history(first.history),
        "confusion": draw_confusion(trials),
        "mistakes": draw_mistakes(trials),
        "neurons": draw_neurons(first, seed),
        "broken": draw_broken(first, seed),
    }


def main(
    data: Name = "digits",
    seed: int = 0,
    epochs: int = 60,
    device: devices.Device = "auto",
    out: Path | None = None,
) -> None:
    """Teach a network to read digits, five times; then see what it gets wrong, and why.

    Args:
        data: The images to learn from; all but the digits are downloaded once.
        seed: How the images are parted, and where learning starts; and the next four.
        epochs: Passes over the images at most; learning stops early.
        device: Where to compute.
        out: Folder for figures and metrics.json; without it, only lines are printed.
    """
    folder(out)
    used = devices.pick(device)
    seeds = tqdm(range(seed, seed + 5), desc="seeds", disable=None)
    trials = [trial(data, each, epochs, used) for each in seeds]
    numbers = summary(trials)
    shape = tuple(trials[0].images.train.x.shape)
    print(REPORT.format(data=data, shape=shape, **numbers))
    if out is not None:
        figures.save_all(draw(trials, seed), out)
        record(out, seed, used, **numbers)


REPORT = """\
{data}: images {shape} to learn from, from {ink_low:.0f} to {ink_high:.0f}
  {classes} classes; {validation} images to stop by, {test} to judge by
a network of {hidden} hidden neurons, {parameters:,} parameters; means of 5 seeds:
  loss on test images {loss_start:.2f} before learning, {loss:.2f} after \
{best:.0f} epochs
  right on test images {network_whole:.1%} (from {network_low:.1%} to \
{network_high:.1%})
  a soft neuron for each class {soft_whole:.1%}, the nearest neighbour \
{nearest_whole:.1%}
  {mistakes} mistakes in {judged}; how sure of these: {sure_mistakes:.0%}, \
of all: {sure_whole:.0%}
right when damaged, and how sure:
  1 pixel to the right {network_shift_1:.0%}, {sure_shift_1:.0%}; \
2 pixels {network_shift_2:.0%}, {sure_shift_2:.0%}
  noise {network_noise:.0%}, {sure_noise:.0%}; \
inverted {network_inverted:.0%}, {sure_inverted:.0%}
  squares of photographs, all wrong: sure {sure_photo:.0%}"""

if __name__ == "__main__":
    run(main)
