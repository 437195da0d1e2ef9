// @ts-check
/**
 * <network-builder preset="LeNet-5">: put blocks one after the other, and read what each gives and costs.
 * What counts is exported: tests/tools/test_demos.py compares it with PyTorch and with code/neuronup/costs.py.
 *
 * @typedef {{ kind: string } & Record<string, any>} Block  a kind of KINDS, and its settings
 * @typedef {{ size: number, channels: number }} Input  images of size × size pixels
 * @typedef {{ shape: number[], parameters: number, flops: number, field: number }} Row  what a block gives and costs
 */

/** The blocks there are, with the settings of a new one. @type {Record<string, { name: string, given: Record<string, number> }>} */
export const KINDS = {
  conv: { name: "Convolution", given: { kernel: 3, stride: 1, padding: 1, filters: 16 } },
  pool: { name: "Pooling", given: { kernel: 2, stride: 2, padding: 0 } },
  norm: { name: "Batch normalisation", given: {} },
  residual: { name: "Residual block", given: { filters: 16, stride: 1 } },
  separable: { name: "Depthwise-separable block", given: { filters: 16, stride: 1 } },
  average: { name: "Global average pooling", given: {} },
  linear: { name: "Linear", given: { neurons: 10 } },
};
/** @type {Record<string, number[]>} */
const LIMITS = { size: [1, 512], channels: [1, 512], kernel: [1, 15], stride: [1, 8], padding: [0, 7], filters: [1, 4096], neurons: [1, 8192] };

/** "conv 5 1 0 6, pool 2 2 0" as blocks. @returns {Block[]} */
const written = (/** @type {string} */ text) => text.split(", ").map(words => {
  const [kind, ...values] = words.split(" ");
  return { kind, ...Object.fromEntries(Object.keys(KINDS[kind].given).map((name, place) => [name, Number(values[place])])) };
});
/** @type {Record<string, { input: Input, blocks: Block[] }>} */
export const PRESETS = {
  "LeNet-5": { input: { size: 32, channels: 1 }, blocks: written("conv 5 1 0 6, pool 2 2 0, conv 5 1 0 16, pool 2 2 0, conv 5 1 0 120, linear 84, linear 10") },
  "like VGG": { input: { size: 32, channels: 3 }, blocks: written("conv 3 1 1 32, conv 3 1 1 32, pool 2 2 0, conv 3 1 1 64, conv 3 1 1 64, pool 2 2 0, conv 3 1 1 128, conv 3 1 1 128, pool 2 2 0, linear 256, linear 10") },
  "ResNet-18": { input: { size: 224, channels: 3 }, blocks: written("conv 7 2 3 64, norm, pool 3 2 1, residual 64 1, residual 64 1, residual 128 2, residual 128 1, residual 256 2, residual 256 1, residual 512 2, residual 512 1, average, linear 1000") },
  "like MobileNet": { input: { size: 32, channels: 3 }, blocks: written("conv 3 1 1 32, norm, separable 64 1, separable 128 2, separable 128 1, separable 256 2, separable 256 1, average, linear 10") },
};

/** Refuse a setting that is no whole number, or out of bounds, with a sentence that begins with `whose`. */
function check(/** @type {string} */ whose, /** @type {Record<string, any>} */ settings) {
  for (const [name, value] of Object.entries(settings)) {
    const [least, most] = LIMITS[name] ?? [-Infinity, Infinity];
    if (name in LIMITS && !(Number.isInteger(value) && value >= least && value <= most)) throw new RangeError(`${whose}: ${name} must be a whole number from ${least} to ${most}.`);
  }
}

/**
 * Say what each block gives and costs. A multiplication and an addition are two FLOPs; only sums of products count. A
 * convolution before batch normalisation has no bias. Throws a RangeError that says in a sentence why a block is impossible.
 * @param {Input} input @param {Block[]} blocks @returns {Row[]}
 */
