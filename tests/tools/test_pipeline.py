"""The pipeline runs what has changed and what stands on it, wholly or not at all."""

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest
from conftest import with_tools

from tools import pipeline, warm
from tools.pipeline import ROOT, Failed, build, imported

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


def test_imports_are_found_in_a_package_and_beside_the_file(course):
    for name in ("package/__init__", "package/one", "package/two", "package/three", "script"):
        course.write(f"code/{name}.py", "")
    course.write("code/package/one.py", "import package.three\n")
    course.write("docs/lectures/alpha/drawings.py", "from package import one\nfrom script import x\n")
    lab = course.write("docs/lectures/alpha/lab.py", "import drawings\n")
    found = [path.relative_to(course.root).as_posix() for path in imported(lab, course.root / "code")]
    modules = [f"code/{name}.py" for name in ("package/__init__", "package/one", "package/three", "script")]
    assert found == [*modules, "docs/lectures/alpha/drawings.py"]


def test_a_build_in_which_nothing_has_changed_starts_nothing(built, monkeypatch):
    build(built.root)
    monkeypatch.setattr(subprocess, "run", lambda *words, **how: pytest.fail(f"it starts {words}"))
    build(built.root)


def test_a_lecture_that_has_no_script_yet_stops_no_other(course):
    course.script("alpha")
    course.write("docs/lectures/beta/index.md", "# Beta\n")
    build(course.root)
    assert course.ran() == ["alpha"]


def test_what_is_typed_while_a_build_runs_is_run_by_the_next(course):
    course.script("beta")
    typing = """
        import time
        while not (course / "docs/lectures/beta/outputs/stamp.json").exists():
            time.sleep(0.05)
        time.sleep(0.5)
        with (course / "code/beta.py").open("a") as file:
            file.write("# typed when beta had run")
    """
    course.script("alpha", typing)
    build(course.root)
    assert course.ran() == ["alpha", "beta"]
    build(course.root)
    assert course.ran() == ["beta"]


def test_a_changed_drawing_is_drawn_anew_from_what_the_script_kept_and_nothing_is_trained(course):
    course.script("alpha")
    course.drawings("alpha", "loss")
    figure = course.outputs("alpha").with_name("figures") / "line.svg"
    build(course.root)
    assert course.ran() == ["alpha", "alpha-drawings"]
    assert figure.read_text(encoding="utf-8") == '<svg viewBox="0 0 9 9"><text x="1">loss, 3</text></svg>'  # slimmed
    course.drawings("alpha", "accuracy")
    build(course.root)
    assert course.ran() == ["alpha-drawings"]
    assert "accuracy, 3" in figure.read_text(encoding="utf-8")
    course.script("alpha", metrics='"steps": 4')
    build(course.root)
    assert course.ran() == ["alpha", "alpha-drawings"]
    assert "accuracy, 4" in figure.read_text(encoding="utf-8")


def test_what_a_script_keeps_in_a_folder_of_its_own_counts_too(course):
    course.script("alpha", '(out / "deep").mkdir()\n(out / "deep" / "kept.txt").write_text("kept")\n')
    build(course.root)
    build(course.root)
    assert course.ran() == ["alpha"]
    (course.outputs("alpha") / "deep" / "kept.txt").write_text("altered", encoding="utf-8")
    build(course.root)
    assert course.ran() == ["alpha"]


def test_a_raising_drawing_stops_the_build_with_its_traceback_and_leaves_the_old_figures(course, capfd):
    course.script("alpha")
    drawings = course.drawings("alpha", "loss")
    build(course.root)
    drawings.write_text(
        drawings.read_text(encoding="utf-8").replace("to.mkdir()", 'raise ZeroDivisionError("on purpose")'),
        encoding="utf-8",
    )
    with pytest.raises(Failed, match="Mend it and build again"):
        build(course.root)
    assert "ZeroDivisionError: on purpose" in capfd.readouterr().out
    lecture = course.outputs("alpha").parent
    assert "loss" in (lecture / "figures" / "line.svg").read_text(encoding="utf-8")
    assert sorted(path.name for path in lecture.iterdir()) == ["drawings.py", "figures", "outputs"]


def test_a_drawing_that_cannot_be_read_is_named(course, capfd):
    course.script("alpha")
    drawings = course.drawings("alpha", "loss")
    drawings.write_text(drawings.read_text(encoding="utf-8").replace("</svg>", ""), encoding="utf-8")
    with pytest.raises(Failed):
        build(course.root)
    assert "line.svg: a drawing cannot be read" in " ".join(capfd.readouterr().out.split())


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
    with (built.root / "constraints.txt").open("a", encoding="utf-8") as pins:
        pins.write("another==1.0\n")
    build(built.root)
    assert built.ran() == CHAIN


def test_an_output_that_was_altered_or_deleted_is_made_again(built):
    (built.outputs("alpha") / "metrics.json").write_text("{}", encoding="utf-8")
    (built.outputs("gamma") / "figure.svg").unlink()
    build(built.root)
    assert built.ran() == ["alpha", "gamma"]
    assert (built.outputs("alpha") / "metrics.json").read_text(encoding="utf-8") != "{}"
    assert (built.outputs("gamma") / "figure.svg").exists()


def test_the_stamp_and_the_log_say_how_the_outputs_were_made(built):
    assert (built.outputs("alpha") / "log.txt").read_text(encoding="utf-8") == "alpha ran\n"
    stamp = (built.outputs("alpha") / "stamp.json").read_text(encoding="utf-8")
    assert '"script": "code/alpha.py"' in stamp
    assert '"device": "cpu"' in stamp


