# %% [markdown]
# # Lab: rules or examples?
#
# You build the engine of an expert system, write a rule for images, let a program write the rules instead, and forecast from a chart. 55
# minutes. Read the [lecture](../) first, or go back to it when a word is new.
#
# To work along, unpack `history.zip` (*All to run it* on this lab's page) and open `lab.ipynb` in Jupyter, or run `nox -s lab` in the
# repository, or `nox -s live` and work on this page.
# **Your turn** means: fill in the stub and run the check below it. If you are stuck, unfold the two hints. The solution is
# folded under the check: run it in any case. Where your own answer has passed, yours is used from there on; where not, the course's.

# %%
import torch

import checks
import history
from neuronup import figures
from neuronup.exercises import attempt, solution

x, digit, x_test, digit_test = history.fixed_split()
print(f"{len(x)} images to look at, {len(x_test)} held out; each has 8 by 8 pixels")

# %% [markdown]
# ## 1. Your turn: an inference engine (15 minutes)
#
# A shop sells computers, and forgets parts. This is all that its expert knows: what is needed, and under which conditions.

# %%
shop = [
    ("fan", ["large power supply"]),
    ("large power supply", ["graphics card", "disk controller"]),
    ("disk controller", ["disk"]),
    ("cable", ["printer"]),
]
orders = [
    {"disk", "graphics card"},
    {"graphics card", "printer"},
    {"tape drive"},
    {"disk", "graphics card", "for the Arctic"},
]

# %% [markdown]
# The engine of the lecture goes from facts to a digit in one step. Here a conclusion may be a condition of another rule. To
# draw conclusions from conclusions, until nothing new follows, is called [forward chaining](../../../course/glossary/#forward-chaining).
#
# > **Predict.** What should be added to each of the four orders? What will the engine say of a tape drive, for which there is no rule?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write the engine. `rules` is a list of pairs as above, a conclusion and the list of its conditions, in any order; `facts` is a set of words.
# A rule fires if all its conditions hold. Return the set of all that holds in the end: the given facts and the conclusions.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Pass over all rules and add the conclusion of each one that fires. A rule that did not fire in this pass may fire in the next one, so repeat, until a pass adds nothing.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `known = set(facts)`; and `set(conditions) <= known` says whether all conditions hold
#
# </details>


# %% tags=["exercise"]
def conclude(rules, facts):
    return None  # your turn


# %% tags=["check"]
attempt(checks.conclude, conclude)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def conclude(rules, facts):
    known, before = set(facts), None
    while known != before:
        before = set(known)
        for conclusion, conditions in rules:
            if set(conditions) <= known:
                known.add(conclusion)
    return known


# %%
for order in orders:
    needed = set(conclude(list(shop), set(order))) - order
    print(f"{', '.join(sorted(order))}: add {', '.join(sorted(needed)) or 'nothing'}")

# %% [markdown]
# It can explain itself as well. Each conclusion names the facts that it rests on:

# %%
known = set(conclude(list(shop), set(orders[0])))
for conclusion, conditions in shop:
    if set(conditions) <= known:
        print(f"{conclusion}: because of {' and '.join(conditions)}")

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The first order needs three parts, each found from the one before; the second needs a cable. This is what rules are good at: exact, explained, and easy to correct.
# For the tape drive "nothing" is a silence: no rule knows of it, and the engine cannot tell
# that from an order which is complete. To the Arctic it sends a fan, as certain as ever. Nobody wrote down that it is cold there.
#
# </details>
#
# ## 2. Your turn: a rule for 3 or 8 (15 minutes)
#
# Now a field in which everybody is an expert. Here are some of the images that you may look at, 3s above and 8s below:

# %%
fig, axes = figures.panels(6.4, 2.2, rows=2, columns=7)
for row, number in zip(axes, (3, 8), strict=True):
    for ax, image in zip(row, x[digit == number][40:], strict=False):
        figures.squares(ax, image)
figures.Shown(
    fig,
    "Seven images of a 3 above seven of an 8. Several of the 8s show no clear hole.",
)