export function measure(input, blocks) {
  check("Input", input);
  let shape = [input.channels, input.size, input.size], field = 1, jump = 1;
  return blocks.map((block, place) => {
    const { kind, kernel, stride, padding, filters, neurons } = block, whose = `Block ${place + 1}, ${KINDS[kind].name.toLowerCase()}`;
    const refuse = (/** @type {string} */ why) => { throw new RangeError(`${whose}: ${why}.`); };
    check(whose, block);
    const [channels, side = 1] = shape;
    if (shape.length < 3 && kind !== "linear") refuse("it needs feature maps, and what comes before it leaves only a vector");
    if (kind === "pool" && 2 * padding > kernel) refuse("its padding may be at most half its kernel");
    const windows = (/** @type {number} */ width, by = 1, around = 0) => {
      const many = Math.floor((side + 2 * around - width) / by) + 1;
      if (many < 1) refuse(`its window of ${width} × ${width} is larger than the maps that it is given, ${side} × ${side}${around ? ` with a padding of ${around}` : ""}`);
      field += (width - 1) * jump;
      jump *= by;
      return many;
    };
    let parameters = 0, products = 0;
    if (kind === "conv") {
      const many = windows(kernel, stride, padding), bias = Number(blocks[place + 1]?.kind !== "norm");
      shape = [filters, many, many];
      parameters = filters * (channels * kernel ** 2 + bias);
      products = many ** 2 * filters * channels * kernel ** 2;
    } else if (kind === "pool") {
      const many = windows(kernel, stride, padding);
      shape = [channels, many, many];
    } else if (kind === "norm") {
      parameters = 2 * channels;
    } else if (kind === "average") {
      windows(side);
      shape = [channels];
    } else if (kind === "linear") {
      const inputs = channels * side * side;
      if (shape.length === 3) windows(side);
      shape = [neurons];
      parameters = neurons * (inputs + 1);
      products = neurons * inputs;
    } else { // blocks of convolutions without bias, each with its batch normalisation
      const many = windows(3, stride, 1), straight = channels === filters && stride === 1;
      const weights = kind === "separable" ? [9 * channels, channels * filters] : [9 * channels * filters, 9 * filters * filters, straight ? 0 : channels * filters];
      const normalised = kind === "separable" ? channels + filters : filters * (straight ? 2 : 3);
      if (kind === "residual") field += 2 * jump;
      shape = [filters, many, many];
      products = many ** 2 * weights.reduce((a, b) => a + b);
      parameters = weights.reduce((a, b) => a + b) + 2 * normalised;
    }
    return { shape, parameters, flops: 2 * products, field };
  });
}

/** Add up what all blocks cost. */
export function total(/** @type {Row[]} */ rows) {
  return { parameters: rows.reduce((sum, row) => sum + row.parameters, 0), flops: rows.reduce((sum, row) => sum + row.flops, 0) };
}

/** Put a new block of a kind into the last place where it fits; return that place. Throws why it fits nowhere. */
export function insert(/** @type {Input} */ input, /** @type {Block[]} */ blocks, /** @type {string} */ kind) {
  let why;
  for (let place = blocks.length; place >= 0; place--) {
    try {
      const before = measure(input, blocks.slice(0, place)).at(-1)?.shape[0] ?? 16;
      const block = { kind, ...KINDS[kind].given };
      if ("filters" in block) block.filters = before;
      measure(input, blocks.toSpliced(place, 0, block));
      blocks.splice(place, 0, block);
      return place;
    } catch (error) {
      why ??= error;
    }
  }
  throw why;
}

const count = (/** @type {number} */ number) => {
  const [unit, name] = number >= 1e9 ? [1e9, " billion"] : number >= 1e7 ? [1e6, " million"] : [1, ""];
  return (number / unit).toLocaleString("en-GB", { maximumSignificantDigits: unit === 1 ? 21 : 4 }) + name;
};
const field = (/** @type {string} */ name, /** @type {number} */ value, place = "") =>
  `<label>${name} <input type="number" data-place="${place}" name="${name}" min="${LIMITS[name][0]}" max="${LIMITS[name][1]}" value="${value}" required></label>`;

