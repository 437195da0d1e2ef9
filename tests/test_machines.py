"""What is made and printed is the same on every machine, whatever a person has set there."""

import ast
import io
import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT

from neuronup import command, images, streams
from tools import pipeline

CODE = ROOT / "code"
FOLDERS = ("code", "docs", "overrides", "tests", "tools")
SOURCES = [ROOT / "noxfile.py", *(path for name in FOLDERS for path in sorted((ROOT / name).rglob("*.py")))]
BYTES = {"tarfile.open", "webbrowser.open", "zipfile.ZipFile.open", "Image.open"}  # they open no text
WINDOWS = {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}  # as where output goes to a file
LETTERS = "ŷ ≈ 0.5³ · σ"


def lets_the_machine_choose(call):
    """Whether a call opens, reads, writes or decodes text without saying in which encoding."""
    name, words = ast.unparse(call.func), {word.arg: word.value for word in call.keywords}
    if "encoding" in words or name in BYTES:
        return False
    last = name.rpartition(".")[2]
    if last == "open":
        modes = [word.value for word in [*call.args, *words.values()] if isinstance(word, ast.Constant)]
        return not any(isinstance(mode, str) and re.fullmatch("[rwax]b[+]?", mode) for mode in modes)
    if last in ("Popen", "run", "check_output"):
        return "text" in words
    return (last == "read_text" and not call.args) or (last == "write_text" and len(call.args) < 2)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_text_is_read_and_written_in_an_encoding_that_is_named(source):
    calls = [node for node in ast.walk(ast.parse(source.read_text("utf-8"))) if isinstance(node, ast.Call)]
    assert not [f"line {call.lineno}: {ast.unparse(call)}" for call in calls if lets_the_machine_choose(call)]


def printed(script, *words, **env):
    """What a script prints where nobody has set a number of threads, but what `env` says."""
    around = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    around |= {"PYTHONPATH": str(CODE), **env}
    ran = subprocess.run([sys.executable, script, *words], env=around, capture_output=True)
    assert ran.returncode == 0, ran.stderr.decode("utf-8", "replace")
    return ran.stdout.decode("utf-8")


def script_of(folder, body):
    """Write a script whose main does `body`, and return it."""
    script = folder / "script.py"
    head = 'import torch\nfrom neuronup.command import run\n\ndef main() -> None:\n    """Try."""\n'
    script.write_text(f"{head}    {body}\nrun(main)\n", encoding="utf-8")
    return script


def test_a_script_prints_its_letters_into_a_file_on_windows_too(tmp_path):
    assert printed(script_of(tmp_path, f"print({LETTERS!r})"), **WINDOWS).strip() == LETTERS


def test_a_terminal_that_lacks_a_letter_shows_its_code_and_nothing_stops(monkeypatch):
    class Terminal(io.BytesIO):
        """It says that it is one."""

        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(terminal, encoding="cp1252"))
    monkeypatch.setattr(sys, "stderr", None)  # as in a window without a console
    streams.utf8()
    print("ŷ · ³", flush=True)
    assert terminal.getvalue().decode("cp1252").strip() == r"\u0177 · ³"


def test_the_table_of_all_examples_shows_their_letters_on_windows_too(course):
    course.script("alpha", f"print({LETTERS!r})\n", metrics="")
    course.script("beta", metrics="")
    words = [sys.executable, "-m", "tools.examples", "--out", str(course.root)]
    ran = subprocess.run(words, cwd=course.root, env={**os.environ, **WINDOWS}, capture_output=True)
    assert ran.returncode == 0, ran.stderr.decode("utf-8", "replace")
    assert LETTERS in ran.stdout.decode("utf-8")


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="there is one core")
def test_a_script_prints_the_same_digits_on_any_number_of_cores_and_takes_more_when_told(tmp_path):
    body = "print(torch.get_num_threads(), float(torch.rand(2**22).softmax(0).cumsum(0).sum()))"
    script = script_of(tmp_path, f"torch.manual_seed(0); {body}")
    alone = printed(script)
    assert alone.startswith("1 ")
    assert alone == printed(script, OMP_NUM_THREADS="1")
    assert printed(script, OMP_NUM_THREADS="2").startswith("2 ")


