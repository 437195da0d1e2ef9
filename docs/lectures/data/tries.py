"""Data, splits and evaluation: lines to try and change below the code of the page."""

import torch

from data import decode_words, encode_words, vocabulary
from neuronup.images import stratified_split
from neuronup.metrics import (
    auc,
    calibration_curve,
    class_scores,
    confusion_matrix,
    roc_curve,
)
from neuronup.tables import MEASURES, penguins, preparation_of

# --8<-- [start:words]
words = vocabulary(["the cat sat", "the dog ran"])
print(words)
code = encode_words("the bird sat", words)  # a word it does not know; try others
print(code.tolist(), "and back:", decode_words(code, words))

# --8<-- [end:words]
# --8<-- [start:prepare]
table = penguins()
some = table.iloc[2:5]  # one has gaps: what does it become?
print(some[MEASURES].to_string())
print(preparation_of(table)(some)[:, :4])  # without [:, :4], the categories too

# --8<-- [end:prepare]
# --8<-- [start:split]
rare = torch.tensor([0] * 95 + [1] * 5)
for shares in (0.8, 0.2), (0.5, 0.5):  # try (0.6, 0.2, 0.2); and another seed
    parts = stratified_split(rare, 0, shares)
    print(shares, [rare[part].bincount(minlength=2).tolist() for part in parts])

# --8<-- [end:split]
# --8<-- [start:confusion]
label = torch.tensor([0, 0, 0, 0, 1, 1, 2])
prediction = torch.tensor([0, 0, 0, 1, 1, 0, 2])  # call everything 0: what remains?
counts = confusion_matrix(label, prediction, 3)
print(counts)
for name, scores in class_scores(counts)._asdict().items():
    print(f"{name:9} {[round(score, 2) for score in scores.tolist()]}")

# --8<-- [end:confusion]
# --8<-- [start:roc]
positive = torch.tensor([0, 0, 1, 0, 1, 1])
score = torch.tensor([0.1, 0.3, 0.35, 0.6, 0.7, 0.9])  # double them: what changes?
curve = roc_curve(positive, score)
print("area", round(auc(curve), 3))
print("found", curve.true_positive_rate.tolist())

# --8<-- [end:roc]
# --8<-- [start:calibration]
said = torch.tensor([0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9])
came = torch.tensor([0, 0, 0, 1, 1, 0, 0])  # make 0.9 come true nine times in ten
for predicted, observed, examples in zip(*calibration_curve(came, said), strict=True):
    print(f"said {predicted:.1f}, came {observed:.2f}, {examples} examples")

# --8<-- [end:calibration]
