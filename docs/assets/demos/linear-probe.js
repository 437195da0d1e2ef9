// @ts-check
/**
 * <linear-probe src="outputs/pretrained.safetensors">: two linear heads learn classes of the reader's own from a few drawings, one from
 * the features of a frozen backbone, one from the raw pixels. The weights are fetched with the first stroke.
 *
 * @typedef {import("./networks.js").Tensor} Tensor
 * @typedef {import("./networks.js").Layer} Layer
 * @typedef {ArrayLike<number>[]} Example  what each head is given of an image: features, pixels
 * @typedef {{ mean: number[], scale: number, weight: number[][], bias: number[] }} Head
 */
import { Drawn, pad, preprocess, show, SIDE, stroke, STYLE } from "./drawing.js";
import { bytes, forward, safetensors, softmax } from "./networks.js";

const HERE = import.meta.url;
const SMALL = 12; // pixels: the side of an image that the backbone is given
const MOST = 10, POOL = 30, TEST = 20; // examples of a class; of the ready-made images of a class, to draw them from, and to test on
const DRAWS = 50;
const CLASSES = ["A", "B", "C"];
const HEADS = ["Features of the pre-trained network", "Raw pixels"];

const stage = (/** @type {number} */ first) => [
  { kind: "Conv2d", name: `backbone.${first}`, padding: 1 },
  { kind: "BatchNorm2d", name: `backbone.${first + 1}` },
  { kind: "ReLU" },
];
/** The backbone of code/transfer.py. @type {Layer[]} */
export const BACKBONE = [...stage(0), { kind: "MaxPool2d" }, ...stage(4), { kind: "MaxPool2d" }, ...stage(8), { kind: "AdaptiveAvgPool2d" }, { kind: "Flatten" }];

/** What the heads are given of an image of 12 x 12 pixels: the backbone's features, and the pixels. */
export function encode(/** @type {Record<string, Tensor>} */ weights, /** @type {Float32Array} */ image) {
  return [forward(BACKBONE, weights, { shape: [1, SMALL, SMALL], data: image })[BACKBONE.length - 1].data, image];
}

/** Bring an image of 28 x 28 pixels to 12 x 12, as code/transfer.py does: without a border of 2, means of 2 by 2. */
export function shrink(/** @type {ArrayLike<number>} */ image) {
  return Float32Array.from({ length: SMALL * SMALL }, (_, at) => {
    const corner = 28 * (2 + 2 * Math.floor(at / SMALL)) + 2 + 2 * (at % SMALL);
    return (image[corner] + image[corner + 1] + image[corner + 28] + image[corner + 29]) / 4;
  });
}

/**
 * Train softmax regression: from zero weights, by gradient descent on the mean cross-entropy of all examples. First the mean of the
 * examples is subtracted, and they are divided by one number, so that their mean squared length is 1.
 * @param {ArrayLike<number>[]} x @param {number[]} y  a class for each
 * @returns {Head}
 */
export function train(x, y, classes = Math.max(...y) + 1, steps = 100, rate = 1) {
  const mean = Array.from(x[0], (_, i) => x.reduce((sum, each) => sum + each[i], 0) / x.length);
  const moved = x.map(each => mean.map((middle, i) => each[i] - middle));
  const scale = Math.sqrt(moved.flat().reduce((sum, value) => sum + value * value, 0) / x.length) || 1;
  const inputs = moved.map(each => each.map(value => value / scale));
  const weight = Array.from({ length: classes }, () => mean.map(() => 0)), bias = weight.map(() => 0);
  for (let step = 0; step < steps; step++) {
    const gradients = inputs.map((input, n) => softmax(logits(weight, bias, input)).map((p, c) => (p - Number(c === y[n])) / x.length)); // by the logits
    inputs.forEach((input, n) => weight.forEach((row, c) => {
      for (let i = 0; i < row.length; i++) row[i] -= rate * gradients[n][c] * input[i];
      bias[c] -= rate * gradients[n][c];
    }));
  }
  return { mean, scale, weight, bias };
}

function logits(/** @type {number[][]} */ weight, /** @type {number[]} */ bias, /** @type {number[]} */ input) {
  return weight.map((row, c) => {
    let sum = bias[c];
    for (let i = 0; i < row.length; i++) sum += row[i] * input[i];
    return sum;
  });
}

