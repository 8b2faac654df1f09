import { type FormEvent, useState } from 'react';
import type { TaskDetailWire } from '../../../../src/http/contract.ts';
import { useAct } from '../../api/actions.ts';
import { copy } from '../../copy.ts';
import { ActionButton } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { LongField } from '../../ui/fields.tsx';
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
      {task.status === 'done' || task.status === 'cancelled' ? null : <Say task={task} />}
    </Card>
  );
}

/** A word to whoever works on the task next; the answer, where its agent waits for one. */
function Say({ task }: { task: TaskDetailWire }) {
  const [text, setText] = useState('');
  const say = useAct('comment', { done: copy.task.comment.done });
  const isAsked = task.reason?.code === 'question.pending';
  const send = (event: FormEvent) => {
    event.preventDefault();
    say.mutate({ target: task.key, note: text.trim() }, { onSuccess: () => setText('') });
  };
  return (
    <form className="card-body grid gap-2 border-t border-line" onSubmit={send}>
      <LongField
        label={copy.task.comment.label}
        hint={isAsked ? copy.task.comment.isAnswer : copy.task.comment.hint}
        rows={2}
        maxLength={20_000}
        value={text}
        onChange={setText}
      />
      <ActionButton
        action="comment"
        type="submit"
        className="justify-self-start"
        isPending={say.isPending}
        whyNot={text.trim() === '' ? copy.dialog.missing : undefined}
      >
        {copy.task.comment.do}
      </ActionButton>
    </form>
  );
}
