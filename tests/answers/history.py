"""Answers to the lab on the history of AI."""

from collections import Counter

import numpy as np
import torch

from answers import right, wrong
from history import bright, holes


@right("conclude")
def while_something_fires(rules, facts):
    facts, changed = list(facts), True
    while changed:
        changed = False
        for conclusion, conditions in rules:
            if conclusion not in facts and all(each in facts for each in conditions):
                facts.append(conclusion)
                changed = True
    return facts


@right("conclude")
def as_often_as_there_are_rules(rules, facts):
    for _ in rules:
        for conclusion, conditions in rules:
            if all(each in facts for each in conditions):
                facts.add(conclusion)
    return facts


@right("conclude")
def by_calling_itself(rules, facts):
    new = {conclusion for conclusion, conditions in rules if facts.issuperset(conditions)} - facts
    return by_calling_itself(rules, facts | new) if new else facts


@right("conclude")
def with_an_agenda(rules, facts):
    known, agenda = set(), sorted(facts)
    while agenda:
        known.add(agenda.pop())
        agenda += [what for what, conditions in rules if what not in known and set(conditions) <= known]
    return tuple(known)


@right("conclude")
def backwards(rules, facts):
    def holds(word, asked):
        return word in facts or any(
            what == word and word not in asked and all(holds(each, asked | {word}) for each in conditions)
            for what, conditions in rules
        )

    return frozenset(facts) | {what for what, _ in rules if holds(what, frozenset())}


@wrong("conclude", "one pass over the rules is not enough")
def one_pass(rules, facts):
    known = set(facts)
    for conclusion, conditions in rules:
        if set(conditions) <= known:
            known.add(conclusion)
    return known


@wrong("conclude", "two passes over the rules are not enough")
def two_passes(rules, facts):
    return one_pass(rules, one_pass(rules, facts))


@wrong("conclude", "three passes over the rules are not enough")
def three_passes(rules, facts):
    return one_pass(rules, two_passes(rules, facts))


@wrong("conclude", "however many passes it takes")
def five_passes(rules, facts):
    return two_passes(rules, three_passes(rules, facts))


@wrong("conclude", "only if *all* of its conditions hold")
def any_condition(rules, facts):
    known = set(facts)
    for _ in rules:
        known |= {conclusion for conclusion, conditions in rules if known & set(conditions)}
    return known


@wrong("conclude", "return the given facts too")
def conclusions_only(rules, facts):
    return as_often_as_there_are_rules(rules, set(facts)) - facts


@wrong("conclude", "one pass over the rules is not enough")
def from_the_given_facts_alone(rules, facts):
    return facts | {conclusion for conclusion, conditions in rules if set(conditions) <= facts}


@wrong("conclude", "the others count all the same")
def stops_at_a_known_conclusion(rules, facts):
    if any(conclusion in facts for conclusion, _ in rules):
        return facts
    return as_often_as_there_are_rules(rules, set(facts))


@wrong("conclude", "should follow")
def every_conclusion(rules, facts):
    return facts | {conclusion for conclusion, _ in rules}


@wrong("conclude", "not a bool")
def yes_or_no(rules, facts):
    return all(set(conditions) <= facts for _, conditions in rules)


@wrong("conclude", "returns nothing yet")
def prints_and_returns_nothing(rules, facts):
    facts |= one_pass(rules, facts)


@right("is_eight")
def a_patch(x):
    return x[:, 5, 2:4].mean(dim=1) > 0.35


@right("is_eight")
def the_fact_of_a_hole(x):
    return holes(x)[:, 4:].flatten(1).any(dim=1)


@right("is_eight")
def a_hole_or_a_stroke(x):
    return bright(slice(3, 6), slice(1, 4), 0.4)(x) | holes(x)[:, 4:].any(dim=2).any(dim=1)


@right("is_eight")
def in_a_list(x):
    return [1 if float(image[5, 2] + image[5, 3]) > 0.7 else 0 for image in x]


@right("is_eight")
def patch_with_numpy(x):
    return x.numpy()[:, 5:6, 2:4].mean(axis=(1, 2)) >= 0.3


@wrong("is_eight", "8s for a 3, and 0 of 128 3s for an 8")
def both_holes(x):
    found = holes(x)
    return found[:, :4].flatten(1).any(dim=1) & found[:, 4:].flatten(1).any(dim=1)


@wrong("is_eight", "and 85 % are asked for")
def darkness(x):
    return x.sum(dim=(1, 2)) > 20


@wrong("is_eight", "it says 3 of every image")
def never(x):
    return x.mean(dim=(1, 2)) > 2


