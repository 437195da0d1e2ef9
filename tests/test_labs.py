"""Every lab asks before it tells, has exercises that can be failed and solved, and ends by proving something.

The pipeline has run every lab; what its notebook says of stubs and solutions is read here, not run again.
"""

import ast

import nbformat
import pytest
from conftest import ROOT

from neuronup import exercises
from tools.lectures import topics

LECTURES = ROOT / "docs" / "lectures"
LABS = [topic for topic in topics(ROOT) if (LECTURES / topic / "lab.py").exists()]


def tagged(cell, tag):
    """Whether the notebook's `cell` has the tag `tag`."""
    return tag in cell.metadata.get("tags", [])


def said(cell):
    """What a cell of a notebook printed."""
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


@pytest.fixture(params=LABS)
def lab(request):
    """The cells of a lab, as the pipeline ran them."""
    notebook = LECTURES / request.param / "lab.ipynb"
    assert notebook.is_file(), f"{notebook.relative_to(ROOT)} is not there: `nox -s site` makes it"
    return nbformat.read(notebook, as_version=4).cells


def test_the_stubs_of_a_lab_fail_their_checks_and_its_solutions_pass_them(lab):
    code = [cell for cell in lab if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code), "the pipeline did not run every cell"
    parts = [(kind, cell) for cell in code for kind in ("exercise", "check", "solution") if tagged(cell, kind)]
    kinds = [kind for kind, _ in parts]
    assert kinds == ["exercise", "check", "solution"] * (len(kinds) // 3)
    assert kinds, "there is nothing to do in this lab"
    for _, check, solution in zip(*[iter(cell for _, cell in parts)] * 3, strict=True):
        calls = [node for node in ast.walk(ast.parse(check.source)) if isinstance(node, ast.Call)]
        checks = {ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "attempt"}
        tried = [line for line in said(check).splitlines() if line]
        assert tried, f"{checks} attempt nothing"
        assert all(line.startswith("Not yet: ") for line in tried), f"a stub passes {checks} already: {tried}"
        last = ast.unparse(ast.parse(solution.source).body[-1])
        assert any(last.startswith(f"{name}(") for name in checks), f"no solution ends in {checks}, but in {last}"
        assert not [output for output in solution.outputs if output.output_type == "error"]


def test_a_lab_asks_for_a_prediction_before_a_cell_that_answers(lab):
    asked = [number for number, cell in enumerate(lab) if cell.cell_type == "markdown" and "Predict" in cell.source]
    assert asked
    assert all(any(cell.cell_type == "code" for cell in lab[number + 1 :]) for number in asked)


def test_a_lab_ends_with_an_assertion(lab):
    last = [cell.source for cell in lab if cell.cell_type == "code"][-1]
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(last)))


def test_an_attempt_never_raises_and_says_what_came_of_it(capsys):
    def check(answer):
        if answer is None:
            raise AssertionError("it returns nothing yet")
        if answer + 0 != 7:
            raise AssertionError

    for answer in (7, None, 8, "seven"):
        exercises.attempt(check, answer)
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines == ["Right.", "Not yet: it returns nothing yet", "Not yet: the check does not pass"]
    assert last.startswith("Not yet: TypeError: ")
