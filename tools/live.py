"""The built site with Python behind it: `python -m tools.live --port 8010`. Every cell runs, on this machine alone.

One server, Jupyter's, on the loopback address: it sends the site's files, with a script that makes their cells run, and
starts a kernel of this environment for each page that runs one. Who opens the address that is printed has its token;
nobody else on the machine or in the browser gets at a kernel. On any other host the site has none of this in it.
"""

import argparse
import json
import mimetypes
import os
import sys
import tempfile
from html import escape
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.serverapp import ServerApp
from tornado import web

from neuronup.streams import utf8
from tools import snippets
from tools.lectures import topic_of
from tools.serve import HOST, refusal

ROOT = Path(__file__).parents[1]
CLIENT = {name: Path(__file__).with_name(name) for name in ("live.mjs", "live.css")}
AT = "/course/"  # where the site lies on the server
KINDS = {".mjs": "text/javascript", ".js": "text/javascript", ".woff2": "font/woff2", ".svg": "image/svg+xml"}
IDLE = 30 * 60  # seconds until a kernel that nobody uses is ended
POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "frame-src": "'self'",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}


class Pages(JupyterHandler):
    """The files of the built site, for those who have the token."""

    def initialize(self, site: Path) -> None:
        """Know where the site is."""
        super().initialize()
        self.site = site

    @property
    def content_security_policy(self) -> str:
        """Nothing from elsewhere; nobody frames a page, but the speaker view its own deck."""
        frames = "'self'" if self.request.path.endswith("/slides/") else "'none'"
        return "; ".join(f"{name} {value}" for name, value in {**POLICY, "frame-ancestors": frames}.items())

    @web.authenticated
    def get(self, path: str) -> None:
        """Send a file, or the page of a folder; forget a token in the address as soon as the cookie has it."""
        if self.get_argument("token", None) is not None:
            self.redirect(self.request.path)
            return
        found = CLIENT.get(path, (self.site / path).resolve())
        if path not in CLIENT and not found.is_relative_to(self.site):
            raise web.HTTPError(404)
        if found.is_dir():
            if path and not path.endswith("/"):
                self.redirect(f"{self.request.path}/")
                return
            found /= "index.html"
        if not found.is_file():
            raise web.HTTPError(404)
        body = found.read_bytes()
        if found.suffix == ".html":
            body = self.with_client(body, path)
        kind = KINDS.get(found.suffix) or mimetypes.guess_type(found.name)[0] or "application/octet-stream"
        self.set_header("Content-Type", kind)
        self.set_header("Cache-Control", "no-cache")
        self.finish(body)

    def with_client(self, html: bytes, address: str) -> bytes:
        """Put into a page what makes its cells run, if it has any."""
        if b'class="language-python' not in html:
            return html
        self.xsrf_token  # noqa: B018  # sets the cookie with which the client shows that it is of this site
        told = escape(json.dumps({"base": self.base_url, "before": before(address)}))
        client = f'<meta name="live" content="{told}"><link rel="stylesheet" href="{AT}live.css">'
        client += f'<script type="module" src="{AT}live.mjs"></script>'
        return html.replace(b"</head>", client.encode() + b"</head>", 1)


def before(address: str) -> str:
    """Write what a kernel runs before the first cell of a page: where its modules lie, and what a deck leaves out."""
    folder = ROOT / "docs" / "lectures" / topic_of(address)
    code = f"import sys\nsys.path[:0] = {[str(ROOT / 'code'), str(folder)]!r}\n"
    code += "get_ipython().InteractiveTB.set_mode(mode='Plain')\n"
    if address.endswith("/slides/"):
        regions = snippets.shown((folder / "slides.md").read_text(encoding="utf-8"), ROOT)
        code += snippets.imports([region for region in regions if is_whole(region)], ROOT)
    return code


def is_whole(region: snippets.Region) -> bool:
    """Whether a region runs by itself: a slide may show lines from within a function."""
    try:
        snippets.imports([region], ROOT)
    except ValueError:
        return False
    return True


class Live(ServerApp):
    """Jupyter's server, of its services only those that kernels need: no files, no terminals, no extensions."""

    name = "live"
    default_services = ("api", "auth", "kernels", "kernelspecs", "security")  # type: ignore[assignment]


def settings(port: int, empty: Path, allow_root: bool) -> list[str]:
    """The command line of Jupyter's server: loopback only, nobody from another origin, no files, no terminals."""
    chosen: dict[str, Any] = {
        "Live.ip": HOST,
        "Live.port": port,
        "Live.port_retries": 0,
        "Live.default_url": AT,
        "Live.open_browser": False,
        "Live.allow_remote_access": False,
        "Live.terminals_enabled": False,
        "Live.root_dir": empty,
        "Live.allow_root": allow_root,
        "Live.log_level": "ERROR",
        "ContentsManager.allow_hidden": False,
        "MappingKernelManager.cull_idle_timeout": IDLE,
        "MappingKernelManager.cull_interval": 60,
        "MappingKernelManager.cull_connected": True,
    }
    if os.name != "nt":
        chosen["KernelManager.transport"] = "ipc"  # files that only this user reads, no ports
    return [f"--{name}={value}" for name, value in chosen.items()]


def run(site: Path, port: int, allow_root: bool) -> None:
    """Show `site` with a kernel behind it until Ctrl-C; a person's own settings of Jupyter are not read."""
    for name in [name for name in os.environ if name.startswith(("JUPYTER", "IPYTHON"))]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="neuron-up-live-", ignore_cleanup_errors=True) as folder:
        empty, own = Path(folder, "empty"), Path(folder, "own")
        empty.mkdir()
        os.environ |= {f"JUPYTER_{name}_DIR": str(own / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
        os.environ |= {"JUPYTER_NO_CONFIG": "1", "IPYTHONDIR": str(own / "ipython")}
        app = Live.instance()
        app.initialize(settings(port, empty, allow_root), find_extensions=False)
        app.web_app.add_handlers(".*$", [(rf"{AT}(.*)", Pages, {"site": site.resolve()})])
        token = app.identity_provider.token
        app.identity_provider.token_generated = False  # Jupyter would print an address and a file of its own
        print(f"The course runs at http://{HOST}:{port}{AT}?token={token}", flush=True)
        print("Open that address; this machine only, and only who has it. Ctrl-C ends it.", flush=True)
        app.start()


def main(words: list[str]) -> None:
    """Read the command line `words` and run. Exit status: 2 for bad input."""
    parser = argparse.ArgumentParser(prog="nox -s live --", description=__doc__)
    parser.add_argument("--port", type=int, default=8010, help="where to show the site (default: 8010)")
    parser.add_argument("--site", type=Path, default=ROOT / "site", help=argparse.SUPPRESS)
    parser.add_argument("--allow-root", action="store_true", help="run as root, as in a container")
    asked = parser.parse_args(words)
    wrong = refusal(asked.port)
    if not (asked.site / "index.html").is_file():
        wrong = f"There is no site in {asked.site}: build it with nox -s site."
    elif not asked.allow_root and hasattr(os, "geteuid") and os.geteuid() == 0:
        wrong = "Whoever has the address may run any code as root: say --allow-root if this is what you want."
    if wrong:
        print(wrong, file=sys.stderr)
        sys.exit(2)
    run(asked.site, asked.port, asked.allow_root)


if __name__ == "__main__":
    utf8()
    main(sys.argv[1:])
