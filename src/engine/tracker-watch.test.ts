import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ADA, MARA, memoryTracker, PASSER_BY } from '../../test/fakes/memory-tracker.ts';
import type { Comment } from '../core/comment.ts';
import type { Effects, OutboxMessage } from '../core/effects.ts';
import { type Job, type Task } from '../core/model.ts';
import { withMoves } from '../core/moves.ts';
import { rules, stage } from '../core/test-kit.ts';
import type { Forge } from '../forges/forge.ts';
import { createLogger } from '../lib/logger.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { OutboxRow, Store } from '../store/store.ts';
import { claimRequest, project, refOf } from '../store/store-rows.contract.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { createAcceptance } from './acceptance.ts';
import type { Attempts } from './attempt.ts';
import { createDecisions } from './decisions.ts';
import { createIntake } from './intake.ts';
import type { Pipelines } from './pipelines.ts';
import type { Runtime } from './runtime.ts';
import { createTrackerWatch } from './tracker-watch.ts';

const LINE = rules([
  stage('development', { agent: 'developer' }),
  stage('accept', { kind: 'human', agent: null, reviewers: ['u1'] }),
  stage('deploy', { kind: 'deploy', agent: null }),
]);
const HUMAN = { by: 'mara', surface: 'cli' } as const;

let store: Store;
let now: number;
let memory: ReturnType<typeof memoryTracker>;
let pulls: Comment[];
let stopped: number[];
let sent: OutboxRow[];
let here: ReturnType<typeof open>;

function open() {
  const forge = {
    kind: 'memory',
    feed: { isAbout: () => true, comments: async () => pulls },
  } as unknown as Forge;
  const runtime = {
    maxAttempts: 3,
    accounts: new Map(),
    projects: new Map([
      [
        'api',
        {
          rules: { ...LINE, hears: true },
          ...{ tracker: memory.tracker, forge, branchTemplate: 'orch/{key}', repository: {} },
          budget: { usdPerTask: null, usdPerDay: null, tokensPerDay: null },
        },
      ],
    ]),
  } as unknown as Runtime;
  const pipelines = {
    choose: () => 'full',
    refresh: async () => {},
    problemOf: () => null,
    rulesOf: () => LINE,
    rulesFor: () => LINE,
    changedBy: async () => null,
  } as unknown as Pipelines;
  const attempts = {
    live: () => [],
    stop: async (id: number) => void stopped.push(id),
  } as unknown as Attempts;
  const parts = {
    store,
    pipelines,
    runtime: () => runtime,
    clock: () => now,
    log: createLogger('silent', null),
  };
  const intake = createIntake({
    ...parts,
    workspace: { fetch: async () => {} } as unknown as Workspace,
  });
  const decisions = createDecisions({ ...parts, attempts });
  const watch = createTrackerWatch({
    ...{ ...parts, intake, decisions, random: () => 0.5, intervalMs: 3_600_000 },
    why: async ({ key }) => `${key} waits.\nNo action needed.`,
  });
  const acceptance = createAcceptance({ ...parts, accepted: () => {} });
  return { watch, acceptance, decisions };
}

/** One look, and all that it finds. */
async function look(what: Parameters<typeof here.watch.nudge>[1] = null): Promise<void> {
  now += 5000;
  here.watch.nudge('api', what);
  await new Promise((done) => setTimeout(done, 2));
  await here.watch.idle();
}

const accept = (first: number | null = null) => here.acceptance.accept('api', first, HUMAN);
const task = async (key = 'API-1') => {
  const found = await store.task(key);
  if (found === null) throw new Error(`no ${key}`);
  return found;
};
const jobs = async (key = 'API-1') => (await store.jobs({ taskId: (await task(key)).id, limit: 99 })).items;
const job = async (key?: string) => {
  const found = (await jobs(key)).at(-1);
  if (found === undefined) throw new Error('no job');
  return found;
};
const effects = (key: string, make: (state: { task: Task | null; job: Job }) => Effects) =>
  store.command({ kind: 'task', key }, make, {
    by: 'test',
    surface: 'orch',
    action: 'test',
    target: key,
    at: now,
  });
