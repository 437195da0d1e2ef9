# %% [markdown]
# # Lab: slide a window, and let it learn
#
# You write a convolution, choose filters by hand, do the arithmetic, train a network, look inside, break it, and make it
# detect digits in a larger image. 70 minutes. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `cnn.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the
# repository, or `nox -s live` and work on this page.
# **Your turn** means: fill in the stub and run the check below it. If you are stuck, unfold the two hints. The solution is
# folded under the check: run it in any case. Where your own answer has passed, yours is used from there on; where not, the course's.

# %%
import torch
from torch import nn

import checks
import cnn
from neuronup import costs, devices, figures, loop
from neuronup.accuracy import accuracy
from neuronup.exercises import attempt, solution
from neuronup.images import load

torch.manual_seed(0)
device = devices.pick("auto")  # where networks compute: a GPU, if there is one
image = cnn.photograph()
print(f"a photograph of {image.shape[0]} by {image.shape[1]} pixels, each from 0 to 1")

# %% [markdown]
# ## 1. Your turn: one window at a time (10 minutes)
#
# > **Predict.** An image has 6 rows and 8 columns, a filter 3 and 3. How many positions has the filter with stride 1? And with stride 2?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# The lecture's convolution in two loops moves its window by one pixel. Write it with a `stride`: `image (h, w)` and `weight (a, b)` give a
# feature map with one sum for each position of the window.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Count the positions along each side first, and make a map of that size. The window of row `i` and column `j` of the map begins `stride`
# times as far down and to the right.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `rows = (image.shape[0] - weight.shape[0]) // stride + 1`, and the columns in the same way
#
# </details>


# %% tags=["exercise"]
def convolve(image, weight, stride):
    return None  # your turn


# %% tags=["check"]
attempt(checks.convolve, convolve)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def convolve(image, weight, stride):
    high, wide = weight.shape
    rows = (image.shape[0] - high) // stride + 1
    columns = (image.shape[1] - wide) // stride + 1
    found = torch.zeros(rows, columns)
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            window = image[top : top + high, left : left + wide]
            found[i, j] = (window * weight).sum()
    return found


# %%
for stride in (1, 2):
    counted = torch.as_tensor(convolve(torch.ones(6, 8), torch.ones(3, 3), stride))
    print(f"stride {stride}: {counted.shape[0]} by {counted.shape[1]} positions")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# 4 by 6, and 2 by 3. PyTorch does the same without loops in Python, and much faster.
#
# </details>
#
# ## 2. Your turn: only the slanted lines (10 minutes)
#
# > **Predict.** The lecture's filter B keeps vertical lines: −1, 2, −1 in each row. What would it make of a line at 45 degrees?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write a 3 by 3 filter that gives a positive sum on a line that falls from the upper left to the lower right, less on one that rises, and
# exactly 0 in the middle of a horizontal line, of a vertical one, and of a uniform area.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Each demand is a sum: all nine weights, the middle row and the middle column each add up to 0. The corners are left for the slanted lines.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `return torch.tensor([[1.0, …, …], [0.0, 0.0, 0.0], […, …, 1.0]])`
#
# </details>


# %% tags=["exercise"]
def slanted():
    return None  # your turn


# %% tags=["check"]
attempt(checks.slanted, slanted)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def slanted():
    return torch.tensor([[1.0, 0.0, -1.0], [0.0, 0.0, 0.0], [-1.0, 0.0, 1.0]])


# %%
fig, axes = figures.panels(5.2, 1.7, columns=3)
falling = torch.as_tensor(slanted()).float()
views = {
    "photograph": image,
    "B: vertical": cnn.apply_filter(image, "B").clamp(0, 1.2),
    "yours: falling": torch.as_tensor(convolve(image, falling, 1)).clamp(0, 0.6),
}
for ax, (name, view) in zip(axes, views.items(), strict=True):
    figures.greyscale(ax, view, name, inverted=False)
figures.Shown(
    fig,
    "A photograph of a tower; the vertical lines that filter B keeps; and the falling lines, such as roof tiles, that the last filter keeps.",
)

# %% [markdown]
# What filter B makes of two lines of 1s, a vertical one and a falling one:

