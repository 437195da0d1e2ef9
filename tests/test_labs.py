"""Every lab asks before it tells, has exercises that can be failed and solved, and ends by proving something."""

import ast

import jupytext
import pytest
from conftest import ROOT

import exercises

LABS = [*sorted((ROOT / "docs" / "lectures").glob("*/lab.py")), ROOT / "tools" / "lecture" / "lab.py"]


def tagged(cell, tag):
    """Whether the notebook's `cell` has the tag `tag`."""
    return tag in cell.metadata.get("tags", [])


@pytest.fixture(params=LABS, ids=lambda path: path.parent.name)
def lab(request, tmp_path, monkeypatch):
    """The cells of a lab; the template for new ones is filled in first."""
    path = request.param
    monkeypatch.chdir(path.parent)
    text = path.read_text(encoding="utf-8")
    if "TOPIC" in text:
        script = path.with_name("script.py").read_text(encoding="utf-8")
        (tmp_path / "a_new_lecture.py").write_text(script, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        text = text.replace("TOPIC", "a_new_lecture")
    return jupytext.reads(text, "py:percent").cells


def test_a_lab_runs_its_stubs_fail_and_its_solutions_pass(lab, monkeypatch):
    tried = []

    def attempt(check, *things):
        try:
            check(*things)
        except Exception as error:
            tried.append((check.__name__, error))
        else:
            tried.append((check.__name__, None))
        real(check, *things)

    real = exercises.attempt
    monkeypatch.setattr(exercises, "attempt", attempt)
    known, check = {"__name__": "__main__"}, None
    count = {"exercise": 0, "solution": 0}
    for cell in lab:
        if cell.cell_type != "code":
            continue
        exec(compile(cell.source, "a cell", "exec"), known)
        if tagged(cell, "exercise"):
            count["exercise"] += 1
            check = None
        elif tagged(cell, "solution"):
            count["solution"] += 1
            assert check, "a solution without a check before it"
            names = {name for name, _ in tried}
            assert names, "a check that attempts nothing"
            assert all(error for _, error in tried), f"the stub passes already: {tried}"
            last = ast.unparse(ast.parse(cell.source).body[-1])
            assert any(last.startswith(f"{name}(") for name in names), f"the solution does not end in {names}: {last}"
            tried.clear()
            exec(compile(check.source, "a check", "exec"), known)
            assert not any(error for _, error in tried), f"the solution does not pass: {tried}"
        elif count["exercise"] > count["solution"] and "attempt(" in cell.source:
            check = cell
        if count["exercise"] == count["solution"]:
            tried.clear()
    assert count["exercise"] == count["solution"] >= 1


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
