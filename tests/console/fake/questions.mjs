// Questions of servers, one in each mode, with all kinds of fields and texts that want to be markup.

import { ALL } from "./hostile.mjs";

const common = { run: "01KB3V7Q0Y6W0M4T2E9S8R5N1P", principal: "key:ci", server: "crm", tool: "send", line: 3, asked_ms: Date.now(), until_ms: Date.now() + 60_000 };

export const FORM = {
  ...common, id: "01KB9W0C2T0000000000000001", mode: "form", url: null, message: `crm asks:\n  ${ALL}`,
  schema: {
    type: "object", required: ["size", "name"],
    properties: {
      name: { type: "string", title: "Name <b>", description: ALL, maxLength: 8, format: "email" },
      size: { type: "string", enum: ["s", "l"], enumNames: ["Small <i>", "Large"] },
      color: { type: "string", oneOf: [{ const: "r", title: "Red" }, { const: "b", title: "Blue" }], default: "b" },
      count: { type: "integer", minimum: 1 },
      share: { type: "number", default: 0.5 },
      sure: { type: "boolean", default: true },
      tags: { type: "array", items: { type: "string", enum: ["a", "b", "c"] } },
      odd: { type: "object" },
    },
  },
};

export const VISIT = { ...common, id: "01KB9W0C2T0000000000000002", mode: "url", schema: null, message: "crm asks:\n  log in", url: "https://login.example/authorize?client=exuvia&state=0123456789#end" };