const PAGE = `<style>
:host { display: block; container-type: inline-size; line-height: 1.3; color: var(--fig-ink); --quiet: var(--md-default-fg-color--light); --edge: var(--md-default-fg-color--lighter); }
* { box-sizing: border-box; margin: 0; padding: 0; }
.all { padding: 1.1em; border: 1px solid var(--rule); border-radius: .6em; background: var(--raised); font-size: .9em; font-variant-numeric: tabular-nums; }
.row { display: flex; flex-wrap: wrap; align-items: center; gap: .4em .5em; }
button, input { min-height: 1.8em; border: 1px solid var(--edge); border-radius: .35em; background: none; color: inherit; font: inherit; }
button { min-width: 1.8em; padding: 0 .55em; cursor: pointer; }
button:hover { border-color: var(--md-accent-fg-color); color: var(--md-accent-fg-color); }
:focus-visible { outline: 2px solid var(--md-accent-fg-color); outline-offset: 1px; }
input { width: 2.8em; padding: 0 .3em; text-align: right; appearance: textfield; }
input::-webkit-inner-spin-button { display: none; }
input[aria-invalid] { border: 2px solid var(--md-accent-fg-color); }
label { color: var(--quiet); white-space: nowrap; }
label input { color: var(--fig-ink); }
.scroll { max-height: var(--room, none); overflow: auto; margin: .7em 0; }
small { display: var(--help, inline); }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .35em 0 .35em 1em; border-top: 1px solid var(--rule); text-align: right; font-weight: 400; vertical-align: top; white-space: nowrap; }
thead th { border: 0; color: var(--quiet); }
th:first-child { width: 100%; text-align: left; white-space: normal; }
tfoot :is(th, td) { border-top: 2px solid var(--edge); font-weight: 650; }
b { font-weight: 650; }
.head { display: flex; align-items: baseline; gap: .25em; }
.head b { flex: 1; }
.settings { display: flex; flex-wrap: wrap; gap: .2em .5em; margin-top: .15em; }
i { display: block; width: 4.4em; height: .45em; margin: .35em 0 0 auto; forced-color-adjust: none; }
i::before { content: ""; display: block; width: calc(100% * var(--p)); min-width: 1px; height: 100%; margin-left: auto; border-radius: .1em; background: var(--fig-blue); }
td:nth-child(4) i::before { background: var(--fig-orange); }
th:first-child { padding-left: 0; }
.head button { width: 1.7em; min-width: 24px; padding: 0; }
output { display: block; position: var(--stick, sticky); bottom: 0; min-height: 2.9em; margin-top: .7em; padding: .3em 0; border-top: 1px solid var(--rule); background: var(--raised); }
output.no { font-weight: 650; color: var(--md-accent-fg-color); }
p { color: var(--quiet); }
@container (min-width: 54em) { .what { display: flex; flex-wrap: wrap; align-items: baseline; gap: .3em; } .head { display: contents; } .settings { margin: 0; } .head button { order: 1; } td, th { padding-block: .2em; } }
@container (max-width: 37.9em) {
  table, tbody, tfoot { display: block; }
  thead { display: none; }
  tr { display: grid; grid-template-columns: 1fr 1fr; padding: .5em 0; border-top: 1px solid var(--rule); }
  th, td { padding: .15em 0; border: 0 !important; text-align: left; }
  th:first-child { grid-column: 1 / -1; }
  td[data-of]::before { content: attr(data-of) " "; color: var(--quiet); }
  td:nth-child(n + 3) { white-space: normal; }
  i { width: 90%; margin-left: 0; }
  i::before { margin-left: 0; }
  td:empty { display: none; }
  .head button { width: 2.4em; }
  tfoot tr { border-top: 2px solid var(--edge); }
}
</style>
<div class="all">
  <div class="row" role="group" aria-label="Begin with"><span>Begin with</span>${Object.keys(PRESETS).map(name => `<button data-preset="${name}">${name}</button>`).join("")}<button data-preset="">nothing</button></div>
  <div class="scroll"><table><caption hidden>Blocks</caption>
    <thead><tr><th scope="col">Block</th><th scope="col">Output</th><th scope="col">Parameters</th><th scope="col">FLOPs</th><th scope="col">Sees</th></tr></thead>
    <tbody></tbody><tfoot></tfoot></table></div>
  <div class="row" role="group" aria-label="Add a block"><span>Add</span>${Object.entries(KINDS).map(([kind, { name }]) => `<button data-add="${kind}">${name}</button>`).join("")}</div>
  <output role="status"></output>
  <p><small>A multiplication and an addition are two FLOPs. As in PyTorch’s counter, only sums of products are counted: no bias, ReLU, pooling or normalisation. What an output sees is its receptive field, in pixels; it may be larger than the image.</small></p>
</div>`;

class NetworkBuilder extends (globalThis.HTMLElement ?? Object) {
  /** @type {Input} */ input = PRESETS["LeNet-5"].input;
  /** @type {Block[]} */ blocks = [];

  connectedCallback() {
    if (this.shadowRoot) return;
    const root = this.attachShadow({ mode: "open" });
    root.innerHTML = PAGE;
    this.dataset.preventSwipe = "";
    root.addEventListener("keydown", event => { // in a deck, these keys turn slides
      const { key, ctrlKey, metaKey, altKey } = /** @type {KeyboardEvent} */ (event);
      if (!(ctrlKey || metaKey || altKey || /^(Tab|Escape|Page.*|F\d+)$/.test(key))) event.stopPropagation();
    });
    root.addEventListener("click", event => {
      const button = /** @type {HTMLElement} */ (event.target).closest("button"), byKey = !(/** @type {MouseEvent} */ (event).detail);
      if (button) this.press(button.dataset, byKey);
      if (!byKey) button?.blur(); // pressed by a pointer, it must not catch the next key
    });
    for (const type of ["input", "change"]) root.addEventListener(type, event => this.set(/** @type {HTMLInputElement} */ (event.target), type === "change"));
    this.begin(this.getAttribute("preset") ?? "LeNet-5");
  }

  /** @returns {any} */
  $(/** @type {string} */ selector) {
    return this.shadowRoot?.querySelector(selector);
  }

  begin(/** @type {string} */ name) {
    const { input, blocks } = structuredClone(PRESETS[name] ?? { input: this.input, blocks: [] });
    Object.assign(this, { input, blocks });
    this.list();
  }

