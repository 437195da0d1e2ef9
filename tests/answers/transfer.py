"""Answers to the lab on transfer."""

import copy
import io
import pickle

import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from answers import right, wrong


@right("new_head")
def by_the_name_of_the_parent(model, name, classes):
    model = copy.deepcopy(model)
    parent, _, last = name.rpartition(".")
    old = model.get_submodule(name)
    setattr(model.get_submodule(parent), last, nn.Linear(old.in_features, classes))
    return model


@right("new_head")
def step_by_step_down(model, name, classes):
    model = copy.deepcopy(model)
    *path, last = name.split(".")
    parent = model
    for each in path:
        parent = getattr(parent, each)
    width = getattr(parent, last).weight.shape[1]
    parent.add_module(last, nn.Linear(width, classes))
    return model


@right("new_head")
def with_a_lazy_layer(model, name, classes):
    model = copy.deepcopy(model)
    model.set_submodule(name, nn.LazyLinear(classes))
    return model


@right("new_head")
def by_resizing_the_old_layer(model, name, classes):
    model = copy.deepcopy(model)
    head = model.get_submodule(name)
    head.out_features = classes
    head.weight = nn.Parameter(torch.empty(classes, head.in_features))
    head.bias = nn.Parameter(torch.zeros(classes))
    nn.init.xavier_uniform_(head.weight)
    return model


@right("new_head")
def from_zeros(model, name, classes):
    model = copy.deepcopy(model)
    head = nn.Linear(model.get_submodule(name).in_features, classes)
    model.set_submodule(name, head.requires_grad_(False))
    head.weight.zero_()
    return model.requires_grad_(True)


@wrong("new_head", "work on a copy")
def in_the_model_itself(model, name, classes):
    model.set_submodule(name, nn.Linear(model.get_submodule(name).in_features, classes))
    return model


@wrong("new_head", "work on a copy")
def in_a_shallow_copy(model, name, classes):
    return in_the_model_itself(copy.copy(model), name, classes)


@wrong("new_head", "shares its weights")
def sharing_the_body(model, name, classes):
    new = copy.deepcopy(model)
    new.set_submodule(name, nn.Linear(new.get_submodule(name).in_features, classes))
    first = next(iter(dict(model.named_children())))
    setattr(new, first, getattr(model, first))
    return new


@wrong("new_head", "return the whole model")
def the_layer_alone(model, name, classes):
    return nn.Linear(model.get_submodule(name).in_features, classes)


@wrong("new_head", "logits of shape (3, 3), not (3, 10)")
def always_ten(model, name, classes):
    return by_the_name_of_the_parent(model, name, 10)


@wrong("new_head", "logits of shape (3, 3), not (3, 5)")
def only_a_copy(model, name, classes):
    return copy.deepcopy(model)


@wrong("new_head", "the new layer does not fit")
def turned_round(model, name, classes):
    model = copy.deepcopy(model)
    model.set_submodule(name, nn.Linear(classes, model.get_submodule(name).in_features))
    return model


@wrong("new_head", "keep their names, and the new one stands at fc")
def one_more_layer(model, name, classes):
    return nn.Sequential(copy.deepcopy(model), nn.Linear(model.get_submodule(name).out_features, classes))


@wrong("new_head", "keep their names, and the new one stands at classifier.2")
def as_an_attribute(model, name, classes):
    model = copy.deepcopy(model)
    head = nn.Linear(model.get_submodule(name).in_features, classes)
    if "." not in name:
        setattr(model, name, head)
        return model
    return nn.Sequential(*list(model.children())[:1], *list(model.classifier.children())[:2], head)


@wrong("new_head", "pre-trained weights")
def all_anew(model, name, classes):
    model = by_the_name_of_the_parent(model, name, classes)
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    return model


@wrong("new_head", "still has the weights of the old one")
def rows_of_the_old_one(model, name, classes):
    old = model.get_submodule(name)
    model = by_the_name_of_the_parent(model, name, classes)
    with torch.no_grad():
        new, rows = model.get_submodule(name), min(classes, old.out_features)
        new.weight[:rows] = old.weight[:rows]
    return model


wrong("new_head", "not a str", lambda model, name, classes: name)
wrong("new_head", "returns nothing yet", lambda model, name, classes: None)


@right("freeze")
def a_loop_over_the_children(model, kept):
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.train(False)
    for part in map(model.get_submodule, kept):
        part.train()
        for parameter in part.parameters():
            parameter.requires_grad = True
    return model


@right("freeze")
def by_names(model, kept):
    starts = tuple(f"{each}." for each in kept)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(starts) if starts else False)
    for name, layer in model.named_modules():
        layer.training = bool(starts) and f"{name}.".startswith(starts)
    return model