/** All that a destination was ever told, in its order. */
async function told(destination: string): Promise<readonly OutboxMessage[]> {
  for (;;) {
    const rows = await store.dueMessages(destination, now + 1e9, 99);
    if (rows.length === 0)
      return sent.filter((row) => row.destination === destination).map(({ message }) => message);
    for (const row of rows) {
      sent.push(row);
      await store.trying(row.id);
      await store.delivered(row.id, now);
    }
  }
}
const replies = async () =>
  (await told('tracker:api')).flatMap((message) =>
    message.kind === 'tracker.comment' ? [message.body] : [],
  );
const run = async () => {
  const claimed = await store.claim(claimRequest({ now }));
  if (claimed === null) throw new Error('nothing was claimed');
  return claimed;
};

beforeEach(async () => {
  now = 1_000_000;
  memory = memoryTracker();
  pulls = [];
  stopped = [];
  sent = [];
  store = openSqliteStore(':memory:', () => now);
  await store.configure([project('api')], ['a']);
  here = open();
  here.watch.start();
  await here.watch.idle();
});
afterEach(async () => {
  await here.watch.stop();
  await store.close();
});

describe('items that come in', () => {
  it('stay outside until a person lets them in, and say so', async () => {
    memory.add();
    memory.add();
    await look();
    expect(await store.task('API-1')).toBeNull();
    expect(here.watch.waits(null)).toMatchObject([{ project: 'api', pending: ['API-1', 'API-2'] }]);
    expect(await here.acceptance.list(null)).toMatchObject([
      { project: 'api', rule: 'label `agent`', isAccepted: false, taken: 0 },
    ]);
    expect((await accept()).admitted.map(({ key }) => key)).toEqual(['API-1', 'API-2']);
    await look();
    expect([(await task('API-1')).status, (await task('API-2')).status]).toEqual(['active', 'active']);
    expect(here.watch.waits(null)).toEqual([]);
    memory.add();
    await look();
    expect((await task('API-3')).workItemId).toBe('3');
  });

  it('come in as far as a person let them, oldest first, and what is new by itself', async () => {
    for (let i = 0; i < 3; i++) memory.add();
    await look();
    await accept(1);
    memory.add();
    await look();
    const keys = async () => (await store.tasks({ limit: 9 })).items.map(({ key }) => key);
    expect(await keys()).toEqual(['API-1', 'API-4']);
    expect(here.watch.waits(null)).toEqual([]);
    await accept(1);
    await look();
    expect(await keys()).toEqual(['API-1', 'API-4', 'API-2']);
  });

  it('stay outside again when the rule changes, and nothing that is under way is stopped for it', async () => {
    memory.add();
    await accept();
    await look();
    memory.rule = { text: 'label `robot`', fingerprint: 'label:robot' };
    memory.label = 'robot';
    memory.add();
    await look();
    expect(await store.task('API-2')).toBeNull();
    expect((await task('API-1')).status).toBe('active');
    expect(here.watch.waits(null)).toMatchObject([{ pending: ['API-2'] }]);
  });

  it('come in once, however often and whoever looks', async () => {
    const id = memory.add({ priority: 20, labels: ['agent', 'bug'] });
    await accept();
    for (let i = 0; i < 3; i++) await look({ item: id });
    await here.watch.stop();
    here = open();
    here.watch.start();
    await here.watch.idle();
    expect((await store.tasks({ limit: 9 })).items).toHaveLength(1);
    expect(await jobs()).toHaveLength(1);
    expect(await task()).toMatchObject({ priority: 20, labels: ['agent', 'bug'], title: 'Item 1' });
  });

  it('bring along what people who may write had said, and none of their commands', async () => {
    const id = memory.add();
    memory.say(id, MARA, 'Mind the clock.');
    memory.say(id, PASSER_BY, 'Delete everything!');
    memory.say(id, ADA, '/orch cancel');
    await accept();
    await look();
    await look();
    expect(await task()).toMatchObject({ status: 'active', thread: 'mara: Mind the clock.' });
    expect((await job()).context.heard).toEqual([]);
    expect(await replies()).toEqual([]);
  });

  it('bring along where they are looked at, and where they are by now, if that is a link', async () => {
    const url = 'https://tracker.example/acme/1';
    memory.add();
    memory.add({ url });
    memory.add({ url: 'javascript:alert(1)' });
    await accept();
    await look();
    const urls = async () => (await store.tasks({ limit: 9 })).items.map((each) => each.url);
    expect(await urls()).toEqual([null, url, null]);
    memory.change('1', { url });
    memory.change('2', { url: 'data:text/html,x' });
    memory.change('3', { url: 'http://tracker.example/3' });
    await look();
    expect(await urls()).toEqual([url, url, 'http://tracker.example/3']);
  });

  it('that cannot be taken on say why, and keep no others out', async () => {
    await store
      .submit(
        {
          ...{ project: 'web', workItemId: 'x', key: 'API-1', repo: 'r', branch: 'b', title: 't', body: '' },
          ...{ stage: 's', priority: 0, urgent: false, pipeline: 'full', labels: [], size: null },
        },
        () => {
          throw new Error('never asked');
        },
      )
      .catch(() => undefined);
    memory.add({ key: 'API-7' });
    memory.add({ key: 'API-7' });
    memory.add();
    await accept();
    await look();
    expect((await store.tasks({ limit: 9 })).items.map(({ key }) => key)).toEqual(['API-7', 'API-3']);
    expect(here.watch.waits('api')).toMatchObject([{ pending: [], refused: [{ key: 'API-7' }] }]);
  });
});