/** The probability of each class. */
export function predict(/** @type {Head} */ { mean, scale, weight, bias }, /** @type {ArrayLike<number>} */ x) {
  return softmax(logits(weight, bias, mean.map((middle, i) => (x[i] - middle) / scale)));
}

const largest = (/** @type {number[]} */ values) => values.indexOf(Math.max(...values));

/** Train both heads on examples of each class. */
const trainBoth = (/** @type {Example[][]} */ examples) => HEADS.map((_, h) => train(examples.flat().map(each => each[h]), examples.flatMap((some, c) => some.map(() => c))));

/** How many test images each head classifies correctly. */
const countRight = (/** @type {Head[]} */ heads, /** @type {Example[][]} */ tests) =>
  heads.map((head, h) => tests.flatMap((some, c) => some.filter(each => largest(predict(head, each[h])) === c)).length);

/** Numbers between 0 and 1, the same for the same seed. */
export function uniform(seed = 1) {
  return () => (seed = seed * 48271 % 2147483647) / 2147483647;
}

/** Draw `many` of the first numbers from 0, each at most once. */
function choose(/** @type {() => number} */ random, many = POOL) {
  const rest = [...Array(POOL).keys()];
  return Array.from({ length: many }, () => rest.splice(Math.floor(random() * rest.length), 1)[0]);
}

/**
 * The share of test images that each head classifies correctly, as a mean over draws of `each` examples of every class.
 * @param {Example[][]} pool @param {Example[][]} tests
 */
export function measure(pool, tests, each = 1, draws = DRAWS, random = uniform()) {
  const right = [0, 0];
  for (let draw = 0; draw < draws; draw++) {
    const heads = trainBoth(pool.map(some => choose(random, each).map(at => some[at])));
    countRight(heads, tests).forEach((count, h) => (right[h] += count));
  }
  return right.map(count => count / draws / tests.flat().length);
}

/** @type {Record<string, number[][]>} */
const SHAPES = {
  triangle: [[0, -1], [1, 1], [-1, 1], [0, -1]],
  heart: [[0, 1], [-0.7, 0.3], [-1, -0.3], [-0.9, -0.7], [-0.5, -0.9], [-0.2, -0.8], [0, -0.5], [0.2, -0.8], [0.5, -0.9], [0.9, -0.7], [1, -0.3], [0.7, 0.3], [0, 1]],
  star: [0, 1, 2, 3, 4, 5].map(k => [Math.sin(0.8 * Math.PI * k), -Math.cos(0.8 * Math.PI * k)]),
};

/** Draw a line as a hand might: turned, stretched, slanted and warped at random. */
export function scribble(/** @type {number[][]} */ line, /** @type {() => number} */ random) {
  const within = (/** @type {number} */ most) => most * (2 * random() - 1);
  const angle = within(0.3), wide = Math.exp(within(0.25)), tall = Math.exp(within(0.25)), slant = within(0.25), radius = 5.5 + within(1.5);
  const waves = [2, 3, 2, 3].map(often => ({ often, high: within(0.12), from: within(Math.PI) }));
  const warp = (/** @type {number} */ wave, /** @type {number} */ at) => waves[wave].high * Math.sin(waves[wave].often * at + waves[wave].from);
  const place = (/** @type {number} */ x, /** @type {number} */ y) => {
    const down = tall * (y + warp(0, x) + warp(1, y)), over = wide * (x + warp(2, y) + warp(3, x)) + slant * down;
    return [SIDE / 2 + 32 * (Math.cos(angle) * over - Math.sin(angle) * down), SIDE / 2 + 32 * (Math.sin(angle) * over + Math.cos(angle) * down)];
  };
  const intensity = new Float32Array(SIDE * SIDE), parts = 5;
  for (let at = 0; at < parts * (line.length - 1); at++) {
    const [from, to] = [at, at + 1].map(step => {
      const start = Math.min(Math.floor(step / parts), line.length - 2), share = step / parts - start;
      return place(...(/** @type {[number, number]} */ (line[start].map((value, axis) => value + share * (line[start + 1][axis] - value)))));
    });
    stroke(intensity, from, to, SIDE, radius);
  }
  return intensity;
}

