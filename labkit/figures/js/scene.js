// The scene of a space-time diagram, as Python wrote it, and what can be asked of it.
// Draws nothing, so it can be tested without a browser.

/** Moments on lanes, arrows between them, spans; see scene.py for what the fields mean. */
class Scene {
  constructor(data) {
    this.title = data.title;
    this.unit = data.unit;
    this.nodes = data.nodes;
    this.colours = data.colours;
    this.types = data.types;
    this.ends = data.ends;
    this.even = data.even;
    this.moments = data.moments.map(([at, node, kind, text, marks, changes, effects], index) =>
      ({ index, at, node, kind, text, marks, changes, effects, out: [], into: -1 }));
    this.arrows = data.arrows.map(([start, end, source, destination, sent, received, type, text, fate]) =>
      ({ start, end, source, destination, sent, received, type, text, fate }));
    this.spans = data.spans.map(([kind, node, start, end, text]) => ({ kind, node, start, end, text }));
    this.arrows.forEach((arrow, index) => {
      if (arrow.start >= 0) this.moments[arrow.start].out.push(index);
      if (arrow.end >= 0) this.moments[arrow.end].into = index;
    });
  }

  get isSteps() {
    return this.unit === "step";
  }

  when(at) {
    return this.isSteps ? `step ${at}` : `${milliseconds(at)} ms`;
  }

  /** For each moment 1 if it happened before `chosen`, 2 if after it, 3 if it is it, 0 if neither. */
  cone(chosen) {
    const side = new Uint8Array(this.moments.length);
    const reached = new Array(this.nodes.length).fill(-1);
    reached[this.moments[chosen].node] = chosen;
    for (let i = chosen; i >= 0; i--) {
      const { node, into } = this.moments[i];
      if (node < 0 || i > reached[node]) continue;
      side[i] = 1;
      const start = into >= 0 ? this.arrows[into].start : -1;
      if (start >= 0) reached[this.moments[start].node] = Math.max(reached[this.moments[start].node], start);
    }
    const touched = new Array(this.nodes.length).fill(Infinity);
    touched[this.moments[chosen].node] = chosen;
    for (let i = chosen; i < this.moments.length; i++) {
      const { node, into } = this.moments[i];
      if (node < 0) continue;
      const start = into >= 0 ? this.arrows[into].start : -1;
      const told = start >= 0 && start >= touched[this.moments[start].node];
      if (!told && i < touched[node]) continue;
      touched[node] = Math.min(touched[node], i);
      side[i] = 2;
    }
    side[chosen] = 3;
    return side;
  }

  /** How moment `a` stands to moment `b`, in words. */
  relation(a, b) {
    const side = this.cone(a)[b];
    if (side === 3) return "is the same event as";
    return ["is concurrent with", "happened after", "happened before"][side];
  }

  /** The state of each node after moment `index`, as far as it was recorded: a Map for each. */
  stateAt(index) {
    const states = this.nodes.map(() => new Map());
    for (const { node, changes } of this.moments.slice(0, index + 1)) {
      if (node >= 0) for (const [name, , after] of changes) states[node].set(name, after);
    }
    return states;
  }

  /** All words of a moment: what happened, what it got, what it sent, what changed. */
  words(moment) {
    const sent = moment.out.map((index) => this.arrows[index])
      .map((arrow) => `sends ${this.nodes[arrow.destination]} ${arrow.text}`);
    const changed = moment.changes.map(([name, before, after]) => `${name} ${before}→${after}`);
    return [moment.text, ...changed, ...moment.effects, ...sent].join("; ");
  }

  /** The moments whose words hold `text`; `name=value` may have any spaces around the sign. */
  search(text) {
    const wanted = text.trim().toLowerCase().replace(/\s*=\s*/g, "=");
    if (!wanted) return [];
    return this.moments.filter((moment) => this.words(moment).toLowerCase().includes(wanted))
      .map((moment) => moment.index);
  }

  /** The moment before (-1) or after (1) `index` that `isShown`; `index` itself if there is none. */
  neighbour(index, direction, isShown) {
    for (let i = index + direction; i >= 0 && i < this.moments.length; i += direction) {
      if (isShown(this.moments[i])) return i;
    }
    return index < 0 || index >= this.moments.length ? -1 : index;
  }
}

/** Where times stand between `left` and `right`: a window on an axis that may shorten quiet stretches. */
class Axis {
  constructor(scene) {
    const [first, last] = scene.ends;
    const margin = scene.isSteps ? 0.5 : Math.max(last - first, 1) * 0.01;
    this.plain = [[first - margin, 0], [last + margin, 1]];
    this.even = scene.even && scene.even.length > 2 ? scene.even : null;
    this.knots = this.even || this.plain;
    this.isSteps = scene.isSteps;
    this.fit();
  }

  setEven(on) {
    this.knots = on && this.even ? this.even : this.plain;
  }

  fit() {
    this.from = 0;
    this.to = 1;
  }

  /** Show `width` (a share of all) around the share `centre`, never beyond the ends. */
  show(from, width) {
    const kept = Math.min(1, Math.max(width, 1e-4));
    this.from = Math.min(Math.max(from, 0), 1 - kept);
    this.to = this.from + kept;
  }

  zoom(factor, share) {
    this.show(share - (share - this.from) * factor, (this.to - this.from) * factor);
  }

  share(at) {
    return along(this.knots, at, 0, 1);
  }

  time(share) {
    return along(this.knots, share, 1, 0);
  }

  x(at, left, right) {
    return left + ((this.share(at) - this.from) / (this.to - this.from)) * (right - left);
  }

  /** Round times in the window, at most about `count`. */
  ticks(count) {
    const [first, last] = [this.time(this.from), this.time(this.to)];
    let step = this.isSteps ? 1 : 0.001;
    for (let turn = 0; (last - first) / step > count; turn++) step *= [2, 2.5, 2][turn % 3];
    if (this.isSteps) step = Math.ceil(step);
    const places = [];
    for (let k = Math.ceil(first / step); k * step <= last; k++) places.push(k * step);
    return places;
  }
}

/** The point on a broken line whose coordinate `from` is `value`: its coordinate `to`. */
function along(knots, value, from, to) {
  let low = 0;
  let high = knots.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (knots[middle][from] <= value) low = middle;
    else high = middle;
  }
  const [a, b] = [knots[low], knots[high]];
  return a[to] + ((value - a[from]) / (b[from] - a[from])) * (b[to] - a[to]);
}
