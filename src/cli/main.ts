import { Command, CommanderError, Option } from 'commander';
import { registerAccountCommands } from './accounts.ts';
import { registerActionCommands } from './actions.ts';
import { registerCompletion } from './completion.ts';
import { registerConfigCommands } from './config.ts';
import { registerDatabaseCommands } from './database.ts';
import { registerDoctor } from './doctor.ts';
import { registerInit } from './init.ts';
import { registerInstall } from './install.ts';
import { registerJudgeCommands } from './judge.ts';
import { registerListCommands } from './list.ts';
import { registerLogs } from './logs.ts';
import { registerOutboxCommands } from './outbox.ts';
import { createOutput, EXIT, Exit, printError } from './output.ts';
import { registerPeopleCommands } from './people.ts';
import { registerProjectCommands } from './project.ts';
import { registerSalvageCommands } from './salvage.ts';
import { registerServerCommands } from './server.ts';
import { registerStatusCommands } from './status.ts';
import { registerUpgrade } from './upgrade.ts';
import { VERSION } from './version.ts';

const program = new Command('orch')
  .description('Walks work items through coding agents to a reviewed, merged branch.')
  .helpCommand(true)
  .showSuggestionAfterError(true)
  .exitOverride()
  .configureOutput({ writeErr: () => {} });

registerInit(program);
registerDoctor(program);
registerServerCommands(program);
registerActionCommands(program);
registerStatusCommands(program);
registerListCommands(program);
registerLogs(program);
registerAccountCommands(program);
registerProjectCommands(program);
registerSalvageCommands(program);
registerOutboxCommands(program);
registerPeopleCommands(program);
registerJudgeCommands(program);
registerConfigCommands(program);
registerDatabaseCommands(program);
registerInstall(program);
registerUpgrade(program);
program
  .command('version')
  .description('versions of Orch and of the Node it runs on')
  .action((_options, command: Command) => {
    const out = createOutput(command.optsWithGlobals()['json'] === true);
    out.text(`orch ${VERSION} (node ${process.versions.node})`);
    out.object({ schema: 'orch.version/1', version: VERSION, node: process.versions.node });
  });
program.option('--json', 'print one JSON object').option('-y, --yes', 'answer yes to every question');
for (const command of allCommands(program)) {
  command.exitOverride().configureOutput({ writeErr: () => {} });
  command
    .addOption(new Option('--json', 'print one JSON object'))
    .addOption(new Option('-y, --yes', 'answer yes to every question'));
}

await registerCompletion(program, process.argv.slice(2));

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
