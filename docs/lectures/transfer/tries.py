"""Pre-trained models: lines to try and change below the code of the page."""

import io
import pickle

import torch
from torch import nn
from torch.nn.functional import pad

from neuronup.costs import count_parameters
from neuronup.images import all_digits
from neuronup.loaders import Examples
from neuronup.pretrained import Frozen, Surprise
from transfer import (
    ImageClassifier,
    draw_few,
    enlarge,
    evaluate,
    load_digits,
    load_mnist,
    make_task,
    optimise,
    parameter_groups,
    pretrain,
)

# --8<-- [start:count]
for classes in 2, 10, 1000:  # from how many classes on is the head the larger part?
    net = ImageClassifier(classes)
    parts = count_parameters(net.backbone), count_parameters(net.head)
    print(f"{classes} classes: backbone {parts[0]:,}, head {parts[1]:,} parameters")
print(net.backbone(torch.zeros(5, 1, 12, 12)).shape)  # and for images of 28 by 28?

# --8<-- [end:count]
# --8<-- [start:groups]
groups = parameter_groups(net, rate=0.1, ratio=0.1)  # what does ratio=0 freeze?
for group in torch.optim.AdamW(groups).param_groups:
    many = sum(value.numel() for value in group["params"])
    print(f"{many:,} parameters at the learning rate {group['lr']:.3f}")

# --8<-- [end:groups]
# --8<-- [start:freeze]
torch.manual_seed(0)
for name, layers in ("by half", nn.Sequential), ("wholly", Frozen):
    norm = nn.BatchNorm2d(1)
    part = layers(norm).requires_grad_(False)
    part.train()  # as every training loop does; what if you leave this out?
    part(torch.full((4, 1, 2, 2), 5.0))
    print(f"frozen {name}: running mean {norm.state_dict()['running_mean'].item()}")

# --8<-- [end:freeze]
# --8<-- [start:preprocessing]
cpu = torch.device("cpu")
task = make_task("mnist_digits", load_mnist("mnist", 0, cpu), load_digits(0, cpu))
known, (x, y) = pretrain(task, 100, seed=0), all_digits()
ways = {"enlarged": enlarge(x), "with a border": pad(x, (2, 2, 2, 2))}
ways |= {"inverted": 1 - enlarge(x), "0 to 255": 255 * enlarge(x)}  # and .flip(3)?
for name, images in ways.items():
    print(f"{name}: {evaluate(known, Examples(images, y)):.0%}")

# --8<-- [end:preprocessing]
# --8<-- [start:momentum]
for momentum in 0.1, 0.3, 1.0:  # after how many steps does 0.1 do as well?
    torch.manual_seed(0)
    fresh = ImageClassifier(10)
    for layer in fresh.backbone.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = momentum
    few = draw_few(task.target, 50, seed=0)
    optimise(fresh, few, parameter_groups(fresh, 0.03, 1.0), steps=20, seed=0)
    print(f"{momentum}: {evaluate(fresh, task.test):.0%}")

# --8<-- [end:momentum]
# --8<-- [start:pickle]
file = io.BytesIO()
torch.save(Surprise(), file)
for safe in False, True:  # what would os.getcwd do in the place of print?
    try:
        torch.load(io.BytesIO(file.getvalue()), weights_only=safe)
    except pickle.UnpicklingError as error:
        print("refused:", type(error).__name__)

# --8<-- [end:pickle]
