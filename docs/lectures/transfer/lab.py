# %% [markdown]
# # Lab: start from a trained network
#
# You give a pre-trained network a new head, freeze the rest and check that it stays, train a linear probe, and fine-tune with a
# learning rate for each block; then you compare. 45 minutes: parts 1 to 4 are for all, part 5 is for those who are quick. No part needs
# your answer to an earlier one, so a class can stop after any of them. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `transfer.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the
# repository, or `nox -s live` and work on this page.
# **Your turn** means: fill in the stub and run the check below it. If you are stuck, unfold the two hints. The solution is
# folded under the check: run it in any case. Where your own answer has passed, yours is used from there on; where not, the course's.

# %%
import copy

import torch
from torch import nn
from torch.nn.functional import cross_entropy

import checks
import transfer
from neuronup import devices, figures
from neuronup.exercises import attempt, solution

device = devices.pick("auto")  # where networks compute: a GPU, if there is one
mnist, digits = transfer.load_mnist("mnist", 0, device), transfer.load_digits(0, device)
source = [transfer.select(part, 0, 7) for part in mnist[:2]]  # no 8, no 9
task = transfer.Task(*source, *digits)
pretrained = transfer.pretrain(task, steps=250, seed=0)
known = transfer.evaluate(pretrained, task.held_out)
print(f"pre-trained on {len(task.source.x):,} images of 0 to 7: accuracy {known:.1%}")

# %% [markdown]
# The network has been trained on MNIST's images of 0 to 7, and gives eight logits: it has never seen an 8 or a 9. It is to classify other, smaller images, of all ten digits, and you have
# few of them. Above, images of the target; below, of the source. Both are brought to 12 by 12 pixels:

# %%
few = transfer.draw_few(task.target, each=1, seed=0)
first = transfer.draw_few(task.source, each=1, seed=0)
fig, ax = figures.panels(5.2, 1.3)
figures.tiles(ax, torch.cat([few.x, first.x]), columns=10)
figures.Shown(
    fig,
    "Above, an image each of the target's digits 0 to 9, in soft, grey strokes; below, of MNIST's digits 0 to 7, larger, sharper and darker.",
)

# %% [markdown]
# ## 1. Your turn: a new head (10 minutes)
#
# > **Predict.** You build the network for ten classes, and load the weights of the one for eight with `strict=False`. PyTorch says of this setting that
# > names may then be missing. What happens to the head?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
try:
    transfer.ImageClassifier(10).load_state_dict(pretrained.state_dict(), strict=False)
    print("loaded")
except RuntimeError as error:
    print(error)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# It is refused. `strict=False` forgives a name that is missing, not a size that is wrong. So load the weights first, into the network that they were
# trained in, and replace the head then.
#
# </details>
#
# In the lecture the last layer is called `head`. Elsewhere it has another name, and may stand deeper: `fc` in torchvision's ResNet-18, `classifier.6` in its VGG-16,
# `heads.head` in its vision transformer. Write a function for all of them: it gets a model, the name of its last linear layer, and the new number of classes, and returns
# a *copy* of the model in which a new linear layer stands in this place. The model that it was given stays as it was.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# A new head needs as many inputs as the old one had. `get_submodule` finds a layer by its name, with or without dots, and `set_submodule` puts another one in its place.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `model = copy.deepcopy(model)`, then `old = model.get_submodule(name)`
#
# </details>


# %% tags=["exercise"]
def new_head(model, name, classes):
    return None  # your turn


# %% tags=["check"]
attempt(checks.new_head, new_head)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def new_head(model, name, classes):
    model = copy.deepcopy(model)
    old = model.get_submodule(name)
    model.set_submodule(name, nn.Linear(old.in_features, classes))
    return model


# %%
model = new_head(pretrained, "head", 10).to(device)
for name, part in model.named_children():
    print(f"{name}: {sum(each.numel() for each in part.parameters()):,} parameters")
print(f"accuracy before any training: {transfer.evaluate(model, task.test):.1%}")

