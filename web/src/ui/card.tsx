import { type ReactNode, useId } from 'react';

/** A titled surface: every part of a page is one, and a landmark by its title. */
export function Card({
  title,
  hint,
  extra,
  children,
  className,
}: {
  title: ReactNode;
  hint?: ReactNode;
  /** At the right end of the head. */
  extra?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  const id = useId();
  return (
    <section className={`card ${className ?? ''}`} aria-labelledby={id}>
      <div className="card-head">
        <h2 id={id}>{title}</h2>
        {hint === undefined ? null : <span className="num text-sm text-ink-3">{hint}</span>}
        {extra === undefined ? null : (
          <div className="ml-auto flex max-w-full min-w-0 flex-wrap items-center gap-2">{extra}</div>
        )}
      </div>
      {children}
    </section>
  );
}

export function PageTitle({
  title,
  hint,
  children,
}: {
  title: ReactNode;
  hint?: ReactNode;
  /** Buttons at the right end. */
  children?: ReactNode;
}) {
  return (
    <div className="page-title">
      <h1>{title}</h1>
      {hint === undefined ? null : <div className="page-hint text-sm text-ink-3">{hint}</div>}
      {children === undefined ? null : <div className="page-actions">{children}</div>}
    </div>
  );
}

export function Meter({ share, label }: { share: number; label?: string }) {
  const width = `${Math.round(Math.min(1, Math.max(0, share)) * 100)}%`;
  return (
    <div
      className="meter"
      {...(label === undefined ? { 'aria-hidden': true } : { role: 'img', 'aria-label': label })}
    >
      <i style={{ width }} />
    </div>
  );
}
