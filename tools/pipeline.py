"""Run a lecture's script and lab, and put what they made where the site finds it: wholly, or not at all."""

import ast
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}  # the same sums in the same order on every machine


class Failed(Exception):
    """A script or lab that did not do its part; the message says which, and what to do."""


def imported(source: Path, code: Path) -> list[Path]:
    """Find the modules of the folder `code` that `source` imports, directly or through another."""
    found: set[Path] = set()
    waiting = [source]
    while waiting:
        for node in ast.walk(ast.parse(waiting.pop().read_text(encoding="utf-8"))):
            match node:
                case ast.Import(names=names):
                    modules = [alias.name for alias in names]
                case ast.ImportFrom(module=str(module)):
                    modules = [module]
                case _:
                    continue
            new = {path for name in modules if (path := code / f"{name}.py").exists()} - found - {source}
            found |= new
            waiting += new
    return sorted(found)


def run_script(script: Path, outputs: Path) -> None:
    """Run `script --out`, and make `outputs` its figures, metrics.json, log.txt and stamp.json.

    Raises Failed, leaving `outputs` as it was, when the script fails or writes no metrics.
    """
    partial = outputs.with_name("outputs.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    start = time.perf_counter()
    words = [sys.executable, "-W", "error", str(script), "--out", str(partial)]
    ran = subprocess.run(words, env=ONE_THREAD, capture_output=True, text=True, encoding="utf-8")
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


def run_lab(lab: Path, notebook: Path) -> None:
    """Execute the py:percent file `lab` from top to bottom and write it, with outputs, as `notebook`.

    Raises Failed, leaving `notebook` as it was, when a cell raises.
    """
    import jupytext  # here, for these take two seconds that a build with no lab to run can spare
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    book = jupytext.read(lab)
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for number, cell in enumerate(book.cells):
        cell.id = f"cell-{number}"
    client = NotebookClient(
        book,
        timeout=600,
        coalesce_streams=True,
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(lab.parent)}},
    )
    try:
        client.execute(env=ONE_THREAD)
    except CellExecutionError as error:
        raise Failed(f"{lab}: a cell raised\n{error}") from None
    partial = notebook.with_name(f"{notebook.name}.partial")
    nbformat.write(book, partial)
    partial.replace(notebook)


def build(root: Path = ROOT) -> None:
    """Run every script and lab that has changed, or stands on something that has, side by side.

    Raises Failed when one of them fails; its traceback has then been shown.
    """
    words = [sys.executable, "-m", "pytask", "build", str(root / "tools"), "--show-errors-immediately"]
    words += ["--n-workers", str(os.cpu_count() or 1), "--parallel-backend", "threads", "--sort-table"]
    done = subprocess.run(words, cwd=root)
    if done.returncode:
        raise Failed("A script or a lab failed: its traceback stands above. Mend it and build again.")
