# %% [markdown]
# # Lab: count, build and shrink networks
#
# You count what a convolution costs, build the blocks of two networks, see what shortcuts do for a gradient, normalise
# without a batch, and design a network within a budget. 45 minutes. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `architectures.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the
# repository, or `nox -s live` and work on this page.
# **Your turn** means: fill in the stub and run the check below it. If you are stuck, unfold the two hints. The solution is
# folded under the check: run it in any case. Where your own answer has passed, yours is used from there on; where not, the course's.

# %%
import copy

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import architectures
import checks
from neuronup import accuracy, blocks, costs, devices, figures, images, loop, zoo
from neuronup.exercises import attempt, solution, tensor

torch.manual_seed(0)
device = devices.pick("auto")  # where networks are trained: a GPU, if there is one
digits = images.load("digits", seed=0).to(device)
print(f"{len(digits.train.x)} training images of 8 by 8 pixels")

# %% [markdown]
# ## 1. Your turn: what a convolution costs (8 minutes)
#
# A convolution makes 256 maps from 256 others, with 3 by 3 filters. The same can be done in two steps: first one 3 by 3 filter for each channel by itself, then 1 by 1 filters that mix
# the channels.
#
# > **Predict.** How many times fewer FLOPs do the two steps need? And if the maps are 28 by 28 pixels in place of 14 by 14: what becomes of the parameters, and what of the FLOPs?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# In an ordinary convolution a filter sees all channels. In the first of the two steps it sees one. There is something in between: `groups` divides the channels into so many groups of
# equal size, and the filters too, and a filter sees the channels of its own group. One group is the ordinary convolution; as many groups as channels, the first step.
#
# Write `cost(channels, filters, kernel, groups, side)`. It returns two numbers: the weights of the convolution (there are no biases), and the FLOPs for one image. The maps
# have `side` by `side` pixels, before and after. A multiplication and an addition are two FLOPs.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Count the weights of a single filter; there are `filters` of them. Every weight is used once for each pixel of the map that its filter makes, and each use is a
# multiplication and an addition.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `weights = filters * (channels // groups) * …`
#
# </details>


# %% tags=["exercise"]
def cost(channels, filters, kernel, groups, side):
    return None  # your turn


