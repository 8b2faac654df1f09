import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { server } from './context.ts';

const RECENT = 50;

/**
 * `orch completion bash|zsh|fish|powershell`: every command and option, and live task keys and job ids
 * where a command takes one. Call it when all commands are registered.
 */
export async function registerCompletion(program: Command, args: readonly string[]): Promise<void> {
  const completion = tab(program, { completionCommandName: 'completion' });
  if (args[0] !== 'complete') return;
  const names = await liveNames();
  for (const command of completion.commands.values())
    for (const name of ['key', 'show-or-id', 'id']) {
      const argument = command.arguments.get(name);
      if (argument !== undefined)
        argument.handler = (complete) => {
          for (const [value, about] of names) complete(value, about);
        };
    }
}

/** What may be named: nothing when no service answers, for a shell must not show an error while one types. */
async function liveNames(): Promise<readonly (readonly [string, string])[]> {
  try {
    const client = await server();
    const { tasks } = await client.get('/tasks', { query: { status: 'active,needs_you', limit: 1000 } });
    const { jobs } = await client.get('/jobs', { query: { status: 'queued,running,failed', limit: 1000 } });
    return [
      ...tasks.slice(-RECENT).map((task) => [task.key, task.title] as const),
      ...jobs
        .slice(-RECENT)
        .map((job) => [job.id, `${job.project} ${job.stage ?? job.agent ?? ''}`] as const),
    ];
  } catch {
    return [];
  }
}
