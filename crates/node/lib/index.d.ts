/** The limits of one run. Every one has a value: nothing is unlimited. */
export interface Limits {
  /** Work: two billion are about a second of Python. Default 20,000,000,000. */
  readonly fuel: number;
  /** Time from start to end in milliseconds, waiting for tools included. Default 120,000. */
  readonly wallMs: number;
  /** Memory of the script in bytes, the interpreter's own included. Default 256 MiB, at most 4 GiB. */
  readonly memoryBytes: number;
  /** Calls of tools. Default 10,000. */
  readonly toolCalls: number;
  /** Calls that are with their tools at the same time. Further ones wait. Default 32. */
  readonly concurrentCalls: number;
  /** How long one call may take, in milliseconds. The script may catch what comes of a longer one. Default 30,000. */
  readonly callTimeoutMs: number;
  /** The arguments of one call, in bytes of JSON. Default 4 MiB. */
  readonly callArgumentsBytes: number;
  /** The answer of one call, in bytes of JSON. Default 16 MiB. */
  readonly callResultBytes: number;
  /** Arguments and answers in flight, together, in bytes. Default 128 MiB. */
  readonly bufferedBytes: number;
  /** What the script prints, in bytes. The rest is dropped and counted. Default 256 KiB. */
  readonly logBytes: number;
  /** The result, in bytes of JSON. Default 16 MiB. */
  readonly resultBytes: number;
  /** The script, in bytes. Default 1 MiB. */
  readonly sourceBytes: number;
}

export const DEFAULT_LIMITS: Limits;

/** A schema of a library that implements Standard Schema, as Zod, Valibot and ArkType do. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: ReadonlyArray<{ readonly message: string; readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined }> };

export type JsonSchema = { readonly [key: string]: unknown };

/** What a tool knows of its call. */
export interface ToolContext {
  /** Aborted when nobody waits for the answer any more: the run has ended, the script has given up the call, or it took too long. */
  readonly signal: AbortSignal;
  /** The number of the call in its run, from 1. */
  readonly id: number;
  readonly server: string;
  readonly tool: string;
  /** The line of the script that makes the call, as the script says. */
  readonly line: number | undefined;
}

/** A function that scripts call, with keyword arguments as an object. Integers beyond 2^53 are BigInts, both ways. */
export type ToolFunction<Arguments = any> = (args: Arguments, context: ToolContext) => unknown;

export interface Tool<Arguments = any> {
  /** The name, where it is not the key. Scripts write it as a Python name: `get-user` becomes `get_user`. */
  readonly name?: string;
  /** What it does, for the author of the script. */
  readonly description?: string;
  /** The arguments: a JSON Schema of an object, or a Standard Schema. Without one, any keywords pass. */
  readonly input?: JsonSchema | StandardSchema<unknown, Arguments>;
  /** The JSON Schema of `input`, where its library gives none. */
  readonly schema?: JsonSchema;
  /** The answer, for the stubs. It is not checked. */
  readonly output?: JsonSchema | StandardSchema;
  readonly run: ToolFunction<Arguments>;
}

/** A tool, with the types of its arguments from `input`. */
export function tool<Output>(definition: Omit<Tool, 'input' | 'run'> & { input: StandardSchema<unknown, Output>; run: ToolFunction<Output> }): Tool<Output>;
export function tool<Arguments = any>(definition: Tool<Arguments>): Tool<Arguments>;

export type Tools = { readonly [name: string]: Tool | ToolFunction } | ReadonlyArray<Tool & { readonly name: string }>;

/** One call of a tool. */
export interface Call {
  readonly server: string;
  readonly tool: string;
  /** `ok`, or what became of it: `tool-failed`, `denied`, `timed-out`, `invalid-arguments`, `cancelled`, ... */
  readonly outcome: string;
  /** How long it took, waiting for its turn included. */
  readonly ms: number;
}

/** What a run used. */
export interface Usage {
  /** Units of fuel: work, by a measure that does not depend on the machine. */
  readonly fuel: number;
  /** The largest size of the script's memory, the interpreter's own included. */
  readonly memoryBytesPeak: number;
  readonly wallMs: number;
  readonly toolCalls: number;
}

