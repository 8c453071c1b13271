// Questions and messages: a modal dialog that gives the focus back, and short notes that go by themselves.

import { h } from "./dom.js";

/** Shows a modal dialog until it is closed; what it was closed with. */
export async function modal(title, content, { wide = false } = {}) {
  const before = document.activeElement;
  const heading = h("h2", { id: "dialog-title" }, title);
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", class: wide ? "wide" : null }, heading, content);
  document.body.append(dialog);
  const closed = new Promise((done) => dialog.addEventListener("close", done));
  // A click on what is behind it lands on the dialog itself.
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close("");
  });
  dialog.showModal();
  await closed;
  dialog.remove();
  if (before instanceof HTMLElement && before.isConnected) before.focus();
  return dialog.returnValue;
}

/** Asks before something that cannot be undone; whether to do it. */
export async function confirmed({ title, text, action }) {
  const form = h(
    "form",
    { method: "dialog" },
    h("p", {}, text),
    h(
      "div",
      { class: "actions" },
      h("button", { class: "button", value: "", autofocus: true }, "Cancel"),
      h("button", { class: "button danger", value: "yes" }, action),
    ),
  );
  return (await modal(title, form)) === "yes";
}

/** Asks for the token; null if the dialog was left. */
export async function askToken(message) {
  const input = h("input", { type: "password", id: "token", autocomplete: "off", required: true, autofocus: true });
  const form = h(
    "form",
    { method: "dialog" },
    h("p", {}, "This server wants the token that it was started with. It is kept until this tab is closed."),
    message === null ? null : h("p", { class: "wrong", role: "alert" }, message),
    h("label", { for: "token" }, "Token"),
    input,
    h("div", { class: "actions" }, h("button", { class: "button primary", value: "yes" }, "Sign in")),
  );
  return (await modal("Sign in", form)) === "yes" ? input.value.trim() : null;
}

/** Says something in the corner for some seconds; errors stay until they are dismissed. */
export function toast(text, kind = "done") {
  const note = h("div", { class: `toast toast-${kind}`, role: kind === "error" ? "alert" : "status" }, h("span", {}, text));
  note.append(h("button", { type: "button", class: "button quiet", "aria-label": "Dismiss", onclick: () => note.remove() }, "✕"));
  document.getElementById("toasts").append(note);
  if (kind !== "error") setTimeout(() => note.remove(), 5000);
}
