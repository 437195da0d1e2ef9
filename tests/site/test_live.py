"""`nox -s live`: every cell of the built site runs, for who has the address, and for nobody else."""

import http.server
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.site.built import ROOT, SITE
from tests.site.firefox import Firefox, Tab

LECTURE, LAB, DECK = (f"course/lectures/perceptron/{part}" for part in ("", "lab/", "slides/"))
PATIENCE = 120_000  # milliseconds: machines that test are busy, and a first cell waits for torch
ROOTLIKE = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


class Server(NamedTuple):
    """A running server: its address with a slash at the end, and the token that it printed."""

    address: str
    token: str


def start(*words: str) -> subprocess.Popen[str]:
    """Start `python -m tools.live` as the session does."""
    command = [sys.executable, "-m", "tools.live", *words]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The built site with Python behind it."""
    running = start("--port", str(free_port()), *ROOTLIKE)
    assert running.stdout is not None
    told = re.search(r"(http://127\.0\.0\.1:\d+/)course/\?token=(\w+)", running.stdout.readline())
    assert told, running.communicate(timeout=10)[1]
    yield Server(*told.groups())
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=30)


@pytest.fixture
def inside(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    """A browser in which the address with the token has been opened once."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"{server.address}course/?token={server.token}")
    assert page.url == f"{server.address}course/", "the token stays in the address"
    page.close()
    yield context
    context.close()


@contextmanager
def opened(context: BrowserContext, address: str) -> Iterator[Page]:
    """Open a page whose cells run; nothing may go wrong on it, and what it started ends with it."""
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(address)
    expect(page.locator(".live-bar")).to_be_visible()
    yield page
    assert not [fault for fault in faults if not fault.startswith("Blocked script execution in 'about:srcdoc'")]
    page.goto("about:blank")
    page.close()


def kernels(context: BrowserContext, server: Server) -> set[str]:
    """Which kernels there are: their ids, since those of pages left before may end at any moment."""
    return {kernel["id"] for kernel in context.request.get(f"{server.address}api/kernels").json()}


def cell(page: Page, holds: str) -> Locator:
    """The cell whose code holds these words."""
    return page.locator(".live-cell").filter(has_text=holds).first


def says(page: Page, text: str) -> None:
    """Wait until what is told to a screen reader holds this text."""
    expect(page.get_by_role("toolbar", name="Python").get_by_role("status")).to_have_text(
        re.compile(text), timeout=PATIENCE
    )


def run(page: Page, where: Locator, ends: str = "Done") -> str:
    """Run a cell; return what it showed."""
    where.evaluate("part => { for (let d = part; d = d.parentElement.closest('details'); ) d.open = true; }")
    where.get_by_role("button", name=re.compile("Run cell")).click()
    says(page, ends)
    return where.locator(".live-output").inner_text()


def typed(page: Page, where: Locator, code: str, ends: str = "Done") -> str:
    """Type code into a cell and run it by the keyboard; return what it showed."""
    if (edit := where.get_by_role("button", name="Edit")).is_visible():
        edit.click()
    where.locator("textarea").fill(code)
    page.locator(".live-status").evaluate("part => part.textContent = ''")
    where.locator("textarea").press("Shift+Enter")
    says(page, ends)
    return where.locator(".live-output").inner_text()


def test_a_try_runs_after_what_it_needs_and_shows_what_the_build_showed(inside: BrowserContext, server: Server) -> None:
    with opened(inside, server.address + LECTURE) as page:
        tried = page.locator(".try.live-cell").first
        built = tried.locator("xpath=following-sibling::div[1]").inner_text()
        assert run(page, tried).strip() == built.strip()
        assert "Defined: fit" in run(page, cell(page, "def fit("))
        expect(page.locator(".live-cell[aria-busy]")).to_have_count(0)


