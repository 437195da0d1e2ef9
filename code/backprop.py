"""Backpropagation: record every step forward, then replay them backwards.

A number that remembers what it was made from can say how it would change with
each of them. Going back over all steps once, from the loss to the weights,
multiplies these derivatives along each path and adds up the paths.

Source: Rumelhart, Hinton and Williams, "Learning representations by
back-propagating errors", Nature 323, 1986.
"""

import io
import logging
import math
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.accuracy import accuracy
from neuronup.activations import ACTIVATIONS
from neuronup.command import folder, keep, record, run
from neuronup.digits import train_test_digits


# --8<-- [start:value]
class Value:
    """A number that remembers its parents, and its derivative in each of them."""

    def __init__(
        self,
        data: float,
        parents: tuple["Value", ...] = (),
        derivatives: tuple[float, ...] = (),
    ) -> None:
        self.data, self.grad, self.name = data, 0.0, ""
        self.parents, self.derivatives = parents, derivatives

    # --8<-- [start:record]
    def __add__(self, other: "Value | float") -> "Value":
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: "Value | float") -> "Value":
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    # --8<-- [end:record]
    def __pow__(self, power: float) -> "Value":
        derivative = power * self.data ** (power - 1)
        return Value(self.data**power, (self,), (derivative,))

    def exp(self) -> "Value":
        """Return e to the power of this."""
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def log(self) -> "Value":
        """Return the natural logarithm."""
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def tanh(self) -> "Value":
        """Squash this into (-1, 1)."""
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t * t,))

    def sigmoid(self) -> "Value":
        """Squash this into (0, 1)."""
        s = (1 + math.tanh(self.data / 2)) / 2  # 1 / (1 + exp(-z)) may overflow
        return Value(s, (self,), (s * (1 - s),))

    def relu(self) -> "Value":
        """Pass this on if it is positive, else 0."""
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __neg__(self) -> "Value":
        return self * -1.0

    def __sub__(self, other: "Value | float") -> "Value":
        return self + -other

    def __rsub__(self, other: float) -> "Value":
        return -self + other

    def __truediv__(self, other: "Value | float") -> "Value":
        return self * other**-1.0

    def __rtruediv__(self, other: float) -> "Value":
        return self**-1.0 * other

    __radd__, __rmul__ = __add__, __mul__

    def called(self, name: str) -> "Value":
        """Give this value a name, by which it is drawn and listed."""
        self.name = name
        return self

    # --8<-- [start:order]
    def tape(self) -> list["Value"]:
        """List all that this was made from, and itself: each after its parents."""
        listed: list[Value] = []
        seen: set[Value] = set()
        waiting = [(self, False)]
        while waiting:
            node, parents_are_listed = waiting.pop()
            if parents_are_listed:
                listed.append(node)
            elif node not in seen:
                seen.add(node)
                waiting.append((node, True))
                waiting.extend((parent, False) for parent in reversed(node.parents))
        return listed

    # --8<-- [end:order]
    # --8<-- [start:replay]
    def backward(self) -> None:
        """Set `grad` of all this was made from to its gradient; in leaves, add it."""
        tape = self.tape()
        for node in tape:
            node.grad = 0.0 if node.parents else node.grad
        self.grad += 1.0
        for node in reversed(tape):
            for parent, derivative in zip(node.parents, node.derivatives, strict=True):
                parent.grad += derivative * node.grad


# --8<-- [end:replay]
# --8<-- [end:value]
# --8<-- [start:shared]
def shared() -> Value:
    """Return L = c d, where c = a b and d = c + a: both a and c are used twice."""
    a, b = Value(2.0).called("a"), Value(-3.0).called("b")
    c = (a * b).called("c = a·b")
    d = (c + a).called("d = c + a")
    return (c * d).called("L = c·d")


