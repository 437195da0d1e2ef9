"""An attempt never raises, says what is missing and where; a student's own answer is used where it passed."""

import linecache
import time

import numpy as np
import pytest
import torch

from neuronup import exercises
from neuronup.exercises import attempt, call, expect, solution, tensor


@pytest.fixture(autouse=True)
def nothing_tried_yet(monkeypatch):
    """Let no test see what another tried."""
    monkeypatch.setattr(exercises, "_tried", {})
    monkeypatch.setattr(exercises, "_official", {})


def double(double):
    """A check: twice as much."""
    expect(call(double, torch.tensor([1.0, 2.0])), [2.0, 4.0], "twice as much", {"that is the square": [1.0, 4.0]})


def told(capsys, *answers, check=double, **options):
    """What an attempt prints."""
    attempt(check, *answers, **options)
    return capsys.readouterr().out.strip()


def test_an_attempt_says_what_came_of_it(capsys):
    assert told(capsys, lambda x: 2 * x) == "Right."
    assert told(capsys, lambda x: None) == "Not yet: <lambda> returns nothing yet"
    assert told(capsys, lambda x: x**2) == "Not yet: that is the square"
    assert told(capsys, lambda x: x) == "Not yet: twice as much (expected 2, 4, got 1, 2)"


def typed(source):
    """What a student typed into a cell: the function or class that it defines last."""
    name = f"<cell {len(linecache.cache)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    names = {}
    exec(compile(source, name, "exec"), names)
    return list(names.values())[-1]


def test_an_error_is_told_with_the_students_own_line(capsys):
    halve = typed("import math\n\n\ndef halve(x):\n    y = x\n    return y / missing\n")
    line = "line 3 of halve, `return y / missing`"
    assert told(capsys, halve) == f"Not yet: {line}, stopped with NameError: name 'missing' is not defined"
    said = told(capsys, typed("def halve():\n    return 1\n"))
    assert said.startswith("Not yet: the check could not use what it got: TypeError: ")


def test_an_error_in_a_function_that_the_answer_calls_is_told_where_it_is(capsys):
    halve = typed("def half(x):\n    return 1 / 0\n\ndef halve(x):\n    return half(x)\n")
    assert told(capsys, halve).startswith("Not yet: line 2 of half, `return 1 / 0`, stopped with ZeroDivisionError")


def test_a_class_is_an_answer_too(capsys):
    odd = typed("class Odd:\n    def __init__(self):\n        raise ValueError('no')\n")
    line = "line 2 of __init__, `raise ValueError('no')`"
    assert told(capsys, odd, check=lambda odd: odd()) == f"Not yet: {line}, stopped with ValueError: no"


def test_a_loop_that_never_ends_is_stopped_and_its_line_told(capsys):
    forever = typed("def forever(x):\n    while True:\n        x = x + 1\n")
    began = time.perf_counter()
    said = told(capsys, forever, seconds=0.2)
    assert time.perf_counter() - began < 10
    assert said.startswith("Not yet: after 0.2 seconds it was not done. Does a loop never end? It was at line ")
    assert " of forever, `" in said

    def check(forever):
        while True:
            pass

    said = told(capsys, forever, check=check, seconds=0.1)
    assert said == "Not yet: after 0.1 seconds it was not done. Does a loop never end?"


def test_chance_and_modes_of_torch_are_put_back_and_a_check_sees_the_same_chance_each_time(capsys):
    seen = []

    def careless(x):
        seen.append(torch.rand(1))
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        return 2 * x

    torch.manual_seed(5)
    state = torch.get_rng_state()
    assert told(capsys, careless) == told(capsys, careless) == "Right."
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(seen[0], seen[1].float())
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32


def test_the_students_own_answer_is_used_where_it_passed(capsys):
    def double_it(x):
        return x + x

    mine = double_it
    assert told(capsys, mine) == "Right."

    @solution
    def double_it(x):
        return 2 * x

    assert double_it is mine
    assert capsys.readouterr().out == "Your own double_it passed: it is used below.\n"


