import { existsSync, statSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/**
 * A real Chromium, by the path that `requirement('browser')` found: a binary, or the folder of the npm package
 * that unpacks one.
 */
export async function launchBrowser(found: string): Promise<Browser> {
  if (existsSync(found) && statSync(found).isDirectory()) {
    const { default: packed } = await import('@sparticuz/chromium');
    const args = packed.args.filter(
      (arg) => !arg.startsWith('--headless') && !arg.includes('single-process'),
    );
    return chromium.launch({ executablePath: await packed.executablePath(), args, headless: true });
  }
  return chromium.launch({ executablePath: found, args: ['--no-sandbox'], headless: true });
}
