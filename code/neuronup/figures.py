"""One look for every figure: SVG in the colours and the font of the page it is on."""

from __future__ import annotations

import base64
import io
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import torch
from cycler import cycler
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad

from neuronup.command import BadInput, one_thread
from neuronup.pictures import embedded

# In the SVG each is `var(--fig-NAME, #hex)`: docs/assets/course.css sets it by palette.
INK, FAINT = "#1c2333", "#8a92a3"
BLUE, ORANGE, GREEN, PURPLE = "#1f5fc4", "#c04a06", "#1d7a4c", "#8440a8"
NAMES = {
    "ink": INK,
    "faint": FAINT,
    "blue": BLUE,
    "orange": ORANGE,
    "green": GREEN,
    "purple": PURPLE,
}

DECIMALS = re.compile(r"\d+\.\d+")
STYLE: dict[Any, Any] = {
    "axes.edgecolor": FAINT,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.prop_cycle": cycler(
        color=[BLUE, ORANGE, GREEN, PURPLE], linestyle=["-", "--", "-.", ":"]
    ),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "font.size": 10.5,
    "grid.alpha": 0.35,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "image.cmap": "gray_r",
    "legend.frameon": False,
    "lines.linewidth": 2,
    "path.simplify_threshold": 0.3,
    "svg.fonttype": "none",
    "text.color": INK,
    "xtick.bottom": False,  # the grid shows where they would be
    "xtick.color": INK,
    "ytick.color": INK,
    "ytick.left": False,
}


def panels(
    width: float = 5.2, height: float = 3.2, rows: int = 1, columns: int = 1
) -> tuple[Figure, Any]:
    """Return a figure in the course's style, and its axes: one, or an array.

    Sizes are in inches; a width of 5.2 stays legible on a phone.
    """
    mpl.rcdefaults()  # not what a matplotlibrc of this machine says
    mpl.rcParams.update(STYLE)
    fig = Figure(figsize=(width, height), frameon=False)
    return fig, fig.subplots(rows, columns)


def scatter(
    ax: Axes,
    x: Tensor,
    y: Tensor,
    names: tuple[str, str] = ("+1", "-1"),
    size: float = 22,
) -> None:
    """Draw points x (n, 2) as rings where y (n,) is +1, as crosses where it is -1."""
    ring: dict[str, Any] = {"marker": "o", "facecolors": "none", "edgecolors": BLUE}
    cross: dict[str, Any] = {"marker": "x", "color": ORANGE}
    for side, name, look in ((1, names[0], ring), (-1, names[1], cross)):
        across, up = x[y == side].T.tolist()
        ax.scatter(across, up, size, linewidths=1.3, label=name, **look)


def band(ax: Axes, x: Sequence[float], runs: Tensor, name: str, **look: Any) -> None:
    """Draw runs (seeds, len(x)) as their mean, in the range that they span."""
    (line,) = ax.plot(x, runs.mean(0).tolist(), label=name, **look)
    low, high = runs.amin(0).tolist(), runs.amax(0).tolist()
    ax.fill_between(x, low, high, color=line.get_color(), alpha=0.2, lw=0)


def curves(ax: Axes, named: dict[str, Tensor]) -> None:
    """Draw each curve (seeds, steps) as its mean, in the range that the seeds span."""
    for name, values in named.items():
        band(ax, range(1, values.shape[1] + 1), values, name)
    ax.legend()


