// Colors for Python, by its tokens. It decides nothing: text is shown whole whatever it makes of it.

const KEYWORDS = new Set(
    "False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield match case"
        .split(" "),
);
const TOKEN = new RegExp(
    [
        "(#[^\\n]*)",
        "((?:\\b[rbftuRBFTU]{1,2})?(?:\"\"\"(?:[^\\\\]|\\\\.)*?(?:\"\"\"|$)|'''(?:[^\\\\]|\\\\.)*?(?:'''|$)|\"(?:[^\"\\\\\\n]|\\\\.)*\"?|'(?:[^'\\\\\\n]|\\\\.)*'?))",
        "([\\p{L}_][\\p{L}\\p{N}_]*)",
        "(\\d[\\w.]*)",
    ].join("|"),
    "gsu",
);
/** Scripts beyond this are not colored, in characters. */
const MOST = 100_000;

/** The lines of a script, each a list of `[kind, text]`. */
export function pythonLines(source) {
    const lines = [[]];
    for (const [kind, text] of tokens(source)) {
        const [first, ...rest] = text.split("\n");
        if (first) lines.at(-1).push([kind, first]);
        for (const line of rest) lines.push(line ? [[kind, line]] : []);
    }
    return lines;
}

function* tokens(source) {
    if (source.length > MOST) {
        yield ["text", source];
        return;
    }
    let end = 0;
    for (const found of source.matchAll(TOKEN)) {
        if (found.index > end) yield ["text", source.slice(end, found.index)];
        const [whole, comment, string, word] = found;
        const kind = comment ? "comment" : string ? "string" : word ? (KEYWORDS.has(word) ? "keyword" : "text") : "literal";
        yield [kind, whole];
        end = found.index + whole.length;
    }
    if (end < source.length) yield ["text", source.slice(end)];
}
