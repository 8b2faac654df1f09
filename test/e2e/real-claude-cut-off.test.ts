import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Reply } from '../fakes/fake-anthropic/scenario.ts';
import { type FakeAnthropic, startFakeAnthropic } from '../fakes/fake-anthropic/server.ts';
import { waitFor } from '../support/orch.ts';
import {
  bash,
  cliProcess,
  commits,
  END,
  installReal,
  type RealInstallation,
} from '../support/real-claude.ts';
import { requirement, suiteName } from '../support/requirements.ts';

const cli = requirement('real-cli');
const WORK = commits('echo "export const n = 1;" > src/new.js');

describe.skipIf(!cli.available)(suiteName('the real Claude Code, cut off', cli), () => {
  let api: FakeAnthropic;
  let here: RealInstallation;

  beforeAll(async () => {
    api = await startFakeAnthropic();
  });
  afterAll(() => api.close());
  afterEach(() => here.remove());

  async function begin(pipeline?: string): Promise<string> {
    here = installReal({ bin: cli.value, api, ...(pipeline === undefined ? {} : { pipeline }) });
    await here.up();
    return here.submit();
  }

  const done = (key: string) => here.jobWhere(key, (job) => job.status === 'done');
  const replies = () => api.turns().map((turn) => turn.replied);
  const WAITING: Reply = { ...END, delay_ms: 120_000 };
  const transcripts = () => globSync(join(here.agentHome, '.claude/projects/*/*.jsonl'));

  /** Kills the CLI while it waits for the model in its second turn, with the first one written down. */
  async function killInSecondTurn(): Promise<void> {
    const written = () =>
      transcripts().some((file) => /tool_result.*first-step/.test(readFileSync(file, 'utf8')));
    await waitFor(() => api.turns().length === 2 && written(), 30_000, replies);
    process.kill(cliProcess(here, cli.value, 'run_1') ?? Number.NaN, 'SIGKILL');
  }

  it('killed from outside it is lost, gets its attempt back and goes on in its session', async () => {
    api.load({ replies: [{ tool_use: bash('echo first-step') }, WAITING, WORK, END] });
    const key = await begin();
    await killInSecondTurn();
    expect(await done(key)).toMatchObject({
      attempts: 1,
      transientAttempts: 0,
      lostAttempts: 1,
    });
    const [killed, resumed] = await here.attempts();
    expect(killed).toMatchObject({ verdict: 'lost', signal: 'SIGKILL', exitCode: null, resultOk: false });
    expect(resumed).toMatchObject({ verdict: 'success', sessionId: killed?.sessionId });
    expect(api.turns()[2]?.said).toMatch(/first-step[\s\S]*This is now run run_2/);
    const made = `${(await here.task(key)).branch}:src/new.js`;
    expect(execFileSync('git', ['-C', here.repository, 'show', made], { encoding: 'utf8' })).toContain(
      'const n',
    );
  });

  it('starts afresh at no cost when its session is gone', async () => {
    api.load({ replies: [{ tool_use: bash('echo first-step') }, WAITING, WORK, END] });
    const key = await begin();
    await here.orch('pause');
    await killInSecondTurn();
    await here.jobWhere(key, (job) => job.verdict === 'lost');
    for (const transcript of transcripts()) rmSync(transcript);
    await here.orch('resume');
    expect(await done(key)).toMatchObject({ attempts: 1, lostAttempts: 1 });
    const [killed, fresh] = await here.attempts();
    expect(fresh?.sessionId).not.toBe(killed?.sessionId);
    expect(api.turns()[2]?.said).toMatch(/Run: run_2[\s\S]*Greet with a comma[\s\S]*killed by SIGKILL/);
  });

  it('silent beyond the limit of its stage it is stalled, keeps its attempt and goes on', async () => {
    api.load({ replies: [{ ...WORK, stall_ms: 120_000 }, WORK, END] });
    const key = await begin('      - { stage: development, agent: developer, tools: write, stall: 4s }');
    expect(await done(key)).toMatchObject({
      attempts: 2,
      transientAttempts: 0,
      lostAttempts: 0,
    });
    const [stalled, resumed] = await here.attempts();
    expect(stalled).toMatchObject({ verdict: 'stalled', exitCode: 143, resultOk: false });
    expect(resumed).toMatchObject({ verdict: 'success', sessionId: stalled?.sessionId });
    expect(replies()).toEqual(['stall', 'message', 'message']);
  });
});
