"""The course without a network: one zip of the built site that opens by double click, without a server.

A browser that opens a file does not take a folder for the page in it, starts no worker, and fetches neither JSON nor
fonts ahead: links to folders become links to their pages, the search runs in a frame and has its index as a script, and
text waits for its font, which is at hand. The module of a demo becomes a script that holds what it imports; so do the
files that it reads. All else is as it is published.
"""

import base64
import json
import posixpath
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from tools.pipeline import ROOT

NAME = "neuron-up"  # of the zip, and of the one folder in it
SHIM = ROOT / "node_modules" / "iframe-worker" / "shim" / "index.js"
INDEX = "search/search_index.json"
HOST_ONLY = re.compile(r"404\.html|sitemap\.xml(\.gz)?|.*\.map")  # for web hosts and for debuggers
LINK = re.compile(r'(<a\b[^>]*?\shref=")(?![a-z]+:|//)([^"#?]*)')
PRELOAD = re.compile(r'<link rel="preload"[^>]*>')  # it asks as one site asks another, which a file may not
LATE = re.compile(r"font-display:\s*optional")  # without a preload, that is the system's font for ever
DEMO = re.compile(r"assets/demos/[^/]*\.js")
IMPORT = re.compile(r"\bimport *\{([^}]*)\} *from *[\"']\./([^\"']+)[\"'];?")
EXPORT = re.compile(r"\bexport +(?:async +)?(?:function|class|const) +([\w$]+)")
READ = re.compile(r"assets/demos/.*\.bin|.*\.safetensors")  # by demos
README = """\
Deep Learning from the Neuron Up: the whole course, for a browser without a network.

Unpack the zip (a browser cannot look into it), and open index.html with a double click. Search, demos, decks, speaker
view and print work as on the published site. The code in the labs and scripts needs Python: see "Prerequisites" in the
course.
"""


class NoSite(Exception):
    """There is nothing to pack; the message says what to do."""


def page_of(address: str, folders: set[str]) -> str:
    """Return the `address` of a page as the address of its file; any other as it is. Both are below the site."""
    path, mark, rest = address.partition("#")
    return posixpath.join(path, "index.html") + mark + rest if posixpath.normpath(path or ".") in folders else address


def to_files(html: str, page: str, folders: set[str]) -> str:
    """Let each link of `page` (its address below the site) to one of `folders` lead to the page in that folder."""
    here = posixpath.dirname(page)

    def lead(found: re.Match[str]) -> str:
        path = found[2]
        inside = path and posixpath.normpath(posixpath.join(here, unquote(path))) in folders
        return found[1] + (posixpath.join(path, "index.html") if inside else path)

    return LINK.sub(lead, html)


def page_offline(html: str, page: str, folders: set[str]) -> str:
    """Return the HTML of `page` as it is to be opened from a file."""
    shim = f'<script src="{posixpath.relpath("assets/iframe-worker.js", posixpath.dirname(page) or ".")}"></script>'
    return PRELOAD.sub("", to_files(html, page, folders)).replace("</head>", f"{shim}</head>", 1)


def index_offline(index: str, folders: set[str]) -> str:
    """Return the search index as a script: a page opened from a file may run one, but not fetch JSON."""
    known = json.loads(index)
    for part in known["docs"]:
        part["location"] = page_of(part["location"], folders)
    return f"var __index = {json.dumps(known, ensure_ascii=False)}"


def style_offline(css: str) -> str:
    """Return a style sheet whose fonts are waited for."""
    return LATE.sub("font-display: block", css)


def wrapped(module: str, files: dict[str, str]) -> str:
    """Return a module as an expression: a function, called at once, that returns what the module exports.

    What it imports from `files` comes in the same way, so no file may import itself through others.
    """

    def imported(found: re.Match[str]) -> str:
        return f"const {{{re.sub(r' as ', ': ', found[1])}}} = {wrapped(files[found[2]], files)};"

    exports = ", ".join(found[1] for found in EXPORT.finditer(module))
    inside = EXPORT.sub(lambda found: found[0].removeprefix("export"), IMPORT.sub(imported, module))
    return f"(() => {{{inside}\nreturn {{{exports}}}; }})()"


def demo_offline(module: str, files: dict[str, str]) -> str:
    """Return the module of a demo as a script: it holds what it imports from `files`, and it knows its address."""
    inside = wrapped(module, files).replace("import.meta.url", "document.currentScript.src")
    return f'"use strict"; {inside};'


def file_offline(whole: bytes) -> str:
    """Return a file as a script that a demo runs to read it."""
    return f'fileBytes = "{base64.b64encode(whole).decode()}";'


def contents(site: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each file of the course without a network."""
    names = sorted(path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file())
    folders = {posixpath.dirname(name) or "." for name in names if posixpath.basename(name) == "index.html"}
    yield "README.txt", README.encode()
    yield "assets/iframe-worker.js", SHIM.read_bytes()
    modules = {posixpath.basename(name): (site / name).read_text("utf-8") for name in names if DEMO.fullmatch(name)}
    shared = {found[2] for module in modules.values() for found in IMPORT.finditer(module)}
    for name in names:
        whole = (site / name).read_bytes()
        if HOST_ONLY.fullmatch(name) or (DEMO.fullmatch(name) and posixpath.basename(name) in shared):
            continue
        if name == INDEX:
            yield name.removesuffix("on"), index_offline(whole.decode(), folders).encode()
        elif name.endswith(".html"):
            yield name, page_offline(whole.decode(), name, folders).encode()
        elif name.endswith(".css"):
            yield name, style_offline(whole.decode()).encode()
        elif DEMO.fullmatch(name):
            yield name, demo_offline(whole.decode(), modules).encode()
        else:
            yield name, whole
        if READ.fullmatch(name):
            yield f"{name}.js", file_offline(whole).encode()


def pack(site: Path, target: Path) -> int:
    """Write the zip `target`, wholly or not at all; return how many files it holds. The same site gives the same bytes.

    Raises NoSite if the site is not built.
    """
    if not (site / INDEX).is_file():
        raise NoSite(f"There is no site in {site}: build it first (`nox -s offline` does).")
    target.parent.mkdir(exist_ok=True)
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w") as archive:
        for name, whole in contents(site):
            archive.writestr(zipfile.ZipInfo(f"{NAME}/{name}"), whole, zipfile.ZIP_DEFLATED)
        count = len(archive.namelist())
    partial.replace(target)
    return count


def main(site: Path = ROOT / "site", out: Path = ROOT / "offline") -> int:
    """Pack the built `site` into the folder `out`; return the exit status."""
    target = out / f"{NAME}.zip"
    try:
        count = pack(site, target)
    except NoSite as error:
        print(error, file=sys.stderr)
        return 2
    size = target.stat().st_size / 2**20
    print(f"{out.name}/{target.name}: {count} files, {size:.0f} MB. Unpack it, and open index.html in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
