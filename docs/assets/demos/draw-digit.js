// @ts-check
/**
 * <draw-digit src="outputs/deployment.safetensors">: draw a digit, and see what is done to it and what a CNN reads.
 * The weights are fetched with the first stroke. What computes is exported: tests/tools/test_demos.py compares it with PyTorch.
 *
 * @typedef {{ shape: number[], data: Float32Array }} Tensor  numbers in PyTorch's order
 * @typedef {{ kind: string, name?: string, kernel?: number, stride?: number, padding?: number }} Layer
 * @typedef {{ layers: Layer[], input: number[], box: number, mean: number, std: number }} About  what else the file says
 */
const HERE = import.meta.url;
const SIDE = 140, RADIUS = 5.5, STEP = 4; // of the drawing, of the pen, of an arrow key, in its pixels
const EACH = 3; // of MNIST's test images for each digit, in mnist.bin

/** Read a safetensors file: the length of a header in JSON, the header, and the numbers. */
export function safetensors(/** @type {ArrayBuffer} */ file) {
  const length = Number(new DataView(file).getBigUint64(0, true)), start = 8 + length;
  const { __metadata__: { about = "{}" } = {}, ...entries } = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, length)));
  /** @type {Record<string, Tensor>} */
  const weights = {};
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(entries)) {
    if (dtype === "F32") weights[name] = { shape, data: new Float32Array(file.slice(start + from, start + to)) };
  }
  return { weights, about: /** @type {About} */ (JSON.parse(about)) };
}

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

/** One sum of products for each filter and place, as nn.Conv2d makes it. */
export function conv2d(/** @type {Tensor} */ x, /** @type {Tensor} */ weight, /** @type {Tensor | undefined} */ bias, stride = 1, padding = 0) {
  const [channels, height, width] = x.shape, [filters, , kernel] = weight.shape;
  const rows = Math.floor((height + 2 * padding - kernel) / stride) + 1, columns = Math.floor((width + 2 * padding - kernel) / stride) + 1;
  const y = new Float32Array(filters * rows * columns);
  for (let f = 0; f < filters; f++) {
    const sums = new Float64Array(rows * columns).fill(bias?.data[f] ?? 0);
    for (let c = 0; c < channels; c++) for (let a = 0; a < kernel; a++) for (let b = 0; b < kernel; b++) {
      const w = weight.data[((f * channels + c) * kernel + a) * kernel + b];
      for (let i = 0; i < rows; i++) {
        const row = i * stride + a - padding;
        if (row < 0 || row >= height) continue;
        for (let j = 0; j < columns; j++) {
          const column = j * stride + b - padding;
          if (column >= 0 && column < width) sums[i * columns + j] += w * x.data[(c * height + row) * width + column];
        }
      }
    }
    y.set(sums, f * rows * columns);
  }
  return { shape: [filters, rows, columns], data: y };
}

/** The largest value of each window, as nn.MaxPool2d finds it. */
export function maxPool2d(/** @type {Tensor} */ x, kernel = 2, stride = kernel) {
  const [channels, height, width] = x.shape, rows = Math.floor((height - kernel) / stride) + 1, columns = Math.floor((width - kernel) / stride) + 1;
  const y = new Float32Array(channels * rows * columns).fill(-Infinity);
  for (let c = 0; c < channels; c++) for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) {
    const at = (c * rows + i) * columns + j;
    for (let a = 0; a < kernel; a++) for (let b = 0; b < kernel; b++) {
      y[at] = Math.max(y[at], x.data[(c * height + i * stride + a) * width + j * stride + b]);
    }
  }
  return { shape: [channels, rows, columns], data: y };
}

