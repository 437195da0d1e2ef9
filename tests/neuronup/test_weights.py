"""Weights in a file: what is written is read again, and what is no such file is refused."""

import pytest
import torch
from torch import nn

from neuronup.command import BadInput
from neuronup.weights import load_weights, save_weights


def test_weights_and_what_is_known_about_them_come_back(tmp_path):
    model = nn.Linear(3, 2)
    save_weights(model, tmp_path / "model.safetensors", classes=["a", "b"], input=[1, 3])
    weights, about = load_weights(tmp_path / "model.safetensors")
    torch.testing.assert_close(weights, dict(model.state_dict()), atol=0, rtol=0)
    assert about == {"classes": ["a", "b"], "input": [1, 3]}


def test_the_same_weights_and_notes_make_the_same_file(tmp_path):
    model, path = nn.Linear(3, 2), tmp_path / "model.safetensors"
    made = set()
    for _ in range(20):
        save_weights(model, path, classes=["a", "b"], input=[1, 3], scale=0.5, mean=[0.1], range=[0, 1])
        made.add(path.read_bytes())
    assert len(made) == 1


def test_weights_without_notes_are_read_too(tmp_path):
    save_weights(nn.Linear(1, 1), tmp_path / "model.safetensors")
    assert load_weights(tmp_path / "model.safetensors")[1] == {}


@pytest.mark.parametrize("content", [None, b"", b"no weights at all", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_file_that_is_missing_or_none_is_refused_in_a_sentence(content, tmp_path):
    path = tmp_path / "model.safetensors"
    if content is not None:
        path.write_bytes(content)
        if content.startswith(b"\x08"):
            assert load_weights(path) == ({}, {})  # no weights are weights too
            return
    with pytest.raises(BadInput, match=r"holds no weights .*; run the script with --out"):
        load_weights(path)
