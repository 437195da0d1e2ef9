"""Recurrent networks: cells against PyTorch, gradients through time, n-grams as probabilities, and the exercises."""

import hashlib
import inspect
import json
import math
import random
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ROOT, drawings_of
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

import rnn
from neuronup.clipping import clip_gradients, clipping_adam
from neuronup.command import BadInput
from neuronup.costs import count_parameters
from neuronup.loaders import Loader
from neuronup.loop import fit
from neuronup.ngram import ORDERS, SMOOTHING, count_occurrences, ngram_bits, ngram_codes, ngram_probability
from neuronup.text import (
    ALPHABET,
    bits_per_character,
    character_accuracy,
    decode,
    encode,
    sonnets,
    split_text,
    text_windows,
    verbatim_overlap,
)
from rnn import (
    GRU,
    LSTM,
    RNN,
    LanguageModel,
    Recurrent,
    SequenceClassifier,
    backpropagate_through_time,
    evaluate,
    forward_truncated,
    generate,
    make_orthogonal,
    memory_network,
    memory_task,
    recurrent_layer,
    state_gradients,
)


def twins(kind: str, seed: int, inputs: int, hidden: int) -> tuple[Recurrent, nn.RNNBase]:
    """Our layer and PyTorch's with the same weights."""
    torch.manual_seed(seed)
    ours, theirs = getattr(rnn, kind)(inputs, hidden), getattr(nn, kind)(inputs, hidden, batch_first=True)
    names = {"weight_ih_l0": "input_to_hidden.weight", "weight_hh_l0": "hidden_to_hidden.weight"}
    names |= {"bias_ih_l0": "input_to_hidden.bias", "bias_hh_l0": "hidden_to_hidden.bias"}
    theirs.load_state_dict({name: ours.state_dict()[other] for name, other in names.items()})
    return ours, theirs


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@given(seed=st.integers(0, 10_000), n=st.integers(1, 4), length=st.integers(1, 12), hidden=st.integers(1, 9))
@settings(deadline=None, max_examples=15)
def test_cells_are_pytorchs_in_outputs_last_states_and_all_gradients(kind, seed, n, length, hidden) -> None:
    ours, theirs = twins(kind, seed, 3, hidden)
    x = torch.randn(n, length, 3)
    results = []
    for cell in (ours, theirs):
        given_x = x.clone().requires_grad_()
        shown, last = cell(given_x)
        last = last if isinstance(last, tuple) else (last,)
        weighing = torch.Generator().manual_seed(seed)
        parts = [shown, *(part.reshape(n, hidden) for part in last)]
        loss = sum((part * torch.randn(part.shape, generator=weighing)).sum() for part in parts)
        loss.backward()
        results.append((parts, given_x.grad))
    assert_close(results[0][0], results[1][0], atol=1e-5, rtol=1e-4)
    assert_close(results[0][1], results[1][1], atol=1e-5, rtol=1e-4)
    by_name = {"input_to_hidden.weight": "weight_ih_l0", "input_to_hidden.bias": "bias_ih_l0"}
    by_name |= {"hidden_to_hidden.weight": "weight_hh_l0", "hidden_to_hidden.bias": "bias_hh_l0"}
    for our_name, their_name in by_name.items():
        mine, torchs = ours.get_parameter(our_name).grad, theirs.get_parameter(their_name).grad
        assert_close(mine, torchs, atol=1e-4, rtol=1e-4, msg=lambda text, name=our_name: f"{name}: {text}")


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_reading_on_from_a_state_is_reading_in_one_go(kind: str) -> None:
    cell, _ = twins(kind, 1, 3, 5)
    x = torch.randn(2, 9, 3)
    whole, end = cell(x)
    first, state = cell(x[:, :4])
    second, state = cell(x[:, 4:], state)
    assert_close(torch.cat([first, second], dim=1), whole)
    assert_close(state, end)


