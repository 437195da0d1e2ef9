"""Show the site on this machine, and build it anew as files change: `python -m tools.serve --port 8001`."""

import argparse
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from pathlib import Path

from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import MkDocsException
from mkdocs.livereload import LiveReloadServer

from neuronup.streams import utf8

ROOT = Path(__file__).parents[1]
HOST = "127.0.0.1"


def refusal(port: int) -> str:
    """Say why the site cannot be shown on `port`, or ""."""
    if not 1 <= port <= 65535:
        return f"Port {port} cannot be: take one from 1 to 65535, as in --port 8010."
    with socket.socket() as probe:
        if sys.platform != "win32":  # as the server will: a port that was just let go is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return f"Port {port} cannot be used ({error.strerror}): choose another, as in --port 8010."
    return ""


def configuration(site: Path, url: str) -> MkDocsConfig:
    """Read mkdocs.yml and the tools it calls afresh, for a build into the folder `site`, shown at `url`."""
    for name in [name for name in sys.modules if name.startswith("tools.")]:
        del sys.modules[name]
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(site))
    config.site_url = url
    return config


def serve(port: int) -> None:
    """Build the site and show it until Ctrl-C; when a build fails, the last good one stays."""
    url = f"http://{HOST}:{port}/"
    with tempfile.TemporaryDirectory(prefix="neuron-up-", ignore_cleanup_errors=True) as folder:
        shown, fresh = Path(folder, "shown"), Path(folder, "fresh")
        shown.mkdir()

        def make() -> None:
            try:
                build(configuration(fresh, url), serve_url=url)
            except Exception as error:
                if not isinstance(error, MkDocsException):  # a bug in our tools; MkDocs has shown what is its own
                    traceback.print_exc()
                print("This build failed: mend what is named above and save; it starts again.", file=sys.stderr)
            else:
                shutil.rmtree(shown)
                fresh.rename(shown)

        config = configuration(fresh, url)
        config.plugins.on_startup(command="serve", dirty=False)
        server = LiveReloadServer(make, HOST, port, root=str(shown))
        try:
            make()
            for path in (config.docs_dir, config.config_file_path, *config.watch):
                server.watch(path)
            print(f"The site is at {url} and follows every file you save. Ctrl-C ends this.", flush=True)
            server.serve()
        finally:
            server.shutdown()
            config.plugins.on_shutdown()


def main(words: list[str]) -> None:
    """Read the command line `words` and serve. Exit status: 2 for bad input, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="nox -s serve --", description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="where to show the site (default: 8000)")
    port = parser.parse_args(words).port
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if not (reason := refusal(port)):
            serve(port)
    except OSError:
        if not (reason := refusal(port)):  # or the port was taken while the first build ran
            raise
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        sys.exit(130)
    if reason:
        print(reason, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    utf8()
    main(sys.argv[1:])
