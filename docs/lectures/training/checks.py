"""The checks of the lab on the training loop: what each answer must do, and what mistakes look like."""

import pickle
import tempfile
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector
from torch.optim import SGD
from torch.utils.data import DataLoader

from neuronup.exercises import expect, tensor
from neuronup.loaders import Examples, Loader
from training import Classifier, Trap

Start = tuple[Classifier, Loader, SGD]
SIZES = (
    (33, 8, 0.5),
    (26, 6, 0.2),
)  # examples, a batch, the rate: the last batch is smaller


def _examples(n: int, seed: int) -> Examples:
    """Make noise with labels of all ten classes: no two images are alike."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(n, 64, generator=generator)
    return Examples(x, torch.randint(10, (n,), generator=generator))


def _begin(n: int, size: int, rate: float) -> Start:
    """Make a model, batches and an optimiser, the same whenever the numbers are."""
    torch.manual_seed(n)
    model = Classifier(hidden=12)
    train = Loader(_examples(n, seed=size), size, seed=n)
    return model, train, SGD(model.parameters(), lr=rate)


def _weights(model: nn.Module) -> Tensor:
    return parameters_to_vector(model.parameters()).detach().clone()


def _watch(model: nn.Module) -> list[tuple[bool, bool]]:
    """Note of each forward pass whether the model trains, and whether it is recorded.

    The passes of copies that are made later are noted in the same list.
    """
    modes: list[tuple[bool, bool]] = []

    def note(module: nn.Module, inputs: Any) -> None:
        modes.append((module.training, torch.is_grad_enabled()))

    model.register_forward_pre_hook(note)
    return modes


def _descend(start: Start, flaw: str = "") -> tuple[Tensor, Tensor]:
    """Go down by autograd.grad, with a flaw or none.

    Returns the weights (d,), and of each batch its loss, hits and size (batches, 3).
    """
    model, train, optimiser = start
    parameters, rate = list(model.parameters()), optimiser.param_groups[0]["lr"]
    before = [torch.zeros_like(parameter) for parameter in parameters]
    batches, rows = list(train), []
    for number, (x, y) in enumerate(batches, 1):
        z = model(x)
        reduction = "sum" if flaw == "sum" else "mean"
        shown = z.softmax(dim=1) if flaw == "softmax" else z
        loss = cross_entropy(shown, y, reduction=reduction)
        gradients = list(torch.autograd.grad(loss, parameters))
        if flaw in ("kept", "once"):
            gradients = [a + b for a, b in zip(before, gradients, strict=True)]
        before = gradients
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                if flaw not in ("once", "last") or number == len(batches):
                    parameter.sub_((-rate if flaw == "up" else rate) * gradient)
        hits = int((z.argmax(dim=1) == y).sum())
        rows.append([float(loss.detach()), float(hits), float(len(y))])
        if flaw == "first":
            break
    return _weights(model), torch.tensor(rows)


def _compare_weights(found: Tensor, sizes: tuple[int, int, float]) -> None:
    """Raise AssertionError unless an epoch led to the weights `found`."""
    flaws = {
        "the parameters did not change: is optimiser.step() there?": "none",
        "clear the gradients in every batch: they still add up": "kept",
        "cross_entropy takes the softmax itself: give it the logits": "softmax",
        "take the mean of the loss over a batch, not the sum": "sum",
        "a step for every batch: this is one step, along the sum of all gradients": "once",
        "a step for every batch: this is one step, for the last": "last",
        "go through all batches: this stopped after the first": "first",
        "this climbs: the step goes against the gradient": "up",
    }
    expect(
        found,
        _descend(_begin(*sizes))[0],
        "the parameters changed otherwise than they should: for each batch clear the gradients, predict, compute the gradients, take one step",
        {
            text: _weights(_begin(*sizes)[0])
            if flaw == "none"
            else _descend(_begin(*sizes), flaw)[0]
            for text, flaw in flaws.items()
        },
    )


def epoch(epoch: Callable[..., Any]) -> None:
    """One epoch, twice, of other sizes: the weights, the mean loss, the share of hits."""
    for sizes in SIZES:
        model, train, optimiser = _begin(*sizes)
        begun, modes = _weights(model), _watch(model)
        found = epoch(model.eval(), train, optimiser)
        untouched = torch.equal(begun, _weights(model))
        assert found is not None or not untouched, "epoch returns nothing yet"
        _compare_weights(_weights(model), sizes)
        assert all(training for training, recorded in modes if recorded), (
            "the model came in evaluation mode, and was trained in it: model.train() first"
        )
        what = "return two numbers: the mean loss, and the share of correct predictions"
        assert isinstance(found, tuple | list), what
        assert len(found) == 2, f"{what}, not {len(found)}"
        _, of_batches = _descend(_begin(*sizes))
        losses, hits, counts = of_batches.unbind(dim=1)
        x, y = train.examples
        after = model.eval()(x).detach()
        expect(
            found[0],
            (losses * counts).sum() / counts.sum(),
            "the mean loss is not right: multiply each batch's loss by its size, add up, divide by the number of examples",
            {
                "the last batch is smaller, and its loss counts less: multiply each batch's loss by its size": losses.mean(),
                "this is the sum of the batches' losses: the mean over all examples is asked for": losses.sum(),
                "this is the sum of all examples' losses: divide by their number": (
                    losses * counts
                ).sum(),
                "divide by the number of examples, not of batches": (
                    losses * counts
                ).sum()
                / len(losses),
                "multiply each batch's loss, a mean, by its size before you divide by the number of examples": losses.sum()
                / counts.sum(),
                "this is the loss of the last batch only": losses[-1],
                "this is the loss after the epoch: keep the losses that you stepped on": cross_entropy(
                    after, y
                ),
            },
        )
        expect(
            found[1],
            hits.sum() / counts.sum(),
            "the share is not right: count the correct predictions in all batches, made before the step, and divide by the number of examples",
            {
                "this is a count: divide it by the number of examples": hits.sum(),
                "a share is between 0 and 1, not a percentage": 100
                * hits.sum()
                / counts.sum(),
                "this is the share of wrong predictions": 1 - hits.sum() / counts.sum(),
                "the last batch is smaller: add up the hits, and divide by the number of examples at the end": (
                    hits / counts
                ).mean(),
                "divide by the number of examples, not of batches": hits.mean(),
                "this is the share after the epoch: count in the predictions that the loss was measured on": (
                    after.argmax(dim=1) == y
                )
                .float()
                .mean(),
            },
        )


def loop(mended: Callable[..., Any]) -> None:
    """One epoch, twice, of other sizes: only the weights count."""
    for sizes in SIZES:
        model, train, optimiser = _begin(*sizes)
        mended(model, train, optimiser)
        _compare_weights(_weights(model), sizes)


def evaluation(mended: Callable[..., Any]) -> None:
    """An accuracy that is the same each time, records nothing, and keeps the mode."""
    for n in (40, 10):
        torch.manual_seed(n)
        model = Classifier(dropout=0.5)
        x, _ = _examples(n, seed=n)
        z = model.eval()(x).detach()
        y = z.argmax(dim=1)
        y[::3] = (y[::3] + 1) % 10  # a third of the predictions are wrong
        begun, share = _weights(model), (z.argmax(dim=1) == y).float().mean()
        modes = _watch(model)
        for mode in (True, False):
            model.train(mode)
            found = mended(model, x.clone(), y.clone())
            kept = torch.is_grad_enabled()
            assert found is not None, "it returns nothing yet"
            assert not any(training for training, _ in modes), (
                "the model predicts in training mode, so dropout is on: model.eval() first"
            )
            assert not any(recorded for _, recorded in modes), (
                "it records what it computes: predict under `with torch.no_grad():`"
            )
            assert kept, (
                "autograd stays off after the call: use `with torch.no_grad():`"
            )
            name = "training" if mode else "evaluation"
            assert model.training == mode, (
                f"the model was in {name} mode before, and is not now"
            )
            expect(
                found,
                share,
                "return the share of examples whose largest logit is that of their label",
                {
                    "this is a count: divide it by the number of examples": share * n,
                    "a share is between 0 and 1, not a percentage": 100 * share,
                    "this is the share of wrong predictions": 1 - share,
                    "divide by the number of examples, not of classes": share * n / 10,
                    **_over_examples(z, y),
                },
            )
        assert torch.equal(begun, _weights(model)), (
            "to evaluate is not to train: the weights changed"
        )


def _over_examples(z: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Say what it is if an argmax goes over the examples, where its shape fits."""
    if len(z) != z.shape[1]:
        return {}
    share = (z.argmax(dim=0) == y).float().mean()
    return {"the largest of an image's ten logits is argmax(dim=1), not 0": share}


