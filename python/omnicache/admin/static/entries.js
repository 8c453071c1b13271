// The entries of a cache: found by pattern and tags, looked at, deleted, cleared.

import { api } from "./api.js";
import { confirmed, modal, toast } from "./dialog.js";
import { h, say } from "./dom.js";
import * as format from "./format.js";

const PAGE = 50;

export class Entries {
  #ref;
  #cursor = null;
  #shown = 0;
  #abort = new AbortController();

  constructor(ref) {
    this.#ref = ref;
    this.pattern = h("input", { type: "search", id: "pattern", placeholder: "user:*", autocomplete: "off", spellcheck: "false" });
    this.tags = h("input", { type: "search", id: "tags", placeholder: "team:7, admin", autocomplete: "off", spellcheck: "false" });
    this.clear = h("button", { type: "button", class: "button danger", onclick: () => this.#clear() }, "Clear all…");
    for (const input of [this.pattern, this.tags]) input.addEventListener("input", () => say(this.clear, this.#asked.any ? "Clear matching…" : "Clear all…"));
    const search = h(
      "form",
      {
        role: "search",
        class: "search",
        onsubmit: (event) => {
          event.preventDefault();
          this.load();
        },
      },
      h("div", { class: "field" }, h("label", { for: "pattern" }, "Key pattern"), this.pattern),
      h("div", { class: "field" }, h("label", { for: "tags" }, "Tags, any of"), this.tags),
      h("button", { class: "button primary" }, "Search"),
      this.clear,
    );
    this.body = h("tbody", { role: "rowgroup" });
    const heads = ["Key", "Tags", "Size", "Hits", "Ends in", "Actions"];
    this.table = h(
      "table",
      { class: "cards", role: "table", "aria-labelledby": "entries-title" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads.map((name) => h("th", { scope: "col", role: "columnheader", class: { Size: "right", Hits: "right", Actions: "buttons" }[name] ?? null }, name)))),
      this.body,
    );
    this.note = h("p", { class: "empty", role: "status" });
    this.more = h("button", { type: "button", class: "button", hidden: true, onclick: () => this.#page() }, "Show more");
    this.element = h("section", { class: "entries", "aria-labelledby": "entries-title" }, h("h2", { id: "entries-title", tabindex: "-1" }, "Entries"), search, this.table, this.note, h("div", { class: "after" }, this.more));
  }

  get #asked() {
    const pattern = this.pattern.value.trim();
    const tags = this.tags.value.trim();
    return { pattern, tags, any: pattern !== "" || tags !== "" };
  }

  close() {
    this.#abort.abort();
  }

  /** Begins anew with what is asked for now. */
  async load() {
    this.#cursor = null;
    this.#shown = 0;
    this.searched = this.#asked;
    await this.#page(true);
  }

  async #page(first = false) {
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.element.setAttribute("aria-busy", "true");
    try {
      const asked = { pattern: this.searched.pattern, tags: this.searched.tags, limit: PAGE, cursor: this.#cursor };
      const page = await api.entries(this.#ref, asked, signal);
      const rows = page.entries.map((entry) => this.#row(entry));
      if (first) this.body.replaceChildren(...rows);
      else this.body.append(...rows);
      this.#cursor = page.next_cursor;
      this.#shown += rows.length;
      if (!first) rows[0]?.querySelector("button").focus();
      this.#tell();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#failed(error);
      if (first) this.body.replaceChildren();
      this.#tell(error.message);
    }
    this.element.removeAttribute("aria-busy");
  }

  #tell(trouble = null) {
    this.table.hidden = this.#shown === 0;
    this.more.hidden = this.#cursor === null || trouble !== null;
    const nothing = this.searched.any ? "No entry matches." : "This cache is empty.";
    const some = `${format.count(this.#shown)} ${this.#shown === 1 ? "entry" : "entries"} shown${this.#cursor === null ? "" : ", there are more"}.`;
    // A page may be empty though others follow.
    say(this.note, trouble ?? (this.#shown === 0 && this.#cursor === null ? nothing : some));
  }

  #row(entry) {
    const view = h("button", { type: "button", class: "button small", "aria-label": `View ${entry.key}`, onclick: () => this.#view(entry.key) }, "View");
    const remove = h("button", { type: "button", class: "button small danger", "aria-label": `Delete ${entry.key}`, onclick: () => this.#remove(entry.key, row) }, "Delete");
    const cell = (name, content, kind = null) => h("td", { role: "cell", "data-name": name, class: kind }, content);
    const row = h(
      "tr",
      { role: "row" },
      h("th", { scope: "row", role: "rowheader", class: "key-cell" }, h("code", {}, entry.key)),
      cell("Tags", h("span", {}, entry.tags.length === 0 ? "–" : entry.tags.map((tag) => h("button", { type: "button", class: "tag", "aria-label": `Search the tag ${tag}`, onclick: () => this.#byTag(tag) }, tag)))),
      cell("Size", format.weight(entry.size_bytes), "right"),
      cell("Hits", format.count(entry.access_count), "right"),
      cell("Ends in", format.until(entry.expires_at)),
      h("td", { role: "cell", class: "buttons" }, view, remove),
    );
    return row;
  }

  #byTag(tag) {
    this.tags.value = tag.replaceAll("\\", "\\\\").replaceAll(",", "\\,");
    this.tags.dispatchEvent(new Event("input"));
    this.load();
    this.tags.focus();
  }

  async #view(key) {
    let entry;
    try {
      entry = await api.entry(this.#ref, key);
    } catch (error) {
      this.#failed(error);
      return;
    }
    const facts = [
      ["Size", format.weight(entry.size_bytes)],
      ["Hits", format.count(entry.access_count)],
      ["Given to live", format.duration(entry.ttl)],
      ["Ends in", format.until(entry.expires_at)],
      ["Written", format.moment(entry.created_at)],
      ["Last used", format.moment(entry.last_accessed)],
      ["Priority", String(entry.priority)],
      ["Tags", entry.tags.join(", ") || "none"],
    ];
    const content = h(
      "form",
      { method: "dialog" },
      h("pre", { class: "value", tabindex: "0", role: "region", "aria-label": "Value" }, format.value(entry)),
      h("dl", { class: "facts" }, facts.map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text)))),
      h("div", { class: "actions" }, h("button", { class: "button", autofocus: true }, "Close")),
    );
    await modal(entry.key, content, { wide: true });
  }

  async #remove(key, row) {
    const sure = await confirmed({ title: "Delete this entry?", text: h("code", { class: "long" }, key), action: "Delete" });
    if (!sure) return;
    try {
      await api.remove(this.#ref, key);
    } catch (error) {
      if (error.code !== "ENTRY_NOT_FOUND") {
        this.#failed(error);
        return;
      }
    }
    const next = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("button.danger");
    row.remove();
    this.#shown -= 1;
    this.#tell();
    (next ?? this.element.querySelector("h2")).focus();
    toast(`Deleted ${key}`);
  }

  async #clear() {
    const { pattern, tags, any } = this.#asked;
    const which = any ? `every entry ${[pattern && `whose key matches ${pattern}`, tags && `with any of the tags ${tags}`].filter(Boolean).join(" and ")}` : "every entry of this cache";
    if (!(await confirmed({ title: "Clear the cache?", text: `This removes ${which}. It cannot be undone.`, action: "Clear" }))) return;
    try {
      const { cleared_count: gone } = await api.clear(this.#ref, { pattern, tags });
      toast(`${format.count(gone)} ${gone === 1 ? "entry" : "entries"} cleared`);
      await this.load();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error) {
    if (error.denied) document.dispatchEvent(new Event("denied"));
    else toast(error.message, "error");
  }
}
