import type { Command } from 'commander';
import pc from 'picocolors';
import { AppError } from '../core/errors.ts';
import { parseDuration } from '../lib/duration.ts';
import { options, output, server } from './context.ts';
import { localTime } from './output.ts';

const POLL_MS = 300;

/** The log of a run, or of the latest run of a task or job; `-f` follows it to its end. */
export function registerLogs(program: Command): void {
  program
    .command('logs')
    .alias('log')
    .description('log of a run, or of the latest run of a task or job')
    .argument('<key>', 'run, task or job')
    .option('-f, --follow', 'go on until the run has ended')
    .option('--times', 'when each line came, where that is known')
    .option('--since <duration>', 'leave out lines that are known to be older')
    .action(async (key: string, _o, command: Command) => {
      const o = options<{ follow?: boolean; times?: boolean; since?: string }>(command);
      const since = o.since === undefined ? null : Date.now() - durationOf(o.since);
      const out = output(command);
      const client = await server();
      const { run } = await client.get('/runs/{id}', { params: { id: key } });
      let after = 0;
      for (;;) {
        const chunk = await client.get('/runs/{id}/log', { params: { id: run.id }, query: { after } });
        const { text = '' } = chunk;
        for (const [i, line] of (text === '' ? [] : text.replace(/\n$/, '').split('\n')).entries()) {
          const at = chunk.lines[i]?.at ?? null;
          if (since !== null && at !== null && Date.parse(at) < since) continue;
          out.text(o.times === true ? `${pc.dim(timeOf(at))}  ${visible(line)}` : visible(line));
          out.line({ schema: 'orch.log/1', run: run.id, at, line });
        }
        const moved = chunk.next > after;
        after = chunk.next;
        if (moved && after < chunk.size) continue;
        if (o.follow !== true || chunk.ended) return;
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    });
}

function timeOf(at: string | null): string {
  return localTime(at).padEnd(8);
}

function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === null)
    throw new AppError(`--since ${text} is not a duration`, {
      code: 'usage.duration',
      hint: 'such as 10m or 2h',
    });
  return ms;
}

/** Log text is untrusted: control characters other than tab and colour are shown, not obeyed. */
function visible(line: string): string {
  return line.replace(/\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]/g, '·');
}
