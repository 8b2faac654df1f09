import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { ChangeWire } from '../../../src/http/contract.ts';
import { address } from './client.ts';
import { heardFromServer, setLive, streamBeats } from './connection.ts';
import { readStream } from './stream.ts';

/** A server that is quiet for longer than this is taken as gone: it sends a line every 15 s. */
const SILENCE_MS = 20_000;
/** A hidden page closes its streams after this, so that many tabs leave connections for others. */
const HIDDEN_MS = 20_000;
const RETRY_MS = 3_000;
/** Events in a burst are answered with one refetch. */
const GATHER_MS = 150;

/** Keeps the queries fresh by the server's events; one stream for the visible page. */
export function useLiveEvents(isEnabled: boolean): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!isEnabled) return;
    const stop = new AbortController();
    const refresh = gather((types) => invalidate(client, types));
    void keepOpen({
      signal: stop.signal,
      url: () => address('/events'),
      // `tick` is a sign of life alone.
      onEvent: (data, _id, event) => (event === 'change' ? refresh(typeOf(data)) : undefined),
      onState: setLive,
      onOpen: () => void client.invalidateQueries(),
    });
    return () => stop.abort();
  }, [client, isEnabled]);
}

interface Channel {
  readonly signal: AbortSignal;
  readonly url: () => string;
  readonly onEvent: (data: string, id: string, event: string) => void;
  readonly onState: (state: 'connecting' | 'live' | 'reconnecting') => void;
  /** Called when a connection stands again after one was lost: something may have been missed. */
  readonly onOpen?: () => void;
}

/** A stream that is opened anew whenever it ends, falls silent or the page is shown again. */
export async function keepOpen(channel: Channel): Promise<void> {
  let lastEventId: string | null = null;
  let isFirst = true;
  channel.onState('connecting');
  while (!channel.signal.aborted) {
    await untilVisible(channel.signal);
    if (channel.signal.aborted) return;
    const attempt = new AbortController();
    const giveUp = () => attempt.abort();
    channel.signal.addEventListener('abort', giveUp);
    const hidden = watchHidden(giveUp);
    let silence = 0;
    const beat = () => {
      window.clearTimeout(silence);
      silence = window.setTimeout(giveUp, SILENCE_MS);
    };
    beat();
    try {
      await readStream(
        channel.url(),
        {
          onOpen() {
            heardFromServer();
            channel.onState('live');
            if (!isFirst) channel.onOpen?.();
            isFirst = false;
          },
          onBeat() {
            streamBeats();
            beat();
          },
          onEvent(event) {
            if (event.id !== '') lastEventId = event.id;
            channel.onEvent(event.data, event.id, event.event);
          },
        },
        { lastEventId, signal: attempt.signal },
      );
    } catch {
      // Refused, cut or silent: all mean the same here, the next attempt follows.
    }
    window.clearTimeout(silence);
    hidden.stop();
    channel.signal.removeEventListener('abort', giveUp);
    if (channel.signal.aborted) return;
    channel.onState('reconnecting');
    await pause(RETRY_MS, channel.signal);
  }
}

function watchHidden(onHidden: () => void): { stop: () => void } {
  let timer = 0;
  const look = () => {
    window.clearTimeout(timer);
    if (document.hidden) timer = window.setTimeout(onHidden, HIDDEN_MS);
  };
  document.addEventListener('visibilitychange', look);
  look();
  return {
    stop() {
      window.clearTimeout(timer);
      document.removeEventListener('visibilitychange', look);
    },
  };
}

function untilVisible(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener('visibilitychange', done);
      resolve();
    };
    document.addEventListener('visibilitychange', done);
    signal.addEventListener('abort', done);
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      window.clearTimeout(timer);
      resolve();
    });
  });
}

/** A type that this page does not know yet may concern all of it. */
function typeOf(data: string): ChangeWire['type'] {
  try {
    const { type } = JSON.parse(data) as { type?: string };
    return isKnown(type) ? type : 'all';
  } catch {
    return 'all';
  }
}

function isKnown(type: string | undefined): type is ChangeWire['type'] {
  return type !== undefined && type in CONCERNS;
}

function gather(act: (types: ReadonlySet<ChangeWire['type']>) => void): (type: ChangeWire['type']) => void {
  let types = new Set<ChangeWire['type']>();
  let timer = 0;
  return (type) => {
    types.add(type);
    if (timer !== 0) return;
    timer = window.setTimeout(() => {
      const gathered = types;
      types = new Set();
      timer = 0;
      act(gathered);
    }, GATHER_MS);
  };
}

/** Which queries a change makes old, by the first word of their key. `all`: every one. */
const CONCERNS: Readonly<Record<ChangeWire['type'], readonly string[]>> = {
  task: ['task', 'tasks', 'now', 'explain', 'status', 'diff', 'audit', 'approval'],
  job: ['job', 'jobs', 'task', 'now', 'explain', 'status', 'audit', 'approval'],
  run: ['run', 'job', 'task', 'now', 'status', 'diff', 'usage', 'progress'],
  account: ['accounts', 'explain', 'audit'],
  pause: ['pauses', 'explain', 'now', 'audit'],
  outbox: ['status', 'explain'],
  explain: ['explain', 'now', 'job', 'jobs', 'task', 'status'],
  user: ['session', 'sessions', 'users', 'tokens', 'audit'],
  all: [],
};

function invalidate(client: QueryClient, types: ReadonlySet<ChangeWire['type']>): void {
  if (types.has('all')) {
    void client.invalidateQueries();
    return;
  }
  const words = new Set([...types].flatMap((type) => CONCERNS[type]));
  void client.invalidateQueries({ predicate: ({ queryKey: [word] }) => words.has(String(word)) });
}
