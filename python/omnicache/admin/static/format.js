// Numbers, sizes and times as people read them.

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const SCALES = ["", "k", "M", "G", "T"];
const NOTHING = "–";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A count in full: 12,345. */
export function count(value) {
  return value === null || value === undefined ? NOTHING : whole.format(value);
}

/** A number in little room: 12.3k. */
export function short(value) {
  if (value === null || value === undefined) return NOTHING;
  return scaled(value, 1000, SCALES, "");
}

/** A count in full as long as it is short. */
export function brief(value) {
  return value === null || value === undefined || value < 100_000 ? count(value) : short(value);
}

/** So many per second. */
export function rate(value) {
  return value === null || value === undefined ? NOTHING : `${short(value)}/s`;
}

/** A size: 1.5 MiB. */
export function bytes(value) {
  if (value === null || value === undefined) return NOTHING;
  return scaled(value, 1024, SIZES, " ");
}

/** The size of an entry; a cache without a limit in bytes weighs none. */
export function weight(value) {
  return value === 0 ? NOTHING : bytes(value);
}

function scaled(value, base, units, space) {
  let unit = 0;
  let left = value;
  while (Math.abs(left) >= base * 0.9995 && unit < units.length - 1) {
    left /= base;
    unit += 1;
  }
  const digits = Math.abs(left) >= 100 ? 0 : Math.abs(left) >= 1 ? 1 : 2;
  return `${trimmed(left, digits)}${units[unit] === "" ? "" : space + units[unit]}`;
}

function trimmed(value, digits) {
  const text = value.toFixed(digits);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A part of one, as percent. */
export function percent(value) {
  if (value === null || value === undefined) return NOTHING;
  const hundred = value * 100;
  return `${trimmed(hundred, hundred >= 99.95 || hundred < 0.05 ? 0 : 1)} %`;
}

/** Milliseconds, in the unit that fits. */
export function latency(ms) {
  if (ms === null || ms === undefined) return NOTHING;
  if (ms === 0) return "0 s";
  if (ms < 0.001) return `${trimmed(ms * 1e6, 0)} ns`;
  if (ms < 1) return `${trimmed(ms * 1e3, ms < 0.1 ? 1 : 0)} µs`;
  return ms < 1000 ? `${trimmed(ms, 1)} ms` : `${trimmed(ms / 1000, 1)} s`;
}

/** Seconds as 2 d 3 h, 5 min, 12 s. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "for ever";
  const parts = [];
  let left = Math.max(0, seconds);
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (left >= size) {
      parts.push(`${Math.floor(left / size)} ${unit}`);
      left %= size;
    }
  }
  if (parts.length < 2 && (left >= 1 || parts.length === 0)) parts.push(`${left < 10 && parts.length === 0 ? trimmed(left, 1) : Math.floor(left)} s`);
  return parts.slice(0, 2).join(" ");
}

/** A moment, as the reader's clock shows it. */
export function moment(iso) {
  return iso ? new Date(iso).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" }) : NOTHING;
}

/** The time of day. */
export function clock(milliseconds) {
  return new Date(milliseconds).toLocaleTimeString();
}

/** How long until a moment, from now on. */
export function until(iso) {
  return iso === null ? "never" : duration((new Date(iso) - Date.now()) / 1000);
}

/** A value as text: JSON with indents, or what Python says of it. */
export function value(entry) {
  if (entry.value_is_json) return JSON.stringify(entry.value, null, 2);
  return `${entry.value.type}\n\n${entry.value.repr}`;
}
