// Leave in the theme's script only the features that this site has: `node tools/js.mjs site cache feature ...`;
// and in the modules of the demos no comment and no long name. In the search a fault of lunr's is mended.
// The theme asks for each by a function of one line; answered here, what hangs on a no is never reached and is left out.
// What was left is kept in the folder `cache`, and taken again while this program, the script and the features are the same.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { minify } from "terser";

const [site, cache, ...features] = process.argv.slice(2);
const folder = join(site, "assets");
const ASKS = /function ([\w$]+)\(([\w$]+)\)\{return [\w$.]+\.features\.includes\(\2\)\}/;

/**
 * The parts of words that lunr takes for equal have one name: their letters and the numbers of what follows them, in a row,
 * so that "1" before part 23 has the name of "1" before part 2 and "3" before nothing (issue 503 of lunr.js). Words with
 * digits then make others that are in no page, and questions fail. A space after each number tells them apart.
 */
const NAMED = /([\w$]+)=\1\+([\w$]+)\+([\w$]+)\.id\}return \1\}/;

async function slim(script, number) {
  if (names[number].includes("workers")) {
    if (!NAMED.test(script)) throw new Error(`${names[number]}: lunr no longer names parts of words as it did; see whether it still needs to be mended`);
    return script.replace(NAMED, '$1=$1+$2+$3.id+" "}return $1}');
  }
  if (names[number].startsWith("demos")) return (await minify(script, { compress: { passes: 2 }, ecma: 2020, module: true })).code;
  const asks = script.match(ASKS)?.[1];
  const call = asks && new RegExp(`(?<![\\w$.])${asks.replaceAll("$", "\\$")}\\("([\\w.]+)"\\)`, "g");
  const answered = call ? script.replace(call, (_, name) => features.includes(name) ? "!0" : "!1") : script;
  return (await minify(answered, { compress: { passes: 3 }, ecma: 2020 })).code;
}

const names = readdirSync(folder, { recursive: true }).filter(name => /^(javascripts[\\/](bundle|workers[\\/]search)\..*|demos[\\/].*)\.js$/.test(name)).sort();
const scripts = names.map(name => readFileSync(join(folder, name), "utf8"));
const hash = createHash("sha256");
for (const part of [readFileSync(process.argv[1], "utf8"), ...scripts, ...features]) hash.update(part).update("\0");
const kept = join(cache, `${hash.digest("hex")}.json`);
let left;
try {
  left = JSON.parse(readFileSync(kept, "utf8"));
} catch {
  left = await Promise.all(scripts.map(slim));
  rmSync(cache, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  writeFileSync(kept, JSON.stringify(left));
}
names.forEach((name, number) => writeFileSync(join(folder, name), left[number]));
