import { randomBytes } from 'node:crypto';
import { appendFile, chmod } from 'node:fs/promises';
import { type VendorKind, vendors } from '../app.ts';
import { loadOptions, processConfig, processEnvironment } from '../config/process.ts';
import { secretsPath } from '../config/secrets-file.ts';
import { envName } from '../config/settings.ts';
import type { Config } from '../config/types.ts';
import { AppError, messageOf } from '../core/errors.ts';
import { MARKS, type Output } from './output.ts';
import { asked, askedInSecret } from './prompt.ts';
import { vendorContext } from './vendors.ts';

/** What was answered about vendors: settings for orch.yaml, and lines for the secrets file beside it. */
export interface Answers {
  readonly settings: Readonly<Record<string, string>>;
  readonly secrets: string;
}

/** Which tracker or forge is wanted, of those there are. */
export async function kindOf(
  what: 'tracker' | 'forge',
  given: string | undefined,
  yes: boolean,
): Promise<string> {
  const known = loadOptions().kinds[what === 'tracker' ? 'trackers' : 'forges'].map(({ kind }) => kind);
  const words = what === 'tracker' ? 'Where the issues live' : 'Where the code is merged';
  const kind = await asked(given, yes, `${words} (${known.join(', ')})`, 'local');
  if (known.includes(kind)) return kind;
  throw new AppError(`there is no ${what} ${kind}`, {
    ...{ code: `usage.${what}`, hint: `--${what} is one of ${known.join(', ')}` },
  });
}

/**
 * Asks for what these vendors need. What the environment has already is not asked and not written; a secret is
 * never an option, for arguments are visible to every process.
 */
export async function answersOf(
  named: readonly VendorKind[],
  o: { giteaUrl?: string; publicUrl?: string; yes: boolean },
): Promise<Answers> {
  const env = processEnvironment();
  const given: Readonly<Record<string, string | undefined>> = { gitea_url: o.giteaUrl };
  const settings: Record<string, string> = {};
  const secrets: string[] = [];
  for (const { setting, text, isSecret, isOptional } of named.flatMap(({ questions }) => questions)) {
    const name = envName(setting);
    if ((env[name]?.trim() ?? '') !== '') continue;
    const answer = isSecret ? await askedInSecret(text, o.yes) : await asked(given[setting], o.yes, text, '');
    if (answer !== null && answer !== '') {
      if (isSecret) secrets.push(`${name}=${answer}`);
      else settings[setting] = answer;
    } else if (!isOptional)
      throw new AppError(`${text} is needed`, {
        code: 'usage.vendor',
        hint: isSecret
          ? `set ${name} in the environment, or answer in a terminal`
          : `set ${name}, or give --${setting.replaceAll('_', '-')}`,
      });
  }
  const publicUrl = o.publicUrl ?? env['ORCH_PUBLIC_URL'];
  if (o.publicUrl !== undefined) settings['public_url'] = o.publicUrl;
  if (publicUrl !== undefined)
    for (const { kind, addWebhook } of named) {
      const name = envName(`${kind}_webhook_secret`);
      if (addWebhook !== null && env[name] === undefined) secrets.push(`${name}=${newSecret()}`);
    }
  return { settings, secrets: secrets.map((line) => `${line}\n`).join('') };
}

/** Shows what doctor finds of a vendor, and goes no further with an error: nothing was written yet. */
export async function tryOut(vendor: VendorKind, config: Config, out: Output): Promise<void> {
  let errors = 0;
  // The webhook is made afterwards.
  const context = { ...vendorContext(vendor, config, null), webhookSecret: null };
  for await (const { state, text, fix } of vendor.inspect(context)) {
    if (state === 'error') errors++;
    out.text(`${MARKS[state]} ${vendor.kind}: ${text}`);
    if (fix !== null && state === 'error') out.text(`    fix  ${fix}`);
  }
  if (errors > 0)
    throw new AppError(`${vendor.kind} cannot be used like this: nothing was written`, {
      code: 'init.vendor',
      hint: 'mend what is marked above and run orch init again',
    });
}

/** For the owner's eyes only, also when the file was there with other rights. */
export async function appendSecrets(configPath: string, lines: string): Promise<void> {
  const path = secretsPath(configPath);
  await appendFile(path, lines, { mode: 0o600 });
  await chmod(path, 0o600);
}

/** Makes the webhooks of all projects; what was done, or why not. */
export async function makeWebhooks(config: Config, out: Output): Promise<string[]> {
  const done: string[] = [];
  for (const vendor of vendors()) {
    const context = vendorContext(vendor, config, null);
    const secret = context.webhookSecret?.reveal();
    if (vendor.addWebhook === null || secret === undefined) continue;
    for (const project of context.projects) {
      const words = await vendor.addWebhook(context, project, secret).catch((error: unknown) => {
        out.text(`${MARKS.error} ${messageOf(error)}`);
        return null;
      });
      if (words === null) continue;
      done.push(words);
      out.text(`${MARKS.ok} ${words}`);
    }
  }
  return done;
}

/** `orch init --webhooks`: for the orch.yaml that is there, with a new secret where there is none yet. */
export async function hookUp(out: Output): Promise<void> {
  const { config, file } = processConfig();
  if (config.publicUrl === null || file === null)
    throw new AppError(
      file === null ? 'there is no orch.yaml' : 'nobody knows where this installation is reached',
      {
        code: 'usage.public_url',
        hint: file === null ? 'orch init writes one' : 'set public_url in orch.yaml, or ORCH_PUBLIC_URL',
      },
    );
  const without = vendors().filter((vendor) => {
    const { projects, webhookSecret } = vendorContext(vendor, config, null);
    return vendor.addWebhook !== null && projects.length > 0 && webhookSecret === null;
  });
  if (without.length > 0) {
    const lines = without.map(({ kind }) => `${envName(`${kind}_webhook_secret`)}=${newSecret()}\n`);
    await appendSecrets(file, lines.join(''));
  }
  const done = await makeWebhooks(processConfig().config, out);
  if (done.length === 0) out.text('no project needs a webhook');
  out.object({ schema: 'orch.init/1', file, webhooks: done });
}

function newSecret(): string {
  return randomBytes(32).toString('hex');
}
