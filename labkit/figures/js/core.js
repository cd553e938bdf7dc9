// What all views share: elements, keys, theme, and how a view takes the place of its picture.
// The files of a view are joined in a fixed order into one ES module; they share one scope.

const SVG = "http://www.w3.org/2000/svg";

/** A new HTML element in `parent`.  Text is set as text, so nothing in it can be markup. */
function element(name, attributes = {}, parent = null, text = null) {
  return dress(document.createElement(name), attributes, parent, text);
}

/** A new SVG element in `parent`. */
function shape(name, attributes = {}, parent = null, text = null) {
  return dress(document.createElementNS(SVG, name), attributes, parent, text);
}

function dress(made, attributes, parent, text) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) made.setAttribute(name, value);
  }
  if (text !== null) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

/** A push button that says what it does. */
function button(parent, face, label, action) {
  const made = element("button", { type: "button", "aria-label": label, title: label }, parent, face);
  made.addEventListener("click", action);
  return made;
}

/** A button that is on or off: `action` gets the new state. */
function toggle(parent, face, label, on, action) {
  const made = button(parent, face, label, () => {
    const next = made.getAttribute("aria-pressed") !== "true";
    made.setAttribute("aria-pressed", next);
    action(next);
  });
  made.setAttribute("aria-pressed", on);
  return made;
}

/** Make `made` act on a click, and on Enter and Space when it has the focus. */
function activate(made, action) {
  made.addEventListener("click", action);
  made.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    action(event);
  });
}

/** Keep keys pressed in the view from JupyterLab, whose shortcuts would act on them. */
function keepKeys(root) {
  root.addEventListener("keydown", (event) => {
    const forLab = event.key === "Escape" || event.ctrlKey || event.metaKey
      || (event.shiftKey && event.key === "Enter");
    if (!forLab) event.stopPropagation();
  });
}

/** `text` on one line, cut to `limit` characters. */
function brief(text, limit) {
  const line = text.replace(/\s+/g, " ");
  return line.length <= limit ? line : line.slice(0, Math.max(0, limit - 1)) + "…";
}

function milliseconds(value) {
  return Math.abs(value) >= 1000 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, "");
}

const ON_DARK = { "#0072B2": "#2F8FD6", "#6B6B6B": "#A6A6A6", "#C8102E": "#FF5468" };

/** The colours of the page around `root`; `of` makes a colour legible on it. */
function themeOf(root) {
  const style = getComputedStyle(root);
  const [r, g, b] = (style.backgroundColor.match(/\d+/g) || [255, 255, 255]).map(Number);
  const isDark = r * 0.299 + g * 0.587 + b * 0.114 < 128;
  return {
    paper: style.backgroundColor,
    ink: style.color,
    faint: isDark ? "#8f8f8f" : "#757575",
    band: isDark ? "#3a3a3a" : "#e4e4e4",
    violation: isDark ? ON_DARK["#C8102E"] : "#C8102E",
    of: (colour) => (isDark && ON_DARK[colour]) || colour,
  };
}

/** Call `redraw` when the size of `root` or the theme of the page changes; returns how to stop. */
function follow(root, redraw) {
  const sizes = new ResizeObserver(redraw);
  sizes.observe(root);
  const themes = new MutationObserver(redraw);
  themes.observe(document.body, { attributes: true });
  return () => {
    sizes.disconnect();
    themes.disconnect();
  };
}

/** A model that keeps values and tells nobody: what a view without a kernel is linked to. */
function lonelyModel(state) {
  return {
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; },
    save_changes() {},
    on() {},
    off() {},
    send() {},
  };
}

/** Put the view in place of every picture of this name that still waits for one. */
function mount(name, data, css, draw) {
  if (!document.getElementById("lk-style")) {
    element("style", { id: "lk-style" }, document.head, css);
  }
  for (const place of document.querySelectorAll(`.lk-figure[data-lk="${name}"]:not([data-live])`)) {
    place.dataset.live = "";
    place.replaceChildren();
    draw({ model: lonelyModel({ data, chosen: -1 }), el: place });
  }
}
