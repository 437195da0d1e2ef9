"""Convolution: one small filter, slid over the whole image, finds its pattern anywhere.

A fully connected layer has a weight for every pixel, and must learn a stroke anew in
every place. A convolutional layer looks through a small window and uses the same
few weights at every place. Its layers detect edges, then parts, then digits.

Source: LeCun and others, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86(11), 1998.
"""

from collections import OrderedDict
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from sklearn.datasets import load_sample_image
from torch import Tensor, nn
from torch.nn.functional import pad
from tqdm import tqdm

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.accuracy import accuracy
from neuronup.augmentation import random_translation, translate_each
from neuronup.command import folder, keep, record, run
from neuronup.convolution import conv2d, mean_pool, windows
from neuronup.costs import (
    conv_parameters,
    count_parameters,
    flops,
    output_size,
    receptive_field,
    seconds,
)
from neuronup.detection import non_maximum_suppression
from neuronup.images import Images, Name, Scale, load, scale_of, stratified_split
from neuronup.loaders import Examples, Loader
from neuronup.loop import fit, predict
from neuronup.preprocessing import Standardise
from neuronup.weights import save_weights

# --8<-- [start:filters]
FILTERS = {
    "A": [[-1, -1, -1], [2, 2, 2], [-1, -1, -1]],
    "B": [[-1, 2, -1], [-1, 2, -1], [-1, 2, -1]],
    "C": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
    "Sobel, across": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "Sobel, down": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "blur": [[1 / 9, 1 / 9, 1 / 9]] * 3,
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
}


def photograph(height: int = 54, width: int = 72) -> Tensor:
    """Load a piece of scikit-learn's photograph in grey: (height, width), 0 to 1."""
    colours = torch.tensor(load_sample_image("china.jpg")) / 255
    return colours[226 - height : 226, 338 - width : 338].mean(dim=2)


def apply_filter(image: Tensor, name: str) -> Tensor:
    """Slide the filter called `name` over a grey image (height, width)."""
    weight = torch.tensor(FILTERS[name], dtype=image.dtype, device=image.device)
    return conv2d(image[None, None], weight[None, None], weight.new_zeros(1))[0, 0]


def edge_strength(image: Tensor) -> Tensor:
    """Measure the length of a grey image's gradient: Sobel's two, by Pythagoras."""
    across, down = (apply_filter(image, f"Sobel, {way}") for way in ("across", "down"))
    return torch.hypot(across, down)


# --8<-- [end:filters]
PICTURES = {  # (channels, height, width)
    "digits": (1, 8, 8),
    "mnist": (1, 28, 28),
    "cifar10": (3, 32, 32),
    "imagenet": (3, 224, 224),
    "phone": (3, 3000, 4000),
}


def count_by_size() -> dict[str, int]:
    """Count parameters of 1,000 neurons on each picture, and of 64 filters of 3x3."""
    counts = {}
    for name, (channels, height, width) in PICTURES.items():
        pixels = channels * height * width
        counts[f"full_{name}"] = 1000 * (pixels + 1)
        counts[f"conv_{name}"] = conv_parameters(channels, 64, 3)
    return counts


# --8<-- [start:block]
PADDING = 2  # pixels of background around an image, so that its border is seen too
LAYERS = [(3, 1), (3, 1), (2, 2), (3, 1)]  # kernel and stride, before the last layer


def block(number: int, channels: int, filters: int) -> dict[str, nn.Module]:
    """Make a convolution with all that goes with it."""
    return {
        f"conv{number}": nn.Conv2d(channels, filters, 3),
        f"norm{number}": nn.BatchNorm2d(filters),
        f"relu{number}": nn.ReLU(),
    }


# --8<-- [end:block]
# --8<-- [start:model]
def convnet(size: int, scale: Scale, classes: int) -> nn.Sequential:
    """Build three convolutions, the second followed by pooling, then a linear layer."""
    side = size + 2 * PADDING
    for kernel, stride in LAYERS:
        side = output_size(side, kernel, stride)
    layers: dict[str, nn.Module] = {  # shapes for an image of (1, 8, 8)
        "pad": nn.ZeroPad2d(PADDING),  # (n, 1, 12, 12)
        "scale": Standardise(scale),
        **block(1, len(scale.mean), 8),  # (n, 8, 10, 10)
        **block(2, 8, 16),  # (n, 16, 8, 8)
        "pool": nn.MaxPool2d(2),  # (n, 16, 4, 4)
        **block(3, 16, 16),  # (n, 16, 2, 2)
        "flatten": nn.Flatten(),  # (n, 64)
        "dropout": nn.Dropout(0.2),
        "head": nn.Linear(16 * side**2, classes),  # (n, 10)
    }
    return nn.Sequential(OrderedDict(layers))


