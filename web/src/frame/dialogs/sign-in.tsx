import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useAccountAct } from '../../api/actions.ts';
import { accountsQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { ActionButton } from '../../ui/button.tsx';
import { Command } from '../../ui/copy-text.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { CloseButton, Refusal } from '../../ui/fields.tsx';
import { Chip } from '../../ui/tone.tsx';
import { announce } from '../announcer.tsx';

const CHECK_MS = 5_000;

/** The exact command for this account's machine, and a look every 5 s until the sign-in works. */
export function SignInDialog({ account: id, onClose }: { account: string; onClose: () => void }) {
  const query = useQuery({ ...accountsQuery(), refetchInterval: CHECK_MS });
  const account = query.data?.accounts.find((each) => each.id === id);
  const check = useAccountAct('check', { isQuiet: true });
  const isOut = account?.hold?.code === 'account.signed_out';
  const { mutate } = check;
  useEffect(() => {
    if (!isOut) return;
    const timer = window.setInterval(() => mutate(id), CHECK_MS);
    return () => window.clearInterval(timer);
  }, [isOut, id, mutate]);
  const wasOut = useRef(false);
  useEffect(() => {
    if (wasOut.current && account !== undefined && !isOut) announce(copy.signInSteps.works(id));
    wasOut.current = isOut;
  }, [isOut, account, id]);
  return (
    <Dialog
      title={copy.signInSteps.title(id)}
      description={copy.signInSteps.what}
      onClose={onClose}
      foot={
        <>
          <ActionButton action="account.check" isPending={check.isPending} onClick={() => check.mutate(id)}>
            {copy.action.check}
          </ActionButton>
          <CloseButton onClose={onClose} />
        </>
      }
    >
      {account === undefined ? (
        <Refusal error={query.error} />
      ) : (
        <>
          <p>
            <Chip state={isOut ? 'needs_you' : 'done'}>
              {isOut ? copy.accounts.signedOut : copy.accounts.signedIn}
            </Chip>
          </p>
          <ol className="grid list-decimal gap-3 pl-5 text-sm">
            <li>{copy.signInSteps.one}</li>
            <li>
              {copy.signInSteps.two}
              <div className="mt-1">
                <Command>{account.loginCommand}</Command>
              </div>
            </li>
            <li>{copy.signInSteps.three}</li>
          </ol>
          <p className="text-sm wrap-anywhere text-ink-2">
            {copy.signInSteps.seen}{' '}
            {account.signIn.detail === '' ? account.signIn.state : account.signIn.detail}
          </p>
          <Refusal error={check.error} />
        </>
      )}
    </Dialog>
  );
}
