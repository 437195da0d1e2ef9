"""What the scripts and their drawings gave when a person last looked at them, beside what they give now.

The record of a lecture, tests/recorded/<topic>.json, holds one small run: the lines it printed, its metrics, and for
each figure what is drawn in it, as words, looks and moments of the numbers. `nox -s tests -- tests/test_recorded.py
--record` writes the records anew; `git diff` then shows what has changed, and a person says whether it should have.
"""

import contextlib
import importlib
import io
import itertools
import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from conftest import drawings_of
from matplotlib.artist import Artist
from matplotlib.axis import Axis
from matplotlib.collections import Collection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.spines import Spine
from matplotlib.text import Annotation, Text

SMALL: dict[str, dict[str, Any]] = {  # what `main` is called with, and a seed that is no default
    "architectures": {"data": "digits", "examples": 64, "epochs": 1, "seeds": 2, "pixels": 64},
    "backprop": {"passes": 2, "steps": 40},
    "cnn": {"data": "digits", "epochs": 1, "seeds": 2},
    "data": {},
    "deployment": {"data": "digits", "steps": 8, "seeds": 2, "ship_steps": 40},
    "history": {},
    "learning": {"seeds": 2},
    "loss": {"seeds": 3, "steps": 200},
    "mlp": {"data": "digits", "epochs": 3},
    "network": {"steps": 200},
    "overfitting": {"epochs": 4, "tries": 4},
    "perceptron": {"epochs": 6},
    "rnn": {"epochs": 1, "characters": 20_000},
    "sgd": {"epochs": 4, "clock": 0.02},
    "training": {"data": "digits", "epochs": 3},
    "transfer": {"data": "digits", "pretraining": 12, "steps": 2, "seeds": 1},
    "vae": {"data": "digits", "epochs": 2},
}
SEED = 3
LOOKS = (
    *("facecolor", "edgecolor", "color", "linewidth", "linestyle", "alpha", "zorder", "hatch"),
    *("marker", "markersize", "markeredgewidth", "markerfacecolor", "fontweight", "rotation", "interpolation"),
)
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")
TOLERANCE = 2e-3  # of a number's size: other processors add up in another order


def moments(numbers: Any) -> list[float]:
    """Few numbers that move when any of many does: how many, mean, spread, and three sums that know the order.

    The first of the three changes sign once on the way: it sees a smooth curve that has moved, in which the others
    cancel out.
    """
    flat = np.ma.filled(np.ma.asarray(numbers, dtype=float), np.nan).ravel()
    known = flat[np.isfinite(flat)]
    if not len(known):
        return [len(flat)]
    mean, turns = known.mean(), np.arange(len(known))
    swings = [((known - mean) * np.cos(turns * pace)).mean() for pace in (np.pi / len(known), 1.0, 2.3)]
    return [len(flat), *(float(f"{each:.6g}") for each in (mean, known.std(), *swings))]


def look(artist: Artist) -> str:
    """What an artist looks like, wherever it stands: colours, widths, styles, its name in the legend."""
    found: list[str] = [type(artist).__name__]
    for name in LOOKS:
        get = getattr(artist, f"get_{name}", None)
        value = get() if get else None
        if "color" in name and value is not None and not isinstance(value, str):
            rows = np.atleast_2d(np.asarray(value, dtype=object))
            value = sorted({to_hex(row if len(row) > 1 else row[0], keep_alpha=True) for row in rows.tolist()})[:4]
        if value is not None and not (name == "zorder" and value in (0, 1, 2, 3)):
            found.append(f"{name} {value}")
    if isinstance(artist, AxesImage):
        found.append(artist.get_cmap().name)
    label = str(artist.get_label())
    return ", ".join([*found, *([] if label.startswith("_") else [repr(label)])])


