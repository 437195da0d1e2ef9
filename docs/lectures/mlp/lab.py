# %% [markdown]
# # Lab: classify handwritten digits, then break the classifier
#
# You go the whole way on MNIST: look at the images, build a network, train it, choose its settings, find out what it confuses, break it
# and repair it. 100 minutes, best in pairs: one types, one predicts, then change. Read the [lecture](../) first, or go back to it
# when a word is new.
#
# To work along, unpack `mlp.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the
# repository, or `nox -s live` and work on this page.
# **Your turn** means: fill in the stub and run the check below it. If you are stuck, unfold the two hints. The solution is
# folded under the check: run it in any case. Where your own answer has passed, yours is used from there on; where not, the course's.
#
# Write each prediction down before you run the next cell. A wrong prediction is worth more than a right one: it shows
# where your picture of the network is wrong.

# %%
import torch
from torch import nn
from torch.nn.functional import pad

import checks
import mlp
from neuronup import accuracy, figures, images, loaders, loop, metrics
from neuronup.exercises import attempt, solution
from neuronup.one_hot import one_hot

mnist = images.load("mnist", seed=0)
x, y = mnist.train
test, labels = mnist.test
for name, part in zip(("training", "validation", "test"), mnist[1:], strict=True):
    print(f"{name}: {tuple(part.x.shape)} {part.x.dtype}, labels {part.y.dtype}")

# %% [markdown]
# ## 1. Look (5 minutes)
#
# > **Predict.** Thirty images of a 5. How alike are they? Would *you* take one of them for another digit?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
fig, ax = figures.panels(5.2, 1.7)
figures.tiles(ax, x[y == 5][:30], columns=10)
figures.Shown(fig, "Thirty images of a 5, by many hands.")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Some are upright, some slanted; some have a long bar, some hardly any. No two have the same pixels.
#
# </details>
#
# > **Predict.** Take the mean of all images of a digit. Can you still read it? What does the mean of *all* images look like?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
means = torch.stack([x[y == digit].mean(dim=0) for digit in range(10)])
fig, ax = figures.panels(5.2, 0.8)
figures.tiles(ax, torch.cat([means, x.mean(dim=0, keepdim=True)]), columns=11)
figures.Shown(fig, "The mean image of each digit, from 0 to 9, and of all images.")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# All ten can be read, but they are blurred: the strokes lie in other places each time. The mean of all is a blurred blob in the middle.
# The digits of MNIST are centred.
#
# </details>
#
# ## 2. Your turn: one-hot, and back (10 minutes)
#
# > **Predict.** How many ones are in the one-hot labels of all training images together?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
rows = one_hot(y, 10)
print(f"{len(y):,} images, {int(rows.sum()):,} ones")
print("there and back:", torch.equal(rows.argmax(dim=1), y))

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# One for each image, whatever its digit. Ten numbers become a digit again by *argmax*, the place of the largest.
#
# </details>
#
# Argmax counts only the first choice. *Top-k accuracy* is the share of images whose label is among the $k$ largest outputs; with $k = 1$ it is the accuracy.
# Compute it from outputs `z (n, classes)`, labels `y (n,)` and a whole number `k`.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# How many outputs of a row are larger than the one at its label? If fewer than $k$, the label is among the first $k$. (`z.topk(k, dim=1)` is another way.)
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `at_label = z[torch.arange(len(y)), y]`, of shape `(n,)`
#
# </details>


# %% tags=["exercise"]
def top_k_accuracy(z, y, k):
    return None  # your turn


# %% tags=["check"]
attempt(checks.top_k_accuracy, top_k_accuracy)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def top_k_accuracy(z, y, k):
    at_label = z[torch.arange(len(y)), y]
    larger = (z > at_label[:, None]).sum(dim=1)  # how many outputs come before it
    return (larger < k).float().mean()


