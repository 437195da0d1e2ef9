"""A new lecture works before a word of it is written, and is refused in a sentence where it cannot be."""

import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

from tools import new
from tools.lectures import check

WORDS = ("brand_new", "A brand new idea")


def run(course, *words):
    """Run `python` with `words` in the folder of `course`, its scripts first on the path."""
    path = {**os.environ, "PYTHONPATH": str(course.root / "code")}
    return subprocess.run(
        [sys.executable, *words], cwd=course.root, env=path, capture_output=True, text=True, encoding="utf-8"
    )


def test_a_new_lecture_is_whole_clean_and_its_script_and_test_run(course):
    shutil.copytree(ROOT / "code" / "neuronup", course.root / "code" / "neuronup")
    for folder in ("code", "docs"):
        shutil.copy(ROOT / folder / "ruff.toml", course.root / folder)
    (course.root / "tests" / "answers").mkdir(parents=True)
    for name in ("conftest.py", "test_labs.py", "answers/__init__.py"):
        shutil.copy(ROOT / "tests" / name, course.root / "tests" / name)
    made = run(course, "-m", "tools.new", *WORDS)
    assert made.returncode == 0, made.stderr
    assert "- lectures/brand_new/index.md" in made.stdout
    assert "[A brand new idea](lectures/brand_new/index.md)" in made.stdout
    check(course.root)
    lecture = course.root / "docs" / "lectures" / "brand_new"
    code, tests = course.root / "code", course.root / "tests"
    files = [code / "brand_new.py", tests / "test_brand_new.py", tests / "answers" / "brand_new.py", *lecture.iterdir()]
    assert not [
        path
        for path in files
        if "TOPIC" in path.read_text(encoding="utf-8") or "TITLE" in path.read_text(encoding="utf-8")
    ]
    for styled in (["check"], ["format", "--check"]):
        found = run(course, "-m", "ruff", *styled, "code", "tests", "docs")
        assert found.returncode == 0, found.stdout
    tested = run(course, "-m", "pytest", "-q", "tests/test_brand_new.py", "-p", "no:cacheprovider")
    assert tested.returncode == 0, tested.stdout
    tried = run(course, "-m", "pytest", "-q", "tests/test_labs.py", "-k", "accepts or tried", "-p", "no:cacheprovider")
    assert tried.returncode == 0, tried.stdout
    ran = subprocess.run([sys.executable, "lab.py"], cwd=lecture, env={**os.environ, "PYTHONPATH": str(code)})
    assert ran.returncode == 0
    broken = course.root / "code" / "brand_new.py"
    broken.write_text(
        broken.read_text(encoding="utf-8").replace("predictions[-1] - rate", "predictions[-1] + rate"), encoding="utf-8"
    )
    assert run(course, "-m", "pytest", "-q", "tests/test_brand_new.py", "-p", "no:cacheprovider").returncode == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "A topic and a title are wanted"),
        (["attention"], "A topic and a title are wanted"),
        (["attention", "to", "words"], "A topic and a title are wanted"),
        (["Attention", "Title"], "'Attention' cannot name a lecture"),
        (["no-name", "Title"], "'no-name' cannot name a lecture"),
        (["2d", "Title"], "'2d' cannot name a lecture"),
        (["_x", "Title"], "'_x' cannot name a lecture"),
        (["été", "Title"], "'été' cannot name a lecture"),
        (["class", "Title"], "'class' cannot name a lecture"),
        (["", "Title"], "'' cannot name a lecture"),
        (["attention", "  "], "'  ' cannot be its title"),
        (["attention", 'A "quoted" title'], "cannot be its title"),
        (["alpha", "Title"], "code/alpha.py exists already"),
        (["beta", "Title"], "tests/test_beta.py exists already"),
        (["random", "Title"], "random is a module of Python"),
        (["torch", "Title"], "torch is a module of Python or of an installed package"),
    ],
)
def test_what_cannot_be_a_lecture_is_refused_in_one_sentence(words, sentence, course, capsys, monkeypatch):
    monkeypatch.setattr(new, "ROOT", course.root)
    course.script("alpha")
    course.write("tests/test_beta.py", "")
    before = sorted(course.root.rglob("*"))
    with pytest.raises(SystemExit) as ended:
        new.main(words)
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert sorted(course.root.rglob("*")) == before


def test_a_lecture_that_cannot_be_written_wholly_is_not_written_at_all(course):
    (course.root / "tests").write_text("a file where the folder of tests should be", encoding="utf-8")
    with pytest.raises(FileExistsError):
        new.write(*WORDS, course.root)
    assert not list((course.root / "code").iterdir())
    assert not list((course.root / "docs" / "lectures").iterdir())
