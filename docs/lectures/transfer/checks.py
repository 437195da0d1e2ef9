"""The checks of the lab on transfer: what each answer must do, and what mistakes look like."""

import copy
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from neuronup.exercises import expect, tensor


def new_head(new_head: Callable[..., Any]) -> None:
    """A copy with another head, of three models that keep their last layer in other places."""
    body = OrderedDict(stem=nn.Linear(6, 7), act=nn.Tanh(), fc=nn.Linear(7, 5))
    deep = nn.Sequential(nn.Linear(8, 9), nn.ReLU(), nn.Linear(9, 11))
    nested = OrderedDict(features=nn.Linear(4, 8), classifier=deep)
    for given, name, classes in (
        (nn.Sequential(body), "fc", 3),
        (nn.Sequential(nested), "classifier.2", 4),
        (nn.Sequential(body), "fc", 13),
    ):
        old = given.get_submodule(name)
        assert isinstance(old, nn.Linear)
        before = copy.deepcopy(given.state_dict())
        found = new_head(given, name, classes)
        assert found is not None, "new_head returns nothing yet"
        after = given.state_dict()
        assert all(
            key in after and torch.equal(value, after[key])
            for key, value in before.items()
        ), "the model that was given has changed: work on a copy, copy.deepcopy(model)"
        assert isinstance(found, nn.Module), (
            f"return a model, not a {type(found).__name__}"
        )
        assert not isinstance(found, nn.Linear), (
            "return the whole model, not its new layer alone"
        )
        try:
            logits = found(torch.randn(3, next(given.parameters()).shape[1]))
        except RuntimeError:
            raise AssertionError(
                f"the new layer does not fit: it takes as many features as the old one, {old.in_features}, and gives {classes} logits"
            ) from None
        assert logits.shape == (3, classes), (
            f"with {classes} classes, 3 examples are to give logits of shape (3, {classes}), not {tuple(logits.shape)}"
        )
        state = found.state_dict()
        assert state.keys() == before.keys(), (
            f"the layers are to keep their names, and the new one stands at {name}: "
            f"{', '.join(before)}; not {', '.join(state)}"
        )
        head = f"{name}.weight", f"{name}.bias"
        assert all(
            torch.equal(value, before[key])
            for key, value in state.items()
            if key not in head
        ), "the other layers are to keep their pre-trained weights"
        rows = min(classes, old.out_features)
        assert not torch.equal(state[head[0]][:rows], before[head[0]][:rows]), (
            "the new head still has the weights of the old one: it is for other classes, so make a new layer"
        )
        places = {value.data_ptr() for value in after.values()}
        assert not any(value.data_ptr() in places for value in state.values()), (
            "the copy shares its weights with the model that was given, and would change them in training: use copy.deepcopy"
        )


