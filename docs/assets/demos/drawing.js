// @ts-check
/**
 * What demos share that are drawn in: a drawing area for mouse, finger and keys, and what makes a drawing an input as MNIST's were made.
 * tests/tools/test_demos.py compares it with a twin in Python.
 *
 * @typedef {import("./networks.js").About} About
 */
export const SIDE = 140; // of the drawing, in its pixels
const RADIUS = 5.5, STEP = 4; // of the pen, of an arrow key

/** Set the `intensity` of pixels along a line with a round pen. */
export function stroke(/** @type {Float32Array} */ intensity, /** @type {number[]} */ [x0, y0], /** @type {number[]} */ [x1, y1], side = SIDE, radius = RADIUS) {
  const dx = x1 - x0, dy = y1 - y0, length = dx * dx + dy * dy || 1, reach = radius + 1;
  const [left, right, top, bottom] = [Math.min(x0, x1) - reach, Math.max(x0, x1) + reach, Math.min(y0, y1) - reach, Math.max(y0, y1) + reach];
  for (let y = Math.max(0, Math.floor(top)); y < Math.min(side, bottom); y++) {
    for (let x = Math.max(0, Math.floor(left)); x < Math.min(side, right); x++) {
      const along = Math.min(1, Math.max(0, ((x + 0.5 - x0) * dx + (y + 0.5 - y0) * dy) / length));
      const far = Math.hypot(x + 0.5 - x0 - along * dx, y + 0.5 - y0 - along * dy);
      intensity[y * side + x] = Math.max(intensity[y * side + x], Math.min(1, Math.max(0, radius + 0.5 - far)));
    }
  }
}

/** Round to the nearest whole number, and halves to an even one, as Python does. */
const round = (/** @type {number} */ value) => Math.round(value) - Number(value % 1 === 0.5 && Math.round(value) % 2);

/** Which share each of `old` pixels has in each of `size` new ones, as PyTorch interpolates them: [new, old, share]. */
function shares(/** @type {number} */ old, /** @type {number} */ size) {
  const /** @type {number[][]} */ found = [], step = old / size, reach = Math.max(1, step);
  for (let i = 0; i < size; i++) {
    const middle = step * (i + 0.5), from = Math.max(0, Math.floor(middle - reach + 0.5)), to = Math.min(old, Math.floor(middle + reach + 0.5));
    const parts = Array.from({ length: to - from }, (_, j) => Math.max(0, 1 - Math.abs(from + j + 0.5 - middle) / reach));
    const whole = parts.reduce((a, b) => a + b);
    parts.forEach((part, j) => found.push([i, from + j, part / whole]));
  }
  return found;
}

/**
 * Make a drawing an input as MNIST's were made: cut to its box, scaled to fit into `box` pixels, moved until its centre
 * of mass is in the middle of the image. An image of MNIST stays as it is. Returns null if nothing is drawn.
 * @param {Float32Array} intensity  from 0, the background, to 1 @param {number} width  of the drawing @param {About} about
 */
export function preprocess(intensity, width, { input: [, , , size], box, mean, std }) {
  let top = Infinity, left = width, bottom = -1, right = -1;
  intensity.forEach((value, at) => {
    if (!value) return;
    const x = at % width, y = (at - x) / width;
    [top, bottom, left, right] = [Math.min(top, y), y, Math.min(left, x), Math.max(right, x)];
  });
  if (bottom < 0) return null;
  const tall = bottom - top + 1, wide = right - left + 1, scale = box / Math.max(tall, wide);
  const rows = Math.max(1, round(tall * scale)), columns = Math.max(1, round(wide * scale));
  const fitted = new Float64Array(rows * columns), across = shares(wide, columns);
  for (const [i, y, part] of shares(tall, rows)) {
    for (const [j, x, share] of across) fitted[i * columns + j] += part * share * intensity[(top + y) * width + left + x];
  }
  let mass = 0, massX = 0, massY = 0;
  fitted.forEach((value, at) => {
    mass += value;
    massX += value * (at % columns);
    massY += value * Math.floor(at / columns);
  });
  const down = round(size / 2 - massY / mass), over = round(size / 2 - massX / mass), centred = new Float32Array(size * size);
  fitted.forEach((value, at) => {
    const row = down + Math.floor(at / columns), column = over + at % columns;
    if (row >= 0 && row < size && column >= 0 && column < size) centred[row * size + column] = value;
  });
  const input = centred.map(value => (value - mean) / std);
  return { box: { top, left, tall, wide }, fitted: { rows, columns, data: fitted }, centred, down, over, input };
}

