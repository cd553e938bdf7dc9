// Beside a space-time diagram: the log of its events, and all about the chosen one.

const LOG_LINES = 61;

/** The log: a line an event, around the one in focus; `choose` is called with a moment's index. */
class Log {
  constructor(parent, scene, choose) {
    Object.assign(this, { scene, choose });
    this.list = element("ol", { class: "lk-log", "aria-label": "Events", tabindex: 0 }, parent);
  }

  /** Show the lines around `focus`; of those after `now` only a shadow. */
  draw({ now, chosen, side, hits, isNodeShown }, focus) {
    const lines = this.scene.moments.filter((moment) => moment.node < 0 || isNodeShown(moment.node));
    const middle = Math.max(0, lines.findIndex((moment) => moment.index >= focus));
    const first = Math.max(0, Math.min(middle - (LOG_LINES >> 1), lines.length - LOG_LINES));
    const hit = new Set(hits);
    this.list.replaceChildren(...lines.slice(first, first + LOG_LINES).map((moment) => {
      const line = element("li", { class: "lk-line" });
      line.classList.toggle("lk-later", moment.index > now);
      line.classList.toggle("lk-apart", Boolean(side) && !side[moment.index]);
      line.classList.toggle("lk-hit", hit.has(moment.index));
      if (moment.index === chosen) line.setAttribute("aria-current", "true");
      element("span", { class: "lk-when" }, line, this.scene.isSteps ? moment.at : milliseconds(moment.at));
      const dot = element("span", { class: "lk-dot" }, line);
      dot.style.background = this.scene.colours[moment.node] || "transparent";
      element("span", {}, line, brief(moment.text, 160));
      line.addEventListener("click", (event) => this.choose(moment.index, event.shiftKey));
      return line;
    }));
    const current = this.list.querySelector("[aria-current]") || this.list.children[middle - first];
    if (current) this.list.scrollTop = current.offsetTop - this.list.clientHeight / 2;
  }
}

/** All about one event: what happened, what changed, what it sent, and every node's state then. */
class Detail {
  constructor(parent, scene) {
    this.scene = scene;
    this.box = element("div", { class: "lk-detail" }, parent);
    this.words = element("div", { "aria-live": "polite", class: "lk-words" }, this.box);
    this.states = element("div", { class: "lk-states" }, this.box);
  }

  draw({ chosen, other, side }) {
    this.words.replaceChildren();
    this.states.replaceChildren();
    const moment = this.scene.moments[chosen];
    if (!moment) {
      element("p", { class: "lk-hint" }, this.words,
        "Click an event, or press → on the diagram: its past and future light up.");
      return;
    }
    this.describe(moment);
    if (this.scene.moments[other]) this.compare(moment, this.scene.moments[other]);
    else if (side) this.count(side);
    this.showStates(moment);
  }

  describe(moment) {
    const { scene } = this;
    element("p", { class: "lk-what" }, this.words, `${scene.when(moment.at)}: ${moment.text}`);
    const rows = [
      ...moment.changes.map(([name, before, after]) => `${name}: ${before} → ${after}`),
      ...moment.effects,
      ...(scene.isSteps ? [] : moment.out.map((index) => this.sent(scene.arrows[index]))),
    ];
    if (rows.length === 0) return;
    const list = element("ul", {}, this.words);
    rows.forEach((row) => element("li", {}, list, row));
  }

  sent(arrow) {
    const fate = { lost: "lost", open: "still on its way" }[arrow.fate]
      || `arrives ${this.scene.when(arrow.received)}${arrow.fate === "again" ? " (a second time)" : ""}`;
    return `sends ${this.scene.nodes[arrow.destination]} ${arrow.text}: ${fate}`;
  }

  compare(moment, other) {
    const relation = this.scene.relation(moment.index, other.index);
    const name = (m) => `“${brief(m.text, 60)}”`;
    element("p", { class: "lk-relation" }, this.words, `${name(moment)} ${relation} ${name(other)}.`);
  }

  count(side) {
    const counts = [0, 0, 0, 0];
    side.forEach((which) => counts[which]++);
    const events = counts[1] === 1 ? "1 event" : `${counts[1]} events`;
    element("p", { class: "lk-hint" }, this.words, `${events} before it, ${counts[2]} after it, `
      + `${counts[0]} concurrent. Shift-click a second event to compare.`);
  }

  /** A table of what each node held after this moment, with what changed just now in bold. */
  showStates(moment) {
    const states = this.scene.stateAt(moment.index);
    const names = [...new Set(states.flatMap((state) => [...state.keys()]))].slice(0, 8);
    if (names.length === 0) return;
    const table = element("table", {}, this.states);
    element("caption", {}, table, this.scene.isSteps ? "State after this step" : "Stored after this event");
    const head = element("tr", {}, element("thead", {}, table));
    ["node", ...names].forEach((name) => element("th", { scope: "col" }, head, name));
    const body = element("tbody", {}, table);
    const changed = new Set(moment.changes.map(([name]) => name));
    states.forEach((state, node) => {
      if (state.size === 0) return;
      const row = element("tr", {}, body);
      element("th", { scope: "row" }, row, this.scene.nodes[node]);
      for (const name of names) {
        const isNew = node === moment.node && changed.has(name);
        element(isNew ? "strong" : "span", {}, element("td", {}, row), brief(state.get(name) ?? "", 40));
      }
    });
  }
}
