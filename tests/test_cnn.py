"""Convolution: filters and pools against PyTorch's, its arithmetic, the networks, and the page's exercises."""

import json
import math
from pathlib import Path

import pytest
import torch
from conftest import drawings_of
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save as pack
from torch import Tensor, nn
from torch.nn import functional
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

import cnn
from cnn import (
    HIDDEN_LAYERS,
    LAYERS,
    PADDING,
    Detection,
    Scene,
    apply_filter,
    build,
    convnet,
    count_matches,
    detect,
    edge_strength,
    evaluate_moved,
    fully_connected,
    fully_convolutional,
    save_model,
    scene,
    search_scenes,
    summary,
    train,
    train_larger,
)
from neuronup.augmentation import translate_each
from neuronup.command import BadInput
from neuronup.convolution import conv2d, conv2d_by_loops, max_pool, mean_pool
from neuronup.costs import conv_parameters, count_parameters, flops, output_size, receptive_field
from neuronup.detection import non_maximum_suppression
from neuronup.images import Images, load, scale_of
from neuronup.loaders import Examples
from neuronup.loop import predict

load_model = drawings_of("cnn").load_model


def drawn(seed: int, *shape: int) -> Tensor:
    """Draw numbers (shape), in double precision, that may be differentiated by."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()


def agree(ours: Tensor, theirs: Tensor, *inputs: Tensor) -> None:
    """Hold that two results, and their gradients in `inputs`, are the same."""
    assert_close(ours, theirs)
    weight = torch.randn(ours.shape, dtype=ours.dtype)
    for mine, right in zip(
        torch.autograd.grad((ours * weight).sum(), inputs),
        torch.autograd.grad((theirs * weight).sum(), inputs),
        strict=True,
    ):
        assert_close(mine, right)


SIZES = {"seed": st.integers(0, 10_000), "height": st.integers(5, 9), "width": st.integers(5, 9)}


@given(
    **SIZES,
    channels=st.integers(1, 3),
    filters=st.integers(1, 3),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
)
@settings(max_examples=60)
def test_conv2d_is_pytorchs_values_and_gradients(
    seed: int, height: int, width: int, channels: int, filters: int, kernel: tuple[int, int], stride: int, padding: int
) -> None:
    x, weight, bias = (
        drawn(seed, 2, channels, height, width),
        drawn(seed, filters, channels, *kernel),
        drawn(seed, filters),
    )
    theirs = functional.conv2d(x, weight, bias, stride, padding)
    agree(conv2d(x, weight, bias, stride, padding), theirs, x, weight, bias)


@given(**SIZES, size=st.integers(1, 4), stride=st.integers(1, 3), padding=st.integers(0, 2))
@settings(max_examples=60)
def test_pooling_is_pytorchs_values_and_gradients(
    seed: int, height: int, width: int, size: int, stride: int, padding: int
) -> None:
    x, padding = drawn(seed, 2, 3, height, width), min(padding, size // 2)  # more, PyTorch refuses
    agree(max_pool(x, size, stride, padding), functional.max_pool2d(x, size, stride, padding), x)
    agree(mean_pool(x, size, stride, padding), functional.avg_pool2d(x, size, stride, padding), x)


@given(
    size=st.integers(5, 40), kernel=st.integers(1, 5), stride=st.integers(1, 4), padding=st.integers(0, 3),
    channels=st.integers(1, 4), filters=st.integers(1, 4),
)  # fmt: skip
@settings(max_examples=60)
def test_the_formulas_for_size_and_parameters_hold_for_pytorchs_layer(
    size: int, kernel: int, stride: int, padding: int, channels: int, filters: int
) -> None:
    layer = nn.Conv2d(channels, filters, kernel, stride, padding)
    assert layer(torch.zeros(1, channels, size, size)).shape[2] == output_size(size, kernel, stride, padding)
    assert count_parameters(layer) == conv_parameters(channels, filters, kernel)


@given(
    seed=st.integers(0, 10_000),
    layers=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), min_size=1, max_size=3),
)
@settings(max_examples=30)
def test_an_output_depends_on_as_many_pixels_as_its_receptive_field(seed: int, layers: list[tuple[int, int]]) -> None:
    field = receptive_field(layers)
    x = torch.zeros(1, 1, 40, 40, dtype=torch.float64, requires_grad=True)
    y = x
    for kernel, stride in layers:
        y = conv2d(
            y, torch.ones(1, 1, kernel, kernel, dtype=torch.float64), torch.zeros(1, dtype=torch.float64), stride
        )
    (gradient,) = torch.autograd.grad(y[0, 0, 0, 0], x)
    seen = gradient[0, 0].nonzero()
    # a stride wider than its kernel skips pixels in between: the span counts
    assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [field, field]


@given(seed=st.integers(0, 10_000), down=st.integers(-3, 3), right=st.integers(-3, 3))
@settings(max_examples=30)
def test_a_shift_of_the_image_shifts_the_feature_map_up_to_the_border(seed: int, down: int, right: int) -> None:
    x, weight, bias = drawn(seed, 1, 2, 14, 14).detach(), drawn(seed, 3, 2, 3, 3).detach(), drawn(seed, 3).detach()
    by = torch.tensor([[down, right]])
    before, after = conv2d(translate_each(x, by), weight, bias), translate_each(conv2d(x, weight, bias), by)
    assert_close(before[..., 3:-3, 3:-3], after[..., 3:-3, 3:-3])
    pooled = (
        max_pool(translate_each(x, 2 * by), 2, 2),
        translate_each(max_pool(x, 2, 2), by),
    )  # of a pool, only by its stride
    assert_close(pooled[0][..., 3:-3, 3:-3], pooled[1][..., 3:-3, 3:-3])


def test_a_translation_moves_every_image_by_its_own_way_and_lets_background_in() -> None:
    x = torch.arange(1.0, 19.0).reshape(2, 1, 3, 3)
    moved = translate_each(x, torch.tensor([[1, 0], [0, -2]]))
    assert moved[0, 0].tolist() == [[0, 0, 0], [1, 2, 3], [4, 5, 6]]
    assert moved[1, 0].tolist() == [[12, 0, 0], [15, 0, 0], [18, 0, 0]]


LINES = torch.tensor([0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0]).expand(8, 8)  # vertical ones


def test_only_filter_b_keeps_vertical_lines_and_nothing_of_horizontal_ones() -> None:
    kept = {name: (bool(apply_filter(LINES, name).any()), bool(apply_filter(LINES.T, name).any())) for name in "ABC"}
    assert kept == {"A": (False, True), "B": (True, False), "C": (True, True)}


def test_sobel_measures_the_gradient_of_a_ramp_and_blur_leaves_it() -> None:
    down, across = torch.meshgrid(torch.arange(6.0), torch.arange(6.0), indexing="ij")
    ramp = 3 * across + 4 * down
    assert_close(edge_strength(ramp), torch.full((4, 4), 8 * 5.0))  # the gradient is 5 long; Sobel's weights sum to 8
    assert_close(apply_filter(ramp, "blur"), ramp[1:-1, 1:-1])
    assert_close(apply_filter(ramp, "sharpen"), ramp[1:-1, 1:-1])  # nothing to sharpen


def test_flops_are_those_that_pytorch_counts() -> None:
    images = load("digits", 0)
    model = convnet(8, scale_of(images.train), 10)
    for each in (model, fully_connected(8, scale_of(images.train), 10, count_parameters(model), 1)):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            each.eval()(images.test.x[:1])
        assert flops(each, images.test.x[:1]) == counter.get_total_flops()


def test_each_convolution_is_timed_beside_a_dense_layer_of_equal_flops() -> None:
    timed = cnn.time_layers(torch.device("cpu"))
    found = {name: [flops for flops, _ in each] for name, each in timed.items()}
    assert found["convolution"] == found["fully connected"] == sorted(found["convolution"])


@pytest.mark.parametrize(("kind", "depth"), [("MLP", 1), ("deep MLP", 3)])
def test_a_baseline_has_as_many_parameters_and_the_deep_one_as_many_layers(kind, depth) -> None:
    images = load("digits", 0)
    ours, baseline = build("CNN", images), build(kind, images)
    assert count_parameters(baseline) == pytest.approx(count_parameters(ours), rel=0.01)
    assert sum(isinstance(layer, nn.Linear) for layer in baseline) == depth + 1
    assert sum(isinstance(layer, nn.Conv2d) for layer in ours) == HIDDEN_LAYERS["deep MLP"] == 3


@pytest.mark.parametrize("kind", ["MLP", "deep MLP"])
def test_no_baseline_has_a_learning_rate_that_validation_rejects(kind, monkeypatch) -> None:
    def validated(rate: float) -> float:
        monkeypatch.setitem(cnn.LEARNING_RATES, kind, rate)
        return sum(train(kind, load("digits", seed), 0, 10, seed)[1] for seed in range(2)) / 2

    rate = cnn.LEARNING_RATES[kind]
    assert validated(rate) >= max(validated(rate / 10), validated(rate * 10)) - 0.005


def test_in_each_split_its_own_validation_images_choose() -> None:
    plain, shifted = [[0.9, 0.80, 0.1], [0.7, 0.60, 0.1]], [[0.8, 0.99, 0.1], [0.9, 0.50, 0.1]]
    found = summary({("CNN", 0, 1.0): plain, ("CNN", 1, 1.0): shifted})
    assert found["CNN_all"] == pytest.approx((0.80 + 0.50) / 2)  # of the first without, of the second with translation


@pytest.fixture(scope="module")
def learned() -> list[tuple[Images, nn.Sequential, float]]:
    """Five convnets trained without translation, each on a split of its own."""
    found = []
    for seed in range(5):
        images = load("digits", seed)
        model, score = train("CNN", images, 0, 20, seed)
        found.append((images, model, score))
    return found


def test_the_convnet_classifies_985_of_1000_test_images_correctly_on_average(learned) -> None:
    right = [evaluate_moved(model, images.test)[0] for images, model, _ in learned]
    assert sum(right) / len(right) >= 0.985


def test_the_sliding_network_gives_what_the_network_gives_on_every_second_window(learned) -> None:
    images, model, _ = learned[0]
    large = scene(images.test, 3, 4, 0).x
    padded = functional.pad(large, (PADDING,) * 4)
    with torch.no_grad():
        answers = fully_convolutional(model)(padded)[0]
        for row, column in ((0, 0), (3, 5), (answers.shape[1] - 1, answers.shape[2] - 1)):
            window = padded[..., 2 * row : 2 * row + 12, 2 * column : 2 * column + 12]
            assert_close(answers[:, row, column], model.eval()[1:](window)[0], atol=1e-4, rtol=1e-4)
    assert receptive_field([*LAYERS, (2, 1)]) == 8 + 2 * PADDING


def test_weights_read_back_give_the_same_logits_and_say_what_to_feed_them(learned, tmp_path) -> None:
    images, model, _ = learned[0]
    save_model(model, images, tmp_path / "cnn.safetensors")
    again, classes = load_model(tmp_path / "cnn.safetensors")
    assert_close(predict(again, images.test.x), predict(model, images.test.x), atol=0, rtol=0)
    assert classes == [str(digit) for digit in range(10)]
    with safe_open(tmp_path / "cnn.safetensors", "pt") as file:
        known = json.loads(file.metadata()["about"])
    scale = scale_of(images.train)
    assert known["input"] == ["batch", 1, 8, 8]
    assert known["range"] == [0, 1]
    assert known["padding"] == PADDING
    assert known["mean"] == pytest.approx(scale.mean.flatten().tolist())
    assert known["std"] == pytest.approx(scale.std.flatten().tolist())


def test_a_file_that_holds_no_such_weights_is_refused_in_one_sentence(learned, tmp_path) -> None:
    images, model, _ = learned[0]
    path = tmp_path / "cnn.safetensors"
    with pytest.raises(BadInput, match="holds no weights"):
        load_model(path)
    save_model(model, images, path)
    whole = path.read_bytes()
    for damaged in (b"", whole[:-9], whole[: len(whole) // 2], b"no weights at all"):
        path.write_bytes(damaged)
        with pytest.raises(BadInput, match="holds no weights"):
            load_model(path)
    path.write_bytes(pack({"some": torch.zeros(3)}))
    with pytest.raises(BadInput, match="holds no weights"):
        load_model(path)


def test_a_scene_holds_its_images_where_it_says_without_overlap() -> None:
    images = load("digits", 0).test
    for seed in range(20):
        truth = scene(images, 3, 5, seed)
        total = torch.zeros(())
        for (top, left), what in zip(truth.where.tolist(), truth.what.tolist(), strict=True):
            cut = truth.x[0, :, top : top + 8, left : left + 8]
            same = (images.x == cut).all(dim=(1, 2, 3)).nonzero()[:, 0]
            assert what in images.y[same].tolist()
            marked = truth.mask[top : top + 8, left : left + 8]
            assert set(marked.unique().tolist()) <= {0, what + 1}
            total += cut.sum()
        assert_close(truth.x.sum(), total)


def test_detections_are_counted_once_and_only_where_an_image_is() -> None:
    truth = Scene(
        torch.zeros(1, 1, 40, 40), torch.tensor([[4, 4], [20, 20]]), torch.tensor([7, 3]), torch.zeros(40, 40)
    )
    found = [Detection(7, 5, 4), Detection(7, 4, 6), Detection(1, 18, 22), Detection(3, 30, 30)]
    assert count_matches(found, truth, slack=2) == (
        2,
        1,
    )  # a repeat, one misclassified, one nowhere


def test_an_empty_background_holds_nothing_once_a_foreground_is_asked_for(learned) -> None:
    empty = torch.zeros(1, 1, 40, 40)
    assert detect(learned[0][1], empty, 8, least=0.2) == []
    assert detect(learned[0][1], empty, 8, least=0.0) != []  # it was never trained to say "nothing"
    images, model, _ = learned[0]
    assert set(search_scenes(model, images.test, least=2.0, many=2).values()) == {0.0}


@given(seed=st.integers(0, 10_000), near=st.integers(0, 3))
@settings(max_examples=30)
def test_suppression_keeps_each_highest_score_and_nothing_near_a_higher_one(seed: int, near: int) -> None:
    scores = torch.randn(6, 7, generator=torch.Generator().manual_seed(seed))
    kept = non_maximum_suppression(scores, near)
    values = [float(scores[at]) for at in kept]
    assert values == sorted(values, reverse=True)
    assert values[0] == float(scores.max())
    for row in range(6):  # every window is near one that is kept, and has no higher score
        for column in range(7):
            by = [at for at in kept if max(abs(at[0] - row), abs(at[1] - column)) <= near]
            assert max(float(scores[at]) for at in by) >= float(scores[row, column])
    for each, one in enumerate(kept):
        assert all(max(abs(one[0] - at[0]), abs(one[1] - at[1])) > near for at in kept[:each])


@given(seed=st.integers(0, 10_000), height=st.integers(1, 4), width=st.integers(1, 4))
@settings(max_examples=30)
def test_two_loops_are_pytorchs_convolution(seed: int, height: int, width: int) -> None:
    image, weight = drawn(seed, 6, 7).detach(), drawn(seed + 1, height, width).detach()
    assert_close(conv2d_by_loops(image, weight), functional.conv2d(image[None, None], weight[None, None])[0, 0])


def test_every_training_image_is_shown_as_often_as_the_epochs_say() -> None:
    few = fake(1, 8, seed=0)  # 80 images to train on
    model, about = train_larger(few, 2, seed=0)
    assert about["larger_train"] == 80
    assert about["larger_epochs"] == 2000 // 80
    assert about["larger_accuracy"] == evaluate_moved(model, few.test)[0] == 1


def test_main_prints_and_records_what_it_found(tmp_path, capsys) -> None:
    cnn.main(device="cpu", epochs=3, seeds=1, out=tmp_path)
    printed, metrics = capsys.readouterr().out, json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert f"parameters: CNN {metrics['CNN_parameters']:,}" in printed
    assert metrics["CNN_shifts_all_1"] > metrics["CNN_plain_all_1"] > metrics["MLP_plain_all_1"]
    assert metrics["flops_ratio"] > 10
    assert metrics["grow_time"] < metrics["grow_flops"] == 32**2
    assert metrics["full_phone"] == 1000 * (3 * 3000 * 4000 + 1)
    assert metrics["deep_MLP_parameters"] == pytest.approx(metrics["CNN_parameters"], rel=0.01)
    assert metrics["found_precision"] > metrics["blind_precision"]
    assert (metrics["larger_train"], metrics["larger_epochs"], metrics["larger_test"]) == (1500, 2, 10_000)
    assert metrics["larger_accuracy"] > 0.8
    assert all(math.isfinite(value) for value in metrics.values() if not isinstance(value, str))
    drawn = drawings_of("cnn").draw(tmp_path)
    assert drawn.keys() >= {"costs", "filters", "found", "lines", "maps", "parts", "shifted", "sliding", "tasks"}
    model, _ = load_model(tmp_path / "cnn.safetensors")
    assert count_parameters(model) == metrics["CNN_parameters"]


def fake(channels: int, side: int, seed: int) -> Images:
    """Draw a few images (n, channels, side, side) of two classes: bright above, or below."""
    generator = torch.Generator().manual_seed(seed)

    def part(n: int) -> Examples:
        y = torch.arange(n) % 2
        x = torch.rand(n, channels, side, side, generator=generator) / 2
        for each, label in zip(x, y, strict=True):
            each[:, label * side // 2 : (label + 1) * side // 2] += 0.5
        return Examples(x, y)

    return Images(("above", "below"), part(80), part(40), part(20))


@pytest.mark.parametrize(("name", "shape"), [("mnist", (1, 28)), ("cifar10", (3, 32))])
def test_other_data_run_the_same_code(name, shape, tmp_path, capsys, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(cnn, "load", lambda name, seed: asked.append(name) or fake(*shape, seed))
    cnn.main(device="cpu", data=name, compare_on=name, epochs=1, seeds=1, out=tmp_path)
    assert asked == [name, name]
    assert "parameters" in capsys.readouterr().out
    model, classes = load_model(tmp_path / "cnn.safetensors")
    images = fake(*shape, 0)
    assert classes == ["above", "below"]
    assert evaluate_moved(model, images.test)[0] == 1


def test_main_draws_nothing_unless_told_where(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cnn, "load", lambda name, seed: fake(1, 8, seed))
    cnn.main(device="cpu", epochs=1, seeds=1)
    assert "parameters" in capsys.readouterr().out
    assert not list(Path().iterdir())


# --8<-- [start:by_hand]
def test_by_hand() -> None:
    image = torch.tensor([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0], [1.0, 0.0, 1.0]])
    weight = torch.tensor([[1.0, 0.0], [0.0, -1.0]])
    found = conv2d(image[None, None], weight[None, None], torch.zeros(1))
    assert found[0, 0].tolist() == [[1 - 3, 0 - 0], [0 - 0, 3 - 1]]


# --8<-- [end:by_hand]
# --8<-- [start:two_small]
def test_two_small_filters_against_one_large() -> None:
    assert receptive_field([(3, 1), (3, 1)]) == receptive_field([(5, 1)]) == 5
    channels = 16
    assert 2 * conv_parameters(channels, channels, 3) == 4640
    assert conv_parameters(channels, channels, 5) == 6416


# --8<-- [end:two_small]
# --8<-- [start:one_by_one]
def test_a_one_by_one_convolution_is_a_layer_of_neurons_at_each_pixel() -> None:
    x, weight, bias = torch.randn(2, 3, 5, 5), torch.randn(4, 3), torch.randn(4)
    found = conv2d(x, weight[:, :, None, None], bias)
    layer = x.movedim(1, -1) @ weight.T + bias  # (n, rows, columns, 4)
    torch.testing.assert_close(found, layer.movedim(-1, 1))


# --8<-- [end:one_by_one]
# --8<-- [start:dense]
def test_a_convolution_is_a_fully_connected_layer_with_most_weights_zero_and_the_rest_shared() -> None:
    weight, bias = torch.randn(1, 1, 3, 3), torch.zeros(1)
    pixels = torch.eye(64).reshape(64, 1, 8, 8)  # one pixel of 1 in each image
    matrix = conv2d(pixels, weight, bias).flatten(1).T  # (36 outputs, 64 inputs)
    x = torch.randn(1, 1, 8, 8)
    torch.testing.assert_close(conv2d(x, weight, bias).flatten(), matrix @ x.flatten())
    assert (matrix != 0).sum() == 36 * 9  # of 36 * 64 weights
    assert len(matrix[matrix != 0].unique()) == 9


# --8<-- [end:dense]