  /** Do what a button says. */
  press(/** @type {DOMStringMap} */ { preset, add, act, place }, byKey = false) {
    const at = Number(place), blocks = [...this.blocks];
    let focus = "", news = "", shown = NaN;
    try {
      if (preset !== undefined) return this.begin(preset);
      if (add) {
        shown = insert(this.input, blocks, add);
        news = `Block ${shown + 1} is new. `;
      } else if (act === "remove") {
        blocks.splice(at, 1);
        focus = `[data-act=remove][data-place="${Math.min(at, blocks.length - 1)}"], [data-add]`;
      } else {
        const to = at + (act === "up" ? -1 : 1);
        if (to < 0 || to >= blocks.length) return this.say(`Block ${at + 1} is the ${to < 0 ? "first" : "last"} already.`, true);
        [blocks[at], blocks[to]] = [blocks[to], blocks[at]];
        focus = `[data-act=${act}][data-place="${to}"]`;
      }
      measure(this.input, blocks);
    } catch (error) {
      return this.say(error.message, true);
    }
    this.blocks = blocks;
    this.list(news);
    if (focus && byKey) this.$(focus).focus();
    if (add) this.$("tbody").children[shown + 1].scrollIntoView({ block: "nearest" });
  }

  /** Take what is typed, if the network can be built so; what is left impossible is put back. */
  set(/** @type {HTMLInputElement} */ field, left = false) {
    const blocks = structuredClone(this.blocks), input = { ...this.input }, place = field.dataset.place;
    const target = /** @type {any} */ (place === "" ? input : blocks[Number(place)]), before = target[field.name];
    try {
      target[field.name] = field.value === "" ? NaN : Number(field.value);
      measure(input, blocks);
    } catch (error) {
      if (left) field.value = before;
      field.toggleAttribute("aria-invalid", !left);
      return this.say(error.message, true);
    }
    field.removeAttribute("aria-invalid");
    Object.assign(this, { input, blocks });
    this.fill();
  }

  /** Show all blocks anew. */
  list(news = "") {
    const does = (/** @type {number} */ place) => [["up", "↑"], ["down", "↓"], ["remove", "✕"]].map(([act, sign]) =>
      `<button data-act="${act}" data-place="${place}" aria-label="${act === "remove" ? "Remove" : "Move"} block ${place + 1}${act === "remove" ? "" : ` ${act}`}">${sign}</button>`).join("");
    const row = (/** @type {string} */ head, last = "") =>
      `<tr><th scope="row"><div class="what">${head}${last}</div></th>${["gives", "parameters", "FLOPs", "sees"].map(of => `<td data-of="${of}"></td>`).join("")}</tr>`;
    const settings = (/** @type {Record<string, any>} */ of, place = "") =>
      `<span class="settings">${Object.keys(of).filter(name => name in LIMITS).map(name => field(name, of[name], place)).join("")}</span>`;
    this.$("tbody").innerHTML = row(`<span class="head"><b>Images</b></span>`, settings(this.input)) + this.blocks.map((block, place) =>
      row(`<span class="head"><b>${place + 1} ${KINDS[block.kind].name}</b>${does(place)}</span>`, settings(block, String(place)))).join("");
    this.$("tfoot").innerHTML = row("In all");
    this.fill(news);
  }

  /** Show what the blocks give and cost. */
  fill(news = "") {
    const rows = measure(this.input, this.blocks), sum = total(rows), { size, channels } = this.input;
    const first = { shape: [channels, size, size], parameters: 0, flops: 0, field: 1 }, last = rows.at(-1) ?? first;
    const bar = (/** @type {number} */ part, /** @type {number} */ whole) => part ? `<i style="--p: ${part / whole}"></i>` : "";
    [first, ...rows, { ...last, ...sum }].forEach(({ shape, parameters, flops, field }, place) => {
      const [, gives, many, much, sees] = this.shadowRoot?.querySelectorAll("tbody tr, tfoot tr")[place].children ?? [], block = place && place <= rows.length;
      gives.textContent = shape.join(" × ");
      many.innerHTML = place ? count(parameters) + (block ? bar(parameters, sum.parameters) : "") : "";
      much.innerHTML = place ? count(flops) + (block ? bar(flops, sum.flops) : "") : "";
      sees.textContent = place ? `${field} × ${field}` : "";
    });
    this.say(`${news}${rows.length} blocks, ${count(sum.parameters)} parameters, ${count(sum.flops)} FLOPs for an image; the output: ${last.shape.join(" × ")}.`);
  }

  /** Tell what is, or why something is refused. */
  say(/** @type {string} */ words, refused = false) {
    const output = this.$("output");
    output.textContent = words;
    output.classList.toggle("no", refused);
  }
}

globalThis.customElements?.define("network-builder", NetworkBuilder);
