"""Architectures: blocks and published networks against torchvision's, what 50 layers do, and the page's exercises."""

import json
import math
import re
from pathlib import Path

import pytest
import torch
import torchvision
from conftest import drawings_of
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

import architectures
from architectures import (
    DEEP_NETWORKS,
    KERNELS,
    SMALL_NETWORKS,
    TINY_SIDE,
    Cost,
    count_flops,
    filled,
    gradient_by_layer,
    kernel_network,
    on_meta,
    shrunk,
    some,
    train,
)
from neuronup.blocks import (
    BatchNorm2d,
    Concatenate,
    Residual,
    bottleneck,
    conv_unit,
    dense_layer,
    inception,
    inverted_residual,
    residual_block,
)
from neuronup.command import BadInput
from neuronup.costs import count_parameters, flops
from neuronup.images import Images, load
from neuronup.loaders import Examples
from neuronup.zoo import PUBLISHED, VisionTransformer, googlenet, lenet5

NAMES = {
    "AlexNet": "alexnet",
    "VGG-16": "vgg16",
    "GoogLeNet": "googlenet",
    "ResNet-18": "resnet18",
    "ResNet-50": "resnet50",
    "DenseNet-121": "densenet121",
    "MobileNetV2": "mobilenet_v2",
    "ViT-B/16": "vit_b_16",
}
LIBRARY = {"GoogLeNet": {"aux_logits": False, "init_weights": False}}


def library(name: str, **words: object) -> nn.Module:
    """Build torchvision's network on the meta device."""
    with torch.device("meta"):
        return torchvision.models.get_model(NAMES[name], **LIBRARY.get(name, {}), **words)


def shapes(model: nn.Module) -> list[tuple[int, ...]]:
    """List the shapes of all that a network holds, in order."""
    return [tuple(each.shape) for each in model.state_dict().values()]


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_shapes_flops_and_accuracy_are_those_that_torchvision_publishes(name) -> None:
    ours, theirs = on_meta(PUBLISHED[name].build), library(name)
    published = torchvision.models.get_model_weights(NAMES[name]).IMAGENET1K_V1.meta
    assert count_parameters(ours) == count_parameters(theirs) == published["num_params"]
    if name == "ViT-B/16":
        assert sorted(shapes(ours)) == sorted(shapes(theirs))
    else:
        assert shapes(ours) == shapes(theirs)
    assert round(count_flops(ours, (3, 224, 224)) / 2e9, 3) == published["_ops"]
    assert PUBLISHED[name].top1 == pytest.approx(published["_metrics"]["ImageNet-1K"]["acc@1"] / 100)


def random_state(model: nn.Module, seed: int) -> None:
    """Give batch norms means, variances, weights and biases of their own."""
    generator = torch.Generator().manual_seed(seed)
    for each in model.modules():
        if isinstance(each, nn.BatchNorm2d):
            for tensor in (each.weight.data, each.bias.data, each.running_mean, each.running_var):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name != "ViT-B/16"])
def test_with_the_same_weights_the_output_is_torchvisions(name) -> None:
    torch.manual_seed(0)
    ours, theirs = PUBLISHED[name].build().eval(), library(name).eval()
    random_state(ours, 1)
    if name == "GoogLeNet":  # the library adds a thousandth to its variances
        for each in ours.modules():
            if isinstance(each, nn.BatchNorm2d):
                each.eps = 1e-3
    held = zip(theirs.state_dict(), ours.state_dict().values(), strict=True)
    theirs.load_state_dict(dict(held), assign=True)
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-5)


def test_with_the_same_weights_a_vision_transformer_is_torchvisions() -> None:
    torch.manual_seed(0)
    ours = VisionTransformer(24, 8, 16, depth=2, heads=4, classes=5).eval()
    theirs = torchvision.models.VisionTransformer(24, 8, 2, 4, 16, 64, num_classes=5).eval()
    held = ours.state_dict()
    order = ["class_token", "patches.weight", "patches.bias", "positions", *list(held)[4:]]
    pairs = zip(theirs.state_dict(), (held[key] for key in order), strict=True)
    theirs.load_state_dict(dict(pairs))
    x = torch.randn(2, 3, 24, 24)
    with torch.no_grad():
        assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-5)


