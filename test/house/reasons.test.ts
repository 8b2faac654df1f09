import { stripVTControlCharacters } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { printExplain } from '../../src/cli/explain-print.ts';
import { localTime } from '../../src/cli/output.ts';
import type { Explanation } from '../../src/core/explain.ts';
import { explainText } from '../../src/core/explain-words.ts';
import { REASON_CODES } from '../../src/core/reason-codes.ts';
import { createChatWords } from '../../src/engine/chat-words.ts';
import { PACE } from '../../src/engine/pace.ts';
import { createWhy } from '../../src/engine/why.ts';
import { type Explain, explainSchema } from '../../src/http/contract.ts';
import { createHttpKit } from '../../src/http/test-kit.ts';
import { messages } from '../../src/notifiers/telegram/text.ts';
import { copy } from '../../web/src/copy.ts';
import { explainedBy, REASON_FIXTURES, REASONS_AT } from '../support/reasons.ts';

/**
 * The same fact reads the same everywhere: what it is, what clears it and when, and whether a person has to act. The
 * page is proved by `test/browser/live.test.ts`, with the same fixtures.
 */
const kit = createHttpKit();
afterAll(() => kit.close());
const counts = { ...(await kit.store.counts()), lastRunEndedAt: REASONS_AT - 60_000 };
const state = { ...emptyState(), tickAt: REASONS_AT };

type Why = Parameters<typeof createChatWords>[0]['why'];

/** A dispatcher that has nothing to say but this. */
function saying(explanation: Explanation): Why {
  return {
    ...kit.engine,
    explain: () => Promise.resolve({ explanation, counts, state, now: REASONS_AT }),
  };
}

async function jsonOf(why: Why) {
  const other = createHttpKit({ engine: { ...kit.engine, ...why } });
  const answer = explainSchema.parse(await (await other.ask('/api/v1/explain')).json());
  await other.close();
  return answer;
}

function cliOf(explain: Explain): string {
  const printed: string[] = [];
  const quiet = () => undefined;
  printExplain(
    { json: false, text: (line) => printed.push(line), object: quiet, progress: quiet, line: quiet },
    explain,
  );
  return stripVTControlCharacters(printed.join('\n'));
}

async function telegramOf(why: Why): Promise<string> {
  const words = createChatWords({
    store: kit.store,
    why,
    brief: undefined as never,
    changes: undefined as never,
    clock: () => REASONS_AT,
    secrets: () => [],
    targetOf: () => Promise.reject(new Error('nothing is named here')),
  });
  return messages(await words.why(null))
    .join('\n')
    .replace(/<\/?b>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

function emptyState() {
  return {
    ...{ tickAt: 0, pauses: [], host: null, accounts: new Map(), projects: new Map() },
    ...{ workers: { running: 0, slots: 1 }, locks: [], troubles: [], since: new Map() },
  };
}

describe('a reason', () => {
  it('has a fixture and a short name, or is none', () => {
    expect(Object.keys(REASON_FIXTURES).sort()).toEqual([...REASON_CODES].sort());
    expect(REASON_CODES.filter((code) => copy.hold[code] === undefined)).toEqual([]);
    expect(Object.keys(copy.hold).filter((code) => !REASON_CODES.some((known) => known === code))).toEqual([
      'run.stalled', // of a live run: no job waits for it
    ]);
  });

  it.each(REASON_CODES)('%s says the same in CLI, chat, comment and JSON', async (code) => {
    const { explanation, reason } = explainedBy(code);
    const { title, detail, clearsWhen, clearsAt, fix } = reason;
    const whoActs = reason.state === 'needs_you' ? /^A person / : /No action needed/;
    expect(clearsWhen).toMatch(whoActs);

    const json = await jsonOf(saying(explanation));
    expect(json.reasons.filter((each) => each.code === code)).toMatchObject([
      {
        ...{ title, detail, clearsWhen, state: reason.state },
        ...(clearsAt === null ? {} : { clearsAt: new Date(clearsAt).toISOString() }),
      },
    ]);

    const cli = cliOf(json);
    const telegram = await telegramOf(saying(explanation));
    const comment = explainText(explanation);
    const sign = reason.state === 'needs_you' ? '▲' : '◷';
    for (const shown of [cli, telegram, comment]) {
      expect(shown).toContain(explanation.headline);
      expect(shown).toContain(`${sign} ${title}`);
      expect(shown).toContain(detail);
      expect(shown).toContain(clearsWhen);
      if (reason.state === 'needs_you' && fix !== null) expect(shown).toContain(`fix  ${fix}`);
    }
    if (clearsAt !== null) {
      const at = new Date(clearsAt);
      expect(cli).toContain(`${clearsWhen} ${localTime(at.toISOString())}`);
      expect(telegram).toContain(`${clearsWhen} ${at.toTimeString().slice(0, 5)}`);
      expect(comment).toContain(`${clearsWhen} ${at.toISOString().slice(0, 10)}`);
    }
  });
});

describe('a scheduler that stands still', () => {
  it('makes CLI, chat, comment and JSON say Unknown within 35 s, and claim nothing else', async () => {
    let now = REASONS_AT;
    const why = createWhy({
      store: kit.store,
      state: () => state,
      survey: () => Promise.resolve([]),
      intakes: () => [],
      warnings: () => [],
      staleAfterMs: PACE.staleAfterMs,
      clock: () => now,
    });
    now += 29_000;
    expect((await jsonOf(why)).verdict).toBe('idle');
    now = REASONS_AT + 35_000;
    const json = await jsonOf(why);
    expect(json).toMatchObject({ verdict: 'unknown', reasons: [{ code: 'scheduler.stale' }] });
    expect(new Set(json.checks.map((check) => check.state))).toEqual(new Set(['unknown']));
    const comment = explainText((await why.explain({ project: null })).explanation);
    for (const shown of [json.headline, cliOf(json), await telegramOf(why), comment])
      expect(shown).toContain('Unknown: the scheduler has not ticked for 35 s');
  });
});
