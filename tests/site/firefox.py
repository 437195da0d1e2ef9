"""A small client for Firefox, which speaks WebDriver BiDi itself: Playwright cannot drive a distribution's Firefox."""

import base64
import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from websocket import WebSocket, create_connection

NAMES = (
    *("firefox-esr", "firefox"),
    "/Applications/Firefox.app/Contents/MacOS/firefox",
    "C:/Program Files/Mozilla Firefox/firefox.exe",
)
PREFERENCES = {  # no errands of Firefox's own, and no first-run pages
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.safebrowsing.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.input_events.security.minNumTicks": 0,  # a click on a page just drawn counts
    "dom.input_events.security.minTimeElapsedInMS": 0,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,none",
    "ui.prefersReducedMotion": 1,
    "ui.systemUsesDarkTheme": 0,
}
PATIENCE = 30  # seconds: machines that test are busy
KEYS = {  # as WebDriver names them
    **{
        "Enter": "\ue007",
        "Control": "\ue009",
        "Shift": "\ue008",
        "Escape": "\ue00c",
        "Space": " ",
        "PageUp": "\ue00e",
        "End": "\ue010",
    },
    **{"Home": "\ue011", "ArrowLeft": "\ue012", "ArrowRight": "\ue014", "Tab": "\ue004"},
}


class Failed(Exception):
    """Firefox refused a command, or a script in a page raised; the message is Firefox's."""


def find() -> str | None:
    """Return the path of a Firefox on this system, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Firefox:
    """One Firefox with a profile of its own in the folder `profile`; `close()` ends it."""

    def __init__(self, path: str, profile: Path) -> None:
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
        (profile / "user.js").write_text("\n".join(lines), encoding="utf-8")
        self.said = profile / "said.txt"
        with self.said.open("w", encoding="utf-8") as log:
            words = [path, "--headless", "--no-remote", "--remote-debugging-port=0", "--profile", str(profile)]
            self.process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)
        self.count = 0
        self.events: list[dict[str, Any]] = []
        try:
            self.socket: WebSocket = create_connection(self.address(), timeout=PATIENCE, suppress_origin=True)
            self.tell("session.new", capabilities={})
        except BaseException:
            self.process.kill()
            raise
        self.tell(
            "session.subscribe", events=["log.entryAdded", "network.beforeRequestSent", "network.responseCompleted"]
        )

    def address(self) -> str:
        """Return where Firefox listens, as soon as it says so. Raises Failed if it never does."""
        end = time.monotonic() + 2 * PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            if found := re.search(
                r"WebDriver BiDi listening on (ws://\S+)", self.said.read_text(errors="replace", encoding="utf-8")
            ):
                return f"{found[1]}/session"
            time.sleep(0.05)
        raise Failed(f"Firefox does not listen: {self.said.read_text(errors='replace', encoding='utf-8')[-500:]}")

    def tell(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result; what happens meanwhile goes to `events`. Raises Failed."""
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") != self.count:
                self.events.append(answer)
            elif answer["type"] == "error":
                raise Failed(f"{method}: {answer['message']}")
            else:
                return answer["result"]

    def tabs(self) -> list[str]:
        """List the windows and tabs that are open."""
        return [tab["context"] for tab in self.tell("browsingContext.getTree", maxDepth=0)["contexts"]]

    def close(self) -> None:
        """End this Firefox."""
        try:
            self.tell("browser.close")
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.socket.close()


class Tab:
    """A tab of a Firefox: the one named, or a new one of the size given."""

    def __init__(self, firefox: Firefox, name: str = "", width: int = 1280, height: int = 720) -> None:
        self.firefox = firefox
        self.name = name or firefox.tell("browsingContext.create", type="tab")["context"]
        if not name:
            self.tell("setViewport", viewport={"width": width, "height": height})

    def tell(self, command: str, **params: Any) -> dict[str, Any]:
        """Send a command about this tab."""
        return self.firefox.tell(f"browsingContext.{command}", context=self.name, **params)

    def go(self, address: str) -> None:
        """Load a page, to its end."""
        self.tell("navigate", url=address, wait="complete")

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression in the page, awaited, as JSON has it. Raises Failed if it raises."""
        expression = f"(async () => JSON.stringify([await ({script})]))()"
        target = {"context": self.name}
        answer = self.firefox.tell("script.evaluate", expression=expression, target=target, awaitPromise=True)
        if answer["type"] == "exception":
            raise Failed(f"{script}: {answer['exceptionDetails']['text']}")
        return json.loads(answer["result"]["value"])[0]

    def wait_for(self, script: str, patience: float = PATIENCE) -> Any:
        """Wait until an expression in the page is true; return its value. Raises AssertionError if it never is."""
        end = time.monotonic() + patience
        while True:
            try:
                value = self.evaluate(script)
            except Failed:  # the page is being replaced by another, or is not whole yet
                value = None
            if value:
                return value
            assert time.monotonic() < end, f"in Firefox, this never came true: {script}"
            time.sleep(0.05)

    def press(self, *keys: str) -> None:
        """Press keys one after the other; "Control+c" together."""
        actions = []
        for key in keys:
            parts = [KEYS.get(part, part) for part in key.split("+")] if len(key) > 1 else [key]
            actions += [{"type": "keyDown", "value": part} for part in parts]
            actions += [{"type": "keyUp", "value": part} for part in reversed(parts)]
        self.perform({"type": "key", "id": "keys", "actions": actions})

    def click(self, selector: str) -> None:
        """Click the middle of the first visible element that a selector finds."""
        box = self.wait_for(
            f"[...document.querySelectorAll({json.dumps(selector)})].filter(part => part.checkVisibility()).slice(0, 1)"
            ".map(part => (part.scrollIntoView({ block: 'center', behavior: 'instant' }), part.getClientRects()[0]))[0]"
        )
        self.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 100)))")  # drawn there by now
        self.drag((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2))

    def drag(self, *places: tuple[float, float]) -> None:
        """Press the mouse at the first place in the window, lead it through the others, and let it go."""
        moves = [{"type": "pointerMove", "x": int(x), "y": int(y)} for x, y in places]
        steps = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:], {"type": "pointerUp", "button": 0}]
        self.perform({"type": "pointer", "id": "mouse", "actions": steps})

    def perform(self, source: dict[str, Any]) -> None:
        """Let a device act."""
        self.firefox.tell("input.performActions", context=self.name, actions=[source])

    def pdf(self, width: float, height: float) -> bytes:
        """Print the page on paper of this size, in CSS pixels, without margins."""
        page = {"width": width / 96 * 2.54, "height": height / 96 * 2.54}
        margin = dict.fromkeys(("top", "right", "bottom", "left"), 0)
        data = self.tell("print", page=page, margin=margin, background=True, shrinkToFit=False)["data"]
        return base64.b64decode(data)