# %% [markdown]
# > **Predict.** What is the top-1 accuracy of a network with random weights? The top-3 accuracy?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
z = loop.predict(mlp.untrained(mnist, 0), test)
for k in (1, 2, 3, 10):
    print(f"untrained, top-{k} accuracy: {float(top_k_accuracy(z, labels, k)):.1%}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# About a tenth for each place, give or take: the outputs have nothing to do with the labels yet.
#
# </details>
#
# ## 3. Your turn: softmax and cross-entropy (15 minutes)
#
# > **Predict.** What is the loss of a network that gives every digit the same probability? And of one that gives the true digit 99 %?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write the mean loss of logits `z (n, classes)` and labels `y (n,)`: exponentials, divided by their sum, then minus the logarithm of
# the probability at the label. No `cross_entropy`, no `softmax`.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Each image has a row of `z`. Make the row probabilities, and take from it the one at the image's own label: row `i`, column `y[i]`.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `p = z.exp() / z.exp().sum(dim=1, keepdim=True)`
#
# </details>


# %% tags=["exercise"]
def loss(z, y):
    return None  # your turn


# %% tags=["check"]
attempt(checks.loss, loss)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def loss(z, y):
    p = z.exp() / z.exp().sum(dim=1, keepdim=True)
    return -p[torch.arange(len(y)), y].log().mean()


# %%
label = torch.tensor([5])
print(f"equal probabilities: {float(loss(torch.zeros(1, 10), label)):.2f}")
sure = torch.full((1, 10), 0.01 / 9).log()
sure[0, 5] = torch.tensor(0.99).log()
print(f"99 % for the true digit: {float(loss(sure, label)):.2f}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Equal probabilities cost ln 10 = 2.30; 99 % for the true digit costs 0.01. (With logits of 100 your `exp` may overflow; the lecture on loss
# says what PyTorch does about it.)
#
# </details>
#
# ## 4. Your turn: the network (10 minutes)
#
# > **Predict.** How many parameters has a network from 784 pixels to 128 hidden neurons to 10 logits? And with a second layer of 64
# > hidden neurons after the first? Multiply before you build.

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# The lecture's network has one hidden layer. Build one with any number of them, as an `nn.Sequential`: flatten, then for each number in the list `widths`
# a linear layer with so many outputs and a ReLU, and at the end a linear layer with 10 logits. `build([128])` is the lecture's;
# `build([128, 64])` has two hidden layers, `build([])` none.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Collect the layers in a list, in a loop. Each linear layer has as many inputs as the one before has outputs, and the first has 784.
# `nn.Sequential(*layers)` makes a network of a list.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `layers, inputs = [nn.Flatten()], 784`
#
# </details>


# %% tags=["exercise"]
def build(widths):
    return None  # your turn


# %% tags=["check"]
attempt(checks.build, build)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def build(widths):
    layers, inputs = [nn.Flatten()], 784
    for width in widths:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, 10))


# %%
for widths in ([128], [128, 64]):
    network = build(widths)
    loop.predict(network, test[:1])  # layers that wait for an image get their size
    count = sum(parameter.numel() for parameter in network.parameters())
    print(f"hidden {widths}: {count:,} parameters")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# 785 · 128 + 129 · 10 = 101,770: one more input than pixels, for the bias. The second hidden layer makes it 785 · 128 + 129 · 64 + 65 · 10 = 109,386, hardly
# more: nearly all parameters are in the first layer.
#
# </details>
#
# Before training, check that the loss is near 2.30. Then train with the loop of the course. It stops when 2 epochs have brought no
# lower validation loss, and goes back to the best weights.
#
# > **Predict.** Draw the two loss curves before you see them: where do they begin, which is lower at the end, and where do they part?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
torch.manual_seed(0)
model = build([128])
z = loop.predict(model, mnist.validation.x)
print(f"loss before training: {float(loss(z, mnist.validation.y)):.2f}")
history = mlp.train(model, mnist, seed=0, epochs=10)
z = loop.predict(model, test)
for k in (1, 2, 3):
    print(f"top-{k} accuracy on test images: {float(top_k_accuracy(z, labels, k)):.1%}")
