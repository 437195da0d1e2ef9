"""A table with gaps and categories becomes numbers, by what its training rows say.

Built in the lecture `data`.
"""

from collections.abc import Callable
from importlib.resources import files
from typing import NamedTuple

import pandas as pd
import torch
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from neuronup.images import stratified_split

# --8<-- [start:penguins]
MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
CATEGORIES = ["species", "island"]


def penguins() -> pd.DataFrame:
    """Read the table of 344 penguins; the values of a category are known to be all."""
    file = files("palmerpenguins") / "data" / "penguins.csv"
    with file.open(encoding="utf-8") as text:
        table = pd.read_csv(text)
    return table.astype(dict.fromkeys(CATEGORIES, "category"))


# --8<-- [end:penguins]
# --8<-- [start:prepare]
class Preparation(NamedTuple):
    """What fills a gap in each column of measures, and the scale of the column."""

    medians: pd.Series
    mean: pd.Series
    std: pd.Series

    def __call__(self, table: pd.DataFrame, indicator: bool = False) -> Tensor:
        """Turn rows into x (n, columns); an indicator says where a gap was."""
        filled = table[MEASURES].fillna(self.medians)
        columns = [(filled - self.mean) / self.std]
        if indicator:
            columns.append(table[MEASURES].isna().astype(float))
        columns.append(pd.get_dummies(table[CATEGORIES], dtype=float))  # one-hot
        x = pd.concat(columns, axis=1).to_numpy()
        return torch.tensor(x, dtype=torch.float32, device="cpu")


def preparation_of(train: pd.DataFrame) -> Preparation:
    """Measure medians and scale on the training rows: no others may be looked at."""
    medians = train[MEASURES].median()
    filled = train[MEASURES].fillna(medians)
    return Preparation(medians, filled.mean(), filled.std())


def fill_by_species(table: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """Fill each gap of `table` with the median of its species in `train`."""
    medians = train.groupby("species", observed=True)[MEASURES].median()
    of_row = medians.reindex(table["species"]).set_axis(table.index)
    return table.assign(**table[MEASURES].fillna(of_row))


# --8<-- [end:prepare]
# --8<-- [start:rows]
def labelled_penguins() -> tuple[pd.DataFrame, Tensor]:
    """Drop the rows without a label, which cannot be filled; y (n,) is 1 for males."""
    table = penguins().dropna(subset="sex").reset_index(drop=True)
    male = (table["sex"] == "male").to_numpy()
    return table, torch.tensor(male, dtype=torch.float32, device="cpu")


def fit_rows(
    x: Tensor, y: Tensor, seed: int, hidden: int = 0, decay: float = 0.01
) -> nn.Sequential:
    """Train one neuron, or a small network, on all rows x (n, d), y (n,) at once."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = [nn.Linear(x.shape[1], hidden or 1)]
    if hidden:
        layers += [nn.ReLU(), nn.Linear(hidden, 1)]
    model = nn.Sequential(*layers, nn.Flatten(0))
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.05, weight_decay=decay)
    for _ in range(100):
        optimiser.zero_grad()
        binary_cross_entropy_with_logits(model(x), y).backward()
        optimiser.step()
    return model.requires_grad_(False)


def share_right(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of rows x (n, d) whose logit is on the side that y (n,) says."""
    return float(((model(x) > 0) == (y > 0)).float().mean())


# --8<-- [end:rows]
# --8<-- [start:gaps]
def erase(table: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """Erase this share of all measures, at random."""
    drawn = torch.Generator().manual_seed(seed)
    gone = torch.rand(len(table), len(MEASURES), generator=drawn, device="cpu") < share
    return table.assign(**table[MEASURES].mask(gone.numpy()))


def compare_gaps(seed: int, share: float = 0.3) -> dict[str, float]:
    """Erase measures; test accuracy of one neuron for each way to treat the gaps."""
    table, y = labelled_penguins()
    table = erase(table, share, seed)
    train, _, test = stratified_split(y, seed, (0.6, 0.2, 0.2))
    rows = table.iloc[train.tolist()]
    by_species = fill_by_species(table, rows)
    whole = train[torch.tensor(rows[MEASURES].notna().all(axis=1).to_numpy())]
    ways = {  # the table, the rows to train on, those to prepare by, an indicator?
        "drop": (table, whole, whole, False),
        "median": (table, train, train, False),
        "indicator": (table, train, train, True),
        "species": (by_species, train, train, False),
        "leak": (table, train, torch.arange(len(y)), False),
    }
    scores = {"rows": float(len(train)), "whole": float(len(whole))}
    for name, (filled, learn, known, indicator) in ways.items():
        x = preparation_of(filled.iloc[known.tolist()])(filled, indicator)
        model = fit_rows(x[learn], y[learn], seed)
        scores[name] = share_right(model, x[test], y[test])
    return scores


# --8<-- [end:gaps]
# --8<-- [start:families]
Decision = Callable[[Tensor], Tensor]  # x (n, d) to predictions (n,) of 0 or 1


def families(x: Tensor, y: Tensor, seed: int) -> dict[str, list[Decision]]:
    """Train four kinds of model on x (n, d), y (n,), with six settings for each."""

    def net(hidden: int, decay: float) -> Decision:
        model = fit_rows(x, y, seed, hidden, decay)
        return lambda rows: (model(rows) > 0).float()

    def trees(forest: RandomForestClassifier | GradientBoostingClassifier) -> Decision:
        forest.fit(x.numpy(), y.numpy())
        return lambda rows: torch.tensor(forest.predict(rows.numpy()), device="cpu")

    return {
        "logistic": [net(0, decay) for decay in (0.0, 0.01, 0.1, 0.3, 1.0, 3.0)],
        "network": [net(h, decay) for h in (8, 32) for decay in (0.01, 0.3, 3.0)],
        "forest": [
            trees(
                RandomForestClassifier(
                    50, min_samples_leaf=leaf, max_features=some, random_state=seed
                )
            )
            for leaf in (1, 3, 10)
            for some in ("sqrt", None)
        ],
        "boosting": [
            trees(
                GradientBoostingClassifier(
                    max_depth=depth, learning_rate=rate, random_state=seed
                )
            )
            for depth in (1, 2, 3)
            for rate in (0.03, 0.1)
        ],
    }


def compare_families(seed: int) -> dict[str, float]:
    """Choose each family's setting on validation rows: its test accuracy."""
    table, y = labelled_penguins()
    train, validation, test = stratified_split(y, seed, (0.6, 0.2, 0.2))
    x = preparation_of(table.iloc[train.tolist()])(table)

    def accuracy_on(rule: Decision, at: Tensor) -> float:
        return float((rule(x[at]) == y[at]).float().mean())

    return {
        name: accuracy_on(max(rules, key=lambda r: accuracy_on(r, validation)), test)
        for name, rules in families(x[train], y[train], seed).items()
    }


# --8<-- [end:families]
# --8<-- [start:logs]
def relative_errors(x: Tensor, y: Tensor, seed: int) -> dict[str, float]:
    """Fit y (n,), and its logarithm, by least squares: mean relative test errors."""
    drawn = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(y), generator=drawn, device="cpu")
    train, test = order.tensor_split([len(y) * 7 // 10])
    x = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype, device="cpu")], dim=1)

    def predicted(target: Tensor) -> Tensor:
        return x[test] @ torch.linalg.lstsq(x[train], target[train]).solution

    found = {"plain": predicted(y), "log": predicted(y.log()).exp()}
    return {n: float(((p - y[test]) / y[test]).abs().mean()) for n, p in found.items()}


