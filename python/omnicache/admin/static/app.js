// The page: which view is shown, what it is told, and how the connection stands.

import { token } from "./api.js";
import { CachePage } from "./cache.js";
import { askToken } from "./dialog.js";
import { h, mark, say } from "./dom.js";
import { clock } from "./format.js";
import { History } from "./history.js";
import { Overview } from "./overview.js";
import { Stream } from "./stream.js";
import { startTheme } from "./theme.js";

const byId = (id) => document.getElementById(id);
const main = byId("main");
const history = new History();
let snapshot = null;
let view = null;
let paused = false;
let asking = false;

/** What the address asks for: `#/` or `#/cache/namespace:name`. */
function route(first) {
  const [, kind, ref] = location.hash.split("/");
  const next = kind === "cache" && ref ? new CachePage(decodeURIComponent(ref), history) : new Overview(history);
  view?.close?.();
  view = next;
  main.replaceChildren(next.element);
  document.title = `${next.title} · OmniCache`;
  scrollTo(0, 0);
  if (!first) main.querySelector("h1").focus();
  if (snapshot !== null) next.update(snapshot);
}

function heard(reading) {
  history.add(reading);
  snapshot = reading;
  if (!paused) view.update(reading);
}

function told(link) {
  const [pill, text] = [byId("link"), byId("link-text")];
  mark(pill, "class", `pill pill-${{ live: "ok", lost: "bad", denied: "wait" }[link.state]}`);
  mark(document.body, "data-link", link.state);
  say(text, { live: "Live", lost: "Disconnected", denied: "Signed out" }[link.state]);
  account();
  const banner = byId("banner");
  banner.hidden = link.state !== "lost";
  if (link.state === "lost" && banner.childElementCount === 0) {
    const why = link.message === null ? "The server does not answer." : `The server refuses: ${link.message}.`;
    const since = snapshot === null ? "Nothing has been read yet." : `What you see is as of ${clock(snapshot.time)}.`;
    banner.replaceChildren(
      h("span", {}, h("strong", {}, `${why} `), `${since} It is tried again and again.`),
      h("button", { type: "button", class: "button", onclick: () => stream.retry() }, "Try now"),
    );
  } else if (link.state !== "lost") banner.replaceChildren();
  if (link.state === "denied") signIn(token.get() === null ? null : "That is not the right token.");
}

async function signIn(message) {
  if (asking) return;
  asking = true;
  token.forget();
  const given = await askToken(message);
  asking = false;
  if (given) token.set(given);
  else main.querySelector("h1")?.focus();
  account();
  if (!given) return;
  stream.retry();
  route(true);
}

/** The button that ends, or begins, the use of a token. */
function account() {
  const [button, signed] = [byId("leave"), token.get() !== null];
  button.hidden = !signed && document.body.dataset.link !== "denied";
  say(button, signed ? "Sign out" : "Sign in");
}

function leave() {
  if (token.get() === null) signIn(null);
  else {
    token.forget();
    location.reload();
  }
}

function pause() {
  paused = !paused;
  const button = byId("pause");
  mark(button, "aria-pressed", String(paused));
  if (!paused && snapshot !== null) view.update(snapshot);
}

startTheme(byId("theme"));
byId("pause").addEventListener("click", pause);
byId("leave").addEventListener("click", leave);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the fragment is the route
  main.focus();
});
document.addEventListener("denied", () => signIn(token.get() === null ? null : "That is not the right token."));
addEventListener("hashchange", () => route(false));
route(true);
const stream = new Stream("events", heard, told);
