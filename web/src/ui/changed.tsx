import { count } from '../lib/format.ts';

/** Lines that came and lines that went. */
export function Changed({ added, deleted }: { added: number; deleted: number }) {
  return (
    <span className="num whitespace-nowrap">
      <span className="text-done-ink">+{count(added)}</span>{' '}
      <span className="text-failed-ink">−{count(deleted)}</span>
    </span>
  );
}
