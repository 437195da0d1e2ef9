"""What the demos compute in the browser, run in Node: equal to PyTorch, and to a twin in Python."""

import json
import re
import subprocess
from collections import OrderedDict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import resnet18

import deployment
import transfer
from neuronup.costs import count_parameters, receptive_field
from neuronup.images import packaged_mnist
from neuronup.weights import load_weights
from tools import assets

DEMOS = ROOT / "docs" / "assets" / "demos"
ABOUT = {"input": ["batch", 1, 28, 28], "box": 20, "mean": 0.0, "std": 1.0, "layers": []}


def in_node(demo: str, lines: str, given: object, folder: Path) -> Any:
    """What `lines` return in Node: there `demo` is the module, `given` what is given."""
    (folder / "given.json").write_text(json.dumps(given), encoding="utf-8")
    program = f"""
        import {{ readFileSync }} from "node:fs";
        const demo = await import({json.dumps((DEMOS / f"{demo}.js").as_uri())});
        const given = JSON.parse(readFileSync({json.dumps(str(folder / "given.json"))}, "utf8"));
        console.log(JSON.stringify(await (async () => {{ {lines} }})()));
    """
    (folder / "program.mjs").write_text(program, encoding="utf-8")
    command = ["node", "--no-warnings", str(folder / "program.mjs")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def mnist() -> Tensor:
    """Test images of MNIST (300, 1, 28, 28)."""
    return packaged_mnist()[1].x[:300]


def experienced(norm: nn.BatchNorm2d) -> nn.BatchNorm2d:
    """Give batch normalisation statistics and parameters, as training would."""
    with torch.no_grad():
        for each in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
            assert each is not None
            each.copy_(torch.rand(each.shape) + 0.1)
    return norm


NETWORKS = {
    "strides and a pool": lambda: nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
    ),
    "padding, odd sizes, a pool that overlaps, no bias": lambda: nn.Sequential(
        nn.Conv2d(1, 6, 4, stride=3, padding=2, bias=False),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(6, 4, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64, 10, bias=False),
    ),
    "batch normalisation and a mean over places": lambda: nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False),
        experienced(nn.BatchNorm2d(8)),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3),
        experienced(nn.BatchNorm2d(16)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    ),
}


def described(network: nn.Sequential) -> list[dict[str, Any]]:
    """The layers of a network in order, as code/deployment.py writes them."""
    layers = []
    for name, layer in network.named_children():
        about: dict[str, Any] = {"name": name, "kind": type(layer).__name__}
        if isinstance(layer, nn.Conv2d):
            about |= {"kernel": layer.kernel_size[0], "stride": layer.stride[0], "padding": layer.padding[0]}
        elif isinstance(layer, nn.MaxPool2d):
            about |= {"kernel": layer.kernel_size, "stride": layer.stride}
        layers.append(about)
    return layers


