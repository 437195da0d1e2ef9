// Make a built site light: `node tools/slim.mjs site`.
// Drawings lose what does not show in them, the style sheets of others what no page or script asks for.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PurgeCSS } from "purgecss";
import { optimize } from "svgo";

const DRAWING = /<svg class="figure"[^]*?<\/svg>/g;
const drawn = {
  floatPrecision: 1,
  plugins: [{
    name: "preset-default",
    params: { overrides: {
      cleanupIds: false, // they are told apart by figure, and a page has several
      minifyStyles: false, // colours are the page's custom properties
      removeDesc: false,
      removeUnknownsAndDefaults: { keepRoleAttr: true },
    } },
  }],
};

const [site] = process.argv.slice(2);
const done = new Map();

function slim(page, drawing) {
  if (!done.has(drawing)) {
    try {
      done.set(drawing, optimize(drawing, drawn).data);
    } catch (error) {
      console.error(`${page}: a drawing cannot be read: ${error.message}`);
      process.exit(1);
    }
  }
  return done.get(drawing);
}

const pages = readdirSync(site, { recursive: true }).filter(name => name.endsWith(".html"));
for (const page of pages) {
  const html = readFileSync(join(site, page), "utf8");
  writeFileSync(join(site, page), html.replace(DRAWING, drawing => slim(page, drawing)));
}

const sheets = ["assets/stylesheets/*.css", "assets/vendor/**/*.css"].map(sheet => join(site, sheet));
const content = ["**/*.html", "assets/**/*.js"].map(asker => join(site, asker));
for (const { file, css } of await new PurgeCSS().purge({ content, css: sheets })) writeFileSync(file, css);
