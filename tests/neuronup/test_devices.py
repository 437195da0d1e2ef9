"""Where tensors live: a device that is there, or a sentence that says which are."""

import sys
import warnings

import pytest
import torch

from neuronup import command, devices


@pytest.fixture(autouse=True)
def _unsettled(monkeypatch):
    """Let no variable say which devices there are; what a test sets is taken back."""
    for name in (devices.AUTO, "CUDA_VISIBLE_DEVICES", "PYTORCH_NVML_BASED_CUDA_CHECK"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def found(name, monkeypatch):
    """Let this machine have the accelerator `name`, or none."""
    there = torch.device(name) if name else None
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: there)


def ended(main, *words, monkeypatch):
    """Run `main` as the command line `words`; return its exit status."""
    monkeypatch.setattr(sys, "argv", ["script.py", *words])
    with pytest.raises(SystemExit) as end:
        command.run(main)
    return end.value.code


@pytest.mark.parametrize("name", ["cuda", "mps", "xpu"])
@pytest.mark.parametrize(("there", "told"), [(None, "cpu"), ("hpu", "hpu, cpu")])
def test_an_absent_device_ends_in_a_sentence_and_status_2(name, there, told, monkeypatch, capsys):
    def main(device: devices.Device = "auto") -> None:
        devices.pick(device)

    found(there, monkeypatch)
    assert ended(main, "--device", name, monkeypatch=monkeypatch) == 2
    assert capsys.readouterr().err == f"--device {name}: this machine has no such device; it has {told}.\n"


def test_an_unknown_device_ends_in_status_2_and_the_devices_there_are(monkeypatch, capsys):
    def main(device: devices.Device = "auto") -> None:
        raise AssertionError("main must not start")

    assert ended(main, "--device", "tpu", monkeypatch=monkeypatch) == 2
    said = capsys.readouterr().err
    assert all(name in said for name in ("tpu", "auto", "cpu", "cuda", "mps", "xpu"))


def test_auto_is_the_accelerator_and_the_processor_where_there_is_none(monkeypatch):
    found(None, monkeypatch)
    assert devices.pick("auto") == torch.device("cpu")
    for name in ("cuda", "mps", "xpu"):
        found(name, monkeypatch)
        assert devices.pick("auto") == devices.pick(name) == torch.device(name)


def test_the_environment_says_what_auto_means_and_nothing_else(monkeypatch):
    found("cuda", monkeypatch)
    monkeypatch.setenv(devices.AUTO, "cpu")
    assert devices.pick("auto") == torch.device("cpu")
    assert devices.pick("cuda") == torch.device("cuda")


def test_cpu_asks_no_accelerator_whose_driver_warns_then_or_when_an_optimiser_steps(monkeypatch):
    def asked(*_, **__):
        warnings.warn("The NVIDIA driver on your system is too old", UserWarning, stacklevel=1)

    with monkeypatch.context() as patch:
        patch.setattr(torch.accelerator, "current_accelerator", asked)
        assert devices.pick("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch._C, "_cuda_getDeviceCount", asked, raising=False)
    weight = torch.ones(1, requires_grad=True)
    weight.sum().backward()
    torch.optim.SGD([weight], lr=0.5).step()
    assert weight.item() == 0.5
