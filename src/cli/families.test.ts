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
