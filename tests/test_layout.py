"""The layout of the repository: a place for everything, imports that run downhill, nothing shown that is not run."""

import ast
import json
import re
import subprocess
import sys
from collections import defaultdict
from importlib.machinery import PathFinder
from pathlib import Path
from string import Formatter

import pytest
from conftest import ROOT

from tools import markup, snippets, tries
from tools.lectures import topics
from tools.pipeline import imported

CODE = ROOT / "code"
PACKAGE = CODE / "neuronup"
SCRIPTS = sorted(CODE.glob("*.py"))
MODULES = sorted(path for path in PACKAGE.glob("*.py") if path.stem != "__init__")
HELPERS = ("command", "devices", "exercises", "figures", "npm", "pictures", "seeds", "streams")  # they hold no ideas
TOOLS = [*sorted((ROOT / "tools").glob("*.py")), ROOT / "overrides" / "hooks" / "course.py"]
LECTURES = ROOT / "docs" / "lectures"
MARKDOWN = sorted(path for path in (ROOT / "docs").rglob("*.md") if ".ipynb_checkpoints" not in path.parts)
TEMPLATES = sorted((ROOT / "tools" / "lecture").glob("*.md"))
LONGEST = 500  # lines of a script
ALIKE = {"REPORT", "evaluate", "fit", "main", "ratios", "summary", "train"}  # each script has its own, of one purpose


def name_of(path):
    """A file by its place in the repository."""
    return path.relative_to(ROOT).as_posix()


def in_order():
    """The topics of the course in the order of `nav:`."""
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    return re.findall(r"lectures/(\w+)/index\.md", "nav:" + nav)


def built_in(module):
    """The lecture that builds a module of the package, as its docstring says; "" for a helper."""
    told = re.search(r"^Built in the lecture `(\w+)`\.$", ast.get_docstring(parsed(module)) or "", re.M)
    return told[1] if told else ""


def parsed(path):
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def definitions(path):
    """The public names that a file defines at its top level."""
    bound, _ = snippets.names(path.read_text(encoding="utf-8"))
    taken = {name for name, (module, *_) in snippets.known(name_of(path), ROOT).items() if module != module_of(path)}
    return {name for name in bound - taken if not name.startswith("_")}


def module_of(path):
    """The dotted name of a module below `code`."""
    return ".".join(path.relative_to(CODE).with_suffix("").parts)


def shown_on(page):
    """The regions that the Python fences of a page show."""
    return snippets.shown(page.read_text(encoding="utf-8"), ROOT)


@pytest.mark.parametrize("topic", topics(ROOT))
def test_a_topic_has_a_page_a_deck_drawings_a_script_and_a_test_and_is_in_the_nav(topic):
    for name in ("index.md", "slides.md", "drawings.py"):
        assert (LECTURES / topic / name).is_file(), f"docs/lectures/{topic}/{name} is missing"
    assert (CODE / f"{topic}.py").is_file()
    assert (ROOT / "tests" / f"test_{topic}.py").is_file()
    assert in_order().count(topic) == 1


def test_every_lecture_of_the_nav_is_there():
    assert sorted(in_order()) == topics(ROOT)


def test_code_holds_a_script_for_each_lecture_and_the_package_and_nothing_else():
    assert [path.stem for path in SCRIPTS] == topics(ROOT)


@pytest.mark.parametrize("source", [*SCRIPTS, PACKAGE], ids=name_of)
def test_no_script_hides_a_module_of_python_or_of_a_package(source):
    assert source.stem not in sys.stdlib_module_names
    elsewhere = [place for place in sys.path if place and not Path(place, "neuronup").exists()]
    assert PathFinder.find_spec(source.stem, elsewhere) is None


@pytest.mark.parametrize("source", [*SCRIPTS, *MODULES], ids=name_of)
def test_no_script_is_imported_by_a_script_or_by_the_package(source):
    scripts = set(SCRIPTS) & set(imported(source, CODE))
    assert not scripts, f"{name_of(source)} imports {[name_of(path) for path in scripts]}: move what they share"


