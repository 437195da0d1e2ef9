# %% [markdown]
# # Lab: three kinds of learning
#
# You let a model learn from labels, without labels, and from rewards, read a map, and advise others whether to learn at all. 70
# minutes. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `learning.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the
# repository, or `nox -s live` and work on this page.
# **Your turn** means: fill in the stub and run the check below it. If you are stuck, unfold the two hints. The solution is
# folded under the check: run it in any case. Where your own answer has passed, yours is used from there on; where not, the course's.

# %%
import torch

import checks
import learning
from neuronup import figures
from neuronup.accuracy import accuracy
from neuronup.digits import train_test_digits
from neuronup.exercises import attempt, solution, tensor

x, digit, x_test, digit_test = train_test_digits(seed=0)
print(f"{len(x)} training images, {len(x_test)} held out; each has {x.shape[1]} pixels")

# %% [markdown]
# ## 1. Your turn: every label, one at a time (15 minutes)
#
# > **Predict.** The model is a mean image for each digit. With all training images, what accuracy will the nearest mean reach on the held-out images? And with
# > the first 100 only?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# The lecture averages all images at once. Here they come one after the other, and none is kept: write how the model learns from a single one. It gets the means so
# far, `mean (k, d)`, the number of images in each, `count (k,)`, an `image (d,)` and its `label`, an integer. It returns two things: the new means and the
# new counts. Where no image has come yet, the mean and the count are 0. Leave the tensors that you get as they are.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# The sum of the images so far is the mean times the count. Add the image, and divide by the new count. Only one row changes.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `mean, count = mean.clone(), count.clone()`
#
# </details>


# %% tags=["exercise"]
def learn_one(mean, count, image, label):
    return None  # your turn


# %% tags=["check"]
attempt(checks.learn_one, learn_one)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def learn_one(mean, count, image, label):
    mean, count = mean.clone(), count.clone()
    count[label] += 1
    mean[label] += (image - mean[label]) / count[label]  # a step towards the image
    return mean, count


# %%
mean, count = torch.zeros(10, 64), torch.zeros(10)
for n, (image, label) in enumerate(zip(x, digit.tolist(), strict=True), 1):
    mean, count = map(tensor, learn_one(mean, count, image, label))
    if n in (100, len(x)):
        share = float(accuracy(learning.nearest_index(x_test, mean), digit_test))
        print(f"{n:>5} images: {share:.1%}")
same = torch.allclose(mean, learning.means(x, digit), atol=1e-4)
print("these are the means of the lecture:", same)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# Twelve times the images, and only a few points better: ten means soon reach their capacity.
#
# </details>
#
# ## 2. Your turn: one step of k-medoids (15 minutes)
#
# > **Predict.** Now there are no labels. Start at the first ten images and repeat the step below. How many steps until nothing moves: 5, 15, 100? Does the sum
# > of all distances between images and their centres ever rise on the way?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# A centre of k-means is an average, and need not look like any image. **k-medoids** takes one of the images instead. One step: each image of `x (n, d)` joins the
# nearest of the `centres (k, d)`; then each centre moves to the member of its group with the smallest sum of distances to the other members. Return the new centres
# `(k, d)`, in the order of the old ones. In the check every centre has members.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# First find the group of each image. Then, for one group at a time, a table of the distances between all its members: one row has the smallest sum.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `group = learning.nearest_index(x, centres)`; and the table of some `members` is `torch.cdist(members, members)`
#
# </details>


# %% tags=["exercise"]
def step(x, centres):
    return None  # your turn


# %% tags=["check"]
attempt(checks.step, step)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def step(x, centres):
    group, moved = learning.nearest_index(x, centres), []
    for k in range(len(centres)):
        members = x[group == k]
        distances = torch.cdist(members, members).sum(dim=1)
        moved.append(members[distances.argmin()])
    return torch.stack(moved)


# %%
centres, costs = x[:10], []
while len(costs) < 2 or costs[-1] < costs[-2]:
    costs.append(float(torch.cdist(x, centres).amin(dim=1).sum()))
    medoids, centres = centres, tensor(step(x, centres))
