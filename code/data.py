"""Data come first: look at them, split them fairly, and measure on what was not seen.

Data come in three parts, drawn so that each class has its share in every part, and no
image is in two. What a model is worth is measured on a part that it has not seen, and
not by accuracy alone. Here the splits are right, and then, on purpose, they leak.

Source: Kohavi, "A study of cross-validation and bootstrap for accuracy estimation
and model selection", IJCAI 1995.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.command import folder, keep, record, run
from neuronup.images import (
    Images,
    Name,
    all_digits,
    digit_images,
    load,
    standardised,
    stratified_split,
    translate,
)
from neuronup.loaders import Examples, Loader
from neuronup.loop import Loss, fit, predict
from neuronup.metrics import (
    auc,
    best_threshold,
    calibration_curve,
    class_scores,
    confusion_matrix,
    expected_calibration_error,
    roc_curve,
)
from neuronup.seeds import stack
from neuronup.shifts import measure_shifts, patrol
from neuronup.tables import (
    compare_families,
    compare_gaps,
    compare_targets,
    heavy_by_sex,
)


# --8<-- [start:shift]
def compare_translated(train: Examples) -> dict[str, float]:
    """Compare images with themselves moved right by one pixel, in shares of them."""
    x, y = train.x[:1000], train.y[:1000]
    moved = translate(x, 1, 0)
    foreground = (x > 0) | (moved > 0)
    distance = torch.cdist(x.flatten(1), x.flatten(1)).fill_diagonal_(torch.inf)
    distance[y[:, None] != y] = torch.inf  # to others of the same class alone
    closer = distance.amin(dim=1) < (x - moved).flatten(1).norm(dim=1)
    return {
        "shift_all": float((x != moved).float().mean()),
        "shift_foreground": float((x != moved)[foreground].float().mean()),
        "shift_closer": float(closer.float().mean()),
    }


# --8<-- [end:shift]
# --8<-- [start:words]
END, UNKNOWN = "<eos>", "<unk>"


def vocabulary(sentences: list[str]) -> list[str]:
    """List two special tokens, and then every word of the sentences once."""
    found = {word for sentence in sentences for word in sentence.split()}
    return [END, UNKNOWN, *sorted(found)]


def encode_words(sentence: str, words: list[str]) -> Tensor:
    """Turn a sentence into indices of the vocabulary, and the token of its end."""
    indices = {word: index for index, word in enumerate(words)}
    found = [indices.get(word, indices[UNKNOWN]) for word in sentence.split()]
    return torch.tensor([*found, indices[END]], device="cpu")


def decode_words(code: Tensor, words: list[str]) -> str:
    """Turn indices back into a sentence, up to its end."""
    found = [words[index] for index in code.tolist()]
    return " ".join(found[: found.index(END)])


# --8<-- [end:words]
# --8<-- [start:nearest]
def nearest_neighbour_accuracy(train: Examples, test: Examples) -> float:
    """Share of `test` that has the label of the most similar training example."""
    distance = torch.cdist(test.x.flatten(1), train.x.flatten(1))  # (tests, trains)
    return float((train.y[distance.argmin(dim=1)] == test.y).float().mean())


# --8<-- [end:nearest]
# --8<-- [start:copies]
LeakScores = dict[str, float]  # of a correct split, and with a leak


def copy_leak(seed: int) -> LeakScores:
    """Make five noisy copies of each of 200 digits: after the split, or before it."""
    drawn = torch.Generator().manual_seed(seed)
    x, y = digit_images(seed).train
    x, y = x[:200], y[:200]

    def multiply(few: Examples) -> Examples:
        many = few.x.repeat(5, 1, 1, 1)
        noise = torch.randn(many.shape, generator=drawn, device="cpu")
        return Examples(many + 0.1 * noise, few.y.repeat(5))

    train, held_out = (
        Examples(x[at], y[at]) for at in stratified_split(y, seed, (0.8, 0.2))
    )
    pool = multiply(Examples(x, y))
    at, rest = stratified_split(pool.y, seed, (0.8, 0.2))
    leaky = Examples(pool.x[at], pool.y[at]), Examples(pool.x[rest], pool.y[rest])
    return {
        "right": nearest_neighbour_accuracy(multiply(train), held_out),
        "leak": nearest_neighbour_accuracy(*leaky),
    }


# --8<-- [end:copies]
# --8<-- [start:selection]
def selection_leak(seed: int) -> LeakScores:
    """Choose 20 of 2,000 columns of noise: by the training part, or by everything."""
    drawn = torch.Generator().manual_seed(seed)
    x = torch.randn(100, 2000, generator=drawn, device="cpu")
    y = torch.randint(2, (100,), generator=drawn, device="cpu")  # nothing to learn
    train, held_out = stratified_split(y, seed, (0.7, 0.3))
    scores = {}
    for name, at in (("right", train), ("leak", torch.arange(100))):
        means = [x[at][y[at] == label].mean(dim=0) for label in (0, 1)]
        best = (means[1] - means[0]).abs().topk(20).indices
        centres = torch.stack(
            [x[train][y[train] == label][:, best].mean(dim=0) for label in (0, 1)]
        )
        class_means = Examples(centres, torch.arange(2))
        scores[name] = nearest_neighbour_accuracy(
            class_means, Examples(x[held_out][:, best], y[held_out])
        )
    return scores


# --8<-- [end:selection]
def writer_leak(seed: int) -> LeakScores:
    """Hold out a fifth of the digits: a run of them as they were collected, or any."""
    x, y = all_digits()
    run_of_them = torch.arange(len(y)) * 5 // len(y) == seed % 5
    drawn = torch.Generator().manual_seed(seed)
    shuffled = run_of_them[torch.randperm(len(y), generator=drawn, device="cpu")]
    return {
        name: nearest_neighbour_accuracy(
            Examples(x[~out], y[~out]), Examples(x[out], y[out])
        )
        for name, out in (("right", run_of_them), ("leak", shuffled))
    }


LEAKS: dict[str, Callable[[int], LeakScores]] = {
    "copies": copy_leak,
    "selection": selection_leak,
    "writers": writer_leak,
}


def small_classifier(x: Tensor, classes: int, hidden: int = 32) -> nn.Sequential:
    """Build a small network for images like x (n, ...)."""
    inputs = x[0].numel()
    layers = nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, classes)
    return nn.Sequential(nn.Flatten(), *layers)


def times(images: Images, factor: float) -> Images:
    """Measure the images in other units."""
    parts = (images.train, images.validation, images.test)
    return Images(images.classes, *(Examples(factor * x, y) for x, y in parts))


PIXEL_SCALES = ("bytes", "unit", "scaled")
SCALE_RATE = 0.1  # the same for every scale
SCALE_RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, SCALE_RATE, 0.3, 1.0)  # best for each


def train_small(
    view: Images, rate: float, seed: int, device: torch.device
) -> tuple[float, Tensor]:
    """Train for five epochs: validation accuracy, and errors on the test part.

    The errors are a confusion matrix (classes, classes).
    """
    torch.manual_seed(seed)  # the same weights to begin with
    k = len(view.classes)
    model = small_classifier(view.train.x, k).to(device)
    train, validation, test = (part.to(device) for part in view[1:])
    batches = Loader(train, max(32, len(train.y) // 40), seed)
    optimiser = torch.optim.SGD(model.parameters(), lr=rate)
    history = fit(model, batches, validation, optimiser, epochs=5)
    prediction = predict(model, test.x).argmax(dim=1)
    counts = confusion_matrix(test.y, prediction, k).cpu()
    return history["validation_score"][-1], counts


def compare_scales(
    images: Images, seed: int, device: torch.device
) -> tuple[dict[str, float], Tensor]:
    """Train one network on three scales, at every rate: accuracies and last errors."""
    views = zip(
        PIXEL_SCALES, (times(images, 255), images, standardised(images)), strict=True
    )
    results = {
        (name, rate): train_small(view, rate, seed, device)
        for name, view in views
        for rate in SCALE_RATES
    }
    scores = {f"{name} {rate:g}": each[0] for (name, rate), each in results.items()}
    return scores, results["scaled", SCALE_RATE][1]


# --8<-- [start:resample]
RARE = 8  # index of the class that is to be told from all others


def resample(train: Examples, seed: int) -> Examples:
    """Repeat positives, drawn at random, until there are as many as negatives."""
    drawn = torch.Generator().manual_seed(seed)
    positive = (train.y == 1).nonzero()[:, 0]
    missing = len(train.y) - 2 * len(positive)
    more = torch.randint(len(positive), (missing,), generator=drawn, device="cpu")
    at = torch.cat([torch.arange(len(train.y)), positive[more]])
    return Examples(train.x[at], train.y[at])


def binary_accuracy(z: Tensor, y: Tensor) -> Tensor:
    """Share () of logits z (n,) on the side of 0 that the label y (n,) says."""
    return ((z >= 0) == (y == 1)).float().mean()


# --8<-- [end:resample]
# --8<-- [start:rare]
class Predictions(NamedTuple):
    """Test labels y (n,), their logits z (n,), and the threshold of the logits."""

    y: Tensor
    z: Tensor
    threshold: float = 0.0  # a probability of one half


def predict_rare_class(
    images: Images, seed: int, device: torch.device
) -> dict[str, Predictions]:
    """Train one neuron on the rare class in three ways, and move a threshold."""
    train, validation, test = (
        Examples(x, (y == RARE).float()) for x, y in standardised(images)[1:]
    )
    odds = ((train.y == 0).sum() / train.y.sum()).to(device)

    def weighted(z: Tensor, y: Tensor) -> Tensor:
        return binary_cross_entropy_with_logits(z, y, pos_weight=odds)

    plain: Loss = binary_cross_entropy_with_logits
    ways: dict[str, tuple[Examples, Loss]] = {
        "plain": (train, plain),
        "weighted": (train, weighted),
        "resampled": (resample(train, seed), plain),
    }
    predictions = {}
    for name, (examples, loss) in ways.items():
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Flatten(), nn.Linear(train.x[0].numel(), 1))
        model = nn.Sequential(model, nn.Flatten(0)).to(device)
        batches = Loader(examples.to(device), max(32, len(examples.y) // 40), seed)
        optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
        held_out = validation.to(device)
        fit(model, batches, held_out, optimiser, 20, loss, binary_accuracy)
        predictions[name] = Predictions(test.y, predict(model, test.x.to(device)).cpu())
        if name == "plain":
            chosen = best_threshold(held_out.y, predict(model, held_out.x))
            predictions["moved"] = predictions[name]._replace(threshold=chosen)
    return predictions


# --8<-- [end:rare]
def evaluate(predictions: Predictions) -> dict[str, float]:
    """Measure predictions on the test part, in every way of this lecture."""
    y, z, threshold = predictions
    counts = confusion_matrix(y.long(), (z >= threshold).long(), 2)
    named = {
        name: float(values[1])
        for name, values in class_scores(counts)._asdict().items()
    }
    accuracy = float(counts.diagonal().sum() / counts.sum())
    return {"accuracy": accuracy, **named, "auc": auc(roc_curve(y, z))}


def blind_draw_range(y: Tensor, seed: int, tries: int = 200) -> tuple[int, int]:
    """Draw a tenth of labels y (n,) again and again, blindly: fewest and most rare."""
    drawn = torch.Generator().manual_seed(seed)
    orders = (
        torch.randperm(len(y), generator=drawn, device="cpu") for _ in range(tries)
    )
    found = [int((y[order[: len(y) // 10]] == RARE).sum()) for order in orders]
    return min(found), max(found)


TABLES: dict[str, Callable[[int], dict[str, float]]] = {
    "gap": compare_gaps,
    "family": compare_families,
    "error": compare_targets,
    "sex": heavy_by_sex,
}
PATROLS = range(20)  # seeds of the feedback loop


class Findings(NamedTuple):
    """What five seeds gave: values (seeds,) by name, errors, and pooled predictions.

    The patrols are of more seeds: shares (runs, days), as they are and corrected.
    """

    leaks: dict[str, dict[str, Tensor]]
    tables: dict[str, dict[str, Tensor]]
    shifts: dict[str, dict[str, Tensor]]
    patrols: dict[str, Tensor]
    scales: dict[str, Tensor]
    errors: Tensor
    scores: dict[str, dict[str, Tensor]]
    pooled: dict[str, Predictions]


def run_experiments(
    data: Name, larger: Images, seeds: range, device: torch.device
) -> Findings:
    """Run every experiment once for each seed; shifts on the `larger` images."""
    leaks, tables = (
        {name: stack([try_out(s) for s in seeds]) for name, try_out in tried.items()}
        for tried in (LEAKS, TABLES)
    )
    shifted = [measure_shifts(larger, seed) for seed in tqdm(seeds, disable=None)]
    shifts = {kind: stack([run[kind] for run in shifted]) for kind in shifted[0]}
    patrols = {
        name: torch.stack([patrol(seed, name == "corrected") for seed in PATROLS])
        for name in ("records", "corrected")
    }
    scales, errors, predictions = [], [], []
    for seed in tqdm(seeds, desc="seeds", disable=None):
        images = load(data, seed)
        accuracies, counts = compare_scales(images, seed, device)
        scales.append(accuracies)
        errors.append(counts)
        predictions.append(predict_rare_class(images, seed, device))
    scores, pooled = {}, {}
    for way in predictions[0]:
        scores[way] = stack([evaluate(run[way]) for run in predictions])
        y = torch.cat([run[way].y for run in predictions])
        pooled[way] = Predictions(y, torch.cat([run[way].z for run in predictions]))
    wrong = torch.stack(errors).sum(0)
    return Findings(
        leaks, tables, shifts, patrols, stack(scales), wrong, scores, pooled
    )


def summary(
    images: Images, larger: Images, found: Findings, seed: int
) -> dict[str, float | str]:
    """Boil everything down to numbers with names."""
    recall = class_scores(found.errors).recall
    everyone = torch.cat([part.y for part in images[1:]])
    fewest, most = blind_draw_range(everyone, seed)
    numbers: dict[str, float | str] = {
        **{part: len(getattr(images, part).y) for part in PARTS},
        **compare_translated(images.train),
        "pixels": images.train.x[0].numel(),
        "rates": ", ".join(f"{rate:g}" for rate in SCALE_RATES),
        "bins": BINS,
        "fine_bins": FINE_BINS,
        "background": float((larger.train.x == 0).float().mean()),
        "rare_name": images.classes[RARE],
        "rare_test": int((images.test.y == RARE).sum()),
        "fewest": fewest,
        "most": most,
        "read": float(found.errors.diagonal().sum() / found.errors.sum()),
        "worst": images.classes[int(recall.argmin())],
        "worst_recall": float(recall.min()),
        "never": 1 - float(found.pooled["plain"].y.mean()),
    }
    for scale in PIXEL_SCALES:
        means = {
            rate: float(found.scales[f"{scale} {rate:g}"].mean())
            for rate in SCALE_RATES
        }
        best = max(means, key=means.__getitem__)
        numbers[f"scale_{scale}"] = means[SCALE_RATE]
        numbers |= {f"scale_{scale}_best": means[best], f"scale_{scale}_rate": best}
    for table in (found.leaks, found.scores, found.tables, found.shifts):
        for row, cells in table.items():
            numbers |= {f"{row}_{name}": float(v.mean()) for name, v in cells.items()}
    for way, (y, z, _) in found.pooled.items():
        p = z.double().sigmoid()
        for suffix, bins in (("", BINS), ("_fine", FINE_BINS)):
            curve = calibration_curve(y, p, bins)
            numbers[f"{way}_gap{suffix}"] = expected_calibration_error(curve)
    for way, shares in found.patrols.items():
        numbers[f"{way}_least"] = float(shares[:, -1].min())
        numbers[f"{way}_most"] = float(shares[:, -1].max())
    known = found.leaks["writers"]
    numbers["writers_lower"] = int((known["right"] < known["leak"]).sum())
    return numbers


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    data: Name = "digits",
    larger: Name = "mnist",
    out: Path | None = None,
) -> None:
    """Look at a data set, split it, and see where accuracy misleads.

    Args:
        seed: How the data are split; the experiments take the next four seeds too.
        device: Where to train networks; leaks, tables and shifts stay on the CPU.
        data: Which images; Fashion-MNIST and CIFAR-10 are downloaded when first used.
        larger: Which images are explored, and shifted.
        out: Folder for metrics.json and the results that drawings.py draws; without
            it, only lines are printed.
    """
    folder(out)
    used, images, more = devices.pick(device), load(data, seed), load(larger, seed)
    found = run_experiments(data, more, range(seed, seed + 5), used)
    numbers = summary(images, more, found, seed)
    print(REPORT.format(**numbers))
    if out is not None:
        pooled = {way: tuple(each) for way, each in found.pooled.items()}
        keep(
            out,
            data=data,
            larger=larger,
            seed=seed,
            leaks=found.leaks,
            scales=found.scales,
            tables=found.tables,
            shifts=found.shifts,
            patrols=found.patrols,
            errors=found.errors,
            pooled=pooled,
        )
        record(out, seed, used, **numbers)


PARTS = ("train", "validation", "test")
BINS, FINE_BINS = 5, 15  # of the calibration error, which depends on them
REPORT = """\
{train} training images, {validation} validation images, {test} test images
one pixel to the right: {shift_all:.0%} of all numbers change, \
{shift_foreground:.0%} of the foreground
accuracy on what was held out, with a correct split and with a leak:
  copies made before the split {copies_right:.1%}, {copies_leak:.1%}
  columns chosen by all data   {selection_right:.1%}, {selection_leak:.1%}
  writers in both parts        {writers_right:.1%}, {writers_leak:.1%}
