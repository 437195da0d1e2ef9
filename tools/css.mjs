// Leave in the style sheets of others only what a page or a script asks for: `node tools/css.mjs site cache`.
// What was left of a sheet is kept in the folder `cache`, and taken again while sheets, and names in pages and scripts, are the same.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PurgeCSS } from "purgecss";

const [site, cache] = process.argv.slice(2);
const files = readdirSync(site, { recursive: true });
const read = name => readFileSync(join(site, name), "utf8");
const sheets = files.filter(name => /^assets[\\/](stylesheets|vendor)[\\/].*\.css$/.test(name)).sort();

// Of a page count the names in its tags, not the words of its text: so a new word makes no new style sheet.
const names = new Set();
const note = text => { for (const [name] of text.matchAll(/[\w/:-]+/g)) names.add(name); };
for (const name of files) {
  if (name.endsWith(".html")) {
    const page = read(name);
    for (const [tag] of page.matchAll(/<[a-z][^>]*>/gi)) note(tag);
    for (const [, script] of page.matchAll(/<script\b[^>]*>([^]*?)<\/script>/gi)) note(script);
  }
  if (/^assets[\\/].*\.m?js$/.test(name)) note(read(name));
}

const asked = [...names].sort().join(" ");
const known = createHash("sha256").update(sheets.map(read).join("\0")).update(asked).digest("hex");
const kept = join(cache, `${known}.json`);
let left;
try {
  left = JSON.parse(readFileSync(kept, "utf8"));
} catch {
  const content = [{ raw: asked, extension: "txt" }], extractors = [{ extractor: text => text.split(" "), extensions: ["txt"] }];
  const purged = await new PurgeCSS().purge({ content, extractors, css: sheets.map(name => ({ raw: read(name) })) });
  left = purged.map(({ css }) => css);
  rmSync(cache, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  writeFileSync(kept, JSON.stringify(left));
}
sheets.forEach((name, number) => writeFileSync(join(site, name), left[number]));
