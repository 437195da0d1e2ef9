"""Augmentation and deployment: lines to try and change below the code of the page."""

from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import torch
from torch import nn

from deployment import prepare_drawing, small_network
from neuronup.drift import ks_p_value, ks_statistic
from neuronup.export import Served, export, open_session, run_session
from neuronup.images import Scale
from neuronup.loaders import Examples
from neuronup.transforms import Mixup, affine

# --8<-- [start:turn]
hook = torch.zeros(1, 1, 5, 5)
hook[..., 1:4, 1] = hook[..., 3, 1:4] = 9  # an L
one, still = torch.ones(1), torch.zeros(1, 2)
for degrees in 0, 90, 45:  # and -90? at which angles are all numbers whole?
    rows = affine(hook, degrees * one, one, still)[0, 0].round().int().tolist()
    print(degrees, *("".join(map(str, row)) for row in rows))

# --8<-- [end:turn]
# --8<-- [start:mix]
torch.manual_seed(0)
two = Examples(torch.zeros(2, 1, 1, 1), torch.tensor([0, 1]))
for strength in 0.1, 1.0, 10.0:  # how even do shares become at 100?
    batches = Mixup(two, 2, 0, classes=2, alpha=strength)
    labels = torch.cat([batch.y for _ in range(3) for batch in batches])
    print(strength, [round(share, 2) for share in labels[:, 0].tolist()])

# --8<-- [end:mix]
# --8<-- [start:prepare]
sheet = torch.zeros(100, 150)
sheet[20:80, 30:36] = 1  # a stroke of 60 by 6; try one of 6 by 60, or a thinner one
image = prepare_drawing(sheet)
high, wide = ((image > 0.5).any(dim=axis).sum() for axis in (1, 0))
print(tuple(image.shape), f"the stroke: {high} high, {wide} wide")

# --8<-- [end:prepare]
# --8<-- [start:file]
torch.manual_seed(0)
grey = Scale(torch.full((1, 1, 1), 0.13), torch.full((1, 1, 1), 0.31))
whole, pair = Served(grey, small_network(10)), torch.zeros(2, 28, 28, dtype=torch.uint8)
with TemporaryDirectory() as place:
    file = Path(place) / "net.onnx"
    export(whole, pair, file)  # leave out the grey: export whole.network, with floats
    session, graph = open_session(file), onnx.load(file).graph
    print(file.stat().st_size, "bytes:", *(node.op_type for node in graph.node))
    print(tuple(run_session(session, torch.cat([pair, pair, pair])).shape))

# --8<-- [end:file]
# --8<-- [start:eight]
torch.manual_seed(0)
weight = nn.Linear(400, 32).weight.detach()
for bits in 8, 4, 2:  # with 3 bits, how far off is the worst weight?
    levels = 2 ** (bits - 1) - 1
    step = weight.abs().max() / levels
    error = ((weight / step).round() * step - weight).abs().max() / weight.abs().max()
    print(
        f"{bits} bits, {2 * levels + 1} levels: off by up to {error:.1%} of the largest"
    )

# --8<-- [end:eight]
# --8<-- [start:alarm]
drawn = torch.Generator().manual_seed(0)
tested = torch.randn(2000, generator=drawn)
for shift in 0.0, 0.5, 1.0:  # how large a window sees one of 0.2?
    window = torch.randn(100, generator=drawn) + shift
    gap, p = ks_statistic(tested, window), ks_p_value(tested, window)
    print(f"shift {shift}: gap {gap:.2f}, p = {p:.4f}, alarm: {p < 0.01}")

# --8<-- [end:alarm]