@right("freeze")
def a_frozen_copy(model, kept):
    return a_loop_over_the_children(copy.deepcopy(model), kept)


@right("freeze")
def normalisation_and_dropout_only(model, kept):
    model.train().requires_grad_(False)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.Dropout):
            layer.eval()
    for name in kept:
        model.get_submodule(name).train().requires_grad_(True)
    return model


@wrong("freeze", "still in training mode")
def weights_only(model, kept):
    model.requires_grad_(False).train()
    for name in kept:
        model.get_submodule(name).requires_grad_(True)
    return model


@wrong("freeze", "still gets a gradient")
def modes_only(model, kept):
    model.eval()
    for name in kept:
        model.get_submodule(name).train()
    return model


@wrong("freeze", "put it into training mode")
def all_in_evaluation_mode(model, kept):
    model.requires_grad_(False).eval()
    for name in kept:
        model.get_submodule(name).requires_grad_(True)
    return model


@wrong("freeze", "still in training mode")
def put_into_training_mode_at_the_end(model, kept):
    return a_loop_over_the_children(model, kept).train()


@wrong("freeze", "gets no gradient, and is to be trained")
def what_was_frozen_stays(model, kept):
    for name, parameter in model.named_parameters():
        if not name.startswith(tuple(f"{each}." for each in kept)):
            parameter.requires_grad = False
    return model.eval()


@wrong("freeze", "still gets a gradient, and is to be frozen")
def turned_upside_down(model, kept):
    model.requires_grad_(True).train()
    for name in kept:
        model.get_submodule(name).requires_grad_(False).eval()
    return model


@wrong("freeze", "block2.0.weight still gets a gradient")
def names_that_begin_alike(model, kept):
    model.eval()
    for name, parameter in model.named_parameters():
        parameter.requires_grad = any(name.startswith(each) for each in kept)
    for name, layer in model.named_modules():
        if any(name.startswith(each) for each in kept):
            layer.train()
    return model


@wrong("freeze", "is to be trained")
def always_the_head(model, kept):
    model.requires_grad_(False).eval()
    model.head.requires_grad_(True).train()
    return model


@wrong("freeze", "return the model, not a list")
def the_parts_that_learn(model, kept):
    return [model.get_submodule(name) for name in kept]


wrong("freeze", "returns nothing yet", lambda model, kept: None)


