# %% [markdown]
# # Lab: slide a window, and let it learn
#
# You write a convolution, choose filters by hand, do the arithmetic, train a network, look inside, break it, and make it
# detect digits in a larger image. 45 minutes. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `cnn.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the repository. Cells
# named *your turn* hold a stub: fill it in and run the check below it. The solution is folded under the check; it runs too,
# so you can go on without having solved anything.

# %%
import torch
from torch import nn
from torch.nn import functional

from cnn import (
    apply_filter,
    evaluate_moved,
    fully_convolutional,
    maximally_activating_patches,
    photograph,
    scene,
    train,
)
from neuronup import devices, figures
from neuronup.accuracy import accuracy
from neuronup.augmentation import translate_each
from neuronup.costs import count_parameters
from neuronup.exercises import attempt
from neuronup.figures import greyscale, montage
from neuronup.images import load
from neuronup.loaders import Loader
from neuronup.loop import fit, predict

torch.manual_seed(0)
device = devices.pick("auto")  # where networks compute: a GPU, if there is one
image = photograph()
print(f"a photograph of {image.shape[0]} by {image.shape[1]} pixels, each from 0 to 1")

# %% [markdown]
# ## 1. Your turn: one window at a time
#
# > **Predict.** An image has 6 rows and 8 columns, a filter 3 and 3. How many positions has the filter with stride 1? And with stride 2?
#
# The lecture's convolution in two loops moves its window by one pixel. Write it with a `stride`: `image (h, w)` and `weight (a, b)` give a
# feature map with one sum for each position of the window.


# %% tags=["exercise"]
def convolve(image, weight, stride):
    return None  # your turn


# %% tags=["check"]
def check_convolve(convolve):
    image, weight = torch.randn(6, 8), torch.randn(3, 2)
    for stride, size in ((1, (4, 7)), (2, (2, 4)), (3, (2, 3))):
        found = convolve(image, weight, stride)
        assert found is not None, "it returns nothing yet"
        assert found.shape == size, (
            f"with stride {stride} there are {size} positions, not {tuple(found.shape)}"
        )
        right = functional.conv2d(image[None, None], weight[None, None], stride=stride)
        assert torch.allclose(found, right[0, 0], atol=1e-5), (
            f"with stride {stride}: multiply each weight by the pixel under it, and add up"
        )


attempt(check_convolve, convolve)


# %% tags=["solution"] jupyter={"source_hidden": true}
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


check_convolve(convolve)

# %% [markdown]
# The answer to the prediction: 4 by 6, and 2 by 3. PyTorch does the same without loops in Python, and much faster.
#
# ## 2. Your turn: only the slanted lines
#
# > **Predict.** The lecture's filter B keeps vertical lines: −1, 2, −1 in each row. What would it make of a line at 45 degrees?
#
# Write a 3 by 3 filter that gives a positive sum on a line that falls from the upper left to the lower right, and exactly 0 in
# the middle of a horizontal line, of a vertical one, and of a uniform area.


# %% tags=["exercise"]
def slanted():
    return None  # your turn


# %% tags=["check"]
def check_slanted(slanted):
    weight = slanted()
    assert weight is not None, "it returns nothing yet"
    assert weight.shape == (3, 3), "the filter is to be 3 by 3"
    horizontal, falling = torch.zeros(3, 3), torch.eye(3)
    horizontal[1] = 1
    assert (weight * torch.ones(3, 3)).sum().abs() < 1e-6, (
        "a uniform area does not give 0: the weights must add up to 0"
    )
    assert (weight * horizontal).sum().abs() < 1e-6, "a horizontal line does not give 0"
    assert (weight * horizontal.T).sum().abs() < 1e-6, "a vertical line does not give 0"
    assert (weight * falling).sum() > 0, "a falling line should give a positive sum"
    assert (weight * falling).sum() > (weight * falling.flip(1)).sum(), (
        "a rising line should give less than a falling one"
    )


attempt(check_slanted, slanted)


