// The glossary: a field that leaves the terms in which what is typed occurs, and the letters to jump to.
{
  const glossary = document.querySelector(".glossary");
  const entries = [...glossary.querySelectorAll("h2")].map(term => ({ term, meaning: term.nextElementSibling }));
  const name = term => term.firstChild.textContent.trim();

  const bar = document.querySelector(".glossary-search"); // its place is kept, so that nothing moves
  bar.innerHTML = `<label>Find a term <input type="search" autocomplete="off"></label><nav aria-label="By letter"></nav><span role="status"></span>`;
  const [field, letters, told] = ["input", "nav", "span"].map(part => bar.querySelector(part));

  const first = new Map();
  for (const { term } of entries) {
    const letter = name(term)[0].toUpperCase();
    if (!first.has(letter)) first.set(letter, term.id);
  }
  for (const [letter, id] of first)
    letters.append(Object.assign(document.createElement("a"), { href: `#${id}`, textContent: letter }), " ");

  field.addEventListener("input", () => {
    const asked = field.value.trim().toLowerCase();
    let left = 0;
    for (const { term, meaning } of entries) {
      const fits = name(term).toLowerCase().includes(asked) || asked.length > 2 && meaning.textContent.toLowerCase().includes(asked);
      term.hidden = meaning.hidden = !fits;
      left += fits;
    }
    letters.hidden = asked !== "";
    told.textContent = asked && `${left} of ${entries.length} terms`;
  });
}
