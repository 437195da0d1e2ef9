"""The scripts and drawings give what they gave when a person last looked: see recorded.py."""

import json
import os
import platform
import subprocess
import sys

import pytest
import torch
from conftest import ROOT
from recorded import SMALL, differences, small_run, stable

from tools.lectures import topics

RECORDS = ROOT / "tests" / "recorded"
MADE_WITH = {
    "torch": torch.__version__.split("+")[0],
    "machine": platform.machine(),
    "vectors": torch.backends.cpu.get_cpu_capability(),
}
OTHERS = (  # sums as on processors with no, or with narrower, vectors
    {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    {"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
)
PLAIN = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT / "code"), str(ROOT)])}


def elsewhere(topic, folder, processor):
    """What the small run of `topic` gives on another processor."""
    words = [sys.executable, str(ROOT / "tests" / "recorded.py"), topic, str(folder)]
    ran = subprocess.run(words, env={**os.environ, **PLAIN, **processor}, stdout=subprocess.PIPE, check=True)
    return json.loads(ran.stdout)


def test_every_script_has_a_record():
    assert sorted(topics(ROOT)) == sorted(SMALL) == sorted(path.stem for path in RECORDS.glob("*.json"))


@pytest.mark.parametrize("topic", sorted(SMALL))
def test_a_small_run_gives_what_is_recorded(topic, tmp_path, request):
    record = RECORDS / f"{topic}.json"
    found = json.loads(json.dumps(small_run(topic, tmp_path)))
    if request.config.getoption("record"):
        agreed = found
        for processor in OTHERS:
            agreed = stable(agreed, elsewhere(topic, tmp_path, processor))
        kept = {"made with": MADE_WITH, **agreed}
        record.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    recorded = json.loads(record.read_text(encoding="utf-8"))
    if (made := recorded.pop("made with")) != MADE_WITH:
        pytest.skip(f"recorded with {made}, this is {MADE_WITH}: random numbers and sums may differ")
    assert not differences(recorded, found)
