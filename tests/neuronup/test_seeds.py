"""What several seeds gave, together."""

import torch

from neuronup import seeds


def test_runs_are_stacked_and_averaged_by_name():
    runs = [{"loss": 1.0, "right": 4.0}, {"loss": 3.0, "right": 5.0}]
    stacked = seeds.stack(runs)
    assert {name: values.tolist() for name, values in stacked.items()} == {"loss": [1, 3], "right": [4, 5]}
    assert seeds.stack([{"curve": [1.0, 2.0]}, {"curve": [3.0, 4.0]}])["curve"].shape == torch.Size([2, 2])
    assert seeds.mean(runs) == {"loss": 2.0, "right": 4.5}
