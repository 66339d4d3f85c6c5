// Event streams. An event is a hint to read again: what is shown always comes from the API's answers.

import { address } from "./api.js";

/** At most one read in this time, in milliseconds. */
const PACE_MS = 1000;
/** Without a stream, and for changes that no event reports, in milliseconds. */
const FALLBACK_MS = 30_000;

/**
 * Calls `changed` after events of `route` whose names are listed, after a reconnect, and every half minute, until `signal` aborts.
 * `state` is called with `"live"` and `"lost"`.
 */
export function follow(route, names, { signal, changed, state = () => {} }) {
    const stream = new EventSource(address(route));
    const paced = pace(changed, signal);
    let wasLost = false;
    stream.addEventListener("open", () => {
        state("live");
        if (wasLost) paced();
        wasLost = false;
    });
    stream.addEventListener("error", () => {
        wasLost = true;
        state("lost");
    });
    for (const name of names) stream.addEventListener(name, () => paced());
    const clock = setInterval(paced, FALLBACK_MS);
    signal.addEventListener("abort", () => {
        stream.close();
        clearInterval(clock);
    });
}

/** `action`, at once and then at most once in `PACE_MS`; never twice at the same time. */
function pace(action, signal) {
    let last = 0;
    let waiting = null;
    const run = async () => {
        last = performance.now();
        try {
            await action();
        } finally {
            waiting = null;
        }
    };
    return () => {
        if (waiting !== null || signal.aborted) return;
        const wait = Math.max(0, last + PACE_MS - performance.now());
        waiting = setTimeout(() => !signal.aborted && run().catch(() => {}), wait);
    };
}
