# %% [markdown]
# # Lab: write the loop yourself
#
# You write a training loop, fix three broken ones, make a data set, save a model and load it again, and watch early stopping.
# 45 minutes. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `training.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the repository. Cells
# named *your turn* hold a stub: fill it in and run the check below it. The solution is folded under the check; it runs too,
# so you can go on without having solved anything.

# %%
import copy
import tempfile
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader, Dataset

from neuronup import figures
from neuronup.accuracy import accuracy
from neuronup.exercises import attempt
from neuronup.loaders import Examples, Loader
from neuronup.loop import best_epoch, fit, predict
from training import Classifier, digit_splits, load_trap

train, validation, test = digit_splits(seed=0)
for name, part in {"train": train, "validation": validation, "test": test}.items():
    print(f"{name}: x {tuple(part.x.shape)} {part.x.dtype}, y {part.y.dtype}")

# %% [markdown]
# ## 1. Warm up: shapes
#
# > **Predict.** What shapes do these four have: `train.x - train.x.mean(dim=0)`, `train.x[0] * train.x`, `train.y[:5] - train.y[:5, None]`,
# > `train.x.mean()`?

# %%
for tensor in (
    train.x - train.x.mean(dim=0),
    train.x[0] * train.x,
    train.y[:5] - train.y[:5, None],
    train.x.mean(),
):
    print(tuple(tensor.shape))

# %% [markdown]
# The third is the broadcasting trap: five numbers minus five numbers gave twenty-five.
#
# ## 2. Your turn: one epoch
#
# > **Predict.** The order is `zero_grad`, forward pass, `backward`, `step`. Which two neighbours may change places without harm?
#
# Write one epoch of training: for every batch `x, y` of `train`, clear the gradients, predict, measure by `cross_entropy`, compute the gradients, take a step. Return the
# mean loss over all *examples*: the last batch is smaller than the others.


# %% tags=["exercise"]
def epoch(model, train, optimiser):
    return None  # your turn


# %% tags=["check"]
def begin(seed=0, size=35, dropout=0.0):
    torch.manual_seed(seed)
    model = Classifier(dropout=dropout)
    some = Examples(train.x[:600], train.y[:600])
    return model, Loader(some, size, seed), SGD(model.parameters(), lr=0.5)


def check_epoch(epoch):
    ours, theirs = begin(), begin()
    returned = epoch(*ours)
    history = fit(theirs[0], theirs[1], validation, theirs[2], epochs=1)
    assert not torch.equal(ours[0].output.weight, begin()[0].output.weight), (
        "the parameters did not change"
    )
    assert torch.allclose(ours[0].output.weight, theirs[0].output.weight), (
        "the parameters changed otherwise than they should: is zero_grad there, once a batch?"
    )
    assert returned is not None, "it returns nothing yet"
    assert abs(float(returned) - history["loss"][0]) < 1e-5, (
        "multiply each batch's loss by its size, add up, divide by the number of examples"
    )


attempt(check_epoch, epoch)


# %% tags=["solution"] jupyter={"source_hidden": true}
def epoch(model, train, optimiser):
    model.train()
    total = 0.0
    for x, y in train:
        optimiser.zero_grad()
        loss = cross_entropy(model(x), y)
        loss.backward()
        optimiser.step()
        total += float(loss.detach()) * len(y)
    return total / len(train.examples.y)


check_epoch(epoch)

# %% [markdown]
# `zero_grad` and the forward pass. No others: `backward` needs what the forward pass recorded, and `step` needs the gradients that `backward`
# computed. (`zero_grad` may also stand at the very end, after the step. Between `backward` and `step` it would erase the gradients.)
#
# Ten epochs of your loop:

# %%
model, loader, optimiser = begin()
for number in range(1, 11):
    mean = epoch(model, loader, optimiser)
    right = float(accuracy(predict(model, validation.x), validation.y))
    print(f"epoch {number}: training loss {mean:.3f}, validation accuracy {right:.1%}")

# %% [markdown]
# ## 3. Three broken loops
#
# Each of these runs without an error. Read them, and predict what each does before you run the cell that trains them.


# %%
def broken_a(model, train, optimiser):
    for x, y in train:
        loss = cross_entropy(model(x), y)
        loss.backward()
        optimiser.step()


