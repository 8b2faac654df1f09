import { execFile } from 'node:child_process';
import { stat, writeFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { vendors } from '../app.ts';
import { loadConfig } from '../config/load.ts';
import { loadOptions } from '../config/process.ts';
import { secretsPath } from '../config/secrets-file.ts';
import { AppError } from '../core/errors.ts';
import { options, output } from './context.ts';
import { answersOf, appendSecrets, hookUp, kindOf, makeWebhooks, tryOut } from './init-vendors.ts';
import { asked } from './prompt.ts';

const run = promisify(execFile);

interface InitOptions {
  repo?: string;
  project?: string;
  base?: string;
  agent: string;
  account: string;
  agentHome?: string;
  check: string[];
  file: string;
  tracker?: string;
  forge?: string;
  label?: string;
  giteaUrl?: string;
  publicUrl?: string;
  webhooks?: boolean;
}

/** Writes a checked `orch.yaml`: asks in a terminal, takes options elsewhere. Never overwrites one. */
export function registerInit(program: Command): void {
  program
    .command('init')
    .description('write orch.yaml for a first project')
    .option('--repo <url>', 'Git URL or path of the repository')
    .option('--project <key>', 'project key; default: the repository name')
    .option('--base <branch>', 'branch that work is merged into')
    .option('--agent <kind>', 'agent CLI', 'claude-code')
    .option('--account <id>', 'name of the account', 'claude-a')
    .option('--agent-home <dir>', 'HOME of the agent CLI; default: your own')
    .option('--check <command...>', 'command that must pass, such as "npm test"', [])
    .option('--file <path>', 'where to write', 'orch.yaml')
    .option('--tracker <kind>', 'where the issues live (local, gitea, ...)')
    .option('--forge <kind>', 'where the code is merged (local, gitea, ...)')
    .option('--label <name>', 'issues with this label are taken on', 'agent')
    .option('--gitea-url <url>', 'address of Gitea; its tokens are asked for, or ORCH_GITEA_TOKEN')
    .option('--public-url <url>', 'where vendors reach this installation; makes their webhooks')
    .option('--webhooks', 'make or mend the webhooks of the orch.yaml that is there, and nothing else')
    .action(async (_o, command: Command) => {
      const o = options<InitOptions>(command);
      const out = output(command);
      if (o.webhooks === true) return hookUp(out);
      const path = resolve(o.file);
      if ((await stat(path).catch(() => null)) !== null)
        throw new AppError(`${path} is there already`, {
          code: 'usage.config_exists',
          hint: 'edit it, or name another --file',
        });
      const repo = await repositoryOf(await asked(o.repo, o.yes, 'Repository (Git URL or path)', '.'));
      const project = await asked(o.project, o.yes, 'Project key', basename(repo).replace(/\.git$/, ''));
      const base = await asked(o.base, o.yes, 'Base branch', await baseOf(repo));
      const home = await asked(o.agentHome, o.yes, `Home of ${o.agent}`, '~');
      const tracker = await kindOf('tracker', o.tracker, o.yes);
      const forge = await kindOf('forge', o.forge, o.yes);
      const named = vendors().filter(({ kind }) => kind === tracker || kind === forge);
      const answers = await answersOf(named, o);
      const keys = { kind: tracker, ...(tracker === 'local' ? {} : { label: o.label }) };
      const text = stringify({
        ...answers.settings,
        accounts: { [o.account]: { agent: o.agent, home, slots: 1 } },
        projects: {
          [project]: {
            ...{ repo, base, tracker: keys, forge: { kind: forge } },
            ...{ accounts: [o.account], checks: o.check },
          },
        },
      });
      // Checked and tried before it is written: nothing half-right is left behind.
      const loaded = loadConfig({
        ...loadOptions(),
        file: path,
        readFile: (file) => (file === path ? text : file === secretsPath(path) ? answers.secrets : null),
      });
      for (const vendor of named) await tryOut(vendor, loaded.config, out);
      if (answers.secrets !== '') await appendSecrets(path, answers.secrets);
      await writeFile(path, text, { flag: 'wx', mode: 0o644 });
      out.text(
        `${path} written: project ${project} on ${base}, account ${o.account}${answers.secrets === '' ? '' : `; secrets are in ${secretsPath(path)}`}`,
      );
      const made = loaded.config.publicUrl === null ? [] : await makeWebhooks(loaded.config, out);
      out.text('Next: orch doctor, then orch up');
      out.object({ schema: 'orch.init/1', file: path, project, account: o.account, webhooks: made });
    });
}

async function repositoryOf(given: string): Promise<string> {
  if (/^[a-z][a-z0-9+.-]*:\/\/|^[^/]+@[^/]+:/.test(given)) return given;
  const path = resolve(given);
  if ((await stat(path).catch(() => null))?.isDirectory() !== true)
    throw new AppError(`there is no repository at ${path}`, {
      code: 'usage.repo',
      hint: '--repo takes a Git URL or an existing path',
    });
  return path;
}

async function baseOf(repo: string): Promise<string> {
  const head = await run('git', ['-C', repo, 'symbolic-ref', '--short', 'HEAD']).catch(() => null);
  return head === null ? 'main' : head.stdout.trim();
}