# %% tags=["check"]
attempt(checks.cost, cost)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def cost(channels, filters, kernel, groups, side):
    weights = filters * (channels // groups) * kernel * kernel
    return weights, 2 * weights * side * side


# %%
for side in (14, 28):
    print(f"256 maps of {side} by {side} pixels from 256 others:")
    steps = {
        "3 by 3": [cost(256, 256, 3, 1, side)],
        "3 by 3, 32 groups": [cost(256, 256, 3, 32, side)],
        "3 by 3 for each, 1 by 1": [
            cost(256, 256, 3, 256, side),
            cost(256, 256, 1, 1, side),
        ],
    }
    for name, found in steps.items():
        weights, flops = (
            sum(map(float, numbers)) for numbers in zip(*found, strict=True)
        )
        print(f"  {name:23} {weights:8,.0f} weights {flops / 1e6:6.1f} million FLOPs")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The two steps, a *depthwise separable* convolution, take nearly nine times fewer FLOPs. Most of what is left is in the 1 by 1 filters. Twice as wide and as high, all
# take four times the FLOPs, with the same parameters. ResNeXt's convolutions have 32 groups
# (S. Xie and others, 2017, arXiv:1611.05431).
#
# </details>
#
# ## 2. Your turn: squeeze, then see with two kernels (8 minutes)
#
# SqueezeNet (F. N. Iandola and others, 2016, arXiv:1602.07360) is built of *Fire modules*. A module is a small version of GoogLeNet's block:
#
# 1. 1 by 1 filters make a few maps, and a ReLU follows: the *squeeze*.
# 2. Of these few maps, 1 by 1 filters make some maps, and 3 by 3 filters others, of the same size: the *expand*.
# 3. A ReLU follows, and the maps are concatenated: first those of the 1 by 1 filters.
#
# The first Fire module of SqueezeNet gets 96 maps. Its squeeze makes 16 of them. Its expand makes 128 of these: 64 with each kind of filter.
#
# > **Predict.** How many times fewer parameters does it have than an ordinary convolution with 3 by 3 filters, from 96 maps to 128?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write it as a module with three convolutions, with their biases. The four arguments are numbers of maps, in this order: what comes in, what the squeeze makes, what the 1 by 1 filters of the expand
# make, and what its 3 by 3 filters make. `Fire(96, 16, 64, 64)` is the one above.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Make the three layers in `__init__`, and join their outputs in `forward`. Maps can only be concatenated if they have the same size: which of the three convolutions
# would make them smaller?
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# In `__init__`: `self.squeeze = nn.Conv2d(channels, squeezed, 1)`. In `forward`: `few = self.squeeze(x).relu()`
#
# </details>


# %% tags=["exercise"]
class Fire(nn.Module):
    def __init__(self, channels, squeezed, one, three):
        super().__init__()
        # your turn

    def forward(self, x):
        return None  # your turn


# %% tags=["check"]
attempt(checks.fire, Fire)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
class Fire(nn.Module):
    def __init__(self, channels, squeezed, one, three):
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.one = nn.Conv2d(squeezed, one, 1)
        self.three = nn.Conv2d(squeezed, three, 3, padding=1)

    def forward(self, x):
        few = self.squeeze(x).relu()
        return torch.cat([self.one(few), self.three(few)], dim=1).relu()


# %%
fire, plain = Fire(96, 16, 64, 64), nn.Conv2d(96, 128, 3, padding=1)
fire(torch.zeros(1, 96, 8, 8))
fewer, more = costs.count_parameters(fire), costs.count_parameters(plain)
print(f"a Fire module: {fewer:,} parameters")
print(f"a convolution: {more:,}, {more / fewer:.1f} times as many")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# A ninth. The 3 by 3 filters see 16 maps instead of 96, and only half of the filters are 3 by 3.
#
# </details>
#
# ## 3. Your turn: a shortcut without weights (8 minutes)
#
# Where a block of ResNet changes the shape, a shortcut cannot add `x` as it is. The lecture brings `x` to the new shape with 1 by 1 filters. The paper of ResNet has a second way, without
# any weights: keep every second pixel, and append maps of zeros.
#
# Write `add_shortcut(x, y)`. `x (n, c, h, w)` went into two convolutions, and `y` came out. `y` may have the shape of `x`. It may also have half its height and width (rounded up), or more maps, or
# both. Bring `x` to the shape of `y`, add the two, and apply a ReLU to the sum. Use PyTorch's functions, since gradients are to flow back to `x`.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# A slice with a step keeps every second row and column, the first among them. For the zeros, either concatenate, or let `nn.functional.pad` add them. Both do no harm if there is nothing to append.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `if x.shape[-1] != y.shape[-1]:`, and below it `x = x[:, :, ::2, ::2]`
#
# </details>


# %% tags=["exercise"]
def add_shortcut(x, y):
    return None  # your turn


# %% tags=["check"]
attempt(checks.add_shortcut, add_shortcut)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def add_shortcut(x, y):
    if x.shape[-1] != y.shape[-1]:
        x = x[:, :, ::2, ::2]
    more = y.shape[1] - x.shape[1]
    return (y + nn.functional.pad(x, (0, 0, 0, 0, 0, more))).relu()


# %% [markdown]
# ## 4. Break it: forty layers (4 minutes)
#
# Twenty blocks of two convolutions, with or without your shortcut, and with or without batch normalisation. The weights are as PyTorch draws them (the lecture
# takes He's). Nothing is trained yet.


# %%
class Block(nn.Module):
    """Two convolutions; then the shortcut, if there is one, and a ReLU."""

    def __init__(self, channels, filters, normalise, shortcut):
        super().__init__()
        stride, self.shortcut = filters // channels, shortcut
        norm = nn.BatchNorm2d if normalise else nn.Identity
        first = nn.Conv2d(channels, filters, 3, stride, padding=1)
        second = nn.Conv2d(filters, filters, 3, padding=1)
        self.body = nn.Sequential(
            first, norm(filters), nn.ReLU(), second, norm(filters)
        )

    def forward(self, x):
        y = self.body(x)
        return add_shortcut(x, y).to(y) if self.shortcut else y.relu()


def deep(normalise, shortcut):
    """Stack twenty blocks: ten of 8 maps, then ten of 16 maps, half as wide and high."""
    first = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU())
    widths = [(8, 8)] * 10 + [(8, 16)] + [(16, 16)] * 9
    middle = (Block(*pair, normalise, shortcut) for pair in widths)
    return nn.Sequential(*first, *middle, *zoo.pooled_head(16, 10))


