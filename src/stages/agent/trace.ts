import type { StageOutcome } from '../../core/evidence.ts';
import { matrixOf, refuted, type TestsSeen, type Trace, type TraceMatrix } from '../../core/trace.ts';
import { runStep } from '../../launcher/step.ts';
import { readInnerFile } from '../../workspace/inner-file.ts';
import type { StageContext } from '../stage.ts';
import { stepOf } from './context-facts.ts';
import { bringBack, readReports, setAside } from './reports.ts';

const MAX_FILE_BYTES = 5 * 1024 * 1024;
/** Different commands of one trace; each runs once. */
const MAX_COMMANDS = 50;
const OUTPUT_TAIL = 2000;
const LAST_LINE = 200;

/** Before the checks: no report that lies there already can be taken for theirs. `proveTrace` undoes it. */
export async function clearReports(context: StageContext, clone: string): Promise<void> {
  await setAside(clone, context.project.reports);
}

/**
 * After the checks. A stage that advances gets its matrix: the criteria after analysis and architecture, the
 * proof of each test after testing, where a test that is missing or failed refuses the stage. Any other outcome
 * is handed on as it is. Leaves no report in the clone. Safe to repeat.
 */
export async function proveTrace(
  context: StageContext,
  clone: { readonly path: string; readonly changedPaths: readonly string[] },
  trace: Trace | null,
  roundHead: string,
  outcome: StageOutcome,
): Promise<{ outcome: StageOutcome; trace: TraceMatrix | null }> {
  try {
    if (outcome.kind !== 'advance' || !context.project.traced || trace === null)
      return { outcome, trace: null };
    switch (context.job.agent) {
      case 'analyst':
      case 'architect':
        return { outcome, trace: matrixOf(trace, null) };
      case 'tester':
        return await prove(context, clone, trace, roundHead, outcome);
      default:
        return { outcome, trace: null };
    }
  } finally {
    await bringBack(clone.path, context.project.reports);
  }
}

async function prove(
  context: StageContext,
  clone: { readonly path: string; readonly changedPaths: readonly string[] },
  trace: Trace,
  roundHead: string,
  outcome: StageOutcome,
): Promise<{ outcome: StageOutcome; trace: TraceMatrix | null }> {
  const files = await lookAtFiles(context, clone, trace, roundHead);
  const reports = await lookAtReports(context, clone.path);
  const { commands, outputs } = await runCommands(context, clone.path, trace);
  const matrix = matrixOf(trace, { files, reports, commands });
  const red = refuted(matrix);
  if (red.length === 0) return { outcome, trace: matrix };
  const lines = red.map((test) => {
    const output = outputs.get(test.id);
    const tail = output === undefined ? '' : `\n${output.slice(-OUTPUT_TAIL)}`;
    return `${test.id} (${test.what}) ${test.state === 'missing' ? 'is missing' : 'failed'}: ${test.detail}${tail}`;
  });
  const reason = `no evidence: ${lines.slice(0, 5).join('\n')}${lines.length > 5 ? `\nand ${lines.length - 5} more` : ''}`;
  return { outcome: { kind: 'no_evidence', verdict: 'permanent', reason }, trace: null };
}

/** The named files as they will be committed: tracked when the round began, or part of what changed since. */
async function lookAtFiles(
  { workspace, project }: StageContext,
  clone: { readonly path: string; readonly changedPaths: readonly string[] },
  trace: Trace,
  roundHead: string,
): Promise<TestsSeen['files']> {
  const named = [...new Set(trace.tcs.flatMap((tc) => (tc.kind === 'automated' ? [tc.file] : [])))];
  const tracked = await workspace.plainFilesAt(project.key, roundHead, named);
  const files = new Map<string, { text: string } | { why: string }>();
  for (const path of named) {
    const file = await readInnerFile(clone.path, path, MAX_FILE_BYTES);
    if (file.kind === 'text')
      files.set(
        path,
        tracked.has(path) || clone.changedPaths.includes(path)
          ? { text: file.text }
          : { why: 'is ignored by git or left out: it will not be committed' },
      );
    else files.set(path, { why: NOT_READ[file.kind] });
  }
  return files;
}

const NOT_READ = {
  absent: 'is not there',
  not_plain: 'is not a plain file, or behind a symlink',
  too_large: 'is too large to be read',
} as const;

async function lookAtReports({ stage, project }: StageContext, clone: string): Promise<TestsSeen['reports']> {
  if (project.reports.length === 0) return { why: 'the project names no reports' };
  if (stage.tools === 'read') return { why: `${stage.stage} runs no checks` };
  return readReports(clone, project.reports);
}

/** Commands are the agent's words: they run as checks do, and only where the agent itself may run some. */
async function runCommands(context: StageContext, clone: string, trace: Trace) {
  const commands = new Map<string, { exitCode: number | null; lastLine: string } | { why: string }>();
  const outputs = new Map<string, string>();
  const ends = new Map<string, { exitCode: number | null; output: string }>();
  for (const tc of trace.tcs) {
    if (tc.kind !== 'command') continue;
    if (context.stage.tools === 'read') {
      commands.set(tc.id, { why: `${context.stage.stage} runs no commands` });
      continue;
    }
    if (context.signal.aborted) break;
    if (!ends.has(tc.command) && ends.size >= MAX_COMMANDS) {
      commands.set(tc.id, { why: `only ${MAX_COMMANDS} commands are run` });
      continue;
    }
    const end = ends.get(tc.command) ?? (await run(context, clone, `test-${ends.size + 1}`, tc.command));
    ends.set(tc.command, end);
    const lastLine = end.output.trimEnd().split('\n').at(-1) ?? '';
    commands.set(tc.id, { exitCode: end.exitCode, lastLine: lastLine.trim().slice(0, LAST_LINE) });
    outputs.set(tc.id, end.output);
  }
  return { commands, outputs };
}

async function run(context: StageContext, clone: string, name: string, command: string) {
  const { exit, outputTail } = await runStep(await stepOf(context, clone, name, command));
  return { exitCode: exit.exitCode, output: outputTail };
}
