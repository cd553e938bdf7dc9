// The space-time diagram: what the reader can do with it.

/** One diagram on the page: its controls, its canvas, its log, and what is chosen just now. */
class SpaceTime {
  constructor(model, el) {
    this.model = model;
    this.scene = new Scene(model.get("data"));
    this.axis = new Axis(this.scene);
    const last = this.scene.moments.length - 1;
    this.hiddenTypes = new Set();
    this.hiddenNodes = new Set();
    this.view = {
      now: last, chosen: -1, other: -1, side: null, hits: [],
      isTypeShown: (type) => !this.hiddenTypes.has(type),
      isNodeShown: (node) => !this.hiddenNodes.has(node),
    };
    this.build(el);
    this.painter = new Painter(this.canvas, this.scene, this.axis);
    this.listen();
    this.stopFollowing = follow(this.root, () => this.refresh());
    this.refresh();
    this.redrawText();
  }

  build(el) {
    const { scene } = this;
    this.root = element("div", { class: "lk lk-spacetime", role: "group", "aria-label": scene.title }, el);
    keepKeys(this.root);
    element("div", { class: "lk-title" }, this.root, scene.title);
    this.buildPlayer(element("div", { class: "lk-bar" }, this.root));
    this.buildFilters(element("div", { class: "lk-bar" }, this.root));
    this.stage = element("div", { class: "lk-stage" }, this.root);
    this.canvas = element("canvas", {
      tabindex: 0, role: "application",
      "aria-label": `Space-time diagram of ${scene.arrows.length} messages among ${scene.nodes.length} nodes. `
        + "Left and right arrows step through the events, up and down stay on one node, plus and minus zoom, "
        + "Home shows all, space plays, Escape lets go.",
    }, this.stage);
    this.buildNodes();
    this.overview = element("canvas", { class: "lk-overview", "aria-hidden": "true" }, this.root);
    this.tip = element("div", { class: "lk-tip", hidden: "" }, this.stage);
    const below = element("div", { class: "lk-below" }, this.root);
    this.log = new Log(below, scene, (index, isSecond) => this.choose(index, isSecond));
    this.detail = new Detail(below, scene);
  }

  buildPlayer(bar) {
    const last = Math.max(0, this.scene.moments.length - 1);
    button(bar, "|◀", "To the beginning", () => this.scrub(0));
    button(bar, "◀", "One event back", () => this.step(-1));
    this.playButton = button(bar, "Play", "Play", () => this.play());
    button(bar, "▶|", "One event on", () => this.step(1));
    this.slider = element("input", { type: "range", min: 0, max: last, value: last, "aria-label": "Event" }, bar);
    this.slider.addEventListener("input", () => this.scrub(Number(this.slider.value)));
    this.place = element("output", { class: "lk-place" }, bar);
    this.speed = element("select", { "aria-label": "Speed, events a second" }, bar);
    for (const rate of [1, 3, 10, 50, 200]) element("option", { value: rate }, this.speed, `${rate}/s`);
    this.speed.value = last > 400 ? 50 : last > 60 ? 10 : 1;
    button(bar, "−", "Zoom out", () => this.zoom(1.5));
    button(bar, "+", "Zoom in", () => this.zoom(1 / 1.5));
    button(bar, "Fit", "Show the whole run", () => this.fit());
    if (this.axis.even && !this.scene.isSteps) {
      toggle(bar, "To scale", "Draw time to scale", false, (on) => {
        this.axis.setEven(!on);
        this.refresh();
      });
    }
  }

  buildFilters(bar) {
    this.scene.types.forEach((name, type) => {
      const chip = toggle(bar, "", `Messages of type ${name}`, true, (on) => {
        this.hiddenTypes[on ? "delete" : "add"](type);
        this.refresh();
      });
      chip.classList.add("lk-chip");
      const sample = shape("svg", { width: 26, height: 8, "aria-hidden": "true" }, chip);
      shape("line", { x1: 0, x2: 26, y1: 4, y2: 4, stroke: "currentColor", "stroke-width": 2,
        "stroke-dasharray": DASHES[type % DASHES.length].join(" ") }, sample);
      element("span", {}, chip, name);
    });
    this.query = element("input", { type: "search", placeholder: "find: text or name=value",
      "aria-label": "Find events" }, bar);
    this.query.addEventListener("input", () => this.find());
    this.query.addEventListener("keydown", (event) => event.key === "Enter" && this.nextHit(event.shiftKey ? -1 : 1));
    this.found = element("output", { class: "lk-found", "aria-live": "polite" }, bar);
  }

  /** The names of the nodes are buttons: pressed means shown. */
  buildNodes() {
    const lane = Math.min(76, Math.max(40, 240 / Math.max(1, this.scene.nodes.length)));
    this.scene.nodes.forEach((name, node) => {
      const made = toggle(this.stage, "", `Node ${name}`, true, (on) => {
        this.hiddenNodes[on ? "delete" : "add"](node);
        this.refresh();
        this.redrawText();
      });
      made.classList.add("lk-node");
      made.style.top = `${LANE_TOP + lane * node - 12}px`;
      const dot = element("span", { class: "lk-dot" }, made);
      dot.style.background = this.scene.colours[node];
      element("span", {}, made, brief(name, 8));
    });
  }