validation accuracy after five epochs, at one learning rate and at its best:
  pixels from 0 to 255         {scale_bytes:.1%}, {scale_bytes_best:.1%}
  pixels from 0 to 1           {scale_unit:.1%}, {scale_unit_best:.1%}
  mean 0, standard deviation 1 {scale_scaled:.1%}, {scale_scaled_best:.1%}
class {rare_name} against all others (to say "never": {never:.1%} accuracy):
             accuracy  precision  recall     F1    AUC   ECE ({bins} and \
{fine_bins} bins)
  plain      {plain_accuracy:8.1%} {plain_precision:10.1%} {plain_recall:7.1%} \
{plain_f1:6.3f} {plain_auc:6.3f} {plain_gap:6.3f} {plain_gap_fine:6.3f}
  threshold  {moved_accuracy:8.1%} {moved_precision:10.1%} {moved_recall:7.1%} \
{moved_f1:6.3f} {moved_auc:6.3f} {moved_gap:6.3f} {moved_gap_fine:6.3f}
  weighted   {weighted_accuracy:8.1%} {weighted_precision:10.1%} \
{weighted_recall:7.1%} {weighted_f1:6.3f} {weighted_auc:6.3f} {weighted_gap:6.3f} \
{weighted_gap_fine:6.3f}
  resampled  {resampled_accuracy:8.1%} {resampled_precision:10.1%} \
{resampled_recall:7.1%} {resampled_f1:6.3f} {resampled_auc:6.3f} {resampled_gap:6.3f} \
{resampled_gap_fine:6.3f}
penguins, male or female, 30% of the measures erased: test accuracy of one neuron
  rows with gaps dropped       {gap_drop:.1%} ({gap_whole:.0f} of {gap_rows:.0f} rows)
  filled with the median       {gap_median:.1%}, with an indicator {gap_indicator:.1%}
  with that of the species     {gap_species:.1%}
accuracy before a shift, in use, and corrected:
  covariate {covariate_before:.1%}, {covariate_use:.1%}, {covariate_corrected:.1%}
  label     {label_before:.1%}, {label_use:.1%}, {label_corrected:.1%}
  concept   {concept_before:.1%}, {concept_use:.1%}, {concept_corrected:.1%}
visits to one of two equal districts, 20 runs: {records_least:.0%} to \
{records_most:.0%}, corrected {corrected_least:.0%} to {corrected_most:.0%}"""

if __name__ == "__main__":
    run(main)
