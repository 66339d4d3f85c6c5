// The official TypeScript client, worked by lines of JSON: `node client.mjs PACKAGES PACKAGE MODE (URL | COMMAND ARGUMENT...)`.
//
// The first line that it prints tells what was agreed on. Then each line {id, do, ...} that it reads is answered by a line
// {id, value} or {id, error}, and {id, progress} before that: `list`, `resources`, `read` with `uri`, `call` with `name`, `arguments`
// and `progress`, and `cancel`, whose id is that of the call.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [packages, name, mode, target, ...rest] = process.argv.slice(2);
const require = createRequire(`${packages}/client.mjs`);

// The first package has one entry for each file, speaks the legacy era alone, and takes the schema of the result second.
const old = name === "sdk";
const pinned = mode !== "legacy" && mode !== "auto";
const from = (path) => require(`@modelcontextprotocol/${old ? `sdk/client/${path}.js` : path}`);
const { Client } = old ? from("index") : from("client");
const { StdioClientTransport } = old ? from("stdio") : from("client/stdio");
const { StreamableHTTPClientTransport } = old ? from("streamableHttp") : from("client");

const transport = target.startsWith("http://")
  ? new StreamableHTTPClientTransport(new URL(target))
  : new StdioClientTransport({ command: target, args: rest });
let version;
const agreed = transport.setProtocolVersion?.bind(transport);
transport.setProtocolVersion = (told) => {
  version = told;
  agreed?.(told);
};

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const calls = new Map();

async function call({ id, name, arguments: given, progress }) {
  const abort = new AbortController();
  calls.set(id, abort);
  const options = { signal: abort.signal, timeout: 60_000 };
  if (progress) options.onprogress = (told) => say({ id, progress: told });
  const params = { name, arguments: given };
  try {
    return await (old ? client.callTool(params, undefined, options) : client.callTool(params, options));
  } finally {
    calls.delete(id);
  }
}

const requests = {
  list: () => client.listTools(),
  resources: () => client.listResources(),
  read: ({ uri }) => client.readResource({ uri }),
  call,
};

async function answer(asked) {
  try {
    say({ id: asked.id, value: await requests[asked.do](asked) });
  } catch (error) {
    say({ id: asked.id, error: String(error) });
  }
}

const versionNegotiation = { mode: pinned ? { pin: mode } : mode };
const client = new Client({ name: "exuvia-interop", version: "1.0.0" }, { versionNegotiation });
await client.connect(transport);
if (!old) version = client.getNegotiatedProtocolVersion();
say({ version, server: client.getServerVersion() });
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  if (asked.do === "cancel") calls.get(asked.id)?.abort();
  else answer(asked);
}
// Over HTTP a session ends when its client says so.
if (version < "2026") await transport.terminateSession?.();
await client.close();