def test_a_raising_script_stops_the_build_with_its_traceback_and_is_not_taken_for_whole(built, capfd):
    built.script("gamma", '(out / "half.svg").write_text("<svg")\nraise ZeroDivisionError("on purpose")\n')
    for _ in range(2):
        with pytest.raises(Failed, match="Mend it and build again"):
            build(built.root)
        assert built.ran() == ["gamma"]
        shown = capfd.readouterr()
        assert "gamma.py" in re.sub(r"[\s│]", "", shown.out)  # the box may break it
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
    assert "depth 1" in (whole := notebook.read_text(encoding="utf-8"))
    course.write("code/deep.py", "DEPTH = 2\n")
    with pytest.raises(Failed):
        build(course.root)
    assert course.ran() == ["alpha-lab"]
    shown = re.sub(r"\x1b\[[\d;]*m", "", capfd.readouterr().out)
    assert "AssertionError: too deep" in shown
    assert notebook.read_text(encoding="utf-8") == whole
    assert sorted(path.name for path in notebook.parent.iterdir()) == ["lab.ipynb", "lab.py", "outputs"]


def test_a_build_keeps_what_was_typed_into_a_notebook(course, capfd):
    course.script("alpha")
    course.lab("alpha", "answer = 6 * 7\n")
    notebook = course.root / "docs" / "lectures" / "alpha" / "lab.ipynb"
    build(course.root)
    book = json.loads(notebook.read_text(encoding="utf-8"))
    book["cells"][0]["outputs"] = []  # run and saved in Jupyter, nothing typed
    notebook.write_text(json.dumps(book), encoding="utf-8")
    build(course.root)
    assert [path.name for path in notebook.parent.glob("*.ipynb")] == ["lab.ipynb"]
    for number in (1, 2):
        book["cells"][0]["source"] = [f"mine = {number}\n"]
        notebook.write_text(json.dumps(book), encoding="utf-8")
        capfd.readouterr()
        build(course.root)
        copy = notebook.with_name(f"lab.edited-{number}.ipynb")
        assert json.loads(copy.read_text(encoding="utf-8")) == book
        assert f"alpha/lab.ipynb was edited: what you typed is kept in {copy.name}" in capfd.readouterr().out
        assert "answer = 6 * 7" in notebook.read_text(encoding="utf-8")
        build(course.root)
    assert len(list(notebook.parent.glob("lab.edited-*.ipynb"))) == 2


def test_scripts_are_run_on_the_processor_whatever_the_machine_has(course):
    course.script("alpha", "assert sys.argv[3:] == ['--device', 'cpu']\n")
    build(course.root)
    assert course.ran() == ["alpha"]


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
    assert (course.outputs("alpha") / "half.svg").read_text(encoding="utf-8") == "<svg/>"
    assert (course.outputs("alpha") / "stamp.json").exists()
    assert [path.name for path in course.outputs("alpha").parent.iterdir()] == ["outputs"]


def test_a_second_build_waits_for_the_first_and_says_so_and_a_killed_one_blocks_nobody(course):
    hold = "import time; from tools.pipeline import *\nwith alone(ROOT): print('in', flush=True); time.sleep(60)"
    enter = "from tools.pipeline import *\nwith alone(ROOT): print('in', flush=True)"
    pipes = {"cwd": course.root, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", hold], **pipes) as first:
        assert first.stdout.readline() == "in\n"
        with subprocess.Popen([sys.executable, "-c", enter], **pipes) as second:
            assert second.stdout.readline().startswith("Another build is running in this folder: this one waits")
            time.sleep(0.5)
            assert second.poll() is None
            first.kill()
            assert second.stdout.read() == "in\n"
    assert second.returncode == 0


def test_no_two_threads_parse_at_once(tmp_path, monkeypatch):
    parse, parsing, together = ast.parse, Lock(), []

    def watched(source, *words, **how):
        if parsing.locked():
            together.append(source)
        with parsing:
            time.sleep(0.02 * (len(source) > 1000))  # a file of ours, and no literal of a package
            return parse(source, *words, **how)

    monkeypatch.setattr(ast, "parse", watched)
    monkeypatch.setattr(warm, "run", lambda *words, **how: None)
    monkeypatch.setattr(pipeline, "executed", lambda book, where: (0, "not run"))
    pipeline.imports_of.cache_clear()
    programs, pages = [ROOT / "code" / "sgd.py", ROOT / "code" / "rnn.py"], ROOT / "docs" / "lectures"
    with ThreadPoolExecutor(4) as pool:
        ran = [pool.submit(pipeline.run_python, program) for program in programs]
        ran += [pool.submit(pipeline.run_tries, pages / name / "index.md", tmp_path / name) for name in ("sgd", "rnn")]
    assert [type(each.exception()) for each in ran] == [type(None)] * 2 + [Failed] * 2
    assert not together


def test_no_more_scripts_run_at_once_than_there_are_processors_and_waiting_is_not_timed(course):
    processors, spans = os.cpu_count() or 1, []
    names = [f"script_{number}" for number in range(2 * processors)]
    for name in names:
        body = "began = time.time()\ntime.sleep(3)\n(out / 'span').write_text(f'{began} {time.time()}')\n"
        course.script(name, f"import time\n{body}")
    build(course.root)
    for name in names:
        began, ended = map(float, (course.outputs(name) / "span").read_text(encoding="utf-8").split())
        stamp = json.loads((course.outputs(name) / "stamp.json").read_text(encoding="utf-8"))
        assert stamp["seconds"] - (ended - began) < 3, f"{name} was timed while it waited for another"
        spans.append((began, ended))
    most = max(sum(began <= now < ended for began, ended in spans) for now, _ in spans)
    assert most <= processors


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
