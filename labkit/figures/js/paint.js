// Painting a space-time diagram on a canvas: lanes, bands, arrows, signs.
// Arrows of one look are one path, so that five thousand of them are a few strokes.

const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [12, 4], [2, 2, 6, 2], [4, 4], [1, 4]];
const LANE_TOP = 40;
const SIGN_PATHS = {
  C: ["m-5 -5l10 10m0 -10l-10 10", 2.8], R: ["m-4 5l9 -5l-9 -5z", 0], d: ["m0 -4.5l4.5 4.5l-4.5 4.5l-4.5 -4.5z", 0],
  i: ["m-4 -3h8l-4 7z", 0], t: ["m-4 -4h8l-8 8h8z", 1.2], s: ["m-3.5 -3.5h7v7h-7z", 0],
  o: ["m-4 0l3 4l6 -8", 1.8], x: ["m-3 -3l6 6m0 -6l-6 6", 1.8], f: ["m-3 5v-10l8 3l-8 3", 1],
};
const SIGN_LETTERS = { E: "!", u: "?" };
const ON_LANE = "CRdV";

/** Paints a scene through a view: what is shown of it, and how. */
class Painter {
  constructor(canvas, scene, axis) {
    Object.assign(this, { canvas, scene, axis, ink: canvas.getContext("2d") });
    this.lane = Math.min(76, Math.max(40, 240 / Math.max(1, scene.nodes.length)));
    const below = scene.isSteps ? 82 : 62;
    this.height = LANE_TOP + this.lane * Math.max(0, scene.nodes.length - 1) + below;
    this.left = 84;
  }

  y(node) {
    return LANE_TOP + this.lane * node;
  }

  x(at) {
    return this.axis.x(at, this.left, this.right);
  }

  /** Everything, as `view` wants it: {now, side, isTypeShown, isNodeShown, chosen, other, hits, hover}. */
  paint(view, theme) {
    const width = this.canvas.parentNode.clientWidth;
    const scale = window.devicePixelRatio || 1;
    Object.assign(this.canvas, { width: width * scale, height: this.height * scale });
    this.canvas.style.height = `${this.height}px`;
    Object.assign(this, { width, right: width - 14, theme, view });
    this.ink.setTransform(scale, 0, 0, scale, 0, 0);
    this.ink.fillStyle = theme.paper;
    this.ink.fillRect(0, 0, width, this.height);
    this.ink.font = "11px system-ui, sans-serif";
    this.paintBands();
    this.paintTicks();
    this.paintLanes();
    this.paintArrows();
    this.paintMoments();
    this.paintNow();
  }

  line(x1, y1, x2, y2, colour, width = 1, dash = []) {
    const { ink } = this;
    Object.assign(ink, { strokeStyle: colour, lineWidth: width });
    ink.setLineDash(dash);
    ink.beginPath();
    ink.moveTo(x1, y1);
    ink.lineTo(x2, y2);
    ink.stroke();
    ink.setLineDash([]);
  }

  write(text, x, y, align = "left", colour = this.theme.ink) {
    Object.assign(this.ink, { fillStyle: colour, textAlign: align });
    this.ink.fillText(text, x, y);
  }

  /** The bounds of a span in pixels, or null if it is not in the window. */
  reach(span) {
    const [from, to] = [Math.max(this.left, this.x(span.start)), Math.min(this.right, this.x(span.end))];
    return to < this.left || from > this.right ? null : [from, Math.max(to, from + 2)];
  }

  paintBands() {
    for (const span of this.scene.spans) {
      const reach = span.kind === "cut" && this.reach(span);
      if (!reach) continue;
      this.ink.fillStyle = this.theme.band;
      this.ink.fillRect(reach[0], 14, reach[1] - reach[0], this.height - 46);
      this.write(brief(span.text, Math.max(6, (reach[1] - reach[0]) / 6)), reach[0] + 3, 25);
    }
  }

  paintTicks() {
    for (const at of this.tickTimes()) {
      const x = this.x(at);
      this.ink.globalAlpha = 0.3;
      this.line(x, 14, x, this.height - 32, this.theme.faint);
      this.ink.globalAlpha = 1;
      this.write(milliseconds(at), x, this.height - 18, "center");
    }
    const spacing = this.axis.knots.length > 2 ? ", quiet stretches shortened" : "";
    this.write(this.scene.isSteps ? "step" : `time in ms${spacing}`, this.right, this.height - 4, "right");
  }

  tickTimes() {
    if (this.axis.knots.length <= 2) return this.axis.ticks(this.width / 80);
    const chosen = [];
    let last = -Infinity;
    for (const [at] of this.axis.knots.slice(1, -1)) {
      const x = this.x(at);
      if (x < this.left || x > this.right || x - last < 50) continue;
      chosen.push(at);
      last = x;
    }
    return chosen;
  }

  paintLanes() {
    this.scene.nodes.forEach((_, node) => {
      this.ink.globalAlpha = this.view.isNodeShown(node) ? 0.7 : 0.2;
      this.line(this.left, this.y(node), this.right, this.y(node), this.theme.ink, 1.2);
    });
    this.ink.globalAlpha = 1;
    for (const span of this.scene.spans) {
      const reach = span.node >= 0 && this.reach(span);
      if (!reach) continue;
      this.line(reach[0], this.y(span.node), reach[1], this.y(span.node), this.theme.paper, 5);
      if (span.kind === "paused") {
        this.line(reach[0], this.y(span.node), reach[1], this.y(span.node), this.theme.ink, 2, [1, 5]);
      }
    }
  }

