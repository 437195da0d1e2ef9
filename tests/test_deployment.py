"""Augmentation and deployment: changes of images, the exported file, int8, alarms, and the page's exercises."""

import json
import math
from itertools import count, repeat
from pathlib import Path

import onnx
import pytest
import torch
from conftest import drawings_of
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from scipy import stats
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

import deployment
from deployment import (
    AUGMENTATIONS,
    BOX,
    CHANGES,
    SIDE,
    as_bytes,
    as_mnist,
    augmented,
    change,
    compare_augmentations,
    forget_preprocessing,
    latency,
    prepare_drawing,
    scribbles,
    summary,
    train,
    turned,
    watch,
)
from neuronup.accuracy import accuracy
from neuronup.augmentation import translate_each
from neuronup.command import BadInput
from neuronup.drift import ALARMS, Monitor, counts_p_value, ks_p_value, ks_statistic
from neuronup.export import (
    Calibration,
    Served,
    describe_layers,
    export,
    open_session,
    quantise,
    run_session,
    save_network,
)
from neuronup.images import Images, load, scale_of
from neuronup.loaders import Examples
from neuronup.loop import predict
from neuronup.transforms import Mixup, affine, random_affine, random_flip, random_noise
from neuronup.weights import load_weights, save_weights


def blots(n: int, seed: int = 0, side: int = 28) -> torch.Tensor:
    """Draw smooth images (n, 1, side, side) from 0 to 1, with nothing at the border."""
    generator = torch.Generator().manual_seed(seed)
    x = functional.interpolate(torch.rand(n, 1, 5, 5, generator=generator), (side, side), mode="bicubic").clamp(0, 1)
    across = torch.hann_window(side, periodic=False)
    return x * across * across[:, None]


def every(n: int, value: float) -> torch.Tensor:
    """The same value n times."""
    return torch.full((n,), float(value))


@given(seed=st.integers(0, 10_000), down=st.integers(-5, 5), right=st.integers(-5, 5))
@settings(max_examples=20)
def test_an_affine_change_by_whole_pixels_is_the_translation_of_the_lecture_before(seed, down, right):
    x, by = blots(3, seed), torch.tensor([[down, right]]).expand(3, 2)
    assert_close(affine(x, every(3, 0), every(3, 1), by.float()), translate_each(x, by), atol=1e-5, rtol=0)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_quarter_turn_is_that_of_pytorch(quarters):
    x = blots(2)
    found = affine(x, every(2, 90 * quarters), every(2, 1), torch.zeros(2, 2))
    assert_close(found, x.rot90(quarters, (2, 3)), atol=1e-5, rtol=0)


def test_a_zoom_of_two_covers_four_times_as_many_pixels_and_one_half_undoes_it():
    x = torch.zeros(1, 1, 28, 28)
    x[..., 11:17, 11:17] = 1
    large = affine(x, every(1, 0), every(1, 2), torch.zeros(1, 2))
    assert float(large.sum()) == pytest.approx(4 * 36, rel=1e-3)
    assert_close(affine(large, every(1, 0), every(1, 0.5), torch.zeros(1, 2)), x, atol=0.3, rtol=0)


def test_a_move_after_a_turn_is_by_its_own_pixels_whatever_the_turn():
    x, by = blots(2), torch.tensor([[3.0, -2.0]]).expand(2, 2)
    moved = affine(x, every(2, 90), every(2, 1), by)
    assert_close(moved, translate_each(x.rot90(1, (2, 3)), by.long()), atol=1e-5, rtol=0)