# %% [markdown]
# > **Predict.** How many times smaller or larger is the gradient in the first convolution than in the last: in the plain network, with batch normalisation alone, with shortcuts
# > alone, and with both?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
x, y = (part[:256].cpu() for part in digits.train)
norms = {}
for name, with_what in {
    "plain": (False, False),
    "batch norm": (True, False),
    "shortcuts": (False, True),
    "both": (True, True),
}.items():
    torch.manual_seed(0)
    norms[name] = architectures.gradient_by_layer(deep(*with_what), x, y)
    print(f"{name:10} first to last: {norms[name][0] / norms[name][-1]:.1e}")
fig, ax = figures.panels(5.2, 2.7)
for name, by_layer in norms.items():
    ax.plot(range(1, len(by_layer) + 1), by_layer, label=name)
ax.set(xlabel="convolution", ylabel="norm of the gradient", yscale="log")
ax.legend()
figures.Shown(
    fig,
    "The norm of the gradient in each of 41 convolutions, on a logarithmic scale. In the plain network it falls by many powers of ten on the way back to the first; with batch normalisation alone it grows; with shortcuts it stays nearly the same.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# In the plain network the gradient vanishes: on its way back it becomes smaller by a factor of about $10^{18}$. Gradient descent would hardly move the first layers. Batch normalisation alone
# does the opposite: the gradient grows on its way back, about fiftyfold. With shortcuts, first and last differ by a factor of about two: every block passes the gradient on, wherever
# its ReLU lets it through, and adds what comes back through the convolutions.
#
# </details>
#
# ## 5. Your turn: normalise without a batch (8 minutes)
#
# A small network of depthwise separable convolutions, each followed by batch normalisation, is trained:


# %%
def separable(channels, filters):
    """Filter each channel by itself; then mix them by 1 x 1."""
    return nn.Sequential(
        blocks.conv_unit(channels, channels, 3, groups=channels),
        blocks.conv_unit(channels, filters, 1),
    )


def network(first, second):
    """Put two blocks into a small network: from 16 maps to 32, and from 32 to 32."""
    return nn.Sequential(
        blocks.conv_unit(1, 16, 3),
        nn.MaxPool2d(2),
        first,
        second,
        *zoo.pooled_head(32, 10),
    )


def small():
    """Build the small network of depthwise separable convolutions."""
    return network(separable(16, 32), separable(32, 32))


def train(build, rate, seed=0):
    """Train what `build` makes for eight epochs; return it."""
    candidate = architectures.Candidate(build, rate)
    return architectures.train(candidate, digits, epochs=8, seed=seed)[0]


def test(model):
    """Return the share of test images that `model` classifies correctly."""
    return float(accuracy.accuracy(loop.predict(model, digits.test.x), digits.test.y))


trained = train(small, rate=0.01)
print(f"{test(trained):.1%} of the test images are classified correctly")

# %% [markdown]
# > **Predict.** Somebody forgets `model.eval()`: the network stays in training mode while it gets the test images, in batches of 64, 8, 2 or 1. What becomes of the
# > accuracy?

# %% tags=["guess"]
guess = ""  # write yours here before you go on


# %%
def test_in_training_mode(model, size):
    """Return the accuracy on batches of `size` test images, with a copy of `model`."""
    model = copy.deepcopy(model).train()
    with torch.no_grad():
        logits = torch.cat([model(batch) for batch in digits.test.x.split(size)])
    return float(accuracy.accuracy(logits, digits.test.y))


for size in (64, 8, 2, 1):
    print(f"batches of {size:2}: {test_in_training_mode(trained, size):.1%}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# In training mode every channel is normalised by the mean and variance of the batch at hand. With 64 images these are about what they were in training. The fewer images, the worse, and a
# single image is classified hardly better than by chance.
#
# </details>
#
# *Group normalisation* (Y. Wu and K. He, 2018, arXiv:1803.08494) needs no batch. It divides the channels of an image into groups of equal size, neighbours together, and normalises
# the numbers of each group, at all places, by their own mean and variance:
#
# $$
# \hat a = \frac{a - \mu}{\sqrt{\sigma^2 + \varepsilon}}
# $$
#
# Each image is treated by itself, in training and in evaluation alike. Write `group_norm(x, groups, eps)` for maps `x (n, channels, h, w)`, without $\gamma$ and $\beta$. As in batch normalisation, $\sigma^2$ is
# the mean of the squared differences.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Put all numbers of a group into one row. Normalise each row, and bring the rows back to the shape of `x`.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `rows = x.reshape(len(x), groups, -1)`, and `keepdim=True` helps to subtract the mean
#
# </details>


# %% tags=["exercise"]
def group_norm(x, groups, eps):
    return None  # your turn


# %% tags=["check"]
attempt(checks.group_norm, group_norm)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def group_norm(x, groups, eps):
    rows = x.reshape(len(x), groups, -1)
    mean = rows.mean(dim=2, keepdim=True)
    variance = rows.var(dim=2, correction=0, keepdim=True)
    return ((rows - mean) / (variance + eps).sqrt()).reshape(x.shape)


# %% [markdown]
# The same network, trained with PyTorch's `nn.GroupNorm` in the place of batch normalisation, four groups in each layer:


# %%
def without_batch_norm(model):
    """Put group normalisation where batch normalisation is."""
    for unit in model.modules():
        if isinstance(unit, nn.Sequential) and isinstance(unit[1], nn.BatchNorm2d):
            unit[1] = nn.GroupNorm(4, unit[1].num_features)
    return model


grouped = train(lambda: without_batch_norm(small()), rate=0.01)
for size in (64, 1):
    print(f"batches of {size:2}: {test_in_training_mode(grouped, size):.1%}")
maps = grouped[0][0](digits.test.x).detach().cpu()
theirs = nn.functional.group_norm(maps, 4, eps=1e-5)
apart = float((tensor(group_norm(maps, 4, 1e-5)) - theirs).abs().max())
print(f"your normalised maps and PyTorch's differ by at most {apart:.0e}")

# %% [markdown]
# Now the batch does not matter. In evaluation mode, batch normalisation was a little better here, but that is one training of each, with one learning rate.
#
# ## 6. Your turn: within a budget (9 minutes)
#
# Take the network of part 5, with its depthwise separable convolutions; another with ordinary 3 by 3 convolutions in their place; and a third with your Fire modules.
#
# > **Predict.** How many times fewer FLOPs does the first need than the second? How many times faster is it? Which of the three is the most accurate?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Then build a network of your own, of **at most 50,000 FLOPs** an image, with at least one convolution. It gets images `(n, 1, 8, 8)` and returns logits `(n, 10)`. Return it untrained: the check
# trains it for eight epochs, and asks for 95 % of the validation images. (The network in the solution of the CNN's lab takes 161,792 FLOPs.)
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# A convolution pays for each pixel of its map. So make the maps small at once, with a stride or a pooling, and have most filters where few pixels are left. `cost` tells what a
# convolution takes.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `return nn.Sequential(blocks.conv_unit(1, 16, 3, stride=2), separable(16, 32), …`
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
        blocks.conv_unit(1, 16, 3, stride=2),  # (n, 16, 4, 4)
        separable(16, 32),  # (n, 32, 4, 4)
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 10),
    )


