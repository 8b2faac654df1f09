import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Agent } from '../../src/agents/agent.ts';
import type { App } from '../../src/app.ts';
import { enqueueAtOnce, startInProcess } from '../support/in-process.ts';
import { type Installation, install, LOGIN, VALID_RESULT, waitFor } from '../support/orch.ts';

const JOBS = 8;
const MINUTE = 60_000;

/**
 * A CLI whose refresh token can be used once: it asks for a new one when the login ends within five
 * minutes, and one that was used before loses the login, as the real one's does.
 */
const ROTATING_CLI = `
file="$HOME/.claude/.credentials.json"
vendor="$FAKE_PLAN/vendor"
token=$(sed -n 's/.*"refreshToken":"\\([^"]*\\)".*/\\1/p' "$file")
ends=$(sed -n 's/.*"expiresAt":\\([0-9]*\\).*/\\1/p' "$file")
now=$(date +%s%3N)
if [ "$ends" -lt $((now + 300000)) ]; then
  sleep 1
  if mkdir "$vendor/used-$token"; then
    sed 's/"refreshToken":"[^"]*"/"refreshToken":"rotated-'$n'"/; s/"accessToken":"[^"]*"/"accessToken":"new-'$n'"/; s/"expiresAt":[0-9]*/"expiresAt":4102444800000/' "$file" >"$file.$n" && mv "$file.$n" "$file"
  else
    mkdir "$vendor/wiped-$n"
    echo '{"claudeAiOauth":{"accessToken":"","refreshToken":"","expiresAt":0,"scopes":["user:inference"]}}' >"$file.$n" && mv "$file.$n" "$file"
    echo 'Failed to authenticate: OAuth session expired and could not be refreshed'
    exit 1
  fi
fi
echo '${VALID_RESULT}'
`;

let here: Installation;
let app: App | null = null;
afterEach(async () => {
  await app?.close();
  app = null;
  await here.remove();
});

/** Eight jobs come due at once on an account whose login ends in `endsInMs`. */
async function eightJobs(endsInMs: number, adapter: (agent: Agent) => Agent): Promise<App> {
  here = install();
  here.writeConfig(`accounts:
  claude-a: { agent: claude-code, home: ${here.agentHome}, bin: ${here.root}/claude, slots: ${JOBS}, env: { FAKE_PLAN: "${here.root}/plan" } }
projects:
  p: { repo: ${here.repository}, accounts: [claude-a], max_concurrency: ${JOBS}, pipeline: [{ stage: development, agent: developer, tools: write }] }
`);
  mkdirSync(join(here.root, 'plan', 'vendor'));
  here.scene(0, ROTATING_CLI);
  here.signIn({ claudeAiOauth: { ...LOGIN.claudeAiOauth, expiresAt: Date.now() + endsInMs } });
  app = await startInProcess(here, { adapter }, { ORCH_MAX_CONCURRENCY: String(JOBS) });
  await enqueueAtOnce(app, JOBS);
  return app;
}

function vendorSaw(what: 'used' | 'wiped'): number {
  return readdirSync(join(here.root, 'plan', 'vendor')).filter((name) => name.startsWith(what)).length;
}

describe('a login whose refresh token can be used once', () => {
  it.each([
    ['is due for renewal', 4 * MINUTE],
    ['has ended', -MINUTE],
  ])('survives eight jobs that come due at once when it %s', async (_name, endsInMs) => {
    const { engine } = await eightJobs(endsInMs, (agent) => agent);
    await waitFor(async () => (await engine.store.counts()).jobs.done === JOBS, 50_000);
    expect([vendorSaw('used'), vendorSaw('wiped')]).toEqual([1, 0]);
    expect(here.calls()).toBe(JOBS);
  });

  it('is lost without the guard: the same jobs, started as if nothing were due', async () => {
    const unguarded = (agent: Agent): Agent => ({
      ...agent,
      async signIn(account, options) {
        const signIn = await agent.signIn(account, options);
        return signIn.state === 'ready_refresh_due' ? { ...signIn, state: 'ready' } : signIn;
      },
    });
    const { engine } = await eightJobs(4 * MINUTE, unguarded);
    await waitFor(() => vendorSaw('wiped') > 0, 50_000);
    const gate = await waitFor(async () => {
      const [seen] = await engine.accounts();
      return seen?.gate?.kind === 'closed' && seen.gate.code === 'account.signed_out' ? seen.gate : null;
    });
    expect(gate.detail).toMatch(/found emptied at 2.*runs alive then: run_\d/);
  });
});
