"""The menu: `nox` runs lint, site, tests and pdf; `nox -l` lists the rest; words after `--` go to the session."""

import hashlib
import os
import shutil
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
CACHE = ROOT / ".cache"
OURS = ("code", "docs", "overrides", "tests", "tools", "noxfile.py")  # linters look, and mend, nowhere else
PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "README.md")
# What a person may have set for other work, and would change what is made or tested here.
OTHERS = (
    *("IPYTHON", "JUPYTER_PATH", "MPL", "MYPY", "NODE_OPTIONS", "NODE_PATH"),
    *("PIP_TARGET", "PYTEST_", "PYTHON", "RUFF_"),
)

nox.options.sessions = ["lint", "site", "tests", "pdf"]
nox.options.default_venv_backend = "none"
nox.options.error_on_external_run = False
for name in [name for name in os.environ if name.startswith(OTHERS)]:
    del os.environ[name]
os.environ["PIP_USER"] = "0"  # a person's pip.conf may say otherwise, which no virtual environment allows
os.environ["PYTHONUTF8"] = "1"
os.environ["PATH"] = os.pathsep.join([str(BIN), os.environ["PATH"]])
os.environ["VIRTUAL_ENV"] = str(VENV)
os.environ["NO_MKDOCS_2_WARNING"] = "1"  # pyproject.toml keeps MkDocs below 2


def python(session: nox.Session, *words: object, **env: str) -> None:
    """Run a Python command line in the shared environment."""
    session.run(str(BIN / "python"), *map(str, words), external=True, env=env)


def digest(*parts: Path | str) -> str:
    """Fingerprint of texts, files and whole folders; of a folder without the caches of tools."""
    seen = hashlib.sha256()
    for part in parts:
        paths = sorted(part.rglob("*")) if isinstance(part, Path) and part.is_dir() else [part]
        for path in paths:
            if isinstance(path, str):
                seen.update(path.encode())
            elif path.is_file() and path.suffix != ".pyc" and ".ruff_cache" not in path.parts:
                seen.update(path.as_posix().encode() + path.read_bytes())
    return seen.hexdigest()


def is_done(name: str, now: str) -> bool:
    """Whether the step `name` last ended well in the state `now`."""
    mark = CACHE / name
    return mark.is_file() and mark.read_text(encoding="utf-8") == now


def done(name: str, now: str) -> None:
    """Remember that the step `name` ended well in the state `now`."""
    CACHE.mkdir(exist_ok=True)
    (CACHE / name).write_text(now, encoding="utf-8")


@nox.session
def env(session: nox.Session) -> None:
    """Make .venv and node_modules, shared by all sessions (anew only when the pins change)."""
    pins = digest(sys.version, *(ROOT / name for name in ("pyproject.toml", "constraints.txt")))
    if not (is_done("pins", pins) and BIN.is_dir()):
        session.log("Installing the pinned packages into .venv: 7 GB with torch's CUDA parts, once.")
        anew = [] if is_done("python", sys.version) else ["--clear"]
        what = ["-c", "constraints.txt", "-e", ".[dev]"]
        if shutil.which("uv"):
            where = ["--python", str(BIN / "python")]
            how = [*(anew or ["--allow-existing"]), "--seed", "--quiet", "--python", sys.executable]
            session.run("uv", "venv", *how, str(VENV), external=True)
            session.run("uv", "pip", "install", "--quiet", *where, *what, external=True)
        else:
            session.run(sys.executable, "-m", "venv", *anew, str(VENV), external=True)
            python(session, "-m", "pip", "install", "--quiet", "--progress-bar", "off", *what)
        done("python", sys.version)
        done("pins", pins)
    parts = digest(*(ROOT / name for name in ("package.json", "package-lock.json")))
    if not (is_done("node", parts) and (ROOT / "node_modules").is_dir()):
        session.run("npm", "ci", "--loglevel=error", external=True)
        done("node", parts)


@nox.session(requires=["env"])
def lint(session: nox.Session) -> None:
    """Style, spelling, Markdown and types (-- --fix mends what it can)."""
    fix = ["--fix"] if "--fix" in session.posargs else []
    if set(session.posargs) - {"--fix"}:
        session.error(f"nox -s lint knows only --fix, not: {' '.join(session.posargs)}")
    python(session, "-m", "ruff", "check", *fix, *OURS)
    python(session, "-m", "ruff", "format", *([] if fix else ["--check", "--diff"]), *OURS)
    python(session, "-m", "codespell_lib", *OURS, *PAGES)
    python(session, "-m", "pymarkdown", *(["fix"] if fix else ["scan"]), "--recurse", "docs", "tools", *PAGES)
    python(session, "-m", "mypy")


