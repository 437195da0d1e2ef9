"""Parts that others made, fitted to the site: KaTeX and reveal.js from npm, notebooks through nbconvert."""

import json
import subprocess
from pathlib import Path
from typing import Any

import markdown
from fontTools import subset
from jinja2 import pass_context
from mkdocs_jupyter.config import settings
from nbconvert.exporters.html import HTMLExporter

VENDORED = {
    "source-sans": ("@fontsource-variable/source-sans-3/files", ["source-sans-3-latin-wght-normal.woff2"]),
    "katex": ("katex/dist", ["katex.min.css", "fonts/*.woff2"]),
    "reveal": ("reveal.js/dist", ["reveal.css", "reveal.js", "plugin/notes.js"]),
}

LABS = markdown.Markdown()  # what reads the cells of labs; reset between labs, so that ids are unique in each


def vendored(node_modules: Path) -> dict[str, Path]:
    """Map each npm file that the site needs to where it lies, by its name under assets/vendor/."""
    return {
        f"{part}/{path.relative_to(node_modules / folder).as_posix()}": path
        for part, (folder, patterns) in VENDORED.items()
        for pattern in patterns
        for path in sorted((node_modules / folder).glob(pattern))
    }


def labs_like_pages(templates: Path, extensions: list[str], options: dict[str, Any]) -> None:
    """Make mkdocs-jupyter use our templates, and read Markdown cells with the extensions of the pages."""
    global LABS
    LABS = markdown.Markdown(extensions=extensions, extension_configs=options)
    settings.templates_dir = str(templates)
    read = pass_context(lambda exporter, context, source: LABS.convert(source))
    type.__setattr__(HTMLExporter, "markdown2html", read)  # it has no setting for this


def typeset(program: Path, site: Path) -> dict[str, str]:
    """Typeset every formula of the built `site`; return the characters used, by KaTeX font or "other".

    Raises ValueError, naming page and formula, if one does not parse.
    """
    done = subprocess.run(["node", str(program), str(site)], capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise ValueError(done.stderr.strip())
    return json.loads(done.stdout)


def lighten(program: Path, site: Path) -> None:
    """Leave in the drawings and style sheets of the built `site` only what shows.

    Raises ValueError, naming the page, if a drawing cannot be read.
    """
    done = subprocess.run(["node", str(program), str(site)], capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise ValueError(done.stderr.strip())


def slim(font: Path, characters: str) -> None:
    """Leave in the WOFF2 file `font` only what draws `characters`: a third of the bytes to send, or less."""
    options = subset.Options(flavor="woff2", layout_features=["kern"], hinting=False, name_IDs=[])
    whole = subset.load_font(str(font), options)
    cutter = subset.Subsetter(options)
    cutter.populate(text=characters)
    cutter.subset(whole)
    subset.save_font(whole, str(font), options)