def test_without_positions_a_vision_transformer_does_not_see_the_order_of_its_patches() -> None:
    torch.manual_seed(0)
    model = VisionTransformer(8, 4, 8, depth=1, heads=2, classes=3, channels=1).eval()
    x = torch.randn(2, 1, 8, 8)
    swapped = x.roll(4, dims=3)  # the left patches change places with the right ones
    with torch.no_grad():
        assert not torch.allclose(model(x), model(swapped), atol=1e-3)
        model.positions.zero_()
        assert_close(model(x), model(swapped))


def test_the_papers_googlenet_has_larger_kernels_and_so_more_parameters() -> None:
    library_version, paper = (count_parameters(on_meta(lambda k=k: googlenet(k))) for k in (3, 5))
    third = ((16, 32), (32, 96), (16, 48), (24, 64), (24, 64), (32, 64), (32, 128), (32, 128), (48, 128))
    assert paper - library_version == sum((25 - 9) * narrow * filters for narrow, filters in third)


@given(seed=st.integers(0, 10_000), n=st.integers(2, 4), channels=st.integers(1, 3), side=st.integers(1, 4))
@settings(max_examples=30)
def test_batch_norm_is_pytorchs_in_training_and_in_evaluation(seed: int, n: int, channels: int, side: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    ours, theirs = BatchNorm2d(channels).double(), nn.BatchNorm2d(channels).double()
    for model in (ours, theirs):
        model.weight.data.copy_(torch.arange(1.0, channels + 1))
        model.bias.data.fill_(0.5)
    for _ in range(3):
        x = torch.randn(n, channels, side, side, generator=generator, dtype=torch.float64).requires_grad_()
        weight = torch.randn(x.shape, generator=generator, dtype=torch.float64)
        found = [torch.autograd.grad((model(x) * weight).sum(), [x, *model.parameters()]) for model in (ours, theirs)]
        for mine, right in zip(*found, strict=True):
            assert_close(mine, right, rtol=1e-5, atol=1e-7)
    assert_close(ours.mean, theirs.running_mean)
    assert_close(ours.variance, theirs.running_var)
    assert_close(ours.eval()(x), theirs.eval()(x))


def test_after_batch_norm_the_scale_of_the_weights_before_is_gone_and_their_gradient_shrinks_with_it() -> None:
    torch.manual_seed(0)
    conv, norm, x = nn.Conv2d(2, 3, 3).double(), BatchNorm2d(3).double(), torch.randn(4, 2, 5, 5, dtype=torch.float64)
    weighted = torch.randn(4, 3, 3, 3, dtype=torch.float64)
    outputs, gradients = [], []
    for scale in (1.0, 10.0):
        scaled = (scale * conv.weight.detach()).requires_grad_()
        outputs.append(norm(functional.conv2d(x, scaled)))
        gradients += torch.autograd.grad((outputs[-1] * weighted).sum(), scaled)
    assert_close(outputs[0], outputs[1], rtol=1e-3, atol=1e-3)  # up to the 1e-5 beside the variance
    assert_close(gradients[0], 10 * gradients[1], rtol=1e-3, atol=1e-3)
    across = (gradients[0] * conv.weight.detach()).sum() / gradients[0].norm() / conv.weight.detach().norm()
    assert abs(float(across)) < 1e-3


def test_the_gradient_through_batch_norm_is_the_pages_formula() -> None:
    torch.manual_seed(0)
    norm, a, g = BatchNorm2d(2).double(), torch.randn(3, 2, 4, 4, dtype=torch.float64), torch.randn(3, 2, 4, 4)
    norm.weight.data.copy_(torch.tensor([2.0, -0.5]))
    over, gamma = {"dim": (0, 2, 3), "keepdim": True}, norm.weight[:, None, None]
    s = (a.var(**over, correction=0) + 1e-5).sqrt()
    hat = (a - a.mean(**over)) / s
    (found,) = torch.autograd.grad((norm(a.requires_grad_()) * g).sum(), a)
    assert_close(found, gamma / s * (g - g.mean(**over) - hat * (g * hat).mean(**over)), rtol=1e-4, atol=1e-6)


def test_a_residual_of_nothing_is_the_identity_and_passes_the_gradient_on() -> None:
    body = nn.Conv2d(3, 3, 3, padding=1)
    nn.init.zeros_(body.weight)
    nn.init.zeros_(body.bias)
    x = torch.randn(2, 3, 5, 5, requires_grad=True)
    out = x
    for _ in range(50):
        out = Residual(body)(out)
    assert_close(out, x)
    (gradient,) = torch.autograd.grad(out.sum(), x)
    assert_close(gradient, torch.ones_like(x))


@pytest.mark.parametrize(
    ("block", "channels"),
    [(residual_block(4, 6, 2), 6), (bottleneck(4, 2, 2), 8), (inverted_residual(4, 6, 2), 6)],
    ids=["residual", "bottleneck", "inverted"],
)
def test_a_block_of_stride_2_halves_the_maps_and_has_as_many_as_asked(block: nn.Module, channels: int) -> None:
    assert block(torch.randn(2, 4, 8, 8)).shape == (2, channels, 4, 4)


def test_a_dense_layer_keeps_what_it_got_and_adds_the_growth() -> None:
    x = torch.randn(2, 5, 4, 4)
    out = dense_layer(5, growth=3)(x)
    assert out.shape[1] == 5 + 3
    assert_close(out[:, :5], x)


def test_an_inception_module_shows_the_input_to_four_branches() -> None:
    module, x = inception(4, 1, (2, 3), (2, 5), 7), torch.randn(2, 4, 6, 6)
    assert_close(torch.cat([branch(x) for branch in module.branches], dim=1), module(x), rtol=1e-4, atol=1e-4)
    assert module(x).shape == (2, 1 + 3 + 5 + 7, 6, 6)


def test_a_depthwise_convolution_mixes_no_channels() -> None:
    unit, x = conv_unit(3, 3, 3, groups=3).eval(), torch.randn(1, 3, 5, 5, requires_grad=True)
    (gradient,) = torch.autograd.grad(unit(x)[:, 1].sum(), x)
    assert bool(gradient[:, 1].any())
    assert not bool(gradient[:, [0, 2]].any())


def test_flops_are_those_of_the_formula_where_it_applies() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 5))
    assert count_flops(on_meta(lambda: model.to("meta")), (3, 8, 8)) == 2 * (8 * 36 * 27 + 8 * 36 * 5)
    assert count_flops(on_meta(lenet5), (1, 32, 32)) == flops(lenet5(), torch.zeros(1, 1, 32, 32))


