"""The multilayer perceptron: its parts against PyTorch and scikit-learn, its scores, and the solutions of the page."""

import json
import math

import pytest
import torch
from conftest import drawings_of
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from sklearn.neighbors import KNeighborsClassifier
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

import mlp
from mlp import (
    NearestNeighbour,
    Trial,
    confidence,
    corrupted,
    logistic_regression,
    misclassified,
    network,
    photographs,
    train,
    untrained,
)
from neuronup.accuracy import accuracy
from neuronup.images import Images, load, translate
from neuronup.loaders import Examples
from neuronup.loop import predict
from neuronup.one_hot import most_likely, one_hot

DRAWN = {
    *("answer", "broken", "confusion", "curves", "digits", "five"),
    *("fives", "layers", "mistakes", "moved", "neurons", "one_hot"),
    *("loss", "sizes", "small", "states", "unlabelled"),
}


def made_up(channels: int = 1, side: int = 6, n: int = 60, seed: int = 0) -> Images:
    """Draw images of ten classes, each with a bright pixel in a place of its own, n a part."""
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for _ in range(3):
        y = torch.arange(n) % 10
        x = torch.rand(n, channels, side, side, generator=generator) / 8
        x.flatten(2)[torch.arange(n), :, y] = 1
        parts.append(Examples(x, y))
    return Images(tuple("abcdefghij"), *parts)


@pytest.fixture(scope="module")
def mnist() -> Images:
    """All images of MNIST, in the split called 0."""
    return load("mnist", 0)


def few(images: Images, n: int) -> Images:
    """The first n images of each part."""
    return Images(images.classes, *(Examples(x[:n], y[:n]) for x, y in images[1:]))


@pytest.fixture(scope="module")
def learned(mnist: Images) -> Trial:
    """A network that has learned from a tenth of MNIST for a few epochs."""
    images = few(mnist, 4000)
    model = untrained(images, 0)
    return Trial(images, model, train(model, images, 0, epochs=6), {})


