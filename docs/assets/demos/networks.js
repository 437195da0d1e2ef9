// @ts-check
/**
 * What demos share that run a network: a file of weights, and layers that compute what PyTorch's compute, on one image.
 * tests/tools/test_demos.py compares them with PyTorch.
 *
 * @typedef {{ shape: number[], data: Float32Array }} Tensor  numbers in PyTorch's order
 * @typedef {{ kind: string, name?: string, kernel?: number, stride?: number, padding?: number }} Layer
 * @typedef {{ layers: Layer[], input: number[], box: number, mean: number, std: number }} About  what else the file says
 */

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

/** Shift and scale each channel by the statistics and parameters that it has learned, as nn.BatchNorm2d does in evaluation mode. */
export function batchNorm2d(/** @type {Tensor} */ { shape, data }, /** @type {Tensor[]} */ [mean, variance, weight, bias], eps = 1e-5) {
  const places = shape[1] * shape[2];
  return { shape, data: data.map((value, at) => {
    const c = Math.floor(at / places);
    return (value - mean.data[c]) / Math.sqrt(variance.data[c] + eps) * weight.data[c] + bias.data[c];
  }) };
}

/** The mean of each channel, as nn.AdaptiveAvgPool2d(1) takes it. */
export function average(/** @type {Tensor} */ { shape: [channels, height, width], data }) {
  const places = height * width;
  const means = Float32Array.from({ length: channels }, (_, c) => data.subarray(c * places, (c + 1) * places).reduce((a, b) => a + b) / places);
  return { shape: [channels, 1, 1], data: means };
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
    else if (kind === "BatchNorm2d") x = batchNorm2d(x, [weights[`${name}.running_mean`], weights[`${name}.running_var`], weight, bias]);
    else if (kind === "AdaptiveAvgPool2d") x = average(x);
    else if (kind === "Linear") x = linear(x, weight, bias);
    else if (kind === "ReLU") x = { shape: x.shape, data: x.data.map(value => Math.max(0, value)) };
    else if (kind === "Flatten") x = { shape: [x.data.length], data: x.data };
    else throw new Error(`there is no layer ${kind} here`);
    return x;
  });
}

/** Turn logits into probabilities. */
export function softmax(/** @type {ArrayLike<number>} */ logits) {
  const each = Array.from(logits), most = Math.max(...each), parts = each.map(logit => Math.exp(logit - most)), sum = parts.reduce((a, b) => a + b);
  return parts.map(part => part / sum);
}

/** Fetch a file of this site. What was opened without a server may fetch nothing: there a script beside the file holds its bytes. */
export async function bytes(/** @type {URL} */ url) {
  if (url.protocol !== "file:") {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    return answer.arrayBuffer();
  }
  await new Promise((onload, onerror) => document.head.append(Object.assign(document.createElement("script"), { src: `${url}.js`, onload, onerror })));
  return Uint8Array.from(atob(/** @type {any} */ (globalThis).fileBytes), letter => letter.charCodeAt(0)).buffer;
}
