import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REASON_CODES } from '../../src/core/reason-codes.ts';
import { explainToWire } from '../../src/http/explain-wire.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Line, openLine } from '../support/line.ts';
import { explainedByAll } from '../support/reasons.ts';
import { requirement, suiteName } from '../support/requirements.ts';
import { axe, open, settled } from './kit.ts';

/** The page while things change: a log that grows, events, a scheduler that stands still, a server that is gone. */

const chromium = requirement('browser');
const LINES = 100_000;

describe.skipIf(!chromium.available)(suiteName('a page that is left open', chromium), () => {
  let browser: Browser;
  let line: Line;
  const clock = { ahead: 0 };

  beforeAll(async () => {
    [browser, line] = await Promise.all([
      launchBrowser(chromium.value),
      openLine({ clock: () => Date.now() + clock.ahead }),
    ]);
  }, 90_000);
  afterAll(async () => {
    await browser?.close();
    await line?.close();
  });

  it('shows a change within a second of it', async () => {
    const { page, context } = await open(browser, line, '/');
    await page.locator('.live', { hasText: 'Live' }).waitFor();
    await settled(page);
    const started = Date.now();
    await line.app.engine.pause('project', 'docs', 'look here', null, { by: 'jon', surface: 'cli' });
    await page.locator('.banner', { hasText: 'look here' }).waitFor({ timeout: 5_000 });
    // Its refetch without events would come ten seconds later.
    expect(Date.now() - started).toBeLessThan(4_000);
    await line.app.engine.resume('project', 'docs', { by: 'jon', surface: 'cli' });
    await page.locator('.banner', { hasText: 'look here' }).waitFor({ state: 'detached' });
    await context.close();
  });

  it(`has the end of ${LINES} coloured lines within two seconds, in few elements, and reads it by keyboard`, async () => {
    const run = await line.app.engine.store.run(Number(line.runs.runs.replace('run_', '')));
    const log = join(run?.directory ?? '', 'run.log');
    const colours = [31, 32, 33, 34, 35, 36];
    let text = '';
    for (let i = 1; i <= LINES; i++)
      text += `\u001b[${colours[i % colours.length]}m${i}\u001b[0m src/webhooks/deliver.test.ts \u001b[32m✓ passes\u001b[0m\n`;
    appendFileSync(log, text);
    const { page, context, errors } = await open(browser, line, '/queue');
    await settled(page);
    const opening = async (tab: string, shown: string) => {
      const started = Date.now();
      await page.goto(`${line.app.url}/runs/${line.runs.runs}?tab=${tab}`);
      await page.getByText(shown, { exact: false }).last().waitFor();
      return Date.now() - started;
    };
    // The same page without a log, on the same machine: what is left is the log's own. The best of a few, as
    // the machine has other things to do.
    const without: number[] = [];
    const took: number[] = [];
    for (let i = 0; i < 3; i++) {
      without.push(await opening('events', 'The agent was started'));
      took.push(await opening('log', `${LINES} src/webhooks`));
    }
    expect(await page.locator('.log-row').count()).toBeLessThan(200);
    expect(Math.min(...took) - Math.min(...without)).toBeLessThan(2_000);

    appendFileSync(log, '\u001b[31mthe line after the last\u001b[0m\n');
    await page.getByText('the line after the last').waitFor();
    expect(await page.locator('.log-row .ansi-red', { hasText: 'the line after the last' }).count()).toBe(1);

    // A reader who goes up is not pulled down again, and is told what came meanwhile.
    await page.getByRole('log').focus();
    await page.keyboard.press('PageUp');
    appendFileSync(log, 'came meanwhile\n');
    await page.getByRole('button', { name: '1 new lines' }).waitFor();
    await page.keyboard.press('f');
    await page.getByText('came meanwhile').waitFor();

    // When it came, by the clock and since the start; of what an older build wrote nobody knows.
    await page.keyboard.press('t');
    const fresh = page.locator('.log-row', { hasText: 'came meanwhile' }).locator('time');
    expect(await fresh.innerText()).toMatch(/^\d\d:\d\d:\d\d$/);
    await page.keyboard.press('t');
    expect(await fresh.innerText()).toMatch(/^\+\d+:\d\d$/);

    // Found on the server, far from what is loaded.
    await page.keyboard.press('/');
    await page.keyboard.type('12345');
    await page.getByText('1 of 1', { exact: true }).waitFor();
    await page.locator('.log-row[data-hit="true"]', { hasText: '12345 src' }).waitFor();
    expect(await page.locator('.log-row').count()).toBeLessThan(200);
    expect(await axe(page)).toEqual([]);
    expect(errors).toEqual([]);
    await context.close();
  }, 60_000);

  it('says that the server is gone, from when its data is, and switches actions off; then it goes on', async () => {
    const { page, context } = await open(browser, line, '/');
    await settled(page);
    await context.setOffline(true);
    await page.locator('.banner', { hasText: 'The server does not answer' }).waitFor({ timeout: 20_000 });
    expect(await page.getByRole('button', { name: /Pause dispatch/ }).isDisabled()).toBe(true);
    expect(await axe(page)).toEqual([]);
    await context.setOffline(false);
    await page
      .locator('.banner', { hasText: 'The server does not answer' })
      .waitFor({ state: 'detached', timeout: 20_000 });
    await context.close();
  }, 50_000);

  it('turns to Unknown by itself within 35 s when it hears nothing any more', async () => {
    const { page, context } = await open(browser, line, '/sign-in');
    await page.clock.install();
    await page.goto(line.app.url);
    await settled(page);
    await page.route('**/api/v1/**', (route) => route.abort());
    await page.clock.fastForward(35_000);
    await page.getByRole('heading', { name: /^Unknown/ }).waitFor();
    await context.close();
  }, 30_000);

  it('shows every reason in the words of CLI, chat and API: what it is, what clears it, who acts', async () => {
    const explanation = explainedByAll(REASON_CODES);
    const counts = { ...(await line.app.engine.store.counts()), lastRunEndedAt: null };
    const json = explainToWire({ explanation, counts, state: null, now: Date.now(), room: null });
    const { page, context, errors } = await open(browser, line, '/sign-in');
    await page.route('**/api/v1/explain*', (route) => route.fulfill({ json }));
    await page.goto(line.app.url);
    await page
      .getByText(explanation.reasons.at(-1)?.reason.title ?? '')
      .first()
      .waitFor();
    const shown = (await page.getByTestId('explain').innerText()).toLowerCase();
    const missing = explanation.reasons.flatMap(({ reason }) =>
      // In a row of facts nothing ends with a full stop.
      [reason.title, reason.detail, reason.clearsWhen.replace(/\.$/, '')]
        .filter((words) => !shown.includes(words.toLowerCase()))
        .map((words) => `${reason.code}: ${words}`),
    );
    expect(missing).toEqual([]);
    expect(errors).toEqual([]);
    await context.close();
  });

  it('puts off what needs a person for an hour, on every page of that person', async () => {
    const { page, context } = await open(browser, line, '/');
    await settled(page);
    await page
      .getByRole('button', { name: /^Actions: / })
      .first()
      .click();
    await page.getByRole('menuitem', { name: 'Snooze 1 h' }).click();
    await page.getByText('1 snoozed, show').waitFor();
    const other = await open(browser, line, '/');
    await other.page.getByText('1 snoozed, show').waitFor();
    const [put] = await line.app.engine.snoozes.of('mara');
    if (put === undefined) throw new Error('the server knows of none');
    await line.app.engine.snoozes.drop(put, 'mara');
    expect(other.errors).toEqual([]);
    await Promise.all([context.close(), other.context.close()]);
  });

  it('shows which part failed, with its code, and the rest works', async () => {
    const { page, context } = await open(browser, line, '/sign-in');
    await page.route('**/api/v1/now*', (route) =>
      route.fulfill({
        status: 500,
        contentType: 'application/problem+json',
        json: { code: 'store.busy', title: 'the database is busy', hint: 'wait a moment', detail: 'line 1' },
      }),
    );
    await page.goto(line.app.url);
    await page.getByText('store.busy').first().waitFor();
    await page.getByText('wait a moment').first().waitFor();
    await page.getByTestId('explain').getByRole('heading', { level: 2 }).waitFor();
    expect(await page.getByTestId('explain').getByText('store.busy').count()).toBe(0);
    await page.unroute('**/api/v1/now*');
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await page.getByText('store.busy').first().waitFor({ state: 'detached' });
    await context.close();
  });

  // Last: it stands still from here on.
  it('turns to Unknown when the scheduler stands still, everywhere, and says how to go on', async () => {
    const { page, context } = await open(browser, line, '/sign-in');
    await page.clock.install();
    await page.goto(line.app.url);
    await settled(page);
    await line.app.engine.stop();
    clock.ahead = 31_000;
    await page.clock.fastForward(11_000);
    await page.getByRole('heading', { name: /^Unknown: the scheduler has not ticked/ }).waitFor();
    await page.locator('.live', { hasText: 'Unknown' }).waitFor();
    await page.getByText('orch up').first().waitFor();
    expect(await axe(page)).toEqual([]);
    for (const path of ['/board', '/queue', '/accounts']) {
      await page.goto(line.app.url + path);
      await page.locator('.banner', { hasText: 'Unknown' }).waitFor();
    }
    await context.close();
  }, 40_000);
});
