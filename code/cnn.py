"""Convolution: one small filter, slid over the whole image, finds its pattern anywhere.

A fully connected layer has a weight for every pixel, and must learn a stroke anew in
every place. A convolutional layer looks through a small window and uses the same
few weights everywhere. Layers of it see strokes, then parts, then digits.

Source: LeCun and others, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86(11), 1998.
"""

# --8<-- [start:imports]
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as packed
from sklearn.datasets import load_sample_image
from torch import Tensor, nn
from torch.nn.functional import pad
from tqdm import tqdm

# --8<-- [end:imports]
import devices
import figures

# --8<-- [start:data]
from command import BadInput, folder, record, run
from data import Images, Name, Scale, load, scale_of, split

# --8<-- [end:data]
from figures import FAINT, ORANGE

# --8<-- [start:earlier]
from training import Examples, Loader, accuracy, fit, predict

# --8<-- [end:earlier]


# --8<-- [start:conv]
def windows(x: Tensor, size: Sequence[int], stride: int) -> Tensor:
    """Cut x (n, c, height, width) into every window: (n, c, rows, columns, *size)."""
    return x.unfold(2, size[0], stride).unfold(3, size[1], stride)


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor, stride: int = 1, padding: int = 0
) -> Tensor:
    """Slide filters weight (k, c, h, w), bias (k,) over x (n, c, height, width).

    Returns (n, k, rows, columns): what each filter finds in each window.
    """
    seen = windows(pad(x, (padding,) * 4), weight.shape[2:], stride)
    return torch.einsum("ncijhw,kchw->nkij", seen, weight) + bias[:, None, None]


# --8<-- [end:conv]
# --8<-- [start:pool]
def max_pool(x: Tensor, size: int, stride: int, padding: int = 0) -> Tensor:
    """Keep the largest number of each window of x (n, c, height, width)."""
    framed = pad(x, (padding,) * 4, value=-torch.inf)  # a frame that never wins
    return windows(framed, (size, size), stride).amax(dim=(-2, -1))


def mean_pool(x: Tensor, size: int, stride: int, padding: int = 0) -> Tensor:
    """Take the mean of each window of x (n, c, height, width)."""
    return windows(pad(x, (padding,) * 4), (size, size), stride).mean(dim=(-2, -1))


# --8<-- [end:pool]
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


def photograph() -> Tensor:
    """Load a piece of scikit-learn's photograph in grey: (54, 72), from 0 to 1."""
    colours = torch.tensor(load_sample_image("china.jpg")) / 255
    return colours[172:226, 266:338].mean(dim=2)


def look(image: Tensor, name: str) -> Tensor:
    """Slide the filter called `name` over a grey image (height, width)."""
    weight = torch.tensor(FILTERS[name], dtype=image.dtype, device=image.device)
    return conv2d(image[None, None], weight[None, None], weight.new_zeros(1))[0, 0]


def edges(image: Tensor) -> Tensor:
    """Measure how steep a grey image is, whichever way: Sobel's two, by Pythagoras."""
    return torch.hypot(look(image, "Sobel, across"), look(image, "Sobel, down"))


# --8<-- [end:filters]
# --8<-- [start:arithmetic]
def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """Count the places of a window of `kernel` pixels along `size` pixels."""
    return (size + 2 * padding - kernel) // stride + 1


def conv_parameters(channels: int, filters: int, kernel: int) -> int:
    """Count the weights and biases of a convolution; the image's size is not in it."""
    return filters * (channels * kernel**2 + 1)


def receptive_field(layers: Sequence[tuple[int, int]]) -> int:
    """Count the pixels across that one output sees through (kernel, stride) layers."""
    field, jump = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump *= stride  # neighbours of this layer look so many pixels apart
    return field


@torch.no_grad()
def flops(model: nn.Sequential, x: Tensor) -> int:
    """Count the multiplications and additions of x (1, c, h, w) in sums of products."""
    total = 0
    for layer in model.eval():
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.Linear):  # each output is one such sum
            total += 2 * x.numel() * layer.weight[0].numel()
    return total


# --8<-- [end:arithmetic]
# --8<-- [start:drown]
PICTURES = {  # (channels, height, width)
    "digits": (1, 8, 8),
    "mnist": (1, 28, 28),
    "cifar10": (3, 32, 32),
    "imagenet": (3, 224, 224),
    "phone": (3, 3000, 4000),
}


