"""Side-by-side measurements: `python -m tools.bench` prints how many times as fast one way is as another.

A script that has something to compare defines `ratios(rounds)`, which yields a name and a ratio for each row.
"""

import importlib
import re
import sys
from pathlib import Path

from neuronup.streams import utf8
from tools.examples import table
from tools.lectures import topics

ROOT = Path(__file__).parents[1]


def compared(root: Path) -> list[str]:
    """The topics whose script has something to compare; none is imported to find out."""
    scripts = {topic: root / "code" / f"{topic}.py" for topic in topics(root)}
    return [topic for topic, path in scripts.items() if re.search(r"^def ratios\(", path.read_text("utf-8"), re.M)]


def measure(topic: str, rounds: int) -> list[tuple[str, ...]]:
    """The rows of `topic`: each ratio is of the best of so many rounds, in which the rivals take turns."""
    script = importlib.import_module(topic)
    return [(topic, name, f"{ratio:8.1f}") for name, ratio in script.ratios(rounds)]


def main(rounds: int = 7) -> None:
    """Print a table of all ratios."""
    sys.path.insert(0, str(ROOT / "code"))
    rows: list[tuple[str, ...]] = [("topic", "what", "times as fast")]
    for topic in compared(ROOT):
        rows += measure(topic, rounds)
    print(table(rows))


if __name__ == "__main__":
    utf8()
    main(*map(int, sys.argv[1:2]))