@wrong("is_eight", "it says 8 of every image")
def always(x):
    return torch.ones(len(x), dtype=torch.bool)


@wrong("is_eight", "so turn it round")
def the_wrong_way_round(x):
    return x[:, 5, 2:4].mean(dim=1) < 0.35


@wrong("is_eight", "compare what you measured with a number")
def no_threshold(x):
    return x[:, 5, 2:4].mean(dim=1)


@wrong("is_eight", "with a mean over all images")
def against_the_mean(x):
    dark = x[:, 5, 2:4].mean(dim=1)
    return dark > dark.mean()


@wrong("is_eight", "x[:, 5, 2] is a pixel of each image")
def one_for_all(x):
    return x[5, 2:4].mean() > 0.35


@wrong("is_eight", "a yes or no for each image: shape")
def one_for_each_row(x):
    return x[:, :, 2:4].mean(dim=2) > 0.35


@wrong("is_eight", "changed the tensor that it was given")
def cleans_up_first(x):
    x[x < 0.2] = 0
    return x[:, 5, 2:4].mean(dim=1) > 0.35


@wrong("is_eight", "stopped with IndexError: index 8")
def rows_from_one(x):
    return x[:, 8, 3] > 0.35


@wrong("is_eight", "stopped with RuntimeError")
def other_shapes(x):
    return (x[:, 5] > 0.3) & (x[:, :3] > 0.3)


@wrong("is_eight", "not the digits")
def digits(x):
    return torch.where(a_patch(x), 8, 3)


@wrong("is_eight", "combine conditions as in")
def with_and(x):
    return x[:, 2, 2] > 0.5 and x[:, 5, 2] > 0.5


@wrong("is_eight", "or loop over the images")
def an_if_over_all(x):
    return True if x[:, 5, 2] > 0.35 else False  # noqa: SIM210


def largest(digits):
    return max(Counter(digits).values(), default=0)


def score(fact, digit, most=largest):
    """What each part gets right."""
    pairs = list(zip(fact.tolist(), digit.tolist(), strict=True))
    return most([name for holds, name in pairs if holds]), most([name for holds, name in pairs if not holds])


def highest(scores):
    return max(range(len(scores)), key=scores.__getitem__)


@right("best_fact")
def with_counters(facts, digit):
    return highest([sum(score(fact, digit)) for fact in facts.T])


@right("best_fact")
def by_numpy(facts, digit):
    facts, digit = facts.numpy(), digit.numpy()
    return np.argmax([sum(np.bincount(digit[f == k], minlength=10).max() for k in (0, 1)) for f in facts.T])


@right("best_fact")
def by_a_matrix_product(facts, digit):
    one_hot = torch.eye(10)[digit]
    yes = facts.float().T @ one_hot
    return (yes.amax(dim=1) + (one_hot.sum(dim=0) - yes).amax(dim=1)).argmax()


@right("best_fact")
def by_a_loop_that_keeps_the_best(facts, digit):
    best, kept = -1, None
    for k in range(facts.shape[1]):
        count = 0
        for side in (True, False):
            here = [int(d) for f, d in zip(facts[:, k], digit, strict=True) if bool(f) == side]
            count += max((here.count(number) for number in range(10)), default=0)
        if count > best:
            best, kept = count, k
    return torch.tensor(kept)


@right("best_fact")
def by_fewest_mistakes(facts, digit):
    def mistakes(part):
        return int((part != part.mode().values).sum()) if len(part) else 0

    return highest([-mistakes(digit[fact]) - mistakes(digit[~fact]) for fact in facts.mT])


@wrong("best_fact", "also where the fact does not hold")
def where_it_holds(facts, digit):
    return highest([score(fact, digit)[0] for fact in facts.T])


@wrong("best_fact", "also where the fact holds")
def where_it_does_not(facts, digit):
    return highest([score(fact, digit)[1] for fact in facts.T])


@wrong("best_fact", "the highest is asked for")
def lowest(facts, digit):
    return highest([-sum(score(fact, digit)) for fact in facts.T])


@wrong("best_fact", "numbered from 0")
def from_one(facts, digit):
    return 1 + with_counters(facts, digit)


@wrong("best_fact", "the fact that holds most often")
def most_often_true(facts, digit):
    return facts.sum(dim=0).argmax()


@wrong("best_fact", "not the shares")
def sums_shares(facts, digit):
    def share(part):
        return largest(part) / max(1, len(part))

    return highest([sum(score(fact, digit, share)) for fact in facts.T])


