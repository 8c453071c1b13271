// The four charts that every view shows, and the tiles above them.

import { Chart } from "./chart.js";
import { h, say } from "./dom.js";
import * as format from "./format.js";

/** The charts, in a grid. */
export class Charts {
  constructor() {
    this.charts = [
      new Chart({ title: "Hit ratio", lines: [{ name: "hits per read", field: "ratio", color: 1 }], show: format.percent, top: 1 }),
      new Chart({
        title: "Operations",
        lines: [
          { name: "hits", field: "hits", color: 1 },
          { name: "misses", field: "misses", color: 2 },
          { name: "writes", field: "sets", color: 3 },
          { name: "evictions", field: "evictions", color: 4 },
        ],
        show: format.rate,
      }),
      new Chart({ title: "Size", lines: [{ name: "keys and values", field: "bytes", color: 5 }], show: format.bytes, base: 1024 }),
      new Chart({ title: "Lookup time", lines: [{ name: "mean since the last reset", field: "latency", color: 6 }], show: format.latency }),
    ];
    this.element = h("section", { class: "charts", "aria-label": "Charts" }, this.charts.map((chart) => chart.element));
  }

  update(series) {
    for (const chart of this.charts) chart.update(series);
  }
}

/** Tiles with a name, a large number and a remark; they are named by `names`. */
export class Tiles {
  #parts = new Map();

  constructor(names) {
    const tiles = names.map((name) => {
      const parts = { number: h("dd", { class: "number" }, "–"), note: h("dd", { class: "note" }) };
      this.#parts.set(name, parts);
      return h("div", { class: "tile" }, h("dt", {}, name), parts.number, parts.note);
    });
    this.element = h("dl", { class: "tiles" }, tiles);
  }

  set(name, number, note = "") {
    const parts = this.#parts.get(name);
    say(parts.number, number);
    say(parts.note, note);
  }
}

/** The note of a status: how a cache is, in words and in a color. */
export function badge(cache) {
  const kind = { active: "ok", degraded: "bad", maintenance: "wait", shutdown: "off" }[cache.status] ?? "off";
  return h("span", { class: `pill pill-${kind}` }, h("span", { class: "dot" }), cache.status);
}
