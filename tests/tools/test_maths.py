"""Maths is typeset in the built site, or the build stops and names page and formula."""

import pytest
from conftest import ROOT

from tools import assets

MATHS = ROOT / "tools" / "maths.mjs"


def typeset(site):
    """Typeset a site, with a cache beside it."""
    return assets.typeset(MATHS, site, site.parent / "cache")


@pytest.fixture
def site(tmp_path):
    """A built page with a formula in a line and one on its own, as arithmatex marks them."""
    site = tmp_path / "site"
    (site / "deep").mkdir(parents=True)
    (site / "deep" / "page.html").write_text(
        r'<p>If <span class="arithmatex">\(a &lt; \x\)</span>,</p><div class="arithmatex">\[\R \to \E\]</div>'
    )
    (site / "plain.html").write_text("<p>no maths</p>")
    return site


def test_formulas_become_html_and_mathml_and_their_characters_are_told(site):
    characters = typeset(site)
    html = (site / "deep" / "page.html").read_text()
    assert "arithmatex" not in html
    assert html.count('<span class="katex">') == 2
    assert html.count('<span class="katex-display" tabindex="0">') == 1
    assert "<mi>a</mi><mo>&lt;</mo>" in html
    assert set(characters["KaTeX_Main-Bold"]) == {"x"}
    assert set(characters["KaTeX_Math-Italic"]) == {"a"}
    assert set("<RE→") <= set(characters["other"])
    assert "\\" not in "".join(characters.values())
    assert (site / "plain.html").read_text() == "<p>no maths</p>"


def test_a_formula_is_typeset_once_and_kept_until_katex_changes(site):
    before = {page: page.read_text() for page in site.rglob("*.html")}
    used = typeset(site)
    after = {page: page.read_text() for page in site.rglob("*.html")}
    kept = site.parent / "cache" / "formulas.json"
    for text, expected in (
        (kept.read_text(), "KEPT"),
        (kept.read_text().replace("strict", "strikt"), "katex"),
        ("{", "katex"),
    ):
        kept.write_text(text.replace('class=\\"katex\\"', 'class=\\"KEPT\\"'))  # as can be seen when it is taken
        for page, html in before.items():
            page.write_text(html)
        assert typeset(site) == used
        found = {page: page.read_text() for page in site.rglob("*.html")}
        assert found == {page: html.replace('class="katex"', f'class="{expected}"') for page, html in after.items()}


def test_a_formula_that_does_not_parse_is_named_with_its_page_and_nothing_is_written(site):
    (site / "wrong.html").write_text(r'<span class="arithmatex">\(\frac{1}\)</span>')
    before = {page: page.read_text() for page in site.rglob("*.html")}
    with pytest.raises(ValueError, match=r"^wrong\.html: the formula \\frac\{1\} does not parse: ") as failed:
        typeset(site)
    assert "    at " not in str(failed.value)  # no stack of Node's
    assert {page: page.read_text() for page in site.rglob("*.html")} == before


def test_a_macro_of_one_formula_does_not_reach_another(site):
    (site / "macro.html").write_text(r'<span class="arithmatex">\(\gdef\mine{x}\mine\)</span>')
    (site / "other.html").write_text(r'<span class="arithmatex">\(\mine\)</span>')
    with pytest.raises(ValueError, match=r"other\.html: the formula \\mine does not parse"):
        typeset(site)


def test_every_broken_formula_is_named_at_once(site):
    (site / "wrong.html").write_text(r'<span class="arithmatex">\(\x^\)</span> <span class="arithmatex">\({\)</span>')
    with pytest.raises(ValueError, match=r"the formula \\x\^ does not.*\n.*the formula \{ does not"):
        typeset(site)
