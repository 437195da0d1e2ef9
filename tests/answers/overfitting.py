"""Answers to the lab on overfitting."""

import numpy as np
import torch
from torch.nn import functional

from answers import right, wrong


@right("stop")
def with_a_count(losses, patience):
    lowest, best, waited = float("inf"), 0, 0
    for epoch in range(len(losses)):
        if losses[epoch] < lowest:
            lowest, best, waited = losses[epoch], epoch + 1, 0
        else:
            waited += 1
        if waited == patience:
            return best, epoch + 1
    return best, len(losses)


@right("stop")
def stop_with_numpy(losses, patience):
    for epoch in range(1, len(losses) + 1):
        best = np.argmin(losses[:epoch]) + 1
        if epoch - best == patience:
            break
    return np.array([best, epoch])


@right("stop")
def a_list_from_a_while(losses, patience):
    losses, best, epoch = torch.tensor(losses, dtype=torch.float64), 1, 1
    while epoch < len(losses) and epoch - best < patience:
        epoch += 1
        if losses[epoch - 1] < losses[: epoch - 1].min():
            best = epoch
    return [torch.tensor(best), torch.tensor(epoch)]


@right("stop")
def by_the_first_to_exhaust(losses, patience):
    firsts = [losses.index(min(losses[:n])) + 1 for n in range(1, len(losses) + 1)]
    ends = [n for n, best in enumerate(firsts, 1) if n - best >= patience]
    last = ends[0] if ends else len(losses)
    return firsts[last - 1], last


@wrong("stop", "from 1, not from 0")
def counted_from_zero(losses, patience):
    best, ended = with_a_count(losses, patience)
    return best - 1, ended - 1


@wrong("stop", "what comes later is never seen")
def knows_the_future(losses, patience):
    best = losses.index(min(losses)) + 1
    return best, min(best + patience, len(losses))


@wrong("stop", "compare with the lowest loss so far")
def against_the_epoch_before(losses, patience):
    best, waited = 1, 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[epoch - 1]:
            best, waited = epoch + 1, 0
        else:
            waited += 1
        if waited == patience:
            return best, epoch + 1
    return best, len(losses)


@wrong("stop", "a wait ends only with a new lowest")
def wait_against_the_epoch_before(losses, patience):
    waited = 0
    for epoch in range(1, len(losses)):
        waited = 0 if losses[epoch] < losses[epoch - 1] else waited + 1
        if waited == patience:
            return losses.index(min(losses[: epoch + 1])) + 1, epoch + 1
    return losses.index(min(losses)) + 1, len(losses)


@wrong("stop", "starts the wait anew")
def count_is_never_reset(losses, patience):
    best, waited = 1, 0
    for epoch, loss in enumerate(losses[1:], 2):
        if loss < losses[best - 1]:
            best = epoch
        else:
            waited += 1
        if waited == patience:
            return best, epoch
    return best, len(losses)


@wrong("stop", "< and not <=")
def equal_counts_as_lower(losses, patience):
    best = 1
    for epoch, loss in enumerate(losses, 1):
        best = epoch if loss <= losses[best - 1] else best
        if epoch - best >= patience:
            return best, epoch
    return best, len(losses)


@wrong("stop", "one epoch too late")
def one_epoch_too_late(losses, patience):
    return with_a_count(losses, patience + 1)


@wrong("stop", "one epoch too early")
def one_epoch_too_early(losses, patience):
    return with_a_count(losses, max(patience - 1, 1))


@wrong("stop", "first the epoch to go back to")
def the_wrong_way_round(losses, patience):
    return with_a_count(losses, patience)[::-1]


@wrong("stop", "go back to the best epoch, not to the last")
def the_last_twice(losses, patience):
    ended = with_a_count(losses, patience)[1]
    return ended, ended


@wrong("stop", "use the patience that is given")
def patience_of_two(losses, patience):
    return with_a_count(losses, 2)


@wrong("stop", "not its loss")
def loss_for_epoch(losses, patience):
    best, ended = with_a_count(losses, patience)
    return losses[best - 1], ended


