import type { Browser, BrowserContext, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../../src/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { startInProcess } from '../support/in-process.ts';
import { becomeAdmin, type Line, openLine } from '../support/line.ts';
import { type Installation, install } from '../support/orch.ts';
import { requirement, suiteName } from '../support/requirements.ts';
import { axe, open, settled } from './kit.ts';

/** Every screen while it waits, when it fails, without the server, for a viewer, and with nothing to show. */

const chromium = requirement('browser');
/** What a screen reads; the session leads to it, events only say that it is old. */
const DATA = /\/api\/v1\/(?!session$|setup$|events|version)/;
/** Buttons that change something, by their first word. */
const CHANGES =
  /^(Make|Retry|Cancel|Comment|Approve|Reject|Check (again|all)|Drain|Add|Invite|Disable|Send|Pause|Resume|Answer|Probe|Change:|New task|Decide)/;

describe.skipIf(!chromium.available)(suiteName('every screen', chromium), () => {
  let browser: Browser;
  let line: Line;

  beforeAll(async () => {
    [browser, line] = await Promise.all([launchBrowser(chromium.value), openLine()]);
  }, 90_000);
  afterAll(async () => {
    await browser?.close();
    await line?.close();
  });

  const screens = (): readonly string[] => [
    '/',
    '/board',
    '/queue?state=all',
    `/tasks/${line.keys.runs}`,
    `/runs/${line.runs.runs}`,
    `/approvals/${line.jobs.approval}`,
    '/accounts',
    '/usage',
    '/health',
    ...['values', 'projects', 'notifications', 'users', 'tokens', 'sessions', 'audit'].map(
      (part) => `/settings?part=${part}`,
    ),
  ];

  it('has its frame and head at once, a skeleton while it waits, and then what it is for', async () => {
    const { page, context } = await open(browser, line, '/sign-in');
    let gate = Promise.withResolvers<void>();
    await page.route(DATA, async (route) => {
      await gate.promise;
      await route.continue().catch(() => undefined); // the page may have gone on
    });
    for (const path of screens()) {
      gate = Promise.withResolvers();
      await page.goto(line.app.url + path);
      await page.locator('main h1').first().waitFor();
      await page.locator('.rail-item').first().waitFor();
      await page.locator('main .skeleton').first().waitFor();
      gate.resolve();
      await settled(page);
      expect([path, await page.locator('main .skeleton').count()]).toEqual([path, 0]);
    }
    await context.close();
  }, 60_000);

  it('says what failed, with its code, and tries again', async () => {
    const { page, context } = await open(browser, line, '/sign-in');
    const fail = (route: Route) =>
      route.fulfill({
        status: 500,
        contentType: 'application/problem+json',
        json: { code: 'store.busy', title: 'the database is busy', hint: 'wait a moment', detail: 'line 1' },
      });
    for (const path of screens()) {
      await page.route(DATA, fail);
      await page.goto(line.app.url + path);
      const failed = page.locator('main').getByRole('alert').filter({ hasText: 'store.busy' });
      await failed.first().waitFor();
      await page.locator('main').getByText('wait a moment').first().waitFor();
      if (path === '/') expect(await axe(page)).toEqual([]);
      await page.unroute(DATA, fail);
      for (let more = await failed.count(); more > 0; more = await failed.count()) {
        await failed.first().getByRole('button', { name: 'Try again' }).click();
        await page.waitForFunction(
          (before) => document.querySelectorAll('main [role="alert"]').length < before,
          more,
        );
      }
      await settled(page);
    }
    await context.close();
  }, 60_000);

  it('keeps what it showed when the server is gone, says so, and lets nothing be pressed', async () => {
    const { page, context } = await open(browser, line, '/sign-in');
    const fetched = page.waitForResponse(/dialog-of/);
    await page.goto(line.app.url);
    await settled(page);
    await fetched;
    const go = async (keys: string) => {
      for (const key of keys) await page.keyboard.press(key);
      await page.locator('main h1').first().waitFor();
    };
    const keys = ['gb', 'gq', 'ga', 'gu', 'gh', 'gs', 'gn'];
    for (const each of keys.filter((keys) => keys !== 'gb')) {
      await go(each);
      await settled(page);
    }
    // The board was never opened: its code is there all the same.
    await context.setOffline(true);
    const banner = page.locator('.banner', { hasText: 'The server does not answer' });
    await banner.waitFor({ timeout: 20_000 });
    for (const each of keys) {
      await go(each);
      await banner.waitFor();
      if (each !== 'gb')
        expect([each, await page.locator('main .skeleton, main [role="alert"]').count()]).toEqual([each, 0]);
      expect([each, await pressable(page)]).toEqual([each, []]);
    }
    await context.close();
  }, 60_000);

  it('shows a viewer what only others may do, and why', async () => {
    const { context, page } = await asViewer();
    let refused = 0;
    for (const path of screens()) {
      await page.goto(line.app.url + path);
      await settled(page);
      expect([path, await pressable(page)]).toEqual([path, []]);
      refused += await page.locator('main button[title^="Needs "]').count();
    }
    expect(refused).toBeGreaterThan(12);
    for (const part of ['values', 'users', 'audit']) {
      await page.goto(`${line.app.url}/settings?part=${part}`);
      await page.getByText('Needs admin').waitFor();
    }
    await page.goto(`${line.app.url}/board`);
    await page.getByRole('button', { name: `Actions: ${line.keys.fails}` }).click();
    for (const name of [/^Retry…/, /^Make urgent/, /^Cancel…/])
      expect(await page.getByRole('menuitem', { name }).getAttribute('aria-disabled')).toBe('true');
    await context.close();
  }, 60_000);

  async function asViewer(): Promise<{ context: BrowserContext; page: Page }> {
    const { secret } = await line.app.engine.people.createToken(
      { name: 'mara', role: 'admin', userId: null, sessionId: null },
      { name: 'looks on', role: 'viewer', days: 1 },
      { by: 'mara', surface: 'cli' },
    );
    const context = await browser.newContext({ extraHTTPHeaders: { authorization: `Bearer ${secret}` } });
    return { context, page: await context.newPage() };
  }

  /** Buttons of the page, not of the frame, that change something and may be pressed. */
  async function pressable(page: Page): Promise<string[]> {
    const names = await page.locator('main button:enabled').allInnerTexts();
    return names.filter((name) => CHANGES.test(name.trim()));
  }
});

describe.skipIf(!chromium.available)(suiteName('every screen of a new installation', chromium), () => {
  let browser: Browser;
  let here: Installation;
  let app: App;

  beforeAll(async () => {
    browser = await launchBrowser(chromium.value);
    here = install();
    app = await startInProcess(here, {});
  }, 90_000);
  afterAll(async () => {
    await browser?.close();
    await app?.close();
    await here?.remove();
  });

  it('says that there is nothing yet, and what to do', async () => {
    const { page, context, errors } = await open(browser, { app, cookie: await becomeAdmin(app) }, '/');
    const empty: readonly (readonly [string, string])[] = [
      ['/board', 'There is no task yet.'],
      ['/queue', 'Nothing is queued.'],
      ['/usage', 'No run ended in this range.'],
      ['/settings?part=tokens', 'There is no token.'],
      ['/settings?part=audit&q=nobody', 'Nothing was written that matches.'],
      ['/tasks/NONE-1', 'There is no task NONE-1.'],
      ['/runs/run_9', 'There is no run run_9.'],
      ['/approvals/job_9', 'Nothing waits for a decision here any more.'],
    ];
    for (const [path, words] of empty) {
      await page.goto(app.url + path);
      await settled(page);
      await page.locator('main').getByText(words).first().waitFor();
      expect([path, await axe(page)]).toEqual([path, []]);
    }
    expect(errors.filter((error) => !error.includes('404'))).toEqual([]);
    await context.close();
  }, 60_000);
});
