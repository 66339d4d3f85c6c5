// Starts the console: the session, the shell around the screens, and the table of screens.

import { announce, mountAnnouncer } from "./core/announce.js";
import { get, onSignedOut, useSession } from "./core/api.js";
import { replace } from "./core/dom.js";
import { listen } from "./core/keys.js";
import { session as sessionOf } from "./core/records.js";
import { go, open, start } from "./core/router.js";
import { failure } from "./parts/elements.js";
import { mountShell } from "./parts/shell.js";
import { login, sessionOfLink } from "./screens/login.js";

const SCREENS = {
    approvals: () => import("./screens/approvals.js"),
    runs: () => import("./screens/runs.js"),
    run: () => import("./screens/run.js"),
    servers: () => import("./screens/servers.js"),
    server: () => import("./screens/server.js"),
    access: () => import("./screens/access.js"),
    key: () => import("./screens/key.js"),
    policy: () => import("./screens/policy.js"),
    try: () => import("./screens/try.js"),
    tokens: () => import("./screens/tokens.js"),
};

const ROUTES = [
    ["/", "approvals"],
    ["/approvals", "approvals"],
    ["/approve/:id", "approvals"],
    ["/runs", "runs"],
    ["/runs/:id", "run"],
    ["/servers", "servers"],
    ["/servers/:name", "server"],
    ["/access", "access"],
    ["/access/policy", "policy"],
    ["/access/:name", "key"],
    ["/try", "try"],
    ["/tokens", "tokens"],
    ["/login", "login"],
];

let session = null;
let shell = null;
let isFirst = true;

async function show(name, place) {
    if (name === "login" || !session) return showLogin(place);
    shell ??= mountShell(document.getElementById("app"), session, logOut);
    const { main } = shell;
    shell.enter(name);
    replace(main);
    const view = { ...place, main, session, title: (text) => shell.title(text), waiting: shell.waiting };
    try {
        if (!name) throw new Error("There is no such page.");
        const screen = await SCREENS[name]();
        if (place.signal.aborted) return;
        await screen.show(view);
    } catch (error) {
        if (!place.signal.aborted) main.append(failure(error, () => open()));
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
    const { remove } = await import("./core/api.js");
    await remove("/session").catch(() => {});
    go("/login");
}

async function boot() {
    mountAnnouncer(document.body);
    listen();
    onSignedOut(() => {
        if (location.pathname !== "/login") go(`/login?to=${encodeURIComponent(location.pathname + location.search)}`, { instead: true });
    });
    session = (await sessionOfLink()) ?? (await get("/session").then(sessionOf, () => null));
    useSession(session);
    start(ROUTES, show);
}

boot();