READ = """
    const read = demo.safetensors(Uint8Array.from(readFileSync(given.file)).buffer);
"""
LOGITS = f"""{READ}
    return given.x.map(image => {{
        const data = Float32Array.from(image, value => (value - read.about.mean) / read.about.std);
        return [...demo.forward(read.about.layers, read.weights, {{ shape: [1, 28, 28], data }}).at(-1).data];
    }});
"""


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_file_of_pytorch_gives_the_same_logits_in_the_browser(kind: str, mnist: Tensor, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = NETWORKS[kind]().eval()
    about = ABOUT | {"mean": 0.13, "std": 0.31, "layers": described(network)}
    weights = network.state_dict() | {"steps": torch.tensor([3])}  # whole numbers are passed over
    (tmp_path / "a.safetensors").write_bytes(save(weights, {"about": json.dumps(about)}))
    given = {"file": str(tmp_path / "a.safetensors"), "x": mnist.flatten(1).tolist()}
    found = torch.tensor(in_node("networks", LOGITS, given, tmp_path))
    with torch.no_grad():
        expected = network((mnist - 0.13) / 0.31)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert found.std() > 0.05, "the logits hardly differ, which proves little"


def shipped() -> list[Path]:
    """The weights that pages give to the demo, where they are made already."""
    lectures = ROOT / "docs" / "lectures"
    named = {
        page.parent / source
        for page in lectures.glob("*/index.md")
        for source in re.findall(r'<draw-digit\b[^>]* src="([^"]+)"', page.read_text(encoding="utf-8"))
    }
    return sorted(path for path in named if path.is_file())


def rebuilt(layers: list[dict[str, Any]], weights: dict[str, Tensor]) -> nn.Sequential:
    """The network that a file describes, in PyTorch."""
    built: dict[str, nn.Module] = {}
    for place, layer in enumerate(layers):
        shape = weights.get(f"{layer.get('name')}.weight", torch.empty(0)).shape
        match layer["kind"]:
            case "Conv2d":
                stride, padding = layer.get("stride", 1), layer.get("padding", 0)
                built[layer["name"]] = nn.Conv2d(shape[1], shape[0], shape[2], stride, padding)
            case "MaxPool2d":
                built[f"{place} pool"] = nn.MaxPool2d(layer["kernel"], layer.get("stride"))
            case "Linear":
                built[layer["name"]] = nn.Linear(shape[1], shape[0])
            case other:
                built[f"{place} {other}"] = {"ReLU": nn.ReLU, "Flatten": nn.Flatten}[other]()
    network = nn.Sequential(OrderedDict(built))
    network.load_state_dict(weights)
    return network.eval()


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.name)
def test_the_weights_that_a_page_ships_give_the_logits_of_pytorch(path: Path, mnist: Tensor, tmp_path: Path) -> None:
    weights, about = load_weights(path)
    size = about["input"][-1]
    x = pad(mnist, [(size - 28) // 2] * 4)
    lines = LOGITS.replace("[1, 28, 28]", f"[1, {size}, {size}]")
    found = torch.tensor(in_node("networks", lines, {"file": str(path), "x": x.flatten(1).tolist()}, tmp_path))
    with torch.no_grad():
        expected = rebuilt(about["layers"], weights)((x - about["mean"]) / about["std"])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    right = found.argmax(dim=1) == packaged_mnist()[1].y[: len(found)]
    assert right.float().mean() > 0.95


def test_what_each_layer_passes_on_is_there_to_be_shown(mnist: Tensor, tmp_path: Path) -> None:
    network = NETWORKS["strides and a pool"]()
    (tmp_path / "a.safetensors").write_bytes(save(network.state_dict(), {"about": json.dumps(ABOUT)}))
    given = {"file": str(tmp_path / "a.safetensors"), "x": mnist[0].flatten().tolist(), "layers": described(network)}
    lines = f"""{READ}
        const x = {{ shape: [1, 28, 28], data: Float32Array.from(given.x) }};
        return demo.forward(given.layers, read.weights, x).map(({{ shape, data }}) => [shape, [...data]]);
    """
    x = mnist[:1]
    for layer, (shape, data) in zip(network, in_node("networks", lines, given, tmp_path), strict=True):
        x = layer(x)
        assert shape == list(x.shape[1:])
        torch.testing.assert_close(torch.tensor(data), x.detach().flatten(), atol=1e-5, rtol=0)


def test_a_layer_that_is_not_known_is_named(tmp_path: Path) -> None:
    lines = 'try { demo.forward([{ kind: "LSTM" }], {}, {}); } catch (error) { return error.message; }'
    assert "LSTM" in in_node("networks", lines, None, tmp_path)


def test_logits_become_probabilities_also_where_they_are_large(tmp_path: Path) -> None:
    logits = [[0.0, 1.0, -2.0], [1000.0, 999.0, -1000.0]]
    found = in_node("networks", "return given.map(each => demo.softmax(Float32Array.from(each)));", logits, tmp_path)
    torch.testing.assert_close(torch.tensor(found), torch.tensor(logits).softmax(dim=1))


def prepared(drawing: Tensor) -> Tensor:
    """A drawing (h, w) as MNIST's images were made (28, 28): what drawing.js does, once more."""
    rows, columns = (drawing.sum(dim=axis).nonzero()[:, 0] for axis in (1, 0))
    cut = drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    size = [max(1, round(20 * each / max(cut.shape))) for each in cut.shape]
    fitted = interpolate(cut[None, None], size, mode="bilinear", antialias=True)[0, 0]
    frame = np.zeros((28, 28), dtype=np.float32)
    mass = fitted.double() / fitted.double().sum()
    down, right = (round(14 - float(mass.sum(dim=1 - axis) @ torch.arange(size[axis]).double())) for axis in (0, 1))
    for i, j in np.ndindex(*size):
        if 0 <= i + down < 28 and 0 <= j + right < 28:
            frame[i + down, j + right] = fitted[i, j]
    return torch.from_numpy(frame)


PREPARED = """
    return given.map(({ intensity, width }) => {
        const about = { input: [0, 1, 28, 28], box: 20, mean: 0.1, std: 0.5 };
        const found = demo.preprocess(Float32Array.from(intensity), width, about);
        return found && [[...found.centred], [...found.input]];
    });
"""


def sheets(drawings: list[Tensor]) -> list[dict[str, Any]]:
    """Drawings (h, w) as Node is given them."""
    return [{"intensity": each.flatten().tolist(), "width": each.shape[1]} for each in drawings]


def boxes(many: int) -> list[Tensor]:
    """Random boxes on sheets (140, 140)."""
    drawn = torch.Generator().manual_seed(0)
    found = []
    for _ in range(many):
        sheet = torch.zeros(140, 140)
        tall, wide = torch.randint(8, 70, (2,), generator=drawn).tolist()
        top, left = torch.randint(0, 70, (2,), generator=drawn).tolist()
        sheet[top : top + tall, left : left + wide] = torch.rand(tall, wide, generator=drawn)
        found.append(sheet)
    return found


def test_a_drawing_is_cut_scaled_and_centred_as_its_twin_does_it(tmp_path: Path) -> None:
    drawings = [*boxes(40), torch.ones(1, 1), torch.rand(3, 200)]  # not 200 x 3: interpolate errs for a width of 1
    found = in_node("drawing", PREPARED, sheets(drawings), tmp_path)
    for drawing, (centred, given) in zip(drawings, found, strict=True):
        image = torch.tensor(centred, dtype=torch.float32).reshape(28, 28)
        torch.testing.assert_close(image, prepared(drawing), atol=1e-5, rtol=0)
        torch.testing.assert_close(torch.tensor(given).reshape(28, 28), (image - 0.1) / 0.5)


def test_a_drawing_is_prepared_as_the_lecture_on_deployment_prepares_it(tmp_path: Path) -> None:
    lecture, drawings = deployment, boxes(40)
    found = in_node("drawing", PREPARED, sheets(drawings), tmp_path)
    for drawing, (centred, _) in zip(drawings, found, strict=True):
        image = torch.tensor(centred, dtype=torch.float32).reshape(28, 28)
        torch.testing.assert_close(image, lecture.prepare_drawing(drawing), atol=1e-5, rtol=0)


def test_an_image_of_mnist_stays_as_it_is_for_it_was_made_so(mnist: Tensor, tmp_path: Path) -> None:
    found = in_node("drawing", PREPARED, sheets([*mnist[:, 0]]), tmp_path)
    torch.testing.assert_close(torch.tensor([centred for centred, _ in found]), mnist.flatten(1), atol=1e-7, rtol=0)


def test_an_empty_sheet_gives_nothing_to_read(tmp_path: Path) -> None:
    assert in_node("drawing", PREPARED, sheets([torch.zeros(5, 5)]), tmp_path) == [None]


def test_a_line_is_drawn_where_the_pen_was_and_only_there(tmp_path: Path) -> None:
    lines = "const drawn = new Float32Array(1600); demo.stroke(drawn, ...given, 40, 3); return [...drawn];"
    corners = [[10, 20], [30, 20], [25, 35], [25, 35], [-5, 60]]
    y, x = (place + 0.5 for place in np.mgrid[:40, :40])
    for start, end in pairwise(corners):
        drawn = np.array(in_node("drawing", lines, [start, end], tmp_path)).reshape(40, 40)
        places = np.linspace(start, end, 2000)
        far = np.sqrt(((x[..., None] - places[:, 0]) ** 2 + (y[..., None] - places[:, 1]) ** 2).min(axis=-1))
        np.testing.assert_allclose(drawn, np.clip(3.5 - far, 0, 1), atol=0.01)


def test_the_build_takes_some_images_of_each_digit_for_the_demo() -> None:
    test = packaged_mnist()[1]
    some = torch.frombuffer(bytearray(assets.some_digits(ROOT / "node_modules", each=3)), dtype=torch.uint8)
    for number, image in enumerate(some.reshape(30, 1, 28, 28) / 255):
        same = (test.x == image).flatten(1).all(dim=1)
        assert test.y[same].tolist() == [number // 3]


PRETRAINED = ROOT / "docs" / "lectures" / "transfer" / "outputs" / "pretrained.safetensors"


@pytest.fixture(scope="module")
def backbone() -> nn.Module:
    """The backbone that the lecture on transfer pre-trains."""
    model = transfer.ImageClassifier(10)
    model.load_state_dict(load_weights(PRETRAINED)[0])
    return model.eval().backbone


def test_the_features_and_the_small_images_are_those_of_the_lecture_on_transfer(
    backbone: nn.Module, mnist: Tensor, tmp_path: Path
) -> None:
    lines = f"""
        const {{ safetensors }} = await import({json.dumps((DEMOS / "networks.js").as_uri())});
        const {{ weights }} = safetensors(Uint8Array.from(readFileSync(given.file)).buffer);
        return given.x.map(image => demo.encode(weights, demo.shrink(image)).map(each => [...each]));
    """
    given = {"file": str(PRETRAINED), "x": mnist[:100].flatten(1).tolist()}
    found = in_node("linear-probe", lines, given, tmp_path)
    features, pixels = (torch.tensor([each[head] for each in found]) for head in (0, 1))
    small = transfer.shrink(mnist[:100])
    with torch.no_grad():
        expected = backbone(small)
    torch.testing.assert_close(pixels, small.flatten(1), atol=1e-6, rtol=0)
    torch.testing.assert_close(features, expected, atol=1e-5, rtol=0)
    assert expected.std(dim=0).min() > 0.01, "no feature is constant"


def standardised(x: Tensor, examples: Tensor) -> Tensor:
    """Subtract the mean of the examples, and divide by one number, so that their mean squared length is 1."""
    moved = examples - examples.mean(dim=0)
    return (x - examples.mean(dim=0)) / moved.square().sum(dim=1).mean().sqrt()


@pytest.mark.parametrize(("classes", "each", "size"), [(2, 1, 32), (3, 1, 144), (3, 4, 32)])
def test_a_head_is_trained_as_pytorch_trains_it(classes: int, each: int, size: int, tmp_path: Path) -> None:
    drawn = torch.Generator().manual_seed(0)
    x, new = (torch.rand(n, size, generator=drawn, dtype=torch.double) for n in (classes * each, 20))
    y = torch.arange(classes).repeat_interleave(each)
    lines = """
        const head = demo.train(given.x, given.y);
        return { ...head, told: given.new.map(each => demo.predict(head, each)) };
    """
    found = in_node("linear-probe", lines, {"x": x.tolist(), "y": y.tolist(), "new": new.tolist()}, tmp_path)
    head = nn.Linear(size, classes, dtype=torch.double)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimiser = torch.optim.SGD(head.parameters(), lr=1.0)
    for _ in range(100):
        optimiser.zero_grad()
        nn.functional.cross_entropy(head(standardised(x, x)), y).backward()
        optimiser.step()
    for name, expected in head.named_parameters():
        torch.testing.assert_close(torch.tensor(found[name], dtype=torch.double), expected.detach(), atol=1e-9, rtol=0)
    told = head(standardised(new, x)).softmax(dim=1).detach()
    torch.testing.assert_close(torch.tensor(found["told"], dtype=torch.double), told, atol=1e-9, rtol=0)
    assert head(standardised(x, x)).argmax(dim=1).tolist() == y.tolist(), "it has learned something"


def test_the_build_takes_small_images_of_three_digits_for_the_demo() -> None:
    test = packaged_mnist()[1]
    some = torch.frombuffer(bytearray(assets.small_digits(ROOT / "node_modules")), dtype=torch.uint8)
    small = transfer.shrink(test.x)
    for number, image in enumerate(some.reshape(150, 1, 12, 12) / 255):
        same = ((small - image).abs() < 0.501 / 255).flatten(1).all(dim=1)
        assert test.y[same].tolist() == [(3, 5, 8)[number // 50]]


def test_features_are_far_ahead_on_the_digits_and_not_ahead_on_the_shapes(tmp_path: Path) -> None:
    lines = f"""
        const {{ safetensors }} = await import({json.dumps((DEMOS / "networks.js").as_uri())});
        const {{ weights }} = safetensors(Uint8Array.from(readFileSync(given.file)).buffer);
        const digits = given.digits.map(image => Float32Array.from(image, value => value / 255));
        return [digits, await demo.SETS.shapes.images()].map(images => {{
            const {{ pool, tests }} = demo.split(images, weights);
            return [1, 2, 5, 10].map(each => demo.measure(pool, tests, each));
        }});
    """
    small = assets.small_digits(ROOT / "node_modules")
    images = [list(small[at : at + 144]) for at in range(0, len(small), 144)]
    digits, shapes = in_node("linear-probe", lines, {"file": str(PRETRAINED), "digits": images}, tmp_path)
    assert digits[0][0] > digits[3][1], "one example does more with features than ten do with pixels"
    assert all(features > pixels + 0.1 for features, pixels in digits)
    assert all(pixels >= features > 0.8 for features, pixels in shapes)


def test_the_shapes_of_the_program_differ_and_are_the_same_each_time(tmp_path: Path) -> None:
    lines = "return (await demo.SETS.shapes.images()).map(image => [...image]);"
    first, again = (torch.tensor(in_node("linear-probe", lines, None, tmp_path)) for _ in range(2))
    assert first.equal(again)
    assert first.shape == (150, 144)
    assert torch.cdist(first, first).fill_diagonal_(1).min() > 0.1
    assert (first.amax(dim=1) > 0.7).all()


def normalised(channels: int, filters: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution without bias, and batch normalisation."""
    conv = nn.Conv2d(channels, filters, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(filters))


class Residual(nn.Module):
    """The block of ResNet-18."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        straight = (channels, 1) == (filters, stride)
        self.body = nn.Sequential(normalised(channels, filters, 3, stride), normalised(filters, filters, 3))
        self.shortcut = nn.Identity() if straight else normalised(channels, filters, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Add x to what two convolutions make of it."""
        return self.body(x) + self.shortcut(x)


Block = dict[str, Any]


def in_pytorch(block: Block, x: Tensor, then: str) -> tuple[nn.Module, list[tuple[int, int]]]:
    """A block for maps or vectors x, before one of the kind `then`; and its windows as (kernel, stride)."""
    channels, side = x.shape[1], x.shape[-1]
    match block:
        case {"kind": "conv", "kernel": kernel, "stride": stride, "padding": padding, "filters": filters}:
            return nn.Conv2d(channels, filters, kernel, stride, padding, bias=then != "norm"), [(kernel, stride)]
        case {"kind": "pool", "kernel": kernel, "stride": stride, "padding": padding}:
            return nn.MaxPool2d(kernel, stride, padding), [(kernel, stride)]
        case {"kind": "norm"}:
            return nn.BatchNorm2d(channels), []
        case {"kind": "residual", "filters": filters, "stride": stride}:
            return Residual(channels, filters, stride), [(3, stride), (3, 1)]
        case {"kind": "separable", "filters": filters, "stride": stride}:
            parts = normalised(channels, channels, 3, stride, groups=channels), normalised(channels, filters, 1)
            return nn.Sequential(*parts), [(3, stride), (1, 1)]
        case {"kind": "average"}:
            if x.dim() < 4:
                raise ValueError("PyTorch would average the vector, too")
            return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), [(side, 1)]
        case _:
            seen = [(side, 1)] if x.dim() == 4 else []
            return nn.Sequential(nn.Flatten(), nn.Linear(x[0].numel(), block["neurons"])), seen


def measured(size: int, channels: int, blocks: list[Block]) -> list[Any]:
    """What PyTorch and code/neuronup/costs.py say of each block, up to the first impossible one: "impossible"."""
    x, windows, rows = torch.zeros(1, channels, size, size), [], []
    kinds = [block["kind"] for block in blocks]
    for block, then in zip(blocks, [*kinds[1:], ""], strict=True):
        try:
            layer, seen = in_pytorch(block, x, then)
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                x = layer.eval()(x)
        except (RuntimeError, ValueError):  # PyTorch refuses it
            return [*rows, "impossible"]
        windows += seen
        rows.append([list(x.shape[1:]), count_parameters(layer), counter.get_total_flops(), receptive_field(windows)])
    return rows


def drawn_networks(many: int) -> list[dict[str, Any]]:
    """Random networks, possible or not."""
    drawn = np.random.default_rng(0)
    settings = {
        "conv": {"kernel": (1, 6), "stride": (1, 4), "padding": (0, 3), "filters": (1, 9)},
        "pool": {"kernel": (1, 4), "stride": (1, 4), "padding": (0, 3)},
        "norm": {},
        "residual": {"filters": (1, 9), "stride": (1, 3)},
        "separable": {"filters": (1, 9), "stride": (1, 3)},
        "average": {},
        "linear": {"neurons": (1, 12)},
    }
    shares = [0.3, 0.15, 0.15, 0.15, 0.15, 0.03, 0.07]

    def block() -> Block:
        kind = str(drawn.choice(list(settings), p=shares))
        return {"kind": kind, **{name: int(drawn.integers(*bounds)) for name, bounds in settings[kind].items()}}

    return [
        {
            "input": {"size": int(drawn.integers(1, 29)), "channels": int(drawn.integers(1, 4))},
            "blocks": [block() for _ in range(drawn.integers(1, 9))],
        }
        for _ in range(many)
    ]


MEASURE = """
    const row = ({ shape, parameters, flops, field }) => [shape, parameters, flops, field];
    return given.map(({ input, blocks }) => {
        const rows = [];
        for (let many = 1; many <= blocks.length; many++) {
            try {
                rows.splice(0, many, ...demo.measure(input, blocks.slice(0, many)).map(row));
            } catch (error) {
                return [...demo.measure(input, blocks.slice(0, many - 1)).map(row), error.message];
            }
        }
        return rows;
    });
"""


def test_a_network_has_pytorchs_sizes_parameters_and_flops_and_is_refused_where_pytorch_refuses(tmp_path: Path) -> None:
    networks = drawn_networks(200)
    refused, reached = 0, 0
    for network, found in zip(networks, in_node("network-builder", MEASURE, networks, tmp_path), strict=True):
        said = found[-1] if isinstance(found[-1], str) else ""
        tried = network["blocks"][: len(found)]
        expected = measured(**network["input"], blocks=tried)
        if said:
            assert re.fullmatch(rf"Block {len(found)}, [\w -]+: it.*\.", said)
            found[-1] = "impossible"
        assert found == expected, f"{network}: {said}"
        refused, reached = refused + bool(said), reached + (not said)
    assert min(refused, reached) > 40, "both must have been tried"


def test_the_networks_to_begin_with_are_those_that_they_are_called_after(tmp_path: Path) -> None:
    lines = """return Object.fromEntries(Object.entries(demo.PRESETS).map(
        ([name, { input, blocks }]) => [name, demo.total(demo.measure(input, blocks))]));"""
    found = in_node("network-builder", lines, None, tmp_path)
    assert found["LeNet-5"]["parameters"] == 61_706  # dense, as it is built today
    with torch.device("meta"):
        model = resnet18().eval()
        with FlopCounterMode(display=False) as counter:
            model(torch.empty(1, 3, 224, 224))
    assert found["ResNet-18"] == {"parameters": count_parameters(model), "flops": counter.get_total_flops()}


def test_a_new_block_comes_last_or_before_what_it_cannot_follow_or_is_refused(tmp_path: Path) -> None:
    lines = """return given.map(([kind, size]) => {
        const blocks = structuredClone(demo.PRESETS["LeNet-5"].blocks.slice(size < 9 ? 7 : 0));
        try {
            return [demo.insert({ size, channels: 1 }, blocks, kind), ...blocks.map(block => block.kind)];
        } catch (error) { return error.message; }
    });"""
    conv, end, averaged, refused = in_node(
        "network-builder", lines, [["conv", 32], ["linear", 32], ["average", 32], ["pool", 1]], tmp_path
    )
    lenet = ["conv", "pool", "conv", "pool", "conv", "linear", "linear"]
    assert conv == [5, *lenet[:5], "conv", *lenet[5:]]
    assert end == [7, *lenet, "linear"]
    assert averaged == [5, *lenet[:5], "average", *lenet[5:]]
    assert "2 × 2 is larger than the maps that it is given, 1 × 1" in refused


@pytest.mark.parametrize("value", [0, -1, 2.5, 100000, None])
def test_a_setting_that_makes_no_sense_is_refused_by_its_name(value: object, tmp_path: Path) -> None:
    lines = """return given.map(([input, blocks]) => {
        try { demo.measure(input, blocks); return "taken"; } catch (error) { return error.message; }
    });"""
    conv = {"kind": "conv", "kernel": 3, "stride": 1, "padding": 1, "filters": value}
    given = [[{"size": 9, "channels": 1}, [conv]], [{"size": value, "channels": 1}, []]]
    block, image = in_node("network-builder", lines, given, tmp_path)
    assert block.startswith("Block 1, convolution: filters must be a whole number from 1 to ")
    assert image.startswith("Input: size must be a whole number from 1 to ")
