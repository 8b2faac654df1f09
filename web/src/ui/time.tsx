import { useNow } from '../lib/clock.ts';
import { absolute, duration, exact, relative, shortDuration } from '../lib/format.ts';

/** "12 min ago", with the whole time on hover. */
export function Ago({ at }: { at: string }) {
  const now = useNow();
  const then = Date.parse(at);
  return (
    <time dateTime={at} title={exact(then)}>
      {relative(then, now)}
    </time>
  );
}

const MONTH_MS = 30 * 86_400_000;

/** "in 6 d", for what is ahead and matters by how far it is; a date from a month on. */
export function In({ at }: { at: string }) {
  const now = useNow();
  const then = Date.parse(at);
  const ahead = then - now;
  return (
    <time dateTime={at} title={exact(then)}>
      {ahead > 0 && ahead < MONTH_MS ? `in ${shortDuration(ahead)}` : relative(then, now)}
    </time>
  );
}

/** "08:13", with the whole time on hover. */
export function At({ at }: { at: string }) {
  const now = useNow();
  const then = Date.parse(at);
  return (
    <time dateTime={at} title={exact(then)}>
      {absolute(then, now)}
    </time>
  );
}

/** How long since then: "41 min"; `whole` gives "41 min 12 s". */
export function Since({ at, isWhole = false }: { at: string; isWhole?: boolean }) {
  const now = useNow();
  const then = Date.parse(at);
  return (
    <time dateTime={at} title={exact(then)}>
      {(isWhole ? duration : shortDuration)(now - then)}
    </time>
  );
}

export function Lasted({ from, to }: { from: string; to: string | null }) {
  const now = useNow();
  const end = to === null ? now : Date.parse(to);
  return <span className="num">{duration(end - Date.parse(from))}</span>;
}