# %%
def count_flops(model):
    """Count the FLOPs of one image of 8 by 8 pixels."""
    with FlopCounterMode(display=False) as counter:
        loop.predict(model, digits.test.x[:1])
    return counter.get_total_flops()


def fire_block(channels):
    """Make 32 maps by your Fire module, and normalise them, as the others are."""
    return nn.Sequential(Fire(channels, 8, 16, 16), nn.BatchNorm2d(32))


def ordinary(channels):
    """Make 32 maps by 3 by 3 filters."""
    return blocks.conv_unit(channels, 32, 3)


# Below: FLOPs of an image, time of 256, and the accuracy on test images from three seeds.
contenders = {
    "ordinary": lambda: network(ordinary(16), ordinary(32)),
    "separable": small,
    "Fire": lambda: network(fire_block(16), fire_block(32)),
    "yours": build,
}
flops, shares, times = {}, {}, {}
for name, make in contenders.items():
    models = [train(make, rate=0.01, seed=seed) for seed in range(3)]
    flops[name] = count_flops(models[0])
    shares[name] = [test(model) for model in models]
    times[name] = 1000 * costs.seconds(models[0], digits.train.x[:256])
    print(
        f"{name:9} {flops[name]:7,} FLOPs {times[name]:5.1f} ms, "
        f"{min(shares[name]):.1%} to {max(shares[name]):.1%}"
    )

