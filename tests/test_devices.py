"""Every script on a device that refuses what a GPU refuses, and what this catches; and on a CPU that is left alone."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import ROOT
from torch.utils import backend_registration

from neuronup import devices
from tools.lectures import topics
from tools.pipeline import surroundings

CODE = ROOT / "code"
NEEDED = {  # of PyTorch's own, for the device in pretend.py: private, so any of it may be missing
    "_setup_privateuseone_for_python_backend": backend_registration,
    "_DummyBackendModule": backend_registration,
    "_set_only_lift_cpu_tensors": torch._C,
}
MISSING = [name for name, module in NEEDED.items() if not hasattr(module, name)]
pretended = pytest.mark.skipif(bool(MISSING), reason=f"PyTorch {torch.__version__} has no {', '.join(MISSING)}")


def python(*words: str | Path, code: Path = CODE) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, on one thread, with `code` on its path."""
    path = {**os.environ, "PYTHONPATH": str(code), "OMP_NUM_THREADS": "1"}
    said = {"capture_output": True, "text": True, "encoding": "utf-8"}
    return subprocess.run([sys.executable, "-W", "error", *words], env=path, **said)


def test_what_makes_the_site_computes_on_the_cpu_though_there_be_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: torch.device("cuda"))
    for name in ("CUDA_VISIBLE_DEVICES", "NEURONUP_DEVICE", "PYTORCH_NVML_BASED_CUDA_CHECK"):
        monkeypatch.setenv(name, surroundings()[name])
    assert devices.pick("auto") == torch.device("cpu")


@pretended
@pytest.mark.parametrize("topic", topics(ROOT))
def test_a_script_runs_on_a_device_that_refuses_what_a_gpu_refuses_and_float64(topic, tmp_path):
    ran = python(ROOT / "tests" / "pretend.py", topic, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))["device"] == "pretend"


FAULTS = {  # a script, what a person may forget in which file, and what the device says to that
    "a model that stays behind": ("mlp", "mlp", ".to(images.train.x.device)", "", "same device"),
    "zeros that are made here": ("loss", "loss", "classes, in_features, device=device", "classes, in_features", "same"),
    "a generator of the CPU": (
        "cnn",
        "neuronup/augmentation",
        "generator=drawn",
        "generator=drawn, device=x.device",
        "gen",
    ),
    "a tensor handed to NumPy": ("learning", "learning", "known.cpu()", "known", "numpy"),
    "weights drawn there": (
        "transfer",
        "transfer",
        "classes).to(old.weight.device)",
        "classes, device=old.weight.device)",
        "drawn on the CPU",
    ),
    "64 bits before the CPU": ("perceptron", "perceptron", ".cpu().double()", ".double().cpu()", "no float64"),
}


@pretended
@pytest.mark.parametrize("fault", FAULTS)
def test_the_device_catches(fault, tmp_path):
    topic, name, right, wrong, told = FAULTS[fault]
    code = tmp_path / "code"
    shutil.copytree(CODE, code, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    file = code / f"{name}.py"
    text = file.read_text(encoding="utf-8")
    assert right in text
    file.write_text(text.replace(right, wrong), encoding="utf-8")
    ran = python(ROOT / "tests" / "pretend.py", topic, tmp_path, code=code)
    assert ran.returncode == 1
    assert told in ran.stderr.splitlines()[-1]


ON_THE_CPU = """
import torch

def asked():
    raise AssertionError("CUDA was asked")

torch._C._cuda_getDeviceCount = asked
import backprop
backprop.main(passes=1, steps=1, device="cpu")
"""


def test_a_script_on_the_cpu_never_asks_for_a_gpu_not_even_while_it_compiles():
    ran = python("-c", ON_THE_CPU)
    assert ran.returncode == 0, ran.stderr
