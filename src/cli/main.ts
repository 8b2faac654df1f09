import { Command, CommanderError, Option } from 'commander';
import { FAMILIES, familiesFor } from './families.ts';
import { EXIT, Exit, printError } from './output.ts';

const program = new Command('orch')
  .description('Walks work items through coding agents to a reviewed, merged branch.')
  .helpCommand(true)
  .showSuggestionAfterError(true)
  .exitOverride()
  .configureOutput({ writeErr: () => {} });

const args = process.argv.slice(2);
const families = familiesFor(args);
for (const register of await Promise.all(families.map((family) => family.load()))) register(program);
program.option('--json', 'print one JSON object').option('-y, --yes', 'answer yes to every question');
for (const command of allCommands(program)) {
  command.exitOverride().configureOutput({ writeErr: () => {} });
  command
    .addOption(new Option('--json', 'print one JSON object'))
    .addOption(new Option('-y, --yes', 'answer yes to every question'));
}

// Completion speaks of every command, and is one itself.
if (families === FAMILIES) {
  const { registerCompletion } = await import('./completion.ts');
  await registerCompletion(program, args);
}

process.on('SIGINT', () => process.exit(EXIT.interrupted));
process.stdout.on('error', () => process.exit(EXIT.ok)); // the reader of a pipe went away

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = codeOf(error);
}

function codeOf(error: unknown): number {
  const json = process.argv.includes('--json');
  if (error instanceof Exit) return error.exitCode;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok;
    if (error.code === 'commander.help') return EXIT.usage;
    if (json)
      process.stderr.write(
        `${JSON.stringify({ error: { code: 'usage', title: error.message.replace(/^error: /, ''), hint: 'orch help' } })}\n`,
      );
    else process.stderr.write(`${error.message}\nhint: orch help\n`);
    return EXIT.usage;
  }
  return printError(error, json);
}

function allCommands(root: Command): Command[] {
  return root.commands.flatMap((command) => [command, ...allCommands(command)]);
}
