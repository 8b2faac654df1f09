import { type Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { AppError } from '../core/errors.ts';
import { options, output, server } from './context.ts';

interface Options {
  readonly project?: string;
  readonly first?: number;
}

const SHOWN = 20;

/** What a new tracker or a changed rule would bring in, and the word that lets it. */
export function registerIntakeCommands(program: Command): void {
  program
    .command('intake')
    .description('items that trackers hold for projects: list, accept')
    .argument('[action]', 'list, accept', 'list')
    .option('--project <key>', 'only this project; accept needs it where several wait')
    .option('--first <n>', 'accept: only the n oldest of what matches now', count)
    .action(async (action: string, _o, command: Command) => {
      const o = options<Options>(command);
      switch (action) {
        case 'list':
          return list(command, o);
        case 'accept':
          return accept(command, o);
        default:
          throw new AppError(`there is no intake ${action}`, {
            code: 'usage.intake',
            hint: 'orch intake | orch intake accept --project P [--first N]',
          });
      }
    });
}

async function list(command: Command, { project }: Options): Promise<void> {
  const out = output(command);
  const found = await (await server()).get('/intake', { query: { project } });
  out.object({ schema: 'orch.intake/1', ...found });
  if (found.intake.length === 0) out.text('No project has a tracker that items come in from.');
  for (const { project: key, tracker, rule, isAccepted, taken, outside, items } of found.intake) {
    const is = isAccepted ? pc.green('✓ let in') : pc.yellow('▲ waits for you');
    out.text(`${pc.bold(key)}  ${is}  ${tracker}: ${rule}`);
    const left = isAccepted ? 'left out' : 'would be taken on';
    out.text(`  ${taken + outside} match: ${taken} taken on, ${outside} ${left}`);
    for (const item of items.slice(0, SHOWN)) out.text(`    ${item.key}  ${oneLine(item.title)}`);
    if (outside > SHOWN)
      out.text(pc.dim(`    and ${outside - SHOWN} more (--json has up to ${items.length})`));
    if (!isAccepted || outside > 0)
      out.text(`    orch intake accept --project ${key}${outside > 1 ? ' [--first N]' : ''}`);
  }
}

async function accept(command: Command, { project, first }: Options): Promise<void> {
  const out = output(command);
  const done = await (await server()).post('/intake/accept', {
    body: { project: project ?? null, first: first ?? null },
  });
  out.object({ schema: 'orch.intake-accept/1', ...done });
  const rest = done.leftOut === 0 ? '' : `; ${done.leftOut} stay out until they are accepted`;
  const items = done.admitted.length === 1 ? '1 item comes' : `${done.admitted.length} items come`;
  out.text(`${done.project}: ${items} in${rest}. What matches ${done.rule} from now on comes in by itself.`);
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number from 1');
  return value;
}

function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, 100);
}
