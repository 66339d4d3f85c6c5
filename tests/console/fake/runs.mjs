// 100,000 runs, and the record of each.

import { ALL, BREAKOUT, MARKUP } from "./hostile.mjs";
import { generator, ulid } from "./random.mjs";

const PRINCIPALS = ["key:ci", "key:support", "key:reporting", "user:okta/ada@example.com", "operator"];
const TOOLS = ["crm.get_contacts", "crm.get_last_order", "crm.update_contact", "tracker.search", "tracker.create_issue", "mail.send", "warehouse.stock", "files.read_text"];
const OUTCOMES = [...Array(86).fill("returned"), ..."raised raised raised raised raised stopped stopped denied denied budget-exhausted cancelled unavailable fault returned".split(" ")];
const WHY = {
  raised: "KeyError: 'items'", stopped: "wall_ms: the script ran for more than 30000 ms", denied: "crm.update_contact: servers.crm.deny has \"update_*\"",
  "budget-exhausted": "budget support-day has 12 runs left until 00:00", cancelled: "the client disconnected", unavailable: "the queue is full", fault: "the sandbox failed; see the log",
};

export const SCRIPT = `import asyncio
contacts = crm.get_contacts(limit=10)["items"]

# All at once. A contact without an order is no reason to stop.
orders = await asyncio.gather(
    *[crm.get_last_order(contact_id=c["id"]) for c in contacts],
    return_exceptions=True,
)
for contact, order in zip(contacts, orders):
    if isinstance(order, ToolError):
        print("no order:", contact["name"])
total = sum(o["total"] for o in orders if not isinstance(o, ToolError))
open_issues = tracker.search(jql="type = Order AND status = Open")
print(len(contacts), "contacts,", open_issues["total"], "open issues")

if total > 1_000:
    mail.send(to="sales@fjord.example", subject="Large month", body=f"{total:.2f} EUR")

result = {"total": round(total, 2), "open": open_issues["total"]}
`;

export function makeRuns(count, now, calm = false) {
  const random = generator(20);
  const runs = [];
  let at = now - 4000;
  for (let index = 0; index < count; index += 1) {
    const outcome = index === 0 ? null : index === 1 ? "parked" : random.one(OUTCOMES);
    const calls = outcome === "budget-exhausted" || outcome === "unavailable" ? 0 : 1 + random.below(14);
    const slow = random.next() < 0.06;
    const wall = outcome === "stopped" ? 30_000 : Math.round(180 + random.next() ** 3 * 1400 + (slow ? 6000 + random.below(16000) : 0));
    const isHostile = index === 7 && !calm;
    runs.push({
      id: ulid(at, index), kind: "run", principal: isHostile ? `key:${MARKUP}` : random.one(PRINCIPALS), profile: random.next() < 0.2 ? "support" : null, outcome,
      error: isHostile ? `ValueError: ${ALL}` : WHY[outcome] ?? null, started_ms: at, wall_ms: outcome === null ? null : wall, calls,
      failed_calls: outcome === "returned" ? (random.next() < 0.08 ? 1 : 0) : Math.min(calls, 1), fuel: 2_000_000 + random.below(900_000_000), cost: calls ? Number((calls * 0.002).toFixed(3)) : null,
      tools: isHostile ? [`crm.${BREAKOUT}`, "crm.get_contacts"] : [...new Set(Array.from({ length: Math.min(calls, 4) }, () => random.one(TOOLS)))],
    });
    at -= 200 + random.below(40_000);
  }
  return runs;
}

export function filtered(runs, query) {
  const { principal, server, tool, outcome, since, until, text, failed, slow_ms: slow } = query;
  const wanted = (run) => (!principal || run.principal === principal)
    && (!server || run.tools.some((name) => name.startsWith(`${server}.`)))
    && (!tool || run.tools.some((name) => name.endsWith(`.${tool}`) || name === tool))
    && (!outcome || run.outcome === outcome || (outcome === "running" && run.outcome === null))
    && (!failed || !["returned", null, "parked"].includes(run.outcome))
    && (!since || run.started_ms >= Number(since)) && (!until || run.started_ms < Number(until))
    && (!slow || run.wall_ms >= Number(slow))
    && (!text || `${run.id} ${run.error ?? ""} ${run.tools.join(" ")}`.toLowerCase().includes(text.toLowerCase()));
  return runs.filter(wanted);
}

export function record(run) {
  const start = run.started_ms;
  // As long as the run took.
  const scale = (run.wall_ms ?? 820) / 820;
  const names = ["Barbara Kovacs", "Yuki Perlman", "Ada Byron", "Tomás Ferreira", "Ines Albrecht", "Noor Haddad", "Jo Lind", "Mei Tan", "Ravi Menon", "Lea Roth"];
  const call = (id, line, tool, at, ms, more = {}) => {
    const [server, name] = tool.split(".");
    return { id, line, server, tool: name, n: id - 1, state: "sent", code: "ok", error: null, ms: ms === null ? null : Math.round(ms * scale), value_bytes: 300 + ((id * 977) % 4000), arguments_bytes: 18, started_ms: start + Math.round(at * scale), rule: `servers.${server}.auto_execute: "get_*"`, approval: null, cost: 0.002, ...more };
  };
  const hostile = run.error?.includes("onerror");
  const calls = [
    call(1, 2, "crm.get_contacts", 8, 64, { value_bytes: 18_400 }),
    ...names.map((_, index) => call(index + 2, 6, "crm.get_last_order", 76 + (index % 3), 40 + ((index * 53) % 190), index === 6 ? { code: "tool-error", error: hostile ? ALL : "no order for this contact" } : {})),
    call(12, 13, "tracker.search", 290, 412, { value_bytes: 120_300 }),
    call(13, 17, "mail.send", 708, run.outcome === "parked" ? null : 96, run.outcome === "parked" ? { state: "held", code: null, approval: "A" } : { rule: "approval by operator (page)", value_bytes: 44 }),
  ];
  const ended = run.outcome !== null && run.outcome !== "parked";
  return {
    ...run, live: run.outcome === null, script: hostile ? `# ${ALL}\n${SCRIPT}` : SCRIPT, calls,
    log: hostile ? `${ALL}\n` : "no order: Jo Lind\n10 contacts, 41 open issues\n", log_dropped_bytes: 0,
    result: run.outcome === "returned" ? '{"total":18250.15,"open":41}' : null,
    error: ended && run.outcome !== "returned" ? { kind: "KeyError", message: run.error ?? "", line: 12, traceback: 'File "script.py", line 12, in <module>\n    total = sum(...)\nKeyError: \'items\'', hint: "The answer has the keys: total, issues" } : null,
    usage: { fuel: run.fuel, memory_bytes_peak: 35_651_584, wall_ms: run.wall_ms, tool_calls: run.calls, cost: run.cost },
    findings: ["line 6: crm.get_last_order may be called any number of times"], decision: 'servers.crm.auto_execute: "get_*"; servers.tracker.auto_execute: "search"; mail.send: asked at the call',
    limits: { fuel: 10_000_000_000, wall_ms: 30_000, tool_calls: 1000 }, claims: { name: "claude-code", version: "2.4.1", model: "claude-opus-5" }, trace_id: "4bf92f3577b34da6a3ce929d0e0e4736", trace_url: hostile ? "javascript:window.attacked=1" : null,
    replayable: ended, not_replayable_why: ended ? null : "it goes on", is_erased: false,
  };
}