@given(seed=st.integers(0, 10_000), length=st.integers(1, 10))
@settings(deadline=None, max_examples=15)
def test_backpropagation_through_time_by_hand_is_autograds(seed: int, length: int) -> None:
    torch.manual_seed(seed)
    cell, x, gradient = RNN(3, 4), torch.randn(2, length, 3), torch.randn(2, length, 4)
    shown, _ = cell(x)
    (shown * gradient).sum().backward()
    by_hand = backpropagate_through_time(cell, x, shown.detach(), gradient)
    assert set(by_hand) == {name for name, _ in cell.named_parameters()}
    for name, gradient in by_hand.items():
        assert_close(gradient, cell.get_parameter(name).grad, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_truncating_keeps_the_values_and_cuts_the_gradients(kind: str) -> None:
    cell, _ = twins(kind, 2, 3, 5)
    x = torch.randn(2, 10, 3, requires_grad=True)
    whole, cut = cell(x)[0], forward_truncated(cell, x, 4)  # segments of 4, 4 and 2
    assert_close(cut, whole)
    (full,) = torch.autograd.grad(whole[:, -1].sum(), x)
    (short,) = torch.autograd.grad(cut[:, -1].sum(), x)
    assert full[:, :8].abs().amin() > 0
    assert not short[:, :8].any()
    assert_close(short[:, 8:], full[:, 8:])


@given(seed=st.integers(0, 10_000), most=st.floats(0.01, 100))
@settings(deadline=None, max_examples=30)
def test_clipping_is_pytorchs(seed: int, most: float) -> None:
    torch.manual_seed(seed)
    ours, theirs = nn.Linear(4, 3), nn.Linear(4, 3)
    for mine, torchs in zip(ours.parameters(), theirs.parameters(), strict=True):
        mine.grad = 10 * torch.randn_like(mine)
        torchs.grad = mine.grad.clone()
    length = clip_gradients([*ours.parameters(), torch.zeros(2)], most)  # what has no gradient is left out
    assert_close(length, nn.utils.clip_grad_norm_(theirs.parameters(), most))
    for mine, torchs in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert_close(mine.grad, torchs.grad)


def test_the_clipping_optimiser_clips_before_it_steps() -> None:
    model = nn.Linear(4, 3)
    optimiser = clipping_adam(model, rate=0.1, max_norm=0.5)
    (1000 * model(torch.ones(2, 4)).sum()).backward()
    optimiser.step()
    length = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
    assert_close(length, torch.tensor(0.5))


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=10)
def test_an_rnns_gradients_shrink_at_least_as_its_weights_do(seed: int) -> None:
    torch.manual_seed(seed)
    cell = RNN(3, 6)
    gradients = state_gradients(cell, torch.randn(2, 12, 3))
    norm = torch.linalg.matrix_norm(cell.hidden_to_hidden.weight.detach(), 2)  # tanh has derivatives of at most 1
    assert_close(gradients[0], torch.tensor(1.0))
    assert (gradients <= norm ** torch.arange(12) * 1.0001).all()


@given(bias=st.floats(-3, 6))
@settings(deadline=None, max_examples=10)
def test_an_lstm_that_hears_nothing_reaches_back_by_its_forget_gate_alone(bias: float) -> None:
    cell = LSTM(3, 6)
    for weight in cell.parameters():
        nn.init.zeros_(weight)
    with torch.no_grad():
        cell.input_to_hidden.bias[6:12] = bias
    kept = torch.sigmoid(torch.tensor(bias)) ** torch.arange(15)
    assert_close(state_gradients(cell, torch.randn(2, 15, 3)), kept, rtol=1e-4, atol=1e-7)


def test_a_gate_bias_opens_the_forget_gate_and_closes_the_input_gate() -> None:
    torch.manual_seed(0)
    plain = recurrent_layer("LSTM", 3, 5)
    torch.manual_seed(0)
    holding = recurrent_layer("LSTM", 3, 5, gate_bias=2.0)
    moved = holding.bias_ih_l0 - plain.bias_ih_l0
    assert_close(moved.detach(), torch.tensor([-2.0] * 5 + [2.0] * 5 + [0.0] * 10))