# --8<-- [end:model]
# --8<-- [start:baseline]
def fully_connected(
    size: int, scale: Scale, classes: int, many: int, depth: int
) -> nn.Sequential:
    """Build `depth` hidden layers of one width, with `many` parameters in all."""
    pixels = len(scale.mean) * size**2
    # (depth - 1) width^2 + linear * width + classes = many, solved for the width
    linear = pixels + classes + 3 * depth  # a neuron has a bias, and two of its norm
    root = (linear**2 + 4 * (depth - 1) * (many - classes)) ** 0.5
    width = round(2 * (many - classes) / (linear + root))
    layers: list[nn.Module] = [Standardise(scale), nn.Flatten()]
    for inputs in [pixels] + [width] * (depth - 1):
        layers += [nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Dropout(0.2), nn.Linear(width, classes))


# --8<-- [end:baseline]
# --8<-- [start:train]
Kind = Literal["MLP", "deep MLP", "CNN"]
HIDDEN_LAYERS = {"MLP": 1, "deep MLP": 3}  # the CNN has three convolutions
LEARNING_RATES = {"MLP": 0.1, "deep MLP": 0.03, "CNN": 0.01}  # by validation


def build(kind: Kind, images: Images) -> nn.Sequential:
    """Build a network for such images; an MLP is as large as the CNN."""
    scale, size = scale_of(images.train), images.train.x.shape[-1]
    model = convnet(size, scale, len(images.classes))
    if kind == "CNN":
        return model
    many, depth = count_parameters(model), HIDDEN_LAYERS[kind]
    return fully_connected(size, scale, len(images.classes), many, depth)


def train(
    kind: Kind, images: Images, reach: int, epochs: int, seed: int
) -> tuple[nn.Sequential, float]:
    """Train a network on images moved by up to `reach` pixels; and validate it."""
    torch.manual_seed(seed)
    model = build(kind, images).to(images.train.x.device)
    rate = LEARNING_RATES[kind]
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    transform = random_translation(reach, seed) if reach else None
    batches, held_out = Loader(images.train, 64, seed, transform), images.validation
    history = fit(model, batches, held_out, optimiser, epochs, schedule=schedule)
    return model, history["validation_score"][-1]


# --8<-- [end:train]
SIDES = torch.tensor([[0, 1], [0, -1], [1, 0], [-1, 0]])
REACH = 3  # pixels by which test images are moved, at most
Scores = dict[tuple[Kind, int, float], list[list[float]]]
Costs = dict[str, list[tuple[int, float]]]  # FLOPs of an image, seconds of a batch


def evaluate_moved(model: nn.Module, test: Examples) -> list[float]:
    """Measure the accuracy on test images moved by 0, 1, 2... pixels, in four ways."""
    found = []
    for distance in range(REACH + 1):
        moves = (distance * SIDES).to(test.x.device)
        moved = (translate_each(test.x, by.expand(len(test.x), 2)) for by in moves)
        right = [float(accuracy(predict(model, x), test.y)) for x in moved]
        found.append(sum(right) / len(right))
    return found


def compare(images: Images, epochs: int, seed: int) -> tuple[Scores, nn.Sequential]:
    """Train each kind, with and without translations, on all images and on a tenth.

    Returns [validation, test, test moved by 1, 2...], and the CNN of translations.
    """
    scores: Scores = {}
    x, y = images.train
    tenth = stratified_split(y.cpu(), seed, (0.1, 0.9))[0].to(y.device)
    small = images._replace(train=Examples(x[tenth], y[tenth]))
    kinds: tuple[Kind, ...] = ("MLP", "deep MLP", "CNN")
    for kind in kinds:
        for reach in (0, 1):
            for share, some in ((0.1, small), (1.0, images)):
                passes = epochs if some is images else 2 * epochs
                model, score = train(kind, some, reach, passes, seed)
                moved = evaluate_moved(model, images.test)
                scores[kind, reach, share] = [[score, *moved]]
    return scores, model