def odd(kind: Callable[..., Any]) -> None:
    """A data set of 23 and one of 12 images: lengths, images, labels, and batches."""
    for n in (23, 12):
        examples = _examples(n, seed=n)
        x, parity = examples.x.clone(), (examples.y % 2).float()
        data = kind(examples)
        assert len(data) == n, (
            f"its length is the number of images, {n}, not {len(data)}"
        )
        for index in (3, 0, n - 1):
            item = data[index]
            assert item is not None, (
                "data[3], which is __getitem__, returns nothing yet"
            )
            assert isinstance(item, tuple | list), "an example is a pair: image, label"
            assert len(item) == 2, "an example is a pair: image, label"
            image = x[index].reshape(1, 8, 8)
            expect(
                tensor(item[0], 1, 8, 8),
                image,
                f"the image at index {index} is not that of the examples",
                {
                    "the image lies on its side: reshape it, and do not transpose": image.mT,
                    "this is the image before: the index is off by one": x[
                        index - 1
                    ].reshape(1, 8, 8),
                    "this is the image after: the index is off by one": x[
                        (index + 1) % n
                    ].reshape(1, 8, 8),
                    "every index gives the first image": x[0].reshape(1, 8, 8),
                },
            )
        images, labels = (
            torch.cat(parts) for parts in zip(*DataLoader(data, 5), strict=True)
        )
        assert labels.is_floating_point(), (
            f"labels should be floats, 1.0 and 0.0, not {labels.dtype}: add .float()"
        )
        expect(images.flatten(1), x, "in batches, other images come")
        expect(
            labels,
            parity,
            "a label is wrong: 1.0 if the digit is odd, 0.0 if it is even",
            {
                "1.0 is for odd digits, 0.0 for even ones": 1 - parity,
                "this is the digit itself: say whether it is odd": examples.y,
                "this is half the digit, not its remainder: % 2": examples.y // 2,
                "every label is that of the first image": parity[:1].expand(n),
                "this says whether the *index* is odd, not the digit": torch.arange(n)
                % 2,
            },
        )
        assert torch.equal(x, examples.x), (
            "the examples themselves changed: make new tensors"
        )


