import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import type { Role } from '../../../../src/http/contract.ts';
import { useEnd } from '../../api/actions.ts';
import { post } from '../../api/client.ts';
import { ask } from '../../api/queries.ts';
import { useMe } from '../../api/session.ts';
import { copy } from '../../copy.ts';
import { Button } from '../../ui/button.tsx';
import { Command } from '../../ui/copy-text.tsx';
import { AskDialog, SelectField, TextField } from '../../ui/fields.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { ACTIONS, Table } from '../../ui/table.tsx';
import { Ago } from '../../ui/time.tsx';
import { PartHead } from './part-head.tsx';
import { ROLES } from './users.tsx';

/** Bearer tokens for programs and for the CLI elsewhere; a secret is shown once. */
export function Tokens() {
  const query = useQuery(ask(['tokens'], '/tokens'));
  const [isMaking, setMaking] = useState(false);
  const revoke = useEnd('tokens');
  return (
    <>
      <PartHead>
        <Button isSmall onClick={() => setMaking(true)}>
          <Plus aria-hidden="true" />
          {copy.settings.newToken}
        </Button>
      </PartHead>
      <Loaded query={query} what={copy.settings.parts.tokens}>
        {({ tokens }) =>
          tokens.length === 0 ? (
            <Empty>{copy.settings.noTokens}</Empty>
          ) : (
            <Table
              columns={[
                copy.settings.name,
                copy.settings.of,
                copy.settings.role,
                copy.settings.expires,
                copy.settings.used,
                ACTIONS,
              ]}
            >
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
            </Table>
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
  const [role, setRole] = useState<Role>(me?.role ?? 'viewer');
  const [days, setDays] = useState(90);
  const make = useMutation({
    mutationFn: () => post('/tokens', { body: { name: name.trim(), role, days } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['tokens'] }),
  });
  const mine = ROLES.slice(0, ROLES.indexOf(me?.role ?? 'viewer') + 1);
  return (
    <AskDialog
      title={copy.settings.tokenTitle}
      action="token.own"
      label={copy.settings.newToken}
      act={make}
      isMissing={name.trim() === ''}
      onAsk={() => make.mutate()}
      onClose={onClose}
      result={
        make.data === undefined ? undefined : (
          <>
            <p className="text-sm">{copy.settings.tokenSecret}</p>
            <Command>{make.data.secret}</Command>
          </>
        )
      }
    >
      <TextField label={copy.settings.name} maxLength={100} value={name} onChange={setName} />
      <SelectField
        label={copy.settings.role}
        value={role}
        options={mine.map((each) => [each, copy.settings.roles[each]])}
        onChange={(to) => setRole(to as Role)}
      />
      <TextField
        label={copy.settings.tokenDays}
        type="number"
        min={1}
        max={365}
        value={days}
        onChange={(value) => setDays(Number(value))}
      />
    </AskDialog>
  );
}
