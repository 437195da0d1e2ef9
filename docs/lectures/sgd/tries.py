"""Gradient descent: lines to try and change below the code of the page."""

from functools import partial
from itertools import islice

import torch

from neuronup.optimisers import SGD, Adam, Momentum, RMSProp
from sgd import (
    descend,
    double_well,
    double_well_derivative,
    eights,
    gradient,
    gradient_noise,
    limit,
    logistic_loss,
    train,
)

# --8<-- [start:descend]
for rate in 0.01, 0.1, 0.4, 0.6:  # which one jumps over the hill? Try 0.5 and 1
    end = descend(SGD(rate), double_well_derivative, torch.tensor(2.0), 100)[-1]
    print(f"rate {rate}: from 2 to {end:.2f}, loss {double_well(end):.2f}")

# --8<-- [end:descend]
# --8<-- [start:limit]
images, eight = eights(0)[:2]
print(f"limit {limit(images):.2f}, of inputs twice as large {limit(2 * images):.2f}")
slope = partial(gradient, x=images, y=eight)
for rate in 0.3, 1.0, 3.0, 10.0:  # three lie above the limit: do they diverge?
    path = descend(SGD(rate), slope, torch.zeros(65), 50)
    first, last = logistic_loss(path[[1, -1]], images, eight).tolist()
    print(f"rate {rate}: loss {first:.2f} after 1 step, {last:.2f} after 50")

# --8<-- [end:limit]
# --8<-- [start:train]
for size in 1, 32, len(images):  # an epoch each: which rate suits which size?
    steps = train(SGD(0.1), images, eight, size, seed=0)
    theta = list(islice(steps, -(-len(images) // size)))[-1]
    print(f"batches of {size}: loss {logistic_loss(theta, images, eight):.3f}")

# --8<-- [end:train]
# --8<-- [start:noise]
for size in 1, 4, 16, 64:  # which size would halve the typical error once more?
    noise = gradient_noise(torch.zeros(65), images, eight, size, 1000, seed=0)
    print(f"{size:2} examples: noise {noise:.3f}, its root {noise**0.5:.2f}")

# --8<-- [end:noise]
# --8<-- [start:momentum]
start, ravine = torch.tensor([-4.0, 1.0]), torch.tensor([1.0, 25.0])
for beta in 0.0, 0.5, 0.9, 0.99:  # which is best at a rate of 0.01?
    path = descend(Momentum(0.03, beta), lambda at: ravine * at, start, 60)
    print(f"momentum {beta}: {path[-1].norm():.3f} from the minimum after 60 steps")

# --8<-- [end:momentum]
# --8<-- [start:adam]
for times in 1, 1000:  # a loss in other units: who takes other steps?
    for optimiser in SGD(0.01), RMSProp(0.01), Adam(0.01):
        moved = optimiser.step(start, times * ravine * start) - start
        a, b = moved.tolist()
        print(f"{times:4} times, {type(optimiser).__name__:7} moves {a:.3f}, {b:.3f}")

# --8<-- [end:adam]
