/**
 * JUnit XML as test runners write it. There is no standard: suites nest or not, `classname` holds a class, a file
 * or the whole title, and the name may carry parameters. Everything in a report is data from outside.
 */

/** One element of a report, as any XML parser gives it. */
export interface ReportElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly ReportElement[];
  /** Its own text, without that of its children. */
  readonly text: string;
}

export interface JUnitCase {
  readonly name: string;
  readonly classname: string;
  /** The file it states, or the nearest suite around it does; null when neither does. */
  readonly file: string | null;
  readonly state: 'passed' | 'failed' | 'skipped';
  /** What a failed one says, in one line. */
  readonly message: string;
}

const MAX_CASES = 50_000;
const MAX_NAME = 1000;
const MAX_MESSAGE = 300;

/** Every `testcase` of a report, however its suites nest. Throws when there are too many to be true. */
export function casesOf(root: ReportElement): JUnitCase[] {
  const cases: JUnitCase[] = [];
  const visit = (element: ReportElement, suite: { name: string; file: string | null }): void => {
    if (element.name === 'testcase') {
      if (cases.length >= MAX_CASES) throw new Error(`more than ${MAX_CASES} test cases`);
      cases.push(caseOf(element, suite));
      return;
    }
    const own = { name: attribute(element, 'name'), file: attribute(element, 'file') || suite.file };
    for (const child of element.children) visit(child, own);
  };
  visit(root, { name: '', file: null });
  return cases;
}

function caseOf(element: ReportElement, suite: { name: string; file: string | null }): JUnitCase {
  const classname = attribute(element, 'classname') || attribute(element, 'class') || suite.name;
  const failure = element.children.find((child) => child.name === 'failure' || child.name === 'error');
  const skipped = element.children.some((child) => child.name === 'skipped' || child.name === 'disabled');
  const status = `${attribute(element, 'status')} ${attribute(element, 'result')}`.toLowerCase();
  const failed = failure !== undefined || /\b(failed|failure|error|broken)\b/.test(status);
  return {
    name: squash(attribute(element, 'name')),
    classname: squash(classname),
    file: attribute(element, 'file') || (isScript(classname) ? classname : suite.file),
    state: failed
      ? 'failed'
      : skipped || /\b(skipped|disabled|notrun|ignored|suppressed)\b/.test(status)
        ? 'skipped'
        : 'passed',
    message: failure === undefined ? '' : messageOf(failure),
  };
}

function messageOf(failure: ReportElement): string {
  const said = attribute(failure, 'message') || failure.text.trim().split('\n', 1)[0] || '';
  return squash(said).slice(0, MAX_MESSAGE);
}

function attribute(element: ReportElement, name: string): string {
  const value = Object.hasOwn(element.attributes, name) ? element.attributes[name] : undefined;
  return (value ?? '').slice(0, MAX_NAME);
}

export type TestResult =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'missing'; readonly why: string };

/**
 * What became of one named test. A test is meant by the first of these that any case fits:
 *
 * 1. its name is that name;
 * 2. it is, less trailing parameters: `[1-2]`, `(String)[1]`, `with data set #0`;
 * 3. class and name, joined by a space, `.`, `::`, `#`, `/`, ` > ` or ` › `, are that name;
 * 4. either ends with that name, at a word's start: runners that put the suites' titles before it.
 *
 * Of those, only cases of the named file count where any states its file. All that count must be free of
 * failures, and at least one must have passed: skipped is not proven.
 */
export function resultOf(
  cases: readonly JUnitCase[],
  wanted: { readonly file: string; readonly name: string },
): TestResult {
  const name = squash(wanted.name);
  const possible = cases.filter((each) => ends(each.name, name) || ends(plain(each.name), name));
  const named = FITS.map((fits) => possible.filter((each) => fits(each, name))).find((fit) => fit.length > 0);
  if (named === undefined)
    return {
      kind: 'missing',
      why: `no test called "${name}" is in the reports of the checks (${cases.length} read)`,
    };
  const here = named.filter((each) => each.file !== null && isSameFile(each.file, wanted.file));
  const counted = here.length > 0 ? here : named.filter((each) => each.file === null);
  if (counted.length === 0)
    return {
      kind: 'missing',
      why: `"${name}" ran in ${named[0]?.file ?? 'another file'}, not in ${wanted.file}`,
    };
  const failed = counted.find((each) => each.state === 'failed');
  if (failed !== undefined)
    return {
      kind: 'failed',
      why: `"${name}" failed${failed.message === '' ? '' : `: ${failed.message}`}`,
    };
  return counted.some((each) => each.state === 'passed')
    ? { kind: 'passed' }
    : { kind: 'failed', why: `"${name}" was skipped` };
}

const JOINTS = [' ', '.', '::', '#', '/', ' > ', ' › '];
const BRACKETS = { ']': '[', ')': '(' } as const;
const DATA_SET = ' with data set ';
const BOUNDARIES = new Set([' ', '.', ':', '#', '/', '>', '›', '\\', '$']);

const FITS: readonly ((each: JUnitCase, name: string) => boolean)[] = [
  (each, name) => each.name === name,
  (each, name) => plain(each.name) === name,
  (each, name) => joined(each).some((full) => full === name || plain(full) === name),
  (each, name) =>
    [each.name, ...joined(each)].some((full) => endsIn(full, name) || endsIn(plain(full), name)),
];

/** Less its trailing parameters. Names are the agent's: no pattern that could be made slow. */
function plain(name: string): string {
  const set = name.indexOf(DATA_SET);
  let rest = set < 0 ? name : name.slice(0, set);
  for (;;) {
    const open = BRACKETS[rest.at(-1) as keyof typeof BRACKETS] as string | undefined;
    const at = open === undefined ? -1 : rest.lastIndexOf(open);
    if (at < 0) return rest;
    rest = rest.slice(0, at).trimEnd();
  }
}

/** Whether the shorter of the two is the end of the other; what does not pass this fits in no way. */
function ends(one: string, other: string): boolean {
  return one.endsWith(other) || (one !== '' && other.endsWith(one));
}

function joined(each: JUnitCase): string[] {
  return each.classname === '' ? [] : JOINTS.map((joint) => `${each.classname}${joint}${each.name}`);
}

function endsIn(full: string, name: string): boolean {
  return full.endsWith(name) && BOUNDARIES.has(full[full.length - name.length - 1] ?? '');
}

/** Vitest puts the file where others put a class. */
function isScript(classname: string): boolean {
  return /\.[cm]?[jt]sx?$/.test(classname);
}

/** Reports state a file from the root of the disk, of the repository, or of a package in it. */
function isSameFile(stated: string, file: string): boolean {
  const [a, b] = [stated, file].map((path) => path.replaceAll('\\', '/').replace(/^(\.\/)+/, ''));
  return a === b || (a ?? '').endsWith(`/${b}`) || (b ?? '').endsWith(`/${a}`);
}

function squash(text: string): string {
  return text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
}
