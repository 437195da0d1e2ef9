"""A lecture is whole, or the build says what it lacks; what can be downloaded of it runs on its own."""

import io
import shutil
import subprocess
import sys
import zipfile

import pytest
from conftest import ROOT

from tools.lectures import Incomplete, about, bundle, check, topic_of, topics


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
    lecture.lab("alpha", "import drawings\nimport package.aside\n")
    modules = {"__init__": "", "middle": "import package.deep\n", "deep": "", "aside": "", "pens": "", "unused": ""}
    for name, text in modules.items():
        lecture.write(f"code/package/{name}.py", text)
    lecture.write("docs/lectures/alpha/lab.ipynb", "{}")
    names = zipfile.ZipFile(io.BytesIO(bundle("alpha", lecture.root))).namelist()
    files = ["alpha.py", "drawings.py", "lab.ipynb", "lab.py"]
    files += [f"package/{name}.py" for name in ("__init__", "aside", "deep", "middle", "pens")]
    assert names == [f"alpha/{name}" for name in files]
    assert bundle("alpha", lecture.root) == bundle("alpha", lecture.root)


def test_an_unpacked_bundle_runs_and_draws_without_the_repository(tmp_path):
    shutil.copytree(ROOT / "code", tmp_path / "code")
    lecture = tmp_path / "docs" / "lectures" / "cnn"
    shutil.copytree(ROOT / "docs" / "lectures" / "cnn", lecture, ignore=shutil.ignore_patterns("outputs", "figures"))
    (lecture / "lab.ipynb").write_text("{}")
    zipfile.ZipFile(io.BytesIO(bundle("cnn", tmp_path))).extractall(tmp_path / "unpacked")
    folder = tmp_path / "unpacked" / "cnn"
    for script, *words in (
        ("cnn.py", "--device", "cpu", "--epochs", "1", "--seeds", "1", "--out", "outputs"),
        ("drawings.py",),
    ):
        alone = f"""
import runpy, sys
sys.path[:] = [{str(folder)!r}] + [place for place in sys.path if place not in ("", {str(ROOT / "code")!r})]
sys.argv = {[script, *words]}
runpy.run_path({script!r}, run_name="__main__")
"""
        ran = subprocess.run([sys.executable, "-I", "-c", alone], cwd=folder, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
    assert (folder / "figures" / "maps.svg").is_file()
