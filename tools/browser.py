"""The system's Chromium, and a server on loopback to show it a folder: for PDFs and for tests of the built site."""

import gzip
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO

from playwright.sync_api import Browser, Playwright

NAMES = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"),
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
ALONE = (  # no sandbox (it needs rights that containers lack), no GPU, and no errands of Chromium's own
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
TEXT = ("text/", "application/javascript", "application/json", "application/xml", "image/svg+xml")


class NoChromium(Exception):
    """There is no Chromium; the message says how to get one."""


def find() -> str | None:
    """Return the path of a Chromium (or Chrome, or Edge) on this system, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def launch(playwright: Playwright) -> Browser:
    """Start the system's Chromium. Raises NoChromium where there is none."""
    path = find()
    if path is None:
        raise NoChromium("No Chromium was found: install it (`apt install chromium` on Debian and Ubuntu) or Chrome.")
    return playwright.chromium.launch(executable_path=path, args=ALONE)


class Pages(SimpleHTTPRequestHandler):
    """Hand out files as a web host does: text gzipped, missing pages as 404.html, and no chatter."""

    def send_head(self) -> BytesIO | BinaryIO | None:
        """Send the headers of an answer and return its body."""
        asked = Path(self.translate_path(self.path))
        if asked.is_dir() and not self.path.partition("?")[0].endswith("/"):
            return super().send_head()  # it redirects to the folder's own address
        path, status = asked / "index.html" if asked.is_dir() else asked, HTTPStatus.OK
        if not path.is_file():
            path, status = Path(self.directory, "404.html"), HTTPStatus.NOT_FOUND
        body = path.read_bytes() if path.is_file() else b"Not found"
        kind = self.guess_type(path)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "max-age=600")
        if kind.startswith(TEXT):
            self.send_header("Vary", "Accept-Encoding")
            if "gzip" in self.headers.get("Accept-Encoding", ""):
                body = gzip.compress(body, mtime=0)
                self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return BytesIO(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """A server that does not mind a browser hanging up."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Show any error but a closed connection."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve `folder` on a free loopback port while the block runs; yield its address, without a slash at the end."""
    with Server(("127.0.0.1", 0), partial(Pages, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
