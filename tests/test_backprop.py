"""Backpropagation: the engine against autograd, the worked example against PyTorch, and the page's exercises."""

import json
import math

import pytest
import torch
from conftest import ROOT, drawings_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

import backprop
from backprop import (
    DEPTH_RATES,
    INITIAL,
    INITIALISATIONS,
    POINTS,
    Choice,
    Loop,
    Straight,
    Value,
    accuracy_at_best_rate,
    autograds_tape,
    compiled,
    example_loss,
    exported,
    gradient_norms,
    gradient_step,
    initial_parameters,
    linear_backward,
    pre_activations,
    random_weights,
    shared,
    training_steps,
    values_and_gradients,
    vector_jacobian,
)

# An operation on one of the numbers made so far, or on two of them, each fit for any number.
OPERATIONS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / (b * b + 1),
    "reciprocal": lambda a, b: 2 / (a * a + 1),
    "square": lambda a, b: a**2,
    "cube": lambda a, b: a**3,
    "root": lambda a, b: (a * a + 1) ** 0.5,
    "exp": lambda a, b: a.tanh().exp(),
    "log": lambda a, b: (a * a + 1).log(),
    "tanh": lambda a, b: a.tanh(),
    "sigmoid": lambda a, b: a.sigmoid(),
    "relu": lambda a, b: a.relu(),
    "mix": lambda a, b: 3 - a * 0.5 + (-b),
}
Program = list[tuple[str, int, int]]
programs = st.lists(
    st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=14
)


def carry_out(program: Program, leaves: list) -> list:
    """Run `program` on the numbers `leaves`: all numbers in the order they were made, which may be used again."""
    made = list(leaves)
    for name, first, second in program:
        made.append(OPERATIONS[name](made[first % len(made)], made[second % len(made)]))
    return made


@given(program=programs, leaves=st.lists(st.floats(-2, 2), min_size=1, max_size=4))
def test_gradients_on_graphs_that_share_and_branch_are_autograds(program: Program, leaves: list[float]) -> None:
    try:
        ours = carry_out(program, [Value(leaf) for leaf in leaves])
    except OverflowError:
        assume(False)
    theirs = carry_out(program, [torch.tensor(leaf, dtype=torch.float64, requires_grad=True) for leaf in leaves])
    assume(all(abs(value.data) < 1e6 for value in ours))
    for number in theirs:
        number.retain_grad()
    sum((value * (k + 1) for k, value in enumerate(ours)), Value(0.0)).backward()
    sum(value * (k + 1) for k, value in enumerate(theirs)).backward()
    for value, number in zip(ours, theirs, strict=True):
        assert value.data == pytest.approx(number.item(), rel=1e-9, abs=1e-9)
        assert value.grad == pytest.approx(number.grad.item(), rel=1e-6, abs=1e-6)


def test_sigmoid_and_tanh_stand_numbers_whose_exponential_would_overflow() -> None:
    for z, expected in ((1000.0, 1.0), (-1000.0, 0.0)):
        assert Value(z).sigmoid().data == expected
        assert Value(z).sigmoid().derivatives == (0.0,)
        assert Value(z).tanh().data == 2 * expected - 1


def test_a_tape_lists_each_number_once_and_after_its_parents() -> None:
    tape = shared().tape()
    assert len(tape) == len(set(tape)) == 5
    for place, node in enumerate(tape):
        assert all(tape.index(parent) < place for parent in node.parents)


def test_gradients_add_up_in_leaves_over_calls_and_nowhere_else_as_autograds_do() -> None:
    a, x = Value(2.0), torch.tensor(2.0, requires_grad=True)
    b, y = a * a, x * x
    y.retain_grad()
    for _ in range(2):
        (b * 3).backward()
        (y * 3).backward(retain_graph=True)
    assert a.grad == x.grad.item() == 24.0
    assert b.grad == 3.0


def test_a_chain_longer_than_pythons_recursion_limit_is_replayed() -> None:
    a = Value(1.0)
    end = a
    for _ in range(5000):
        end = end + 1.0
    end.backward()
    assert (end.data, a.grad) == (5001.0, 1.0)


