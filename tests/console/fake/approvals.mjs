// Approvals that wait: an everyday one, a gather, the start of a script, and those that try something.

import { createHash } from "node:crypto";

import { ALL, ANSI, BIDI, LOOK_ALIKE, MARKUP, ZERO_WIDTH } from "./hostile.mjs";
import { ulid } from "./random.mjs";
import { SCRIPT } from "./runs.mjs";

const sha = (text) => createHash("sha256").update(text).digest("hex");

export function makeApprovals(runs, now, count = 40, calm = false) {
  const parked = runs.find((run) => run.outcome === "parked") ?? runs[0];
  const made = [];
  const add = (more) => {
    const index = made.length;
    const created = now - index * 47_000 - 9_000;
    const text = more.arguments ?? '{"id":1}';
    made.push({
      id: ulid(created, index + 500_000), run: parked.id, call: 13, principal: "key:support", role: "support", profile: "support", server: "mail", tool: "send", arguments: text,
      arguments_bytes: Buffer.byteLength(text), arguments_shown: text, shown_sha256: sha(text + index), script: SCRIPT, line: 17,
      calls_of_script: [
        { lines: [2], server: "crm", tool: "get_contacts", needs_approval: false }, { lines: [6], server: "crm", tool: "get_last_order", needs_approval: false },
        { lines: [13], server: "tracker", tool: "search", needs_approval: false }, { lines: [17], server: "mail", tool: "send", needs_approval: true },
      ],
      unpredicted: [], rule: 'servers.mail.on_unlisted = "ask-before": auto_execute has no entry for "send"', created_ms: created, expires_ms: created + 86_400_000, state: "pending", answer: null,
      tool_description: "Sends a mail.", may_answer: true, may_not_why: null, suggestion: suggestion(runs), ...more,
    });
  };
  add({ arguments: '{"to":"sales@fjord.example","subject":"Large month","body":"18250.15 EUR","options":{"priority":1,"track":false},"cc":["ada@fjord.example","ines@fjord.example"],"amount":18250.1500}' });
  for (const contact of [3, 5, 8]) {
    add({ run: runs[3].id, principal: "key:ci", role: "ci", server: "crm", tool: "update_contact", line: 4, call: contact, arguments: `{"contact_id":${contact},"fields":{"segment":"large"}}`, tool_description: "Changes fields of a contact." });
  }
  if (!calm) hostile(add);
  add({ server: null, tool: null, call: null, line: null, arguments: null, arguments_bytes: 0, rule: "roles.support.start = ask", calls_of_script: [
    { lines: [2], server: "crm", tool: "get_contacts", needs_approval: false }, { lines: [17], server: "mail", tool: "send", needs_approval: true }], unpredicted: ["line 11: gather takes any number of calls"], suggestion: null });
  add({ server: "mail", tool: "send", principal: "operator", may_answer: false, may_not_why: "Who asks cannot answer: this run is your own." });
  while (made.length < count) add({ run: runs[10 + made.length].id, server: "tracker", tool: "create_issue", line: 9, principal: "key:reporting", role: "reporting", arguments: `{"title":"Month ${made.length}","labels":["report"]}`, tool_description: "Creates an issue." });
  return made;
}

/** Those that try something. */
function hostile(add) {
  add({ server: "files", tool: "write_text", arguments: `{"path":"/srv/${ZERO_WIDTH}/notes.txt","text":"${BIDI}","note":"${MARKUP.replaceAll('"', '\\"')}","rtl":"שלום עולם 123","ansi":"${ANSI.replaceAll("\u001b", "\\u001b").replaceAll("\u0007", "\\u0007")}","mixed":"p\u0430ypal","pad":"x${" ".repeat(400)}y","n":1e400,"n":2}`, script: `# ${ALL}\n${SCRIPT}`, tool_description: ALL, rule: `on_unlisted ${MARKUP}`, principal: `key:${MARKUP}` });
  add({ server: LOOK_ALIKE, tool: "get_contacts", arguments: '{"limit":10}' });
  add({ server: "files", tool: "write_text", arguments: `{"path":"/srv/big.json","text":"${"0123456789abcdef".repeat(65_536)}","last":"END-OF-ARGUMENTS"}`, tool_description: "Writes a file of text." });
}

function suggestion(runs) {
  const calls = runs.slice(20, 32).map((run) => ({ run: run.id, at_ms: run.started_ms, principal: run.principal, server: "mail", tool: "send", arguments_shown: '{"to":"sales@fjord.example"}', cut: true }));
  return { choices: [
    { scope: "mail.send to sales@fjord.example", toml: '[servers.mail]\nauto_execute = ["send"]\nconstraints = { send = { to = { one_of = ["sales@fjord.example"] } } }', would_have_allowed: calls, would_have_allowed_total: 12 },
    { scope: "mail.send with any arguments", toml: '[servers.mail]\nauto_execute = ["send"]', would_have_allowed: calls, would_have_allowed_total: 214 },
    { scope: "every tool of mail", toml: '[servers.mail]\nauto_execute = ["*"]', would_have_allowed: [], would_have_allowed_total: 0 },
  ] };
}

/** As lists have it. */
export function listed({ script, calls_of_script: calls, suggestion: lines, arguments: text, ...rest }) {
  return rest;
}