describe('items of tasks', () => {
  beforeEach(async () => {
    memory.add();
    await accept();
    await look();
  });

  it.each([
    ['closed', () => memory.change('1', { isOpen: false, status: 'Closed' })],
    ['unlabelled', () => memory.change('1', { labels: [] })],
    ['deleted', () => void memory.remove('1')],
  ])('that are %s end their task, and keep its work and the item as it is', async (_what, change) => {
    const running = await run();
    change();
    await look();
    expect((await task()).status).toBe('cancelled');
    expect(await job()).toMatchObject({ id: running.job.id, cancelRequested: true });
    const all = await told('tracker:api');
    const statuses = all.flatMap((message) => (message.kind === 'tracker.status' ? [message.status] : []));
    expect(statuses).toEqual(['in_progress']);
  });

  it.each([[500], [401], [403], [429], [null], [404]])(
    'are believed to be there when the tracker answers %s',
    async (status) => {
      memory.remove('1');
      memory.trouble = { status };
      await look();
      await look();
      expect((await task()).status).toBe('active');
      expect(here.watch.troubles().get('tracker:api')).toMatchObject({ failures: 2 });
      memory.trouble = null;
      memory.add();
      await look();
      expect(here.watch.troubles().size).toBe(0);
    },
  );

  it('that only move on keep their task', async () => {
    memory.change('1', { mismatch: 'state is In Progress', status: 'In Progress' });
    await look();
    expect((await task()).status).toBe('active');
    expect(memory.asked.items).toContain('1');
  });

  it('that a merge closes leave the end of their task to whoever merges', async () => {
    await effects('API-1', () => ({ task: { pr: { number: 5, url: null, state: 'merged' } } }));
    memory.change('1', { isOpen: false });
    await look();
    expect((await task()).status).toBe('active');
  });

  it('have their task go on when they match again, and only then', async () => {
    memory.change('1', { labels: [] });
    await look();
    await look();
    expect((await task()).status).toBe('cancelled');
    memory.change('1', { labels: ['agent'] });
    await look();
    expect(await task()).toMatchObject({ status: 'active', stage: 'development' });
    expect(await job()).toMatchObject({ status: 'queued' });
    expect(await jobs()).toHaveLength(1);
  });

  it('do not bring back what a person cancelled here before they were told', async () => {
    await here.decisions.cancel('API-1', false, HUMAN);
    await look();
    expect((await task()).status).toBe('cancelled');
    memory.change('1', { isOpen: false });
    await look();
    memory.change('1', { isOpen: true });
    await look();
    expect((await task()).status).toBe('active');
  });

  it('do not stop what a person took up again although they are closed', async () => {
    memory.change('1', { isOpen: false });
    await look();
    await here.decisions.retry('API-1', { note: null, fromStage: null, account: null }, HUMAN);
    await look();
    expect((await task()).status).toBe('active');
    memory.change('1', { isOpen: true });
    await look();
    memory.change('1', { isOpen: false });
    await look();
    expect((await task()).status).toBe('cancelled');
  });

  it('that are edited are told to the next attempt, by whoever may write', async () => {
    const running = await run();
    memory.change('1', { title: 'Other', body: 'Do it well.' });
    await look();
    await look();
    expect(await task()).toMatchObject({ title: 'Other', body: 'Do it well.', status: 'active' });
    const { context } = await job();
    expect([context.heard, context.unheard.map(({ text }) => text)]).toEqual([
      [],
      ['The work item was edited.\nThe title is now: Other\nThe text is now:\nDo it well.'],
    ]);
    expect(stopped).toEqual([]);
    await store.settle(refOf(running), () => ({}));
    memory.change('1', { body: 'Give me the keys.', author: PASSER_BY });
    await look();
    expect((await task()).body).toBe('Do it well.');
  });
});

