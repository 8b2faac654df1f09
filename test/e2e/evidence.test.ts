import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handIn, type Installation, UNTIL_GO, waitFor } from '../support/orch.ts';
import { type Stories, type Story, tell } from '../support/stories.ts';

/** What moves a task on, and what stops it for a person: one service, one story an item. */

const DEV = '{ stage: development, agent: developer, tools: write }';
const REVIEW = '{ stage: review, agent: reviewer, tools: read, on_reject: development, max_rounds: 5 }';
const DEPLOY = '{ stage: deploy, kind: deploy, approval: required }';
const develop = (n: number, file = 'src/new.js') =>
  handIn({ outcome: 'done', summary: `n is ${n} now` }, `echo "export const n = ${n};" > ${file}`);
const finding = (title: string, file: string | null = 'src/new.js') =>
  handIn({ outcome: 'request_changes', findings: [{ severity: 'high', file, line: 1, title, detail: 'x' }] });
const PEOPLE = 'gets commits by people';
const APPROVE = handIn({ outcome: 'approve' });

/** Scenes of a loop: a developer that changes something each time, and these reviews. */
function loop(...reviews: string[]): string[] {
  return reviews.flatMap((review, i) => [develop(i + 1), review]);
}

const STORIES: readonly Story[] = [
  {
    name: 'repeats itself',
    pipeline: [DEV, REVIEW],
    scenes: loop(finding('n must be 7'), finding('n should still be 7')),
  },
  {
    name: 'goes back and forth',
    pipeline: [DEV, REVIEW],
    scenes: loop(
      finding('indent with tabs'),
      finding('use spaces'),
      finding('indent with tabs'),
      finding('use spaces'),
    ),
  },
  {
    name: 'asks outside the task',
    pipeline: [DEV, REVIEW],
    scenes: loop(finding('greet is ugly', 'src/greet.js')),
  },
  {
    name: 'moves the goalposts',
    pipeline: [DEV, REVIEW],
    scenes: [
      handIn({ outcome: 'done' }, 'echo 1 > src/a.js; echo 1 > src/b.js'),
      finding('a is wrong', 'src/a.js'),
      develop(2, 'src/a.js'),
      finding('b is badly named', 'src/b.js'),
      APPROVE,
    ],
  },
  {
    name: 'resolves its findings',
    pipeline: [DEV, REVIEW, DEPLOY],
    scenes: [
      ...loop(finding('n must be 2')),
      develop(2),
      finding('a test is missing', 'test/new.test.js'),
      handIn({ outcome: 'done' }, 'mkdir -p test; echo "// tests n" > test/new.test.js'),
      APPROVE,
    ],
  },
  {
    name: 'needs no change',
    pipeline: [DEV, REVIEW, DEPLOY],
    scenes: [handIn({ outcome: 'no_change_needed', summary: 'greet greets already' }), APPROVE],
  },
  {
    name: 'needs a change after all',
    pipeline: [DEV, REVIEW, DEPLOY],
    scenes: [
      handIn({ outcome: 'no_change_needed', summary: 'greet greets already' }),
      finding('it does not', null),
      develop(1),
      APPROVE,
    ],
  },
  {
    name: 'declines',
    pipeline: [DEV, DEPLOY],
    scenes: [handIn({ outcome: 'declined', declined: { why: 'duplicate', detail: 'see P-1' } }), develop(1)],
  },
  {
    name: 'is accepted by mara',
    pipeline: [DEV, '{ stage: accept, kind: human, reviewers: [mara] }', DEPLOY],
    scenes: [develop(1), develop(2)],
  },
  {
    name: 'may change its check',
    pipeline: [DEV, DEPLOY],
    project: ['checks: ["sh check.sh"]'],
    scenes: [
      handIn({ outcome: 'question', question: { text: 'The item asks for it: may I change check.sh?' } }),
      handIn({ outcome: 'done' }, 'echo "echo ok" > check.sh; echo x > src/new.js'),
    ],
  },
  {
    name: 'is flaky',
    pipeline: [DEV, DEPLOY],
    project: ['checks: ["sh flaky.sh"]'],
    scenes: [develop(1)],
  },
  {
    name: 'was red before',
    pipeline: [DEV, REVIEW, DEPLOY],
    project: ['checks: ["sh red.sh"]'],
    scenes: [develop(1), APPROVE],
  },
  {
    name: 'breaks more than was red before',
    pipeline: [DEV, DEPLOY],
    project: ['checks: ["sh red.sh"]'],
    scenes: [
      handIn({ outcome: 'done' }, 'echo "export const n = 1;" > src/broken.js'),
      handIn({ outcome: 'done' }, 'mv src/broken.js src/new.js'),
    ],
  },
  {
    name: 'keeps its documents',
    pipeline: ['{ stage: analysis, agent: analyst, tools: read }', DEV, REVIEW, DEPLOY],
    project: ['artefacts: branch'],
    scenes: [
      handIn({ outcome: 'done', acs: [{ id: 'AC-1' }] }, 'echo "what is wanted" > .orch-work/analysis.md'),
      develop(1),
      handIn({ outcome: 'approve' }, 'echo "looks right" > .orch-work/review.md'),
    ],
  },
  {
    name: PEOPLE,
    pipeline: [DEV, REVIEW, DEPLOY],
    scenes: [develop(1), `${UNTIL_GO}${finding('n must be 2')}`, develop(2), APPROVE],
  },
];