# %% [markdown]
# > **Predict.** An 8 has two holes, a 3 has none. On how many in a hundred of these images is that rule right? And how many will yours reach?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write a rule that tells 8s from 3s. It gets images `x (n, 8, 8)`, from 0 (background) to 1 (stroke), rows first, and gives `(n,)`: true for an 8, false for a 3. It should be right on 85 % of
# the images that you may look at. The check says how far you are: look at the images, change the rule, try again. Note the time when you begin.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Find a patch that holds a stroke in nearly every 8 and hardly in any 3, and compare its mean with a number. The lower loop of an 8 is closed on its left.
# `history.holes(x)` marks pixels `(n, 8, 8)` in holes. Two conditions are combined by `&` (and) or `|` (or).
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `patch = x[:, 2:4, 1:3].mean(dim=(1, 2))`, the mean of four pixels at the upper left of each image. Other places tell more
#
# </details>


# %% tags=["exercise"]
def is_eight(x):
    return None  # your turn


# %% tags=["check"]
attempt(checks.is_eight, is_eight)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def is_eight(x):
    return x[:, 5, 2:4].mean(dim=1) > 0.35  # where an 8 closes its lower loop


# %%
def two_holes(x):
    found = history.holes(x)
    return found[:, :4].flatten(1).any(dim=1) & found[:, 4:].flatten(1).any(dim=1)


def right_on(rule, x, digit):
    these = (digit == 3) | (digit == 8)
    return history.share_correct(
        torch.as_tensor(rule(x[these])).bool(), digit[these] == 8
    )


for name, rule in (("two holes", two_holes), ("the rule", is_eight)):
    print(
        f"{name}: looked at {right_on(rule, x, digit):.0%}, "
        f"held out {right_on(rule, x_test, digit_test):.0%}, "
        f"moved by one pixel {right_on(rule, history.shift(x_test), digit_test):.0%}"
    )

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# The rule that everybody gives first is wrong on one image in four: hasty 8s do not close their loops. A rule about a place does better, until
# the images move by one pixel. The holes move along with the image, so that rule stays as good as it was.
#
# How many minutes did you need? Among ten digits there are 45 pairs.
#
# </details>
#
# ## 3. Your turn: let the program write the rules (15 minutes)
#
# Did the rules of the lecture do badly because people wrote them? Let a program write rules, in the same words: the 14 facts. It begins with all images
# in one group, picks a fact, and splits the group by it. Then it splits one of the groups that it has, the one with most mistakes, and so on. Each group becomes a
# rule, whose conditions are the splits that led to it. Such rules form a [decision tree](../../../course/glossary/#decision-tree).

# %%
facts_test = history.observe(x_test)
by_hand = history.infer(history.parse(history.RULES), facts_test)
print(f"24 rules of the lecture: {history.share_correct(by_hand, digit_test):.1%}")

# %% [markdown]
# > **Predict.** Let the program look at the same images and write 24 rules too. How many of the held-out images will they classify correctly? And how many does the
# > nearest neighbour, if it sees nothing but the 14 facts?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write the choice of the fact. You get a group: `facts (n, k)`, true where a fact holds of an image, and `digit (n,)`, its label from 0 to 9. A fact splits
# the group in two. Let each part predict the digit that is most frequent in it, and count the images that are then classified
# correctly, in both parts together. Return which of the facts, `0` to `k - 1`, has the highest count.
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# For one fact: count each digit among the images where it holds; the largest of the counts is what that part gets right. The same where it does not hold, and add
# the two. Do so for every fact.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `yes = torch.bincount(digit[facts[:, 0]], minlength=10).max()`, for the part where the fact number 0 holds; `~facts[:, 0]` is where it does not
#
# </details>


# %% tags=["exercise"]
def best_fact(facts, digit):
    return None  # your turn


