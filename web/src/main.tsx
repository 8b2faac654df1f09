import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiError } from './api/client.ts';
import { fetchDialogs } from './frame/dialogs.tsx';
import { createPageRouter } from './router.tsx';
import './styles.css';

/** A session that is over: what is in memory is no longer anybody's, so the page starts anew at the sign-in. */
function leaveWhenSignedOut(error: Error): void {
  const { pathname, search } = window.location;
  if (
    !(error instanceof ApiError) ||
    error.status !== 401 ||
    pathname === '/sign-in' ||
    pathname === '/setup'
  )
    return;
  window.location.assign(`/sign-in?to=${encodeURIComponent(pathname + search)}`);
}

const client = new QueryClient({
  // The session itself is asked for by the router, which leads to the sign-in.
  queryCache: new QueryCache({
    onError: (error, { queryKey: [word] }) => (word === 'session' ? undefined : leaveWhenSignedOut(error)),
  }),
  mutationCache: new MutationCache({ onError: leaveWhenSignedOut }),
  defaultOptions: {
    queries: {
      staleTime: 1_000,
      networkMode: 'always',
      // A refusal stays a refusal, and a server that is gone is told at once: the next round asks again.
      retry: false,
    },
    mutations: { networkMode: 'always', retry: false },
  },
});
const router = createPageRouter(client);

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

const FETCH_AFTER_MS = 1_000;
/** Once the first screen is there, all others: they open at once then, and also while the server is away. */
const stopWaiting = router.subscribe('onResolved', () => {
  if (!router.state.matches.some(({ id }) => id.startsWith('/framed'))) return;
  stopWaiting();
  window.setTimeout(() => {
    for (const route of Object.values(router.routesById)) void router.loadRouteChunk(route);
    void fetchDialogs();
  }, FETCH_AFTER_MS);
});

const root = document.getElementById('root');
if (root !== null)
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