@pytest.mark.parametrize("source", [*SCRIPTS, *MODULES], ids=name_of)
def test_imports_run_downhill(source):
    order = in_order()
    home = source.stem if source in SCRIPTS else built_in(source)
    if source.stem in HELPERS:
        return  # they draw and record what any lecture builds
    assert home in order, f"{name_of(source)} says of no lecture that it is built in it"
    later = set(order[order.index(home) + 1 :])
    taken = {path for path in MODULES if module_of(path) in names_imported(source)}
    above = {path.stem for path in taken if built_in(path) in later}
    if above == {"images"}:  # real images are too good to wait for: the page says which lecture opens the box
        page = (LECTURES / home / "index.md").read_text(encoding="utf-8")
        assert f"../{built_in(CODE / 'neuronup' / 'images.py')}/index.md" in page
        return
    assert not above, f"{name_of(source)} imports what a later lecture builds: {above}"


def test_helpers_are_those_of_which_no_lecture_is_named():
    assert tuple(path.stem for path in MODULES if not built_in(path)) == HELPERS


@pytest.mark.parametrize("module", [path for path in MODULES if path.stem not in HELPERS], ids=name_of)
def test_nothing_in_the_package_is_a_black_box(module):
    page = LECTURES / built_in(module) / "index.md"
    open_ones = set()
    for region in shown_on(page):
        if region.path == name_of(module):
            open_ones |= snippets.names(region.text)[0]
    hidden = definitions(module) - open_ones
    assert not hidden, f"{name_of(page)} shows no region of {name_of(module)} that defines {sorted(hidden)}"


def test_every_region_is_shown():
    included = set()
    for page in MARKDOWN:
        for found in snippets.INCLUDED.finditer(page.read_text(encoding="utf-8")):
            included.add((found["path"], found["region"]))
    hidden = []
    for source in [*SCRIPTS, *MODULES, *sorted((ROOT / "tests").glob("test_*.py"))]:
        for name in re.findall(r"# --8<-- \[start:([\w-]+)\]", source.read_text(encoding="utf-8")):
            if (name_of(source), name) not in included:
                hidden.append(f"{name_of(source)}:{name}")
    assert not hidden, f"regions that no page and no deck shows: {hidden}"


def test_a_name_means_one_thing_in_the_whole_course():
    homes = defaultdict(list)
    for source in [*SCRIPTS, *(path for path in MODULES if path.stem not in HELPERS)]:
        for name in definitions(source) - ALIKE:
            homes[name].append(name_of(source))
    twice = {name: places for name, places in homes.items() if len(places) > 1}
    assert not twice


@pytest.mark.parametrize("source", [*SCRIPTS, *MODULES, *TOOLS], ids=name_of)
def test_only_figures_draw(source):
    brings = {name.partition(".")[0] for name in names_imported(source)}
    assert "matplotlib" not in brings or source.stem == "figures", "matplotlib belongs in drawings.py"
    if source in SCRIPTS:
        assert "neuronup.figures" not in names_imported(source), "a script keeps results; drawings.py draws them"


