# %% [markdown]
# # Lab: three kinds of learning
#
# You let a model learn from labels, without labels, and from rewards, read a map, and advise others whether to learn at all. 45
# minutes. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `learning.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the repository. Cells
# named *your turn* hold a stub: fill it in and run the check below it. The solution is folded under the check; it runs too,
# so you can go on without having solved anything.

# %%
import torch

from learning import (
    advise,
    best_clusters,
    means,
    nearest_index,
    principal_components,
)
from neuronup import figures
from neuronup.accuracy import accuracy
from neuronup.digits import train_test_digits
from neuronup.exercises import attempt

x, digit, x_test, digit_test = train_test_digits(seed=0)
print(f"{len(x)} training images, {len(x_test)} held out; each has {x.shape[1]} pixels")

# %% [markdown]
# ## 1. Your turn: every label
#
# The model is a mean image for each digit. Write the function that makes them: images `x (n, d)` and labels `label (n,)` from 0 to 9
# give `(10, d)`. Row 3 is the average of all images labelled 3.


# %% tags=["exercise"]
def average(x, label):
    return None  # your turn


# %% tags=["check"]
def check_average(average):
    points = torch.arange(40.0).reshape(20, 2)
    label = torch.arange(20) % 10
    found = average(points, label)
    assert found is not None, "it returns nothing yet"
    assert found.shape == (10, 2), (
        f"a row for each digit, not shape {tuple(found.shape)}"
    )
    assert torch.allclose(found[0], torch.tensor([10.0, 11.0])), (
        "row 0 is the average of all points labelled 0"
    )
    assert torch.allclose(found, means(points, label)), "another row is not the average"


attempt(check_average, average)


# %% tags=["solution"] jupyter={"source_hidden": true}
def average(x, label):
    return torch.stack([x[label == k].mean(dim=0) for k in range(10)])


check_average(average)

# %% [markdown]
# > **Predict.** With all training images, what accuracy will the nearest mean reach on the held-out images? And with the first 100 only?

# %%
for n in (100, len(x)):
    model = average(x[:n], digit[:n])
    share = float(accuracy(nearest_index(x_test, model), digit_test))
    print(f"{n:>5} images: {share:.1%}")

# %% [markdown]
# Twelve times the images, and only a few points better: ten means soon reach their capacity.
#
# ## 2. Your turn: one step of k-means
#
# Now there are no labels. One step: each image joins the nearest of the `centres (k, d)`, then each centre moves to the average of its
# members. Return the new centres. Every centre in the check has members.


# %% tags=["exercise"]
def step(x, centres):
    return None  # your turn


# %% tags=["check"]
def check_step(step):
    points = torch.tensor([[1.0], [2.0], [6.0], [9.0]])
    once = step(points, torch.tensor([[1.0], [2.0]]))
    assert once is not None, "it returns nothing yet"
    assert torch.allclose(once, torch.tensor([[1.0], [17 / 3]])), (
        "1 stays alone at first; 2, 6 and 9 go together"
    )
    twice = step(points, once)
    assert torch.allclose(twice, torch.tensor([[1.5], [7.5]])), (
        "in the second step 2 changes groups"
    )
    assert torch.equal(step(points, twice), twice), "then nothing moves any more"


attempt(check_step, step)


# %% tags=["solution"] jupyter={"source_hidden": true}
def step(x, centres):
    member = nearest_index(x, centres)
    return torch.stack([x[member == k].mean(dim=0) for k in range(len(centres))])


check_step(step)

# %% [markdown]
# > **Predict.** Start at the first ten images and repeat. How many steps until nothing moves: 5, 15, 100? Does the sum of squared
# > distances ever rise on the way?

# %%
centres, costs = x[:10], []
while len(costs) < 2 or costs[-1] < costs[-2]:
    costs.append(float((x - centres[nearest_index(x, centres)]).square().sum()))
    centres = step(x, centres)
print("the cost, step by step:", " ".join(f"{cost:.0f}" for cost in costs))

# %% [markdown]
# It never rises: to join a nearer mean lowers it, and so does moving to the average.
#
# > **Predict.** And in noise? Draw 1,257 "images" in which every pixel is random. Will k-means find ten groups?