# %% tags=["solution"] jupyter={"source_hidden": true}
def slanted():
    return torch.tensor([[1.0, 0.0, -1.0], [0.0, 0.0, 0.0], [-1.0, 0.0, 1.0]])


check_slanted(slanted)

# %%
fig, axes = figures.panels(5.2, 1.7, columns=3)
views = {
    "photograph": image,
    "B: vertical": apply_filter(image, "B").clamp(0, 1.2),
    "yours: falling": convolve(image, slanted(), 1).clamp(0, 0.6),
}
for ax, (name, view) in zip(axes, views.items(), strict=True):
    greyscale(ax, view, name, inverted=False)
figures.Shown(
    fig,
    "A photograph of a tower; the vertical lines that filter B keeps; and the falling lines, such as roof tiles, that yours keeps.",
)

# %% [markdown]
# The answer to the prediction: little. With 1s on the line, a vertical one gives B a sum of $3 \cdot 2 = 6$. A falling one gives
# $-1 + 2 - 1 = 0$ on the line itself, and $2 - 1 = 1$ beside it.
#
# ## 3. Your turn: the arithmetic
#
# > **Predict.** 3 by 3 filters with stride 2 and padding 1 on 28 by 28 pixels: how large is the map?
#
# Write two formulas: the `size` of the map along one side, and the number of `parameters` of a convolution with bias.


# %% tags=["exercise"]
def size(pixels, kernel, stride, padding):
    return None  # your turn


def parameters(channels, filters, kernel):
    return None  # your turn


# %% tags=["check"]
def check_arithmetic(size, parameters):
    for pixels, kernel, stride, padding in ((28, 3, 2, 1), (32, 5, 1, 0), (9, 2, 3, 1)):
        layer = nn.Conv2d(3, 7, kernel, stride, padding)
        right = layer(torch.zeros(1, 3, pixels, pixels)).shape[-1]
        found = size(pixels, kernel, stride, padding)
        assert found is not None, "size returns nothing yet"
        assert found == right, (
            f"{pixels} pixels, kernel {kernel}, stride {stride}, padding {padding}: {right}, not {found}"
        )
        assert parameters(3, 7, kernel) == count_parameters(layer), (
            f"3 channels, 7 filters of {kernel} by {kernel}: {count_parameters(layer)} parameters"
        )


attempt(check_arithmetic, size, parameters)


# %% tags=["solution"] jupyter={"source_hidden": true}
def size(pixels, kernel, stride, padding):
    return (pixels + 2 * padding - kernel) // stride + 1


def parameters(channels, filters, kernel):
    return filters * (channels * kernel**2 + 1)


check_arithmetic(size, parameters)

# %% [markdown]
# The answer to the prediction: $\lfloor (28 + 2 - 3) / 2 \rfloor + 1 = 14$.
#
# ## 4. Your turn: pool
#
# Write max pooling with windows of 2 by 2 and stride 2: maps `x (n, c, h, w)` with even sides give `(n, c, h / 2, w / 2)`.
# A hint: `reshape` can split a side in two.


# %% tags=["exercise"]
def pool(x):
    return None  # your turn


# %% tags=["check"]
def check_pool(pool):
    x = torch.randn(2, 3, 4, 6)
    found = pool(x)
    assert found is not None, "it returns nothing yet"
    assert found.shape == (2, 3, 2, 3), f"(2, 3, 2, 3), not {tuple(found.shape)}"
    assert torch.equal(found, functional.max_pool2d(x, 2)), (
        "each number is to be the largest of its own 2 by 2 window"
    )


attempt(check_pool, pool)