# --8<-- [end:shared]
# --8<-- [start:network]
Parameters = dict[str, Value]
INITIAL = {"w11": 0.5, "w12": -0.3, "b1": 0.1, "w21": -0.4, "w22": 0.8, "b2": 0.0}
INITIAL |= {"v1": 0.7, "v2": -0.6, "c": 0.2}
POINTS = [((0.9, -0.2), 0.0), ((0.75, 0.6), 1.0)]  # two points, each with its label


def initial_parameters() -> Parameters:
    """Make a new value of each number in INITIAL, under its name."""
    return {name: Value(number).called(name) for name, number in INITIAL.items()}


def predict_example(p: Parameters, x: tuple[float, float]) -> Value:
    """Say how likely label 1 is at the point x: two hidden neurons, and one more."""
    x1, x2 = Value(x[0]).called("x1"), Value(x[1]).called("x2")
    z1 = (p["w11"] * x1 + p["w12"] * x2 + p["b1"]).called("z1")
    z2 = (p["w21"] * x1 + p["w22"] * x2 + p["b2"]).called("z2")
    h1, h2 = z1.sigmoid().called("h1"), z2.sigmoid().called("h2")
    z = (p["v1"] * h1 + p["v2"] * h2 + p["c"]).called("z")
    return z.sigmoid().called("ŷ")


def example_loss(p: Parameters, x: tuple[float, float], y: float) -> Value:
    """Return the binary cross-entropy of the prediction at x, whose label is y."""
    prediction = predict_example(p, x)
    return (-(y * prediction.log() + (1 - y) * (1 - prediction).log())).called("L")


def mean_loss(p: Parameters) -> float:
    """Average the loss over both points."""
    return sum(example_loss(p, *point).data for point in POINTS) / len(POINTS)


def gradient_step(p: Parameters, rate: float) -> Parameters:
    """Step against the gradient: new parameters, so that the recorded ones stay."""
    return {n: Value(w.data - rate * w.grad).called(n) for n, w in p.items()}


# --8<-- [end:network]
# --8<-- [start:steps]
def training_steps(rate: float, passes: int) -> tuple[list[Value], Parameters]:
    """Train on one point after the other; return each loss, and the parameters."""
    p = initial_parameters()
    losses = []
    for _ in range(passes):
        for x, y in POINTS:
            losses.append(example_loss(p, x, y))
            losses[-1].backward()
            p = gradient_step(p, rate)
    return losses, p


def values_and_gradients(end: Value) -> dict[str, tuple[float, float]]:
    """Look up the value and the gradient of all that has a name."""
    return {node.name: (node.data, node.grad) for node in end.tape() if node.name}


