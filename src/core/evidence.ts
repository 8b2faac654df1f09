import { z } from 'zod';
import type { CheckResult } from './checks.ts';
import type { RoundFacts } from './convergence.ts';
import type { Finding, ForgeWait } from './model.ts';

/** What an agent hands in as `.orch-work/verdict.json` (or as structured output). Untrusted. */
const finding = z.object({
  severity: z.string().max(40).default('normal'),
  file: z.string().max(1000).nullable().default(null),
  line: z.number().int().nullable().default(null),
  title: z.string().max(500),
  detail: z.string().max(10_000).default(''),
});

const handIn = z.object({
  schema: z.literal('orch.verdict/1'),
  run: z.string().max(100),
  outcome: z.enum([
    'done',
    'approve',
    'request_changes',
    'blocked',
    'no_change_needed',
    'question',
    'declined',
  ]),
  summary: z.string().max(20_000).default(''),
  findings: z.array(finding).max(200).default([]),
  acs: z
    .array(
      z.object({
        id: z.string().max(100),
        met: z.boolean().nullable().default(null),
        by: z.string().max(1000).default(''),
      }),
    )
    .max(200)
    .default([]),
  question: z
    .object({ text: z.string().max(10_000), options: z.array(z.string().max(500)).max(20).default([]) })
    .nullable()
    .default(null),
  declined: z
    .object({
      why: z.enum(['cannot_reproduce', 'duplicate', 'wrong_item', 'too_big']),
      detail: z.string().max(10_000).default(''),
    })
    .nullable()
    .default(null),
});
export type HandIn = z.infer<typeof handIn>;