# %%
noise = torch.rand(x.shape, generator=torch.Generator().manual_seed(0))
for name, data in (("images", x), ("noise", noise)):
    groups = best_clusters(data, 10, initialisations=3, seed=0)
    sizes = torch.bincount(nearest_index(data, groups), minlength=10)
    before = (data - data.mean(dim=0)).square().sum()
    left = (data - groups[nearest_index(data, groups)]).square().sum() / before
    print(
        f"{name}: groups of {sorted(sizes.tolist())}, {left:.0%} of the variance is left"
    )

# %% [markdown]
# It finds ten groups in anything. What tells them apart is how much they explain: among the images the groups take away half of the variance, in
# noise very little.
#
# ## 3. Your turn: read a map
#
# Here are the images at their first two principal components.

# %%
centre, directions, share = principal_components(x, 2)
points = (x - centre) @ directions
fig, ax = figures.panels(5.2, 4)
for (across, up), name in zip(points[:200].tolist(), digit[:200].tolist(), strict=True):
    ax.text(across, up, str(name), ha="center", va="center")
ax.set(xlim=(-2.2, 2.1), ylim=(-2.1, 2), xlabel="first", ylabel="second")
figures.Shown(
    fig,
    "A map of 200 images, each written as its digit. 0, 3, 4 and 6 form islands, 1, 5, 7 and 8 overlap.",
)

# %% [markdown]
# > **Predict.** Look at the map. Which two digits have their means closest to each other?
#
# Write the function that answers: points `(n, d)` and labels `(n,)` give the pair of labels whose means are closest, the smaller first, as a tuple
# of two numbers.


# %% tags=["exercise"]
def closest_pair(points, label):
    return None  # your turn


# %% tags=["check"]
def check_closest_pair(closest_pair):
    label = torch.arange(10).repeat(3)
    line = (
        label.float()[:, None] ** 2 + torch.tensor([-0.1, 0.0, 0.1]).repeat(10)[:, None]
    )
    line[label == 7] = line[label == 4] + 0.5
    found = closest_pair(line, label)
    assert found is not None, "it returns nothing yet"
    assert tuple(found) != (0, 0), "a digit is not a pair with itself"
    assert sorted(found) == [4, 7], "here 4 and 7 are closest: compare the ten means"
    assert tuple(found) == (4, 7), "the smaller first"


attempt(check_closest_pair, closest_pair)


# %% tags=["solution"] jupyter={"source_hidden": true}
def closest_pair(points, label):
    centres = means(points, label)
    pairs = [(a, b) for a in range(10) for b in range(a + 1, 10)]
    return min(
        pairs, key=lambda pair: float((centres[pair[0]] - centres[pair[1]]).norm())
    )


check_closest_pair(closest_pair)

# %%
print("closest on the map:          ", closest_pair(points, digit))
print("closest in all 64 dimensions:", closest_pair(x, digit))
print(f"the map keeps {share:.0%} of the variance")

# %% [markdown]
# If the two lines differ, you have seen what a map leaves out: what is close on it need not be close.
#
# ## 4. Your turn: rewards
#
# The agent sees an image, and its action is to name a digit. Its reward is whether it was right, and it hears nothing else. Write how it chooses the action: if
# `explores` is true, or if it has no mean yet (all of `count (10, 1)` is 0), it takes `random_digit`; otherwise the digit whose mean `total / count` is nearest to
# the image `(64,)`. This is a contextual bandit, the simplest case: an action does not change what comes next.


# %% tags=["exercise"]
def choose(image, total, count, random_digit, explores):
    return None  # your turn


# %% tags=["check"]
def check_choose(choose):
    total, count = torch.zeros(10, 64), torch.zeros(10, 1)
    ones = torch.ones(64)
    first = choose(ones, total, count, 6, False)
    assert first is not None, "it returns nothing yet"
    assert first == 6, "without any mean it can only take the random digit"
    total[2], count[2] = 4 * ones, 4
    total[5], count[5] = 0 * ones, 3
    assert choose(ones, total, count, 6, True) == 6, (
        "where it explores, it takes the random digit"
    )
    assert choose(ones, total, count, 6, False) == 2, (
        "the mean of 2 is total / count, and nearest"
    )
    assert choose(0 * ones, total, count, 6, False) == 5, (
        "the mean of 5 is nearest here"
    )


attempt(check_choose, choose)


