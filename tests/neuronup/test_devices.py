"""Where tensors live: a device that is there, or a sentence that says which are."""

import sys

import pytest
import torch

from neuronup import command, devices


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
