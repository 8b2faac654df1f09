import { useState } from 'react';
import { copy } from '../copy.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { TextField, Tick } from '../ui/fields.tsx';
import { type Edit, type Setting, useChange, written } from './change.ts';
import { ChangeButtons, ChangeOutcome } from './config-form.tsx';

/** One setting as the file writes it; a secret is only ever written. */
export function SettingDialog({
  setting,
  revision,
  onClose,
}: {
  setting: Setting;
  revision: string | null;
  onClose: () => void;
}) {
  const { key, path, env, origin, locked } = setting;
  const isSecret = locked === 'secret' && env !== null;
  const [text, setText] = useState(isSecret ? '' : written(setting.value));
  const [isGone, setGone] = useState(false);
  const change = useChange(revision);
  const value = isGone ? null : text.trim();
  const edit: Edit | null =
    value === ''
      ? null
      : isSecret
        ? { values: [], secrets: { [env]: value } }
        : { values: [{ path, text: value }], secrets: {} };
  return (
    <Dialog
      title={<span className="mono">{key}</span>}
      description={isSecret ? copy.config.secret : copy.config.asWritten}
      onClose={onClose}
      foot={
        <>
          <Button onClick={onClose}>{copy.dialog.back}</Button>
          <ChangeButtons change={change} edit={edit} onWritten={onClose} />
        </>
      }
    >
      <TextField
        label={copy.settings.value}
        isMono
        autoComplete="off"
        type={isSecret ? 'password' : 'text'}
        disabled={isGone}
        value={isGone ? '' : text}
        onChange={setText}
      />
      {origin === 'default' ? null : (
        <Tick label={copy.config.remove} hint={copy.config.removeHint} isOn={isGone} onChange={setGone} />
      )}
      <ChangeOutcome change={change} />
    </Dialog>
  );
}