@wrong("stop", "returns nothing yet")
def no_end_without_patience(losses, patience):
    best = 1
    for epoch, loss in enumerate(losses, 1):
        best = epoch if loss < losses[best - 1] else best
        if epoch - best >= patience:
            return best, epoch


@wrong("stop", "return two things")
def best_alone(losses, patience):
    return with_a_count(losses, patience)[0]


@wrong("stop", "return two things")
def best_alone_with_numpy(losses, patience):
    return np.argmin(losses) + 1


@wrong("stop", "not 3")
def three_numbers(losses, patience):
    best, ended = with_a_count(losses, patience)
    return best, ended, losses[best - 1]


@right("drop")
def with_pytorch(x, weight, bias, kept, p, training):
    return functional.linear(x, torch.where(kept == 1, weight / (1 - p), 0.0) if training else weight, bias)


@right("drop")
def drop_with_numpy(x, weight, bias, kept, p, training):
    x, weight, bias, kept = (each.numpy() for each in (x, weight, bias, kept))
    share = kept / (1 - p) if training else np.ones_like(kept)
    return np.einsum("ij,kj->ik", x, weight * share) + bias


@right("drop")
def drop_in_float64(x, weight, bias, kept, p, training):
    sums = torch.einsum("ij,kj,kj->ik", x.double(), weight.double(), (kept if training else kept * 0 + 1).double())
    return (sums / (1 - p) if training else sums) + bias


@right("drop")
def drop_by_loops(x, weight, bias, kept, p, training):
    rows = []
    for point in x:
        row = []
        for w, b, k in zip(weight, bias, kept, strict=True):
            terms = [
                float(a * c) * ((float(d) / (1 - p)) if training else 1) for a, c, d in zip(point, w, k, strict=True)
            ]
            row.append(sum(terms) + float(b))
        rows.append(row)
    return torch.tensor(rows)


@wrong("drop", "so that the mean stays")
def undivided(x, weight, bias, kept, p, training):
    return x @ (weight * kept if training else weight).T + bias


@wrong("drop", "not the bias")
def bias_divided_too(x, weight, bias, kept, p, training):
    return (x @ (weight * kept).T + bias) / (1 - p) if training else x @ weight.T + bias


@wrong("drop", "not by p")
def divided_by_p(x, weight, bias, kept, p, training):
    return x @ (weight * kept / p if training else weight).T + bias


@wrong("drop", "do not multiply: fewer")
def multiplied(x, weight, bias, kept, p, training):
    return x @ (weight * kept * (1 - p) if training else weight).T + bias


@wrong("drop", "the other way round")
def keeps_the_dropped(x, weight, bias, kept, p, training):
    return x @ (weight * (1 - kept) / (1 - p) if training else weight).T + bias


@wrong("drop", "do not forget the bias")
def no_bias(x, weight, bias, kept, p, training):
    return x @ (weight * kept / (1 - p) if training else weight).T


@wrong("drop", "do not forget the bias in evaluation")
def no_bias_in_evaluation(x, weight, bias, kept, p, training):
    return x @ (weight * kept / (1 - p)).T + bias if training else x @ weight.T


@wrong("drop", "look at training")
def always(x, weight, bias, kept, p, training):
    return x @ (weight * kept / (1 - p)).T + bias


@wrong("drop", "in training, drop weights")
def never(x, weight, bias, kept, p, training):
    return x @ weight.T + bias


@wrong("drop", "training has divided already")
def scaled_in_evaluation(x, weight, bias, kept, p, training):
    return x @ (weight * kept / (1 - p) if training else weight * (1 - p)).T + bias


@wrong("drop", "stopped with RuntimeError")
def not_turned_round(x, weight, bias, kept, p, training):
    return x @ (weight * kept / (1 - p)) + bias


@wrong("drop", "argument 2: make a new one")
def changes_the_weights(x, weight, bias, kept, p, training):
    if training:
        weight *= kept / (1 - p)
    return x @ weight.T + bias


@wrong("drop", "a layer with weight * kept / (1 - p)")
def inputs_dropped(x, weight, bias, kept, p, training):
    return (x * kept[0] / (1 - p) if training else x) @ weight.T + bias


