import { z } from 'zod';
import type { TestCase, Trace, TraceMatrix } from './trace.ts';

/** `trace.json` as it was found. A bad one says what to mend, a line each; nothing of it is used. */
export type TraceRead =
  | { readonly kind: 'absent' }
  | { readonly kind: 'bad'; readonly problems: readonly string[] }
  | { readonly kind: 'read'; readonly trace: Trace };

const MAX_PROBLEMS = 10;
/** A test may prove many criteria, but all of them together only so often: the matrix repeats it for each. */
const MAX_LINKS = 2000;
const CONTROL = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

const id = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/,
    'is letters, digits, ".", "_" and "-", 40 at most, such as AC-1',
  );
const text = (max: number) =>
  z
    .string('is a text')
    .max(max, `is over ${max} characters`)
    .transform(oneLine)
    .refine((value) => value !== '', 'is empty');
const acs = z.array(id, 'is a list of ids').max(200, 'names over 200 criteria');
const optional = <T extends z.ZodType>(type: T) => type.nullish().transform((value) => value ?? null);

const shape = z.object(
  {
    acs: z.array(z.object({ id, text: text(1000) })).max(200, 'holds over 200'),
    trs: z
      .array(z.object({ id, text: text(1000), acs }))
      .max(500, 'holds over 500')
      .default([]),
    tcs: z
      .array(
        z.object({
          id,
          acs,
          kind: z.enum(['automated', 'command', 'manual'], 'is automated, command or manual'),
          file: optional(z.string('is a path').max(500, 'is over 500 characters')),
          name: optional(text(500)),
          command: optional(z.string('is a text').max(1000, 'is over 1000 characters')),
        }),
      )
      .max(500, 'holds over 500')
      .default([]),
  },
  'is an object of acs, trs and tcs',
);

/** Reads `trace.json`, which an agent wrote. Fields it does not know are left alone; whatever else is not right makes it bad. */
export function readTrace(content: string | null): TraceRead {
  if (content === null) return { kind: 'absent' };
  let document: unknown;
  try {
    document = JSON.parse(content);
  } catch {
    return { kind: 'bad', problems: ['trace.json is not JSON'] };
  }
  const parsed = shape.safeParse(document);
  if (!parsed.success)
    return bad(parsed.error.issues.map((issue) => `${pathOf(issue.path)} ${issue.message}`));
  const { acs: criteria, trs, tcs } = parsed.data;
  const known = new Set(criteria.map((ac) => ac.id));
  const problems = [
    ...[criteria, trs, tcs].flatMap((list) => repeated(list.map((each) => each.id))),
    ...[...trs, ...tcs].flatMap((each) => unknownIn(each, known)),
    ...(tcs.reduce((sum, tc) => sum + tc.acs.length, 0) > MAX_LINKS
      ? [`trace.json: tcs name criteria more than ${MAX_LINKS} times in all`]
      : []),
  ];
  const cases: TestCase[] = [];
  for (const { id: name, acs: proves, kind, ...fields } of tcs) {
    const own = testCase(kind, fields);
    if (typeof own === 'string') problems.push(`trace.json: ${name} ${own}`);
    else if (proves.length === 0) problems.push(`trace.json: ${name} names no criterion in acs`);
    else cases.push({ id: name, acs: proves, ...own });
  }
  return problems.length > 0 ? bad(problems) : { kind: 'read', trace: { acs: criteria, trs, tcs: cases } };
}

function bad(problems: readonly string[]): TraceRead {
  const more = problems.length - MAX_PROBLEMS;
  const shown = problems.slice(0, MAX_PROBLEMS).map(oneLine);
  return { kind: 'bad', problems: more > 0 ? [...shown, `and ${more} more`] : shown };
}