def place(artist: Artist) -> Any:
    """Where an artist stands, in numbers of its own axes."""
    match artist:
        case Line2D():
            return artist.get_xydata()
        case AxesImage():
            return [
                *np.ma.filled(artist.get_array().astype(float), np.nan).ravel(),
                *artist.get_extent(),
                *artist.get_clim(),
            ]
        case Collection():
            paths = [path.vertices for path in artist.get_paths()]
            shades = artist.get_array()
            parts = [artist.get_offsets(), *paths, artist.get_sizes() if hasattr(artist, "get_sizes") else []]
            return np.concatenate([np.ravel(part) for part in (*parts, [] if shades is None else shades)])
        case Patch():
            return artist.get_patch_transform().transform(artist.get_path().vertices)
        case Annotation():
            return [*artist.get_position(), *artist.xy]
        case Text():
            return artist.get_position()
        case _:
            return []


def drawn(artist: Artist) -> list[Artist]:
    """All that is seen within an artist, axes and frames aside."""
    inner = [each for each in artist.get_children() if not isinstance(each, Axis | Spine)]
    return [each for one in inner if one.get_visible() for each in (one, *drawn(one))]


def facts(figure: Figure) -> dict[str, Any]:
    """What a figure shows: its size, and of each of its axes the scales and, by their looks, what is drawn."""
    found: dict[str, Any] = {"size": [round(float(each), 3) for each in figure.get_size_inches()]}
    loose = [*figure.texts, *figure.lines, *figure.patches, *figure.legends]
    groups = {"figure": [each for one in loose for each in (one, *drawn(one))]}
    unfold = [each for each in figure.findobj() if str(each.get_gid()).startswith("step-")]
    found["steps"] = [f"{each.get_gid()} {type(each).__name__}" for each in unfold]
    found["columns of legends"] = [each._ncols for each in figure.findobj(Legend)]
    for number, ax in enumerate(figure.axes):
        groups[f"axes {number}"] = drawn(ax)
        scales: dict[str, Any] = {"shown": ax.axison, "aspect": str(ax.get_aspect())}
        for name, axis in (("x", ax.xaxis), ("y", ax.yaxis)):
            ticks = [label.get_text() for label in axis.get_ticklabels()]
            scales[name] = [axis.get_label_text(), axis.get_scale(), " ".join(ticks)]
            scales[f"{name} limits"] = moments([*axis.get_view_interval(), axis.get_inverted()])
            scales[f"{name} ticks"] = moments(axis.get_ticklocs())
            scales[f"{name} minor ticks"] = len(axis.get_minorticklocs())
        scales["frame"] = "".join(sorted(name[0] for name, spine in ax.spines.items() if spine.get_visible()))
        scales["grid"] = any(line.get_visible() for line in ax.get_xgridlines())
        found[f"axes {number} scales"] = scales
    for group, artists in groups.items():
        kinds: dict[str, list[Artist]] = {}
        for artist in artists:
            if not isinstance(artist, Text) or artist.get_text() or getattr(artist, "arrow_patch", None):
                kinds.setdefault(look(artist), []).append(artist)
        for kind, alike in kinds.items():
            words = [each.get_text() for each in alike if isinstance(each, Text)]
            sizes = [each.get_fontsize() for each in alike if isinstance(each, Text)]
            stands = [f"{each.get_ha()} {each.get_va()}" for each in alike if isinstance(each, Text)]
            places = np.concatenate([np.ravel(np.asarray(place(each), dtype=float)) for each in alike])
            told = {"words": words, "sizes": moments(sizes), "stands": sorted(set(stands))} if words else {}
            if len(places):
                told["places"] = moments(places)
            if lines := [np.asarray(each.get_xydata()) for each in alike if isinstance(each, Line2D)]:
                across, up = np.concatenate(lines).T  # apart, or what is small is lost beside what is large
                told |= {"across": moments(across), "up": moments(up)}
            if told:
                found[f"{group}: {kind}"] = told
    return found


def clock() -> Callable[[], float]:
    """A clock of its own, which goes on by a millisecond whenever somebody looks."""
    ticks = itertools.count()
    return lambda: next(ticks) / 1000