@given(seed=st.integers(0, 10_000), classes=st.integers(2, 12))
@settings(deadline=None, max_examples=20)
def test_cross_entropy_asks_for_the_probability_at_the_one(seed: int, classes: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(classes, (7,), generator=generator)
    z = 5 * torch.randn(7, classes, generator=generator)
    assert_close(one_hot(y, classes), nn.functional.one_hot(y, classes).float())
    assert_close(-(one_hot(y, classes) * z.log_softmax(dim=1)).sum(dim=1).mean(), cross_entropy(z, y))


@given(channels=st.integers(1, 3), side=st.integers(6, 9), hidden=st.integers(1, 20), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_the_network_is_two_matrices_with_a_relu_between(channels: int, side: int, hidden: int, seed: int) -> None:
    torch.manual_seed(seed)
    images = made_up(channels, side, n=10)
    model, x = network(images, hidden), images.test.x
    w1, b1, w2, b2 = model.parameters()
    assert_close(model(x), (x.reshape(10, -1) @ w1.mT + b1).clamp(min=0) @ w2.mT + b2)
    pixels = channels * side * side
    assert sum(p.numel() for p in model.parameters()) == (pixels + 1) * hidden + (hidden + 1) * 10


def test_before_training_the_loss_is_that_of_equal_probabilities() -> None:
    images = load("digits", 0)
    losses = [float(cross_entropy(predict(untrained(images, seed), images.test.x), images.test.y)) for seed in range(5)]
    assert sum(losses) / 5 == pytest.approx(math.log(10), abs=0.05)


def test_of_three_things_wrong_with_images_one_stops_one_passes_and_one_harms(mnist: Images) -> None:
    images = few(mnist, 10_000)
    x, y = images.test
    model = untrained(images, 1)
    with pytest.raises(IndexError, match="out of bounds"):
        cross_entropy(predict(model, x), y + 1)
    assert_close(predict(model, x.permute(0, 2, 3, 1)), predict(model, x))
    with pytest.raises(RuntimeError, match="1 channel"):
        nn.Conv2d(1, 4, 3)(x.permute(0, 2, 3, 1))
    right = {}
    for factor in (1, 255):
        parts = (Examples(factor * part.x, part.y) for part in images[1:])
        view, model = Images(images.classes, *parts), untrained(images, 1)
        train(model, view, 1, epochs=6)
        right[factor] = float(accuracy(predict(model, view.test.x), y))
    assert right[255] < right[1] - 0.01


def test_a_run_begins_where_its_seed_says() -> None:
    images = load("digits", 0)
    assert_close(next(untrained(images, 3).parameters()), next(untrained(images, 3).parameters()))
    assert not torch.equal(next(untrained(images, 3).parameters()), next(untrained(images, 4).parameters()))


def test_a_few_images_can_be_memorised(mnist: Images) -> None:
    images = few(mnist, 32)
    model = untrained(images, 0)
    train(model, images._replace(validation=images.train), 0, epochs=60)
    assert accuracy(predict(model, images.train.x), images.train.y) == 1
    assert cross_entropy(predict(model, images.train.x), images.train.y) < 0.02


def test_the_weights_kept_are_those_of_the_lowest_validation_loss(learned: Trial) -> None:
    validation = learned.images.validation
    kept = float(cross_entropy(predict(learned.model, validation.x), validation.y))
    assert kept == pytest.approx(min(learned.history["validation_loss"]))


def test_weights_of_a_pixel_that_is_always_background_never_move(learned: Trial) -> None:
    x = learned.images.train.x.flatten(1)
    blank = (x == 0).all(dim=0)
    before, after = next(untrained(learned.images, 0).parameters()), next(learned.model.parameters())
    assert blank.any()
    assert torch.equal(before[:, blank], after[:, blank])
    assert (before[:, ~blank] != after[:, ~blank]).any(dim=0).double().mean() > 0.9  # some touch no active neuron


def test_the_nearest_neighbour_is_scikit_learns() -> None:
    images = load("digits", 1)
    theirs = KNeighborsClassifier(n_neighbors=1).fit(images.train.x.flatten(1), images.train.y)
    model, x = NearestNeighbour(images), images.test.x
    assert model(x).argmax(dim=1).tolist() == theirs.predict(x.flatten(1)).tolist()
    assert accuracy(model(images.train.x), images.train.y) == 1


def test_logistic_regression_has_no_hidden_layer() -> None:
    images = made_up(3)
    model, x = logistic_regression(images), images.test.x
    weight, bias = model.parameters()
    assert_close(model(x), x.flatten(1) @ weight.mT + bias)


@pytest.mark.parametrize("make", [lambda images: untrained(images, 0), logistic_regression])
def test_both_are_trained_at_the_rate_that_validation_images_chose(make, mnist: Images, monkeypatch) -> None:
    images, lowest = mnist._replace(validation=Examples(*(each[:5000] for each in mnist.validation))), {}
    for rate in (mlp.RATE, 1e-2):
        torch.manual_seed(0)
        monkeypatch.setattr(mlp, "RATE", rate)
        lowest[rate] = min(train(make(images), images, 0, epochs=4)["validation_loss"])
    assert lowest[1e-2] > min(lowest.values())


def test_moved_by_four_pixels_nearly_all_of_a_digit_is_still_there(mnist: Images) -> None:
    x = mnist.test.x
    assert mlp.FARTHEST >= 4
    assert corrupted(x, 0)["shift_4"].sum() > 0.99 * x.sum()


def test_averaged_four_pixels_are_one(mnist: Images) -> None:
    images = few(mnist, 100)
    small = mlp.coarse(images)
    assert small.train.x.shape == (100, 1, 7, 7)
    moved = mlp.coarse(Images(images.classes, *(Examples(corrupted(x, 0)["shift_4"], y) for x, y in images[1:])))
    assert_close(translate(small.test.x, right=1, down=0), moved.test.x)


def test_what_is_moved_by_no_pixel_is_as_it_is(learned: Trial) -> None:
    test = learned.images.test
    z = predict(learned.model, test.x)
    found = mlp.moved(learned.model, test)
    assert found.shape == (2, mlp.FARTHEST + 1)
    assert_close(found[:, 0], torch.stack([accuracy(z, test.y), confidence(z).mean()]))


def test_the_most_common_mistake_is_not_on_the_diagonal() -> None:
    found = mlp.most_confused(torch.tensor([[90, 1, 0], [7, 80, 2], [3, 4, 90]]))
    assert found == {"confused_label": 1, "confused_prediction": 0, "confused_times": 7}


def test_misclassified_are_all_that_accuracy_misses(learned: Trial) -> None:
    test = learned.images.test
    found = misclassified(learned.model, test)
    assert len(found) == round((1 - float(accuracy(predict(learned.model, test.x), test.y))) * len(test.y)) > 0
    for mistake in found:
        assert mistake.prediction != mistake.label
        p = predict(learned.model, mistake.x[None]).softmax(dim=1)[0]
        assert p.argmax() == mistake.prediction
        assert mistake.confidence == pytest.approx(float(p.max()), abs=1e-5)


def test_the_most_influential_neuron_has_the_largest_influence_of_all(learned: Trial) -> None:
    first, _, last, _ = (parameter.detach() for parameter in learned.model.parameters())
    for digit, neuron in enumerate(mlp.most_influential(learned.model).tolist()):
        influence = [float(last[digit, i] * first[i].norm()) for i in range(mlp.HIDDEN)]
        assert influence[neuron] == pytest.approx(max(influence))


def test_corruptions_keep_images_between_0_and_1_and_come_again_with_their_seed() -> None:
    x = load("digits", 0).test.x
    views, again = corrupted(x, 5), corrupted(x, 5)
    for name, images in views.items():
        assert images.min() >= 0
        assert images.max() <= 1
        assert not torch.equal(images, x)
        assert torch.equal(images, again[name])
    assert torch.equal(1 - views["inverted"], x)
    assert not torch.equal(views["noise"], corrupted(x, 6)["noise"])


def test_photographs_come_in_the_shape_asked_for() -> None:
    grey, colour = photographs(torch.zeros(1, 1, 8, 8)), photographs(torch.zeros(1, 3, 8, 8))
    assert_close(grey, colour.mean(dim=1, keepdim=True))
    assert colour.shape == (80, 3, 8, 8)
    assert 0 <= float(colour.min()) < 0.1 < 0.9 < float(colour.max()) <= 1
    whole = photographs(torch.zeros(1, 3, 1, 1)).flatten(1)  # the mean colour of each square
    assert_close(colour.mean(dim=(2, 3)), whole)


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> tuple[dict[str, float], dict[str, Figure], str]:
    """What main records, draws and prints, on MNIST and with all seeds."""
    out = tmp_path_factory.mktemp("outputs")
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("builtins.print", lambda text: lines.append(text))
        mlp.main(device="cpu", out=out)
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    return metrics, drawings_of("mlp").draw(out), "\n".join(lines)


def test_three_seeds_classify_97_percent_of_test_images_correctly_on_average(told) -> None:
    metrics, _, printed = told
    assert metrics["network_whole"] >= 0.97
    assert f"accuracy on test images {metrics['network_whole']:.1%}" in printed
    assert 0.97 < metrics["network_low"] <= metrics["network_whole"] <= metrics["network_high"]
    assert metrics["mistakes"] == round((1 - metrics["network_whole"]) * metrics["evaluated"])
    assert metrics["evaluated"] == 3 * metrics["test"] == 30_000


def test_the_page_says_of_the_scores_what_was_measured(told) -> None:
    metrics, drawn, _ = told
    assert drawn.keys() == DRAWN
    counts = [int(text.get_text()) for text in drawn["confusion"].axes[0].texts]
    assert sum(counts) == metrics["evaluated"]
    assert f"{metrics['sure_worst']:.0%}" in drawn["mistakes"].axes[0].get_title()
    assert metrics["parameters"] == 101_770
    assert metrics["sampled"] == 1000
    assert 1 - metrics["logistic_whole"] > 2.5 * (1 - metrics["network_whole"])  # three mistakes to one
    assert abs(metrics["nearest_whole"] - metrics["network_sample"]) < 0.01  # "as close as 1,000 images can tell"
    assert (metrics["confused_label"], metrics["confused_prediction"]) == (4, 9)
    assert metrics["network_shift_1"] > 0.93  # costs little
    assert metrics["network_shift_4"] < metrics["network_shift_2"] - 0.3
    assert metrics["network_shift_4"] < metrics["network_whole"] / 2
    assert metrics["coarse_shift_1"] < 0.4 < 0.9 < metrics["coarse_whole"]
    assert metrics["network_noise"] < metrics["nearest_noise"] - 0.2
    assert metrics["sure_worst"] > 0.999  # low confidence does not catch it
    assert metrics["network_inverted"] < 0.12
    assert metrics["sure_inverted"] > 0.9
    assert metrics["sure_photo"] > metrics["sure_mistakes"]
    assert min(metrics[f"sure_{state}"] for state in ("shift_1", "shift_2", "shift_4", "noise")) > 0.8


def test_the_bars_are_the_scores_of_the_page_and_confidence_comes_a_step_later(told) -> None:
    metrics, drawn, _ = told
    bars = drawn["states"].axes[0].patches
    assert [bar.get_gid() for bar in bars] == [None] * 7 + ["step-1"] * 7
    assert bars[3].get_width() == metrics["network_shift_4"]
    assert bars[13].get_width() == metrics["sure_photo"]


def test_the_parameters_that_are_drawn_are_those_of_the_network(told) -> None:
    metrics, drawn, _ = told
    texts = [text.get_text() for text in drawn["layers"].axes[0].texts]
    counts = [int(text.rpartition("= ")[2].replace(",", "")) for text in texts if "=" in text]
    assert sum(counts) == metrics["parameters"]
    rows = [int(text.get_text()) for text in drawn["one_hot"].axes[1].texts]
    assert [rows[i : i + 10].count(1) for i in range(0, 60, 10)] == [1] * 6
    assert sum(rows) == 6


def test_a_5_is_shown_as_it_is_lost_by_four_pixels(told) -> None:
    _, drawn, _ = told
    titles = [ax.get_title() for ax in drawn["broken"].axes]
    assert titles[0].startswith("as it is\n5:")
    assert titles[3].startswith("4 to the right\n")
    assert "\n5:" not in titles[3]


def test_on_digits_of_8_by_8_one_pixel_costs_about_half() -> None:
    scores = mlp.trial("digits", 0, 60, torch.device("cpu")).scores
    assert scores["network_whole"] > 0.93
    assert 0.3 < scores["network_shift_1"] / scores["network_whole"] < 0.65


def test_main_takes_images_of_another_shape_in_colour(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(mlp, "load", lambda name, seed: made_up(3, 8, seed=seed))
    mlp.main(data="cifar10", epochs=1, device="cpu", out=tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert "cifar10: images (60, 3, 8, 8)" in capsys.readouterr().out
    assert metrics["parameters"] == (3 * 64 + 1) * 128 + 129 * 10
    drawings = drawings_of("mlp")
    monkeypatch.setattr(drawings, "load", mlp.load)
    assert drawings.draw(tmp_path).keys() == DRAWN


def test_the_same_code_learns_larger_grey_images(monkeypatch) -> None:
    monkeypatch.setattr(mlp, "load", lambda name, seed: made_up(1, 28, n=100, seed=seed))
    scores = mlp.trial("mnist", 0, 60, torch.device("cpu")).scores
    assert scores["network_whole"] > 0.9
    assert scores["loss"] < scores["loss_start"]


def test_places_without_an_image_stay_empty(learned: Trial) -> None:
    fig = drawings_of("mlp").gallery([(image, "a title") for image in learned.images.test.x[:3]], rows=2, height=4)
    assert [len(ax.images) for ax in fig.axes] == [1, 1, 1, 0]
    assert not any(ax.axison for ax in fig.axes)


def test_main_draws_nothing_unless_told_where(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mlp, "load", lambda name, seed: made_up(seed=seed))
    mlp.main(epochs=1, device="cpu")
    assert "squares of photographs" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


# --8<-- [start:count]
def count(pixels: int, hidden: int, classes: int) -> int:
    """Count the weights and biases of a network with one hidden layer."""
    return (pixels + 1) * hidden + (hidden + 1) * classes


def test_count() -> None:
    assert count(28 * 28, 128, 10) == 101_770  # as counted on this page
    assert count(8 * 8, 128, 10) == 9_610
    assert count(3 * 32 * 32, 128, 10) == 394_634


# --8<-- [end:count]
# --8<-- [start:shuffled]
def test_shuffled() -> None:
    images = load("mnist", 0)
    model, x, order = untrained(images, 0), images.test.x[:100], torch.randperm(784)
    shuffled = x.flatten(1)[:, order]
    w1, b1, w2, b2 = model.parameters()
    hidden = torch.relu(shuffled @ w1[:, order].mT + b1)
    torch.testing.assert_close(hidden @ w2.mT + b2, model(x))


# --8<-- [end:shuffled]
# --8<-- [start:surer]
def test_surer() -> None:
    images = load("mnist", 0)
    model, (x, y) = untrained(images, 0), images.test
    train(model, images, seed=0, epochs=2)
    z = predict(model, x)
    assert torch.equal(accuracy(10 * z, y), accuracy(z, y))
    assert confidence(10 * z).mean() > confidence(z).mean()
    assert cross_entropy(10 * z, y) > cross_entropy(z, y)


# --8<-- [end:surer]
# --8<-- [start:guessing]
def test_guessing() -> None:
    for classes in (2, 10, 1000):
        z, y = torch.zeros(5, classes), torch.arange(5) % classes
        torch.testing.assert_close(cross_entropy(z, y), torch.tensor(classes).log())


# --8<-- [end:guessing]
# --8<-- [start:back]
def test_back() -> None:
    label = torch.arange(10)
    assert torch.equal(most_likely(one_hot(label, 10)), label)
    z = torch.randn(20, 10, generator=torch.Generator().manual_seed(0))
    assert torch.equal(most_likely(z.softmax(dim=1)), most_likely(z))
    assert not torch.equal(one_hot(most_likely(z), 10), z.softmax(dim=1))


# --8<-- [end:back]