def test_a_lab_computes_on_one_thread(tmp_path):
    lab = tmp_path / "lab.py"
    lab.write_text("import torch\nimport neuronup.exercises\nprint(torch.get_num_threads())\n", encoding="utf-8")
    assert printed(lab) == "1\n"


def test_the_help_of_a_script_says_its_idea_and_how_to_have_more_threads(monkeypatch, capsys):
    def main(steps: int = 1) -> None:
        """Try an idea.

        Args:
            steps: How often.
        """

    monkeypatch.setattr(sys, "argv", ["script.py", "--help"])
    with pytest.raises(SystemExit):
        command.run(main)
    said = " ".join(capsys.readouterr().out.split())
    assert "Try an idea." in said
    assert "How often." in said
    assert " ".join(command.THREADS.split()) in said


def hostile(folder):
    """Fill `folder` with configuration that spoils what it reaches; return an environment that points to it."""
    raising = "raise SystemExit('a person\\'s own configuration was run')\n"
    kernel = {"argv": [sys.executable, "-c", raising], "display_name": "Mine", "language": "python"}
    files = {
        "matplotlibrc": "axes.facecolor: red\nfont.size: 30\nsavefig.bbox: tight\naxes.titlelocation: left\n",
        "jupyter/kernels/python3/kernel.json": json.dumps(kernel),
        "jupyter/jupyter_config.py": raising,
        "ipython/profile_default/startup/mine.py": raising,
        "ipython/profile_default/ipython_config.py": "c.InteractiveShell.ast_node_interactivity = 'all'\n",
        "path/statistics.py": raising,
        "startup.py": raising,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return {
        "HOME": "/nowhere",
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter"),
        "JUPYTER_PATH": str(folder / "jupyter"),
        "LC_ALL": "tr_TR",
        "MATPLOTLIBRC": str(folder),
        "MPLCONFIGDIR": str(folder),
        "NODE_OPTIONS": "--require=/nowhere.js",
        "OMP_NUM_THREADS": "2",
        "PYTHONHASHSEED": "7",
        "PYTHONIOENCODING": "ascii",
        "PYTHONOPTIMIZE": "2",
        "PYTHONPATH": str(folder / "path"),
        "PYTHONSAFEPATH": "1",
        "PYTHONSTARTUP": str(folder / "startup.py"),
        "PYTHONWARNINGS": "error",
        "TORCH_LOGS": "+all",
        "TZ": "Asia/Kolkata",
        "XDG_CACHE_HOME": "/nowhere",
    }


def test_scripts_drawings_and_labs_are_made_in_surroundings_of_their_own(course, tmp_path_factory, monkeypatch):
    told = "import os, sys\nprint(sorted(os.environ), os.environ['HOME'], hash('a'), sys.flags.optimize, 'ŷ')\n"
    beside = "import helper, statistics\n"
    course.write("code/helper.py", "")
    course.script("alpha", told + beside)
    course.drawings("alpha", "loss ŷ")
    course.lab("alpha", told + beside + "1\n2\nassert True\n")
    lecture = course.outputs("alpha").parent
    made = []
    for own in ({}, hostile(tmp_path_factory.mktemp("mine"))):
        for name, value in own.items():
            monkeypatch.setenv(name, value)
        course.write("constraints.txt", f"{len(made)}\n")  # all is to be made anew
        pipeline.build(course.root)
        assert course.ran() == ["alpha", "alpha-drawings", "alpha-lab"]
        files = (lecture / "outputs" / "log.txt", lecture / "figures" / "line.svg", lecture / "lab.ipynb")
        made.append([path.read_text("utf-8") for path in files])
    assert made[0] == made[1]
    assert "'XDG_CACHE_HOME'" not in made[0][0]


def test_a_figure_is_the_same_whatever_matplotlibrc_lies_about(tmp_path):
    lecture = ROOT / "docs" / "lectures" / "perceptron"
    own = hostile(tmp_path / "mine")
    (tmp_path / "matplotlibrc").write_text((tmp_path / "mine" / "matplotlibrc").read_text("utf-8"), encoding="utf-8")
    program = "import sys; sys.path.insert(0, sys.argv.pop(1)); from drawings import draw_xor, figures; import torch\n"
    program += "print(figures.svg(draw_xor(torch.tensor([1.0, 1.0, 2.0, 0.5])), 'xor'))"
    drawn = []
    for place, mine in ((ROOT, {}), (tmp_path, {"MPLCONFIGDIR": own["MPLCONFIGDIR"]})):
        around = {**os.environ, "PYTHONPATH": str(CODE), "PYTHONUTF8": "1", **mine}
        words = [sys.executable, "-W", "error", "-c", program, str(lecture)]
        ran = subprocess.run(words, cwd=place, env=around, capture_output=True, text=True, encoding="utf-8")
        assert ran.returncode == 0, ran.stderr
        drawn.append(ran.stdout)
    assert drawn[0].startswith("<svg")
    assert drawn[0] == drawn[1]


def test_no_module_asks_for_an_accelerator_when_it_is_imported():
    program = """
        import importlib, sys, torch

        def asked(*words):
            raise SystemExit("an accelerator was asked for")

        torch.cuda.is_available = torch.cuda.device_count = torch.backends.mps.is_available = asked
        torch.accelerator.is_available = torch.accelerator.current_accelerator = asked
        if hasattr(torch._C, "_cuda_getDeviceCount"):
            torch._C._cuda_getDeviceCount = asked
        for name in sys.argv[1:]:
            importlib.import_module(name)
    """
    modules = [f"neuronup.{path.stem}" for path in sorted((CODE / "neuronup").glob("[!_]*.py"))]
    scripts = [path.stem for path in sorted(CODE.glob("*.py"))]
    tools = ["tools.pipeline", "tools.examples", "tools.bench", "tools.new"]
    words = [sys.executable, "-W", "error", "-c", textwrap.dedent(program)]
    path = {**os.environ, "PYTHONPATH": os.pathsep.join([str(CODE), str(ROOT)])}
    ran = subprocess.run(
        [*words, *modules, *scripts, *tools], env=path, capture_output=True, text=True, encoding="utf-8"
    )
    assert ran.returncode == 0, ran.stderr


def test_downloads_go_where_the_machine_says_or_the_home_is_and_a_missing_home_is_told(monkeypatch):
    def homeless(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("XDG_CACHE_HOME", "/kept")
    assert images.cache() == Path("/kept/neuron-up")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert images.cache() == Path.home() / ".cache" / "neuron-up"
    monkeypatch.setattr(Path, "expanduser", homeless)
    with pytest.raises(command.BadInput, match=r"^There is no folder for downloads: set XDG_CACHE_HOME to one, or use"):
        images.cache()


def test_the_workflow_tries_every_python_and_the_oldest_torch_that_is_admitted():
    workflow = (ROOT / ".github" / "workflows" / "site.yml").read_text("utf-8")
    pythons = re.findall(r'"(3\.\d+)"', re.search(r"python: \[(.*)\]", workflow)[1])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == f">={pythons[0]}"
    assert len(pythons) > 2
    assert "bash .ci/torch ${{ matrix.torch }}" in workflow
    assert "torch: [oldest, newest]" in workflow
    assert {"torch", "torchvision"} <= {word.split(">=")[0] for word in project["dependencies"] if ">=" in word}


def test_a_persons_settings_do_not_reach_the_sessions_of_nox(tmp_path):
    (tmp_path / "nox.py").write_text(
        "import types\noptions, Session = types.SimpleNamespace(), object\n"
        "def session(call=None, **_):\n    return call or (lambda call: call)\n",
        encoding="utf-8",
    )
    own = hostile(tmp_path / "mine") | {"PIP_USER": "1", "PYTEST_ADDOPTS": "--nonsense", "PYTHONPATH": str(tmp_path)}
    look = "import json, noxfile, os; print(json.dumps(dict(os.environ)))"
    around = {**os.environ, **own, "PYTHONOPTIMIZE": "0", "PYTHONSAFEPATH": "", "PYTHONWARNINGS": ""}
    ran = subprocess.run([sys.executable, "-c", look], cwd=ROOT, env=around, capture_output=True, encoding="utf-8")
    assert ran.returncode == 0, ran.stderr
    left = json.loads(ran.stdout)
    gone = (
        "IPYTHONDIR",
        "JUPYTER_PATH",
        "MPLCONFIGDIR",
        "NODE_OPTIONS",
        "PYTEST_ADDOPTS",
        "PYTHONPATH",
        "PYTHONSTARTUP",
    )
    assert not [name for name in gone if name in left]
    assert (left["PYTHONUTF8"], left["PIP_USER"]) == ("1", "0")
