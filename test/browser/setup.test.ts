import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeTelegram, startTelegram } from '../fakes/telegram.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Installation, install, waitFor } from '../support/orch.ts';
import { requirement, suiteName } from '../support/requirements.ts';
import { axe, overflow, settled, useTheme } from './kit.ts';

/** The first hour with Orch: the first admin, the steps after that, and settings, in the files of a real service. */

const chromium = requirement('browser');

describe.skipIf(!chromium.available)(suiteName('a new installation', chromium), () => {
  let browser: Browser;
  let telegram: FakeTelegram;
  let here: Installation;
  let page: Page;
  const errors: string[] = [];
  let url: string;

  const fileText = (name: string) => readFileSync(join(here.root, name), 'utf8');
  const step = (name: string) =>
    page.locator('main li', { has: page.getByRole('heading', { name, exact: true }) });

  beforeAll(async () => {
    [browser, telegram] = await Promise.all([launchBrowser(chromium.value), startTelegram()]);
    here = install({ env: { ORCH_TELEGRAM_API_URL: telegram.url } });
    const service = await here.up();
    const link = await waitFor(async () => /http\S+\/setup\?code=\S+/.exec(service.output())?.[0] ?? null);
    url = new URL(link).origin;
    const context = await browser.newContext({
      viewport: { width: 390, height: 844 },
      reducedMotion: 'reduce',
    });
    page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on('console', (message) => {
      // What the browser itself says of an answer that is a refusal.
      if (message.type() === 'error' && !message.text().includes('422')) errors.push(message.text());
    });
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(link);
  }, 90_000);
  afterAll(async () => {
    await browser?.close();
    await here?.remove();
    await telegram?.close();
  });

  it('has its first admin by the code that was printed, and shows the steps to come', async () => {
    await page.getByLabel('Name').fill('mara');
    await page.getByLabel('Password').fill('four small words here');
    await page.getByRole('button', { name: 'Become the admin' }).click();
    await step('Telegram').getByText('When you like').waitFor();
    await step('Projects').getByText('Done').waitFor();
  });

  it('tries a step before it is written, says what is wrong, and writes what holds', async () => {
    const form = step('Telegram');
    await form.getByRole('button', { name: 'Do it here' }).click();
    await form.getByLabel('Token').fill('123:fake');
    await form.getByLabel('Chat id').fill('1');
    const before = fileText('orch.yaml');
    telegram.failAlways({ status: 401, description: 'Unauthorized' });
    await form.getByRole('button', { name: 'Test', exact: true }).click();
    await form.getByText('@BotFather').last().waitFor();
    telegram.failAlways(null);
    await form.getByRole('button', { name: 'Test', exact: true }).click();
    await form.getByText('@orch_bot sees the chat @mara').waitFor();
    expect(fileText('orch.yaml')).toBe(before);
    for (const theme of ['light', 'dark'] as const) {
      await useTheme(page, theme);
      expect(await axe(page)).toEqual([]);
    }
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('Done').waitFor();
    expect(fileText('orch.yaml')).toBe(`${before}telegram_chat_id: "1"\n`);
    expect(fileText('secrets.env')).toBe('ORCH_TELEGRAM_BOT_TOKEN=123:fake\n');
  });

  it('adds an account of the user that Orch runs as, and says what its agent is', async () => {
    const form = step('Agents and their accounts');
    await form.getByRole('button', { name: 'Do it here' }).click();
    await form.getByLabel('Account', { exact: true }).fill('claude-b');
    await form.getByLabel('Runs at once').fill('2');
    await form.getByRole('button', { name: 'Test', exact: true }).click();
    await form
      .getByText(/^claude-b: /)
      .first()
      .waitFor();
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('2 accounts').waitFor();
    expect(fileText('orch.yaml')).toContain('claude-b: { agent: claude-code, home: "~", slots: 2 }');
  });

  it('refuses a step that does not hold, naming the field', async () => {
    const form = step('Projects');
    await form.getByRole('button', { name: 'Do it here' }).click();
    await form.getByLabel('Key', { exact: true }).fill('web');
    await form.getByLabel('Repository').fill(here.repository);
    await form.getByLabel('Accounts').fill('nobody');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('projects.web.accounts').first().waitFor();
    await form.getByLabel('Accounts').fill('claude-a');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('p, web').waitFor();
  });

  it('changes a setting where it is shown, and refuses to write over what somebody else changed', async () => {
    await page.goto(`${url}/settings?q=max_attempts`);
    await settled(page);
    const row = page.locator('tr[data-row]', { hasText: 'max_attempts' });
    await row.getByRole('button', { name: 'Change max_attempts' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Value').fill('many');
    await dialog.getByRole('button', { name: 'Test', exact: true }).click();
    await dialog.getByText('max_attempts: is text, not a number').waitFor();
    await dialog.getByLabel('Value').fill('5');
    expect(await axe(page)).toEqual([]);
    await here.orch('config', 'set', 'max_concurrency', '3');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('changed meanwhile').waitFor();
    await page.reload();
    await settled(page);
    await row.getByRole('button', { name: 'Change max_attempts' }).click();
    await dialog.getByLabel('Value').fill('5');
    await page.keyboard.press('Tab');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    await row.getByText('5', { exact: true }).waitFor();
    expect(fileText('orch.yaml')).toContain('max_attempts: 5');
    await page.goto(`${url}/accounts`);
    await page.getByRole('button', { name: 'Change accounts.claude-a.slots' }).click();
    await dialog.getByLabel('Value').fill('7');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('0 of 7').waitFor();
    expect(fileText('orch.yaml')).toContain('slots: 7');
    await page.goto(`${url}/settings?part=audit`);
    await page.getByText('max_attempts').first().waitFor();
    expect(errors.filter((text) => !text.includes('409'))).toEqual([]);
  });

  it('adds an account where the others are, and replaces none by that', async () => {
    await page.goto(`${url}/accounts`);
    await page.getByRole('button', { name: 'Add account' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('accounts.claude-a is there already').waitFor();
    expect(fileText('orch.yaml')).toContain('slots: 7');
    await dialog.getByLabel('Account', { exact: true }).fill('claude-c');
    expect(await axe(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('claude-c', { exact: true }).waitFor();
    expect(fileText('orch.yaml')).toContain('claude-c: { agent: claude-code, home: "~", slots: 1 }');
  });

  it('changes a budget where it is spent', async () => {
    await page.goto(`${url}/usage?project=web`);
    await settled(page);
    await page.getByRole('button', { name: 'Change: Today, web' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Value').fill('20');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('$0.00 of $20.00').waitFor();
    expect(fileText('orch.yaml')).toContain('usd_per_day: 20');
  });

  it('says what is told by the table of events, and sends a test', async () => {
    await page.goto(`${url}/settings?part=notifications`);
    await settled(page);
    const done = page.getByLabel('Pull request ready, task done, Telegram');
    expect(await done.inputValue()).toBe('digest');
    await done.selectOption('off');
    await page.getByText('notify.telegram.events.done').waitFor();
    expect(await done.inputValue()).toBe('off');
    expect(fileText('orch.yaml')).toContain('notify: { telegram: { events: { done: off } } }');
    await page.getByRole('button', { name: 'Send test' }).click();
    await page.getByText('Telegram took the test message').waitFor();
    for (const theme of ['light', 'dark'] as const) {
      await useTheme(page, theme);
      expect(await axe(page)).toEqual([]);
    }
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    await page.reload();
    await settled(page);
    expect(await done.inputValue()).toBe('off');
  });
});
