import { useQuery } from '@tanstack/react-query';
import { Pencil, Plug, Plus, RefreshCw } from 'lucide-react';
import { useState } from 'react';
import type { AccountWire } from '../../../src/http/contract.ts';
import { useAccountAct, useAct } from '../api/actions.ts';
import { accountsQuery, explainQuery, projectsQuery, statusQuery } from '../api/queries.ts';
import { useMay } from '../api/session.ts';
import { configQuery } from '../config/change.ts';
import { SettingDialog } from '../config/setting-dialog.tsx';
import { ACCOUNT, SetupForm } from '../config/setup-form.tsx';
import { copy } from '../copy.ts';
import { useDialogs } from '../frame/dialogs.tsx';
import { useNow } from '../lib/clock.ts';
import { absolute, percent, plural, relative, sentence } from '../lib/format.ts';
import { ActionButton, Button, useWhyNot } from '../ui/button.tsx';
import { Card, Meter, PageTitle } from '../ui/card.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { CloseButton } from '../ui/fields.tsx';
import { Empty, Loaded } from '../ui/states.tsx';
import { ACTIONS, Table } from '../ui/table.tsx';
import { Ago, At, In } from '../ui/time.tsx';
import { Chip, type StateName } from '../ui/tone.tsx';

/** Which sign-ins work, when do limits reset? Tokens are never shown. */
export function AccountsPage() {
  const query = useQuery(accountsQuery());
  return (
    <>
      <PageTitle title={copy.nav.accounts} hint={<p>{copy.accounts.hint}</p>}>
        <CheckAll accounts={query.data?.accounts ?? []} />
        <AddAccount />
      </PageTitle>
      <section className="card mb-5" aria-label={copy.nav.accounts}>
        <Loaded query={query} what={copy.nav.accounts} rows={6}>
          {({ accounts }) =>
            accounts.length === 0 ? <Empty>{copy.accounts.none}</Empty> : <Accounts accounts={accounts} />
          }
        </Loaded>
      </section>
      <Connections />
    </>
  );
}

function CheckAll({ accounts }: { accounts: readonly AccountWire[] }) {
  const check = useAccountAct('check');
  const [isPending, setPending] = useState(false);
  const all = async () => {
    setPending(true);
    await Promise.allSettled(accounts.map(({ id }) => check.mutateAsync(id)));
    setPending(false);
  };
  return (
    <ActionButton action="account.check" isPending={isPending} onClick={() => void all()}>
      <RefreshCw aria-hidden="true" />
      {copy.accounts.checkAll}
    </ActionButton>
  );
}

/** Adds an account of the user that Orch runs as; another home is named at the machine. */
function AddAccount() {
  const whyNot = useWhyNot('config.write');
  const [isOpen, setOpen] = useState(false);
  const config = useQuery({ ...configQuery(), enabled: whyNot === undefined }).data;
  return (
    <>
      <ActionButton
        action="config.write"
        look="primary"
        whyNot={config?.revision === null ? copy.config.notHere : undefined}
        disabled={config === undefined}
        onClick={() => setOpen(true)}
      >
        <Plus aria-hidden="true" />
        {copy.accounts.add}
      </ActionButton>
      {isOpen && config !== undefined ? (
        <Dialog
          title={copy.accounts.add}
          description={copy.accounts.addHint}
          onClose={() => setOpen(false)}
          foot={<CloseButton onClose={() => setOpen(false)} />}
        >
          <SetupForm form={ACCOUNT} revision={config.revision} onWritten={() => setOpen(false)} />
        </Dialog>
      ) : null}
    </>
  );
}

function Accounts({ accounts }: { accounts: readonly AccountWire[] }) {
  return (
    <Table
      columns={[
        copy.columns.account,
        copy.accounts.signIn,
        copy.accounts.limits,
        copy.accounts.slots,
        copy.accounts.breaker,
        copy.accounts.lastSuccess,
        ACTIONS,
      ]}
    >
      {accounts.map((account) => (
        <AccountRow key={account.id} account={account} />
      ))}
    </Table>
  );
}

