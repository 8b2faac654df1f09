import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { post } from '../api/client.ts';
import { accountsQuery, projectsQuery, setupQuery } from '../api/queries.ts';
import { sessionQuery, useMay } from '../api/session.ts';
import { configQuery } from '../config/change.ts';
import {
  ACCOUNT,
  GITEA,
  GITHUB,
  PLANE,
  projectForm,
  SetupForm,
  type StepForm,
  TELEGRAM,
} from '../config/setup-form.tsx';
import { copy } from '../copy.ts';
import { plural } from '../lib/format.ts';
import { useTheme } from '../lib/theme.ts';
import { Button, buttonClass } from '../ui/button.tsx';
import { Command } from '../ui/copy-text.tsx';
import { Refusal, TextField } from '../ui/fields.tsx';
import { Credentials, Sheet, SheetFoot, useCredentials } from '../ui/sheet.tsx';
import { Chip, type StateName } from '../ui/tone.tsx';

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
    mutationFn: () => post('/setup', { body: { code: code.trim(), ...who.given } }),
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
  const isIn = me.data !== undefined;
  const projects = useQuery({ ...projectsQuery(), enabled: isIn }).data?.projects;
  const accounts = useQuery({ ...accountsQuery(), enabled: isIn }).data?.accounts;
  const { isAllowed } = useMay('config.write');
  const config = useQuery({ ...configQuery(), enabled: isAllowed }).data;
  const signedIn = accounts?.filter(({ hold }) => hold === null) ?? [];
  const isSet = (key: string) => config?.settings.some((each) => each.key === key && each.value !== null);
  // Whoever is not signed in is told what there is to do, not what is done.
  const isKnown = (isDone: boolean) => (isIn ? isDone : undefined);
  const optional = (key: string) => (isSet(key) === true ? true : null);
  const steps: readonly Step[] = [
    {
      name: copy.setup.stepAdmin,
      isDone: true,
      seen: me.data?.name ?? '',
      command: 'orch users list',
    },
    {
      name: copy.setup.stepPlane,
      isDone: optional('plane_api_token'),
      command: 'orch init --tracker plane',
      form: PLANE,
    },
    {
      name: copy.setup.stepGitea,
      isDone: optional('gitea_token'),
      command: 'orch init --tracker gitea --forge gitea',
      form: GITEA,
    },
    {
      name: copy.setup.stepGithub,
      isDone: optional('github_token'),
      command: 'orch init --tracker github --forge github',
      form: GITHUB,
    },
    {
      name: copy.setup.stepAccounts,
      isDone: isKnown(signedIn.length > 0),
      seen:
        accounts === undefined
          ? ''
          : copy.setup.seenAccounts(plural(accounts.length, 'account'), signedIn.length),
      command: 'orch accounts list',
      form: ACCOUNT,
    },
    {
      name: copy.setup.stepProjects,
      isDone: isKnown((projects?.length ?? 0) > 0),
      seen: projects === undefined ? '' : projects.map(({ key }) => key).join(', '),
      command: 'orch init',
      form: projectForm(accounts?.map(({ id }) => id) ?? []),
    },
    {
      name: copy.setup.stepTelegram,
      isDone: optional('telegram_bot_token'),
      command: 'orch notify test',
      form: TELEGRAM,
    },
    { name: copy.setup.stepDoctor, isDone: null, seen: copy.setup.seenDoctor, command: 'orch doctor' },
    { name: copy.setup.stepDemo, isDone: null, seen: copy.setup.seenDemo, command: 'orch up --demo' },
  ];
  return (
    <Sheet title={copy.setup.title} act={null}>
      {isIn ? null : (
        <p>
          <Link to="/sign-in" search={{ to: '/setup' }}>
            {copy.signIn.do}
          </Link>
        </p>
      )}
      <ol className="grid gap-4">
        {steps.map((step) => (
          <StepItem
            key={step.name}
            step={step}
            revision={config?.revision ?? null}
            isOpen={isAllowed && config !== undefined && config.revision !== null}
          />
        ))}
      </ol>
      <Link to="/" className={buttonClass('primary')}>
        {copy.state.home}
      </Link>
    </Sheet>
  );
}

interface Step {
  readonly name: string;
  /** Null: when you like; undefined: not known to who is not signed in. */
  readonly isDone: boolean | null | undefined;
  readonly seen?: string;
  /** Does the same. */
  readonly command: string;
  readonly form?: StepForm;
}

function StepItem({ step, revision, isOpen }: { step: Step; revision: string | null; isOpen: boolean }) {
  const { name, isDone, seen = '', command, form } = step;
  const [isAsked, setAsked] = useState(false);
  const [state, word] = stateOf(isDone);
  return (
    <li className="grid gap-1">
      <div className="flex flex-wrap items-center gap-2">
        <Chip state={state}>{word}</Chip>
        <h2>{name}</h2>
        {form === undefined || !isOpen ? null : (
          <Button
            isSmall
            className="ml-auto"
            aria-expanded={isAsked}
            aria-label={`${isAsked ? copy.setup.close : copy.setup.here}: ${name}`}
            onClick={() => setAsked(!isAsked)}
          >
            {isAsked ? copy.setup.close : copy.setup.here}
          </Button>
        )}
      </div>
      {seen === '' ? null : <p className="text-sm wrap-anywhere text-ink-2">{seen}</p>}
      {isDone === true ? null : <Command>{command}</Command>}
      {isAsked && form !== undefined ? <SetupForm form={form} revision={revision} /> : null}
    </li>
  );
}

function stateOf(isDone: Step['isDone']): [StateName, string] {
  if (isDone === undefined) return ['unknown', copy.setup.unseen];
  if (isDone === null) return ['queued', copy.setup.optional];
  return isDone ? ['done', copy.setup.done] : ['needs_you', copy.setup.open];
}
