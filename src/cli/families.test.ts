import { execFileSync } from 'node:child_process';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { FAMILIES, familiesFor } from './families.ts';

describe('the families of commands', () => {
  it.each(FAMILIES.map((family) => [family.commands.join(', '), family] as const))(
    '%s: the names are those that are registered',
    async (_names, family) => {
      const program = new Command();
      (await family.load())(program);
      const registered = program.commands.flatMap((command) => [command.name(), ...command.aliases()]);
      expect(registered).toEqual([...family.commands]);
    },
  );

  it('loads the family of the command that is named, whatever comes before it', () => {
    expect(familiesFor(['status']).flatMap(({ commands }) => commands)).toContain('why');
    expect(familiesFor(['--json', '-y', 'up', '--detach'])).toEqual(familiesFor(['down']));
  });

  it.each([[[]], [['help', 'up']], [['--help']], [['complete', '--', 're']], [['statsu']]])(
    'loads all for %j',
    (args) => {
      expect(familiesFor(args)).toBe(FAMILIES);
    },
  );
});

/** Which of our modules and of our packages are read when a module is. */
function readBy(module: string): string[] {
  const script = `
    import { registerHooks } from 'node:module';
    const read = new Set();
    registerHooks({ load: (url, context, next) => (read.add(url), next(url, context)) });
    await import(${JSON.stringify(new URL(module, import.meta.url).href)});
    console.log(JSON.stringify([...read]));`;
  const args = ['--input-type=module', '-e', script];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as string[];
}

describe('what a start reads', () => {
  it('is no adapter, no service and no schema of the API for a command that asks a service', () => {
    const read = readBy('./status.ts');
    expect(read.some((url) => url.endsWith('/src/cli/status.ts'))).toBe(true);
    expect(
      read.filter((url) => /\/src\/(app|engine|agents|stages|store|http)\b|better-sqlite3/.test(url)),
    ).toEqual([]);
  });

  it('is nothing that a service needs only when it looks after live runs again', () => {
    const read = readBy('./server.ts');
    expect(read.some((url) => url.endsWith('/src/app.ts'))).toBe(true);
    expect(
      read.filter((url) => /node_modules\/(grammy|hono|@hono|execa|@bomb)|\/src\/agents\/\w+\//.test(url)),
    ).toEqual([]);
  });
});
