import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { type Line, openLine } from '../support/line.ts';
import { LOGIN, waitFor } from '../support/orch.ts';
import { requirement, suiteName } from '../support/requirements.ts';
import { axe, open, SIZES, settled } from './kit.ts';

/** What a person can do on the page, each to its end in the running line. In order: later ones need earlier ones. */

const chromium = requirement('browser');

describe.skipIf(!chromium.available)(suiteName('a person on the page', chromium), () => {
  let browser: Browser;
  let line: Line;

  beforeAll(async () => {
    [browser, line] = await Promise.all([launchBrowser(chromium.value), openLine()]);
  }, 90_000);
  afterAll(async () => {
    await browser?.close();
    await line?.close();
  });

  const task = async (part: keyof Line['keys']) => line.app.engine.store.task(line.keys[part]);
  /** Presses Tab until the element has the focus: what cannot be reached so cannot be used by everybody. */
  async function tabTo(page: Page, name: string | RegExp): Promise<void> {
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press('Tab');
      const found = await page.evaluate(() => {
        const element = document.activeElement as HTMLElement | null;
        return element?.getAttribute('aria-label') ?? element?.textContent?.trim() ?? '';
      });
      if (typeof name === 'string' ? found === name : name.test(found)) return;
    }
    throw new Error(`${name} cannot be reached with Tab`);
  }

  it('signs in, and comes to the page that was asked for', async () => {
    const { page, context } = await open(browser, line, '/queue', { isSignedIn: false });
    await page.waitForURL(/\/sign-in\?to=/);
    await page.getByLabel('Name').fill('mara');
    await page.getByLabel('Password').fill('wrong words on purpose');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    await page.getByLabel('Password').fill(line.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL(/\/queue$/);
    await settled(page);
    await page.getByRole('button', { name: /mara · admin/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.waitForURL(/\/sign-in/);
    await context.close();
  });

  it('puts a run that shows no sign of work off for an hour', async () => {
    const { page, context } = await open(browser, line, '/', { isSignedIn: false });
    await context.addCookies([{ ...line.cookie, url: line.app.url }]);
    const about = line.runs.runs;
    // It works: nobody waits for a quarter of an hour here. What is put off is the real run.
    await page.route(/\/api\/v1\/now/, async (route) => {
      const answer = await route.fetch();
      const now = await answer.json();
      const item = {
        kind: 'stalled',
        code: 'run.stalled',
        about,
        title: `${about} says nothing`,
        detail: '',
      };
      now.inbox.push({ ...item, since: new Date().toISOString(), jobsHeld: 0, actions: [] });
      await route.fulfill({ response: answer, json: now });
    });
    await page.goto(line.app.url);
    await settled(page);
    const row = page.getByRole('listitem').filter({ hasText: `${about} says nothing` });
    await row.getByRole('button', { name: /^Actions/ }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Snooze 1 h' }).click();
    await row.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: '1 snoozed, show' }).click();
    await row.waitFor();
    const { items } = await line.app.engine.store.audits({ limit: 5, action: 'snooze' });
    expect(items[0]).toMatchObject({ by: 'mara', surface: 'web', target: `run.stalled ${about}` });
    await line.app.engine.snoozes.drop({ code: 'run.stalled', kind: 'run', id: about }, 'mara');
    await context.close();
  });

  it('answers a question on a phone, with one of the agent’s own options', async () => {
    const { page, context } = await open(browser, line, '/', { size: SIZES[1] });
    await page.getByRole('button', { name: 'Answer' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Which licence header for the examples?').waitFor();
    await dialog.getByRole('button', { name: 'MIT' }).click();
    expect(await axe(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Answer' }).click();
    await dialog.waitFor({ state: 'detached' });
    await waitFor(async () => line.here.calls() > 0 && (await task('asks'))?.reason?.detail !== 'unanswered');
    const audit = await line.app.engine.store.audits({ limit: 5, action: 'answer' });
    expect(audit.items[0]).toMatchObject({ by: 'mara', surface: 'web', target: line.keys.asks });
    await context.close();
  });

  it('retries a failed task with the keyboard alone, with a note', async () => {
    const { page, context } = await open(browser, line, `/tasks/${line.keys.fails}`);
    await settled(page);
    await page.keyboard.press('r');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await page.keyboard.press('r');
    await dialog.waitFor();
    await tabTo(page, /^$/); // into the choices, which arrows go through
    while (!(await dialog.getByRole('radio', { name: /With a note/ }).isChecked()))
      await page.keyboard.press('ArrowDown');
    await tabTo(page, /^$/);
    await page.keyboard.type('three is right');
    await tabTo(page, 'Retry');
    const calls = line.here.calls();
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await waitFor(() => line.here.calls() > calls);
    expect(line.here.call(calls + 1).prompt).toContain('three is right');
    await context.close();
  });

  it('rejects only with a reason, and approves the commit that was looked at', async () => {
    const { page, context } = await open(browser, line, `/approvals/${line.jobs.approval}`);
    await settled(page);
    expect(await page.getByText('migrations/004.sql').count()).toBeGreaterThan(0);
    await page.getByText('Migration', { exact: false }).first().waitFor();
    await page.getByRole('button', { name: 'Reject…' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.getByRole('button', { name: /^Reject/ }).isDisabled()).toBe(true);
    await dialog.getByLabel('Reason').fill('say more');
    expect(await dialog.getByRole('button', { name: /^Reject/ }).isDisabled()).toBe(false);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await page.locator('#main').focus();
    await tabTo(page, 'Approve');
    await page.keyboard.press('Enter');
    await waitFor(async () => (await task('approval'))?.status === 'done');
    const { items } = await line.app.engine.store.audits({ limit: 5, action: 'approve' });
    expect(items[0]).toMatchObject({ by: 'mara', surface: 'web' });
    await page.getByText('Nothing waits for a decision here any more.').waitFor();
    await context.close();
  });

  it('pauses with a note, sees it on every page, and resumes', async () => {
    const { page, context } = await open(browser, line, '/');
    await settled(page);
    await page.getByRole('button', { name: 'Pause dispatch' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Note, for the others').fill('release freeze');
    await dialog.getByRole('button', { name: 'Pause', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('release freeze').first().waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('b');
    await page.waitForURL(/\/board/);
    await page.locator('.banner', { hasText: 'release freeze' }).waitFor();
    await page.getByRole('button', { name: 'Resume', exact: true }).first().click();
    await page.locator('.banner', { hasText: 'release freeze' }).waitFor({ state: 'detached' });
    expect(await line.app.engine.store.pauses()).toEqual([]);
    await context.close();
  });

  it('sees a sign-in work without pressing anything', async () => {
    const { page, context } = await open(browser, line, '/accounts');
    await page.getByRole('button', { name: 'Sign-in steps' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Signed out').waitFor();
    line.signIn('claude-b', LOGIN);
    await dialog.getByText('Signed in', { exact: true }).waitFor({ timeout: 20_000 });
    await context.close();
  });

  it('makes two jobs of the queue urgent at once, and cancels them by the keyboard, each with its result', async () => {
    const { page, context } = await open(browser, line, '/queue');
    await settled(page);
    const names = await page.locator('tbody tr').count();
    expect(names).toBeGreaterThan(1);
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.getByText('2 selected').waitFor();
    const audited = async (action: string) =>
      (await line.app.engine.store.audits({ limit: 9, action })).items.length;
    await page.getByRole('status').getByRole('button', { name: 'Priority…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Set priority' }).click();
    await dialog.waitFor({ state: 'detached' });
    await waitFor(async () => (await audited('urgent')) === 2);
    await page.locator('#main').focus();
    await tabTo(page, 'Cancel…');
    await page.keyboard.press('Enter');
    await dialog.waitFor();
    await tabTo(page, 'Cancel it');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await waitFor(async () => (await audited('cancel')) === 2);
    await context.close();
  });

  it('moves jobs of the queue back to an earlier stage, and sees which could not', async () => {
    const { page, context } = await open(browser, line, `/queue?state=all&q=${line.keys.done}`);
    await settled(page);
    expect(await page.locator('tbody tr').count()).toBe(2);
    await page.getByRole('checkbox', { name: 'Select all shown' }).check();
    await page.getByRole('status').getByRole('button', { name: 'Move to stage…' }).click();
    const dialog = page.getByRole('dialog');
    const move = dialog.getByRole('button', { name: /^Move/ });
    expect(await move.isDisabled()).toBe(true);
    await dialog.getByLabel('Stage').selectOption('development');
    await dialog.getByLabel(/^Note/).fill('once more');
    expect(await axe(page)).toEqual([]);
    await move.click();
    // The task is at its deploy: the job of its development is over, and only the other one can go back.
    await dialog.getByText('2 of 2').waitFor();
    const chips = ['Accepted', 'Refused'].map((word) => dialog.getByText(word, { exact: true }).count());
    expect(await Promise.all(chips)).toEqual([1, 1]);
    await page.keyboard.press('Escape');
    const jobs = await line.app.engine.store.jobs({ taskId: (await task('done'))?.id ?? 0, limit: 9 });
    expect(jobs.items[2]).toMatchObject({ stage: 'development', context: { note: 'once more' } });
    await context.close();
  });

  it('finds a task by Ctrl K, and creates one', async () => {
    const { page, context } = await open(browser, line, '/');
    await settled(page);
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('health endpoint');
    await page.getByRole('option', { name: /DOCS-1/ }).waitFor();
    expect(await axe(page)).toEqual([]);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/tasks\/DOCS-1$/);
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('new task');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Title').fill('Made on the page');
    await dialog.getByRole('button', { name: 'Create task' }).click();
    await dialog.waitFor({ state: 'detached' });
    await waitFor(async () =>
      (await line.app.engine.store.tasks({ limit: 50 })).items.some(
        ({ title }) => title === 'Made on the page',
      ),
    );
    await context.close();
  });

  it('may see what a lesser role may not do, but not do it', async () => {
    const made = await line.app.engine.people.createToken(
      { name: 'mara', role: 'admin', userId: null, sessionId: null },
      { name: 'looks on', role: 'viewer', days: 1 },
      { by: 'mara', surface: 'cli' },
    );
    const context = await browser.newContext({
      extraHTTPHeaders: { authorization: `Bearer ${made.secret}` },
    });
    const page = await context.newPage();
    await page.goto(line.app.url);
    await settled(page);
    const pause = page.getByRole('button', { name: /Pause dispatch/ });
    expect(await pause.isDisabled()).toBe(true);
    expect(await pause.getAttribute('title')).toBe('Needs operator');
    await context.close();
  });
});