def drown() -> dict[str, int]:
    """Count parameters of 1,000 neurons on each picture, and of 64 filters of 3x3."""
    counts = {}
    for name, (channels, height, width) in PICTURES.items():
        pixels = channels * height * width
        counts[f"full_{name}"] = 1000 * (pixels + 1)
        counts[f"conv_{name}"] = conv_parameters(channels, 64, 3)
    return counts


# --8<-- [end:drown]
# --8<-- [start:block]
FRAME = 2  # pixels of paper put round an image, so that its border is seen as well
LAYERS = [(3, 1), (3, 1), (2, 2), (3, 1)]  # kernel and stride, before the last layer


class Standard(nn.Module):
    """Bring pixels to the scale of the training images; it is part of the model."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.register_buffer("mean", scale.mean)
        self.register_buffer("std", scale.std)

    def forward(self, x: Tensor) -> Tensor:
        """Scale images x (n, channels, height, width), from 0 to 1."""
        return Scale(self.get_buffer("mean"), self.get_buffer("std"))(x)


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
    side = size + 2 * FRAME
    for kernel, stride in LAYERS:
        side = output_size(side, kernel, stride)
    layers: dict[str, nn.Module] = {  # shapes for an image of (1, 8, 8)
        "frame": nn.ZeroPad2d(FRAME),  # (n, 1, 12, 12)
        "scale": Standard(scale),
        **block(1, len(scale.mean), 8),  # (n, 8, 10, 10)
        **block(2, 8, 16),  # (n, 16, 8, 8)
        "pool": nn.MaxPool2d(2),  # (n, 16, 4, 4)
        **block(3, 16, 16),  # (n, 16, 2, 2)
        "flatten": nn.Flatten(),  # (n, 64)
        "drop": nn.Dropout(0.2),
        "head": nn.Linear(16 * side**2, classes),  # (n, 10)
    }
    return nn.Sequential(OrderedDict(layers))


# --8<-- [end:model]
# --8<-- [start:rival]
def count(model: nn.Module) -> int:
    """Count what learning may change."""
    return sum(parameter.numel() for parameter in model.parameters())


def connected(size: int, scale: Scale, classes: int, parameters: int) -> nn.Sequential:
    """Build one hidden layer, as wide as `parameters` allow, with the same extras."""
    pixels = len(scale.mean) * size**2
    width = round((parameters - classes) / (pixels + 1 + 2 + classes))
    return nn.Sequential(
        Standard(scale),
        nn.Flatten(),
        nn.Linear(pixels, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(width, classes),
    )


# --8<-- [end:rival]
# --8<-- [start:shift]
def shift(x: Tensor, by: Tensor) -> Tensor:
    """Move images x (n, c, h, w) by (n, 2) pixels down and right; paper comes in."""
    height, width = x.shape[2:]
    rows = torch.arange(height, device=x.device) - by[:, :1]  # (n, h)
    columns = torch.arange(width, device=x.device) - by[:, 1:]  # (n, w)
    within = ((rows >= 0) & (rows < height))[:, :, None]
    within = within & ((columns >= 0) & (columns < width))[:, None]  # (n, h, w)
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    image = torch.arange(len(x), device=x.device)[:, None, None]
    moved = x[image, :, rows[:, :, None], columns[:, None]]  # (n, h, w, c)
    return moved.movedim(-1, 1) * within[:, None]


def jitter(reach: int, seed: int) -> Callable[[Tensor], Tensor]:
    """Make the transform that moves each image by up to `reach` pixels, at random."""
    drawn = torch.Generator().manual_seed(seed)

    def move(x: Tensor) -> Tensor:
        by = torch.randint(-reach, reach + 1, (len(x), 2), generator=drawn)
        return shift(x, by.to(x.device))

    return move


# --8<-- [end:shift]
# --8<-- [start:teach]
Kind = Literal["CNN", "MLP"]


def teach(
    kind: Kind, images: Images, reach: int, epochs: int, seed: int
) -> tuple[nn.Sequential, float]:
    """Teach a new network, with shifts of up to `reach`; say how well it validates."""
    torch.manual_seed(seed)
    scale, size = scale_of(images.train), images.train.x.shape[-1]
    model = convnet(size, scale, len(images.classes))
    if kind == "MLP":
        model = connected(size, scale, len(images.classes), count(model))
    model.to(images.train.x.device)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    train = Loader(images.train, 64, seed, jitter(reach, seed) if reach else None)
    history = fit(model, train, images.validation, optimiser, epochs, schedule=schedule)
    return model, history["validation_score"][-1]


# --8<-- [end:teach]
# --8<-- [start:trial]
SIDES = torch.tensor([[0, 1], [0, -1], [1, 0], [-1, 0]])
REACH = 3  # pixels by which test images are moved, at most
Scores = dict[tuple[Kind, int, float], list[list[float]]]


def judge(model: nn.Module, test: Examples) -> list[float]:
    """Measure the accuracy on test images moved by 0, 1, 2... pixels, any way."""
    found = []
    for distance in range(REACH + 1):
        moves = (distance * SIDES).to(test.x.device)
        moved = (shift(test.x, by.expand(len(test.x), 2)) for by in moves)
        right = [float(accuracy(predict(model, x), test.y)) for x in moved]
        found.append(sum(right) / len(right))
    return found


def trial(images: Images, epochs: int, seed: int) -> tuple[Scores, nn.Sequential]:
    """Teach both kinds, with and without shifts, on all training images and a tenth.

    Returns [validation, test, test moved by 1, 2...], and the CNN that saw shifts.
    """
    scores: Scores = {}
    x, y = images.train
    tenth = split(y.cpu(), seed, (0.1, 0.9))[0].to(y.device)
    small = images._replace(train=Examples(x[tenth], y[tenth]))
    kinds: tuple[Kind, ...] = ("MLP", "CNN")
    for kind in kinds:
        for reach in (0, 1):
            for share, some, passes in (
                (0.1, small, 2 * epochs),
                (1.0, images, epochs),
            ):
                model, score = teach(kind, some, reach, passes, seed)
                scores[kind, reach, share] = [[score, *judge(model, images.test)]]
    return scores, model


# --8<-- [end:trial]
# --8<-- [start:weights]
def save(model: nn.Sequential, images: Images, path: Path) -> None:
    """Write the weights of `model`, with all that another program must know."""
    scale = scale_of(images.train)
    known = {
        "classes": list(images.classes),
        "input": ["batch", *images.train.x.shape[1:]],
        "range": [0, 1],
        "frame": FRAME,
        "mean": scale.mean.flatten().tolist(),
        "std": scale.std.flatten().tolist(),
    }
    weights = {name: value.cpu() for name, value in model.state_dict().items()}
    notes = {name: json.dumps(value) for name, value in known.items()}
    path.write_bytes(packed(weights, notes))


def read(path: Path) -> tuple[nn.Sequential, list[str]]:
    """Read a model and its classes; raise BadInput if the file will not do."""
    try:
        with safe_open(path, "pt") as file:
            known = {k: json.loads(v) for k, v in file.metadata().items()}
            weights = file.get_tensors()
        model = convnet(
            known["input"][-1],
            Scale(weights["scale.mean"], weights["scale.std"]),
            len(known["classes"]),
        )
        model.load_state_dict(weights)
    except (
        *(OSError, SafetensorError, AttributeError, KeyError),
        *(RuntimeError, TypeError, ValueError),
    ) as error:
        raise BadInput(
            f"{path} holds no weights of this network ({type(error).__name__}); "
            "run the script with --out to make the file anew."
        ) from None
    return model.eval(), known["classes"]


# --8<-- [end:weights]
# --8<-- [start:scene]
class Scene(NamedTuple):
    """Digits on a larger sheet: x (1, c, h, w), where (m, 2), what (m,), mask (h, w).

    The mask says of each pixel what it belongs to: 0 for paper, 1 + class for ink.
    """

    x: Tensor
    where: Tensor
    what: Tensor
    mask: Tensor


def scene(images: Examples, cells: int, many: int, seed: int) -> Scene:
    """Scatter `many` of the images x (n, c, s, s) over `cells` by `cells` places."""
    drawn = torch.Generator().manual_seed(seed)
    x, y = images.x.cpu(), images.y.cpu()
    side = x.shape[-1]
    room = side + side // 2  # a place has half an image of room to spare
    margin = side // 2
    sheet = torch.zeros(1, x.shape[1], *[cells * room + margin] * 2)
    mask = torch.zeros(sheet.shape[2:], dtype=torch.long)
    chosen = torch.randperm(len(x), generator=drawn)[:many]
    cell = torch.randperm(cells**2, generator=drawn)[:many]
    where = torch.stack([cell // cells, cell % cells], dim=1) * room
    where += torch.randint(margin, 2 * margin + 1, (many, 2), generator=drawn)
    for image, label, (top, left) in zip(x[chosen], y[chosen], where, strict=True):
        rows, columns = slice(top, top + side), slice(left, left + side)
        sheet[0, :, rows, columns] = image
        mask[rows, columns] = torch.where(image.mean(dim=0) > 0.3, label + 1, 0)
    return Scene(sheet, where, y[chosen], mask)


# --8<-- [end:scene]


# --8<-- [start:everywhere]
def everywhere(model: nn.Sequential) -> nn.Sequential:
    """Turn a convnet into one that answers for every window of a larger image.

    Its last layer becomes a convolution of the same weights; the frame goes.
    """
    *body, _, _, head = list(model)[1:]  # but for the frame, flatten and dropout
    assert isinstance(head, nn.Linear)
    filters = model.get_parameter("conv3.weight").shape[0]
    side = round((head.in_features / filters) ** 0.5)
    weight = head.weight.detach().reshape(-1, filters, side, side)
    last = nn.Conv2d(filters, head.out_features, side, device=weight.device)
    last.load_state_dict({"weight": weight, "bias": head.bias.detach()})
    return nn.Sequential(*body, last).eval()


# --8<-- [end:everywhere]
# --8<-- [start:find]
class Find(NamedTuple):
    """A class `what`, found with its image's corner at row `top`, column `left`."""

    what: int
    top: int
    left: int


