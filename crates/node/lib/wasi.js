// The parts of WASI that CPython links, with nothing in them but clocks, random bytes, and the log behind the streams.

import { randomFillSync } from 'node:crypto';

const MOST_RANDOM_BYTES = 1 << 20;

/** The script left by `os._exit`. */
export class Exited extends Error {
  constructor(status) {
    super(`status ${status}`);
    this.status = status;
  }
}

class None {}
const none = () => {
  throw 'not-supported';
};
const now = () => BigInt(Math.round(performance.now() * 1e6));
const SOCKETS = { Network: None, TcpSocket: None, UdpSocket: None, IncomingDatagramStream: None, OutgoingDatagramStream: None };

// `host`: `sleepUntil(moment)` and `print(stream, text)`.
function io(host) {
  class Pollable {
    constructor(at) {
      this.at = at;
    }
    ready() {
      return performance.now() >= this.at;
    }
    block() {
      host.sleepUntil(this.at);
    }
  }
  class InputStream {
    blockingRead() {
      throw { payload: { tag: 'closed' } };
    }
    read() {
      throw { payload: { tag: 'closed' } };
    }
    subscribe() {
      return new Pollable(0);
    }
  }
  class OutputStream {
    constructor(stream) {
      this.stream = stream;
    }
    checkWrite() {
      return 65536n;
    }
    write(data) {
      host.print(this.stream, new TextDecoder().decode(data));
    }
    blockingWriteAndFlush(data) {
      this.write(data);
    }
    flush() {}
    blockingFlush() {}
    subscribe() {
      return new Pollable(0);
    }
  }
  const poll = (pollables) => {
    host.sleepUntil(Math.min(...pollables.map((one) => one.at)));
    return Uint32Array.from(pollables.flatMap((one, place) => (one.ready() ? [place] : [])));
  };
  return { Pollable, InputStream, OutputStream, poll };
}

function randomBytes(length) {
  if (length > MOST_RANDOM_BYTES) throw new WebAssembly.RuntimeError('too many random bytes at a time');
  return randomFillSync(new Uint8Array(Number(length)));
}

/** The imports. */
export function wasi(host) {
  const { Pollable, InputStream, OutputStream, poll } = io(host);
  const [out, err] = [new OutputStream('stdout'), new OutputStream('stderr')];
  const exit = (status) => {
    throw new Exited(status);
  };
  return {
    'wasi:cli/environment': { getArguments: () => [], getEnvironment: () => [] },
    'wasi:cli/exit': { exit: (status) => exit(status.tag === 'ok' ? 0 : 1), exitWithCode: exit },
    'wasi:cli/stdin': { getStdin: () => new InputStream() },
    'wasi:cli/stdout': { getStdout: () => out },
    'wasi:cli/stderr': { getStderr: () => err },
    'wasi:cli/terminal-input': { TerminalInput: None },
    'wasi:cli/terminal-output': { TerminalOutput: None },
    'wasi:cli/terminal-stdin': { getTerminalStdin: () => undefined },
    'wasi:cli/terminal-stdout': { getTerminalStdout: () => undefined },
    'wasi:cli/terminal-stderr': { getTerminalStderr: () => undefined },
    'wasi:clocks/monotonic-clock': {
      now,
      resolution: () => 1000n,
      subscribeDuration: (ns) => new Pollable(performance.now() + Number(ns) / 1e6),
      subscribeInstant: (ns) => new Pollable(Number(ns) / 1e6),
    },
    'wasi:clocks/wall-clock': {
      now: () => ({ seconds: BigInt(Math.floor(Date.now() / 1000)), nanoseconds: (Date.now() % 1000) * 1e6 }),
      resolution: () => ({ seconds: 0n, nanoseconds: 1e6 }),
    },
    'wasi:filesystem/preopens': { getDirectories: () => [] },
    'wasi:filesystem/types': { Descriptor: None, DirectoryEntryStream: None, filesystemErrorCode: () => undefined },
    'wasi:io/error': { Error: None },
    'wasi:io/poll': { Pollable, poll },
    'wasi:io/streams': { InputStream, OutputStream },
    'wasi:random/random': { getRandomBytes: randomBytes },
    'wasi:sockets/instance-network': { instanceNetwork: () => new None() },
    'wasi:sockets/ip-name-lookup': { ResolveAddressStream: None, resolveAddresses: none },
    'wasi:sockets/network': SOCKETS,
    'wasi:sockets/tcp': SOCKETS,
    'wasi:sockets/tcp-create-socket': { createTcpSocket: none },
    'wasi:sockets/udp': SOCKETS,
    'wasi:sockets/udp-create-socket': { createUdpSocket: none },
  };
}
