"""Try-it cells: run after the code that stands above them on the page, and shown below their own."""

import json
import re
import shutil
from pathlib import Path

import pytest
from conftest import with_tools

from tools import tries
from tools.pipeline import Failed, build

PAGE = """
# Alpha

```python
--8<-- "code/alpha.py:half"
```

``` {{ .python .try title="Try it" }}
--8<-- "docs/lectures/alpha/tries.py:ten"
```

{prose}

??? deeper "More"

    ``` {{ .python .try title="Try it" }}
    --8<-- "docs/lectures/alpha/tries.py:drawn"
    ```
"""
SCRIPT = """
# --8<-- [start:half]
def half(x):
    return x / 2


# --8<-- [end:half]
"""
TRIES = """
from alpha import half

# --8<-- [start:ten]
ten = 10
print(half(ten), "<", ten)  # try another number

# --8<-- [end:ten]
# --8<-- [start:drawn]
class Shown:
    def _repr_html_(self):
        return '<img alt="A line" width="9" src="data:image/svg+xml,%3Csvg viewBox=%220 0 9 9%22/%3E">'


Shown()

# --8<-- [end:drawn]
"""


@pytest.fixture(scope="module")
def tried_once(tmp_path_factory):
    course = with_tools(tmp_path_factory.mktemp("tried"))
    course.script("alpha", 'if "--out" not in sys.argv:\n    sys.exit()\n')
    path = course.root / "code" / "alpha.py"
    path.write_text(
        path.read_text(encoding="utf-8").replace("import sys\n", f"import sys\n{SCRIPT}\n", 1), encoding="utf-8"
    )
    course.write("docs/lectures/alpha/index.md", PAGE.format(prose="Prose."))
    course.write("docs/lectures/alpha/tries.py", TRIES)
    build(course.root)
    return course


@pytest.fixture
def tried(tried_once, tmp_path):
    """A course of one lecture, with two tries, built."""
    shutil.copytree(tried_once.root, tmp_path / "moved", symlinks=True)
    return type(tried_once)(tmp_path / "moved")


def notebook(course) -> Path:
    return course.root / "docs" / "lectures" / "alpha" / "tries.ipynb"


def test_a_try_runs_after_the_code_above_it_and_what_it_showed_stands_below_it(tried):
    marked = tries.with_marks(PAGE.format(prose="Prose."))
    first, second = marked.index("<!-- try:ten -->"), marked.index("\n    <!-- try:drawn -->")
    assert marked.index("tries.py:ten") < first < marked.index("Prose.") < second
    html = tries.with_outputs(
        '<div class="language-python try highlight"></div><!-- try:ten --><!-- try:drawn -->', notebook(tried)
    )
    assert '<pre tabindex="0">5.0 &lt; 10\n</pre>' in html
    assert '<svg class="figure" role="img" aria-label="A line"' in html
    assert html.count("data-search-exclude") == 3


def test_what_a_try_showed_is_made_anew_for_other_code_and_not_for_other_prose(tried):
    made = notebook(tried).stat().st_mtime_ns
    tried.write("docs/lectures/alpha/index.md", PAGE.format(prose="Another word."))
    build(tried.root)
    assert notebook(tried).stat().st_mtime_ns == made
    tried.write("docs/lectures/alpha/tries.py", TRIES.replace("ten = 10", "ten = 12"))
    build(tried.root)
    assert "6.0 < 12" in notebook(tried).read_text(encoding="utf-8")


def test_code_that_raises_stops_the_build_with_its_page_and_region_and_leaves_the_old_outputs(tried, capfd):
    whole = notebook(tried).read_text(encoding="utf-8")
    tried.write("docs/lectures/alpha/tries.py", TRIES.replace("half(ten)", "half(None)"))
    with pytest.raises(Failed):
        build(tried.root)
    shown = "".join(capfd.readouterr().out.split())
    assert "docs/lectures/alpha/index.md:docs/lectures/alpha/tries.py:tenraised" in shown
    assert "TypeError" in shown
    assert notebook(tried).read_text(encoding="utf-8") == whole


def test_code_that_warns_stops_the_build(tried, capfd):
    warns = TRIES.replace("ten = 10\n", "import warnings\nten = 10\nwarnings.warn('old words', DeprecationWarning)\n")
    tried.write("docs/lectures/alpha/tries.py", warns)
    with pytest.raises(Failed):
        build(tried.root)
    shown = re.sub(r"\x1b\[[\d;]*m", "", capfd.readouterr().out)
    assert re.search(r"DeprecationWarning:\s+old words", shown)


def test_a_try_that_shows_nothing_stops_the_build_and_is_named(tried, capfd):
    silent = TRIES.replace('print(half(ten), "<", ten)', "half(ten);")
    assert silent != TRIES
    tried.write("docs/lectures/alpha/tries.py", silent)
    with pytest.raises(Failed):
        build(tried.root)
    assert "tries.py:tenshowsnothing" in "".join(capfd.readouterr().out.split())


def test_a_try_that_was_not_run_is_named(tried, tmp_path):
    with pytest.raises(ValueError, match="the try other has not been run"):
        tries.with_outputs("<!-- try:other -->", notebook(tried))
    with pytest.raises(ValueError, match="the try ten has not been run"):
        tries.with_outputs("<!-- try:ten -->", tmp_path / "none.ipynb")
    assert tries.with_outputs("<p>Nothing to try.</p>", tmp_path / "none.ipynb") == "<p>Nothing to try.</p>"


def test_a_notebook_of_tries_keeps_these_alone(tried):
    cells = json.loads(notebook(tried).read_text(encoding="utf-8"))["cells"]
    assert [cell["metadata"]["region"] for cell in cells] == ["ten", "drawn"]