def test_the_courses_answer_is_used_where_the_students_failed_and_must_pass_itself(capsys):
    def double_it(x):
        return x

    assert told(capsys, double_it).startswith("Not yet")

    @solution
    def double_it(x):
        return 2 * x

    assert double_it(3) == 6
    assert capsys.readouterr().out == "Below, the course's double_it is used.\n"
    assert told(capsys, double_it) == "This is the course's answer: run your own cell again, then this one."
    with pytest.raises(AssertionError, match="that is the square"):

        @solution
        def double_it(x):
            return x**2


def test_an_answer_without_a_check_before_it_is_the_courses(capsys):
    @solution
    def unheard_of(x):
        return x

    assert unheard_of(1) == 1
    assert capsys.readouterr().out == "Below, the course's unheard_of is used.\n"


def test_answers_in_two_functions_pass_together(capsys):
    def pair(first, second):
        expect([first(), second()], [1, 2], "one and two")

    def first():
        return 1

    def second():
        return 3

    assert told(capsys, first, second, check=pair).startswith("Not yet")

    @solution
    def first():
        return 1.0

    @solution
    def second():
        return 2.0

    assert (first(), second()) == (1.0, 2.0)
    capsys.readouterr()


def test_a_lambda_is_known_by_the_name_of_its_check(capsys):
    (twice,) = (lambda x: 2 * x,)
    assert told(capsys, twice) == "Right."

    @solution
    def double(x):
        return 2 * x

    assert double is twice
    assert capsys.readouterr().out == "Your own double passed: it is used below.\n"


class Careless:
    """An answer without a name, which changes the shape of what it gets."""

    def __call__(self, x):
        return x.resize_(1)


def test_inputs_must_stay_as_they_are():
    def careless(x, steps):
        x += steps
        return x

    with pytest.raises(AssertionError, match=r"careless changed the tensor that it was given as argument 1: make a"):
        call(careless, torch.zeros(2), 1)
    with pytest.raises(AssertionError, match="it changed the tensor"):
        call(Careless(), torch.zeros(2))
    x = torch.tensor([float("nan"), 1.0])
    assert call(lambda x: x + 1, x)[1] == 2


@pytest.mark.parametrize(
    "found",
    [torch.tensor([1, 2]), np.array([1.0, 2.0]), [1, 2], (torch.tensor(1.0), torch.tensor(2.0)), [1.0, np.float64(2)]],
)
def test_results_may_come_in_any_form(found):
    assert tensor(found, 2).tolist() == [1.0, 2.0]
    expect(found, [1.0, 2.0], "one and two")


def test_what_is_no_result_is_told_in_a_sentence():
    for found in ("text", {}, [[1, 2], [3]], object()):
        with pytest.raises(AssertionError, match=r"^a tensor .* is asked for, not a "):
            tensor(found)
    with pytest.raises(AssertionError, match=r"^it returns nothing yet$"):
        tensor(None)
    with pytest.raises(AssertionError, match=r"^the result should have the shape \(2,\), not \(3,\)$"):
        tensor([1, 2, 3], 2)
    with pytest.raises(AssertionError, match=r"^a single number is asked for, not the shape \(1,\)$"):
        expect([1.0], 1.0, "one")


def test_numbers_are_compared_as_32_bits_can_tell_them_apart():
    third = torch.tensor(1 / 3, dtype=torch.float64)
    expect(third.float(), third, "a third")
    expect(1e6 + 1, 1e6, "a million")
    with pytest.raises(AssertionError, match=r"^a third \(expected 0\.3333, got 0\.34\)$"):
        expect(0.34, third, "a third")
    with pytest.raises(AssertionError, match="not a finite number everywhere: nan"):
        expect(float("nan"), 1.0, "one")
    expect(float("inf"), float("inf"), "infinity")
    with pytest.raises(AssertionError, match=r"expected 0, 1, 2, 3, …"):
        expect(torch.zeros(6), torch.arange(6), "counting")
