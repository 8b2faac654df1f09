import type { Command } from 'commander';
import pc from 'picocolors';
import { type Brief, briefHeadline, briefSections } from '../core/brief.ts';
import { AppError } from '../core/errors.ts';
import { options, output, server } from './context.ts';
import { EXIT, Exit, localTime, MARKS } from './output.ts';

/** What people are told when they come back, and how they are reached. */
export function registerBriefCommands(program: Command): void {
  program
    .command('brief')
    .description('what happened since you last looked: merged, waiting, failed, and what comes next')
    .option('--since <time>', 'since then instead: how long ago (8h), or an ISO time')
    .option('--peek', 'look without counting as having looked')
    .action(async (_o, command: Command) => {
      const { since, peek } = options<{ since?: string; peek?: boolean }>(command);
      const out = output(command);
      const wire = await (await server()).get('/brief', {
        query: { since, peek: peek === true ? 'true' : null },
      });
      out.object(wire);
      const brief = instants(wire) as Brief;
      const time = (at: number) => localTime(new Date(at).toISOString());
      out.text(pc.bold(briefHeadline(brief, time)));
      for (const { title, lines } of briefSections(brief, time)) {
        out.text('');
        out.text(`  ${pc.bold(title)}`);
        for (const line of lines) out.text(`    ${oneLine(line)}`);
      }
    });

  const notify = program.command('notify').description('test: sends a test message, and says what is wrong');
  notify.argument('<action>', 'test').action(async (action: string, _o, command: Command) => {
    if (action !== 'test')
      throw new AppError(`there is no notify ${action}`, { code: 'usage.notify', hint: 'orch notify test' });
    const out = output(command);
    const { channels } = await (await server()).post('/notify/test');
    out.object({ schema: 'orch.notify-test/1', channels });
    if (channels.length === 0)
      out.text('Nobody is told: set ORCH_TELEGRAM_BOT_TOKEN and ORCH_TELEGRAM_CHAT_ID, or notify.webhook');
    for (const { channel, ok, problem, fix } of channels) {
      out.text(
        `${ok ? MARKS.ok : MARKS.error} ${channel}${problem === null ? ': sent' : `: ${oneLine(problem)}`}`,
      );
      if (fix !== null) out.text(`  fix  ${oneLine(fix)}`);
    }
    if (channels.length === 0 || channels.some(({ ok }) => !ok)) throw new Exit(EXIT.failed);
  });
}

/** The wire's times as instants: one set of words for every surface. */
function instants(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((each) => instants(each, name));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, instants(each, key)]));
  const isInstant = ['since', 'until', 'at', 'resetAt'].includes(name) && typeof value === 'string';
  return isInstant ? Date.parse(value) : value;
}

/** Words of others, on one line and without what a terminal would obey. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, 200);
}
