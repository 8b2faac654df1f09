import {
  createContext,
  lazy,
  type ReactNode,
  Suspense,
  useCallback,
  useContext,
  useMemo,
  useState,
} from 'react';

/** Every dialog of the page, by what it is about. */
export type DialogRequest =
  | { readonly kind: 'retry'; readonly targets: readonly string[]; readonly stage?: string | undefined }
  | { readonly kind: 'cancel'; readonly targets: readonly string[]; readonly isRun?: boolean }
  | { readonly kind: 'priority'; readonly targets: readonly string[] }
  | { readonly kind: 'move'; readonly targets: readonly string[] }
  | { readonly kind: 'answer'; readonly target: string; readonly question: string }
  | { readonly kind: 'pause' }
  | { readonly kind: 'submit' }
  | { readonly kind: 'sign-in'; readonly account: string }
  | { readonly kind: 'intake'; readonly project: string }
  | { readonly kind: 'command'; readonly title: string; readonly command: string; readonly detail?: string }
  | { readonly kind: 'shortcuts' }
  | { readonly kind: 'more' }
  | { readonly kind: 'palette' };

interface Dialogs {
  readonly open: (request: DialogRequest) => void;
  readonly isOpen: boolean;
}

const Context = createContext<Dialogs>({ open: () => undefined, isOpen: false });

export function useDialogs(): Dialogs {
  return useContext(Context);
}

export const fetchDialogs = () => import('./dialog-of.tsx');
const DialogOf = lazy(async () => ({ default: (await fetchDialogs()).DialogOf }));

/** Holds the one open dialog. Its code is fetched when the first one opens. */
export function DialogHost({ children }: { children: ReactNode }) {
  const [request, setRequest] = useState<DialogRequest | null>(null);
  const close = useCallback(() => setRequest(null), []);
  const dialogs = useMemo(() => ({ open: setRequest, isOpen: request !== null }), [request]);
  return (
    <Context value={dialogs}>
      {children}
      {request === null ? null : (
        <Suspense>
          <DialogOf request={request} onClose={close} />
        </Suspense>
      )}
    </Context>
  );
}
