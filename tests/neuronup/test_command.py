"""A script as a command: its arguments, its errors, what it records and keeps."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch
from conftest import ROOT

from neuronup import command
from neuronup.command import BadInput


def ended(main, *words, monkeypatch):
    """Run `main` as the command line `words`; return its exit status."""
    monkeypatch.setattr(sys, "argv", ["script.py", *words])
    with pytest.raises(SystemExit) as end:
        command.run(main)
    return end.value.code


def test_main_takes_the_command_line_and_returns(monkeypatch):
    said = []

    def main(steps: int = 1) -> None:
        said.append(steps)

    monkeypatch.setattr(sys, "argv", ["script.py", "--steps", "3"])
    command.run(main)
    assert said == [3]


def test_an_interrupted_main_ends_in_status_130(monkeypatch, capsys):
    def main() -> None:
        raise KeyboardInterrupt

    assert ended(main, monkeypatch=monkeypatch) == 130
    assert capsys.readouterr().err == "Stopped.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_ctrl_c_stops_a_running_script_without_a_traceback(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import time\nfrom neuronup.command import run\n\n\ndef main() -> None:\n"
        '    print("ready", flush=True)\n    time.sleep(60)\n\n\nrun(main)\n',
        encoding="utf-8",
    )
    path = {**os.environ, "PYTHONPATH": str(ROOT / "code")}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell may start background jobs deaf to it
    with subprocess.Popen([sys.executable, str(script)], env=path, preexec_fn=heard, **pipes) as running:
        assert running.stdout.readline() == "ready\n"
        time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=120)
    assert (running.returncode, said) == (130, "Stopped.\n")


def test_a_folder_is_made_before_any_work_or_refused_in_a_sentence(tmp_path, monkeypatch, capsys):
    command.folder(None)
    command.folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"^--out .*file: .*; name another"):
        command.folder(tmp_path / "file")


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(tmp_path, monkeypatch):
    class Full:
        """A file on a disk that is full."""

        def __init__(self, dir):
            assert dir == tmp_path

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def write(self, content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(command, "TemporaryFile", Full)
    with pytest.raises(BadInput, match=r"^--out .*: No space left on device; name another folder\.$"):
        command.folder(tmp_path)


@pytest.mark.parametrize("write", ["record", "keep"])
def test_a_disk_that_fills_up_at_the_end_is_told_in_a_sentence_and_leaves_no_half(write, tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    words = (3, torch.device("cpu")) if write == "record" else ()
    with pytest.raises(BadInput, match="No space left on device; name another folder"):
        getattr(command, write)(tmp_path, *words, share=0.5)
    assert not (tmp_path / "metrics.json").exists()
    assert not (tmp_path / "results.pt").exists()


def test_a_record_holds_the_metrics_with_seed_and_device(tmp_path):
    command.record(tmp_path, 3, torch.device("cpu"), share=0.5, name="a")
    assert json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8")) == {
        "seed": 3,
        "device": "cpu",
        "share": 0.5,
        "name": "a",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


def test_a_record_is_whole_or_absent(tmp_path):
    with pytest.raises(TypeError):
        command.record(tmp_path, 0, torch.device("cpu"), share=torch.tensor(0.5))
    assert not list(tmp_path.iterdir())


def test_what_is_kept_is_read_again_as_it_was_and_is_data_only(tmp_path):
    results = {"losses": torch.tensor([1.0, 0.5]), "runs": {("CNN", 1): [(0.25, "a")]}, "name": "digits"}
    command.keep(tmp_path, **results)
    again = command.kept(tmp_path)
    torch.testing.assert_close(again.pop("losses"), results.pop("losses"))
    assert again == results
    assert [path.name for path in tmp_path.iterdir()] == ["results.pt"]


def test_results_that_are_not_there_are_named_with_what_to_do(tmp_path):
    with pytest.raises(BadInput, match=r"results\.pt is not there: run the lecture's script with --out .* first\.$"):
        command.kept(tmp_path)


@pytest.mark.parametrize(("told", "threads"), [("", [1]), ("4", [])])
def test_one_thread_computes_unless_the_environment_says_how_many(told, threads, monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    command.one_thread()
    assert asked == threads
