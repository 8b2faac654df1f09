export function TaskAudit(_: { target: string }) {
  return null;
}