/** Make a drawing of `width` pixels an image of 12 x 12, by way of 28 x 28 as MNIST's were made; null if nothing is drawn. */
export function prepare(/** @type {Float32Array} */ intensity, width = SIDE) {
  if (width === SMALL) return intensity;
  const steps = preprocess(intensity, width, { layers: BACKBONE, input: [0, 1, 28, 28], box: 20, mean: 0, std: 1 });
  return steps && shrink(steps.centred);
}

/** The ready-made images, 50 of each of three classes; the last 20 are test images. @type {Record<string, { names: string[], images: () => Promise<Float32Array[]> }>} */
export const SETS = {
  digits: {
    names: ["3", "5", "8"],
    images: async () => {
      const all = Float32Array.from(new Uint8Array(await bytes(new URL("digits.bin", HERE))), value => value / 255);
      return Array.from({ length: 3 * (POOL + TEST) }, (_, at) => all.subarray(SMALL * SMALL * at, SMALL * SMALL * (at + 1)));
    },
  },
  shapes: {
    names: Object.keys(SHAPES),
    images: async () => {
      const random = uniform(7);
      return Object.values(SHAPES).flatMap(line => Array.from({ length: POOL + TEST }, () => /** @type {Float32Array} */ (prepare(scribble(line, random)))));
    },
  },
};

/** Encode the ready-made images of a set, and split them by class into those to draw examples from and test images. */
export function split(/** @type {Float32Array[]} */ images, /** @type {Record<string, Tensor>} */ weights) {
  const all = images.map(image => encode(weights, image));
  const part = (/** @type {number} */ from, /** @type {number} */ to) => CLASSES.map((_, c) => all.slice(c * (POOL + TEST) + from, c * (POOL + TEST) + to));
  return { pool: part(0, POOL), tests: part(POOL, POOL + TEST) };
}

const PAGE = `<style>${STYLE}
.bars li { grid-template-columns: 5.2em 1fr 2.9em; }
output { min-height: 5.4em; margin: 0 0 .6em; font-size: 1em; }
.heads { display: grid; gap: .8em 1.6em; }
.heads b { font-weight: 600; }
.row { gap: .3em; }
.row [data-do=add] { flex: 1; }
ul { list-style: none; display: grid; gap: .3em; }
.classes { margin-top: .8em; }
.classes li { display: grid; grid-template-columns: .9em 1fr; align-items: center; gap: .3em; min-height: 1.9em; }
.thumbs { display: flex; gap: .15em; }
.thumbs button { flex: 0 1 1.9em; min-width: 24px; min-height: 24px; height: 1.9em; padding: 1px; background: var(--md-default-bg-color); }
.thumbs button:is(:hover, :focus-visible) canvas { opacity: .35; }
.ready { display: flex; flex-wrap: wrap; gap: .4em; margin-top: .8em; }
.ready span { width: 100%; }
@container (min-width: 32em) { .all { grid-template-columns: 14em minmax(0, 1fr); } .wide { grid-column: 1 / -1; } output { min-height: 4.05em; } }
@container (min-width: 48em) {
  .all { grid-template: auto 1fr / 13.2em minmax(0, 1fr); gap: .8em 1.8em; } .all > :first-child { grid-row: 1 / 3; } .wide { grid-column: 2; }
  .heads { grid-template-columns: 1fr 1fr; } .ready { margin-top: .6em; } output { min-height: 2.7em; }
}
</style>
<div class="all blank">
  <div>
    ${pad("a shape or a letter", ", A, B and C add the drawing to a class")}
    <div class="row"><span>Add to</span>${CLASSES.map((letter, c) => `<button data-do="add" value="${c}" aria-label="Add to class ${letter}">${letter}</button>`).join("")}<button class="clear" data-do="clear">Clear</button></div>
    <div class="ready" role="group" aria-label="Ready-made examples"><span>Or one more of each:</span>
      <button data-do="take" value="digits">MNIST’s 3, 5, 8</button><button data-do="take" value="shapes">shapes</button>
      <button data-do="mean">Mean of ${DRAWS} draws</button><button data-do="forget">Reset</button></div>
  </div>
  <div>
    <output role="status">Draw something, and add it to class A.</output>
    <div class="heads">${HEADS.map((name, h) => `<div><b>${name}</b>
      <ol class="bars" aria-label="Probability of each class. ${name}">${CLASSES.map(letter => `<li><span>${letter}</span><i></i><span>–</span></li>`).join("")}</ol>
      <small>${[32, 144][h]} numbers. Test images right: <span class="right">–</span></small></div>`).join("")}</div>
    <ul class="classes">${CLASSES.map((letter, c) => `<li>${letter}<div class="thumbs" role="group" aria-label="Examples of class ${letter}"></div></li>`).join("")}</ul>
  </div>
  <small class="wide">Each head is softmax regression: zero weights at first, then 100 steps of gradient descent on all examples, learning rate 1, no weight
    decay. The inputs of both are standardised alike: the mean of the examples is subtracted, and all is divided by one number, so that the mean squared length is
    1. Every image is brought to 12 × 12 pixels. The backbone was pre-trained on all ten digits, but on none of these images. A program drew the shapes.</small>
</div>`;

