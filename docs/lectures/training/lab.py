# %% [markdown]
# # Lab: write the loop yourself
#
# You write a training loop, fix three broken ones, make a data set, save a model and load it again, and watch early stopping.
# 70 minutes. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `training.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the
# repository, or `nox -s live` and work on this page.
# **Your turn** means: fill in the stub and run the check below it. If you are stuck, unfold the two hints. The solution is
# folded under the check: run it in any case. Where your own answer has passed, yours is used from there on; where not, the course's.

# %%
import torch
from torch.nn.functional import cross_entropy

import checks
import training
from neuronup import figures
from neuronup.exercises import attempt, solution
from neuronup.loaders import Examples, Loader
from neuronup.loop import best_epoch, fit, predict

train, validation, test = training.image_splits("digits", seed=0)
for name, part in {"train": train, "validation": validation, "test": test}.items():
    print(f"{name}: x {tuple(part.x.shape)} {part.x.dtype}, y {part.y.dtype}")

# %% [markdown]
# ## 1. Warm up: shapes (5 minutes)
#
# > **Predict.** What shapes do these four have: `train.x - train.x.mean(dim=0)`, `train.x[0] * train.x`, `train.y[:5] - train.y[:5, None]`,
# > `train.x.mean()`?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
for tensor in (
    train.x - train.x.mean(dim=0),
    train.x[0] * train.x,
    train.y[:5] - train.y[:5, None],
    train.x.mean(),
):
    print(tuple(tensor.shape))

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The first two keep the shape of `train.x`, the last is a single number, of shape `()`. The third is the broadcasting trap: five numbers
# minus five numbers gave twenty-five.
#
# </details>
#
# ## 2. Your turn: one epoch (20 minutes)
#
# > **Predict.** The order is `zero_grad`, forward pass, `backward`, `step`. Which two neighbours may change places without harm?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write one epoch of training: put the model into training mode, and for every batch `x, y` of `train`, clear the gradients, predict, measure by
# `cross_entropy`, compute the gradients, take a step. Return two numbers, both over all *examples*: the mean loss, and the share of correct
# predictions, counted in the same predictions as the loss, before the step. The last batch is smaller than the others.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# `cross_entropy` gives the mean over a batch. Times the size of the batch it is a sum, and sums can be added. So keep three running
# totals: of the losses, of the correct predictions, and of the examples.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `model.train()`, then `total, hits, count = 0.0, 0, 0`, then `for x, y in train:`
#
# </details>


# %% tags=["exercise"]
def epoch(model, train, optimiser):
    return None  # your turn


# %% tags=["check"]
attempt(checks.epoch, epoch)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def epoch(model, train, optimiser):
    model.train()
    total, hits, count = 0.0, 0, 0
    for x, y in train:
        optimiser.zero_grad()
        z = model(x)
        loss = cross_entropy(z, y)
        loss.backward()
        optimiser.step()
        total += float(loss.detach()) * len(y)
        hits += int((z.argmax(dim=1) == y).sum())
        count += len(y)
    return total / count, hits / count


# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# `zero_grad` and the forward pass. No others: `backward` needs what the forward pass recorded, and `step` needs the gradients that `backward`
# computed. (`zero_grad` may also stand at the very end, after the step. Between `backward` and `step` it would erase the gradients.)
#
# </details>
#
# Ten epochs of your loop:


# %%
def begin(seed=0, size=35, dropout=0.0):
    torch.manual_seed(seed)
    model = training.Classifier(dropout=dropout)
    some = Examples(train.x[:600], train.y[:600])
    return model, Loader(some, size, seed), torch.optim.SGD(model.parameters(), lr=0.5)


model, loader, optimiser = begin()
for number in range(1, 11):
    mean, share = map(float, epoch(model, loader, optimiser))
    right = (predict(model, validation.x).argmax(dim=1) == validation.y).float().mean()
    print(
        f"epoch {number}: training loss {mean:.3f}, training accuracy {share:.1%}, "
        f"validation accuracy {float(right):.1%}"
    )

