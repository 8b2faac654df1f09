import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { post } from '../api/client.ts';
import { setupQuery } from '../api/queries.ts';
import { copy } from '../copy.ts';
import { useTheme } from '../lib/theme.ts';
import { Credentials, Sheet, SheetFoot, useCredentials } from '../ui/sheet.tsx';

/** Name and password; the session is a cookie that no script can read. */
export function SignInPage() {
  useTheme();
  const { to, invite, name } = useSearch({ from: '/sign-in' });
  const setup = useQuery(setupQuery()).data;
  const client = useQueryClient();
  const who = useCredentials(name);
  const act = useMutation({
    mutationFn: () =>
      invite === undefined
        ? post('/session', { body: who.given })
        : post('/invite', { body: { code: invite, ...who.given } }),
    onSuccess() {
      client.clear();
      // A page within this one, never another place.
      window.location.assign(to?.startsWith('/') === true && !to.startsWith('//') ? to : '/');
    },
  });
  return (
    <Sheet title={invite === undefined ? copy.signIn.title : copy.signIn.invited} act={act}>
      {setup?.needed === true ? (
        <p className="note">
          <span>
            {copy.signIn.noAdmin} <a href="/setup">{copy.signIn.toSetup}</a>
          </span>
        </p>
      ) : null}
      <Credentials {...who} isNew={invite !== undefined} />
      <SheetFoot act={act} label={copy.signIn.do} />
      <p className="text-xs text-ink-3">
        {copy.signIn.hint} <code>{copy.signIn.hintCommand}</code>
      </p>
    </Sheet>
  );
}
