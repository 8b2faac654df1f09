import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import type { NewTokenWire, TokenWire } from '../../../../src/http/contract.ts';
import { del, post } from '../../api/client.ts';
import { ask } from '../../api/queries.ts';
import { useMe } from '../../api/session.ts';
import { copy } from '../../copy.ts';
import { Field, Refusal } from '../../frame/dialogs/parts.tsx';
import { Button } from '../../ui/button.tsx';
import { Command } from '../../ui/copy-text.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { Ago } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { ROLES } from './users.tsx';

/** Bearer tokens for programs and for the CLI elsewhere; a secret is shown once. */
export function Tokens() {
  const query = useQuery(ask<{ tokens: TokenWire[] }>(['tokens'], '/tokens'));
  const client = useQueryClient();
  const [isMaking, setMaking] = useState(false);
  const revoke = useMutation({
    mutationFn: (id: number) => del(`/tokens/${id}`),
    onError: (error) => toast({ text: error.message, error }),
    onSettled: () => client.invalidateQueries({ queryKey: ['tokens'] }),
  });
  return (
    <>
      <div className="flex flex-wrap justify-end gap-2 border-b border-line px-4 py-2.5">
        <Button isSmall onClick={() => setMaking(true)}>
          <Plus aria-hidden="true" />
          {copy.settings.newToken}
        </Button>
      </div>
      <Loaded query={query} what={copy.settings.parts.tokens}>
        {({ tokens }) =>
          tokens.length === 0 ? (
            <Empty>{copy.settings.noTokens}</Empty>
          ) : (
            <table className="table table-rows">
              <thead>
                <tr>
                  <th scope="col">{copy.settings.name}</th>
                  <th scope="col">{copy.settings.of}</th>
                  <th scope="col">{copy.settings.role}</th>
                  <th scope="col">{copy.settings.expires}</th>
                  <th scope="col">{copy.settings.used}</th>
                  <th scope="col">
                    <span className="sr-only">{copy.columns.actions}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {tokens.map((token) => (
                  <tr key={token.id} data-row>
                    <td className="full font-medium wrap-anywhere">{token.name}</td>
                    <td className="text-sm">{token.user ?? '–'}</td>
                    <td className="text-sm">{token.role}</td>
                    <td className="text-sm text-ink-2" data-label={copy.settings.expires}>
                      <Ago at={token.expiresAt} />
                    </td>
                    <td className="text-sm text-ink-2" data-label={copy.settings.used}>
                      {token.usedAt === null ? copy.settings.never : <Ago at={token.usedAt} />}
                    </td>
                    <td className="n">
                      <Button
                        isSmall
                        look="danger"
                        disabled={revoke.isPending}
                        onClick={() => revoke.mutate(token.id)}
                      >
                        {copy.settings.revoke}
                        <span className="sr-only"> {token.name}</span>
                      </Button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
      {isMaking ? <NewToken onClose={() => setMaking(false)} /> : null}
    </>
  );
}

function NewToken({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const me = useMe();
  const [name, setName] = useState('');
  const [role, setRole] = useState<string>(me?.role ?? 'viewer');
  const [days, setDays] = useState(90);
  const make = useMutation({
    mutationFn: () => post<NewTokenWire>('/tokens', { name: name.trim(), role, days }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['tokens'] }),
  });
  const mine = ROLES.slice(0, ROLES.indexOf(me?.role ?? 'viewer') + 1);
  return (
    <Dialog
      title={copy.settings.tokenTitle}
      onClose={onClose}
      onSubmit={() =>
        make.data === undefined && name.trim() !== '' && !make.isPending ? make.mutate() : undefined
      }
      foot={
        make.data === undefined ? (
          <>
            <Button onClick={onClose}>{copy.dialog.back}</Button>
            <Button type="submit" look="primary" disabled={name.trim() === '' || make.isPending}>
              {make.isPending ? copy.state.requested : copy.settings.newToken}
            </Button>
          </>
        ) : (
          <Button look="primary" onClick={onClose}>
            {copy.dialog.close}
          </Button>
        )
      }
    >
      {make.data === undefined ? (
        <>
          <Field label={copy.settings.name}>
            {(id) => (
              <input
                id={id}
                className="input"
                maxLength={100}
                value={name}
                onChange={(event) => setName(event.target.value)}
              />
            )}
          </Field>
          <Field label={copy.settings.role}>
            {(id) => (
              <select
                id={id}
                className="input"
                value={role}
                onChange={(event) => setRole(event.target.value)}
              >
                {mine.map((each) => (
                  <option key={each} value={each}>
                    {copy.settings.roles[each]}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label={copy.settings.tokenDays}>
            {(id) => (
              <input
                id={id}
                className="input"
                type="number"
                min={1}
                max={365}
                value={days}
                onChange={(event) => setDays(Number(event.target.value))}
              />
            )}
          </Field>
          <Refusal error={make.error} />
        </>
      ) : (
        <>
          <p className="text-sm">{copy.settings.tokenSecret}</p>
          <Command>{make.data.secret}</Command>
        </>
      )}
    </Dialog>
  );
}