def test_a_random_change_is_drawn_for_each_image_anew_by_its_seed_and_stays_in_its_bounds():
    dot = torch.zeros(200, 1, 29, 29)
    dot[..., 14, 14] = 1  # the middle: a turn and a zoom leave it there
    moved = random_affine(0, degrees=30, zoom=0.2, pixels=2)(dot)
    places = torch.arange(29.0)
    rows, columns = moved.sum(dim=3)[:, 0] @ places, moved.sum(dim=2)[:, 0] @ places
    mass = moved.sum(dim=(1, 2, 3))
    far = torch.stack([rows / mass - 14, columns / mass - 14])
    assert float(far.abs().max()) <= 2.5  # half a pixel is lost to the grid
    assert float(far.amin()) < -1.5
    assert float(far.amax()) > 1.5
    again = random_affine(0, degrees=30, zoom=0.2, pixels=2)
    assert_close(again(dot), moved, atol=0, rtol=0)
    assert not torch.equal(again(dot), moved)  # the next batch is drawn on


def test_a_random_flip_flips_about_half_of_the_images_and_nothing_else():
    x = blots(400)
    found = random_flip(0, [2, 3])(x)
    flipped = (found == x.rot90(2, (2, 3))).flatten(1).all(dim=1)  # both ways: half a turn
    kept = (found == x).flatten(1).all(dim=1)
    assert bool((flipped ^ kept).all())
    assert 0.4 < float(flipped.float().mean()) < 0.6


def test_noise_has_the_standard_deviation_it_says_where_nothing_is_cut_off():
    x = torch.full((50, 1, 28, 28), 0.5)
    noisy = random_noise(0, 0.1)(x)
    assert float((noisy - x).std()) == pytest.approx(0.1, rel=0.02)
    assert float(random_noise(0, 3.0)(x).amax()) == 1


def test_mixup_gives_an_image_and_its_label_the_same_shares():
    y = torch.arange(10).repeat(20)
    x = y.float()[:, None, None, None].expand(-1, 1, 2, 2)  # each pixel says its class
    for mixed, p in Mixup(Examples(x, y), 32, seed=0, classes=10, alpha=1.0):
        assert_close(p.sum(dim=1), torch.ones(len(p)))
        assert_close(mixed[:, 0, 0, 0], p @ torch.arange(10.0))
        assert int((p > 0).sum(dim=1).amax()) == 2


@pytest.fixture(scope="module")
def mnist() -> Images:
    """MNIST, as the script splits it."""
    return load("mnist", 0)


@pytest.fixture(scope="module")
def shipped(mnist) -> Served:
    """A network trained for a few steps."""
    return deployment.train_to_ship(mnist, 150, seed=0)


@pytest.fixture(scope="module")
def exported(shipped, tmp_path_factory) -> Path:
    """Its file."""
    path = tmp_path_factory.mktemp("export") / "shipped.onnx"
    export(shipped, torch.zeros(2, 28, 28, dtype=torch.uint8), path)
    return path


@pytest.fixture(scope="module")
def raw(mnist) -> Examples:
    """A thousand test images as bytes."""
    x, y = as_bytes(mnist.test)
    return Examples(x[:1000], y[:1000])


def test_training_takes_exactly_so_many_steps_and_ends_with_a_rate_of_nothing():
    model, taken = nn.Linear(2, 2), []
    batches = [Examples(torch.ones(1, 2), torch.zeros(1, dtype=torch.long))] * 3
    model.register_forward_hook(lambda *_: taken.append(model.bias.detach().clone()))
    train(model, batches, steps=7, rate=0.1)
    assert len(taken) == 7  # two passes, and one batch
    last = (taken[6] - taken[5]).abs().max()
    assert 0 < float((model.bias.detach() - taken[6]).abs().max()) < float(last)  # the cosine has nearly come down


def test_each_kind_begins_with_the_same_weights_and_sees_200_images(mnist, monkeypatch):
    begun = []

    def fake(model, batches, steps, rate):
        batch = next(iter(batches))
        begun.append((model[1][0].weight.detach().clone(), len(batches.examples.y), len(batch.x)))
        return model

    monkeypatch.setattr(deployment, "train", fake)
    small = mnist._replace(test=Examples(mnist.test.x[:100], mnist.test.y[:100]))
    found = compare_augmentations(small, 200, 1, range(2))
    assert found.keys() == AUGMENTATIONS.keys()
    assert all(int(each.sum()) == 100 for matrices in found.values() for each in matrices)
    first, second = begun[:9], begun[9:]
    assert all(torch.equal(each[0], first[0][0]) for each in first)
    assert not torch.equal(first[0][0], second[0][0])
    assert {each[1:] for each in begun} == {(200, 32)}