def trained(features, y, classes, steps=200, rate=0.1, make=torch.optim.AdamW):
    """Train a linear layer on features."""
    head = nn.Linear(features.shape[1], classes)
    optimiser = make(head.parameters(), lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        cross_entropy(head(features), y).backward()
        optimiser.step()
    return head


@right("linear_probe")
def in_inference_mode(backbone, x, y, classes):
    with torch.no_grad():
        features = torch.cat([backbone.eval()(part) for part in x.split(7)])
    return trained(features, y, classes)


@right("linear_probe")
def detached(backbone, x, y, classes):
    backbone.train(False)
    return nn.Sequential(trained(backbone(x).detach(), y, classes, 300, 0.05, torch.optim.Adam))


@right("linear_probe")
def by_stochastic_gradient_descent(backbone, x, y, classes):
    backbone.eval()
    for parameter in backbone.parameters():
        parameter.requires_grad = False
    return trained(backbone(x), y, classes, 400, 0.3, torch.optim.SGD)


@right("linear_probe")
def by_least_squares_with_numpy(backbone, x, y, classes):
    with torch.no_grad():
        features = backbone.eval()(x).double().numpy()
    a = np.c_[features, np.ones(len(features))]
    goal = np.eye(classes)[y.numpy()]
    found = np.linalg.solve(a.T @ a + 0.1 * np.eye(a.shape[1]), a.T @ goal)
    head = nn.Linear(features.shape[1], classes)
    head.load_state_dict({"weight": torch.as_tensor(found[:-1].T), "bias": torch.as_tensor(found[-1])})
    return head


@wrong("linear_probe", "the backbone was in training mode")
def in_training_mode(backbone, x, y, classes):
    with torch.no_grad():
        features = backbone(x)
    return trained(features, y, classes)


@wrong("linear_probe", "compute them once, before the loop")
def features_at_each_step(backbone, x, y, classes):
    backbone.eval()
    head = nn.LazyLinear(classes)
    head(backbone(x).detach())
    optimiser = torch.optim.AdamW(head.parameters(), lr=0.1)
    for _ in range(200):
        with torch.no_grad():
            features = backbone(x)
        optimiser.zero_grad()
        cross_entropy(head(features), y).backward()
        optimiser.step()
    return head


@wrong("linear_probe", "still hang on the backbone's graph")
def with_the_graph(backbone, x, y, classes):
    return trained(backbone.eval()(x), y, classes)


@wrong("linear_probe", "the backbone has changed")
def the_backbone_too(backbone, x, y, classes):
    backbone.eval()
    features = backbone(x)
    cross_entropy(features, y).backward()
    torch.optim.SGD(backbone.parameters(), lr=0.1).step()
    return trained(features.detach(), y, classes)


@wrong("linear_probe", "gradients have reached the backbone")
def with_one_backward_too_many(backbone, x, y, classes):
    features = backbone.eval()(x)
    features.sum().backward()
    return trained(features.detach(), y, classes)


@wrong("linear_probe", "look at features.shape[1]")
def width_known_from_before(backbone, x, y, classes):
    with torch.no_grad():
        features = backbone.eval()(x)
    return trained(features[:, :24], y, classes)


@wrong("linear_probe", "labels may be missing")
def classes_counted_in_the_labels(backbone, x, y, classes):
    return in_inference_mode(backbone, x, y, int(y.max()) + 1)


@wrong("linear_probe", "correctly, and there is a layer")
def without_training(backbone, x, y, classes):
    with torch.no_grad():
        return trained(backbone.eval()(x), y, classes, steps=0)


@wrong("linear_probe", "correctly, and there is a layer")
def the_first_two_only(backbone, x, y, classes):
    return trained(backbone.eval()(x[:2]).detach(), y[:2], classes)


@wrong("linear_probe", "not a Tensor")
def logits_for_a_layer(backbone, x, y, classes):
    with torch.no_grad():
        features = backbone.eval()(x)
    return trained(features, y, classes)(features)


@wrong("linear_probe", "stopped with RuntimeError")
def as_wide_as_the_images_are_many(backbone, x, y, classes):
    head = nn.Linear(len(x), classes)
    return head(backbone.eval()(x))


@wrong("linear_probe", "stopped with AttributeError")
def without_the_features(backbone, x, y, classes):
    return trained(backbone.eval(), y, classes)


wrong("linear_probe", "returns nothing yet", lambda backbone, x, y, classes: None)


def unfrozen(block):
    """The parameters of a block that are trained."""
    return [each for each in block.parameters() if each.requires_grad]


@right("groups")
def counted_from_the_end(blocks, rate, decay):
    last = len(blocks) - 1
    return [{"params": unfrozen(block), "lr": rate * decay ** (last - i)} for i, block in enumerate(blocks)]


@right("groups")
def multiplied_on_the_way(blocks, rate, decay):
    found = []
    for block in blocks[::-1]:
        if any(each.requires_grad for each in block.parameters()):
            found.insert(0, {"lr": rate, "params": filter(lambda each: each.requires_grad, block.parameters())})
        rate = rate * decay
    return found


@right("groups")
def a_group_for_each_parameter(blocks, rate, decay):
    return tuple(
        {"params": [parameter], "lr": rate * decay**number, "weight_decay": 0.0}
        for number, block in enumerate(reversed(blocks))
        for parameter in block.parameters()
        if parameter.requires_grad
    )


@right("groups")
def rates_with_numpy(blocks, rate, decay):
    rates = rate * np.power(decay, np.arange(len(blocks))[::-1], dtype=np.float64)
    return [{"params": unfrozen(b), "lr": float(r)} for b, r in zip(blocks, rates, strict=True)]


def of_rates(blocks, rates):
    """Make a group for each block."""
    return [{"params": unfrozen(b), "lr": r} for b, r in zip(blocks, rates, strict=True)]


@wrong("groups", "the first block has the largest rate")
def from_the_input(blocks, rate, decay):
    return of_rates(blocks, [rate * decay**number for number in range(len(blocks))])


@wrong("groups", "the head has a smaller rate already")
def one_time_too_many(blocks, rate, decay):
    return of_rates(blocks, [rate * decay ** (len(blocks) - number) for number in range(len(blocks))])


@wrong("groups", "each block before the head has the same rate")
def only_two_rates(blocks, rate, decay):
    return of_rates(blocks, [*[rate * decay] * (len(blocks) - 1), rate])


@wrong("groups", "all blocks have the same rate")
def without_decay(blocks, rate, decay):
    return of_rates(blocks, [rate] * len(blocks))


@wrong("groups", "do not divide")
def divided(blocks, rate, decay):
    return of_rates(blocks, [rate / decay ** (len(blocks) - 1 - number) for number in range(len(blocks))])


@wrong("groups", "are to be 0.0027, 0.009, 0.03, 0.1")
def in_equal_steps(blocks, rate, decay):
    return of_rates(blocks, [rate - number * decay * rate / 10 for number in reversed(range(len(blocks)))])


@wrong("groups", "some parameters that are not frozen are in no group")
def weights_without_biases(blocks, rate, decay):
    found = counted_from_the_end(blocks, rate, decay)
    return [{**group, "params": group["params"][:1]} for group in found]


@wrong("groups", "some parameters that are not frozen are in no group")
def without_the_head(blocks, rate, decay):
    return counted_from_the_end(blocks, rate, decay)[:-1]


@wrong("groups", "each group is to be a dictionary")
def without_names(blocks, rate, decay):
    return [(group["params"], group["lr"]) for group in counted_from_the_end(blocks, rate, decay)]


@wrong("groups", "each group is to be a dictionary")
def with_another_name(blocks, rate, decay):
    return [{"params": group["params"], "rate": group["lr"]} for group in counted_from_the_end(blocks, rate, decay)]


@wrong("groups", "optimiser refuses these groups")
def each_block_twice(blocks, rate, decay):
    return counted_from_the_end(blocks, rate, decay) * 2


@wrong("groups", "optimiser refuses these groups")
def blocks_for_parameters(blocks, rate, decay):
    return [{"params": [block], "lr": rate} for block in blocks]


@wrong("groups", "a frozen parameter is in a group")
def frozen_ones_too(blocks, rate, decay):
    found = zip(counted_from_the_end(blocks, rate, decay), blocks, strict=True)
    return [{**group, "params": block.parameters()} for group, block in found]


@wrong("groups", "a frozen block counts too")
def frozen_ones_not_counted(blocks, rate, decay):
    return counted_from_the_end([block for block in blocks if unfrozen(block)], rate, decay)


@wrong("groups", "return a list of dictionaries, not a dict")
def by_the_number_of_the_block(blocks, rate, decay):
    return dict(enumerate(counted_from_the_end(blocks, rate, decay)))


wrong("groups", "returns nothing yet", lambda blocks, rate, decay: None)


def opened(path, as_torch=lambda path: torch.load(path, weights_only=True), otherwise=dict):
    """Open a file by its format, in the ways given."""
    try:
        return safetensors.torch.load_file(path) if path.suffix == ".safetensors" else as_torch(path)
    except (safetensors.SafetensorError, pickle.UnpicklingError):
        return otherwise()


@right("open_weights")
def by_default(path):
    return opened(path, torch.load)


@right("open_weights")
def as_numpy(path):
    try:
        if path.suffix == ".safetensors":
            return safetensors.numpy.load_file(path)
        return {name: value.double().numpy() for name, value in torch.load(path, weights_only=True).items()}
    except Exception:
        return {}


@right("open_weights")
def name_by_name(path):
    if path.name.endswith(".pt"):
        return opened(path)
    try:
        with safetensors.safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError:
        return {}


@right("open_weights")
def whatever_its_name(path):
    try:
        return safetensors.torch.load(path.read_bytes())
    except safetensors.SafetensorError:
        return opened(path.rename(path.with_suffix(".pt")))


@wrong("open_weights", "the code in stranger.pt has run")
def careless(path):
    found = opened(path, lambda path: torch.load(path, weights_only=False))
    return found if isinstance(found, dict) else {}


@wrong("open_weights", "the code in stranger.pt has run")
def careless_when_refused(path):
    try:
        return opened(path, otherwise=lambda: 1 / 0)
    except ZeroDivisionError:
        found = torch.load(path, weights_only=False)
        return found if isinstance(found, dict) else {}


@wrong("open_weights", "the code in stranger.safetensors has run")
def trusting_the_name(path):
    if path.suffix == ".safetensors":
        try:
            return safetensors.torch.load_file(path)
        except safetensors.SafetensorError:
            return torch.load(io.BytesIO(path.read_bytes()), weights_only=False) or {}
    return opened(path)


@wrong("open_weights", "model.pt: return a dictionary, not a Linear")
def a_whole_model(path):
    return opened(path, lambda path: torch.load(path, weights_only=False))


@wrong("open_weights", "good.safetensors holds weights, and it is not opened (UnpicklingError)")
def one_function_for_both(path):
    return torch.load(io.BytesIO(path.read_bytes()), weights_only=True)


@wrong("open_weights", "good.pt holds weights, and it is not opened (SafetensorError)")
def the_other_function_for_both(path):
    return safetensors.torch.load_file(path)


@wrong("open_weights", "model.pt is rightly refused")
def without_try(path):
    return safetensors.torch.load_file(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)


@wrong("open_weights", "the dictionary has no entries")
def always_refused(path):
    return {}


@wrong("open_weights", "the dictionary has no entries")
def no_pickles_at_all(path):
    return opened(path, lambda path: {})


@wrong("open_weights", "other numbers")
def rounded(path):
    return {name: value.round() for name, value in opened(path).items()}


@wrong("open_weights", "returns nothing yet")
def none_when_refused(path):
    return opened(path, otherwise=lambda: None)