@right("choose")
def choose_by_a_loop(strengths, score):
    best, highest = None, -1.0
    for strength in strengths:
        accuracy = score(strength, "validation")
        if accuracy > highest:
            best, highest = strength, accuracy
    return best, score(best, "test")


@right("choose")
def choose_with_numpy(strengths, score):
    place = np.argmax([score(strength, "validation") for strength in strengths])
    strength = np.array(strengths)[place]
    return np.array([strength, score(strength, "test")])


@right("choose")
def choose_with_tensors(strengths, score):
    strengths = torch.tensor(strengths)
    scores = torch.tensor([score(each, "validation") for each in strengths])
    winner = strengths[scores.argmax()]
    return [winner, score(winner, "test")]


@right("choose")
def choose_by_sorting(strengths, score):
    ranked = sorted((score(strength, "validation"), strength) for strength in strengths)
    return ranked[-1][1], score(ranked[-1][1], part="test")


@wrong("choose", "you asked for a test score 3 times")
def chosen_on_the_test(strengths, score):
    winner = max(strengths, key=lambda strength: score(strength, "test"))
    return winner, score(winner, "validation")


@wrong("choose", "you asked for a test score 3 times")
def tests_all_and_reports_one(strengths, score):
    tested = {strength: score(strength, "test") for strength in strengths}
    winner = max(strengths, key=lambda strength: score(strength, "validation"))
    return winner, tested[winner]


@wrong("choose", 'ask for score(strength, "test") once')
def reports_validation(strengths, score):
    winner = max(strengths, key=lambda strength: score(strength, "validation"))
    return winner, score(winner, "validation")


@wrong("choose", "even if lower")
def reports_the_higher(strengths, score):
    winner = max(strengths, key=lambda strength: score(strength, "validation"))
    return winner, max(score(winner, "validation"), score(winner, "test"))


@wrong("choose", "not the lowest")
def takes_the_lowest(strengths, score):
    winner = min(strengths, key=lambda strength: score(strength, "validation"))
    return winner, score(winner, "test")


@wrong("choose", "not its place in the list")
def place_for_strength(strengths, score):
    scores = [score(strength, "validation") for strength in strengths]
    place = scores.index(max(scores))
    return place, score(strengths[place], "test")


@wrong("choose", "not its accuracy on validation")
def accuracy_for_strength(strengths, score):
    winner = max(strengths, key=lambda strength: score(strength, "validation"))
    return score(winner, "validation"), score(winner, "test")


@wrong("choose", "give it a strength, not its place")
def asks_by_place(strengths, score):
    scores = [score(place, "validation") for place in range(len(strengths))]
    place = int(np.argmax(scores))
    return strengths[place], score(strengths[place], "test")


@wrong("choose", "first the strength, then its accuracy")
def other_order(strengths, score):
    winner = max(strengths, key=lambda strength: score(strength, "validation"))
    return score(winner, "test"), winner


@wrong("choose", "choose on validation")
def chosen_on_training(strengths, score):
    winner = max(strengths, key=lambda strength: score(strength, "training"))
    return winner, score(winner, "test")


