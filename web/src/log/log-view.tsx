import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ChevronDown, ChevronUp, Download, Search, WrapText } from 'lucide-react';
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import { address } from '../api/client.ts';
import { copy } from '../copy.ts';
import { bytes, count } from '../lib/format.ts';
import { setPreference, usePreference } from '../lib/preference.ts';
import { Button, buttonClass } from '../ui/button.tsx';
import { Menu } from '../ui/menu.tsx';
import { Problem, Skeleton } from '../ui/states.tsx';
import { Chip } from '../ui/tone.tsx';
import { Ansi } from './ansi.tsx';
import { type Find, useFind } from './find.ts';
import { useLogKeys } from './keys.ts';
import { LineTime, TimesButton, useTimes } from './line-time.tsx';
import type { Row } from './rows.ts';
import { useRunLog } from './run-log.ts';

const ROW_PX = 20;
/** Nearer to the end than this counts as at the end. */
const AT_END_PX = 24;

/**
 * The log of a run, live or over. Rows outside of view are not in the page; text is never markup. It follows
 * the end until the reader scrolls up.
 */
export function LogView({
  runId,
  startedAt,
  tools,
  at,
  onAt,
}: {
  runId: string;
  startedAt: string;
  /** Where its tools are shown. */
  tools: HTMLElement | null;
  /** The line that the address names. */
  at: number | null;
  onAt: (seq: number) => void;
}) {
  const [start] = useState(at);
  const log = useRunLog(runId, start);
  const isWrapped = usePreference('log.wrap', ['on', 'off'], 'off') === 'on';
  const [times, nextTimes] = useTimes();
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const [isFollowing, setFollowing] = useState(start === null);
  const [seen, setSeen] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const scrolledTo = useRef(0);
  const findField = useRef<HTMLInputElement>(null);
  // `version` stands for the rows, which grow in place.
  const rows = useMemo(
    () =>
      folded.size === 0
        ? [...log.rows]
        : log.rows.filter(({ under }) => under === null || !folded.has(under)),
    [log.rows, log.version, folded],
  );
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 20,
    getItemKey: (i) => rows[i]?.key ?? i,
  });

  const toSeq = useCallback(
    (seq: number) => {
      const i = rows.findIndex((row) => row.seq >= seq);
      if (i !== -1) virtual.scrollToIndex(i, { align: 'center' });
    },
    [rows, virtual],
  );
  const find = useFind(runId, async (seq) => {
    setFollowing(false);
    await log.showAround(seq);
    setTarget(seq);
  });
  const [target, setTarget] = useState<number | null>(start);
  useEffect(() => {
    if (target === null || rows.length === 0) return;
    toSeq(target);
    // What is there already is not new.
    setSeen((old) => Math.max(old, rows.length));
    setTarget(null);
  }, [target, rows, toSeq]);

  useLayoutEffect(() => {
    if (!isFollowing || rows.length === 0) return;
    virtual.scrollToIndex(rows.length - 1, { align: 'end' });
    setSeen(rows.length);
  }, [isFollowing, rows.length, virtual]);

  const onScroll = () => {
    const element = box.current;
    if (element === null) return;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < AT_END_PX;
    const isDownwards = element.scrollTop > scrolledTo.current;
    scrolledTo.current = element.scrollTop;
    // Not on the first pixels of the way up: only who comes down to the end wants to follow again.
    if (isAtEnd && isDownwards && !log.hasLater) setFollowing(true);
  };
  const stopFollowing = () => {
    if (isFollowing) setSeen(rows.length);
    setFollowing(false);
  };
  const toEnd = async () => {
    await log.showEnd();
    setFollowing(true);
  };
  useLogKeys({
    follow: () => (isFollowing ? stopFollowing() : void toEnd()),
    find: () => findField.current?.focus(),
    next: () => void find.step(1),
    before: () => void find.step(-1),
    wrap: () => setPreference('log.wrap', isWrapped ? 'off' : 'on'),
    times: nextTimes,
  });

  const showEarlier = async () => {
    setFollowing(false);
    const first = rows[0]?.key;
    await log.showEarlier();
    // Stay where the reader is: the row that was first is still the one under the eye.
    requestAnimationFrame(() => {
      const i = first === undefined ? -1 : log.rows.findIndex(({ key }) => key === first);
      if (i > 0) virtual.scrollToIndex(i, { align: 'start' });
    });
  };
  const fresh = rows.length - seen;
  return (
    <div>
      {tools === null
        ? null
        : createPortal(<Toolbar runId={runId} find={find} field={findField} isWrapped={isWrapped} />, tools)}
      {log.error === null ? null : <Problem what={copy.log.title} error={log.error} onAgain={log.again} />}
      {log.isLoading ? <Skeleton rows={8} /> : null}
      {log.hasEarlier ? (
        <p className="border-b border-line bg-page px-4 py-1 text-sm">
          <button type="button" className="link" onClick={() => void showEarlier()}>
            {copy.log.earlier}
          </button>
        </p>
      ) : null}
      <div
        className="log"
        ref={box}
        role="log"
        aria-live="off"
        aria-label={copy.log.title}
        tabIndex={0}
        data-wrap={isWrapped}
        style={{ height: `min(var(--log-height), ${Math.max(160, virtual.getTotalSize() + 18)}px)` }}
        onScroll={onScroll}
        onWheel={(event) => (event.deltaY < 0 ? stopFollowing() : undefined)}
        onTouchMove={stopFollowing}
        onKeyDown={(event) =>
          ['ArrowUp', 'PageUp', 'Home'].includes(event.key) ? stopFollowing() : undefined
        }
      >
        <div style={{ height: virtual.getTotalSize(), position: 'relative', minWidth: '100%' }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            if (row === undefined) return null;
            return (
              <LogRow
                key={item.key}
                row={row}
                index={item.index}
                top={item.start}
                measure={virtual.measureElement}
                isFolded={folded.has(row.key)}
                isAt={at === row.seq}
                isHit={find.current === row.seq}
                onFold={() => setFolded((old) => toggled(old, row.key))}
                onAt={() => onAt(row.seq)}
              >
                <LineTime row={row} times={times} startedAt={startedAt} />
              </LogRow>
            );
          })}
        </div>
      </div>
      {rows.length === 0 && !log.isLoading && log.error === null ? (
        <p className="card-body text-sm text-ink-2">{log.isEnded ? copy.log.empty : copy.log.notYet}</p>
      ) : null}
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-t border-line px-4 py-2 text-sm">
        {log.isEnded && !log.hasLater ? (
          <Chip state="done">{copy.log.whole}</Chip>
        ) : isFollowing && log.live !== 'reconnecting' ? (
          <Chip state="running">{copy.log.following}</Chip>
        ) : log.live === 'reconnecting' ? (
          <Chip state="waiting">{copy.top.reconnecting}</Chip>
        ) : null}
        {isFollowing || (fresh <= 0 && !log.hasLater) ? null : (
          <Button isSmall onClick={() => void toEnd()}>
            <ArrowDown aria-hidden="true" />
            {log.hasLater ? copy.log.toEnd : copy.log.fresh(count(fresh))}
          </Button>
        )}
        <span className="num text-ink-3">
          {copy.log.facts(count(log.lines), bytes(log.size))}
          {log.masked > 0 ? ` · ${copy.log.masked(count(log.masked))}` : ''}
        </span>
        <span className="ml-auto flex items-center gap-1 text-xs text-ink-3 max-md:hidden">
          <kbd>f</kbd> {copy.log.keyFollow} <kbd>/</kbd> {copy.log.keyFind} <kbd>w</kbd> {copy.log.keyWrap}{' '}
          <kbd>t</kbd> {copy.log.keyTimes}
        </span>
      </div>
    </div>
  );
}