def test_a_network_filled_with_one_number_answers() -> None:
    model = filled(lenet5, torch.device("cpu"))
    assert model(torch.ones(1, 1, 32, 32)).isfinite().all()
    assert all(float(each.detach().std()) < 1e-6 for each in model.parameters() if each.numel() > 1)


def test_small_networks_are_of_similar_size_and_those_of_kernels_of_the_same() -> None:
    sizes = {name: count_parameters(on_meta(each.build)) for name, each in SMALL_NETWORKS.items()}
    kernels = {name: size for name, size in sizes.items() if name.startswith("kernel")}
    others = [size for name, size in sizes.items() if name not in kernels]
    assert max(others) < 1.4 * min(others)
    assert max(kernels.values()) < 1.1 * min(kernels.values())


def test_small_networks_follow_the_plan_of_the_large_ones() -> None:
    kinds = {
        name: {type(each) for each in SMALL_NETWORKS[name].build().modules()}
        for name in ("LeNet", "ResNet", "DenseNet")
    }
    assert kinds["LeNet"] >= {nn.Conv2d, nn.Tanh, nn.AvgPool2d, nn.Linear}
    assert Residual in kinds["ResNet"]
    assert Concatenate in kinds["DenseNet"]
    groups = {each.groups for each in SMALL_NETWORKS["MobileNet"].build().modules() if isinstance(each, nn.Conv2d)}
    assert len(groups) > 1