def test_the_first_symbol_is_the_label_and_the_rest_says_nothing_about_it() -> None:
    x, y = memory_task(4000, 6, torch.Generator().manual_seed(0))
    assert torch.equal(x[:, 0], y)
    assert int(y.max()) < rnn.SYMBOLS <= int(x[:, 1:].min())
    for place in range(1, 6):
        for symbol in range(4):
            share = (x[y == symbol, place] == rnn.SYMBOLS).float().mean()
            assert abs(share - 0.25) < 0.06


def test_with_either_architecture_the_initialisation_decides_whether_the_first_symbol_is_recalled() -> None:
    found = {name: rnn.train_to_remember(name, 40, 1, torch.device("cpu")) for name in rnn.MEMORY_NETWORKS}
    assert min(found["RNN, orthogonal"], found["LSTM, gates set"]) > 0.95
    assert max(found["RNN"], found["LSTM"]) < 0.9


def test_those_that_are_compared_have_equally_many_parameters() -> None:
    memory = [count_parameters(memory_network(name, 40)) for name in rnn.MEMORY_NETWORKS]
    assert memory == pytest.approx([5_550] * 4, rel=0.01)
    text = [count_parameters(rnn.untrained_model(kind)) for kind in rnn.RECURRENT_NETWORKS]
    assert list(rnn.RECURRENT_NETWORKS) == ["RNN", "GRU", "LSTM"]
    assert text == pytest.approx([128_400] * 3, rel=0.005)


def test_each_architecture_takes_part_in_the_memory_task_with_both_initialisations() -> None:
    assert [kind for kind, *_ in rnn.MEMORY_NETWORKS.values()] == ["RNN", "RNN", "LSTM", "LSTM"]
    u = memory_network("RNN, orthogonal", 40).layer.weight_hh_l0
    assert_close(u @ u.mT, torch.eye(len(u)), atol=1e-5, rtol=0)
    torch.manual_seed(0)
    plain = memory_network("LSTM", 40).layer.bias_ih_l0
    torch.manual_seed(0)
    moved = (memory_network("LSTM, gates set", 40).layer.bias_ih_l0 - plain).detach()
    assert_close(moved, torch.tensor([-math.log(40)] * 32 + [math.log(40)] * 32 + [0.0] * 64))


def test_an_orthogonal_matrix_keeps_lengths_and_a_linear_recurrence_its_gradient() -> None:
    torch.manual_seed(0)
    u, b = torch.empty(6, 6), torch.ones(6)
    make_orthogonal(u, b)
    v = torch.randn(6, 3)
    assert_close((u @ v).norm(dim=0), v.norm(dim=0))
    assert not b.any()
    cell = RNN(3, 6)
    for weight in cell.parameters():
        nn.init.zeros_(weight)
    make_orthogonal(cell.hidden_to_hidden.weight)  # it hears nothing, so its tanh is at 0, where the derivative is 1
    assert_close(state_gradients(cell, torch.randn(2, 15, 3)), torch.ones(15))


