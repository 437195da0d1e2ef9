"""Tables: gaps, categories and scales by the training rows alone, and error rates that obey Chouldechova's law."""

import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import OneHotEncoder
from torch.testing import assert_close

from neuronup.tables import (
    CATEGORIES,
    MEASURES,
    compare_families,
    compare_gaps,
    compare_targets,
    erase,
    error_rates,
    fill_by_species,
    fit_rows,
    heavy_by_sex,
    labelled_penguins,
    penguins,
    preparation_of,
    relative_errors,
    share_right,
)


def test_the_penguins_are_as_their_makers_say():
    table = penguins()
    assert len(table) == 344
    assert table.isna().sum().to_dict() == {
        **dict.fromkeys(["species", "island", "year"], 0),
        **dict.fromkeys(MEASURES, 2),
        "sex": 11,
    }
    assert table["species"].value_counts().to_dict() == {"Adelie": 152, "Gentoo": 124, "Chinstrap": 68}
    labelled, male = labelled_penguins()
    assert len(labelled) == len(male) == 333
    assert male.sum() == 168


def test_a_table_is_prepared_as_scikit_learn_prepares_it():
    table = erase(penguins(), 0.2, seed=0)
    train, new = table[:200], table[200:]
    theirs = ColumnTransformer(
        [("gaps", SimpleImputer(strategy="median"), MEASURES), ("hot", OneHotEncoder(sparse_output=False), CATEGORIES)]
    )
    known = torch.tensor(
        theirs.fit(penguins()).set_params(gaps=SimpleImputer(strategy="median")).fit_transform(pd.concat([train, new]))
    ).float()
    median = SimpleImputer(strategy="median").fit(train[MEASURES])
    filled, rest = (torch.tensor(median.transform(part[MEASURES])).float() for part in (train, new))
    ours = preparation_of(train)(new, indicator=True)
    assert_close(ours[:, :4], (rest - filled.mean(dim=0)) / filled.std(dim=0), atol=1e-4, rtol=1e-4)
    assert torch.equal(ours[:, 4:8], torch.tensor(new[MEASURES].isna().to_numpy()).float())
    assert torch.equal(ours[:, 8:], known[200:, 4:])
    assert_close(preparation_of(train)(train)[:, :4].std(dim=0), torch.ones(4))


def test_rows_that_are_not_for_training_have_no_say():
    table = penguins()
    train, spoiled = table[:100], table.copy()
    spoiled.loc[100:, MEASURES] *= 1000
    for part in (table, spoiled):
        assert torch.equal(preparation_of(part[:100])(train), preparation_of(train)(train))
        assert fill_by_species(part, part[:100])[:100].equals(fill_by_species(train, train))


def test_a_gap_is_filled_with_the_median_of_its_species():
    table = erase(penguins(), 0.3, seed=1)
    filled = fill_by_species(table, table)
    theirs = table.groupby("species", observed=True)[MEASURES].transform(lambda column: column.fillna(column.median()))
    assert filled[MEASURES].equals(theirs)
    assert filled.drop(columns=MEASURES).equals(table.drop(columns=MEASURES))


def test_erasing_takes_the_share_that_it_is_told_and_nothing_else():
    table, _ = labelled_penguins()
    erased = erase(table, 0.3, seed=0)
    assert erased[MEASURES].isna().to_numpy().mean() == pytest.approx(0.3, abs=0.03)
    assert erased[MEASURES].fillna(table[MEASURES]).equals(table[MEASURES])
    assert erase(table, 0.3, seed=0).equals(erased)


@pytest.mark.parametrize("hidden", [0, 8])
def test_rows_that_a_line_splits_are_learned(hidden):
    x = torch.randn(80, 3, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] > x[:, 1]).float()
    assert share_right(fit_rows(x, y, seed=0, hidden=hidden), x, y) > 0.95
    assert share_right(fit_rows(x, y, seed=0, hidden=hidden), x, 1 - y) < 0.05


def test_gaps_families_and_targets_are_compared_on_rows_held_out():
    gaps = compare_gaps(0)
    assert gaps["rows"] == 200
    assert gaps["whole"] / gaps["rows"] == pytest.approx(0.7**4, abs=0.06)
    assert compare_gaps(0, share=0)["median"] == compare_gaps(0, share=0)["species"]
    families = compare_families(0)
    assert set(families) == {"logistic", "network", "forest", "boosting"}
    assert min(families.values()) > 0.8
    assert len(compare_targets(0)) == 4


def test_relative_errors_are_those_of_least_squares_of_the_number_and_of_its_logarithm():
    drawn = torch.Generator().manual_seed(0)
    x = torch.randn(100, 2, generator=drawn)
    y = (x @ torch.tensor([0.5, 1.0]) + 3 + 0.1 * torch.randn(100, generator=drawn)).exp()
    order = torch.randperm(100, generator=torch.Generator().manual_seed(4))
    train, test = order[:70], order[70:]
    theirs = LinearRegression().fit(x[train], y[train].log()).predict(x[test])
    found = relative_errors(x, y, seed=4)
    expected = float(((torch.tensor(theirs).exp() - y[test]) / y[test]).abs().mean())
    assert found["log"] == pytest.approx(expected, rel=1e-3)
    assert found["log"] < 0.15 < found["plain"]  # a product of factors is a sum of logarithms


@given(seed=st.integers(0, 10_000))
@settings(max_examples=50)
def test_error_rates_obey_chouldechovas_law(seed):
    drawn = torch.Generator().manual_seed(seed)
    y = torch.cat([torch.rand(40, generator=drawn) < 0.4, torch.tensor([True, False])])
    yes = torch.cat([torch.rand(40, generator=drawn) < 0.5, torch.tensor([True, True])])
    found, p = error_rates(y, yes), float(y.float().mean())
    law = p / (1 - p) * (1 - found["precision"]) / found["precision"] * found["true_positive"]
    assert found["false_positive"] == pytest.approx(law, abs=1e-5)
    assert found["accuracy"] == pytest.approx(
        p * found["true_positive"] + (1 - p) * (1 - found["false_positive"]), abs=1e-5
    )


def test_no_way_makes_all_error_rates_equal():
    found = heavy_by_sex(0)
    gap = {
        name.replace("_male_", " "): abs(value - found[name.replace("_male_", "_female_")])
        for name, value in found.items()
        if "_male_" in name
    }
    assert gap["equal true_positive"] < 0.05 < gap["one true_positive"]
    assert gap["one precision"] < 0.05 < gap["equal precision"]
    for way in ("one", "input", "equal"):
        assert max(gap[f"{way} {rate}"] for rate in ("true_positive", "false_positive", "precision")) > 0.1
    off = {way: abs(found[f"{way}_male_predicted"] - found["male_heavy"]) for way in ("one", "input")}
    assert off["input"] < 0.03 < off["one"]
