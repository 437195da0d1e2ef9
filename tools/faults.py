"""Do the tests bite? `python -m tools.faults` puts small random faults into the code, one at a time, and runs tests.

A fault is what a hand may do by mistake: another number, a sign turned round, one part of the data for another, a
seed that is not used, a line left out. Each goes into a copy of the checkout, where the tests that reach its line are
run, the quickest first, until one fails. What none of them notices is printed at the end, to be looked at by a person:
some faults change nothing that anybody could see.
"""

import ast
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple
from xml.etree import ElementTree

import tyro
from tqdm import tqdm

from neuronup.streams import utf8
from tools.examples import table

ROOT = Path(__file__).parents[1]
AREAS = {
    "scripts": ("code/*.py",),
    "package": ("code/neuronup/*.py",),
    "drawings": ("docs/lectures/*/drawings.py",),
    "tools": ("tools/*.py",),
}
PATIENCE = 120  # seconds for the tests of one fault, on top of what they took without it
COMPARED: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
COMPUTED: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.FloorDiv: "/",
    ast.Pow: "*",
    ast.Mod: "+",
    ast.BitAnd: "|",
    ast.BitOr: "&",
}
MIXED = {  # names that a hand may take for one another
    "train": "validation",
    "validation": "train",
    "test": "train",
    "x_test": "x",
    "y_test": "y",
    "digit_test": "digit",
    "x_held": "x",
    "y_held": "y",
    "max": "min",
    "min": "max",
    "amax": "amin",
    "amin": "amax",
    "argmax": "argmin",
    "argmin": "argmax",
    "mean": "sum",
    "sum": "mean",
    "any": "all",
    "all": "any",
    "first": "last",
    "rows": "columns",
    "columns": "rows",
    "width": "height",
    "height": "width",
}


class Fault(NamedTuple):
    """What stands from `start` to `end` (bytes of the file), on `line` in `within`, and what shall stand there."""

    path: str
    line: int
    last: int
    within: str
    start: int
    end: int
    was: str
    becomes: str


def faults(path: str, source: str) -> list[Fault]:
    """All the faults that could be put into the Python `source`, in order."""
    starts = [0]
    for row in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(row))
    encoded, found = source.encode(), []

    def span(node: Any) -> tuple[int, int]:
        return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset

    def text(node: ast.AST) -> str:
        start, end = span(node)
        return encoded[start:end].decode()

    def visit(node: Any, within: str) -> None:
        for becomes in changes(node, text):
            if becomes != text(node):
                found.append(Fault(path, node.lineno, node.end_lineno, within, *span(node), text(node), becomes))
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            within = f"{within}.{node.name}".lstrip(".")
        for child in reaches(node):
            visit(child, within)

    visit(ast.parse(source), "")
    return found


def reaches(node: ast.AST) -> Iterator[ast.AST]:
    """The children of `node` in which a fault could matter: no annotations, no texts, not what only a program runs."""
    skipped = {"annotation", "returns", "decorator_list", "type_params"}
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if name in skipped or not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr):
                continue
            if isinstance(child, ast.If) and "__main__" in ast.dump(child.test):
                continue
            yield child