# %%
upright = torch.zeros(7, 7)
upright[:, 3] = 1
for line in (upright, torch.eye(7)):
    print(cnn.apply_filter(line, "B").int(), "\n")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Little. With 1s on the line, a vertical one gives B a sum of $3 \cdot 2 = 6$. A falling one gives
# $-1 + 2 - 1 = 0$ on the line itself, and $2 - 1 = 1$ beside it.
#
# </details>
#
# ## 3. Your turn: the arithmetic (10 minutes)
#
# > **Predict.** 3 by 3 filters with stride 2 and padding 1 on 28 by 28 pixels: how large is the map? And after a second layer of the same kind?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write two formulas. The first is that of the lecture, with one thing more: with a *dilation* of $d$ the weights of a filter stand $d$ pixels apart, so that it
# looks further without more weights. `size(pixels, kernel, stride, padding, dilation)` returns the side of the map.
#
# The second counts the parameters, biases included, of a convolution in two steps: first each channel gets a filter of its own, `kernel` by `kernel`; then
# `filters` filters of 1 by 1 mix the channels. It is called *depthwise separable*: `parameters(channels, filters, kernel)`.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Between `kernel` weights there are `kernel - 1` gaps. The padding is added on both sides. A window that does not fit whole has no position. And each filter of either step has
# one bias.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `width = dilation * (kernel - 1) + 1` in the first, `first = channels * (kernel * kernel + 1)` in the second
#
# </details>


# %% tags=["exercise"]
def size(pixels, kernel, stride, padding, dilation):
    return None  # your turn


def parameters(channels, filters, kernel):
    return None  # your turn


# %% tags=["check"]
attempt(checks.arithmetic, size, parameters)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def size(pixels, kernel, stride, padding, dilation):
    width = dilation * (kernel - 1) + 1
    return (pixels + 2 * padding - width) // stride + 1


@solution
def parameters(channels, filters, kernel):
    first = channels * (kernel * kernel + 1)
    return first + filters * (channels + 1)


# %%
side = size(28, kernel=3, stride=2, padding=1, dilation=1)
again = size(side, kernel=3, stride=2, padding=1, dilation=1)
print(f"after one layer {side:.0f}, after two {again:.0f}")
ordinary = 16 * (8 * 3 * 3 + 1)
print(f"8 channels, 16 filters of 3 by 3: {ordinary} parameters in one step,")
print(f"{parameters(8, 16, 3):.0f} in two")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# $\lfloor (28 + 2 - 3) / 2 \rfloor + 1 = 14$, and after a second one 7: a stride of 2 halves the map. In two steps a convolution of this size has a fifth of
# the parameters. MobileNets are built of such steps (A. G. Howard and others, 2017, arXiv:1704.04861).
#
# </details>
#
# ## 4. Your turn: pool (5 minutes)
#
# Max pooling keeps the largest number of each window. Write mean pooling, with windows of 3 by 3 and stride 3: maps `x (n, c, h, w)`, whose sides 3 divides,
# give `(n, c, h / 3, w / 3)`.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# `reshape` can split a side in two: a number for the window, and one for the place in the window. Then take the mean over the places.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `windows = x.reshape(n, c, h // 3, 3, w // 3, 3)`, with `n, c, h, w = x.shape`
#
# </details>


# %% tags=["exercise"]
def pool(x):
    return None  # your turn