def test_moves_and_turns_help_and_a_half_turn_makes_nines_of_sixes(mnist, monkeypatch):
    few = {kind: AUGMENTATIONS[kind] for kind in ("none", "all three", "half turn")}
    monkeypatch.setattr(deployment, "AUGMENTATIONS", few)
    some = mnist._replace(test=Examples(mnist.test.x[::10], mnist.test.y[::10]))
    found = summary(compare_augmentations(some, 200, 120, range(2)))
    assert found["all_three"] > found["none"] + 0.02 > found["half_turn"] + 0.04
    assert found["half_turn_6_9"] > 2 * found["none_6_9"]


def test_each_augmentation_leaves_the_shape_and_only_mixup_touches_the_labels(mnist):
    few = Examples(mnist.train.x[:64], mnist.train.y[:64])
    for kind in AUGMENTATIONS:
        for x, y in augmented(few, kind, 0, 10):
            assert x.shape == (32, 1, 28, 28)
            assert y.shape == ((32, 10) if kind == "mixup" else (32,))


def test_a_summary_counts_the_diagonal_and_the_sixes_called_nine():
    first, second = torch.zeros(10, 10, dtype=torch.long), torch.zeros(10, 10, dtype=torch.long)
    first[6, 6], first[6, 9] = 3, 1
    second[2, 2], second[6, 9] = 1, 1
    found = summary({"half turn": [first, second]})
    assert found == pytest.approx(
        {"half_turn": 0.625, "half_turn_low": 0.5, "half_turn_high": 0.75, "half_turn_6_9": 0.4}
    )


def test_mnist_is_what_a_prepared_drawing_is_to_be(mnist):
    """The rule that the page quotes holds for the images themselves."""
    centred = boxed = 0
    places = torch.arange(28.0)
    for image in mnist.test.x[:300, 0]:
        rows, columns = (image.amax(dim=axis).nonzero()[:, 0] for axis in (1, 0))
        boxed += max(int(rows[-1] - rows[0]), int(columns[-1] - columns[0])) + 1 == BOX
        mass = image / image.sum()
        middle = torch.stack([mass.sum(dim=1) @ places, mass.sum(dim=0) @ places])
        centred += bool(((middle - 14).abs() <= 0.51).all())
    assert centred >= 297
    assert boxed >= 285


def test_a_drawing_comes_back_the_same_wherever_and_however_large_it_was_drawn(mnist):
    for image in mnist.test.x[:20, 0]:
        sheet = torch.zeros(200, 200)
        sheet[60:116, 90:146] = image.repeat_interleave(2, dim=0).repeat_interleave(2, dim=1)
        found = prepare_drawing(sheet)
        assert_close(prepare_drawing(sheet.roll((-40, 30), (0, 1))), found, atol=1e-6, rtol=0)
        assert float((found - image).abs().mean()) < 0.03
        rows, columns = (found.amax(dim=axis).nonzero()[:, 0] for axis in (1, 0))
        assert max(int(rows[-1] - rows[0]), int(columns[-1] - columns[0])) + 1 == BOX
        places = torch.arange(28.0)
        mass = found / found.sum()
        assert float((mass.sum(dim=1) @ places - 14).abs()) <= 0.51
        assert float((mass.sum(dim=0) @ places - 14).abs()) <= 0.51