@torch.no_grad()
def find(model: nn.Sequential, x: Tensor, side: int, ink: float) -> list[Find]:
    """Look for images `side` pixels wide on a sheet x (1, c, h, w), surest first.

    Windows with less than `ink` on average are passed over, and so is what lies
    near a surer find.
    """
    logits = everywhere(model)(pad(x, (FRAME,) * 4))[0]  # (classes, rows, columns)
    sure, what = logits.max(dim=0)
    sure[mean_pool(x, side, stride=2)[0].mean(dim=0) < ink] = -torch.inf
    found, near = [], side * 3 // 8  # in steps of two pixels, the stride of the pool
    while sure.max() > -torch.inf:
        row, column = divmod(int(sure.argmax()), sure.shape[1])
        found.append(Find(int(what[row, column]), 2 * row, 2 * column))
        rows = slice(max(0, row - near), row + near + 1)
        sure[rows, max(0, column - near) : column + near + 1] = -torch.inf
    return found


# --8<-- [end:find]
# --8<-- [start:search]
def hits(found: list[Find], truth: Scene, slack: int) -> tuple[int, int]:
    """Count finds within `slack` pixels of an image; and those of them read rightly."""
    left = list(zip(truth.where.tolist(), truth.what.tolist(), strict=True))
    near = read = 0
    for what, top, column in found:
        for place in left:
            (row, across), label = place
            if max(abs(row - top), abs(across - column)) <= slack:
                left.remove(place)
                near, read = near + 1, read + (what == label)
                break
    return near, read


