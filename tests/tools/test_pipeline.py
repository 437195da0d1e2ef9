"""The pipeline runs what has changed and what stands on it, wholly or not at all."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from conftest import with_tools

from tools.pipeline import Failed, build, imported

CHAIN = ["alpha", "beta", "gamma"]  # alpha imports middle, which imports deep; beta imports deep; gamma nothing


@pytest.fixture(scope="module")
def built_once(tmp_path_factory):
    course = with_tools(tmp_path_factory.mktemp("built"))
    course.write("code/deep.py", "DEPTH = 1\n")
    course.write("code/middle.py", "from deep import DEPTH\n\nHEIGHT = DEPTH + 1\n")
    course.script("alpha", "import middle\n")
    course.script("beta", "def late():\n    import deep\n")
    course.script("gamma", '(out / "figure.svg").write_text("<svg/>")\n')
    build(course.root)
    assert course.ran() == CHAIN
    return course.root


@pytest.fixture
def built(built_once, tmp_path):
    """A course that has just been built, in a folder of its own: a build can be moved without running again."""
    shutil.copytree(built_once, tmp_path / "moved", symlinks=True)
    return type(with_tools(tmp_path / "unused"))(tmp_path / "moved")


def test_imports_are_found_directly_and_through_another_wherever_they_stand(course):
    for name in ("deep", "middle", "other"):
        course.write(f"code/{name}.py", "")
    course.write("code/middle.py", "import os\nfrom deep import x\nimport top\n")
    top = course.write("code/top.py", "def f():\n    if True:\n        from middle import y\n")
    assert [path.stem for path in imported(top, course.root / "code")] == ["deep", "middle"]


def test_a_second_build_runs_nothing_even_after_a_page_has_changed(built):
    built.write("docs/lectures/alpha/index.md", "# Another word\n")
    built.write("docs/lectures/alpha/slides.md", "# Another slide\n")
    build(built.root)
    assert built.ran() == []


def test_a_changed_module_reruns_what_stands_on_it_even_through_another_and_only_that(built):
    built.write("code/deep.py", "DEPTH = 2\n")
    build(built.root)
    assert built.ran() == ["alpha", "beta"]
    built.write("code/middle.py", "HEIGHT = 3\n")
    build(built.root)
    assert built.ran() == ["alpha"]


def test_changed_pins_rerun_everything(built):
    with (built.root / "constraints.txt").open("a") as pins:
        pins.write("another==1.0\n")
    build(built.root)
    assert built.ran() == CHAIN


def test_an_output_that_was_altered_or_deleted_is_made_again(built):
    (built.outputs("alpha") / "metrics.json").write_text("{}")
    (built.outputs("gamma") / "figure.svg").unlink()
    build(built.root)
    assert built.ran() == ["alpha", "gamma"]
    assert (built.outputs("alpha") / "metrics.json").read_text() != "{}"
    assert (built.outputs("gamma") / "figure.svg").exists()


def test_the_stamp_and_the_log_say_how_the_outputs_were_made(built):
    assert (built.outputs("alpha") / "log.txt").read_text() == "alpha ran\n"
    stamp = (built.outputs("alpha") / "stamp.json").read_text()
    assert '"script": "code/alpha.py"' in stamp
    assert '"device": "cpu"' in stamp


def test_a_raising_script_stops_the_build_with_its_traceback_and_is_not_taken_for_whole(built, capfd):
    built.script("gamma", '(out / "half.svg").write_text("<svg")\nraise ZeroDivisionError("on purpose")\n')
    for _ in range(2):
        with pytest.raises(Failed, match="Mend it and build again"):
            build(built.root)
        assert built.ran() == ["gamma"]
        shown = capfd.readouterr()
        assert "gamma.py" in shown.out
        assert "ZeroDivisionError: on purpose" in shown.out
        assert not (built.outputs("gamma") / "half.svg").exists()
    built.script("gamma")
    build(built.root)
    assert built.ran() == ["gamma"]
    assert sorted(path.name for path in built.outputs("gamma").parent.iterdir()) == ["outputs"]


def test_a_script_that_warns_fails_the_build(course, capfd):
    course.script("alpha", 'import warnings\nwarnings.warn("old ways")\n')
    with pytest.raises(Failed):
        build(course.root)
    assert "UserWarning: old ways" in capfd.readouterr().out


def test_a_script_without_metrics_gets_a_sentence_that_names_it(course, capfd):
    course.script("alpha", metrics="")
    with pytest.raises(Failed):
        build(course.root)
    shown = " ".join(capfd.readouterr().out.split())
    assert "wrote no metrics.json: let its main end with `record(out, ...)`." in shown
    assert not course.outputs("alpha").exists()


def test_a_lab_runs_when_a_module_it_imports_has_changed_and_a_raising_cell_leaves_the_old_notebook(
    course, capfd, monkeypatch
):
    monkeypatch.setenv("PYTHONPATH", str(course.root / "code"))
    notebook = course.root / "docs" / "lectures" / "alpha" / "lab.ipynb"
    course.script("alpha")
    course.write("code/deep.py", "DEPTH = 1\n")
    course.lab("alpha", "from deep import DEPTH\nprint('depth', DEPTH)\nassert DEPTH < 2, 'too deep'\n")
    build(course.root)
    assert course.ran() == ["alpha", "alpha-lab"]
    assert "depth 1" in (whole := notebook.read_text())
    course.write("code/deep.py", "DEPTH = 2\n")
    with pytest.raises(Failed):
        build(course.root)
    assert course.ran() == ["alpha-lab"]
    shown = re.sub(r"\x1b\[[\d;]*m", "", capfd.readouterr().out)
    assert "AssertionError: too deep" in shown
    assert notebook.read_text() == whole
    assert sorted(path.name for path in notebook.parent.iterdir()) == ["lab.ipynb", "lab.py", "outputs"]


def test_a_build_killed_in_the_middle_is_repaired_by_the_next(course):
    course.script(
        "alpha",
        """
        import time
        (out / "half.svg").write_text("<svg")
        (course / "started").touch()
        while not (course / "go").exists():
            time.sleep(0.02)
        (out / "half.svg").write_text("<svg/>")
        """,
    )
    course.script("beta")
    words = [sys.executable, "-c", "from tools.pipeline import build; build()"]
    running = subprocess.Popen(words, cwd=course.root, stdout=subprocess.DEVNULL, start_new_session=True)
    until = time.monotonic() + 60
    while not (course.root / "started").exists():
        assert time.monotonic() < until, "the script never started"
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert not course.outputs("alpha").exists()
    (course.root / "go").touch()
    build(course.root)
    assert course.ran().count("alpha") == 2
    assert (course.outputs("alpha") / "half.svg").read_text() == "<svg/>"
    assert (course.outputs("alpha") / "stamp.json").exists()
    assert [path.name for path in course.outputs("alpha").parent.iterdir()] == ["outputs"]


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="side by side takes two cores")
def test_independent_scripts_run_side_by_side(course):
    for mine, other in (("alpha", "beta"), ("beta", "alpha")):
        course.script(
            mine,
            f"""
            import time
            (course / "{mine} is here").touch()
            until = time.monotonic() + 20
            while not (course / "{other} is here").exists():
                assert time.monotonic() < until, "{other} did not start while {mine} ran"
                time.sleep(0.02)
            """,
        )
    build(course.root)
    assert course.ran() == ["alpha", "beta"]