/** One sum of products for each neuron, as nn.Linear makes it. */
export function linear(/** @type {Tensor} */ x, /** @type {Tensor} */ weight, /** @type {Tensor | undefined} */ bias) {
  const [neurons, inputs] = weight.shape, y = new Float32Array(neurons);
  for (let n = 0; n < neurons; n++) {
    let sum = bias?.data[n] ?? 0;
    for (let i = 0; i < inputs; i++) sum += weight.data[n * inputs + i] * x.data[i];
    y[n] = sum;
  }
  return { shape: [neurons], data: y };
}

/**
 * Pass x (channels, height, width) through layers; return what each passes on.
 * @param {Layer[]} layers @param {Record<string, Tensor>} weights @param {Tensor} x
 */
export function forward(layers, weights, x) {
  return layers.map(({ kind, name, kernel, stride, padding }) => {
    const [weight, bias] = [weights[`${name}.weight`], weights[`${name}.bias`]];
    if (kind === "Conv2d") x = conv2d(x, weight, bias, stride, padding);
    else if (kind === "MaxPool2d") x = maxPool2d(x, kernel, stride);
    else if (kind === "Linear") x = linear(x, weight, bias);
    else if (kind === "ReLU") x = { shape: x.shape, data: x.data.map(value => Math.max(0, value)) };
    else if (kind === "Flatten") x = { shape: [x.data.length], data: x.data };
    else throw new Error(`there is no layer ${kind} here`);
    return x;
  });
}

/** Turn logits into probabilities. */
export function softmax(/** @type {Float32Array} */ logits) {
  const most = Math.max(...logits), parts = [...logits].map(logit => Math.exp(logit - most)), sum = parts.reduce((a, b) => a + b);
  return parts.map(part => part / sum);
}

/** Fetch a file of this site. What was opened without a server may fetch nothing: there a script beside the file holds its bytes. */
async function bytes(/** @type {URL} */ url) {
  if (url.protocol !== "file:") {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    return answer.arrayBuffer();
  }
  await new Promise((onload, onerror) => document.head.append(Object.assign(document.createElement("script"), { src: `${url}.js`, onload, onerror })));
  return Uint8Array.from(atob(/** @type {any} */ (globalThis).fileBytes), letter => letter.charCodeAt(0)).buffer;
}

const DIGITS = [...Array(10).keys()];
const PAGE = `<style>
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
.digits button { flex: 1; padding: 0; }
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
.steps { display: grid; grid-template-columns: repeat(auto-fit, minmax(6.8em, 1fr)); gap: .9em; }
.maps canvas { aspect-ratio: 1; border: 1px solid var(--rule); background: var(--md-default-bg-color); }
.frame { position: relative; display: grid; place-items: center; max-width: 8em; aspect-ratio: 1; color: var(--fig-orange); border: 1px solid var(--rule); background: var(--md-default-bg-color); }
.frame canvas { color: var(--fig-ink); }
li:nth-child(3) .frame::after { content: ""; position: absolute; inset: 0; background: linear-gradient(currentColor, currentColor) center / 1px 100% no-repeat, linear-gradient(currentColor, currentColor) center / 100% 1px no-repeat; }
.numbers { display: grid; grid-template-columns: repeat(4, 1fr); width: 100%; height: 100%; place-items: center; font-size: .75em; color: var(--fig-ink); font-variant-numeric: tabular-nums; }
.blank :is(.frame > *, .maps, .wide small) { visibility: hidden; }
.blank .frame::after { display: none; }
.steps b { display: block; margin-top: .3em; font-weight: 600; }
.steps small { display: block; min-height: 2.7em; }
.maps { display: grid; grid-template-columns: repeat(4, 1fr); gap: .4em; margin-top: .3em; color: var(--fig-blue); }
@container (min-width: 32em) { .all { grid-template-columns: 16em minmax(0, 1fr); } .maps { grid-template-columns: repeat(8, 1fr); } .wide { grid-column: 1 / -1; } }
@container (min-width: 48em) { .all { grid-template: auto 1fr / 13em 10.5em minmax(0, 1fr); column-gap: 1.5em; } .all > :nth-child(-n + 2) { grid-row: 1 / 3; } .wide { grid-column: 3; } .steps { gap: .6em; grid-template-columns: repeat(4, 1fr); } output { min-height: 2.7em; } }
</style>
<div class="all blank">
  <div>
    <div class="pad" tabindex="0" role="application" aria-label="Area to draw a digit in" aria-describedby="keys"><canvas width="${SIDE}" height="${SIDE}"></canvas><div class="hint">Draw a digit here</div><div class="pen"></div><small id="keys">Arrow keys move the pen, Space sets it down and lifts it, Delete clears.</small></div>
    <div class="row"><small>Or one of MNIST’s:</small><button class="clear">Clear</button></div>
    <div class="row digits" role="group" aria-label="Images of MNIST’s test set">${DIGITS.map(digit => `<button aria-label="An image of ${digit}">${digit}</button>`).join("")}</div>
  </div>
  <div>
    <output role="status"></output>
    <ol class="bars" aria-label="Probability of each digit">${DIGITS.map(digit => `<li><span>${digit}</span><i></i><span>–</span></li>`).join("")}</ol>
  </div>
  <ol class="steps wide">${["As it is drawn", "Cut out and scaled", "Centred by mass", "As numbers"].map((name, step) => `<li><div class="frame">${step < 3 ? "<canvas></canvas>" : '<div class="numbers"></div>'}</div><b>${name}</b><small></small></li>`).join("")}</ol>
  <div class="wide"><b>Feature maps of the first layer</b> <small class="about"></small><div class="maps">${"<canvas></canvas>".repeat(8)}</div></div>
</div>`;

