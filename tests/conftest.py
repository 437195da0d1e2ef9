"""A small course in a temporary folder, with the tools as they are: for tests that build, break and mend."""

import importlib.util
import os
import re
import shutil
import textwrap
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is loaded: in networks this small threads wait for each other
settings.register_profile("course", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("course")

ROOT = Path(__file__).parents[1]
ASIDE = shutil.ignore_patterns("__pycache__")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a person say that what the scripts give now is right."""
    parser.addoption("--record", action="store_true", help="write tests/recorded anew: see tests/recorded.py")


def module_at(path: Path) -> ModuleType:
    """The module in the file `path`, named after its folder and itself."""
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def drawings_of(topic: str) -> ModuleType:
    """The module docs/lectures/<topic>/drawings.py."""
    return module_at(ROOT / "docs" / "lectures" / topic / "drawings.py")


@cache
def checks_of(topic: str) -> ModuleType:
    """The module docs/lectures/<topic>/checks.py."""
    return module_at(ROOT / "docs" / "lectures" / topic / "checks.py")


class Course:
    """A small course: what is in it, and which of its scripts and labs have run."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str) -> Path:
        """Write the file `name`, making its folder."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def script(self, topic: str, body: str = "", metrics: str = '"steps": 3, "share": 0.5') -> Path:
        """Write the script of `topic`: it notes that it ran, does `body`, and records its metrics."""
        head = f"""
            import sys
            from pathlib import Path

            course, out = Path(__file__).parents[1], Path(sys.argv[2])
            with (course / "ran.txt").open("a") as ran:
                ran.write("{topic} ")
            print("{topic} ran")
        """
        record = f"""
            import json
            (out / "metrics.json").write_text(json.dumps({{"seed": 0, "device": "cpu", {metrics}}}))
        """
        parts = [head, body, record if metrics else ""]
        (self.root / "docs" / "lectures" / topic).mkdir(parents=True, exist_ok=True)
        return self.write(f"code/{topic}.py", "".join(map(textwrap.dedent, parts)))

    def lab(self, topic: str, body: str) -> Path:
        """Write the lab of `topic`: one cell that notes that it ran, and does `body`."""
        head = f"""
            # %%
            with open("../../../ran.txt", "a") as ran:
                ran.write("{topic}-lab ")
        """
        return self.write(f"docs/lectures/{topic}/lab.py", textwrap.dedent(head) + textwrap.dedent(body))

    def drawings(self, topic: str, label: str) -> Path:
        """Write the drawings of `topic`: they note that they ran, and draw one figure with a label."""
        body = f"""
            import json
            import sys
            from pathlib import Path

            course, source, to = Path(__file__).parents[3], *map(Path, sys.argv[1:])
            with (course / "ran.txt").open("a") as ran:
                ran.write("{topic}-drawings ")
            steps = json.loads((source / "metrics.json").read_text())["steps"]
            to.mkdir()
            (to / "line.svg").write_text(f'<svg viewBox="0 0 9 9"><text x="1.0">{label}, {{steps}}</text></svg>')
        """
        return self.write(f"docs/lectures/{topic}/drawings.py", body)

    def outputs(self, topic: str) -> Path:
        """The folder that the script of `topic` fills."""
        return self.root / "docs" / "lectures" / topic / "outputs"

    def ran(self) -> list[str]:
        """Which scripts and labs have run since this was asked last."""
        noted = self.root / "ran.txt"
        names = sorted(noted.read_text(encoding="utf-8").split()) if noted.exists() else []
        noted.unlink(missing_ok=True)
        return names


def with_tools(root: Path) -> Course:
    """Give the folder `root` the tools and the pins, and nothing to use them on yet."""
    shutil.copytree(ROOT / "tools", root / "tools", ignore=ASIDE)
    for name in ("LICENSE", "constraints.txt", "package-lock.json", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    (root / "node_modules").symlink_to(ROOT / "node_modules")
    (root / "docs" / "lectures").mkdir(parents=True)
    (root / "code").mkdir()
    return Course(root)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course with tools, and nothing to use them on yet."""
    return with_tools(tmp_path)


@pytest.fixture
def small_site(course: Course) -> Course:
    """A course of one lecture, `alpha`, that MkDocs can build: page, deck, script and test."""
    root = course.root
    shutil.copytree(ROOT / "overrides", root / "overrides", ignore=ASIDE)
    shutil.copytree(ROOT / "docs" / "assets", root / "docs" / "assets")
    whole = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    nav = "nav: [index.md, lectures/alpha/index.md, course/glossary.md]\n"
    course.write("mkdocs.yml", re.sub(r"^nav:\n(?:[ #].*\n|\n)*", nav, whole, flags=re.M))
    course.write("docs/index.md", "# Home\n\nA word.\n")
    course.write("docs/course/glossary.md", "# Glossary\n\n## margin\n\nHow far off the nearest point is.\n")
    course.write("docs/lectures/alpha/index.md", "# Alpha\n\n{{ steps }} steps.\n")
    course.write("docs/lectures/alpha/slides.md", "# Alpha, in slides\n")
    course.write("tests/test_alpha.py", "")
    course.script("alpha")
    course.drawings("alpha", "loss")
    return course