def saving(save: Callable[..., Any], load: Callable[..., Any]) -> None:
    """Weights of two models of other sizes, there and back; and a file with a trap."""
    x, _ = _examples(20, seed=4)
    with tempfile.TemporaryDirectory() as place:
        for hidden in (64, 24):
            path = Path(place) / f"{hidden}.pt"
            model = Classifier(hidden)
            goal = {name: each.clone() for name, each in model.state_dict().items()}
            z = model.eval()(x).detach()
            save(model.train(), path)
            assert path.exists(), "save wrote no file at the path it was given"
            _compare_file(path, goal)
            with torch.no_grad():  # what load returns must come from the file
                for parameter in model.parameters():
                    parameter.zero_()
            back = _load(load, path, hidden)
            assert back is not None, "load returns nothing yet"
            assert isinstance(back, nn.Module), (
                f"load should return a model, not a {type(back).__name__}: "
                "make a Classifier, and let it load the weights"
            )
            assert not back.training, "the model is still in training mode: eval()"
            expect(
                back(x),
                z,
                "the predictions differ from those of the model that was saved: does the new one load the weights?",
            )
        trap, said = Path(place) / "trap.pt", StringIO()
        torch.save(Trap(), trap)
        with redirect_stdout(said), suppress(Exception):
            load(trap)
        assert not said.getvalue(), (
            "load runs code that a file brings along: torch.load(path, weights_only=True)"
        )


def _compare_file(path: Path, goal: dict[str, Tensor]) -> None:
    """Raise AssertionError unless the file holds the weights `goal`, and no more."""
    only = "save model.state_dict(), the weights by name, and nothing else"
    try:
        saved = torch.load(path, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError):
        raise AssertionError(f"{only}: the file holds other objects") from None
    assert isinstance(saved, Mapping), f"{only}, not a {type(saved).__name__}"
    assert set(saved) == set(goal), (
        f"{only}: the file holds {', '.join(map(str, saved))}"
    )
    for name, each in goal.items():
        expect(saved[name], each, f"{name} in the file is not that of the model")


def _load(load: Callable[..., Any], path: Path, hidden: int) -> Any:
    """Call `load`, and say so if it makes a model of another size."""
    try:
        return load(path)
    except RuntimeError as error:
        if "size mismatch" not in str(error):
            raise
        raise AssertionError(
            f"this file holds weights for {hidden} hidden units: read their number from the shape of hidden.weight, and make a Classifier of that size"
        ) from None
