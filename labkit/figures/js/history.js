// The history figure: operations as bars, a row for each process.

const BAR = { top: 44, row: 40, height: 24 };
const TINTS = ["#E69F00", "#56B4E9", "#009E73", "#0072B2", "#CC79A7"];

/** One history on the page. */
class HistoryView {
  constructor(model, el) {
    this.model = model;
    this.data = model.get("data");
    this.operations = this.data.operations.map(
      ([row, start, end, kind, outcome, label, words, when, role, point], index) =>
        ({ index, row, start, end, kind, outcome, label, words, when, role, point }));
    this.axis = new Axis({ ends: this.data.ends, even: null, isSteps: this.data.inOrder });
    this.axis.plain = this.axis.knots = [[this.data.ends[0], 0], [this.data.ends[1], 1]];
    this.hidden = new Set();
    this.chosen = -1;
    this.hits = new Set();
    this.isJudged = this.operations.some((operation) => operation.role);
    this.build(el);
    this.stopFollowing = follow(this.root, () => this.refresh());
    this.refresh();
  }

  build(el) {
    const { data } = this;
    this.root = element("div", { class: "lk lk-history", role: "group", "aria-label": data.title }, el);
    keepKeys(this.root);
    element("div", { class: "lk-title" }, this.root, data.title);
    const bar = element("div", { class: "lk-bar" }, this.root);
    data.kinds.forEach((name, kind) => this.buildChip(bar, name, kind));
    this.query = element("input", { type: "search", placeholder: "find an operation",
      "aria-label": "Find operations" }, bar);
    this.query.addEventListener("input", () => this.find());
    this.found = element("output", { "aria-live": "polite" }, bar);
    button(bar, "−", "Zoom out", () => this.zoom(1.5));
    button(bar, "+", "Zoom in", () => this.zoom(1 / 1.5));
    button(bar, "Fit", "Show the whole history", () => this.fit());
    this.stage = element("div", { class: "lk-stage" }, this.root);
    this.canvas = element("canvas", {
      tabindex: 0, role: "application",
      "aria-label": `History of ${this.operations.length} operations by ${data.rows.length} processes. Left and right `
        + "arrows step through the operations, plus and minus zoom, Home shows all.",
    }, this.stage);
    this.tip = element("div", { class: "lk-tip", hidden: "" }, this.stage);
    this.words = element("div", { class: "lk-words", "aria-live": "polite" }, this.root,
      "Click a bar, or press → on the figure.");
    this.listen();
  }

  buildChip(bar, name, kind) {
    const chip = toggle(bar, "", `Operations ${name}`, true, (on) => {
      this.hidden[on ? "delete" : "add"](kind);
      this.refresh();
    });
    chip.classList.add("lk-chip");
    element("span", { class: "lk-dot", style: `background:${TINTS[kind % TINTS.length]}` }, chip);
    element("span", {}, chip, name);
  }

  listen() {
    const { canvas } = this;
    const keys = {
      ArrowRight: () => this.step(1), ArrowLeft: () => this.step(-1), Home: () => this.fit(),
      "+": () => this.zoom(1 / 1.5), "=": () => this.zoom(1 / 1.5), "-": () => this.zoom(1.5),
      Escape: () => this.choose(-1),
    };
    canvas.addEventListener("keydown", (event) => {
      if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      keys[event.key]();
    });
    canvas.addEventListener("wheel", (event) => {
      if (!(event.ctrlKey || event.shiftKey || document.activeElement === canvas)) return;
      event.preventDefault();
      this.zoom(Math.exp((event.deltaY || event.deltaX) * 0.002), this.shareAt(event.offsetX));
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.drag = { x: event.offsetX, from: this.axis.from, moved: false };
    });
    canvas.addEventListener("pointermove", (event) => (this.drag ? this.onDrag(event) : this.hover(event)));
    canvas.addEventListener("pointerup", (event) => {
      if (!this.drag.moved) this.choose(this.at(event.offsetX, event.offsetY)?.index ?? -1);
      this.drag = null;
    });
    canvas.addEventListener("pointerleave", () => { this.tip.hidden = true; });
  }

