"""The bench compares side by side: every script with something to compare has its rows, and ours win."""

import re
import sys

from tools import bench


def test_only_scripts_that_have_something_to_compare_are_imported(course):
    course.script("alpha", "raise SystemExit('imported')\n")
    course.script("beta", "def ratios(rounds):\n    yield 'one over another', 2.0 * rounds\n")
    assert bench.compared(course.root) == ["beta"]


def test_the_rows_of_a_script_are_its_ratios(tmp_path, monkeypatch):
    (tmp_path / "a_benched_script.py").write_text(
        "def ratios(rounds):\n    yield 'this over that', 2.0 * rounds\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert bench.measure("a_benched_script", 3) == [("a_benched_script", "this over that", "     6.0")]
    del sys.modules["a_benched_script"]


def test_the_loader_in_memory_wins_clearly_against_one_item_at_a_time(capsys):
    bench.main(rounds=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["topic", "what", "times", "as", "fast"]
    shape = re.compile(r"training +Loader over DataLoader, (\d) workers, batches of (\d+) +(\d+\.\d)")
    found = [row for row in map(shape.fullmatch, lines) if row]
    raced = {(int(row[1]), int(row[2])): float(row[3]) for row in found}
    assert set(raced) == {(0, 32), (0, 256), (2, 32), (2, 256)}
    assert min(raced.values()) > 2
