// Before Material's script, which has no setting for it: the index is fetched on first use, questions are read as the course spells.
{
  /** Somebody is about to search, or comes from there: the field has the focus, or the address holds what was asked. */
  const wanted = new Promise(resolve => {
    if (/[?&][qh]=/.test(location.search)) resolve();
    addEventListener("focusin", ({ target }) => target.matches("[data-md-component='search-query']") && resolve());
    document.getElementById("__search")?.addEventListener("change", resolve);
  });
  const { open, send } = XMLHttpRequest.prototype;
  const late = new WeakSet();
  XMLHttpRequest.prototype.open = function (method, url, ...rest) {
    if (String(url).endsWith("/search/search_index.json")) late.add(this);
    return open.call(this, method, url, ...rest);
  };
  XMLHttpRequest.prototype.send = function (...words) {
    if (!late.has(this)) return send.apply(this, words);
    wanted.then(() => send.apply(this, words));
  };

  const STEMS = "character|custom|discret|emphas|factor|general|initial|local|maxim|minim|normal|optim|organ|parameter|penal|quant|real|recogn|regular|serial|standard|summar|symbol|token|util|vector|visual";
  const BRITISH = [ // what a word begins with over there, and here
    [new RegExp(`\\b((?:de|re|un)?(?:${STEMS}))iz`, "gi"), "$1is"],
    [/\banalyz/gi, "analys"], [/\b(col|behavi|neighb|fav|lab|arm)or/gi, "$1our"], [/\b(cent|met)er\b/gi, "$1re"],
    [/\bgray/gi, "grey"], [/\b(label|model|travel|cancel)(ed|ing|er)\b/gi, "$1l$2"], [/\bartifact/gi, "artefact"],
  ];
  const LETTERS = Object.fromEntries("alpha α beta β gamma γ delta δ epsilon ε eta η theta θ lambda λ mu μ pi π rho ρ sigma σ tau τ phi φ omega ω"
    .split(" ").map((word, place, all) => [word, all[place + 1]]).filter((_, place) => place % 2 === 0));
  /** "optimizer theta" as "optimiser theta θ". */
  const asked = question => BRITISH.reduce((text, [there, here]) => text.replace(there, here), question)
    .replace(/\b[a-z]+\b/gi, word => LETTERS[word.toLowerCase()] ? `${word} ${LETTERS[word.toLowerCase()]}` : word);
  const QUERY = 2; // of the messages to the worker that searches
  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (message, ...rest) {
    const question = message?.type === QUERY && typeof message.data === "string";
    return post.call(this, question ? { ...message, data: asked(message.data) } : message, ...rest);
  };
}
