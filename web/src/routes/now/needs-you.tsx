import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Ellipsis } from 'lucide-react';
import { useState } from 'react';
import type { InboxItemWire } from '../../../../src/http/contract.ts';
import { explainQuery, nowQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { plural } from '../../lib/format.ts';
import { needsYouOf, type ReasonWire } from '../../lib/needs-you.ts';
import { isSnoozed, type Snoozable, useSnooze, useSnoozed } from '../../lib/snooze.ts';
import { Button, buttonClass } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { Menu } from '../../ui/menu.tsx';
import { ReasonIcon, Titled, toneOfReason } from '../../ui/reason.tsx';
import { ReasonActions } from '../../ui/reason-actions.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { Ago } from '../../ui/time.tsx';

/** One inbox of everything that waits for a person. */
export function NeedsYou({ project }: { project: string | undefined }) {
  const query = useQuery(explainQuery(project));
  const stalled = (useQuery(nowQuery(project)).data?.inbox ?? []).filter(({ kind }) => kind === 'stalled');
  const snoozed = useSnoozed();
  const [isAll, setAll] = useState(false);
  const all = query.data === undefined ? [] : needsYouOf(query.data);
  const shown = isAll ? all : all.filter((reason) => !isSnoozed(snoozed, reason));
  const shownStalled = isAll ? stalled : stalled.filter((item) => !isSnoozed(snoozed, runOf(item)));
  const hidden = all.length + stalled.length - shown.length - shownStalled.length;
  return (
    <Card
      className="max-md:order-1"
      title={
        <span className="flex items-center gap-2.5">
          {copy.now.needsYou}
          {all.length === 0 ? null : <span className="chip tone-attention num !px-2">{all.length}</span>}
        </span>
      }
    >
      <Loaded query={query} what={copy.now.needsYou}>
        {(explain) =>
          explain.verdict === 'unknown' ? (
            <Empty>{copy.now.unknownInbox}</Empty>
          ) : all.length + stalled.length === 0 ? (
            <Empty isGood>{copy.now.nothingNeedsYou}</Empty>
          ) : (
            <>
              <ul className="inbox">
                {shownStalled.map((item) => (
                  <Stalled key={item.about} item={item} />
                ))}
                {shown.map((reason) => (
                  <Item key={keyOf(reason)} reason={reason} />
                ))}
              </ul>
              {hidden > 0 ? (
                <p className="border-t border-line px-4 py-2 text-sm">
                  <button type="button" className="link" onClick={() => setAll(true)}>
                    {copy.now.snoozed(hidden)}
                  </button>
                </p>
              ) : null}
            </>
          )
        }
      </Loaded>
    </Card>
  );
}

/** A live run that shows no sign of work: no job waits for it, and still a person is needed. */
function Stalled({ item }: { item: InboxItemWire }) {
  const snooze = useSnooze();
  return (
    <li data-row className="tone-attention">
      <ReasonIcon code="run.stalled" state="needs_you" />
      <div className="min-w-0 flex-1">
        <p className="two-lines">{item.title}</p>
        <p className="ell text-sm text-ink-3" title={item.detail}>
          {item.detail === '' ? null : `${item.detail} · `}
          <Ago at={item.since} />
        </p>
      </div>
      <Link to="/runs/$id" params={{ id: item.about }} className={buttonClass('plain', true)}>
        {copy.action.open}
      </Link>
      <SnoozeMenu title={item.title} onSnooze={() => snooze(runOf(item))} />
    </li>
  );
}

function runOf({ code, about }: InboxItemWire): Snoozable {
  return { code, scope: { kind: 'run', id: about } };
}

function SnoozeMenu({ title, onSnooze }: { title: string; onSnooze: () => void }) {
  return (
    <Menu
      label={copy.columns.actions}
      trigger={
        <Button
          look="quiet"
          isSmall
          isIcon
          className="-mx-2"
          aria-label={`${copy.columns.actions}: ${title}`}
        >
          <Ellipsis aria-hidden="true" />
        </Button>
      }
      items={[{ label: copy.now.snooze, onSelect: onSnooze }]}
    />
  );
}

function Item({ reason }: { reason: ReasonWire }) {
  const snooze = useSnooze();
  const context = reason.jobsHeld > 1 ? `${copy.now.holds} ${plural(reason.jobsHeld, 'job')}` : reason.detail;
  return (
    <li data-row className={`tone-${toneOfReason(reason.code, reason.state)}`}>
      <ReasonIcon code={reason.code} state={reason.state} />
      <div className="min-w-0 flex-1">
        <p className="two-lines">
          <ShortTitle reason={reason} />
        </p>
        <p className="ell text-sm text-ink-3" title={reason.detail}>
          {context === '' ? null : `${context} · `}
          <Ago at={reason.since} />
        </p>
      </div>
      <ReasonActions reason={reason} isSmall isOne />
      <SnoozeMenu title={reason.title} onSnooze={() => snooze(reason)} />
    </li>
  );
}

/** "API-224 waits for approval": what it is about first, as the row has little room. */
function ShortTitle({ reason: { code, title, scope } }: { reason: ReasonWire }) {
  const words = copy.inbox[code];
  if (words === undefined || scope.label === '') return <Titled title={title} scope={scope} />;
  return (
    <>
      <strong className={scope.kind === 'account' ? 'mono' : undefined}>{scope.label}</strong> {words}
    </>
  );
}

function keyOf(reason: ReasonWire): string {
  return `${reason.code}:${reason.scope.kind}:${reason.scope.id}:${reason.since}`;
}
