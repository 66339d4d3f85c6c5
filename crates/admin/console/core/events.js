// Event streams. An event is a hint to read again: what is shown always comes from the API's answers.
//
// A browser has six connections to a host, for all of its tabs: a page has one stream for a route, and none while it is not seen.

import { address, credentials } from "./api.js";

/** At most one read in this time, in milliseconds. */
const PACE_MS = 1000;
/** Without a stream, for changes that no event reports, and until a refused stream is asked for again, in milliseconds. */
const FALLBACK_MS = 30_000;
/** Until a connection that broke is opened again, in milliseconds. */
const RETRY_MS = 2000;
/** The longest event, in characters. */
const LONGEST = 1 << 20;

const streams = new Map();

/**
 * Calls `changed` after events of `route` whose names are listed, after a reconnect, and every half minute, until `signal` aborts.
 * `state` is called with `"live"` and `"lost"`.
 */
export function follow(route, names, { signal, changed, state = () => {} }) {
    if (!streams.has(route)) streams.set(route, new Stream(route));
    const stream = streams.get(route);
    const follower = { names, state, changed: pace(changed, signal) };
    stream.add(follower);
    const clock = setInterval(follower.changed, FALLBACK_MS);
    signal.addEventListener("abort", () => {
        clearInterval(clock);
        stream.remove(follower);
    });
}

document.addEventListener("visibilitychange", () => {
    for (const stream of streams.values()) document.hidden ? stream.pause() : stream.connect();
});

// Not an EventSource: that sends no headers, and the cookie alone opens nothing.
class Stream {
    followers = new Set();
    source = null;
    isOpen = false;
    wasLost = false;
    again = null;

    constructor(route) {
        this.route = route;
    }

    add(follower) {
        this.followers.add(follower);
        if (!this.source) this.connect();
        else if (this.isOpen) follower.state("live");
    }

    remove(follower) {
        this.followers.delete(follower);
        if (this.followers.size) return;
        this.pause();
        streams.delete(this.route);
    }

    async connect() {
        clearTimeout(this.again);
        if (document.hidden || this.source) return;
        const source = new AbortController();
        this.source = source;
        const wait = await this.read(source.signal).catch(() => RETRY_MS);
        if (this.source !== source) return;
        this.pause();
        for (const { state } of this.followers) state("lost");
        this.again = setTimeout(() => this.connect(), wait);
    }

    /** Reads to the end of the connection. Returns after which time it is opened again, in milliseconds. */
    async read(signal) {
        const headers = { Accept: "text/event-stream", ...credentials() };
        const response = await fetch(address(this.route), { headers, credentials: "same-origin", cache: "no-store", signal });
        if (!response.ok || !response.body) return FALLBACK_MS;
        this.opened();
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        let rest = "";
        for (;;) {
            const { value, done } = await reader.read();
            if (done) return RETRY_MS;
            const events = (rest + value).split("\n\n");
            rest = events.pop();
            if (rest.length > LONGEST) return FALLBACK_MS;
            events.forEach((event) => this.happened(/^event: ?(.*)$/m.exec(event)?.[1]));
        }
    }

    opened() {
        this.isOpen = true;
        for (const { state, changed } of this.followers) {
            state("live");
            if (this.wasLost) changed();
        }
        this.wasLost = false;
    }

    happened(name) {
        for (const { names, changed } of this.followers) if (names.includes(name)) changed();
    }

    /** Closes it. What happens meanwhile is read when it is opened again. */
    pause() {
        clearTimeout(this.again);
        this.source?.abort();
        this.source = null;
        this.isOpen = false;
        this.wasLost = true;
    }
}

/** `action`, at once and then at most once in `PACE_MS`; never twice at the same time, and once more after a call that came during it. */
function pace(action, signal) {
    let last = -PACE_MS;
    let state = "idle";
    const start = () => {
        state = "waiting";
        setTimeout(() => !signal.aborted && run(), Math.max(0, last + PACE_MS - performance.now()));
    };
    const run = async () => {
        last = performance.now();
        state = "running";
        try {
            await action();
        } catch {
            // It is read again at the next event, or by the clock.
        }
        if (state === "again") start();
        else state = "idle";
    };
    return () => {
        if (signal.aborted) return;
        if (state === "idle") start();
        else if (state === "running") state = "again";
    };
}