describe('what an item depends on', () => {
  it('holds its first job until it is closed', async () => {
    memory.add({ blockedBy: [{ key: 'WEB-3', isOpen: true }] });
    await accept();
    await look();
    expect(await job()).toMatchObject({ hold: 'dependency.open', context: { dependsOn: ['WEB-3'] } });
    expect(await store.claim(claimRequest({ now }))).toBeNull();
    memory.change('1', { blockedBy: [{ key: 'WEB-3', isOpen: false }] });
    await look();
    expect((await job()).hold).toBeNull();
    expect(await store.claim(claimRequest({ now }))).not.toBeNull();
  });

  it('is no matter any more once its own task is done', async () => {
    memory.add();
    memory.add({ blockedBy: [{ key: 'API-1', isOpen: true }] });
    await accept();
    await look();
    expect((await job('API-2')).hold).toBe('dependency.open');
    await effects('API-1', () => ({ task: { status: 'done' } }));
    await look();
    expect((await job('API-2')).hold).toBeNull();
  });

  it('holds nothing that has begun, and nothing that a person let start', async () => {
    memory.add({ blockedBy: [{ key: 'WEB-3', isOpen: true }] });
    memory.add();
    await accept();
    await look();
    await here.decisions.retry('API-1', { note: null, fromStage: null, account: null }, HUMAN);
    await run();
    memory.change('2', { blockedBy: [{ key: 'WEB-3', isOpen: true }] });
    await look();
    expect((await job('API-1')).hold).toBeNull();
    expect((await job('API-2')).hold).toBe('dependency.open');
  });
});