# %% tags=["solution"] jupyter={"source_hidden": true}
def choose(image, total, count, random_digit, explores):
    if explores or count.sum() == 0:
        return random_digit
    seen = total / count  # 0 / 0 where there is no mean: never nearest
    return int(nearest_index(image[None], seen))


check_choose(choose)

# %% [markdown]
# > **Predict.** One agent explores 30 % of the time, to the end. Another always explores at first, and less and less with time.
# > Which is rewarded more often while it learns? Which has the higher accuracy on held-out images in the end?

# %%
plans = {
    "30 % to the end": lambda seen: 0.3,
    "less and less": lambda seen: max(0.05, 1 - seen / 400),
}
for name, plan in plans.items():
    paid, accuracies = [], []
    for seed in range(4):  # one split might be luck
        ours, truths, theirs, their_truths = train_test_digits(seed)
        generator = torch.Generator().manual_seed(seed + 1)
        total, count, right = torch.zeros(10, 64), torch.zeros(10, 1), 0
        for seen, (image, y) in enumerate(zip(ours, truths.tolist(), strict=True)):
            explores = bool(torch.rand((), generator=generator) < plan(seen))
            random_digit = int(torch.randint(10, (), generator=generator))
            action = choose(image, total, count, random_digit, explores)
            if action == y:
                total[action], count[action] = total[action] + image, count[action] + 1
                right += 1
        paid.append(right / len(ours))
        predictions = nearest_index(theirs, total / count)
        accuracies.append(float(accuracy(predictions, their_truths)))
    right_share, held_out_accuracy = sum(paid) / 4, sum(accuracies) / 4
    print(f"{name}: rewarded {right_share:.1%}, accuracy {held_out_accuracy:.1%}")

# %% [markdown]
# The agent that explores less and less is rewarded more often on the way. With this schedule its accuracy is a few points lower on average, and depends
# more on chance: in some splits it may all but stop exploring before every digit has had its turn. Try 800 in place of 400: how much to
# explore, and for how long, has to be found out.
#
# ## 5. Your turn: rules or learning?
#
# Answer the five questions of the lecture for three tasks. For each give five times true or false: (1) can you write the rule down, for
# good? (2) may an answer be wrong now and then, unchecked? (3) are there examples with answers? (4) can a program try
# and be scored, with no harm? (5) are there examples without answers?
#
# - `"leap year"`: does this year have a 29th of February?
# - `"bird songs"`: ten thousand recordings for an app, each marked with the bird by an expert
# - `"warehouse"`: a simulated robot arm is to stack boxes; nobody can say how, but a tower stands or falls


# %% tags=["exercise"]
def answers(task):
    return None  # your turn


# %% tags=["check"]
def check_answers(answers):
    wanted = {
        "leap year": "write rules",
        "bird songs": "learn, supervised",
        "warehouse": "learn, by reinforcement",
    }
    for task, what in wanted.items():
        given = answers(task)
        assert given is not None, "it returns nothing yet"
        assert len(given) == 5, "five answers, please"
        advice = advise(*given)
        assert advice.what == what, (
            f"{task}: your answers lead to: {advice.what}, since {advice.why}"
        )


attempt(check_answers, answers)


# %% tags=["solution"] jupyter={"source_hidden": true}
def answers(task):
    return {
        "leap year": (True, False, True, True, True),
        "bird songs": (False, True, True, True, True),
        "warehouse": (False, True, False, True, False),
    }[task]


check_answers(answers)

# %% [markdown]
# Other answers may lead to the same advice, and that is fine. Where you disagree with a question, you have found something to talk about.
#
# ## Go further
#
# - Take a task from your own work through the five questions. Which one is the hardest to answer honestly?
# - Wrong actions tell something too: what the image is not. Let the agent use it, and see whether it learns faster.
# - More groups than digits, and one label for each group: how far do 40 labels carry?

# %%
groups = best_clusters(x, 40, initialisations=3, seed=0)
names = digit[nearest_index(groups, x)]
by_groups = float(accuracy(names[nearest_index(x_test, groups)], digit_test))
alone = float(accuracy(nearest_index(x_test, means(x[:40], digit[:40])), digit_test))
print(
    f"40 groups and their 40 labels: {by_groups:.1%}; the first 40 labels alone: {alone:.1%}"
)
assert by_groups > alone
