import type { Command } from 'commander';
import { AppError } from '../core/errors.ts';
import type { AccountWire } from '../http/contract.ts';
import { parseDuration } from '../lib/duration.ts';
import { options, output, server } from './context.ts';
import { EXIT, Exit, localTime, table } from './output.ts';

const POLL_MS = 1000;

const HELP = `
Actions:
  list                what works, what holds it, what to do (the default)
  check ID            ask the CLI for its version and judge the sign-in, now
  login ID            the command that signs it in; watches until it works
  drain ID            no new work; live runs go on
  trust ID            take the version of its CLI for proven, on every account of this installation
  use-last-good ID    run the binary of the version that succeeded last, until trust ID, or
                      until orch.yaml names another bin for it`;

/** Agent homes: which sign-ins work, what holds them, how to sign in. */
export function registerAccountCommands(program: Command): void {
  program
    .command('accounts')
    .description('sign-ins, CLI versions, holds and slots; check, sign in, trust one account')
    .argument('[action]', 'list, check, login, drain, trust, use-last-good', 'list')
    .argument('[id]', 'account')
    .addHelpText('after', HELP)
    .option('--timeout <duration>', 'login: stop watching after this time', '15m')
    .action(async (action: string, id: string | undefined, _o, command: Command) => {
      const out = output(command);
      const client = await server();
      const all = async () => (await client.get('/accounts')).accounts;
      const one = async () => {
        const found = (await all()).find((account) => account.id === id);
        if (found === undefined)
          throw new AppError(`there is no account ${id ?? ''}`, {
            code: 'account.unknown',
            hint: 'orch accounts',
          });
        return found;
      };
      switch (action) {
        case 'list': {
          const accounts = await all();
          out.object({ schema: 'orch.accounts/1', accounts, next: null });
          out.text(
            table(
              ['ACCOUNT', 'AGENT', 'VERSION', 'SIGN-IN', 'SOURCE', 'EXPIRES', 'SLOTS', 'HOLD'],
              accounts.map((a) => [
                a.id,
                a.agent,
                versionText(a.cli),
                a.signIn.state,
                a.signIn.source ?? '–',
                localTime(a.signIn.expiresAt),
                `${a.running}/${a.slots}`,
                a.hold === null ? '–' : holdText(a.hold),
              ]),
            ),
          );
          for (const { title, detail, fix } of accounts.flatMap(({ warnings }) => warnings))
            out.text(`  ${title}: ${detail}. ${fix}`);
          for (const account of accounts) {
            const { lastGood } = account.cli;
            if (lastGood !== null)
              out.text(
                `  ${account.id} runs ${lastGood.bin} (${lastGood.version}) instead of ${lastGood.insteadOf}, as ${lastGood.by} chose ${localTime(lastGood.since)}. Back: orch accounts trust ${account.id}`,
              );
          }
          for (const account of accounts)
            for (const window of account.windows) out.text(windowText(account.id, window));
          return;
        }
        case 'check': {
          await one();
          await client.post('/accounts/{id}/check', { params: { id: id ?? '' } });
          const account = await one();
          out.object({ schema: 'orch.account/1', account });
          out.text(
            `${account.id}: ${account.signIn.state}, ${account.signIn.detail}; ${account.agent} ${versionText(account.cli)}`,
          );
          if (!working(account)) throw new Exit(EXIT.failed);
          return;
        }
        case 'drain': {
          await one();
          await client.post('/pause', { body: { scope: 'account', id: id ?? '', note: 'drained' } });
          out.object({ schema: 'orch.pause/1', pause: { scope: 'account', id } });
          out.text(`${id} takes no new work; its live runs go on. Later: orch resume --account ${id}`);
          return;
        }
        case 'trust':
        case 'use-last-good': {
          await one();
          await client.post(`/accounts/{id}/${action}`, { params: { id: id ?? '' } });
          const account = await one();
          out.object({ schema: 'orch.account/1', account });
          out.text(
            account.cli.lastGood === null
              ? `${account.id}: ${account.agent} ${account.cli.version ?? ''} is trusted; its jobs start by themselves.`
              : `${account.id}: its runs use ${account.cli.lastGood.bin} (${account.cli.lastGood.version}) from now on. Back: orch accounts trust ${account.id}`,
          );
          return;
        }
        case 'login': {
          const { timeout } = options<{ timeout: string }>(command);
          const limit = parseDuration(timeout);
          if (limit === null)
            throw new AppError(`--timeout ${timeout} is not a duration`, {
              code: 'usage.duration',
              hint: 'such as 90s or 15m',
            });
          const account = await one();
          out.text(
            `Run this, on the machine and as the user that runs Orch:\n\n  ${account.loginCommand}\n\nOrch watches and goes on by itself when it works.`,
          );
          const deadline = Date.now() + limit;
          for (let current = account; ; current = await one()) {
            if (working(current)) {
              out.text(`${current.id} is signed in: ${current.signIn.detail}`);
              out.object({ schema: 'orch.account/1', account: current });
              return;
            }
            if (Date.now() >= deadline) throw new Exit(EXIT.cancelled);
            await new Promise((resolve) => setTimeout(resolve, POLL_MS));
          }
        }
        default:
          throw new AppError(`there is no action ${action}`, {
            code: 'usage.action',
            hint: 'orch accounts list | check ID | login ID | drain ID | trust ID | use-last-good ID',
          });
      }
    });
}

function versionText({ version, proven, lastGood }: AccountWire['cli']): string {
  if (version === null) return '–';
  return `${version}${proven === false ? ' (new)' : ''}${lastGood === null ? '' : ' (last good)'}`;
}

function holdText(hold: NonNullable<AccountWire['hold']>): string {
  const until = hold.until === null ? '' : `, until ${hold.guessed ? 'about ' : ''}${localTime(hold.until)}`;
  const guess = hold.guessed ? ' (a guess)' : '';
  const probe = hold.probeAt === null ? '' : `, one run is tried ${localTime(hold.probeAt)}`;
  return `${hold.code}${until}${guess}${probe}: ${hold.detail}`;
}

/** What the CLI last told of a plan window, and how old that is. */
function windowText(account: string, window: AccountWire['windows'][number]): string {
  const used = window.utilization === null ? 'use unknown' : `${Math.round(window.utilization * 100)} % used`;
  const reset = window.resetAt === null ? '' : `, resets ${localTime(window.resetAt)}`;
  const minutes = Math.max(0, Math.round((Date.now() - Date.parse(window.seenAt)) / 60_000));
  return `  ${account} ${window.name}: ${used}${reset}, as of ${minutes} min ago`;
}

function working(account: AccountWire): boolean {
  return (
    account.signIn.state !== 'logged_out' &&
    account.signIn.state !== 'login_needed' &&
    account.hold?.code !== 'account.signed_out'
  );
}
