import { type ErrorComponentProps, Link, useLocation } from '@tanstack/react-router';
import { copy } from '../copy.ts';
import { PageTitle } from '../ui/card.tsx';
import { Empty, Problem } from '../ui/states.tsx';

export function UnknownPage() {
  const { pathname } = useLocation();
  return (
    <>
      <PageTitle title={copy.state.unknownPage} />
      <section className="card">
        <Empty>
          <p className="wrap-anywhere">
            <code>{pathname}</code>
          </p>
          <p>
            <Link to="/">{copy.state.home}</Link>
          </p>
        </Empty>
      </section>
    </>
  );
}

export function CrashedPage({ error, reset }: ErrorComponentProps) {
  return (
    <>
      <PageTitle title={copy.state.crashed} />
      <section className="card">
        <Problem error={error instanceof Error ? error : new Error(String(error))} onAgain={reset} />
      </section>
    </>
  );
}