class LinearProbe extends Drawn {
  page = PAGE;
  /** @type {Example[][]} */ examples = CLASSES.map(() => []);
  /** @type {number[]} */ classes = []; // those that the heads know
  /** @type {Head[] | undefined} */ heads;
  random = uniform();
  /** @type {number[][]} */ order = []; // in which the ready-made images are taken
  taken = 0; // of each class
  news = "";
  /** @type {string | undefined} */ set;
  /** @type {ReturnType<typeof split> | undefined} */ ready; // the images of the set
  /** @type {Promise<ReturnType<typeof safetensors>> | undefined} */ network;

  press(/** @type {HTMLElement} */ button) {
    const { dataset: { do: what }, value } = /** @type {HTMLButtonElement} */ (button);
    if (what === "clear") this.clear();
    else if (what === "add") this.add(Number(value));
    else if (what === "take") this.take(value);
    else if (what === "mean") this.repeat();
    else if (what === "forget") this.forget();
    else this.drop(button);
  }

  typed(/** @type {KeyboardEvent} */ event) {
    const c = CLASSES.indexOf(event.key.toUpperCase()), free = !(event.ctrlKey || event.metaKey || event.altKey);
    if (free && c >= 0 && /** @type {HTMLElement} */ (event.target).matches(".pad")) this.add(c);
    super.typed(event);
  }

  draw(to = this.pen, from = to) {
    this.news = "";
    super.draw(to, from);
  }

  clear() {
    this.news = "";
    super.clear();
  }

  name(/** @type {number} */ c) {
    return this.set ? SETS[this.set].names[c] : CLASSES[c];
  }

  /** The backbone's weights, or null where they cannot be fetched, which is told. */
  async weights() {
    try {
      this.network ??= bytes(new URL(this.getAttribute("src") ?? "", document.baseURI)).then(safetensors);
      return (await this.network).weights;
    } catch (error) {
      this.network = undefined; // the next try asks again
      this.say(`The network’s weights cannot be fetched: ${error.message}.`);
      return null;
    }
  }

  /** Add the drawing to a class. */
  async add(/** @type {number} */ c) {
    const image = prepare(this.intensity, this.side), weights = image && await this.weights();
    if (!image) this.say("Nothing is drawn yet.");
    else if (weights && this.examples[c].length >= MOST) this.say(`Class ${CLASSES[c]} has ${MOST} examples already.`);
    else if (weights) {
      this.examples[c].push(encode(weights, image));
      this.clear();
      this.learn();
    }
  }

  /** Take one more ready-made example of each class, and lay a test image into the drawing area. */
  async take(/** @type {string} */ set) {
    if (!this.set && this.examples.flat().length) return this.say("The classes hold drawings of yours. Reset removes them.");
    const weights = await this.weights();
    if (!weights) return;
    try {
      const ready = set === this.set && this.ready ? this.ready : split(await SETS[set].images(), weights);
      if (set !== this.set) this.forget();
      [this.set, this.ready] = [set, ready];
    } catch (error) {
      return this.say(`The images cannot be fetched: ${error.message}.`);
    }
    if (this.taken >= MOST || this.examples.some(some => some.length >= MOST)) return this.say(`A class has ${MOST} examples already.`);
    if (!this.taken) this.order = CLASSES.map(() => choose(this.random));
    this.order.forEach((order, c) => this.examples[c].push(this.ready.pool[c][order[this.taken]]));
    const shown = this.ready.tests[this.taken % 3][this.taken];
    this.taken++;
    [this.intensity, this.side] = [Float32Array.from(shown[1]), SMALL];
    this.learn();
  }

