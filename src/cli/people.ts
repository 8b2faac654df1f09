import { mkdir, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { type Command, Option } from 'commander';
import { processHome } from '../config/process.ts';
import { AppError } from '../core/errors.ts';
import { ROLES, type Role } from '../core/roles.ts';
import type { InviteWire, UserWire } from '../http/contract.ts';
import { wholeNumber } from './actions.ts';
import { clientOf, readServerInfo } from './client.ts';
import { options, output, server } from './context.ts';
import { localTime, table } from './output.ts';

const USERS_HELP = `
Actions:
  list                    who there is (the default)
  invite NAME             a new user; the code that is printed sets the password (--role)
  role NAME ROLE          another role
  disable NAME            signed out everywhere, tokens gone
  enable NAME             may sign in again
  password NAME           a new code, with which the user sets another password
  link NAME               a one-time code with which a person links a chat: /link CODE`;

const TOKENS_HELP = `
Actions:
  list                    one's own; an admin sees all (the default)
  create NAME             a token for a program, told once (--role, --days)
  revoke ID               ends it at once`;

/** Users, tokens, and signing in to a service elsewhere. */
export function registerPeopleCommands(program: Command): void {
  const role = () => new Option('--role <role>', 'what it may do').choices(ROLES);

  program
    .command('users')
    .description('users and their roles: list, invite, role, disable, enable, password, link')
    .argument('[action]', 'list, invite, role, disable, enable, password, link', 'list')
    .argument('[name]', 'user')
    .argument('[role]', ROLES.join(', '))
    .addHelpText('after', USERS_HELP)
    .addOption(role().default('operator'))
    .action(
      async (action: string, name: string | undefined, to: string | undefined, _o, command: Command) => {
        const out = output(command);
        const client = await server();
        const told = (user: UserWire) => {
          out.text(`${user.name}: ${user.role}, ${user.state}`);
          out.object({ schema: 'orch.user/1', user });
        };
        const invited = (invite: InviteWire) => {
          out.text(
            `${invite.user.name} (${invite.user.role}) sets a password, within 7 days, at\n\n  ${invite.url}\n`,
          );
          out.object({ schema: 'orch.invite/1', ...invite });
        };
        if (action === 'list') {
          const { users } = await client.get('/users');
          out.object({ schema: 'orch.users/1', users, next: null });
          out.text(
            table(
              ['USER', 'ROLE', 'STATE', 'SINCE'],
              users.map((u) => [u.name, u.role, u.state, localTime(u.createdAt)]),
            ),
          );
          return;
        }
        if (name === undefined) throw missing(`users ${action}`, 'NAME');
        const params = { name };
        switch (action) {
          case 'invite':
            return invited(
              await client.post('/users', { body: { name, role: options<{ role: Role }>(command).role } }),
            );
          case 'role': {
            if (to === undefined) throw missing(`users role ${name}`, ROLES.join('|'));
            const body = { role: to as Role }; // as it was typed; the server says which there are
            return told((await client.post('/users/{name}/role', { params, body })).user);
          }
          case 'disable':
          case 'enable': {
            const disabled = action === 'disable';
            return told((await client.post('/users/{name}/disable', { params, body: { disabled } })).user);
          }
          case 'link': {
            const linked = await client.post('/users/{name}/link', { params });
            out.object({ schema: 'orch.link/1', ...linked });
            out.text(
              `${linked.user} writes to the bot until ${localTime(linked.expiresAt)}:\n/link ${linked.code}`,
            );
            return;
          }
          case 'password': {
            const { invite } = await client.post('/users/{name}/password', { params, body: {} });
            if (invite !== null) invited(invite);
            return;
          }
          default:
            throw new AppError(`there is no action ${action}`, {
              code: 'usage.action',
              hint: 'orch help users',
            });
        }
      },
    );

  program
    .command('tokens')
    .description('API tokens: list, create, revoke')
    .argument('[action]', 'list, create, revoke', 'list')
    .argument('[name-or-id]')
    .addHelpText('after', TOKENS_HELP)
    .addOption(role())
    .option('--days <n>', 'ends by itself after so many; default 90, at most 365', wholeNumber)
    .action(async (action: string, which: string | undefined, _o, command: Command) => {
      const out = output(command);
      const client = await server();
      if (action === 'list') {
        const { tokens } = await client.get('/tokens');
        out.object({ schema: 'orch.tokens/1', tokens, next: null });
        out.text(
          table(
            ['ID', 'NAME', 'OF', 'ROLE', 'ENDS', 'LAST USED'],
            tokens.map((t) => [
              String(t.id),
              t.name,
              t.user ?? '–',
              t.role,
              t.expiresAt.slice(0, 10),
              localTime(t.usedAt),
            ]),
          ),
        );
        return;
      }
      if (which === undefined) throw missing(`tokens ${action}`, action === 'revoke' ? 'ID' : 'NAME');
      switch (action) {
        case 'create': {
          const { role: as, days } = options<{ role?: Role; days?: number }>(command);
          const made = await client.post('/tokens', {
            body: { name: which, role: as ?? null, days: days ?? null },
          });
          out.text(made.secret);
          out.progress(
            `${made.token.role}, until ${made.token.expiresAt.slice(0, 10)}; it is shown this once`,
          );
          out.object({ schema: 'orch.token/1', ...made });
          return;
        }
        case 'revoke':
          await client.remove('/tokens/{id}', { params: { id: which } });
          out.text(`token ${which} is revoked`);
          out.object({ schema: 'orch.token/1', revoked: Number(which) });
          return;
        default:
          throw new AppError(`there is no action ${action}`, {
            code: 'usage.action',
            hint: 'orch help tokens',
          });
      }
    });

  program
    .command('login')
    .description('sign in to an Orch elsewhere: commands of this ORCH_HOME go there from now on')
    .argument('<url>', 'its address')
    .option('--name <user>', 'user name; asked for when left out')
    .option('--token', 'read a token instead of name and password')
    .action(async (address: string, _o, command: Command) => {
      const o = options<{ name?: string; token?: boolean }>(command);
      const out = output(command);
      const home = processHome();
      const url = checkedUrl(address);
      const [name, secret] = o.token === true ? ['', await ask('Token: ', true)] : await credentials(o.name);
      const body = { name, password: secret, token: `orch on ${hostname()}`.slice(0, 100) };
      const token = o.token === true ? secret : (await clientOf(url, null).post('/login', { body })).secret;
      const { me } = await clientOf(url, token).get('/session');
      await mkdir(home, { recursive: true, mode: 0o700 });
      await rm(remoteOf(home), { force: true });
      await writeFile(remoteOf(home), JSON.stringify({ url, token }), { mode: 0o600, flag: 'wx' });
      out.text(`Signed in to ${url} as ${me.name} (${me.role}).`);
      if ((await readServerInfo(home)) !== null)
        out.text(
          'A service of this ORCH_HOME comes first while it runs; set another ORCH_HOME to reach both.',
        );
      out.object({ schema: 'orch.login/1', url, me });
    });

  program
    .command('logout')
    .description('forget where orch login went; the token stays until it is revoked or ends')
    .action(async (_o, command: Command) => {
      await rm(remoteOf(processHome()), { force: true });
      output(command).text(
        'Signed out here. To end the token itself: orch tokens list, orch tokens revoke ID',
      );
      output(command).object({ schema: 'orch.logout/1', ok: true });
    });
}

function remoteOf(home: string): string {
  return join(home, 'remote.json');
}

/** A password over plain HTTP is one for all on the way; this machine alone is no way. */
function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new AppError(`${text} is not an address`, {
      code: 'usage.url',
      hint: 'such as https://orch.example.org',
    });
  const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol === 'http:' && !isHere)
    throw new AppError(`${text} is not encrypted: the password would be readable on its way`, {
      code: 'usage.url',
      hint: 'use https:, or a tunnel: ssh -L 8044:127.0.0.1:8044 HOST, then orch login http://127.0.0.1:8044',
    });
  return url.origin;
}

async function credentials(name: string | undefined): Promise<[name: string, password: string]> {
  return [name ?? (await ask('Name: ', false)), await ask('Password: ', true)];
}

/** Asks on stderr, without showing what is secret; without a terminal takes the next line of stdin. */
async function ask(question: string, isSecret: boolean): Promise<string> {
  const isTerminal = process.stdin.isTTY;
  const shown =
    isSecret && isTerminal ? new Writable({ write: (_chunk, _encoding, done) => done() }) : process.stderr;
  const prompt = createInterface({ input: process.stdin, output: shown, terminal: isTerminal });
  if (isTerminal && isSecret) process.stderr.write(question);
  try {
    const answer = await prompt.question(isTerminal && !isSecret ? question : '');
    if (isTerminal && isSecret) process.stderr.write('\n');
    return answer.trim();
  } finally {
    prompt.close();
  }
}

function missing(what: string, part: string): AppError {
  return new AppError(`${what} what?`, { code: 'usage.missing', hint: `orch ${what} ${part}` });
}
