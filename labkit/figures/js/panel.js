// The cluster panel: nodes on a ring, links to cut, a table of states, the log of what happens.

const RING = { width: 420, height: 330, radius: 115, node: 30 };
const SVG_TEXT = { "text-anchor": "middle", "font-size": 11 };

/** One panel on the page.  It shows `state` and sends commands; it decides nothing. */
class PanelView {
  constructor(model, el) {
    this.model = model;
    this.state = model.get("state");
    this.names = this.state.nodes.map((node) => node.name);
    this.places = this.names.map((_, place) => {
      const turn = (2 * Math.PI * place) / this.names.length;
      return [RING.width / 2 + RING.radius * Math.sin(turn), RING.height / 2 - RING.radius * Math.cos(turn)];
    });
    this.build(el);
    this.stopFollowing = follow(this.root, () => this.draw());
    this.alive = setInterval(() => this.send("alive"), 2000);
    this.draw();
  }

  send(name, ...given) {
    this.model.send({ do: name, given });
  }

  // -- parts ---------------------------------------------------------------------------------

  build(el) {
    this.root = element("div", { class: "lk lk-panel", role: "group",
      "aria-label": `Cluster of ${this.names.join(", ")}` }, el);
    keepKeys(this.root);
    this.buildPlayer();
    this.alert = element("div", { class: "lk-alert", role: "alert" }, this.root);
    const body = element("div", { class: "lk-body" }, this.root);
    this.ring = shape("svg", { viewBox: `0 0 ${RING.width} ${RING.height}`, class: "lk-ring" }, body);
    this.buildLinks();
    this.air = shape("g", { "aria-hidden": "true" }, this.ring);
    this.buildNodes();
    const side = element("div", { class: "lk-side" }, body);
    this.buildFaults(side);
    this.buildTable(side);
    if (this.state.clients.length > 0) this.buildClient(side);
    this.buildLog();
    this.announcement = element("div", { class: "lk-hint", "aria-live": "polite" }, this.root);
  }

  buildPlayer() {
    const bar = element("div", { class: "lk-bar" }, this.root);
    this.clock = element("output", { class: "lk-place" }, bar);
    if (!this.state.isSimulation) return;
    this.playButton = toggle(bar, "Running", "Let time pass", this.state.playing, (on) => this.send("play", on));
    const speed = element("select", { "aria-label": "Speed: virtual to real time" }, bar);
    for (const rate of [0.01, 0.03, 0.1, 0.3, 1]) {
      element("option", { value: rate }, speed, rate === 1 ? "real time" : `${Math.round(1 / rate)} times slower`);
    }
    speed.value = this.state.speed;
    speed.addEventListener("change", () => this.send("speed", Number(speed.value)));
  }

  buildLinks() {
    this.links = [];
    this.names.forEach((b, j) => this.names.slice(0, j).forEach((a, i) => {
      const group = shape("g", { class: "lk-link", role: "button", tabindex: 0 }, this.ring);
      const [[x1, y1], [x2, y2]] = [this.places[i], this.places[j]];
      shape("line", { class: "lk-wide", x1, y1, x2, y2 }, group);
      const line = shape("line", { class: "lk-line-cut", x1, y1, x2, y2 }, group);
      const mark = shape("path", { class: "lk-cross" }, group);
      activate(group, () => this.send("link", a, b));
      this.links.push({ a, b, group, line, mark, ends: [x1, y1, x2, y2] });
    }));
  }

  buildNodes() {
    this.circles = this.names.map((name, place) => {
      const [x, y] = this.places[place];
      const group = shape("g", { class: "lk-circle", role: "button", tabindex: 0 }, this.ring);
      const circle = shape("circle", { cx: x, cy: y, r: RING.node }, group);
      const rows = [-8, 5, 18].map((dy) => shape("text", { x, y: y + dy, ...SVG_TEXT }, group));
      activate(group, () => this.send("node", this.node(name).status === "down" ? "restart" : "crash", name));
      return { group, circle, rows };
    });
  }

  node(name) {
    return this.state.nodes.find((node) => node.name === name);
  }

  buildFaults(side) {
    const presets = element("div", { class: "lk-bar" }, side);
    const names = { isolate: "Isolate the leader", split: "Split", bridge: "Bridge", ring: "Ring" };
    for (const [name, label] of Object.entries(names)) {
      button(presets, label, label, () => this.send("preset", name));
    }
    button(presets, "Heal", "Mend every link", () => this.send("heal"));
    this.slider(side, "Delay", "delay_ms", 0, 500, 5, (value) => `${value} ms`);
    this.slider(side, "Loss", "loss", 0, 0.9, 0.05, (value) => `${Math.round(value * 100)} %`);
  }