def test_an_empty_drawing_is_an_empty_image_and_a_line_keeps_its_shape():
    assert prepare_drawing(torch.zeros(90, 70)).tolist() == torch.zeros(SIDE, SIDE).tolist()
    line = torch.zeros(90, 70)
    line[10:80, 30:37] = 1  # ten times as high as wide
    assert (prepare_drawing(line) > 0.5).sum(dim=0).amax() == BOX
    assert (prepare_drawing(line) > 0.5).sum(dim=1).amax() == 2


def test_every_scribble_holds_its_image_once():
    x = blots(20)
    sheets = scribbles(x, seed=0)
    assert sheets.shape == (20, 140, 140)
    assert_close(sheets.sum(dim=(1, 2)), 2.5**2 * x.sum(dim=(1, 2, 3)), rtol=0.02, atol=0)


@pytest.mark.parametrize(("channels", "side"), [(3, 32), (1, 8), (1, 28)])
def test_images_of_any_kind_come_in_mnists_shape(channels, side):
    x, y = as_mnist(Examples(torch.rand(4, channels, side, side), torch.arange(4)))
    assert x.shape == (4, 1, 28, 28)
    assert float(x.mean()) == pytest.approx(0.5, abs=0.1)
    assert y.tolist() == [0, 1, 2, 3]