ENOUGH = 0.2  # ink in a window, on average; chosen on scenes of validation scans


def search(
    model: nn.Sequential, images: Examples, ink: float, many: int = 40
) -> dict[str, float]:
    """Search `many` scenes of four images each; say how much was found, and rightly."""
    side, device = images.x.shape[-1], images.x.device
    found = near = read = 0
    for seed in range(many):
        truth = scene(images, 3, 4, seed)
        finds = find(model, truth.x.to(device), side, ink)
        counts = hits(finds, truth, side // 4)
        found, near, read = found + len(finds), near + counts[0], read + counts[1]
    return {
        "precision": near / max(1, found),
        "recall": near / (4 * many),
        "read": read / max(1, near),
    }


# --8<-- [end:search]
# --8<-- [start:clock]
@torch.no_grad()
def seconds(model: nn.Module, x: Tensor, repeats: int = 7) -> float:
    """Time `model` on x: the median of some runs, after one to warm up."""
    model.eval()
    times = []
    for _ in range(repeats + 1):
        begun = perf_counter()
        float(model(x).sum())  # on a GPU this waits for the answer
        times.append(perf_counter() - begun)
    return sorted(times[1:])[repeats // 2]


class Cost(NamedTuple):
    """What a layer took: operations for one image, and seconds for all of a batch."""

    flops: int
    seconds: float


def costs(device: torch.device) -> dict[str, list[Cost]]:
    """Measure convolutions of 1 to 32 channels, and dense layers of equal FLOPs."""
    found: dict[str, list[Cost]] = {"convolution": [], "fully connected": []}
    for channels in (1, 2, 4, 8, 16, 32):
        width = 96 * channels  # 32 * 32 places of 9 * channels^2 products: the same
        shapes = {"convolution": (channels, 32, 32), "fully connected": (width, 1, 1)}
        for name, shape in shapes.items():
            layer = nn.Sequential(nn.Flatten(), nn.Linear(width, width))
            if name == "convolution":
                layer = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1))
            layer.to(device)
            x = torch.ones(8, *shape, device=device)
            found[name].append(Cost(flops(layer, x[:1]), seconds(layer, x)))
    return found