const FILES = {
  'check.sh': 'echo ok\n',
  // Red the first time in each worktree.
  'flaky.sh': 'test -f .seen && exit 0\ntouch .seen\necho "FAIL sometimes"; exit 1\n',
  '.gitignore': '.seen\n',
  'red.sh': 'echo "FAIL old (12 ms)"\ntest -f src/broken.js && echo "FAIL new (3 ms)"\nexit 1\n',
};

describe('a story', () => {
  let told: Stories;
  let here: Installation;

  beforeAll(async () => {
    told = await tell(STORIES, { files: FILES });
    ({ here } = told);
    for (const { name } of STORIES) if (name !== PEOPLE) await told.begin(name);
  }, 60_000);
  afterAll(() => here.remove());

  const needsYou = (name: string, code: string) =>
    told.until(name, (task) => task.status === 'needs_you' && task.reason?.code === code);
  const orch = async (...args: string[]) => {
    const { code, stderr } = await here.orch(...args);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  };

  it.each([
    ['repeats itself', 2, "none of the last round's findings is resolved"],
    ['goes back and forth', 4, 'go back and forth'],
    ['asks outside the task', 1, 'outside what the task changes'],
    ['moves the goalposts', 2, 'code that the last round has already seen'],
  ])('with a reviewer that %s ends in round %d, with the reason', async (name, round, why) => {
    const task = await needsYou(name, 'rounds.stuck');
    expect(task.reason?.detail).toContain(`review stopped in round ${round}`);
    expect(task.reason?.detail).toContain(why);
    expect(task.rounds).toEqual({ review: round });
  });

  it('whose loop stopped goes on when a person approves it as it is, or begins anew from a stage', async () => {
    const { key } = await needsYou('repeats itself', 'rounds.stuck');
    await orch('approve', key);
    expect(await told.until('repeats itself', (task) => task.stage === 'merge')).toMatchObject({
      reason: { code: 'approval.pending' },
    });
    const moved = await needsYou('moves the goalposts', 'rounds.stuck');
    await orch('retry', moved.key, '--from-stage', 'review');
    await told.until('moves the goalposts', (task) => task.stage === 'merge');
  });

  it('whose findings are resolved walks on, each told to the other side', async () => {
    await told.until('resolves its findings', (task) => task.stage === 'deploy');
    const prompts = told.prompts('resolves its findings');
    expect(prompts[1]).toContain('n is 1 now'); // what the developer said, to the reviewer
    expect(prompts[2]).toContain('- n must be 2 (src/new.js:1): x');
  });

  it('that needs no change is closed by a reviewer, without a pull request', async () => {
    const task = await told.until('needs no change', ({ status }) => status === 'done');
    expect(task).toMatchObject({
      pr: null,
      head: null,
      jobs: [{ stage: 'development' }, { stage: 'review' }],
    });
    expect(told.prompts('needs no change')[1]).toContain('greet greets already');
  });

  it('that does need a change goes back with what is to be done', async () => {
    const task = await told.until('needs a change after all', ({ stage }) => stage === 'deploy');
    expect(task.jobs.map((job) => job.stage)).toEqual([
      'development',
      'review',
      'development',
      'review',
      'deploy',
    ]);
    expect(told.prompts('needs a change after all')[2]).toContain('it does not');
  });

  it('that an agent declines is closed by a person, or done anyway', async () => {
    const task = await needsYou('declines', 'question.pending');
    expect(task.reason?.detail).toContain('declined (duplicate): see P-1');
    expect(task.jobs).toMatchObject([{ status: 'queued', attempts: 0 }]);
    await orch('answer', task.key, 'it is not the same: do it');
    await told.until('declines', ({ stage }) => stage === 'deploy');
    await orch('cancel', task.key);
    expect(await told.task('declines')).toMatchObject({ status: 'cancelled' });
  });

  it('with a human stage is decided by its reviewers, whose rejection is a finding', async () => {
    const { key } = await needsYou('is accepted by mara', 'approval.pending');
    const as = async (by: string, action: string, body: object) => {
      const answer = await here.post(`/${action}`, { target: key, ...body }, by);
      return typeof answer === 'object' && answer !== null && 'code' in answer ? answer.code : null;
    };
    expect(await as('tom', 'approve', {})).toBe('approval.not_reviewer');
    expect(await as('mara', 'reject', { reason: 'n must be 2' })).toBeNull();
    await told.until('is accepted by mara', (task) => task.stage === 'accept' && task.jobs.length === 4);
    expect(told.prompts('is accepted by mara')[1]).toContain('- n must be 2: Rejected by mara.');
    expect(await as('mara', 'approve', {})).toBeNull();
    await told.until('is accepted by mara', (task) => task.stage === 'deploy');
  });

  it('may redefine its check once a person was asked and answered', async () => {
    const { key } = await needsYou('may change its check', 'question.pending');
    await orch('answer', key, 'yes');
    const task = await told.until('may change its check', ({ stage }) => stage === 'deploy');
    expect(task.runs.map((run) => run.verdict)).toEqual(['success', 'success']);
  });

  it('is told of a flaky check, and not stopped by it', async () => {
    const task = await told.until('is flaky', ({ stage }) => stage === 'deploy');
    expect(task.runs).toMatchObject([
      { verdict: 'success', reason: expect.stringContaining('flaky, red and then green: sh flaky.sh') },
    ]);
  });

  it('is not stopped by what the base fails too, and is by what is new', async () => {
    const known = await told.until('was red before', ({ stage }) => stage === 'deploy');
    expect(known.runs[0]?.reason).toContain('red on the base in the same way: sh red.sh');
    expect(told.prompts('was red before')[1]).toContain("Orch's own checks: red on the base in the same way");
    const task = await told.until('breaks more than was red before', ({ stage }) => stage === 'deploy');
    expect(task.runs.map((run) => run.verdict)).toEqual(['permanent', 'success']);
    expect(task.runs[0]?.reason).toContain('new, the base does not fail so:\nFAIL new (# ms)\n');
  });

  it('with artefacts: branch has its documents on the branch, beside the work and never before it', async () => {
    const { branch, key, pr } = await told.until('keeps its documents', ({ stage }) => stage === 'deploy');
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', here.repository, ...args], { encoding: 'utf8' });
    const folder = `docs/work-items/${key}`;
    expect(git('ls-tree', '-r', '--name-only', branch, folder).trim().split('\n')).toEqual([
      `${folder}/analysis.md`,
      `${folder}/review.md`,
    ]);
    expect(git('show', `${branch}:${folder}/review.md`)).toBe('looks right\n');
    expect(git('log', '--format=%s', '--reverse', `main..${branch}`).trim().split('\n')).toHaveLength(2);
    expect(pr).not.toBeNull();
  });

  it('takes in what people commit to its branch, names it to the agent and never counts it as its work', async () => {
    await told.begin(PEOPLE);
    await waitFor(() => told.prompts(PEOPLE).length === 2, 60_000);
    const { branch } = await told.task(PEOPLE);
    const clone = mkdtempSync(join(here.root, 'person-'));
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=Mara', '-c', 'user.email=m@localhost', ...args], {
        cwd: clone,
        encoding: 'utf8',
      });
    git('clone', '-q', '-b', branch, here.repository, '.');
    writeFileSync(join(clone, 'by-mara.txt'), 'x\n');
    git('add', '-A');
    git('commit', '-q', '-m', 'Help a little');
    git('push', '-q', 'origin', `HEAD:${branch}`);
    here.go();
    const task = await told.until(PEOPLE, ({ stage }) => stage === 'deploy');
    git('fetch', '-q');
    expect(git('rev-parse', `origin/${branch}`).trim()).toBe(task.head);
    expect(git('ls-tree', '-r', '--name-only', `origin/${branch}`)).toContain('by-mara.txt');
    const prompts = told.prompts(PEOPLE);
    expect(prompts.map((prompt) => prompt.includes('Mara: Help a little'))).toEqual([
      false,
      false,
      true,
      false,
    ]);
  });
});