def carry_the_state_on(kind: str, detach: bool, step: bool, retain: bool, backward: bool = True) -> list[int]:
    """Train on three segments, the state handed on; return how many nodes the graph of each loss had."""
    model, x, sizes, state = small(), torch.randint(96, (2, 25)), [], None
    model.layer = recurrent_layer(kind, len(ALPHABET), 16)
    optimiser = clipping_adam(model, 0.01)
    for start in (0, 8, 16):
        z, state = model.predict_next(x[:, start : start + 8], state)
        loss = bits_per_character(z, x[:, start + 1 : start + 9])
        found: set[Any] = set()
        new: list[Any] = [loss.grad_fn]
        while new:
            found.add(node := new.pop())
            new += [before for before, _ in node.next_functions if before is not None and before not in found]
        sizes.append(len(found))
        optimiser.zero_grad()
        if backward:
            loss.backward(retain_graph=retain)
        if step:
            optimiser.step()
        if detach:
            state = tuple(part.detach() for part in state) if kind == "LSTM" else state.detach()
    return sizes


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_without_detach_the_second_backward_fails_and_the_graph_grows_only_if_it_is_retained(kind: str) -> None:
    first, second, third = carry_the_state_on(kind, detach=True, step=True, retain=False)
    assert second == third <= first + 2
    page = (ROOT / "docs" / "lectures" / "rnn" / "index.md").read_text(encoding="utf-8")
    for retain, message in (
        (False, "Trying to backward through the graph a second time"),
        (True, "has been modified by an inplace operation"),
    ):
        assert message in " ".join(page.split())
        with pytest.raises(RuntimeError, match=message):
            carry_the_state_on(kind, detach=False, step=True, retain=retain)
    for backward in (True, False):  # graphs retained; losses added up for one backward at the end
        first, second, third = carry_the_state_on(kind, False, step=False, retain=True, backward=backward)
        assert third - second == second - first > 2  # at least, where a whole LSTM is one node


def test_the_text_is_the_154_sonnets_line_by_line() -> None:
    poems = [poem.split("\n") for poem in sonnets().split("\n\n")]
    assert len(poems) == 154
    assert {number: len(lines) for number, lines in enumerate(poems, 1) if len(lines) != 14} == {99: 15, 126: 12}
    assert poems[0][0] == "From fairest creatures we desire increase,"
    assert poems[17][0] == "Shall I compare thee to a summer's day?"
    assert poems[-1][-1] == "Love's fire heats water, water cools not love."
    assert set(sonnets()) <= set(ALPHABET)


def test_the_text_is_the_same_on_every_python() -> None:
    digest = hashlib.sha256(sonnets().encode()).hexdigest()
    assert digest.startswith("97afac2d5e2e943e"), "found with Python 3.11, 3.12 and 3.13"


def test_all_of_the_text_is_taken_unless_told_otherwise() -> None:
    assert inspect.signature(rnn.main).parameters["characters"].default == len(sonnets())


def test_held_out_text_is_whole_sonnets_that_were_not_trained_on() -> None:
    parts = split_text(sonnets())
    assert "\n\n".join(parts) == sonnets()
    assert [len(part.split("\n\n")) for part in parts] == [123, 15, 16]
    assert verbatim_overlap(parts[2], parts[0]) == verbatim_overlap(parts[1], parts[0]) == 0


def test_what_stands_in_the_training_text_is_found() -> None:
    train = split_text(sonnets())[0]
    assert verbatim_overlap(train[1000:2000], train) == 1
    assert verbatim_overlap("abcdeX", "abcdeY", length=3) == 3 / 4
    poems = sonnets().split("\n\n")
    assert verbatim_overlap(poems[95], poems[35]) > 0  # their last two lines are the same


@given(st.text(ALPHABET))
def test_encoding_can_be_undone(text: str) -> None:
    assert decode(encode(text)) == text


def test_what_is_not_in_the_alphabet_becomes_a_question_mark() -> None:
    assert decode(encode("naïve\t“x”")) == "na?ve??x?"


@given(st.text("abc", min_size=6, max_size=60), st.integers(1, 5))
def test_counts_are_those_of_a_slow_loop(text: str, order: int) -> None:
    symbols = encode(text)
    runs = [text[i : i + order] for i in range(len(text) - order + 1)]
    wanted = ngram_codes(symbols, order)
    assert count_occurrences(wanted, wanted).tolist() == [runs.count(run) for run in runs]
    assert not count_occurrences(wanted, ngram_codes(encode("z" * order), order)).any()


