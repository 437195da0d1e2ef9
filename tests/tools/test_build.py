"""What a page asks for and does not get stops the build in one sentence that names the page."""

import os
import re
import subprocess
import sys

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort
from mkdocs_jupyter import plugin

from tools import assets, pipeline

PAGE = "docs/lectures/alpha/index.md"
FENCE = '```python\n--8<-- "{}"\n```\n'


@pytest.fixture
def made(small_site, monkeypatch):
    """A small site whose outputs are there, so that a build need not run anything."""
    lecture = small_site.root / "docs" / "lectures" / "alpha"
    pipeline.run_script(small_site.root / "code" / "alpha.py", lecture / "outputs")
    pipeline.run_drawings(lecture / "drawings.py", lecture / "outputs", lecture / "figures")
    monkeypatch.setattr(pipeline, "build", lambda root: None)
    monkeypatch.setattr(assets, "subset_of", lambda font, characters: font.read_bytes())
    monkeypatch.chdir(small_site.root)
    return small_site


def make(course):
    """Build the site of `course` strictly, in this process."""
    build(load_config(str(course.root / "mkdocs.yml"), strict=True))


@pytest.mark.filterwarnings("default")
def test_a_whole_small_site_is_built_and_shows_its_numbers_and_its_stamp(made):
    make(made)
    html = (made.root / "site" / "lectures" / "alpha" / "index.html").read_text(encoding="utf-8")
    assert "<p>3 steps.</p>" in html
    assert "code/alpha.py" in html[html.index('class="stamp"') :]
    assert (made.root / "site" / "lectures" / "alpha" / "alpha.zip").stat().st_size > 0
    assert not [path for name in ("metrics.json", "results.pt") for path in (made.root / "site").rglob(name)]
    assert (made.root / "site" / "lectures" / "alpha" / "drawings.py").is_file()


@pytest.mark.filterwarnings("default")
def test_a_lab_is_converted_once_and_again_when_what_it_is_shown_with_changes(made, monkeypatch):
    made.lab("alpha", "print('hello')\n")
    lecture = made.root / "docs" / "lectures" / "alpha"
    pipeline.run_lab(lecture / "lab.py", lecture / "lab.ipynb")
    converted = []
    convert = plugin.convert.nb2html
    monkeypatch.setattr(plugin.convert, "nb2html", lambda *words, **how: converted.append(1) or convert(*words, **how))
    for template, times in (("", 1), ("", 1), ("{#- another -#}", 2)):
        with (made.root / "tools" / "notebook" / "mkdocs_html" / "notebook.html.j2").open(
            "a", encoding="utf-8"
        ) as file:
            file.write(template)
        make(made)
        assert "hello" in (made.root / "site" / "lectures" / "alpha" / "lab" / "index.html").read_text(encoding="utf-8")
        assert len(converted) == times
    assert len(list((made.root / ".cache" / "labs").iterdir())) == 1


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("written", "sentences"),
    [
        ("{{ loss }}", ["docs/lectures/alpha/index.md: {{ loss }}", "code/alpha.py records no metric 'loss'"]),
        ("[width][]", ["docs/lectures/alpha/index.md: [width][]", "has no heading '## width'"]),
        (
            f"{FENCE.format('code/alpha.py:lost')}\n```python\n{{{{ imports }}}}\n```",
            ["docs/lectures/alpha/index.md: code/alpha.py:lost uses nowhere, which nothing on the page defines."],
        ),
        (
            "![A line.](figures/none.svg)",
            ["index.md: figures/none.svg: there is no such figure; let drawings.py draw it"],
        ),
        (FENCE.format("code/none.py"), ["lectures/alpha/index.md", "code/none.py"]),
        (FENCE.format("code/alpha.py:none"), ["lectures/alpha/index.md", "section 'none' could not be located"]),
        ("[lab](lab.ipynb)", ["lectures/alpha/index.md", "'lab.ipynb'", "not found"]),
        (r"$\frac{1}$", [r"lectures/alpha/index.html: the formula \frac{1} does not parse"]),
    ],
    ids=["metric", "term", "imports", "figure", "snippet", "region", "lab", "formula"],
)
def test_what_is_missing_is_named_with_its_page(written, sentences, made, caplog):
    made.write(PAGE, f"# Alpha\n\n{written}\n")
    with (made.root / "code" / "alpha.py").open("a", encoding="utf-8") as script:
        script.write("# --8<-- [start:lost]\nnowhere()\n# --8<-- [end:lost]\n")
    with pytest.raises(Abort):
        make(made)
    said = [record for record in caplog.records if record.levelname in ("ERROR", "WARNING")]
    text = " ".join(record.getMessage() for record in said)
    assert all(sentence in text for sentence in sentences), text
    assert not any(record.exc_info for record in said)
    assert len(said) <= 3


def test_a_missing_deck_ends_the_command_in_one_sentence_without_a_traceback(small_site):
    name = "docs/lectures/alpha/slides.md"
    (small_site.root / name).unlink()
    words = [sys.executable, "-m", "mkdocs", "--quiet", "build", "--strict"]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    ran = subprocess.run(words, cwd=small_site.root, env=quiet, capture_output=True, text=True, encoding="utf-8")
    assert ran.returncode == 1
    said = re.sub(r"\x1b\[[\d;]*m", "", ran.stdout + ran.stderr)
    assert f"{name} is missing: write it" in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) <= 3, said
