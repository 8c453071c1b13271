// The view of one cache: how it is, what it did, what it is made of, and its entries.

import { badge, Charts, Tiles } from "./charts.js";
import { h, say } from "./dom.js";
import { Entries } from "./entries.js";
import * as format from "./format.js";

const STATISTICS = [
  ["Hits", "hit_count"],
  ["Misses", "miss_count"],
  ["Values written", "set_count"],
  ["Entries deleted", "delete_count"],
  ["Evictions", "eviction_count"],
  ["Expirations", "expiration_count"],
  ["Loads", "load_count"],
  ["Loads that failed", "load_error_count"],
  ["Stale values served", "stale_served_count"],
  ["Callers served by another's load", "coalesced_count"],
  ["Errors", "error_count"],
];

/** What a limit says; that of a tiered cache is for what is near. */
function limit(cache, most, show) {
  if (most === null) return "no limit";
  return cache.backend === "tiered" ? `near, at most ${show(most)}` : `of ${show(most)}`;
}

/** A list of names and values, which are changed in place. */
class Facts {
  #values = new Map();

  constructor() {
    this.element = h("dl", { class: "facts" });
  }

  set(name, text) {
    if (!this.#values.has(name)) {
      this.#values.set(name, h("dd", {}));
      this.element.append(h("div", {}, h("dt", {}, name), this.#values.get(name)));
    }
    say(this.#values.get(name), text);
  }
}

export class CachePage {
  #history;
  #ref;

  constructor(ref, history) {
    this.#ref = ref;
    this.#history = history;
    const colon = ref.indexOf(":");
    this.title = colon < 0 ? ref : ref.slice(colon + 1);
    this.status = h("span", {});
    this.error = h("p", { class: "wrong", role: "alert", hidden: true });
    this.tiles = new Tiles(["Hit ratio", "Reads", "Entries", "Size", "Lookup time"]);
    this.charts = new Charts();
    this.made = new Facts();
    this.did = new Facts();
    this.entries = new Entries(ref);
    this.full = h(
      "div",
      {},
      this.tiles.element,
      this.charts.element,
      h(
        "div",
        { class: "two" },
        h("section", { class: "panel", "aria-labelledby": "did" }, h("h2", { id: "did" }, "Statistics"), this.did.element),
        h("section", { class: "panel", "aria-labelledby": "made" }, h("h2", { id: "made" }, "Settings"), this.made.element),
      ),
      this.entries.element,
    );
    this.gone = h("div", { class: "empty", hidden: true }, h("p", {}, "There is no such cache any more."), h("p", {}, h("a", { href: "#/" }, "All caches")));
    this.element = h(
      "div",
      {},
      h("nav", { "aria-label": "You are here", class: "crumbs" }, h("a", { href: "#/" }, "Overview"), h("span", { "aria-hidden": "true" }, "/"), h("span", {}, colon < 0 ? "cache" : ref.slice(0, colon))),
      h("div", { class: "title" }, h("h1", { tabindex: "-1" }, this.title), this.status),
      this.error,
      this.gone,
      this.full,
    );
    this.entries.load();
  }

  close() {
    this.entries.close();
  }

  update(snapshot) {
    const cache = snapshot.caches.find((one) => one.ref === this.#ref);
    this.gone.hidden = cache !== undefined;
    this.full.hidden = cache === undefined;
    if (cache === undefined) {
      this.error.hidden = true;
      this.status.replaceChildren();
      return;
    }
    if (this.status.dataset.status !== cache.status) {
      this.status.dataset.status = cache.status;
      this.status.replaceChildren(badge(cache));
    }
    this.error.hidden = cache.error === null;
    say(this.error, cache.error?.message ?? "");
    this.#settings(cache);
    const series = this.#history.of(this.#ref);
    this.charts.update(series);
    if (cache.statistics !== null) this.#numbers(cache, cache.statistics, series.last);
  }

  #numbers(cache, statistics, last) {
    const reads = statistics.hit_count + statistics.miss_count;
    this.tiles.set("Hit ratio", format.percent(last?.ratio ?? (reads > 0 ? statistics.hit_rate : null)), reads > 0 ? `${format.percent(statistics.hit_rate)} since the last reset` : "no reads yet");
    this.tiles.set("Reads", format.rate(last === null || last.hits === null ? null : last.hits + last.misses), `${format.short(reads)} in all`);
    this.tiles.set("Entries", format.brief(statistics.entry_count), limit(cache, cache.max_size, format.short));
    this.tiles.set("Size", format.bytes(statistics.total_size_bytes), limit(cache, cache.max_bytes, format.bytes));
    this.tiles.set("Lookup time", format.latency(last?.latency), last?.latency ? "mean since the last reset" : "one read in 1,000 is timed");
    for (const [name, field] of STATISTICS) this.did.set(name, format.count(statistics[field]));
    this.did.set("Counted since", format.moment(statistics.last_reset));
  }

  #settings(cache) {
    this.made.set("Strategy", cache.strategy);
    this.made.set("Backend", cache.backend);
    this.made.set("Most entries", cache.max_size === null ? "no limit" : format.count(cache.max_size));
    this.made.set("Most bytes", cache.max_bytes === null ? "no limit" : format.bytes(cache.max_bytes));
    this.made.set("Entries live", format.duration(cache.default_ttl));
    this.made.set("Namespace", cache.namespace);
    this.made.set("Made", format.moment(cache.created_at));
    for (const [name, setting] of Object.entries(cache.backend_config)) {
      if (name === "type") continue;
      this.made.set(`Backend: ${name}`, typeof setting === "string" ? setting : JSON.stringify(setting));
    }
  }
}
