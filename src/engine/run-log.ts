import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentTurn, LogPart } from '../agents/agent.ts';
import type { Run } from '../core/model.ts';
import type { Clock } from '../lib/clock.ts';
import { type FileLine, type LineFile, openLines } from '../lib/line-file.ts';
import { openTimes } from '../lib/line-times.ts';
import { cleanLine, plainLine } from '../lib/log-text.ts';
import { maskSecrets } from '../lib/redact.ts';
import { createLogTimes, type LogTimesParts, timesPathOf } from './log-times.ts';
import type { Pace } from './pace.ts';
import type { Runtime } from './runtime.ts';

/** Lines looked at in one go while searching or copying. */
const STEP_LINES = 2000;
/** What one search reads at most; it tells where to go on. */
const SEARCH_BYTES = 64 * 1024 * 1024;

/** A line of a run's log for people. Its number is where it begins in the file: it never changes. */
export interface RunLine {
  readonly seq: number;
  /** The number of the line after it, once there is one. */
  readonly next: number;
  /** In words, where the CLI speaks in events; `text` for what is no event, `raw` when that was asked for. */
  readonly parts: readonly {
    readonly kind: LogPart['kind'] | 'text' | 'raw';
    readonly text: string;
    readonly tool?: string;
  }[];
  /** When it had come, as far as somebody looked then. */
  readonly at: number | null;
  /** Secrets taken out. */
  readonly masked: number;
  /** False when it is so long that its end was left out. */
  readonly whole: boolean;
}

type Words = Omit<RunLine, 'at'>;

export type Form = 'words' | 'raw';

/** Logs of runs, live or over: cleaned and masked on reading, in memory that does not grow with them. */
export function createRunLogs(parts: {
  readonly runtime: () => Runtime;
  readonly secrets: () => readonly string[];
  readonly live: LogTimesParts['live'];
  readonly clock: Clock;
  readonly pace: Pick<Pace, 'logLookMs'>;
}) {
  const times = createLogTimes({ ...parts, intervalMs: parts.pace.logLookMs });

  function secretsOf(): string[] {
    const accounts = [...parts.runtime().accounts.values()].flatMap(({ account }) =>
      Object.values(account.env),
    );
    return [...accounts, ...parts.secrets()];
  }

  function readerOf(run: Run) {
    const { accounts } = parts.runtime();
    const own = accounts.get(run.account ?? '')?.agent;
    const agent =
      own?.kind === run.cliKind
        ? own
        : [...accounts.values()].find((each) => each.agent.kind === run.cliKind)?.agent;
    return agent;
  }

  function createWords(run: Run, form: Form) {
    const readable = readerOf(run)?.readable ?? (() => null);
    const secrets = secretsOf();
    return ({ at, next, text, whole }: FileLine): Words => {
      const read =
        form === 'raw'
          ? [{ kind: 'raw' as const, text }]
          : (readable(text) ?? [{ kind: 'text' as const, text }]);
      let masked = 0;
      const shown = read.map((part) => {
        const cleaned = form === 'raw' ? part.text : part.text.split('\n').map(cleanLine).join('\n');
        const safe = maskSecrets(cleaned, secrets);
        masked += safe.masked;
        return { ...part, text: safe.text };
      });
      return { seq: at, next, parts: shown, masked, whole };
    };
  }

  return {
    times,
    /** Null when there is none (yet, or any more). To be disposed of. */
    async open(run: Run, form: Form = 'words'): Promise<RunLog | null> {
      const ended = run.status === 'ended';
      const place = await placeOf(run);
      const file = await openLines(place);
      if (file === null) return null;
      // After the file: all that it shows has been looked at then.
      if (!ended) await times.lookAt(run);
      const notes = await openTimes(timesPathOf(place));
      const words = createWords(run, form);
      const timed = async (lines: readonly Words[]): Promise<RunLine[]> => {
        const found: RunLine[] = [];
        for (const line of lines) found.push({ ...line, at: (await notes?.at(line.next)) ?? null });
        return found;
      };
      return {
        size: file.size,
        after: async (seq, limit) => timed((await file.after(seq, limit, ended)).map(words)),
        before: async (seq, limit) => timed((await file.before(seq, limit)).map(words)),
        async search(text, from, limit) {
          const { lines, next } = await search(file, words, { text, from, limit });
          return { lines: await timed(lines), next };
        },
        async turnsAfter(seq) {
          const turn = readerOf(run)?.turn;
          if (turn === undefined) return null;
          const lines = await file.after(seq, STEP_LINES, ended);
          const turns: (AgentTurn & { at: number | null })[] = [];
          for (const { text, next } of lines) {
            const told = turn(text);
            if (told !== null) turns.push({ ...told, at: (await notes?.at(next)) ?? null });
          }
          return { turns, next: lines.at(-1)?.next ?? seq, more: lines.length === STEP_LINES };
        },
        copy: (plain) => copy(file, plain, secretsOf()),
        async [Symbol.asyncDispose]() {
          await Promise.all([file[Symbol.asyncDispose](), notes?.[Symbol.asyncDispose]()]);
        },
      };
    },
  };
}

