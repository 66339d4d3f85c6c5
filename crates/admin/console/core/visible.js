// Text of scripts, servers and clients, with everything shown that does not show as itself, and nothing left out.
//
// - Control, format and other invisible characters, and white space that is no plain space, become marks such as `U+202E`.
// - Long runs of spaces get a mark with their number, so that nothing is pushed out of sight unnoticed.
// - Text that is written from right to left is isolated: it cannot reorder what stands beside it.
// - Combining marks that would pile up over other lines become marks as well.
// - Letters of another script inside a Latin word are underlined and named.

import { h } from "./dom.js";

const NAMES = new Map(Object.entries({
    0: "NULL", 7: "BELL", 8: "BACKSPACE", 9: "TAB", 0xa: "LINE FEED", 0xd: "CARRIAGE RETURN", 0x1b: "ESCAPE", 0x7f: "DELETE", 0x9b: "CONTROL SEQUENCE INTRODUCER",
    0xa0: "NO-BREAK SPACE", 0xad: "SOFT HYPHEN", 0x61c: "ARABIC LETTER MARK", 0x180e: "MONGOLIAN VOWEL SEPARATOR", 0x200b: "ZERO WIDTH SPACE",
    0x200c: "ZERO WIDTH NON-JOINER", 0x200d: "ZERO WIDTH JOINER", 0x200e: "LEFT-TO-RIGHT MARK", 0x200f: "RIGHT-TO-LEFT MARK", 0x2028: "LINE SEPARATOR",
    0x2029: "PARAGRAPH SEPARATOR", 0x202a: "LEFT-TO-RIGHT EMBEDDING", 0x202b: "RIGHT-TO-LEFT EMBEDDING", 0x202c: "POP DIRECTIONAL FORMATTING",
    0x202d: "LEFT-TO-RIGHT OVERRIDE", 0x202e: "RIGHT-TO-LEFT OVERRIDE", 0x2060: "WORD JOINER", 0x2066: "LEFT-TO-RIGHT ISOLATE", 0x2067: "RIGHT-TO-LEFT ISOLATE",
    0x2068: "FIRST STRONG ISOLATE", 0x2069: "POP DIRECTIONAL ISOLATE", 0x2800: "BRAILLE PATTERN BLANK", 0x3000: "IDEOGRAPHIC SPACE", 0x3164: "HANGUL FILLER",
    0xfeff: "ZERO WIDTH NO-BREAK SPACE",
}).map(([code, name]) => [Number(code), name]));

const EMOJI = "\\p{Extended_Pictographic}[\\p{Emoji_Modifier}\\u{FE0E}\\u{FE0F}]?(?:\\u{200D}\\p{Extended_Pictographic}[\\p{Emoji_Modifier}\\u{FE0F}]?)*";
const UNSEEN = "(?:(?![\\u{600}-\\u{605}\\u{6DD}\\u{70F}\\u{890}\\u{891}\\u{8E2}\\u{110BD}\\u{110CD}\\n ])"
    + "[\\p{C}\\p{Z}\\p{Default_Ignorable_Code_Point}\\u{2800}])+";
const SPACES = " {16,}";
const PILE = "\\p{M}{4,}";
const RIGHT = "[\\p{Script=Hebrew}\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Thaana}\\p{Script=Nko}\\p{Script=Samaritan}\\p{Script=Mandaic}\\p{Script=Adlam}]"
    + "[\\p{Script=Hebrew}\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Thaana}\\p{Script=Nko}\\p{Script=Samaritan}\\p{Script=Mandaic}\\p{Script=Adlam}\\p{M}]*";
const LOOK_ALIKE = "[\\p{Script=Cyrillic}\\p{Script=Greek}\\p{Script=Armenian}\\p{Script=Cherokee}\\u{FF01}-\\u{FF5E}\\u{1D400}-\\u{1D7FF}]";
const MIXED = `(?<=\\p{Script=Latin})${LOOK_ALIKE}+|${LOOK_ALIKE}+(?=\\p{Script=Latin})`;
const ODD = new RegExp([EMOJI, UNSEEN, SPACES, PILE, RIGHT, MIXED].map((one) => `(${one})`).join("|"), "gu");
const NOT_ASCII = /[^\x20-\x7e]/gu;

/** A code point as people write it. */
export function codePoint(character) {
    return `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** The text as nodes. Its line feeds stay; tabs stay too with `tabs`. */
export function visible(text, { tabs = false } = {}) {
    const nodes = [];
    let end = 0;
    for (const found of text.matchAll(ODD)) {
        const [whole, emoji, unseen, spaces, pile, right] = found;
        if (emoji) continue;
        if (found.index > end) nodes.push(text.slice(end, found.index));
        if (unseen) nodes.push(...unseenMarks(unseen, tabs));
        else if (spaces) nodes.push(whole, mark(`${whole.length} spaces`, `${whole.length} spaces in a row`));
        else if (pile) nodes.push(mark(points(whole), "combining marks piled up"));
        else if (right) nodes.push(h("bdi", whole));
        else nodes.push(h("span.look-alike", { title: `not Latin letters: ${points(whole)}` }, whole, mark(points(whole), "letters of another script")));
        end = found.index + whole.length;
    }
    if (end < text.length) nodes.push(text.slice(end));
    return nodes;
}

/** A name of a server, tool, key or the like: whatever is not ASCII in it is marked, because names decide. */
export function visibleName(name) {
    const nodes = [];
    let end = 0;
    for (const found of name.matchAll(NOT_ASCII)) {
        if (found.index > end) nodes.push(name.slice(end, found.index));
        const [character] = found;
        const shows = !new RegExp(UNSEEN, "u").test(character) && !/\p{M}/u.test(character);
        nodes.push(shows && h("bdi.look-alike", character), mark(codePoint(character), described(character)));
        end = found.index + character.length;
    }
    nodes.push(name.slice(end));
    return h("bdi.name", nodes);
}

/** Whether a name has characters that need a look. */
export function isPlainName(name) {
    return /^[\x20-\x7e]*$/.test(name);
}

/** `server.tool`, both as names. */
export function toolName(server, tool) {
    return h("span.tool-name", visibleName(server ?? "?"), ".", visibleName(tool ?? "?"));
}

function unseenMarks(run, tabs) {
    const nodes = [];
    let text = "";
    const flush = () => {
        if (text) nodes.push(mark(text.trimStart(), described(text)));
        text = "";
    };
    for (const [character, count] of counted(run)) {
        if (character === "\t" && tabs) {
            flush();
            nodes.push(character.repeat(count));
        } else {
            text += ` ${codePoint(character)}${count > 1 ? ` × ${count}` : ""}`;
        }
    }
    flush();
    return nodes;
}

function counted(run) {
    const found = [];
    for (const character of run) {
        const last = found.at(-1);
        if (last?.[0] === character) last[1] += 1;
        else found.push([character, 1]);
    }
    return found;
}

function described(text) {
    const first = /^ ?U\+/.test(text) ? Number.parseInt(text.replace(/^ ?U\+/, ""), 16) : text.codePointAt(0);
    return NAMES.get(first) ?? "a character that is not plain text";
}

function points(text) {
    return counted(text).map(([character, count]) => codePoint(character) + (count > 1 ? ` × ${count}` : "")).join(" ");
}

function mark(text, title) {
    return h("span.mark", { title }, text);
}
