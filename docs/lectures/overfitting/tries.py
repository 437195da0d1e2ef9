"""Overfitting and regularisation: lines to try and change below the page's code."""

import torch
from torch import nn

from neuronup.images import load, standardised
from neuronup.regularisation import Dropout, penalised
from neuronup.selection import optimism, random_predictions
from overfitting import (
    REGULARISERS,
    is_correct,
    measure,
    polynomial,
    train,
    true_curve,
)

# --8<-- [start:degrees]
x = torch.linspace(-1, 1, 12).double()  # what do 40 measurements change?
y = measure(x, 1, torch.Generator().manual_seed(0))
between = torch.linspace(-1, 1, 201).double()
for degree in 1, 4, 8, 11:
    curve = polynomial(x, y, degree)
    off, away = curve(x) - y, curve(between) - true_curve(between)
    print(f"degree {degree:2}: training {off.square().mean():.3f}, ", end="")
    print(f"from the truth {away.square().mean():.3f}")

# --8<-- [end:degrees]
# --8<-- [start:penalty]
torch.manual_seed(0)
x = torch.randn(20, 5)
side = (x[:, 0] > 0).long()  # only the first of five inputs matters
for l1, l2 in (0.0, 0.0), (0.0, 0.1), (0.03, 0.0):  # which one sees it? Try 1.0
    neuron = nn.Linear(5, 2)
    optimiser = torch.optim.SGD(neuron.parameters(), lr=0.1)
    for _ in range(500):
        optimiser.zero_grad()
        penalised(neuron, l1, l2)(neuron(x), side).backward()
        optimiser.step()
    print(f"L1 {l1}, L2 {l2}:", [round(w, 2) for w in neuron.weight[1].tolist()])

# --8<-- [end:penalty]
# --8<-- [start:dropout]
torch.manual_seed(0)
for p in 0.2, 0.5, 0.8:  # after .eval(), what is left of all this?
    a = Dropout(p)(torch.ones(10_000))
    print([round(number, 2) for number in a[:8].tolist()], f"mean {a.mean():.2f}")

# --8<-- [end:dropout]
# --8<-- [start:train]
images = standardised(load("digits", seed=0))
for name in "unregularised", "early stopping", "dropout":  # others: REGULARISERS
    net = train(REGULARISERS[name], images, seed=0, epochs=50)
    kept = is_correct(net.model, net.examples)[net.wrong].float().mean()
    right = is_correct(net.model, images.test).float().mean()
    print(f"{name:14}: memorised {kept:.0%}, test {right:.1%}")

# --8<-- [end:train]
# --8<-- [start:winner]
first, second = random_predictions(many=1000, n=400, seed=0)
for examples in 10, 40, 160:  # try 10 tries: does the winner promise less?
    seen, unseen = optimism(first, second, tries=100, examples=examples, seed=0)
    print(f"{examples} images choose: {seen:.1%} on them, {unseen:.1%} on others")

# --8<-- [end:winner]