class Small(nn.Module):
    """The network of the worked example, in PyTorch's own parts."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(2, 2).double(), nn.Linear(2, 1).double()
        p = INITIAL
        with torch.no_grad():
            self.hidden.weight.copy_(torch.tensor([[p["w11"], p["w12"]], [p["w21"], p["w22"]]]))
            self.hidden.bias.copy_(torch.tensor([p["b1"], p["b2"]]))
            self.out.weight.copy_(torch.tensor([[p["v1"], p["v2"]]]))
            self.out.bias.fill_(p["c"])

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.out(torch.sigmoid(self.hidden(x)))).squeeze()

    def named(self) -> dict[str, Tensor]:
        """Every parameter by its name in the example, at its place in a tensor."""
        names = [["w11", "w12", "w21", "w22"], ["b1", "b2"], ["v1", "v2"], ["c"]]
        found = {}
        for group, parameter in zip(names, self.parameters(), strict=True):
            gradients = parameter.grad.flatten() if parameter.grad is not None else [None] * len(group)
            found |= {n: (v, g) for n, v, g in zip(group, parameter.detach().flatten(), gradients, strict=True)}
        return found


def test_every_number_of_the_worked_example_is_pytorchs() -> None:
    losses, end = training_steps(0.01, passes=1)
    model = Small()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for ours, (x, y) in zip(losses, POINTS, strict=True):
        optimizer.zero_grad()
        point = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        theirs = nn.functional.binary_cross_entropy(model(point), torch.tensor(y, dtype=torch.float64))
        theirs.backward()
        named = values_and_gradients(ours)
        assert named["L"] == (pytest.approx(theirs.item(), rel=1e-6), 1.0)
        assert [named["x1"][1], named["x2"][1]] == pytest.approx(point.grad.tolist(), rel=1e-5)
        for name, (value, gradient) in model.named().items():
            assert named[name] == (pytest.approx(value.item(), rel=1e-6), pytest.approx(gradient.item(), rel=1e-5))
        optimizer.step()
    for name, (value, _) in model.named().items():
        assert end[name].data == pytest.approx(value.item(), abs=1e-7)


def test_the_gradient_at_the_last_sum_is_the_prediction_minus_the_label() -> None:
    for number, end in enumerate(training_steps(0.01, passes=1)[0]):
        named = values_and_gradients(end)
        assert named["z"][1] == pytest.approx(named["ŷ"][0] - POINTS[number][1])


def test_training_lowers_the_loss_of_both_points() -> None:
    losses, _ = training_steps(rate=1.0, passes=200)
    assert max(end.data for end in losses[-2:]) < 0.1 < min(end.data for end in losses[:2])


def test_export_and_eager_agree_where_the_graph_is_the_same_for_all_inputs() -> None:
    x = torch.tensor([3.0, 4.0])
    whole = torch.export.export(Straight(), (x,)).module()
    assert_close(whole(-x), Straight()(-x))
    assert exported(Straight(), x) == ["div", "tanh", "sum_1"]


def test_a_loop_on_data_gives_each_input_its_own_tape_and_cannot_be_exported() -> None:
    x = torch.tensor([3.0, 4.0])
    for length, halvings in ((0.9, 0), (5.0, 3), (1000.0, 10)):
        point = (x / 5 * length).requires_grad_()
        assert autograds_tape(Loop()(point)).count("Div") == halvings == max(0, math.ceil(math.log2(length)))
    assert exported(Loop(), x) == []
    assert compiled(Loop(), x) == ["norm", "gt"]  # cut where the loop asks; how it goes on differs by Python
    assert compiled(Straight(), x) == ["truediv", "tanh", "sum_1"]


def test_a_choice_inside_the_graph_is_exported_with_both_branches() -> None:
    long = torch.tensor([3.0, 4.0])
    assert "cond" in exported(Choice(), long)
    assert compiled(Choice(), long) == ["norm", "gt", "cond", "x", "tanh", "sum_1"]  # not cut at the decision
    whole = torch.export.export(Choice(), (long,)).module()
    for x, halved in ((long, long / 2), (long / 10, long / 10)):
        assert_close(whole(x), halved.tanh().sum())
        assert_close(Choice()(x), halved.tanh().sum())


@given(scale=st.floats(0.5, 2), depth=st.integers(1, 6))
@settings(max_examples=20)
def test_scaled_weights_scale_the_gradient_by_their_power_where_the_activation_is_relu(scale, depth) -> None:
    x = torch.rand(5, 64, generator=torch.Generator().manual_seed(depth))
    plain = [weight.requires_grad_() for weight in random_weights(depth, 2**0.5, seed=depth)]
    scaled = [(scale * weight.detach()).requires_grad_() for weight in plain]
    plain, scaled = pre_activations(x, plain, "ReLU"), pre_activations(x, scaled, "ReLU")
    (before,) = torch.autograd.grad(plain[-1].sum(), plain[0])
    (after,) = torch.autograd.grad(scaled[-1].sum(), scaled[0])
    assert_close(after, scale**depth * before, rtol=1e-3, atol=1e-4)


def test_a_layer_of_sigmoids_lets_at_most_a_quarter_of_its_weights_strength_through() -> None:
    x, y = torch.rand(20, 64, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 10
    weights = random_weights(8, 1.0, seed=0)
    norms = gradient_norms(x, y, weights, "sigmoid")
    for layer in range(8):
        strength = torch.linalg.matrix_norm(weights[layer + 1].detach(), ord=2)
        assert norms[layer] <= norms[layer + 1] * strength / 4


@pytest.mark.parametrize("label", INITIALISATIONS)
def test_at_its_own_best_rate_each_activation_does_well_with_one_hidden_layer(label) -> None:
    rate, right = accuracy_at_best_rate(label, 1, seed=0, steps=300, device=torch.device("cpu"))
    assert (len(DEPTH_RATES), DEPTH_RATES[0], DEPTH_RATES[-1]) == (6, 0.03, 10)  # as the page says
    assert DEPTH_RATES[0] < rate < DEPTH_RATES[-1]  # no rate beyond those that were tried would be better
    assert right > 0.94


def test_a_rate_is_chosen_on_images_that_are_neither_trained_on_nor_tested_on(monkeypatch) -> None:
    trained, held = [], []

    def rows(x):
        return frozenset(tuple(row) for row in x.tolist())

    monkeypatch.setattr(backprop, "train", lambda name, weights, x, y, rate, steps: trained.append(rows(x)))
    monkeypatch.setattr(backprop, "accuracy", lambda z, y: 0.5)
    monkeypatch.setattr(backprop, "pre_activations", lambda x, weights, name: held.append(rows(x)) or [x])
    accuracy_at_best_rate("tanh", 1, seed=0, steps=1, device=torch.device("cpu"))
    for_rates, for_scores = set(zip(trained, held, strict=True)), set(zip(trained[-3:], held[-3:], strict=True))
    ((most, validation),), ((whole, test),) = for_rates - for_scores, for_scores
    assert most | validation == whole
    assert not most & validation
    assert not whole & test


def test_a_layer_passes_gradients_on_in_matrix_form_as_autograd_does() -> None:
    g = torch.Generator().manual_seed(0)
    x, weight, bias, v = (torch.randn(size, generator=g) for size in ((5, 3), (2, 3), (2,), (5, 2)))
    leaves = [part.clone().requires_grad_() for part in (x, weight, bias)]
    nn.functional.linear(*leaves).backward(gradient=v)
    for ours, leaf in zip(linear_backward(x, weight, v), leaves, strict=True):
        assert_close(ours, leaf.grad)


def test_backward_with_a_gradient_multiplies_it_by_the_jacobian() -> None:
    x, v = torch.tensor([0.3, -1.0, 2.0]), torch.tensor([1.0, -2.0, 0.5])

    def layer(x: Tensor) -> Tensor:
        return x.tanh() * x.sum()

    assert_close(vector_jacobian(layer, x, v), v @ torch.autograd.functional.jacobian(layer, x))


@pytest.mark.parametrize(("name", "scale"), [("ReLU", 2**0.5), ("tanh", 1.0)])
def test_xaviers_and_hes_variances_keep_the_size_of_sums_and_gradients(name, scale) -> None:
    x, y = torch.rand(200, 64, generator=torch.Generator().manual_seed(0)) - 0.5, torch.arange(200) % 10
    sums, gradients = [], []
    for seed in range(10):
        weights = random_weights(8, scale, seed)
        z = [layer.square().mean() for layer in pre_activations(x, weights, name)]
        sums.append(float(z[7] / z[0]))
        norms = gradient_norms(x, y, weights, name)
        gradients.append(float((norms[0] / norms[7]) ** 2))
    assert 0.3 < sum(sums) / 10 < 2
    assert 0.3 < sum(gradients) / 10 < 2


def test_what_page_and_deck_call_a_prototype_is_still_one() -> None:
    assert "prototype feature" in torch.cond.__doc__
    for name in ("index.md", "slides.md"):
        assert "prototype" in (ROOT / "docs" / "lectures" / "backprop" / name).read_text(encoding="utf-8")


def test_main_prints_and_records_what_it_found(tmp_path, capsys) -> None:
    backprop.main(device="cpu", passes=2, steps=40, out=tmp_path)
    printed, metrics = capsys.readouterr().out, json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert "loop:     refused" in printed
    assert printed.count("loop:     norm, gt\n") == 1  # and nothing of later graphs, which Python's version decides
    assert "pieces_loop" not in metrics
    for name in INITIAL:
        assert metrics[f"p2_{name}"] == pytest.approx(metrics[f"p1_{name}"] - 0.01 * metrics[f"p1_{name}_grad"])
        assert metrics[f"end_{name}"] == pytest.approx(metrics[f"p2_{name}"] - 0.01 * metrics[f"p2_{name}_grad"])
        assert f"{metrics[f'end_{name}']:.5f}" in printed
    assert metrics["loss_once"] < metrics["loss_before"]
    assert metrics["ratio_sigmoid"] < 1e-9 < metrics["ratio_half"] < 1e-3 < metrics["ratio_ReLU"] < 1e3
    assert metrics["ratio_twice"] > 1e3
    assert metrics["right_sigmoid_10"] < 0.3 < metrics["right_ReLU_10"]
    assert metrics["spread_last"] < 1e-6 < 0.1 < metrics["spread_first"]
    drawn = drawings_of("backprop").draw(tmp_path)
    assert {"backward", "depth", "forward", "shared", "static_dynamic", "forks"} <= drawn.keys()
    lines = {line.get_label(): line.get_ydata() for line in drawn["depth"].axes[0].lines}
    assert list(lines) == ["sigmoid", "sigmoid × 4", "tanh", "ReLU"]
    assert all(len(norms) == metrics["depth"] for norms in lines.values())
    assert metrics["ratio_sigmoid"] < metrics["ratio_sigmoid_4"] < metrics["ratio_tanh"]
    assert metrics["shared_c"] == -10


def test_figures_show_every_number_they_name() -> None:
    (first, _), _ = training_steps(0.01, passes=1)
    texts = [
        text.get_text() for text in drawings_of("backprop").draw_graph(first, backwards=True, tall=5).axes[0].texts
    ]
    shown = {text.replace("\u2060", "").replace("−", "-") for text in texts}
    for value, gradient in values_and_gradients(first).values():
        assert {f"{value:.3f}", f"{gradient:.3f}"} <= shown


def test_figures_of_the_worked_example_show_every_number_once_more_on_the_network() -> None:
    (first, _), _ = training_steps(0.01, passes=1)
    texts = [text.get_text() for text in drawings_of("backprop").draw_by_hand(first, backwards=True).axes[0].texts]
    shown = {text.split(" = ")[-1].replace("−", "-") for text in texts}
    for name, (value, gradient) in values_and_gradients(first).items():
        assert {f"{value:g}" if name in INITIAL else f"{value:.3f}", f"{gradient:.3f}"} <= shown


def test_gradients_of_a_fork_and_of_a_shortcut_add_up() -> None:
    for end, gradient in ((drawings_of("backprop").fork(), 2 + 2 * 3.0), (drawings_of("backprop").shortcut(), 1 + 0.1)):
        end.backward()
        assert end.tape()[0].grad == pytest.approx(gradient)


def test_the_gradients_that_are_drawn_against_autograds_lie_on_the_diagonal() -> None:
    theirs, ours = zip(*drawings_of("backprop").compare_gradients(100), strict=True)
    assert ours == pytest.approx(theirs, rel=1e-9)
    assert max(map(abs, ours)) < 60  # within the axes of the figure
    assert len({round(gradient, 6) for gradient in ours}) > 150


def test_autograd_keeps_of_a_layer_what_the_figure_of_the_tape_says() -> None:
    x, y = torch.randn(5, 4), torch.rand(5, 2)
    weight, bias = torch.randn(2, 4, requires_grad=True), torch.randn(2, requires_grad=True)
    product = x @ weight.T
    total = product + bias
    output = total.sigmoid()
    loss = nn.functional.binary_cross_entropy(output, y)
    kept = []
    for step in (product, total, output, loss):
        saved = [getattr(step.grad_fn, name) for name in dir(step.grad_fn) if name.startswith("_saved_")]
        kept.append([tensor for tensor in saved if isinstance(tensor, Tensor)])
    for ours, theirs in zip(([x], [], [output], [output, y]), kept, strict=True):
        assert_close(theirs, ours)
    texts = {text.get_text() for text in drawings_of("backprop").draw_record().axes[0].texts}
    assert texts >= {"keeps X", "keeps nothing", "keeps its output", "keeps ŷ and y"}


def test_both_kinds_of_graph_are_drawn_by_the_same_steps() -> None:
    drawn = drawings_of("backprop").draw_static_dynamic()
    for ax in drawn.axes:
        assert {part.get_gid() for part in ax.get_children()} == {None, "step-1", "step-2", "step-3", "step-4"}
    static, dynamic = ({text.get_text() for text in ax.texts if text.get_gid() is None} for ax in drawn.axes)
    assert static - dynamic >= {"matmul", "+", "σ", "loss"}  # there before the first batch


# --8<-- [start:by_hand]
def test_by_hand() -> None:
    a, b = Value(3.0), Value(-1.0)
    c = a * b  # -3
    d = c + b  # -4: b is used twice
    (c * d).backward()  # 12
    assert c.grad == -4 + -3  # d by the direct way, and c by the way through d
    assert a.grad == -7 * -1
    assert b.grad == -7 * 3 + -3  # through c, and straight into d


# --8<-- [end:by_hand]
# --8<-- [start:paths]
def test_paths() -> None:
    start = Value(1.0)
    end = start
    for _ in range(60):
        end = end + end
    end.backward()
    assert start.grad == 2.0**60  # one for each path
    assert len(end.tape()) == 61  # but each number is passed once


# --8<-- [end:paths]
# --8<-- [start:sine]
class Wave(Value):
    """A number that knows one operation more."""

    def sin(self) -> Value:
        return Value(math.sin(self.data), (self,), (math.cos(self.data),))


def test_sine() -> None:
    x = Wave(0.7)
    (x.sin() * x).backward()
    t = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    (t.sin() * t).backward()
    assert math.isclose(x.grad, t.grad.item())


# --8<-- [end:sine]
# --8<-- [start:together]
def test_together() -> None:
    p = initial_parameters()
    both = (example_loss(p, *POINTS[0]) + example_loss(p, *POINTS[1])) / 2
    both.backward()
    one_step = gradient_step(p, rate=0.01)
    _, two_steps = training_steps(rate=0.005, passes=1)  # half the rate, once for each point
    apart = [abs(one_step[name].data - two_steps[name].data) for name in INITIAL]
    assert 0 < max(apart) < 1e-4


# --8<-- [end:together]
