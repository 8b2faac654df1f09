import type { Command } from 'commander';
import pc from 'picocolors';
import { type RehearsalStep, rehearseProject } from '../app.ts';
import type { LoadedConfig } from '../config/load.ts';
import { problemLine } from '../config/problems.ts';
import { processConfig, processEnvironment } from '../config/process.ts';
import { AppError, messageOf } from '../core/errors.ts';
import { output } from './context.ts';
import { EXIT, Exit, MARKS, type Output } from './output.ts';

const NAME_WIDTH = 14;

/** `orch project check P`: does what a task does, without an agent and without a service. */
export function registerProjectCommands(program: Command): void {
  program
    .command('project')
    .description('check P: rehearse a project; clone, setup, checks, teardown, push')
    .argument('<action>', 'check')
    .argument('[project]', 'key of the project in orch.yaml')
    .action(async (action: string, project: string | undefined, _o, command: Command) => {
      if (action !== 'check')
        throw new AppError(`there is no project ${action}`, {
          code: 'usage.project',
          hint: 'orch project check P',
        });
      if (project === undefined)
        throw new AppError('project check needs a project', {
          code: 'usage.project_key',
          hint: 'orch project check P, where P is a key below projects: in orch.yaml',
        });
      await check(project, output(command));
    });
}

async function check(project: string, out: Output): Promise<void> {
  const interrupted = new AbortController();
  // The first Ctrl-C ends the commands and tidies up, a second one ends this process.
  process.removeAllListeners('SIGINT');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  const steps: RehearsalStep[] = [];
  for await (const step of rehearsal(project, interrupted.signal)) {
    out.text(lineOf(step, steps.at(-1)?.name === step.name));
    steps.push(step);
  }
  const count = (state: RehearsalStep['state']) => steps.filter((step) => step.state === state).length;
  const ok = count('error') === 0 && !interrupted.signal.aborted;
  out.object({ schema: 'orch.project_check/1', project, ok, steps });
  out.text(
    `\n${count('error')} errors, ${count('warning')} warnings, ${count('ok')} passed, ${count('skipped')} skipped`,
  );
  if (interrupted.signal.aborted) throw new Exit(EXIT.interrupted);
  if (!ok) throw new Exit(EXIT.failed);
}

async function* rehearsal(project: string, signal: AbortSignal): AsyncGenerator<RehearsalStep> {
  const name = 'configuration';
  const started = performance.now();
  const took = () => (performance.now() - started) / 1000;
  let loaded: LoadedConfig;
  try {
    loaded = processConfig();
  } catch (error) {
    const fix = error instanceof AppError ? (error.hint ?? null) : null;
    yield { name, state: 'error', detail: messageOf(error), fix, seconds: took() };
    return;
  }
  const found = loaded.config.projects.find((each) => each.key === project);
  if (found !== undefined)
    yield {
      name,
      state: 'ok',
      detail: `${loaded.file ?? 'defaults'}: ${project}`,
      fix: null,
      seconds: took(),
    };
  for (const warning of loaded.warnings)
    if (warning.key.startsWith(`projects.${project}.`))
      yield { name, state: 'warning', detail: problemLine(warning), fix: warning.fix, seconds: 0 };
  yield* rehearseProject(loaded.config, project, { env: processEnvironment(), signal });
}

/** A step as doctor shows its findings; what a command said stands below, indented. */
function lineOf(step: RehearsalStep, isSameStep: boolean): string {
  const name = isSameStep ? ' '.repeat(NAME_WIDTH) : pc.bold(title(step.name).padEnd(NAME_WIDTH));
  const took = step.seconds >= 0.1 ? pc.dim(`  ${step.seconds.toFixed(1)} s`) : '';
  const [first = '', ...more] = step.detail.split('\n');
  const indent = ' '.repeat(NAME_WIDTH + 2);
  return [
    `${name}${MARKS[step.state]} ${first}${took}`,
    ...more.map((line) => `${indent}${pc.dim(line)}`),
    ...(step.fix === null ? [] : [`${indent}fix  ${step.fix}`]),
  ].join('\n');
}

function title(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}