/** Reads a hand-in for one run; anything else than a valid document of exactly this run is a reason. */
export function readHandIn(
  document: unknown,
  run: string,
): { kind: 'handed_in'; handIn: HandIn } | { kind: 'missing'; why: string } {
  if (document === null || document === undefined)
    return { kind: 'missing', why: 'no .orch-work/verdict.json' };
  const parsed = handIn.safeParse(document);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return {
      kind: 'missing',
      why: `verdict.json is not valid: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim(),
    };
  }
  if (parsed.data.run !== run)
    return { kind: 'missing', why: `verdict.json is of ${parsed.data.run}, not of ${run}` };
  return { kind: 'handed_in', handIn: parsed.data };
}

/** What Orch itself saw after an agent stage; nothing here is the agent's word. */
export interface Observed {
  readonly stage: string;
  readonly role: string;
  readonly handIn: HandIn | null;
  readonly handInProblem: string | null;
  /** Names of the files found in `.orch-work/`, e.g. `analysis.md`, with their sizes in bytes. */
  readonly documents: Readonly<Record<string, number>>;
  /** Criteria written down in `trace.json`. */
  readonly criteria: readonly string[];
  /** Requirements of `trace.json`, with the criteria each names. */
  readonly requirements: readonly { readonly id: string; readonly acs: readonly string[] }[];
  /** What `trace.json` still lacks for this stage; absent or null = nothing, or nothing is traced. */
  readonly traceProblem?: string | null;
  /** Files changed against the head at the start of the round, as Orch measured them. */
  readonly changed: readonly string[];
  readonly checks: readonly CheckResult[];
  /** In a round about a conflict with the base: files in which git's marks are left. Absent or null = any other round. */
  readonly unresolved?: readonly string[] | null;
  /** What the change did to its own proof (checks redefined, tests taken away); null when nothing. */
  readonly tampering: string | null;
}

export type StageOutcome =
  | {
      readonly kind: 'advance';
      /** The developer says why no change is needed: somebody else has to confirm it. */
      readonly noChange: string | null;
      /** What the agent says of its work. */
      readonly said?: string;
      /** Of a reviewer: what it says, for the forge. */
      readonly review?: ReviewWords;
    }
  | {
      readonly kind: 'send_back';
      readonly findings: readonly Finding[];
      /** What the round is measured against; left out where nothing was measured. */
      readonly facts?: RoundFacts;
      /** The round is about a conflict with the base, in these files. */
      readonly conflict?: { readonly files: readonly string[] };
      /** Of a reviewer: what it says, for the forge. */
      readonly review?: ReviewWords;
    }
  /** Nothing is asked of anybody: the forge has to get on first. */
  | { readonly kind: 'wait'; readonly awaits: ForgeWait }
  | { readonly kind: 'ask'; readonly code: string; readonly detail: string }
  | {
      readonly kind: 'no_evidence';
      readonly verdict: 'permanent' | 'no_change';
      readonly reason: string;
      /** Files were changed that this stage may not change: they go back to what they were. */
      readonly drop?: boolean;
    };

export interface ReviewWords {
  readonly summary: string;
  readonly findings: readonly Finding[];
}

/** Prose by its ending or its well-known name; `src/license.ts` and `CMakeLists.txt` are code. */
const DOCUMENTATION = [
  /\.(md|mdx|markdown|rst|adoc|asciidoc)$/i,
  /(^|\/)(README|CHANGELOG|LICEN[CS]E|CONTRIBUTING|NOTICE|AUTHORS|COPYING)(\.txt)?$/i,
  /(^|\/)docs?\/.*\.(txt|html|png|svg|jpe?g|gif)$/i,
];
const TEST_FILE = [
  /(^|\/)(tests?|__tests__|specs?|e2e|fixtures)\//i,
  /[._-](test|spec)\.[^/.]+$/i,
  /(^|\/)test_[^/]+$/,
  /[a-z0-9](Tests?|Spec)\.[A-Za-z]+$/,
];

const MAX_OUTPUT_CHARS = 4000;

/** Whether a path is that of a test or of what tests use, by the usual names. */
export function isTestFile(file: string): boolean {
  return isOneOf(TEST_FILE, file);
}

function isOneOf(patterns: readonly RegExp[], file: string): boolean {
  return patterns.some((pattern) => pattern.test(file));
}

/** Judges an agent stage by its evidence; every refusal says what is missing, for the next prompt. */
export function judgeEvidence(o: Observed): StageOutcome {
  if (o.handIn === null) return missing(o.handInProblem ?? 'no .orch-work/verdict.json');
  const { handIn } = o;
  if (handIn.outcome === 'question')
    return handIn.question === null
      ? missing('outcome is question, but no question is given')
      : { kind: 'ask', code: 'question.pending', detail: questionText(handIn.question) };
  if (handIn.outcome === 'blocked')
    return { kind: 'ask', code: 'question.pending', detail: `blocked: ${handIn.summary}` };
  if (handIn.outcome === 'declined')
    return {
      kind: 'ask',
      code: 'question.pending',
      detail: `declined (${handIn.declined?.why ?? 'no reason'}): ${handIn.declined?.detail ?? handIn.summary}\nClose the item (orch cancel), or have it done anyway (orch answer KEY "...")`,
    };
  switch (o.role) {
    case 'analyst':
      return (
        documentStage(o, handIn, 'analysis.md') ??
        traced(o) ??
        criteria(o, handIn) ?? { kind: 'advance', noChange: null }
      );
    case 'architect':
      return (
        documentStage(o, handIn, 'architecture.md') ??
        traced(o) ??
        requirements(o) ?? { kind: 'advance', noChange: null }
      );
    case 'reviewer':
      return review(o, handIn);
    case 'tester':
      return testing(o, handIn);
    default:
      return development(o, handIn);
  }
}

function questionText({ text, options }: { text: string; options: readonly string[] }): string {
  return options.length === 0 ? text : `${text}\n${options.map((option) => `- ${option}`).join('\n')}`;
}

function missing(reason: string, options: { drop?: boolean } = {}): StageOutcome {
  return { kind: 'no_evidence', verdict: 'permanent', reason: `no evidence: ${reason}`, ...options };
}

function documentStage(o: Observed, handIn: HandIn, document: string): StageOutcome | null {
  if (handIn.outcome !== 'done') return missing(`outcome is ${handIn.outcome}, a ${o.stage} ends with done`);
  if ((o.documents[document] ?? 0) === 0) return missing(`.orch-work/${document} is missing or empty`);
  return untouched(o);
}

function criteria(o: Observed, handIn: HandIn): StageOutcome | null {
  return o.criteria.length + handIn.acs.length > 0
    ? null
    : missing('no acceptance criterion in trace.json or verdict.json');
}

function traced(o: Observed): StageOutcome | null {
  return (o.traceProblem ?? null) === null ? null : missing(o.traceProblem ?? '');
}

function requirements(o: Observed): StageOutcome | null {
  const loose = o.requirements.find(
    (tr) => tr.acs.length === 0 || (o.criteria.length > 0 && tr.acs.some((ac) => !o.criteria.includes(ac))),
  );
  return loose === undefined
    ? null
    : missing(`requirement ${loose.id} in trace.json names no known criterion`);
}

function untouched(o: Observed): StageOutcome | null {
  if (o.changed.length === 0) return null;
  return missing(`${o.stage} may not change files, but changed ${o.changed.slice(0, 5).join(', ')}`, {
    drop: true,
  });
}

function review(o: Observed, handIn: HandIn): StageOutcome {
  const touched = untouched(o);
  if (touched !== null) return touched;
  const { summary, findings } = handIn;
  if (handIn.outcome === 'approve') return { kind: 'advance', noChange: null, review: { summary, findings } };
  if (handIn.outcome !== 'request_changes')
    return missing(`outcome is ${handIn.outcome}, a review approves or requests changes`);
  if (handIn.findings.length === 0) return missing('changes are requested without a finding');
  return { kind: 'send_back', findings, review: { summary, findings } };
}

function testing(o: Observed, handIn: HandIn): StageOutcome {
  const other = o.changed.filter((file) => !isTestFile(file));
  if (other.length > 0)
    return missing(`${o.stage} may change test files only, but changed ${other.slice(0, 5).join(', ')}`, {
      drop: true,
    });
  const unmet = handIn.acs.filter((ac) => ac.met !== true);
  if (handIn.outcome === 'request_changes') {
    if (handIn.findings.length === 0) return missing('changes are requested without a finding');
    return { kind: 'send_back', findings: handIn.findings };
  }
  if (handIn.outcome !== 'done')
    return missing(`outcome is ${handIn.outcome}, testing ends with done or request_changes`);
  const judged = new Set(handIn.acs.map((ac) => ac.id));
  const unjudged = o.criteria.filter((id) => !judged.has(id));
  if (unjudged.length > 0) return missing(`criteria not judged: ${unjudged.join(', ')}`);
  if (judged.size === 0) return missing('no criterion was judged');
  const invented = o.criteria.length === 0 ? [] : [...judged].filter((id) => !o.criteria.includes(id));
  if (invented.length > 0)
    return missing(`criteria were judged that do not exist: ${invented.slice(0, 5).join(', ')}`);
  if (unmet.length > 0)
    return missing(`done although criteria are not met: ${unmet.map((ac) => ac.id).join(', ')}`);
  return traced(o) ?? checksGreen(o) ?? { kind: 'advance', noChange: null };
}

function development(o: Observed, handIn: HandIn): StageOutcome {
  if (o.unresolved != null) return resolution(o, handIn, o.unresolved);
  if (handIn.outcome === 'no_change_needed') {
    if (handIn.summary === '') return missing('no change is said to be needed, without a reason');
    if (o.changed.length > 0)
      return missing(`no change is said to be needed, but ${o.changed.slice(0, 5).join(', ')} changed`);
    return checksGreen(o) ?? { kind: 'advance', noChange: handIn.summary };
  }
  if (handIn.outcome !== 'done') return missing(`outcome is ${handIn.outcome}, ${o.stage} ends with done`);
  if (o.changed.length === 0)
    return {
      kind: 'no_evidence',
      verdict: 'no_change',
      reason: 'no evidence: nothing was changed since the start of the round',
    };
  if (o.changed.every((file) => isOneOf(DOCUMENTATION, file)))
    return missing('only documentation was changed');
  return checksGreen(o) ?? { kind: 'advance', noChange: null, said: handIn.summary };
}

/** What the base brought is no work of the agent, and nothing may be left to change where git found a way. */
function resolution(o: Observed, handIn: HandIn, left: readonly string[]): StageOutcome {
  if (handIn.outcome !== 'done')
    return missing(`outcome is ${handIn.outcome}, a conflict with the base ends with done or a question`);
  if (left.length > 0) return missing(`git's conflict marks are left in ${left.slice(0, 10).join(', ')}`);
  return checksGreen(o) ?? { kind: 'advance', noChange: null, said: handIn.summary };
}

function checksGreen(o: Observed): StageOutcome | null {
  if (o.tampering !== null)
    return missing(
      `${o.tampering}; if the item needs that, ask with outcome question and name the file: a person allows it`,
    );
  const red = o.checks.find((check) => check.state === 'red' || check.state === 'no_tests');
  if (red === undefined) return null;
  const what =
    red.state === 'no_tests'
      ? `check ran no tests: ${red.command}`
      : `check failed: ${red.command} (exit ${red.exitCode ?? 'none'})`;
  const news = red.news.length === 0 ? '' : `\nnew, the base does not fail so:\n${red.news.join('\n')}\n`;
  const output = red.output.slice(-MAX_OUTPUT_CHARS);
  return { kind: 'no_evidence', verdict: 'permanent', reason: `${what}\n${news}${output}` };
}

/** What a person should know of checks that did not refuse the work; empty when there is nothing. */
export function toldOfChecks(checks: readonly CheckResult[]): string {
  const names = (state: CheckResult['state']) =>
    checks
      .filter((check) => check.state === state)
      .map((check) => check.command)
      .join(', ');
  return [
    names('flaky') === '' ? '' : `flaky, red and then green: ${names('flaky')}`,
    names('known_red') === '' ? '' : `red on the base in the same way: ${names('known_red')}`,
  ]
    .filter((part) => part !== '')
    .join('; ');
}