function AccountRow({ account }: { account: AccountWire }) {
  const dialogs = useDialogs();
  const check = useAccountAct('check');
  const now = useNow();
  const isOut = account.hold?.code === 'account.signed_out';
  const isOpen = account.breaker.state !== 'closed';
  return (
    <tr data-row className="align-top [&>td]:!py-3 [&>td]:!align-top max-md:[&>td]:!py-0.5">
      <td className="full">
        <p className="mono text-base font-semibold">{account.id}</p>
        <p className="text-sm text-ink-3">
          {account.agent}
          {account.cli.version === null ? '' : ` ${account.cli.version}`}
        </p>
        {account.cli.proven === false ? (
          <p className="mt-1">
            <Chip state="needs_you">{copy.hold['agent.unproven_version']}</Chip>
          </p>
        ) : null}
      </td>
      <td className="full max-w-72">
        <SignInState account={account} />
      </td>
      <td className="full min-w-64" data-label={copy.accounts.limits}>
        <Windows account={account} now={now} />
      </td>
      <td className="num whitespace-nowrap" data-label={copy.accounts.slots}>
        <span className="inline-flex items-center gap-1">
          {account.running} of {account.slots}
          <Slots account={account} />
        </span>
      </td>
      <td data-label={copy.accounts.breaker}>
        {isOpen ? (
          <Chip state="waiting">
            {sentence(account.breaker.state)}
            {account.breaker.probeAt === null ? null : (
              <>
                , {copy.accounts.probe} {absolute(Date.parse(account.breaker.probeAt), now)}
              </>
            )}
          </Chip>
        ) : (
          <span className="text-sm">
            {copy.accounts.closed}
            {account.breaker.failures > 0 ? `, ${plural(account.breaker.failures, 'failure')}` : ''}
          </span>
        )}
      </td>
      <td className="num text-sm whitespace-nowrap" data-label={copy.accounts.lastSuccess}>
        {account.lastSuccessAt === null ? '–' : <Ago at={account.lastSuccessAt} />}
      </td>
      <td className="full">
        <div className="flex justify-end gap-2 max-md:flex-wrap max-md:justify-start max-md:pt-1 md:max-lg:flex-wrap">
          {isOut ? (
            <Button
              isSmall
              look="primary"
              onClick={() => dialogs.open({ kind: 'sign-in', account: account.id })}
            >
              {copy.action.signin}
            </Button>
          ) : (
            <ActionButton
              isSmall
              action="account.check"
              isPending={check.isPending}
              onClick={() => check.mutate(account.id)}
            >
              {isOpen ? copy.action.probe : copy.action.check}
            </ActionButton>
          )}
          <Drain account={account.id} />
        </div>
      </td>
    </tr>
  );
}

/** Changes how many runs at once it may have, in orch.yaml; for admins, where that can be changed here. */
function Slots({ account }: { account: AccountWire }) {
  const { isAllowed } = useMay('config.write');
  const [isOpen, setOpen] = useState(false);
  const config = useQuery({ ...configQuery(), enabled: isAllowed }).data;
  const key = `accounts.${account.id}.slots`;
  const setting = config?.settings.find(
    ({ path: [root, id, name, ...rest] }) =>
      root === 'accounts' && id === account.id && name === 'slots' && rest.length === 0,
  );
  if (!isAllowed || config == null || config.revision === null || setting === undefined) return null;
  if (setting.locked !== null) return null;
  return (
    <>
      <Button
        isSmall
        isIcon
        look="quiet"
        aria-label={copy.config.changeOne(key)}
        onClick={() => setOpen(true)}
      >
        <Pencil aria-hidden="true" />
      </Button>
      {isOpen ? (
        <SettingDialog setting={setting} revision={config.revision} onClose={() => setOpen(false)} />
      ) : null}
    </>
  );
}

/** Drained: what runs on it goes on, nothing new starts. */
function Drain({ account }: { account: string }) {
  const pause = useAct('pause');
  const resume = useAct('resume');
  const pauses = useQuery(explainQuery()).data?.reasons ?? [];
  const isPaused = pauses.some(
    ({ code, scope }) => code === 'dispatch.paused' && scope.kind === 'account' && scope.id === account,
  );
  return isPaused ? (
    <ActionButton
      isSmall
      action="resume"
      isPending={resume.isPending}
      onClick={() => resume.mutate({ scope: 'account', id: account })}
    >
      {copy.action.resume}
    </ActionButton>
  ) : (
    <ActionButton
      isSmall
      action="pause"
      title={copy.accounts.drainHint}
      isPending={pause.isPending}
      onClick={() =>
        pause.mutate({ scope: 'account', id: account, note: copy.accounts.drainNote, forMs: null })
      }
    >
      {copy.accounts.drain}
    </ActionButton>
  );
}

