// `npm run screenshots`: makes the pictures of the README in docs/images, from a line with a bit of everything.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fail, prepare, root } from './prepare.mjs';
import { buildWeb } from './web.mjs';

const SHOTS = [
  { name: 'now', path: () => '/', theme: 'light', width: 1440, height: 1080 },
  { name: 'now-phone', path: () => '/', theme: 'dark', width: 390, height: 844 },
  { name: 'run', path: (line) => `/runs/${line.runs.runs}`, theme: 'dark', width: 1440, height: 1000 },
  { name: 'board', path: () => '/board', theme: 'light', width: 1440, height: 860 },
  {
    name: 'approval',
    path: (line) => `/approvals/${line.jobs.approval}`,
    theme: 'light',
    width: 1440,
    height: 760,
  },
];

try {
  await prepare();
  buildWeb();
} catch (error) {
  fail(error.message, error.hint);
}
const { launchBrowser } = await import('../test/support/browser.ts');
const { openLine } = await import('../test/support/line.ts');
const { requirement } = await import('../test/support/requirements.ts');
const chromium = requirement('browser');
if (!chromium.available) fail(chromium.reason, 'npm ci brings one on Linux');
const folder = join(root, 'docs/images');
mkdirSync(folder, { recursive: true });
const line = await openLine({}, {}, { isPlain: true });
const browser = await launchBrowser(chromium.value);
try {
  for (const { name, path, theme, width, height } of SHOTS) {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: theme,
      reducedMotion: 'reduce',
    });
    await context.addCookies([{ ...line.cookie, url: line.app.url }]);
    const page = await context.newPage();
    await page.goto(line.app.url + path(line));
    await page.locator('h1').first().waitFor();
    await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
    await page.locator('.live', { hasText: 'Live' }).waitFor();
    await page.waitForTimeout(500); // fonts and the log's first rows
    await page.screenshot({ path: join(folder, `${name}.png`) });
    process.stdout.write(`docs/images/${name}.png\n`);
    await context.close();
  }
} finally {
  await browser.close();
  await line.close();
}
process.exit(0);