# %% tags=["check"]
attempt(checks.best_fact, best_fact)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def best_fact(facts, digit):
    def most(part):
        return torch.bincount(part, minlength=10).max()

    right = [most(digit[fact]) + most(digit[~fact]) for fact in facts.T]
    return int(torch.stack(right).argmax())


# %%
NAMES = list(history.FACTS)


def write_rules(x, digit, count):
    """Let the program write so many rules, fewer where the facts allow no more."""
    facts = history.observe(x)
    table = torch.stack([facts[name] for name in NAMES], dim=1)  # (n, 14)
    open_groups, done = [([], torch.arange(len(digit)))], []
    while open_groups and len(open_groups) + len(done) < count:
        wrong = [int((digit[m] != digit[m].mode()[0]).sum()) for _, m in open_groups]
        conditions, members = open_groups.pop(wrong.index(max(wrong)))
        chosen = int(best_fact(table[members], digit[members]))
        yes, name = table[members, chosen], NAMES[chosen]
        if yes.all() or not yes.any():  # nothing to split by
            done.append((conditions, members))
            continue
        open_groups.append(([*conditions, name], members[yes]))
        open_groups.append(([*conditions, f"no {name}"], members[~yes]))
    return [history.Rule(int(digit[m].mode()[0]), c) for c, m in open_groups + done]


learned = write_rules(x, digit, 24)
for rule in learned[:4]:
    print(f"{rule.digit} if {', '.join(rule.conditions)}")

# %% [markdown]
# They read like the rules of the lecture, and the lecture's engine runs them:


# %%
def seen_as_facts(x):
    facts = history.observe(x)
    return torch.stack([facts[name] for name in NAMES], dim=1).float()  # (n, 14)


by_facts = history.nearest_neighbour(seen_as_facts(x), digit, seen_as_facts(x_test))
predictions = {
    "24 rules by a person, 14 facts": by_hand,
    "24 rules by counting, 14 facts": history.infer(learned, facts_test),
    "64 rules by counting, 14 facts": history.infer(
        write_rules(x, digit, 64), facts_test
    ),
    "nearest neighbour, 14 facts": by_facts,
    "nearest neighbour, 64 pixels": history.nearest_neighbour(x, digit, x_test),
}
for name, predicted in predictions.items():
    print(f"{name}: {history.share_correct(predicted, digit_test):.1%}")

# %% [markdown]
# And with fewer examples?

# %%
curves = []
for seed in range(5):
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    rows = [order[:size] for size in history.TRAINING_SIZES]
    drawn = [history.infer(write_rules(x[r], digit[r], 24), facts_test) for r in rows]
    curves.append([history.share_correct(each, digit_test) for each in drawn])
