import { Check, Copy } from 'lucide-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { copy as words } from '../copy.ts';
import { Button } from './button.tsx';

/** Copies text; over plain HTTP browsers have no clipboard, and the text is shown and selected instead. */
export function useCopy(): { copy: (text: string) => void; isCopied: boolean; fallback: ReactNode } {
  const [state, setState] = useState<{ text: string; isCopied: boolean } | null>(null);
  useEffect(() => {
    if (state?.isCopied !== true) return;
    const timer = window.setTimeout(() => setState(null), 2_000);
    return () => window.clearTimeout(timer);
  }, [state]);
  return {
    copy(text) {
      if (!window.isSecureContext) {
        setState({ text, isCopied: false });
        return;
      }
      navigator.clipboard.writeText(text).then(
        () => setState({ text, isCopied: true }),
        () => setState({ text, isCopied: false }),
      );
    },
    isCopied: state?.isCopied === true,
    fallback:
      state === null || state.isCopied ? null : <Selected text={state.text} onDone={() => setState(null)} />,
  };
}

function Selected({ text, onDone }: { text: string; onDone: () => void }) {
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    area.current?.focus();
    area.current?.select();
  }, []);
  return (
    <div className="grid w-full gap-1 p-3">
      <textarea
        ref={area}
        className="input mono !whitespace-pre-wrap"
        readOnly
        value={text}
        aria-label={words.now.copyManual}
        onBlur={onDone}
      />
      <p className="text-xs text-ink-3">{words.now.copyManual}</p>
    </div>
  );
}

/** A command to run elsewhere, with its copy button. */
export function Command({ children }: { children: string }) {
  const copier = useCopy();
  return (
    <div className="grid min-w-0 gap-1">
      <div className="flex items-start gap-2">
        <code className="codeblock min-w-0 flex-1">{children}</code>
        <Button isIcon onClick={() => copier.copy(children)} aria-label={words.state.copy}>
          {copier.isCopied ? <Check aria-hidden="true" /> : <Copy aria-hidden="true" />}
        </Button>
      </div>
      {copier.fallback}
    </div>
  );
}