@given(st.text("ab \n", min_size=8, max_size=80), st.text("abx", min_size=4, max_size=4), st.sampled_from([0.5, 3, 30]))
@settings(deadline=None, max_examples=4)
def test_the_probabilities_of_all_symbols_after_a_context_add_up_to_one(
    train: str, context: str, smoothing: float
) -> None:
    for order in (1, 2, 3, 5):
        texts = [context[: order - 1] + character for character in ALPHABET]
        p = torch.stack([ngram_probability(encode(train), encode(text), order, smoothing)[-1] for text in texts])
        assert_close(p.sum(), torch.ones((), dtype=torch.double))
        assert p.min() > 0


def test_a_bigram_that_smooths_little_is_the_share_of_what_followed() -> None:
    p = ngram_probability(encode("abacab"), encode("ab"), 2, 1e-9)  # after a: b, c, b
    assert_close(p, torch.tensor([2 / 3], dtype=torch.double))


def test_each_order_takes_the_smoothing_that_the_validation_text_prefers() -> None:
    train, validation, test = (encode(part) for part in split_text(sonnets()[:10_000]))
    found = ngram_bits(train, validation, test)
    assert found.keys() == ORDERS.keys()
    tried = [
        -ngram_probability(train, validation, 2, each)[-(len(validation) - 4) :].log2().mean() for each in SMOOTHING
    ]
    best = SMOOTHING[int(torch.stack(tried).argmin())]
    p = ngram_probability(train, test, 2, best)[-(len(test) - 4) :]
    assert found["bigram"] == pytest.approx(float(-p.log2().mean()))


def test_the_best_smoothing_of_the_longer_n_grams_lies_within_what_is_tried() -> None:
    train, validation, _ = (encode(part) for part in split_text(sonnets()))
    for order in (2, 3, 5):
        bits = [
            float(-ngram_probability(train, validation, order, each)[-(len(validation) - 4) :].log2().mean())
            for each in SMOOTHING
        ]
        assert min(bits) < min(bits[0], bits[-1])


def test_windows_ask_for_the_symbol_after_each() -> None:
    x, y = text_windows(torch.arange(11), 3)
    assert_close(x, torch.arange(9).reshape(3, 3))
    assert_close(y, torch.arange(1, 10).reshape(3, 3))


def test_bits_of_even_logits_are_the_logarithm_of_their_number() -> None:
    y = torch.randint(8, (3, 5))
    assert_close(bits_per_character(torch.zeros(3, 5, 8), y), torch.tensor(3.0))
    z = torch.randn(3, 5, 8)
    assert_close(bits_per_character(z, y), cross_entropy(z.mT, y) / math.log(2))
    assert_close(character_accuracy(nn.functional.one_hot(y, 8), y), torch.tensor(1.0))


def small(seed: int = 0) -> LanguageModel:
    """A small untrained model of text."""
    torch.manual_seed(seed)
    return LanguageModel(recurrent_layer("GRU", len(ALPHABET), 16), 16)


def test_a_text_is_evaluated_from_its_fifth_symbol_on() -> None:
    model, text = small(), encode("Assert statements")
    logits = model(text[None])[0]
    expected = cross_entropy(logits[3:-1], text[4:]) / math.log(2)
    assert_close(torch.tensor(evaluate(model, text)), expected.detach())


def test_a_model_memorises_a_small_text_and_writes_it() -> None:
    text = "0123456789abcdef"
    examples = text_windows(encode(text * 12), 32)
    model = small()
    history = fit(
        model, Loader(examples, 2, 0), examples, clipping_adam(model, 0.02), 40, bits_per_character, character_accuracy
    )
    assert history["validation_loss"][-1] < 0.1
    drawn = torch.Generator().manual_seed(0)
    assert generate(model, text, 16, 0.2, drawn) == text