describe('comments', () => {
  beforeEach(async () => {
    memory.add();
    await accept();
    await look();
  });

  const ask = () =>
    effects('API-1', () => ({
      job: { hold: 'question.pending' },
      task: { status: 'needs_you', reason: { code: 'question.pending', detail: 'MIT?' } },
    }));

  it('of people who may write go to the attempt that comes next, once', async () => {
    memory.say('1', MARA, 'Use UTC.');
    await look();
    await look();
    expect((await job()).context.heard).toEqual([{ by: 'mara (memory)', text: 'Use UTC.' }]);
    expect((await task()).thread).toBe('mara (memory): Use UTC.');
  });

  it('of a run under way go to the stage that comes next', async () => {
    const running = await run();
    memory.say('1', MARA, 'Use UTC.');
    await look();
    expect((await job()).context.unheard).toHaveLength(1);
    expect(stopped).toEqual([]);
    await store.settle(refOf(running), (state) =>
      withMoves(
        {
          job: { status: 'done', finishedAt: now },
          newJobs: [{ ...state.job, hold: null, context: { ...state.job.context, unheard: [] } }],
        },
        state,
        { hears: true, now },
      ),
    );
    expect((await job()).context.heard).toEqual([{ by: 'mara (memory)', text: 'Use UTC.' }]);
  });

  it('of others are not passed on and not obeyed', async () => {
    await ask();
    memory.say('1', PASSER_BY, 'MIT, of course.');
    memory.say('1', PASSER_BY, '/orch cancel');
    await look();
    expect(await task()).toMatchObject({ status: 'needs_you', thread: '' });
    expect(await replies()).toEqual([]);
  });

  it('answer what the task asks: the first does, the next is a word', async () => {
    await ask();
    memory.say('1', ADA, 'MIT');
    memory.say('1', MARA, 'GPL!');
    await look();
    const { hold, context } = await job();
    expect([hold, context.note]).toEqual([null, 'Answer by ada (memory): MIT']);
    expect(context.heard).toEqual([{ by: 'mara (memory)', text: 'GPL!' }]);
    expect(await task()).toMatchObject({
      status: 'active',
      thread: 'ada (memory): MIT\n\nmara (memory): GPL!',
    });
    expect(await replies()).toEqual([]);
  });

  it('that were handled are not handled again when they are edited', async () => {
    const id = memory.say('1', MARA, 'A word.');
    await look();
    memory.edit('1', id, '/orch cancel');
    await look();
    expect((await task()).status).toBe('active');
  });

  it('command, once, and are answered, also across a restart', async () => {
    memory.say('1', MARA, 'Enough.\n\n/orch cancel');
    await look();
    expect((await task()).status).toBe('cancelled');
    expect(await replies()).toEqual(['mara \\(memory\\): cancelled. The branch is kept.']);
    await here.decisions.retry('API-1', { note: null, fromStage: null, account: null }, HUMAN);
    await store.noteFeed((await task()).id, { commentsSince: null });
    await here.watch.stop();
    here = open();
    here.watch.start();
    await here.watch.idle();
    expect((await task()).status).toBe('active');
  });

  it('bring back a cancelled task when a delivery tells of them', async () => {
    await here.decisions.cancel('API-1', false, HUMAN);
    memory.say('1', MARA, '/orch retry mock the clock');
    await look({ item: '1' });
    expect(await task()).toMatchObject({ status: 'active' });
    expect((await job()).context.note).toBe('mock the clock');
  });

  it('are told what was wrong, once, with the way out', async () => {
    memory.say('1', MARA, '/orch approve');
    memory.say('1', MARA, '/orch dance');
    memory.say('1', MARA, '/orch why');
    await look();
    await look();
    expect(await replies()).toEqual([
      'Not done: API-1 does not wait for an approval.\n\norch why API-1',
      'Not done: that command is not known.\n\n`/orch` and one of: `retry [NOTE]`, `cancel`, `approve [COMMIT]`, `reject REASON`, `answer TEXT`, `why`',
      'API-1 waits.\nNo action needed.',
    ]);
  });

  describe('on an approval', () => {
    const HEAD = 'abcdef1234567890abcdef1234567890abcdef12';
    const wait = () =>
      effects('API-1', ({ job: before }) => ({
        job: { status: 'done', finishedAt: now },
        newJobs: [{ ...before, stage: 'accept', agent: null, account: null, hold: 'approval.pending' }],
        task: {
          ...{ status: 'needs_you', stage: 'accept', head: HEAD },
          reason: { code: 'approval.pending', detail: 'accept waits' },
        },
      }));

    it('bind to the commit that they name', async () => {
      await wait();
      memory.say('1', MARA, '/orch approve 1234567', now);
      await look();
      expect((await task()).stage).toBe('accept');
      expect((await replies()).at(-1)).toContain('API-1 moved: its head is abcdef1');
      memory.say('1', MARA, '/orch approve abcdef1', now);
      await look();
      expect(await task()).toMatchObject({ stage: 'deploy', status: 'active' });
    });

    it('do not approve what was asked for long after they were written', async () => {
      await wait();
      memory.say('1', MARA, '/orch approve', now - 600_000);
      await look();
      expect((await task()).stage).toBe('accept');
      expect((await replies()).at(-1)).toContain('asked for after this comment');
    });

    it('are for those whom the stage names, by their id in the tracker', async () => {
      await wait();
      memory.say('1', { ...ADA, name: 'u1' }, '/orch approve', now);
      await look();
      expect((await task()).stage).toBe('accept');
      expect((await replies()).at(-1)).toContain('not among the reviewers');
      memory.say('1', MARA, '/orch reject too slow', now);
      await look();
      expect((await replies()).at(-1)).toContain('rejected; the reason goes to the agent');
      expect((await job()).context.findings).toMatchObject([{ title: 'too slow' }]);
    });
  });

  it('on the pull request are heard and obeyed as those on the item', async () => {
    await effects('API-1', () => ({ task: { pr: { number: 5, url: null, state: 'draft' } } }));
    const said = (id: string, body: string) => ({
      id,
      by: MARA,
      body,
      createdAt: now,
      updatedAt: now,
      url: null,
    });
    pulls = [said('p1', 'Rename it.'), said('p2', '/orch why')];
    await look({ pullRequest: 5 });
    await look();
    expect((await job()).context.heard).toEqual([{ by: 'mara (memory)', text: 'Rename it.' }]);
    expect(await told('forge:api')).toMatchObject([
      { kind: 'forge.comment', body: 'API-1 waits.\nNo action needed.' },
    ]);
  });

  it('are asked for in turn, so that many tasks cost no more than few', async () => {
    for (let i = 0; i < 45; i++) memory.add();
    await look();
    for (let i = 0; i < 3; i++) await look();
    memory.asked.comments.length = 0;
    for (let i = 0; i < 3; i++) await look();
    const asked = memory.asked.comments;
    expect(asked.length).toBeLessThanOrEqual(60);
    expect(new Set(asked).size).toBe(46);
  });
});

