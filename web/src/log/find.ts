import { useEffect, useRef, useState } from 'react';
import type { Answer } from '../../../src/http/contract.ts';
import { get } from '../api/client.ts';
import { copy } from '../copy.ts';
import { count } from '../lib/format.ts';

const PAGE = 500;
/** More matches than this are not counted: nobody steps through them. */
const MOST = 2_000;
const PAUSE_MS = 250;

export interface Find {
  readonly words: string;
  readonly setWords: (words: string) => void;
  readonly total: number;
  /** The line that the reader is at. */
  readonly current: number | null;
  readonly status: string;
  step: (by: 1 | -1) => Promise<void>;
}

/** Searches the whole log on the server, also what was never loaded here, and goes from match to match. */
export function useFind(runId: string, go: (seq: number) => Promise<void>): Find {
  const [words, setWords] = useState('');
  const [hits, setHits] = useState<readonly number[] | null>(null);
  const [place, setPlace] = useState(-1);
  const going = useRef(go);
  going.current = go;
  useEffect(() => {
    setHits(null);
    setPlace(-1);
    if (words.trim() === '') return;
    const stop = new AbortController();
    const timer = window.setTimeout(() => {
      search(runId, words.trim(), stop.signal).then(
        (found) => {
          setHits(found);
          const last = found.at(-1);
          if (last === undefined) return;
          setPlace(found.length - 1);
          void going.current(last);
        },
        () => undefined, // given up for newer words, or refused: the count stays away
      );
    }, PAUSE_MS);
    return () => {
      window.clearTimeout(timer);
      stop.abort();
    };
  }, [runId, words]);
  const total = hits?.length ?? 0;
  return {
    words,
    setWords,
    total,
    current: hits?.[place] ?? null,
    status:
      words.trim() === '' || hits === null
        ? ''
        : total === 0
          ? copy.log.noMatch
          : copy.log.match(count(place + 1), `${count(total)}${total >= MOST ? '+' : ''}`),
    async step(by) {
      if (hits === null || total === 0) return;
      const next = (place + by + total) % total;
      setPlace(next);
      const seq = hits[next];
      if (seq !== undefined) await going.current(seq);
    },
  };
}

async function search(runId: string, q: string, signal: AbortSignal): Promise<number[]> {
  const found: number[] = [];
  let after: number | null = 0;
  while (after !== null && found.length < MOST) {
    const page: Answer<'GET /runs/{id}/log/search'> = await get('/runs/{id}/log/search', {
      params: { id: runId },
      query: { q, after, limit: PAGE },
      signal,
    });
    found.push(...page.lines.map(({ seq }) => seq));
    after = page.next;
  }
  return found;
}