# %% tags=["check"]
attempt(checks.pool, pool)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def pool(x):
    n, c, high, wide = x.shape
    return x.reshape(n, c, high // 3, 3, wide // 3, 3).mean(dim=(3, 5))


# %%
fig, axes = figures.panels(3.6, 1.7, columns=2)
pooled = torch.as_tensor(pool(image[None, None]))[0, 0]
for ax, view in zip(axes, (image, pooled), strict=True):
    figures.greyscale(ax, view, "{} by {}".format(*view.shape), inverted=False)
figures.Shown(fig, "The photograph, and its means over windows of 3 by 3 pixels.")

# %% [markdown]
# ## 5. Your turn: a network (10 minutes)
#
# Now the digits. Build a network of at most 5,000 parameters that classifies at least 95 % of the validation images correctly after twelve
# epochs.
#
# > **Predict.** Where will most of the parameters be: in the convolutions, or in the linear layer?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
images = load("digits", seed=0).to(device)
print(
    f"{len(images.train.x)} training images, {len(images.validation.x)} validation images, {len(images.test.x)} test images"
)

# %% [markdown]
# It gets images `(n, 1, 8, 8)` and returns logits `(n, 10)`. Put together `nn.Conv2d`, `nn.BatchNorm2d`, `nn.ReLU`,
# `nn.MaxPool2d`, `nn.Flatten` and `nn.Linear` as you like, and return the network untrained: the check trains it.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Two convolutions, each with normalisation and ReLU, then a pooling, so that the linear layer gets fewer numbers. `size` tells
# how many. Leave the softmax to the loss.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), …`
#
# </details>


# %% tags=["exercise"]
def build():
    return None  # your turn


# %% tags=["check"]
attempt(checks.build, build)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def build():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),  # (n, 8, 8, 8)
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1),  # (n, 16, 8, 8)
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (n, 16, 4, 4)
        nn.Flatten(),
        nn.Linear(16 * 4 * 4, 10),
    )