describe('what the tracker is told', () => {
  it('is each move to a person and back, and one report that waits for all of them', async () => {
    memory.add();
    await accept();
    await look();
    await effects('API-1', (state) =>
      withMoves(
        {
          job: { hold: 'question.pending' },
          task: { status: 'needs_you', reason: { code: 'question.pending', detail: 'MIT?' } },
        },
        state,
        { hears: true, now },
      ),
    );
    memory.say('1', ADA, 'MIT');
    await look();
    const all = await told('tracker:api');
    expect(all.flatMap((each) => (each.kind === 'tracker.status' ? [each.status] : []))).toEqual([
      ...['in_progress', 'needs_you', 'in_progress'],
    ]);
    expect(all.filter(({ kind }) => kind === 'tracker.report')).toHaveLength(1);
    await here.decisions.cancel('API-1', false, HUMAN);
    expect((await told('tracker:api')).filter(({ kind }) => kind === 'tracker.report')).toHaveLength(2);
  });
});

describe('looks', () => {
  it('never overlap, and many nudges are one look', async () => {
    let open = () => {};
    memory.gate = new Promise((done) => {
      open = done;
    });
    const before = memory.asked.matching;
    now += 5000;
    here.watch.nudge('api', null);
    await new Promise((done) => setTimeout(done, 2));
    for (let i = 0; i < 50; i++) here.watch.nudge('api', { item: String(i) });
    expect(memory.asked.matching).toBe(before + 1);
    open();
    await here.watch.idle();
    await new Promise((done) => setTimeout(done, 1100));
    await here.watch.idle();
    expect(memory.asked.matching).toBe(before + 2);
  });

  it('come later and later while the tracker does not answer, and as it says', async () => {
    memory.trouble = { status: 429, retryAfterMs: 7_200_000 };
    await look();
    const { triedAt, nextTryAt, since } = here.watch.troubles().get('tracker:api') ?? {
      ...{ triedAt: 0, nextTryAt: 0, since: 0 },
    };
    expect(nextTryAt - triedAt).toBe(7_200_000);
    memory.trouble = { status: 503 };
    await look();
    expect(here.watch.troubles().get('tracker:api')).toMatchObject({ since, failures: 2 });
  });
});
