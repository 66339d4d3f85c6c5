// What can go wrong, under the sandbox's own names.

/** A script came to no result. What it did until then is kept. */
export class SandboxError extends Error {
  constructor(message, { logs = '', logsDroppedBytes = 0, calls = [], usage } = {}) {
    super(message);
    this.name = new.target.name;
    Object.assign(this, { logs, logsDroppedBytes, calls, usage });
  }
}

/** The script's own fault: an exception that it did not catch, a syntax error, an exit, a crash of its interpreter. */
export class ScriptError extends SandboxError {
  constructor(error, done) {
    super(error.message, done);
    const { kind, line, traceback = '', hint } = error;
    Object.assign(this, { kind, line, traceback, hint });
  }

  /** All of it, for whoever repairs the script. */
  toString() {
    const first = this.message ? `${this.kind}: ${this.message}` : this.kind;
    return [first, this.traceback, this.hint && `hint: ${this.hint}`].filter(Boolean).join('\n');
  }
}

/** A call that a tool refused by `ToolDenied` left the script as an uncaught exception. */
export class Denied extends ScriptError {}

/** A limit stopped the script. */
export class LimitReached extends SandboxError {
  constructor(limit, message, done, line) {
    super(message, done);
    Object.assign(this, { limit, line });
  }
}

/** The run was cancelled by its signal. */
export class Cancelled extends SandboxError {
  constructor(reason, done) {
    super('the run was cancelled', done);
    this.cause = reason;
  }
}

/** The result is not of the type that `returns` asks for. */
export class WrongResult extends SandboxError {}

/** The sandbox itself went wrong. The text is for the operator only. */
export class Fault extends SandboxError {}

/** Thrown in a tool: a failure, with data for the script beside the message. */
export class ToolError extends Error {
  constructor(message, data) {
    super(message);
    this.name = new.target.name;
    this.data = data;
  }
}

/** Thrown in a tool: this call may not be made. In the script it is a `ToolDenied`, which is a `PermissionError`. */
export class ToolDenied extends ToolError {}

/** Thrown in a tool: what it needs cannot be reached now. In the script it is a `ToolUnavailable`. */
export class ToolUnavailable extends ToolError {}
