import type { Command } from 'commander';
import pc from 'picocolors';
import { AppError } from '../core/errors.ts';
import type { MessageWire } from '../http/contract.ts';
import { options, output, server } from './context.ts';
import { localTime, table } from './output.ts';

const HINT = 'orch outbox | retry ID... | retry --all [--destination D] | drop ID --reason "..."';

interface Options {
  readonly all?: boolean;
  readonly destination?: string;
  /** As it was typed; the server says which there are. */
  readonly state?: MessageWire['state'];
  readonly reason?: string;
}

/** What Orch could not tell the world: messages that were given up, and those it still tries in vain. */
export function registerOutboxCommands(program: Command): void {
  program
    .command('outbox')
    .description('messages that were not delivered: list, retry ID..., drop ID')
    .argument('[action]', 'list, retry, drop', 'list')
    .argument('[id...]', 'such as msg_12')
    .option('--all', 'retry: everything that was given up or is stuck')
    .option('--destination <name>', 'list, retry --all: only notify, tracker:P or forge:P')
    .option('--state <state>', 'list: only dead or stuck')
    .option('--reason <text>', 'drop: why, for the audit log')
    .action(async (action: string, ids: string[], _o, command: Command) => {
      const o = options<Options>(command);
      switch (action) {
        case 'list':
          return list(command, o);
        case 'retry':
          return retry(command, ids, o);
        case 'drop':
          return drop(command, ids, o);
        default:
          throw new AppError(`there is no outbox ${action}`, { code: 'usage.outbox', hint: HINT });
      }
    });
}

async function list(command: Command, { destination, state }: Options): Promise<void> {
  const out = output(command);
  const found = await (await server()).get('/outbox', { query: { destination, state } });
  out.object({ schema: 'orch.outbox/1', ...found });
  for (const each of found.destinations)
    if (each.unansweredSince !== null)
      out.text(
        `${pc.cyan('◷')} ${each.name} has not answered since ${localTime(each.unansweredSince)}, is asked again at ${localTime(each.nextTryAt)}: ${oneLine(each.error)}`,
      );
  if (found.messages.length === 0) {
    out.text('Every message that was tried was delivered.');
    return;
  }
  out.text(
    table(
      ['ID', 'STATE', 'TO', 'TASK', 'TRIES', 'SINCE', 'WHAT', 'ERROR'],
      found.messages.map((m) => [
        m.id,
        m.state === 'dead' ? pc.yellow('▲ given up') : pc.cyan('◷ stuck'),
        m.destination,
        m.task ?? '–',
        String(m.tries),
        localTime(m.createdAt),
        oneLine(m.what),
        oneLine(m.error),
      ]),
    ),
  );
  if (found.next !== null) out.text(pc.dim('there are more: narrow by --destination or --state'));
}

async function retry(command: Command, ids: readonly string[], { all, destination }: Options): Promise<void> {
  if ((ids.length === 0) !== (all === true))
    throw new AppError('retry needs ids, or --all', { code: 'usage.outbox_retry', hint: HINT });
  if (ids.length > 0 && destination !== undefined)
    throw new AppError('--destination goes with --all', { code: 'usage.outbox_retry', hint: HINT });
  const out = output(command);
  const done = await (await server()).post('/outbox/retry', {
    body: { ids: ids.length === 0 ? null : ids, destination: destination ?? null },
  });
  out.object({ schema: 'orch.outbox-retry/1', ...done });
  const overtaken =
    done.overtaken === 0 ? '' : `, ${done.overtaken} dropped: what came after was told already`;
  out.text(`${done.retried} to be tried now${overtaken}`);
}

async function drop(command: Command, ids: readonly string[], { reason }: Options): Promise<void> {
  const [id, ...more] = ids;
  if (id === undefined || more.length > 0)
    throw new AppError('drop needs one id', { code: 'usage.outbox_drop', hint: HINT });
  if (reason === undefined || reason.trim() === '')
    throw new AppError('drop needs --reason: nobody will be told this message', {
      code: 'usage.outbox_drop',
      hint: `orch outbox drop ${id} --reason "the item is gone"`,
    });
  const out = output(command);
  const { dropped } = await (await server()).post('/outbox/drop', { body: { id, reason } });
  out.object({ schema: 'orch.outbox-drop/1', dropped });
  out.text(`${dropped} dropped`);
}

/** Words of others, on one line and without what a terminal would obey. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, 100);
}
