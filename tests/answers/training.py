"""Answers to the lab on the training loop."""

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.functional import cross_entropy
from torch.utils.data import Dataset, TensorDataset

from answers import right, wrong
from training import Classifier


@right("epoch")
def lists_and_sums(model, train, optimiser):
    model.train()
    losses, correct = [], []
    for x, y in train:
        z = model(x)
        each = cross_entropy(z, y, reduction="none")
        optimiser.zero_grad()
        each.mean().backward()
        optimiser.step()
        losses += each.tolist()
        correct += (z.argmax(1) == y).tolist()
    return np.mean(losses), np.mean(correct)


@right("epoch")
def tensors_in_a_list(model, train, optimiser):
    model.train()
    n, total, hits = len(train.examples.x), torch.zeros(()), torch.zeros(())
    measure = nn.CrossEntropyLoss()
    for x, y in train:
        z = model(x)
        loss = measure(z, y)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        total += loss.detach() * len(x) / n
        hits += z.argmax(dim=1).eq(y).sum() / n
    return [total, hits]


@right("epoch")
def weighted_by_numpy(model, train, optimiser):
    model.train()
    rows = []
    for x, y in train:
        model.zero_grad()
        z = model(x)
        loss = functional.nll_loss(z.log_softmax(dim=1), y)
        loss.backward()
        optimiser.step()
        rows.append((loss.item(), (z.argmax(dim=1) == y).float().mean().item(), len(y)))
    losses, shares, sizes = np.array(rows).T
    return np.average(losses, weights=sizes), np.average(shares, weights=sizes)


@right("epoch")
def by_hand(model, train, optimiser):
    model.train(True)
    rate, total, hits, n = optimiser.param_groups[0]["lr"], 0.0, 0, 0
    for batch in train:
        z = model(batch.x)
        loss = z.double().logsumexp(dim=1).mean() - z[range(len(z)), batch.y].double().mean()
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                parameter -= rate * gradient
        total, n = total + loss.detach() * len(z), n + len(z)
        hits += sum(int(row.argmax()) == int(label) for row, label in zip(z, batch.y, strict=True))
    return total / n, hits / n


def epochs(  # with one of the mistakes
    mean=lambda losses, sizes: sum(a * b for a, b in zip(losses, sizes, strict=True)) / sum(sizes),
    share=lambda hits, sizes: sum(hits) / sum(sizes),
    mode=True,
    returned=lambda mean, share: (mean, share),
):
    """Make an epoch that goes wrong in what it returns, or in its mode."""

    def epoch(model, train, optimiser):
        model.train(mode)
        losses, hits, sizes = [], [], []
        for x, y in train:
            optimiser.zero_grad()
            z = model(x)
            loss = cross_entropy(z, y)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            hits.append(int((z.argmax(dim=1) == y).sum()))
            sizes.append(len(y))
        return returned(mean(losses, sizes), share(hits, sizes))

    return epoch


right("epoch", epochs())
wrong("epoch", "the last batch is smaller", epochs(mean=lambda losses, sizes: sum(losses) / len(losses)))
wrong("epoch", "the sum of the batches' losses", epochs(mean=lambda losses, sizes: sum(losses)))
wrong("epoch", "before you divide", epochs(mean=lambda losses, sizes: sum(losses) / sum(sizes)))
wrong("epoch", "the last batch only", epochs(mean=lambda losses, sizes: losses[-1]))
wrong("epoch", "this is a count", epochs(share=lambda hits, sizes: sum(hits)))
wrong("epoch", "not a percentage", epochs(share=lambda hits, sizes: 100 * sum(hits) / sum(sizes)))
wrong("epoch", "wrong predictions", epochs(share=lambda hits, sizes: 1 - sum(hits) / sum(sizes)))
wrong("epoch", "not of batches", epochs(share=lambda hits, sizes: sum(hits) / len(sizes)))
wrong("epoch", "add up the hits", epochs(share=lambda hits, sizes: np.mean(np.array(hits) / np.array(sizes))))
wrong("epoch", "model.train() first", epochs(mode=False))
wrong("epoch", "return two numbers", epochs(returned=lambda mean, share: mean))
wrong("epoch", "share of correct predictions, not 3", epochs(returned=lambda mean, share: (mean, share, 0)))
wrong("epoch", "return two numbers", epochs(returned=lambda mean, share: None))


@wrong("epoch", "returns nothing yet")
def nothing(model, train, optimiser):
    return None


