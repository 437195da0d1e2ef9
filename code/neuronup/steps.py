"""Training counted in steps: exactly so many, however many examples there are.

Built in the lecture `transfer`.
"""

from collections.abc import Iterable
from itertools import chain, islice, repeat

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from neuronup.loaders import Examples


# --8<-- [start:steps]
def take_steps(
    model: nn.Module,
    batches: Iterable[Examples],
    optimiser: torch.optim.Optimizer,
    steps: int,
) -> None:
    """Train for exactly so many steps; the learning rates fall to 0 on a cosine."""
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    model.train()
    endless = chain.from_iterable(repeat(batches))  # epoch after epoch
    wanted = islice(endless, steps)
    for x, y in tqdm(wanted, desc="steps", total=steps, leave=False, disable=None):
        optimiser.zero_grad()
        cross_entropy(model(x), y).backward()
        optimiser.step()
        schedule.step()


# --8<-- [end:steps]
