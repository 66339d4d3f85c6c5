// Files of scripts: the workspaces, and what is in a directory of one. Removing asks first.

import { announce } from "../core/announce.js";
import { get, path, post } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { bytes, number, plural } from "../core/format.js";
import { visible, visibleName } from "../core/visible.js";
import { ask } from "../parts/dialog.js";
import { button, empty, facts, failure, section, table, when } from "../parts/elements.js";

export async function show(view) {
    return view.params.workspace ? showDirectory(view) : showWorkspaces(view);
}

async function showWorkspaces({ main, signal, title }) {
    title("Files");
    const { items } = await get("/workspaces", {}, { signal });
    main.append(h("header.page-head", h("h1", "Files")), h("p.lead", "What scripts keep in /workspace, from one to the next."));
    if (!items.length) {
        main.append(empty("No workspace", "Scripts have no files: see [workspaces.NAME] of the configuration."));
        return;
    }
    main.append(...items.map(workspace));
}

const SHARES = { key: "one directory for each key, user and operator", session: "one directory for each session, removed at its end", all: "one directory for all" };

function workspace({ name, share, read_only: readOnly, bytes: most, files, keep_days: days, directories }) {
    const note = [SHARES[share] ?? share, readOnly && "read-only"].filter(Boolean).join(", ");
    return section(visibleName(name), { note },
        facts([["Each holds", `${bytes(most)}, ${plural(files, "file")}`], ["Kept", days === null ? "always" : `${plural(days, "day")} after its last use`]]),
        directories.length
            ? h("ul", directories.map((one) => h("li", h("a", { href: `/files${path(name, one)}` }, visibleName(one)))))
            : h("p.quiet", "No script has used it yet."));
}

async function showDirectory({ main, params, query, signal, title }) {
    const { workspace: name, directory } = params;
    const api = `/workspaces${path(name, directory)}`;
    const here = query.path ?? "";
    title(`${directory}, ${name}`);
    const place = h("div");
    const content = h("div");
    main.append(h("header.page-head", h("p.crumb", h("a", { href: "/files" }, "Files")), h("h1", visibleName(directory), " in ", visibleName(name))), crumbs(name, directory, here), place, content);
    const read = async () => {
        const found = await get(`${api}/files`, { path: here, before: query.before }, { signal });
        replace(place, listing({ name, directory, here, found, open: (file) => open(file), remove: (file) => remove(file) }));
    };
    const reading = () => read().catch((error) => !signal.aborted && replace(place, failure(error, reading)));
    const open = async (file, offset = 0) => {
        try {
            const part = await get(`${api}/file`, { path: file, offset }, { signal });
            replace(content, shown(file, part, () => open(file, part.next_offset)));
            content.querySelector("h2")?.scrollIntoView({ block: "nearest" });
        } catch (error) {
            if (!signal.aborted) announce(error.message, { urgent: true });
        }
    };
    const remove = async (file) => {
        const answer = await ask("Remove it?", h("p", h("code", visible(file)), " is removed, a directory with all that is in it. It does not come back."), [{ label: "Keep", value: "keep" }, { label: "Remove", value: "remove", kind: "is-deny" }]);
        if (answer !== "remove") return;
        try {
            await post(`${api}/remove`, { path: file });
            announce("Removed");
            replace(content);
            await reading();
        } catch (error) {
            announce(error.message, { urgent: true });
        }
    };
    await reading();
}

function address(name, directory, query) {
    const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
    return `/files${path(name, directory)}${search ? `?${search}` : ""}`;
}

function crumbs(name, directory, here) {
    if (!here) return null;
    const parts = here.split("/");
    const link = (part, index) => [" / ", index + 1 < parts.length ? h("a", { href: address(name, directory, { path: parts.slice(0, index + 1).join("/") }) }, visibleName(part)) : h("span", visibleName(part))];
    return h("p.crumb", h("a", { href: address(name, directory, {}) }, "workspace"), parts.map(link));
}

function listing({ name, directory, here, found, open, remove }) {
    const { items, next, used_bytes: used, used_files: files } = found;
    const full = (entry) => (here ? `${here}/${entry.name}` : entry.name);
    const named = (entry) => {
        if (entry.kind === "directory") return h("a", { href: address(name, directory, { path: full(entry) }) }, visibleName(entry.name));
        if (entry.kind === "file") return button(visibleName(entry.name), () => open(full(entry)), { kind: "is-quiet" });
        return visibleName(entry.name);
    };
    const note = `${bytes(used)} in ${number(files)} files and directories altogether`;
    if (!items.length) return section("Entries", { id: "entries", note }, h("p.quiet", "Nothing is in it."));
    return section("Entries", { id: "entries", note },
        table("Entries", [
            { title: "Name", head: true, cell: named },
            { title: "Kind", cell: ({ kind }) => kind },
            { title: "Size", class: "is-number", cell: ({ kind, size }) => (kind === "file" ? bytes(size) : "–") },
            { title: "Written", cell: ({ modified_ms: ms }) => (ms ? when(ms) : "–") },
            { title: "Remove", cell: (entry) => button("Remove", () => remove(full(entry)), { kind: "is-quiet", "aria-label": `Remove ${entry.name}` }) },
        ], items),
        next && h("p", h("a.button", { href: address(name, directory, { path: here, before: next }) }, "More")));
}

function shown(file, { size, text, base64, next_offset: next }, more) {
    const note = `${bytes(size)}${next === null ? "" : ", shown in part"}`;
    const content = text === null
        ? h("p.quiet", `It is no text. In base64: ${base64.slice(0, 400)}${base64.length > 400 ? "…" : ""}`)
        : h("pre.code", { tabindex: "0", "aria-label": "Content of the file" }, visible(text, { tabs: true }));
    return section(visibleName(file), { note, actions: next !== null && button("Next part", more, { kind: "is-quiet" }) }, content);
}
