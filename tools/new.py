"""Start a lecture from a small one that works: `python -m tools.new topic "Its title"`."""

import importlib.util
import re
import shutil
import subprocess
import sys
from keyword import iskeyword
from pathlib import Path

from neuronup.streams import utf8

ROOT = Path(__file__).parents[1]


def places(topic: str, root: Path) -> dict[str, Path]:
    """Map each template in tools/lecture to the file of `topic` that it becomes."""
    lecture = root / "docs" / "lectures" / topic
    return {
        "script.py": root / "code" / f"{topic}.py",
        "test.py": root / "tests" / f"test_{topic}.py",
        "answers.py": root / "tests" / "answers" / f"{topic}.py",
        **{name: lecture / name for name in ("index.md", "slides.md", "drawings.py", "lab.py", "checks.py")},
    }


def refusal(topic: str, title: str, root: Path) -> str:
    """Say why there can be no new lecture `topic` called `title`, or ""."""
    if not re.fullmatch("[a-z][a-z0-9_]*", topic) or iskeyword(topic):
        return f"{topic!r} cannot name a lecture: take small letters, digits and _, a letter first, as in attention."
    if not title.strip() or any(sign in title for sign in '"\\\n:#'):
        return f"{title!r} cannot be its title: take words, without quotation marks, backslash, colon or #."
    if there := [path for path in places(topic, root).values() if path.exists()]:
        return f"{there[0].relative_to(root)} exists already: take another name, or remove it first."
    if topic in sys.stdlib_module_names or importlib.util.find_spec(topic):
        return f"{topic} is a module of Python or of an installed package, which the script would hide: name it anew."
    return ""


def write(topic: str, title: str, root: Path) -> list[Path]:
    """Write the files of the lecture `topic`, all or none, and list them."""
    templates = root / "tools" / "lecture"
    texts = {
        path: (templates / name).read_text(encoding="utf-8").replace("TOPIC", topic).replace("TITLE", title)
        for name, path in places(topic, root).items()
    }
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except BaseException:
        for path in texts:
            if path.is_file():
                path.unlink()
        shutil.rmtree(root / "docs" / "lectures" / topic, ignore_errors=True)
        raise
    code = [str(path) for path in texts if path.suffix == ".py"]
    for words in (["check", "--select=I", "--fix"], ["format"]):  # names of other lengths sort and wrap otherwise
        subprocess.run([sys.executable, "-m", "ruff", *words, "--quiet", *code], cwd=root)
    return list(texts)


def main(words: list[str]) -> None:
    """Write the lecture that the command line `words` ask for, and say what is left to do. Exit status 2 if refused."""
    if len(words) != 2:
        print('A topic and a title are wanted, as in: nox -s new -- attention "Attention"', file=sys.stderr)
        sys.exit(2)
    topic, title = words
    if reason := refusal(topic, title, ROOT):
        print(reason, file=sys.stderr)
        sys.exit(2)
    for path in write(topic, title, ROOT):
        print(f"wrote {path.relative_to(ROOT)}")
    print("Now put it in its place in the course:")
    print(f"  mkdocs.yml, under nav:          - lectures/{topic}/index.md")
    print(f"  docs/index.md, the course map:  [{title}](lectures/{topic}/index.md)")


if __name__ == "__main__":
    utf8()
    main(sys.argv[1:])