print(f"{len(history['loss'])} epochs")
figures.Shown(
    figures.history(history),
    "Training loss falls towards 0, validation loss levels off above it; accuracy on validation images rises to about 0.97.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The first point is far below 2.30 already: an epoch has 365 steps, and the training loss is the mean over all of them. Both fall together at first. Then training loss goes
# on towards 0, and validation loss does not follow.
#
# </details>
#
# ## 5. Your turn: choose a learning rate (15 minutes)
#
# Choosing takes many runs. To save time, train on 8,000 of the training images, and evaluate on 4,000 of the validation images.
#
# > **Predict.** Five rates, from 0.00001 to 1. Which will be too slow to get anywhere in 10 epochs? Which will never settle? What will its
# > loss look like?

# %% tags=["guess"]
guess = ""  # write yours here before you go on


# %%
few = loaders.Examples(x[:8000], y[:8000])
chosen_by = loaders.Examples(mnist.validation.x[:4000], mnist.validation.y[:4000])


def try_out(rate, widths):
    torch.manual_seed(0)
    trial = build(widths)
    loop.predict(trial, few.x[:1])
    batches = loaders.Loader(few, batch_size=128, seed=0)
    optimiser = torch.optim.Adam(trial.parameters(), lr=rate)
    return trial, loop.fit(trial, batches, chosen_by, optimiser, epochs=10)


def active(trial):  # the share of hidden neurons that are not 0 for every image
    with torch.no_grad():
        return float((trial[:3](few.x) > 0).any(dim=0).float().mean())


by_rate = {}
print("    rate  training loss: first   last   validation loss: last  active neurons")
for rate in (1e-5, 1e-3, 5e-3, 5e-2, 1.0):
    trial, by_rate[rate] = try_out(rate, [128])
    losses, after = by_rate[rate]["loss"], by_rate[rate]["validation_loss"][-1]
    print(
        f"{rate:8}{losses[0]:22.3f}{losses[-1]:7.3f}{after:24.3f}{active(trial):16.0%}"
    )

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Too small a rate is slow: after 10 epochs the loss is still far from what the others reach in one. With the largest, the first epoch has a loss far above that of equal
# probabilities: its first steps made the weights so large that every mistake is a confident one. Then look at the last column. A neuron whose ReLU
# gives 0 for every image also has a gradient of 0, so its weights no longer change: a *dead ReLU*. The loss stays near that of equal probabilities.
#
# </details>
#
# Now write down the rule by which you would choose. It gets a `dict` of histories by rate; each history has lists `"loss"` and
# `"validation_loss"`, one number an epoch. Return the rate to use.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Training loss says who memorises best. The images that the network has not learned from say who should be chosen. How low did each rate bring the loss on them?
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `lowest = {rate: min(history["validation_loss"]) for rate, history in histories.items()}`
#
# </details>


# %% tags=["exercise"]
def choose(histories):
    return None  # your turn


# %% tags=["check"]
attempt(checks.choose, choose)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def choose(histories):
    return min(histories, key=lambda rate: min(histories[rate]["validation_loss"]))


# %%
best_rate = float(choose(by_rate))
print("rate chosen:", best_rate)

# %% [markdown]
# > **Predict.** The same for the width: no hidden layer, then 4, 8, 32, 128 and 512 hidden neurons, and two layers of 128. Four numbers have to tell ten digits
# > apart: can they? From which width on do more neurons help little? Does a second layer? Explain it to your neighbour.

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
for widths in ([], [4], [8], [32], [128], [512], [128, 128]):
    _, run = try_out(best_rate, widths)
    print(
        f"hidden {widths!s:10} training loss {run['loss'][-1]:.3f}, "
        f"validation accuracy {run['validation_score'][-1]:.1%}"
    )

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Four hidden neurons classify fewer images correctly than no hidden layer at all: everything has to pass through four numbers. From there, accuracy rises with
# the width, ever more slowly: from 8 to 32 neurons by several percentage points, from 128 to 512 by about one. A second layer of 128 adds next to nothing on so few images.
#
# The narrow network cannot fit the training images, so training loss stays high. The wide ones fit nearly all of them; what lowers training loss further hardly helps on others.
#
# </details>
#
# ## 6. Your turn: what does it confuse? (10 minutes)
#
# > **Predict.** Which two digits will the network of part 4 mix up most? Which of the two will it take for the other more often?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
prediction = loop.predict(model, test).argmax(dim=1)
table = metrics.confusion_matrix(labels, prediction, 10)
print(table)

# %% [markdown]
# This is its [confusion matrix](../../../course/glossary/#confusion-matrix) on the test images: rows are labels, columns predictions. Do not search it by eye:
# write a function that finds the most common mistake in such a table. Return the pair `(label, prediction)`, two different digits, with the largest
# count.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# The largest counts stand on the diagonal, and are no mistakes. Put them out of the way, in a copy, and look for the largest of the rest.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `mistakes = table - table.diag().diag()`
#
# </details>


# %% tags=["exercise"]
def worst(table):
    return None  # your turn


# %% tags=["check"]
attempt(checks.worst, worst)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def worst(table):
    mistakes = table - table.diag().diag()
    return divmod(int(mistakes.argmax()), table.shape[1])


# %%
true, taken = (int(digit) for digit in worst(table))
print(f"most common mistake: {true} taken for {taken}, {table[true, taken]} times")
mixed_up = test[(labels == true) & (prediction == taken)][:20]
fig, ax = figures.panels(5.2, 1.2)
figures.tiles(ax, mixed_up, columns=10)
figures.Shown(fig, "Test images on which the network makes its most common mistake.")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# In our run it is a 9 taken for a 3, three times as often as a 3 for a 9: the table is not symmetric. 5 for 3, 8 for 3 and 4 for 9 follow closely, so
# another random initialisation may put one of them first. Look at the images: which of them would you have classified correctly?
#
# </details>
#
# ## 7. Break it (10 minutes)
#
# Take the network of part 4.
#
# > **Predict.** Move all test images by one pixel, by two, by four, to each side. By how much does accuracy fall, and by how
# > much the mean confidence? Do all directions hurt alike?

# %% tags=["guess"]
guess = ""  # write yours here before you go on


# %%
def report(model):
    for steps in (0, 1, 2, 4):
        line = f"{steps} pixels:"
        for side, right, down in (
            ("right", steps, 0),
            ("left", -steps, 0),
            ("down", 0, steps),
            ("up", 0, -steps),
        ):
            z = loop.predict(model, images.translate(test, right, down))
            score = float(accuracy.accuracy(z, labels))
            sure = float(mlp.confidence(z).mean())
            line += f"  {side} {score:4.0%} (sure {sure:.0%})"
        print(line)


report(model)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# One pixel costs two or three percentage points, two cost nearly twenty, four most of what there was; sideways less than up and down. The
# confidence falls far less: at four pixels it is still 80 % or more.
#
# </details>
#
# > **Predict.** Now photographs, and an image of nothing at all: 784 zeros. What will the network predict for it, and how confident will it be?
# > What decides that?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
photos = loop.predict(model, mlp.photographs(test))
share = float(mlp.confidence(photos).mean())
print(f"80 squares of photographs: confidence {share:.0%}")
print(
    "predictions of each digit:", photos.argmax(dim=1).bincount(minlength=10).tolist()
)
empty = loop.predict(model, torch.zeros(1, 1, 28, 28))
sure = float(mlp.confidence(empty))
print(f"an empty image: {int(empty.argmax())}, confidence {sure:.0%}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# With all pixels 0 the hidden neurons get nothing but their biases, so these decide, and the confidence is low. A
# photograph has large pixel values nearly everywhere, which may be why its logits can be as large as those of a digit.
#
# </details>
#
# ## 8. Your turn: switch neurons off (10 minutes)
#
# > **Predict.** Of 128 hidden neurons, how many can you switch off before the network's accuracy falls below 90 %? 1? 10? 60?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write a function that returns a copy of the model in which the first `n` hidden neurons are switched off: their *outgoing* weights are 0. The last
# layer is `model[3]`; its weights have the shape `(10, 128)`. Leave the model you were given as it is, and all its other parameters.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# `copy.deepcopy` copies a model with its weights. A row of the last layer's weights belongs to a digit, a column to a hidden neuron.
# Change weights within `with torch.no_grad():`.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `quiet = copy.deepcopy(model)`, after `import copy`
#
# </details>


# %% tags=["exercise"]
def silence(model, n):
    return None  # your turn


# %% tags=["check"]
attempt(checks.silence, silence)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def silence(model, n):
    import copy

    quiet = copy.deepcopy(model)
    with torch.no_grad():
        quiet[3].weight[:, :n] = 0
    return quiet


# %%
for n in (0, 1, 10, 20, 40, 60, 80, 100, 128):
    z = loop.predict(silence(model, n), test)
    print(f"{n:3} neurons off: accuracy {float(accuracy.accuracy(z, labels)):.1%}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Accuracy falls gradually, not at once: many neurons share the work, and no single one is "the neuron for 5". With all of them
# off only the biases of the last layer are left, and the prediction is the same for every image.
#
# </details>
#
# ## 9. Your turn: repair it (15 minutes)
#
# > **Predict.** Train on images that are moved at random, by up to three pixels. What happens to accuracy on moved images? On images as they are?
# > To training loss?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# `Loader` takes a `transform`, which gets each mini-batch `x (b, 1, 28, 28)` before the network does. Write one that moves the whole batch by −3 to
# 3 pixels, across and down, both drawn by chance each time; what comes in at a side is background, 0. (The same move for the whole batch is enough.)
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Draw two whole numbers, then move. `pad(x, (left, right, top, bottom))` adds pixels at each side, and cuts them off where a number is negative:
# `pad(x, (1, -1))` moves an image to the right.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `across, down = torch.randint(-3, 4, (2,)).tolist()`
#
# </details>


# %% tags=["exercise"]
def random_shift(x):
    return None  # your turn


# %% tags=["check"]
attempt(checks.random_shift, random_shift)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def random_shift(x):
    across, down = torch.randint(-3, 4, (2,)).tolist()
    return pad(x, (across, -across, down, -down))


# %%
augmented = mlp.untrained(mnist, 0)
later = loop.fit(
    augmented,
    loaders.Loader(mnist.train, 128, seed=0, transform=random_shift),
    mnist.validation,
    torch.optim.Adam(augmented.parameters(), lr=mlp.RATE),
    epochs=10,
)
print(
    f"training loss at the end: {later['loss'][-1]:.3f}, before: {history['loss'][-1]:.3f}"
)
report(augmented)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Accuracy on images moved by two pixels is nearly that of images as they are, and even four pixels, a move that it has never seen, cost much less than before. On images as they are it
# loses hardly anything. Training loss stays higher, as one would expect: with other images in every epoch, memorising is harder.
# (The last weights were kept here, the best ones before.)
# This is *augmentation*: examples tell the network what should make no difference. A convolutional network has part of it built in.
#
# </details>
#
# ## Go further
#
# - **Inverted images.** Repair these too: a transform that inverts half of the batches. What does it cost on images as they are? Then try without
#   any transform: change the *input* so that inverting makes no difference (hint: the sign of something).
# - **Say no.** Let the network refuse an image if its confidence is below 90 %. What share of test images does it refuse, how many mistakes are left?
#   And how many of the 80 photographs does it refuse? Find a better rule for these; the distance to the nearest training image is one.
# - **A smaller network.** Who reaches 96 % on validation images with the fewest parameters? Share a table in the room. 16 hidden neurons make 12,730.
# - **Your own hand.** Write ten digits, photograph them, invert and centre them, shrink them to 28 by 28 and let the network classify them. Its first predictions may be
#   wrong. Find out why, and change your images, not the network.
# - **Other images.** `images.load("digits", 0)` has 8 by 8 pixels, `images.load("fashion_mnist", 0)` shows clothes. Which conclusions still hold?
#
# For the second, a beginning. How far are photographs from the nearest training image, and how far are test images?

# %%
known = mlp.NearestNeighbour(mnist).x
to_test = torch.cdist(test[:1000].flatten(1), known).amin(dim=1)
to_photos = torch.cdist(mlp.photographs(test).flatten(1), known).amin(dim=1)
limit = float(to_test.quantile(0.99))
refused = float((to_photos > limit).float().mean())
print(f"99 % of 1,000 test images are closer than {limit:.1f} to a training image")
print(f"that limit refuses {refused:.0%} of the photographs")

moved = images.translate(test, right=3, down=0)
before = float(accuracy.accuracy(loop.predict(model, moved), labels))
after = float(accuracy.accuracy(loop.predict(augmented, moved), labels))
print(f"three pixels to the right: accuracy {before:.0%} before, {after:.0%} after")
assert after > before + 0.2