export interface RunLog {
  readonly size: number;
  after(seq: number, limit: number): Promise<RunLine[]>;
  before(seq: number, limit: number): Promise<RunLine[]>;
  /** Lines that show the text, any case; `next` is where to go on, null at the end. */
  search(text: string, from: number, limit: number): Promise<{ lines: RunLine[]; next: number | null }>;
  /** What lines from a number on tell of the model's messages; `next` is where to go on. Null: its CLI does not. */
  turnsAfter(seq: number): Promise<{
    turns: readonly (AgentTurn & { readonly at: number | null })[];
    next: number;
    more: boolean;
  } | null>;
  /** The whole log, masked, in pieces; `plain` without colours and controls. */
  copy(plain: boolean): AsyncGenerator<string>;
  [Symbol.asyncDispose](): Promise<void>;
}

async function search(
  file: LineFile,
  words: (line: FileLine) => Words,
  { text, from, limit }: { readonly text: string; readonly from: number; readonly limit: number },
): Promise<{ lines: Words[]; next: number | null }> {
  const wanted = text.toLowerCase();
  // As it stands in an event, for a quick first look.
  const escaped = JSON.stringify(wanted).slice(1, -1);
  const lines: Words[] = [];
  let at = from;
  while (at < file.size && at - from < SEARCH_BYTES) {
    const some = await file.after(at, STEP_LINES, true);
    for (const line of some) {
      at = line.next;
      const lower = line.text.toLowerCase();
      if (!lower.includes(wanted) && !lower.includes(escaped)) continue;
      // Only what is shown counts: nobody can ask for a masked secret letter by letter.
      const shown = words(line);
      if (!shown.parts.some((part) => `${part.tool ?? ''} ${part.text}`.toLowerCase().includes(wanted)))
        continue;
      lines.push(shown);
      if (lines.length === limit) return { lines, next: at < file.size ? at : null };
    }
    if (some.length === 0) break;
  }
  return { lines, next: at < file.size ? at : null };
}

async function* copy(file: LineFile, plain: boolean, secrets: readonly string[]): AsyncGenerator<string> {
  for (let at = 0; ; ) {
    const some = await file.after(at, STEP_LINES, true);
    const last = some.at(-1);
    if (last === undefined) return;
    yield some.map(({ text }) => `${maskSecrets(plain ? plainLine(text) : text, secrets).text}\n`).join('');
    at = last.next;
  }
}

/** An agent's log, or that of the command of a stage that runs no agent. */
async function placeOf(run: Run): Promise<string> {
  const own = join(run.directory, 'run.log');
  return access(own).then(
    () => own,
    () => join(run.directory, 'command', 'run.log'),
  );
}
