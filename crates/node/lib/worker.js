// A thread that runs scripts, one after another, each in a new instance. While nothing is asked of it, it makes the next instance.

import { parentPort, workerData } from 'node:worker_threads';

import { Instance } from './guest.js';

const { modules, replies, signal } = workerData;
const channel = { post: (message) => parentPort.postMessage(message), replies, signal };

let known = { key: 0, servers: [] };
let spare;

async function take(memoryBytes) {
  const ready = await spare?.catch(() => undefined);
  spare = undefined;
  return ready?.memoryBytes === memoryBytes ? ready : Instance.make(modules, channel, memoryBytes);
}

async function run({ tools, servers, ...request }) {
  if (servers) known = { key: tools, servers };
  const { limits } = request;
  const instance = await take(limits.memoryBytes);
  const done = instance?.run({ ...request, servers: known.servers }) ?? { outcome: { stopped: 'memoryBytes' } };
  channel.post({ type: 'done', ...done });
  setImmediate(() => {
    spare ??= Instance.make(modules, channel, limits.memoryBytes);
    spare.catch(() => {});
  });
}

parentPort.on('message', (request) =>
  run(request).catch((error) => channel.post({ type: 'done', outcome: { fault: String(error?.stack ?? error) } })),
);