def test_a_figure_takes_the_colours_of_the_page_and_runs_nothing(inside: BrowserContext, server: Server) -> None:
    with opened(inside, server.address + LECTURE) as page:
        tried = cell(page, "figures.Shown")
        run(page, tried)
        drawn = tried.locator("img.live-figure")
        expect(drawn).to_have_attribute("alt", re.compile("clouds"))
        first = drawn.get_attribute("src")
        page.locator("form[data-md-component=palette] label:visible").click()
        expect(drawn).not_to_have_attribute("src", first or "")
        said = typed(
            page,
            tried,
            "from IPython.display import HTML, display\n"
            "display(HTML('<b>bold</b><script>parent.document.title = \"owned\"</script>'))\n"
            'display(HTML(\'<svg onload="document.title = 1"><script>document.title = "owned"</script></svg>\'))\n'
            "print('both')",
        )
        assert "both" in said
        assert tried.locator("iframe").get_attribute("sandbox") == ""
        assert "owned" not in page.title()


def test_what_is_typed_survives_a_reload_until_it_is_put_back(inside: BrowserContext, server: Server) -> None:
    with opened(inside, server.address + LECTURE) as page:
        tried = page.locator(".try.live-cell").first
        built = tried.locator("code").inner_text()
        assert typed(page, tried, "answer = 6 * 7\nanswer").strip() == "42"
        page.reload()
        tried = page.locator(".try.live-cell").first
        expect(tried.locator("textarea")).to_have_value("answer = 6 * 7\nanswer")
        tried.get_by_role("button", name="Put back").click()
        expect(tried.locator("code")).to_be_visible()
        assert tried.locator("code").inner_text() == built
        page.reload()
        expect(page.locator(".try.live-cell").first.locator("textarea")).to_be_hidden()


def test_output_streams_and_a_progress_bar_is_drawn_in_its_place(inside: BrowserContext, server: Server) -> None:
    with opened(inside, server.address + LECTURE) as page:
        tried = page.locator(".try.live-cell").first
        code = "import time\nfor i in range(3): print(f'\\r{i} of 2', end=''); time.sleep(0.1)\nprint()\nprint('end')"
        assert typed(page, tried, code).split("\n")[:2] == ["2 of 2", "end"]
        code = (
            "from IPython.display import clear_output, display\nshown = display('old', display_id=True)\n"
            "shown.update('new')\nprint('kept')\nclear_output(wait=True)\nprint('last')"
        )
        assert typed(page, tried, code).strip() == "last"
        slow = "import time\nprint('first', flush=True)\ntime.sleep(600)"
        tried.locator("textarea").fill(slow)
        tried.locator("textarea").press("Shift+Enter")
        expect(tried.locator(".live-output")).to_contain_text("first", timeout=PATIENCE)
        page.get_by_role("button", name="Interrupt").click()
        says(page, "Failed")
        expect(tried.locator(".live-output")).to_contain_text("KeyboardInterrupt")


def test_an_error_is_short_and_a_crash_and_a_restart_are_told(inside: BrowserContext, server: Server) -> None:
    with opened(inside, server.address + LECTURE) as page:
        tried = page.locator(".try.live-cell").first
        wrong = typed(page, tried, "kept = 1\nfit(None, [1], [2], 3)", "Failed")
        assert "'NoneType' object has no attribute 'learn'" in wrong
        assert len(wrong.splitlines()) < 16
        typed(page, tried, "import os\nos._exit(1)", "crashed and forgotten")
        assert "NameError" in typed(page, tried, "kept", "Failed"), "what a crash has left behind"
        typed(page, tried, "kept = 1")
        page.get_by_role("button", name="Restart").click()
        says(page, "started again")
        assert "NameError" in typed(page, tried, "kept", "Failed")


def test_a_failing_cell_above_stops_the_cells_below(inside: BrowserContext, server: Server) -> None:
    with opened(inside, server.address + LECTURE) as page:
        above = cell(page, "class Perceptron")
        above.get_by_role("button", name="Edit").click()
        above.locator("textarea").fill("raise ValueError('mine')")
        tried = page.locator(".try.live-cell").first
        tried.get_by_role("button", name=re.compile("Run cell")).click()
        says(page, "Failed")
        expect(above.locator(".live-output")).to_contain_text("ValueError: mine")
        expect(tried.locator(".live-output")).to_be_hidden()
        above.get_by_role("button", name="Put back").click()


