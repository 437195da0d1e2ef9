"""The house is in order: a place for everything, imports that run downhill, nothing typed in that code could say."""

import ast
import os
import re
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from textwrap import dedent

import pytest
from conftest import ROOT

from tools.lectures import topics
from tools.pipeline import imported

CODE = ROOT / "code"
SCRIPTS = sorted(CODE.glob("*.py"))
TOOLS = [*sorted((ROOT / "tools").glob("*.py")), ROOT / "overrides" / "hooks" / "course.py"]
LECTURES = ROOT / "docs" / "lectures"
MARKDOWN = sorted(path for path in (ROOT / "docs").rglob("*.md") if ".ipynb_checkpoints" not in path.parts)
TEMPLATES = sorted((ROOT / "tools" / "lecture").glob("*.md"))
INCLUDED = re.compile(r'^\s*--8<-- "(?P<path>[\w/.-]+?)(?::(?P<region>[\w-]+))?"$', re.M)


def name_of(path):
    """A file by its place in the repository."""
    return path.relative_to(ROOT).as_posix()


def in_order():
    """The topics of the course in the order of `nav:`."""
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    return re.findall(r"lectures/(\w+)/index\.md", "nav:" + nav)


def python_fences(markdown):
    """The lines of each fence of Python in a page."""
    found = re.finditer(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,}) *\{?[^\n`]*?\b(?:python|py)\b[^\n]*\n", markdown, re.M)
    return [markdown[start.end() :].partition(f"\n{start['indent']}{start['fence']}")[0] for start in found]


def region(path, name):
    """The text of a file, or of one of its regions, as a page shows it."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if name:
        text = text.partition(f"--8<-- [start:{name}]\n")[2].partition(f"# --8<-- [end:{name}]")[0]
    return dedent("".join(line for line in text.splitlines(keepends=True) if "--8<--" not in line))


@pytest.mark.parametrize("topic", topics(ROOT))
def test_a_topic_has_a_page_a_deck_a_script_and_a_test_and_is_in_the_nav(topic):
    for name in (f"docs/lectures/{topic}/index.md", f"docs/lectures/{topic}/slides.md"):
        assert (ROOT / name).is_file(), f"{name} is missing"
    assert (CODE / f"{topic}.py").is_file()
    assert (ROOT / "tests" / f"test_{topic}.py").is_file()
    assert in_order().count(topic) == 1


def test_every_lecture_of_the_nav_is_there():
    assert sorted(in_order()) == topics(ROOT)


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_no_script_hides_a_module_of_python_or_of_a_package(script):
    assert script.stem not in sys.stdlib_module_names
    elsewhere = [place for place in sys.path if place and not Path(place, "command.py").exists()]
    assert PathFinder.find_spec(script.stem, elsewhere) is None


@pytest.mark.parametrize("topic", topics(ROOT))
def test_imports_run_downhill(topic):
    order = in_order()
    later = set(order[order.index(topic) :])
    for source in (CODE / f"{topic}.py", LECTURES / topic / "lab.py"):
        if source.exists():
            above = {path.stem for path in imported(source, CODE)} & later - {topic}
            assert not above, f"{name_of(source)} imports a later lecture: {above}"


@pytest.mark.parametrize("helper", [path for path in SCRIPTS if path.stem not in topics(ROOT)], ids=name_of)
def test_a_helper_imports_no_lecture(helper):
    assert not {path.stem for path in imported(helper, CODE)} & set(topics(ROOT))


@pytest.mark.parametrize("source", [*SCRIPTS, *TOOLS], ids=name_of)
def test_everything_public_says_what_it_does(source):
    module = ast.parse(source.read_text(encoding="utf-8"))
    assert ast.get_docstring(module), f"{name_of(source)} has no docstring"
    classes = [node for node in module.body if isinstance(node, ast.ClassDef)]
    for node in [*module.body, *(node for each in classes for node in each.body)]:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            task = any("task" in ast.unparse(decorator) for decorator in node.decorator_list)
            assert task or ast.get_docstring(node), f"{name_of(source)}:{node.lineno}: {node.name} has no docstring"


@pytest.mark.parametrize("script", [CODE / f"{topic}.py" for topic in topics(ROOT)], ids=name_of)
def test_a_script_ends_its_docstring_with_its_source(script):
    text = script.read_text(encoding="utf-8")
    *_, last = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")
    assert re.match(r"Source: \w.*\b(1[89]|20)\d\d\b", last, re.S), "Source: author, title, venue, year"


@pytest.mark.parametrize("page", [*MARKDOWN, *TEMPLATES], ids=name_of)
def test_python_on_a_page_is_always_an_included_region(page):
    for fence in python_fences(page.read_text(encoding="utf-8")):
        typed = [line for line in fence.splitlines() if line.strip() and not INCLUDED.match(line)]
        assert not typed, f"{name_of(page)} has Python of its own, not a region of a script: {typed[0]}"


@pytest.mark.parametrize("topic", topics(ROOT))
def test_the_regions_of_a_page_pasted_in_order_into_a_fresh_interpreter_run(topic, tmp_path):
    page = (LECTURES / topic / "index.md").read_text(encoding="utf-8")
    shown = [place for fence in python_fences(page) for place in INCLUDED.finditer(fence)]
    assert shown, "the page shows no code"
    pasted = tmp_path / "pasted.py"
    pasted.write_text("\n\n".join(region(place["path"], place["region"]) for place in shown), encoding="utf-8")
    path = {**os.environ, "PYTHONPATH": str(CODE)}
    ran = subprocess.run([sys.executable, "-W", "error", pasted], env=path, capture_output=True, text=True)
    assert ran.returncode == 0, f"docs/lectures/{topic}/index.md, its regions in order:\n{ran.stderr}"


@pytest.mark.parametrize("page", [*MARKDOWN, *TEMPLATES], ids=name_of)
def test_every_picture_has_alt_text(page):
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"!\[\s*\]\([^)]*\)", text)
    for tag in re.findall(r"<img\b[^>]*>", text):
        assert re.search(r'\balt="[^"]', tag), f"{name_of(page)}: {tag}"


def test_nothing_in_the_repository_is_large():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no git repository")
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    assert files
    large = {name_of(path): path.stat().st_size for path in files if path.is_file() and path.stat().st_size > 200_000}
    assert not large