@wrong("epoch", "the loss after the epoch")
def measured_afterwards(model, train, optimiser):
    epochs()(model, train, optimiser)
    with torch.no_grad():
        z = model(train.examples.x)
    return cross_entropy(z, train.examples.y), (z.argmax(dim=1) == train.examples.y).float().mean()


@wrong("epoch", "the share after the epoch")
def share_afterwards(model, train, optimiser):
    mean, _ = epochs()(model, train, optimiser)
    with torch.no_grad():
        return mean, (model(train.examples.x).argmax(dim=1) == train.examples.y).float().mean()


@wrong("epoch", "clear the gradients in every batch")
def cleared_once(model, train, optimiser):
    model.train()
    optimiser.zero_grad()
    for x, y in train:
        loss = cross_entropy(model(x), y)
        loss.backward()
        optimiser.step()
    return loss, 0.5


@right("loop")
def cleared_at_the_end(model, train, optimiser):
    for x, y in train:
        cross_entropy(model(x), y).backward()
        optimiser.step()
        optimiser.zero_grad()


@right("loop")
def cleared_before_backward(model, train, optimiser):
    measure = nn.CrossEntropyLoss()
    for x, y in train:
        loss = measure(model(x), y)
        model.zero_grad()
        loss.backward()
        optimiser.step()
    return loss.item()


@right("loop")
def log_of_the_softmax(model, train, optimiser):
    model.train()
    for batch in train:
        optimiser.zero_grad()
        p = model(batch.x).softmax(dim=1)
        (-p[torch.arange(len(p)), batch.y].log().mean()).backward()
        optimiser.step()


@right("loop")
def log_softmax_twice(model, train, optimiser):
    for x, y in train:
        for parameter in model.parameters():
            parameter.grad = None
        cross_entropy(model(x).log_softmax(dim=1).log_softmax(dim=1), y).backward()
        optimiser.step()


@wrong("loop", "they still add up")
def as_the_first_was(model, train, optimiser):
    for x, y in train:
        cross_entropy(model(x), y).backward()
        optimiser.step()


@wrong("loop", "takes the softmax itself")
def as_the_second_was(model, train, optimiser):
    for x, y in train:
        optimiser.zero_grad()
        cross_entropy(model(x).softmax(dim=1), y).backward()
        optimiser.step()


@wrong("loop", "did not change")
def cleared_too_late(model, train, optimiser):
    for x, y in train:
        cross_entropy(model(x), y).backward()
        optimiser.zero_grad()
        optimiser.step()


@wrong("loop", "did not change")
def on_a_copy(model, train, optimiser):
    model = copy.deepcopy(model)
    cleared_at_the_end(model, train, torch.optim.SGD(model.parameters(), lr=0.5))


@wrong("loop", "not the sum")
def sum_for_mean(model, train, optimiser):
    for x, y in train:
        optimiser.zero_grad()
        cross_entropy(model(x), y, reduction="sum").backward()
        optimiser.step()


@wrong("loop", "along the sum of all gradients")
def step_at_the_end(model, train, optimiser):
    optimiser.zero_grad()
    for x, y in train:
        cross_entropy(model(x), y).backward()
    optimiser.step()


@wrong("loop", "one step, for the last")
def step_outdented(model, train, optimiser):
    for x, y in train:
        optimiser.zero_grad()
        cross_entropy(model(x), y).backward()
    optimiser.step()


@wrong("loop", "stopped after the first")
def returns_too_early(model, train, optimiser):
    for x, y in train:
        optimiser.zero_grad()
        loss = cross_entropy(model(x), y)
        loss.backward()
        optimiser.step()
        return loss


@wrong("loop", "this climbs")
def upwards(model, train, optimiser):
    for x, y in train:
        optimiser.zero_grad()
        (-cross_entropy(model(x), y)).backward()
        optimiser.step()


@wrong("loop", "otherwise than they should")
def two_steps(model, train, optimiser):
    for x, y in train:
        optimiser.zero_grad()
        cross_entropy(model(x), y).backward()
        optimiser.step()
        optimiser.step()


@right("evaluation")
@torch.no_grad()
def as_a_decorator(model, x, y):
    mode = model.training
    hits = model.eval()(x).argmax(dim=1).eq(y)
    model.train(mode)
    return hits.double().mean()


@right("evaluation")
def with_numpy(model, x, y):
    before = model.training
    model.eval()
    with torch.inference_mode():
        z = model(x).numpy()
    if before:
        model.train()
    return np.mean(z.argmax(axis=1) == y.numpy())