# --8<-- [end:clock]
ON_PAPER = "#1f5fc5"  # paper is white in either palette, so this is not to change


def show(
    ax: Axes, image: Tensor, title: str = "", paper: bool = True, steps: int = 5
) -> None:
    """Show a grey image (h, w), dark on paper or as it is; few shades, few bytes."""
    inked = image[~image.isnan()]
    low, spread = inked.amin(), (inked.amax() - inked.amin()).clamp(min=1e-9)
    shades = ((image - low) / spread * steps).round() / steps
    colours = "gray_r" if paper else "gray"
    ax.imshow(shades.cpu().numpy(), cmap=colours, interpolation="none", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[], title=title)
    ax.spines[:].set_visible(False)
    ax.grid(False)


def montage(images: Tensor, columns: int) -> Tensor:
    """Lay out images (n, h, w) in rows, each on a scale of its own, with gaps."""
    low = images.amin(dim=(1, 2), keepdim=True)
    spread = images.amax(dim=(1, 2), keepdim=True) - low
    tiles = pad((images - low) / spread.clamp(min=1e-9), (0, 1, 0, 1), value=torch.nan)
    rows = [torch.cat(list(row), dim=1) for row in tiles.split(columns)]
    wide = max(row.shape[1] for row in rows)
    return torch.cat([pad(r, (0, wide - r.shape[1]), value=torch.nan) for r in rows])


def draw_window() -> Figure:
    """Draw one window of an image of numbers, the filter, and the sum they make."""
    image = torch.tensor([[0, 0, 3, 0, 0]] * 3 + [[0, 0, 3, 3, 3]] * 2)
    weight = torch.tensor(FILTERS["B"])
    found = conv2d(image[None, None], weight[None, None], torch.tensor([0]))[0, 0]
    fig, axes = figures.panels(5.2, 2.3, columns=3)
    titles = ("image", "filter", "feature map")
    parts = (image, weight, found)
    for ax, title, part in zip(axes, titles, parts, strict=True):
        for (row, column), value in zip(
            torch.cartesian_prod(*map(torch.arange, part.shape)).tolist(),
            part.flatten().tolist(),
            strict=True,
        ):
            ax.text(column, row, f"{value}".replace("-", "−"), ha="center", va="center")
            edge: dict[str, Any] = {"fill": False, "edgecolor": FAINT, "lw": 0.7}
            ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **edge))
        size = 1 if title == "feature map" else 3
        corner = (0.5, -0.5) if title != "filter" else (-0.5, -0.5)
        thick: dict[str, Any] = {"fill": False, "edgecolor": ORANGE, "lw": 2.5}
        ax.add_patch(Rectangle(corner, size, size, **thick))
        ax.set(xlim=(-0.7, 4.7), ylim=(4.7, -0.7), aspect="equal", title=title)
        ax.set_axis_off()
    return fig


def draw_lines() -> Figure:
    """Draw the photograph, and what each of three filters keeps of it."""
    image, (fig, axes) = photograph(), figures.panels(5.2, 4.3, rows=2, columns=2)
    show(axes[0, 0], image, "the photograph", paper=False, steps=7)
    for ax, name in zip(axes.flat[1:], "ABC", strict=True):
        show(ax, look(image, name).clamp(0, 1), f"filter {name}", paper=False, steps=2)
    return fig


