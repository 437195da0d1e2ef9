"""Learning from data: k-means, components and unmixing against scikit-learn's, what each teacher may tell, advice."""

import itertools
import json
import math

import pytest
import torch
from conftest import drawings_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.decomposition import PCA, FastICA
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.svm import SVC
from torch.testing import assert_close

import learning
from learning import (
    CASES,
    SIZES,
    KNearestNeighbours,
    advise,
    best_clusters,
    diabetes_split,
    diagnose,
    hand_made_features,
    k_means,
    means,
    nearest_index,
    play,
    predict_linear,
    principal_components,
    serve,
    unmix,
    waves,
)
from neuronup.accuracy import accuracy
from neuronup.command import kept
from neuronup.digits import train_test_digits, train_test_split
from neuronup.distortions import classifier, distorted, fit_width


def test_the_nearest_mean_is_scikit_learns_nearest_centroid() -> None:
    draw = torch.Generator().manual_seed(1)
    x, label = torch.randn(200, 5, generator=draw), torch.randint(10, (200,), generator=draw)
    theirs = NearestCentroid().fit(x[:150].numpy(), label[:150].numpy()).predict(x[150:].numpy())
    assert nearest_index(x[150:], means(x[:150], label[:150])).tolist() == theirs.tolist()


def test_a_digit_that_was_never_seen_is_never_predicted() -> None:
    x, digit, x_test, _ = train_test_digits(seed=0)
    few = digit < 3
    assert set(nearest_index(x_test, means(x[few], digit[few])).tolist()) == {0, 1, 2}


@given(seed=st.integers(0, 10_000), k=st.integers(2, 8))
@settings(deadline=None, max_examples=30)
def test_no_step_of_k_means_makes_it_worse_and_it_ends(seed: int, k: int) -> None:
    x = torch.randn(60, 3, generator=torch.Generator().manual_seed(seed))
    centres, costs = k_means(x, x[:k])
    assert all(after <= before * (1 + 1e-5) for before, after in itertools.pairwise(costs))
    assert_close(centres, means(x, nearest_index(x, centres), k))  # where nothing is left to move


@pytest.mark.parametrize("seed", range(3))
def test_k_means_ends_where_scikit_learns_does(seed: int) -> None:
    x, _, _, _ = train_test_digits(seed)
    centres, costs = k_means(x, x[:10])
    theirs = KMeans(10, init=x[:10].numpy(), n_init=1, algorithm="lloyd", tol=0).fit(x.numpy())
    assert_close(centres, torch.tensor(theirs.cluster_centers_), atol=1e-4, rtol=0)
    assert costs[-1] == pytest.approx(theirs.inertia_, rel=1e-4)


def test_a_mean_to_which_nobody_comes_stays() -> None:
    x, far = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.5], [100.0]])
    assert k_means(x, far)[0].tolist() == [[0.5], [100.0]]


