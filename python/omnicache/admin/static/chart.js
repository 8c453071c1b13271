// A line chart of the last minutes as SVG: it is drawn anew as often as it is told, in the size that it has.

import { h, mark, s, say } from "./dom.js";
import { clock } from "./format.js";
import { SPAN } from "./history.js";

const HEIGHT = 168;
const LEFT = 54;
const RIGHT = 10;
const TOP = 8;
const BOTTOM = 20;
const SHORTEST = 60 * 1000;
let made = 0;

/** A round number that is no less. */
export function ceiling(value, base = 10) {
  if (!(value > 0)) return 1;
  const power = base ** Math.floor(Math.log(value) / Math.log(base));
  const steps = base === 10 ? [1, 2, 4, 5, 10] : [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
  return power * steps.find((step) => step * power >= value * 0.9999);
}

/**
 * A figure with a title, a legend and a drawing. `lines` are {name, field, color}, the color a number of the palette;
 * `show` writes a value; `top` is the largest value there can be, if there is one; `base` is 1024 for sizes.
 */
export class Chart {
  #series = null;
  #width = 0;
  #at = null;
  #parts;

  constructor({ title, lines, show, top = null, base = 10 }) {
    this.given = { title, lines, show, top, base };
    this.id = `chart-${(made += 1)}`;
    this.now = lines.map(() => h("strong", {}));
    const legend = lines.map((line, index) =>
      h("span", { class: "key" }, h("i", { class: `swatch color-${line.color}` }), `${line.name} `, this.now[index]),
    );
    this.svg = s("svg", { class: "plot", height: HEIGHT, role: "img", "aria-labelledby": this.id });
    this.tip = h("div", { class: "tip", hidden: true });
    this.text = h("p", { class: "unseen", id: this.id });
    this.element = h(
      "figure",
      { class: "chart" },
      h("figcaption", {}, h("h3", {}, title), h("div", { class: "legend" }, legend)),
      h("div", { class: "plot-box" }, this.svg, this.tip),
      this.text,
    );
    this.svg.addEventListener("pointermove", (event) => this.#point(event));
    this.svg.addEventListener("pointerleave", () => this.#point(null));
    new ResizeObserver(([entry]) => {
      this.#width = Math.round(entry.contentRect.width);
      this.#draw();
    }).observe(this.svg.parentElement);
  }

  /** Draws these samples. */
  update(series) {
    this.#series = series;
    const last = series.last;
    this.given.lines.forEach((line, index) => say(this.now[index], this.given.show(last?.[line.field] ?? null)));
    say(this.text, this.#summary());
    this.#draw();
  }

  #summary() {
    const { title, lines, show } = this.given;
    const told = lines.map(({ name, field }) => {
      const values = this.#series.samples.map((sample) => sample[field]).filter((value) => value !== null);
      if (values.length === 0) return `${name}: nothing yet`;
      return `${name}: now ${show(this.#series.last[field])}, from ${show(Math.min(...values))} to ${show(Math.max(...values))}`;
    });
    return `${title}. ${told.join("; ")}.`;
  }

  #draw() {
    const samples = this.#series?.samples ?? [];
    if (this.#width < 80) return;
    const { lines, show, base } = this.given;
    const width = this.#width;
    mark(this.svg, "width", String(width));
    mark(this.svg, "viewBox", `0 0 ${width} ${HEIGHT}`);
    const end = samples.at(-1)?.time ?? Date.now();
    const begin = Math.max(end - SPAN, Math.min(samples[0]?.time ?? end, end - SHORTEST));
    const most = Math.max(0, ...samples.flatMap((sample) => lines.map((line) => sample[line.field] ?? 0)));
    const top = this.given.top ?? ceiling(most, base);
    const x = (time) => LEFT + ((time - begin) / (end - begin)) * (width - LEFT - RIGHT);
    const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
    this.#parts = { samples, x, y };
    const drawn = [0, 0.5, 1].flatMap((part) => [
      s("line", { class: part === 0 ? "axis" : "grid", x1: LEFT, x2: width - RIGHT, y1: y(part * top), y2: y(part * top) }),
      s("text", { class: "tick", x: LEFT - 8, y: y(part * top) + 4, "text-anchor": "end" }, show(part * top)),
    ]);
    const seconds = Math.round((end - begin) / 1000);
    const ago = seconds >= 120 ? `${Math.round(seconds / 60)} min ago` : `${seconds} s ago`;
    drawn.push(
      s("text", { class: "tick", x: LEFT, y: HEIGHT - 4 }, ago),
      s("text", { class: "tick", x: width - RIGHT, y: HEIGHT - 4, "text-anchor": "end" }, "now"),
    );
    for (const [index, line] of lines.entries()) {
      for (const run of runs(samples, line.field)) {
        const points = run.map((sample) => `${x(sample.time).toFixed(1)},${y(sample[line.field]).toFixed(1)}`);
        if (index === 0 && run.length > 1) {
          const [from, to] = [x(run[0].time).toFixed(1), x(run.at(-1).time).toFixed(1)];
          drawn.push(s("polygon", { class: `area color-${line.color}`, points: `${from},${y(0)} ${points.join(" ")} ${to},${y(0)}` }));
        }
        drawn.push(
          run.length > 1
            ? s("polyline", { class: `line color-${line.color}`, points: points.join(" ") })
            : s("circle", { class: `spot color-${line.color}`, cx: points[0].split(",")[0], cy: points[0].split(",")[1], r: 2 }),
        );
      }
    }
    if (samples.length === 0) {
      drawn.push(s("text", { class: "tick", x: width / 2, y: HEIGHT / 2 - 8, "text-anchor": "middle" }, "Waiting for the first numbers…"));
    }
    this.svg.replaceChildren(...drawn);
    this.#cursor();
  }

  #point(event) {
    this.#at = event === null ? null : event.clientX - this.svg.getBoundingClientRect().left;
    this.svg.querySelectorAll(".cursor").forEach((part) => part.remove());
    this.#cursor();
  }

  #cursor() {
    const { samples, x, y } = this.#parts ?? { samples: [] };
    this.tip.hidden = this.#at === null || samples.length === 0;
    if (this.tip.hidden) return;
    const near = samples.reduce((best, sample) => (Math.abs(x(sample.time) - this.#at) < Math.abs(x(best.time) - this.#at) ? sample : best));
    const at = x(near.time);
    const { lines, show } = this.given;
    this.svg.append(
      s("line", { class: "cursor", x1: at, x2: at, y1: TOP, y2: HEIGHT - BOTTOM }),
      ...lines.filter((line) => near[line.field] !== null).map((line) => s("circle", { class: `cursor spot color-${line.color}`, cx: at, cy: y(near[line.field]), r: 3.5 })),
    );
    this.tip.replaceChildren(
      h("div", { class: "tip-time" }, clock(near.time)),
      ...lines.map((line) => h("div", {}, h("i", { class: `swatch color-${line.color}` }), `${line.name} `, h("strong", {}, show(near[line.field])))),
    );
    const left = at > this.#width / 2 ? at - this.tip.offsetWidth - 12 : at + 12;
    this.tip.style.left = `${Math.max(0, left)}px`;
  }
}

/** The stretches without gaps. */
function runs(samples, field) {
  const found = [[]];
  for (const sample of samples) {
    if (sample[field] === null) found.push([]);
    else found.at(-1).push(sample);
  }
  return found.filter((run) => run.length > 0);
}

/** A small line without axes, for a table; it is for the eye only. */
export function spark(samples, field, top = null) {
  const [width, height] = [96, 26];
  const svg = s("svg", { class: "spark", width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const shown = samples.slice(-60);
  const most = top ?? Math.max(1e-9, ...shown.map((sample) => sample[field] ?? 0));
  for (const run of runs(shown, field)) {
    const step = (width - 2) / (Math.max(20, shown.length) - 1);
    const place = (sample) => width - 1 - (shown.length - 1 - shown.indexOf(sample)) * step;
    const points = run.map((sample) => `${place(sample).toFixed(1)},${(height - 2 - (sample[field] / most) * (height - 5)).toFixed(1)}`);
    svg.append(s("polyline", { class: "line color-1", points: points.join(" ") }));
  }
  return svg;
}