def draw_photo() -> Figure:
    """Draw the photograph blurred, sharpened, and as the steepness of its edges."""
    image, (fig, axes) = photograph()[:44, :44], figures.panels(5.2, 2, columns=3)
    blurred = look(look(image, "blur"), "blur")
    views = {
        "blurred twice": blurred,
        "sharpened": look(image, "sharpen").clamp(0, 1),
        "Sobel: edges": edges(image).clamp(0, 2.5),
    }
    for ax, (name, view) in zip(axes, views.items(), strict=True):
        show(ax, view, name, paper=False)
    return fig


def draw_filters(model: nn.Sequential) -> Figure:
    """Draw the filters that the first layer learned, for the first channel."""
    weight = model.get_parameter("conv1.weight").detach().cpu()[:, 0]
    fig, axes = figures.panels(5.2, 0.9, columns=len(weight))
    for ax, each in zip(axes, weight, strict=True):
        figures.squares(ax, each)
    return fig


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


def favourites(model: nn.Sequential, x: Tensor, name: str, many: int) -> Tensor:
    """Cut from images x (n, c, h, w) what excites filters of the layer `name` most.

    The `many` liveliest get a window each, (many, field, field), in grey.
    """
    number = int(name[-1])
    before = LAYERS[: number + (number > 2)]  # the pool comes before the third
    field, jump = receptive_field(before), 2 if number > 2 else 1
    seen = windows(pad(x, (FRAME,) * 4).mean(dim=1, keepdim=True), [field] * 2, jump)
    maps = feature_maps(model, x)[name]  # (n, filters, rows, columns)
    order = maps.amax(dim=(0, 2, 3)).argsort(descending=True)[:many]  # the liveliest
    best = maps[:, order].movedim(1, 0).flatten(1).argmax(dim=1)  # (many,)
    return seen[:, 0].flatten(0, 2)[best]


