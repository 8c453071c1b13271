// Server-sent events over fetch, which can send the token, as EventSource cannot; it comes back by itself.

import { ApiError, ask } from "./api.js";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15000;
/** A server that says nothing for so long, not even that it is there, is gone. */
const SILENCE = 45000;

/** Takes lines of an event stream, and gives the data of whole events. */
export class Parser {
  #text = "";
  #data = [];

  *take(text) {
    this.#text += text;
    const lines = this.#text.split(/\r\n|\n|\r(?!$)/);
    this.#text = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length > 0) yield this.#data.join("\n");
        this.#data = [];
      } else if (line.startsWith("data:")) {
        this.#data.push(line.slice(line[5] === " " ? 6 : 5));
      }
    }
  }
}

/**
 * Reads `path` for ever. `told` hears of the state: {state: "live"}, {state: "lost", message} with what a server
 * that is there said, or null, {state: "denied", message}. After "denied" it waits for `retry()`.
 */
export class Stream {
  #path;
  #heard;
  #told;
  #abort = new AbortController();
  #wake = () => {};
  #hurry = false;

  constructor(path, heard, told) {
    this.#path = path;
    this.#heard = heard;
    this.#told = told;
    this.#run();
  }

  /** Tries at once. */
  retry() {
    this.#hurry = true;
    this.#abort.abort();
    this.#wake();
  }

  async #run() {
    let pause = FIRST_PAUSE;
    for (;;) {
      this.#abort = new AbortController();
      let denied = null;
      let message = null;
      try {
        await this.#read(() => {
          pause = FIRST_PAUSE;
        });
      } catch (error) {
        if (error instanceof ApiError && error.denied) denied = error.message;
        else if (error instanceof ApiError && error.status !== 0) message = error.message;
      }
      if (denied !== null) this.#told({ state: "denied", message: denied });
      else if (!this.#hurry) this.#told({ state: "lost", message });
      await this.#rest(denied === null ? pause : null);
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    }
  }

  async #read(works) {
    const response = await ask(this.#path, { headers: { accept: "text/event-stream" }, signal: this.#abort.signal });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new Parser();
    for (;;) {
      const silence = setTimeout(() => this.#abort.abort(), SILENCE);
      let step;
      try {
        step = await reader.read();
      } finally {
        clearTimeout(silence);
      }
      if (step.done) return;
      for (const data of parser.take(step.value)) {
        works();
        this.#told({ state: "live" });
        this.#heard(JSON.parse(data));
      }
    }
  }

  /** Waits so long, or until somebody wants to go on; null is for ever. */
  async #rest(pause) {
    if (!this.#hurry) {
      await new Promise((done) => {
        this.#wake = done;
        if (pause !== null) setTimeout(done, pause);
      });
    }
    this.#hurry = false;
  }
}