/** Paint numbers as intensities, up to `most`, in the colour of the canvas. */
function show(/** @type {HTMLCanvasElement} */ canvas, /** @type {ArrayLike<number>} */ data, width = 28, most = 1) {
  const image = new ImageData(width, data.length / width), [red, green, blue] = (getComputedStyle(canvas).color.match(/[\d.]+/g) ?? []).map(Number);
  for (let at = 0; at < data.length; at++) image.data.set([red, green, blue, 255 * data[at] / most], 4 * at);
  [canvas.width, canvas.height] = [width, image.height];
  const drawn = canvas.getContext("2d");
  drawn?.putImageData(image, 0, 0);
  return drawn;
}

class DrawDigit extends (globalThis.HTMLElement ?? Object) {
  intensity = new Float32Array(SIDE * SIDE);
  side = SIDE; // until an image of MNIST lies there
  pen = [SIDE / 2, SIDE / 2];
  down = false;
  turn = 0;
  /** @type {Promise<ReturnType<typeof safetensors>> | undefined} */ network;
  /** @type {Promise<ArrayBuffer> | undefined} */ examples;
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
    root.innerHTML = PAGE;
    this.dataset.preventSwipe = ""; // in a deck, what is drawn turns no slide
    root.addEventListener("keydown", event => this.typed(/** @type {KeyboardEvent} */ (event)));
    root.addEventListener("click", event => {
      const button = /** @type {HTMLElement} */ (event.target).closest("button");
      if (button?.className) this.clear();
      else if (button) this.take(Number(button.textContent));
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
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
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

  /** Take the next of MNIST's images of a digit. */
  async take(/** @type {number} */ digit) {
    try {
      this.examples ??= bytes(new URL("mnist.bin", HERE));
      const image = new Uint8Array(await this.examples, 784 * (EACH * digit + this.turn++ % EACH), 784);
      [this.intensity, this.side] = [Float32Array.from(image, value => value / 255), 28];
      this.paint();
    } catch (error) {
      this.examples = undefined;
      this.say(`The images cannot be fetched: ${error.message}.`);
    }
  }

  /** Say what has been found, once the hand rests. */
  say(words = "") {
    clearTimeout(this.later);
    this.later = setTimeout(() => (this.all("output")[0].textContent = words), 300);
  }

  async paint() {
    this.frame = undefined;
    const [area] = this.all(".pad canvas"), blank = !this.intensity.some(Boolean);
    show(area, this.intensity, this.side);
    this.all(".all")[0].classList.toggle("blank", blank);
    if (blank) return this.tell(DIGITS.map(() => NaN));
    try {
      this.network ??= bytes(new URL(this.getAttribute("src") ?? "", document.baseURI)).then(safetensors);
      const { weights, about } = await this.network, steps = preprocess(this.intensity, this.side, about);
      if (!steps) return;
      const passed = forward(about.layers, weights, { shape: about.input.slice(1), data: steps.input });
      this.follow(steps, about);
      this.map(passed[Number(about.layers[1].kind === "ReLU")]);
      this.tell(softmax(passed[passed.length - 1].data));
    } catch (error) {
      this.network = undefined; // the next stroke tries again
      this.say(`The network’s weights cannot be fetched: ${error.message}.`);
    }
  }

  /** Show the steps of the preprocessing. @param {NonNullable<ReturnType<typeof preprocess>>} steps @param {About} about */
  follow({ box, fitted, centred, down, over, input }, { input: [, , , size], mean, std }) {
    const [drawn, cut, middle] = this.all(".steps canvas"), [numbers] = this.all(".numbers"), words = this.all(".steps small");
    const frame = show(drawn, this.intensity, this.side);
    if (frame) {
      frame.strokeStyle = getComputedStyle(this.all(".frame")[0]).color;
      frame.lineWidth = this.side / 70;
      frame.strokeRect(box.left, box.top, box.wide, box.tall);
    }
    show(cut, fitted.data, fitted.columns);
    cut.style.width = `${100 * fitted.columns / size}%`;
    show(middle, centred, size);
    const first = size / 2 - 2, sign = (/** @type {number} */ number, digits = 1) => number.toFixed(digits).replace(/^-(?=.*[1-9])/, "−").replace("-", "");
    numbers.innerHTML = [0, 1, 2, 3].flatMap(i => [0, 1, 2, 3].map(j => `<span>${sign(input[(first + i) * size + first + j])}</span>`)).join("");
    [
      `a box of ${box.wide} × ${box.tall} pixels holds the foreground`,
      `to ${fitted.columns} × ${fitted.rows} pixels, its shape kept`,
      `in ${size} × ${size} pixels, from column ${over}, row ${down}`,
      `background ${sign(-mean / std, 2)}, foreground ${sign((1 - mean) / std, 2)}: the middle 16 of ${size * size}`,
    ].forEach((text, place) => (words[place].textContent = text));
  }

  /** Show feature maps, each in its place. */
  map(/** @type {Tensor} */ { shape: [filters, rows, columns], data }) {
    const [maps] = this.all(".maps"), most = Math.max(1e-6, ...data);
    if (maps.children.length !== filters) maps.innerHTML = "<canvas></canvas>".repeat(filters);
    [...maps.children].forEach((canvas, place) => show(canvas, data.subarray(place * rows * columns, (place + 1) * rows * columns), columns, most));
    this.all(".about")[0].textContent = `${filters} of ${rows} × ${columns}; the stronger the blue, the larger the activation`;
  }

  /** Show and say the probabilities. */
  tell(/** @type {number[]} */ probabilities) {
    const most = Math.max(...probabilities), best = probabilities.indexOf(most);
    this.all(".bars li").forEach((row, digit) => {
      row.classList.toggle("best", digit === best);
      row.style.setProperty("--p", probabilities[digit] || 0);
      row.lastChild.textContent = best < 0 ? "–" : probabilities[digit].toFixed(3);
    });
    this.say(best < 0 ? "" : `A ${best}, with probability ${most.toFixed(3)}`);
  }
}

globalThis.customElements?.define("draw-digit", DrawDigit);
