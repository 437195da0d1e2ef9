// What is copied with a formula in it holds its TeX, not its parts line by line: $x$, or $$x$$ on a line of its own.
const MACROS = { R: "\\mathbb{R}", E: "\\mathrm{E}", x: "\\mathbf{x}", w: "\\mathbf{w}" }; // those of tools/maths.mjs

/** @param {Node} node @returns {Element | undefined} the whole formula that it is a part of */
function formulaOf(node) {
  const part = node instanceof Element ? node : node.parentElement;
  return part?.closest(".katex-display") ?? part?.closest(".katex") ?? undefined;
}

/** @param {Element} formula @returns {Element} its TeX in dollars */
function inTex(formula) {
  const display = formula.matches(".katex-display");
  const tex = formula.querySelector("annotation")?.textContent ?? "";
  const whole = tex.replace(/\\([RExw])(?![A-Za-z])/g, (_, name) => MACROS[name]);
  const sign = display ? "$$" : "$";
  return Object.assign(document.createElement(display ? "div" : "span"), { textContent: sign + whole + sign });
}

document.addEventListener("copy", event => {
  if (event.target instanceof Element && event.target.closest("input, textarea")) return;
  const selection = getSelection();
  const copy = document.createElement("div");
  for (let number = 0; number < (selection?.rangeCount ?? 0); number++) {
    const range = selection.getRangeAt(number).cloneRange();
    const [first, last] = [formulaOf(range.startContainer), formulaOf(range.endContainer)];
    if (first) range.setStartBefore(first);
    if (last) range.setEndAfter(last);
    copy.append(range.cloneContents());
  }
  if (!copy.querySelector(".katex") || !event.clipboardData) return;
  for (const part of copy.querySelectorAll(".headerlink, .md-code__nav, button")) part.remove();
  for (const formula of copy.querySelectorAll(".katex-display, .katex")) formula.replaceWith(inTex(formula));
  for (const link of copy.querySelectorAll("a[href]")) link.setAttribute("href", link.href);
  copy.style.cssText = "position: fixed; left: -99rem; width: 60rem"; // drawn, or a table would lose its tabs
  document.body.append(copy);
  event.clipboardData.setData("text/plain", copy.innerText);
  event.clipboardData.setData("text/html", copy.innerHTML);
  copy.remove();
  event.preventDefault();
});
