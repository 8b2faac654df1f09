import { readFile, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { type ConfigRow, describeConfig } from '../config/describe.ts';
import { problemLine } from '../config/problems.ts';
import { loadOptions, processConfig } from '../config/process.ts';
import { renderReference } from '../config/reference.ts';
import { jsonSchema } from '../config/schema.ts';
import { envName, isSecretSetting } from '../config/settings.ts';
import { AppError } from '../core/errors.ts';
import { options, output } from './context.ts';
import { type Output, table } from './output.ts';
import { askedInSecret } from './prompt.ts';
import { changeHere } from './settings.ts';

/** The configuration as it is seen from here: values with their origin, the schema, the reference. */
export function registerConfigCommands(program: Command): void {
  program
    .command('config')
    .description('every setting, its value and where it comes from')
    .argument(
      '[what]',
      'set KEY VALUE, unset KEY; schema: JSON Schema of orch.yaml; docs: the reference page',
    )
    .argument('[key]', 'such as projects.api.budget.usd_per_day')
    .argument('[value...]', 'as orch.yaml writes it; secrets are asked for')
    .option('--test', 'set, unset: only check the change')
    .option('--write <file>', 'docs: write the page')
    .option('--check <file>', 'docs: fail when the page is stale')
    .action(
      async (what: string | undefined, key: string | undefined, values: string[], _o, command: Command) => {
        const out = output(command);
        switch (what) {
          case 'schema':
            process.stdout.write(`${JSON.stringify(jsonSchema(loadOptions().kinds), null, 2)}\n`);
            return;
          case 'docs':
            return docs(options<{ write?: string; check?: string }>(command));
          case undefined: {
            const loaded = processConfig();
            const rows = describeConfig(loaded);
            out.object({
              schema: 'orch.config/1',
              file: loaded.file,
              values: rows,
              warnings: loaded.warnings,
            });
            out.text(
              loaded.file === null
                ? 'No orch.yaml found; defaults and environment only.'
                : `From ${loaded.file}`,
            );
            out.text(
              table(
                ['KEY', 'VALUE', 'FROM'],
                rows.map((row) => [row.key, shown(row.value), row.origin]),
              ),
            );
            for (const warning of loaded.warnings) out.progress(`warning: ${problemLine(warning)}`);
            return;
          }
          case 'set':
          case 'unset':
            return change(what, [key, ...values], options<{ test?: boolean }>(command).test === true, out);
          default:
            throw new AppError(`there is no config ${what}`, {
              code: 'usage.config',
              hint: 'orch config | orch config set KEY VALUE | unset KEY | schema | docs',
            });
        }
      },
    );
}

/** A value as orch.yaml writes it; a secret is asked for, since arguments are visible to every process. */
async function change(
  what: 'set' | 'unset',
  [key, ...values]: readonly (string | undefined)[],
  test: boolean,
  out: Output,
): Promise<void> {
  const name = key ?? '';
  const isSecret = isSecretSetting(name);
  if (name === '' || (what === 'set' && !isSecret && values.length === 0))
    throw new AppError(what === 'set' ? 'a key and a value are needed' : 'a key is needed', {
      code: 'usage.config',
      hint: 'orch config set projects.api.budget.usd_per_day 20, orch config unset KEY',
    });
  const secret = what === 'set' && isSecret ? await askedInSecret(name, false) : null;
  if (what === 'set' && isSecret && (secret ?? '') === '')
    throw new AppError(`${name} is asked for in a terminal`, {
      code: 'usage.secret',
      hint: `run it in a terminal, or set ${envName(name)} in the environment or in secrets.env`,
    });
  const rows = describeConfig(processConfig());
  const path = rows.find((row) => row.key === name)?.path ?? pathOf(name);
  const draft = changeHere(
    {
      values: isSecret ? [] : [{ path, text: what === 'unset' ? null : values.join(' ') }],
      secrets: isSecret ? { [envName(name)]: secret } : {},
      revision: null,
    },
    { test },
  );
  for (const { key: changed, before, after } of draft.changes)
    out.text(`${changed}: ${before ?? 'not set'} -> ${after ?? 'not set'}`);
  if (draft.changes.length === 0) out.text('nothing changes');
  for (const warning of draft.loaded.warnings) out.progress(`warning: ${problemLine(warning)}`);
  if (test) out.text('not written: --test');
  out.object({ schema: 'orch.config-change/1', file: draft.file, written: !test, changes: draft.changes });
}

/** `projects.api.pipeline[1].effort` in steps. */
function pathOf(key: string): (string | number)[] {
  return key
    .split('.')
    .flatMap((part) => part.split(/\[(\d+)\]/))
    .filter((step) => step !== '')
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

async function docs(o: { write?: string; check?: string }): Promise<void> {
  const page = renderReference(loadOptions().kinds);
  if (o.write !== undefined) return writeFile(o.write, page);
  if (o.check === undefined) {
    process.stdout.write(page);
    return;
  }
  const found = await readFile(o.check, 'utf8').catch(() => '');
  if (found !== page)
    throw new AppError(`${o.check} is stale`, { code: 'config.docs_stale', hint: 'npm run docs' });
  process.stdout.write(`${o.check} is up to date\n`);
}

function shown(value: ConfigRow['value']): string {
  if (value === null) return '–';
  return typeof value === 'object' ? value.join(', ') : String(value);
}
