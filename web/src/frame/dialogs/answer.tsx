import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useAct } from '../../api/actions.ts';
import { taskQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { AskDialog, LongField } from '../../ui/fields.tsx';

/** The agent's question as it was asked, its own options to pick from, and an answer in words. */
export function AnswerDialog({
  target,
  question,
  onClose,
}: {
  target: string;
  /** Empty where the caller does not know it: its task does. */
  question: string;
  onClose: () => void;
}) {
  const [answer, setAnswer] = useState('');
  const act = useAct('answer', { isQuiet: true, done: copy.answer.done });
  const lines = useQuestion(target, question).split('\n');
  const options = lines.filter((line) => line.startsWith('- ')).map((line) => line.slice(2));
  const asked = lines.filter((line) => !line.startsWith('- ')).join('\n');
  return (
    <AskDialog
      title={copy.answer.title}
      action="answer"
      label={copy.answer.do}
      act={act}
      isMissing={answer.trim() === ''}
      onAsk={() => act.mutate({ target, note: answer.trim() }, { onSuccess: onClose })}
      onClose={onClose}
    >
      <blockquote className="note wrap-anywhere whitespace-pre-wrap">
        {asked === '' ? copy.answer.noQuestion : asked}
      </blockquote>
      {options.length === 0 ? null : (
        <div className="flex flex-wrap gap-2">
          {options.map((option) => (
            <button
              key={option}
              type="button"
              className="btn btn-sm !h-auto min-h-7 max-w-full !whitespace-normal wrap-anywhere"
              aria-pressed={answer === option}
              onClick={() => setAnswer(option)}
            >
              {option}
            </button>
          ))}
        </div>
      )}
      <LongField label={copy.answer.label} hint={copy.answer.hint} value={answer} onChange={setAnswer} />
    </AskDialog>
  );
}

function useQuestion(key: string, known: string): string {
  const task = useQuery({ ...taskQuery(key), enabled: known === '' }).data?.task;
  return known === '' ? (task?.reason?.detail ?? '') : known;
}
