import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ModelRequest, Reply } from '../fakes/fake-anthropic/scenario.ts';
import { type FakeAnthropic, startFakeAnthropic } from '../fakes/fake-anthropic/server.ts';
import { waitFor } from '../support/orch.ts';
import { approves, bash, commits, END, installReal, type RealInstallation } from '../support/real-claude.ts';
import { requirement, suiteName } from '../support/requirements.ts';

const cli = requirement('real-cli');

/** What one stage knows of another: sessions that go on, that end at a limit, and that are lost. */
describe.skipIf(!cli.available)(suiteName('sessions of the real Claude Code', cli), () => {
  let api: FakeAnthropic;
  let here: RealInstallation;

  beforeAll(async () => {
    api = await startFakeAnthropic();
  });
  afterAll(() => api.close());
  afterEach(() => here.remove());

  /** The model hands in documents with the Write tool, as a reading stage must. */
  function writes(documents: Readonly<Record<string, string>>): (request: ModelRequest) => Reply {
    return ({ said }) => {
      const run = [...said.matchAll(/Run: (run_\d+)/g)].at(-1)?.[1] ?? 'not told';
      const verdict = JSON.stringify({ schema: 'orch.verdict/1', run, outcome: 'done' });
      const files = { ...documents, 'verdict.json': verdict };
      return {
        tool_use: Object.entries(files).map(([name, content]) => ({
          name: 'Write',
          input: { file_path: here.worktree('P-1', `.orch-work/${name}`), content },
        })),
      };
    };
  }

  it('go on from analysis to development, and a review begins afresh', async () => {
    here = installReal({
      bin: cli.value,
      api,
      pipeline: `      - { stage: analysis, agent: analyst, tools: read }
      - { stage: development, agent: developer, tools: write }
      - { stage: review, agent: reviewer, tools: read, on_reject: development }`,
    });
    const trace = JSON.stringify({
      acs: [{ id: 'AC-1', text: 'a comma follows the greeting' }],
      trs: [],
      tcs: [],
    });
    api.load({
      replies: [
        writes({ 'analysis.md': 'The greeting lacks a comma.\n', 'trace.json': trace }),
        { text: 'ANALYSED-IT' },
        commits('echo "export const n = 1;" > src/new.js'),
        END,
        approves(here.worktree('P-1', '.orch-work/verdict.json')),
        END,
      ],
    });
    await here.up();
    const key = await here.submit();
    await here.jobWhere(key, (job) => job.stage === 'review' && job.status === 'done');
    const [analysis, development, review] = (await here.runs()).toSorted((a, b) =>
      a.startedAt.localeCompare(b.startedAt),
    );
    expect([analysis, development, review].map((run) => run?.verdict)).toEqual([
      'success',
      'success',
      'success',
    ]);
    expect(development?.sessionId).toBe(analysis?.sessionId);
    expect(review?.sessionId).not.toBe(analysis?.sessionId);
    const [, , developing, , reviewing] = api.turns();
    // One conversation: what was said in the analysis, then the whole prompt of the new stage.
    expect(developing?.said).toMatch(
      /ANALYSED-IT[\s\S]*Stage: development[\s\S]*AC-1: a comma follows the greeting/,
    );
    expect(reviewing?.said).not.toContain('ANALYSED-IT');
    const task = await here.task(key);
    const costs = task.runs.reduce((sum, run) => sum + (run.usage.costUsd ?? 0), 0);
    expect(task.costUsd).toBeCloseTo(costs, 5);
    expect(costs).toBeGreaterThan(0);
  });

  it('that ask go on with the answer, and both stand on the work item', async () => {
    here = installReal({ bin: cli.value, api });
    const asks = `printf '{"schema":"orch.verdict/1","run":"%s","outcome":"question","question":{"text":"Comma or dash?"}}' "$ORCH_RUN_ID" > .orch-work/verdict.json`;
    api.load({
      replies: [
        { tool_use: bash(asks) },
        { text: 'I-ASKED' },
        commits('echo "export const n = 1;" > src/new.js'),
        END,
      ],
    });
    await here.up();
    const key = await here.submit();
    await here.taskWhere(key, ({ reason }) => reason?.code === 'question.pending');
    expect(await here.orch('answer', key, 'A comma')).toMatchObject({ code: 0 });
    const job = await here.jobWhere(key, ({ status }) => status === 'done');
    expect(job.attempts).toBe(1);
    const [asked, answered] = await here.attempts();
    expect(answered?.sessionId).toBe(asked?.sessionId);
    expect(api.turns()[2]?.said).toMatch(/I-ASKED[\s\S]*A comma[\s\S]*This is now run run_2/);
    await waitFor(() => here.rows('SELECT body FROM work_item_comments').length === 3);
    expect(
      here.rows<{ body: string }>('SELECT body FROM work_item_comments ORDER BY id').map(({ body }) => body),
    ).toEqual([
      'development asks: Comma or dash?',
      expect.stringContaining('answers: A comma'),
      expect.stringContaining('development'),
    ]);
  });

  it('that come to their limit of turns are resumed once, and then a person is asked', async () => {
    here = installReal({
      bin: cli.value,
      api,
      pipeline: '      - { stage: development, agent: developer, tools: write, max_turns: 1 }',
    });
    api.load({ replies: [{ tool_use: bash('echo one more') }], after: { tool_use: bash('echo one more') } });
    await here.up();
    const key = await here.submit();
    const task = await here.taskWhere(key, ({ status }) => status === 'needs_you');
    expect(task.reason).toMatchObject({
      code: 'question.pending',
      detail: expect.stringContaining('came to its limit for the second time'),
    });
    const [first, second] = await here.attempts();
    expect([first?.verdict, second?.verdict]).toEqual(['permanent', 'permanent']);
    expect(second?.sessionId).toBe(first?.sessionId);
    expect(api.turns()[1]?.said).toContain('You came to your limit of turns or budget');
  });

  it('whose transcript is lost are told what they had done', async () => {
    here = installReal({ bin: cli.value, api, env: { ORCH_BACKOFF_BASE_SECONDS: '4' } });
    api.load({
      replies: [
        { tool_use: bash('echo "export const half = 1;" > src/half.js') },
        { status: 529, error: { type: 'overloaded_error', message: 'Overloaded' }, repeat: 6 },
        commits('echo "export const n = 1;" > src/new.js'),
        END,
      ],
    });
    await here.up();
    const key = await here.submit();
    await here.jobWhere(key, (job) => job.verdict === 'transient' && job.status === 'queued');
    const projects = join(here.agentHome, '.claude', 'projects');
    for (const folder of readdirSync(projects)) rmSync(join(projects, folder), { recursive: true });
    await here.jobWhere(key, (job) => job.status === 'done');
    const [lost, fresh] = await here.attempts();
    expect(fresh?.sessionId).not.toBe(lost?.sessionId);
    const told = api.turns().at(-2)?.said ?? '';
    expect(told).toMatch(/## What you did so far[\s\S]*\+export const half = 1;/);
  });
});
