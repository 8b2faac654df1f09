import { Decoration, Diff, type FileData, Hunk, parseDiff } from 'react-diff-view';
import { copy } from '../copy.ts';
import { plural } from '../lib/format.ts';
import { Changed } from './changed.tsx';
import 'react-diff-view/style/index.css';
import './diff.css';

/** Longer files are folded at first: a lockfile is not what a person came to read. */
const SHOWN_LINES = 400;

/** A unified diff, file by file; names and lines are only ever text. */
export function DiffView({ text, flags = {} }: { text: string; flags?: Readonly<Record<string, string>> }) {
  const files = parse(text);
  if (files === null) return <pre className="overflow-auto p-4 text-[12.5px] leading-5">{text}</pre>;
  if (files.length === 0) return <p className="card-body text-sm text-ink-2">{copy.diff.none}</p>;
  return (
    <div className="grid gap-3 p-3">
      {files.map((file, i) => (
        <File key={`${i}:${file.newPath}`} file={file} flag={flags[nameOf(file)]} />
      ))}
    </div>
  );
}

function parse(text: string): FileData[] | null {
  if (text.trim() === '') return [];
  try {
    return parseDiff(text, { nearbySequences: 'zip' });
  } catch {
    return null; // no diff that this reader knows: shown as it is
  }
}

function nameOf(file: FileData): string {
  return file.type === 'delete' ? file.oldPath : file.newPath;
}

function File({ file, flag }: { file: FileData; flag: string | undefined }) {
  const changes = file.hunks.flatMap((hunk) => hunk.changes);
  const added = changes.filter(({ type }) => type === 'insert').length;
  const removed = changes.filter(({ type }) => type === 'delete').length;
  const name = nameOf(file);
  return (
    <details className="overflow-hidden rounded-m border border-line" open={changes.length <= SHOWN_LINES}>
      <summary className="flex cursor-pointer flex-wrap items-center gap-x-3 bg-inset px-3 py-1.5 text-sm">
        <span className="mono min-w-0 !whitespace-normal wrap-anywhere">
          {file.type === 'rename' ? `${file.oldPath} → ${name}` : name}
        </span>
        <Changed added={added} deleted={removed} />
        {file.type === 'modify' ? null : (
          <span className="tag">{copy.diff.type[file.type] ?? file.type}</span>
        )}
        {flag === undefined ? null : <span className="chip tone-attention !pl-2">{flag}</span>}
      </summary>
      {file.hunks.length === 0 ? (
        <p className="p-3 text-sm text-ink-2">{copy.diff.noText}</p>
      ) : (
        <div
          className="overflow-x-auto"
          tabIndex={0}
          role="region"
          aria-label={`${name}, ${plural(changes.length, 'line')}`}
        >
          <Diff viewType="unified" diffType={file.type} hunks={file.hunks}>
            {(hunks) =>
              hunks.flatMap((hunk) => [
                <Decoration key={`d${hunk.content}`}>
                  <span className="mono px-3 text-xs text-ink-3">{hunk.content}</span>
                </Decoration>,
                <Hunk key={hunk.content} hunk={hunk} />,
              ])
            }
          </Diff>
        </div>
      )}
    </details>
  );
}