def typed() -> str:
    """Fingerprint of all that people type, and the site is made from."""
    files = ("constraints.txt", "mkdocs.yml", "package-lock.json", "pyproject.toml")
    pages = [path for path in sorted((ROOT / "docs").rglob("*")) if not {"outputs", "figures"} & set(path.parts)]
    pages = [path for path in pages if path.is_file() and path.suffix != ".ipynb"]
    solutions = sorted((ROOT / "tests").glob("*.py"))  # pages show parts of tests too
    told = [sys.version, *(os.environ.get(name, "") for name in ("REPO_URL", "SITE_URL"))]
    return digest(*(ROOT / name for name in ("code", "overrides", "tools", *files)), *pages, *solutions, *told)


def made() -> str:
    """Fingerprint of all that is made of it, and of the site."""
    return digest(ROOT / "docs", ROOT / "site")


def build(session: nox.Session) -> None:
    """Build the site, unless nothing has changed since it was built."""
    before = typed()
    if is_done("site", before + made()):
        session.log("Nothing has changed since the site was built.")
    else:
        python(session, "-m", "mkdocs", "--quiet", "build", "--strict", SOURCE_DATE_EPOCH="0")
        if typed() == before:  # else something was typed meanwhile, and the next build makes it
            done("site", before + made())


@nox.session(requires=["env"])
def site(session: nox.Session) -> None:
    """Build the whole site, in site/: what has changed since it was built last."""
    build(session)
    session.log("The site is built, in site/: run `nox -s serve` to look at it.")


@nox.session(requires=["env"])
def tests(session: nox.Session) -> None:
    """All tests: code, tools, and the built site in Chromium (-- any pytest options)."""
    words = session.posargs or ["--numprocesses=auto"]
    if not any(word.startswith("tests/") and not word.startswith("tests/site") for word in words):
        build(session)
    if session.posargs:
        python(session, "-m", "pytest", *words)
    else:  # one after the other: the site's tests keep a browser, in which those of the tools could not start theirs
        python(session, "-m", "pytest", "--ignore=tests/site", "--cov", *words)
        python(session, "-m", "pytest", "tests/site", *words)


@nox.session(requires=["env"])
def serve(session: nox.Session) -> None:
    """Show the site on localhost and rebuild it as files change (-- --port 8001)."""
    python(session, "-m", "tools.serve", *session.posargs)


@nox.session(requires=["env"])
def live(session: nox.Session) -> None:
    """The site with Python behind it, on this machine alone: every cell runs (-- --port 8010)."""
    build(session)
    python(session, "-m", "tools.live", *session.posargs)


@nox.session(requires=["env"])
def examples(session: nox.Session) -> None:
    """Run scripts by name, or all; more than one end in a table (-- perceptron --device cuda)."""
    python(session, "-m", "tools.examples", *session.posargs)


@nox.session(requires=["env"])
def lab(session: nox.Session) -> None:
    """JupyterLab, where each lab.py opens as a notebook (-- options of jupyter lab)."""
    where = f"--ServerApp.root_dir={ROOT / 'docs' / 'lectures'}"
    python(session, "-m", "jupyterlab", where, *session.posargs, JUPYTER_CONFIG_PATH=str(ROOT / "tools" / "jupyter"))


@nox.session(requires=["env"])
def pdf(session: nox.Session) -> None:
    """Print decks of the built site as PDF, page counts checked (-- perceptron)."""
    build(session)
    printed = digest(ROOT / "site", ROOT / "tools" / "pdf.py", ROOT / "tools" / "browser.py")
    if not session.posargs and is_done("pdf", printed) and (ROOT / "pdf").is_dir():
        session.log("Nothing has changed since the decks were printed, in pdf/.")
        return
    python(session, "-m", "tools.pdf", *session.posargs)
    if not session.posargs:
        done("pdf", printed)


@nox.session(requires=["env"])
def offline(session: nox.Session) -> None:
    """Pack the site into one zip that opens by double click, without a server or a network."""
    build(session)
    python(session, "-m", "tools.offline")


@nox.session(requires=["env"])
def bench(session: nox.Session) -> None:
    """Measure side by side and print ratios: what is faster here, and how much."""
    python(session, "-m", "tools.bench", *session.posargs, OMP_NUM_THREADS="1")


@nox.session(requires=["env"])
def faults(session: nox.Session) -> None:
    """Put small random faults into the code and list those that no test notices (-- --count 200 --seed 1)."""
    python(session, "-m", "tools.faults", *session.posargs)


@nox.session(requires=["env"])
def new(session: nox.Session) -> None:
    """Start a lecture: page, deck, drawings, lab, script and test to fill in (-- topic "Its title")."""
    python(session, "-m", "tools.new", *session.posargs)


@nox.session(venv_backend="venv")
def lock(session: nox.Session) -> None:
    """Refresh constraints.txt (-- --upgrade for the newest versions)."""
    session.install("uv")
    session.run(
        *("uv", "pip", "compile", "--quiet", "--universal", "--extra", "dev", "pyproject.toml"),
        *("--no-header", "--no-annotate", "--no-emit-index-url", "--output-file", "constraints.txt"),
        *session.posargs,
    )