  onDrag(event) {
    const moved = event.offsetX - this.drag.x;
    if (Math.abs(moved) < 4 && !this.drag.moved) return;
    this.drag.moved = true;
    const width = this.axis.to - this.axis.from;
    this.axis.show(this.drag.from - (moved / (this.right - this.left)) * width, width);
    this.refresh();
  }

  hover(event) {
    const found = this.at(event.offsetX, event.offsetY);
    this.tip.hidden = !found;
    if (!found) return;
    this.tip.textContent = this.tell(found);
    this.tip.style.left = `${Math.min(event.offsetX + 12, Math.max(0, this.stage.clientWidth - 300))}px`;
    this.tip.style.top = `${event.offsetY + 14}px`;
  }

  // -- what the reader does ------------------------------------------------------------------

  tell(operation) {
    const role = { stuck: ": cannot be placed after the others", core: ": one of those that no order explains" };
    const place = operation.point ? `: number ${operation.point[0]} in an order that explains all` : "";
    return `${operation.words}, ${operation.when}${role[operation.role] || place}`;
  }

  choose(index) {
    this.chosen = index;
    const operation = this.operations[index];
    this.words.textContent = operation ? this.tell(operation) : "Click a bar, or press → on the figure.";
    if (operation) this.reveal(operation);
    this.model.set("chosen", index);
    this.model.save_changes();
    this.refresh();
  }

  step(direction) {
    const shown = this.operations.filter((operation) => !this.hidden.has(operation.kind));
    const at = shown.findIndex((operation) => operation.index === this.chosen);
    const next = shown[at < 0 && direction < 0 ? shown.length - 1 : at + direction];
    if (next) this.choose(next.index);
  }

  find() {
    const wanted = this.query.value.trim().toLowerCase();
    const hits = wanted ? this.operations.filter(({ words }) => words.toLowerCase().includes(wanted)) : [];
    this.hits = new Set(hits.map(({ index }) => index));
    this.found.value = wanted ? `${hits.length} found` : "";
    if (hits.length > 0) this.reveal(hits[0]);
    this.refresh();
  }

  reveal(operation) {
    const share = this.axis.share(operation.start);
    const width = this.axis.to - this.axis.from;
    if (share < this.axis.from || share > this.axis.to) this.axis.show(share - width / 2, width);
  }

  zoom(factor, share = (this.axis.from + this.axis.to) / 2) {
    this.axis.zoom(factor, share);
    this.refresh();
  }

  fit() {
    this.axis.fit();
    this.refresh();
  }

  shareAt(x) {
    return this.axis.from + ((x - this.left) / (this.right - this.left)) * (this.axis.to - this.axis.from);
  }

  at(x, y) {
    const row = Math.floor((y - BAR.top) / BAR.row);
    return this.visible().find((operation) => operation.row === row
      && x >= this.x(operation.start) - 2 && x <= Math.max(this.x(operation.end), this.x(operation.start) + 4));
  }

  // -- drawing -------------------------------------------------------------------------------