# %% tags=["solution"] jupyter={"source_hidden": true}
def pool(x):
    n, c, high, wide = x.shape
    return x.reshape(n, c, high // 2, 2, wide // 2, 2).amax(dim=(3, 5))


check_pool(pool)

# %% [markdown]
# ## 5. Your turn: a network
#
# Now the digits. Build a network of at most 5,000 parameters that classifies at least 95 % of the validation images correctly after twelve
# epochs. It gets images `(n, 1, 8, 8)` and returns logits `(n, 10)`. Put together `nn.Conv2d`, `nn.BatchNorm2d`, `nn.ReLU`,
# `nn.MaxPool2d`, `nn.Flatten` and `nn.Linear` as you like.
#
# > **Predict.** Where will most of the parameters be: in the convolutions, or in the linear layer?

# %%
images = load("digits", seed=0).to(device)
print(
    f"{len(images.train.x)} training images, {len(images.validation.x)} validation images, {len(images.test.x)} test images"
)


# %% tags=["exercise"]
def build():
    return None  # your turn


# %% tags=["check"]
def check_build(build):
    torch.manual_seed(0)
    model = build()
    assert model is not None, "it returns nothing yet"
    model = model.to(device)
    assert count_parameters(model) <= 5000, (
        f"{count_parameters(model):,} parameters are too many"
    )
    assert any(isinstance(layer, nn.Conv2d) for layer in model.modules()), (
        "there is no convolution in it"
    )
    assert model(images.train.x[:2]).shape == (2, 10), "an image is to give 10 logits"
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 12)
    batches = Loader(images.train, 64, seed=0)
    history = fit(model, batches, images.validation, optimiser, 12, schedule=schedule)
    right = history["validation_score"][-1]
    assert right >= 0.95, (
        f"only {right:.1%} of the validation images are classified correctly"
    )


attempt(check_build, build)


# %% tags=["solution"] jupyter={"source_hidden": true}
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


check_build(build)

# %%
for layer in build():
    if count_parameters(layer):
        print(f"{count_parameters(layer):>5} parameters: {layer}")

# %% [markdown]
# The answer to the prediction: in the linear layer, if the maps are still 4 by 4 when they reach it. One more pooling quarters it.
#
# ## 6. Look inside
#
# The lecture's network, trained with random translation:

# %%
model, score = train("CNN", images, reach=1, epochs=15, seed=0)
right = float(accuracy(predict(model, images.test.x), images.test.y))
print(
    f"{count_parameters(model):,} parameters: accuracy {score:.1%} on validation images, {right:.1%} on test images"
)

# %% [markdown]
# > **Predict.** What do the maximally activating patches of a filter of the second layer show, which sees 5 by 5 pixels? And those of the third, which sees 10 by 10?

# %%
fig, axes = figures.panels(5.2, 2.2, rows=2)
for ax, name in zip(axes, ("relu2", "relu3"), strict=True):
    greyscale(
        ax, montage(maximally_activating_patches(model, images.test.x, name, 8), 8)
    )
    ax.set_ylabel(f"layer {name[-1]}", rotation=0, ha="right", va="center")
figures.Shown(
    fig,
    "For eight filters each of the second and third layer, the maximally activating patch: corners and arcs, then nearly whole digits.",
)

# %% [markdown]
# ## 7. Your turn: translate
#
# Write a function that moves all images `x (n, c, h, w)` by `right` pixels (0 or more) to the right. The background, 0, comes in at the left.


# %% tags=["exercise"]
def to_the_right(x, right):
    return None  # your turn


# %% tags=["check"]
def check_to_the_right(to_the_right):
    x = torch.rand(3, 1, 4, 5)
    for right in (0, 1, 3):
        found = to_the_right(x, right)
        assert found is not None, "it returns nothing yet"
        assert found.shape == x.shape, "the images are to keep their size"
        expected = translate_each(x, torch.tensor([[0, right]]).expand(3, 2))
        assert torch.equal(found, expected), f"by {right} pixels it is not right"


attempt(check_to_the_right, to_the_right)


# %% tags=["solution"] jupyter={"source_hidden": true}
def to_the_right(x, right):
    return functional.pad(x, (right, 0, 0, 0))[..., : x.shape[-1]]


check_to_the_right(to_the_right)

# %% [markdown]
# > **Predict.** Of two networks of this kind one was trained on the images as they are. How many test images does it classify correctly, if they are moved
# > by one pixel? And the one trained with translation?

