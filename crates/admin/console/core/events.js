// Event streams. An event is a hint to read again: what is shown always comes from the API's answers.
//
// A browser has six connections to a host, for all of its tabs: a page has one stream for a route, and none while it is not seen.

import { address } from "./api.js";

/** At most one read in this time, in milliseconds. */
const PACE_MS = 1000;
/** Without a stream, for changes that no event reports, and until a refused stream is asked for again, in milliseconds. */
const FALLBACK_MS = 30_000;

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

class Stream {
    followers = new Set();
    source = null;
    wasLost = false;
    again = null;

    constructor(route) {
        this.route = route;
    }

    add(follower) {
        this.followers.add(follower);
        if (!this.source) return this.connect();
        this.listen(follower);
        if (this.source.readyState === EventSource.OPEN) follower.state("live");
        return undefined;
    }

    remove(follower) {
        this.followers.delete(follower);
        if (this.followers.size) return;
        this.pause();
        streams.delete(this.route);
    }

    connect() {
        if (document.hidden || this.source) return;
        this.source = new EventSource(address(this.route));
        this.source.addEventListener("open", () => {
            for (const { state, changed } of this.followers) {
                state("live");
                if (this.wasLost) changed();
            }
            this.wasLost = false;
        });
        this.source.addEventListener("error", () => this.lost());
        for (const follower of this.followers) this.listen(follower);
    }

    /** Closes it. What happens meanwhile is read when it is opened again. */
    pause() {
        clearTimeout(this.again);
        this.source?.close();
        this.source = null;
        this.wasLost = true;
    }

    listen(follower) {
        for (const name of follower.names) this.source.addEventListener(name, () => this.followers.has(follower) && follower.changed());
    }

    lost() {
        this.wasLost = true;
        for (const { state } of this.followers) state("lost");
        // The browser tries again where the connection broke, but not where it was refused.
        if (this.source?.readyState !== EventSource.CLOSED) return;
        this.pause();
        this.again = setTimeout(() => this.connect(), FALLBACK_MS);
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
