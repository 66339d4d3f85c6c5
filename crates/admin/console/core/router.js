// Addresses of screens. Navigation stays in the page; links are real links and open in a new tab as usual.

let routes = [];
let leave = new AbortController();
let enter = () => {};
/** The path and query that are rendered: a link within the page changes neither. */
let shown = "";

/** Starts: `table` is a list of `[pattern, screen]` where `:name` in a pattern is a parameter; `show(screen, place)` renders it. */
export function start(table, show) {
    routes = table.map(([pattern, screen]) => [pattern.split("/").slice(1), screen]);
    enter = show;
    document.addEventListener("click", followLink);
    window.addEventListener("popstate", () => location.pathname + location.search !== shown && open());
    open();
}

/** Goes to an address of the console. */
export function go(to, { instead = false } = {}) {
    if (instead) history.replaceState(null, "", to);
    else history.pushState(null, "", to);
    open();
}

/** Writes the query of the address without rendering anew. */
export function setQuery(query) {
    const given = Object.entries(query).filter(([, value]) => value);
    const search = new URLSearchParams(given).toString();
    history.replaceState(null, "", location.pathname + (search ? `?${search}` : ""));
    shown = location.pathname + location.search;
}

/** Renders the present address anew. */
export function open() {
    leave.abort();
    shown = location.pathname + location.search;
    leave = new AbortController();
    const parts = location.pathname.split("/").slice(1);
    const query = Object.fromEntries(new URLSearchParams(location.search));
    for (const [pattern, screen] of routes) {
        const params = match(pattern, parts);
        if (params) return enter(screen, { params, query, signal: leave.signal });
    }
    return enter(null, { params: {}, query, signal: leave.signal });
}

function match(pattern, parts) {
    if (pattern.length !== parts.length) return null;
    const params = {};
    for (const [index, name] of pattern.entries()) {
        if (name.startsWith(":")) {
            const value = decoded(parts[index]);
            if (!value) return null;
            params[name.slice(1)] = value;
        } else if (name !== parts[index]) {
            return null;
        }
    }
    return params;
}

function decoded(part) {
    try {
        return decodeURIComponent(part);
    } catch {
        return "";
    }
}

function followLink(event) {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest?.("a[href]");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (link.pathname === location.pathname && link.hash) return;
    event.preventDefault();
    go(link.pathname + link.search);
}