# %%
built = build().cpu()
built(images.train.x[:2].cpu())
for layer in built.modules():
    if not list(layer.children()) and costs.count_parameters(layer):
        print(f"{costs.count_parameters(layer):>5} parameters: {layer}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# In the linear layer, if the maps are still 4 by 4 when they reach it. One more pooling quarters it.
#
# </details>
#
# ## 6. Look inside (5 minutes)
#
# The lecture's network, trained with random translation:

# %%
model, score = cnn.train("CNN", images, reach=1, epochs=15, seed=0)
right = float(accuracy(loop.predict(model, images.test.x), images.test.y))
print(
    f"{costs.count_parameters(model):,} parameters: accuracy {score:.1%} on validation images, {right:.1%} on test images"
)

# %% [markdown]
# > **Predict.** What do the maximally activating patches of a filter of the second layer show, which sees 5 by 5 pixels? And those of the third, which sees 10 by 10?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
fig, axes = figures.panels(5.2, 2.2, rows=2)
for ax, name in zip(axes, ("relu2", "relu3"), strict=True):
    patches = cnn.maximally_activating_patches(model, images.test.x, name, 8)
    figures.greyscale(ax, figures.montage(patches, 8))
    ax.set_ylabel(f"layer {name[-1]}", rotation=0, ha="right", va="center")
figures.Shown(
    fig,
    "For eight filters each of the second and third layer, the maximally activating patch: corners and arcs, then nearly whole digits.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# In the second layer corners and arcs, in the third nearly whole digits.
#
# </details>
#
# ## 7. Your turn: translate (10 minutes)
#
# Write a function that moves all images `x (n, c, h, w)` by `right` pixels (0 or more) to the right. The background, 0, comes in at the left.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# The last dimension runs from left to right. Put `right` columns of 0 in front, and keep as many columns as there were.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `moved = torch.zeros_like(x)`, or pad with `nn.functional.pad(x, (right, 0))`
#
# </details>


# %% tags=["exercise"]
def to_the_right(x, right):
    return None  # your turn


# %% tags=["check"]
attempt(checks.to_the_right, to_the_right)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def to_the_right(x, right):
    return nn.functional.pad(x, (right, 0))[..., : x.shape[-1]]


# %% [markdown]
# > **Predict.** Of two networks of this kind one was trained on the images as they are. How many test images does it classify correctly, if they are moved
# > by one pixel? And the one trained with translation?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
plain, _ = cnn.train("CNN", images, reach=0, epochs=15, seed=0)
for name, each in (("without translation", plain), ("with translation", model)):
    still, one, two, _ = cnn.evaluate_moved(each, images.test)
    print(f"{name}: {still:.1%}; moved by 1 pixel {one:.1%}; by 2 {two:.1%}")
    moved = torch.as_tensor(to_the_right(images.test.x.cpu(), 1)).float()
    share = float(accuracy(loop.predict(each, moved.to(device)), images.test.y))
    print(f"    to the right only, by 1 pixel: {share:.1%}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Each convolution is equivariant to shifts; the pooling and the last layer are not. Training on translated images makes up for it.
#
# </details>
#
# ## 8. Your turn: from a class to a place (10 minutes)
#
# Turned into convolutions throughout, the network slides over a larger image, two pixels at a time:


# %%
def search(seed):
    """Make a scene of one digit, and the logits and mean intensity of each window."""
    large = cnn.scene(images.test, cells=2, many=1, seed=seed)
    padded = nn.functional.pad(large.x, (2, 2, 2, 2)).to(device)
    with torch.no_grad():
        logits = cnn.fully_convolutional(model)(padded)[0].cpu()
    return large, logits, nn.functional.avg_pool2d(large.x, 8, 2)[0, 0]


large, logits, intensity = search(5)
print(f"a scene {tuple(large.x.shape[2:])}, logits {tuple(logits.shape)}")

# %% [markdown]
# Its stride is 2: the logits at row $i$, column $j$ are about the 8 by 8 pixels whose corner is at $(2i, 2j)$. The scene holds one digit.
#
# > **Predict.** Will the highest logit be the one over the digit?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write a function that gets `logits (10, rows, columns)` and `intensity (rows, columns)`, the mean intensity of each window, and returns the class and the
# corner `(what, top, left)` of the highest logit among windows with an intensity of at least 0.2.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Of each window you need its highest logit, and whose class it is. Make the windows that do not count so low that they cannot win. `argmax` of what is left is a single
# number: divide it by the columns to find the row.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `scores, what = logits.max(dim=0)`
#
# </details>


# %% tags=["exercise"]
def locate(logits, intensity):
    return None  # your turn


# %% tags=["check"]
attempt(checks.locate, locate)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def locate(logits, intensity):
    scores, what = logits.max(dim=0)
    scores = torch.where(intensity < 0.2, -torch.inf, scores)
    row, column = divmod(int(scores.argmax()), scores.shape[1])
    return int(what[row, column]), 2 * row, 2 * column


# %%
found, blind = 0, 0
for seed in range(50):
    large, logits, intensity = search(seed)
    what, *corner = (int(each) for each in locate(logits, intensity))
    near = (large.where[0] - torch.tensor(corner)).abs().max() <= 2
    found += bool(near) and what == int(large.what[0])
    _, *highest = (int(each) for each in locate(logits, torch.ones_like(intensity)))
    blind += bool((large.where[0] - torch.tensor(highest)).abs().max() <= 2)
print(f"{found} of 50 digits found and classified correctly")
print(f"without the rule, the highest logit is over the digit in {blind} of 50 scenes")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# In most scenes, but far from all, without the rule about the intensity. The network was not trained to say
# "nothing here".
#
# </details>
#
# ## Go further
#
# - **Say "nothing".** Give the network an eleventh class, and train it with windows of scenes that hold no digit in their middle.
#   Is the rule about the intensity still needed?
# - **Whole equivariance.** Replace the pooling by a mean over the whole map before a linear layer (`nn.AdaptiveAvgPool2d(1)`). What is the accuracy on translated
#   images, and on those that are not?
# - **The small data.** Keep 5, 10, 20 images of each class. Down to how many is the network better than a fully connected one (`cnn.train("deep MLP", …)`)?
# - **Which channel counts?** Set one map of the third layer after another to zero, and measure which class suffers. A start:

# %%
model.eval()
x, labels = images.validation
with torch.no_grad():
    *body, flatten, dropout, head = model
    maps = nn.Sequential(*body)(x)  # (n, 16, 2, 2)
    whole = float(accuracy(head(flatten(maps)), labels))
    losses = []
    for channel in range(maps.shape[1]):
        without = maps.clone()
        without[:, channel] = 0
        losses.append(whole - float(accuracy(head(flatten(without)), labels)))
worst = max(range(len(losses)), key=losses.__getitem__)
print(
    f"without map {worst} the accuracy falls by {losses[worst]:.1%}; on average by {sum(losses) / len(losses):.1%}"
)
assert found >= 40
assert right > 0.95
assert losses[worst] > 0
