import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { accountsQuery, projectsQuery, taskQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { money, plural, sentence } from '../../lib/format.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { toast } from '../../ui/toast.tsx';
import { Outcomes, useBulk } from './bulk.tsx';
import { Choice, Field, Foot } from './parts.tsx';

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
  const bulk = useBulk('retry');
  const body = {
    note: how === 'note' ? note : null,
    fromStage: how === 'stage' ? from : null,
    account: how === 'account' ? account : null,
  };
  const missing =
    (how === 'note' && note.trim() === '') ||
    (how === 'stage' && from === '') ||
    (how === 'account' && account === '');
  const submit = async () => {
    if (missing || bulk.isPending) return;
    if (!(await bulk.run(targets, body, copy.retry.done))) return;
    toast({ text: copy.retry.done });
    onClose();
  };
  const name = targets.length === 1 ? only : plural(targets.length, 'job');
  return (
    <Dialog
      title={copy.retry.title(name ?? '')}
      {...(task === undefined ? {} : { description: task.title })}
      onClose={onClose}
      onSubmit={() => void submit()}
      foot={
        <Foot
          action="retry"
          label={copy.retry.do}
          isPending={bulk.isPending}
          whyNot={missing ? copy.dialog.missing : undefined}
          onClose={onClose}
        />
      }
    >
      <fieldset className="grid gap-2">
        <legend className="sr-only">{copy.retry.how}</legend>
        <Choice
          name="how"
          value="again"
          chosen={how}
          onChoose={() => setHow('again')}
          label={copy.retry.again}
          hint={copy.retry.againHint}
        />
        <Choice
          name="how"
          value="note"
          chosen={how}
          onChoose={() => setHow('note')}
          label={copy.retry.note}
        />
        {stages.length > 1 ? (
          <Choice
            name="how"
            value="stage"
            chosen={how}
            onChoose={() => setHow('stage')}
            label={copy.retry.stage}
          />
        ) : null}
        {accounts.length > 1 ? (
          <Choice
            name="how"
            value="account"
            chosen={how}
            onChoose={() => setHow('account')}
            label={copy.retry.account}
            hint={copy.retry.accountHint}
          />
        ) : null}
      </fieldset>
      {how === 'note' ? (
        <Field label={copy.retry.noteLabel}>
          {(id) => (
            <textarea
              id={id}
              className="input"
              value={note}
              onChange={(event) => setNote(event.target.value)}
            />
          )}
        </Field>
      ) : null}
      {how === 'stage' ? (
        <Field label={copy.columns.stage}>
          {(id) => (
            <select id={id} className="input" value={from} onChange={(event) => setFrom(event.target.value)}>
              <option value="">{copy.dialog.choose}</option>
              {stages.map((each) => (
                <option key={each} value={each}>
                  {sentence(each)}
                </option>
              ))}
            </select>
          )}
        </Field>
      ) : null}
      {how === 'account' ? (
        <Field label={copy.columns.account}>
          {(id) => (
            <select
              id={id}
              className="input"
              value={account}
              onChange={(event) => setAccount(event.target.value)}
            >
              <option value="">{copy.dialog.choose}</option>
              {accounts.map((each) => (
                <option key={each.id} value={each.id}>
                  {each.id}
                </option>
              ))}
            </select>
          )}
        </Field>
      ) : null}
      <p className="text-sm text-ink-2">
        {copy.retry.kept}{' '}
        {task === undefined
          ? null
          : copy.retry.spent(
              money(task.costUsd),
              plural(task.runs.length, 'run'),
              task.unknownCosts > 0 ? plural(task.unknownCosts, 'run') : null,
            )}
      </p>
      <Outcomes outcomes={bulk.outcomes} of={targets.length} />
    </Dialog>
  );
}

/** The stages of a task's own pipeline, in order. */
function useStages(project: string | undefined, pipeline: string | undefined): readonly string[] {
  const projects = useQuery(projectsQuery()).data?.projects ?? [];
  const found = projects.find(({ key }) => key === project)?.pipelines.find(({ name }) => name === pipeline);
  return found?.stages.map(({ stage }) => stage) ?? [];
}