# %%
fig, ax = figures.panels(5.2, 2.5)
for (name, share), mark in zip(shares.items(), "osD*", strict=True):
    ax.plot([flops[name] / 1000] * 3, share, mark, ms=7, fillstyle="none", label=name)
ax.set(xscale="log", xlabel="thousand FLOPs an image", ylabel="accuracy, test images")
ax.set_xticks([50, 100, 200, 400], labels=["50", "100", "200", "400"])
ax.minorticks_off()
ax.legend()
figures.Shown(
    fig,
    "The accuracy on test images of four networks, each trained from three seeds, over their FLOPs, on a logarithmic scale.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The depthwise separable network has less than a fifth of the FLOPs of the ordinary one, but takes about as long (on a processor; on a GPU it may be different). FLOPs bound the time from below, and do not give
# it: reading and writing the maps takes time too. A depthwise convolution does few multiplications for each number that it reads. Small maps save both: the solution shrinks them in its first layer.
#
# The networks differ in accuracy hardly more than one of them does from seed to seed, on 179 test images: these digits are easy. All have the learning rate 0.01. Of 0.003, 0.01 and 0.03, tried on
# validation images, it was the best for each network, or within a percentage point of the best.
#
# </details>
#
# ## Go further
#
# - **Train the forty layers** of part 4, with shortcuts, with batch normalisation, and with both. Which loss falls fastest in the first epoch?
# - **Begin as the identity.** Set $\gamma$ (`weight` in PyTorch) of the last batch normalisation of every block to 0 before training. What does each block compute then, and what
#   changes in the first steps?
# - **Fold it.** In evaluation mode, batch normalisation can become a part of the convolution before it: exercise 3 of the lecture. Why can group normalisation not?
# - **DenseNet for FLOPs.** Replace the addition in `Block` by a concatenation, with 4 new maps each. How do the FLOPs grow with the depth?
# - **The first layer of a vision transformer** cuts an image into patches, and brings each to a vector by one linear layer. That is a convolution
#   whose stride is its kernel. A start:

# %%
x = digits.test.x[:8].cpu()
embedding = nn.Conv2d(1, 24, kernel_size=4, stride=4)
patches = nn.functional.unfold(x, kernel_size=4, stride=4).mT  # (n, 4 patches, 16)
tokens = patches @ embedding.weight.flatten(1).T + embedding.bias
assert torch.allclose(tokens, embedding(x).flatten(2).mT, atol=1e-5)
assert flops["yours"] <= 50_000
assert min(shares["yours"]) > 0.9
assert apart < 1e-3