def history(found: dict[str, list[float]], score: str = "accuracy") -> Figure:
    """Draw both losses of `fit`, and the score on the validation examples, by epoch."""
    fig, axes = panels(5.2, 2.9, columns=2)
    epochs = range(1, len(found["loss"]) + 1)
    axes[0].plot(epochs, found["loss"], label="training")
    axes[0].plot(epochs, found["validation_loss"], label="validation")
    axes[0].set(xlabel="epochs", title="loss", ylim=(0, None))
    axes[1].plot(epochs, found["validation_score"], "-.", color=GREEN)
    axes[1].set(xlabel="epochs", title=f"{score}, validation")
    best = 1 + found["validation_loss"].index(min(found["validation_loss"]))
    for ax, top in zip(axes, (0.6, 1), strict=True):  # below the legend
        ax.axvline(best, ymax=top, color=FAINT, ls=":", label="best epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].legend()
    return fig


def squares(ax: Axes, image: Tensor) -> None:
    """Draw an image (height, width) as squares: large if strong, hollow if negative."""
    filled: list[Outline] = []
    hollow: list[Outline] = []
    for row, values in enumerate((image / image.abs().max()).tolist()):
        for column, value in enumerate(values):
            if abs(value) < 0.01:  # nothing to be seen, and a third of the bytes
                continue
            half = 0.475 * abs(value) ** 0.5
            left, right, top, low = column - half, column + half, row - half, row + half
            corners = [
                (left, top),
                (right, top),
                (right, low),
                (left, low),
                (left, top),
            ]
            (filled if value > 0 else hollow).append(Outline(corners, closed=True))
    hollow_look = {"edgecolor": ORANGE, "facecolor": "none"}
    for outlines, look in ((filled, {"color": BLUE}), (hollow, hollow_look)):
        if outlines:  # one path for all is a third of the bytes
            ax.add_patch(PathPatch(Outline.make_compound_path(*outlines), **look))
    ax.set(xlim=(-1, image.shape[1]), ylim=(image.shape[0], -1))
    ax.set(aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(True)


def images(named: dict[str, Tensor]) -> Figure:
    """Draw square images, each (side * side,), next to each other under their names."""
    fig, axes = panels(5.2, 0.6 + 4.6 / len(named), columns=len(named))
    for ax, (name, image) in zip(axes, named.items(), strict=True):
        side = round(image.numel() ** 0.5)
        squares(ax, image.reshape(side, side))
        ax.set_title(name)
    return fig


def table(ax: Axes, cells: dict[tuple[int, int], int]) -> None:
    """Write the number of each cell (column, row), on ground the deeper the larger."""
    most = max(cells.values())
    for (column, row), value in cells.items():
        corner, shade = (column - 0.5, row - 0.5), 0.6 * (value / most) ** 0.5
        ax.add_patch(Rectangle(corner, 1, 1, color=BLUE, alpha=shade, linewidth=0))
        ax.text(column, row, str(value), ha="center", va="center", size="small")
    columns, rows = (sorted({cell[axis] for cell in cells}) for axis in (0, 1))
    ax.set(xlim=(columns[0] - 0.5, columns[-1] + 0.5), xticks=columns)
    ax.set(ylim=(rows[-1] + 0.5, rows[0] - 0.5), yticks=rows)
    ax.grid(False)


def confusion(ax: Axes, counts: Tensor, classes: Sequence[str]) -> None:
    """Write a confusion matrix (classes, classes): a row for each label, few zeros."""
    cells = {
        (column, row): count
        for row, line in enumerate(counts.tolist())
        for column, count in enumerate(line)
        if count or row == column
    }
    table(ax, cells)
    ax.set_xticks(range(len(classes)), classes)
    ax.set_yticks(range(len(classes)), classes)
    ax.set(xlabel="prediction", ylabel="label")


def greyscale(
    ax: Axes, image: Tensor, title: str = "", inverted: bool = True, levels: int = 5
) -> None:
    """Show an image (height, width), 1 as black if inverted; few levels, few bytes."""
    drawn = image[~image.isnan()]
    low, span = drawn.amin(), (drawn.amax() - drawn.amin()).clamp(min=1e-9)
    shades = ((image - low) / span * levels).round() / levels
    colours = "gray_r" if inverted else "gray"
    ax.imshow(shades.cpu().numpy(), cmap=colours, interpolation="none", vmin=0, vmax=1)
    ax.set(title=title)
    _bare(ax)


def tiles(ax: Axes, x: Tensor, columns: int) -> None:
    """Show images x (n, channels, height, width) in rows, grey ones black on white."""
    x = (1 - x if x.shape[1] == 1 else x).expand(-1, 3, -1, -1).cpu()
    columns = min(columns, len(x))
    framed = pad(
        x, (1, 0, 1, 0), value=1.0
    )  # a white line to the left of each and above
    blank = torch.ones_like(framed[:1]).expand(-len(x) % columns, -1, -1, -1)
    rows = torch.cat([framed, blank]).split(columns)
    grid = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)
    grid = pad(grid, (0, 1, 0, 1), value=1.0)
    ax.imshow(grid.permute(1, 2, 0).numpy(), interpolation="none")
    _bare(ax)


def _bare(ax: Axes) -> None:
    """Take away what is round an image."""
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(False)


def montage(images: Tensor, columns: int) -> Tensor:
    """Lay out images (n, h, w) in rows, each on a scale of its own, with gaps."""
    low = images.amin(dim=(1, 2), keepdim=True)
    spread = images.amax(dim=(1, 2), keepdim=True) - low
    tiles = pad((images - low) / spread.clamp(min=1e-9), (0, 1, 0, 1), value=torch.nan)
    rows = [torch.cat(list(row), dim=1) for row in tiles.split(columns)]
    wide = max(row.shape[1] for row in rows)
    return torch.cat([pad(r, (0, wide - r.shape[1]), value=torch.nan) for r in rows])


def grid(titled: list[tuple[Tensor, str]], rows: int, height: float) -> Figure:
    """Draw images (channels, height, width), each under its title, in rows."""
    columns = -(-len(titled) // rows)
    fig, axes = panels(5.2, height, rows=rows, columns=max(1, columns))
    for ax in axes.flat[len(titled) :]:
        ax.set_axis_off()
    for ax, (image, title) in zip(axes.flat, titled, strict=False):
        squares(ax, image.mean(dim=0))
        ax.set_title(title, fontsize="small")
    return fig


def box(
    ax: Axes, left: float, top: float, width: float, height: float, **look: Any
) -> None:
    """Draw the outline of a box of so many pixels of an image."""
    ax.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, **look))


def arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], **look: Any
) -> Annotation:
    """Draw an arrow from `start` to `end`."""
    given = {"arrowstyle": "->", "color": INK, "lw": 1.6, "shrinkA": 0, "shrinkB": 0}
    return ax.annotate("", end, start, arrowprops=given | look)


def board(
    width: float, height: float, x: tuple[float, float], y: tuple[float, float]
) -> tuple[Figure, Axes]:
    """Return a figure to draw on, without axes, from x[0] to x[1] and y[0] to y[1]."""
    fig, ax = panels(width, height)
    ax.set(xlim=x, ylim=y)
    ax.set_axis_off()
    return fig, ax


def step(number: int, *parts: Artist) -> None:
    """Let parts of a figure, artists or whole Axes, appear on a slide at this step.

    What is in no step is there from the start. The slide asks for it with
    `<!-- .steps -->` before the figure; elsewhere all parts are there at once.
    """
    for part in parts:
        part.set_gid(f"step-{number}")
        if isinstance(part, Annotation) and part.arrow_patch:  # it is drawn apart
            part.arrow_patch.set_gid(f"step-{number}")


def _tenths(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}"


def _lean(png: re.Match[str]) -> str:
    """Write a picture of few colours with a palette: half the bytes, the same dots."""
    found = Image.open(io.BytesIO(base64.b64decode(png[0])))
    colours = found.getcolors(256)
    if colours is None or found.getextrema()[-1] != (255, 255):
        return png[0]
    lean = io.BytesIO()
    found.convert("RGB").quantize(len(colours)).save(lean, "PNG", optimize=True)
    return base64.b64encode(lean.getvalue()).decode()


def svg(fig: Figure, name: str) -> str:
    """Draw `fig` as SVG text; `name` keeps its ids apart from other figures'."""
    drawn = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        fig.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    text = drawn.getvalue()
    text = text[text.index("<svg") :]
    # a style would reach the whole page
    text = re.sub(r"<(metadata|style).*?</\1>", "", text, flags=re.S)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text)
    font = "font-family: var(--fig-font, sans-serif)"
    text = re.sub(r"font-family: [^;\"]*", font, text)
    # a tenth of a point is fine enough for a place, but not for a scale
    places = r'(?<= )(d|x|y|transform)="(?![^"]*(matrix|scale))[^"]*"'
    text = re.sub(places, lambda place: DECIMALS.sub(_tenths, place[0]), text)
    text = re.sub(r'(?<=data:image/png;base64,)[^"]+', _lean, text)
    for colour, code in NAMES.items():
        text = text.replace(code, f"var(--fig-{colour}, {code})")
    # no id: a figure may stand twice on a page
    text = re.sub(r' id="step-(\d+)"', r' data-step="\1"', text)
    used = set(re.findall(r'(?:href="|url\()#([\w-]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda id: id[0] if id[1] in used else "", text)
    return re.sub(r">\s+<", "><", text).strip()


def save_all(drawings: dict[str, Figure], out: Path) -> None:
    """Write each figure into the folder `out` as the SVG file of its name."""
    for name, fig in drawings.items():
        (out / f"{name}.svg").write_text(svg(fig, name), encoding="utf-8")


def run(draw: Callable[[Path], dict[str, Figure]], words: Sequence[str] = ()) -> None:
    """Draw anew: `python drawings.py FROM TO` reads what a script kept, writes SVG.

    Without words it reads `outputs` and writes into `figures`, both here. What is
    missing ends in a sentence and exit status 2.
    """
    one_thread()
    words = words or sys.argv[1:]
    source, to = (Path(word) for word in (words or ("outputs", "figures")))
    try:
        drawn = draw(source)
    except BadInput as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    to.mkdir(parents=True, exist_ok=True)
    save_all(drawn, to)


class Shown:
    """A figure as the last line of a notebook's cell: `Shown(fig, "what it shows")`."""

    def __init__(self, fig: Figure, alt: str) -> None:
        self.alt = alt
        drawing = svg(fig, re.sub(r"\W+", "-", alt))
        self.html = embedded(drawing, alt, width=round(96 * fig.get_figwidth()))

    def __repr__(self) -> str:
        """What a notebook keeps as text: alike in every run, as no address is."""
        return f"a figure: {self.alt}"

    def _repr_html_(self) -> str:
        return self.html
