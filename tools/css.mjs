// Leave in the style sheets of others only what a page or a script asks for: `node tools/css.mjs site cache`.
// What was left of a sheet is kept in the folder `cache`, and taken again while this program, sheets, and names in pages and scripts are the same.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PurgeCSS } from "purgecss";

const [site, cache] = process.argv.slice(2);
const files = readdirSync(site, { recursive: true });
const read = name => readFileSync(join(site, name), "utf8");
const sheets = files.filter(name => /^assets[\\/](stylesheets|vendor)[\\/].*\.css$/.test(name)).sort();

// Of a page count the names in its tags, not the words of its text: so a new word makes no new style sheet.
// What the theme knows to do with Markdown, versions or blogs counts only if a page has it, though its script names it.
const OPTIONAL = /^(note|abstract|info|tip|success|question|warning|failure|danger|bug|example|quote|rtl|(tabbed|task-list|md-(annotation|post|source|status|tag|version)).*)$/;
const names = new Set();
const note = text => { for (const [name] of text.matchAll(/[\w/:-]+/g)) names.add(name); };
for (const name of files) {
  if (name.endsWith(".html")) {
    const page = read(name);
    for (const [tag] of page.matchAll(/<[a-z][^>]*>/gi)) note(tag);
    for (const [, script] of page.matchAll(/<script\b[^>]*>([^]*?)<\/script>/gi)) note(script);
  }
}
const shown = new Set(names);
for (const name of files) if (/^assets[\\/].*\.m?js$/.test(name)) note(read(name));
for (const name of names) if (OPTIONAL.test(name) && !shown.has(name)) names.delete(name);

const asked = [...names].sort().join(" ");
const known = createHash("sha256").update(readFileSync(process.argv[1])).update(sheets.map(read).join("\0")).update(asked).digest("hex");
const kept = join(cache, `${known}.json`);
let left;
try {
  left = JSON.parse(readFileSync(kept, "utf8"));
} catch {
  const content = [{ raw: asked, extension: "txt" }], extractors = [{ extractor: text => text.split(" "), extensions: ["txt"] }];
  const css = sheets.map(name => ({ raw: read(name) }));
  const purged = await new PurgeCSS().purge({ content, extractors, css });
  // Of the drawings that variables hold, those that something reads which is left.
  const ours = files.filter(name => /^assets[\\/].*\.css$/.test(name) && !sheets.includes(name)).map(read);
  const sources = [asked, ...ours, ...purged.map(({ css }) => css.replace(/--[\w-]+:url\((?:"[^"]*"|'[^']*'|[^)]*)\)/g, ""))].join(" ");
  const variables = new Set([...sources.matchAll(/--[\w-]+/g)].map(([name]) => name));
  left = purged.map(({ css }) => css.replace(/(--[\w-]+):url\((?:"[^"]*"|'[^']*'|[^)]*)\);?/g, (rule, name) => variables.has(name) ? rule : ""));
  rmSync(cache, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  writeFileSync(kept, JSON.stringify(left));
}
sheets.forEach((name, number) => writeFileSync(join(site, name), left[number]));