def test_writing_is_reproducible_and_temperature_brings_variety() -> None:
    model = small()
    with torch.no_grad():
        model.output.weight *= 20  # an opinion, right or wrong

    def sample(temperature: float, seed: int) -> str:
        return generate(model, "The ", 60, temperature, torch.Generator().manual_seed(seed))

    assert sample(1.0, 3) == sample(1.0, 3) != sample(1.0, 4)
    assert len(set(sample(0.05, 0))) < len(set(sample(1.0, 0))) < len(set(sample(20.0, 0)))


def test_writing_reads_what_it_wrote() -> None:
    model = small()
    cold = generate(model, "The ", 8, 1e-4, torch.Generator().manual_seed(0))  # always the likeliest
    text = "The "
    for _ in range(8):
        text += decode(model(encode(text)[None])[0, -1:].argmax(dim=-1))
    assert text == "The " + cold


def test_the_lines_that_the_page_quotes_stand_in_the_script() -> None:
    page = (ROOT / "docs" / "lectures" / "rnn" / "index.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^\| [^|]*to (?:one|many)[^|]*\|[^|]*\| `([^`]+)`", page, re.M)
    assert len(quoted) == 3
    script = Path(rnn.__file__).read_text(encoding="utf-8")
    assert all(line in script for line in quoted)


def test_a_cell_without_a_step_says_so() -> None:
    with pytest.raises(NotImplementedError):
        Recurrent(2, 3)(torch.zeros(1, 1, 2))


