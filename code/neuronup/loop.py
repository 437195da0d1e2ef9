"""The training loop: forward, loss, backward, step; validation after each epoch.

Built in the lecture `training`.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from tqdm import trange

from neuronup.accuracy import accuracy
from neuronup.checkpoint import History, Run
from neuronup.loaders import Examples, Loader

# --8<-- [start:epoch]
Loss = Callable[[Tensor, Tensor], Tensor]  # logits (n, ...), y (n, ...) to a mean ()


def train_epoch(
    model: nn.Module, train: Loader, optimiser: Optimizer, loss: Loss = cross_entropy
) -> float:
    """Take a step for every mini-batch of `train`; return the mean loss."""
    # --8<-- [start:step]
    model.train()
    total = torch.zeros((), device=train.examples.x.device)
    for x, y in train:
        optimiser.zero_grad()  # clear the gradients of the batch before
        z = model(x)  # forward: predict
        batch_loss = loss(z, y)  # measure how wrong
        batch_loss.backward()  # backward: a gradient for every parameter
        optimiser.step()  # move every parameter against its gradient
        total += batch_loss.detach() * len(y)
    # --8<-- [end:step]
    return float(total) / len(train.examples.y)


# --8<-- [end:epoch]
# --8<-- [start:evaluate]
@torch.no_grad()
def predict(model: nn.Module, x: Tensor, batch_size: int = 1024) -> Tensor:
    """Return the logits (n, ...) of x (n, ...), with the model in evaluation mode."""
    model.eval()
    return torch.cat([model(xb) for xb in x.split(batch_size)])


# --8<-- [end:evaluate]
# --8<-- [start:history]
def best_epoch(history: History) -> int:
    """Return the epoch, from 0, of the lowest validation loss; -1 before the first."""
    losses = history["validation_loss"]
    return min(range(len(losses)), key=losses.__getitem__, default=-1)


def is_over(history: History, patience: int | None) -> bool:
    """Say whether the validation loss has not improved for `patience` epochs."""
    waited = len(history["validation_loss"]) - 1 - best_epoch(history)
    return patience is not None and waited >= patience


# --8<-- [end:history]
# --8<-- [start:fit]
def fit(
    model: nn.Module,
    train: Loader,
    validation: Examples,
    optimiser: Optimizer,
    epochs: int,
    loss: Loss = cross_entropy,
    score: Loss = accuracy,
    schedule: LRScheduler | None = None,
    patience: int | None = None,
    checkpoint: Path | None = None,
) -> History:
    """Train `model` for `epochs` passes over `train`; return what happened in each.

    Args:
        model: Maps x (b, ...) to logits.
        train: The training examples, in mini-batches.
        validation: Examples on which the model is evaluated after each epoch.
        optimiser: Holds the parameters of `model`, and steps.
        epochs: How many passes in all, those before a restart included.
        loss: What to minimise.
        score: What to report beside the loss on `validation`.
        schedule: Changes the learning rate after each epoch.
        patience: Stop after so many epochs without a lower validation loss, and
            return to the weights that had the lowest; without it, keep the last.
        checkpoint: A file that is written after each epoch. If it is there, the
            run goes on from it, to the very weights of a run that never stopped.

    Raises:
        BadInput: `checkpoint` is damaged, of another run, or cannot be written.
    """
    kept = Run(model, optimiser, train, schedule)
    if checkpoint is not None:
        (kept.load if checkpoint.exists() else kept.save)(checkpoint)
    history = kept.history
    done = len(history["loss"])
    for _ in trange(
        done, epochs, initial=done, total=epochs, desc="fit", leave=False, disable=None
    ):
        if is_over(history, patience):
            break
        history["loss"].append(train_epoch(model, train, optimiser, loss))
        history["rate"].append(optimiser.param_groups[0]["lr"])
        z = predict(model, validation.x)
        history["validation_loss"].append(float(loss(z, validation.y)))
        history["validation_score"].append(float(score(z, validation.y)))
        if schedule is not None:
            schedule.step()
        if best_epoch(history) == len(history["loss"]) - 1:
            kept.keep_best()
        if checkpoint is not None:
            kept.save(checkpoint)
    if patience is not None and kept.best:
        model.load_state_dict(kept.best)
    return history


# --8<-- [end:fit]