@right("evaluation")
def one_at_a_time(model, x, y):
    mode, hits = model.training, 0
    model.eval()
    with torch.no_grad():
        for image, label in zip(x, y, strict=True):
            hits += int(model(image[None]).argmax()) == int(label)
    model.train(mode)
    return hits / len(y)


@right("evaluation")
def a_copy_evaluates(model, x, y):
    with torch.no_grad():
        return 1 - (copy.deepcopy(model).eval()(x).max(dim=1).indices != y).float().mean()


def evaluations(evaluate=True, record=False, put_back=True, share=lambda z, y: (z.argmax(dim=1) == y).float().mean()):
    """Make an evaluation that goes wrong in some way."""

    def evaluation(model, x, y):
        mode = model.training
        if evaluate:
            model.eval()
        with torch.set_grad_enabled(record):
            found = share(model(x), y)
        if put_back:
            model.train(mode)
        return found

    return evaluation


right("evaluation", evaluations())
wrong("evaluation", "dropout is on", evaluations(evaluate=False))
wrong("evaluation", "records what it computes", evaluations(record=True))
wrong("evaluation", "in training mode before", evaluations(put_back=False))
wrong("evaluation", "this is a count", evaluations(share=lambda z, y: (z.argmax(dim=1) == y).sum()))
wrong("evaluation", "not a percentage", evaluations(share=lambda z, y: 100 * (z.argmax(dim=1) == y).float().mean()))
wrong("evaluation", "wrong predictions", evaluations(share=lambda z, y: (z.argmax(dim=1) != y).float().mean()))
wrong("evaluation", "not of classes", evaluations(share=lambda z, y: (z.argmax(dim=1) == y).sum() / z.shape[1]))
wrong("evaluation", "single number", evaluations(share=lambda z, y: (z.argmax(dim=1) == y).float()[:, None].mean(0)))
wrong("evaluation", "returns nothing yet", evaluations(share=lambda z, y: None))
wrong(
    "evaluation",
    "argmax(dim=1), not 0",
    evaluations(share=lambda z, y: (z.argmax(dim=0 if len(z) == 10 else 1) == y).float().mean()),
)


@wrong("evaluation", "in evaluation mode before")
def always_back_to_training(model, x, y):
    share = evaluations()(model, x, y)
    model.train()
    return share


@wrong("evaluation", "autograd stays off")
def switched_off_for_good(model, x, y):
    torch.set_grad_enabled(False)
    return evaluations()(model, x, y)


@wrong("evaluation", "the weights changed")
def biases_moved(model, x, y):
    share = evaluations()(model, x, y)
    with torch.no_grad():
        model.output.bias += 0.1  # the same for all classes: no prediction changes
    return share


class Parities(Dataset):
    """A data set with tensors made beforehand; those below change one of its parts."""

    def __init__(self, examples):
        self.images, self.labels = examples.x.reshape(-1, 1, 8, 8), (examples.y % 2).float()

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]


right("odd", Parities)
right("odd", lambda examples: TensorDataset(examples.x.reshape(-1, 1, 8, 8), (examples.y & 1).double()))


@right("odd")
class WithNumpy:
    def __init__(self, examples):
        self.x, self.y = examples.x.numpy(), examples.y.numpy()

    def __len__(self):
        return self.y.size

    def __getitem__(self, index):
        return self.x[index].reshape(1, 8, 8), np.float32(self.y[index] % 2)


@right("odd")
class Numbers(Parities):
    def __getitem__(self, index):
        return self.images[index], 1.0 if self.labels[index] else 0.0


@right("odd")
class Pairs(Parities):
    def __init__(self, examples):
        odd = {1, 3, 5, 7, 9}
        self.images = [(x.view(8, 8)[None], float(int(y) in odd)) for x, y in zip(*examples, strict=True)]

    def __getitem__(self, index):
        return self.images[index]


@wrong("odd", "its length is the number of images, 23, not 64")
class LengthOfARow(Parities):
    def __len__(self):
        return 64


@wrong("odd", "returns nothing yet")
class NoItem(Parities):
    def __getitem__(self, index):
        return None


@wrong("odd", "a pair: image, label")
class ImageOnly(Parities):
    def __getitem__(self, index):
        return self.images[index]


@wrong("odd", "a pair: image, label")
class Triple(Parities):
    def __getitem__(self, index):
        return self.images[index], self.labels[index], index