def test_more_initialisations_never_find_worse_groups() -> None:
    x, _, _, _ = train_test_digits(seed=0)
    costs = [float(torch.cdist(x, best_clusters(x, 10, n, seed=4)).amin(1).square().sum()) for n in (1, 3, 9)]
    assert costs == sorted(costs, reverse=True)


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=20)
def test_components_are_those_of_scikit_learn(seed: int) -> None:
    x = torch.randn(50, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x = x * torch.arange(1.0, 7)  # so that no two directions vary alike
    centre, directions, share = principal_components(x, 2)
    theirs = PCA(2).fit(x.numpy())
    assert_close(centre, torch.tensor(theirs.mean_))
    assert_close(directions.T @ directions, torch.eye(2, dtype=torch.float64))
    assert_close((directions.T * torch.tensor(theirs.components_)).sum(1).abs(), torch.ones(2, dtype=torch.float64))
    assert share == pytest.approx(theirs.explained_variance_ratio_.sum())


@given(angle=st.floats(0.2, 1.3), loud=st.floats(0.3, 3))
@settings(deadline=None, max_examples=30)
def test_unmixing_finds_the_sources_whatever_the_mixture(angle: float, loud: float) -> None:
    signals, _ = waves()
    mixture = torch.tensor([[math.cos(angle), loud * math.sin(angle)], [-math.sin(angle), loud * math.cos(angle)]])
    found = unmix(signals @ (mixture + 0.2))
    match = torch.corrcoef(torch.cat([signals, found], dim=1).T)[:2, 2:].abs()
    assert match.amax(dim=1).min() > 0.99
    assert match.argmax(dim=1).unique().numel() == 2


def test_unmixing_agrees_with_fast_ica() -> None:
    _, mixed = waves()
    theirs = torch.tensor(FastICA(2, fun="cube", random_state=0).fit_transform(mixed.numpy()))
    match = torch.corrcoef(torch.cat([unmix(mixed), theirs], dim=1).T)[:2, 2:].abs()
    assert match.amax(dim=1).min() > 0.999


@given(seed=st.integers(0, 10_000), exploration=st.floats(0, 1))
@settings(deadline=None, max_examples=15)
def test_an_agent_is_told_nothing_but_right_or_wrong(seed: int, exploration: float) -> None:
    x, digit, _, _ = train_test_digits(seed=0)
    x, digit = x[:80], digit[:80]
    rewards = play(x, digit, exploration, seed)
    others = torch.where(rewards, digit, 10)  # were the truth no digit at all where it was wrong,
    assert torch.equal(play(x, others, exploration, seed), rewards)  # it would not notice


def test_an_agent_that_never_explores_gets_stuck_on_its_first_success() -> None:
    x, digit, _, _ = train_test_digits(seed=0)
    rewards = play(x, digit, exploration=0, seed=0)
    assert digit[rewards].unique().numel() == 1
    assert play(x, digit, exploration=1, seed=0).sum() < play(x, digit, exploration=0.3, seed=0).sum()
    assert digit[play(x, digit, exploration=0.3, seed=0)].unique().numel() == 10


def test_an_action_changes_nothing_of_what_comes_next_but_what_the_agent_knows() -> None:
    x, digit, _, _ = train_test_digits(seed=0)
    random = torch.randint(10, (1257,), generator=torch.Generator().manual_seed(5))
    assert torch.equal(play(x, digit, exploration=1, seed=5), random == digit)  # the images come in their own order


def test_ten_random_images_miss_three_or_four_digits_on_average() -> None:
    splits = [train_test_digits(seed).y[:10] for seed in range(200)]
    assert 3 < sum(10 - len(set(digit.tolist())) for digit in splits) / len(splits) < 4


def test_the_label_of_the_patients_is_how_far_the_disease_progressed() -> None:
    described = " ".join(load_diabetes().DESCR.split())
    assert "quantitative measure of disease progression one year after baseline" in described


def test_more_data_beat_the_better_model_whatever_the_settings() -> None:
    few, many = [], []  # accuracies (seeds, settings)
    for seed in range(5):
        x, y, x_test, y_test = (part.numpy() for part in train_test_digits(seed))
        few.append([SVC(C=c).fit(x[:200], y[:200]).score(x_test, y_test) for c in (1, 10, 100)])
        many.append([KNeighborsClassifier(k).fit(x[:500], y[:500]).score(x_test, y_test) for k in (1, 3, 5)])
    assert torch.tensor(many).mean(0).min() > torch.tensor(few).mean(0).max()


def test_an_image_that_is_not_distorted_is_itself_in_a_frame(monkeypatch) -> None:
    x, digit, _, _ = train_test_digits(seed=0)
    monkeypatch.setattr(torch, "rand", lambda *shape, **_: torch.full(shape, 0.5))  # neither turned nor moved
    made, label = distorted(x, digit, 50, seed=1)
    images = made.reshape(-1, 12, 12)
    inside = images[:, 2:10, 2:10].reshape(50, 64)
    at = nearest_index(inside, x)
    assert_close(inside, x[at])
    assert torch.equal(label, digit[at])
    assert float(images.sum()) == pytest.approx(float(inside.sum()))  # and the frame is empty


def test_distorted_images_stay_within_0_and_1_and_come_in_one_order_for_any_number() -> None:
    x, digit, _, _ = train_test_digits(seed=0)
    made, label = distorted(x, digit, 300, seed=1)
    assert made.shape == (300, 144)
    assert 0 <= float(made.min()) <= float(made.max()) <= 1 + 1e-6
    again, same = distorted(x, digit, 300, seed=1)
    assert torch.equal(made, again)
    assert torch.equal(label, same)
    assert not torch.equal(distorted(x, digit, 300, seed=2)[0], made)


def test_without_neurons_between_a_classifier_is_linear_and_with_them_it_is_not() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 5, 144)
    for width, linear in ((0, True), (16, False)):
        model = classifier(144, width)
        bent = (model(x[0]) + model(x[1]) - model(x[0] + x[1]) - model(torch.zeros(5, 144))).detach()
        assert (float(bent.abs().max()) < 1e-4) == linear


