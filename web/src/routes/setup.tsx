import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { post } from '../api/client.ts';
import { accountsQuery, projectsQuery, setupQuery } from '../api/queries.ts';
import { sessionQuery } from '../api/session.ts';
import { copy } from '../copy.ts';
import { plural } from '../lib/format.ts';
import { useTheme } from '../lib/theme.ts';
import { buttonClass } from '../ui/button.tsx';
import { Command } from '../ui/copy-text.tsx';
import { Refusal, TextField } from '../ui/fields.tsx';
import { Credentials, Sheet, SheetFoot, useCredentials } from '../ui/sheet.tsx';
import { Chip } from '../ui/tone.tsx';

/**
 * The first start: the first admin by the code that `orch up` printed, then what is still to be done, each step
 * looked at by itself and with its command. It can be left and taken up again.
 */
export function SetupPage() {
  useTheme();
  const setup = useQuery(setupQuery());
  const { step } = useSearch({ from: '/setup' });
  if (setup.data === undefined)
    return (
      <Sheet title={copy.setup.title} act={null}>
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
  const who = useCredentials();
  const act = useMutation({
    mutationFn: () => post('/setup', { code: code.trim(), ...who.given }),
    async onSuccess() {
      await client.invalidateQueries();
      await navigate({ search: { step: 'next' } });
    },
  });
  return (
    <Sheet title={copy.setup.admin} act={act}>
      <p className="text-sm text-ink-2">{copy.setup.adminWhat}</p>
      <TextField
        label={copy.setup.code}
        hint={copy.setup.codeHint}
        isMono
        autoComplete="one-time-code"
        required
        value={code}
        onChange={setCode}
      />
      <Credentials {...who} isNew hint={copy.setup.passwordHint} />
      <SheetFoot act={act} label={copy.setup.doAdmin} />
    </Sheet>
  );
}

function Steps() {
  const me = useQuery(sessionQuery());
  const projects = useQuery({ ...projectsQuery(), enabled: me.data !== undefined }).data?.projects;
  const accounts = useQuery({ ...accountsQuery(), enabled: me.data !== undefined }).data?.accounts;
  const signedIn = accounts?.filter(({ hold }) => hold === null) ?? [];
  // Whoever is not signed in is told what there is to do, not what is done.
  const isKnown = (isDone: boolean) => (me.data === undefined ? undefined : isDone);
  const steps = [
    {
      name: copy.setup.stepAdmin,
      isDone: true,
      seen: me.data?.name ?? '',
      command: 'orch users list',
    },
    {
      name: copy.setup.stepAccounts,
      isDone: isKnown(signedIn.length > 0),
      seen:
        accounts === undefined
          ? ''
          : copy.setup.seenAccounts(plural(accounts.length, 'account'), signedIn.length),
      command: 'orch accounts list',
    },
    {
      name: copy.setup.stepProjects,
      isDone: isKnown((projects?.length ?? 0) > 0),
      seen: projects === undefined ? '' : projects.map(({ key }) => key).join(', '),
      command: 'orch init',
    },
    { name: copy.setup.stepDoctor, isDone: null, seen: copy.setup.seenDoctor, command: 'orch doctor' },
    { name: copy.setup.stepDemo, isDone: null, seen: copy.setup.seenDemo, command: 'orch up --demo' },
  ];
  return (
    <Sheet title={copy.setup.title} act={null}>
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
              <Chip
                state={
                  isDone === true
                    ? 'done'
                    : isDone === false
                      ? 'needs_you'
                      : isDone === null
                        ? 'queued'
                        : 'unknown'
                }
              >
                {isDone === true
                  ? copy.setup.done
                  : isDone === false
                    ? copy.setup.open
                    : isDone === null
                      ? copy.setup.optional
                      : copy.setup.unseen}
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
