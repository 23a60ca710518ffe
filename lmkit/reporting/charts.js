// Draws the figures of the page: curves by step, tokens or hours, on a canvas each.
//
// It reads no network, keeps nothing, and makes no markup from text: whatever a run is called
// becomes a text node. Numbers come as base64 of float32. Without this script the still pictures
// stay, and they are what is printed.
(function () {
  "use strict";
  const LEFT = 56, RIGHT = 16, TOP = 10, BOTTOM = 28, HEIGHT = 280;
  const DASHES = [[], [6, 4], [2, 3], [8, 3, 2, 3]];
  const AXES = { step: "step", tokens: "tokens", hours: "hours of training" };
  const view = { axis: "step", logX: false, smoothing: 0, hidden: new Set() };
  const plots = [];
  let clocks = [];

  function floats(text) {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    const data = new DataView(bytes.buffer), found = new Float64Array(bytes.length / 4);
    for (let i = 0; i < found.length; i++) found[i] = data.getFloat32(4 * i, true);
    return found;
  }

  function make(parent, name, text, className) {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (className) made.className = className;
    parent.appendChild(made);
    return made;
  }

  // Ticks at 1, 2 and 5 times powers of ten; axis_ticks.py has the same rules.
  function linearTicks(low, high, most) {
    if (!(high > low)) return [low];
    const rough = (high - low) / (most - 1), power = Math.pow(10, Math.floor(Math.log10(rough)));
    const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough * 0.999);
    const found = [];
    for (let n = Math.ceil(low / step - 1e-9); n <= high / step + 1e-9; n++) found.push(n * step);
    return found;
  }

  function logTicks(low, high, most) {
    const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high)), found = [];
    const many = Math.log10(high / low) > most / 2;
    const every = many ? Math.max(1, Math.round((last - first) / most)) : 1;
    for (let n = first; n <= last; n += every)
      for (const digit of many ? [1] : [1, 2, 5]) found.push(digit * Math.pow(10, n));
    const inside = found.filter((v) => v >= low * 0.9999 && v <= high * 1.0001);
    return inside.length > 1 ? inside : linearTicks(low, high, most);
  }

  function short(value, digits) {
    if (!isFinite(value)) return "not finite";
    if (value === 0) return "0";
    for (const [unit, name] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]])
      if (Math.abs(value) >= unit) return Number((value / unit).toPrecision(digits)) + name;
    if (Math.abs(value) < 1e-3) return Number(value.toPrecision(3)).toExponential();
    return String(Number(value.toPrecision(digits)));
  }

  // Exponential moving average without the bias of its start; gaps stay gaps.
  function smoothed(values, weight) {
    let sum = 0, norm = 0;
    return values.map((value) => {
      if (!isFinite(value)) return NaN;
      sum = weight * sum + (1 - weight) * value;
      norm = weight * norm + (1 - weight);
      return sum / norm;
    });
  }

  function atSteps(steps, clock, axis) {
    if (axis === "step" || !clock || !clock.step.length) return steps;
    const from = clock.step, to = clock[axis];
    let n = 0;
    return steps.map((step) => {
      while (n < from.length - 2 && from[n + 1] < step) n++;
      if (from.length < 2) return to[0];
      const part = (step - from[n]) / (from[n + 1] - from[n]);
      return to[n] + part * (to[n + 1] - to[n]);
    });
  }

  function nearest(x, value) {
    let low = 0, high = x.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (x[middle] < value) low = middle; else high = middle;
    }
    return Math.abs(x[low] - value) <= Math.abs(x[high] - value) ? low : high;
  }

  class Plot {
    constructor(figure) {
      const data = JSON.parse(figure.querySelector("script").textContent);
      this.figure = figure;
      this.label = data.label;
      this.logY = data.log;
      this.dots = data.dots;
      this.zoom = null;
      this.pointers = new Map();
      this.series = data.series.map((each) => ({
        ...each, steps: floats(each.x), values: floats(each.y),
      }));
      this.stage = figure.querySelector(".stage");
      this.canvas = make(this.stage, "canvas");
      this.canvas.tabIndex = 0;
      this.canvas.setAttribute("role", "img");
      this.canvas.setAttribute("aria-label", data.label +
        ". Arrow keys show values, plus and minus zoom, Escape shows all.");
      this.tip = make(this.stage, "div", "", "tip");
      this.tip.setAttribute("role", "status");
      this.tip.hidden = true;
      this.makeButtons();
      this.listen();
      figure.classList.add("live");
    }

    makeButtons() {
      const legend = this.figure.querySelector(".legend");
      legend.textContent = "";
      this.keys = this.series.map((each) => {
        const key = make(legend, "button");
        key.type = "button";
        make(key, "i", "", "swatch c" + each.color + " d" + each.dash);
        key.appendChild(document.createTextNode(each.name));
        key.title = "show or hide";
        key.addEventListener("click", () => {
          if (!view.hidden.delete(each.name)) view.hidden.add(each.name);
          drawAll();
        });
        return key;
      });
      this.logKey = make(legend, "button", "log scale", "tool");
      this.logKey.type = "button";
      this.logKey.addEventListener("click", () => { this.logY = !this.logY; this.draw(); });
      this.resetKey = make(legend, "button", "show all", "tool");
      this.resetKey.type = "button";
      this.resetKey.addEventListener("click", () => this.setZoom(null));
    }

    listen() {
      const canvas = this.canvas;
      canvas.addEventListener("pointerdown", (event) => {
        this.pointers.set(event.pointerId, this.position(event));
        if (event.pointerType === "mouse") this.dragged = [this.position(event), null];
        else this.startPinch();
      });
      canvas.addEventListener("pointermove", (event) => {
        const at = this.position(event);
        if (this.pointers.has(event.pointerId)) this.pointers.set(event.pointerId, at);
        if (this.pinch && this.pointers.size === 2) this.movePinch();
        else if (this.dragged) { this.dragged[1] = at; canvas.setPointerCapture(event.pointerId); this.draw(); }
        else this.point(at);
      });
      const end = (event) => {
        this.pointers.delete(event.pointerId);
        this.pinch = null;
        const drag = this.dragged;
        this.dragged = null;
        if (drag && drag[1] !== null && Math.abs(drag[1] - drag[0]) > 5) {
          const ends = drag.map((x) => this.fromPixel(x)).sort((a, b) => a - b);
          this.setZoom(ends);
        } else if (drag) this.draw();
      };
      canvas.addEventListener("pointerup", end);
      canvas.addEventListener("pointercancel", end);
      canvas.addEventListener("pointerleave", () => this.point(null));
      canvas.addEventListener("dblclick", () => this.setZoom(null));
      canvas.addEventListener("blur", () => this.point(null));
      canvas.addEventListener("keydown", (event) => this.press(event));
    }

    position(event) { return event.clientX - this.canvas.getBoundingClientRect().left; }

    startPinch() {
      if (this.pointers.size === 2)
        this.pinch = [...this.pointers.values()].map((x) => this.unit(x));
    }

    movePinch() {
      const [p, q] = [...this.pointers.values()], [u, v] = this.pinch;
      if (Math.abs(q - p) < 10) return;
      const scale = (v - u) / (q - p), at = (x) => u + (x - p) * scale;
      this.setZoom([at(LEFT), at(this.width - RIGHT)].map((n) => this.fromUnit(n)));
    }

    press(event) {
      const here = this.cursor === null || this.cursor === undefined
        ? (LEFT + this.width - RIGHT) / 2 : this.cursor;
      const move = { ArrowLeft: -8, ArrowRight: 8, Home: -1e6, End: 1e6 }[event.key];
      if (move) this.point(Math.min(this.width - RIGHT, Math.max(LEFT, here + move)));
      else if (event.key === "+" || event.key === "=") this.zoomAround(here, 0.5);
      else if (event.key === "-") this.zoomAround(here, 2);
      else if (event.key === "Escape" || event.key === "0") this.setZoom(null);
      else return;
      event.preventDefault();
    }

    zoomAround(x, factor) {
      const ends = [LEFT, this.width - RIGHT].map((end) => this.fromPixel(x + (end - x) * factor));
      this.setZoom(ends);
    }

    setZoom(ends) {
      this.zoom = ends && ends[1] > ends[0] ? ends : null;
      this.draw();
    }

    // Between pixels and the unit in which the axis is even.
    unit(x) {
      const [low, high] = this.xUnits;
      return low + (x - LEFT) / (this.width - LEFT - RIGHT) * (high - low);
    }
    fromUnit(unit) { return this.logXNow ? Math.pow(10, unit) : unit; }
    fromPixel(x) { return this.fromUnit(this.unit(x)); }
    toPixel(value) {
      const [low, high] = this.xUnits, unit = this.logXNow ? Math.log10(value) : value;
      return LEFT + (unit - low) / (high - low) * (this.width - LEFT - RIGHT);
    }

    visible() { return this.series.filter((each) => !view.hidden.has(each.name)); }

    // A few measured points are shown as they are.
    get smoothing() { return this.dots ? 0 : view.smoothing; }

    prepare() {
      for (const each of this.series) {
        const key = view.axis + this.smoothing;
        if (each.prepared === key) continue;
        each.across = atSteps(each.steps, clocks[each.run], view.axis);
        each.up = this.smoothing ? smoothed(each.values, this.smoothing) : each.values;
        each.prepared = key;
      }
    }

    ranges(shown) {
      const x = [Infinity, -Infinity], y = [Infinity, -Infinity], least = [Infinity, Infinity];
      const grow = (range, value) => {
        if (value < range[0]) range[0] = value;
        if (value > range[1]) range[1] = value;
      };
      for (const each of shown) for (const value of each.across) {
        if (value > 0 && value < least[0]) least[0] = value;
        grow(x, value);
      }
      if (!(x[1] >= x[0])) x.splice(0, 2, 0, 1);
      if (x[0] === x[1]) x.splice(0, 2, x[0] - 1, x[1] + 1);
      this.logXNow = view.logX && isFinite(least[0]);
      if (this.logXNow) x[0] = least[0];
      if (this.zoom) x.splice(0, 2, ...this.zoom);
      if (this.logXNow && x[0] <= 0) x[0] = least[0];
      for (const each of shown) for (const values of [each.up, each.values])
        for (let i = 0; i < values.length; i++) {
          const value = values[i];
          if (!isFinite(value) || each.across[i] < x[0] || each.across[i] > x[1]) continue;
          if (value > 0 && value < least[1]) least[1] = value;
          grow(y, value);
        }
      if (!(y[1] >= y[0])) y.splice(0, 2, 0, 1);
      this.logYNow = this.logY && isFinite(least[1]) && y[1] > 0;
      if (this.logYNow) y[0] = least[1];
      if (y[0] === y[1]) {
        const room = Math.abs(y[0]) / 10 || 1;
        y.splice(0, 2, y[0] - room, y[1] + room);
      }
      this.xUnits = this.logXNow ? x.map(Math.log10) : x;
      const units = this.logYNow ? y.map(Math.log10) : y, room = (units[1] - units[0]) * 0.04;
      this.yUnits = [units[0] - room, units[1] + room];
      return [x, this.logYNow ? this.yUnits.map((n) => Math.pow(10, n)) : this.yUnits];
    }

    draw() {
      const ratio = window.devicePixelRatio || 1, style = getComputedStyle(this.figure);
      const color = (name) => style.getPropertyValue(name).trim();
      this.width = this.stage.clientWidth;
      const height = this.height = Math.max(200, Math.min(HEIGHT, this.width * 0.62));
      this.canvas.width = this.width * ratio;
      this.canvas.height = height * ratio;
      this.canvas.style.width = this.width + "px";
      this.canvas.style.height = height + "px";
      const pen = this.pen = this.canvas.getContext("2d");
      pen.scale(ratio, ratio);
      pen.font = "12px system-ui, sans-serif";
      this.prepare();
      const shown = this.visible(), [x, y] = this.ranges(shown);
      const toY = this.toY = (value) => {
        const unit = this.logYNow ? Math.log10(value) : value, [low, high] = this.yUnits;
        return height - BOTTOM - (unit - low) / (high - low) * (height - BOTTOM - TOP);
      };
      pen.fillStyle = color("--dim");
      pen.strokeStyle = color("--grid");
      pen.lineWidth = 1;
      pen.textAlign = "right";
      pen.textBaseline = "middle";
      for (const tick of (this.logYNow ? logTicks : linearTicks)(y[0], y[1], 6)) {
        const at = Math.round(toY(tick)) + 0.5;
        pen.beginPath(); pen.moveTo(LEFT, at); pen.lineTo(this.width - RIGHT, at); pen.stroke();
        pen.fillText(short(tick, 4), LEFT - 6, at);
      }
      this.drawAcross(pen, x, height);
      pen.save();
      pen.beginPath();
      pen.rect(LEFT - 1, 0, this.width - LEFT - RIGHT + 2, height - BOTTOM + 1);
      pen.clip();
      for (const each of shown) {
        pen.strokeStyle = pen.fillStyle = color("--c" + each.color);
        pen.setLineDash(DASHES[each.dash]);
        pen.lineWidth = 1;
        pen.globalAlpha = 0.25;
        if (this.smoothing) this.line(pen, each, each.values);
        pen.globalAlpha = 1;
        pen.lineWidth = 1.7;
        this.line(pen, each, each.up);
        if (this.dots || each.steps.length === 1) this.points(pen, each);
      }
      pen.restore();
      if (this.dragged && this.dragged[1] !== null) {
        const [a, b] = this.dragged;
        pen.globalAlpha = 0.15;
        pen.fillStyle = color("--c0");
        pen.fillRect(Math.min(a, b), TOP, Math.abs(b - a), height - TOP - BOTTOM);
        pen.globalAlpha = 1;
      }
      this.keys.forEach((key, n) =>
        key.setAttribute("aria-pressed", String(!view.hidden.has(this.series[n].name))));
      this.logKey.setAttribute("aria-pressed", String(this.logY));
      this.resetKey.hidden = !this.zoom;
      this.figure.dataset.drawn = String(shown.length);
    }

    drawAcross(pen, x, height) {
      pen.textBaseline = "alphabetic";
      pen.textAlign = "center";
      const most = Math.max(2, Math.min(8, Math.floor(this.width / 80)));
      const name = AXES[view.axis];
      const end = this.width - RIGHT - pen.measureText(name).width - 14;
      for (const tick of (this.logXNow ? logTicks : linearTicks)(x[0], x[1], most)) {
        const at = this.toPixel(tick), text = short(tick, 4), half = pen.measureText(text).width / 2;
        if (at + half < end) pen.fillText(text, Math.max(at, half), height - 10);
      }
      pen.textAlign = "right";
      pen.fillText(name, this.width - RIGHT, height - 10);
    }

    line(pen, each, values) {
      let drawing = false;
      pen.beginPath();
      for (let i = 0; i < values.length; i++) {
        const a = this.toPixel(each.across[i]), b = this.toY(values[i]);
        if (!isFinite(a) || !isFinite(b)) { drawing = false; continue; }
        if (drawing) pen.lineTo(a, b); else pen.moveTo(a, b);
        drawing = true;
      }
      pen.stroke();
    }

    points(pen, each) {
      for (let i = 0; i < each.up.length; i++) {
        const a = this.toPixel(each.across[i]), b = this.toY(each.up[i]);
        if (!isFinite(a) || !isFinite(b)) continue;
        pen.beginPath(); pen.arc(a, b, 3, 0, 7); pen.fill();
      }
    }

    // Show the values at a position: those of each curve that are nearest to it.
    point(at) {
      this.draw();
      this.cursor = at;
      const shown = this.visible().filter((each) => each.steps.length);
      if (at === null || at < LEFT - 4 || at > this.width - RIGHT + 4 || !shown.length) {
        this.tip.hidden = true;
        return;
      }
      const value = this.fromPixel(at), pen = this.pen, style = getComputedStyle(this.figure);
      this.tip.textContent = "";
      const shownAt = view.axis === "step" ? Math.round(value).toLocaleString("en") : short(value, 4);
      make(this.tip, "b", AXES[view.axis] + " " + shownAt);
      pen.strokeStyle = style.getPropertyValue("--dim");
      pen.setLineDash([2, 2]);
      pen.beginPath(); pen.moveTo(at, TOP); pen.lineTo(at, this.height - BOTTOM); pen.stroke();
      pen.setLineDash([]);
      for (const each of shown) {
        const n = nearest(each.across, value), row = make(this.tip, "div");
        make(row, "i", "", "swatch c" + each.color + " d" + each.dash);
        row.appendChild(document.createTextNode(each.name + " "));
        make(row, "span", short(each.up[n], 5));
        pen.fillStyle = style.getPropertyValue("--c" + each.color);
        const a = this.toPixel(each.across[n]), b = this.toY(each.up[n]);
        if (isFinite(a) && isFinite(b)) { pen.beginPath(); pen.arc(a, b, 4, 0, 7); pen.fill(); }
      }
      this.tip.hidden = false;
      const left = at > this.width / 2 ? at - this.tip.offsetWidth - 12 : at + 12;
      this.tip.style.left = Math.max(0, left) + "px";
    }
  }

  function drawAll() { for (const plot of plots) plot.draw(); }

  function makeControls(parent) {
    const choose = make(parent, "label", "across: ");
    const select = make(choose, "select");
    for (const [key, name] of Object.entries(AXES)) make(select, "option", name).value = key;
    select.addEventListener("change", () => {
      view.axis = select.value;
      for (const plot of plots) plot.zoom = null;
      drawAll();
    });
    const logLabel = make(parent, "label"), log = make(logLabel, "input");
    log.type = "checkbox";
    logLabel.appendChild(document.createTextNode(" log scale across"));
    log.addEventListener("change", () => {
      view.logX = log.checked;
      for (const plot of plots) plot.zoom = null;
      drawAll();
    });
    const smoothLabel = make(parent, "label", "smoothing "), smooth = make(smoothLabel, "input");
    const shown = make(smoothLabel, "output", "0");
    Object.assign(smooth, { type: "range", min: "0", max: "0.99", step: "0.01", value: "0" });
    smooth.addEventListener("input", () => {
      view.smoothing = Number(smooth.value);
      shown.textContent = smooth.value;
      drawAll();
    });
  }

  function start() {
    const found = document.querySelector("script.clocks");
    if (found) clocks = JSON.parse(found.textContent).map((clock) =>
      Object.fromEntries(Object.entries(clock).map(([key, text]) => [key, floats(text)])));
    for (const parent of document.querySelectorAll(".controls")) makeControls(parent);
    for (const figure of document.querySelectorAll("figure.plot")) plots.push(new Plot(figure));
    drawFrom(0);
    let width = window.innerWidth;
    window.addEventListener("resize", () => {
      if (window.innerWidth !== width) { width = window.innerWidth; drawAll(); }
    });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  }

  // One plot at a time, so that the page answers from the start.
  function drawFrom(number) {
    if (number < plots.length) {
      plots[number].draw();
      setTimeout(() => drawFrom(number + 1));
    } else document.documentElement.dataset.ready = String(number);
  }
  start();
})();