def changes(node: ast.AST, text: Callable[[ast.AST], str]) -> Iterator[str]:
    """What could stand in the place of `node` by mistake."""
    match node:
        case ast.Constant(value=bool(value)):
            yield str(not value)
        case ast.Constant(value=int(value)):
            yield str(value + 1)
            if value > 1:
                yield str(value - 1)
        case ast.Constant(value=float(value)):
            yield str(value * 2 if value else 1.0)
            yield str(value / 2 if value else -1.0)
        case ast.Compare(ops=[op], left=left, comparators=[right]):
            yield f"{text(left)} {COMPARED[type(op)]} {text(right)}"
        case ast.BinOp(left=left, op=op, right=right) if type(op) in COMPUTED and not is_text(node):
            yield f"({text(left)}) {COMPUTED[type(op)]} ({text(right)})"
            if isinstance(op, ast.Sub | ast.Div):
                yield f"({text(right)}) {'-' if isinstance(op, ast.Sub) else '/'} ({text(left)})"
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            yield f"({text(operand)})"
        case ast.BoolOp(op=op, values=[first, *_]):
            yield f"({text(first)})"
            word = "or" if isinstance(op, ast.And) else "and"
            yield f" {word} ".join(f"({text(value)})" for value in node.values)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield f"({text(orelse)}) if ({text(test)}) else ({text(body)})"
        case ast.Name(id=name, ctx=ast.Load()) if name in MIXED or name == "seed":
            yield MIXED.get(name, "0")
        case ast.Attribute(value=value, attr=name, ctx=ast.Load()) if name in MIXED:
            yield f"{text(value)}.{MIXED[name]}"
        case ast.Expr(value=ast.Call()):
            yield "pass"
        case ast.AugAssign(target=target, op=op, value=value) if type(op) in COMPUTED:
            yield f"{text(target)} {COMPUTED[type(op)]}= {text(value)}"
        case ast.Call(func=func, args=[first, second], keywords=[]) if not isinstance(second, ast.Starred):
            yield f"{text(func)}({text(second)}, {text(first)})"
        case ast.Call(func=ast.Attribute(value=value), args=[], keywords=[]):
            yield text(value)
        case _:
            return


def is_text(node: ast.AST) -> bool:
    """Whether texts are put together here, or types."""
    inner = [each for each in ast.walk(node) if isinstance(each, ast.Constant)]
    return any(isinstance(each.value, str) or each.value is None for each in inner)


class Watched(NamedTuple):
    """Which tests reach a line of a file, and how many seconds each test takes."""

    reach: dict[tuple[str, int], set[str]]
    seconds: dict[str, float]

    def of(self, fault: Fault) -> list[str]:
        """The tests that may notice `fault`, the quickest first."""
        if fault.path.startswith("tools/"):  # run as programs, mostly: no coverage tells
            name = Path(fault.path).stem.replace("task_lectures", "pipeline")
            found = {test for test in self.seconds if test.startswith(f"tests/tools/test_{name}.py")}
        else:
            found = set().union(
                *(self.reach.get((fault.path, line), set()) for line in range(fault.line, fault.last + 1))
            )
            found = found or set().union(*(tests for (path, _), tests in self.reach.items() if path == fault.path))
        return sorted(found, key=lambda test: self.seconds.get(test, 0.0))


def watch(folder: Path, workers: int) -> Watched:
    """Run all tests of the copy `folder` once, and note what each reaches."""
    report = folder / "report.xml"
    words = ["--ignore=tests/site", "--ignore=tests/test_layout.py", "-n", str(workers), "--cov", "--cov-context=test"]
    ended = pytest(folder, "--cov-fail-under=0", f"--junit-xml={report}", "-o", "junit_family=xunit1", *words)
    if ended.returncode:
        sys.exit(f"The tests fail without any fault, so no fault can be seen:\n{ended.stdout[-1500:]}")
    seconds = {}
    for case in ElementTree.parse(report).iter("testcase"):
        seconds[f"{case.get('file')}::{case.get('name')}"] = float(case.get("time") or 0)
    reach: dict[tuple[str, int], set[str]] = defaultdict(set)
    with sqlite3.connect(folder / ".coverage") as kept:
        rows = kept.execute(
            "select file.path, context.context, numbits from line_bits"
            " join file on file.id = file_id join context on context.id = context_id where context.context != ''"
        )
        for path, context, bits in rows:
            name = Path(path).relative_to(folder).as_posix()
            for line in (8 * i + bit for i, byte in enumerate(bits) for bit in range(8) if byte >> bit & 1):
                reach[name, line].add(context.rpartition("|")[0])
    return Watched(reach, seconds)


