"""A short history of AI: the engine of rules, the nearest example, tables with sources, the page's exercises."""

import json
import re
from math import log2

import pytest
import torch
from conftest import ROOT, drawings_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor
from torch.testing import assert_close

import history
from history import (
    EVENT_KINDS,
    EVENTS,
    FACTS,
    MODELS,
    RULES,
    SILENT,
    SPARSE,
    Model,
    Rule,
    doubling,
    fixed_split,
    growth,
    holes,
    infer,
    nearest_neighbour,
    observe,
    parse,
    share_correct,
    shift,
    short,
)

PAGE = (ROOT / "docs" / "lectures" / "history" / "index.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def seen() -> tuple[list[Rule], Tensor, Tensor]:
    """The rules, and the images (n, 8, 8) with digit (n,) on which they were written."""
    x, digit, _, _ = fixed_split()
    return parse(RULES), x, digit


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_holes_are_the_background_that_does_not_hang_together_with_the_edge(seed: int) -> None:
    image = torch.rand(8, 8, generator=torch.Generator().manual_seed(seed))
    framed = torch.nn.functional.pad(image < 0.5, (1, 1, 1, 1), value=True)
    areas, _ = label(framed)
    cut_off = torch.from_numpy((areas != areas[0, 0]) & (areas != 0))[1:-1, 1:-1]
    assert torch.equal(holes(image[None])[0], cut_off)


def test_a_ring_has_a_hole_and_a_ring_with_a_gap_has_none() -> None:
    ring = torch.zeros(8, 8)
    ring[1:4, 2:5], ring[2, 3] = 1, 0
    gap = ring.clone()
    gap[1, 3] = 0
    facts = observe(torch.stack([ring, gap]))
    assert facts["hole above"].tolist() == [True, False]
    assert facts["no hole above"].tolist() == [False, True]
    assert facts["hole below"].tolist() == [False, False]


def test_every_rule_speaks_only_of_facts_that_there_are(seen) -> None:
    rules, x, _ = seen
    known = set(observe(x[:1]))
    assert len(known) == 2 * len(FACTS)
    assert {name for rule in rules for name in rule.conditions} <= known
    assert {rule.digit for rule in rules[:10]} == set(range(10))
    for rule in rules:
        assert len(set(rule.conditions)) == len(rule.conditions)
        assert not {f"no {name}" for name in rule.conditions} & set(rule.conditions), "a rule that can never fire"


def test_the_special_case_goes_before_the_general_one_and_the_older_before_the_newer() -> None:
    yes, no = torch.tensor([True, True, True, False]), torch.tensor([True, False, False, True])
    third = torch.tensor([False, True, False, False])
    facts = {"foot": yes, "full top": no, "hole above": third}
    rules = parse("1 if foot\n2 if foot, full top\n3 if foot, hole above\n4 if foot")
    assert infer(rules, facts).tolist() == [2, 3, 1, SILENT]
    assert infer(rules[::-1], facts).tolist() == [2, 3, 4, SILENT]
    assert infer([], facts).tolist() == [SILENT] * 4


def test_what_a_rule_wins_and_loses_adds_up_to_the_accuracy(seen) -> None:
    rules, x, digit = seen
    steps = growth(rules, x, digit)
    for count, step in enumerate(steps, 1):
        net = sum(each["won"] - each["lost"] for each in steps[:count])
        assert step["accuracy"] == pytest.approx(net / len(x), abs=1e-6)
    assert steps[-1]["accuracy"] == share_correct(infer(rules, observe(x)), digit)
    silent, conflict = ([step[key] for step in steps] for key in ("silent", "conflict"))
    assert silent == sorted(silent, reverse=True), "one more rule never makes the system more silent"
    assert conflict == sorted(conflict), "one more rule never settles a conflict"


def test_the_rule_of_question_2_takes_its_images_from_the_4s(seen) -> None:
    rules, x, digit = seen
    before, after = (infer(rules[:count], observe(x)) for count in (20, 21))
    assert set(digit[(before == digit) & (after != digit)].tolist()) == {4}


def test_the_nearest_example_is_scikit_learns() -> None:
    x, digit, x_test, digit_test = fixed_split()
    theirs = KNeighborsClassifier(1).fit(x.flatten(1).numpy(), digit.numpy()).predict(x_test.flatten(1).numpy())
    ours = nearest_neighbour(x, digit, x_test)
    assert (ours == torch.from_numpy(theirs)).float().mean() > 0.999  # two examples may be as near as each other
    assert share_correct(ours, digit_test) > 0.97


def test_an_example_is_its_own_nearest_neighbour() -> None:
    x, digit, _, _ = fixed_split()
    assert_close(nearest_neighbour(x, digit, x), digit)


def test_held_out_images_are_of_all_digits_alike_and_not_among_those_looked_at() -> None:
    x, digit, x_test, digit_test = fixed_split()
    assert len(x) + len(x_test) == 1797
    assert set(map(tuple, x.flatten(1).tolist())).isdisjoint(map(tuple, x_test.flatten(1).tolist()))
    share = digit_test.bincount() / (digit.bincount() + digit_test.bincount())
    assert_close(share, torch.full((10,), 0.3), atol=0.004, rtol=0)
    assert_close(fixed_split()[0], x)


def test_a_shift_moves_a_stroke_and_changes_none() -> None:
    image = torch.zeros(1, 8, 8)
    image[0, 3, 4] = 0.7
    assert shift(image)[0, 3, 5] == image[0, 3, 4]
    assert shift(image).sum() == image.sum()


@given(months=st.floats(1, 40), start=st.floats(-3, 3))
@settings(deadline=None, max_examples=30)
def test_doubling_finds_the_pace_of_models_that_keep_it(months: float, start: float) -> None:
    years = (2012.5, 2014.0, 2019.25, 2025.0)
    models = [Model("", year, None, 2 ** (start + 12 * (year - 2012) / months), [], "") for year in years]
    assert doubling(models) == pytest.approx(months)


def test_each_event_and_each_model_has_two_sources_that_the_page_names() -> None:
    named = set(re.findall(r"^\[\^(\w+)\]: ", PAGE, re.M))
    for sources in [*(row.sources for row in [*EVENTS, *MODELS]), *(sources for _, _, sources in SPARSE.values())]:
        assert len(sources.split()) >= 2, sources
        assert set(sources.split()) <= named, sources


def test_counts_of_one_model_are_of_one_training() -> None:
    for model in MODELS:  # those of two trainings, as once with GNMT's, lie hundreds of times apart
        assert all(1 / 4 < other / model.exaflop < 4 for other in model.others), model


def test_the_figure_of_parameters_shows_that_they_passed_a_trillion() -> None:
    largest = max(size for _, size, _ in SPARSE.values())
    assert largest > 1e12 > max(model.parameters or 0 for model in MODELS)
    assert max(year for year, size, _ in SPARSE.values() if size > 1e12) > 2025  # so it did not end in 2022


def test_deep_speech_2_has_the_parameters_of_its_layers() -> None:
    cells, features = 2560, 32 * 41  # of its two convolutions, for 161 frequencies
    layers = [3 * cells * (inputs + cells) for inputs in (features, cells, cells)]
    [model] = [model for model in MODELS if model.name == "Deep Speech 2"]
    assert model.parameters == pytest.approx(sum(layers), rel=0.1)


def test_networks_of_several_layers_were_trained_before_minsky_and_papert() -> None:
    told = " ".join(f"{event.year} {event.what}" for event in EVENTS if event.year < 1969)
    assert "1965 Ivakhnenko" in told
    assert "1967 Amari" in told


def test_time_runs_forward() -> None:
    assert [event.year for event in EVENTS] == sorted(event.year for event in EVENTS)
    assert [model.year for model in MODELS] == sorted(model.year for model in MODELS)
    assert {event.kind for event in EVENTS} == set(EVENT_KINDS)


def test_numbers_are_written_as_a_person_would() -> None:
    written = {None: "unpublished", 0.47: "0.47", 10.4: "10.4", 6620: "6,620", 60e6: "60 million", 8.7e9: "8.7 billion"}
    assert {number: short(number) for number in written} == written


def test_main_prints_and_records_what_it_found(tmp_path, capsys) -> None:
    history.main(seed=0, device="cpu", out=tmp_path)
    printed, metrics = capsys.readouterr().out, json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert printed.startswith(f"{len(parse(RULES))} rules")
    assert metrics["learned"] > metrics["enough_accuracy"] > metrics["accuracy"] > 0.6
    assert metrics["seen"] > metrics["accuracy"]
    assert metrics["gain_first"] > 4 * metrics["gain_later"] > 0
    assert metrics["conflict"] > metrics["conflict_ten"]
    assert metrics["worst_lost"] > metrics["worst_won"]
    assert metrics["shifted"] < metrics["shifted_learned"] < metrics["shifted_taught"]
    assert 3 < metrics["doubling"] < 12
    drawn = drawings_of("history").draw(tmp_path)
    eras, reading = (
        {"early", "middle", "revolution", "today", "first_winter", "second_winter"},
        {"growth", "gains", "rules", "learned", "three"},
    )
    told = {"promises", "serial", "parts", "rule_bases", "found", "four", "cores", "top_five"}
    shown = {"observed", "fires", "happens", "nearest", "moved"}
    assert drawn.keys() == eras | reading | told | shown | {"compute", "parameters"}
    heads = [text.get_text() for text in drawn["fires"].axes[1].texts if text.get_weight() == "bold"]
    assert [head.split(":")[0] for head in heads] == ["rule 9 says 8", "rule 3 says 2", "rule 12 says 8"]
    assert drawn["fires"].axes[1].texts[-1].get_text() == "most conditions win: 8"
    assert [ax.get_title() for ax in drawn["moved"].axes] == ["predicted: 5", "predicted: 3"]
    assert sum(text.get_text() == "yes" for text in drawn["observed"].axes[1].texts) == 10
    distances = [float(ax.get_title().split()[-1]) for ax in drawn["nearest"].axes[1:]]
    assert distances == sorted(distances)
    seen, held_out = (line.get_ydata()[-1] for line in drawn["growth"].axes[0].lines)
    assert (seen, held_out) == (metrics["seen"], metrics["accuracy"])
    titles = [ax.get_title() for ax in drawn["three"].axes]
    assert titles[0] == "no rule fires"
    assert all(title.startswith("predicted: ") for title in titles[1:])
    rows = (tmp_path / "timeline.txt").read_text(encoding="utf-8").splitlines()
    assert len(rows) == len(EVENTS) + 2
    assert all(row.count("|") == rows[0].count("|") for row in rows)


def test_main_draws_nothing_unless_told_where(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    history.main(device="cpu")
    assert "held-out" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


# --8<-- [start:one_more]
def test_one_more() -> None:
    strokes = "stroke left, stroke right, stroke in the middle, stroke below the middle, stroke lower right"
    rule = f"4 if {strokes}, no full top, no full bottom"
    old, new = parse(RULES), parse(RULES + rule)
    x, digit, x_test, digit_test = fixed_split()
    for image, truth in ((x, digit), (x_test, digit_test)):
        facts = observe(image)
        before, after = infer(old, facts) == truth, infer(new, facts) == truth
        assert (after & ~before).sum() > (before & ~after).sum()


# --8<-- [end:one_more]
# --8<-- [start:order]
def test_order() -> None:
    rules, (x, digit, _, _) = parse(RULES), fixed_split()
    facts = observe(x)
    forward, backward = infer(rules, facts), infer(rules[::-1], facts)
    assert (forward != backward).sum() == 56
    assert share_correct(forward, digit) > share_correct(backward, digit)
    sizes = [len(rule.conditions) for rule in rules]
    alone = [rule for rule, size in zip(rules, sizes, strict=True) if sizes.count(size) == 1]
    assert torch.equal(infer(alone, facts), infer(alone[::-1], facts))


# --8<-- [end:order]
# --8<-- [start:all_rules]
def test_all_rules() -> None:
    assert 3 ** len(FACTS) - 1 == 4_782_968
    assert 2 ** len(FACTS) == 16_384  # name every fact, so no two of them fire on one image


# --8<-- [end:all_rules]
# --8<-- [start:doublings]
def test_doublings() -> None:
    first, last = MODELS[0], MODELS[-1]
    doublings = log2(last.exaflop / first.exaflop)
    assert round(doublings) == 30
    assert round(12 * (last.year - first.year) / doublings) == 5  # months


# --8<-- [end:doublings]
