import { useQuery } from '@tanstack/react-query';
import type { AuditEntryWire } from '../../../../src/http/contract.ts';
import { auditQuery } from '../../api/queries.ts';
import { useMay } from '../../api/session.ts';
import { copy } from '../../copy.ts';
import { Card } from '../../ui/card.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { Ago } from '../../ui/time.tsx';

/** Who did what to a task, newest first; for those who may read the audit log. */
export function TaskAudit({ target }: { target: string }) {
  const may = useMay('audit.read');
  const query = useQuery({ ...auditQuery({ target, limit: 50 }), enabled: may.isAllowed });
  if (!may.isAllowed) return null;
  return (
    <Card title={copy.task.audit}>
      <Loaded query={query} what={copy.task.audit}>
        {({ entries }) =>
          entries.length === 0 ? (
            <Empty>{copy.task.noAudit}</Empty>
          ) : (
            <ul className="inbox">
              {entries.map((entry) => (
                <li key={entry.id} className="!items-start">
                  <AuditLine entry={entry} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Card>
  );
}

function AuditLine({ entry }: { entry: AuditEntryWire }) {
  return (
    <div className="min-w-0 text-sm">
      <p className="wrap-anywhere">
        <strong>{entry.by}</strong> {copy.audit.action[entry.action] ?? entry.action}{' '}
        <span className="mono !whitespace-normal">{entry.target}</span>
      </p>
      <p className="text-xs text-ink-3">
        <Ago at={entry.at} /> · {entry.surface}
      </p>
    </div>
  );
}