@wrong("choose", "highest accuracy on validation")
def the_middle_one(strengths, score):
    winner = sorted(strengths)[len(strengths) // 2]
    return winner, score(winner, "test")


@wrong("choose", "return two things")
def strength_alone(strengths, score):
    return max(strengths, key=lambda strength: score(strength, "validation"))


def most_telling(x, y, k=20):
    """The lab's: the columns that go best with y."""
    return (y @ (x - x.mean(dim=0)) / x.std(dim=0)).abs().topk(k).indices


def nearest_mean(x, y, x_new):
    """The lab's: the class whose mean is nearer."""
    plus, minus = x[y > 0].mean(dim=0), x[y < 0].mean(dim=0)
    nearer = (x_new - plus).norm(dim=1) < (x_new - minus).norm(dim=1)
    return torch.where(nearer, 1.0, -1.0)


@right("honest")
def split_first(x, y, held_out):
    learn_x, learn_y, test_x, test_y = x[~held_out], y[~held_out], x[held_out], y[held_out]
    columns = most_telling(learn_x, learn_y)
    return (nearest_mean(learn_x[:, columns], learn_y, test_x[:, columns]) == test_y).double().mean()


@right("honest")
def honest_with_numpy(x, y, held_out):
    x, y, test = x.numpy(), y.numpy(), held_out.numpy()
    learn_x, learn_y = x[~test], y[~test]
    size = np.abs(learn_y @ (learn_x - learn_x.mean(axis=0)) / learn_x.std(axis=0, ddof=1))
    columns = np.argsort(size)[-20:]
    plus, minus = (learn_x[learn_y == sign][:, columns].mean(axis=0) for sign in (1, -1))
    far = [np.sum((x[test][:, columns] - mean) ** 2, axis=1) for mean in (plus, minus)]
    return np.mean(np.where(far[0] < far[1], 1, -1) == y[test])


@right("honest")
def one_patient_at_a_time(x, y, held_out):
    learn = [place for place in range(len(y)) if not held_out[place]]
    columns = most_telling(x[learn], y[learn])
    hits = [
        float(nearest_mean(x[learn][:, columns], y[learn], x[place, columns][None])) == float(y[place])
        for place in range(len(y))
        if held_out[place]
    ]
    return sum(hits) / len(hits)


@right("honest")
def by_a_plane(x, y, held_out):
    x, y = x.double(), y.double()
    train = held_out.logical_not()
    x = x[:, most_telling(x[train], y[train])]
    plus, minus = x[train & (y > 0)].mean(dim=0), x[train & (y < 0)].mean(dim=0)
    side = ((x - (plus + minus) / 2) @ (plus - minus)).sign()
    return 1 - (side - y)[held_out].abs().mean() / 2


@wrong("honest", "which line uses labels that are held out?")
def the_report(x, y, held_out):
    x = x[:, most_telling(x, y)]
    return (nearest_mean(x[~held_out], y[~held_out], x[held_out]) == y[held_out]).float().mean()


@wrong("honest", "the predictions change with the labels")
def chosen_on_the_held_out(x, y, held_out):
    x = x[:, most_telling(x[held_out], y[held_out])]
    return (nearest_mean(x[~held_out], y[~held_out], x[held_out]) == y[held_out]).float().mean()


@wrong("honest", "held out")
def means_of_all(x, y, held_out):
    x = x[:, most_telling(x[~held_out], y[~held_out])]
    return (nearest_mean(x, y, x[held_out]) == y[held_out]).float().mean()


@wrong("honest", "compare the predictions for x[held_out]")
def tested_on_training(x, y, held_out):
    x = x[:, most_telling(x[~held_out], y[~held_out])]
    return (nearest_mean(x[~held_out], y[~held_out], x[~held_out]) == y[~held_out]).float().mean()


@wrong("honest", "the predictions change with the labels")
def sides_exchanged(x, y, held_out):
    x = x[:, most_telling(x[held_out], y[held_out])]
    return (nearest_mean(x[held_out], y[held_out], x[~held_out]) == y[~held_out]).float().mean()


@wrong("honest", "compare the predictions")
def a_half_by_heart(x, y, held_out):
    return 0.5


@wrong("honest", "choose 20 by most_telling")
def nothing_chosen(x, y, held_out):
    return (nearest_mean(x[~held_out], y[~held_out], x[held_out]) == y[held_out]).float().mean()


@wrong("honest", "choose 20 by most_telling")
def the_first_twenty(x, y, held_out):
    return nothing_chosen(x[:, :20], y, held_out)


@wrong("honest", "choose 20 by most_telling")
def counts_the_mistakes(x, y, held_out):
    return 1 - split_first(x, y, held_out)


@wrong("honest", "a share between 0 and 1")
def in_per_cent(x, y, held_out):
    return 100 * split_first(x, y, held_out)


@wrong("honest", "about 50 %")
def divided_by_all_patients(x, y, held_out):
    return split_first(x, y, held_out) * held_out.sum() / len(y)


@wrong("honest", "not the shape (20,)")
def one_for_each(x, y, held_out):
    x = x[:, most_telling(x[~held_out], y[~held_out])]
    return nearest_mean(x[~held_out], y[~held_out], x[held_out]) == y[held_out]
