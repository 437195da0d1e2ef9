// @ts-check
/**
 * <draw-digit src="outputs/deployment.safetensors">: draw a digit, and see what is done to it and what a CNN reads.
 * The weights are fetched with the first stroke.
 *
 * @typedef {import("./networks.js").Tensor} Tensor
 * @typedef {import("./networks.js").About} About
 */
import { Drawn, pad, preprocess, show, STYLE } from "./drawing.js";
import { bytes, forward, safetensors, softmax } from "./networks.js";

const HERE = import.meta.url;
const EACH = 3; // of MNIST's test images for each digit, in mnist.bin
const DIGITS = [...Array(10).keys()];
const PAGE = `<style>${STYLE}
.digits button { flex: 1; padding: 0; }
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
    ${pad("a digit")}
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

class DrawDigit extends Drawn {
  page = PAGE;
  turn = 0;
  /** @type {Promise<ReturnType<typeof safetensors>> | undefined} */ network;
  /** @type {Promise<ArrayBuffer> | undefined} */ examples;

  press(/** @type {HTMLElement} */ button) {
    if (button.className) this.clear();
    else this.take(Number(button.textContent));
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

  async paint() {
    if (this.blank()) return this.tell(DIGITS.map(() => NaN));
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
