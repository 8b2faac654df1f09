import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { type Line, openLine } from '../support/line.ts';
import { waitFor } from '../support/orch.ts';
import { requirement, suiteName } from '../support/requirements.ts';
import { open, settled } from './kit.ts';

/** Who may use it, and what is theirs alone. In order: later ones need earlier ones. */

const chromium = requirement('browser');

describe.skipIf(!chromium.available)(suiteName('people on the page', chromium), () => {
  let browser: Browser;
  let line: Line;
  let jon: Page;

  beforeAll(async () => {
    [browser, line] = await Promise.all([launchBrowser(chromium.value), openLine()]);
  }, 90_000);
  afterAll(async () => {
    await browser?.close();
    await line?.close();
  });

  const at = async (path: string) => {
    const opened = await open(browser, line, path);
    await settled(opened.page);
    return opened;
  };
  const row = (page: Page, name: string) => page.locator('[data-row]', { hasText: name });
  async function signIn(page: Page, name: string, password: string): Promise<void> {
    await page.getByLabel('Name').fill(name);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }

  it('are invited with a role, and choose their own password', async () => {
    const { page, context } = await at('/settings?part=users');
    await page.getByRole('button', { name: 'Invite' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('jon');
    await dialog.getByRole('radio', { name: /operator/ }).check();
    await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
    const address = await dialog.getByText(/\/sign-in\?invite=/).textContent();
    await page.keyboard.press('Escape');
    await row(page, 'jon').getByText('Invited').waitFor();
    jon = await (await browser.newContext()).newPage();
    await jon.goto(address?.trim() ?? '');
    expect(await jon.getByLabel('Name').inputValue()).toBe('jon');
    await signIn(jon, 'jon', 'short');
    await jon.getByRole('alert').waitFor();
    await signIn(jon, 'jon', 'some other small words');
    await jon.getByRole('button', { name: /jon · operator/ }).waitFor();
    await row(page, 'jon').getByText('Active').waitFor();
    await context.close();
  });

  it('see what they may not do, and get a lesser role at once', async () => {
    await jon.goto(`${line.app.url}/settings?part=users`);
    await jon.getByText('Needs admin').waitFor();
    await jon.goto(line.app.url);
    await settled(jon);
    expect(await jon.getByRole('button', { name: /Pause dispatch/ }).isDisabled()).toBe(false);
    const { page, context } = await at('/settings?part=users');
    await page.getByLabel('Role: jon').selectOption('viewer');
    await waitFor(async () =>
      (await line.app.engine.people.all()).some(({ name, role }) => name === 'jon' && role === 'viewer'),
    );
    await jon.reload();
    await settled(jon);
    const pause = jon.getByRole('button', { name: /Pause dispatch/ });
    expect([await pause.isDisabled(), await pause.getAttribute('title')]).toEqual([true, 'Needs operator']);
    await context.close();
  });

  it('are out when they are disabled, and in again when they are enabled', async () => {
    const { page, context } = await at('/settings?part=users');
    await row(page, 'jon').getByRole('button', { name: 'Disable' }).click();
    await row(page, 'jon').getByText('Disabled').waitFor();
    await jon.goto(line.app.url);
    await jon.waitForURL(/\/sign-in/);
    await signIn(jon, 'jon', 'some other small words');
    await jon.getByRole('alert').waitFor();
    await row(page, 'jon').getByRole('button', { name: 'Enable' }).click();
    await row(page, 'jon').getByText('Active').waitFor();
    await signIn(jon, 'jon', 'some other small words');
    await jon.getByRole('button', { name: /jon · viewer/ }).waitFor();
    // The last admin stays one.
    await row(page, 'mara').getByRole('button', { name: 'Disable' }).click();
    await page.getByText('nobody would be left who may manage users').waitFor();
    await context.close();
  });

  it('make a token that is shown once, and revoke it', async () => {
    const { page, context } = await at('/settings?part=tokens');
    await page.getByRole('button', { name: 'New token' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('the deploy script');
    await dialog.getByLabel('Role').selectOption('viewer');
    await dialog.getByRole('button', { name: 'New token', exact: true }).click();
    const secret = (await dialog.locator('.codeblock').first().textContent())?.trim() ?? '';
    await page.keyboard.press('Escape');
    const asked = async () =>
      (await fetch(`${line.app.url}/api/v1/status`, { headers: { authorization: `Bearer ${secret}` } }))
        .status;
    expect(await asked()).toBe(200);
    await page.reload();
    await settled(page);
    expect(await page.content()).not.toContain(secret);
    await row(page, 'the deploy script')
      .getByRole('button', { name: /Revoke/ })
      .click();
    await row(page, 'the deploy script').waitFor({ state: 'detached' });
    expect(await asked()).toBe(401);
    await context.close();
  });

  it('end a session elsewhere, and change their password', async () => {
    const elsewhere = await (await browser.newContext({ userAgent: 'the other machine' })).newPage();
    await elsewhere.goto(`${line.app.url}/sign-in`);
    await signIn(elsewhere, 'mara', line.password);
    await settled(elsewhere);
    const { page, context } = await at('/settings?part=sessions');
    await row(page, 'the other machine').getByRole('button', { name: 'End' }).click();
    await row(page, 'the other machine').waitFor({ state: 'detached' });
    await elsewhere.goto(line.app.url);
    await elsewhere.waitForURL(/\/sign-in/);
    await page.getByLabel('Password now').fill('not this one, no');
    await page.getByLabel('New password').fill('quite new small words');
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByRole('alert').waitFor();
    await page.getByLabel('Password now').fill(line.password);
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByText('Password changed; other sessions are over').waitFor();
    await signIn(elsewhere, 'mara', line.password);
    await elsewhere.getByRole('alert').waitFor();
    await signIn(elsewhere, 'mara', 'quite new small words');
    await elsewhere.getByRole('button', { name: /mara · admin/ }).waitFor();
    await elsewhere.context().close();
    await context.close();
  });

  it('get a code that links their chat to them, whatever their role', async () => {
    await jon.goto(`${line.app.url}/settings?part=sessions`);
    await jon.getByRole('button', { name: 'Get a code' }).click();
    const code = /^\/link (\d{6})$/.exec((await jon.locator('.codeblock').textContent()) ?? '')?.[1] ?? '';
    const linked = await line.app.engine.chatPeople.link('telegram', '7', code);
    expect(linked).toMatchObject({ name: 'jon', role: 'viewer' });
  });

  it('have the theme and the keys that they chose, also after a reload', async () => {
    await jon.goto(line.app.url);
    await settled(jon);
    await jon.keyboard.press('Control+k');
    await jon.getByRole('combobox').fill('theme: dark');
    await jon.keyboard.press('Enter');
    await jon.keyboard.press('?');
    await jon.getByRole('checkbox', { name: /Single keys are on/ }).uncheck();
    await jon.keyboard.press('Escape');
    await jon.reload();
    await settled(jon);
    expect(await jon.evaluate(() => document.documentElement.dataset['theme'])).toBe('dark');
    await jon.keyboard.press('?');
    await jon.keyboard.press('Control+k');
    await jon.getByRole('combobox').waitFor();
    expect(await jon.getByRole('dialog').count()).toBe(1);
  });
});