/** What came of a script. */
export interface Result<T = unknown> {
  /** The value of `result`, of the last expression, or of a `return` at the top level. Integers beyond 2^53 are BigInts. */
  readonly value: T;
  /** The same, as the JSON that the script gave. */
  readonly json: string;
  /** What it printed. */
  readonly logs: string;
  /** How much more it printed than `logBytes` allows. */
  readonly logsDroppedBytes: number;
  /** The calls of tools that it made, in order. */
  readonly calls: readonly Call[];
  readonly usage: Usage;
}

export type Event =
  | { readonly type: 'log'; readonly stream: 'stdout' | 'stderr'; readonly text: string }
  | { readonly type: 'call-started'; readonly id: number; readonly server: string; readonly tool: string }
  | { readonly type: 'call-ended'; readonly id: number; readonly outcome: string; readonly ms: number };

export interface SandboxOptions {
  /** Functions, which scripts call as `tools.name(...)`. */
  readonly tools?: Tools;
  /** More of them by the name of a server, for `server.name(...)`. */
  readonly servers?: { readonly [server: string]: Tools };
  readonly limits?: Partial<Limits>;
  /** Scripts see of exceptions in tools that they happened, and the message of a `ToolError` alone. */
  readonly maskErrors?: boolean;
}

export interface RunOptions<T = unknown> {
  /** Cancels the run: it rejects with `Cancelled` when the script has stopped. */
  readonly signal?: AbortSignal | undefined;
  /** Told what is printed and called, while it happens. */
  readonly onEvent?: ((event: Event) => void) | undefined;
  /** A Standard Schema that the result has to fit: `value` is its output. */
  readonly returns?: StandardSchema<unknown, T> | undefined;
}

/** Runs scripts, each in a fresh CPython 3.14 of its own, with these tools and under these limits. It holds nothing but its settings. */
export class Sandbox {
  constructor(options?: SandboxOptions);
  /** The tools as Python stubs, for the prompt of whoever writes the scripts. */
  readonly stubs: string;
  readonly limits: Limits;
  /** Runs a script to its end. Rejects with a `SandboxError` if it comes to no result. */
  run<T = unknown>(code: string, options?: RunOptions<T>): Promise<Result<T>>;
}

/** Sets up the engine of this process, before its first script. `concurrentRuns`: scripts that execute at the same time, each on a thread;
 * by default the number of processors, at most 16. Further ones wait. */
export function configure(options: { readonly concurrentRuns: number }): void;

/** Ends the threads that run no script, and frees their memory. The next script starts new ones. */
export function close(): void;

/** The SHA-256 of the guest component. Fuel can be compared between runs of one guest. */
export const GUEST_DIGEST: string;

/** A script came to no result. What it did until then is kept. */
export class SandboxError extends Error {
  protected constructor();
  readonly logs: string;
  readonly logsDroppedBytes: number;
  readonly calls: readonly Call[];
  readonly usage: Usage | undefined;
}

/** The script's own fault: an exception that it did not catch, a syntax error, an exit, a crash of its interpreter. `String(error)` has all of
 * it, for whoever repairs the script. */
export class ScriptError extends SandboxError {
  /** The class of the exception, as `KeyError`; `exited`, `crashed`. */
  readonly kind: string;
  /** The line of the script at fault, counted from 1. */
  readonly line: number | undefined;
  readonly traceback: string;
  /** How to repair it. */
  readonly hint: string | undefined;
}

/** A call that a tool refused by `ToolDenied` left the script as an uncaught exception. */
export class Denied extends ScriptError {}

/** A limit stopped the script. */
export class LimitReached extends SandboxError {
  readonly limit: 'fuel' | 'wallMs' | 'memoryBytes' | 'toolCalls' | 'stackBytes' | 'resultBytes' | 'sourceBytes';
  /** Where the script met it, if it had a chance to. */
  readonly line: number | undefined;
}

/** The run was cancelled by its signal; `cause` is the signal's reason. */
export class Cancelled extends SandboxError {}

/** The result is not of the type that `returns` asks for. */
export class WrongResult extends SandboxError {}

/** The sandbox itself went wrong. The text is for the operator only. */
export class Fault extends SandboxError {}

/** Thrown in a tool: a failure, with data for the script beside the message. */
export class ToolError extends Error {
  constructor(message: string, data?: unknown);
  readonly data: unknown;
}

/** Thrown in a tool: this call may not be made. In the script it is a `ToolDenied`, which is a `PermissionError`. */
export class ToolDenied extends ToolError {}

/** Thrown in a tool: what it needs cannot be reached now. In the script it is a `ToolUnavailable`. */
export class ToolUnavailable extends ToolError {}