def pytest(folder: Path, *words: str, limit: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run tests in the copy `folder`; what takes longer than `limit` seconds counts as failed."""
    surroundings = {**os.environ, "PYTHONPATH": str(folder / "code"), "OMP_NUM_THREADS": "1"}
    surroundings["PYTHONDONTWRITEBYTECODE"] = "1"  # or a fault of the same size, in the same second, is not seen
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    try:
        return subprocess.run(
            command, cwd=folder, env=surroundings, timeout=limit, capture_output=True, text=True, encoding="utf-8"
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", "")


def copy(to: Path) -> Path:
    """Copy the checkout to `to`, with all that its tests need."""
    aside = shutil.ignore_patterns(".git", ".venv", ".cache", "node_modules", "site", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, to, ignore=aside, symlinks=True)
    for name in (".git", ".venv", "node_modules"):  # a test asks git what belongs to the course
        (to / name).symlink_to(ROOT / name)
    return to


def try_out(fault: Fault, tests: list[str], seconds: float, folder: Path) -> bool:
    """Whether a test of the copy `folder` notices the fault."""
    path = folder / fault.path
    whole = path.read_bytes()
    path.write_bytes(whole[: fault.start] + fault.becomes.encode() + whole[fault.end :])
    try:
        return bool(tests) and pytest(folder, "-x", *tests, limit=PATIENCE + 3 * seconds).returncode != 0
    finally:
        path.write_bytes(whole)


def drawn(count: int, seed: int, only: str) -> list[Fault]:
    """Draw faults: a line first, then one of the faults that it could have; tools and package no less than scripts."""
    found = []
    for patterns in AREAS.values():
        lines: dict[tuple[str, int], list[Fault]] = defaultdict(list)
        for path in sorted(path for pattern in patterns for path in ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            if re.search(only, name):
                for fault in faults(name, path.read_text(encoding="utf-8")):
                    lines[name, fault.line].append(fault)
        found.append(lines)
    every = [(lines, key) for lines in found for key in lines]
    draw = random.Random(seed)
    return [draw.choice(lines[key]) for lines, key in draw.sample(every, min(count, len(every)))]


def main(count: int = 200, seed: int = 0, only: str = "", workers: int = os.cpu_count() or 1) -> None:
    """Put faults into the code, one at a time, and print which of them no test notices.

    Args:
        count: How many faults.
        seed: Which faults; another seed draws others.
        only: Take files only whose path matches this regular expression.
        workers: How many copies of the checkout are tried at the same time.
    """
    chosen = drawn(count, seed, only)
    if not chosen:
        sys.exit(f"--only {only}: no file of the course has such a path.")
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        free: SimpleQueue[Path] = SimpleQueue()
        copies = [copy(Path(folder) / str(number)) for number in range(workers)]
        tests = watch(copies[0], workers)
        for each in copies:
            free.put(each)

        def caught(fault: Fault) -> bool:
            place, names = free.get(), tests.of(fault)
            try:
                return try_out(fault, names, sum(tests.seconds.get(name, 0.0) for name in names), place)
            finally:
                free.put(place)

        results = list(tqdm(pool.map(caught, chosen), "faults", total=len(chosen), disable=None))
    print(table(rows(chosen, results)))


def rows(chosen: list[Fault], results: list[bool]) -> list[tuple[str, ...]]:
    """The faults that nobody noticed, and how many were noticed in each area."""
    found: list[tuple[str, ...]] = [("where", "in", "was", "became")]
    for fault, caught in zip(chosen, results, strict=True):
        if not caught:
            was, became = (" ".join(text.split()) for text in (fault.was, fault.becomes))
            found.append((f"{fault.path}:{fault.line}", fault.within, was, became))
    for area, patterns in AREAS.items():
        mine = [
            caught
            for fault, caught in zip(chosen, results, strict=True)
            if any(Path(fault.path).match(pattern) for pattern in patterns)
        ]
        if mine:
            found.append((area, "", f"{sum(mine)} of {len(mine)} noticed", f"{sum(mine) / len(mine):.0%}"))
    return found


if __name__ == "__main__":
    utf8()
    tyro.cli(main)