def test_a_lab_runs_whole_and_its_solutions_stay_folded(inside: BrowserContext, server: Server) -> None:
    with opened(inside, server.address + LAB) as page:
        page.get_by_role("button", name="Run all", exact=True).click()
        says(page, "Done")
        assert page.locator("details.success[open]").count() == 0
        assert page.locator(".live-output:not([hidden])").count() > 5
        assert not page.locator(".live-error").count()


def test_a_slide_runs_its_code_and_typing_turns_no_slide(inside: BrowserContext, server: Server) -> None:
    with opened(inside, server.address + DECK) as page:
        page.locator(".slides.ready").wait_for()
        page.evaluate(
            """() => {
              const slide = Reveal.getSlides().find(slide => slide.textContent.includes("def fit("));
              Reveal.slide(Reveal.getIndices(slide).h, Reveal.getIndices(slide).v);
            }"""
        )
        shown = page.locator("section.present .live-cell").first
        assert "Defined: fit" in run(page, shown)
        said = typed(page, shown, "fit(Perceptron(2), torch.ones(1, 2), torch.ones(1), 3)")
        assert said.strip() == "[1, 0]"
        shown.locator("textarea").press("ArrowRight")
        assert "def fit(" in page.evaluate("Reveal.getCurrentSlide().textContent")


def test_cells_run_and_take_what_is_typed_in_firefox_too(firefox: Firefox, server: Server) -> None:
    tab, first = Tab(firefox), 'document.querySelector(".try.live-cell")'
    shown = f"document.querySelector('[aria-busy]') === null && {first}.querySelector('.live-output').innerText.trim()"
    tab.go(f"{server.address}course/?token={server.token}")
    tab.go(server.address + LECTURE)
    tab.wait_for("document.querySelector('.live-bar') !== null")
    built = tab.evaluate(f"{first}.nextElementSibling.innerText.trim()")
    tab.click(".try.live-cell button[aria-label^='Run cell']")
    assert tab.wait_for(shown, PATIENCE / 1000) == built
    tab.evaluate(f"[...{first}.querySelectorAll('button')].find(button => button.textContent === 'Edit').click()")
    tab.click(".try.live-cell textarea")
    tab.press("Control+a", *"print(6*7)", "Shift+Enter")
    assert tab.wait_for(f"({shown}) === '42'", PATIENCE / 1000)
    tab.go("about:blank")
    tab.tell("close")


# Who may, and who may not


