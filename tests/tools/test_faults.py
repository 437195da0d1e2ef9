"""Faults put into code on purpose: what is changed, what is drawn, and which tests are asked."""

import ast

import pytest
from conftest import ROOT

from tools import faults
from tools.faults import AREAS, Fault, Watched, drawn, rows

SOURCE = '''
"""A text stays."""
RATE: float = 0.5


def fit(x: Tensor, steps: int = 3) -> float:
    total = x.train.sum() - 1
    if total < 2 and not x.done:
        total += RATE
    print(total)
    return split(x, total) if steps else -total


if __name__ == "__main__":
    fit(9)
'''


def changed(fault: Fault, source: str = SOURCE) -> str:
    whole = source.encode()
    return (whole[: fault.start] + fault.becomes.encode() + whole[fault.end :]).decode()


def test_every_fault_leaves_python_that_parses_and_says_something_else():
    found = faults.faults("code/x.py", SOURCE)
    assert len(found) > 15
    for fault in found:
        assert ast.dump(ast.parse(changed(fault))) != ast.dump(ast.parse(SOURCE))
        assert SOURCE.encode()[fault.start : fault.end].decode() == fault.was


@pytest.mark.parametrize(
    "line",
    [
        "RATE: float = 1.0",
        "def fit(x: Tensor, steps: int = 4) -> float:",
        "    total = x.validation.sum() - 1",
        "    total = (1) - (x.train.sum())",
        "    if total <= 2 and not x.done:",
        "    if (total < 2) or (not x.done):",
        "        total -= RATE",
        "    pass",
        "    return split(total, x) if steps else -total",
        "    return split(x, total) if steps else (total)",
    ],
)
def test_a_fault_is_what_a_hand_may_do_by_mistake(line):
    assert line in {row for fault in faults.faults("code/x.py", SOURCE) for row in changed(fault).splitlines()}


def test_texts_types_and_what_only_a_program_runs_stay():
    lines = SOURCE.splitlines()
    assert {lines[fault.line - 1] for fault in faults.faults("code/x.py", SOURCE)}.isdisjoint({lines[1], *lines[-2:]})


def test_another_seed_draws_other_faults_and_the_same_seed_the_same():
    first, again, other = (drawn(50, seed, "") for seed in (0, 0, 1))
    assert first == again != other
    assert len(set(first)) == 50
    areas = {area for area, patterns in AREAS.items() for each in first for pattern in patterns if each.path in {
        path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern)}}  # fmt: skip
    assert areas == set(AREAS)
    assert all("cnn" in fault.path for fault in drawn(5, 0, "cnn"))


def test_the_tests_of_a_fault_are_those_that_reach_its_line_the_quickest_first():
    seconds = {"slow": 9.0, "quick": 1.0, "else": 0.1, "tests/tools/test_pipeline.py::test_a": 2.0}
    tests = Watched(
        {("code/a.py", 3): {"slow"}, ("code/a.py", 4): {"slow", "quick"}, ("code/b.py", 3): {"else"}}, seconds
    )
    fault = Fault("code/a.py", 3, 4, "fit", 0, 1, "0", "1")
    assert tests.of(fault) == ["quick", "slow"]
    assert tests.of(fault._replace(line=9, last=9)) == ["quick", "slow"]  # run on import: whatever reaches the file
    assert tests.of(fault._replace(path="tools/task_lectures.py")) == ["tests/tools/test_pipeline.py::test_a"]


def test_a_fault_is_noticed_if_a_test_fails_and_the_file_is_put_back(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text(
        "def two():\n    return 2\n\n\ndef spare():\n    return 5\n", encoding="utf-8"
    )
    (tmp_path / "test_a.py").write_text(
        "from a import two\n\n\ndef test_two():\n    assert two() == 2\n", encoding="utf-8"
    )
    source = (tmp_path / "code" / "a.py").read_text(encoding="utf-8")
    found = [faults.try_out(fault, ["test_a.py"], 1, tmp_path) for fault in faults.faults("code/a.py", source)]
    assert found == [True, True, False, False]
    assert (tmp_path / "code" / "a.py").read_text(encoding="utf-8") == source
    assert not faults.try_out(faults.faults("code/a.py", source)[0], [], 1, tmp_path)


def test_a_copy_has_what_is_typed_and_leads_to_what_is_installed(tmp_path, monkeypatch):
    root = tmp_path / "course"
    for name in ("code", "site", ".git", ".venv", "node_modules"):
        (root / name).mkdir(parents=True)
        (root / name / "file").write_text(name, encoding="utf-8")
    monkeypatch.setattr(faults, "ROOT", root)
    made = faults.copy(tmp_path / "copy")
    assert sorted(path.name for path in made.iterdir()) == [".git", ".venv", "code", "node_modules"]
    assert (made / ".venv").resolve() == root / ".venv"
    assert (made / "code").is_dir()
    assert not (made / "code").is_symlink()


def test_the_report_names_what_nobody_noticed_and_counts_by_area():
    fault = Fault("code/cnn.py", 3, 3, "fit", 0, 1, "one(\n    0)", "1")
    found = rows([fault, fault._replace(line=4), fault._replace(path="tools/new.py")], [True, False, True])
    assert ("code/cnn.py:4", "fit", "one( 0)", "1") in found, "a row is one line"
    assert [row[2:] for row in found if row[0] in AREAS] == [("1 of 2 noticed", "50%"), ("1 of 1 noticed", "100%")]


def test_no_file_of_that_name_is_told_in_a_sentence():
    with pytest.raises(SystemExit, match="--only nowhere: no file of the course"):
        faults.main(only="nowhere")
