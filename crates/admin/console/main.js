// Starts the console: the session, the shell around the screens, and the table of screens.

import { announce, mountAnnouncer } from "./core/announce.js";
import { get, onSignedOut, remove, useSession } from "./core/api.js";
import { h, replace } from "./core/dom.js";
import { listen } from "./core/keys.js";
import { session as sessionOf } from "./core/records.js";
import { go, open, start } from "./core/router.js";
import { failure } from "./parts/elements.js";
import { mountShell } from "./parts/shell.js";
import * as access from "./screens/access.js";
import * as approvals from "./screens/approvals.js";
import * as files from "./screens/files.js";
import * as functions from "./screens/functions.js";
import * as key from "./screens/key.js";
import * as policy from "./screens/policy.js";
import { login, sessionOfLink } from "./screens/login.js";
import * as question from "./screens/question.js";
import * as run from "./screens/run.js";
import * as runs from "./screens/runs.js";
import * as server from "./screens/server.js";
import * as servers from "./screens/servers.js";
import * as tokens from "./screens/tokens.js";
import * as tryScript from "./screens/try.js";

// All at once: a screen that is loaded later could be of a newer version, or not be there any more.
const SCREENS = { access, approvals, files, functions, key, policy, question, run, runs, server, servers, tokens, try: tryScript };

const ROUTES = [
    ["/", "approvals"],
    ["/approvals", "approvals"],
    ["/approve/:id", "approvals"],
    ["/question/:id", "question"],
    ["/runs", "runs"],
    ["/runs/:id", "run"],
    ["/servers", "servers"],
    ["/servers/:name", "server"],
    ["/access", "access"],
    ["/access/policy", "policy"],
    ["/access/keys/:name", "key"],
    ["/try", "try"],
    ["/tokens", "tokens"],
    ["/files", "files"],
    ["/files/:workspace/:directory", "files"],
    ["/functions", "functions"],
    ["/functions/:name", "functions"],
    ["/login", "login"],
];

let session = null;
let shell = null;
let isFirst = true;

async function show(name, place) {
    if (name === "login" || !session) return showLogin(place);
    shell ??= mountShell(document.getElementById("app"), session, logOut);
    // Each view has a place of its own: what comes late for an earlier one is not seen.
    const main = h("div");
    shell.enter(name);
    replace(shell.main, main);
    const view = { ...place, main, session, title: (text) => shell.title(text), waiting: shell.waiting };
    try {
        if (!name) throw new Error("There is no such page.");
        await SCREENS[name].show(view);
    } catch (error) {
        if (place.signal.aborted) return;
        if (!main.querySelector("h1")) main.append(h("h1", "Not available"));
        main.append(failure(error, () => open()));
    }
    if (place.signal.aborted) return;
    if (!isFirst) shell.focus();
    isFirst = false;
}

function showLogin(place) {
    shell?.remove();
    shell = null;
    session = null;
    login(document.getElementById("app"), place, (opened, to) => {
        session = opened;
        useSession(session);
        announce("Logged in");
        go(to, { instead: true });
    });
}

async function logOut() {
    await remove("/session").catch(() => {});
    useSession(null);
    go("/login");
}

async function boot() {
    mountAnnouncer(document.body);
    listen();
    onSignedOut(() => {
        if (location.pathname !== "/login") go(`/login?to=${encodeURIComponent(location.pathname + location.search)}`, { instead: true });
    });
    session = (await sessionOfLink()) ?? (await get("/session").then(sessionOf, () => null));
    if (session) useSession(session);
    start(ROUTES, show);
}

boot();