def test_a_kernel_starts_with_the_first_cell_and_ends_with_the_page(inside: BrowserContext, server: Server) -> None:
    page = inside.new_page()
    page.goto(server.address + LECTURE)
    expect(page.locator(".live-bar")).to_be_visible()
    before = kernels(inside, server)
    assert typed(page, page.locator(".try.live-cell").first, "print(1)").strip() == "1"
    started = kernels(inside, server) - before
    assert len(started) == 1
    page.goto(f"{server.address}course/")
    for _ in range(PATIENCE // 100):
        if not started & kernels(inside, server):
            break
        page.wait_for_timeout(100)
    assert not started & kernels(inside, server)


def test_who_has_no_token_gets_nothing(browser: Browser, server: Server) -> None:
    outside = browser.new_context()
    for path in (LECTURE, "course/live.mjs", "course/assets/course.css"):
        answer = outside.request.get(server.address + path, max_redirects=0)
        assert answer.status == 302, path
        assert "/login" in answer.headers["location"]
    assert outside.request.get(f"{server.address}api/kernels").status == 403
    assert outside.request.post(f"{server.address}api/kernels", data="{}").status == 403
    outside.close()


def test_a_stranger_in_the_same_browser_gets_nothing(inside: BrowserContext, server: Server) -> None:
    class Evil(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html>elsewhere")

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    with opened(inside, server.address + LECTURE) as page:
        others = kernels(inside, server)
        typed(page, page.locator(".try.live-cell").first, "print(1)")
        (own,) = kernels(inside, server) - others
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Evil) as elsewhere:
            threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
            for host in ("127.0.0.1", "localhost"):
                stranger = inside.new_page()
                stranger.goto(f"http://{host}:{elsewhere.server_port}/")
                tried = stranger.evaluate(
                    """async ([at, kernel]) => {
                      const api = at + "api/kernels", credentials = "include";
                      const post = { method: "POST", mode: "no-cors" };
                      const read = await fetch(api, { credentials }).then(() => "read", () => "refused");
                      for (const body of ["{}", '{"name": "python3"}'])
                        await fetch(api, { ...post, credentials, body }).catch(() => {});
                      const socket = await new Promise(resolve => {
                        const made = new WebSocket(at.replace("http", "ws") + `api/kernels/${kernel}/channels`);
                        made.onopen = () => resolve("open");
                        made.onerror = () => resolve("refused");
                      });
                      return [read, socket];
                    }""",
                    [server.address, own],
                )
                assert tried == ["refused", "refused"], host
                for path in (LECTURE, DECK):
                    stranger.evaluate(
                        "at => document.body.append(Object.assign(document.createElement('iframe'), { src: at }))",
                        server.address + path,
                    )
                stranger.wait_for_timeout(1500)
                framed = [frame.url for frame in stranger.frames[1:]]
                assert all(url.startswith("chrome-error:") for url in framed), f"framed by {host}: {framed}"
                stranger.close()
            elsewhere.shutdown()
        assert kernels(inside, server) <= others | {own}, "a stranger has started a kernel"


def test_nothing_is_served_but_the_site_and_kernels(inside: BrowserContext, server: Server) -> None:
    ask = inside.request
    for path in (
        "course/..%2f..%2fpyproject.toml",
        "course/%2e%2e/pyproject.toml",
        "course//etc/passwd",
        "course/live.css/x",
    ):
        assert ask.get(server.address + path).status in {403, 404}, path
    for path in ("api/contents", "api/terminals", "files/x", "api/sessions", "nbconvert/html/x", "tree", "lab"):
        assert ask.get(server.address + path).status in {403, 404}, path
    assert ask.get(f"{server.address}api/kernels", headers={"Host": "elsewhere.example"}).status == 403
    for path, frames in ((LECTURE, "'none'"), (DECK, "'self'")):
        policy = ask.get(server.address + path).headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert policy.endswith(f"frame-ancestors {frames}")


def test_the_server_listens_on_this_machine_alone_and_ends_idle_kernels(tmp_path: Path) -> None:
    from tools import live

    words = live.settings(8010, tmp_path, allow_root=False)
    assert {"--Live.ip=127.0.0.1", "--Live.allow_remote_access=False", "--Live.allow_root=False"} < set(words)
    assert {"--Live.terminals_enabled=False", "--MappingKernelManager.cull_connected=True"} < set(words)
    assert f"--Live.root_dir={tmp_path}" in words
    assert os.name == "nt" or "--KernelManager.transport=ipc" in words
    assert not [word for word in words if "origin" in word or "token" in word or "password" in word]


def test_a_static_host_gets_not_one_byte_of_it() -> None:
    assert not list(SITE.rglob("live.*"))
    assert not [page for page in SITE.rglob("*.html") if "live.mjs" in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--port", "0", *ROOTLIKE], "Port 0 cannot be: take one from 1 to 65535"),
        (["--site", "nowhere", *ROOTLIKE], "There is no site in nowhere: build it with nox -s site."),
        pytest.param([], "say --allow-root", marks=pytest.mark.skipif(not ROOTLIKE, reason="this is not root")),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(words: list[str], sentence: str) -> None:
    ended = start(*words)
    out, err = ended.communicate(timeout=60)
    assert ended.returncode == 2
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert not out


def test_a_port_in_use_is_named(server: Server) -> None:
    port = server.address.rsplit(":", 1)[1].rstrip("/")
    ended = start("--port", port, *ROOTLIKE)
    assert f"Port {port} cannot be used" in ended.communicate(timeout=60)[1]
    assert ended.returncode == 2
