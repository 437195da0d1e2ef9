"""A trained network is half of a product: the other half decides what it is fed.

Before training, changed copies of the images tell a network what does not matter.
After it, network and preprocessing leave Python together in one file, which any
program can run; and alarms compare what arrives in use with what was tested.

Source: Sculley and others, "Hidden technical debt in machine learning systems",
NeurIPS 2015.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.accuracy import accuracy
from neuronup.augmentation import translate_each
from neuronup.command import BadInput, folder, keep, record, run
from neuronup.costs import count_parameters
from neuronup.drift import ALARMS, Monitor
from neuronup.export import (
    Served,
    export,
    open_session,
    quantise,
    run_session,
    save_network,
)
from neuronup.images import Images, Name, load, scale_of, stratified_split
from neuronup.loaders import Examples, Loader
from neuronup.loop import predict
from neuronup.metrics import confusion_matrix
from neuronup.preprocessing import Standardise
from neuronup.steps import take_steps
from neuronup.transforms import (
    Mixup,
    Transform,
    affine,
    random_affine,
    random_flip,
    random_noise,
)


def as_mnist(part: Examples) -> Examples:
    """Bring images x (n, c, h, w) to MNIST's shape (n, 1, 28, 28)."""
    x = part.x.mean(dim=1, keepdim=True)
    if x.shape[-1] != SIDE:
        x = interpolate(x, (SIDE, SIDE), mode="bilinear")
    return Examples(x, part.y)


# --8<-- [start:network]
SIDE, BOX = 28, 20  # pixels of an image across and down, and of the digit in it


def small_network(classes: int) -> nn.Sequential:
    """Build the network to ship, for standardised images (n, 1, 28, 28)."""
    return nn.Sequential(
        nn.Conv2d(1, 8, kernel_size=5, stride=2),  # (n, 8, 12, 12)
        nn.ReLU(),
        nn.Conv2d(8, 16, kernel_size=3),  # (n, 16, 10, 10)
        nn.ReLU(),
        nn.MaxPool2d(2),  # (n, 16, 5, 5)
        nn.Flatten(),
        nn.Linear(400, 32),
        nn.ReLU(),
        nn.Linear(32, classes),
    )


# --8<-- [end:network]
# --8<-- [start:train]
def train(
    model: nn.Module, batches: Iterable[Examples], steps: int, rate: float
) -> nn.Module:
    """Take exactly so many steps, with AdamW and a cosine schedule."""
    weights = model.parameters()
    optimiser = torch.optim.AdamW(weights, lr=rate, weight_decay=0.01, fused=True)
    take_steps(model, batches, optimiser, steps)
    return model.eval()


# --8<-- [end:train]
# --8<-- [start:augmentations]
AUGMENTATIONS: dict[str, tuple[float, Callable[[int], Transform] | None]] = {
    "none": (0.008, None),  # learning rates and amounts: the best on validation images
    "move": (0.016, lambda seed: random_affine(seed, pixels=2)),
    "turn": (0.016, lambda seed: random_affine(seed, degrees=30)),
    "zoom": (0.008, lambda seed: random_affine(seed, zoom=0.3)),
    "all three": (0.008, lambda seed: random_affine(seed, 15, 0.2, 2)),
    "noise": (0.008, lambda seed: random_noise(seed, 0.2)),
    "mixup": (0.016, None),  # made below: it changes labels too
    "mirror": (0.016, lambda seed: random_flip(seed, [3])),
    "half turn": (0.016, lambda seed: random_flip(seed, [2, 3])),
}


def augmented(
    train: Examples, kind: str, seed: int, classes: int
) -> Iterable[Examples]:
    """Make the batches of 32 that a training with this augmentation sees."""
    _, make = AUGMENTATIONS[kind]
    if kind == "mixup":
        return Mixup(train, 32, seed, classes, alpha=0.1)
    return Loader(train, 32, seed, make(seed) if make else None)


