// The admin API: every request of the console but the event streams goes through here.

const BASE = "/api/v1";
/** How long an answer may take, in milliseconds. Runs that are tried take longer. */
const PATIENCE_MS = 30_000;

/** Where the value of the session is kept: pages of this origin alone read it, and its port is part of the origin. */
const KEPT = "exuvia.session";

let csrf = null;
let signedOut = () => {};

/** What the API refused, or that it cannot be reached (`status` 0). */
class ApiError extends Error {
    constructor(status, code, message) {
        super(message);
        this.status = status;
        this.code = code;
    }
}

/** Calls `listener` when the API does not know the session (any more). */
export function onSignedOut(listener) {
    signedOut = listener;
}

/** Takes the value that requests of a session repeat. Without it, the session's cookie is of no use to anybody. */
export function useSession(session) {
    csrf = session?.csrf ?? null;
    try {
        if (csrf) localStorage.setItem(KEPT, csrf);
        else localStorage.removeItem(KEPT);
    } catch {
        // Without storage the session ends with the page.
    }
}

function kept() {
    try {
        return localStorage.getItem(KEPT);
    } catch {
        return null;
    }
}

/** The headers that show that a request is of the session. */
export function credentials() {
    // Another tab may have logged in anew.
    const value = kept() ?? csrf;
    return value ? { "X-Exuvia-CSRF": value } : {};
}

/** The address of an API path with its query. Parameters that are empty are left out. */
export function address(path, query = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
    const search = new URLSearchParams(given).toString();
    return BASE + path + (search ? `?${search}` : "");
}

/** A path of parts that come from outside: `path("runs", id)`. */
export function path(...parts) {
    return parts.map((part) => `/${encodeURIComponent(part)}`).join("");
}

export function get(route, query, { signal } = {}) {
    return request("GET", address(route, query), undefined, signal);
}

export function post(route, body = {}, { signal, patience } = {}) {
    return request("POST", address(route), body, signal, patience);
}

export function remove(route, { signal } = {}) {
    return request("DELETE", address(route), undefined, signal);
}

async function request(method, url, body, signal, patience = PATIENCE_MS) {
    const headers = { Accept: "application/json", ...credentials() };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const late = AbortSignal.timeout(patience);
    const options = { method, headers, credentials: "same-origin", signal: signal ? AbortSignal.any([signal, late]) : late };
    if (body !== undefined) options.body = JSON.stringify(body);
    let response;
    let text;
    try {
        response = await fetch(url, options);
        text = await response.text();
    } catch (error) {
        if (signal?.aborted) throw error;
        const why = late.aborted ? `no answer for ${patience / 1000} s` : "is exuvia running?";
        throw new ApiError(0, "unreachable", `The daemon cannot be reached: ${why}`);
    }
    const answer = parsed(text);
    if (response.ok) return answer;
    if (response.status === 401 && !url.startsWith(`${BASE}/session`)) signedOut();
    const { code = "error", message = `The daemon answered with status ${response.status}` } = answer?.error ?? {};
    throw new ApiError(response.status, code, message);
}

function parsed(text) {
    try {
        return text ? JSON.parse(text) : null;
    } catch {
        return null;
    }
}