fig, ax = figures.panels(5.2, 3)
sizes = history.TRAINING_SIZES
neighbour = history.learning_curves(0, torch.device("cpu"))
figures.band(ax, sizes, neighbour, "nearest neighbour, pixels", marker="o", ms=4)
figures.band(ax, sizes, torch.tensor(curves), "rules by counting", marker="s", ms=4)
written = history.share_correct(by_hand, digit_test)
ax.axhline(written, color=figures.INK, ls=":", label="rules by a person")
ax.set(xscale="log", ylim=(0, 1), xlabel="examples", ylabel="accuracy, held-out")
ax.set_xticks([10, 100, 1000], ["10", "100", "1000"])
ax.minorticks_off()
ax.legend(loc="lower right")
figures.Shown(
    fig,
    "Accuracy against the number of examples. The nearest neighbour on pixels passes "
    "the rules of a person before 40 examples and nears 1; rules by counting reach "
    "them only with several hundred examples and stay near 0.75.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# With as many rules the program does about as well as a person, in a fraction of a second, and it can write more of them: 64 are better than 24. So a good part of the
# work of a [knowledge engineer](../../../course/glossary/#knowledge-engineer) can be left to a program, if there are examples. But nothing here that sees only the facts gets beyond 80 %. The
# nearest neighbour loses a fifth of the images when it sees facts in place of pixels. So rules are not all that fails: much is lost in the **facts**, which people
# made, before any rule is asked.
#
# That is the step of 2012. The runner-up had been trained as well, but on features that people had designed. AlexNet found its features itself, in
# the pixels.
#
# </details>
#
# ## 4. Your turn: forecast (10 minutes)
#
# A network that finds its features itself needs many examples, and much compute. The compute of well-known models has doubled every few months. Does that say what comes next?
#
# > **Predict.** It is the end of 2018. On the logarithmic chart draw a line from AlexNet through each later model, on to 2025. By which factor do the highest and
# > the lowest of these forecasts differ: ten, a thousand, a million, more?

# %% tags=["guess"]
guess = ""  # write yours here before you go on

# %% [markdown]
# Write the forecast. `earlier` and `later` are two models, each a pair of a year and its compute. If compute goes on *multiplying* at the pace between these two, how much is it in `year`?
#
# <details markdown="1"><summary>Hint: the idea</summary>
#
# Between the two it grew by a factor, in a number of years. In twice that time it grows by the factor squared, in half of it by the square root.
#
# </details>
# <details markdown="1"><summary>Hint: the first line</summary>
#
# `factor = later[1] / earlier[1]`, the growth over `later[0] - earlier[0]` years; a power is written `**`
#
# </details>


# %% tags=["exercise"]
def forecast(earlier, later, year):
    return None  # your turn


# %% tags=["check"]
attempt(checks.forecast, forecast)


# %% tags=["solution"] jupyter={"source_hidden": true}
@solution
def forecast(earlier, later, year):
    factor = later[1] / earlier[1]
    spans = (year - later[0]) / (later[0] - earlier[0])
    return later[1] * factor**spans


# %%
first, *others = [(model.year, model.exaflop) for model in history.MODELS]
last = others[-1]
fig, ax = figures.panels(5.2, 3)
for model in history.MODELS[1:7]:  # before 2019
    there = float(forecast(first, (model.year, model.exaflop), last[0]))
    print(f"AlexNet and {model.name}: {there:.1e} exaFLOP in {last[0]}")
    ax.plot([first[0], last[0]], [first[1], there], color=figures.FAINT, lw=1, ls="-")
print(f"{history.MODELS[-1].name}, estimated: {last[1]:.1e}")
ax.plot(*zip(first, *others, strict=True), "o", color=figures.BLUE)
ax.axvline(2019, color=figures.INK, ls=":")
ax.set(yscale="log", ylabel="exaFLOP", xlabel="year")
figures.Shown(
    fig,
    "Training compute of fourteen models on a logarithmic axis. Six lines from AlexNet "
    "through models before 2019 fan out to 2025.",
)

# %% [markdown]
# <details markdown="1"><summary>What came out</summary>
#
# A factor of hundreds of millions. The line through GNMT ends far above all models that came. Without it the others still differ by a factor of about
# two hundred, and all end far below the largest. Each forecast assumes that the pace stays as it was, and that two models stand for all. It depends most
# on which two you take.
#
# What would a forecast for 2040 assume about money, chips and power? A line does not say. It too knows only what somebody put in.
#
# </details>
#
# ## Go further
#
# - Add `is_eight` to `history.FACTS` as a fifteenth fact (`NAMES` needs it too). Does the program use it? Does it help?
# - Let the program write more and more rules. On the images looked at and on those held out: where do the two part?
# - Is there a list of rules over the 14 facts that is right on all images? Images with the same facts cannot be told apart by any rule. The best
#   that *any* rules could do on the images looked at:

# %%
patterns, which = seen_as_facts(x).unique(dim=0, return_inverse=True)
most = [torch.bincount(digit[which == k]).max() for k in range(len(patterns))]
ceiling = float(sum(most)) / len(x)
examples = history.share_correct(
    predictions["nearest neighbour, 64 pixels"], digit_test
)
print(
    f"{len(patterns)} patterns of facts; any rules are right on {ceiling:.1%} at most"
)
print(f"examples, on images that they have never seen: {examples:.1%}")
assert ceiling < examples
