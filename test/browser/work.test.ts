import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Browser, Download, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Effects } from '../../src/core/effects.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Line, openLine } from '../support/line.ts';
import { waitFor } from '../support/orch.ts';
import { requirement, suiteName } from '../support/requirements.ts';
import { open, SIZES, settled } from './kit.ts';

/** The other things that are done to work, each to its end in the running line. In order: later ones need earlier ones. */

const chromium = requirement('browser');

describe.skipIf(!chromium.available)(suiteName('work on the page', chromium), () => {
  let browser: Browser;
  let line: Line;

  beforeAll(async () => {
    [browser, line] = await Promise.all([launchBrowser(chromium.value), openLine()]);
  }, 90_000);
  afterAll(async () => {
    await browser?.close();
    await line?.close();
  });

  const task = async (part: keyof Line['keys']) => {
    const found = await line.app.engine.store.task(line.keys[part]);
    if (found === null) throw new Error(`${part} is gone`);
    return found;
  };
  const jobs = async (part: keyof Line['keys']) =>
    (await line.app.engine.store.jobs({ taskId: (await task(part)).id, limit: 20 })).items;
  const audit = async (action: string) =>
    (await line.app.engine.store.audits({ limit: 1, action })).items.map(({ by, surface, target }) => [
      by,
      surface,
      target,
    ]);
  const at = async (path: string, size: (typeof SIZES)[number] = SIZES[0]) => {
    const opened = await open(browser, line, path, { size });
    await settled(opened.page);
    return opened;
  };
  async function confirmed(page: Page, label: string): Promise<void> {
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: label, exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
  }

  it('is commented on: the run that is under way goes on, and whoever is next hears it', async () => {
    const { page, context } = await at(`/tasks/${line.keys.runs}`, SIZES[1]);
    const comment = page.getByRole('button', { name: /^Comment/ });
    expect(await comment.isDisabled()).toBe(true);
    await page.getByLabel('Comment', { exact: true }).fill('Mind the clock.');
    await comment.click();
    await page.getByText('mara: Mind the clock.').waitFor();
    await waitFor(async () => (await page.getByLabel('Comment', { exact: true }).inputValue()) === '');
    const [job] = await jobs('runs');
    expect(job).toMatchObject({
      status: 'running',
      context: { unheard: [{ by: 'mara', text: 'Mind the clock.' }] },
    });
    expect(await audit('comment')).toEqual([['mara', 'web', line.keys.runs]]);
    await context.close();
  });

  it('has a question answered by a comment', async () => {
    const { page, context } = await at(`/tasks/${line.keys.asks}`);
    await page.getByText('The agent waits for an answer: this is it.').waitFor();
    const calls = line.here.calls();
    await page.getByLabel('Comment', { exact: true }).fill('Apache-2.0');
    await page.getByRole('button', { name: 'Comment' }).click();
    await waitFor(() => line.here.calls() > calls);
    expect(line.here.call(calls + 1).prompt).toContain('Apache-2.0');
    await context.close();
  });

  it('is decided on only as it is now, with what people had to look at', async () => {
    const { store } = line.app.engine;
    const { key, head } = await task('approval');
    const set = (effects: Effects) =>
      store.command({ kind: 'task', key }, () => effects, {
        ...{ by: 'mara', surface: 'cli', action: 'test', target: key, at: Date.now() },
      });
    const test = { id: 'TC-3', kind: 'manual', what: 'pay twice', state: 'to_tick', detail: '' } as const;
    const criterion = { id: 'AC-1', text: 'nobody pays twice', requirements: [], tests: [test] };
    await set({ task: { trace: { head, criteria: [criterion] } } });
    const { page, context } = await at(`/approvals/${line.jobs.approval}`);
    await page.getByRole('checkbox', { name: 'TC-3 pay twice' }).check();
    await page.getByRole('button', { name: 'Tick 1 test' }).click();
    await page.getByText('Ticked', { exact: true }).first().waitFor();
    expect((await task('approval')).ticked).toEqual(['TC-3']);
    const approve = page.getByRole('button', { name: /^Approve/ });
    expect(await approve.isDisabled()).toBe(false);
    // Whatever else may move the branch: what was looked at is not what would be merged.
    const base = execFileSync('git', ['rev-parse', 'main'], { cwd: line.here.repository, encoding: 'utf8' });
    await set({ task: { head: base.trim() } });
    await page.getByRole('alert').getByText('The branch has moved since you opened this page.').waitFor();
    expect(await approve.isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Show the new commit' }).click();
    await page.locator('main').getByText(base.slice(0, 10)).first().waitFor();
    expect(await approve.isDisabled()).toBe(false);
    await set({ task: { head } });
    await context.close();
  });

  it('is sent back by a reviewer, with the reason to the agent', async () => {
    const { page, context } = await at(`/approvals/${line.jobs.approval}`);
    const calls = line.here.calls();
    await page.getByRole('button', { name: 'Reject…' }).click();
    await page.getByRole('dialog').getByLabel('Reason').fill('The key has to be unique.');
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Reject/ })
      .click();
    await waitFor(() => line.here.calls() > calls);
    expect(line.here.call(calls + 1).prompt).toContain('The key has to be unique.');
    expect((await audit('reject'))[0]?.slice(0, 2)).toEqual(['mara', 'web']);
    await context.close();
  });

  it('waits while its project is paused, and is cancelled there with all that runs', async () => {
    const { page, context } = await at('/');
    await page.getByRole('button', { name: 'Pause dispatch' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('What to pause').selectOption('project:api');
    await dialog.getByLabel('Until').selectOption({ label: '2 h from now' });
    await dialog.getByLabel('Note, for the others').fill('a release');
    await dialog.getByRole('checkbox', { name: /Also cancel what runs/ }).check();
    await confirmed(page, 'Pause');
    await waitFor(async () => (await jobs('runs')).every(({ status }) => status !== 'running'));
    const [pause] = await line.app.engine.store.pauses();
    expect(pause).toMatchObject({ scope: 'project', id: 'api', note: 'a release', by: 'mara' });
    const left = (pause?.until ?? 0) - Date.now();
    expect(left).toBeGreaterThan(7_000_000);
    expect(left).toBeLessThanOrEqual(7_200_000);
    await page.locator('.banner', { hasText: 'a release' }).getByRole('button', { name: 'Resume' }).click();
    await waitFor(async () => (await jobs('runs')).at(-1)?.status === 'running');
    await context.close();
  });

  it('is stopped on the page of its run, and waits for a person with what it has', async () => {
    const run = (await line.app.engine.store.runs({ taskId: (await task('runs')).id, limit: 20 })).items.at(
      -1,
    );
    const { page, context } = await at(`/runs/run_${run?.id}`);
    await page.getByRole('button', { name: 'Cancel run' }).click();
    await confirmed(page, 'Cancel it');
    await waitFor(async () => (await task('runs')).status === 'needs_you');
    await page.locator('main').getByText('Cancelled').first().waitFor();
    await context.close();
  });

  it('is tried again on another account, from where it stopped', async () => {
    const { page, context } = await at(`/tasks/${line.keys.runs}`);
    await page.getByRole('button', { name: 'Retry…' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('radio', { name: /On another account/ }).check();
    await dialog.getByLabel('Account', { exact: true }).selectOption('claude-b');
    await dialog.getByText(/Branch and worktree are kept/).waitFor();
    await confirmed(page, 'Retry');
    await waitFor(async () => (await jobs('runs')).at(-1)?.account === 'claude-b');
    // That one is signed out: the job says so instead of starting.
    await page.getByText('Account signed out').first().waitFor();
    await context.close();
  });

  it('goes back to an earlier stage when it was done already', async () => {
    const { page, context } = await at('/board?done=shown');
    await page.getByRole('button', { name: `Actions: ${line.keys.done}` }).click();
    await page.getByRole('menuitem', { name: 'Move to stage…' }).click();
    await page.getByRole('dialog').getByLabel('Stage', { exact: true }).selectOption('development');
    const before = (await jobs('done')).length;
    await confirmed(page, 'Retry');
    await waitFor(async () => (await jobs('done')).length > before);
    expect((await jobs('done'))[before]).toMatchObject({ stage: 'development' });
    await context.close();
  });

  it('is made urgent and cancelled in the menu of its card', async () => {
    const { page, context } = await at('/board', SIZES[1]);
    const menu = () => page.getByRole('button', { name: `Actions: ${line.keys.hostile}` }).click();
    await menu();
    await page.getByRole('menuitem', { name: 'Make urgent' }).click();
    await waitFor(async () => (await task('hostile')).urgent);
    await menu();
    await page.getByRole('menuitem', { name: 'Cancel…' }).click();
    await confirmed(page, 'Cancel it');
    await waitFor(async () => (await task('hostile')).status === 'cancelled');
    await context.close();
  });

  it('has its place in the project by a number, from the menu of the queue', async () => {
    const { page, context } = await at('/queue');
    await page.getByRole('button', { name: `Actions: ${line.keys.signedOut}` }).click();
    await page.getByRole('menuitem', { name: 'Priority…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('radio', { name: /By a number/ }).check();
    await dialog.getByLabel('Priority', { exact: true }).fill('101');
    expect(await dialog.getByRole('button', { name: /^Set priority/ }).isDisabled()).toBe(true);
    await dialog.getByLabel('Priority', { exact: true }).fill('7');
    await confirmed(page, 'Set priority');
    await waitFor(async () => (await jobs('signedOut'))[0]?.priority === 7);
    await context.close();
  });

  it('keeps off an account that is drained, until it is resumed', async () => {
    const { page, context } = await at('/accounts');
    const row = page.locator('tr', { hasText: 'claude-a' });
    await row.getByRole('button', { name: 'Drain' }).click();
    await row.getByRole('button', { name: 'Resume' }).waitFor();
    expect(await line.app.engine.store.pauses()).toMatchObject([{ scope: 'account', id: 'claude-a' }]);
    await row.getByRole('button', { name: 'Resume' }).click();
    await row.getByRole('button', { name: 'Drain' }).waitFor();
    expect(await line.app.engine.store.pauses()).toEqual([]);
    await row.getByRole('button', { name: 'Check again' }).click();
    await waitFor(async () => (await audit('account.check'))[0]?.[2] === 'account:claude-a');
    await context.close();
  });

  it('is told of again to a place that gave up on it', async () => {
    const { store } = line.app.engine;
    const row = {
      ...{ destination: 'notify', key: 'lost', orderKey: 'lost', availableAt: Date.now() + 3_600_000 },
      message: { kind: 'notify.digest', event: 'run', line: 'a run started' },
    } as const;
    await store.command({ kind: 'task', key: line.keys.done }, () => ({ outbox: [row] }), {
      ...{ by: 'mara', surface: 'cli', action: 'test', target: line.keys.done, at: Date.now() },
    });
    const given = (await store.dueMessages('notify', Date.now() + 7_200_000, 100)).find(
      ({ key }) => key === 'lost',
    );
    await store.undelivered(
      given?.id ?? 0,
      { error: 'the chat is gone', retryAt: null, unsure: false },
      Date.now(),
    );
    const { page, context } = await at('/queue');
    const banner = page.locator('.banner', { hasText: 'the chat is gone' });
    await banner.getByRole('button', { name: 'Try again' }).click();
    await banner.waitFor({ state: 'detached' });
    expect((await audit('outbox.retry'))[0]?.slice(0, 2)).toEqual(['mara', 'web']);
    await context.close();
  });

  it('has its installation looked at again, and every account', async () => {
    const { page, context } = await at('/health');
    await page.getByRole('button', { name: 'Run checks' }).click();
    await page.getByText('no PID namespace: a run may leave processes').waitFor();
    await page.goto(`${line.app.url}/accounts`);
    await settled(page);
    await page.getByRole('button', { name: 'Check all' }).click();
    await waitFor(async () => {
      const { items } = await line.app.engine.store.audits({ limit: 5, action: 'account.check' });
      return items.some(({ target }) => target === 'account:claude-b');
    });
    await context.close();
  });

  it('is taken away as files: log, archive of a run, costs, audit', async () => {
    const { page, context } = await at(`/runs/${line.runs.approval}`);
    const file = async (press: () => Promise<void>): Promise<[string, string]> => {
      const [download]: [Download, void] = await Promise.all([page.waitForEvent('download'), press()]);
      return [download.suggestedFilename(), readFileSync(await download.path(), 'latin1')];
    };
    const log = async (name: string) =>
      file(async () => {
        await page.getByRole('button', { name: 'Download' }).click();
        await page.getByRole('menuitem', { name }).click();
      });
    expect((await log('Plain text'))[1]).toContain('npm run lint');
    expect((await log('As the CLI wrote it'))[1]).toContain('"type":"assistant"');
    const [name, archive] = await file(() => page.getByRole('link', { name: 'Debug bundle' }).click());
    expect(name).toContain(line.runs.approval);
    expect(archive.slice(0, 2)).toBe('\u001f\u008b');
    await page.goto(`${line.app.url}/usage`);
    await settled(page);
    expect((await file(() => page.getByRole('link', { name: 'Export CSV' }).click()))[1]).toMatch(/^day,/);
    await page.goto(`${line.app.url}/settings?part=audit&action=comment`);
    await settled(page);
    const [, csv] = await file(() => page.getByRole('link', { name: 'Export CSV' }).click());
    expect(csv.trim().split('\n')).toHaveLength(3);
    expect(csv).toContain(line.keys.asks);
    await context.close();
  });
});
