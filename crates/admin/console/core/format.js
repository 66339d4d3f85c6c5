// Numbers and times for people.

const NUMBER = new Intl.NumberFormat("en-US");
const SHORT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const COST = new Intl.NumberFormat("en-US", { maximumFractionDigits: 6 });

export const NONE = "–";

const known = (value) => value !== null && value !== undefined && !Number.isNaN(value);

export function number(value) {
    return known(value) ? NUMBER.format(value) : NONE;
}

export function short(value) {
    return known(value) ? SHORT.format(value) : NONE;
}

export function cost(value) {
    return known(value) ? COST.format(value) : NONE;
}

export function plural(count, one, many = `${one}s`) {
    return `${number(count)} ${count === 1 ? one : many}`;
}

export function bytes(value) {
    if (!known(value)) return NONE;
    if (value < 1000) return `${value} B`;
    const units = ["kB", "MB", "GB"];
    let size = value / 1000;
    let unit = 0;
    while (size >= 999.5 && unit < units.length - 1) {
        size /= 1000;
        unit += 1;
    }
    return `${size < 9.95 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

/** A duration in two units at most: `29 ms`, `1.4 s`, `2 min 5 s`, `3 h 10 min`. */
export function duration(ms) {
    if (!known(ms)) return NONE;
    if (ms < 1000) return `${Math.round(ms)} ms`;
    if (ms < 59_950) return `${(ms / 1000).toFixed(ms < 9_950 ? 1 : 0)} s`;
    const seconds = Math.round(ms / 1000);
    if (seconds < 3600) return pair(Math.floor(seconds / 60), "min", seconds % 60, "s");
    if (seconds < 172_800) return pair(Math.floor(seconds / 3600), "h", Math.floor((seconds % 3600) / 60), "min");
    return pair(Math.floor(seconds / 86_400), "d", Math.floor((seconds % 86_400) / 3600), "h");
}

function pair(large, largeUnit, small, smallUnit) {
    return small ? `${large} ${largeUnit} ${small} ${smallUnit}` : `${large} ${largeUnit}`;
}

const two = (value) => String(value).padStart(2, "0");

/** The local time: the clock for today, with the date for this year, else the date. */
export function time(ms, now = Date.now()) {
    if (!known(ms)) return NONE;
    const at = new Date(ms);
    const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
    if (new Date(now).toDateString() === at.toDateString()) return clock;
    const day = `${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    return new Date(now).getFullYear() === at.getFullYear() ? `${day} ${clock.slice(0, 5)}` : `${at.getFullYear()}-${day}`;
}

export function date(ms) {
    if (!known(ms)) return NONE;
    const at = new Date(ms);
    return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

export function fullTime(ms) {
    return known(ms) ? new Date(ms).toISOString() : NONE;
}

export function ago(ms, now = Date.now()) {
    return known(ms) ? `${duration(Math.max(0, now - ms))} ago` : NONE;
}

export function percent(part, whole) {
    if (!whole) return "0 %";
    const value = (100 * part) / whole;
    return `${value !== 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}
