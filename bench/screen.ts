import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { launchBrowser } from '../test/support/browser.ts';
import { type Line, openLine } from '../test/support/line.ts';
import { projectRoot, requirement } from '../test/support/requirements.ts';
import { type BenchOptions, median, percentile, type Report } from './measure.ts';

const GOAL_MS = 1000;
const ACTOR = { by: 'bench', surface: 'cli' } as const;
/** The page asks by itself every ten seconds: whatever takes this long did not come by an event. */
const PATIENCE_MS = 5000;

/** From the call that changes the store, over the stream of events, to what a person sees in a real browser. */
export async function screen({ quick, say }: BenchOptions): Promise<Report> {
  const chromium = requirement('browser');
  if (!chromium.available)
    return {
      figures: [],
      gates: [{ goal: goalOf(), measured: null, pass: null }],
      skipped: [{ what: 'screen', why: chromium.reason }],
    };
  build();
  const [browser, line] = await Promise.all([launchBrowser(chromium.value), openLine()]);
  try {
    const context = await browser.newContext({ viewport: { width: 1440, height: 1000 } });
    await context.addCookies([{ ...line.cookie, url: line.app.url }]);
    const times = quick ? 20 : 60;
    const spent: number[] = [];
    for (const { path, change } of scenesOf(line)) {
      say(`screen: ${times} changes on ${path}`);
      const page = await context.newPage();
      await page.goto(line.app.url + path);
      await page.locator('.live', { hasText: 'Live' }).waitFor();
      await page.waitForFunction('document.querySelector(\'[aria-busy="true"]\') === null');
      for (let i = 0; i < times; i++) {
        // Not in step with the refetches that gather what happened.
        await sleep(300 + ((i * 37) % 200));
        spent.push(await measure(page, change(i)));
      }
      await page.close();
    }
    const p95 = percentile(spent, 0.95);
    return {
      figures: [
        {
          part: 'screen',
          what: 'change called -> in the page and painted, Chromium, p50',
          value: median(spent),
          unit: 'ms',
        },
        { part: 'screen', what: 'the same, p95', value: p95, unit: 'ms' },
        { part: 'screen', what: 'the same, longest', value: Math.max(...spent), unit: 'ms' },
      ],
      gates: [{ goal: goalOf(), measured: p95, pass: p95 <= GOAL_MS }],
      skipped: [],
    };
  } finally {
    await browser.close();
    await line.close();
  }
}

function goalOf(): string {
  return `a change on the screen in ${GOAL_MS} ms (p95)`;
}

/** What the page is to show, and the call that makes it so. */
interface Change {
  readonly selector: string;
  readonly text: string;
  readonly isThere: boolean;
  readonly call: () => Promise<unknown>;
}

function scenesOf({ app: { engine }, keys }: Line): { path: string; change: (i: number) => Change }[] {
  return [
    {
      path: '/',
      change: (i) => ({
        selector: '.banner',
        text: `bench ${i - (i % 2)}`,
        isThere: i % 2 === 0,
        call: () =>
          i % 2 === 0
            ? engine.pause('project', 'docs', `bench ${i}`, null, ACTOR)
            : engine.resume('project', 'docs', ACTOR),
      }),
    },
    {
      path: `/tasks/${keys.signedOut}`,
      change: (i) => ({
        selector: 'main .tag',
        text: 'urgent',
        isThere: i % 2 === 0,
        call: () => engine.urgent(keys.signedOut, i % 2 === 0, ACTOR),
      }),
    },
  ];
}

/** Milliseconds from before the call until the frame after the one in which the page shows what it is to show. */
async function measure(page: Page, { selector, text, isThere, call }: Change): Promise<number> {
  const shown = page.evaluate<number>(
    `(${WATCH})(${JSON.stringify(selector)}, ${JSON.stringify(text)}, ${isThere}, ${PATIENCE_MS})`,
  );
  await sleep(20); // the page watches before anything changes
  const from = Date.now();
  const [at] = await Promise.all([shown, call()]);
  return at - from;
}

/** Runs in the page. */
const WATCH = `async (selector, text, isThere, patience) => {
  const isSo = () =>
    [...document.querySelectorAll(selector)].some((each) => each.textContent.includes(text)) === isThere;
  await new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(selector + ' ' + text + ': not ' + isThere + ' after ' + patience + ' ms')),
      patience,
    );
    const look = () => {
      if (!isSo()) return;
      watcher.disconnect();
      clearTimeout(timer);
      resolve();
    };
    const watcher = new MutationObserver(look);
    watcher.observe(document.body, { subtree: true, childList: true, characterData: true });
    look();
  });
  await new Promise(requestAnimationFrame);
  return Date.now();
}`;

function build(): void {
  const { status } = spawnSync(process.execPath, [join(projectRoot, 'scripts/web.mjs')], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('the page was not built: node scripts/web.mjs');
}
