import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Agent, AgentAccount } from '../agents/agent.ts';
import { createPreflight } from './preflight.ts';

let home = '';
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'orch-preflight-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const OPTIONS = { cacheTtlMs: 3_600_000, expirySkewMs: 0 };

/** A CLI that answers each question with the version that was there when it was asked, when it is let to. */
function ground() {
  const account: AgentAccount = { id: 'a', home, bin: 'cli', env: {} };
  const answers: (() => void)[] = [];
  const state = { version: '1.0.0', bin: join(home, 'cli-1') };
  const agent = {
    credentialFiles: () => [join(home, 'login')],
    signIn: async () => ({ state: 'signed_in', detail: '' }),
    version: () => {
      const { version } = state;
      return new Promise<string>((resolve) => answers.push(() => resolve(version)));
    },
  } as unknown as Agent;
  const preflight = createPreflight(
    () => 0,
    () => {},
    { realBinary: async () => state.bin },
    '',
  );
  const answer = async () => {
    answers.shift()?.();
    await new Promise((resolve) => setTimeout(resolve, 0));
  };
  return { state, answers, answer, preflight, view: () => preflight.view(agent, account, OPTIONS) };
}

describe('the preflight', () => {
  it('asks once, and goes by the answer while nothing changes', async () => {
    const { view, answer, answers } = ground();
    expect([await view(), await view(), answers.length]).toEqual([null, null, 1]);
    await answer();
    expect(await view()).toMatchObject({ version: '1.0.0' });
    expect(answers).toEqual([]);
  });

  it('asks again when the binary or the credentials change while it asks', async () => {
    const { state, view, answer, answers } = ground();
    await view();
    Object.assign(state, { version: '2.0.0', bin: join(home, 'cli-2') });
    expect(await view()).toBe(null);
    await answer();
    expect([await view(), answers.length]).toEqual([null, 1]);
    await writeFile(join(home, 'login'), '{}');
    await answer();
    expect([await view(), answers.length]).toEqual([null, 1]);
    await answer();
    expect(await view()).toMatchObject({ version: '2.0.0' });
    expect(answers).toEqual([]);
  });

  it('asks again when it is dropped, also while it asks', async () => {
    const { view, answer, preflight, answers } = ground();
    await view();
    await answer();
    preflight.drop('a');
    expect(await view()).toBe(null);
    preflight.drop('a');
    await answer();
    expect([await view(), answers.length]).toEqual([null, 1]);
    await answer();
    expect(await view()).toMatchObject({ version: '1.0.0' });
  });
});