def broken_b(model, train, optimiser):
    for x, y in train:
        optimiser.zero_grad()
        loss = cross_entropy(model(x).softmax(dim=1), y)
        loss.backward()
        optimiser.step()


def broken_c(model, x, y):
    return float((model(x).argmax(dim=1) == y).float().mean())


# %% [markdown]
# > **Predict.** One of them makes the loss jump, one trains far too slowly, one returns another number each time it is called. Which is which?

# %%
loss = cross_entropy(predict(model, validation.x), validation.y)
print(f"your loop, after 10 epochs: validation loss {float(loss):.3f}")
for name, broken in {"a": broken_a, "b": broken_b}.items():
    other, loader, optimiser = begin()
    losses = []
    for _ in range(10):
        broken(other, loader, optimiser)
        losses.append(float(cross_entropy(predict(other, validation.x), validation.y)))
    print(f"broken {name}:", " ".join(f"{loss:.2f}" for loss in losses))
shaky, loader, optimiser = begin(dropout=0.5)
epoch(shaky, loader, optimiser)
print(
    "broken c:", [round(broken_c(shaky, validation.x, validation.y), 3) for _ in "1234"]
)

# %% [markdown]
# ### Your turn: fix the first


# %% tags=["exercise"]
def mended_a(model, train, optimiser):
    return None  # your turn


# %% tags=["check"]
def check_loop(mended):
    ours, theirs = begin(), begin()
    mended(*ours)
    epoch(*theirs)
    assert not torch.equal(ours[0].output.weight, begin()[0].output.weight), (
        "the parameters did not change"
    )
    assert torch.allclose(ours[0].output.weight, theirs[0].output.weight), (
        "the parameters still change otherwise than they should"
    )


attempt(check_loop, mended_a)


# %% tags=["solution"] jupyter={"source_hidden": true}
def mended_a(model, train, optimiser):
    for x, y in train:
        optimiser.zero_grad()  # was missing: every step followed the sum of all gradients
        loss = cross_entropy(model(x), y)
        loss.backward()
        optimiser.step()


check_loop(mended_a)

# %% [markdown]
# ### Your turn: fix the second


# %% tags=["exercise"]
def mended_b(model, train, optimiser):
    return None  # your turn


# %% tags=["check"]
attempt(check_loop, mended_b)


# %% tags=["solution"] jupyter={"source_hidden": true}
def mended_b(model, train, optimiser):
    for x, y in train:
        optimiser.zero_grad()
        loss = cross_entropy(model(x), y)  # it takes the softmax itself
        loss.backward()
        optimiser.step()


check_loop(mended_b)

# %% [markdown]
# ### Your turn: fix the third
#
# It should return the same accuracy each time, record nothing, and leave the model in the mode in which it was (`model.training` tells).


# %% tags=["exercise"]
def mended_c(model, x, y):
    return None  # your turn


# %% tags=["check"]
def check_evaluation(mended):
    model = begin(dropout=0.5)[0]
    first, second = (mended(model, validation.x, validation.y) for _ in "12")
    assert first is not None, "it returns nothing yet"
    assert first == second, "two calls differ: dropout is still on"
    assert model.training, "the model was in training mode before, and is not now"
    model.eval()
    mended(model, validation.x, validation.y)
    assert not model.training, "the model was in evaluation mode before, and is not now"


attempt(check_evaluation, mended_c)


# %% tags=["solution"] jupyter={"source_hidden": true}
def mended_c(model, x, y):
    mode = model.training
    model.eval()
    with torch.no_grad():
        share = float((model(x).argmax(dim=1) == y).float().mean())
    model.train(mode)
    return share


check_evaluation(mended_c)

# %% [markdown]
# ## 4. Your turn: a data set
#
# Write a `Dataset` of images `(1, 8, 8)`, each with label 1.0 if its digit is odd and 0.0 if it is even. It gets `Examples`, and must know its length and the
# example at an index.


# %% tags=["exercise"]
class Odd(Dataset):
    def __init__(self, examples):
        self.examples = examples

    def __len__(self):
        return 0  # your turn

    def __getitem__(self, index):
        return None  # your turn


