/** What the output of a project's checks says. Runners differ; the words here are those they print. */

/** A check as Orch ran it, and what that means for the change. */
export interface CheckResult {
  readonly command: string;
  readonly exitCode: number | null;
  /** End of what it printed. */
  readonly output: string;
  readonly state: CheckState;
  /** For `red`: what fails that did not fail on the base, as far as the output tells. */
  readonly news: readonly string[];
}

/**
 * `green`; `flaky`: red, then green on the same tree; `known_red`: red in the same way on the base;
 * `no_tests`: it reports that it ran none; `red`: a failure that the base does not have.
 */
export type CheckState = 'green' | 'flaky' | 'known_red' | 'no_tests' | 'red';

/** Checks that passed, of those that were run. */
export interface CheckCount {
  readonly green: number;
  readonly total: number;
}

/** A flaky check counts as green: it was, on this tree. */
export function countOf(checks: readonly CheckResult[]): CheckCount {
  const green = checks.filter(({ state }) => state === 'green' || state === 'flaky').length;
  return { green, total: checks.length };
}

const ANSI = /\u001b\[[\d;]*[A-Za-z]/g;
const MAX_SCANNED = 256 * 1024;
const MAX_NEWS = 20;
const MAX_LINE = 300;

/** A test was really run: it passed or failed. */
const EXECUTED = [
  /^[#ℹ] (?:pass|fail) [1-9]/m,
  /\b[1-9]\d* (?:passed|passing|failed|failing|failures?|errors?)\b/i,
  /^OK \([1-9]\d* tests?/m,
  /\b[1-9]\d* (?:examples?|assertions|expectations)\b/i,
  /^(?:not )?ok [1-9]\d*\b(?!.*# skip)/im,
  /^--- (?:PASS|FAIL): /m,
  /^ok\s+\S+\s+(?:[\d.]+s|\(cached\))(?!.*no tests to run)/m,
];
const NONE = [
  /^[#ℹ] tests 0\b/m,
  /\b(?:ran|running|collected|found|executed|discovered) 0 (?:tests?|items?|specs?|test cases?)\b/i,
  /\bno tests? (?:ran|run|found|executed|collected|to run|were (?:run|found|executed)|files? found|specified)\b/i,
  /\bno test files found\b/i,
  /\b0 (?:tests?|specs?|test cases|examples|passing|passed|runs)\b/i,
  /\btests(?: run)?: +0\b/i,
  /^1\.\.0\b/m,
  /\[no test files\]/,
];
const SKIPPED = [
  /\b[1-9]\d* (?:tests? )?(?:skipped|deselected|pending|todo|ignored)\b/i,
  /^[#ℹ] skipped [1-9]/m,
];
const TOTALS = [
  /^[#ℹ] tests [1-9]/m,
  /\b(?:ran|running|collected) [1-9]\d* (?:tests?|items?|specs?)\b/i,
  /\btests(?: run)?: +[1-9]/i,
];

/** Whether a check reports that it ran no test at all; one that counts nothing (a linter) does not. */
export function reportsNoTests(output: string): boolean {
  const text = output.replace(ANSI, '').slice(-MAX_SCANNED);
  const says = (patterns: readonly RegExp[]) => patterns.some((pattern) => pattern.test(text));
  if (says(EXECUTED)) return false;
  if (says(SKIPPED)) return true;
  return says(NONE) && !says(TOTALS);
}

const FAILURE =
  /\b(?:fail(?:s|ed|ure|ures|ing)?|error|errors|exception|panic|not ok|assert\w*|undefined|expected)\b|[✗✘✖×●]/i;

/** The lines of an output that speak of failures, without what varies from run to run. */
export function failureLines(output: string): ReadonlySet<string> {
  const lines = output.replace(ANSI, '').slice(-MAX_SCANNED).split(/\r?\n/);
  return new Set(
    lines
      .filter((line) => FAILURE.test(line))
      .map((line) =>
        line
          .replace(/0x[0-9a-f]+|\d+(?:[.,:]\d+)*/gi, '#')
          .replace(/\s+/g, ' ')
          .trim()
          .slice(0, MAX_LINE),
      )
      .filter((line) => line !== ''),
  );
}

/** Failure lines that the base does not have: what a change broke beside what was broken before. */
export function newFailures(output: string, base: ReadonlySet<string>): string[] {
  return [...failureLines(output)].filter((line) => !base.has(line)).slice(0, MAX_NEWS);
}

const INTERPRETER =
  /^(?:sh|bash|dash|zsh|ksh|node|deno|bun|tsx|python\d?(?:\.\d+)?|php|ruby|perl|pwsh|source|\.)$/;
/** Words before the program: assignments, wrappers and their options. */
const PREFIX = /^(?:\w+=|(?:env|exec|time|nice|command|sudo|xvfb-run|timeout)$|-|\d+[smh]?$)/;

/** Files a check command executes by name: scripts it runs, and the files in which its runner looks the command up. */
export function filesThatDefine(commands: readonly string[]): { scripts: string[]; manifests: string[] } {
  const scripts = new Set<string>();
  const manifests = new Set<string>();
  for (const command of commands) {
    for (const part of command.split(/[;&|\n()]+/)) {
      const words = part
        .trim()
        .split(/\s+/)
        .map((word) => word.replace(/^['"]|['"]$/g, ''));
      const at = words.findIndex((word) => !PREFIX.test(word));
      const [program = '', ...rest] = at < 0 ? [] : words.slice(at);
      const argument = rest.find((word) => !word.startsWith('-'));
      if (/^(?:npm|yarn|pnpm|bun)$/.test(program)) manifests.add('package.json');
      if (program === 'composer') manifests.add('composer.json');
      if (program === 'make' || program === 'gmake')
        for (const name of ['Makefile', 'makefile', 'GNUmakefile']) scripts.add(name);
      if (program === 'just') for (const name of ['justfile', 'Justfile']) scripts.add(name);
      if (program === 'tox') scripts.add('tox.ini');
      if (program.includes('/')) scripts.add(plainPath(program));
      else if (INTERPRETER.test(program) && argument !== undefined) scripts.add(plainPath(argument));
    }
  }
  return { scripts: [...scripts], manifests: [...manifests] };
}

function plainPath(path: string): string {
  return path.replace(/^(?:\.\/)+/, '');
}

/** Scripts of a package manifest that were there before and are other now; none when either is no manifest. */
export function changedScripts(before: string, after: string): string[] {
  const [old, now] = [scriptsOf(before), scriptsOf(after)];
  if (old === null) return [];
  return Object.keys(old).filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now?.[name]));
}

function scriptsOf(text: string): Record<string, unknown> | null {
  try {
    const { scripts } = JSON.parse(text) as { scripts?: unknown };
    return typeof scripts === 'object' && scripts !== null ? (scripts as Record<string, unknown>) : null;
  } catch {
    return null; // no manifest
  }
}

const TEST_CASES = [
  /(?<![\w.$:/'"-])(?:it|test)(?:\.(?:only|each|concurrent|for|prop))*\s*[(`]/g,
  /^[ \t]*(?:it|test|scenario|specify)[ \t]+['"]/gm,
  /^[ \t]*(?:async[ \t]+)?def[ \t]+test\w*/gm,
  /^func[ \t]+(?:Test|Fuzz|Example)\w*\s*\(/gm,
  /@(?:Test|ParameterizedTest|RepeatedTest)\b|\[(?:Fact|Theory|Test|TestCase|TestMethod)\b|#\[(?:\w+::)?(?:test|Test)\b/g,
  /\bfunction\s+test\w*\s*\(/gi,
];

/** Test cases written in a file, skipped ones left out as far as their form shows. */
export function countTestCases(text: string): number {
  return TEST_CASES.reduce((sum, pattern) => sum + (text.match(pattern)?.length ?? 0), 0);
}
