# %% [markdown]
# # Lab: memorise, and regularise
#
# You make a network memorise random labels, write early stopping and dropout yourself, choose a setting without cheating, and catch a search that
# cheats. 70 minutes. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `overfitting.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the
# repository, or `nox -s live` and work on this page.
# **Your turn** means: fill in the stub and run the check below it. If you are stuck, unfold the two hints. The solution is
# folded under the check: run it in any case. Where your own answer has passed, yours is used from there on; where not, the course's.

# %%
import torch

import checks
import overfitting
from neuronup import figures
from neuronup.exercises import attempt, solution
from neuronup.images import load, standardised
from neuronup.loaders import Examples
from neuronup.loop import predict

images = standardised(load("digits", seed=0))
print(f"{len(images.train.x)} training images, of which we mostly use 300")
print(f"{len(images.validation.x)} validation images, {len(images.test.x)} test images")

# %% [markdown]
# ## 1. Labels that mean nothing (10 minutes)
#
# Nine in ten labels are replaced by another class, drawn at random. So each class is as likely as any other, whatever the image
# shows: the labels are pure noise.
#
# > **Predict.** A network with 9,610 parameters is trained on 300 such images for 100 epochs. What share of the *training* labels
# > will it predict in the end? What share of the true labels of *unseen* images?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
noisy = overfitting.Configuration(label_noise=0.9)
nonsense = overfitting.train(noisy, images, seed=0, epochs=100)
own = overfitting.is_correct(nonsense.model, nonsense.examples)
other = overfitting.is_correct(nonsense.model, images.validation)
print(f"training labels: {own.float().mean():.1%}")
print(f"unseen images: {other.float().mean():.1%}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# It has memorised them and has learned nothing about digits: on unseen images it is no better than chance. (Even worse here: in this draw
# 92 % of the labels are wrong, so the true class comes a little less often than each other one.) A low training loss is no sign of
# generalisation.
#
# </details>
#
# Now three in ten wrong, as in the lecture, for 50 epochs.
#
# > **Predict.** Draw the two losses, training and validation, in your mind before you look. When will they part?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
plain = overfitting.train(overfitting.Configuration(), images, seed=0, epochs=50)
figures.Shown(
    figures.history(plain.history),
    "Training loss falls over 50 epochs while validation loss is level from about epoch 10 on and rises in the second half; validation accuracy falls from its early peak.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The validation loss is nearly level from about epoch 10 on, and rises in the second half, while the training loss falls on. Validation accuracy has its peak
# even earlier.
#
# </details>
#
# ## 2. Your turn: when to stop (15 minutes)
#
# You see the validation losses one after the other. Write the rule of patience: stop after
# `patience` epochs in a row without a new lowest loss, and go back to the best. It gets the list of losses of all epochs, and
# returns two numbers, both counted from 1: the epoch to go back to, and the epoch after which training ended. If patience is
# never exhausted, training ends after the last epoch. With the losses 3, 2, 4, 5, 1 and a patience of 2 it returns 2 and 4.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Go through the losses and remember which epoch is the best so far. The wait is how many epochs ago that was.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `best = 1`, and then `for epoch, loss in enumerate(losses, 1):`
#
# </details>


# %% tags=["exercise"]
def stop(losses, patience):
    return None  # your turn


# %% tags=["check"]
attempt(checks.stop, stop)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def stop(losses, patience):
    best = 1
    for epoch, loss in enumerate(losses, 1):
        if loss < losses[best - 1]:
            best = epoch
        if epoch - best >= patience:
            return best, epoch
    return best, len(losses)


# %% [markdown]
# > **Predict.** After how many of the 50 epochs does it stop with a patience of 5? How much better is the network of the epoch that it goes back to
# > than the one after 50 epochs?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
losses = list(plain.history["validation_loss"])
best, ended = (int(each) for each in stop(losses, 5))
scores = plain.history["validation_score"]
print(f"go back to epoch {best}; training ended after {ended}")
print(
    f"validation accuracy there {scores[best - 1]:.1%}, after 50 epochs {scores[-1]:.1%}"
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# It stops before half of the epochs are over, and the network that it goes back to is better by more than ten percentage points. It was better still a few
# epochs before: the lowest loss and the highest accuracy need not come in the same epoch.
#
# </details>
#
# ## 3. Your turn: drop weights (10 minutes)
#
# The lecture's dropout sets activations to zero. A variant sets *weights* to zero. Write a layer that does: it gets inputs `x (n, d)`,
# `weight (k, d)`, `bias (k,)`, `kept (k, d)`, 1 where a weight is kept and 0 where it is dropped, the probability `p`
# of being dropped, and whether the network is `training`. It returns what the layer's neurons sum up, `(n, k)`, before any activation. The bias is never dropped, and
# over many draws of `kept` the mean of each sum should be what it is in evaluation.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Dropping makes the sum over the inputs smaller, on average by a factor of $1 - p$. Undo that in training, and leave evaluation alone.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `used = weight * kept if training else weight`, where something is still missing
#
# </details>


# %% tags=["exercise"]
def drop(x, weight, bias, kept, p, training):
    return None  # your turn


# %% tags=["check"]
attempt(checks.drop, drop)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def drop(x, weight, bias, kept, p, training):
    used = weight * kept / (1 - p) if training else weight
    return x @ used.T + bias


# %% [markdown]
# The mean stays, but each sum becomes noisy:
#
# > **Predict.** 100 inputs of 1, all weights 1, the bias 0, p = 0.5: between which values will the sum mostly lie? And with p = 0.9?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
torch.manual_seed(0)
x, weight, bias = torch.ones(1, 100), torch.ones(5000, 100), torch.zeros(5000)
for p in (0.5, 0.9):
    kept = torch.empty(5000, 100).bernoulli_(1 - p)
    sums = torch.as_tensor(drop(x, weight, bias, kept, p, True))
    print(f"p = {p}: mean {sums.mean():.1f}, standard deviation {sums.std():.1f}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Most sums lie within two standard deviations of 100: with p = 0.5 between about 80 and 120, with p = 0.9 between about 40 and 160.
# The more is dropped, the noisier every sum. A sum over many neurons suffers less than one that relies on a few.
#
# </details>
#
# ## 4. Your turn: choose, then test once (15 minutes)
#
# A setting is chosen on the validation images and evaluated on the test images. Write the search. It gets a list of
# `strengths` and a function `score`: `score(strength, "validation")` and `score(strength, "test")` return accuracies. Return two things: the strength
# you chose and its test accuracy. You may ask about validation as often as you like, and about the test once.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Compare the accuracies on validation only. The test is asked when nothing is left to choose.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `scores = [score(strength, "validation") for strength in strengths]`
#
# </details>


# %% tags=["exercise"]
def choose(strengths, score):
    return None  # your turn


# %% tags=["check"]
attempt(checks.choose, choose)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def choose(strengths, score):
    winner = max(strengths, key=lambda strength: score(strength, "validation"))
    return winner, score(winner, "test")


# %% [markdown]
# > **Predict.** Weight decay of 0.001, 0.01, 0.05 or 0.2: which wins? What is wrong with the first, what with the last?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
parts = {"validation": images.validation, "test": images.test}
nets = {}


def score(strength, part):
    """Train a network with weight decay, unless that is done; return its accuracy."""
    strength = round(float(strength), 6)
    if strength not in nets:
        decayed = overfitting.Configuration(l2=strength)
        nets[strength] = overfitting.train(decayed, images, seed=0, epochs=50)
    known = overfitting.is_correct(nets[strength].model, parts[part])
    return float(known.float().mean())


winner, tested = (float(each) for each in choose([0.001, 0.01, 0.05, 0.2], score))
for strength, net in nets.items():
    own = overfitting.is_correct(net.model, net.examples)
    print(
        f"decay {strength:<5}: validation {score(strength, 'validation'):.1%},",
        f"wrong labels memorised {own[net.wrong].float().mean():.0%},",
        f"correct ones learned {own[~net.wrong].float().mean():.0%}",
    )
print(f"chosen: {winner:g}, on the test images {tested:.1%}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# 0.05 wins. The first memorises nearly all labels, wrong ones too. The last keeps its weights so small that it does not learn the correct ones either.
#
# </details>
#
# ## 5. Your turn: find the leak (15 minutes)
#
# A colleague has 60 patients with 2,000 measurements each, and a label of +1 or −1. The report says: "We chose the 20
# measurements that go best with the label. With these we told the labels of held-out patients with high accuracy." Here is the code.


# %%
def most_telling(x, y, k=20):
    """Return the places of the k columns of x (n, d) that go best with y (n,)."""
    return (y @ (x - x.mean(dim=0)) / x.std(dim=0)).abs().topk(k).indices


def nearest_mean(x, y, x_new):
    """Label x_new (m, d) by the nearer of the two class means of x (n, d), y (n,)."""
    plus, minus = x[y > 0].mean(dim=0), x[y < 0].mean(dim=0)
    nearer = (x_new - plus).norm(dim=1) < (x_new - minus).norm(dim=1)
    return torch.where(nearer, 1.0, -1.0)


def report(x, y, held_out):
    """Accuracy on the held-out rows: the colleague's way."""
    x = x[:, most_telling(x, y)]
    prediction = nearest_mean(x[~held_out], y[~held_out], x[held_out])
    return float((prediction == y[held_out]).float().mean())


def patients(seed, signal):
    """Draw x (60, 2000), y (60,), and who is held out; `signal` columns know y."""
    drawn = torch.Generator().manual_seed(seed)
    x, y = torch.randn(60, 2000, generator=drawn), torch.ones(60)
    y[torch.randperm(60, generator=drawn)[:30]] = -1
    x[:, :signal] += y[:, None]
    return x, y, torch.arange(60) % 3 == 0


# %% [markdown]
# > **Predict.** The measurements are drawn at random and have *nothing* to do with the labels (`signal=0`). What accuracy will the
# > colleague report?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
claimed = [report(*patients(seed, signal=0)) for seed in range(50)]
print(f"the colleague's way, on pure noise: {sum(claimed) / 50:.1%}")

# %% [markdown]
# It should be 50 %. Where is the leak? Mend it: write `honest` with the same arguments, by the same method. `x (n, d)` are the measurements, `y (n,)` the labels, and
# `held_out (n,)` is true for the patients who are held out. Return the accuracy on these, a share between 0 and 1.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Go through `report` line by line, and ask of each: would it do the same if the labels of the held-out patients were other ones? Only the last line may not.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `learn_x, learn_y = x[~held_out], y[~held_out]`
#
# </details>


# %% tags=["exercise"]
def honest(x, y, held_out):
    return None  # your turn


# %% tags=["check"]
attempt(checks.honest, honest)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def honest(x, y, held_out):
    x = x[:, most_telling(x[~held_out], y[~held_out])]  # not the others
    prediction = nearest_mean(x[~held_out], y[~held_out], x[held_out])
    return float((prediction == y[held_out]).float().mean())


# %%
for signal in (0, 5, 20):
    found = [float(honest(*patients(seed, signal))) for seed in range(50)]
    print(f"{signal:>2} measurements know the label: {sum(found) / 50:.1%}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The choice of measurements looked at all labels, those of the held-out patients included. Of 2,000 random columns, some go well with
# 60 labels by luck, and they were chosen *because* they do, on both sides of the split. Whatever looks at labels is part of
# learning, and belongs inside the training part. Mended, the same method claims about 50 % on pure noise, and it still finds the five measurements that do know the label.
#
# </details>
#
# ## 6. Build your own configuration (5 minutes)
#
# > **Predict.** Will two regularisers be better than weight decay alone (part 4)? And all at full strength?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
tried = {
    "L2 and dropout": overfitting.Configuration(l2=0.02, dropout=0.5),
    "L2, translation": overfitting.Configuration(l2=0.01, translation=True),
    "all, full strength": overfitting.Configuration(
        l2=0.05, l1=0.005, dropout=0.8, translation=True
    ),
}
for name, configuration in tried.items():
    net = overfitting.train(configuration, images, seed=0, epochs=50)
    own = overfitting.is_correct(net.model, net.examples)
    other = overfitting.is_correct(net.model, images.validation)
    print(
        f"{name:<19} correct labels learned {own[~net.wrong].float().mean():.0%},",
        f"validation {other.float().mean():.1%}",
    )

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# With this seed neither pair is better than weight decay alone. With all at full strength the network underfits: even the correct labels are no longer
# learned.
#
# </details>
#
# ## Go further
#
# - Write L1 so that it makes weights exactly zero: after each step move every weight by $\eta\delta$ towards zero, and stop at zero.
# - Repeat section 1 with more images. From how many on does the network fail to memorise them in 100 epochs?
# - A regulariser that the lecture leaves out is an ensemble: the mean of several networks. Each has another random initialisation and makes partly other mistakes,
#   so these cancel in part, and the variance shrinks. The wrong labels that all have memorised stay. Five networks, trained on the same labels:

# %%
labels, _ = overfitting.corrupt_labels(images.train.y, 0.3, 10, seed=0)
given = images._replace(train=Examples(images.train.x, labels))
thinned = overfitting.Configuration(label_noise=0.0, dropout=0.5)
ensemble = [
    overfitting.train(thinned, given, seed, epochs=50).model for seed in range(5)
]
x, y = images.validation
votes = torch.stack([predict(net, x).softmax(dim=1) for net in ensemble])
alone = (votes.argmax(dim=2) == y).float().mean()
together = (votes.mean(dim=0).argmax(dim=1) == y).float().mean()
print(f"each alone {alone:.1%}, together {together:.1%}")
assert together > alone
