// Makes the cells of a page run, where the site is served with Python behind it: `nox -s live`, tools/live.py.

/** What stands behind the cells; another may take its place, such as Python in the browser itself.
 * @typedef {object} Kernel
 * @property {() => Promise<void>} start  Make it ready; at once where it is.
 * @property {(code: string, show: (message: Message) => void) => Promise<"ok" | "error" | "gone">} run
 * @property {() => Promise<void>} interrupt
 * @property {() => Promise<void>} restart
 * @property {() => void} stop
 * @property {(why: string) => void} lost  Called when it has forgotten everything.
 *
 * A message of Jupyter's protocol: `stream`, `display_data`, `execute_result`, `error`, `clear_output` …
 * @typedef {{ type: string, content: any }} Message
 */

const told = JSON.parse(document.querySelector("meta[name=live]").content);
const IS_LAB = /\/lab\/$/.test(location.pathname), IS_DECK = Boolean(document.querySelector(".deck"));

/** @template {keyof HTMLElementTagNameMap} T @param {T} tag @param {object} [has] @returns {HTMLElementTagNameMap[T]} */
const make = (tag, has = {}, ...inside) => {
  const made = Object.assign(document.createElement(tag), has);
  made.append(...inside);
  return made;
};
const newId = () => crypto.randomUUID().replaceAll("-", "");

/** A kernel of Jupyter's server. @implements {Kernel} */
class JupyterKernel {
  #ready = null;
  #socket = null;
  #id = "";
  #session = newId();
  #waiting = new Map(); // by message: what listens to what it causes
  lost = () => {};