  /** Measure the heads on many draws of as many examples as were taken. */
  async repeat() {
    if (!this.ready || !this.taken) return this.say("Take a ready-made example of each class first.");
    const [features, pixels] = measure(this.ready.pool, this.ready.tests, this.taken, DRAWS, this.random).map(share => `${(100 * share).toFixed(1)}%`);
    this.say(`Test images right, mean of ${DRAWS} draws of ${this.taken} of each class: features ${features}, raw pixels ${pixels}.`);
  }

  /** Remove an example. */
  drop(/** @type {HTMLElement} */ button) {
    const { parentElement: thumbs } = button, all = this.all(".thumbs"), c = all.indexOf(thumbs), at = [...(thumbs?.children ?? [])].indexOf(button);
    this.examples[c].splice(at, 1);
    this.learn();
    (all[c].children[Math.min(at, all[c].children.length - 1)] ?? this.all("[data-do=add]")[c]).focus();
  }

  forget() {
    [this.examples, this.set, this.ready, this.taken] = [CLASSES.map(() => []), undefined, undefined, 0];
    if (this.side !== SIDE) [this.intensity, this.side] = [new Float32Array(SIDE * SIDE), SIDE];
    this.learn();
  }

  /** Train both heads on the examples, and show these. */
  learn() {
    this.all(".thumbs").forEach((thumbs, c) => {
      thumbs.innerHTML = this.examples[c].map((_, at) => `<button aria-label="Remove example ${at + 1} of class ${CLASSES[c]}"><canvas></canvas></button>`).join("");
    });
    this.classes = [0, 1, 2].filter(c => this.examples[c].length);
    this.heads = this.classes.length > 1 ? trainBoth(this.classes.map(c => this.examples[c])) : undefined;
    const { ready, heads } = this, right = ready && heads && countRight(heads, this.classes.map(c => ready.tests[c])), all = this.classes.length * TEST;
    this.all(".right").forEach((line, h) => (line.textContent = right ? `${right[h]} of ${all}` : "–"));
    this.all(".bars li > :first-child").forEach((label, row) => (label.textContent = CLASSES[row % 3] + (this.set ? `: ${this.name(row % 3)}` : "")));
    this.news = right ? `Test images right: features ${right[0]} of ${all}, raw pixels ${right[1]} of ${all}.`
      : heads ? "Both heads are trained. Draw another, and see what they make of it."
      : `Draw something${this.classes.length ? " else" : ""}, and add it to class ${CLASSES[this.classes[0] === 0 ? 1 : 0]}.`;
    this.paint();
  }

  async paint() {
    const blank = this.blank();
    this.all(".thumbs").forEach((thumbs, c) => [...thumbs.children].forEach((button, at) => show(button.firstChild, this.examples[c][at][1], SMALL)));
    const image = blank ? null : prepare(this.intensity, this.side), weights = image && await this.weights();
    if (image && !weights) return;
    const told = weights && this.heads?.map((head, h) => predict(head, encode(weights, image)[h]));
    this.all(".bars").forEach((bars, h) => {
      const best = told ? this.classes[largest(told[h])] : -1;
      [...bars.children].forEach((row, c) => {
        const probability = told?.[h][this.classes.indexOf(c)];
        row.classList.toggle("best", c === best);
        row.style.setProperty("--p", probability ?? 0);
        row.lastChild.textContent = probability?.toFixed(3) ?? "–";
      });
    });
    const [features, pixels] = (told ?? []).map(each => `${this.name(this.classes[largest(each)])} (${Math.max(...each).toFixed(3)})`);
    this.say(`${this.news} ${told ? `Features say ${features}, raw pixels say ${pixels}.` : ""}`.trim());
  }
}

globalThis.customElements?.define("linear-probe", LinearProbe);