print("the cost, step by step:", " ".join(f"{cost:.0f}" for cost in costs))
fig, axes = figures.panels(6.4, 0.9, columns=10)
for ax, medoid in zip(axes, medoids, strict=True):
    figures.squares(ax, medoid.reshape(8, 8))
figures.Shown(
    fig,
    "Ten centres of k-medoids, each one of the images: a 6 twice, most other digits once.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# After a few steps nothing moves, and the cost never rises: to join a nearer centre lowers it, and so does moving to the member with the smallest sum. For the same
# reason k-means ends; its cost is the sum of the *squared* distances. These are the groups of one start, not the best there are.
#
# </details>
#
# > **Predict.** And in noise? Draw 1,257 "images" in which every pixel is random. Will k-means find ten groups?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %%
noise = torch.rand(x.shape, generator=torch.Generator().manual_seed(0))
for name, data in (("images", x), ("noise", noise)):
    groups = learning.best_clusters(data, 10, initialisations=3, seed=0)
    member = learning.nearest_index(data, groups)
    sizes = torch.bincount(member, minlength=10)
    before = (data - data.mean(dim=0)).square().sum()
    left = (data - groups[member]).square().sum() / before
    print(
        f"{name}: groups of {sorted(sizes.tolist())}, {left:.0%} of the variance is left"
    )

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# It finds ten groups in anything. What tells them apart is how much they explain: among the images the groups take away half of the variance, in
# noise very little.
#
# </details>
#
# ## 3. Your turn: read a map (15 minutes)
#
# Here are the images at their first two principal components.

# %%
centre, directions, share = learning.principal_components(x, 2)
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
# > **Predict.** Look at the map. Which two digits have their means closest to each other? Are they the closest in all 64 dimensions, too?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write the function that answers: points `(n, d)` and labels `(n,)` from 0 to 9 give the pair of labels whose means are closest, the smaller first, as two
# numbers.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Ten means, and the distance of each from each other one. No digit is a pair with itself, so leave out the zeros where a mean meets itself.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `centres = learning.means(points, label)`
#
# </details>


# %% tags=["exercise"]
def closest_pair(points, label):
    return None  # your turn


# %% tags=["check"]
attempt(checks.closest_pair, closest_pair)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def closest_pair(points, label):
    centres = learning.means(points, label)
    pairs = [(a, b) for a in range(10) for b in range(a + 1, 10)]
    return min(
        pairs, key=lambda pair: float((centres[pair[0]] - centres[pair[1]]).norm())
    )


# %%
for where, data in (("on the map", points), ("in all 64 dimensions", x)):
    a, b = (int(each) for each in closest_pair(data, digit))
    print(f"closest {where}: {a} and {b}")
print(f"the map keeps {share:.0%} of the variance")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# If the two lines differ, you have seen what a map leaves out: what is close on it need not be close.
#
# </details>
#
# ## 4. Your turn: rewards (15 minutes)
#
# The agent sees an image, and its action is to name a digit. Its reward is whether it was right, and it hears nothing else. If it is rewarded, it adds the image to the
# `total (10, 64)` of that digit and 1 to its `count (10, 1)`. This is a contextual bandit, the simplest case: an action does not change what comes next.
#
# When the agent of the lecture explores, it draws a digit at random. Yours is to explore with a plan.
#
# > **Predict.** One agent explores 30 % of the time, to the end. Another always explores at first, and less and less with time.
# > Which is rewarded more often while it learns? Which has the higher accuracy on held-out images in the end? And is a plan better than chance?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write how it chooses the action: if `explores` is true, it names a digit with the smallest count, so that it tries what it knows least. Otherwise it
# names the digit whose mean `total / count` is nearest to the `image (64,)`, among the digits that have a mean. If none has one yet, any digit will do.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Where a count is 0, the division makes `nan`, not a number. No comparison with it is true, so make sure that it cannot be the nearest.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `if explores: return int(count.argmin())`; and `learning.nearest_index` takes `nan` for infinitely far
#
# </details>


# %% tags=["exercise"]
def choose(image, total, count, explores):
    return None  # your turn


# %% tags=["check"]
attempt(checks.choose, choose)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def choose(image, total, count, explores):
    if explores:
        return int(count.argmin())
    return int(learning.nearest_index(image[None], total / count))


# %%
plans = {
    "30 % to the end": lambda seen: 0.3,
    "less and less": lambda seen: max(0.05, 1 - seen / 400),
}


def chance(image, total, count, explores):
    random_digit = int(torch.randint(10, (), generator=generator))
    return random_digit if explores else choose(image, total, count, False)


for how, act in (("at random", chance), ("with a plan", choose)):
    for name, plan in plans.items():
        paid, accuracies = [], []
        for seed in range(4):  # one split might be luck
            ours, truths, theirs, their_truths = train_test_digits(seed)
            generator = torch.Generator().manual_seed(seed + 1)
            total, count, right = torch.zeros(10, 64), torch.zeros(10, 1), 0
            for seen, (image, y) in enumerate(zip(ours, truths.tolist(), strict=True)):
                explores = bool(torch.rand((), generator=generator) < plan(seen))
                explores = explores or not count.any()
                action = int(tensor(act(image, total, count, explores)))
                if action == y:
                    total[action] += image
                    count[action] += 1
                    right += 1
            paid.append(right / len(ours))
            predictions = learning.nearest_index(theirs, total / count)
            accuracies.append(float(accuracy(predictions, their_truths)))
        right_share, held_out_accuracy = sum(paid) / 4, sum(accuracies) / 4
        print(
            f"explores {how}, {name}: rewarded {right_share:.1%}, accuracy {held_out_accuracy:.1%}"
        )

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The agent that explores less and less is rewarded more often on the way. With random digits and this schedule its accuracy is a few points lower on average, and depends
# more on chance: in some splits it may all but stop exploring before every digit has had its turn. The plan gives each digit its turn, and is better here, by both
# measures and with both schedules. Try 800 in place of 400: how much to
# explore, and for how long, has to be found out.
#
# </details>
#
# ## 5. Your turn: rules or learning? (10 minutes)
#
# Answer the five questions of the lecture for three tasks. For each give five times true or false: (1) can you write the rule down, for
# good? (2) may an answer be wrong now and then, unchecked? (3) are there examples with answers? (4) can a program try
# and be scored, with no harm? (5) are there examples without answers?
#
# - `"leap year"`: does this year have a 29th of February?
# - `"bird songs"`: ten thousand recordings for an app, each marked with the bird by an expert
# - `"warehouse"`: a simulated robot arm is to stack boxes; nobody can say how, but a tower stands or falls
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# The first question that settles it decides. So begin with the first, and ask of each task what is known: the rule, the answers, or only the score.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `if task == "leap year": return True, False, True, True, True`, since the calendar is a rule
#
# </details>


# %% tags=["exercise"]
def answers(task):
    return None  # your turn: five times True or False


# %% tags=["check"]
attempt(checks.answers, answers)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def answers(task):
    return {
        "leap year": (True, False, True, True, True),
        "bird songs": (False, True, True, True, True),
        "warehouse": (False, True, False, True, False),
    }[task]


# %%
for task in ("leap year", "bird songs", "warehouse"):
    advice = learning.advise(*(bool(each) for each in answers(task)))
    print(f"{task}: {advice.what}, since {advice.why}")

# %% [markdown]
# Other answers may lead to the same advice, and that is fine. Where you disagree with a question, you have found something to talk about.
#
# ## Go further
#
# - Take a task from your own work through the five questions. Which one is the hardest to answer honestly?
# - Wrong actions tell something too: what the image is not. Let the agent use it, and see whether it learns faster.
# - More groups than digits, and one label for each group: how far do 40 labels carry?

# %%
groups = learning.best_clusters(x, 40, initialisations=3, seed=0)
names = digit[learning.nearest_index(groups, x)]
by_groups = float(accuracy(names[learning.nearest_index(x_test, groups)], digit_test))
model = learning.means(x[:40], digit[:40])
alone = float(accuracy(learning.nearest_index(x_test, model), digit_test))
print(
    f"40 groups and their 40 labels: {by_groups:.1%}; the first 40 labels alone: {alone:.1%}"
)
assert by_groups > alone
