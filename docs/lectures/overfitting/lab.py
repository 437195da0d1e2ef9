# %% [markdown]
# # Lab: memorise, and regularise
#
# You make a network memorise random labels, write early stopping and dropout yourself, choose a setting without cheating, and catch a search that
# cheats. 45 minutes. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `overfitting.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the repository. Cells
# named *your turn* hold a stub: fill it in and run the check below it. The solution is folded under the check; it runs too,
# so you can go on without having solved anything.

# %%
import torch

from neuronup import figures
from neuronup.exercises import attempt
from neuronup.images import load, standardised
from neuronup.loaders import Examples
from neuronup.loop import predict
from overfitting import Configuration, corrupt_labels, is_correct, train

images = standardised(load("digits", seed=0))
print(f"{len(images.train.x)} training images, of which we mostly use 300")
print(f"{len(images.validation.x)} validation images, {len(images.test.x)} test images")

# %% [markdown]
# ## 1. Labels that mean nothing
#
# Nine in ten labels are replaced by another class, drawn at random. So each class is as likely as any other, whatever the image
# shows: the labels are pure noise.
#
# > **Predict.** A network with 9,610 parameters is trained on 300 such images for 100 epochs. What share of the *training* labels
# > will it predict in the end? What share of the true labels of *unseen* images?

# %%
nonsense = train(Configuration(label_noise=0.9), images, seed=0, epochs=100)
own = is_correct(nonsense.model, nonsense.examples)
other = is_correct(nonsense.model, images.validation)
print(f"training labels: {own.float().mean():.1%}")
print(f"unseen images: {other.float().mean():.1%}")

# %% [markdown]
# It has memorised them and has learned nothing about digits: on unseen images it is no better than chance. (Even worse here: in this draw
# 92 % of the labels are wrong, so the true class comes a little less often than each other one.) A low training loss is no sign of
# generalisation.
#
# Now three in ten wrong, as in the lecture.
#
# > **Predict.** Draw the two losses in your mind before you look. When will they part?

# %%
plain = train(Configuration(), images, seed=0, epochs=50)
figures.Shown(
    figures.history(plain.history),
    "Training loss falls over 50 epochs while validation loss rises after a few; validation accuracy falls from its early peak.",
)

# %% [markdown]
# ## 2. Your turn: when to stop
#
# You see the validation losses one after the other. Write the rule of patience: stop after
# `patience` epochs in a row without a new lowest loss, and go back to the best. It gets the list of losses of all epochs, and
# returns two numbers, both counted from 1: the epoch to go back to, and the epoch after which training ended. If patience is
# never exhausted, training ends after the last epoch.


# %% tags=["exercise"]
def stop(losses, patience):
    return None  # your turn


# %% tags=["check"]
def check_stop(stop):
    assert stop([3.0, 2.0, 1.0], 2) is not None, "it returns nothing yet"
    assert stop([3.0, 2.0, 1.0], 2) == (3, 3), "it falls to the end: keep the last"
    assert stop([3.0, 2.0, 2.5, 2.4, 1.0], 2) == (2, 4), (
        "two epochs without a new lowest: stop, and never see the fifth"
    )
    assert stop([3.0, 2.0, 2.5, 1.5, 1.6], 2) == (4, 5), (
        "a new lowest starts the wait anew"
    )
    assert stop([1.0, 1.0, 1.0], 2) == (1, 3), "an equal loss is not a lower one"


attempt(check_stop, stop)


# %% tags=["solution"] jupyter={"source_hidden": true}
def stop(losses, patience):
    best = 1
    for epoch, loss in enumerate(losses, 1):
        if loss < losses[best - 1]:
            best = epoch
        if epoch - best >= patience:
            return best, epoch
    return best, len(losses)


check_stop(stop)

# %% [markdown]
# > **Predict.** After how many of the 50 epochs does it stop with a patience of 5? How much better is the network of that epoch?

# %%
best, ended = stop(plain.history["validation_loss"], 5)
scores = plain.history["validation_score"]
print(f"go back to epoch {best}; training ended after {ended}")
print(
    f"validation accuracy there {scores[best - 1]:.1%}, after 50 epochs {scores[-1]:.1%}"
)

