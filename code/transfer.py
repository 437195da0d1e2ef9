"""Transfer: start from what a network has learned elsewhere, not from random weights.

Pre-train a network where labelled images are many. Then replace its last layer, and
train that alone (a linear probe), or all weights further (fine-tuning), where they are
few. It helps where the features suit both, where labels or steps are few; else not.

Source: Yosinski, Clune, Bengio and Lipson, "How transferable are features in deep
neural networks?", NeurIPS 2014.
"""

import copy
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad
from tqdm import tqdm

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.accuracy import accuracy
from neuronup.command import folder, keep, record, run
from neuronup.costs import count_parameters, seconds
from neuronup.images import Name, all_digits, cache, load, stratified_split
from neuronup.loaders import Examples, Loader
from neuronup.loop import predict
from neuronup.pretrained import Frozen, pretrained_resnet18, renew_statistics
from neuronup.seeds import mean
from neuronup.steps import take_steps
from neuronup.weights import save_weights


# --8<-- [start:stage]
def stage(channels: int, filters: int) -> list[nn.Module]:
    """Make a convolution that keeps the size, with all that goes with it."""
    convolution = nn.Conv2d(channels, filters, 3, padding=1)
    norm = nn.BatchNorm2d(filters, momentum=0.3)  # few steps: its means must follow
    return [convolution, norm, nn.ReLU()]


# --8<-- [end:stage]
# --8<-- [start:classifier]
class ImageClassifier(nn.Module):
    """A backbone turns an image into features; a linear head classifies these."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.backbone: nn.Module = nn.Sequential(  # shapes for an image of (1, 12, 12)
            *(*stage(1, 8), nn.MaxPool2d(2)),  # (n, 8, 6, 6)
            *(*stage(8, 16), nn.MaxPool2d(2)),  # (n, 16, 3, 3)
            *(*stage(16, 32), nn.AdaptiveAvgPool2d(1), nn.Flatten()),  # (n, 32)
        )
        self.head = nn.Linear(32, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (n, classes) of images x (n, 1, 12, 12)."""
        z: Tensor = self.head(self.backbone(x))
        return z


# --8<-- [end:classifier]
# --8<-- [start:replace]
def replace_head(pretrained: ImageClassifier, classes: int) -> ImageClassifier:
    """Copy a pre-trained model, with a new random head for other classes."""
    model = copy.deepcopy(pretrained)
    old = model.head
    model.head = nn.Linear(old.in_features, classes).to(old.weight.device)
    return model


# --8<-- [end:replace]
# --8<-- [start:groups]
def parameter_groups(
    model: ImageClassifier, rate: float, ratio: float
) -> list[dict[str, Any]]:
    """Give the head the learning rate `rate`, and the backbone `ratio` times that."""
    return [
        {"params": list(model.backbone.parameters()), "lr": ratio * rate},
        {"params": list(model.head.parameters()), "lr": rate},
    ]


# --8<-- [end:groups]
# --8<-- [start:optimise]
def optimise(
    model: nn.Module,
    examples: Examples,
    groups: list[dict[str, Any]],
    steps: int,
    seed: int,
    batch_size: int = 32,
) -> None:
    """Train `model` for so many steps, with AdamW on groups of parameters."""
    batches = Loader(examples, batch_size, seed)
    take_steps(model, batches, torch.optim.AdamW(groups), steps)


# --8<-- [end:optimise]
# --8<-- [start:methods]
Method = Literal["scratch", "linear probe", "fine-tuned", "discriminative"]
RATIO = 0.1  # of the backbone's learning rate to the head's, when they differ