# --8<-- [end:maps]
def draw_maps(model: nn.Sequential, x: Tensor) -> Figure:
    """Draw an image x (1, c, h, w), and the first eight maps of each convolution."""
    fig, axes = figures.panels(5.2, 2.8, columns=4)
    show(axes[0], pad(x, (FRAME,) * 4)[0].mean(dim=0), "image")
    for ax, (name, maps) in zip(axes[1:], feature_maps(model, x).items(), strict=True):
        show(ax, montage(maps[0, :8].cpu(), 2), f"layer {name[-1]}")
        high, wide = maps.shape[2:]
        for tile in range(8):
            corner = (tile % 2 * (wide + 1) - 0.5, tile // 2 * (high + 1) - 0.5)
            edge: dict[str, Any] = {"fill": False, "edgecolor": FAINT, "lw": 0.5}
            ax.add_patch(Rectangle(corner, wide, high, **edge))
    return fig


def draw_parts(model: nn.Sequential, x: Tensor) -> Figure:
    """Draw the windows of images x that excite filters of each layer most."""
    fig, axes = figures.panels(5.2, 2.7, rows=3)
    for ax, name in zip(axes, ("relu1", "relu2", "relu3"), strict=True):
        parts = favourites(model, x, name, 8).cpu()
        show(ax, montage(parts, 8))
        label = f"layer {name[-1]}:\n{parts.shape[1]} × {parts.shape[2]}"
        ax.set_ylabel(label, rotation=0, ha="right", va="center")
    return fig


def draw_shifted(scores: Scores) -> Figure:
    """Draw accuracy on test images moved by 0, 1, 2... pixels: mean, range of seeds."""
    fig, ax = figures.panels(5.2, 3.2)
    for (kind, reach, share), runs in scores.items():
        if share == 1:
            found = torch.tensor(runs)[:, 1:]  # (seeds, 1 + REACH)
            label = f"{kind}, {'taught with shifts' if reach else 'plain'}"
            (line,) = ax.plot(found.mean(0).tolist(), label=label, marker="os"[reach])
            low, high = found.amin(0).tolist(), found.amax(0).tolist()
            colour = line.get_color()
            ax.fill_between(range(REACH + 1), low, high, color=colour, alpha=0.2, lw=0)
    ax.set(xlabel="pixels by which test images are moved", ylabel="accuracy")
    ax.set(xticks=range(REACH + 1))
    ax.legend()
    return fig


def draw_costs(found: dict[str, list[Cost]]) -> Figure:
    """Draw the time of layers against their FLOPs."""
    fig, ax = figures.panels(5.2, 3)
    for (name, each), marker in zip(found.items(), "os", strict=True):
        operations = [8 * cost.flops for cost in each]
        ax.plot(operations, [c.seconds for c in each], marker=marker, label=name)
    last = found["convolution"][-1].seconds / operations[-1]
    even = [operation * last for operation in operations]
    ax.plot(operations, even, ":", color=FAINT, label="in proportion to FLOPs")
    ax.set(xscale="log", yscale="log", xlabel="FLOPs of a batch", ylabel="seconds")
    ax.legend()
    return fig


def outline(ax: Axes, top: int, left: int, side: int, label: str) -> None:
    """Draw a box round an image, with its class above."""
    style: dict[str, Any] = {"fill": False, "edgecolor": ON_PAPER, "lw": 1.6}
    ax.add_patch(Rectangle((left - 0.5, top - 0.5), side, side, **style))
    ax.text(left, top - 1, label, color=ON_PAPER, size="small", va="bottom")


def draw_tasks(images: Examples, classes: Sequence[str]) -> Figure:
    """Draw what the answer to each of the four tasks looks like."""
    fig, axes = figures.panels(5.2, 5.4, rows=2, columns=2)
    one, many = scene(images, 2, 1, seed=3), scene(images, 3, 4, seed=3)
    label = classes[int(one.what[0])]
    names = (f"classification: “{label}”", "localisation", "detection")
    for ax, sheet, name in zip(axes.flat, (one, one, many), names, strict=False):
        show(ax, sheet.x[0].mean(dim=0), name)
        if sheet is many or name == "localisation":
            for (top, left), what in zip(sheet.where.tolist(), sheet.what, strict=True):
                outline(ax, top, left, images.x.shape[-1], classes[int(what)])
    ax, high = axes[1, 1], many.mask.shape[0]
    for row, column in many.mask.nonzero().tolist():
        mark = classes[int(many.mask[row, column]) - 1][:1]
        ax.text(column, row, mark, size=5, ha="center", va="center")
    ax.set(xlim=(-0.5, high - 0.5), ylim=(high - 0.5, -0.5), aspect="equal")
    ax.set(xticks=[], yticks=[], title="segmentation")
    for ax in axes.flat:
        ax.spines[:].set_visible(True)
    return fig


def draw_found(
    model: nn.Sequential, images: Examples, classes: Sequence[str]
) -> Figure:
    """Draw a larger scene, and what the sliding network finds in it."""
    truth, side = scene(images, 5, 12, 0), images.x.shape[-1]
    fig, ax = figures.panels(5.2, 4.4)
    show(ax, truth.x[0].mean(dim=0))
    ax.spines[:].set_visible(True)
    for what, top, left in find(model, truth.x.to(images.x.device), side, ENOUGH):
        outline(ax, top, left, side, classes[what])
    return fig


def summary(scores: Scores, seeds: int) -> dict[str, float]:
    """Boil down what each network reached: means over seeds; validation chooses."""
    numbers: dict[str, float] = {"seeds": seeds}
    for kind in ("MLP", "CNN"):
        for share in (0.1, 1.0):
            size = "all" if share == 1 else "tenth"
            means = {}
            for reach in (0, 1):
                name = f"{kind}_{'shifts' if reach else 'plain'}_{size}"
                mean = torch.tensor(scores[kind, reach, share]).mean(dim=0).tolist()
                numbers[f"{name}_validation"] = mean[0]
                numbers |= {f"{name}_{by}": right for by, right in enumerate(mean[1:])}
                means[mean[0]] = mean[1]
            numbers[f"{kind}_{size}"] = means[max(means)]  # validation chooses
    return numbers


def prices(model: nn.Sequential, rival: nn.Sequential, x: Tensor) -> dict[str, float]:
    """Compare a convnet and its rival: parameters, FLOPs, and time on images x."""
    names = {"CNN": model, "MLP": rival}
    numbers: dict[str, float] = {}
    for name, each in names.items():
        numbers[f"{name}_parameters"] = count(each)
        numbers[f"{name}_flops"] = flops(each, x[:1])
    numbers["flops_ratio"] = numbers["CNN_flops"] / numbers["MLP_flops"]
    numbers["time_ratio"] = seconds(model, x) / seconds(rival, x)
    return numbers


def prices_of_layers(found: dict[str, list[Cost]]) -> dict[str, float]:
    """Boil down what layers cost: by how much FLOPs and time grow, and at one size."""
    first, last = found["convolution"][0], found["convolution"][-1]
    return {
        "grow_flops": last.flops / first.flops,
        "grow_time": last.seconds / first.seconds,
        "equal_time": last.seconds / found["fully connected"][-1].seconds,
    }


def draw(
    model: nn.Sequential, images: Images, scores: Scores, layers: dict[str, list[Cost]]
) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name."""
    test, classes = images.test, images.classes
    return {
        "window": draw_window(),
        "lines": draw_lines(),
        "photo": draw_photo(),
        "shifted": draw_shifted(scores),
        "filters": draw_filters(model),
        "maps": draw_maps(model, test.x[test.y == min(3, len(classes) - 1)][:1]),
        "parts": draw_parts(model, test.x),
        "costs": draw_costs(layers),
        "tasks": draw_tasks(test, classes),
        "found": draw_found(model, test, classes),
    }


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    data: Name = "digits",
    epochs: int = 20,
    seeds: int = 5,
    out: Path | None = None,
) -> None:
    """Look at a photograph through filters, then let a network learn its own.

    Args:
        seed: Draws splits, weights and shifts; the next seeds too, for means.
        device: Where to compute.
        data: Which images to learn; all but the digits are downloaded.
        epochs: Passes over the training images; a tenth of them gets twice as many.
        seeds: How many times to repeat everything.
        out: Folder for figures, metrics.json and the trained weights cnn.safetensors;
            without it, only lines are printed.
    """
    folder(out)
    used = devices.pick(device)
    scores: Scores = {}
    for each in tqdm(range(seed, seed + seeds), desc="seeds", disable=None):
        images = load(data, each).to(used)
        found, learned = trial(images, epochs, each)
        for setting, results in found.items():
            scores.setdefault(setting, []).extend(results)
        if each == seed:
            first, model = images, learned
    side, scale = first.test.x.shape[-1], scale_of(first.train)
    rival = connected(side, scale, len(first.classes), count(model)).to(used)
    layers = costs(used)
    numbers = {
        "train": len(first.train.x),
        "validation": len(first.validation.x),
        "test": len(first.test.x),
        **drown(),
        **summary(scores, seeds),
        **prices(model, rival, first.train.x[:512]),
        **prices_of_layers(layers),
        "field": receptive_field(LAYERS),
    }
    for name, ink in (("blind", 0.0), ("inked", ENOUGH)):
        looked = search(model, first.test, ink)
        numbers |= {f"{name}_{key}": value for key, value in looked.items()}
    print(REPORT.format(**numbers))
    if out is not None:
        figures.save_all(draw(model, first, scores, layers), out)
        save(model, first, out / "cnn.safetensors")
        record(out, seed, used, **numbers)


REPORT = """\
parameters: CNN {CNN_parameters:,}, MLP {MLP_parameters:,}
test images read rightly, mean of {seeds} seeds, as validation chose:
  all training images: CNN {CNN_all:.1%}, MLP {MLP_all:.1%}
  a tenth of them:     CNN {CNN_tenth:.1%}, MLP {MLP_tenth:.1%}
moved by one pixel:
  plain:               CNN {CNN_plain_all_1:.1%}, MLP {MLP_plain_all_1:.1%}
  taught with shifts:  CNN {CNN_shifts_all_1:.1%}, MLP {MLP_shifts_all_1:.1%}
the CNN takes {flops_ratio:.0f} times the FLOPs of the MLP, \
and {time_ratio:.0f} times the time
convolutions: {grow_flops:,.0f} times the FLOPs, {grow_time:.0f} times the time
found in scenes: {inked_recall:.1%} of the images, {inked_read:.1%} of these well read
  finds that are one: {inked_precision:.1%}; \
if paper is searched too, {blind_precision:.1%}"""

if __name__ == "__main__":
    run(main)
