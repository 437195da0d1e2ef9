"""Run lecture scripts: `python -m tools.examples perceptron --device cpu`; without a name, all of them."""

import os
import subprocess
import sys
import time
from pathlib import Path

from neuronup.streams import utf8
from tools.lectures import topics

ROOT = Path(__file__).parents[1]


def run(topic: str, options: list[str]) -> tuple[int, str]:
    """Run the script of `topic`, showing what it prints; return its exit status and its first line."""
    words = [sys.executable, str(ROOT / "code" / f"{topic}.py"), *options]
    at_once = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"}
    first = ""
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=at_once, text=True, encoding="utf-8") as script:
        assert script.stdout is not None
        for line in script.stdout:
            first = first or line.strip()
            print(line, end="", flush=True)
    return script.returncode, first


def table(rows: list[tuple[str, ...]]) -> str:
    """Lay `rows` out in columns, each as wide as its longest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def main(words: list[str]) -> None:
    """Run the topics that `words` begin with, or all; hand the rest on. Exit status: a failing script's, or 2."""
    known = topics(ROOT)
    count = next((number for number, word in enumerate(words) if word.startswith("-")), len(words))
    chosen, options = words[:count], words[count:]
    if unknown := [topic for topic in chosen if topic not in known]:
        print(f"There is no lecture {', '.join(unknown)}; there are: {', '.join(known)}.", file=sys.stderr)
        sys.exit(2)
    if len(chosen) == 1:
        sys.exit(subprocess.run([sys.executable, str(ROOT / "code" / f"{chosen[0]}.py"), *options]).returncode)
    rows: list[tuple[str, ...]] = [("topic", "seconds", "result", "first line")]
    for topic in chosen or known:
        print(f"--- {topic}", flush=True)
        start = time.perf_counter()
        status, first = run(topic, options)
        seconds = f"{time.perf_counter() - start:7.1f}"
        rows.append((topic, seconds, f"failed ({status})" if status else "ok", first))
    print(f"\n{table(rows)}")
    sys.exit(any(row[2] != "ok" for row in rows[1:]))


if __name__ == "__main__":
    utf8()
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
