import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { HOSTILE, type Line, openLine } from '../support/line.ts';
import { requirement, suiteName } from '../support/requirements.ts';
import { axe, open, overflow, SIZES, settled, useTheme } from './kit.ts';

/** Every page at both sizes and in both themes, against a running line with a bit of everything on it. */

const chromium = requirement('browser');

describe.skipIf(!chromium.available)(suiteName('every page', chromium), () => {
  let browser: Browser;
  let line: Line;

  beforeAll(async () => {
    [browser, line] = await Promise.all([launchBrowser(chromium.value), openLine()]);
  }, 90_000);
  afterAll(async () => {
    await browser?.close();
    await line?.close();
  });

  const routes = (): Readonly<Record<string, string>> => ({
    now: '/',
    board: '/board',
    'board by project, with what is done': '/board?group=project&done=shown',
    queue: '/queue?state=all',
    task: `/tasks/${line.keys.runs}`,
    'task that needs a person': `/tasks/${line.keys.fails}`,
    'hostile task': `/tasks/${line.keys.hostile}`,
    'no such task': '/tasks/NONE-1',
    run: '/runs/run_1',
    'run that failed': `/runs/${line.runs.fails}`,
    diff: `/runs/${line.runs.approval}?tab=diff`,
    prompt: '/runs/run_1?tab=prompt',
    events: '/runs/run_1?tab=events',
    checks: '/runs/run_1?tab=checks',
    approval: `/approvals/${line.jobs.approval}`,
    accounts: '/accounts',
    usage: '/usage',
    health: '/health',
    settings: '/settings',
    projects: '/settings?part=projects',
    notifications: '/settings?part=notifications',
    users: '/settings?part=users',
    tokens: '/settings?part=tokens',
    sessions: '/settings?part=sessions',
    audit: '/settings?part=audit',
    'no such page': '/nowhere/at/all',
  });
  const OUTSIDE: Readonly<Record<string, string>> = { 'sign-in': '/sign-in', setup: '/setup' };

  it.each(SIZES)(
    'are accessible in both themes, fit and are without errors at $width px',
    async (size) => {
      const wrong: string[] = [];
      for (const [isSignedIn, paths] of [
        [true, routes()],
        [false, OUTSIDE],
      ] as const) {
        const { page, context, errors } = await open(browser, line, '/sign-in', { size, isSignedIn });
        for (const [name, path] of Object.entries(paths)) {
          errors.length = 0;
          await page.setViewportSize(size);
          await page.goto(line.app.url + path);
          await settled(page);
          // The answer "there is none" is what that page is about; a browser logs it all the same.
          const expected = name === 'no such task' ? /404/ : isSignedIn ? /^$/ : /401/;
          const found = await axe(page);
          await useTheme(page, 'dark');
          found.push(...(await axe(page)).map((what) => `dark: ${what}`));
          found.push(...errors.filter((error) => !expected.test(error)));
          if ((await overflow(page)) > 0) found.push(`is ${await overflow(page)} px too wide`);
          if (size.width < 800) {
            await page.setViewportSize({ width: 320, height: 640 });
            if ((await overflow(page)) > 0) found.push(`is ${await overflow(page)} px too wide at 320 px`);
          }
          if (await page.evaluate(() => 'hacked' in window)) found.push('ran a script of a stranger');
          wrong.push(...found.map((what) => `${name}: ${what}`));
        }
        await context.close();
      }
      expect(wrong).toEqual([]);
    },
    120_000,
  );

  it('show what a stranger wrote as text, and lead to where it was written', async () => {
    const { store } = line.app.engine;
    const { id } = (await store.task(line.keys.hostile)) ?? { id: 0 };
    const url = 'https://tracker.example/ops/1';
    await store.noteUrl(id, url);
    await store.command(
      { kind: 'task', key: line.keys.hostile },
      () => ({ task: { thread: `eve: ${HOSTILE} [go](javascript:alert(2))` } }),
      { by: 'eve', surface: 'tracker', action: 'comment', target: line.keys.hostile, at: 1 },
    );
    const { page, context } = await open(browser, line, `/tasks/${line.keys.hostile}`);
    await settled(page);
    const link = page.getByRole('link', { name: `Tracker: Item ${line.keys.hostile}` });
    expect([await link.getAttribute('href'), await link.getAttribute('rel')]).toEqual([url, 'noreferrer']);
    expect(await page.getByText('[go](javascript:alert(2))').textContent()).toContain(HOSTILE);
    expect(await page.locator('h1').textContent()).toBe(HOSTILE);
    const body = page.getByText('[click](javascript:alert(1))');
    expect(await body.textContent()).toContain(HOSTILE);
    expect(await page.locator('main img, main script, main a[href^="javascript"]').count()).toBe(0);
    await context.close();
  });

  it('lead on from an address that does not exist, and show which part of the settings is open', async () => {
    const { page, context } = await open(browser, line, '/nowhere/at/all', { size: SIZES[1] });
    await settled(page);
    await page.getByRole('link', { name: 'Board' }).click();
    await page.waitForURL(/\/board$/);
    await page.goto(`${line.app.url}/settings?part=audit`);
    await settled(page);
    const tab = await page.getByRole('link', { name: 'Audit log' }).boundingBox();
    expect((tab?.x ?? 0) + (tab?.width ?? 0)).toBeLessThanOrEqual(390);
    await context.close();
  });

  it('open a log at the line that the address names, and mark it', async () => {
    const { page, context } = await open(browser, line, `/runs/${line.runs.approval}?line=0`);
    const marked = page.locator('.log-row[data-at="true"]');
    await marked.waitFor();
    expect(await marked.textContent()).toContain('I will make the retry delay honour Retry-After');
    expect(await page.getByText('new lines').count()).toBe(0);
    await context.close();
  });

  it('load nothing from elsewhere, and keep what is hashed for a year', async () => {
    const { page, context } = await open(browser, line, '/sign-in', { isSignedIn: false });
    await context.addCookies([{ ...line.cookie, url: line.app.url }]);
    const asked: { url: string; cache: string }[] = [];
    page.on('response', (response) =>
      asked.push({ url: response.url(), cache: response.headers()['cache-control'] ?? '' }),
    );
    await page.goto(line.app.url);
    await settled(page);
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.filter(({ url }) => !url.startsWith(line.app.url))).toEqual([]);
    const hashed = asked.filter(({ url }) => url.includes('/assets/'));
    expect(hashed.length).toBeGreaterThan(2);
    expect(hashed.filter(({ cache }) => !cache.includes('immutable'))).toEqual([]);
    expect(asked.find(({ url }) => url === `${line.app.url}/`)?.cache).toBe('no-store');
    await context.close();
  });

  it('keep filters in the address: a reload and the back button show the same', async () => {
    const { page, context } = await open(browser, line, '/queue');
    await settled(page);
    await page.getByRole('searchbox').fill(line.keys.signedOut);
    await page.getByRole('link', { name: line.keys.asks, exact: true }).waitFor({ state: 'detached' });
    await page.reload();
    await page.getByRole('link', { name: line.keys.signedOut, exact: true }).waitFor();
    expect(await page.getByRole('searchbox').inputValue()).toBe(line.keys.signedOut);
    await page.getByRole('link', { name: line.keys.signedOut, exact: true }).click();
    await page.waitForURL(/\/tasks\//);
    await page.goBack();
    await page.getByRole('searchbox').waitFor();
    expect(await page.getByRole('searchbox').inputValue()).toBe(line.keys.signedOut);
    await context.close();
  });
});
