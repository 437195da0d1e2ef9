// A page of Markdown becomes a deck: cut into slides here, shown by reveal.js, or left as a page to scroll through.
// overrides/slides.html has set the mode on <html data-deck="slides|print|page"> and drawn the bar of buttons.
{
  const mode = document.documentElement.dataset.deck;
  const wrapper = document.querySelector(".deck");
  const slides = wrapper.querySelector(".slides");
  const bar = document.querySelector(".deck-bar"), keys = document.querySelector(".deck-keys");

  const make = (tag, className) => Object.assign(document.createElement(tag), { className });
  const complain = message => console.error(`${location.pathname}: ${message}`); // the site's tests fail on it

  /**
   * Make what follows each `<!-- .steps -->` appear step by step: a list by items, a table by rows, a figure by the parts
   * that its drawing names (`figures.step`), all else whole.
   */
  function markSteps() {
    const comments = document.createTreeWalker(slides, NodeFilter.SHOW_COMMENT);
    while (comments.nextNode()) {
      const { data, nextElementSibling: next } = comments.currentNode;
      const [, name] = data.match(/^\s*\.(\w+)/) ?? [];
      if (name === "steps" && next) {
        const parts = next.querySelectorAll(":scope > li, :scope > tbody > tr, .figure [data-step]");
        for (const part of parts.length ? parts : [next]) part.classList.add("fragment");
      } else if (name && name !== "slide") complain(`<!--${data}--> is neither .slide: nor .steps before something`);
    }
  }

  /**
   * Cut the page: `<hr>` starts a slide, `<hr class="below">` one below it, a paragraph "Note:" its speaker notes,
   * and `<!-- .slide: key="value" -->` sets attributes. Returns the slides, column by column.
   * @returns {HTMLElement[][]}
   */
  function cut() {
    const columns = [];
    let section, into;
    const start = below => {
      if (!below) columns.push([]);
      section = make("section", "");
      columns.at(-1).push(section);
      section.append(into = make("div", "slide"));
    };
    start();
    for (const node of [...slides.childNodes]) {
      if (node.nodeName === "HR") start(node.className === "below");
      else if (node.nodeType === Node.COMMENT_NODE) {
        const [, attributes = ""] = node.data.match(/^\s*\.slide:(.*)/s) ?? [];
        for (const [, key, value = ""] of attributes.matchAll(/([\w-]+)(?:="([^"]*)")?/g)) section.setAttribute(key, value);
      } else {
        const first = node.firstChild;
        if (node.nodeName === "P" && first.nodeType === Node.TEXT_NODE && /^\s*Note:/.test(first.data)) {
          first.data = first.data.replace(/^\s*Note:\s*/, "");
          section.append(into = make("aside", "notes"));
        }
        into.append(node);
      }
    }
    return columns;
  }

  /** The heading of a slide, which names it in addresses and messages. */
  const heading = section => section.querySelector(":is(h1, h2, h3)");

  function place(columns) {
    slides.replaceChildren(...columns.map(column => {
      if (column.length === 1) return column[0];
      const stack = make("section", "stack");
      stack.append(...column);
      return stack;
    }));
    if (mode === "page") return;
    for (const section of columns.flat()) {
      const title = heading(section);
      if (!title?.id || section.id) continue;
      section.id = title.id;
      title.removeAttribute("id");
    }
  }

  /** "1-3,7|5" as sets of line numbers, a set for each step. */
  const lineSets = steps => steps.split("|").map(step => new Set(step.split(",").flatMap(range => {
    const [first, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  })));

  /** Step through the lines of each fence with data-lines: a hidden fragment stands for each step after the first. */
  function stepThroughLines() {
    const blocks = [...slides.querySelectorAll("[data-lines]")].map(block => {
      const steps = lineSets(block.dataset.lines), lines = block.querySelectorAll("code > span");
      for (const number of steps.flatMap(step => [...step])) {
        if (!(number >= 1 && number <= lines.length)) {
          complain(`data-lines="${block.dataset.lines}" is not within the ${lines.length} lines of its code`);
        }
      }
      block.append(...steps.slice(1).map(() => make("span", "fragment")));
      return { block, steps, lines };
    });
    const show = () => blocks.forEach(({ block, steps, lines }) => {
      const on = steps[block.querySelectorAll(":scope > .fragment.visible").length];
      block.classList.toggle("stepping", on.size < lines.length);
      lines.forEach((line, i) => line.classList.toggle("on", on.has(i + 1)));
    });
    for (const event of ["ready", "slidechanged", "fragmentshown", "fragmenthidden"]) Reveal.on(event, show);
  }

  /** Number the steps of each slide as they stand in it, those of a figure as it says: its parts may share one. */
  function numberSteps() {
    for (const section of slides.querySelectorAll("section:not(.stack)")) {
      const parts = [...section.querySelectorAll(".fragment")], whole = parts.map(part => part.closest(".figure") ?? part);
      const places = parts.map((part, i) => 1000 * whole.indexOf(whole[i]) + Number(part.dataset.step ?? 0));
      const order = [...new Set(places)].sort((a, b) => a - b);
      parts.forEach((part, i) => (part.dataset.fragmentIndex = order.indexOf(places[i])));
    }
  }

  /**
   * What does not fit, in words: for each slide on show (all, in print) or column of it, how far its content stands out.
   * tools/pdf.py and the tests of the site ask for it.
   */
  window.deckOverflow = () => [...slides.querySelectorAll(".slide")].flatMap((slide, index) => {
    const size = slide.getBoundingClientRect();
    if (!size.width) return [];
    const scale = size.width / slide.offsetWidth;
    const inner = (box, side) => box.getBoundingClientRect()[side] - parseFloat(getComputedStyle(box)[`padding-${side}`]) * scale;
    const over = [slide, ...slide.querySelectorAll(".columns > *")].flatMap(box => {
      const parts = [...box.querySelectorAll("*:not(.katex-mathml, .katex-mathml *, .base *, svg *)")];
      return ["right", "bottom"].map(side => {
        const ends = parts.map(part => part.getBoundingClientRect()[side]);
        return [Math.round((Math.max(...ends) - inner(box, side)) / scale), side === "right" ? "wide" : "tall"];
      });
    });
    const [most, how] = over.reduce((a, b) => b[0] > a[0] ? b : a);
    const name = heading(slide.parentElement)?.textContent.trim() ?? "without a heading";
    return most > 2 ? [`the slide "${name}" (${index + 1}) is ${most} px too ${how}`] : [];
  });

  /** Tell the style sheet how long each listing is, so that it can set it as large as fits. */
  function measureCode() {
    for (const code of slides.querySelectorAll("pre > code")) {
      const lines = code.textContent.trimEnd().split("\n");
      code.style.setProperty("--lines", lines.length);
      code.style.setProperty("--letters", Math.max(...lines.map(line => line.length)));
    }
  }

  /** On paper a link leads to the published site, or, where there is none, nowhere: the printer's address means nothing. */
  function linksForPaper() {
    const home = document.querySelector("link[rel=canonical]")?.href;
    for (const link of slides.querySelectorAll('a[href]:not([href^="#"])')) {
      const there = new URL(link.getAttribute("href"), home ?? location.href);
      if (home || there.origin !== location.origin) link.href = there;
      else link.removeAttribute("href");
    }
  }

  /** "#heading", as links and search write it, becomes "#/heading": the browser must not scroll inside a slide. */
  function toSlide() {
    if (/^#[^/]/.test(location.hash)) history.replaceState(history.state, "", `#/${location.hash.slice(1)}`);
    for (const box of [document.scrollingElement, document.body, slides, wrapper]) box.scrollTop = box.scrollLeft = 0;
  }

  /** Open the speaker view, in our colours and in letters that can be read from a lectern. */
  function openNotes() {
    Reveal.getPlugin("notes").open();
    const head = open("", "reveal.js - Notes")?.document.head; // the window that has just been opened
    if (!head || head.querySelector("link")) return;
    const href = new URL("speaker.css", document.querySelector('link[href*="deck.css"]').href).href;
    head.append(Object.assign(head.ownerDocument.createElement("link"), { rel: "stylesheet", href }));
  }

  /** A dot that follows the mouse, for rooms without a laser pointer. */
  const dot = make("div", "deck-dot");
  dot.hidden = true;
  addEventListener("pointermove", ({ clientX, clientY }) => (dot.style.translate = `${clientX}px ${clientY}px`));

  async function present() {
    wrapper.classList.add("reveal");
    toSlide();
    addEventListener("hashchange", toSlide);
    measureCode();
    if (mode === "print") linksForPaper();
    stepThroughLines();
    numberSteps();
    // The speaker view copies notes without the style sheet of formulas: leave them only their MathML.
    slides.querySelectorAll("aside.notes .katex-html").forEach(drawn => drawn.remove());
    const where = bar.querySelector("output");
    const count = () => (where.textContent = `${Reveal.getSlidePastCount() + 1} / ${Reveal.getTotalSlides()}`);
    Reveal.on("ready", count);
    Reveal.on("slidechanged", count);
    // in the overview a slide is one thing to choose: nothing within it takes the focus
    for (const event of ["overviewshown", "overviewhidden"]) {
      Reveal.on(event, () => slides.querySelectorAll(".slide").forEach(slide => (slide.inert = Reveal.isOverview())));
    }
    await Reveal.initialize({
      width: 1280, height: 720, margin: mode === "print" ? 0 : 0.02, center: false, hash: true,
      controls: false, slideNumber: "c/t", showSlideNumber: "print", navigationMode: "linear", help: false,
      totalTime: 60 * Number(wrapper.dataset.minutes), keyboard: { 76: actions.pointer, 83: openNotes, 191: null }, // 191 is the key of the question mark, too
      transition: "none", backgroundTransition: "none", scrollActivationWidth: null,
      pdfSeparateFragments: false, pdfMaxPagesPerSlide: 1, plugins: [RevealNotes],
      // a space on a button presses it, and does not turn the slide as well
      keyboardCondition: event => !keys.open && !(event.key === " " && document.activeElement.closest("a, button, summary")),
    });
    slides.classList.add("ready");
    // reveal.js tells the speaker view's previews where they are when the first of them stands: the other may come later
    if (deckAsks("receiver")) parent.postMessage(JSON.stringify({ namespace: "reveal", eventName: "ready" }), "*");
    if (deckAsks("dialog")) print();
  }

  function read() {
    if (location.hash) history.scrollRestoration = "manual";
    document.getElementById(location.hash.replace(/^#\/?/, ""))?.closest("section").scrollIntoView();
    const reach = () => slides.querySelectorAll("pre > code, .katex-display, table").forEach(box => {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0; // so that the keyboard can scroll it
    });
    reach();
    addEventListener("resize", reach);
    slides.classList.add("ready");
  }

  const actions = {
    palette() {
      const { mdColorScheme, mdColorPrimary: primary, mdColorAccent: accent } = document.body.dataset;
      const night = mdColorScheme !== "slate";
      const media = `(prefers-color-scheme: ${night ? "dark" : "light"})`;
      __md_set("__palette", { index: Number(night), color: { media, scheme: night ? "slate" : "default", primary, accent } });
      deckPaint();
    },
    overview: () => Reveal.toggleOverview(),
    notes: openNotes,
    full: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => {}),
    print: () => open("?print-pdf&dialog", "_blank"),
    read: () => location.assign((mode === "page" ? location.pathname : "?read") + location.hash),
    pointer: () => document.documentElement.classList.toggle("pointing", !(dot.hidden = !dot.hidden)),
    keys: () => (keys.open ? keys.close() : keys.showModal()),
    previous: () => Reveal.prev(),
    next: () => Reveal.next(),
  };

  slides.querySelectorAll(".headerlink").forEach(link => link.remove());
  markSteps();
  place(cut());
  if (mode === "print" || deckAsks("receiver")) bar.remove();
  bar.querySelector('[data-do="full"]').hidden = !document.fullscreenEnabled;
  document.body.append(dot);
  if (mode === "page") read();
  else present();
  bar.addEventListener("click", event => {
    const button = event.target.closest("[data-do]");
    if (event.detail) button?.blur(); // pressed by a pointer, it must not catch the next key
    actions[button?.dataset.do]?.();
  });
  addEventListener("keydown", event => { // what it prints then has numbered slides; the browser's own menu gives plain ones
    if (mode !== "slides") return;
    if (event.key === "p" && (event.ctrlKey || event.metaKey)) event.preventDefault(), actions.print();
    if (event.key === "?") actions.keys(); // by its sign: keyboards have it in different places
  });
  addEventListener("storage", deckPaint);
  deckNight.addEventListener("change", deckPaint);
  deckUpright.addEventListener("change", () => mode !== "print" && !deckAsks("receiver") && location.reload());
}
