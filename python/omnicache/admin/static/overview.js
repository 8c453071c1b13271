// The view of all caches: tiles, charts, and a table that is filtered and sorted.

import { badge, Charts, Tiles } from "./charts.js";
import { spark } from "./chart.js";
import { h, mark, say } from "./dom.js";
import * as format from "./format.js";

const COLUMNS = [
  { name: "Cache", sort: (row) => row.cache.name, text: true },
  { name: "Status", sort: (row) => row.cache.status, text: true },
  { name: "Hit ratio", sort: (row) => row.ratio ?? -1 },
  { name: "Last minute", sort: null },
  { name: "Reads", sort: (row) => row.reads ?? -1 },
  { name: "Entries", sort: (row) => row.cache.entry_count ?? -1 },
  { name: "Size", sort: (row) => row.cache.statistics?.total_size_bytes ?? -1 },
  { name: "Evictions", sort: (row) => row.cache.statistics?.eviction_count ?? -1 },
];

/** One row of the table; it stays the same element as long as its cache is there. */
class Row {
  constructor(cache) {
    this.cells = COLUMNS.map((column, index) => h(index === 0 ? "th" : "td", { role: index === 0 ? "rowheader" : "cell", scope: index === 0 ? "row" : null, "data-name": column.name, class: column.text || column.sort === null ? null : "right" }));
    this.element = h("tr", { role: "row" }, this.cells);
    this.cells[0].append(
      h("a", { href: `#/cache/${encodeURIComponent(cache.ref)}` }, cache.name),
      h("span", { class: "sub" }, `${cache.namespace} · ${cache.backend} · ${cache.strategy}`),
    );
  }

  update(cache, series) {
    this.cache = cache;
    const [last, statistics] = [series.last, cache.statistics];
    this.ratio = last?.ratio ?? statistics?.hit_rate ?? null;
    this.reads = last?.hits === null || last === null ? null : last.hits + last.misses;
    const [, status, ratio, line, reads, entries, size, evictions] = this.cells;
    if (status.dataset.status !== cache.status) {
      status.dataset.status = cache.status;
      status.replaceChildren(badge(cache));
    }
    mark(status, "title", cache.error?.message ?? null);
    say(ratio, statistics !== null && statistics.hit_count + statistics.miss_count === 0 ? "–" : format.percent(this.ratio));
    line.replaceChildren(spark(series.samples, "ratio", 1));
    say(reads, format.rate(this.reads));
    // The limits of a tiered cache are those of what is near.
    say(entries, cache.max_size === null || cache.backend === "tiered" ? format.count(cache.entry_count) : `${format.count(cache.entry_count)} / ${format.short(cache.max_size)}`);
    say(size, format.bytes(statistics?.total_size_bytes));
    say(evictions, format.count(statistics?.eviction_count));
  }

  matches(text) {
    return `${this.cache.ref} ${this.cache.backend} ${this.cache.strategy} ${this.cache.status}`.toLowerCase().includes(text);
  }
}

export class Overview {
  title = "Overview";
  #rows = new Map();
  #sort = { column: 0, down: false };
  #history;