def test_a_wide_network_memorises_a_few_images_which_a_linear_model_does_too() -> None:
    x, digit, _, _ = train_test_digits(seed=0)
    x, digit = distorted(x, digit, 64, seed=0)
    for width in (0, 128):
        model = fit_width(x, digit, width, rate=0.01, seed=0)
        assert float(accuracy(model(x), digit)) > 0.95


def test_prediction_is_the_linear_regression_of_scikit_learn() -> None:
    x, y, x_new, _ = diabetes_split(seed=2)
    theirs = LinearRegression().fit(x.numpy(), y.numpy()).predict(x_new.numpy())
    assert_close(predict_linear(x, y, x_new), torch.tensor(theirs), atol=0.05, rtol=0)


def test_votes_are_those_of_scikit_learn() -> None:
    share, truth = diagnose(seed=0)
    data = load_breast_cancer()
    x, y, x_new, again = train_test_split(
        torch.tensor(data.data, dtype=torch.float32), torch.tensor(data.target == 0), seed=0
    )
    centre, std = x.mean(0), x.std(0)
    theirs = KNeighborsClassifier(15).fit(((x - centre) / std).numpy(), y.numpy())
    assert_close(share.double(), torch.tensor(theirs.predict_proba(((x_new - centre) / std).numpy())[:, 1]))
    assert torch.equal(truth, again)


def test_one_voter_is_the_nearest_neighbour() -> None:
    x, digit, x_test, _ = train_test_digits(seed=0)
    model = KNearestNeighbours(k=1)
    model.fit(x, digit == 3)
    assert torch.equal(model(x_test) == 1, digit[nearest_index(x_test, x)] == 3)


def test_what_is_served_says_when_it_is_not_sure() -> None:
    assert [serve(votes / 15) for votes in (0, 1, 2, 8, 13, 14, 15)] == [
        *["looks benign"] * 2,
        *["not sure: look again"] * 3,
        *["looks malignant"] * 2,
    ]


def test_features_by_hand_know_a_mirror_image_only_where_they_should() -> None:
    x, _, _, _ = train_test_digits(seed=0)
    here, there = hand_made_features(x), hand_made_features(x.reshape(-1, 8, 8).flip(2).reshape(-1, 64))
    assert_close(here[:, [0, 1, 2, 4, 5]], there[:, [0, 1, 2, 4, 5]])
    assert_close(here[:, 3], -there[:, 3])


def test_held_out_examples_are_not_among_those_to_learn_from() -> None:
    x, digit, x_test, digit_test = train_test_digits(seed=3)
    assert len(x) + len(x_test) == 1797
    assert set(map(tuple, x.tolist())).isdisjoint(map(tuple, x_test.tolist()))
    assert set(digit.tolist()) == set(digit_test.tolist()) == set(range(10))
    assert not torch.equal(train_test_digits(seed=4)[0], x)


@pytest.mark.parametrize("said", list(itertools.product([False, True], repeat=5)))
def test_advice_asks_for_no_more_than_there_is(said: tuple[bool, ...]) -> None:
    rule, may_err, answers, trials, observations = said
    what = advise(*said).what
    assert (what == "write rules") == rule
    assert may_err or "learn" not in what
    assert "supervised" not in what or answers or what == "learn, unsupervised"
    assert what != "learn, by reinforcement" or (trials and not answers)
    assert (what == "collect data first") == (not rule and may_err and not (answers or trials or observations))


def test_the_worked_cases_show_every_advice() -> None:
    every = {advise(*said) for said in itertools.product([False, True], repeat=5)}
    assert set(CASES.values()) == every
    assert len(CASES) == len(every) == 6