# %% tags=["check"]
def check_odd(kind):
    data = kind(train)
    assert len(data) == len(train.x), "its length is the number of images"
    image, _ = data[3]
    assert image.shape == (1, 8, 8), (
        f"an image has shape (1, 8, 8), not {tuple(image.shape)}"
    )
    assert torch.equal(image.flatten(), train.x[3]), (
        "the example at index 3 is another image"
    )
    images, labels = next(iter(DataLoader(data, batch_size=50)))
    assert images.shape == (50, 1, 8, 8), "the examples do not stack to (50, 1, 8, 8)"
    assert labels.is_floating_point(), "labels should be 1.0 and 0.0"
    assert torch.equal(labels, (train.y[:50] % 2).to(labels.dtype)), "a label is wrong"


attempt(check_odd, Odd)


# %% tags=["solution"] jupyter={"source_hidden": true}
class Odd(Dataset):
    def __init__(self, examples):
        self.examples = examples

    def __len__(self):
        return len(self.examples.x)

    def __getitem__(self, index):
        image = self.examples.x[index].reshape(1, 8, 8)
        return image, (self.examples.y[index] % 2).float()


check_odd(Odd)

# %% [markdown]
# ## 5. Your turn: save and load
#
# Write `save`, which saves the weights of a `Classifier` to a file, and `load`, which returns a new `Classifier` with these weights, in evaluation mode.


# %% tags=["exercise"]
def save(model, path):
    return None  # your turn


def load(path):
    return None  # your turn


# %% tags=["check"]
def check_saving(save, load):
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "weights.pt"
        save(model, path)
        assert path.exists(), "save wrote no file"
        saved = torch.load(path, weights_only=True)
        assert set(saved) == set(model.state_dict()), (
            "save the state_dict, and nothing else"
        )
        back = load(path)
        assert isinstance(back, nn.Module), "load returns no model"
        assert not back.training, "it is still in training mode: eval()"
        assert torch.equal(predict(back, test.x), predict(model, test.x)), (
            "its predictions differ from those of the model that was saved"
        )


attempt(check_saving, save, load)


# %% tags=["solution"] jupyter={"source_hidden": true}
def save(model, path):
    torch.save(model.state_dict(), path)


def load(path):
    back = Classifier()
    back.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return back.eval()


check_saving(save, load)

# %% [markdown]
# > **Predict.** A file holds a trap: an object that calls `print` when it is loaded. What happens with `weights_only=False`, and what with `True`?

# %%
for careful in (False, True):
    print(f"weights_only={careful}: {load_trap(careful)}")

# %% [markdown]
# ## 6. Watch it stop
#
# > **Predict.** On only 100 images, and with patience 1, 3 and 10: which run ends first? Which has the lowest validation loss?

# %%
few = Examples(train.x[:100], train.y[:100])
histories = {}
for patience in (1, 3, 10):
    torch.manual_seed(0)
    trained = Classifier()
    histories[patience] = fit(
        trained,
        Loader(few, 16, seed=0),
        validation,
        Adam(trained.parameters(), lr=0.03),
        epochs=100,
        patience=patience,
    )
    losses = histories[patience]["validation_loss"]
    print(
        f"patience {patience}: {len(losses)} epochs, best {best_epoch(histories[patience]) + 1}, "
        f"validation loss {min(losses):.3f}"
    )
figures.Shown(
    figures.history(histories[10]),
    "Losses of the run with patience 10: the validation loss is lowest at the dotted line, the training loss goes on falling towards 0.",
)

# %% [markdown]
# More patience never ends with a higher minimum here, since with the same seed it sees the same epochs and more. It costs time.
#
# ## Go further
#
# - Put a schedule into your loop: at the end of each epoch multiply the rate by 0.9 (`optimiser.param_groups[0]["lr"]`).
# - Stop your loop after five epochs, save only the weights, and resume with a new Adam. Compare with a run that never stopped. What else would you have to save?
# - Let a network memorise ten images: the first thing to try with any new loop.

# %%
ten = Examples(train.x[:10], train.y[:10])
torch.manual_seed(0)
trained = Classifier()
optimiser = Adam(trained.parameters(), lr=0.01)
before = copy.deepcopy(trained)
for _ in range(100):
    last = epoch(trained, Loader(ten, 10, seed=0), optimiser)
print(f"loss on ten memorised images: {last:.4f}")
assert last < 0.01 < float(cross_entropy(predict(before, ten.x), ten.y))