@wrong("best_fact", "not the count itself")
def the_count(facts, digit):
    return max(sum(score(fact, digit)) for fact in facts.T)


@wrong("best_fact", "not the shape (7,)")
def all_counts(facts, digit):
    return [sum(score(fact, digit)) for fact in facts.T]


@wrong("best_fact", "an empty part gets no image right")
def fails_on_an_empty_part(facts, digit):
    return highest([sum(score(fact, digit, lambda part: max(Counter(part).values()))) for fact in facts.T])


@wrong("best_fact", "may be any from 0 to 9")
def nines_left_out(facts, digit):
    return highest([sum(score(fact, digit, lambda part: largest(d for d in part if d < 9))) for fact in facts.T])


@wrong("best_fact", "halves of equal size are not asked for")
def pairs_told_apart(facts, digit):
    differ = digit[:, None] != digit
    return highest([int((differ & (fact[:, None] != fact)).sum()) for fact in facts.T])


@wrong("best_fact", "in another order")
def by_heart(facts, digit):
    return {14: 3, 6: 4, 8: 1}[len(digit)]


@right("forecast")
def by_logarithms(earlier, later, year):
    slope = (np.log(later[1]) - np.log(earlier[1])) / (later[0] - earlier[0])
    return np.exp(np.log(earlier[1]) + slope * (year - earlier[0]))


@right("forecast")
def by_doublings(earlier, later, year):
    doublings = np.log2(later[1] / earlier[1]) / (later[0] - earlier[0])
    return later[1] * 2 ** (doublings * (year - later[0]))


@right("forecast")
def from_the_first(earlier, later, year):
    (a, low), (b, high) = earlier, later
    return low * (high / low) ** ((year - a) / (b - a))


@right("forecast")
def a_yearly_factor(earlier, later, year):
    yearly = torch.tensor(later[1] / earlier[1]).pow(1 / (later[0] - earlier[0]))
    return later[1] * yearly ** (year - later[0])


@right("forecast")
def by_a_fitted_line(earlier, later, year):
    return 10 ** np.polyval(np.polyfit([earlier[0], later[0]], np.log10([earlier[1], later[1]]), 1), year)


@wrong("forecast", "this adds as much in each year")
def a_straight_line(earlier, later, year):
    return later[1] + (later[1] - earlier[1]) / (later[0] - earlier[0]) * (year - later[0])


@wrong("forecast", "this begins at the earlier one")
def from_the_earlier(earlier, later, year):
    return earlier[1] * (later[1] / earlier[1]) ** ((year - later[0]) / (later[0] - earlier[0]))


@wrong("forecast", "not for one")
def factor_for_a_year(earlier, later, year):
    return later[1] * (later[1] / earlier[1]) ** (year - later[0])


@wrong("forecast", "not from the earlier one")
def counted_from_the_earlier(earlier, later, year):
    return later[1] * (later[1] / earlier[1]) ** ((year - earlier[0]) / (later[0] - earlier[0]))


@wrong("forecast", "the factor for one span")
def one_more_span(earlier, later, year):
    return later[1] * later[1] / earlier[1]


@wrong("forecast", "multiply it by the compute of the later model")
def growth_alone(earlier, later, year):
    return (later[1] / earlier[1]) ** ((year - later[0]) / (later[0] - earlier[0]))


@wrong("forecast", "not a product")
def times_the_spans(earlier, later, year):
    return later[1] * (later[1] / earlier[1]) * (year - later[0]) / (later[0] - earlier[0])


@wrong("forecast", "not always a doubling")
def doubles(earlier, later, year):
    return later[1] * 2 ** ((year - later[0]) / (later[0] - earlier[0]))


@wrong("forecast", "later by earlier")
def upside_down(earlier, later, year):
    return later[1] * (earlier[1] / later[1]) ** ((year - later[0]) / (later[0] - earlier[0]))


@wrong("forecast", "need not be a whole number")
def whole_spans(earlier, later, year):
    return later[1] * (later[1] / earlier[1]) ** ((year - later[0]) // (later[0] - earlier[0]))


@wrong("forecast", "what halves every year")
def never_shrinks(earlier, later, year):
    return later[1] * max(1, later[1] / earlier[1]) ** ((year - later[0]) / (later[0] - earlier[0]))


@wrong("forecast", "the power may be negative")
def never_back(earlier, later, year):
    return later[1] * (later[1] / earlier[1]) ** max(0, (year - later[0]) / (later[0] - earlier[0]))


@wrong("forecast", "a single number is asked for")
def year_and_compute(earlier, later, year):
    return year, from_the_first(earlier, later, year)