function toggled(set: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(key)) next.add(key);
  return next;
}

function LogRow({
  row,
  index,
  top,
  measure,
  isFolded,
  isAt,
  isHit,
  onFold,
  onAt,
  children,
}: {
  row: Row;
  index: number;
  top: number;
  measure: (element: HTMLElement | null) => void;
  isFolded: boolean;
  isAt: boolean;
  isHit: boolean;
  onFold: () => void;
  onAt: () => void;
  /** Before the line. */
  children: ReactNode;
}) {
  return (
    <div
      ref={measure}
      data-index={index}
      className="log-row"
      data-kind={row.kind}
      data-at={isAt}
      data-hit={isHit}
      style={{ transform: `translateY(${top}px)` }}
    >
      {children}
      {row.tool === null ? (
        <a
          className="log-gutter"
          href={`?line=${row.seq}`}
          tabIndex={-1}
          aria-label={copy.log.linkTo}
          onClick={(event) => {
            event.preventDefault();
            onAt();
          }}
        >
          {row.kind === 'says' && row.isFirst ? '●' : row.isFirst ? '·' : ' '}
        </a>
      ) : (
        <button
          type="button"
          className="log-gutter"
          tabIndex={-1}
          aria-expanded={!isFolded}
          aria-label={isFolded ? copy.log.unfold : copy.log.fold}
          onClick={onFold}
        >
          {isFolded ? '▸' : '▾'}
        </button>
      )}
      <code>
        {row.tool === null ? null : (
          <>
            <b>{row.tool}</b>{' '}
          </>
        )}
        {row.under === null ? null : '  '}
        <Ansi text={row.text} />
      </code>
    </div>
  );
}

