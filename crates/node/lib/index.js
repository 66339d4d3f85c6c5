// `import { Sandbox, tool } from 'exuvia'`

import { readFileSync } from 'node:fs';

const guest = JSON.parse(readFileSync(new URL('../guest/guest.json', import.meta.url), 'utf8'));

/** The SHA-256 of the guest component. Fuel can be compared between runs of one guest. */
export const GUEST_DIGEST = guest.component.sha256;

export { close, configure } from './engine.js';
export { Cancelled, Denied, Fault, LimitReached, SandboxError, ScriptError, ToolDenied, ToolError, ToolUnavailable, WrongResult } from './errors.js';
export { DEFAULTS as DEFAULT_LIMITS } from './limits.js';
export { Sandbox } from './sandbox.js';
export { tool } from './tools.js';