def compare_augmentations(
    images: Images, many: int, steps: int, seeds: range
) -> dict[str, list[Tensor]]:
    """Train on `many` images with each augmentation, by each seed, for as many steps.

    Returns the confusion matrices (classes, classes) of test images.
    """
    (x, y), test = images.train, images.test
    found: dict[str, list[Tensor]] = {kind: [] for kind in AUGMENTATIONS}
    classes, scale, share = len(images.classes), scale_of(images.train), many / len(y)
    for seed in seeds:
        chosen = stratified_split(y.cpu(), seed, (share, 1 - share))[0].to(y.device)
        few = Examples(x[chosen], y[chosen])
        for kind, (rate, _) in AUGMENTATIONS.items():
            torch.manual_seed(seed)  # the same initial weights for each kind
            model = nn.Sequential(Standardise(scale), small_network(classes))
            batches = augmented(few, kind, seed, classes)
            train(model.to(y.device), batches, steps, rate)
            prediction = predict(model, test.x).argmax(dim=1)
            found[kind].append(confusion_matrix(test.y, prediction, classes).cpu())
    return found


# --8<-- [end:augmentations]
def as_bytes(part: Examples) -> Examples:
    """Return images x (n, 1, h, w), 0 to 1, as a camera's: (n, h, w), 0 to 255."""
    return Examples((255 * part.x[:, 0]).round().to(torch.uint8), part.y)


