"""Every lab asks before it tells, has exercises that can be failed and solved, and ends by proving something.

The pipeline has run every lab; what its notebook says of stubs and solutions is read here, not run again. What its
checks say of answers, right in other styles and wrong, is in `tests/answers`.
"""

import ast
import re
from itertools import pairwise

import nbformat
import pytest
from answers import GIVEN
from conftest import ROOT, checks_of, module_at

from neuronup import exercises
from tools.lectures import topics

LECTURES = ROOT / "docs" / "lectures"
LABS = [topic for topic in topics(ROOT) if (LECTURES / topic / "lab.py").exists()]
IMPORTS = 8  # lines of them that a lab may open with
FEWEST = 4  # answers of each kind to an exercise
FOLD = r'<details markdown="1"><summary>{}</summary>\n\n.+?\n\n</details>'


def answers_to(topic):
    """The answers to the exercises of a lab."""
    return GIVEN.pop(module_at(ROOT / "tests" / "answers" / f"{topic}.py").__name__)


ANSWERS = {topic: answers_to(topic) for topic in LABS}
EXERCISES = [(topic, check) for topic in LABS for check in dict.fromkeys(given.check for given in ANSWERS[topic])]


def tagged(cell, tag):
    """Whether the notebook's `cell` has the tag `tag`."""
    return tag in cell.metadata.get("tags", [])


def said(cell):
    """What a cell of a notebook printed."""
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def cells(topic):
    """The cells of a lab, as the pipeline ran them."""
    notebook = LECTURES / topic / "lab.ipynb"
    assert notebook.is_file(), f"{notebook.relative_to(ROOT)} is not there: `nox -s site` makes it"
    return nbformat.read(notebook, as_version=4).cells


@pytest.fixture(params=LABS)
def lab(request):
    """The cells of a lab."""
    return cells(request.param)


@pytest.mark.parametrize(
    ("topic", "given"),
    [
        pytest.param(topic, given, id=f"{topic}-{given.check}-{'-'.join(each.__name__ for each in given.functions)}")
        for topic in LABS
        for given in ANSWERS[topic]
    ],
)
def test_a_check_accepts_what_is_right_in_any_style_and_names_the_mistake_in_what_is_wrong(topic, given, capsys):
    exercises.attempt(getattr(checks_of(topic), given.check), *given.functions)
    told = capsys.readouterr().out.strip()
    if given.said is None:
        assert told == "Right."
    else:
        assert told.startswith("Not yet: ")
        assert given.said in told


@pytest.mark.parametrize(("topic", "check"), EXERCISES)
def test_a_check_is_tried_on_several_answers_of_each_kind(topic, check):
    given = [each.said is None for each in ANSWERS[topic] if each.check == check]
    assert given.count(True) >= FEWEST, f"{check} is tried on {given.count(True)} right answers, not {FEWEST}"
    assert given.count(False) >= FEWEST, f"{check} is tried on {given.count(False)} wrong answers, not {FEWEST}"


@pytest.mark.parametrize("topic", LABS)
def test_every_check_of_a_lab_is_tried_on_answers_and_every_one_of_the_file_is_in_the_lab(topic):
    used = set(re.findall(r"^attempt\(checks\.(\w+),", (LECTURES / topic / "lab.py").read_text(encoding="utf-8"), re.M))
    written = (LECTURES / topic / "checks.py").read_text(encoding="utf-8")
    public = {name for name in re.findall(r"^def (\w+)\(", written, re.M) if not name.startswith("_")}
    assert used == public == {given.check for given in ANSWERS[topic]}


def test_the_stubs_of_a_lab_fail_their_checks_and_its_solutions_pass_them(lab):
    code = [cell for cell in lab if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code), "the pipeline did not run every cell"
    parts = [(kind, cell) for cell in code for kind in ("exercise", "check", "solution") if tagged(cell, kind)]
    kinds = [kind for kind, _ in parts]
    assert kinds == ["exercise", "check", "solution"] * (len(kinds) // 3)
    assert kinds, "there is nothing to do in this lab"
    for _, check, solution in zip(*[iter(cell for _, cell in parts)] * 3, strict=True):
        told = said(check).splitlines()
        assert told, f"{check.source} attempts nothing"
        assert all(line.startswith("Not yet: ") for line in told), f"a stub passes already: {check.source}"
        tried = re.findall(r"\b(\w+)(?=[,)])", check.source.partition(",")[2])
        solved = {
            node.name
            for node in ast.parse(solution.source).body
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and "solution" in map(ast.unparse, node.decorator_list)
        }
        assert solved == set(tried), f"{check.source} tries {tried}, but {solved} are solved under @solution"
        assert "is used" in said(solution)
        assert not [output for output in solution.outputs if output.output_type == "error"]


def test_an_exercise_has_two_hints_folded_the_idea_and_the_first_line(lab):
    for before, cell in pairwise(lab):
        if tagged(cell, "exercise"):
            for hint in ("Hint: the idea", "Hint: the first line"):
                assert len(re.findall(FOLD.format(hint), before.source, re.S)) == 1, f"{hint!r} before {cell.source}"


def test_a_prediction_has_a_cell_to_write_it_in_and_its_answer_is_folded(lab):
    asked = [number for number, cell in enumerate(lab) if "**Predict.**" in cell.source]
    assert asked
    for number, following in zip(asked, [*asked[1:], len(lab)], strict=True):
        cell = lab[number]
        assert tagged(lab[number + 1], "guess"), f"no cell to write the guess in after {cell.source}"
        assert lab[number + 1].source.startswith('guess = ""')
        between = "\n".join(each.source for each in lab[number + 2 : following + 1] if each.cell_type == "markdown")
        folds = re.findall(FOLD.format("What came out"), between, re.S)
        assert folds, f"what came out is not folded after {cell.source}"


def test_a_lab_opens_with_its_task(lab):
    first = next(cell for cell in lab if cell.cell_type == "code")
    lines = [line for line in first.source.splitlines() if line.startswith(("import ", "from "))]
    assert len(lines) <= IMPORTS, f"the lab opens with {len(lines)} lines of imports, not at most {IMPORTS}"
    assert all("(" not in line for line in lines), "an import over many lines: import the module"


@pytest.mark.parametrize("topic", LABS)
def test_the_page_and_the_lab_say_how_long_the_lab_takes_and_its_parts_add_up_to_it(topic):
    page = (LECTURES / topic / "index.md").read_text(encoding="utf-8")
    (said_on_page,) = re.findall(r"(\d+) for the \[lab\]", page)
    opening, *_ = cells(topic)
    (said_in_lab,) = set(re.findall(r"(\d+)\s+minutes", opening.source.partition("## ")[0]))
    headings = "\n".join(cell.source for cell in cells(topic) if cell.cell_type == "markdown")
    parts = [int(minutes) for minutes in re.findall(r"^## .*\((\d+) minutes\)$", headings, re.M)]
    assert said_on_page == said_in_lab
    assert sum(parts) == int(said_in_lab)


def test_a_lab_ends_with_an_assertion(lab):
    last = [cell.source for cell in lab if cell.cell_type == "code"][-1]
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(last)))
