// What each route of the API answers: undefined is 404, null is 204.

import { listed } from "./approvals.mjs";
import { ALL } from "./hostile.mjs";
import { filtered, record, SCRIPT } from "./runs.mjs";
import { refused } from "./server.mjs";
import * as world from "./world.mjs";

/** The parameters of each list: others are refused, as the daemon does. */
const PARAMETERS = {
  runs: "principal server tool outcome since until text slow_ms failed limit before", approvals: "state run limit before", tools: "server", usage: "by since until days",
  explain: "principal role server tool", servers: "lines", tokens: "days", workspaces: "path before limit offset", functions: "sha256",
};

export function routed(fake, method, [area, name, action, extra], query, body) {
  const known = (PARAMETERS[area] ?? "").split(" ");
  for (const parameter of Object.keys(query)) if (!known.includes(parameter)) throw refused(400, "bad-request", `unknown parameter ${parameter}`);
  return areas[area]?.(fake, { method, name, action, extra, query, body });
}

function paged(items, { limit = 50, before }) {
  const start = before ? items.findIndex(({ id }) => id === before) + 1 : 0;
  const page = items.slice(start, start + Number(limit));
  return { items: page, next: start + page.length < items.length && page.length ? page.at(-1).id : null };
}

const areas = {
  runs(fake, { method, name, action, extra, query, body }) {
    if (!name) return paged(filtered(fake.runs, query), query);
    if (name === "live") return { items: fake.runs.filter((run) => run.outcome === null), next: null };
    const run = fake.runs.find(({ id }) => id === name);
    if (!run) return undefined;
    if (method === "DELETE") {
      fake.runs = fake.runs.filter((one) => one !== run);
      return null;
    }
    if (action === "cancel") {
      run.outcome = "cancelled";
      fake.emit("ended", { run: run.id });
      return null;
    }
    if (action === "replay") {
      return body.code
        ? { run: name, verdict: "completed", differs: true, message: "the edited script came out differently", differences: [{ what: "result", recorded: '{"total":18250.15,"open":41}', replayed: '{"total":18250.15}' }, { what: "fuel", recorded: "2500000", replayed: "2400000" }], fuel: 2_400_000 }
        : { run: name, verdict: "same", differs: false, message: "reproduced", differences: [], fuel: run.fuel };
    }
    if (action === "calls") return { arguments: `{"contact_id":${extra},"q":"[redacted]"}`, arguments_bytes: 32, value: run.error?.includes("onerror") ? JSON.stringify({ text: ALL }) : '{"order_id":100015,"contact_id":1,"total":51.40,"currency":"EUR","lines":[{"sku":"A-1","n":2}]}', value_bytes: 96, error: null, redacted: true, cut: false };
    const whole = record(run);
    const held = fake.approvals.find((one) => one.run === run.id && one.state === "pending");
    for (const call of whole.calls) if (call.approval) call.approval = held?.id ?? null;
    return whole;
  },
  approvals(fake, { method, name, action, query, body }) {
    if (!name) return paged(fake.approvals.filter((one) => (!query.state || one.state === query.state) && (!query.run || one.run === query.run)).map(listed), query);
    const found = fake.approvals.find(({ id }) => id === name);
    if (!found || method === "GET") return found;
    if (found.state !== "pending") throw refused(409, "conflict", "This approval is answered already.");
    if (body.shown_sha256 !== found.shown_sha256) throw refused(409, "shown-changed", "What would be sent is not what was shown.");
    found.state = action === "approve" ? "approved" : "denied";
    found.answer = { by: "operator", channel: "page", at_ms: Date.now(), reason: body.reason ?? null };
    fake.emit("answered", { approval: found.id, run: found.run });
    return found;
  },
  questions(fake, { method, name, action, body }) {
    const all = fake.questions ?? [];
    if (!name) return { items: all, next: null };
    const found = all.find(({ id }) => id === name);
    if (!found || method === "GET") return found;
    fake.questions = all.filter((one) => one !== found);
    fake.answers = [...(fake.answers ?? []), { id: found.id, ...body }];
    fake.emit("question-over", { question: found.id, run: found.run });
    return { done: true };
  },
  servers(fake, { method, name, action }) {
    const all = world.servers(fake.now);
    if (!name) return { items: all, next: null };
    if (!all.some((one) => one.name === name)) return undefined;
    if (method === "POST" && action === "reconnect") return {};
    if (action === "log") return { lines: ["starting", "listening on stdio", name === world.HOSTILE_SERVER ? ALL : "tools/list: 9 tools", "warning: slow answer (812 ms)"] };
    return undefined;
  },
  tools(fake, { method, name, action, body }) {
    if (!name) return { items: world.servers(fake.now).flatMap((server) => world.tools(server.name).map((tool) => ({ ...tool, server: server.name }))), next: null };
    if (action === "stub") return world.stub(name);
    if (action === "pins") {
      const all = world.pins(name, fake.now);
      for (const item of all.items) if (fake.accepted.includes(item.tool)) Object.assign(item, { state: "pinned", withheld: false, parts: [], findings: [] });
      return all;
    }
    if (method === "POST" && action === "accept") {
      fake.accepted.push(body.tool);
      return null;
    }
    const items = world.tools(name);
    return { items, tokens: items.reduce((sum, { tokens }) => sum + tokens, 0) };
  },
  keys(fake, { method, name, action, body }) {
    if (!name && method === "GET") return { items: fake.keys, next: null };
    if (!name) {
      fake.keys.push({ ...fake.keys[0], name: body.name, role: body.role, labels: {} });
      return { name: body.name, secret: "exv_5f1c0ffee5f1c0ffee5f1c0ffee" };
    }
    const key = fake.keys.find((one) => one.name === name);
    if (!key || method === "GET") return key;
    if (action === "rotate") return { name, secret: "exv_0ther0ther0ther" };
    key.state = "revoked";
    return null;
  },
  roles: () => ({ items: world.ROLES, next: null }),
  budgets: (fake) => ({ items: world.budgets(fake.now), next: null }),
  usage(fake, { name, query }) {
    if (name === "daily") return { items: world.days(Number(query.days ?? 30), fake.now) };
    const names = { principal: ["key:ci", "key:support", "key:reporting", "operator"], server: ["crm", "files", "mail", "tracker"], tool: ["crm.get_contacts", "files.read_text", "mail.send", ALL] }[query.by];
    return { items: names.map((one, index) => ({ name: one, runs: 4200 - index * 900, calls: 31_000 - index * 6100, failed_calls: index * 31, fuel: 9e11 / (index + 1), cost: 81.5 / (index + 1), wall_ms: 9e6 / (index + 1) })) };
  },
  explain: (fake, { query }) => (query.tool?.startsWith("delete") ? { visible: true, decision: "denied", rules: ['roles.support.deny: "crm.delete_*"'] } : query.server === "warehouse" ? { visible: false, decision: "not-visible", rules: ["roles.support.tools names no tool of warehouse"] } : { visible: true, decision: "needs-approval", rules: ['roles.support.tools: "crm.*"', "servers.crm.on_unlisted is ask-before, and auto_execute has no entry"] }),
  health: () => ({ status: "ready", version: "0.1.0", started_ms: Date.now() - 8e7, problems: [], unavailable_servers: ["warehouse"], journal: {} }),
  config: () => ({ toml: '[servers.crm]\ncommand = "crm-mcp"\nauto_execute = ["get_*"]\n' }),
  policy: (fake, { body }) => ({ checked: body.last, runs: fake.runs.slice(30, 34).map((run) => ({ id: run.id, principal: run.principal, started_ms: run.started_ms, then: "allowed", now: "needs-approval", calls: [{ line: 6, server: "crm", tool: "get_last_order", then: "allowed", now: "needs-approval" }] })) }),
  try(fake, { name, body }) {
    if (name === "run") return { run: fake.runs[12].id, report: "returned" };
    const lines = body.code.split("\n");
    const wrong = lines.findIndex((line) => line.includes("get_contract"));
    const tools = [["crm", "get_contacts"], ["mail", "send"]].map(([server, tool]) => ({ server, tool, lines: lines.flatMap((line, index) => (line.includes(`${server}.${tool}`) ? [index + 1] : [])), standing: tool === "send" ? "needs-approval" : "allowed" })).filter(({ lines: at }) => at.length);
    const findings = wrong < 0 ? [] : [{ line: wrong + 1, message: "crm has no tool get_contract; did you mean get_contact?", severity: "error" }];
    return { verdict: findings.length ? "rejected" : tools.some(({ standing }) => standing === "needs-approval") ? "needs-approval" : "allowed", message: "", findings, tools, reasons: [], code: SCRIPT.length };
  },
  workspaces(fake, { name, action, extra, query, body }) {
    if (!name) return { items: world.WORKSPACES, next: null };
    if (!world.WORKSPACES.find((one) => one.name === name)?.directories.includes(action)) return undefined;
    const entry = (path, kind = "file") => ({ name: path, kind, size: kind === "file" ? 18_250 : 0, modified_ms: fake.now - 3e6 });
    fake.files ??= [entry("reports", "directory"), entry("orders.csv"), entry("orders.db"), entry(ALL), entry("link", "other")];
    if (extra === "remove") {
      fake.files = fake.files.filter((one) => one.name !== body.path);
      return null;
    }
    if (extra === "file") {
      const text = query.path?.endsWith(".db") ? null : `id,total\n1,51.40\n2,${ALL}\n`;
      return { size: 18_250, next_offset: query.offset === "0" ? 9_000 : null, text, base64: text === null ? "U1FMaXRlIGZvcm1hdCAzAA==" : null };
    }
    return { items: query.path ? [] : fake.files, next: null, used_bytes: 73_000, used_files: fake.files.length };
  },
  functions(fake, { name, action, query, body }) {
    const all = (fake.functions ??= world.functions(fake.now));
    if (!name) return { items: all.map(({ source, ...row }) => row), next: null };
    const texts = all.filter((one) => one.name === name && one.sha256 !== null);
    const text = texts.find(({ sha256 }) => sha256.startsWith(body?.sha256 ?? query.sha256 ?? ""));
    if (!text) return undefined;
    const promoted = texts.find(({ state }) => state === "promoted");
    if (action === "diff") return { before: promoted ?? null, after: text, diff: "" };
    if (action === "promote") {
      if (promoted) promoted.state = "retired";
      Object.assign(text, { state: "promoted", version: 1 + Math.max(0, ...texts.map(({ version }) => version)), note: "" });
      return { version: text.version, sha256: text.sha256 };
    }
    if (action === "retire") {
      if (text.state === "proposed") fake.functions = all.filter((one) => one !== text);
      else text.state = "retired";
      return { done: true };
    }
    const act = { by: "key:support", at_ms: fake.now - 7e6, run: fake.runs[3].id };
    const versions = texts.map(({ sha256, state, version }) => ({ sha256, state, version, proposed: act, promoted: version ? { by: "operator", at_ms: fake.now - 6e6, run: null } : null, retired: null }));
    return { ...text, description: text.note.includes("onerror") ? ALL : "Invoices that are overdue, oldest first.", input_schema: {}, tools: null, grants: ["billing.list_invoices", "crm.get_contact"], versions };
  },
  tokens: (fake, { query }) => ({ items: world.days(Number(query.days ?? 30), fake.now).map(({ day, runs, calls, would, paid }) => ({ day, runs, calls, would, paid, would_parts: { definitions: Math.round(would * 0.6), calls: would - Math.round(would * 0.6) }, paid_parts: { definitions: Math.round(paid * 0.4), discovery: Math.round(paid * 0.2), scripts: Math.round(paid * 0.2), results: paid - Math.round(paid * 0.4) - 2 * Math.round(paid * 0.2), direct: 0 } })), schema_tokens: 38_400, meta_tokens: 360 }),
};
