// `exuvia serve` with a server of contacts, and a login to its console.

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const READY_MS = 60_000;
const SERVER = fileURLToPath(new URL("fake/mcp_server.mjs", import.meta.url));

async function freePort() {
  const server = createServer();
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Starts it: `{url, mcp, code(), api(method, path, body), stop()}`. */
export async function startDaemon(program) {
  const home = await mkdtemp(join(tmpdir(), "exuvia-console-"));
  const [admin, mcp] = [await freePort(), await freePort()];
  const config = join(home, "exuvia.toml");
  await writeFile(config, `[servers.crm]
command = ${JSON.stringify(process.execPath)}
args = [${JSON.stringify(SERVER)}]
auto_execute = ["get_*"]
cost_per_call = 0.002

[budgets.everybody]
period = "day"
calls = 1000

[admin]
listen = "127.0.0.1:${admin}"

[listen]
mcp = "127.0.0.1:${mcp}"
`);
  const env = { PATH: process.env.PATH, HOME: home, XDG_DATA_HOME: join(home, "data"), XDG_CONFIG_HOME: join(home, "config"), XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? home, ".cache") };
  const child = spawn(program, ["serve", "--config", config], { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => { output = (output + data).slice(-8000); });
  const daemon = { url: `http://127.0.0.1:${admin}`, mcp: `http://127.0.0.1:${mcp}/mcp` };
  const token = async () => (await readFile(join(home, "data/exuvia/admin.token"), "utf8")).trim();
  daemon.api = async (method, path, body) => {
    const headers = { Authorization: `Bearer ${await token()}`, ...(body ? { "Content-Type": "application/json" } : {}) };
    const response = await fetch(`${daemon.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
  daemon.code = async () => (await daemon.api("POST", "/session/code")).code;
  daemon.stop = async () => {
    const over = new Promise((done) => child.once("exit", done));
    child.kill("SIGKILL");
    await over;
    await rm(home, { recursive: true, force: true });
  };
  const deadline = Date.now() + READY_MS;
  for (;;) {
    const servers = await daemon.api("GET", "/servers").catch(() => null);
    if (servers?.items.some(({ state }) => state === "ready")) return daemon;
    if (child.exitCode !== null || Date.now() > deadline) {
      await daemon.stop().catch(() => {});
      throw new Error(`the daemon does not serve its admin API:\n${output}`);
    }
    await new Promise((later) => setTimeout(later, 200));
  }
}