  // -- drawing -------------------------------------------------------------------------------

  /** Draw at the next frame, once, however often it was asked for. */
  refresh() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      this.theme = themeOf(this.root);
      this.painter.paint(this.view, this.theme);
      paintOverview(this.overview, this.scene, this.axis, this.view, this.theme);
      this.root.dataset.drawn = Number(this.root.dataset.drawn || 0) + 1;
    });
  }

  redrawText() {
    const { view, scene } = this;
    this.slider.value = view.now;
    this.place.value = scene.moments.length
      ? `${view.now + 1} of ${scene.moments.length}, ${scene.when(scene.moments[view.now].at)}` : "nothing happened";
    const isWhole = view.now === scene.moments.length - 1;
    this.log.draw(view, view.chosen >= 0 ? view.chosen : isWhole ? 0 : view.now);
    this.detail.draw(view);
  }

  // -- what the reader does ------------------------------------------------------------------

  isShown(moment) {
    return moment.node < 0 || this.view.isNodeShown(moment.node);
  }

  /** Choose an event (-1: none); as a second one, compare it with the first. */
  choose(index, isSecond = false) {
    const { view } = this;
    if (isSecond && view.chosen >= 0) {
      view.other = index;
    } else {
      Object.assign(view, { chosen: index, other: -1 });
      const isOnLane = index >= 0 && this.scene.moments[index].node >= 0;
      view.side = isOnLane ? this.scene.cone(index) : null;
      this.model.set("chosen", index);
      this.model.save_changes();
    }
    if (index >= 0) this.reveal(index);
    this.redrawText();
    this.refresh();
  }

  /** To the next or the previous event, as a debugger steps: what is later is not shown yet. */
  step(direction) {
    const from = this.view.chosen >= 0 ? this.view.chosen : direction > 0 ? -1 : this.scene.moments.length;
    const index = this.scene.neighbour(from, direction, (moment) => this.isShown(moment));
    if (index < 0) return;
    this.view.now = index;
    this.choose(index);
  }

  stepOnNode(direction) {
    const chosen = this.scene.moments[this.view.chosen];
    if (!chosen) return this.step(direction);
    return this.choose(this.scene.neighbour(chosen.index, direction, (moment) => moment.node === chosen.node));
  }

  scrub(index) {
    Object.assign(this.view, { now: index, chosen: -1, other: -1, side: null });
    this.reveal(index);
    this.redrawText();
    this.refresh();
  }

  play() {
    if (this.timer) return this.pause();
    const last = this.scene.moments.length - 1;
    if (this.view.now >= last) this.scrub(0);
    this.playButton.textContent = "Pause";
    this.playButton.setAttribute("aria-label", "Pause");
    const rate = Number(this.speed.value);
    this.timer = setInterval(() => {
      const next = Math.min(last, this.view.now + Math.max(1, Math.round(rate / 25)));
      this.scrub(next);
      if (next === last) this.pause();
    }, Math.max(40, 1000 / rate));
    return null;
  }

  pause() {
    clearInterval(this.timer);
    this.timer = 0;
    this.playButton.textContent = "Play";
    this.playButton.setAttribute("aria-label", "Play");
  }

  find() {
    this.view.hits = this.scene.search(this.query.value);
    this.found.value = this.query.value.trim() ? `${this.view.hits.length} found` : "";
    this.redrawText();
    this.refresh();
  }

  nextHit(direction) {
    const { hits, chosen } = this.view;
    if (hits.length === 0) return;
    const at = hits.findIndex((index) => index > chosen);
    const next = direction > 0 ? (at < 0 ? 0 : at) : (at < 0 ? hits.length : at) - (hits.includes(chosen) ? 2 : 1);
    this.choose(hits[(next + hits.length) % hits.length]);
  }

  zoom(factor, share = (this.axis.from + this.axis.to) / 2) {
    this.axis.zoom(factor, share);
    this.refresh();
  }

  pan(shares) {
    this.axis.show(this.axis.from + shares, this.axis.to - this.axis.from);
    this.refresh();
  }

  fit() {
    this.axis.fit();
    this.refresh();
  }

  /** Move the window so that a moment is in it. */
  reveal(index) {
    const share = this.axis.share(this.scene.moments[index]?.at ?? 0);
    const width = this.axis.to - this.axis.from;
    if (share < this.axis.from || share > this.axis.to) this.axis.show(share - width / 2, width);
  }

  stop() {
    this.pause();
    this.stopFollowing();
    this.stopListening();
    cancelAnimationFrame(this.frame);
  }
}

/** Draw the view of `model.get("data")` into `el`; returns how to clean up.  The form that anywidget wants. */
function render({ model, el }) {
  const diagram = new SpaceTime(model, el);
  const chosen = () => {
    if (model.get("chosen") !== diagram.view.chosen) diagram.choose(model.get("chosen"));
  };
  model.on("change:chosen", chosen);
  return () => {
    model.off("change:chosen", chosen);
    diagram.stop();
  };
}
