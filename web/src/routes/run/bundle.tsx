import { PackageOpen } from 'lucide-react';
import { address } from '../../api/client.ts';
import { copy } from '../../copy.ts';
import { buttonClass } from '../../ui/button.tsx';

/** The run as an archive, for whoever can tell what went wrong. */
export function BundleLink({ runId }: { runId: string }) {
  return (
    <a
      className={buttonClass('plain')}
      href={address('/runs/{id}/bundle', { params: { id: runId } })}
      download
    >
      <PackageOpen aria-hidden="true" />
      {copy.run.bundle}
    </a>
  );
}
