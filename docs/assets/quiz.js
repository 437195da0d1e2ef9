// The quiz of a lecture: its options can be chosen, and the answer opens and says whether that was right.
// Without scripts they are a list, with the answer folded below.
for (const answer of document.querySelectorAll("#check-yourself ~ details.success")) {
  const list = answer.previousElementSibling, question = list?.previousElementSibling;
  const right = answer.querySelector("p:not(.admonition-title)")?.textContent.match(/^\s*\(([a-e])\)/)?.[1];
  const options = list?.matches("ul") ? [...list.children].filter(option => /^\s*\([a-e]\)/.test(option.textContent)) : [];
  if (!right || !question || options.length < 2) continue;
  const said = Object.assign(document.createElement("p"), { className: "quiz__said" });
  said.setAttribute("role", "status");
  list.classList.add("quiz");
  list.setAttribute("role", "radiogroup");
  list.setAttribute("aria-label", question.textContent);
  const name = `quiz-${[...document.querySelectorAll("details")].indexOf(answer)}`;
  for (const option of options) {
    const letter = option.textContent.match(/\(([a-e])\)/)[1];
    const label = document.createElement("label"), circle = Object.assign(document.createElement("input"), { type: "radio", name });
    const words = document.createElement("span");
    words.append(...option.childNodes);
    label.append(circle, words);
    option.append(label);
    option.setAttribute("role", "presentation");
    circle.addEventListener("change", () => {
      said.textContent = letter === right ? "Right." : `(${letter}) is not it. The answer says why.`;
      answer.open = true;
    });
  }
  answer.before(said);
}
