// Calls of the server; its errors become exceptions with its own words.

const TOKEN = "omnicache-token";

/** What the server answered instead of what was asked for. */
export class ApiError extends Error {
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }

  /** Whether a token is wanted, or another one. */
  get denied() {
    return this.status === 401;
  }
}

export const token = {
  get: () => sessionStorage.getItem(TOKEN),
  set: (text) => sessionStorage.setItem(TOKEN, text),
  forget: () => sessionStorage.removeItem(TOKEN),
};

/** Asks the server; the response is a good one. */
export async function ask(path, options = {}) {
  const headers = { accept: "application/json", ...options.headers };
  const held = token.get();
  if (held !== null) headers.authorization = `Bearer ${held}`;
  let response;
  try {
    response = await fetch(new URL(path, document.baseURI), { ...options, headers, cache: "no-store", redirect: "error" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The server cannot be reached.", 0, "UNREACHABLE");
  }
  if (!response.ok) throw await failure(response);
  return response;
}

async function failure(response) {
  const said = await response.json().catch(() => null);
  const message = typeof said?.message === "string" ? said.message : `The server answered ${response.status}.`;
  return new ApiError(message, response.status, said?.error ?? "");
}

const cachePath = (ref) => `cache/${encodeURIComponent(ref)}`;

/** The key as the last part of a path; what a path would resolve or read as a call is written as JSON. */
function keyPath(ref, key) {
  const text = ["", ".", "..", "bulk"].includes(key) ? `json:${JSON.stringify(key)}` : key;
  return `${cachePath(ref)}/entries/${encodeURIComponent(text)}`;
}

function query(given) {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) {
    if (value !== "" && value !== null && value !== undefined) asked.set(name, value);
  }
  const text = asked.toString();
  return text === "" ? "" : `?${text}`;
}

export const api = {
  entries: async (ref, { pattern, tags, limit, cursor }, signal) =>
    (await ask(`${cachePath(ref)}/entries${query({ pattern, tags, limit, cursor })}`, { signal })).json(),
  entry: async (ref, key) => (await ask(`${keyPath(ref, key)}?count=false`)).json(),
  remove: (ref, key) => ask(keyPath(ref, key), { method: "DELETE" }),
  clear: async (ref, { pattern, tags }) =>
    (await ask(`${cachePath(ref)}/clear${query({ pattern, tags })}`, { method: "POST" })).json(),
};
