// Take out of drawings what does not show in them: `node tools/svg.mjs figures/ lab.ipynb`.
// Of a folder every SVG file, of a notebook every figure in its outputs, is written anew, or nothing if one cannot be read.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { optimize } from "svgo";

const FIGURE = /(?<= src="data:image\/svg\+xml,)[^"]*/g;  // as code/neuronup/pictures.py embeds it
const config = {
  floatPrecision: 1, // a tenth of a point is fine enough for a place
  plugins: [{
    name: "preset-default",
    params: { overrides: {
      cleanupIds: { minify: false }, // they tell the figures of a page apart
      minifyStyles: false, // colours are the page's custom properties
      removeDesc: false,
      removeUnknownsAndDefaults: { keepRoleAttr: true },
    } },
  }],
};

function slim(drawing, name) {
  try {
    return optimize(drawing, config).data;
  } catch (error) {
    console.error(`${name}: a drawing cannot be read: ${error.message}`);
    process.exit(1);
  }
}

function slimmed(path) {
  const text = readFileSync(path, "utf8");
  if (path.endsWith(".svg")) return slim(text, path);
  const book = JSON.parse(text);
  for (const output of book.cells.flatMap(cell => cell.outputs ?? [])) {
    const html = output.data?.["text/html"];
    const slimmer = drawing => slim(decodeURIComponent(drawing), path).replace(/["#%&<>]|[^ -~]/gu, encodeURIComponent);
    if (html) output.data["text/html"] = [html].flat().join("").replace(FIGURE, slimmer);
  }
  return `${JSON.stringify(book, null, 1)}\n`;
}

const paths = process.argv.slice(2).flatMap(path =>
  statSync(path).isDirectory() ? readdirSync(path).filter(name => name.endsWith(".svg")).map(name => join(path, name)) : [path]);
for (const [path, text] of paths.map(path => [path, slimmed(path)])) writeFileSync(path, text);
