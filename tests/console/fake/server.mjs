// The admin API as its contract has it, with generated data, and the files of the console as the daemon serves them.
// `node server.mjs PORT [RUNS]` serves it by hand; the code to log in with is `let-me-in`.

import { createServer } from "node:http";
import { readFile, stat } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

import { listed, makeApprovals } from "./approvals.mjs";
import { ulid } from "./random.mjs";
import { filtered, makeRuns, record } from "./runs.mjs";
import * as world from "./world.mjs";

const FILES = fileURLToPath(new URL("../../../crates/admin/console/", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml" };
const PAGES = new Set(["", "login", "approvals", "approve", "question", "runs", "servers", "access", "try", "tokens", "files", "functions"]);
export const HEADERS = {
  "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-cache",
};
const CSRF = "csrf-of-the-test";

/** With `calm` nobody tries anything: for pictures. */
export async function startFake({ port = 0, runs: count = 2000, approvals: waiting = 40, calm = false } = {}) {
  const now = Date.now();
  const fake = { now, runs: makeRuns(count, now, calm), requests: [], streams: new Set(), codes: new Set(["let-me-in"]), tokens: new Map(), accepted: [], keys: world.keys(now, calm), slowest: 0 };
  fake.approvals = makeApprovals(fake.runs, now, waiting, calm);
  const server = createServer((request, response) => {
    const began = performance.now();
    answer(fake, request, response).catch((error) => send(response, error.status ?? 500, { error: { code: error.code ?? "fault", message: error.message } }))
      .finally(() => { fake.slowest = Math.max(fake.slowest, performance.now() - began); });
  });
  await new Promise((ready) => server.listen(port, "127.0.0.1", ready));
  fake.url = `http://127.0.0.1:${server.address().port}`;
  fake.emit = (name, data) => fake.streams.forEach((stream) => stream.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`));
  fake.addApproval = (more) => {
    const made = { ...fake.approvals[0], ...more, id: ulid(Date.now(), 900_000 + fake.approvals.length), created_ms: Date.now(), expires_ms: Date.now() + 86_400_000, state: "pending", answer: null };
    fake.approvals.unshift(made);
    fake.emit("held", { approval: made.id, run: made.run });
    return made;
  };
  fake.addRun = (more) => {
    const made = { ...fake.runs[5], id: ulid(Date.now(), 800_000 + fake.runs.length), started_ms: Date.now(), outcome: null, wall_ms: null, error: null, ...more };
    fake.runs.unshift(made);
    fake.emit("started", { run: made.id });
    return made;
  };
  fake.stop = () => {
    fake.streams.forEach((stream) => stream.end());
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  };
  return fake;
}

async function answer(fake, request, response) {
  const url = new URL(request.url, "http://localhost");
  if (!url.pathname.startsWith("/api/v1")) return serveFile(url.pathname, response);
  const route = url.pathname.slice("/api/v1".length);
  const query = Object.fromEntries(url.searchParams);
  const body = request.method === "POST" ? JSON.parse((await text(request)) || "{}") : null;
  fake.requests.push({ method: request.method, route, query, body });
  const session = new RegExp(`${cookieOf(request)}=([^;]*)`).exec(request.headers.cookie ?? "")?.[1];
  if (route === "/session" && request.method === "POST") return logIn(fake, body, request, response);
  const repeats = request.headers["x-exuvia-csrf"] === CSRF;
  if (!session || (request.method === "GET" && !repeats)) throw refused(401, "unauthorized", "log in first");
  if (!repeats) throw refused(403, "csrf", "the CSRF token is missing");
  if (route === "/session" && request.method === "GET") return send(response, 200, sessionOf(session));
  if (route === "/session") return send(response, 204, null, { "Set-Cookie": `${cookieOf(request)}=; Path=/; Max-Age=0` });
  if (route.endsWith("/events")) return stream(fake, request, response);
  const parts = route.split("/").slice(1).map(decodeURIComponent);
  const found = (await import("./routes.mjs")).routed(fake, request.method, parts, query, body);
  if (found === undefined) throw refused(404, "not-found", "there is no such thing");
  return send(response, found === null ? 204 : 200, found);
}

function cookieOf(request) {
  return `exuvia_console_${request.socket.localPort}`;
}

function logIn(fake, { code }, request, response) {
  const scope = fake.tokens.get(code);
  if (!fake.codes.has(code) && !scope) throw refused(401, "unauthorized", "the code is not valid");
  const value = scope ? `run:${scope}` : "all";
  return send(response, 200, sessionOf(value), { "Set-Cookie": `${cookieOf(request)}=${value}; HttpOnly; SameSite=Strict; Path=/` });
}

function sessionOf(value) {
  return { principal: "operator", csrf: CSRF, version: "0.1.0", scope: value.startsWith("run:") ? { run: value.slice(4) } : "all" };
}

function stream(fake, request, response) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.write(": open\n\n");
  fake.streams.add(response);
  request.on("close", () => fake.streams.delete(response));
}

async function serveFile(path, response) {
  const isPage = PAGES.has(path.split("/")[1]);
  const name = isPage ? "index.html" : normalize(path.replace(/^\/console\//, "/")).slice(1);
  const file = join(FILES, name);
  if ((!isPage && !path.startsWith("/console/")) || !file.startsWith(FILES) || !TYPES[extname(file)] || !(await stat(file).catch(() => null))) {
    response.writeHead(404, HEADERS).end();
    return;
  }
  response.writeHead(200, { ...HEADERS, "Content-Type": TYPES[extname(file)] }).end(await readFile(file));
}

export function refused(status, code, message) {
  return Object.assign(new Error(message), { status, code });
}

function send(response, status, value, headers = {}) {
  if (response.headersSent) return;
  response.writeHead(status, { ...HEADERS, "Content-Type": "application/json", ...headers }).end(value === null ? undefined : JSON.stringify(value));
}

async function text(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const fake = await startFake({ port: Number(process.argv[2] ?? 0), runs: Number(process.argv[3] ?? 100_000) });
  console.log(`${fake.url}/login#code=let-me-in`);
}

export { filtered, listed, record, world };
