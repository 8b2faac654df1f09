import { Link } from '@tanstack/react-router';
import { TriangleAlert } from 'lucide-react';
import type { TaskDetailWire } from '../../../../src/http/contract.ts';
import { copy } from '../../copy.ts';
import { useDialogs } from '../../frame/dialogs.tsx';
import { ActionButton, buttonClass } from '../../ui/button.tsx';

/** What the task waits for a person with, and the one thing to do about it. */
export function Trouble({ task }: { task: TaskDetailWire }) {
  const dialogs = useDialogs();
  const held = task.jobs.findLast(({ status }) => status === 'queued');
  const reason = task.reason;
  if (task.status !== 'needs_you' || reason === null) return null;
  const isFailure = reason.code === 'job.failed';
  return (
    <section
      className={`card mb-4 overflow-hidden tone-${isFailure ? 'failed' : 'attention'}`}
      aria-label={copy.task.needsYou}
    >
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2 bg-tone-tint p-4">
        <TriangleAlert size={20} aria-hidden="true" className="shrink-0 text-tone" />
        <div className="min-w-0 flex-1 basis-60">
          <h2>{copy.hold[reason.code] ?? copy.task.needs_you}</h2>
          <p className="text-sm wrap-anywhere whitespace-pre-wrap text-ink-2">{reason.detail}</p>
        </div>
        {reason.code === 'approval.pending' && held !== undefined ? (
          <Link to="/approvals/$id" params={{ id: held.id }} className={buttonClass('primary')}>
            {copy.action.review}
          </Link>
        ) : reason.code === 'question.pending' ? (
          <ActionButton
            action="answer"
            look="primary"
            onClick={() => dialogs.open({ kind: 'answer', target: task.key, question: reason.detail })}
          >
            {copy.action.answer}
          </ActionButton>
        ) : (
          <ActionButton
            action="retry"
            look="primary"
            onClick={() => dialogs.open({ kind: 'retry', targets: [task.key] })}
          >
            {copy.action.retry}
          </ActionButton>
        )}
      </div>
    </section>
  );
}