def names_imported(source):
    """Every module that a file imports, at its top or in a function, by its dotted name."""
    found = set()
    for node in ast.walk(parsed(source)):
        match node:
            case ast.Import(names=taken):
                found |= {alias.name for alias in taken}
            case ast.ImportFrom(module=str(module), names=taken):
                found |= {module, *(f"{module}.{alias.name}" for alias in taken)}
    return found


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_every_metric_is_read(script):
    metrics = LECTURES / script.stem / "outputs" / "metrics.json"
    assert metrics.is_file(), f"{name_of(metrics)} is not there: `nox -s site` makes it"
    read = {"seed", "device"}  # by the stamp
    for page in MARKDOWN:
        for found in markup.NUMBER.finditer(page.read_text(encoding="utf-8")):
            if (found["topic"] or (page.parent.name if page.parent.parent == LECTURES else "")) == script.stem:
                read.add(found["name"])
    texts = [node.value for node in ast.walk(parsed(script)) if isinstance(node, ast.Constant)]
    for text in (text for text in texts if isinstance(text, str) and "{" in text):  # what the script prints
        read |= {name.partition("[")[0] for _, name, *_ in Formatter().parse(text) if name}
    unread = json.loads(metrics.read_text(encoding="utf-8")).keys() - read
    assert not unread, f"{name_of(script)} records what no page, deck, plan or report reads: {sorted(unread)}"


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_a_script_can_be_read_in_one_sitting(script):
    assert len(script.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("source", [*SCRIPTS, *MODULES, *TOOLS], ids=name_of)
def test_everything_public_says_what_it_does(source):
    module = parsed(source)
    assert ast.get_docstring(module), f"{name_of(source)} has no docstring"
    classes = [node for node in module.body if isinstance(node, ast.ClassDef)]
    for node in [*module.body, *(node for each in classes for node in each.body)]:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            task = any("task" in ast.unparse(decorator) for decorator in node.decorator_list)
            assert task or ast.get_docstring(node), f"{name_of(source)}:{node.lineno}: {node.name} has no docstring"


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_a_script_ends_its_docstring_with_its_source(script):
    *_, last = (ast.get_docstring(parsed(script)) or "").split("\n\n")
    assert re.match(r"Source: \w.*\b(1[89]|20)\d\d\b", last, re.S), "Source: author, title, venue, year"


@pytest.mark.parametrize("page", [*MARKDOWN, *TEMPLATES], ids=name_of)
def test_python_on_a_page_is_always_an_included_region(page):
    for fence in snippets.python_fences(page.read_text(encoding="utf-8")):
        lines = [line for line in fence.splitlines() if line.strip()]
        typed = [line for line in lines if not snippets.INCLUDED.match(line) and not snippets.IMPORTS.match(line)]
        assert not typed, f"{name_of(page)} has Python of its own, not a region of a script: {typed[0]}"


@pytest.mark.parametrize("topic", topics(ROOT))
def test_the_code_of_a_page_pasted_in_order_knows_every_name_it_uses(topic, tmp_path):
    """That it runs too, the build has seen, which runs it for its tries."""
    page = LECTURES / topic / "index.md"
    assert snippets.IMPORTS.search(page.read_text(encoding="utf-8")), f"{name_of(page)} has no {{{{ imports }}}}"
    program = tmp_path / "pasted.py"
    program.write_text(snippets.pasted(page.read_text(encoding="utf-8"), ROOT), encoding="utf-8")
    look = [sys.executable, "-m", "ruff", "check", "--output-format=concise", "--isolated", "--no-cache"]
    seen = subprocess.run(
        [*look, "--select=F821,F401,F811", str(program)], capture_output=True, text=True, encoding="utf-8"
    )
    assert seen.returncode == 0, f"{name_of(page)}, its regions in order:\n{seen.stdout}{seen.stderr}"


@pytest.mark.parametrize("topic", topics(ROOT))
def test_a_page_has_four_to_six_tries_each_short_and_each_says_what_to_change(topic):
    page = (LECTURES / topic / "index.md").read_text(encoding="utf-8")
    shown = [region for region in snippets.shown(page, ROOT) if region.path.endswith("tries.py")]
    assert 4 <= len(shown) <= 6, f"{topic} has {len(shown)} tries"
    assert len(tries.FENCE.findall(page)) == len(shown), "each try stands alone in a fence { .python .try }"
    for region in shown:
        assert region.path == f"docs/lectures/{topic}/tries.py"
        assert len(region.text.splitlines()) <= 12, f"{region.name} is long for a few lines to try"
        assert re.search(r"# .*\w", region.text), f"{region.name} does not say in a comment what to change"
    regions = re.findall(r"\[start:([\w-]+)\]", (LECTURES / topic / "tries.py").read_text(encoding="utf-8"))
    assert sorted(regions) == sorted(region.name for region in shown)


@pytest.mark.parametrize("page", [*MARKDOWN, *TEMPLATES], ids=name_of)
def test_every_picture_has_alt_text(page):
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"!\[\s*\]\([^)]*\)", text)
    for tag in re.findall(r"<img\b[^>]*>", text):
        assert re.search(r'\balt="[^"]', tag), f"{name_of(page)}: {tag}"


def test_nothing_in_the_repository_is_large():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    if listed.returncode:
        pytest.skip("this is no git repository")
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    assert files
    large = {name_of(path): path.stat().st_size for path in files if path.is_file() and path.stat().st_size > 200_000}
    assert not large