# %% [markdown]
# ## 3. Your turn: dropout
#
# It gets activations `a` and `kept` of the same shape, 1 where an activation is kept and 0 where it is dropped, the probability `p`
# of being dropped, and whether the network is `training`. It returns the activations that are passed on.


# %% tags=["exercise"]
def drop(a, kept, p, training):
    return None  # your turn


# %% tags=["check"]
def check_drop(drop):
    a, kept = torch.tensor([1.0, 2.0, -3.0, 4.0]), torch.tensor([1.0, 0.0, 1.0, 0.0])
    thinned = drop(a, kept, 0.5, True)
    assert thinned is not None, "it returns nothing yet"
    assert not thinned[kept == 0].any(), "an activation is to be 0 where kept is 0"
    assert torch.allclose(thinned, torch.tensor([2.0, 0.0, -6.0, 0.0])), (
        "divide those that are kept, so that the mean stays"
    )
    assert torch.equal(drop(a, kept, 0.5, False), a), "in evaluation nothing is dropped"
    many = torch.empty(200_000).bernoulli_(
        0.2, generator=torch.Generator().manual_seed(0)
    )
    assert abs(float(drop(torch.ones(200_000), many, 0.8, True).mean()) - 1) < 0.02, (
        "with p = 0.8 the mean is off"
    )


attempt(check_drop, drop)


# %% tags=["solution"] jupyter={"source_hidden": true}
def drop(a, kept, p, training):
    return a * kept / (1 - p) if training else a


check_drop(drop)

# %% [markdown]
# The mean stays, but the sum of the activations becomes noisy:
#
# > **Predict.** A sum of 100 activations of 1, with p = 0.5: between which values will it mostly lie? And with p = 0.9?

# %%
torch.manual_seed(0)
for p in (0.5, 0.9):
    kept = torch.empty(5000, 100).bernoulli_(1 - p)
    sums = drop(torch.ones(5000, 100), kept, p, True).sum(dim=1)
    print(f"p = {p}: mean {sums.mean():.1f}, standard deviation {sums.std():.1f}")

# %% [markdown]
# The more is dropped, the noisier every sum. A sum over many neurons suffers less than one that relies on a few.
#
# ## 4. Your turn: choose, then test once
#
# A setting is chosen on the validation images and evaluated on the test images. Write the search. It gets a list of
# `strengths` and a function `score`: `score(strength, "validation")` and `score(strength, "test")` return accuracies. Return the strength
# you chose and its test accuracy. You may ask about validation as often as you like, and about the test once.


# %% tags=["exercise"]
def choose(strengths, score):
    return None  # your turn


# %% tags=["check"]
def check_choose(choose):
    asked = []

    def score(strength, part):
        asked.append(part)
        tables = {
            "validation": {0.1: 0.80, 0.2: 0.90, 0.3: 0.85},
            "test": {0.1: 0.99, 0.2: 0.84, 0.3: 0.86},
        }
        return tables[part][strength]

    answer = choose([0.1, 0.2, 0.3], score)
    assert answer is not None, "it returns nothing yet"
    assert asked.count("test") == 1, (
        f"you asked for the test score {asked.count('test')} times"
    )
    assert answer[0] == 0.2, "take the strength with the best validation score"
    assert answer[1] == 0.84, "report its test score, even if it is lower"


attempt(check_choose, choose)


# %% tags=["solution"] jupyter={"source_hidden": true}
def choose(strengths, score):
    winner = max(strengths, key=lambda strength: score(strength, "validation"))
    return winner, score(winner, "test")


check_choose(choose)

# %% [markdown]
# > **Predict.** Weight decay of 0.001, 0.01, 0.05 or 0.2: which wins? What is wrong with the first, what with the last?

# %%
parts = {"validation": images.validation, "test": images.test}
nets = {}


def score(strength, part):
    """Train a network with weight decay, unless that is done; return its accuracy."""
    if strength not in nets:
        nets[strength] = train(Configuration(l2=strength), images, seed=0, epochs=50)
    return float(is_correct(nets[strength].model, parts[part]).float().mean())


