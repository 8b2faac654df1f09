import type { Command } from 'commander';
import { AppError } from '../core/errors.ts';
import type { Answer, Explain, SnoozeWire } from '../http/contract.ts';
import { parseDuration } from '../lib/duration.ts';
import { options, output, server } from './context.ts';
import { localTime, type Output, table } from './output.ts';

/** `orch snooze [WHAT]`: put off what needs a person, for oneself; without a name, what one has put off. */
export function registerSnooze(program: Command): void {
  program
    .command('snooze')
    .description('put off what needs you, for yourself: it holds as before; without a name, what you put off')
    .argument('[what]', 'task, job, run, account or project that it is about, or its code')
    .option('--for <duration>', 'default 1h, at most 24h')
    .option('--off', 'take it back')
    .action(async (what: string | undefined, _o, command: Command) => {
      const o = options<{ for?: string; off?: boolean }>(command);
      const out = output(command);
      const client = await server();
      if (what === undefined) return print(out, await client.get('/snoozes'));
      const forMs = parseDuration(o.for ?? '1h');
      if (forMs === null)
        throw new AppError(`--for ${o.for} is not a duration`, {
          code: 'usage.duration',
          hint: 'such as 1h or 30m',
        });
      const target = targetOf(what, await client.get('/explain'));
      print(out, await client.post('/snooze', { body: { ...target, forMs, off: o.off === true } }));
    });
}

function targetOf(what: string, { reasons }: Explain): Pick<SnoozeWire, 'code' | 'kind' | 'id'> {
  if (/^run_\d+$/.test(what)) return { code: 'run.stalled', kind: 'run', id: what };
  const found = reasons.filter(
    ({ code, scope, state, sample }) =>
      state === 'needs_you' && [code, scope.id, scope.label, ...sample].includes(what),
  );
  const [one] = found;
  if (one === undefined)
    throw new AppError(`nothing about ${what} needs you`, { code: 'not_found', hint: 'orch why' });
  if (found.length > 1)
    throw new AppError(`${found.length} things about ${what} need you`, {
      code: 'usage.what',
      hint: `name one by its code: ${found.map(({ code }) => code).join(', ')}`,
    });
  return { code: one.code, kind: one.scope.kind, id: one.scope.id };
}

function print(out: Output, { snoozes }: Answer<'GET /snoozes'>): void {
  out.object({ schema: 'orch.snoozes/1', snoozes });
  out.text(
    snoozes.length === 0
      ? 'You have put nothing off.'
      : table(
          ['PUT OFF', 'ABOUT', 'UNTIL'],
          snoozes.map(({ code, id, until }) => [code, id === '' ? 'everything' : id, localTime(until)]),
        ),
  );
}