/** What a drawing area looks like, and what stands beside it. */
export const STYLE = `
:host { display: block; container-type: inline-size; line-height: 1.35; color: var(--fig-ink); --quiet: var(--md-default-fg-color--light); --edge: var(--md-default-fg-color--lighter); }
* { box-sizing: border-box; margin: 0; padding: 0; }
.all { display: grid; gap: 1.2em 2em; grid-template-columns: minmax(0, 1fr); padding: 1.1em; border: 1px solid var(--rule); border-radius: .6em; background: var(--raised); }
canvas { display: block; width: 100%; image-rendering: pixelated; }
.pad { position: relative; width: 100%; max-width: 20em; aspect-ratio: 1; border: 1px solid var(--edge); border-radius: .4em; background: var(--md-default-bg-color); touch-action: none; cursor: crosshair; user-select: none; -webkit-user-select: none; overflow: hidden; }
.pad canvas { image-rendering: auto; height: 100%; }
.pad:focus-visible, button:focus-visible { outline: 2px solid var(--md-accent-fg-color); outline-offset: 2px; }
.hint { display: none; position: absolute; inset: 44% 0 0; text-align: center; color: var(--quiet); pointer-events: none; }
.blank .hint { display: block; }
.pen { display: none; position: absolute; width: 7.9%; height: 7.9%; translate: -50% -50%; border: 2px solid var(--md-accent-fg-color); border-radius: 50%; pointer-events: none; }
.pad:focus-visible .pen { display: block; }
.pen.down { background: var(--md-accent-fg-color); }
#keys { display: none; position: absolute; inset: auto .5em .3em; text-align: center; pointer-events: none; }
.pad:focus-visible #keys { display: block; }
.row { display: flex; align-items: center; gap: .15em; margin-top: .5em; max-width: 20em; }
button { min-width: 24px; min-height: 1.9em; padding: .1em .4em; border: 1px solid var(--edge); border-radius: .35em; background: none; color: inherit; font: inherit; font-variant-numeric: tabular-nums; cursor: pointer; }
button:hover { border-color: var(--md-accent-fg-color); color: var(--md-accent-fg-color); }
.clear { margin-left: auto; padding-inline: .8em; }
small { font-size: .82em; color: var(--quiet); }
ol { list-style: none; }
.bars li { display: grid; grid-template-columns: 1em 1fr 2.9em; gap: .4em; align-items: center; line-height: 1.45; font-variant-numeric: tabular-nums; }
.bars i { height: .8em; border-radius: .15em; forced-color-adjust: none; }
.bars i::before { content: ""; display: block; width: calc(100% * var(--p, 0)); min-width: 2px; height: 100%; border-radius: inherit; background: var(--fig-blue); }
.bars span:last-child { text-align: right; }
.bars .best { font-weight: 700; }
.bars .best i::before { background: var(--fig-orange); }
output { display: block; min-height: 1.35em; margin-bottom: .4em; font-size: 1.15em; font-weight: 650; }
`;

/** A drawing area, in HTML. */
export const pad = (/** @type {string} */ what, more = "") => `<div class="pad" tabindex="0" role="application" aria-label="Area to draw ${what} in" aria-describedby="keys"><canvas width="${SIDE}" height="${SIDE}"></canvas><div class="hint">Draw ${what} here</div><div class="pen"></div><small id="keys">Arrow keys move the pen, Space sets it down and lifts it, Delete clears${more}.</small></div>`;

/** Paint numbers as intensities, up to `most`, in the colour of the canvas. */
export function show(/** @type {HTMLCanvasElement} */ canvas, /** @type {ArrayLike<number>} */ data, width = 28, most = 1) {
  const image = new ImageData(width, data.length / width), [red, green, blue] = (getComputedStyle(canvas).color.match(/[\d.]+/g) ?? []).map(Number);
  for (let at = 0; at < data.length; at++) image.data.set([red, green, blue, 255 * data[at] / most], 4 * at);
  [canvas.width, canvas.height] = [width, image.height];
  const drawn = canvas.getContext("2d");
  drawn?.putImageData(image, 0, 0);
  return drawn;
}

