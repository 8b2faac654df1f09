import type { TaskDetailWire } from '../../../../src/http/contract.ts';
import { copy } from '../../copy.ts';
import { Card } from '../../ui/card.tsx';
import { Empty } from '../../ui/states.tsx';
import { Ago } from '../../ui/time.tsx';
import { Chip } from '../../ui/tone.tsx';

/** What people wrote on the item, what its agents asked, and what was answered: text, whatever it holds. */
export function Talk({ task }: { task: TaskDetailWire }) {
  const { thread, said } = task;
  return (
    <Card title={copy.task.talk}>
      {thread.trim() === '' && said.length === 0 ? <Empty>{copy.task.noTalk}</Empty> : null}
      {said.length === 0 ? null : (
        <ul className="inbox">
          {said.map(({ kind, at, text }, i) => (
            <li key={i} className="!items-start">
              <div className="min-w-0 flex-1 text-sm">
                <p className="flex flex-wrap items-center gap-2">
                  <Chip state={kind === 'question' ? 'needs_you' : 'done'}>{copy.task.said[kind]}</Chip>
                  <span className="text-xs text-ink-3">
                    <Ago at={at} />
                  </span>
                </p>
                <p className="mt-1 wrap-anywhere whitespace-pre-wrap">{text}</p>
              </div>
            </li>
          ))}
        </ul>
      )}
      {thread.trim() === '' ? null : (
        <div className={`card-body ${said.length === 0 ? '' : 'border-t border-line'}`}>
          <h3 className="mb-1 text-sm font-medium text-ink-2">{copy.task.comments}</h3>
          <p className="text-sm wrap-anywhere whitespace-pre-wrap">{thread}</p>
        </div>
      )}
    </Card>
  );
}
