export function DialogOf(_: { request: import('./dialogs.tsx').DialogRequest; onClose: () => void }) {
  return null;
}