/** A demo with a drawing area: its `page` is its HTML, `press` answers a button, `paint` shows what follows from the drawing. */
export class Drawn extends (globalThis.HTMLElement ?? Object) {
  page = "";
  intensity = new Float32Array(SIDE * SIDE);
  side = SIDE; // until an image lies there
  pen = [SIDE / 2, SIDE / 2];
  down = false;
  /** @type {number | undefined} */ frame;

  connectedCallback() {
    if (!this.shadowRoot) this.build(this.attachShadow({ mode: "open" }));
    this.watch = new MutationObserver(() => this.paint()); // a canvas takes no colours by itself
    this.watch.observe(document.body, { attributeFilter: ["data-md-color-scheme"] });
  }

  disconnectedCallback() {
    this.watch?.disconnect();
  }

  /** @returns {any[]} */
  all(/** @type {string} */ selector) {
    return [...(this.shadowRoot?.querySelectorAll(selector) ?? [])];
  }

  build(/** @type {ShadowRoot} */ root) {
    root.innerHTML = this.page;
    this.dataset.preventSwipe = ""; // in a deck, what is drawn turns no slide
    root.addEventListener("keydown", event => this.typed(/** @type {KeyboardEvent} */ (event)));
    root.addEventListener("click", event => {
      const button = /** @type {HTMLElement} */ (event.target).closest("button");
      if (button) this.press(button);
      if (/** @type {MouseEvent} */ (event).detail) button?.blur(); // pressed by a pointer, it must not catch the next key
    });
    const [pad] = this.all(".pad");
    let held = NaN;
    const at = (/** @type {PointerEvent} */ event) => {
      const { left, top, width, height } = pad.getBoundingClientRect();
      return [(event.clientX - left) * SIDE / width, (event.clientY - top) * SIDE / height];
    };
    pad.addEventListener("mousedown", (/** @type {Event} */ event) => event.preventDefault()); // nor must the drawing area
    pad.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      if (event.button || !Number.isNaN(held)) return;
      pad.setPointerCapture(held = event.pointerId);
      this.draw(at(event));
    });
    pad.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (event.pointerId !== held) return;
      for (const each of [...event.getCoalescedEvents?.() ?? [], event]) this.draw(at(each), this.pen);
    });
    for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, () => (held = NaN));
  }

  typed(/** @type {KeyboardEvent} */ event) {
    const { key, shiftKey, ctrlKey, metaKey, altKey } = event;
    if (ctrlKey || metaKey || altKey || /^(Tab|Page.*|F\d+)$/.test(key) || (key === "Escape" && !this.down)) return;
    event.stopPropagation(); // in a deck, these keys turn slides
    if (!(/** @type {HTMLElement} */ (event.target).matches(".pad"))) return;
    const way = /** @type {Record<string, number[]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] })[key];
    if (!way && ![" ", "Escape", "Delete", "Backspace"].includes(key)) return;
    event.preventDefault();
    const before = this.pen;
    if (way) this.pen = before.map((place, axis) => Math.min(SIDE, Math.max(0, place + way[axis] * (shiftKey ? 1 : STEP))));
    else if (key === " " || key === "Escape") this.down = key === " " && !this.down;
    else this.clear();
    if (this.down) this.draw(this.pen, before);
    const [pen] = this.all(".pen");
    pen.classList.toggle("down", this.down);
    [pen.style.left, pen.style.top] = this.pen.map(place => `${100 * place / SIDE}%`);
  }

  draw(to = this.pen, from = to) {
    if (this.side !== SIDE) this.clear();
    stroke(this.intensity, from, this.pen = to);
    this.frame ??= requestAnimationFrame(() => this.paint());
  }

  clear() {
    this.intensity = new Float32Array(SIDE * SIDE);
    [this.side, this.down] = [SIDE, false];
    this.paint();
  }

  /** Say what has been found, once the hand rests. */
  say(words = "") {
    clearTimeout(this.later);
    this.later = setTimeout(() => (this.all("output")[0].textContent = words), 300);
  }

  /** Show the drawing; return whether there is none. */
  blank() {
    const [area] = this.all(".pad canvas"), blank = !this.intensity.some(Boolean);
    this.frame = undefined;
    show(area, this.intensity, this.side);
    this.all(".all")[0].classList.toggle("blank", blank);
    return blank;
  }

  press(/** @type {HTMLElement} */ _button) {}

  async paint() {}
}