function Toolbar({
  runId,
  find,
  field,
  isWrapped,
}: {
  runId: string;
  find: Find;
  field: React.RefObject<HTMLInputElement | null>;
  isWrapped: boolean;
}) {
  const download = (plain: boolean) =>
    window.location.assign(
      address('/runs/{id}/log/download', { params: { id: runId }, query: { plain: plain ? '1' : null } }),
    );
  return (
    <div className="flex items-center gap-1 px-3 max-md:border-t max-md:border-line max-md:py-2">
      <form
        role="search"
        className="flex min-w-0 flex-1 items-center justify-end gap-1"
        onSubmit={(event) => {
          event.preventDefault();
          void find.step(1);
        }}
      >
        <label className="input input-sm flex min-w-0 flex-1 items-center gap-2 md:max-w-60">
          <Search size={14} aria-hidden="true" className="shrink-0 text-ink-3" />
          <span className="sr-only">{copy.log.find}</span>
          <input
            ref={field}
            data-filter
            className="min-w-0 flex-1 bg-transparent outline-none placeholder:text-ink-3"
            placeholder={copy.log.find}
            value={find.words}
            onChange={(event) => find.setWords(event.target.value)}
          />
        </label>
        <span className="num text-sm whitespace-nowrap text-ink-3" role="status">
          {find.status}
        </span>
        {find.words === ''
          ? null
          : (
              [
                [-1, copy.log.before, ChevronUp],
                [1, copy.log.next, ChevronDown],
              ] as const
            ).map(([by, label, Icon]) => (
              <Button
                key={by}
                look="quiet"
                isSmall
                isIcon
                aria-label={label}
                disabled={find.total === 0}
                onClick={() => void find.step(by)}
              >
                <Icon aria-hidden="true" />
              </Button>
            ))}
      </form>
      <Button
        look="quiet"
        isSmall
        isIcon
        aria-label={copy.log.wrap}
        aria-pressed={isWrapped}
        onClick={() => setPreference('log.wrap', isWrapped ? 'off' : 'on')}
      >
        <WrapText aria-hidden="true" />
      </Button>
      <TimesButton />
      <Menu
        label={copy.log.download}
        trigger={
          <button type="button" className={buttonClass('quiet', true, true)} aria-label={copy.log.download}>
            <Download aria-hidden="true" />
          </button>
        }
        items={[
          { label: copy.log.raw, onSelect: () => download(false) },
          { label: copy.log.plain, onSelect: () => download(true) },
        ]}
      />
    </div>
  );
}