# --8<-- [end:methods]
# --8<-- [start:adapt]
def adapt(
    method: Method,
    pretrained: ImageClassifier,
    few: Examples,
    steps: int,
    rate: float,
    seed: int,
) -> ImageClassifier:
    """Train a model for the classes of a few examples, in one of four ways."""
    torch.manual_seed(seed)
    classes = int(few.y.max()) + 1
    model = replace_head(pretrained, classes)
    if method == "scratch":
        model = ImageClassifier(classes).to(few.x.device)
    if method == "linear probe":
        features = Examples(predict(model.backbone, few.x), few.y)  # computed once
        groups = [{"params": model.head.parameters(), "lr": rate}]
        optimise(model.head, features, groups, steps, seed)
    else:
        ratio = RATIO if method == "discriminative" else 1.0
        optimise(model, few, parameter_groups(model, rate, ratio), steps, seed)
    return model.eval()


# --8<-- [end:adapt]
# --8<-- [start:sizes]
COMMON_SIDE = 12  # pixels: both kinds of image are brought to 12 by 12


def shrink(x: Tensor) -> Tensor:
    """Bring larger images x (n, c, h, w) to (n, 1, 12, 12): grey, without a border."""
    inner = x.mean(dim=1, keepdim=True)[..., 2:-2, 2:-2]  # of MNIST, 24 by 24
    return interpolate(
        inner, size=(COMMON_SIDE, COMMON_SIDE), mode="area"
    )  # means of 2 by 2


def enlarge(x: Tensor) -> Tensor:
    """Bring images x (n, 1, 8, 8) to (n, 1, 12, 12): 10 by 10, and a border of 1."""
    size = COMMON_SIDE - 2, COMMON_SIDE - 2
    return pad(interpolate(x, size=size, mode="bilinear"), (1, 1, 1, 1))


# --8<-- [end:sizes]
# --8<-- [start:few]
def draw_few(examples: Examples, each: int, seed: int) -> Examples:
    """Draw `each` examples of every class."""
    drawn = torch.Generator().manual_seed(seed)
    chosen = []
    for label in examples.y.unique():
        indices = (examples.y == label).nonzero()[:, 0]
        order = torch.randperm(len(indices), generator=drawn, device="cpu")
        chosen.append(indices[order[:each].to(indices.device)])
    few = torch.cat(chosen)
    return Examples(examples.x[few], examples.y[few])


# --8<-- [end:few]
# --8<-- [start:tasks]
class Task(NamedTuple):
    """A source to pre-train on, and a target to draw few examples of; both held out."""

    source: Examples
    held_out: Examples  # of the source
    target: Examples
    validation: Examples
    test: Examples


def select(examples: Examples, first: int, last: int) -> Examples:
    """Keep the classes from `first` to `last`, numbered from 0."""
    kept = (examples.y >= first) & (examples.y <= last)
    return Examples(examples.x[kept], examples.y[kept] - first)


