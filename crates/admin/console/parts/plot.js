// Bars per day. The bars are SVG, the labels are text, and the numbers are in a table below.

import { h, svg } from "../core/dom.js";
import { disclosure, table } from "./elements.js";

const SLOT = 10;
const HEIGHT = 100;
const STEPS = [1, 2, 2.5, 5, 10];

/**
 * `series` are `{name, value(item), class}`, drawn one over the other: the largest first. `format` writes a number.
 */
export function dayBars(caption, days, series, format) {
    const top = niceTop(Math.max(1e-9, ...days.flatMap((day) => series.map(({ value }) => value(day) ?? 0))));
    const bars = days.flatMap((day, index) => series.map((one) => bar(day, index, one, top, format)));
    const lines = [0.25, 0.5, 0.75].map((part) => svg("line.grid", { x1: "0", x2: String(days.length * SLOT), y1: String(HEIGHT * part), y2: String(HEIGHT * part) }));
    const picture = svg("svg.bars", { viewBox: `0 0 ${Math.max(1, days.length) * SLOT} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": described(caption, days, series, format) }, lines, bars);
    const legend = series.length > 1 && h("ul.legend", series.map(({ name, class: tone = "" }) => h("li", h("span.swatch", { class: tone }), name)));
    return h("figure.plot",
        h("figcaption.plot-head", h("strong", caption), legend),
        h("div.plot-frame", h("div.plot-scale", { "aria-hidden": "true" }, [1, 0.5, 0].map((part) => h("span", format(top * part)))), picture),
        h("div.plot-days", { "aria-hidden": "true" }, labels(days)),
        disclosure("Numbers", () => numbers(caption, days, series, format)));
}

function bar(day, index, { name, value, class: tone = "" }, top, format) {
    const height = (HEIGHT * (value(day) ?? 0)) / top;
    return svg("rect.bar", { class: tone, x: String(index * SLOT + 1.5), width: String(SLOT - 3), y: String(HEIGHT - height), height: String(height) }, svg("title", `${day.day}: ${format(value(day))} ${name}`));
}

/** The next round number above, so that the scale has round labels. */
function niceTop(most) {
    const unit = 10 ** Math.floor(Math.log10(most));
    return unit * STEPS.find((step) => step * unit >= most);
}

function labels(days) {
    if (!days.length) return [];
    const middle = days[Math.floor((days.length - 1) / 2)];
    return [days[0], middle, days.at(-1)].map(({ day }) => h("span", day.slice(5)));
}

function described(caption, days, series, format) {
    if (!days.length) return `${caption}: nothing yet`;
    const parts = series.map(({ name, value }) => {
        const most = days.reduce((best, day) => (value(day) > value(best) ? day : best));
        return `${name}: ${format(value(days.at(-1)))} on the last day, at most ${format(value(most))} on ${most.day}`;
    });
    return `${caption}, ${days[0].day} to ${days.at(-1).day}. ${parts.join(". ")}.`;
}

function numbers(caption, days, series, format) {
    return table(caption, [{ title: "Day", head: true, cell: ({ day }) => day }, ...series.map(({ name, value }) => ({ title: name, class: "is-number", cell: (day) => format(value(day)) }))], [...days].reverse());
}

/** How much of a limit is used. */
export function meter(used, limit, label) {
    const part = limit > 0 ? Math.min(1, used / limit) : 0;
    const tone = part >= 1 ? "is-full" : part >= 0.8 ? "is-high" : "";
    return h("span.meter", { class: tone, role: "img", "aria-label": label }, h("span", { vars: { "--part": `${100 * part}%` } }));
}
