import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Line } from '../support/line.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const SIZES = [
  { width: 1440, height: 1000 },
  { width: 390, height: 844 },
] as const;

export interface Opened {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of the console and of scripts so far. */
  readonly errors: string[];
}

/** A page of an admin who is signed in, or of nobody. Clicks wait for at most five seconds. */
export async function open(
  browser: Browser,
  line: Pick<Line, 'cookie'> & { readonly app: Pick<Line['app'], 'url'> },
  path: string,
  options: {
    readonly size?: { readonly width: number; readonly height: number };
    readonly theme?: 'light' | 'dark';
    readonly isSignedIn?: boolean;
  } = {},
): Promise<Opened> {
  const context = await browser.newContext({
    viewport: { ...(options.size ?? SIZES[0]) },
    colorScheme: options.theme ?? 'light',
    reducedMotion: 'reduce',
  });
  if (options.isSignedIn !== false) await context.addCookies([{ ...line.cookie, url: line.app.url }]);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(error.stack ?? error.message));
  await page.goto(line.app.url + path);
  return { page, context, errors };
}

/** Waits until nothing is being loaded any more. */
export async function settled(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor();
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
}

/** What axe finds, by rule and element. It runs in the page's own world: nothing inline is added. */
export async function axe(page: Page): Promise<string[]> {
  await page.evaluate(`window.axe ?? (() => { ${AXE} })()`);
  return page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: {
        run: (
          context: object,
          options: object,
        ) => Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }>;
      };
    };
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary ?? ''}`),
    );
  });
}

export function useTheme(page: Page, theme: 'light' | 'dark'): Promise<void> {
  return page.evaluate((chosen) => {
    document.documentElement.dataset['theme'] = chosen;
  }, theme);
}

/** How much wider than the window the page is. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}