def compare_targets(seed: int) -> dict[str, float]:
    """Measure both on the mass of penguins, and on the course of diabetes."""
    table = penguins().dropna()
    body = torch.tensor(table[MEASURES].to_numpy(), dtype=torch.float32, device="cpu")
    sick = load_diabetes()
    x, y = (torch.tensor(a, device="cpu").float() for a in (sick.data, sick.target))
    pairs = {"penguins": (body[:, :3], body[:, 3]), "diabetes": (x, y)}
    return {
        f"{name}_{way}": error
        for name, (x, y) in pairs.items()
        for way, error in relative_errors(x, y, seed).items()
    }


# --8<-- [end:logs]
# --8<-- [start:groups]
def error_rates(y: Tensor, yes: Tensor) -> dict[str, float]:
    """Measure decisions yes (n,) on the labels y (n,) of one group: bool both."""
    return {
        "accuracy": float((y == yes).float().mean()),
        "true_positive": float(yes[y].float().mean()),
        "false_positive": float(yes[~y].float().mean()),
        "precision": float(y[yes].float().mean()),
    }


def heavy_by_sex(seed: int, wanted: float = 0.9) -> dict[str, float]:
    """Predict who weighs over 4 kg, each penguin by a model that has not seen it.

    Error rates by sex, for one threshold, for sex as an input, and for a threshold
    of each sex by which the share `wanted` of the heavy ones is found in training.
    """
    table = penguins().dropna().reset_index(drop=True)
    heavy = torch.tensor((table["body_mass_g"] > 4000).to_numpy())
    male = torch.tensor((table["sex"] == "male").to_numpy())
    body = torch.tensor(table[MEASURES[:3]].to_numpy(), dtype=torch.float32)
    folds = stratified_split(heavy.long(), seed, (0.2,) * 5)
    p = {"one": torch.zeros(len(heavy)), "input": torch.zeros(len(heavy))}
    equal = torch.zeros(len(heavy), dtype=torch.bool)
    for test in folds:
        known = torch.ones(len(heavy), dtype=torch.bool)
        known[test] = False
        x = (body - body[known].mean(dim=0)) / body[known].std(dim=0)
        for way, columns in (("one", [x]), ("input", [x, male[:, None].float()])):
            inputs = torch.cat(columns, dim=1)
            model = fit_rows(inputs[known], heavy[known].float(), seed)
            p[way][test] = model(inputs[test]).sigmoid()
            if way == "one":
                seen = model(inputs).sigmoid()
        for group in (male, ~male):
            threshold = seen[known & heavy & group].quantile(1 - wanted)
            mine = test[group[test]]
            equal[mine] = seen[mine] >= threshold
    decisions = {"one": p["one"] >= 0.5, "input": p["input"] >= 0.5, "equal": equal}
    found = {}
    for name, group in (("male", male), ("female", ~male)):
        found[f"{name}_heavy"] = float(heavy[group].float().mean())
        for way, yes in decisions.items():
            rates = error_rates(heavy[group], yes[group])
            found |= {f"{way}_{name}_{rate}": value for rate, value in rates.items()}
        for way in p:
            found[f"{way}_{name}_predicted"] = float(p[way][group].mean())
    return found


# --8<-- [end:groups]
