// Records of the API as the screens read them.

/** A run in flight. The API has no outcome for it. */
const RUNNING = "running";
const WAITING = new Set([RUNNING, "held", "parked"]);

/** A session: `scope` is null where it may do everything, else it names the one run that it is for. */
export function session(answer) {
    return answer && { ...answer, scope: answer.scope?.run ? answer.scope : null };
}

/** A run of a list: its outcome is never null. */
export function summary(run) {
    const isRunning = run.live ?? (run.outcome === null || run.outcome === undefined);
    return { ...run, outcome: run.outcome ?? (isRunning ? RUNNING : run.waits ?? "unknown"), error: errorLine(run.error) };
}

/** Whether a run has come to its end. */
export function isOver(run) {
    return !WAITING.has(run.outcome);
}

/** A whole run: `{run, calls, …}`. */
export function record(answer) {
    const { usage, calls = [], error, is_erased: isErased } = answer;
    const wall = usage?.wall_ms ?? answer.wall_ms;
    const run = summary({ ...answer, error: null, wall_ms: wall, cost: usage?.cost });
    const all = calls.map((one) => call(one, run));
    run.calls = answer.calls_total ?? all.length;
    run.failed_calls = all.filter(({ state }) => state === "failed" || state === "refused").length;
    return { ...answer, run, error: error ?? null, calls: all, result: jsonText(answer.result), erased: Boolean(isErased) };
}

/** JSON that came from scripts or servers, as text. */
export function jsonText(value) {
    if (value === null || value === undefined) return null;
    return typeof value === "string" ? value : JSON.stringify(value);
}

/** What became of a call: `ok`, `failed`, `refused`, `reused`, `held`, `running` or `unknown`. */
function call(one, run) {
    const { state, code } = one;
    if (state !== "sent") return { ...one, state };
    if (code === null || code === undefined) return { ...one, state: isOver(run) ? "unknown" : "running" };
    return { ...one, state: code === "ok" ? "ok" : "failed" };
}

function errorLine(error) {
    if (error === null || error === undefined || typeof error === "string") return error ?? null;
    return [error.kind, error.message].filter(Boolean).join(": ");
}

/** A run in flight, as the list of those has it. */
export function inFlight(run) {
    return summary({ ...run, outcome: null, live: true, started_ms: run.started_ms ?? run.since_ms, wall_ms: null });
}

/** An approval whose calls are one for each line. */
export function approval(answer) {
    const { calls_of_script: calls = [], suggestion, unpredicted = [] } = answer;
    const byLine = ({ lines, needs_approval: asks, state, ...rest }) => {
        const standing = state ?? (asks === undefined ? null : asks ? "needs-approval" : "may-call");
        return (lines ?? [rest.line]).map((line) => ({ ...rest, line, state: standing }));
    };
    return {
        ...answer,
        calls_of_script: (calls ?? []).flatMap(byLine),
        unpredicted: unpredicted ?? [],
        choices: (suggestion?.choices ?? []).map((choice) => ({ ...choice, scope: SCOPES[choice.scope]?.(answer) ?? choice.scope })),
    };
}

/** What a line of configuration would allow, in words. */
const SCOPES = {
    tool: ({ server, tool }) => `${server}.${tool}, whatever its arguments`,
    arguments: ({ server, tool }) => `${server}.${tool} with these arguments`,
    "read-only-tools": ({ server }) => `the tools of ${server} that say they only read`,
};
