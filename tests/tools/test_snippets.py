"""The code of a page: which regions it shows, and the imports they need when they are pasted in order."""

import subprocess
import sys

import pytest
from conftest import ROOT

from tools.lectures import topics
from tools.snippets import imports, names, pasted, region, shown, with_imports

SCRIPT = '''
"""A script."""
import math
import os.path
from collections.abc import Callable, Iterator
from pathlib import Path as Place

import numpy as np

from house import roof, window


# --8<-- [start:area]
def area(side: float) -> float:
    """The area."""
    return math.pi * side**2


# --8<-- [end:area]
SIDES = [1, 2]
limit: float = 3.0


# --8<-- [start:class]
class Shape:
    # --8<-- [start:method]
    def draw(self, place: Place) -> "Callable[[], None]":
        inner = [np.sin(side) for side in SIDES if side < limit]
        return lambda: window(inner, area(2))

    # --8<-- [end:method]


# --8<-- [end:class]
'''
FENCE = '```python\n--8<-- "code/script.py:{}"\n```\n'


@pytest.fixture
def root(course):
    """A course with a script, a package of the house, and a test that is shown as a solution."""
    course.write("code/script.py", SCRIPT)
    course.write("code/house/__init__.py", "")
    test = "import pytest\n\nfrom script import area\n\n\n# --8<-- [start:right]\ndef test_right():\n"
    test += "    assert area(1) == pytest.approx(3.14)\n\n\n# --8<-- [end:right]\nHELP = 1\n"
    test += "# --8<-- [start:lost]\nHELP + lost\n\n\n# --8<-- [end:lost]\n"
    course.write("tests/test_script.py", test)
    return course.root


def test_a_region_is_shown_without_the_marks_of_others_and_dedented(root):
    assert region("code/script.py", "area", root).text.startswith("def area(side")
    assert "--8<--" not in region("code/script.py", "class", root).text
    assert region("code/script.py", "method", root).text.splitlines()[0] == (
        'def draw(self, place: Place) -> "Callable[[], None]":'
    )


def test_names_are_those_bound_at_the_top_and_those_used_anywhere():
    bound, used = names("import a\nb: int = c\ndef f(x=d):\n    y = e\n    return lambda z: [w for w in x + y + z + g]")
    assert bound == {"a", "b", "f"}
    assert used >= {"c", "d", "e", "g"}
    assert not used & {"x", "y", "z", "w"}


def test_the_imports_of_a_page_are_those_that_its_regions_use_and_no_region_makes(root):
    found = imports([region("code/script.py", name, root) for name in ("area", "method")], root)
    assert found == "\n\n".join(
        [
            "import math\nfrom pathlib import Path as Place",
            "import numpy as np",
            "from house import window\nfrom script import SIDES, limit",
        ]
    )


def test_a_solution_takes_its_imports_from_the_test_and_what_the_page_shows_from_the_page(root):
    right = region("tests/test_script.py", "right", root)
    assert imports([right], root) == "import pytest\n\nfrom script import area"
    assert imports([right, region("code/script.py", "area", root)], root) == "import math\n\nimport pytest"


def test_a_name_that_nothing_defines_is_told_with_its_region(root):
    with pytest.raises(ValueError, match=r"^tests/test_script\.py:lost uses HELP, lost, which nothing"):
        imports([region("tests/test_script.py", "lost", root)], root)


def test_a_long_import_stands_in_lines_and_in_the_order_of_the_house(root):
    taken = ["an_function_with_a_long_name", "A_CONSTANT_WITH_A_LONG_NAME", "AClassWithALongName"]
    (root / "code" / "script.py").write_text(
        f"from house import {', '.join(taken)}\n{' + '.join(taken)}\n", encoding="utf-8"
    )
    lines = "".join(f"    {name},\n" for name in (taken[1], taken[2], taken[0]))
    assert imports([region("code/script.py", "", root)], root) == ""
    shown_part = region("code/script.py", "", root)._replace(text=" + ".join(taken))
    assert imports([shown_part], root) == f"from house import (\n{lines})"


def test_a_page_gets_its_imports_at_the_indent_of_their_line_and_stays_as_it_is_without(root):
    page = f"# A page\n\n??? note\n\n    ```python\n    {{{{ imports }}}}\n    ```\n\n{FENCE.format('area')}"
    assert "\n    ```python\n    import math\n    ```\n" in with_imports(page, root)
    assert with_imports(FENCE.format("area"), root) == FENCE.format("area")


def test_regions_are_shown_in_the_order_of_the_page_and_text_fences_are_no_code(root):
    page = FENCE.format("method") + '```text\n--8<-- "code/script.py:area"\n```\n' + FENCE.format("area")
    assert [each.name for each in shown(page, root)] == ["method", "area"]
    program = pasted(FENCE.format("area"), root)
    assert program == f"import math\n\n\n{region('code/script.py', 'area', root).text}\n"


@pytest.mark.parametrize("topic", topics(ROOT))
def test_imports_are_sorted_as_ruff_sorts_them(topic, tmp_path):
    page = (ROOT / "docs" / "lectures" / topic / "index.md").read_text(encoding="utf-8")
    (tmp_path / "top.py").write_text(imports(shown(page, ROOT), ROOT) + "\n", encoding="utf-8")
    rules = ["--isolated", "--no-cache", "--select=I001", "--config", f"src = ['{(ROOT / 'code').as_posix()}']"]
    look = [sys.executable, "-m", "ruff", "check", *rules, str(tmp_path / "top.py")]
    seen = subprocess.run(look, capture_output=True, text=True, encoding="utf-8")
    assert seen.returncode == 0, seen.stdout