@contextlib.contextmanager
def slow_hours() -> Iterator[None]:
    """Let scripts time with such a clock: what they print of seconds is then the same everywhere."""
    with contextlib.ExitStack() as patches:
        for module in list(sys.modules.values()):
            if hasattr(module, "perf_counter") and "/code/" in Path(getattr(module, "__file__", None) or "").as_posix():
                patches.enter_context(mock.patch.object(module, "perf_counter", clock()))
        yield


def small_run(topic: str, out: Path) -> dict[str, Any]:
    """Run a script and draw its figures into the folder `out`; return all that is recorded of it."""
    script, printed = importlib.import_module(topic), io.StringIO()
    with slow_hours(), contextlib.redirect_stdout(printed):
        script.main(seed=SEED, device="cpu", out=out, **SMALL[topic])
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    figures = {name: facts(figure) for name, figure in drawings_of(topic).draw(out).items()}
    return {"printed": printed.getvalue().splitlines(), "metrics": metrics, "figures": figures}


def alike(one: float, other: float, unit: float = 0.0) -> bool:
    """Whether two numbers are the same but for rounding, on another processor or to a last digit of `unit`."""
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=max(1.01 * unit, 1e-6)) or (
        one != one and other != other
    )


def differences(recorded: Any, now: Any, where: str = "") -> list[str]:
    """Say where what is given now is not what was recorded; what was recorded as None may be anything."""
    match recorded, now:
        case None, _:
            return []
        case dict(), dict():
            gone = [f"{where}: {name} is gone" for name in recorded if name not in now]
            new = [f"{where}: {name} is new" for name in now if name not in recorded]
            both = [differences(recorded[name], now[name], f"{where} {name}") for name in recorded if name in now]
            return [*gone, *new, *itertools.chain(*both)]
        case list(), list() if len(recorded) == len(now) and is_moments(recorded) and is_moments(now):
            same = moved(recorded, now) <= TOLERANCE
        case list(), list() if len(recorded) == len(now):
            pairs = zip(recorded, now, strict=True)
            return [each for number, (a, b) in enumerate(pairs) for each in differences(a, b, f"{where}[{number}]")]
        case str(), str():
            same = same_text(recorded, now)
        case ((int() | float()), (int() | float())):
            same = alike(recorded, now)
        case _:
            same = recorded == now
    return [] if same else [f"{where}: was {recorded!r}, is {now!r}"]


def is_moments(found: list[Any]) -> bool:
    """Whether these are moments of many numbers: a count first, and then numbers."""
    return len(found) == 6 and all(isinstance(each, int | float) for each in found)


def moved(recorded: list[float], now: list[float]) -> float:
    """How far moments went apart, in the spread of the numbers; where they hardly spread, in their size."""
    if recorded[0] != now[0]:
        return math.inf
    unit = max(recorded[2], 1e-3 * abs(recorded[1]), 1e-9)
    return max(abs(a - b) for a, b in zip(recorded[1:], now[1:], strict=True)) / unit


def same_text(recorded: str, now: str) -> bool:
    """Whether two texts are the same, but for the last digits of the numbers in them."""
    a, b = (NUMBER.findall(text) for text in (recorded, now))
    units = [10.0 ** -len(digits.partition(".")[2]) if "." in digits else 0.0 for digits in a]
    values = [[float(digits.replace(",", "")) for digits in each] for each in (a, b)]
    return NUMBER.sub("#", recorded) == NUMBER.sub("#", now) and all(map(alike, *values, units))


def stable(one: Any, other: Any) -> Any:
    """What two processors agree on: the rest is None."""
    if one is None:
        return None
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: stable(value, other.get(name)) for name, value in one.items()}
    lists = isinstance(one, list) and isinstance(other, list) and len(one) == len(other)
    if lists and any(isinstance(each, str | list | dict) for each in one):
        return [stable(a, b) for a, b in zip(one, other, strict=True)]
    return None if differences(one, other) else one


def main(topic: str, out: str) -> None:
    """Print the small run of a topic as JSON: a process of its own may compute as an older processor does."""
    print(json.dumps(small_run(topic, Path(out))))


if __name__ == "__main__":
    main(*sys.argv[1:])