# %% [markdown]
# ## 3. Three broken loops (20 minutes)
#
# Each of these runs without an error. Read them:


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

# %% tags=["guess"]
guess = ""  # write yours here before you go on

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
shaky.train()
print(
    "broken c:", [round(broken_c(shaky, validation.x, validation.y), 3) for _ in "1234"]
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The loss of the first jumps, the second trains far too slowly, and the third returns another number each time. Why is what you find out now,
# by fixing them.
#
# </details>
#
# ### Your turn: fix the first
#
# Write `broken_a` as it should be. It need not return anything.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# `backward` adds to the gradients that are there already. Compare the four steps of section 2 with the three here.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `for x, y in train:`, and below it, first of all, `optimiser.zero_grad()`
#
# </details>


# %% tags=["exercise"]
def mended_a(model, train, optimiser):
    return None  # your turn


# %% tags=["check"]
attempt(checks.loop, mended_a)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def mended_a(model, train, optimiser):
    for x, y in train:
        optimiser.zero_grad()  # was missing: every step followed the sum of all gradients
        loss = cross_entropy(model(x), y)
        loss.backward()
        optimiser.step()


# %% [markdown]
# ### Your turn: fix the second
#
# Write `broken_b` as it should be. It need not return anything either.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# What does `cross_entropy` expect, logits or probabilities? All four steps are there, and in the right order.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# The line to change becomes `loss = cross_entropy(model(x), y)`
#
# </details>


# %% tags=["exercise"]
def mended_b(model, train, optimiser):
    return None  # your turn


# %% tags=["check"]
attempt(checks.loop, mended_b)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def mended_b(model, train, optimiser):
    for x, y in train:
        optimiser.zero_grad()
        loss = cross_entropy(model(x), y)  # it takes the softmax itself
        loss.backward()
        optimiser.step()


# %% [markdown]
# ### Your turn: fix the third
#
# It should return the same accuracy each time, record nothing, and leave the model in the mode in which it was (`model.training` tells).
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Evaluation mode switches dropout off, and `with torch.no_grad():` the recording. Remember the mode first, and put it back at the end:
# `model.train(mode)` takes True or False.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `mode = model.training`
#
# </details>


# %% tags=["exercise"]
def mended_c(model, x, y):
    return None  # your turn


# %% tags=["check"]
attempt(checks.evaluation, mended_c)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def mended_c(model, x, y):
    mode = model.training
    model.eval()
    with torch.no_grad():
        share = float((model(x).argmax(dim=1) == y).float().mean())
    model.train(mode)
    return share


# %% [markdown]
# The three, mended: ten epochs of each loop, and four calls of the evaluation.

# %%
for name, mended in {"a": mended_a, "b": mended_b}.items():
    other, loader, optimiser = begin()
    for _ in range(10):
        mended(other, loader, optimiser)
    loss = cross_entropy(predict(other, validation.x), validation.y)
    print(f"mended {name}: validation loss {float(loss):.3f}")
shares = [float(mended_c(shaky, validation.x, validation.y)) for _ in "1234"]
print("mended c:", [round(share, 3) for share in shares])

# %% [markdown]
# ## 4. Your turn: a data set (10 minutes)
#
# Write a `Dataset` of images `(1, 8, 8)`, each with label 1.0 if its digit is odd and 0.0 if it is even. It gets `Examples`, and must know its length and the
# example at an index: a pair, the image and its label.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# `self.examples.x` and `self.examples.y` hold all rows. The image is a row in another shape; the label is the remainder of the
# division by 2, as a float.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# In `__len__`: `return len(self.examples.x)`. In `__getitem__`: `image = self.examples.x[index].reshape(1, 8, 8)`
#
# </details>


# %% tags=["exercise"]
class Odd(torch.utils.data.Dataset):
    def __init__(self, examples):
        self.examples = examples

    def __len__(self):
        return 0  # your turn

    def __getitem__(self, index):
        return None  # your turn


# %% tags=["check"]
attempt(checks.odd, Odd)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
class Odd(torch.utils.data.Dataset):
    def __init__(self, examples):
        self.examples = examples

    def __len__(self):
        return len(self.examples.x)

    def __getitem__(self, index):
        image = self.examples.x[index].reshape(1, 8, 8)
        return image, (self.examples.y[index] % 2).float()


# %% [markdown]
# A `DataLoader` makes batches of it:

# %%
images, labels = next(iter(torch.utils.data.DataLoader(Odd(train), batch_size=50)))
print(f"images {tuple(images.shape)}, labels {tuple(labels.shape)} {labels.dtype}")

# %% [markdown]
# ## 5. Your turn: save and load (10 minutes)
#
# Write `save`, which saves the weights of a `Classifier`, its `state_dict` and nothing else, to a file, and `load`, which returns a new `Classifier` with these
# weights, in evaluation mode. Not every classifier has 64 hidden units: `load` gets only the file, and must find out how many there were. A file
# from somebody else must not run code of theirs.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# The file holds tensors by name. One of them, `hidden.weight`, has a row for each hidden unit, and `training.Classifier(hidden)` makes a
# classifier with so many.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# In `load`: `weights = torch.load(path, map_location="cpu", weights_only=True)`
#
# </details>


# %% tags=["exercise"]
def save(model, path):
    return None  # your turn


def load(path):
    return None  # your turn


# %% tags=["check"]
attempt(checks.saving, save, load)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def save(model, path):
    torch.save(model.state_dict(), path)


@solution
def load(path):
    weights = torch.load(path, map_location="cpu", weights_only=True)
    back = training.Classifier(hidden=len(weights["hidden.weight"]))
    back.load_state_dict(weights)
    return back.eval()


# %% [markdown]
# > **Predict.** A file holds a trap: an object that calls `print` when it is loaded. What happens with `weights_only=False`, and what with `True`?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
for careful in (False, True):
    print(f"weights_only={careful}: {training.load_trap(careful)}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# With False, loading the file ran the function that its author chose. With True it was refused: only tensors and plain
# containers are loaded.
#
# </details>
#
# ## 6. Watch it stop (5 minutes)
#
# > **Predict.** On only 100 images, and with patience 1, 3 and 10: which run ends first? Which has the lowest validation loss?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
few = Examples(train.x[:100], train.y[:100])
histories = {}
for patience in (1, 3, 10):
    torch.manual_seed(0)
    trained = training.Classifier()
    histories[patience] = fit(
        trained,
        Loader(few, 16, seed=0),
        validation,
        torch.optim.Adam(trained.parameters(), lr=0.03),
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
# <details markdown="1"><summary>What came out</summary>
#
# More patience never ends with a higher minimum here, since with the same seed it sees the same epochs and more. It costs time.
#
# </details>
#
# ## Go further
#
# - Put a schedule into your loop: at the end of each epoch multiply the rate by 0.9 (`optimiser.param_groups[0]["lr"]`).
# - Stop your loop after five epochs, save only the weights, and resume with a new Adam. Compare with a run that never stopped. What else would you have to save?
# - Let a network memorise ten images: the first thing to try with any new loop.

# %%
ten = Examples(train.x[:10], train.y[:10])
torch.manual_seed(0)
trained = training.Classifier()
optimiser = torch.optim.Adam(trained.parameters(), lr=0.01)
before = float(cross_entropy(predict(trained, ten.x), ten.y))
for _ in range(100):
    last, share = map(float, epoch(trained, Loader(ten, 10, seed=0), optimiser))
print(f"loss on ten images: {before:.2f} before, {last:.4f} memorised")
assert last < 0.01 < before
assert share == 1
