"""Take the README's picture from the built site: `python -m tools.screenshot`."""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tools.browser import launch, serve

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Photograph the page of the lecture on the neuron, in few colours so that it stays small."""
    with serve(ROOT / "site") as base, sync_playwright() as playwright:
        page = launch(playwright).new_page(viewport={"width": 1280, "height": 1180})
        page.goto(f"{base}/lectures/perceptron/", wait_until="networkidle")
        shot = Image.open(io.BytesIO(page.screenshot()))
    shot.convert("RGB").quantize(96).save(ROOT / ".github" / "screenshot.png", optimize=True)


if __name__ == "__main__":
    main()
