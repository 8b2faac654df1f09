import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { accountsQuery, projectsQuery, taskQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { money, plural, sentence } from '../../lib/format.ts';
import { AskDialog, Choices, LongField, SelectField } from '../../ui/fields.tsx';
import { Outcomes, useBulk } from './bulk.tsx';

const NONE = ['', copy.dialog.choose] as const;

type How = 'again' | 'note' | 'stage' | 'account';

/** Again, with a note, from an earlier stage or on another account; and what is kept and was spent. */
export function RetryDialog({
  targets,
  stage,
  onClose,
}: {
  targets: readonly string[];
  stage?: string | undefined;
  onClose: () => void;
}) {
  const [only] = targets;
  const key = targets.length === 1 && only !== undefined && !/^(job|run)_/.test(only) ? only : null;
  const task = useQuery({ ...taskQuery(key ?? ''), enabled: key !== null }).data?.task;
  const stages = useStages(task?.project, task?.pipeline);
  const accounts = useQuery(accountsQuery()).data?.accounts ?? [];
  const [how, setHow] = useState<How>(stage === undefined ? 'again' : 'stage');
  const [note, setNote] = useState('');
  const [from, setFrom] = useState(stage ?? '');
  const [account, setAccount] = useState('');
  const bulk = useBulk(copy.retry.done, onClose);
  const body = {
    note: how === 'note' ? note : null,
    fromStage: how === 'stage' ? from : null,
    account: how === 'account' ? account : null,
  };
  const isMissing =
    (how === 'note' && note.trim() === '') ||
    (how === 'stage' && from === '') ||
    (how === 'account' && account === '');
  const name = targets.length === 1 ? only : plural(targets.length, 'job');
  const choices = [
    { value: 'again', label: copy.retry.again, hint: copy.retry.againHint },
    { value: 'note', label: copy.retry.note },
    ...(stages.length > 1 ? [{ value: 'stage', label: copy.retry.stage } as const] : []),
    ...(accounts.length > 1
      ? [{ value: 'account', label: copy.retry.account, hint: copy.retry.accountHint } as const]
      : []),
  ] as const;
  return (
    <AskDialog
      title={copy.retry.title(name ?? '')}
      description={task?.title}
      action="retry"
      label={copy.retry.do}
      act={bulk}
      isMissing={isMissing}
      onAsk={() => void bulk.run('retry', targets, body)}
      onClose={onClose}
    >
      <Choices name="how" label={copy.retry.how} chosen={how} onChoose={setHow} choices={choices} />
      {how === 'note' ? <LongField label={copy.retry.noteLabel} value={note} onChange={setNote} /> : null}
      {how === 'stage' ? (
        <SelectField
          label={copy.columns.stage}
          value={from}
          options={[NONE, ...stages.map((each) => [each, sentence(each)] as const)]}
          onChange={setFrom}
        />
      ) : null}
      {how === 'account' ? (
        <SelectField
          label={copy.columns.account}
          value={account}
          options={[NONE, ...accounts.map(({ id }) => [id, id] as const)]}
          onChange={setAccount}
        />
      ) : null}
      <p className="text-sm text-ink-2">
        {copy.retry.kept}{' '}
        {task === undefined
          ? null
          : copy.retry.spent(
              task.costUsd === 0 ? null : money(task.costUsd),
              plural(task.runs.length, 'run'),
              task.unknownCosts > 0 ? plural(task.unknownCosts, 'run') : null,
            )}
      </p>
      <Outcomes outcomes={bulk.outcomes} of={targets.length} />
    </AskDialog>
  );
}

/** The stages of a task's own pipeline, in order. */
function useStages(project: string | undefined, pipeline: string | undefined): readonly string[] {
  const projects = useQuery(projectsQuery()).data?.projects ?? [];
  const found = projects.find(({ key }) => key === project)?.pipelines.find(({ name }) => name === pipeline);
  return found?.stages.map(({ stage }) => stage) ?? [];
}
