"""Programs that start at once: a Python that has imported what they begin with runs each in a copy of itself.

`import torch` and its like cost three seconds of a processor, and a build runs some forty programs. Where a process can
be copied safely, which is on Linux, that is paid once for each of those that run side by side.
"""

import atexit
import importlib
import json
import os
import subprocess
import sys
import types
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory

HEAVY = ("torch", "sklearn.datasets", "matplotlib.figure")
IDLE: dict[object, SimpleQueue[subprocess.Popen[str]]] = defaultdict(SimpleQueue)  # by environment


def run(
    *words: str | Path, cwd: Path, env: dict[str, str], imports: Collection[str]
) -> subprocess.CompletedProcess[str]:
    """Run a Python program with arguments as `python -W error` does, and take down what it prints.

    Of `imports`, the dotted names of what it imports, the heavy ones are there when it begins.
    """
    python = [sys.executable, "-W", "error"]
    if sys.platform != "linux":
        return subprocess.run([*python, *words], cwd=cwd, env=env, capture_output=True, text=True, encoding="utf-8")
    idle = IDLE[frozenset(env.items())]
    try:
        warm = idle.get_nowait()
    except Empty:
        warm = subprocess.Popen(
            [*python, __file__], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
    with TemporaryDirectory() as folder:
        said = [Path(folder, name) for name in ("stdout", "stderr")]
        for path in said:
            path.touch()
        asked = {"words": words, "cwd": cwd, "said": said, "begins": [name for name in HEAVY if name in imports]}
        code = ask(warm, json.dumps(asked, default=str))
        out, err = (path.read_text(encoding="utf-8") for path in said)
    if code is None:
        with warm:  # to its end
            return subprocess.CompletedProcess(
                words, warm.wait() or 1, out, f"{err}The Python that ran it has ended.\n"
            )
    idle.put(warm)
    return subprocess.CompletedProcess(words, code, out, err)


def ask(warm: subprocess.Popen[str], line: str) -> int | None:
    """Let `warm` run what `line` says; return the program's exit status, or None if `warm` is no more."""
    assert warm.stdin
    assert warm.stdout
    try:
        print(line, file=warm.stdin, flush=True)
        return int(warm.stdout.readline())
    except (BrokenPipeError, ValueError):
        return None


@atexit.register
def end() -> None:
    """End those that have nothing to do."""
    for idle in IDLE.values():
        while not idle.empty():
            with idle.get() as warm:
                warm.communicate()


def main() -> None:
    """Run what each line of the input asks for, and answer with its exit status."""
    for line in sys.stdin:
        asked = json.loads(line)
        for name in asked["begins"]:
            importlib.import_module(name)
        pid = os.fork()
        if not pid:
            become(asked["words"], asked["cwd"], asked["said"])
            return
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def become(words: list[str], cwd: str, said: list[str]) -> None:
    """Be the program: its arguments, its folder, its output; a name of its own to be pickled by."""
    for number, path in enumerate([os.devnull, *said]):
        with Path(path).open("r" if number == 0 else "w", encoding="utf-8") as file:
            os.dup2(file.fileno(), number)
    os.chdir(cwd)
    sys.argv, sys.path[0] = words, str(Path(words[0]).parent)
    program = types.ModuleType("__main__")
    program.__file__ = words[0]
    sys.modules["__main__"] = program
    exec(compile(Path(words[0]).read_bytes(), words[0], "exec"), program.__dict__)


if __name__ == "__main__":
    main()