# --8<-- [end:steps]
# --8<-- [start:matrix]
def linear_backward(x: Tensor, weight: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    """Pass g (n, out) at x Wᵀ + b on: to x (n, in), to W (out, in), to b (out,)."""
    return g @ weight, g.T @ x, g.sum(dim=0)


def vector_jacobian(layer: Callable, x: Tensor, v: Tensor) -> Tensor | None:
    """Multiply v, shaped as layer(x), by the Jacobian of `layer` at x: shaped as x."""
    x = x.detach().requires_grad_()
    layer(x).backward(gradient=v)
    return x.grad


# --8<-- [end:matrix]
# --8<-- [start:dynamic]
class Straight(nn.Module):
    """The same operations for every input."""

    def forward(self, x: Tensor) -> Tensor:
        """Halve x (n,) once, and squash and add it up: ()."""
        return (x / 2).tanh().sum()


# --8<-- [start:loop]
class Loop(nn.Module):
    """As many operations as the input asks for."""

    def forward(self, x: Tensor) -> Tensor:
        """Halve x (n,) until it is no longer than 1, then squash and add it up: ()."""
        while x.norm() > 1:
            x = x / 2
        return x.tanh().sum()


# --8<-- [end:loop]
def autograds_tape(result: Tensor) -> list[str]:
    """List what PyTorch recorded on the way to `result`, the last step first."""
    names, step = [], result.grad_fn
    while step is not None:  # follow the first parent
        names.append(step.name().split("::")[-1].removesuffix("Backward0"))
        step = step.next_functions[0][0] if step.next_functions else None
    return names


# --8<-- [end:dynamic]
# --8<-- [start:static]
class Choice(nn.Module):
    """A decision inside the graph, by `cond`, which is a prototype in PyTorch."""

    def forward(self, x: Tensor) -> Tensor:
        """Halve x (n,) if it is longer than 1, then squash and add it up: ()."""
        x = torch.cond(x.norm() > 1, lambda x: x / 2, lambda x: x.clone(), (x,))
        return x.tanh().sum()


def operations(graph: torch.fx.Graph) -> list[str]:
    """List the operations of a graph by name."""
    return [node.name for node in graph.nodes if node.op.startswith("call")]


def exported(model: nn.Module, x: Tensor) -> list[str]:
    """Record `model` whole, before it runs on any numbers; [] if that cannot be."""
    logging.disable()  # for PyTorch says at length where it got stuck
    try:
        with redirect_stderr(io.StringIO()):
            return operations(torch.export.export(model, (x,)).graph)
    except RuntimeError:  # what comes next hangs on a number that is not there yet
        return []
    finally:
        logging.disable(logging.NOTSET)


def compiled(model: nn.Module, x: Tensor) -> list[str]:
    """Compile `model` while it runs on x (n,); list its first graph."""
    graphs = []

    def keep_graph(piece: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable:
        graphs.append(operations(piece.graph))
        return piece.forward  # a real compiler would make it faster here

    torch.compiler.reset()
    torch.compile(model, backend=keep_graph)(x)
    return graphs[0]  # how it goes on after a cut, Python decides


# --8<-- [end:static]
# --8<-- [start:depth]
def random_weights(
    depth: int, scale: float, seed: int, device: torch.device | None = None
) -> list[Tensor]:
    """Draw the weights of `depth` layers (64, 64) and one of (64, 10)."""
    g = torch.Generator().manual_seed(seed)
    sizes = [(64, 64)] * depth + [(64, 10)]
    return [(scale / 8 * torch.randn(size, generator=g)).to(device) for size in sizes]


def pre_activations(x: Tensor, weights: list[Tensor], name: str) -> list[Tensor]:
    """Pass images x (n, 64) through all layers: the weighted sums of each."""
    activation, z = ACTIVATIONS[name][0], [x @ weights[0]]
    for weight in weights[1:]:
        z.append(activation(z[-1]) @ weight)
    return z


def gradient_norms(x: Tensor, y: Tensor, weights: list[Tensor], name: str) -> Tensor:
    """Measure the gradient that reaches each layer's sums: (layers,)."""
    z = pre_activations(x, [weight.requires_grad_() for weight in weights], name)
    gradients = torch.autograd.grad(cross_entropy(z[-1], y), z)
    return torch.stack([gradient.norm() for gradient in gradients]).cpu()


# --8<-- [end:depth]
# --8<-- [start:train]
DEPTH_RATES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
# Each with the scale of its weights, before they are divided by the root of 64.
INITIALISATIONS = {
    "sigmoid": ("sigmoid", 1.0),
    "sigmoid_4": ("sigmoid", 4.0),
    "tanh": ("tanh", 1.0),
    "ReLU": ("ReLU", 2**0.5),
}


def train(
    name: str, weights: list[Tensor], x: Tensor, y: Tensor, rate: float, steps: int
) -> None:
    """Train `weights` on images x (n, 64), y (n,) by SGD, 64 images a step."""
    weights = [weight.requires_grad_() for weight in weights]
    g = torch.Generator().manual_seed(0)
    for _ in range(steps):
        some = torch.randint(len(x), (64,), generator=g).to(x.device)
        logits = pre_activations(x[some], weights, name)[-1]
        gradients = torch.autograd.grad(cross_entropy(logits, y[some]), weights)
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                weight -= rate * gradient


def accuracy_at_best_rate(
    label: str, layers: int, seed: int, steps: int, device: torch.device
) -> tuple[float, float]:
    """Choose a rate on validation images; return it, and its mean test accuracy."""
    name, scale = INITIALISATIONS[label]
    x, y, *test = train_test_digits(seed).to(device)
    cut = len(x) * 4 // 5  # the last fifth of the training images is for validation

    def reached(draw: int, rate: float, last: int, held: list[Tensor]) -> float:
        weights = random_weights(layers, scale, draw, device)
        train(name, weights, x[:last], y[:last], rate, steps)
        return float(accuracy(pre_activations(held[0], weights, name)[-1], held[1]))

    rates = tqdm(DEPTH_RATES, f"{label}, {layers}", disable=None)
    best = max(rates, key=lambda rate: reached(seed, rate, cut, [x[cut:], y[cut:]]))
    scores = [reached(draw, best, len(x), test) for draw in range(seed, seed + 3)]
    return best, sum(scores) / len(scores)


# --8<-- [end:train]
SCALES = {"half": ("ReLU", 0.5**0.5), "right": ("ReLU", 2**0.5)}
SCALES |= {"twice": ("ReLU", 8**0.5)}


def layer_gradients(depth: int, seed: int, device: torch.device) -> dict[str, Tensor]:
    """Measure gradients (seeds, layers) by name and scale: five draws of weights."""
    x, digit, _, _ = train_test_digits(seed).to(device)
    found = {}
    for label, (name, scale) in (INITIALISATIONS | SCALES).items():
        draws = [random_weights(depth, scale, seed + k, device) for k in range(5)]
        found[label] = torch.stack([gradient_norms(x, digit, w, name) for w in draws])
    return found


def describe_step(number: int, end: Value, rate: float) -> str:
    """Tell a step in lines: forward, backward, and what the parameters become."""
    (x, y), named = POINTS[number - 1], values_and_gradients(end)
    made = [name for name in named if name not in INITIAL]
    lines = [f"point {number}: x = {x}, y = {y:.0f}"]
    for row in (made[:5], made[5:]):
        lines.append("  value   " + "  ".join(f"{n} {named[n][0]:.4f}" for n in row))
        lines.append("  grad    " + "  ".join(f"{n} {named[n][1]:.4f}" for n in row))
    for name in INITIAL:
        old, gradient = named[name]
        new = old - rate * gradient
        lines.append(f"  {name:4}{old:.5f} - {rate} * ({gradient:.5f}) = {new:.5f}")
    return "\n".join(lines)


def worked_example(rate: float, passes: int) -> tuple[list[Value], dict[str, Any]]:
    """Work through the two points; return each loss of pass 1, and all the numbers."""
    losses, once = training_steps(rate, passes=1)
    _, often = training_steps(rate, passes)
    numbers: dict[str, Any] = {f"end_{n}": value.data for n, value in once.items()}
    for number, end in enumerate(losses, 1):
        for name, (value, gradient) in values_and_gradients(end).items():
            key = f"p{number}_{name.replace('ŷ', 'yhat')}"
            numbers |= {key: value, f"{key}_grad": gradient}
    numbers |= {"loss_before": mean_loss(initial_parameters()), "passes": passes}
    numbers |= {"loss_once": mean_loss(once), "loss_often": mean_loss(often)}
    end = shared()
    end.backward()
    found = values_and_gradients(end)
    numbers |= {f"shared_{name[0]}": found[name][1] for name in ("a", "b", "c = a·b")}
    return losses, numbers


def recorded_graphs() -> dict[str, Any]:
    """Find out what is recorded of each model: by autograd, by export, by compile."""
    long = torch.tensor([3.0, 4.0])
    found: dict[str, Any] = {}
    for name, scale in {"short": 0.1, "long": 1.0, "longer": 10.0}.items():
        tape = autograds_tape(Loop()((scale * long).requires_grad_()))
        found[f"halved_{name}"] = sum("Div" in step for step in tape)
        found[f"tape_{name}"] = ", ".join(tape)
    models = {"straight": Straight(), "loop": Loop(), "choice": Choice()}
    for name, model in models.items():
        found[f"exported_{name}"] = ", ".join(exported(model, long)) or "refused"
        found[f"compiled_{name}"] = ", ".join(compiled(model, long))
    return found


def compare_depths(
    norms: dict[str, Tensor], seed: int, steps: int, device: torch.device
) -> dict[str, float]:
    """Summarise gradients (seeds, layers); train with 1 and 10 hidden layers."""
    depth = norms["ReLU"].shape[1]
    logs = {label: (n[:, 0] / n[:, -1]).log().mean() for label, n in norms.items()}
    numbers = {f"ratio_{label}": float(log.exp()) for label, log in logs.items()}
    numbers["factor_sigmoid"] = float((logs["sigmoid"] / (depth - 1)).exp())
    for label in INITIALISATIONS:
        for n in (1, 10):
            rate, right = accuracy_at_best_rate(label, n, seed, steps, device)
            numbers |= {f"rate_{label}_{n}": rate, f"right_{label}_{n}": right}
    images = train_test_digits(seed)[0].to(device)
    z = pre_activations(images, random_weights(10, 1.0, seed, device), "sigmoid")
    first, last = (float(z[k].std(0).mean()) for k in (0, -1))  # over images
    return numbers | {"spread_first": first, "spread_last": last, "depth": depth}


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    rate: float = 0.01,
    passes: int = 5000,
    steps: int = 300,
    out: Path | None = None,
) -> None:
    """Work backpropagation by hand, record graphs, and measure gradients by depth.

    Args:
        seed: Draws weights and images; the next seeds too, for means.
        device: Where networks compute; the worked example and graphs stay on the CPU.
            On a GPU results differ, as between seeds.
        rate: Learning rate of the worked example.
        passes: Passes over its two points, in the end.
        steps: Training steps of each deep network.
        out: Folder for metrics.json and what drawings.py draws; else it only prints.
    """
    folder(out)
    used = devices.pick(device)
    losses, example = worked_example(rate, passes)
    for number, end in enumerate(losses, 1):
        print(describe_step(number, end, rate))
    norms = layer_gradients(20, seed, used)
    numbers = example | recorded_graphs() | compare_depths(norms, seed, steps, used)
    print(REPORT.format(**numbers))
    if out is not None:
        keep(out, norms=norms, numbers=numbers)
        record(out, seed, used, **numbers)


REPORT = """\
mean loss: {loss_before:.5f}, after one pass {loss_once:.5f}, \
after {passes:,} {loss_often:.5f}
autograd's tape of the loop, for inputs of three lengths:
  0.5: {tape_short}
  5:   {tape_long}
  50:  {tape_longer}
recorded before it runs, by torch.export:
  straight: {exported_straight}
  loop:     {exported_loop}
  choice:   {exported_choice}
recorded while it runs, by torch.compile, up to the first cut:
  straight: {compiled_straight}
  loop:     {compiled_loop}
  choice:   {compiled_choice}
gradient at the first of {depth} layers, over that at the last:
  sigmoid {ratio_sigmoid:.0e}, weights times 4 {ratio_sigmoid_4:.0e}
  tanh {ratio_tanh:.2f}, ReLU {ratio_ReLU:.2f}
  ReLU, half the weights {ratio_half:.0e}, twice {ratio_twice:.0e}
test images classified correctly, 1 and 10 hidden layers, each at its best rate:
  sigmoid {right_sigmoid_1:.1%}, {right_sigmoid_10:.1%}
    weights times 4: {right_sigmoid_4_1:.1%}, {right_sigmoid_4_10:.1%}
  tanh    {right_tanh_1:.1%}, {right_tanh_10:.1%}
  ReLU    {right_ReLU_1:.1%}, {right_ReLU_10:.1%}
standard deviation of sums from image to image, sigmoid, layers 1 and 11 of 11:
  {spread_first:.2f}, {spread_last:.0e}"""

if __name__ == "__main__":
    run(main)
