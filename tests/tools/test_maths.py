"""Maths is typeset in the built site, or the build stops and names page and formula."""

import pytest
from bs4 import BeautifulSoup
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
        r'<p>If <span class="arithmatex">\(a &lt; \x\)</span>,</p><div class="arithmatex">\[\R \to \E\]</div>',
        encoding="utf-8",
    )
    (site / "plain.html").write_text("<p>no maths</p>", encoding="utf-8")
    return site


def test_formulas_become_html_and_mathml_and_their_characters_are_told(site):
    characters = typeset(site)
    html = (site / "deep" / "page.html").read_text(encoding="utf-8")
    assert "arithmatex" not in html
    assert html.count('<span class="katex">') == 2
    assert html.count('<span class="katex-display" tabindex="0">') == 1
    assert "<mi>a</mi><mo>&lt;</mo>" in html
    assert set(characters["KaTeX_Main-Bold"]) == {"x"}
    assert set(characters["KaTeX_Math-Italic"]) == {"a"}
    assert set("<RE→") <= set(characters["other"])
    assert "\\" not in "".join(characters.values())
    assert (site / "plain.html").read_text(encoding="utf-8") == "<p>no maths</p>"


def test_a_formula_is_typeset_once_and_kept_until_katex_changes(site):
    before = {page: page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    used = typeset(site)
    after = {page: page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    kept = site.parent / "cache" / "formulas.json"
    for text, expected in (
        (kept.read_text(encoding="utf-8"), "KEPT"),
        (kept.read_text(encoding="utf-8").replace("strict", "strikt"), "katex"),
        ("{", "katex"),
    ):
        marked = text.replace('class=\\"katex\\"', 'class=\\"KEPT\\"')  # as can be seen when it is taken
        kept.write_text(marked, encoding="utf-8")
        for page, html in before.items():
            page.write_text(html, encoding="utf-8")
        assert typeset(site) == used
        found = {page: page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
        assert found == {page: html.replace('class="katex"', f'class="{expected}"') for page, html in after.items()}


def test_a_formula_that_does_not_parse_is_named_with_its_page_and_nothing_is_written(site):
    (site / "wrong.html").write_text(r'<span class="arithmatex">\(\frac{1}\)</span>', encoding="utf-8")
    before = {page: page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    with pytest.raises(ValueError, match=r"^wrong\.html: the formula \\frac\{1\} does not parse: ") as failed:
        typeset(site)
    assert "    at " not in str(failed.value)  # no stack of Node's
    assert {page: page.read_text(encoding="utf-8") for page in site.rglob("*.html")} == before


def test_a_macro_of_one_formula_does_not_reach_another(site):
    (site / "macro.html").write_text(r'<span class="arithmatex">\(\gdef\mine{x}\mine\)</span>', encoding="utf-8")
    (site / "other.html").write_text(r'<span class="arithmatex">\(\mine\)</span>', encoding="utf-8")
    with pytest.raises(ValueError, match=r"other\.html: the formula \\mine does not parse"):
        typeset(site)


def test_every_broken_formula_is_named_at_once(site):
    (site / "wrong.html").write_text(
        r'<span class="arithmatex">\(\x^\)</span> <span class="arithmatex">\({\)</span>', encoding="utf-8"
    )
    with pytest.raises(ValueError, match=r"the formula \\x\^ does not.*\n.*the formula \{ does not"):
        typeset(site)


@pytest.mark.parametrize("tex", [r"\lambda_{\max}", r"x^{\min}", r"\sum_{\max}", r"y_{\max}^{\min}", r"\max_w f(w)"])
def test_mathml_has_the_parts_that_it_must_have(tex, site):
    (site / "plain.html").write_text(rf'<span class="arithmatex">\({tex}\)</span>', encoding="utf-8")
    for _ in range(2):  # the second time, from the cache
        typeset(site)
        tree = BeautifulSoup((site / "plain.html").read_text(encoding="utf-8"), "html.parser")
        parts = {"msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
        found = tree.find_all(list(parts))
        assert found
        for script in found:
            assert len(script.find_all(recursive=False)) == parts[script.name], script