class Parts(nn.Module):
    """A model with parts of several kinds, two of them with names that begin alike."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU())
        self.block = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.Dropout())
        self.block2 = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5))
        self.head = nn.Linear(5, 3)


def freeze(freeze: Callable[..., Any]) -> None:
    """Parts frozen and parts trained, from models in several states, with parts inside of parts."""
    for kept, frozen in (
        (["head"], False),
        (["block", "head"], True),
        (["block2.0", "block2.1", "head"], False),
        (["stem.1"], True),
        ([], False),
    ):
        model = Parts()
        model.requires_grad_(not frozen).train(not frozen)
        found = freeze(model, list(kept))
        assert found is not None, "freeze returns nothing yet: return the model"
        assert isinstance(found, nn.Module), (
            f"return the model, not a {type(found).__name__}"
        )
        told = f"with kept = {kept}: "

        def trained(name: str, kept: list[str] = kept) -> bool:
            return any(f"{name}.".startswith(f"{each}.") for each in kept)

        for name, parameter in found.named_parameters():
            assert parameter.requires_grad or not trained(name), (
                f"{told}{name} gets no gradient, and is to be trained"
            )
            assert not parameter.requires_grad or trained(name), (
                f"{told}{name} still gets a gradient, and is to be frozen"
            )
        for name, layer in found.named_modules():
            if isinstance(layer, nn.BatchNorm1d | nn.Dropout):
                kind = type(layer).__name__
                assert layer.training or not trained(name), (
                    f"{told}{name}, a {kind}, is to be trained: put it into training mode, .train()"
                )
                assert not layer.training or trained(name), (
                    f"{told}{name}, a {kind}, is still in training mode: requires_grad does not reach that, .eval() does"
                )


class Watched(nn.Module):
    """A backbone that counts the images it has seen, and notes in which mode."""

    def __init__(self, pixels: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(pixels, width), nn.BatchNorm1d(width), nn.ReLU()
        )
        self.seen, self.trained = 0, False

    def forward(self, x: Tensor) -> Tensor:
        """Return the features of images x (n, 1, h, w)."""
        self.seen += len(x)
        self.trained |= self.layers[2].training
        features: Tensor = self.layers(x)
        return features


def linear_probe(linear_probe: Callable[..., Any]) -> None:
    """A probe on two backbones: one call for each image, nothing changed, and a layer that classifies."""
    for side, width, classes, labels in ((4, 24, 3, 3), (5, 40, 6, 4)):
        backbone = Watched(side * side, width).train()
        centres = torch.randn(labels, 1, side, side)
        y, y_new = torch.arange(60) % labels, torch.arange(200) % labels
        x, new = (
            centres[each] + 0.2 * torch.randn(len(each), 1, side, side)
            for each in (y, y_new)
        )
        before = copy.deepcopy(backbone.state_dict())
        try:
            head = linear_probe(backbone, x, y, classes)
        except RuntimeError as error:
            if "backward through the graph" not in str(error):
                raise
            raise AssertionError(
                "the features still hang on the backbone's graph, so a second backward is refused: compute them under torch.no_grad()"
            ) from None
        assert head is not None, "linear_probe returns nothing yet"
        assert isinstance(head, nn.Module), (
            f"return the linear layer, not a {type(head).__name__}"
        )
        assert not backbone.trained, (
            "the backbone was in training mode, so its batch normalisation took the mean of the batch: backbone.eval() comes first"
        )
        assert backbone.seen <= len(x), (
            f"the backbone was asked for the features of {backbone.seen:,} images, and there are {len(x)}: compute them once, before the loop"
        )
        assert all(
            torch.equal(value, before[name])
            for name, value in backbone.state_dict().items()
        ), (
            "the backbone has changed: give the optimiser the parameters of the new layer only"
        )
        assert all(each.grad is None for each in backbone.parameters()), (
            "gradients have reached the backbone: compute the features under torch.no_grad()"
        )
        with torch.no_grad():
            features = backbone.eval()(new)
            if getattr(head, "in_features", width) != width:
                raise AssertionError(
                    f"the layer takes {head.in_features} features, and this backbone gives {width}: look at features.shape[1]"
                )
            logits = tensor(head(features))
        assert logits.shape == (len(new), classes), (
            f"with {classes} classes a layer is to give logits of shape ({len(new)}, {classes}), not {tuple(logits.shape)}: labels may be missing among the few"
        )
        right = float((logits.argmax(dim=1) == y_new).float().mean())
        assert right > 0.9, (
            f"it classifies only {right:.1%} of new images correctly, and there is a layer that classifies nearly all: train on all {len(x)}, for 200 steps with learning rate 0.1"
        )


def groups(groups: Callable[..., Any]) -> None:
    """Learning rates by block, for several numbers of blocks, some frozen, as an optimiser understands them."""
    for many, rate, decay, frozen in (
        (4, 0.1, 0.3, []),
        (3, 0.02, 0.5, [1]),
        (6, 1.0, 0.9, [0, 2, 3]),
        (1, 0.5, 0.1, []),
    ):
        blocks = [
            nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)) for _ in range(many)
        ]
        for number in frozen:
            blocks[number].requires_grad_(False)
        if many > 4:
            blocks[1][1].requires_grad_(False)  # the normalisation of a block only
        told = f"with {many} blocks, rate {rate} and decay {decay}: "
        found = groups(blocks, rate, decay)
        assert found is not None, "groups returns nothing yet"
        assert isinstance(found, list | tuple), (
            f"return a list of dictionaries, not a {type(found).__name__}"
        )
        assert all(
            isinstance(each, dict) and {"params", "lr"} <= each.keys() for each in found
        ), (
            'each group is to be a dictionary with the entries "params" and "lr": {"params": …, "lr": …}'
        )
        try:
            optimiser = torch.optim.SGD(found)
        except (TypeError, ValueError) as error:
            raise AssertionError(
                f"{told}PyTorch's optimiser refuses these groups: {error}"
            ) from None
        given = {
            id(each): float(group["lr"])
            for group in optimiser.param_groups
            for each in group["params"]
        }
        parameters = [
            (number, each)
            for number, block in enumerate(blocks)
            for each in block.parameters()
        ]
        assert not any(
            id(each) in given for _, each in parameters if not each.requires_grad
        ), (
            f"{told}a frozen parameter is in a group: leave out those whose requires_grad is False"
        )
        learning = [(number, each) for number, each in parameters if each.requires_grad]
        assert all(id(each) in given for _, each in learning), (
            f"{told}some parameters that are not frozen are in no group: take all of each block, block.parameters()"
        )
        numbers, last = [number for number, _ in learning], many - 1
        from_the_head = [last - number for number in numbers]
        not_frozen = [each for each in range(many) if each not in frozen]
        without = [sum(each > number for each in not_frozen) for number in numbers]
        right = _rates(rate, decay, range(last, -1, -1))
        expect(
            [given[id(each)] for _, each in learning],
            _rates(rate, decay, from_the_head),
            f"{told}the learning rates, block after block, are to be {', '.join(f'{each:.4g}' for each in right)}",
            {
                f"{told}a frozen block counts too, in the distance of those before it from the head": _rates(
                    rate, decay, without
                ),
                f"{told}the first block has the largest rate, but it is the head, the last, that gets `rate`": _rates(
                    rate, decay, numbers
                ),
                f"{told}the head has a smaller rate already: it gets `rate` itself, the block before it `rate * decay`": _rates(
                    rate * decay, decay, from_the_head
                ),
                f"{told}each block before the head has the same rate: multiply by decay once more with each block": _rates(
                    rate, decay, [min(1, each) for each in from_the_head]
                ),
                f"{told}all blocks have the same rate": _rates(
                    rate, 1.0, from_the_head
                ),
                f"{told}the rates grow towards the input: multiply by decay, do not divide": _rates(
                    rate, 1 / decay, from_the_head
                ),
            },
            within=1e-6,
        )


def _rates(rate: float, decay: float, distances: Iterable[int]) -> list[float]:
    """List the learning rates at these distances from the head."""
    return [rate * decay**distance for distance in distances]


class Trap:
    """An object whose pickle makes a folder when it is opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        """Tell pickle what to call instead of building an object."""
        return os.mkdir, (str(self.folder),)