  constructor(history) {
    this.#history = history;
    this.tiles = new Tiles(["Hit ratio", "Reads", "Entries", "Size", "Errors"]);
    this.charts = new Charts();
    this.filter = h("input", { type: "search", id: "filter", placeholder: "Name, namespace, status…", oninput: () => this.#arrange() });
    this.heads = COLUMNS.map((column, index) =>
      h(
        "th",
        { scope: "col", role: "columnheader", class: column.text || column.sort === null ? null : "right" },
        column.sort === null ? column.name : h("button", { type: "button", class: "sort", onclick: () => this.#sortBy(index) }, column.name),
      ),
    );
    this.body = h("tbody", { role: "rowgroup" });
    this.none = h("p", { class: "empty", hidden: true });
    this.table = h(
      "section",
      { "aria-labelledby": "caches-title" },
      h("div", { class: "bar" }, h("h2", { id: "caches-title" }, "Caches"), h("div", { class: "field" }, h("label", { for: "filter" }, "Filter"), this.filter)),
      h("table", { class: "cards", role: "table", "aria-labelledby": "caches-title" }, h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, this.heads)), this.body),
      this.none,
    );
    this.full = h("div", { hidden: true }, this.tiles.element, this.charts.element, this.table);
    this.note = h("div", { class: "empty" }, h("p", {}, "Waiting for the first numbers…"));
    this.element = h("div", {}, h("h1", { tabindex: "-1" }, "Overview"), this.note, this.full);
    this.#mark();
  }

  update(snapshot) {
    const caches = snapshot.caches;
    this.full.hidden = caches.length === 0;
    this.note.hidden = caches.length > 0;
    if (snapshot.error !== null && caches.length === 0) {
      this.note.replaceChildren(h("p", {}, h("strong", {}, "The caches could not be read.")), h("p", {}, snapshot.error.message));
      return;
    }
    if (caches.length === 0) {
      if (!this.note.querySelector("code")) this.note.replaceChildren(...welcome());
      return;
    }
    const all = this.#history.all.last;
    const sum = (name) => caches.reduce((total, cache) => total + (cache.statistics?.[name] ?? 0), 0);
    const reads = sum("hit_count") + sum("miss_count");
    this.tiles.set("Hit ratio", format.percent(all.ratio ?? (reads > 0 ? sum("hit_count") / reads : null)), reads > 0 ? `${format.percent(sum("hit_count") / reads)} since the last reset` : "no reads yet");
    this.tiles.set("Reads", format.rate(all.hits === null ? null : all.hits + all.misses), `${format.short(reads)} in all`);
    this.tiles.set("Entries", format.brief(all.entries), `in ${caches.length} ${caches.length === 1 ? "cache" : "caches"}`);
    this.tiles.set("Size", format.bytes(all.bytes), "keys and values");
    const bad = caches.filter((cache) => cache.status !== "active").length;
    this.tiles.set("Errors", format.short(sum("error_count") + sum("load_error_count")), bad === 0 ? "all caches are active" : `${bad} not active`);
    this.charts.update(this.#history.all);
    const gone = new Set(this.#rows.keys());
    for (const cache of caches) {
      gone.delete(cache.ref);
      if (!this.#rows.has(cache.ref)) this.#rows.set(cache.ref, new Row(cache));
      this.#rows.get(cache.ref).update(cache, this.#history.of(cache.ref));
    }
    for (const ref of gone) {
      this.#rows.get(ref).element.remove();
      this.#rows.delete(ref);
    }
    this.#arrange();
  }

  #sortBy(column) {
    const same = this.#sort.column === column;
    this.#sort = { column, down: same ? !this.#sort.down : !COLUMNS[column].text };
    this.#mark();
    this.#arrange();
  }

  #mark() {
    this.heads.forEach((head, index) => mark(head, "aria-sort", index !== this.#sort.column ? null : this.#sort.down ? "descending" : "ascending"));
  }

  #arrange() {
    const text = this.filter.value.trim().toLowerCase();
    const { sort } = COLUMNS[this.#sort.column];
    const rows = [...this.#rows.values()].filter((row) => row.matches(text));
    const side = this.#sort.down ? -1 : 1;
    rows.sort((a, b) => {
      const [one, other] = [sort(a), sort(b)];
      return one === other ? a.cache.ref.localeCompare(b.cache.ref) : one < other ? -side : side;
    });
    const wanted = rows.map((row) => row.element);
    // Moved only if the order is another one: what has the focus would lose it.
    if (wanted.length !== this.body.children.length || wanted.some((element, index) => this.body.children[index] !== element)) {
      const focus = document.activeElement;
      this.body.replaceChildren(...wanted);
      if (this.body.contains(focus)) focus.focus();
    }
    this.none.hidden = rows.length > 0;
    say(this.none, `No cache matches “${this.filter.value.trim()}”.`);
  }
}

function welcome() {
  return [
    h("h2", {}, "There is no cache yet"),
    h("p", {}, "Define one on the command line:"),
    h("pre", {}, h("code", {}, "omnicache cache create users --max-size 10000 --default-ttl 5m")),
    h("p", {}, "or make one in the program that this page is served from:"),
    h("pre", {}, h("code", {}, 'users = omnicache.Cache("users", max_size=10_000, default_ttl="5m")')),
    h("p", {}, "It appears here by itself."),
  ];
}
