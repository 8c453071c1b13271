// What was seen of each cache over the last minutes: gauges as they were, counters as rates.

/** Milliseconds that are kept. */
export const SPAN = 5 * 60 * 1000;
/** A ratio of two rates is taken over so many samples: a single second may have a single read. */
const WINDOW = 5;

const COUNTERS = {
  hits: "hit_count",
  misses: "miss_count",
  sets: "set_count",
  deletes: "delete_count",
  evictions: "eviction_count",
  errors: "error_count",
  loads: "load_count",
};

/** Samples of one cache, or of several together, oldest first. */
export class Series {
  samples = [];
  #last = null;

  /** Adds what the statistics say at a moment. */
  add(time, statistics) {
    if (this.#last !== null && time <= this.#last.time) return; // it was not read again
    const sample = { time, entries: statistics.entry_count, bytes: statistics.total_size_bytes };
    sample.latency = statistics.avg_access_time_ms || null; // one read in a thousand is timed
    const last = this.#last;
    const seconds = last === null ? 0 : (time - last.time) / 1000;
    for (const [name, counter] of Object.entries(COUNTERS)) {
      if (seconds <= 0) sample[name] = null;
      else {
        const before = last.statistics[counter];
        const now = statistics[counter];
        // A counter that is smaller than before began anew.
        sample[name] = (now >= before ? now - before : now) / seconds;
      }
    }
    this.#last = { time, statistics };
    this.push(sample);
  }

  /** Adds a sample that is made already. */
  push(sample) {
    this.samples.push(sample);
    sample.ratio = this.#ratio();
    const first = sample.time - SPAN;
    while (this.samples.length > 0 && this.samples[0].time < first) this.samples.shift();
  }

  #ratio() {
    let hits = 0;
    let reads = 0;
    for (const sample of this.samples.slice(-WINDOW)) {
      hits += sample.hits ?? 0;
      reads += (sample.hits ?? 0) + (sample.misses ?? 0);
    }
    return reads > 0 ? hits / reads : null;
  }

  get last() {
    return this.samples.at(-1) ?? null;
  }
}

/** The series of every cache by its name, and of all together. */
export class History {
  all = new Series();
  #caches = new Map();

  add(snapshot) {
    const seen = new Set();
    const latest = [];
    for (const cache of snapshot.caches) {
      seen.add(cache.ref);
      if (cache.statistics === null) continue;
      const series = this.of(cache.ref);
      series.add(cache.read_at, cache.statistics);
      if (series.last !== null) latest.push([series.last, cache.statistics]);
    }
    for (const ref of this.#caches.keys()) {
      if (!seen.has(ref)) this.#caches.delete(ref);
    }
    this.all.push(together(snapshot.time, latest));
  }

  of(ref) {
    let series = this.#caches.get(ref);
    if (series === undefined) {
      series = new Series();
      this.#caches.set(ref, series);
    }
    return series;
  }
}

function together(time, latest) {
  const sample = { time, entries: 0, bytes: 0, latency: null };
  for (const name of Object.keys(COUNTERS)) sample[name] = null;
  let reads = 0;
  let spent = 0;
  for (const [one, statistics] of latest) {
    sample.entries += one.entries;
    sample.bytes += one.bytes;
    for (const name of Object.keys(COUNTERS)) {
      if (one[name] !== null) sample[name] = (sample[name] ?? 0) + one[name];
    }
    const of = one.latency === null ? 0 : statistics.hit_count + statistics.miss_count;
    reads += of;
    spent += of * one.latency;
  }
  if (reads > 0) sample.latency = spent / reads;
  return sample;
}