def open_weights(open_weights: Callable[..., Any]) -> None:
    """Files of two formats: weights, a whole model, code, and what is not what its name says."""
    weights = {"body.weight": torch.randn(3, 4), "head.bias": torch.randn(2)}
    layer = nn.Linear(2, 3)
    with TemporaryDirectory() as desk:
        folder, sprung = Path(desk), Path(desk, "sprung")
        save_file(weights, folder / "good.safetensors")
        for name, content in {
            "good.pt": weights,
            "layer.pt": layer.state_dict(),
            "model.pt": layer,
            "stranger.pt": {**weights, "about": Trap(sprung)},
            "stranger.safetensors": Trap(sprung),  # a pickle under a false name
        }.items():
            torch.save(content, folder / name)
        for name, right in {
            "good.pt": weights,
            "good.safetensors": weights,
            "layer.pt": layer.state_dict(),
            "model.pt": {},
            "stranger.pt": {},
            "stranger.safetensors": {},
        }.items():
            try:
                found = open_weights(folder / name)
            except (SafetensorError, pickle.UnpicklingError) as error:
                kind = type(error).__name__
                raise AssertionError(
                    f"{name} holds weights, and it is not opened ({kind}): load_file opens .safetensors, torch.load opens .pt"
                    if right
                    else f"{name} is rightly refused, but with a {kind}: catch it, and return {{}}"
                ) from None
            assert not sprung.exists(), (
                f"the code in {name} has run (here it made a folder): open a pickle with weights_only=True, never otherwise"
            )
            assert found is not None, "open_weights returns nothing yet"
            assert isinstance(found, dict), (
                f"{name}: return a dictionary, not a {type(found).__name__}"
            )
            assert right or not found, (
                f"{name} holds more than weights: return an empty dictionary"
            )
            assert found.keys() == right.keys(), (
                f"{name} holds {', '.join(right)}; the dictionary has {', '.join(found) or 'no entries'}"
            )
            for key, value in right.items():
                expect(found[key], value, f"{name}: {key} has other numbers")