def test_main_prints_and_records_what_it_found(tmp_path, capsys) -> None:
    learning.main(seed=0, device="cpu", seeds=1, out=tmp_path)
    printed, metrics = capsys.readouterr().out, json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert "kinds of customers: learn, unsupervised" in printed
    # labels beat rewards, and an agent that never explores learns nothing
    assert metrics["labels_1257"] > metrics["random_1257"] > metrics["some_1257"] > metrics["greedy_1257"]
    assert metrics["some_paid"] > 3 * metrics["random_paid"]
    # groups and ten labels beat ten labels
    assert metrics["groups"] > metrics["labels_10"] + 0.1
    # more data beats the stronger model, until the weak one has learned what it can
    assert metrics["neighbour_500"] > metrics["vectors_200"] > metrics["neighbour_200"]
    curves = kept(tmp_path)["models"]
    vectors, of_means = (dict(zip(SIZES, curves[name].mean(0), strict=True)) for name in ("vectors", "mean"))
    assert all(vectors[n] < of_means[n] + 0.01 for n in (10, 20, 50))
    assert metrics["vectors_200"] > metrics["mean_1257"] > metrics["mean_200"]
    # few data: width matters little; many: the wider the model, the more it gets out of them
    assert abs(metrics["wide_few"] - metrics["linear_few"]) < 0.15
    assert metrics["linear_few"] < metrics["linear_many"] < metrics["narrow_many"] - 0.05 < metrics["wide_many"] - 0.1
    # learned beats thought of
    assert metrics["hand"] < metrics["components"] < metrics["learned"] < metrics["pixels"]
    assert metrics["off_line"] < metrics["off_mean"]
    assert metrics["missed_sure"] < metrics["missed"] < metrics["malignant"]
    assert metrics["tumours_right"] > metrics["tumours_never"]
    assert metrics["parted"] > 0.99 > metrics["heard"]
    drawn = drawings_of("learning").draw(tmp_path)
    names = {"clusters", "features", "kinds", "map", "models", "regression", "teachers", "votes", "waves"}
    names |= {f"{name}_deck" for name in ("cases", "kinds", "models", "regression", "teachers", "votes", "widths")}
    names |= {"agents", "cases", "choice", "experience", "opinions", "phases", "widths", "words"}
    assert drawn.keys() == names
    assert drawn["regression"].axes[0].get_ylabel() == "progression after a year"  # not how ill they were
    assert [line.get_ydata()[-1] for line in drawn["models"].axes[0].lines] == pytest.approx(
        [float(curves[name].mean(0)[-1]) for name in ("mean", "neighbour", "vectors")]
    )
    texts = [text.get_text() for text in drawn["words"].axes[0].texts]
    assert [text for text in texts if len(text) == 1] == ["x", "f", "ŷ", "y", "L", "w"]  # as the notation page has them
    ends = [line.get_ydata()[-1] for line in drawn["widths"].axes[0].lines]
    assert ends == pytest.approx([metrics[f"{name}_many"] for name in ("linear", "narrow", "wide")])
    assert [ax.get_title(loc="left") for ax in drawn["teachers"].axes] == [
        "supervised: every label",
        "unsupervised: no labels",
        "reinforcement: right or wrong",
    ]


def test_main_draws_nothing_unless_told_where(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    learning.main(device="cpu", seeds=1)
    assert "rules or learning?" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


# --8<-- [start:baseline]
def test_baseline() -> None:
    _, truth = diagnose(seed=0)
    always_benign = torch.zeros_like(truth)
    assert 0.6 < accuracy(always_benign, truth) < 0.65
    assert not always_benign[truth].any()  # and every malignant tumour is missed


# --8<-- [end:baseline]
# --8<-- [start:step]
def test_step() -> None:
    x = torch.tensor([[1.0], [2.0], [6.0], [9.0]])
    centres, costs = k_means(x, initial=torch.tensor([[1.0], [2.0]]))
    assert costs == pytest.approx([65, 110 / 9, 5])  # with means 1 and 2, then 1 and 17/3, then 1.5 and 7.5
    assert centres.tolist() == [[1.5], [7.5]]


# --8<-- [end:step]
# --8<-- [start:scale]
def test_scale() -> None:
    data = load_breast_cancer()
    x, y, x_new, truth = train_test_split(
        torch.tensor(data.data, dtype=torch.float32), torch.tensor(data.target == 0), seed=0
    )
    raw = KNearestNeighbours(k=15)
    raw.fit(x, y)
    prepared, _ = diagnose(seed=0)
    assert accuracy(prepared > 0.5, truth) > accuracy(raw(x_new) > 0.5, truth)
    assert float(x.std(dim=0).max() / x.std(dim=0).min()) > 10_000


# --8<-- [end:scale]
# --8<-- [start:more_groups]
def test_more_groups() -> None:
    x, digit, x_test, digit_test = train_test_digits(seed=0)
    right = {}
    for k in (10, 20, 40):
        groups = best_clusters(x, k, initialisations=3, seed=0)
        names = digit[nearest_index(groups, x)]  # k labels
        right[k] = accuracy(names[nearest_index(x_test, groups)], digit_test)
    assert right[10] < right[20] < right[40]


# --8<-- [end:more_groups]