winner, tested = choose([0.001, 0.01, 0.05, 0.2], score)
for strength, net in nets.items():
    own = is_correct(net.model, net.examples)
    print(
        f"decay {strength:<5}: validation {score(strength, 'validation'):.1%},",
        f"wrong labels memorised {own[net.wrong].float().mean():.0%},",
        f"correct ones learned {own[~net.wrong].float().mean():.0%}",
    )
print(f"chosen: {winner}, on the test images {tested:.1%}")

# %% [markdown]
# The first memorises nearly all labels, wrong ones too. The last keeps its weights so small that it does not learn the correct ones either.
#
# ## 5. Your turn: find the leak
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

# %%
claimed = [report(*patients(seed, signal=0)) for seed in range(50)]
print(f"the colleague's way, on pure noise: {sum(claimed) / 50:.1%}")

# %% [markdown]
# It should be 50 %. Where is the leak? Mend it: write `honest` with the same arguments, by the same method.


# %% tags=["exercise"]
def honest(x, y, held_out):
    return None  # your turn


# %% tags=["check"]
def check_honest(honest):
    first = honest(*patients(0, signal=0))
    assert first is not None, "it returns nothing yet"
    noise = [honest(*patients(seed, signal=0)) for seed in range(60)]
    assert abs(sum(noise) / 60 - 0.5) < 0.06, (
        f"on pure noise it still claims {sum(noise) / 60:.0%}: which line uses labels that are held out?"
    )
    known = [honest(*patients(seed, signal=20)) for seed in range(10)]
    assert sum(known) / 10 > 0.9, "where there is something to find, it is to find it"


attempt(check_honest, honest)


# %% tags=["solution"] jupyter={"source_hidden": true}
def honest(x, y, held_out):
    x = x[:, most_telling(x[~held_out], y[~held_out])]  # not the others
    prediction = nearest_mean(x[~held_out], y[~held_out], x[held_out])
    return float((prediction == y[held_out]).float().mean())


check_honest(honest)

# %% [markdown]
# The choice of measurements looked at all labels, those of the held-out patients included. Of 2,000 random columns, some go well with
# 60 labels by luck, and they were chosen *because* they do, on both sides of the split. Whatever looks at labels is part of
# learning, and belongs inside the training part.
#
# ## 6. Build your own configuration
#
# > **Predict.** Will two regularisers be better than weight decay alone (part 4)? And all at full strength?

# %%
tried = {
    "L2 and dropout": Configuration(l2=0.02, dropout=0.5),
    "L2, translation": Configuration(l2=0.01, translation=True),
    "all, full strength": Configuration(
        l2=0.05, l1=0.005, dropout=0.8, translation=True
    ),
}
for name, configuration in tried.items():
    net = train(configuration, images, seed=0, epochs=50)
    own = is_correct(net.model, net.examples)
    other = is_correct(net.model, images.validation)
    print(
        f"{name:<19} correct labels learned {own[~net.wrong].float().mean():.0%},",
        f"validation {other.float().mean():.1%}",
    )

# %% [markdown]
# With this seed neither pair is better than weight decay alone. With all at full strength the network underfits: even the correct labels are no longer
# learned.
#
# ## Go further
#
# - Write L1 so that it makes weights exactly zero: after each step move every weight by $\eta\delta$ towards zero, and stop at zero.
# - Repeat section 1 with more images. From how many on does the network fail to memorise them in 100 epochs?
# - A regulariser that the lecture leaves out is an ensemble: the mean of several networks. Each has another random initialisation and makes partly other mistakes,
#   so these cancel in part, and the variance shrinks. The wrong labels that all have memorised stay. Five networks, trained on the same labels:

# %%
labels, _ = corrupt_labels(images.train.y, 0.3, 10, seed=0)
given = images._replace(train=Examples(images.train.x, labels))
ensemble = [
    train(Configuration(label_noise=0.0, dropout=0.5), given, seed, epochs=50).model
    for seed in range(5)
]
x, y = images.validation
votes = torch.stack([predict(net, x).softmax(dim=1) for net in ensemble])
alone = (votes.argmax(dim=2) == y).float().mean()
together = (votes.mean(dim=0).argmax(dim=1) == y).float().mean()
print(f"each alone {alone:.1%}, together {together:.1%}")
assert together > alone
