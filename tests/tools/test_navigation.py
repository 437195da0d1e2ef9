"""The menu: numbers of lectures, and labs beside them."""

from itertools import pairwise
from types import SimpleNamespace

import pytest

from tools import navigation


def page(uri, title):
    return SimpleNamespace(
        file=SimpleNamespace(src_uri=uri),
        **{"title": title, "parent": None, "previous_page": None, "next_page": None, "meta": {}, "active": False},
    )


@pytest.fixture
def nav():
    pages = [
        page(*each)
        for each in (
            ("index.md", "Home"),
            ("lectures/perceptron/index.md", "The neuron"),
            ("lectures/cnn/index.md", "Convolutions"),
            ("course/glossary.md", "Glossary"),
        )
    ]
    for each, following in pairwise(pages):
        each.next_page = following
    pages[1].parent = pages[2].parent = "a part"
    return SimpleNamespace(pages=pages)


def test_lectures_are_numbered_by_their_place_among_lectures_and_nothing_else_is(nav):
    for each in (*nav.pages, page("lectures/cnn/slides.md", "Slides")):
        navigation.number(each, nav)
    assert [each.title for each in nav.pages] == ["Home", "1. The neuron", "2. Convolutions", "Glossary"]


def test_a_lab_comes_after_its_lecture_and_before_the_next_and_says_whose_it_is(nav):
    home, neuron, cnn, _ = nav.pages
    navigation.number(neuron, nav)
    lab = page("lectures/perceptron/lab.ipynb", "Lab: one neuron")
    navigation.beside(lab, nav)
    assert (lab.parent, lab.previous_page, lab.next_page) == ("a part", neuron, cnn)
    assert lab.meta["description"] == "Lab: one neuron. The lab of the lecture “The neuron”, to do step by step."
    assert [each.active for each in nav.pages] == [False, True, False, False]
    navigation.left(home, nav)
    assert neuron.active
    navigation.left(lab, nav)
    assert not neuron.active


def test_a_lab_of_a_lecture_that_the_menu_lacks_stays_alone(nav):
    lab = page("lectures/rnn/lab.ipynb", "Lab: a memory")
    navigation.beside(lab, nav)
    navigation.left(lab, nav)
    assert lab.previous_page is None
    assert not any(each.active for each in nav.pages)
