"""What every script leans on: its command line, its device, its record and its figures."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
import torch
from conftest import ROOT

import command
import devices
import figures
from command import BadInput


@pytest.fixture
def absent(monkeypatch):
    """A machine that has a processor, and no accelerator."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def ended(main, *words, monkeypatch):
    """Run `main` as the command line `words`; return its exit status."""
    monkeypatch.setattr(sys, "argv", ["script.py", *words])
    with pytest.raises(SystemExit) as end:
        command.run(main)
    return end.value.code


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_an_absent_device_ends_in_a_sentence_and_status_2(name, absent, monkeypatch, capsys):
    def main(device: devices.Device = "auto") -> None:
        devices.pick(device)

    assert ended(main, "--device", name, monkeypatch=monkeypatch) == 2
    assert capsys.readouterr().err == f"--device {name}: this machine has no such device; it has cpu.\n"


def test_an_unknown_device_ends_in_status_2_and_the_devices_there_are(monkeypatch, capsys):
    def main(device: devices.Device = "auto") -> None:
        raise AssertionError("main must not start")

    assert ended(main, "--device", "tpu", monkeypatch=monkeypatch) == 2
    said = capsys.readouterr().err
    assert all(name in said for name in ("tpu", "auto", "cpu", "cuda", "mps"))


def test_the_best_device_is_picked_and_the_processor_where_there_is_no_other(absent, monkeypatch):
    assert devices.pick("auto") == devices.pick("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert devices.pick("auto") == devices.pick("mps") == torch.device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert devices.pick("auto") == torch.device("cuda")


def test_new_tensors_live_on_the_picked_device_and_only_as_long_as_asked(monkeypatch):
    monkeypatch.setattr(devices, "pick", lambda name: torch.device(name))
    with devices.on("meta") as used:
        assert used.type == torch.zeros(1).device.type == "meta"
    assert torch.zeros(1).device.type == "cpu"
    with devices.on("cpu") as used:
        assert used.type == torch.zeros(1).device.type == "cpu"


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
        "import time\nfrom command import run\n\n\ndef main() -> None:\n"
        '    print("ready", flush=True)\n    time.sleep(60)\n\n\nrun(main)\n'
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


def test_a_record_holds_the_metrics_with_seed_and_device(tmp_path):
    command.record(tmp_path, 3, torch.device("cpu"), share=0.5, name="a")
    assert json.loads((tmp_path / "metrics.json").read_text()) == {
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


def line(colour=figures.BLUE):
    """A figure with a line, a label and a legend."""
    fig, ax = figures.panels()
    ax.plot([0, 1], [1.0, 0.5], color=colour, label="loss")
    ax.fill_between([0, 1], [0.4, 0.2], [1.2, 0.9], alpha=0.2)
    ax.set(xlabel="steps taken")
    ax.legend()
    return fig


def test_a_figure_is_a_transparent_drawing_without_size_of_its_own():
    text = figures.svg(line(), "fit")
    assert text.startswith("<svg ")
    head = text[: text.index(">")]
    assert "viewBox" in head
    assert "width=" not in head
    assert "height=" not in head
    assert "#ffffff" not in text
    assert "<metadata" not in text


def test_a_figure_takes_the_colours_and_the_font_of_the_page():
    text = figures.svg(line(), "fit")
    for name in ("blue", "ink", "faint"):
        code = figures.NAMES[name]
        assert f"var(--fig-{name}, {code})" in text
        assert text.count(code) == text.count(f"var(--fig-{name}, {code})")
    assert "DejaVu" not in text
    assert "var(--fig-font, sans-serif)" in text


def test_text_in_a_figure_stays_text():
    text = figures.svg(line(), "fit")
    assert re.search(r"<text[^>]*>steps taken</text>", text)
    assert re.search(r"<text[^>]*>loss</text>", text)


def test_a_number_written_in_a_figure_keeps_its_digits():
    fig, ax = figures.panels()
    ax.set(yticks=[0.25, 0.125], yticklabels=["0.25", "0.125"])
    drawn = figures.svg(fig, "digits")
    assert ">0.25<" in drawn
    assert ">0.125<" in drawn


def test_an_image_in_a_figure_keeps_its_size():
    fig, ax = figures.panels()
    ax.imshow(torch.zeros(91, 91).numpy(), interpolation="none")
    drawn = figures.svg(fig, "image")
    scale = float(re.search(r'transform="matrix\(([\d.]+)', drawn)[1])
    assert 91 * scale == pytest.approx(ax.get_window_extent().width * 72 / fig.dpi, abs=0.05)


def test_the_ids_of_two_figures_on_a_page_do_not_collide_and_each_is_used():
    first, second = figures.svg(line(), "first"), figures.svg(line(), "second")
    ids = [set(re.findall(r' id="([^"]+)"', text)) for text in (first, second)]
    assert ids[0]
    assert ids[1]
    assert not ids[0] & ids[1]
    for text, own in zip((first, second), ids, strict=True):
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', text)) == own


def test_the_same_figure_drawn_twice_is_the_same_text():
    assert figures.svg(line(), "fit") == figures.svg(line(), "fit")
    assert figures.svg(line(), "fit") != figures.svg(line(figures.ORANGE), "fit")


def test_figures_are_saved_under_their_names(tmp_path):
    figures.save_all({"one": line(), "two": line()}, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.svg", "two.svg"]
    assert (tmp_path / "one.svg").read_text() == figures.svg(line(), "one")


def test_alt_text_is_escaped_and_said_once():
    html = figures.picture("<svg viewBox=''><svg></svg></svg>", 'a < b & "c"')
    assert html.count("aria-label") == 1
    assert 'role="img" aria-label="a &lt; b &amp; &quot;c&quot;"' in html


def test_a_notebook_shows_a_figure_as_a_picture_with_alt_text():
    html = figures.Shown(line(), "The loss falls.")._repr_html_()
    assert html.startswith('<svg class="figure" role="img" aria-label="The loss falls."')
    assert "<text" in html
