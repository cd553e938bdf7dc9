// Pointer and keys on a space-time diagram, and the overview strip below it.

/** What each key does on the diagram. */
const KEYS = {
  ArrowRight: (d) => d.step(1),
  ArrowLeft: (d) => d.step(-1),
  ArrowDown: (d) => d.stepOnNode(1),
  ArrowUp: (d) => d.stepOnNode(-1),
  "+": (d) => d.zoom(1 / 1.5),
  "=": (d) => d.zoom(1 / 1.5),
  "-": (d) => d.zoom(1.5),
  Home: (d) => d.fit(),
  PageDown: (d) => d.pan(0.8 * (d.axis.to - d.axis.from)),
  PageUp: (d) => d.pan(-0.8 * (d.axis.to - d.axis.from)),
  " ": (d) => d.play(),
  "/": (d) => d.query.focus(),
  Escape: (d) => {
    d.view.now = d.scene.moments.length - 1;
    d.choose(-1);
  },
};

const pointing = {
  listen() {
    const { canvas } = this;
    canvas.addEventListener("keydown", (event) => {
      const act = !event.ctrlKey && !event.metaKey && !event.altKey && KEYS[event.key];
      if (!act) return;
      event.preventDefault();
      act(this);
    });
    canvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.onDown(event));
    canvas.addEventListener("pointermove", (event) => this.onMove(event));
    canvas.addEventListener("pointerup", (event) => this.onUp(event));
    canvas.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    const dragOverview = (event) => event.buttons && this.onOverview(event);
    this.overview.addEventListener("pointerdown", dragOverview);
    this.overview.addEventListener("pointermove", dragOverview);
    this.stopListening = () => canvas.remove();
  },

  /** Where on the axis (0 to 1, of all) a pointer is. */
  shareAt(event) {
    const { left, right } = this.painter;
    const part = (event.offsetX - left) / (right - left);
    return this.axis.from + part * (this.axis.to - this.axis.from);
  },

  /** The plain wheel scrolls the page; with Ctrl or Shift, or with the focus here, it zooms. */
  onWheel(event) {
    if (!(event.ctrlKey || event.shiftKey || document.activeElement === this.canvas)) return;
    event.preventDefault();
    this.zoom(Math.exp((event.deltaY || event.deltaX) * 0.002), this.shareAt(event));
  },

  onDown(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.drag = { x: event.offsetX, from: this.axis.from, moved: false };
  },

  onMove(event) {
    if (!this.drag) {
      this.hover(event);
      return;
    }
    const moved = event.offsetX - this.drag.x;
    if (Math.abs(moved) < 4 && !this.drag.moved) return;
    this.drag.moved = true;
    this.tip.hidden = true;
    const width = this.axis.to - this.axis.from;
    this.axis.show(this.drag.from - (moved / (this.painter.right - this.painter.left)) * width, width);
    this.refresh();
  },

  onUp(event) {
    const wasDrag = this.drag?.moved;
    this.drag = null;
    if (wasDrag) return;
    const found = this.painter.at(event.offsetX, event.offsetY);
    const { arrow, moment } = found || {};
    this.choose(moment ? moment.index : arrow ? Math.max(arrow.start, arrow.end) : -1, event.shiftKey);
  },

  hover(event) {
    const found = this.painter.at(event.offsetX, event.offsetY);
    this.tip.hidden = !found;
    this.canvas.style.cursor = found ? "pointer" : "grab";
    if (!found) return;
    this.tip.textContent = found.moment ? this.momentTip(found.moment) : this.arrowTip(found.arrow);
    const room = this.stage.clientWidth - this.tip.offsetWidth - 4;
    this.tip.style.left = `${Math.max(0, Math.min(event.offsetX + 12, room))}px`;
    this.tip.style.top = `${event.offsetY + 14}px`;
  },

  momentTip(moment) {
    const changed = moment.changes.map(([name, before, after]) => `${name}: ${before} → ${after}`);
    return [`${this.scene.when(moment.at)}  ${moment.text}`, ...changed, ...moment.effects].join("\n");
  },

  arrowTip(arrow) {
    const [source, destination] = [this.scene.nodes[arrow.source], this.scene.nodes[arrow.destination]];
    const took = `took ${milliseconds(arrow.received - arrow.sent)} ms`;
    const fate = { lost: "lost", open: "still on its way", again: `a copy, ${took}`, arrived: took }[arrow.fate];
    const when = this.scene.isSteps ? "" : `\nsent ${this.scene.when(arrow.sent)}, ${fate}`;
    return `${source} → ${destination}  ${arrow.text}${when}`;
  },

  onOverview(event) {
    const width = this.axis.to - this.axis.from;
    this.axis.show(event.offsetX / this.overview.clientWidth - width / 2, width);
    this.refresh();
  },
};
Object.assign(SpaceTime.prototype, pointing);

/** The whole run in a strip: how many messages when, what was found, and the window on it. */
function paintOverview(canvas, scene, axis, view, theme) {
  const width = canvas.parentNode.clientWidth - 16;
  const height = 22;
  Object.assign(canvas, { width, height });
  const ink = canvas.getContext("2d");
  const bars = new Array(Math.ceil(width / 3)).fill(0);
  for (const arrow of scene.arrows) {
    if (view.isTypeShown(arrow.type)) bars[Math.floor(axis.share(arrow.sent) * (bars.length - 1))]++;
  }
  const most = Math.max(1, ...bars);
  ink.fillStyle = theme.faint;
  bars.forEach((count, place) => ink.fillRect(place * 3, height - (count / most) * height, 2, height));
  ink.fillStyle = theme.ink;
  for (const index of view.hits) ink.fillRect(axis.share(scene.moments[index].at) * width - 1, 0, 2, 7);
  ink.fillStyle = theme.violation;
  for (const moment of scene.moments) {
    if (moment.marks.includes("V")) ink.fillRect(axis.share(moment.at) * width - 1, 0, 3, height);
  }
  Object.assign(ink, { strokeStyle: theme.ink, lineWidth: 1.5 });
  ink.strokeRect(axis.from * width + 0.75, 0.75, (axis.to - axis.from) * width - 1.5, height - 1.5);
}
