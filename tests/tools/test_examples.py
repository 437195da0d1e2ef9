"""The scripts run from one command, by name or all, and the end says how they did."""

import re
import subprocess
import sys

import pytest


@pytest.fixture
def examples(course):
    """Run `python -m tools.examples` on a course of two scripts, of which `beta` fails."""
    course.script("alpha", "", metrics="")
    course.script("beta", 'print("before", *sys.argv[1:])\nsys.exit(3)\n', metrics="")

    def run(*words):
        command = [sys.executable, "-m", "tools.examples", *words]
        return subprocess.run(command, cwd=course.root, capture_output=True, text=True, encoding="utf-8")

    return run


def test_one_topic_runs_with_its_options_and_its_own_exit_status(examples):
    ran = examples("beta", "--device", "cpu")
    assert ran.stdout == "beta ran\nbefore --device cpu\n"
    assert ran.returncode == 3


def test_all_topics_run_and_end_in_a_table_of_seconds_and_results(examples):
    ran = examples("--seed", "1")
    assert "before --seed 1" in ran.stdout
    table = ran.stdout.split("\n\n")[-1].splitlines()
    assert table[0].split() == ["topic", "seconds", "result", "first", "line"]
    assert re.fullmatch(r"alpha +\d+\.\d  ok +alpha ran", table[1])
    assert re.fullmatch(r"beta +\d+\.\d  failed \(3\)  beta ran", table[2])
    assert ran.returncode == 1


def test_an_unknown_topic_gets_one_sentence_that_lists_the_topics(examples):
    ran = examples("alpha", "gamma")
    assert ran.stderr == "There is no lecture gamma; there are: alpha, beta.\n"
    assert (ran.returncode, ran.stdout) == (2, "")