def train_larger(
    images: Images, epochs: int, seed: int
) -> tuple[nn.Sequential, dict[str, float]]:
    """Train a CNN on 1,000 images an epoch, each shown twice or more; evaluate it."""
    shown = 1000 * epochs
    many = min(len(images.train.x), shown // 2)
    (x, y), (x_held_out, y_held_out) = images.train, images.validation
    held_out = Examples(x_held_out[:1000], y_held_out[:1000])
    few = images._replace(train=Examples(x[:many], y[:many]), validation=held_out)
    model, _ = train("CNN", few, 1, shown // many, seed)
    right = accuracy(predict(model, images.test.x, 128), images.test.y)
    return model, {
        "larger_train": many,
        "larger_epochs": shown // many,
        "larger_test": len(images.test.x),
        "larger_accuracy": float(right),
    }


def save_model(model: nn.Sequential, images: Images, path: Path) -> None:
    """Write the weights of `model`, with all that another program must know."""
    scale = scale_of(images.train)
    save_weights(
        model,
        path,
        classes=images.classes,
        input=["batch", *images.train.x.shape[1:]],
        range=[0, 1],
        padding=PADDING,
        mean=scale.mean.flatten().tolist(),
        std=scale.std.flatten().tolist(),
    )


class Scene(NamedTuple):
    """A larger image x (1, c, h, w) of digits: where (m, 2), what (m,), mask (h, w)."""

    x: Tensor
    where: Tensor
    what: Tensor
    mask: Tensor  # 0 at each pixel of the background, and 1 + class on a digit


def scene(images: Examples, cells: int, many: int, seed: int) -> Scene:
    """Scatter `many` of the images x (n, c, s, s) over `cells` by `cells` places."""
    drawn = torch.Generator().manual_seed(seed)
    x, y = images.x.cpu(), images.y.cpu()
    side, margin = x.shape[-1], x.shape[-1] // 2
    room = side + margin  # a place has half an image of room to spare
    large = torch.zeros(1, x.shape[1], *[cells * room + margin] * 2)
    mask = torch.zeros(large.shape[2:], dtype=torch.long)
    chosen = torch.randperm(len(x), generator=drawn)[:many]
    cell = torch.randperm(cells**2, generator=drawn)[:many]
    where = torch.stack([cell // cells, cell % cells], dim=1) * room
    where += torch.randint(margin, 2 * margin + 1, (many, 2), generator=drawn)
    for image, label, (top, left) in zip(x[chosen], y[chosen], where, strict=True):
        rows, columns = slice(top, top + side), slice(left, left + side)
        large[0, :, rows, columns] = image
        mask[rows, columns] = torch.where(image.mean(dim=0) > 0.3, label + 1, 0)
    return Scene(large, where, y[chosen], mask)


# --8<-- [start:fully_convolutional]
def fully_convolutional(model: nn.Sequential) -> nn.Sequential:
    """Turn a convnet into one that slides over a larger image.

    Its last layer becomes a convolution of the same weights; the padding goes.
    """
    *body, _, _, head = list(model)[1:]  # without padding, flatten and dropout
    assert isinstance(head, nn.Linear)
    filters = model.get_parameter("conv3.weight").shape[0]
    side = round((head.in_features / filters) ** 0.5)
    weight = head.weight.detach().reshape(-1, filters, side, side)
    last = nn.Conv2d(filters, head.out_features, side).to(weight.device)
    last.load_state_dict({"weight": weight, "bias": head.bias.detach()})
    return nn.Sequential(*body, last).eval()


# --8<-- [end:fully_convolutional]
class Detection(NamedTuple):
    """A class `what`, found with its image's corner at row `top`, column `left`."""

    what: int
    top: int
    left: int


@torch.no_grad()
def detect(model: nn.Sequential, x: Tensor, side: int, least: float) -> list[Detection]:
    """Find images `side` pixels wide in a larger x (1, c, h, w), highest score first.

    Windows with a mean intensity below `least` are passed over.
    """
    padded = pad(x, (PADDING,) * 4)
    scores, what = fully_convolutional(model)(padded)[0].max(dim=0)  # (rows, columns)
    scores[mean_pool(x, side, stride=2)[0].mean(dim=0) < least] = -torch.inf
    kept = non_maximum_suppression(scores, side * 3 // 8)  # in strides of two pixels
    return [Detection(int(what[at]), 2 * at[0], 2 * at[1]) for at in kept]


def count_matches(found: list[Detection], truth: Scene, slack: int) -> tuple[int, int]:
    """Count detections within `slack` pixels of an image; and the correct classes."""
    left = list(zip(truth.where.tolist(), truth.what.tolist(), strict=True))
    near = correct = 0
    for what, top, column in found:
        for place in left:
            (row, across), label = place
            if max(abs(row - top), abs(across - column)) <= slack:
                left.remove(place)
                near, correct = near + 1, correct + (what == label)
                break
    return near, correct


FOREGROUND = 0.2  # least mean intensity; chosen on scenes of validation images


def search_scenes(
    model: nn.Sequential, images: Examples, least: float, many: int = 40
) -> dict[str, float]:
    """Search `many` scenes of four images; measure precision, recall and accuracy."""
    side, device = images.x.shape[-1], images.x.device
    found = near = correct = 0
    for seed in range(many):
        truth = scene(images, 3, 4, seed)
        detections = detect(model, truth.x.to(device), side, least)
        counts = count_matches(detections, truth, side // 4)
        found += len(detections)
        near, correct = near + counts[0], correct + counts[1]
    return {
        "precision": near / max(1, found),
        "recall": near / (4 * many),
        "accuracy": correct / max(1, near),
    }


def time_layers(device: torch.device) -> Costs:
    """Measure convolutions of 1 to 32 channels, and dense layers of equal FLOPs."""
    found: Costs = {"convolution": [], "fully connected": []}
    for channels in (1, 2, 4, 8, 16, 32):
        width = 96 * channels  # 32 * 32 places of 9 * channels^2 products: the same
        conv = nn.Conv2d(channels, channels, 3, padding=1), (channels, 32, 32)
        dense = nn.Linear(width, width), (width,)
        for name, (layer, shape) in zip(found, (conv, dense), strict=True):
            model, x = nn.Sequential(layer).to(device), torch.ones(8, *shape).to(device)
            found[name].append((flops(model, x[:1]), seconds(model, x)))
    return found


# --8<-- [start:maps]
@torch.no_grad()
def feature_maps(model: nn.Sequential, x: Tensor) -> dict[str, Tensor]:
    """Return what each ReLU passes on (n, filters, rows, columns) for images x."""
    found = {}
    for name, layer in model.eval().named_children():
        x = layer(x)
        if name.startswith("relu"):
            found[name] = x
    return found


# --8<-- [end:maps]
def maximally_activating_patches(
    model: nn.Sequential, x: Tensor, name: str, many: int
) -> Tensor:
    """Cut from images x (n, c, h, w) what activates filters of the layer `name` most.

    The `many` most active get a window each, (many, field, field), in grey.
    """
    number = int(name[-1])
    before = LAYERS[: number + (number > 2)]  # the pool comes before the third
    field, jump = receptive_field(before), 2 if number > 2 else 1
    seen = windows(pad(x, (PADDING,) * 4).mean(dim=1, keepdim=True), [field] * 2, jump)
    maps = feature_maps(model, x)[name]  # (n, filters, rows, columns)
    order = maps.amax(dim=(0, 2, 3)).argsort(descending=True)[:many]
    best = maps[:, order].movedim(1, 0).flatten(1).argmax(dim=1)  # (many,)
    return seen[:, 0].flatten(0, 2)[best]


def summary(scores: Scores) -> dict[str, float]:
    """Boil down to means over splits; the validation images of each split choose."""
    numbers: dict[str, float] = {}
    for (kind, reach, share), results in scores.items():
        network, size = kind.replace(" ", "_"), "all" if share == 1 else "tenth"
        name = f"{network}_{'shifts' if reach else 'plain'}_{size}"
        runs = torch.tensor(results)  # (splits, 2 + REACH)
        validated, still, moved, *_ = runs.mean(dim=0).tolist()
        numbers[f"{name}_0"] = still
        if size == "all":
            numbers |= {f"{name}_1": moved, f"{name}_validation": validated}
        if reach:  # in each split, is it better with translations, or without?
            plain = torch.tensor(scores[kind, 0, share])
            chosen = torch.where(runs[:, :1] > plain[:, :1], runs, plain)
            numbers[f"{network}_{size}"] = float(chosen[:, 1].mean())
    return numbers


def compare_layer_costs(found: Costs) -> dict[str, float]:
    """Boil down what layers cost: by how much FLOPs and time grow, and at one size."""
    (first_flops, first_time), *_, (last_flops, last_time) = found["convolution"]
    return {
        "grow_flops": last_flops / first_flops,
        "grow_time": last_time / first_time,
        "equal_time": last_time / found["fully connected"][-1][1],
    }


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    data: Name = "mnist",
    compare_on: Name = "digits",
    epochs: int = 20,
    seeds: int = 4,
    out: Path | None = None,
) -> None:
    """Train networks with and without convolutions, and search images with one.

    Args:
        seed: Draws splits, weights, translations; the next seeds too, for means.
        device: Where to compute; on a GPU results differ, as between seeds.
        data: Images for the network whose filters and maps are drawn.
        compare_on: Smaller images, for all else: there are many trainings.
        epochs: Passes over smaller images, twice as many over a tenth of them; for
            each, 1,000 larger images are shown to their network.
        seeds: How many times to repeat the comparison.
        out: Folder for metrics.json, results to draw, and weights; or only print.
    """
    folder(out)
    used = devices.pick(device)
    scores: Scores = {}
    for each in tqdm(range(seed, seed + seeds), desc="seeds", disable=None):
        images = load(compare_on, each).to(used)
        compared, learned = compare(images, epochs, each)
        for setting, results in compared.items():
            scores.setdefault(setting, []).extend(results)
        if each == seed:
            first, model = images, learned
    shown, about = train_larger(load(data, seed).to(used), epochs, seed)
    mlp, deep = build("MLP", first).to(used), build("deep MLP", first)
    some, layers = first.train.x[:512], time_layers(used)
    numbers = {
        "train": len(first.train.x),
        "validation": len(first.validation.x),
        "test": len(first.test.x),
        **count_by_size(),
        "seeds": seeds,
        **summary(scores),
        "CNN_parameters": count_parameters(model),
        "MLP_parameters": count_parameters(mlp),
        "deep_MLP_parameters": count_parameters(deep),
        "flops_ratio": flops(model, some[:1]) / flops(mlp, some[:1]),
        "time_ratio": seconds(model, some) / seconds(mlp, some),
        **compare_layer_costs(layers),
        **about,
    }
    for name, least in (("found", FOREGROUND), ("blind", 0.0)):
        measured = search_scenes(model, first.test, least)
        numbers |= {f"{name}_{each}": value for each, value in measured.items()}
    print(REPORT.format(data=data, **numbers))
    if out is not None:
        save_model(model, first, out / "cnn.safetensors")
        weights = shown.cpu().state_dict()
        found = {"scores": scores, "layers": layers, "weights": weights}
        keep(out, data=data, compare_on=compare_on, seed=seed, **found)
        record(out, seed, used, **numbers)


REPORT = """\
parameters: CNN {CNN_parameters:,}, MLP {MLP_parameters:,}, \
deep MLP {deep_MLP_parameters:,}
test accuracy, mean of {seeds} splits; validation chose with or without translations:
  all images: CNN {CNN_all:.1%}, MLP {MLP_all:.1%}, deep MLP {deep_MLP_all:.1%}
  a tenth:    CNN {CNN_tenth:.1%}, MLP {MLP_tenth:.1%}, deep MLP {deep_MLP_tenth:.1%}
test images moved by one pixel, after training without and with translations:
  CNN {CNN_plain_all_1:.1%} and {CNN_shifts_all_1:.1%}
  MLP {MLP_plain_all_1:.1%} and {MLP_shifts_all_1:.1%}
  deep MLP {deep_MLP_plain_all_1:.1%} and {deep_MLP_shifts_all_1:.1%}
CNN to MLP: {flops_ratio:.0f} times the FLOPs, {time_ratio:.0f} times the time
convolutions: {grow_flops:,.0f} times the FLOPs, {grow_time:.0f} times the time
detection: recall {found_recall:.1%}, precision {found_precision:.1%}, \
classified correctly {found_accuracy:.1%}
  precision on the background too: {blind_precision:.1%}
{data}: CNN {larger_accuracy:.1%} of {larger_test:,} test images, \
from {larger_train:,} in {larger_epochs} epochs"""

if __name__ == "__main__":
    run(main)
