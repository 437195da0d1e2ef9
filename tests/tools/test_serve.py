"""The site is shown as files change, also after a page was broken, until Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from conftest import ROOT

from tools import serve
from tools.pipeline import run_script

PAGE = "docs/lectures/alpha/index.md"


def free_port():
    """A port that nothing uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--port", "70000"],
            "Port 70000 cannot be: take one from 1 to 65535",
        ),
        (["--prot", "8000"], "unrecognized arguments: --prot 8000"),
        (["--port", "web"], "invalid int value: 'web'"),
    ],
)
def test_bad_options_get_a_sentence(words, sentence, capsys):
    with pytest.raises(SystemExit) as ended:
        serve.main(words)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


def test_a_port_in_use_gets_a_sentence_that_names_it():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        words = [sys.executable, "-m", "tools.serve", "--port", str(port)]
        ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"Port {port} cannot be used (Address already in use): choose another")
    assert ran.stderr.count("\n") == 1


def test_a_changed_word_and_a_changed_script_are_served_a_broken_page_is_survived_and_ctrl_c_ends_it(small_site):
    port, said = free_port(), small_site.root / "said.txt"
    run_script(small_site.root / "code" / "alpha.py", small_site.outputs("alpha"))
    words = [sys.executable, "-m", "tools.serve", "--port", str(port)]

    def see(wanted, where):
        """Wait until the text that `where` gives contains `wanted`."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with suppress(URLError, ConnectionError, TimeoutError):
                if wanted in where():
                    return
            assert server.poll() is None, said.read_text(encoding="utf-8")
            time.sleep(0.1)
        raise AssertionError(f"{wanted!r} was not to be seen in a minute: {said.read_text(encoding='utf-8')}")

    def page():
        with urlopen(f"http://127.0.0.1:{port}/lectures/alpha/", timeout=5) as answer:
            return answer.read().decode()

    with said.open("w", encoding="utf-8") as log:
        quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
        server = subprocess.Popen(words, cwd=small_site.root, stdout=log, stderr=log, env=quiet, start_new_session=True)
    try:
        see("<p>3 steps.</p>", page)
        small_site.write(PAGE, '# Alpha\n\nBroken.\n\n```python\n--8<-- "code/none.py"\n```\n')
        see("This build failed", said.read_text)
        see("<p>3 steps.</p>", page)  # the last good build
        small_site.write(PAGE, "# Alpha\n\n{{ steps }} mended steps.\n")
        see("<p>3 mended steps.</p>", page)
        small_site.script("alpha", metrics='"steps": 4')
        see("<p>4 mended steps.</p>", page)
        before, builds = -1, 0
        while before != builds:  # what a build writes below docs/ may start one more, no third
            assert builds <= 6, "it builds for ever"
            time.sleep(4)
            before, builds = builds, said.read_text(encoding="utf-8").count("Start pytask session")
        os.killpg(server.pid, signal.SIGINT)
        assert server.wait(20) == 130
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    shown = said.read_text(encoding="utf-8")
    assert "code/none.py" in shown
    assert "Traceback" not in shown
    assert shown.endswith("Stopped.\n")
