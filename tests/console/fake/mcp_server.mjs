// A small MCP server over stdio: contacts, orders, mail. `send` has no annotation, and no list allows it.

import { createInterface } from "node:readline";

const text = { type: "string" };
const id = { type: "integer" };
const TOOLS = [
  ["get_contacts", "Lists contacts.", { limit: id }, ({ limit = 3 }) => ({ items: Array.from({ length: limit }, (_, index) => ({ id: index + 1, name: `Contact ${index + 1}` })) })],
  ["get_last_order", "The last order of a contact.", { contact_id: id }, ({ contact_id: contact }) => ({ order_id: 100_000 + contact, total: 51.4 * contact })],
  ["send", "Sends a mail.", { to: text, body: text }, ({ to }) => ({ sent: to })],
];

const answers = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "crm", version: "1" } }),
  "tools/list": () => ({ tools: TOOLS.map(([name, description, properties]) => ({ name, description, inputSchema: { type: "object", properties } })) }),
  "tools/call": ({ name, arguments: given }) => {
    const value = TOOLS.find(([one]) => one === name)[3](given ?? {});
    return { content: [{ type: "text", text: JSON.stringify(value) }], structuredContent: value };
  },
  ping: () => ({}),
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id: request, method, params } = JSON.parse(line);
  if (request === undefined) return;
  const answer = answers[method];
  const body = answer ? { result: answer(params ?? {}) } : { error: { code: -32601, message: `no method ${method}` } };
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id: request, ...body })}\n`);
});