  /** Where an arrow is drawn: [x1, y1, x2, y2]. */
  ends(arrow) {
    const [x1, y1, y2] = [this.x(arrow.sent), this.y(arrow.source), this.y(arrow.destination)];
    if (arrow.fate === "arrived" || arrow.fate === "again") {
      return [x1, y1, this.x(arrow.received), y1 === y2 ? y1 - 12 : y2];
    }
    if (arrow.received > arrow.sent && arrow.fate === "lost") {
      return [x1, y1, this.x(arrow.received), y1 + (y2 - y1) * 0.93];
    }
    return [x1, y1, x1 + 22, y1 + (y2 - y1) * 0.44];
  }

  isArrowShown(arrow) {
    const { view } = this;
    return view.isTypeShown(arrow.type) && view.isNodeShown(arrow.source) && view.isNodeShown(arrow.destination);
  }

  /** The arrows that touch the window, each with its ends. */
  visibleArrows() {
    const found = [];
    this.scene.arrows.forEach((arrow, index) => {
      if (!this.isArrowShown(arrow)) return;
      const ends = this.ends(arrow);
      if (Math.max(ends[0], ends[2]) < this.left || Math.min(ends[0], ends[2]) > this.right) return;
      found.push({ arrow, index, ends });
    });
    return found;
  }

  paintArrows() {
    const shown = this.visibleArrows();
    const isDense = shown.length > 1200;
    const looks = new Map();
    for (const item of shown) {
      const strength = this.strength(item.arrow);
      const key = `${item.arrow.source} ${item.arrow.type} ${strength}`;
      if (!looks.has(key)) looks.set(key, { strength, items: [] });
      looks.get(key).items.push(item);
    }
    const ordered = [...looks.values()].sort((a, b) => a.strength - b.strength);
    this.clip(() => ordered.forEach((look) => this.paintLook(look, isDense)));
    if (shown.length <= 60) shown.forEach((item) => this.paintLabel(item));
    this.shown = shown;
  }

  /** Paint within the lanes only, not over the names. */
  clip(paint) {
    this.ink.save();
    this.ink.beginPath();
    this.ink.rect(this.left - 6, 0, this.right - this.left + 12, this.height);
    this.ink.clip();
    paint();
    this.ink.restore();
  }

  /** How strongly an arrow shows: faint when it is in the future, or outside the chosen event's cone. */
  strength(arrow) {
    const { now, side } = this.view;
    if (arrow.start > now) return 0.1;
    if (!side) return 1;
    const inPast = arrow.end >= 0 && side[arrow.end] & 1 && side[arrow.start] & 1;
    const inFuture = arrow.start >= 0 && side[arrow.start] & 2;
    return inPast || inFuture ? 1 : 0.15;
  }

  paintLook({ strength, items }, isDense) {
    const { ink } = this;
    const { arrow } = items[0];
    const colour = this.theme.of(this.scene.colours[arrow.source]);
    const [lines, heads, crosses] = [new Path2D(), new Path2D(), new Path2D()];
    for (const { arrow: { fate }, ends: [x1, y1, x2, y2] } of items) {
      lines.moveTo(x1, y1);
      lines.lineTo(x2, y2);
      if (fate === "lost") crosses.addPath(new Path2D(`M${x2 - 4} ${y2 - 4}l8 8m0 -8l-8 8`));
      else if (fate !== "open" && !isDense) addHead(heads, x1, y1, x2, y2);
    }
    Object.assign(ink, { globalAlpha: strength, strokeStyle: colour, fillStyle: colour });
    ink.lineWidth = isDense ? 0.7 : 1.6;
    ink.setLineDash(isDense ? [] : DASHES[arrow.type % DASHES.length]);
    ink.stroke(lines);
    ink.setLineDash([]);
    ink.fill(heads);
    Object.assign(ink, { strokeStyle: this.theme.ink, lineWidth: 1.6 });
    ink.stroke(crosses);
    ink.globalAlpha = 1;
  }

  paintLabel({ arrow, ends: [x1, y1, x2, y2] }) {
    const room = Math.floor(Math.hypot(x2 - x1, y2 - y1) / 6.4);
    if (room < 4) return;
    const { ink } = this;
    const type = this.scene.types[arrow.type];
    ink.save();
    ink.globalAlpha = Math.max(0.25, this.strength(arrow));
    ink.translate((x1 + x2) / 2, (y1 + y2) / 2);
    ink.rotate(Math.atan2(y2 - y1, Math.max(x2 - x1, 0.01)));
    Object.assign(ink, { textAlign: "center", strokeStyle: this.theme.paper, lineWidth: 3 });
    const forms = [arrow.text, arrow.text.replace(/\b\w+=/g, ""), type];
    const text = brief(forms.find((form) => form.length <= room) ?? type, room);
    ink.strokeText(text, 0, -4);
    ink.fillStyle = this.theme.ink;
    ink.fillText(text, 0, -4);
    ink.restore();
  }
}

function addHead(path, x1, y1, x2, y2) {
  const angle = Math.atan2(y2 - y1, x2 - x1);
  path.moveTo(x2, y2);
  path.lineTo(x2 - 8 * Math.cos(angle - 0.4), y2 - 8 * Math.sin(angle - 0.4));
  path.lineTo(x2 - 8 * Math.cos(angle + 0.4), y2 - 8 * Math.sin(angle + 0.4));
  path.closePath();
}
