"""A trained network as a file that runs without PyTorch: ONNX, and its int8 versions.

Built in the lecture `deployment`.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import torch
from onnxruntime import InferenceSession, SessionOptions, quantization
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

from neuronup.images import Scale
from neuronup.preprocessing import Standardise
from neuronup.weights import save_weights


# --8<-- [start:served]
class Served(nn.Module):
    """A network, and before it all that must be done to an image as it arrives."""

    def __init__(self, scale: Scale, network: nn.Sequential) -> None:
        super().__init__()
        self.standardise, self.network = Standardise(scale), network

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (n, classes) of raw images (n, h, w), whole numbers to 255."""
        x = image[:, None].float() / 255  # (n, 1, h, w), 0 to 1
        return self.network(self.standardise(x))


# --8<-- [end:served]
# --8<-- [start:export]
def export(model: nn.Module, example: Tensor, path: Path) -> None:
    """Write `model` to `path` as an ONNX file, for any number of inputs at once."""
    program = torch.onnx.export(
        deepcopy(model).cpu().eval(),
        (example.cpu(),),
        dynamo=True,
        input_names=["image"],
        output_names=["logits"],
        dynamic_shapes=({0: "batch"},),
        verbose=False,
    )
    assert program is not None
    graph = program.model_proto
    for node in graph.graph.node:
        del node.metadata_props[:]  # which line of which file on this machine made it
    onnx.checker.check_model(graph, full_check=True)
    onnx.save(graph, path)


# --8<-- [end:export]
# --8<-- [start:session]
def open_session(path: Path) -> InferenceSession:
    """Load the ONNX file at `path`, to run on one thread of the CPU."""
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run_session(session: InferenceSession, image: Tensor) -> Tensor:
    """Return the logits (n, classes) that the file gives for images (n, ...)."""
    (logits,) = session.run(["logits"], {"image": image.numpy()})
    return torch.from_numpy(logits)


# --8<-- [end:session]
# --8<-- [start:int8]
class Calibration(quantization.CalibrationDataReader):
    """Hand images (n, ...) to the quantiser, which measures how large numbers get."""

    def __init__(self, image: Tensor) -> None:
        self.batches = iter(image.split(64))

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next batch, or None after the last."""
        batch = next(self.batches, None)
        return None if batch is None else {"image": batch.numpy()}


def quantise(path: Path, kind: str, image: Tensor) -> Path:
    """Write the ONNX file at `path` with weights in int8, and return where it is.

    Of kind "dynamic", ranges of activations are measured whenever it runs; of kind
    "static" once, on the images (n, ...).
    """
    made = path.with_name(f"{path.stem}_{kind}.onnx")
    with TemporaryDirectory() as desk, quiet():
        ready = Path(desk) / "ready.onnx"
        quant_pre_process(path, ready)
        if kind == "dynamic":
            quantization.quantize_dynamic(ready, made)
        else:
            quantization.quantize_static(ready, made, Calibration(image))
    return made


@contextmanager
def quiet() -> Iterator[None]:
    """Let onnxruntime log no advice: what it advises is done, or shown to be wrong."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


# --8<-- [end:int8]
# --8<-- [start:layers]
def describe_layers(network: nn.Sequential) -> list[dict[str, Any]]:
    """List the layers in order, with all that a program without PyTorch must know."""
    layers: list[dict[str, Any]] = []
    for name, layer in network.named_children():
        about: dict[str, Any] = {"name": name, "kind": type(layer).__name__}
        if isinstance(layer, nn.Conv2d):
            about |= {"kernel": layer.kernel_size[0], "stride": layer.stride[0]}
            about["padding"] = layer.padding[0]
        elif isinstance(layer, nn.MaxPool2d):
            about |= {"kernel": layer.kernel_size, "stride": layer.stride}
        layers.append(about)
    return layers


def save_network(
    served: Served, path: Path, classes: Sequence[str], **about: object
) -> None:
    """Write the bare network's weights, and what must be done to an image before it."""
    save_weights(
        served.network,
        path,
        classes=classes,
        layers=describe_layers(served.network),
        divide=255,  # first, if pixels are whole numbers to 255; then standardise:
        mean=float(served.standardise.get_buffer("mean")),
        std=float(served.standardise.get_buffer("std")),
        **about,
    )


# --8<-- [end:layers]
