// Typeset the maths of a built site, once and for all: `node tools/maths.mjs site cache.json`.
// Every formula that arithmatex marked becomes KaTeX's HTML and MathML; nothing is written if one does not parse.
// What a formula became is kept in `cache.json`, as long as KaTeX and its options are the same.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import katex from "katex";

const MARKED = /<(span|div) class="arithmatex">\\([([])([^]*?)\\[)\]]<\/\1>([.,;:?!)]*)/g;
const ENTITIES = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&amp;": "&" };
const SCRIPTS = /<(m(?:sub|sup|subsup|under|over|underover))>(?:(?!<\1>)[^])*?<\/\1>/g;
const options = {
  strict: "error", trust: true,
  macros: { "\\R": "\\mathbb{R}", "\\E": "\\mathrm{E}", "\\x": "\\mathbf{x}", "\\w": "\\mathbf{w}" },
};

const [site, cache] = process.argv.slice(2);
const setting = JSON.stringify([katex.version, options]);
const before = kept(), done = new Map(), errors = [];

function kept() {
  try {
    const known = JSON.parse(readFileSync(cache, "utf8"));
    if (known.setting === setting) return known.formulas;
  } catch { /* there is none yet, or half of one */ }
  return {};
}

function typeset(page, marked, bracket, escaped, after) {
  const tex = escaped.replace(/&(?:lt|gt|quot|#39|amp);/g, entity => ENTITIES[entity]).trim();
  const key = bracket + tex;
  if (!done.has(key) && before[key]) done.set(key, before[key]);
  if (!done.has(key)) {
    try {
      // a fresh copy of the macros: a \gdef in one formula must not reach the next
      const html = katex.renderToString(tex, { ...options, macros: { ...options.macros }, displayMode: bracket === "[" });
      // a long formula scrolls on a phone: keys must reach it
      done.set(key, html.replace('class="katex-display"', 'class="katex-display" tabindex="0"'));
    } catch (error) {
      errors.push(`${page}: the formula ${tex} does not parse: ${error.message}`);
      return marked;
    }
  }
  // KaTeX's sign for "of" in λ_{\max} is one part too many there: browsers call such MathML invalid
  const drawn = done.get(key).replace(SCRIPTS, script => script.replaceAll("<mo>\u2061</mo>", ""));
  // a full stop must not begin a line because a short formula ended the one before
  return after && tex.length < 24 ? `<span class="nobreak">${drawn}${after}</span>` : drawn + after;
}

const pages = readdirSync(site, { recursive: true }).filter(name => name.endsWith(".html"));
const changed = [];
for (const page of pages) {
  const html = readFileSync(join(site, page), "utf8");
  const set = html.replace(MARKED, (marked, _, bracket, tex, after) => typeset(page, marked, bracket, tex, after));
  if (set !== html) changed.push([page, set]);
}
if (errors.length) {
  console.error(errors.join("\n"));
  process.exit(1);
}
for (const [page, html] of changed) writeFileSync(join(site, page), html);

// What the search shows of a formula is its text, not its TeX.
const index = join(site, "search", "search_index.json");
if (existsSync(index)) {
  const search = JSON.parse(readFileSync(index, "utf8"));
  for (const part of search.docs) for (const name of ["title", "text"]) {
    part[name] = part[name].replace(/\\([([])([^]*?)\\[)\]]/g, (_, bracket, escaped) => plain(typeset("search", "", bracket, escaped, "")));
  }
  writeFileSync(index, JSON.stringify(search));
}

/** The characters that a typeset formula shows. */
function plain(html) {
  return html.replace(/<span class="katex-mathml">[^]*?<\/math><\/span>/g, "").replace(/<[^>]+>/g, "").replace(/\u200b/g, "").trim();
}
writeFileSync(cache, JSON.stringify({ setting, formulas: Object.fromEntries(done) }));

// The characters that each alphabet of KaTeX is used for, so that its font need carry no more.
const ALPHABETS = { mathbf: "KaTeX_Main-Bold", mathnormal: "KaTeX_Math-Italic" };
const used = {};
for (const html of done.values()) {
  const shown = html.replace(/<annotation[^]*?<\/annotation>/g, "");
  for (const [, classes, text] of shown.matchAll(/<\w+(?: class="([^"]*)")?[^>]*>([^<]+)/g)) {
    const alphabet = (classes ?? "").split(" ").find(name => name in ALPHABETS);
    const font = ALPHABETS[alphabet] ?? "other";
    used[font] = (used[font] ?? "") + text.replace(/&(?:lt|gt|quot|#39|amp);/g, entity => ENTITIES[entity]);
  }
}
console.log(JSON.stringify(used));
