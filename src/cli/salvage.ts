import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AppError } from '../core/errors.ts';
import { parseDuration } from '../lib/duration.ts';
import { options, output, server } from './context.ts';
import { localTime, table } from './output.ts';

/** Work that was kept before a reset or a removal, and after runs that did not count. */
export function registerSalvageCommands(program: Command): void {
  program
    .command('salvage')
    .description('kept work: list, show NAME, restore NAME, prune')
    .argument('[action]', 'list, show, restore, prune', 'list')
    .argument('[name]', 'such as run_812')
    .option('--project <key>', 'list, prune: only this project')
    .option('--to <dir>', 'restore: into this new or empty folder')
    .option('--branch <name>', "restore: onto a new branch of Orch's repository")
    .option('--ref <name>', 'restore: a kept commit that show names, instead of the files')
    .option('--older-than <duration>', 'prune: such as 30d')
    .action(async (action: string, name: string | undefined, _o, command: Command) => {
      const o = options<{
        project?: string;
        to?: string;
        branch?: string;
        ref?: string;
        olderThan?: string;
      }>(command);
      const out = output(command);
      switch (action) {
        case 'list': {
          const { salvage } = await (await server()).get('/salvage', { query: { project: o.project } });
          out.object({ schema: 'orch.salvages/1', salvage, next: null });
          out.text(
            table(
              ['NAME', 'PROJECT', 'TASK', 'WHEN', 'COMMIT'],
              salvage.map((s) => [s.name, s.project, s.key, localTime(s.at), s.commit.slice(0, 7)]),
            ),
          );
          return;
        }
        case 'show': {
          const params = { name: named(name, action) };
          const { salvage } = await (await server()).get('/salvage/{name}', { params });
          out.object({ schema: 'orch.salvage/1', salvage });
          out.text(
            `${salvage.name}  ${salvage.project} ${salvage.key}  ${localTime(salvage.at)}  ${salvage.commit}`,
          );
          for (const file of salvage.files) out.text(`  ${file.status.padEnd(9)} ${oneLine(file.path)}`);
          for (const [ref, commit] of Object.entries(salvage.refs))
            out.text(`  ${'commit'.padEnd(9)} ${oneLine(ref)}  ${commit.slice(0, 7)}`);
          for (const { path, reason } of salvage.leftOut)
            out.text(`  ${'not kept'.padEnd(9)} ${oneLine(path)}  (${reason.replaceAll('_', ' ')})`);
          for (const problem of salvage.problems) out.text(`  ! ${oneLine(problem)}`);
          return;
        }
        case 'restore': {
          const params = { name: named(name, action) };
          if ((o.to === undefined) === (o.branch === undefined))
            throw new AppError('restore needs --to DIR or --branch NAME', {
              code: 'usage.restore',
              hint: `orch salvage restore ${name} --to ./restored`,
            });
          const restored = await (await server()).post('/salvage/{name}/restore', {
            params,
            body: {
              directory: o.to === undefined ? null : resolve(o.to),
              branch: o.branch ?? null,
              ref: o.ref ?? null,
            },
          });
          out.object({ schema: 'orch.salvage/1', ...restored });
          out.text(`${name} restored ${o.to === undefined ? `onto ${o.branch}` : `into ${resolve(o.to)}`}`);
          return;
        }
        case 'prune': {
          const olderThanMs = parseDuration(o.olderThan ?? '');
          if (olderThanMs === null || olderThanMs <= 0)
            throw new AppError('prune needs --older-than', {
              code: 'usage.older_than',
              hint: 'orch salvage prune --older-than 30d',
            });
          const { pruned } = await (await server()).post('/salvage-prune', {
            body: { project: o.project ?? null, olderThanMs },
          });
          out.object({ schema: 'orch.salvages/1', pruned });
          out.text(pruned.length === 0 ? 'nothing is that old' : `forgotten: ${pruned.join(', ')}`);
          return;
        }
        default:
          throw new AppError(`there is no salvage ${action}`, {
            code: 'usage.salvage',
            hint: 'orch salvage list | show NAME | restore NAME --to DIR | prune --older-than 30d',
          });
      }
    });
}

/** Names an agent chose, without what a terminal would obey. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function named(name: string | undefined, action: string): string {
  if (name !== undefined) return name;
  throw new AppError(`salvage ${action} needs a name`, {
    code: 'usage.salvage_name',
    hint: 'orch salvage list',
  });
}