function SignInState({ account }: { account: AccountWire }) {
  const { hold, signIn } = account;
  const reasons = useQuery(explainQuery()).data?.reasons ?? [];
  const held = reasons
    .filter(({ scope }) => scope.kind === 'account' && scope.id === account.id)
    .reduce((sum, { jobsHeld }) => sum + jobsHeld, 0);
  const [state, word]: readonly [StateName, string] =
    hold === null
      ? signIn.state.startsWith('ready')
        ? ['done', copy.accounts.signedIn]
        : ['unknown', copy.accounts.unknown]
      : hold.code === 'account.limit'
        ? ['waiting', copy.accounts.limit]
        : hold.code === 'account.signed_out'
          ? ['needs_you', copy.accounts.signedOut]
          : ['waiting', copy.hold[hold.code] ?? hold.code];
  return (
    <>
      <Chip state={state} title={copy.accounts.states[signIn.state] ?? signIn.state}>
        {word}
      </Chip>
      {hold === null ? null : (
        <p className="dotted mt-1 text-sm text-ink-2">
          {hold.since === null ? null : (
            <span>
              {sentence(copy.now.since)} <At at={hold.since} />
            </span>
          )}
          {held === 0 ? null : <span>{copy.accounts.holds(plural(held, 'job'))}</span>}
        </p>
      )}
      <p className="mt-1 text-sm wrap-anywhere text-ink-3">
        {hold === null ? null : hold.detail === '' ? null : `${hold.detail}. `}
        {hold?.until == null ? null : (
          <>
            {hold.guessed ? copy.accounts.aboutUntil : copy.accounts.until} <At at={hold.until} />.{' '}
          </>
        )}
        {hold?.code === 'account.signed_out' ? null : signIn.expiresAt === null ? (
          copy.accounts.noExpiry
        ) : (
          <>
            {copy.accounts.expires} <In at={signIn.expiresAt} />
          </>
        )}
      </p>
      {account.warnings.map((warning) => (
        <p key={warning.code} className="text-sm text-attention-ink">
          {warning.title}
        </p>
      ))}
    </>
  );
}

function Windows({ account, now }: { account: AccountWire; now: number }) {
  if (account.windows.length === 0) return <p className="text-sm text-ink-3">{copy.accounts.noWindow}</p>;
  const newest = account.windows
    .map(({ seenAt }) => seenAt)
    .toSorted()
    .at(-1);
  return (
    <>
      <ul className="grid gap-0.5">
        {account.windows.map(({ name, utilization, resetAt }) => (
          <li
            key={name}
            className={`grid grid-cols-[52px_minmax(40px,96px)_44px_auto] items-center justify-start gap-2 text-sm ${utilization !== null && utilization >= 1 ? 'tone-waiting' : 'tone-queued'}`}
          >
            <span className="text-ink-2">{copy.accounts.window[name] ?? name.replaceAll('_', ' ')}</span>
            <Meter share={utilization ?? 0} />
            <span className="num">{utilization === null ? '–' : percent(utilization)}</span>
            <span className="whitespace-nowrap text-ink-3">
              {resetAt === null ? null : (
                <>
                  {copy.accounts.resets} <At at={resetAt} />
                </>
              )}
            </span>
          </li>
        ))}
      </ul>
      {newest === undefined ? null : (
        <p className="text-xs text-ink-3">
          {copy.accounts.reported} {relative(Date.parse(newest), now)}
        </p>
      )}
    </>
  );
}

/** Trackers, forges and chat: who of them does not answer. */
function Connections() {
  const query = useQuery(statusQuery());
  const projects = useQuery(projectsQuery()).data?.projects ?? [];
  const again = useAct('outbox/retry');
  // A project a row: its tracker at the left, its forge at the right.
  const names = [...projects.flatMap(({ key }) => [`tracker:${key}`, `forge:${key}`]), 'notify'];
  return (
    <Card title={copy.accounts.connections}>
      <Loaded query={query} what={copy.accounts.connections}>
        {({ outbox }) => (
          <ul className="inbox inbox-pairs">
            {names.map((name) => {
              const trouble = outbox.find((each) => each.name === name);
              const [kind, project] = name.split(':');
              return (
                <li key={name} data-row className={trouble === undefined ? 'tone-done' : 'tone-attention'}>
                  <Plug size={20} aria-hidden="true" className="shrink-0 text-tone" />
                  <div className="min-w-0 flex-1">
                    <p className="font-medium">
                      {copy.accounts.kind[kind ?? ''] ?? kind}{' '}
                      {project === undefined ? null : <span className="mono">{project}</span>}
                    </p>
                    <p className="text-sm wrap-anywhere text-ink-3">
                      {trouble === undefined ? copy.accounts.answers : trouble.error}
                      {trouble?.unansweredSince == null ? null : (
                        <>
                          {' '}
                          {copy.now.since} <At at={trouble.unansweredSince} />
                        </>
                      )}
                    </p>
                  </div>
                  {trouble === undefined ? (
                    <Chip state="done">OK</Chip>
                  ) : (
                    <ActionButton
                      isSmall
                      action="outbox.retry"
                      isPending={again.isPending}
                      onClick={() => again.mutate({ destination: name })}
                    >
                      {copy.action.check}
                    </ActionButton>
                  )}
                </li>
              );
            })}
          </ul>
        )}
      </Loaded>
    </Card>
  );
}