def by_intensity(examples: Examples, classes: int = 10) -> Examples:
    """Label images by another question: in which tenth is their mean intensity?"""
    order = examples.x.mean(dim=(1, 2, 3)).argsort(stable=True).argsort()  # ranks
    return Examples(examples.x, order * classes // len(order))


Splits = tuple[Examples, Examples, Examples]  # training, validation, test
Pair = Literal["mnist_digits", "digits_mnist", "mnist_halves", "digits_halves", "harm"]


def make_task(pair: Pair, mnist: Splits, digits: Splits) -> Task:
    """Say what is pre-trained on and what for; `halves` are the classes 0-4 and 5-9."""
    if pair == "mnist_digits":
        return Task(*mnist[:2], *digits)
    if pair == "digits_mnist":
        return Task(*digits[:2], *mnist)
    if pair == "harm":
        return Task(by_intensity(mnist[0]), by_intensity(mnist[1]), *digits)
    train, validation, test = mnist if pair == "mnist_halves" else digits
    low = (select(part, 0, 4) for part in (train, validation))
    high = (select(part, 5, 9) for part in (train, validation, test))
    return Task(*low, *high)


# --8<-- [end:tasks]
def load_mnist(data: Name, seed: int, device: torch.device) -> Splits:
    """Load the larger images, brought to 12 by 12 pixels; few to evaluate on."""
    _, *parts = load(data, seed)
    bring = enlarge if data == "digits" else shrink
    train, validation, test = (
        Examples(bring(x[:limit]), y[:limit]).to(device)
        for (x, y), limit in zip(parts, (None, 1000, 2000), strict=True)
    )
    return train, validation, test


def load_digits(seed: int, device: torch.device) -> Splits:
    """Load the images of 8 by 8 pixels, brought to 12 by 12, split 40 / 20 / 40."""
    x, y = all_digits()
    split = stratified_split(y, seed, (0.4, 0.2, 0.4))
    train, validation, test = (
        Examples(enlarge(x[at]), y[at]).to(device) for at in split
    )
    return train, validation, test


def evaluate(model: nn.Module, examples: Examples) -> float:
    """Measure the accuracy."""
    return float(accuracy(predict(model, examples.x), examples.y))


# --8<-- [start:pretrain]
def pretrain(task: Task, steps: int, seed: int) -> ImageClassifier:
    """Train a model on the source of a task, in batches of 64."""
    torch.manual_seed(seed)
    source = task.source
    model = ImageClassifier(int(source.y.max()) + 1).to(source.x.device)
    optimise(model, source, parameter_groups(model, 0.01, 1.0), steps, seed, 64)
    return model.eval()


# --8<-- [end:pretrain]
# --8<-- [start:trap]
def freeze_by_half(
    pretrained: ImageClassifier, few: Examples, steps: int, rate: float, seed: int
) -> ImageClassifier:
    """Train a new head, and forget that batch normalisation has statistics."""
    torch.manual_seed(seed)
    model = replace_head(pretrained, int(few.y.max()) + 1)
    model.backbone.requires_grad_(False)  # the weights stay: but that is not all
    groups = [{"params": model.head.parameters(), "lr": rate}]
    optimise(model, few, groups, steps, seed)  # model.train() is called in there
    return model.eval()


def source_accuracy(
    model: ImageClassifier, pretrained: ImageClassifier, task: Task
) -> float:
    """Evaluate the backbone of `model` on the source again, under its first head."""
    return evaluate(nn.Sequential(model.backbone, pretrained.head), task.held_out)


# --8<-- [end:trap]
# --8<-- [start:compare]
SHOTS = (1, 2, 5, 10, 20, 50)  # examples of each class, of the first pair
FEWER_SHOTS = (1, 10, 50)  # of the others
PAIR_RATES: dict[tuple[Pair, Method], tuple[float, float]] = {
    # the best of four on validation images: up to 5 examples of a class, and for more
    ("mnist_digits", "scratch"): (0.01, 0.03),
    ("mnist_digits", "linear probe"): (0.03, 0.1),
    ("mnist_digits", "fine-tuned"): (0.01, 0.01),
    ("mnist_digits", "discriminative"): (0.03, 0.1),
    ("digits_mnist", "scratch"): (0.01, 0.03),
    ("digits_mnist", "linear probe"): (1.0, 0.1),
    ("digits_mnist", "fine-tuned"): (0.01, 0.03),
    ("mnist_halves", "scratch"): (0.003, 0.03),
    ("mnist_halves", "linear probe"): (0.3, 0.1),
    ("mnist_halves", "fine-tuned"): (0.01, 0.03),
    ("digits_halves", "scratch"): (0.01, 0.01),
    ("digits_halves", "linear probe"): (0.03, 0.1),
    ("digits_halves", "fine-tuned"): (0.01, 0.01),
    ("harm", "linear probe"): (0.1, 1.0),
    ("harm", "fine-tuned"): (0.03, 0.03),
}


def entry(*words: object) -> str:
    """Name a result; of the first pair, without the pair."""
    name = "_".join(map(str, words)).replace(" ", "_").replace("-", "_")
    return name.removeprefix("mnist_digits_")


def compare_methods(
    pair: Pair, task: Task, pretrained: ImageClassifier, steps: int, seed: int
) -> dict[str, float]:
    """Measure the test accuracy of each method, by examples of a class."""
    found: dict[str, float] = {}
    for (which, method), rates in PAIR_RATES.items():
        for size in SHOTS if pair == "mnist_digits" else FEWER_SHOTS:
            if which == pair:
                few, rate = draw_few(task.target, size, seed), rates[size > 5]
                model = adapt(method, pretrained, few, steps, rate, seed)
                found[entry(pair, method, size)] = evaluate(model, task.test)
    return found


# --8<-- [end:compare]
Budget = Literal["short", "long"]
BUDGETS: dict[Budget, float] = {"short": 0.4, "long": 4.0}  # in times of the usual
BUDGET_SHOTS = (5, 50)
BUDGET_RATES: dict[tuple[Budget, Method], tuple[float, float]] = {  # for 5, for 50
    ("short", "scratch"): (0.01, 0.01),
    ("short", "fine-tuned"): (0.03, 0.03),
    ("long", "scratch"): (0.03, 0.01),
    ("long", "fine-tuned"): (0.01, 0.01),
}


def compare_budgets(
    task: Task, pretrained: ImageClassifier, steps: int, seed: int
) -> dict[str, float]:
    """Measure the test accuracy after fewer and more steps, by examples of a class."""
    found: dict[str, float] = {}
    for (budget, method), rates in BUDGET_RATES.items():
        length = max(1, round(BUDGETS[budget] * steps))
        for size, rate in zip(BUDGET_SHOTS, rates, strict=True):
            few = draw_few(task.target, size, seed)
            model = adapt(method, pretrained, few, length, rate, seed)
            found[entry(method, size, budget)] = evaluate(model, task.test)
    return found


def measure_trap(
    task: Task, pretrained: ImageClassifier, steps: int, seed: int
) -> dict[str, float]:
    """Measure what becomes of a backbone: on the source, and with it on the target."""
    few = draw_few(task.target, 10, seed)
    probe, full = 0.1, 0.01  # as in PAIR_RATES
    models = {
        "as_is": pretrained,
        "renewed": renew_statistics(pretrained, task.target.x),
        "frozen": adapt("linear probe", pretrained, few, steps, probe, seed),
        "half": freeze_by_half(pretrained, few, steps, probe, seed),
        "tuned": adapt("fine-tuned", pretrained, few, steps, full, seed),
    }
    source = {n: source_accuracy(m, pretrained, task) for n, m in models.items()}
    target = {n: evaluate(m, task.test) for n, m in models.items()}
    numbers = {f"source_{name}": value for name, value in source.items()}
    return numbers | {f"target_{name}": value for name, value in target.items()}


# --8<-- [start:probe_resnet]
def probe_resnet(task: Task, each: int, seed: int) -> float:
    """Classify digits by features of a ResNet-18 that has only seen photographs."""
    model, preprocess = pretrained_resnet18(10, cache())
    head = model.get_submodule("fc")
    model.set_submodule("fc", nn.Identity())  # what is left is the backbone
    backbone = Frozen(model).to(task.target.x.device)

    def features(part: Examples) -> Examples:
        colours = part.x.expand(-1, 3, -1, -1)
        found = [predict(backbone, preprocess(x)) for x in colours.split(20)]
        return Examples(torch.cat(found), part.y)

    train = features(draw_few(task.target, each, seed))
    test = features(draw_few(task.test, 20, seed))
    head.to(train.x.device)
    groups = [{"params": head.parameters(), "lr": 0.01}]
    optimise(head, train, groups, 200, seed)
    return evaluate(head, test)


# --8<-- [end:probe_resnet]
def save_pretrained(model: ImageClassifier, data: str, steps: int, path: Path) -> None:
    """Write the pre-trained weights, and beside them what a model card must say."""
    save_weights(
        model,
        path,
        data=data,
        input=["batch", 1, COMMON_SIDE, COMMON_SIDE],
        range=[0, 1],
        preprocessing="the border of 2 pixels cut off, then means of 2 by 2",
        training=f"{steps} steps of 64 images",
        use="for this lecture; not tried on anything but digits",
    )


REPORT = """\
pre-trained on {data}, {pretraining} steps: {mnist_digits_source:.1%} of its \
validation images,
  and {target_as_is:.1%} of the small digits without any training on them
small digits, {steps} steps, mean of {seeds} splits; examples of a class: 1, 10, 50
  from scratch  {scratch_1:.1%} {scratch_10:.1%} {scratch_50:.1%}
  linear probe  {linear_probe_1:.1%} {linear_probe_10:.1%} {linear_probe_50:.1%}
  fine-tuned    {fine_tuned_1:.1%} {fine_tuned_10:.1%} {fine_tuned_50:.1%}
  in two rates  {discriminative_1:.1%} {discriminative_10:.1%} {discriminative_50:.1%}
with 50 of a class, after {short_steps}, {steps}, {long_steps} steps
  from scratch  {scratch_50_short:.1%} {scratch_50:.1%} {scratch_50_long:.1%}
  fine-tuned    {fine_tuned_50_short:.1%} {fine_tuned_50:.1%} {fine_tuned_50_long:.1%}
pre-trained for the intensity: fine-tuned {harm_fine_tuned_1:.1%} \
{harm_fine_tuned_10:.1%} {harm_fine_tuned_50:.1%}
old head on {data} again: frozen {source_frozen:.1%}, by half {source_half:.1%}, \
fine-tuned {source_tuned:.1%}"""


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    data: Name = "mnist",
    pretraining: int = 200,
    steps: int = 50,
    seeds: int = 3,
    resnet: bool = False,
    out: Path | None = None,
) -> None:
    """Pre-train on many images; learn other images from few, with and without that.

    Args:
        seed: Draws splits, weights, few examples; the next seeds too, for means.
        device: Where to compute; on a GPU results differ, as between seeds.
        data: The larger images; the small ones are scikit-learn's digits.
        pretraining: Steps of pre-training.
        steps: Steps of training on few examples, where no other number is said.
        seeds: How many times to repeat all.
        resnet: Also probe ResNet-18, whose weights are downloaded (45 MB).
        out: Folder for metrics.json, results to draw, and weights; or only print.
    """
    folder(out)
    used = devices.pick(device)
    mnist = load_mnist(data, seed, used)
    if resnet:  # before all else: if there is no network, that is told at once
        task = make_task("mnist_digits", mnist, load_digits(seed, used))
        print(f"ResNet-18, linear probe, 10: {probe_resnet(task, 10, seed):.1%}")
    runs = []
    for each in tqdm(range(seed, seed + seeds), desc="seeds", disable=None):
        digits = load_digits(each, used)
        measured: dict[str, float] = {}
        for pair in dict.fromkeys(pair for pair, _ in PAIR_RATES):
            task = make_task(pair, mnist, digits)
            pretrained = pretrain(task, pretraining, each)
            measured[f"{pair}_source"] = evaluate(pretrained, task.held_out)
            measured |= compare_methods(pair, task, pretrained, steps, each)
            if pair == "mnist_digits":
                measured |= compare_budgets(task, pretrained, steps, each)
                measured |= measure_trap(task, pretrained, steps, each)
                if each == seed:
                    first, model = task, pretrained
        runs.append(measured)
    features = predict(model.backbone, first.test.x)
    numbers = {
        **mean(runs),
        "pretraining": pretraining,
        "steps": steps,
        "short_steps": round(BUDGETS["short"] * steps),
        "long_steps": round(BUDGETS["long"] * steps),
        "seeds": seeds,
        "parameters": count_parameters(model),
        "head_parameters": count_parameters(model.head),
        "features_ratio": seconds(model, first.test.x) / seconds(model.head, features),
        "target": len(first.target.x),
        "validation": len(first.validation.x),
        "test": len(first.test.x),
    }
    print(REPORT.format(data=data, **numbers))
    if out is not None:
        save_pretrained(model, data, pretraining, out / "pretrained.safetensors")
        keep(out, runs=runs, numbers=numbers, data=data, seed=seed)
        record(out, seed, used, **numbers)


if __name__ == "__main__":
    run(main)