  refresh() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.paint());
  }

  x(place) {
    return this.axis.x(place, this.left, this.right);
  }

  visible() {
    const [first, last] = [this.axis.time(this.axis.from), this.axis.time(this.axis.to)];
    return this.operations.filter(({ start, end, kind }) => end >= first && start <= last && !this.hidden.has(kind));
  }

  paint() {
    const theme = themeOf(this.root);
    const width = this.stage.clientWidth;
    const height = BAR.top + BAR.row * this.data.rows.length + 30;
    const scale = window.devicePixelRatio || 1;
    Object.assign(this.canvas, { width: width * scale, height: height * scale });
    this.canvas.style.height = `${height}px`;
    Object.assign(this, { theme, left: 70, right: width - 12, height, ink: this.canvas.getContext("2d") });
    this.ink.setTransform(scale, 0, 0, scale, 0, 0);
    this.ink.font = "11px system-ui, sans-serif";
    this.paintBands();
    this.paintTicks();
    this.visible().forEach((operation) => this.paintBar(operation));
    this.ink.fillStyle = theme.paper;
    this.ink.fillRect(0, 0, this.left - 2, height);
    this.data.rows.forEach((name, row) => this.write(brief(name, 9), 4, BAR.top + BAR.row * row + 17));
    this.root.dataset.drawn = Number(this.root.dataset.drawn || 0) + 1;
  }

  write(text, x, y, align = "left", colour = this.theme.ink) {
    Object.assign(this.ink, { fillStyle: colour, textAlign: align });
    this.ink.fillText(text, x, y);
  }

  paintBands() {
    const { ink, theme } = this;
    Object.assign(ink, { globalAlpha: 0.75, fillStyle: theme.band });
    for (const [start, end] of this.data.bands) {
      ink.fillRect(this.x(start), 10, Math.max(2, this.x(end) - this.x(start)), this.height - 32);
    }
    ink.globalAlpha = 1;
    this.data.bands.forEach(([start, , text], number) => {
      this.write(text, Math.max(this.x(start), this.left) + 3, 21 + 12 * (number % 2));
    });
  }

  paintTicks() {
    const ticks = this.data.inOrder ? this.data.ticks : this.axis.ticks(this.stage.clientWidth / 80)
      .map((at) => [at, milliseconds(at)]);
    let last = -Infinity;
    for (const [at, label] of ticks) {
      const x = this.x(at);
      if (x < this.left || x > this.right || x - last < 50) continue;
      last = x;
      this.ink.globalAlpha = 0.3;
      this.ink.fillStyle = this.theme.faint;
      this.ink.fillRect(x, BAR.top - 6, 1, this.height - BAR.top - 20);
      this.ink.globalAlpha = 1;
      this.write(label, x, this.height - 8, "center");
    }
  }

  paintBar(operation) {
    const { ink, theme } = this;
    const [x, y] = [this.x(operation.start), BAR.top + BAR.row * operation.row];
    const width = Math.max(3, this.x(operation.end) - x);
    const isLit = operation.index === this.chosen || this.hits.has(operation.index);
    ink.globalAlpha = this.isJudged && !operation.role && !isLit ? 0.3 : 1;
    ink.fillStyle = `${theme.of(TINTS[operation.kind % TINTS.length])}48`;
    ink.fillRect(x, y, width, BAR.height);
    Object.assign(ink, { strokeStyle: operation.role ? theme.violation : theme.ink });
    ink.lineWidth = isLit ? 3 : operation.role ? 2.4 : 1;
    ink.setLineDash(operation.outcome === "fail" ? [3, 3] : []);
    ink.beginPath();
    ink.moveTo(x + width, y);
    ink.lineTo(x, y);
    ink.lineTo(x, y + BAR.height);
    ink.lineTo(x + width, y + BAR.height);
    if (operation.outcome !== "info") ink.closePath();
    ink.stroke();
    ink.setLineDash([]);
    if (width > 26) this.write(brief(operation.label, Math.floor(width / 6.4)), Math.max(x, this.left) + 4, y + 16);
    if (operation.role === "stuck") this.write("cannot be placed", x + 2, y - 4, "left", theme.violation);
    if (operation.point && this.data.inOrder) this.paintPoint(operation.point, y);
    ink.globalAlpha = 1;
  }

  /** When the operation can have happened: its number in an order that explains the history. */
  paintPoint([number, place], y) {
    const x = this.x(place);
    this.ink.fillStyle = this.theme.ink;
    this.ink.fillRect(x - 0.7, y - 3, 1.4, BAR.height + 5);
    this.ink.beginPath();
    this.ink.arc(x, y + BAR.height, 3, 0, 7);
    this.ink.fill();
    this.write(String(number), x, y - 4, "center");
  }
}

/** Draw the view of `model.get("data")` into `el`; returns how to clean up. */
function render({ model, el }) {
  const view = new HistoryView(model, el);
  return () => {
    view.stopFollowing();
    cancelAnimationFrame(view.frame);
  };
}