/** What this kind of test case is made of, or what it lacks. */
function testCase(
  kind: TestCase['kind'],
  { file, name, command }: { file: string | null; name: string | null; command: string | null },
) {
  switch (kind) {
    case 'automated': {
      if (file === null || name === null) return `is automated, so it names file and name`;
      const path = file.replace(/^(\.\/)+/, '');
      return isInside(path) ? { kind, file: path, name } : 'has a file that is no path inside the repository';
    }
    case 'command':
      if (command === null || command.trim() === '') return 'is a command, so it has one';
      return CONTROL.test(command) ? 'has a command of more than one plain line' : { kind, command };
    case 'manual':
      return { kind, name };
  }
}

function isInside(path: string): boolean {
  const outside = path.startsWith('/') || path.includes('\\') || CONTROL.test(path);
  const steps = path.split('/');
  return (
    !outside && !/^\.(git|orch-work)$/i.test(steps[0] ?? '') && !steps.some((step) => /^\.{0,2}$/.test(step))
  );
}

function repeated(ids: readonly string[]): string[] {
  const twice = new Set(ids.filter((each, at) => ids.indexOf(each) !== at));
  return [...twice].map((each) => `trace.json: ${each} is there more than once`);
}

function unknownIn(each: { id: string; acs: readonly string[] }, known: ReadonlySet<string>): string[] {
  const unknown = each.acs.filter((ac) => !known.has(ac));
  return unknown.length === 0
    ? []
    : [`trace.json: ${each.id} names ${unknown.slice(0, 5).join(', ')}, which is not in acs`];
}

function pathOf(path: readonly PropertyKey[]): string {
  const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  return steps === '' ? 'trace.json' : `trace.json: ${steps.slice(1)}`;
}

/** Texts are shown in terminals, tables and messages: one line, without control or direction marks. */
function oneLine(value: string): string {
  return value.replaceAll(new RegExp(`(?:\\s|${CONTROL.source})+`, 'gu'), ' ').trim();
}

/** What else the stage of a role must show in `trace.json`: the reason why it does not, or null. */
export function traceDemand(
  role: string,
  read: TraceRead,
  seen: {
    /** Criteria that the hand-in judges. */
    readonly judged: readonly string[];
    /** What the task has so far. */
    readonly before: TraceMatrix | null;
  },
): string | null {
  if (role !== 'analyst' && role !== 'architect' && role !== 'tester') return null;
  if (read.kind === 'bad') return read.problems.join('\n');
  // Criteria may stand in the verdict alone: then nothing is traced. What was traced once stays so.
  if (read.kind === 'absent') return moved({ acs: [] }, role === 'analyst' ? null : seen.before);
  const { trace } = read;
  switch (role) {
    case 'analyst':
      return null;
    case 'architect':
      return moved(trace, seen.before) ?? requirements(trace);
    case 'tester':
      return moved(trace, seen.before) ?? invented(trace, seen.judged) ?? untested(trace);
  }
}

/** Criteria are the analysis's: who is measured by them may add to them, never drop or reword one. */
function moved(trace: Pick<Trace, 'acs'>, before: TraceMatrix | null): string | null {
  for (const { id: name, text: wanted } of before?.criteria ?? []) {
    const now = trace.acs.find((ac) => ac.id === name);
    if (now === undefined) return `trace.json no longer has ${name} of the analysis: "${wanted}"`;
    if (now.text !== wanted) return `${name} in trace.json was reworded; it was "${wanted}"`;
  }
  return null;
}

function requirements(trace: Trace): string | null {
  const loose = trace.trs.filter((tr) => tr.acs.length === 0).map((tr) => tr.id);
  return loose.length === 0 ? null : `requirements in trace.json that name no criterion: ${loose.join(', ')}`;
}

function invented(trace: Trace, judged: readonly string[]): string | null {
  const unknown = judged.filter((each) => !trace.acs.some((ac) => ac.id === each));
  return unknown.length === 0
    ? null
    : `criteria judged that trace.json does not have: ${unknown.slice(0, 5).map(oneLine).join(', ')}`;
}

function untested(trace: Trace): string | null {
  const bare = trace.acs.filter((ac) => !trace.tcs.some((tc) => tc.acs.includes(ac.id))).map((ac) => ac.id);
  return bare.length === 0
    ? null
    : `criteria without a test case in the tcs of trace.json: ${bare.join(', ')}`;
}