  async #ask(path, method = "POST", body = undefined, keepalive = false) {
    const cookie = document.cookie.match(/(?:^|; )_xsrf=([^;]+)/);
    const headers = { "Content-Type": "application/json", "X-XSRFToken": decodeURIComponent(cookie?.[1] ?? "") };
    const answer = await fetch(`${told.base}api/kernels${path}`, { method, headers, body, keepalive });
    if (!answer.ok) throw new Error(`Python cannot be reached (${answer.status}): is nox -s live still running?`);
    return answer.status === 204 ? null : answer.json();
  }

  start() {
    this.#ready ??= this.#connect().catch(error => {
      this.#ready = null;
      throw error instanceof TypeError ? new Error("Python cannot be reached: is nox -s live still running?") : error;
    });
    return this.#ready;
  }

  async #connect() {
    ({ id: this.#id } = await this.#ask("", "POST", JSON.stringify({ name: "python3" })));
    const place = new URL(`${told.base}api/kernels/${this.#id}/channels?session_id=${this.#session}`, location.href);
    place.protocol = place.protocol.replace("http", "ws");
    const socket = this.#socket = new WebSocket(place);
    socket.onmessage = ({ data }) => typeof data === "string" && this.#hear(JSON.parse(data));
    socket.onclose = () => this.#forget("Python has ended. Run a cell to start it again.", true);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error("Python did not answer."));
    });
  }

  #hear({ header, parent_header: cause, content }) {
    const state = header.msg_type === "status" && content.execution_state;
    if (state === "restarting" || state === "autorestarting" || state === "dead")
      this.#forget("Python has crashed and forgotten everything. Run a cell to go on.", state === "dead");
    this.#waiting.get(cause?.msg_id)?.({ type: header.msg_type, content });
  }

  #forget(why, ended) {
    if (ended) {
      this.#socket && (this.#socket.onclose = null);
      this.#socket?.close();
      this.#ready = this.#socket = null;
      this.#id = "";
    }
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const listener of waiting) listener({ type: "gone", content: {} });
    this.lost(why);
  }

  async run(code, show) {
    await this.start();
    const id = newId();
    return new Promise(resolve => {
      let idle = false, status = "";
      this.#waiting.set(id, ({ type, content }) => {
        if (type === "status") idle ||= content.execution_state === "idle";
        else if (type === "execute_reply") status = content.status === "ok" ? "ok" : "error";
        else if (type === "gone") [idle, status] = [true, "gone"];
        else if (type !== "execute_input") show({ type, content });
        if (!idle || !status) return;
        this.#waiting.delete(id);
        resolve(status);
      });
      const header = { msg_id: id, msg_type: "execute_request", username: "", session: this.#session, version: "5.4", date: new Date().toISOString() };
      const content = { code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false, stop_on_error: true };
      this.#socket.send(JSON.stringify({ channel: "shell", header, parent_header: {}, metadata: {}, content, buffers: [] }));
    });
  }

  async interrupt() {
    if (this.#id) await this.#ask(`/${this.#id}/interrupt`);
  }

  async restart() {
    if (!this.#id) return this.lost("Python has not started yet.");
    await this.#ask(`/${this.#id}/restart`);
    this.#forget("Python has started again, and knows nothing.", false);
  }

  stop() {
    if (this.#id) this.#ask(`/${this.#id}`, "DELETE", undefined, true).catch(() => {});
    if (this.#socket) this.#socket.onclose = null;
    this.#socket?.close();
    [this.#ready, this.#socket, this.#id] = [null, null, ""];
  }
}

/** A figure is an image: what runs in it runs nowhere. Its colours are those of the page, and follow them. */
class Drawing {
  static all = new Set();

  constructor(svg, alt) {
    this.svg = /<svg[^>]*xmlns=/.test(svg) ? svg : svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"');
    this.image = make("img", { className: "live-figure", alt });
    Drawing.all.add(this);
    this.paint();
  }

  paint() {
    const page = getComputedStyle(document.body);
    const painted = this.svg.replace(/var\((--fig-[\w-]+), *([^()]+)\)/g, (_, name, fallback) =>
      name === "--fig-font" ? fallback : page.getPropertyValue(name).trim() || fallback);
    URL.revokeObjectURL(this.image.src);
    this.image.src = URL.createObjectURL(new Blob([painted], { type: "image/svg+xml" }));
  }
}
new MutationObserver(() => {
  for (const each of Drawing.all) each.image.isConnected ? each.paint() : Drawing.all.delete(each);
}).observe(document.body, { attributeFilter: ["data-md-color-scheme"] });

/** Write one output as the page would: figures as images, other HTML in a frame where no script runs, all else as text. */
function shown(data) {
  const html = data["text/html"] && [data["text/html"]].flat().join("");
  if (html) {
    const parts = new DOMParser().parseFromString(html, "text/html").body.children;
    const [scheme, drawing] = (parts.length === 1 && parts[0].getAttribute("src") || "").split(/,(.*)/s);
    if (scheme === "data:image/svg+xml") return new Drawing(decodeURIComponent(drawing), parts[0].getAttribute("alt") ?? "").image;
    if (parts.length === 1 && parts[0].matches("svg")) return new Drawing(html, parts[0].getAttribute("aria-label") ?? "figure").image;
    return make("iframe", { sandbox: "", srcdoc: html, title: "output", className: "live-frame" });
  }
  if (data["image/svg+xml"]) return new Drawing([data["image/svg+xml"]].flat().join(""), "figure").image;
  if (data["image/png"]) return make("img", { src: `data:image/png;base64,${data["image/png"]}`, alt: data["text/plain"] ?? "figure" });
  return make("pre", { tabIndex: 0, textContent: [data["text/plain"] ?? ""].flat().join("") });
}

/** Of a line that was written over, as progress bars do, what stands at last. */
const overwritten = text => text.split("\n").map(line => line.replace(/\r+$/, "").split("\r").at(-1)).join("\n");
const plain = text => text.replace(/\x1b\[[\d;]*[A-Za-z]/g, "");

class Output {
  #late = false;
  #named = new Map(); // displays that may be shown anew, by their id

  constructor() {
    this.box = make("div", { className: "cell-output live-output", hidden: true });
  }

  clear() {
    this.box.replaceChildren();
    this.box.hidden = true;
  }

  add({ type, content }) {
    if (type === "clear_output") {
      if (content.wait) this.#late = true;
      else this.clear();
      return;
    }
    const named = content.transient?.display_id;
    if (type === "update_display_data") {
      const fresh = shown(content.data);
      this.#named.get(named)?.replaceWith(fresh);
      this.#named.set(named, fresh);
      return;
    }
    if (this.#late) this.clear();
    this.#late = false;
    let part = this.box.lastElementChild;
    if (type === "stream") {
      if (part?.dataset.stream !== content.name) {
        this.box.append(part = make("pre", { tabIndex: 0 }));
        part.dataset.stream = content.name;
        part.written = "";
      }
      part.written = overwritten(part.written + plain(content.text));
      part.textContent = part.written;
    } else if (type === "error") {
      this.box.append(make("pre", { className: "live-error", tabIndex: 0, textContent: plain(content.traceback.join("\n")) }));
    } else if (content.data) {
      this.box.append(part = shown(content.data));
      if (named) this.#named.set(named, part);
    }
    this.box.hidden = !this.box.childElementCount;
  }
}

class Cell {
  done = false;
  output = new Output();

  constructor(block, number, page) {
    Object.assign(this, { block, number, page });
    this.code = block.querySelector("pre");
    this.built = this.code.querySelector("code").textContent.replace(/\n$/, "");
    this.key = `live ${location.pathname} ${number}`;
    this.answer = !IS_LAB && Boolean(block.closest("details.success")); // of a page: run only when it is asked for
    const next = block.nextElementSibling;
    this.recorded = next?.classList.contains("cell-output") ? next : null;

    this.editor = make("textarea", { className: "live-editor", hidden: true, spellcheck: false, value: this.built });
    this.editor.setAttribute("aria-label", `Code of cell ${number + 1}. Shift and Enter run it, Escape leaves it.`);
    this.editor.oninput = () => this.typed();
    this.editor.onkeydown = event => this.pressed(event);
    const button = (text, does) => make("button", { type: "button", textContent: text, onclick: does });
    this.go = button("Run", () => page.run(this));
    this.go.setAttribute("aria-label", `Run cell ${number + 1}`);
    this.edit = button("Edit", () => this.open());
    this.back = button("Put back", () => this.putBack());
    this.back.hidden = true;
    block.classList.add("live-cell");
    this.code.after(this.editor);
    const above = button("Run all above", () => page.runAll(number));
    block.append(make("div", { className: "live-tools" }, this.go, this.edit, this.back, ...(number && !IS_DECK ? [above] : [])), this.output.box);
    this.restore();
  }

  restore() {
    const kept = JSON.parse(localStorage.getItem(this.key) ?? "null");
    if (kept?.built !== this.built) return localStorage.removeItem(this.key); // the page has changed
    this.editor.value = kept.typed;
    this.open(false);
    this.back.hidden = false;
  }

  open(focus = true) {
    this.editor.hidden = false;
    this.code.hidden = true;
    this.edit.hidden = true;
    this.editor.rows = this.editor.value.split("\n").length;
    if (focus) this.editor.focus();
  }

  typed() {
    this.editor.rows = this.editor.value.split("\n").length;
    this.done = false;
    this.back.hidden = false;
    localStorage.setItem(this.key, JSON.stringify({ built: this.built, typed: this.editor.value }));
  }

  pressed(event) {
    if (event.key === "Enter" && event.shiftKey) {
      event.preventDefault();
      this.page.run(this);
    } else if (event.key === "Escape") this.go.focus();
    event.stopPropagation(); // a deck turns no slide
  }

  putBack() {
    localStorage.removeItem(this.key);
    this.editor.value = this.built;
    this.editor.hidden = this.back.hidden = true;
    this.code.hidden = this.edit.hidden = false;
    this.done = false;
    this.output.clear();
    if (this.recorded) this.recorded.hidden = false;
    this.edit.focus();
  }

  /** Run it; nothing is said of what only defines, unless it was asked for by itself. */
  async run(kernel, asked) {
    this.output.clear();
    if (this.recorded) this.recorded.hidden = true;
    this.block.setAttribute("aria-busy", "true");
    const code = this.editor.value;
    try {
      const status = await kernel.run(code, message => this.output.add(message));
      this.done = status === "ok";
      if (this.done && asked && this.output.box.hidden) {
        const names = [...code.matchAll(/^(?:async )?(?:def|class) (\w+)/gm)].map(([, name]) => name);
        const says = names.length ? `Defined: ${names.join(", ")}.` : "Done. It prints nothing.";
        this.output.box.append(make("p", { className: "live-note", textContent: says }));
        this.output.box.hidden = false;
      }
      return status;
    } finally {
      this.block.removeAttribute("aria-busy");
    }
  }
}

class Page {
  #prepared = false;
  #busy = false;

  constructor(blocks, kernel) {
    this.kernel = kernel;
    this.status = make("span", { className: "live-status", textContent: "Cells run on this machine." });
    this.status.setAttribute("role", "status");
    const button = (text, does) => make("button", { type: "button", textContent: text, onclick: does });
    this.stopper = button("Interrupt", () => this.kernel.interrupt());
    const all = button("Run all", () => this.runAll(this.cells.length)), restart = button("Restart", () => this.restart());
    this.stopper.disabled = true;
    this.bar = make("div", { className: "live-bar" }, all, this.stopper, restart, this.status);
    this.bar.setAttribute("role", "toolbar");
    this.bar.setAttribute("aria-label", "Python");
    this.cells = blocks.map((block, number) => new Cell(block, number, this));
    (document.querySelector(".deck-bar") ?? document.body).append(this.bar);
    kernel.lost = why => this.forget(why);
    addEventListener("pagehide", () => {
      kernel.stop();
      this.forget("Cells run on this machine.");
    });
  }

  say(text) {
    this.status.textContent = text;
  }

  forget(why) {
    this.#prepared = false;
    for (const cell of this.cells) cell.done = false;
    this.say(why);
  }

  /** Do one thing at a time; say how it ended, and how long it took. */
  async #doing(what) {
    if (this.#busy) return;
    this.#busy = true;
    const buttons = this.cells.map(cell => cell.go);
    for (const each of buttons) each.disabled = true;
    this.stopper.disabled = false;
    try {
      const start = performance.now();
      this.say(this.#prepared ? "Running …" : "Starting Python …");
      await this.kernel.start();
      if (!this.#prepared && await this.kernel.run(told.before, () => {}) === "ok") this.#prepared = true;
      this.say("Running …");
      const ended = await what();
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      if (ended === "ok") this.say(`Done in ${seconds} s.`);
      else if (ended === "error") this.say("Failed: see below the cell.");
    } catch (error) {
      this.say(error.message);
    } finally {
      this.#busy = false;
      for (const each of buttons) each.disabled = false;
      this.stopper.disabled = true;
    }
  }

  /** Run what a cell needs from above, as far as it has not run yet, and the cell. */
  async run(cell) {
    await this.#doing(async () => await this.#needed(cell.number) ?? cell.run(this.kernel, true));
    if (!IS_DECK) cell.go.focus({ preventScroll: true });
  }

  async runAll(end) {
    for (const cell of this.cells) cell.done &&= cell.number >= end;
    await this.#doing(async () => await this.#needed(end) ?? "ok");
  }

  /** @returns {Promise<"error" | "gone" | undefined>} how a cell above failed, if one did */
  async #needed(end) {
    for (const cell of this.cells.slice(0, end)) {
      if (cell.done || cell.answer) continue;
      const status = await cell.run(this.kernel, false);
      if (status === "ok") continue;
      cell.block.scrollIntoView({ block: "nearest" });
      return status;
    }
  }

  async restart() {
    try {
      await this.kernel.restart();
    } catch (error) {
      this.say(error.message);
    }
  }
}

const blocks = [...document.querySelectorAll(".language-python.highlight")].filter(block => !block.closest(".cell-output"));
if (blocks.length && !new URLSearchParams(location.search).has("receiver")) new Page(blocks, new JupyterKernel());
