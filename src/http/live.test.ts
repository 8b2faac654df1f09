import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentOfKind } from '../registry.ts';
import { claimRequest, ENDED, newJob, project, refOf } from '../store/store-rows.contract.ts';
import type { LogWire } from './contract.ts';
import { createHttpKit, type HttpKit } from './test-kit.ts';

const SECRET = 'value-of-the-account';
let kit: HttpKit;
let folder: string;
let log: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'orch-live-'));
  const agent = await agentOfKind('claude-code', '/usr/bin');
  const account = { id: 'a', home: folder, bin: 'claude', env: { KEY: SECRET } };
  const entry = { agent, account, slots: 1, isolation: 'none', unsafe: false, reserve: () => null } as const;
  kit = createHttpKit({ runtime: { accounts: new Map([['a', entry]]) } });
  log = join(folder, 'run_1', 'run.log');
  mkdirSync(join(folder, 'run_1'));
});
afterEach(async () => {
  await kit.close();
  rmSync(folder, { recursive: true });
});

async function startRun() {
  const { store } = kit.engine;
  await store.configure([project('api')], ['a']);
  await store.enqueue(newJob(), (id) => `orch/job-${id}`);
  const directoryFor = (id: number) => join(folder, `run_${id}`);
  const claimed = await store.claim(claimRequest({ now: kit.now, directoryFor }));
  if (claimed === null) throw new Error('nothing was claimed');
  await store.started(refOf(claimed), { cliKind: 'claude-code' });
  return { end: () => store.settle(refOf(claimed), () => ({ job: { status: 'done' }, run: ENDED })) };
}
const page = (query: string) => kit.json<LogWire>(`/api/v1/runs/run_1/log${query}`);
const textsOf = ({ lines }: Pick<LogWire, 'lines'>) =>
  lines.map(({ parts }) => parts.map(({ text }) => text).join('|'));
const says = (text: string) =>
  JSON.stringify({ type: 'assistant', message: { content: [{ type: 'text', text }] } });