  slider(side, label, name, min, max, step, show) {
    const row = element("label", { class: "lk-slider" }, side);
    element("span", {}, row, label);
    const input = element("input", { type: "range", min, max, step, value: this.state.link[name] }, row);
    const output = element("output", {}, row, show(this.state.link[name]));
    input.addEventListener("input", () => { output.value = show(Number(input.value)); });
    input.addEventListener("change", () => this.send("tune", name, Number(input.value)));
  }

  buildTable(side) {
    const table = element("table", { class: "lk-table" }, side);
    this.head = element("tr", {}, element("thead", {}, table));
    const body = element("tbody", {}, table);
    this.rows = this.names.map((name) => {
      const row = element("tr", {}, body);
      element("th", { scope: "row" }, row, name);
      const actions = element("td", { class: "lk-acts" }, row);
      const crash = button(actions, "", "", () => this.send("node", crash.dataset.act, name));
      const pause = button(actions, "", "", () => this.send("node", pause.dataset.act, name));
      return { row, crash, pause, cells: [], log: null };
    });
  }

  buildClient(side) {
    const form = element("form", { class: "lk-bar" }, side);
    this.answers = element("ul", { class: "lk-answers", "aria-label": "What the clients saw" }, side);
    if (!this.state.canInvoke) return;
    const client = element("select", { "aria-label": "Client" }, form);
    this.state.clients.forEach((name) => element("option", {}, client, name));
    const field = (label, value, size) =>
      element("input", { type: "text", "aria-label": label, placeholder: label, value, size }, form);
    const [f, key, value] = [field("operation", "put", 6), field("key", "x", 4), field("value", "1", 4)];
    element("button", { type: "submit" }, form, "Ask");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send("invoke", client.value, f.value, key.value, value.value);
    });
  }

  buildLog() {
    const details = element("details", { open: "" }, this.root);
    element("summary", {}, details, "What happens");
    this.log = element("pre", { class: "lk-log", tabindex: 0 }, details);
    const code = element("details", {}, this.root);
    element("summary", {}, code, "What you did, as code");
    this.code = element("pre", { class: "lk-code", tabindex: 0 }, code);
  }

  // -- drawing -------------------------------------------------------------------------------

  draw() {
    this.state = this.model.get("state");
    const { state } = this;
    const theme = themeOf(this.root);
    this.clock.value = state.now === null ? "" : `${milliseconds(state.now)} ms`;
    this.alert.textContent = state.violation;
    this.drawLinks();
    state.nodes.forEach((node, place) => this.drawNode(node, place, theme));
    this.drawTable();
    this.drawText();
    this.fly(theme);
    this.announce();
    this.root.dataset.tick = Number(this.root.dataset.tick || 0) + 1;
  }

  drawLinks() {
    const cuts = new Set(this.state.cuts.map((ends) => ends.join(">")));
    for (const { a, b, group, line, mark, ends: [x1, y1, x2, y2] } of this.links) {
      const [there, back] = [cuts.has(`${a}>${b}`), cuts.has(`${b}>${a}`)];
      const words = there && back ? "cut" : there ? `cut from ${a} to ${b}` : back ? `cut from ${b} to ${a}` : "whole";
      group.setAttribute("aria-label", `link ${a} to ${b}: ${words}`);
      group.setAttribute("aria-pressed", there || back);
      line.setAttribute("stroke-dasharray", there || back ? "4 5" : "");
      // A cross in the middle is cut both ways; nearer to one end it is cut towards that end.
      const part = there && back ? 0.5 : there ? 0.68 : 0.32;
      const [x, y] = [x1 + (x2 - x1) * part, y1 + (y2 - y1) * part];
      mark.setAttribute("d", there || back ? `M${x - 6} ${y - 6}l12 12m0 -12l-12 12` : "");
    }
  }

  drawNode(node, place, theme) {
    const { group, circle, rows } = this.circles[place];
    const status = node.status === "up" ? node.role : node.status;
    circle.setAttribute("fill", node.status === "down" ? "none" : this.state.colours[place]);
    circle.setAttribute("fill-opacity", node.status === "paused" ? 0.35 : 1);
    circle.setAttribute("stroke", theme.ink);
    circle.setAttribute("stroke-width", node.role === "leader" && node.status === "up" ? 5 : 1.5);
    circle.setAttribute("stroke-dasharray", { candidate: "5 3", down: "2 4", paused: "1 4" }[status] || "");
    const lines = [node.name, status, node.era && `t${node.era}`].filter(Boolean);
    rows.forEach((row, index) => { row.textContent = brief(lines[index] || "", 10); });
    group.classList.toggle("lk-down", node.status !== "up");
    group.classList.toggle("lk-deep", node.status === "up" && this.state.colours[place] === "#0072B2");
    const act = node.status === "down" ? "restart" : "crash";
    group.setAttribute("aria-label", `${lines.join(" ")}: ${act} it`);
  }

  drawTable() {
    const { nodes } = this.state;
    const names = [...new Set(nodes.flatMap((node) => Object.keys(node.values)))].slice(0, 5);
    const hasLog = nodes.some((node) => node.log);
    this.head.replaceChildren();
    ["node", "", ...names, ...(hasLog ? ["log"] : [])].forEach((name) =>
      element(name ? "th" : "td", name ? { scope: "col" } : {}, this.head, name));
    nodes.forEach((node, place) => {
      const { row, crash, pause } = this.rows[place];
      const isDown = node.status === "down";
      label(crash, isDown ? "restart" : "crash", node.name);
      label(pause, node.status === "paused" ? "resume" : "pause", node.name);
      pause.disabled = isDown;
      while (row.children.length > 2) row.lastChild.remove();
      names.forEach((name) => element("td", {}, row, brief(node.values[name] ?? "", 24)));
      if (hasLog) drawEntries(element("td", {}, row), node);
    });
  }

  drawText() {
    const { state } = this;
    const atEnd = this.log.scrollTop + this.log.clientHeight >= this.log.scrollHeight - 4;
    this.log.textContent = state.lines.join("\n");
    if (atEnd) this.log.scrollTop = this.log.scrollHeight;
    this.code.textContent = state.actions.join("\n") || "nothing yet";
    if (this.answers) {
      this.answers.replaceChildren();
      state.answers.forEach((answer) => element("li", {}, this.answers, answer));
    }
  }

  /** Each message that arrived or was lost since the last tick flies once along its link. */
  fly(theme) {
    this.air.replaceChildren();
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    for (const [source, destination, type, lost] of this.state.flights) {
      const [from, to] = [this.names.indexOf(source), this.names.indexOf(destination)];
      if (from < 0 || to < 0) continue;
      const [[x1, y1], [x2, y2]] = [this.places[from], this.places[to]];
      const dot = shape("circle", { r: 5, cx: x1, cy: y1, stroke: theme.ink, fill: this.state.colours[from] }, this.air);
      shape("title", {}, dot, type);
      const part = lost ? 0.5 : 1;
      dot.animate([{ transform: "translate(0, 0)", opacity: 1 },
        { transform: `translate(${(x2 - x1) * part}px, ${(y2 - y1) * part}px)`, opacity: lost ? 0 : 1 }],
      { duration: 350, fill: "forwards" });
    }
  }

  /** Say who leads when it changes, and not at every tick. */
  announce() {
    const leaders = this.state.nodes.filter((node) => node.role === "leader" && node.status === "up");
    const words = leaders.map((node) => `${node.name} (term ${node.era})`).join(" and ");
    const said = words ? `Leader: ${words}` : "";
    if (said !== this.announcement.textContent) this.announcement.textContent = said;
  }

  stop() {
    clearInterval(this.alive);
    this.stopFollowing();
  }
}

function label(made, act, name) {
  if (made.dataset.act === act) return;
  made.dataset.act = act;
  made.textContent = act;
  made.setAttribute("aria-label", `${act} ${name}`);
  made.title = `${act} ${name}`;
}

/** The last entries of a log; those that are committed are filled and framed. */
function drawEntries(cell, node) {
  const log = node.log || [];
  const first = Math.max(0, log.length - 8);
  if (first > 0) element("span", { class: "lk-hint" }, cell, `${first} … `);
  log.slice(first).forEach((entry, place) => {
    const isCommitted = typeof node.committed === "number" && first + place < node.committed;
    element("span", { class: isCommitted ? "lk-entry lk-committed" : "lk-entry", title: entry }, cell, brief(entry, 12));
  });
}

/** Draw the panel of `model.get("state")` into `el`; returns how to clean up. */
function render({ model, el }) {
  const view = new PanelView(model, el);
  const redraw = () => view.draw();
  model.on("change:state", redraw);
  return () => {
    model.off("change:state", redraw);
    view.stop();
  };
}