@wrong("odd", "shape (1, 8, 8), not (64,)")
class Flat(Parities):
    def __getitem__(self, index):
        return self.images[index].flatten(), self.labels[index]


@wrong("odd", "on its side")
class Transposed(Parities):
    def __getitem__(self, index):
        return self.images[index].mT, self.labels[index]


@wrong("odd", "the image before")
class OffByOne(Parities):
    def __getitem__(self, index):
        return self.images[index - 1], self.labels[index]


@wrong("odd", "the image after")
class OffByOneMore(Parities):
    def __getitem__(self, index):
        return self.images[(index + 1) % len(self)], self.labels[index]


@wrong("odd", "labels should be floats, 1.0 and 0.0, not torch.int64")
class WholeLabels(Parities):
    def __getitem__(self, index):
        return self.images[index], self.labels[index].long()


@wrong("odd", "1.0 is for odd digits")
class Even(Parities):
    def __getitem__(self, index):
        return self.images[index], 1 - self.labels[index]


@wrong("odd", "this is the digit itself")
class Digits(Parities):
    def __init__(self, examples):
        super().__init__(examples)
        self.labels = examples.y.float()


@wrong("odd", "half the digit")
class Halves(Parities):
    def __init__(self, examples):
        super().__init__(examples)
        self.labels = (examples.y // 2).float()


@wrong("odd", "whether the *index* is odd")
class ByIndex(Parities):
    def __getitem__(self, index):
        return self.images[index], float(index % 2)


@wrong("odd", "themselves changed")
class InPlace(Parities):
    def __init__(self, examples):
        super().__init__(examples._replace(x=examples.x.clone()))
        examples.x.mul_(2)


def save(model, path):
    torch.save(model.state_dict(), path)


def load(path):
    weights = torch.load(path, weights_only=True)
    back = Classifier(weights["hidden.weight"].shape[0])
    back.load_state_dict(weights)
    return back.eval()


def save_to_text(model, path):
    torch.save(dict(model.state_dict()), str(path))


def save_clones(model, path):
    with path.open("wb") as file:
        torch.save({name: each.clone() for name, each in model.named_parameters()}, file)


def load_by_bias(path):
    with path.open("rb") as file:
        weights = torch.load(file, map_location="cpu")
    back = Classifier(hidden=weights["output.weight"].size(1), dropout=0.3)
    for name, parameter in back.named_parameters():
        parameter.data = weights[name]
    back.train(False)
    return back


def load_layers(path):
    weights, back = torch.load(path), Classifier()
    back.hidden = nn.Linear(*reversed(weights["hidden.weight"].shape))
    back.output = nn.Linear(*reversed(weights["output.weight"].shape))
    back.load_state_dict(weights)
    back.eval()
    return back


def load_at_64(path):
    back = Classifier()
    back.load_state_dict(torch.load(path))
    return back.eval()


def load_carelessly(path):
    weights = torch.load(path, weights_only=False)
    back = Classifier(len(weights["hidden.bias"]))
    back.load_state_dict(weights)
    return back.eval()


def load_nothing(path):
    return Classifier(len(torch.load(path)["hidden.bias"])).eval()


def save_spoiled(model, path):
    torch.save({name: each * 1.1 for name, each in model.state_dict().items()}, path)


def save_more(model, path):
    torch.save({"weights": model.state_dict(), "epoch": 3}, path)


def load_wrongly(path):
    raise RuntimeError("no such size")


right("saving", save, load)
right("saving", save_to_text, load_by_bias)
right("saving", save_clones, load_layers)
right("saving", save_clones, load)
wrong("saving", "save wrote no file", lambda model, path: None, load)
wrong("saving", "save wrote no file", lambda model, path: save(model, path.with_suffix(".pth")), load)
wrong("saving", "the file holds other objects", lambda model, path: torch.save(model, path), load)
wrong("saving", "not a list", lambda model, path: torch.save(list(model.parameters()), path), load)
wrong(
    "saving",
    "holds weights, epoch",
    save_more,
    load,
)
wrong("saving", "in the file is not that of the model", save_spoiled, load)
wrong("saving", "load returns nothing yet", save, lambda path: None)
wrong("saving", "return a model, not a", save, torch.load)
wrong("saving", "still in training mode", save, lambda path: load(path).train())
wrong("saving", "24 hidden units", save, load_at_64)
wrong("saving", "does the new one load the weights", save, load_nothing)
wrong("saving", "weights_only=True", save, load_carelessly)
wrong("saving", "stopped with RuntimeError: no such size", save, load_wrongly)