# %% [markdown]
# No better than chance, which is one in ten: the features may be good, but the new head has not learnt yet what to do with them.
#
# ## 2. Your turn: freeze, and check it (10 minutes)
#
# What a network is can be read from its `state_dict`: the weights, and the running statistics of batch normalisation. This function takes one step of training,
# and lists all that has changed:


# %%
def changed(model, examples):
    """Take a step; return the names of all entries of the state that it changed."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01)
    cross_entropy(model(examples.x), examples.y).backward()
    optimiser.step()
    after = model.state_dict()
    return [name for name in before if not torch.equal(before[name], after[name])]


entries, parameters = len(model.state_dict()), len(list(model.parameters()))
print(f"{entries} entries, {parameters} of them parameters")

# %% [markdown]
# > **Predict.** The backbone gets `requires_grad_(False)`, and the model is put into training mode. How many of the 23 entries does a step change?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
model.backbone.requires_grad_(False)
model.train()
print(*changed(model, few), sep="\n")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Eleven: the two of the head, and three of each batch normalisation in the backbone. Its running mean and variance, and the count of batches, are no parameters and need no
# gradient: they change in each forward pass in training mode.
#
# </details>
#
# Write `freeze(model, kept)`. It gets the names of the parts that are to be trained, such as `["head"]`. These parts are put into training mode, and their parameters get gradients. All
# other parts are put into evaluation mode, and theirs get none. Whatever was frozen before does not matter. Return the model.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# First freeze everything, without exception. Then undo this for each part that is named.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `model.requires_grad_(False).eval()`, then `for name in kept:`
#
# </details>


# %% tags=["exercise"]
def freeze(model, kept):
    return None  # your turn


# %% tags=["check"]
attempt(checks.freeze, freeze)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def freeze(model, kept):
    model.requires_grad_(False).eval()
    for name in kept:
        model.get_submodule(name).requires_grad_(True).train()
    return model


# %% [markdown]
# The head alone; then the head, the last convolution and its normalisation:

# %%
for kept in (["head"], ["backbone.8", "backbone.9", "head"]):
    model = freeze(new_head(pretrained, "head", 10).to(device), kept)
    print(f"{kept}:")
    print(*(f"    {name}" for name in changed(model, few)), sep="\n")

# %% [markdown]
# `model.train()`, called anywhere later, undoes half of it: the statistics move again. That is why the lecture's `Frozen` does not let itself be put into training mode.
#
# ## 3. Your turn: features once (10 minutes)
#
# > **Predict.** You have five images a class. What accuracy on test images will a linear probe reach on the pre-trained features? And on the features of a backbone with *random* weights,
# > which has never been trained?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write the probe. It gets a backbone that turns images `x (n, 1, h, w)` into features `(n, d)`, the labels `y (n,)`, and the number of classes. Compute the features *once*, in evaluation mode and
# without gradients; then train a linear layer on them, for 200 steps of `torch.optim.AdamW` with learning rate 0.1, each on all features. Return this layer.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# The backbone is called in one line, before the loop; the loop knows only features. It is the usual one: clear the gradients, predict, measure by
# `cross_entropy`, backward, step.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `backbone.eval()`; then `with torch.no_grad():` and in it `features = backbone(x)`; the layer is `nn.Linear(features.shape[1], classes)`, on the device of the features
#
# </details>


# %% tags=["exercise"]
def linear_probe(backbone, x, y, classes):
    return None  # your turn


# %% tags=["check"]
attempt(checks.linear_probe, linear_probe)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def linear_probe(backbone, x, y, classes):
    backbone.eval()
    with torch.no_grad():
        features = backbone(x)
    head = nn.Linear(features.shape[1], classes).to(x.device)
    optimiser = torch.optim.AdamW(head.parameters(), lr=0.1)
    for _ in range(200):
        optimiser.zero_grad()
        cross_entropy(head(features), y).backward()
        optimiser.step()
    return head


# %%
torch.manual_seed(0)
untrained = transfer.ImageClassifier(8).to(device)
for seed in range(3):
    few = transfer.draw_few(task.target, each=5, seed=seed)
    for name, each in {"pre-trained": pretrained, "random": untrained}.items():
        head = linear_probe(each.backbone, few.x, few.y, 10)
        right = transfer.evaluate(nn.Sequential(each.backbone, head), task.test)
        print(f"{name}: {right:.1%}", end="; " if each is pretrained else "\n")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# More than eight of ten, with features that were trained for other images, and far more than chance with features that nobody trained: a random filter, too,
# may tell an edge from an even area. So compare a pre-trained backbone with a random one before you praise it. And note the cost: the backbone has seen 50 images once; inside the loop it would have seen them 200 times.
#
# </details>
#
# ## 4. Your turn: a rate for each block, and the comparison (10 minutes)
#
# The nearer a block is to the input, the more general are its features, as Yosinski and others measured, and the less they should have to change. So one can let the learning rate fall from block
# to block, from the head towards the input. Howard and Ruder divide it by 2.6 each time (2018, arXiv:1801.06146).
#
# Write `groups(blocks, rate, decay)`. It gets any number of blocks in their order, the head last, and returns a list of parameter groups, one for each block: a `dict` with the entries `"params"` and `"lr"`.
#
# - The head gets `rate` itself, and each block before it `decay` times the rate of the block after it.
# - Frozen parameters are in no group. A frozen block counts all the same: the one before it has the rate that it would have if nothing were frozen.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# A block's distance from the head decides how often its rate is multiplied by `decay`: count from the end. Frozen is a parameter whose `requires_grad` is false.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `for distance, block in enumerate(reversed(blocks)):`, and the rate of this block is `rate * decay**distance`
#
# </details>


# %% tags=["exercise"]
def groups(blocks, rate, decay):
    return None  # your turn


# %% tags=["check"]
attempt(checks.groups, groups)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def groups(blocks, rate, decay):
    found = []
    for distance, block in enumerate(reversed(blocks)):
        trained = [each for each in block.parameters() if each.requires_grad]
        found.append({"params": trained, "lr": rate * decay**distance})
    return found


# %% [markdown]
# Now four ways to learn from a few examples: from scratch, a linear probe, fine-tuning with one rate, and with a rate for each block. Each takes 50 steps (the probe its 200, which are
# cheap). The learning rates are the best of four for each number of examples, on validation images of other splits; for the probe they made little difference.
#
# > **Predict.** With 2 examples a class, which way is the best, and which the worst? And with 30?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
RATES = {  # with at most 2 examples a class, with at most 8, with more
    "scratch": (0.01, 0.03, 0.03),
    "fine-tuned": (0.01, 0.01, 0.03),
    "rate for each block": (0.01, 0.1, 0.1),
}


def learn(way, few, test, seed):
    """Train on a few examples in one of four ways; return the accuracy on others."""
    torch.manual_seed(seed)
    if way == "linear probe":
        head = linear_probe(pretrained.backbone, few.x, few.y, 10)
        return transfer.evaluate(nn.Sequential(pretrained.backbone, head), test)
    start = transfer.ImageClassifier(8) if way == "scratch" else pretrained
    model = new_head(start, "head", 10).to(device)
    body = model.backbone
    blocks = [body[:4], body[4:8], body[8:], model.head]  # a slice shares its layers
    decay = 1 / 2.6 if way == "rate for each block" else 1.0
    each = len(few.x) // 10  # examples a class
    rate = RATES[way][(each > 2) + (each > 8)]
    transfer.optimise(model, few, groups(blocks, rate, decay), 50, seed)
    return transfer.evaluate(model, test)


sizes, seeds = (2, 8, 30), range(3)
ways = ("scratch", "linear probe", "fine-tuned", "rate for each block")
accuracies = {way: torch.zeros(len(seeds), len(sizes)) for way in ways}
for seed in seeds:
    for column, size in enumerate(sizes):
        few = transfer.draw_few(task.target, size, seed)
        for way in ways:
            accuracies[way][seed, column] = learn(way, few, task.test, seed)
for way in ways:
    means = accuracies[way].mean(dim=0).tolist()
    print(f"{way:>20}: " + ", ".join(f"{mean:.1%}" for mean in means))

# %%
fig, ax = figures.panels(5.2, 3.0)
for way, style in zip(ways, ("-", "--", "-.", ":"), strict=True):
    figures.band(ax, sizes, accuracies[way], way, ls=style)
ax.set(xlabel="examples a class", ylabel="accuracy on test images", xscale="log")
ax.set_xticks(sizes, sizes)
ax.minorticks_off()
ax.legend()
figures.Shown(
    fig,
    "Accuracy with 2, 8 and 30 examples a class: from scratch last with 2 examples, the linear probe last with 8 and 30, and both ways of fine-tuning first, close together.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# With 2 examples a class every way that begins with the pre-trained network is better than beginning from scratch. With more, the probe falls behind: its features stay as they are, whatever the new images
# would need. Fine-tuning is the best here with each number of examples, but its lead shrinks from about eight points to between one and two. A rate for each block made no clear difference: the bands overlap. On three
# draws, one pair of data sets and 50 steps, that is all we can say.
#
# </details>
#
# ## 5. Your turn, if you are quick: open a stranger's file (5 minutes)
#
# > **Predict.** Three files, all written by `torch.save`: weights; a whole model; and an object that runs code when it is opened. Which of them does `torch.load` open with
# > `weights_only=True`, as it does if nothing else is said?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory

from safetensors import SafetensorError
from safetensors.torch import load_file


class Stranger:
    """An object whose pickle calls print as it is opened; it could call anything."""

    def __reduce__(self):
        return print, ("    code from the file is running",)


files = {
    "weights.pt": pretrained.state_dict(),
    "model.pt": pretrained,
    "stranger.pt": Stranger(),
}
with TemporaryDirectory() as folder:
    for name, content in files.items():
        torch.save(content, Path(folder, name))
        for careful in (True, False):
            print(f"{name}, weights_only={careful}")
            try:
                torch.load(Path(folder, name), weights_only=careful)
                print("    opened")
            except pickle.UnpicklingError:
                print("    refused")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Only the weights. The whole model is refused too, although it is harmless: to build it again, code must run. From the file itself nobody can tell the two apart without reading the pickle.
#
# </details>
#
# A file in the format safetensors holds numbers only, and cannot run anything. Write `open_weights(path)`, for a `Path` that ends in `.safetensors` or in `.pt`: it returns the weights, a `dict` of tensors by name, and an empty one, `{}`, for whatever
# would run code or is not what its name says. The code in a file must never run.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Each of the two formats has its own function and its own error: `load_file` and `SafetensorError`, `torch.load` and `pickle.UnpicklingError`. Do not try a file again carelessly after it was refused.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `try:`, and in it `if path.suffix == ".safetensors":` and `return load_file(path)`
#
# </details>


# %% tags=["exercise"]
def open_weights(path):
    return None  # your turn


# %% tags=["check"]
attempt(checks.open_weights, open_weights)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def open_weights(path):
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, weights_only=True)
    except (SafetensorError, pickle.UnpicklingError):
        return {}


# %% [markdown]
# ## Go further
#
# - **Time.** Give each way 400 steps instead of 50. How much of the gain was only speed?
# - **Thaw step by step.** Train the head alone, then the last block too, then all: call `freeze` before each stage, and do not call `model.train()` after it.
# - **What is forgotten?** Put the old head back onto a fine-tuned backbone. How well are MNIST's 0 to 7 still classified?
# - **Where does it harm?** Make the target less like the source, until it is better to begin from scratch. A start: the target's images turned into their negatives, 30 a class. What harms here, the pre-trained start or the freezing?

# %%
negatives = [transfer.Examples(1 - part.x, part.y) for part in digits]
found = {way: [] for way in ways[:3]}
for seed in seeds:
    few = transfer.draw_few(negatives[0], 30, seed)
    for way, scores in found.items():
        scores.append(learn(way, few, negatives[2], seed))
for way, scores in found.items():
    print(f"negatives, {way}: {sum(scores) / len(scores):.1%}")
assert known > 0.9
assert accuracies["fine-tuned"].mean() > accuracies["scratch"].mean()
assert sum(found["linear probe"]) < sum(found["scratch"])
