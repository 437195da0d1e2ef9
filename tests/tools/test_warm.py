"""A program that begins warm is the same as one that begins cold: its output, its exit status, its warnings."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT

from tools import warm

ENV = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "code"), "PYTHONUTF8": "1"}
PROGRAMS = {
    "prints": "import sys, pathlib\nprint('näm', sys.argv[1:], __name__, pathlib.Path('here').exists())\n",
    "complains": "import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(3)\n",
    "says why": "import sys\nsys.exit('in a sentence')\n",
    "warns": "import warnings\nwarnings.warn('old')\n",
    "is killed": "import os\nos.kill(os.getpid(), 9)\n",
    "reads": "import sys\nprint(repr(sys.stdin.read()))\n",
    "pickles": "import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))).__module__)\n",
    "imports what stands beside it": "import beside\nprint(beside.WORD)\n",
    "draws numbers": "import torch\ntorch.manual_seed(0)\nprint(torch.rand(3), torch.get_num_threads())\n",
}
linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, programs begin cold")


@pytest.fixture
def program(tmp_path):
    """Write a program and what stands beside it."""
    warm.end()
    (tmp_path / "here").touch()
    (tmp_path / "beside.py").write_text("WORD = 'beside'\n", encoding="utf-8")

    def write(text):
        path = tmp_path / "program.py"
        path.write_text(text, encoding="utf-8")
        return path

    yield write
    warm.end()


@pytest.mark.parametrize("name", PROGRAMS)
def test_warm_or_cold_a_program_does_the_same(name, program, tmp_path):
    path, how = program(PROGRAMS[name]), {"cwd": tmp_path, "env": ENV}
    imports = {"torch"} & set(PROGRAMS[name].split())
    cold = subprocess.run(
        [sys.executable, "-W", "error", path, "a", "b"],
        **how,
        capture_output=True,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
    )
    found = warm.run(path, "a", "b", imports=imports, **how)
    assert (found.returncode, found.stdout) == (cold.returncode, cold.stdout)
    assert found.stderr.splitlines()[-1:] == cold.stderr.splitlines()[-1:]


@linux
def test_one_python_runs_many_and_nothing_of_one_is_left_to_the_next(program, tmp_path):
    text = "import os, sys\nprint(os.getppid(), 'beside' in sys.modules)\nimport beside\n"
    said = [warm.run(program(text), cwd=tmp_path, env=ENV, imports=()).stdout for _ in range(3)]
    assert len(set(said)) == 1
    assert said[0].endswith("False\n")
    other = warm.run(program(text), cwd=tmp_path, env={**ENV, "OTHER": "1"}, imports=()).stdout
    assert other != said[0], "another environment wants another Python"


@linux
def test_what_is_heavy_is_there_when_a_program_begins_and_only_what_it_imports(program, tmp_path):
    text = "import sys\nprint([name for name in ('torch', 'matplotlib.figure') if name in sys.modules])\n"
    how = {"cwd": tmp_path, "env": ENV}
    assert warm.run(program(text), imports=(), **how).stdout == "[]\n"
    assert warm.run(program(text), imports=("matplotlib.figure",), **how).stdout == "['matplotlib.figure']\n"


@linux
def test_a_python_that_was_ended_is_told_and_replaced(program, tmp_path):
    how = {"cwd": tmp_path, "env": ENV, "imports": ()}
    ended = warm.run(program("import os\nprint('so far', flush=True)\nos.kill(os.getppid(), 9)\n"), **how)
    assert (ended.returncode != 0, ended.stdout) == (True, "so far\n")
    assert "has ended" in ended.stderr
    assert warm.run(program("print('again')\n"), **how).stdout == "again\n"