def test_the_served_network_does_by_itself_what_training_did_before_it(mnist, shipped, raw):
    x = mnist.test.x[:1000]
    assert_close(predict(shipped, raw.x), predict(shipped.network, scale_of(mnist.train)(x)), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("size", [1, 2, 7, 300])
def test_the_exported_file_gives_pytorchs_logits_for_batches_of_any_size(shipped, exported, raw, size):
    found = run_session(open_session(exported), raw.x[:size])
    assert_close(found, predict(shipped, raw.x[:size]), atol=1e-4, rtol=1e-5)


def test_the_exported_file_takes_bytes_and_holds_the_preprocessing(exported):
    (taken,), graph = open_session(exported).get_inputs(), onnx.load(exported).graph
    assert (taken.name, taken.shape, taken.type) == ("image", ["batch", 28, 28], "tensor(uint8)")
    kinds = [node.op_type for node in graph.node]
    assert kinds.index("Cast") < kinds.index("Div") < kinds.index("Sub") < kinds.index("Conv")
    onnx.checker.check_model(onnx.load(exported), full_check=True)


def test_the_exported_file_says_nothing_of_the_machine_and_is_the_same_every_time(shipped, exported, tmp_path):
    content = exported.read_bytes()
    assert not [part for part in (b"site-packages", b"/home", b".py") if part in content]
    export(shipped, torch.zeros(5, 28, 28, dtype=torch.uint8), tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == content


def test_the_exported_file_refuses_floats_so_that_nobody_scales_twice(exported):
    with pytest.raises(Exception, match="Unexpected input data type"):
        run_session(open_session(exported), torch.zeros(1, 28, 28))


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_int8_shrinks_the_file_rounds_each_weight_to_its_grid_and_keeps_the_answers(exported, raw, kind):
    made = quantise(exported, kind, raw.x[:256])
    assert made.stat().st_size < 0.4 * exported.stat().st_size
    stored = {each.name: numpy_helper.to_array(each) for each in onnx.load(made).graph.initializer}
    before = {each.name: numpy_helper.to_array(each) for each in onnx.load(exported).graph.initializer}
    (name,) = (name for name in stored if name.startswith("network.6.weight") and name.endswith("_quantized"))
    part = name.removesuffix("_quantized")
    scale, zero = (float(stored[f"{part}_{what}"].squeeze()) for what in ("scale", "zero_point"))
    weight, grid = before["network.6.weight"], stored[name].astype(float)
    grid = grid if grid.shape == weight.shape else grid.T
    assert abs((grid - zero) * scale - weight).max() <= 0.51 * scale
    logits, again = (run_session(open_session(path), raw.x) for path in (exported, made))
    assert float((logits.argmax(dim=1) == again.argmax(dim=1)).float().mean()) > 0.98


def test_calibration_hands_out_every_image_once():
    reader = Calibration(torch.arange(150)[:, None, None])
    found = [batch["image"] for batch in iter(reader.get_next, None)]
    assert [len(each) for each in found] == [64, 64, 22]
    assert sorted(value for each in found for value in each.ravel().tolist()) == list(range(150))


def test_the_file_for_the_browser_says_all_that_is_needed_to_run_it(shipped, raw, mnist, tmp_path):
    save_network(shipped, tmp_path / "shipped.safetensors", mnist.classes, input=["batch", 1, SIDE, SIDE], box=BOX)
    assert (tmp_path / "shipped.safetensors").stat().st_size < 60_000
    weights, about = load_weights(tmp_path / "shipped.safetensors")
    x = (raw.x[:, None].float() / about["divide"] - about["mean"]) / about["std"]
    for layer in about["layers"]:
        weight, bias = (weights.get(f"{layer['name']}.{part}") for part in ("weight", "bias"))
        match layer["kind"]:
            case "Conv2d":
                assert list(weight.shape[2:]) == [layer["kernel"]] * 2
                x = functional.conv2d(x, weight, bias, layer["stride"])
            case "MaxPool2d":
                x = functional.max_pool2d(x, layer["kernel"], layer["stride"])
            case "ReLU":
                x = x.relu()
            case "Flatten":
                x = x.flatten(1)
            case "Linear":
                x = x @ weight.T + bias
            case other:
                raise AssertionError(other)
    assert_close(x, predict(shipped, raw.x), atol=1e-4, rtol=1e-4)
    assert (about["classes"], about["box"], about["input"]) == (list(mnist.classes), BOX, ["batch", 1, 28, 28])
    assert {each["kind"] for each in describe_layers(shipped.network)} == {
        *("Conv2d", "Flatten", "Linear", "MaxPool2d", "ReLU")
    }


def test_what_is_fed_decides_and_the_right_way_is_the_files(mnist, shipped, raw):
    test = Examples(mnist.test.x[:1000], mnist.test.y[:1000])
    found = forget_preprocessing(shipped, test, seed=0)
    assert found["right"] == pytest.approx(float(accuracy(predict(shipped, raw.x), raw.y)), abs=0.002)
    assert found["right"] > found["inverted"] + 0.2
    assert found["right"] > found["transposed"] + 0.5
    assert found["prepared"] > found["squeezed"] + 0.4


def test_of_several_rounds_the_fastest_counts_and_all_take_turns(monkeypatch):
    said, clock = [], count()
    times = iter([5, 1, 7, 2, 3, 9, 4, 8])  # a long run, then a short one, of each
    passed = iter([value for each in times for value in (0, each)])
    monkeypatch.setattr(deployment, "perf_counter", lambda: next(passed))
    runners = {name: lambda x, name=name: said.append((next(clock), name, len(x))) for name in ("a", "b")}
    found = latency(runners, torch.zeros(9), [1, 4], rounds=2)
    assert found == {"a": [3, 4], "b": [1, 2]}
    assert [each[1:] for each in said] == [("a", 1), ("b", 1), ("a", 4), ("b", 4)] * 2


samples = st.lists(st.integers(-5, 5), min_size=10, max_size=40).map(lambda values: torch.tensor(values) / 4)


@given(samples, samples)
@settings(max_examples=50)
def test_the_gap_between_two_samples_is_scipys_where_values_repeat_too(a, b):
    theirs = stats.ks_2samp(a.numpy(), b.numpy(), method="asymp")
    assert float(ks_statistic(a, b)) == pytest.approx(theirs.statistic, abs=1e-6)


@given(seed=st.integers(0, 10_000), shift=st.floats(0.3, 0.8))
@settings(max_examples=30)
def test_a_small_p_value_is_that_of_kolmogorovs_series(seed, shift):
    drawn = torch.Generator().manual_seed(seed)
    a, b = torch.randn(400, generator=drawn), torch.randn(100, generator=drawn) + shift
    theirs = stats.ks_2samp(a.numpy(), b.numpy(), method="asymp").pvalue
    ours = ks_p_value(a, b)
    if ours < 0.05:
        size = 400 * 100 / 500
        assert ours == pytest.approx(stats.kstwobign.sf(math.sqrt(size) * float(ks_statistic(a, b))), rel=1e-3)
    if 1e-3 < ours < 0.05:  # around the alarm's bound; scipy corrects for the sizes, which counts far out in the tail
        assert ours == pytest.approx(theirs, rel=0.5)


@given(counts=st.lists(st.integers(0, 30), min_size=3, max_size=12).filter(any))
def test_the_test_of_counts_is_pearsons(counts):
    shares = torch.arange(1.0, len(counts) + 1)
    shares /= shares.sum()
    theirs = stats.chisquare(counts, sum(counts) * shares.double().numpy(), sum_check=False).pvalue
    assert counts_p_value(torch.tensor(counts), shares) == pytest.approx(theirs, rel=1e-3, abs=1e-6)


def test_without_a_change_an_alarm_rings_about_as_often_as_it_says():
    drawn = torch.Generator().manual_seed(0)
    old = torch.rand(2000, generator=drawn)
    rung = sum(ks_p_value(old, torch.rand(100, generator=drawn)) < 0.05 for _ in range(1000))
    assert 20 < rung < 80


def test_each_change_does_what_its_name_says(mnist):
    test = Examples(mnist.test.x[:500], mnist.test.y[:500])
    found = {kind: change(test, kind, 0) for kind in CHANGES}
    assert torch.equal(found["none"].x, test.x)
    assert float((turned(found["turned 20°"].x, -20) - test.x).abs().mean()) < 0.04
    assert float(found["contrast × 0.8"].x.amax()) == pytest.approx(0.8)
    assert_close(found["inverted"].x + test.x, torch.ones_like(test.x))
    assert found["only 0 to 4"].y.unique().tolist() == [0, 1, 2, 3, 4]
    on_side = (found["1 in 20 on its side"].x != test.x).flatten(1).any(dim=1)
    assert 10 <= int(on_side.sum()) <= 40
    assert torch.equal(found["7 means 1"].x, test.x)
    assert 7 not in found["7 means 1"].y


def test_no_alarm_can_see_a_change_of_labels_for_none_looks_at_them(mnist, shipped):
    bare = nn.Sequential(shipped.standardise, shipped.network)
    test = Examples(mnist.test.x[::5], mnist.test.y[::5])
    found = watch(Monitor(bare, mnist.validation.x[:2000]), test, seed=0, windows=40)
    before, after = found["none"], found["7 means 1"]
    assert after["accuracy"] < before["accuracy"] - 0.05
    assert {name: before[name] for name in ALARMS} == {name: after[name] for name in ALARMS}
    assert all(before[name] <= 0.15 for name in ALARMS)
    assert all(found["inverted"][name] == 1 for name in ALARMS)
    assert found["contrast × 0.8"]["foreground"] > 0.9
    assert found["contrast × 0.8"]["accuracy"] > before["accuracy"] - 0.03  # an alarm without a harm
    assert found["only 0 to 4"]["predictions"] == 1
    assert found["turned 20°"]["foreground"] <= 0.15  # a harm without this alarm


def test_a_monitor_watches_each_image_once_and_knows_its_shares(mnist, shipped):
    bare = nn.Sequential(shipped.standardise, shipped.network)
    monitor = Monitor(bare, mnist.validation.x[:500])
    assert float(monitor.shares.sum()) == pytest.approx(1)
    assert float(monitor.shares.amin()) > 0
    measured = monitor.measure(mnist.test.x[:50])
    assert {name: tuple(values.shape) for name, values in measured.items()} == dict(zip(ALARMS, repeat((50,))))
    assert monitor.p_values(monitor.reference).keys() == set(ALARMS)
    assert monitor.p_values(monitor.reference)["confidence"] == 1


SMALL = {"device": "cpu", "data": "digits", "steps": 4, "seeds": 1, "ship_steps": 60}


def test_main_prints_and_records_what_it_found(tmp_path, capsys):
    deployment.main(out=tmp_path, **SMALL)
    printed, metrics = capsys.readouterr().out, json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert f"{metrics['parameters']:,} parameters" in printed
    assert 0 < metrics["apart_millionths"] < 100
    assert metrics["right_float32"] == pytest.approx(metrics["fed_right"], abs=0.01)
    assert metrics["KB_static"] < 0.5 * metrics["KB_float32"]
    assert all(math.isfinite(value) for value in metrics.values() if not isinstance(value, str))
    assert printed.count("confidence") == len(CHANGES)
    for name in ("deployment.onnx", "deployment.safetensors"):
        assert (tmp_path / name).stat().st_size < 70_000
    assert drawings_of("deployment").draw(tmp_path)


def test_drawings_refuse_a_file_without_the_networks_weights_in_one_sentence(tmp_path):
    load_served = drawings_of("deployment").load_served
    with pytest.raises(BadInput, match="holds no weights"):
        load_served(tmp_path / "none.safetensors")
    save_weights(nn.Linear(2, 2), tmp_path / "other.safetensors", classes=["a", "b"])
    with pytest.raises(BadInput, match="holds no weights of this network"):
        load_served(tmp_path / "other.safetensors")


def test_main_writes_nothing_unless_told_where(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    deployment.main(**SMALL)
    assert "ONNX and PyTorch" in capsys.readouterr().out
    assert not list(Path().iterdir())


@pytest.mark.parametrize("words", [{"steps": 0}, {"seeds": 0}, {"ship_steps": 0}, {"many": 9}, {"many": 1_000_000}])
def test_a_training_without_images_or_steps_is_refused_in_one_sentence(words):
    with pytest.raises(BadInput, match=r"^--\w.*take"):
        deployment.main(**(SMALL | words))


# --8<-- [start:by_hand]
def test_the_gap_by_hand() -> None:
    tested, arriving = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([3.0, 4.0, 5.0, 6.0])
    assert ks_statistic(tested, arriving) == 0.5  # at 2: half of the first, none of the second


# --8<-- [end:by_hand]
# --8<-- [start:rounding]
def test_rounding_to_eight_bits_moves_a_weight_by_half_a_step_at_most() -> None:
    weight = torch.rand(1000) - 0.5
    scale = 0.5 / 127
    rounded = (weight / scale).round().to(torch.int8)
    error = (rounded * scale - weight).abs().max()
    assert error <= 0.5 * scale + 1e-6
    assert 0.5 * scale < 0.002


# --8<-- [end:rounding]
# --8<-- [start:folded]
def test_the_scale_folds_into_the_first_convolution() -> None:
    mean, std, conv = 0.13, 0.31, nn.Conv2d(1, 8, 5)
    folded = nn.Conv2d(1, 8, 5)
    weight = conv.weight.detach() / std
    bias = conv.bias.detach() - mean * weight.sum(dim=(1, 2, 3))
    folded.load_state_dict({"weight": weight, "bias": bias})
    x = torch.rand(4, 1, 28, 28)
    torch.testing.assert_close(folded(x), conv((x - mean) / std), atol=1e-4, rtol=1e-4)


# --8<-- [end:folded]
# --8<-- [start:window]
def test_how_many_images_an_alarm_needs_to_see_a_gap_of_a_tenth() -> None:
    effective = math.log(2 / 0.01) / (2 * 0.1**2)  # 2 exp(-2 n gap^2) = 0.01
    window = effective * 2000 / (2000 - effective)  # n = 2000 window / (2000 + window)
    assert round(window) == 305


# --8<-- [end:window]
