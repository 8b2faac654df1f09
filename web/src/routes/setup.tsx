import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { get, post } from '../api/client.ts';
import { accountsQuery, projectsQuery } from '../api/queries.ts';
import { sessionQuery } from '../api/session.ts';
import { copy } from '../copy.ts';
import { Field, Refusal } from '../frame/dialogs/parts.tsx';
import { plural } from '../lib/format.ts';
import { useTheme } from '../lib/theme.ts';
import { Button, buttonClass } from '../ui/button.tsx';
import { Command } from '../ui/copy-text.tsx';
import { Sheet } from '../ui/sheet.tsx';
import { Chip } from '../ui/tone.tsx';

/**
 * The first start: the first admin by the code that `orch up` printed, then what is still to be done, each step
 * looked at by itself and with its command. It can be left and taken up again.
 */
export function SetupPage() {
  useTheme();
  const setup = useQuery({
    queryKey: ['setup'],
    queryFn: ({ signal }) => get<{ needed: boolean }>('/setup', {}, signal),
  });
  const { step } = useSearch({ from: '/setup' });
  if (setup.data === undefined)
    return (
      <Sheet title={copy.setup.title} onSubmit={() => void setup.refetch()}>
        <Refusal error={setup.error} />
      </Sheet>
    );
  return setup.data.needed && step === undefined ? <FirstAdmin /> : <Steps />;
}

function FirstAdmin() {
  const search = useSearch({ from: '/setup' });
  const navigate = useNavigate({ from: '/setup' });
  const client = useQueryClient();
  const [code, setCode] = useState(search.code ?? '');
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const act = useMutation({
    mutationFn: () => post('/setup', { code: code.trim(), name, password }),
    async onSuccess() {
      await client.invalidateQueries();
      await navigate({ search: { step: 'next' } });
    },
  });
  return (
    <Sheet title={copy.setup.admin} onSubmit={() => (act.isPending ? undefined : act.mutate())}>
      <p className="text-sm text-ink-2">{copy.setup.adminWhat}</p>
      <Field label={copy.setup.code} hint={copy.setup.codeHint}>
        {(id) => (
          <input
            id={id}
            className="input mono"
            autoComplete="one-time-code"
            required
            value={code}
            onChange={(event) => setCode(event.target.value)}
          />
        )}
      </Field>
      <Field label={copy.signIn.name}>
        {(id) => (
          <input
            id={id}
            className="input"
            autoComplete="username"
            required
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Field label={copy.signIn.password} hint={copy.setup.passwordHint}>
        {(id) => (
          <input
            id={id}
            className="input"
            type="password"
            autoComplete="new-password"
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Field>
      <Refusal error={act.error} />
      <Button type="submit" look="primary" disabled={act.isPending}>
        {act.isPending ? copy.state.requested : copy.setup.doAdmin}
      </Button>
    </Sheet>
  );
}

function Steps() {
  const me = useQuery(sessionQuery());
  const projects = useQuery({ ...projectsQuery(), enabled: me.data !== undefined }).data?.projects;
  const accounts = useQuery({ ...accountsQuery(), enabled: me.data !== undefined }).data?.accounts;
  const signedIn = accounts?.filter(({ hold }) => hold === null) ?? [];
  const steps = [
    {
      name: copy.setup.stepAdmin,
      isDone: me.data !== undefined,
      seen: me.data?.name ?? '',
      command: 'orch users list',
    },
    {
      name: copy.setup.stepAccounts,
      isDone: signedIn.length > 0,
      seen:
        accounts === undefined
          ? ''
          : copy.setup.seenAccounts(plural(accounts.length, 'account'), signedIn.length),
      command: 'orch accounts list',
    },
    {
      name: copy.setup.stepProjects,
      isDone: (projects?.length ?? 0) > 0,
      seen: projects === undefined ? '' : projects.map(({ key }) => key).join(', '),
      command: 'orch init',
    },
    { name: copy.setup.stepDoctor, isDone: null, seen: copy.setup.seenDoctor, command: 'orch doctor' },
    { name: copy.setup.stepDemo, isDone: null, seen: copy.setup.seenDemo, command: 'orch up --demo' },
  ];
  return (
    <Sheet title={copy.setup.title} onSubmit={() => undefined}>
      {me.data === undefined ? (
        <p>
          <Link to="/sign-in" search={{ to: '/setup' }}>
            {copy.signIn.do}
          </Link>
        </p>
      ) : null}
      <ol className="grid gap-4">
        {steps.map(({ name, isDone, seen, command }) => (
          <li key={name} className="grid gap-1">
            <div className="flex items-center gap-2">
              <Chip state={isDone === true ? 'done' : isDone === null ? 'queued' : 'needs_you'}>
                {isDone === true ? copy.setup.done : isDone === null ? copy.setup.optional : copy.setup.open}
              </Chip>
              <h2>{name}</h2>
            </div>
            {seen === '' ? null : <p className="text-sm wrap-anywhere text-ink-2">{seen}</p>}
            {isDone === true ? null : <Command>{command}</Command>}
          </li>
        ))}
      </ol>
      <Link to="/" className={buttonClass('primary')}>
        {copy.state.home}
      </Link>
    </Sheet>
  );
}
