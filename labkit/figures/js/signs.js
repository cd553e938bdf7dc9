// The moments of a space-time diagram: dots, signs, rings, and finding what is under the pointer.

const HITS_RINGED = 60;

Object.assign(Painter.prototype, {
  paintMoments() {
    const visible = this.scene.moments.filter((moment) => this.isMomentVisible(moment));
    const isDense = visible.length > 500;
    this.visible = visible;
    this.clip(() => visible.forEach((moment) => this.paintMoment(moment, isDense)));
    if (this.scene.isSteps && visible.length <= 16) visible.forEach((m) => this.paintDifference(m));
    if (this.view.hits.length <= HITS_RINGED) for (const index of this.view.hits) this.ring(index, this.theme.ink, 6, [2, 2]);
    this.ring(this.view.other, this.theme.ink, 8, [4, 3]);
    this.ring(this.view.chosen, this.theme.ink, 8);
  },

  isMomentVisible(moment) {
    if (moment.node < 0 || !this.view.isNodeShown(moment.node)) return false;
    const x = this.x(moment.at);
    return x >= this.left - 4 && x <= this.right + 4;
  },

  paintMoment(moment, isDense) {
    const { ink, theme, view } = this;
    const [x, y] = [this.x(moment.at), this.y(moment.node)];
    const isFar = view.side && !view.side[moment.index];
    ink.globalAlpha = moment.index > view.now ? 0.12 : isFar ? 0.25 : 1;
    ink.fillStyle = theme.ink;
    ink.beginPath();
    ink.arc(x, y, isDense ? 1.6 : 2.6, 0, 7);
    ink.fill();
    const outward = moment.node < this.scene.nodes.length / 2 ? -11 : 11;
    let row = 0;
    for (const mark of new Set(moment.marks)) {
      if (mark === "V") this.ring(moment.index, theme.violation, 9, [], 3);
      else if (ON_LANE.includes(mark)) this.sign(mark, x, y);
      else if (!(isDense && "tios".includes(mark))) this.sign(mark, x, y + outward * ++row);
    }
    ink.globalAlpha = 1;
  },

  /** What changed at a step, beside it, while there is room. */
  paintDifference(moment) {
    const isCrowded = this.scene.moments[moment.index + 1]?.node === moment.node;
    const room = Math.floor((this.right - this.left) / this.visible.length / (isCrowded ? 6.4 : 4.6));
    if (moment.index > this.view.now || room < 12) return;
    const isLast = this.x(moment.at) > this.right - 6 * room;
    const x = this.x(moment.at) + (isLast ? -9 : 9);
    moment.changes.slice(0, 3).forEach(([name, before, after], row) => {
      const [text, y] = [brief(`${name} ${before}→${after}`, room), this.y(moment.node) + 16 + 12 * row];
      Object.assign(this.ink, { textAlign: isLast ? "right" : "left", strokeStyle: this.theme.paper, lineWidth: 3 });
      this.ink.strokeText(text, x, y);
      this.write(text, x, y, isLast ? "right" : "left");
    });
  },

  sign(mark, x, y) {
    const { ink, theme } = this;
    Object.assign(ink, { strokeStyle: theme.ink, fillStyle: theme.ink });
    if (SIGN_LETTERS[mark]) {
      this.write(SIGN_LETTERS[mark], x, y + 4, "center");
    } else if (SIGN_PATHS[mark]) {
      const [path, width] = SIGN_PATHS[mark];
      const drawn = new Path2D(`M${x} ${y}${path}`);
      ink.lineWidth = width;
      if (width) ink.stroke(drawn);
      else ink.fill(drawn);
    }
  },

  ring(index, colour, radius, dash = [], width = 2) {
    const moment = this.scene.moments[index];
    if (!moment || !this.isMomentVisible(moment)) return;
    Object.assign(this.ink, { strokeStyle: colour, lineWidth: width });
    this.ink.setLineDash(dash);
    this.ink.beginPath();
    this.ink.arc(this.x(moment.at), this.y(moment.node), radius, 0, 7);
    this.ink.stroke();
    this.ink.setLineDash([]);
  },

  /** The line between what has happened and what has not, while the run is played. */
  paintNow() {
    const { now } = this.view;
    if (now >= this.scene.moments.length - 1 || now < 0) return;
    const x = this.x(this.scene.moments[now].at);
    if (x >= this.left && x <= this.right) this.line(x, 8, x, this.height - 32, this.theme.ink, 1.2, [3, 2]);
  },

  /** The moment or arrow under a point: {moment} or {arrow}, or null. */
  at(x, y) {
    const moment = closest(this.visible, 9, (m) => Math.hypot(this.x(m.at) - x, this.y(m.node) - y));
    if (moment) return { moment };
    const found = closest(this.shown, 6, ({ ends }) => distance(x, y, ...ends));
    return found && { arrow: found.arrow };
  },
});

function closest(items, limit, measure) {
  let best = null;
  let least = limit;
  for (const item of items) {
    const far = measure(item);
    if (far < least) [best, least] = [item, far];
  }
  return best;
}

/** From a point to a stretch of line. */
function distance(x, y, x1, y1, x2, y2) {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const length = dx * dx + dy * dy || 1;
  const t = Math.min(1, Math.max(0, ((x - x1) * dx + (y - y1) * dy) / length));
  return Math.hypot(x - x1 - t * dx, y - y1 - t * dy);
}
