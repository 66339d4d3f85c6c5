// Compiled by tsc, and not run: the types say what the package does.

import { Denied, LimitReached, Sandbox, SandboxError, ScriptError, ToolError, configure, tool } from 'exuvia';
import type { Event, Result, StandardSchema } from 'exuvia';

declare const day: StandardSchema<unknown, { day: Date }>;
declare const total: StandardSchema<unknown, { total: number }>;

const weekday = tool({ input: day, schema: { type: 'object' }, run: ({ day }, { signal }) => (signal.aborted ? 0 : day.getUTCDay()) });
// @ts-expect-error: the schema has no such member
tool({ input: day, run: ({ night }) => night });

const sandbox = new Sandbox({
  tools: { weekday, plain: async ({ id }: { id: number }) => id },
  servers: { crm: [{ name: 'get-contact', run: () => null }] },
  limits: { wallMs: 1000 },
  maskErrors: true,
});
// @ts-expect-error: there is no such limit
new Sandbox({ limits: { wall_ms: 1000 } });

export async function all(): Promise<number> {
  configure({ concurrentRuns: 2 });
  const told: Event[] = [];
  try {
    const typed: Result<{ total: number }> = await sandbox.run('1', { returns: total, signal: AbortSignal.timeout(10), onEvent: (event) => told.push(event) });
    const { value } = await sandbox.run<string>('"x"');
    return typed.value.total + value.length + typed.usage.fuel;
  } catch (error) {
    if (error instanceof Denied) return error.line ?? 0;
    if (error instanceof ScriptError) return error.kind.length;
    if (error instanceof LimitReached) return error.limit === 'fuel' ? 1 : 2;
    if (error instanceof SandboxError) return error.calls.length;
    throw new ToolError('no', { row: 7 });
  }
}
// @ts-expect-error: nobody makes these
new SandboxError();