/** Reads a stream until enough has come; ends it. */
async function listen(path: string, headers: Record<string, string>, enough: (events: Event[]) => boolean) {
  const response = await kit.ask(path, { headers });
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  const events: Event[] = [];
  let rest = '';
  const deadline = performance.now() + 5000;
  while (reader !== undefined && !enough(events) && performance.now() < deadline) {
    const { value, done } = await reader.read();
    if (done) break;
    const blocks = (rest + decoder.decode(value, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? null;
      const data = field('data');
      if (data !== null) events.push({ event: field('event'), id: field('id'), data: JSON.parse(data) });
    }
  }
  await reader?.cancel();
  return { response, events };
}
interface Event {
  event: string | null;
  id: string | null;
  data: { lines: LogWire['lines']; type: string; id: string };
}

describe('a log', () => {
  it('opens at its end, and goes back page by page without a gap', async () => {
    await startRun();
    writeFileSync(log, Array.from({ length: 2500 }, (_, i) => `line ${i}\n`).join(''));
    const last = await page('');
    expect(textsOf(last)).toHaveLength(1000);
    expect(textsOf(last).at(-1)).toBe('line 2499');
    const all = [...last.lines];
    for (let { prev } = last; prev !== null; ) {
      const earlier = await page(`?before=${prev}&limit=700`);
      all.unshift(...earlier.lines);
      prev = earlier.prev;
    }
    expect(textsOf({ lines: all })).toEqual(Array.from({ length: 2500 }, (_, i) => `line ${i}`));
    const on = await page(`?after=${all[10]?.seq}&limit=2`);
    expect(textsOf(on)).toEqual(['line 10', 'line 11']);
    expect(on.text).toBeUndefined();
  });

  it('tells events of the CLI in words, masks secrets and obeys no terminal', async () => {
    await startRun();
    const call = { type: 'tool_use', name: 'Bash', input: { command: `curl -H "token: ${SECRET}"` } };
    writeFileSync(
      log,
      `${says('I begin.')}\n${JSON.stringify({ type: 'assistant', message: { content: [call] } })}\n10 %\r\x1b[2Kdone\x1b[31m!\nexport API_TOKEN=abcdef123\n`,
    );
    const { lines, text } = await page('?after=0');
    expect(lines.map(({ parts, masked }) => [parts[0]?.kind, parts[0]?.text, masked])).toEqual([
      ['says', 'I begin.', 0],
      ['tool', 'curl -H "token: [secret]"', 1],
      ['text', 'done\x1b[31m!\x1b[0m', 0],
      ['text', 'export API_TOKEN=[secret]', 1],
    ]);
    expect(text).not.toContain(SECRET);
    expect(text?.split('\n')[0]).toBe(says('I begin.'));
    const raw = await page('?after=0&limit=1&form=raw');
    expect(raw.lines[0]?.parts).toEqual([{ kind: 'raw', text: says('I begin.') }]);
    const plain = await (await kit.ask('/api/v1/runs/run_1/log/download?plain=1')).text();
    expect(plain).toContain('\ndone!\n');
    expect(plain).not.toContain(SECRET);
  });

  it('is searched by what it shows; a masked secret is not found by its letters', async () => {
    await startRun();
    writeFileSync(log, `${says('The "Greeting" is there')}\nnothing\nAPI_TOKEN=hidden77\ngreeting again\n`);
    const find = (q: string) => kit.json<LogWire>(`/api/v1/runs/run_1/log/search?q=${encodeURIComponent(q)}`);
    expect(textsOf(await find('greeting'))).toEqual(['The "Greeting" is there', 'greeting again']);
    expect(textsOf(await find('"GREETING"'))).toHaveLength(1);
    expect(textsOf(await find('hidden7'))).toEqual([]);
    const first = await kit.json<LogWire>('/api/v1/runs/run_1/log/search?q=g&limit=1');
    expect(first.next).not.toBeNull();
  });

  it('of a run without a file is empty', async () => {
    await startRun();
    expect(await page('')).toMatchObject({ lines: [], prev: null, next: 0, size: 0, ended: false, text: '' });
  });
});

describe('the times of a log', () => {
  const timesOf = ({ lines }: Pick<LogWire, 'lines'>) => lines.map(({ at }) => at);
  const isoAt = (ms: number) => new Date(ms).toISOString();

  it('are those of the look that found a line, over a restart too, and unknown where nobody looked', async () => {
    const run = await startRun();
    writeFileSync(log, 'one\ntwo\n');
    const first = kit.now + 300;
    kit.now = first;
    expect(timesOf(await page(''))).toEqual([isoAt(first), isoAt(first)]);
    appendFileSync(log, 'three\nfou');
    kit.now += 500;
    expect(timesOf(await page('?after=8'))).toEqual([isoAt(first + 500)]);
    appendFileSync(log, 'r\n');
    kit.now += 60_000;
    const found = await kit.json<LogWire>('/api/v1/runs/run_1/log/search?q=four');
    expect(timesOf(found)).toEqual([null]);
    appendFileSync(log, 'five\n');
    kit.now += 1000;
    const last = isoAt(kit.now);
    const all = [isoAt(first), isoAt(first), isoAt(first + 500), null, last];
    expect(timesOf(await page(''))).toEqual(all);
    await run.end();
    kit.now += 5000;
    appendFileSync(log, 'after the end\n');
    expect(timesOf(await page('?limit=100'))).toEqual([...all, null]);
  });

  it('come with the stream, and are missing where an older build wrote none', async () => {
    const run = await startRun();
    writeFileSync(log, 'one\n');
    kit.now += 100;
    const { events } = await listen('/api/v1/runs/run_1/log/stream', {}, (seen) => seen.length > 0);
    expect(events.map(({ data }) => timesOf(data))).toEqual([[isoAt(kit.now)]]);
    await run.end();
    rmSync(log.replace('.log', '.times'));
    expect(timesOf(await page(''))).toEqual([null]);
  });
});

describe('a log that grows', () => {
  it('comes as it is written, resumes where the client was, and says when it is over', async () => {
    const run = await startRun();
    writeFileSync(log, 'one\ntwo\nthr');
    setTimeout(() => appendFileSync(log, 'ee\nfour\n'), 200);
    const path = '/api/v1/runs/run_1/log/stream';
    const lines = (events: Event[]) => textsOf({ lines: events.flatMap(({ data }) => data.lines ?? []) });
    const first = await listen(path, {}, (events) => lines(events).length >= 4);
    expect(lines(first.events)).toEqual(['one', 'two', 'three', 'four']);
    expect(first.response.headers.get('x-accel-buffering')).toBe('no');
    expect(first.response.headers.get('content-type')).toContain('text/event-stream');

    const place = first.events.find(({ data }) => data.lines.length > 0)?.id ?? '';
    const again = await listen(path, { 'last-event-id': place }, (events) => lines(events).length >= 2);
    expect([...lines(first.events.slice(0, 1)), ...lines(again.events)]).toEqual([
      'one',
      'two',
      'three',
      'four',
    ]);

    appendFileSync(log, 'the end');
    await run.end();
    const rest = await listen(path, { 'last-event-id': again.events.at(-1)?.id ?? '' }, () => false);
    expect(rest.events.map(({ event }) => event)).toEqual(['lines', 'end']);
    expect(lines(rest.events)).toEqual(['the end']);
  });

  it('of 50,000 lines comes in batches, each line once', async () => {
    const run = await startRun();
    writeFileSync(log, Array.from({ length: 50_000 }, (_, i) => `\x1b[32mline ${i}\x1b[0m\n`).join(''));
    await run.end();
    const from = performance.now();
    const { events } = await listen(
      '/api/v1/runs/run_1/log/stream?after=0',
      {},
      (all) => all.at(-1)?.event === 'end',
    );
    expect(performance.now() - from).toBeLessThan(4000);
    const numbers = events.flatMap(({ data }) => data.lines ?? []).map(({ parts }) => parts[0]?.text);
    expect(numbers).toEqual(Array.from({ length: 50_000 }, (_, i) => `\x1b[32mline ${i}\x1b[0m`));
    expect(Math.max(...events.map(({ data }) => data.lines?.length ?? 0))).toBe(500);
  });
});

describe('events', () => {
  const changes = (events: Event[]) => events.filter(({ event }) => event === 'change');

  it('tell at once that something changed, and what was missed', async () => {
    const before = kit.engine.changes.rev();
    setTimeout(() => void startRun(), 50);
    const from = performance.now();
    const { events } = await listen('/api/v1/events', {}, (all) =>
      all.some(({ data }) => data.type === 'run'),
    );
    expect(performance.now() - from).toBeLessThan(1000);
    expect(events[0]?.event).toBe('tick');
    await sleep(20);
    const missed = await listen(
      '/api/v1/events',
      { 'last-event-id': String(before) },
      (all) => changes(all).length >= 3,
    );
    expect(changes(missed.events).map(({ data }) => `${data.type} ${data.id}`)).toEqual(
      expect.arrayContaining(['job job_1', 'run run_1']),
    );
  });

  it('tell whoever was away for too long that all may have changed', async () => {
    const { events } = await listen(
      '/api/v1/events',
      { 'last-event-id': '17' },
      (all) => changes(all).length > 0,
    );
    expect(changes(events)[0]?.data).toMatchObject({ type: 'all', id: '' });
  });

  it('need somebody who may look', async () => {
    expect((await kit.ask('/api/v1/events', { token: null })).status).toBe(401);
  });
});
