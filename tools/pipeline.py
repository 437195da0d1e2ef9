"""Run a lecture's script, drawings, lab and tries, and put what they made in its place: wholly, or not at all."""

import ast
import hashlib
import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import IO, Any

from tools import snippets, warm

ROOT = Path(__file__).parents[1]
STRICT = """import warnings  # what runs as pasted warns of nothing; what the kernel says of itself is not its affair

warnings.simplefilter("error")
warnings.filterwarnings("ignore", module="ipykernel")
"""
PROCESSORS = os.cpu_count() or 1
FREE = BoundedSemaphore(PROCESSORS)  # one program at a time for each
# One task at a time imports and parses: another thread would see half of a module, and Python 3.11 counts in one
# place how deep all that parse have gone (python/cpython#106905).
PREPARING = Lock()
MADE = "neuronup"  # in the metadata of a notebook: the fingerprint of its cells when it was made
NEEDED = (  # of a machine's settings, what any program needs to start
    *("LD_LIBRARY_PATH", "PATH", "TERM", "TMPDIR"),
    *("COMSPEC", "PATHEXT", "SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "TMP", "WINDIR"),  # on Windows
)


class Failed(Exception):
    """A script or lab that did not do its part; the message says which, and what to do."""


def surroundings() -> dict[str, str]:
    """The environment of all that makes a part of the site: the same everywhere, whatever a person has set.

    Its home is a folder of ours, so that no configuration is read but the course's, and no cache needs another place.
    """
    home = ROOT / ".cache" / "home"
    home.mkdir(parents=True, exist_ok=True)
    return {
        **{name: os.environ[name] for name in NEEDED if name in os.environ},
        **dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"), str(home)),
        "CUDA_VISIBLE_DEVICES": "",  # labs too compute on the processor: see neuronup/devices.py
        "NEURONUP_DEVICE": "cpu",
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
        "OMP_NUM_THREADS": "1",  # the same sums in the same order
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(ROOT / "code"),
        "PYTHONUTF8": "1",
    }


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program in our surroundings, and take down what it prints."""
    return subprocess.run(words, cwd=ROOT, env=surroundings(), capture_output=True, text=True, encoding="utf-8")


def run_python(program: Path, *words: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a program of the course in our surroundings, every warning an error, and take down what it prints."""
    with PREPARING:
        files = [program, *imported(program, ROOT / "code")]
        imports = frozenset().union(*(imports_of(path, path.stat().st_mtime_ns) for path in files))
    return warm.run(program, *words, cwd=cwd, env=surroundings(), imports=imports)


def imported(source: Path, code: Path) -> list[Path]:
    """Find the modules that `source` imports from the folder `code` or its own, directly or through another."""
    found: set[Path] = set()
    waiting = [source]
    while waiting:
        path = waiting.pop()
        names = imports_of(path, path.stat().st_mtime_ns)
        places = [folder / name.replace(".", "/") for name in names for folder in (code, source.parent)]
        paths = {path for place in places for path in (place.with_suffix(".py"), place / "__init__.py")}
        new = {path for path in paths if path.is_file()} - found - {source}
        found |= new
        waiting += new
    return sorted(found)


@cache
def imports_of(source: Path, changed: int) -> frozenset[str]:
    """List what `source`, as it stood when it `changed` last, may import, in dotted names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=modules):
                names |= {alias.name for alias in modules}
            case ast.ImportFrom(module=str(module), names=parts):
                names |= {module, *(f"{module}.{part.name}" for part in parts)}
    return frozenset(names)


def run_script(script: Path, outputs: Path) -> None:
    """Run `script --out`, and make `outputs` its results, metrics.json, log.txt and stamp.json.

    Raises Failed, leaving `outputs` as it was, when the script fails or writes no metrics.
    """
    partial = outputs.with_name("outputs.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with FREE:
        start = time.perf_counter()
        ran = run_python(script, "--out", partial, "--device", "cpu")
        seconds = time.perf_counter() - start
    if ran.returncode:
        raise Failed(f"{script} failed (exit status {ran.returncode}):\n{ran.stdout}{ran.stderr}")
    metrics = partial / "metrics.json"
    if not metrics.exists():
        raise Failed(f"{script} wrote no metrics.json: let its main end with `record(out, ...)`.")
    used = json.loads(metrics.read_text(encoding="utf-8"))
    stamp = {
        "script": f"code/{script.name}",
        "python": platform.python_version(),
        "torch": version("torch"),
        "device": used["device"],
        "seed": used["seed"],
        "seconds": round(seconds, 1),
    }
    (partial / "log.txt").write_text(ran.stdout, encoding="utf-8")
    (partial / "stamp.json").write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    shutil.rmtree(outputs, ignore_errors=True)
    partial.replace(outputs)


def run_drawings(drawings: Path, outputs: Path, figures: Path) -> None:
    """Draw the figures of a lecture from what its script kept in `outputs`, into the folder `figures`.

    Raises Failed, leaving `figures` as it was, when that fails.
    """
    partial = figures.with_name("figures.partial")
    shutil.rmtree(partial, ignore_errors=True)
    with FREE:
        ran = run_python(drawings, outputs, partial, cwd=drawings.parent)
    if ran.returncode:
        raise Failed(f"{drawings} failed (exit status {ran.returncode}):\n{ran.stdout}{ran.stderr}")
    slim(partial)
    shutil.rmtree(figures, ignore_errors=True)
    partial.replace(figures)


def slim(drawn: Path) -> None:
    """Take out of the drawings in a folder or notebook what does not show. Raises Failed if one cannot be read."""
    ran = run("node", ROOT / "tools" / "svg.mjs", drawn)
    if ran.returncode:
        raise Failed(ran.stderr)


def run_lab(lab: Path, notebook: Path) -> None:
    """Execute the py:percent file `lab` from top to bottom and write it, with outputs, as `notebook`.

    Raises Failed, leaving `notebook` as it was, when a cell raises.
    """
    with PREPARING:
        import jupytext  # here, for these take two seconds that a build with nothing to run can spare
        import nbformat

        book = jupytext.read(lab)
    for number, cell in enumerate(book.cells):
        cell.id = f"cell-{number}"
    book.metadata[MADE] = digest(book)
    failed = executed(book, lab.parent)
    if failed:
        raise Failed(f"{lab}: a cell raised\n{failed[1]}")
    write(book, notebook, nbformat.write)


def run_tries(page: Path, notebook: Path) -> None:
    """Run the code of a page in its order, each region a cell, and write what its tries showed as `notebook`.

    Raises Failed, leaving `notebook` as it was, when a region raises or warns, or a try shows nothing.
    """
    markdown = page.read_text(encoding="utf-8")
    regions = snippets.shown(markdown, ROOT)
    with PREPARING:
        import nbformat

        imports = f"{STRICT}\n{snippets.imports(regions, ROOT)}"
    book = nbformat.v4.new_notebook()
    for number, code in enumerate([imports, *(each.text for each in regions)]):
        book.cells.append(nbformat.v4.new_code_cell(code, id=f"cell-{number}"))
    if failed := executed(book, page.parent):
        number, error = failed
        which = f"{regions[number - 1].path}:{regions[number - 1].name}" if number else "the imports"
        raise Failed(f"{page}: {which} raised when the code of the page was run in its order:\n{error}")
    tries = [pair for pair in zip(regions, book.cells[1:], strict=True) if Path(pair[0].path).name == "tries.py"]
    for region, cell in tries:
        if not cell.outputs:
            raise Failed(f"{page}: {region.path}:{region.name} shows nothing: let it print or draw something.")
        cell.metadata["region"] = region.name
    book.cells = [cell for _, cell in tries]
    write(book, notebook, nbformat.write)


def executed(book: Any, where: Path) -> tuple[int, str] | None:
    """Run the cells of a notebook in the folder `where`; return which of them raised, and its traceback."""
    with PREPARING:
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError

    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    client = NotebookClient(
        book,
        timeout=600,
        coalesce_streams=True,
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(where)}},
    )
    try:
        with FREE:
            client.execute(env=surroundings())
    except CellExecutionError as error:
        raised = (any(output["output_type"] == "error" for output in cell.get("outputs", [])) for cell in book.cells)
        return next((number for number, has in enumerate(raised) if has), 0), str(error)
    return None


def write(book: Any, notebook: Path, how: Callable[[Any, Path], None]) -> None:
    """Write a notebook, its drawings slimmed, wholly or not at all."""
    partial = notebook.with_name(f"{notebook.name}.partial")
    how(book, partial)
    slim(partial)
    partial.replace(notebook)


def digest(book: Any) -> str:
    """Fingerprint of what stands in the cells of a notebook; what they printed is not counted."""
    return hashlib.sha256(json.dumps([cell["source"] for cell in book["cells"]]).encode()).hexdigest()


def keep_edits(root: Path) -> list[tuple[Path, Path]]:
    """Copy each lab.ipynb that was changed since it was made, before it is written anew; return it and its copy."""
    kept = []
    for notebook in sorted((root / "docs" / "lectures").glob("*/lab.ipynb")):
        book = json.loads(notebook.read_text(encoding="utf-8"))
        for cell in book["cells"]:
            cell["source"] = "".join(cell["source"])  # in the file it is a list of lines
        if book["metadata"].get(MADE) != digest(book):
            names = (f"lab.edited-{number}.ipynb" for number in itertools.count(1))
            copy = next(path for path in map(notebook.with_name, names) if not path.exists())
            shutil.copy2(notebook, copy)
            kept.append((notebook, copy))
    return kept


def read(root: Path) -> str:
    """Fingerprint of all that the pipeline reads; of a page counts the code that it shows, not its prose."""
    lectures, tools = root / "docs" / "lectures", root / "tools"
    typed = (*lectures.glob("*/*.py"), *(root / "code").rglob("*.py"), *tools.glob("*.py"), *tools.glob("*.mjs"))
    pins = (root / name for name in ("constraints.txt", "package-lock.json"))
    seen = hashlib.sha256(sys.version.encode() + digests(root, (*typed, *pins)))
    for page in sorted(lectures.glob("*/index.md")):
        seen.update("\0".join(each.text for each in snippets.shown(page.read_text(encoding="utf-8"), root)).encode())
    return seen.hexdigest()


def made(root: Path) -> str:
    """Fingerprint of all that the pipeline makes."""
    places = ("outputs/**/*", "figures/**/*", "*.ipynb")
    return digests(root, [path for name in places for path in (root / "docs" / "lectures").glob(f"*/{name}")]).hex()


def digests(root: Path, paths: Iterable[Path]) -> bytes:
    """Fingerprint of files by their names and contents."""
    seen = hashlib.sha256()
    for path in sorted(paths):
        if path.is_file():
            seen.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return seen.digest()


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Let one build at a time work in a checkout: another waits, and says so. One that is killed blocks nobody."""
    (root / ".cache").mkdir(exist_ok=True)
    with (root / ".cache" / "lock").open("w", encoding="utf-8") as file:
        told = False
        while not lock(file):
            if not told:
                print("Another build is running in this folder: this one waits for it to end.", flush=True)
            told = True
            time.sleep(0.2)
        yield


def lock(file: IO[str]) -> bool:
    """Lock an open file until it is closed; say whether that was possible."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def build(root: Path = ROOT) -> None:
    """Run every script, drawing, lab and page of code that has changed, or stands on something that has, side by side.

    Raises Failed when one of them fails; its traceback has then been shown.
    """
    mark, before = root / ".cache" / "pipeline", read(root)
    if mark.is_file() and mark.read_text(encoding="utf-8") == before + made(root):
        return
    for notebook, copy in keep_edits(root):
        print(f"{notebook.relative_to(root)} was edited: what you typed is kept in {copy.name} beside it.", flush=True)
    words = [sys.executable, "-m", "pytask", "build", str(root / "tools"), "--show-errors-immediately"]
    # pytask sees up to a second late that a task has ended: twice as many are begun as run
    words += ["--n-workers", str(2 * PROCESSORS), "--parallel-backend", "threads", "--sort-table"]
    done = subprocess.run(words, cwd=root, env=surroundings())
    if done.returncode:
        raise Failed("Something of a lecture failed: its traceback stands above. Mend it and build again.")
    if read(root) == before:  # what was typed meanwhile has not been run
        mark.parent.mkdir(exist_ok=True)
        mark.write_text(before + made(root), encoding="utf-8")