def test_main_prints_and_records_what_it_found(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(rnn, "train_to_remember", lambda name, length, *_: 1 / len(name) + length / 1000)
    rnn.main(seed=0, device="cpu", epochs=1, characters=30_000, out=tmp_path)
    printed, metrics = capsys.readouterr().out, json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert "30,000 characters of Shakespeare's sonnets" in printed
    assert printed.count("\nWhen ") == 3
    assert metrics["bits_uniform"] == pytest.approx(math.log2(96))
    assert metrics["bits_uniform"] > metrics["bits_unigram"] > metrics["bits_bigram"] > metrics["bits_trigram"]
    assert metrics["bits_LSTM"] < metrics["before"] - 1
    assert metrics["seen"] == 0
    assert [metrics[f"parameters_{kind}"] for kind in rnn.RECURRENT_NETWORKS] == pytest.approx([128_400] * 3, rel=0.005)
    for name in (*ORDERS, *rnn.RECURRENT_NETWORKS):
        short = name.replace("-", "_")
        assert metrics[f"perplexity_{short}"] == pytest.approx(2 ** metrics[f"bits_{short}"])
    assert metrics["reach_rnn"] < 1e-3 < 0.1 < metrics["reach_open"]
    assert metrics["reach_rnn"] < metrics["reach_orthogonal"] < 1 < metrics["reach_times_4"]
    assert metrics["rnn_80"] == pytest.approx(1 / 3 + 0.08)
    assert metrics["gates_10"] == pytest.approx(1 / 15 + 0.01)
    drawn = drawings_of("rnn").draw(tmp_path)
    (reach,), (memory,), (bits,), (learning,), *others = (figure.axes for figure in drawn.values())
    lines = {line.get_label(): line.get_ydata()[20] for line in reach.lines}
    assert lines["RNN"] == pytest.approx(metrics["reach_rnn"], rel=1e-4)
    assert lines["RNN, U times 4"] == pytest.approx(metrics["reach_times_4"], rel=1e-4)
    assert memory.lines[3].get_ydata()[-1] == pytest.approx(metrics["gates_80"])
    assert [bar.get_width() for bar in bits.patches][-3:] == [
        metrics[f"bits_{kind}"] for kind in rnn.RECURRENT_NETWORKS
    ]
    assert [line.get_label() for line in learning.lines[:3]] == list(rnn.RECURRENT_NETWORKS)
    assert [len(line.get_ydata()) for line in learning.lines[:3]] == [1, 1, 1]
    assert len(learning.lines) == 6  # three networks; bigram, trigram and five-gram
    assert list(drawn)[4:] == ["forgetting", "windows", "surprise", "temperature", "kept"]
    (forgetting,), (windows,), (surprise,), temperatures, (kept,) = others
    ends = [line.get_ydata()[-1] for line in forgetting.lines]
    assert ends == pytest.approx([2**-20, (20 / 21) ** 20, 0.6956], rel=1e-3)
    assert "".join(text.get_text() for text in windows.texts[:10]) == "From␣fairinput"
    assert "".join(text.get_text() for text in windows.texts[10:20]) == "rom␣fairelabel"
    assert [line.get_ydata()[0] for line in surprise.lines[1:]] == pytest.approx([1, 3, metrics["bits_uniform"]])
    likeliest = [panel.patches[0].get_width() for panel in temperatures]
    assert likeliest == sorted(likeliest, reverse=True)  # the colder, the surer
    assert [sum(bar.get_width() for bar in panel.patches) for panel in temperatures] == pytest.approx([1] * 3)
    attention, lstm = (list(line.get_ydata()) for line in kept.lines)
    assert lstm == [2 * 128] * len(lstm)
    assert attention[0] == lstm[0]
    assert attention[-1] == 1_000_000 * lstm[-1]


@pytest.mark.parametrize("characters", [9_999, 94_110])
def test_text_that_is_not_there_is_refused_in_a_sentence(characters: int) -> None:
    with pytest.raises(BadInput, match=r"take from 10000 to 94109\.$"):
        rnn.main(device="cpu", characters=characters)


def test_main_draws_nothing_unless_told_where(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rnn, "train_to_remember", lambda *_: random.Random(0).random())
    rnn.main(device="cpu", epochs=1, characters=10_000)
    assert "bits per character" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


# --8<-- [start:by_hand]
def test_by_hand() -> None:
    w, u = torch.tensor(0.5, requires_grad=True), torch.tensor(2.0, requires_grad=True)
    h, states = torch.tensor(0.0), []
    for x in (1.0, 0.0, -1.0):
        h = w * h + u * x  # without tanh
        states.append(h.item())
    h.backward()
    assert states == [2.0, 1.0, -1.5]
    assert u.grad == 0.25 * 1 + 0.5 * 0 + 1 * -1  # each input, times w for each time step since
    assert w.grad == 1.0 + 0.5 * 2.0  # w times h = 1 in the last step, times h = 2 in the one before


# --8<-- [end:by_hand]
# --8<-- [start:half_life]
def test_half_life() -> None:
    for bias, expected in ((0, 1), (1, 2), (4, 38)):
        kept = torch.sigmoid(torch.tensor(float(bias)))
        assert round(float(math.log(0.5) / torch.log(kept))) == expected
    places = 80
    kept = torch.sigmoid(torch.tensor(math.log(places)))
    assert_close(kept**places, torch.tensor(math.exp(-1)), atol=0.01, rtol=0)


# --8<-- [end:half_life]
# --8<-- [start:sizes]
def test_sizes() -> None:
    d, m = 96, 128
    plain = m * d + m * m + 2 * m
    assert count_parameters(nn.RNN(d, m)) == count_parameters(RNN(d, m)) == plain
    assert count_parameters(nn.GRU(d, m)) == count_parameters(GRU(d, m)) == 3 * plain
    assert count_parameters(nn.LSTM(d, m)) == count_parameters(LSTM(d, m)) == 4 * plain


# --8<-- [end:sizes]
# --8<-- [start:no_order]
def test_no_order() -> None:
    """Where U is zero, the last hidden state depends on the last input only."""
    torch.manual_seed(0)
    model = SequenceClassifier(RNN(8, 16), 8, 16, 4)
    x = torch.randint(8, (5, 7))
    moved = torch.cat([x[:, :-1].flip(1), x[:, -1:]], dim=1)
    assert not torch.allclose(model(x), model(moved))
    nn.init.zeros_(model.layer.hidden_to_hidden.weight)
    assert_close(model(x), model(moved))


# --8<-- [end:no_order]