# %%
plain, _ = train("CNN", images, reach=0, epochs=15, seed=0)
for name, each in (("without translation", plain), ("with translation", model)):
    still, one, two, _ = evaluate_moved(each, images.test)
    print(f"{name}: {still:.1%}; moved by 1 pixel {one:.1%}; by 2 {two:.1%}")

# %% [markdown]
# Each convolution is equivariant to shifts; the pooling and the last layer are not. Training on translated images makes up for it.
#
# ## 8. Your turn: from a class to a place
#
# Turned into convolutions throughout, the network slides over a larger image, two pixels at a time:

# %%
large = scene(images.test, cells=2, many=1, seed=5)
padded = functional.pad(large.x, (2, 2, 2, 2)).to(device)
with torch.no_grad():
    logits = fully_convolutional(model)(padded)[0]
print(f"a scene {tuple(large.x.shape[2:])}, logits {tuple(logits.shape)}")

# %% [markdown]
# Its stride is 2: the logits at row $i$, column $j$ are about the 8 by 8 pixels whose corner is at $(2i, 2j)$. The scene holds one digit.
#
# > **Predict.** Will the highest logit be the one over the digit?
#
# Write a function that gets `logits (10, rows, columns)` and `intensity (rows, columns)`, the mean intensity of each window, and returns the class and the
# corner `(what, top, left)` of the highest logit among windows with an intensity of at least 0.2.


# %% tags=["exercise"]
def locate(logits, intensity):
    return None  # your turn


# %% tags=["check"]
def check_locate(locate):
    logits, intensity = torch.zeros(10, 4, 5), torch.full((4, 5), 0.3)
    logits[7, 2, 3], logits[1, 0, 0], intensity[0, 0] = 5.0, 9.0, 0.1
    found = locate(logits, intensity)
    assert found is not None, "it returns nothing yet"
    what, top, left = (int(each) for each in found)
    assert (top, left) != (0, 0), "the window at (0, 0) has too low an intensity"
    assert what == 7, f"the class of the highest logit is 7, not {what}"
    assert (top, left) == (4, 6), (
        f"row 2, column 3 is the corner (4, 6), not {(top, left)}"
    )


attempt(check_locate, locate)


# %% tags=["solution"] jupyter={"source_hidden": true}
def locate(logits, intensity):
    scores, what = logits.max(dim=0)
    scores = torch.where(intensity < 0.2, -torch.inf, scores)
    row, column = divmod(int(scores.argmax()), scores.shape[1])
    return int(what[row, column]), 2 * row, 2 * column


check_locate(locate)

# %%
found, blind = 0, 0
for seed in range(50):
    large = scene(images.test, cells=2, many=1, seed=seed)
    padded = functional.pad(large.x, (2, 2, 2, 2)).to(device)
    with torch.no_grad():
        logits = fully_convolutional(model)(padded)[0]
    intensity = functional.avg_pool2d(large.x, 8, 2)[0, 0].to(device)
    what, *corner = locate(logits, intensity)
    near = (large.where[0] - torch.tensor(corner)).abs().max() <= 2
    found += bool(near) and what == int(large.what[0])
    _, *highest = locate(logits, torch.ones_like(intensity))  # the rule is off
    blind += bool((large.where[0] - torch.tensor(highest)).abs().max() <= 2)
print(f"{found} of 50 digits found and classified correctly")
print(f"without the rule, the highest logit is over the digit in {blind} of 50 scenes")

# %% [markdown]
# The answer to the prediction: in most scenes, but far from all, without the rule about the intensity. The network was not trained to say
# "nothing here".
#
# ## Go further
#
# - **Say "nothing".** Give the network an eleventh class, and train it with windows of scenes that hold no digit in their middle.
#   Is the rule about the intensity still needed?
# - **Whole equivariance.** Replace the pooling by a mean over the whole map before a linear layer (`nn.AdaptiveAvgPool2d(1)`). What is the accuracy on translated
#   images, and on those that are not?
# - **The small data.** Keep 5, 10, 20 images of each class. Down to how many is the network better than a fully connected one (`train("deep MLP", …)`)?
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
