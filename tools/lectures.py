"""A lecture as a set of files: is it whole, what belongs to it, what can be downloaded of it."""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from tools.pipeline import imported


class Incomplete(Exception):
    """A lecture lacks a file; the message says which, and how to get one."""


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


def bundle(topic: str, root: Path) -> bytes:
    """Zip what runs the lecture anywhere, in one folder: script, drawings, lab as .py and .ipynb, what they import."""
    code, lecture = root / "code", root / "docs" / "lectures" / topic
    own = (code / f"{topic}.py", lecture / "drawings.py", lecture / "lab.py")
    sources = [source for source in own if source.exists()]
    files = {*sources, *(module for source in sources for module in imported(source, code))}
    if (lecture / "lab.py").exists():
        files.add(lecture / "lab.ipynb")
    places = {path.relative_to(code if path.is_relative_to(code) else lecture).as_posix(): path for path in files}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted(places.items()):
            archive.writestr(zipfile.ZipInfo(f"{topic}/{name}"), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()
