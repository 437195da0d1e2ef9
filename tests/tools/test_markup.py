"""Numbers, terms and figures find their way into a page, or say in a sentence why they cannot."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown import Markdown

from tools.markup import check_terms, glossary, references, slug, unindented, with_figures, with_numbers

LINES = st.text(st.characters(exclude_characters="{}[]<", exclude_categories=["Cs"]))
GLOSSARY = """# Glossary

What words mean here.

## Margin

How far the *nearest* point is
from the [boundary](#decision-boundary), or `0`.

More about it.

## decision boundary { #line }

Where a neuron "changes" its mind.
"""


@pytest.fixture
def lectures(tmp_path):
    """A folder of lectures of which `alpha` and `beta` have metrics."""
    for topic, numbers in {"alpha": {"share": 0.987, "steps": 1200, "device": "cpu"}, "beta": {"share": 0.25}}.items():
        (tmp_path / topic / "outputs").mkdir(parents=True)
        (tmp_path / topic / "outputs" / "metrics.json").write_text(json.dumps(numbers), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("{{ share:.1%}}", "98.7%"),
        ("{{share:.0%}}", "99%"),
        ("{{ steps:,}} steps on {{ device }}", "1,200 steps on cpu"),
        ("{{ beta/share }}", "0.25"),
        ("{{ share:.1% }}", "98.7%"),
        ("a { brace } and {{}}", "a { brace } and {{}}"),
    ],
)
def test_a_number_is_put_in_by_name_and_format(written, shown, lectures):
    assert with_numbers(written, "alpha", lectures) == shown


@given(LINES)
def test_prose_without_braces_stays_as_it_is(text):
    assert with_numbers(text, "alpha", None) == text


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 9))
def test_a_number_is_rounded_as_python_rounds_it(tmp_path_factory, number, digits):
    lectures = tmp_path_factory.mktemp("lectures")
    (lectures / "alpha" / "outputs").mkdir(parents=True)
    (lectures / "alpha" / "outputs" / "metrics.json").write_text(json.dumps({"x": number}), encoding="utf-8")
    assert with_numbers(f"{{{{ x:.{digits}f }}}}", "alpha", lectures) == f"{number:.{digits}f}"


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("{{ loss }}", "code/alpha.py records no metric 'loss', only share, steps, device."),
        ("{{ gamma/loss }}", "there is no docs/lectures/gamma/outputs/metrics.json; name a lecture."),
        ("{{ device:.2f }}", "'cpu' does not take this format."),
        ("{{ share:q }}", "0.987 does not take this format."),
    ],
)
def test_a_number_that_cannot_be_had_is_named_with_what_to_do(written, sentence, lectures):
    with pytest.raises(ValueError, match=re.escape(sentence)) as failed:
        with_numbers(written, "alpha", lectures)
    assert str(failed.value).startswith(written.split(":")[0].strip("} "))


def test_the_glossary_is_read_as_plain_text():
    assert glossary(GLOSSARY) == {
        "margin": "How far the nearest point is from the boundary, or 0.",
        "decision boundary": 'Where a neuron "changes" its mind.',
    }


def read(markdown, source=GLOSSARY):
    """The HTML of a page that may link to the terms of a glossary."""
    return Markdown().convert(f"{markdown}\n\n{references(glossary(source), '/g.md')}")


def test_a_term_becomes_a_link_with_its_meaning_for_a_tooltip():
    title = 'title="How far the nearest point is from the boundary, or 0."'
    assert read("A [margin][] and two [Margins][margin].") == (
        f'<p>A <a href="/g.md#margin" {title}>margin</a> and two <a href="/g.md#margin" {title}>Margins</a>.</p>'
    )


def test_a_quotation_mark_in_a_meaning_does_not_end_the_tooltip():
    assert "title=\"Where a neuron 'changes' its mind.\"" in read("[decision boundary][]")


def test_footnotes_images_code_formulas_and_indices_are_no_terms():
    for written in ("x[^1][^2]", "`[a][b]`", "    x[i][j]", "[text](address)"):
        check_terms(read(written))
    check_terms(r'<span class="arithmatex">\(x[i][j]\)</span> and <pre><code>[a][]</code></pre>')


def test_an_unknown_term_is_named_with_what_to_do():
    with pytest.raises(ValueError, match=r"\[widths\]\[width\]: .*glossary.md has no heading '## width'; add it"):
        check_terms(read("a [margin][], two [widths][width]"))
    with pytest.raises(ValueError, match="no heading '## depth'"):
        check_terms(read("one [depth][]"))


@given(st.lists(st.from_regex(r"[a-z]+(?: [a-z]+)?", fullmatch=True), min_size=1, unique=True))
def test_every_term_of_a_glossary_can_be_linked_and_links_to_its_own_anchor(terms):
    source = "\n\n".join(f"## {term}\n\nMeaning of {term}." for term in terms)
    linked = read(" ".join(f"[{term}][]" for term in terms), source)
    found = re.findall(r'href="/g\.md#(\S+)" title="([^"]*)"', linked)
    assert found == [(slug(t), f"Meaning of {t}.") for t in terms]


def test_a_figure_is_drawn_in_line_with_its_alt_text():
    html = with_figures(
        '<p><img alt="Up &amp; up" src="../outputs/a.svg" title="t" /></p>', lambda src: f"<svg>{src}</svg>"
    )
    assert html == '<p><svg class="figure" role="img" aria-label="Up &amp; up">../outputs/a.svg</svg></p>'


@pytest.mark.parametrize("alt", ["", "  "])
def test_a_figure_without_alt_text_is_refused(alt):
    with pytest.raises(ValueError, match=r"^outputs/a\.svg: a figure needs alt text"):
        with_figures(f'<img alt="{alt}" src="outputs/a.svg">', lambda src: "<svg/>")


def test_a_figure_that_nothing_draws_is_named():
    def missing(src):
        raise FileNotFoundError(src)

    with pytest.raises(ValueError, match=r"^outputs/a\.svg: there is no such figure; let drawings.py draw it"):
        with_figures('<img alt="A line" src="outputs/a.svg">', missing)


def test_photographs_and_pictures_from_elsewhere_stay_images():
    html = '<img alt="" src="photo.png"><img alt="x" src="https://example.org/a.svg">'
    assert with_figures(html, lambda src: "<svg/>") == html


def test_blanks_between_lines_go_but_code_scripts_and_words_stay():
    code, script = "<pre><code>if x:\n    y\n</code></pre>", "<script>\n  let a\n</script>"
    page = f"<p>\n    One  word,\n\n    two.\n</p>\n{code}\n  {script}  \n"
    assert unindented(page) == f"<p>\nOne  word,\ntwo.\n</p>\n{code}\n{script}\n"


def test_a_figure_that_stands_twice_on_a_page_has_ids_of_its_own_each_time():
    drawn = '<svg viewBox="0 0 1 1"><g id="p1" data-step="1"/><use href="#p1" clip-path="url(#p1)"/></svg>'
    html = with_figures('<img alt="One." src="a.svg"> <img alt="Two." src="a.svg">', lambda src: drawn)
    first, second = html.split("</svg>")[:2]
    assert ('id="p1"' in first, 'href="#p1"' in first, "url(#p1)" in first) == (True, True, True)
    assert 'id="p1-2" data-step="1"' in second
    assert 'href="#p1-2"' in second
    assert "url(#p1-2)" in second