@pytest.mark.parametrize("name", KERNELS)
def test_a_network_of_kernels_sees_with_those_and_no_others(name) -> None:
    convs = [each for each in kernel_network(KERNELS[name]).modules() if isinstance(each, nn.Conv2d)]
    assert {conv.kernel_size[0] for conv in convs[1:]} == set(KERNELS[name])


def pixels(channels: int, side: int, n: int = 40) -> Images:
    """Draw a few images (n, channels, side, side) of two classes: bright above, or below."""
    generator = torch.Generator().manual_seed(side)
    y = torch.arange(n) % 2
    x = torch.rand(n, channels, side, side, generator=generator) / 2
    for each, label in zip(x, y, strict=True):
        each[:, label * side // 2 : (label + 1) * side // 2] += 0.5
    part = Examples(x, y)
    return Images(("above", "below"), part, part, part)


@pytest.mark.parametrize(("channels", "side"), [(1, 8), (1, 28), (3, 32)])
def test_images_of_any_size_become_grey_ones_of_12_by_12_on_one_scale(channels, side) -> None:
    x = shrunk(pixels(channels, side)).train.x
    assert x.shape == (40, 1, TINY_SIDE, TINY_SIDE)
    assert_close((x.mean(), x.std()), (torch.tensor(0.0), torch.tensor(1.0)), atol=1e-5, rtol=0)


def test_of_mnist_the_middle_is_halved_and_nothing_moves() -> None:
    images = pixels(1, 28)
    halved = functional.avg_pool2d(images.train.x[..., 2:26, 2:26], 2)
    x = shrunk(images).train.x
    assert_close((x - x.min()) / (x.max() - x.min()), (halved - halved.min()) / (halved.max() - halved.min()))


def test_every_seed_learns_from_other_images() -> None:
    images = pixels(1, 8)
    parts = [some(images, 10, number).train.x for number in range(4)]
    assert_close(torch.cat(parts), images.train.x)
    assert_close(some(images, 30, 1).train.x[:20], torch.cat([images.train.x[30:], images.train.x[:10]]))


@pytest.fixture(scope="module")
def norms() -> dict[str, list[float]]:
    """The gradient's norm in each convolution of the deep networks, untrained."""
    images = shrunk(load("digits", 0))
    x, y = images.train.x[:256], images.train.y[:256]
    found = {}
    for name, candidate in DEEP_NETWORKS.items():
        torch.manual_seed(0)
        found[name] = gradient_by_layer(candidate.build(), x, y)
    return found


def test_a_plain_networks_gradient_vanishes_and_batch_norm_alone_lets_it_explode(norms) -> None:
    ratio = {name: each[0] / each[-1] for name, each in norms.items()}
    assert ratio["plain"] < 1e-2
    assert ratio["plain_norm"] > 50
    assert 0.02 < ratio["shortcut_norm"] < 20
    assert norms["shortcut"][-1] > 20 * norms["shortcut_norm"][-1]  # sums grow from block to block


@pytest.mark.parametrize("name", DEEP_NETWORKS)
def test_a_deep_network_has_as_many_layers_as_it_says(name) -> None:
    depth = 10 if name == "shallow" else 50
    layers = [each for each in DEEP_NETWORKS[name].build().modules() if isinstance(each, nn.Conv2d | nn.Linear)]
    assert len(layers) == depth


def test_a_deep_network_that_has_both_overfits_a_few_images() -> None:
    images = shrunk(load("digits", 0))
    few = images._replace(train=Examples(images.train.x[:32], images.train.y[:32]))
    _, history = train(DEEP_NETWORKS["shortcut_norm"], few, 15, seed=0)
    assert history["loss"][-1] < 0.5 < 1.5 < history["loss"][0]


@pytest.mark.parametrize("words", [{"pixels": 32}, {"pixels": 100}, {"examples": 10}, {"seeds": 0}, {"epochs": 0}])
def test_what_cannot_be_done_is_told_in_a_sentence(words) -> None:
    with pytest.raises(BadInput, match="64 or more"):
        architectures.main(device="cpu", **words)


def test_main_prints_and_records_what_it_found(tmp_path, capsys) -> None:
    architectures.main(device="cpu", data="digits", examples=600, epochs=2, seeds=1, pixels=64, out=tmp_path)
    printed, metrics = capsys.readouterr().out, json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert f"{metrics['VGG_16_parameters']:,} parameters" in printed
    assert metrics["LeNet_5_parameters"] == 61_706
    assert metrics["VGG_16_gflops"] == pytest.approx(2 * 15.47026432)  # counted at 224 pixels, timed at 64
    assert metrics["shortcut_norm_accuracy"] > metrics["plain_accuracy"]
    assert metrics["VGG_accuracy"] > 0.3
    assert all(math.isfinite(value) for value in metrics.values() if not isinstance(value, str))
    drawn = drawings_of("architectures").draw(tmp_path)
    assert drawn.keys() >= {"ideas", "published", "small", "deep"}


def test_main_draws_nothing_unless_told_where(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(architectures, "load", lambda name, seed: pixels(1, 8, 64))
    monkeypatch.setattr(architectures, "count_published", lambda: dict.fromkeys(["LeNet-5", *PUBLISHED], (1, 1)))
    monkeypatch.setattr(architectures, "time_published", lambda *_: dict.fromkeys(PUBLISHED, Cost(1, 1, 1.0)))
    architectures.main(device="cpu", examples=64, epochs=1, seeds=1)
    assert re.search(r"50 layers", capsys.readouterr().out)
    assert not list(Path().iterdir())


# --8<-- [start:sparse]
def test_the_sparse_layer_of_lenet_5() -> None:
    seen = 6 * [3] + 9 * [4] + [6]  # of the six maps, each of 16 filters sees so many
    sparse = sum(25 * maps + 1 for maps in seen)
    layers = {"C1": 6 * 26, "S2": 6 * 2, "C3": sparse, "S4": 16 * 2, "C5": 120 * 401, "F6": 84 * 121}
    assert sparse == 1516
    assert sum(layers.values()) == 60_000


# --8<-- [end:sparse]
# --8<-- [start:depthwise]
def test_a_depthwise_separable_convolution_takes_an_eighth_of_the_flops() -> None:
    channels, place = 128, (128, 14, 14)
    ordinary = on_meta(lambda: nn.Conv2d(channels, channels, 3, padding=1))
    depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
    pointwise = nn.Conv2d(channels, channels, 1)
    separable = on_meta(lambda: nn.Sequential(depthwise, pointwise).to("meta"))
    share = count_flops(separable, place) / count_flops(ordinary, place)
    assert abs(share - (1 / channels + 1 / 9)) < 1e-6


# --8<-- [end:depthwise]
# --8<-- [start:fold]
def fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """Make one convolution of a convolution and the batch norm after it."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()  # (filters,)
    whole = nn.Conv2d(conv.in_channels, conv.out_channels, 3, padding=conv.padding)
    bias = norm.bias - scale * norm.running_mean
    weight = scale[:, None, None, None] * conv.weight
    whole.load_state_dict({"weight": weight.detach(), "bias": bias.detach()})
    return whole


def test_batch_norm_folds_into_the_convolution_before_it() -> None:
    torch.manual_seed(0)
    conv, norm, _ = conv_unit(3, 4, 3)
    x = torch.randn(2, 3, 6, 6)
    for _ in range(5):
        norm(conv(5 * x + 2))  # in training it learns its running means
    torch.testing.assert_close(fold(conv, norm)(x), norm.eval()(conv(x)))


# --8<-- [end:fold]
# --8<-- [start:one_kernel]
def test_concatenated_kernels_are_one_large_kernel_with_zeros() -> None:
    torch.manual_seed(0)
    branches = [nn.Conv2d(3, 2, k, padding=k // 2, bias=False) for k in (1, 3, 5)]
    padded = [functional.pad(conv.weight, [2 - k // 2] * 4) for conv, k in zip(branches, (1, 3, 5), strict=True)]
    x = torch.randn(1, 3, 8, 8)
    large = functional.conv2d(x, torch.cat(padded), padding=2)
    torch.testing.assert_close(Concatenate(*branches)(x), large)
    assert sum(count_parameters(conv) for conv in branches) < torch.cat(padded).numel()


# --8<-- [end:one_kernel]
