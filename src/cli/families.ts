import type { Command } from 'commander';

/** Commands that are loaded together. */
interface Family {
  readonly commands: readonly string[];
  load(): Promise<(program: Command) => void>;
}

/**
 * In the order of `orch help`. Reading modules is most of a short command's time, and of the time in which
 * nobody watches the live runs of a service that was killed: a command loads its own family alone.
 */
export const FAMILIES: readonly Family[] = [
  { commands: ['init'], load: async () => (await import('./init.ts')).registerInit },
  { commands: ['doctor'], load: async () => (await import('./doctor.ts')).registerDoctor },
  {
    commands: ['up', 'down', 'upkeep', 'stop'],
    load: async () => (await import('./server.ts')).registerServerCommands,
  },
  {
    commands: [
      'submit',
      'enqueue',
      'approve',
      'reject',
      'retry',
      'cancel',
      'answer',
      'comment',
      'tick',
      'urgent',
      'pause',
      'resume',
    ],
    load: async () => (await import('./actions.ts')).registerActionCommands,
  },
  {
    commands: ['status', 'why', 'wait'],
    load: async () => (await import('./status.ts')).registerStatusCommands,
  },
  {
    commands: ['jobs', 'runs', 'tasks', 'job', 'run', 'task'],
    load: async () => (await import('./list.ts')).registerListCommands,
  },
  { commands: ['logs', 'log'], load: async () => (await import('./logs.ts')).registerLogs },
  { commands: ['snooze'], load: async () => (await import('./snooze.ts')).registerSnooze },
  { commands: ['budgets'], load: async () => (await import('./budgets.ts')).registerBudgets },
  { commands: ['bundle'], load: async () => (await import('./bundle.ts')).registerBundle },
  { commands: ['accounts'], load: async () => (await import('./accounts.ts')).registerAccountCommands },
  { commands: ['project'], load: async () => (await import('./project.ts')).registerProjectCommands },
  { commands: ['salvage'], load: async () => (await import('./salvage.ts')).registerSalvageCommands },
  { commands: ['outbox'], load: async () => (await import('./outbox.ts')).registerOutboxCommands },
  { commands: ['intake'], load: async () => (await import('./intake.ts')).registerIntakeCommands },
  { commands: ['brief', 'notify'], load: async () => (await import('./brief.ts')).registerBriefCommands },
  {
    commands: ['users', 'tokens', 'login', 'logout'],
    load: async () => (await import('./people.ts')).registerPeopleCommands,
  },
  { commands: ['verdict', 'signin'], load: async () => (await import('./judge.ts')).registerJudgeCommands },
  { commands: ['config'], load: async () => (await import('./config.ts')).registerConfigCommands },
  { commands: ['db'], load: async () => (await import('./database.ts')).registerDatabaseCommands },
  { commands: ['install'], load: async () => (await import('./install.ts')).registerInstall },
  { commands: ['upgrade'], load: async () => (await import('./upgrade.ts')).registerUpgrade },
  { commands: ['version'], load: async () => (await import('./version.ts')).registerVersion },
];

/** Those whose commands can be meant: one, or all where the words name none (help, completion, a slip). */
export function familiesFor(args: readonly string[]): readonly Family[] {
  // Options before the command take no value, so the first other word is its name.
  const name = args.find((arg) => !arg.startsWith('-')) ?? '';
  const family = FAMILIES.find(({ commands }) => commands.includes(name));
  return family === undefined ? FAMILIES : [family];
}
