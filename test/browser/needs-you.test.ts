import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../../src/app.ts';
import { memoryTracker } from '../fakes/memory-tracker.ts';
import { launchBrowser } from '../support/browser.ts';
import { startInProcess } from '../support/in-process.ts';
import { becomeAdmin } from '../support/line.ts';
import { handIn, type Installation, install, waitFor } from '../support/orch.ts';
import { requirement, suiteName } from '../support/requirements.ts';
import { axe, open, settled } from './kit.ts';

/** What waits for a person and is let go on by one button, against a running service. */

const chromium = requirement('browser');

describe.skipIf(!chromium.available)(suiteName('what needs a person', chromium), () => {
  let browser: Browser;
  let here: Installation;
  let app: App;

  beforeAll(async () => {
    browser = await launchBrowser(chromium.value);
  }, 60_000);
  afterEach(async () => {
    await app?.close();
    await here.remove();
  });
  afterAll(async () => {
    await browser?.close();
  });

  const at = async (path: string) => {
    const opened = await open(browser, { app, cookie: await becomeAdmin(app) }, path);
    await settled(opened.page);
    return opened;
  };

  it('lets in the oldest of what a new tracker holds, and has it looked at again', async () => {
    const memory = memoryTracker('gitea');
    here = install();
    const config = readFileSync(join(here.root, 'orch.yaml'), 'utf8');
    here.writeConfig(
      config.replace('tracker: { kind: local }', 'tracker: { kind: gitea, repo: acme/api, label: agent }'),
    );
    here.signIn();
    here.scene(0, handIn({ outcome: 'done' }, 'echo "// more" >> src/greet.js'));
    app = await startInProcess(
      here,
      { tracker: () => memory.tracker },
      { ORCH_GITEA_URL: 'http://127.0.0.1:9', ORCH_GITEA_TOKEN: 'x' },
    );
    const { page, context } = await at('/board');
    await page.getByText('There is no task yet.').waitFor();
    memory.add({ title: 'Greet in French' });
    memory.add({ title: 'Greet in German' });
    const looks = memory.asked.matching;
    await page.getByRole('button', { name: 'Poll now' }).click();
    await waitFor(() => memory.asked.matching > looks);
    await page.goto(app.url);
    await page.getByRole('button', { name: 'Let in…' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Greet in German').waitFor();
    await dialog.getByRole('radio', { name: /Only the oldest/ }).check();
    expect(await axe(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Let in', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await waitFor(async () => (await app.engine.store.task('API-1')) !== null);
    expect(await app.engine.store.task('API-2')).toBeNull();
    await context.close();
  });

  it('lets a task go on that has reached its budget', async () => {
    here = install({
      projectExtra: '    budget: { usd_per_task: 0.1 }',
      pipeline:
        '      - { stage: development, agent: developer, tools: write }\n      - { stage: review, agent: reviewer, tools: read }',
    });
    here.signIn();
    here.scene(0, handIn({ outcome: 'done' }, 'echo "// more" >> src/greet.js'));
    app = await startInProcess(here, {});
    const wish = { ...{ project: 'p', title: 'Greet', body: '', stage: null, key: null, priority: 0 } };
    const rest = { urgent: false, labels: [], size: null, pipeline: null };
    await app.engine.submit({ ...wish, ...rest }, { by: 'mara', surface: 'cli' });
    const { page, context } = await at('/');
    const goOn = page.getByRole('button', { name: 'Let it go on' }).first();
    await goOn.waitFor({ timeout: 30_000 });
    expect(here.calls()).toBe(1);
    await goOn.click();
    await waitFor(() => here.calls() > 1);
    const { items } = await app.engine.store.audits({ limit: 1, action: 'retry' });
    expect(items).toMatchObject([{ by: 'mara', surface: 'web' }]);
    await context.close();
  });
});