# --8<-- [start:prepare]
def prepare_drawing(drawing: Tensor) -> Tensor:
    """Make an image (28, 28) of a drawing (h, w), 0 to 1, as MNIST's were made.

    It is cut out, scaled so that its longer side has 20 pixels, and moved so that
    its centre of mass is in the middle.
    """
    rows, columns = (drawing.amax(dim=axis).nonzero()[:, 0] for axis in (1, 0))
    if len(rows) == 0:
        return drawing.new_zeros(SIDE, SIDE)
    cut = drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, round(BOX * each / max(cut.shape))) for each in cut.shape)
    small = interpolate(
        cut[None, None], (height, width), mode="bilinear", antialias=True
    )
    framed = drawing.new_zeros(1, 1, SIDE, SIDE)
    framed[..., :height, :width] = small.clamp(0, 1)
    mass, places = framed[0, 0] / framed.sum(), torch.arange(SIDE).to(drawing)
    centre = torch.stack([mass.sum(dim=1) @ places, mass.sum(dim=0) @ places])
    by = (SIDE // 2 - centre).round().long()  # MNIST's middle is the pixel 14, from 0
    return translate_each(framed, by[None])[0, 0]


# --8<-- [end:prepare]
# --8<-- [start:faults]
def scribbles(x: Tensor, seed: int) -> Tensor:
    """Put images x (n, 1, 28, 28), enlarged, somewhere on sheets (n, 140, 140)."""
    drawn = torch.Generator().manual_seed(seed)
    large = interpolate(x, scale_factor=2.5, mode="bilinear")[:, 0]  # (n, 70, 70)
    sheets = x.new_zeros(len(x), 140, 140)
    corners = torch.randint(0, 71, (len(x), 2), generator=drawn).tolist()
    for sheet, each, (top, left) in zip(sheets, large, corners, strict=True):
        sheet[top : top + 70, left : left + 70] = each
    return sheets


def right_when_fed(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Return the accuracy of the bare network on what it is fed, x (n, 1, 28, 28)."""
    return float(accuracy(predict(network, x), y))


def forget_preprocessing(served: Served, test: Examples, seed: int) -> dict[str, float]:
    """Measure the accuracy when a step before the network is left out, or wrong."""
    (x, y), scale, network = test, served.standardise, served.network
    sheets = scribbles(x[:500], seed)
    squeezed = interpolate(
        sheets[:, None], (SIDE, SIDE), mode="bilinear", antialias=True
    )
    prepared = torch.stack([prepare_drawing(sheet) for sheet in sheets])[:, None]
    return {
        "right": right_when_fed(network, scale(x), y),
        "unscaled": right_when_fed(network, x, y),  # not standardised
        "raw": right_when_fed(network, 255 * x, y),  # neither
        "inverted": right_when_fed(network, scale(1 - x), y),  # dark on a light ground
        "transposed": right_when_fed(network, scale(x.mT), y),  # columns for rows
        "squeezed": right_when_fed(network, scale(squeezed), y[:500]),
        "prepared": right_when_fed(network, scale(prepared), y[:500]),
    }


# --8<-- [end:faults]
# --8<-- [start:latency]
TIMED_SIZES = [4**power for power in range(5)]  # 1 to 256 images at once
Runner = Callable[[Tensor], object]


def latency(
    runners: dict[str, Runner], image: Tensor, sizes: list[int], rounds: int
) -> dict[str, list[float]]:
    """Time all in turn, so that all are disturbed alike; seconds for each size.

    Of some rounds the fastest counts: what else the machine does only adds.
    """
    best = {name: [float("inf")] * len(sizes) for name in runners}
    for _ in range(rounds):
        for place, size in enumerate(sizes):
            for name, runner in runners.items():
                begun = perf_counter()
                runner(image[:size])
                best[name][place] = min(best[name][place], perf_counter() - begun)
    return best


# --8<-- [end:latency]
# --8<-- [start:compress]
def compress(path: Path, calibration: Tensor, test: Examples) -> dict[str, Any]:
    """Compare an ONNX file with its int8 versions: bytes, accuracy, time."""
    paths = {"float32": path}
    for kind in ("static", "dynamic"):
        paths[kind] = quantise(path, kind, calibration)
    sessions = {kind: open_session(each) for kind, each in paths.items()}
    logits = {kind: run_session(each, test.x) for kind, each in sessions.items()}
    runners: dict[str, Runner] = {
        kind: partial(run_session, each) for kind, each in sessions.items()
    }
    return {
        "bytes": {kind: each.stat().st_size for kind, each in paths.items()},
        "right": {kind: float(accuracy(z, test.y)) for kind, z in logits.items()},
        "seconds": latency(runners, test.x, [1, 256], rounds=30),
    }


def compress_wide(width: int, seed: int) -> dict[str, float]:
    """Do the same to one wide layer of random weights, for one input at a time."""
    torch.manual_seed(seed)
    x = torch.randn(64, width)
    with TemporaryDirectory() as place:
        path = Path(place) / "wide.onnx"
        export(nn.Linear(width, width), x[:2], path)
        found = compress(path, x, Examples(x, torch.zeros(64, dtype=torch.long)))
    seconds = {kind: times[0] for kind, times in found["seconds"].items()}
    return {
        "wide_smaller": found["bytes"]["float32"] / found["bytes"]["dynamic"],
        "wide_static": seconds["float32"] / seconds["static"],
        "wide_dynamic": seconds["float32"] / seconds["dynamic"],
    }


# --8<-- [end:compress]
# --8<-- [start:changes]
def turned(x: Tensor, degrees: float) -> Tensor:
    """Turn all images x (n, 1, h, w) by so many degrees to the left."""
    one = x.new_ones(len(x))
    return affine(x, degrees * one, one, x.new_zeros(len(x), 2))


def change(test: Examples, kind: str, seed: int) -> Examples:
    """Let something change in use: the images x (n, 1, h, w), or what y (n,) means."""
    x, y = test
    match kind:
        case "turned 20°":
            x = turned(x, 20)
        case "contrast × 0.8":
            x = 0.8 * x
        case "inverted":
            x = 1 - x
        case "only 0 to 4":
            x, y = x[y < 5], y[y < 5]
        case "1 in 20 on its side":
            drawn = torch.Generator().manual_seed(seed)
            some = torch.rand(len(x), 1, 1, 1, generator=drawn) < 1 / 20
            x = torch.where(some, x.rot90(1, (2, 3)), x)
        case "7 means 1":
            y = torch.where(y == 7, 1, y)
    return Examples(x, y)


# --8<-- [end:changes]
# --8<-- [start:watch]
WINDOWS = 100  # of 100 images, for each change
CHANGES = {  # with the name that metrics.json has for each
    "none": "none",
    "turned 20°": "turned",
    "contrast × 0.8": "contrast",
    "inverted": "inverted",
    "only 0 to 4": "few",
    "1 in 20 on its side": "side",
    "7 means 1": "seven",
}


def watch(
    monitor: Monitor, test: Examples, seed: int, windows: int, size: int = 100
) -> dict[str, dict[str, float]]:
    """For each change, measure accuracy, and the share of windows in which each rings.

    An alarm rings where p is below 0.01.
    """
    found = {}
    for kind in CHANGES:
        x, y = change(test, kind, seed)
        measured, drawn = monitor.measure(x), torch.Generator().manual_seed(seed)
        rung = dict.fromkeys(ALARMS, 0)
        for _ in range(windows):
            at = torch.randint(len(x), (size,), generator=drawn)
            window = {name: values[at] for name, values in measured.items()}
            for name, p in monitor.p_values(window).items():
                rung[name] += p < 0.01
        right = (measured["predictions"] == y).float().mean()
        shares = {name: count / windows for name, count in rung.items()}
        found[kind] = {"accuracy": float(right), **shares}
    return found


# --8<-- [end:watch]


def train_to_ship(images: Images, steps: int, seed: int) -> Served:
    """Train the network to ship on all images, with all three harmless changes."""
    torch.manual_seed(seed)
    scale, classes = scale_of(images.train), len(images.classes)
    network = small_network(classes)
    model = nn.Sequential(Standardise(scale), network).to(images.train.x.device)
    batches = Loader(images.train, 64, seed, random_affine(seed, 15, 0.2, 2))
    train(model, batches, steps, rate=0.008)
    return Served(scale, network).eval()


def summary(matrices: dict[str, list[Tensor]]) -> dict[str, float]:
    """Boil matrices down to accuracy, its range, and the share of 6s called 9."""
    numbers: dict[str, float] = {}
    for kind, each in matrices.items():
        name = kind.replace(" ", "_")
        all_of_them = torch.stack(each).float()  # (seeds, classes, classes)
        right = all_of_them.diagonal(dim1=1, dim2=2).sum(dim=1) / all_of_them.sum(
            (1, 2)
        )
        total = all_of_them.sum(dim=0)
        numbers |= {
            f"{name}": float(right.mean()),
            f"{name}_low": float(right.min()),
            f"{name}_high": float(right.max()),
            f"{name}_6_9": float(total[6, 9] / total[6].sum()),
        }
    return numbers


def compare_times(
    times: dict[str, list[float]], int8: dict[str, list[float]]
) -> dict[str, float]:
    """Boil seconds down to ratios, which differ less from machine to machine."""
    ours, theirs = times["PyTorch"], times["onnxruntime"]
    return {
        "faster_1": ours[0] / theirs[0],
        "faster_256": ours[-1] / theirs[-1],
        "batch_PyTorch": TIMED_SIZES[-1] * ours[0] / ours[-1],
        "batch_onnxruntime": TIMED_SIZES[-1] * theirs[0] / theirs[-1],
        "time_static": int8["static"][1] / int8["float32"][1],
        "time_dynamic": int8["dynamic"][1] / int8["float32"][1],
    }


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    data: Name = "mnist",
    many: int = 200,
    steps: int = 160,
    seeds: int = 4,
    ship_steps: int = 1200,
    out: Path | None = None,
) -> None:
    """Augment, train, export, compress and watch one small network.

    Args:
        seed: Draws examples, weights and changes; the next seeds too, for means.
        device: Where to train; what is exported runs on the CPU. On a GPU results
            differ, as between seeds.
        data: Images, brought to MNIST's 28 by 28 grey pixels.
        many: Training images of the comparison of augmentations.
        steps: Steps of each training of the comparison, of 32 images.
        seeds: How many times to repeat the comparison.
        ship_steps: Steps of the network to ship, of 64 images.
        out: Folder for metrics.json, results to draw, and the network as ONNX and as
            safetensors; or only print.
    """
    folder(out)
    if min(steps, seeds, ship_steps) < 1:
        raise BadInput("--steps, --seeds and --ship-steps: take 1 or more of each.")
    used = devices.pick(device)
    classes, *parts = load(data, seed)
    here = Images(classes, *map(as_mnist, parts))
    if not len(classes) <= many < len(here.train.y):
        raise BadInput(f"--many {many}: take {len(classes)} or more, not all.")
    images = here.to(used)
    some = images._replace(test=Examples(images.test.x[::5], images.test.y[::5]))
    matrices = compare_augmentations(some, many, steps, range(seed, seed + seeds))
    served = train_to_ship(images, ship_steps, seed).cpu()
    test, calibration = as_bytes(here.test), as_bytes(here.validation).x[:512]
    with TemporaryDirectory() as place:
        path = Path(place) / "deployment.onnx"
        export(served, test.x[:2], path)
        session = open_session(path)
        apart = run_session(session, test.x) - predict(served, test.x)
        runners: dict[str, Runner] = {
            "PyTorch": served,
            "onnxruntime": partial(run_session, session),
        }
        with torch.inference_mode():
            times = latency(runners, test.x, TIMED_SIZES, rounds=30)
        compressed = compress(path, calibration, test)
        file = path.read_bytes()
    faults = forget_preprocessing(served, here.test, seed)
    bare = nn.Sequential(served.standardise, served.network)
    monitor = Monitor(bare, here.validation.x[:2000])
    watched = watch(monitor, here.test, seed, WINDOWS)
    numbers: dict[str, Any] = {
        "many": many,
        "steps": steps,
        "seeds": seeds,
        "tested": len(some.test.y),
        "test": len(test.y),
        "windows": WINDOWS,
        **summary(matrices),
        "parameters": count_parameters(served),
        "apart_millionths": 1e6 * float(apart.abs().amax()),
        **{f"fed_{name}": value for name, value in faults.items()},
        **compare_times(times, compressed["seconds"]),
        **{f"KB_{kind}": size / 1000 for kind, size in compressed["bytes"].items()},
        **{f"right_{kind}": value for kind, value in compressed["right"].items()},
        **compress_wide(1024, seed),
        **{f"use_{CHANGES[kind]}": each["accuracy"] for kind, each in watched.items()},
    }
    print(REPORT.format(data=data, **numbers))
    for kind, found in watched.items():
        print(WATCHED.format(kind=kind, **found))
    if out is not None:
        keep(
            out,
            data=data,
            seed=seed,
            matrices=matrices,
            fed=faults,
            times=times,
            compressed=compressed,
            watched=watched,
        )
        (out / path.name).write_bytes(file)
        about = {"input": ["batch", 1, SIDE, SIDE], "box": BOX, "centre": SIDE // 2}
        save_network(served, out / "deployment.safetensors", classes, **about)
        record(out, seed, used, **numbers)


REPORT = """\
{data}, {many} training images, {steps} steps, mean of {seeds} seeds: test accuracy
  none {none:.1%}, move {move:.1%}, turn {turn:.1%}, zoom {zoom:.1%}, \
all three {all_three:.1%}
  noise {noise:.1%}, mixup {mixup:.1%}, mirror {mirror:.1%}, half turn {half_turn:.1%}
the network to ship: {parameters:,} parameters
  ONNX and PyTorch: the same logits to {apart_millionths:.0f} millionths
accuracy on {test:,} test images: {fed_right:.1%}
  pixels 0 to 255 {fed_raw:.1%}, inverted {fed_inverted:.1%}, \
transposed {fed_transposed:.1%}
  drawings squeezed {fed_squeezed:.1%}, prepared {fed_prepared:.1%}
onnxruntime is {faster_1:.1f} times as fast as PyTorch for one image, \
{faster_256:.1f} times for 256
int8: float32 {KB_float32:.0f} KB {right_float32:.1%}, static {KB_static:.0f} KB \
{right_static:.1%}, dynamic {KB_dynamic:.0f} KB {right_dynamic:.1%}
  time for 256 images, of float32's: static {time_static:.1f}, dynamic \
{time_dynamic:.1f}
  one wide layer: {wide_smaller:.1f} times as small, {wide_dynamic:.1f} times as fast
windows of 100 in which an alarm rings:"""

WATCHED = """\
  {kind}: accuracy {accuracy:.1%}; confidence {confidence:.0%}, \
foreground {foreground:.0%}, predictions {predictions:.0%}"""

if __name__ == "__main__":
    run(main)
