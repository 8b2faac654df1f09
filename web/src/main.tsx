import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiError } from './api/client.ts';
import { createPageRouter } from './router.tsx';
import './styles.css';

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1_000,
      networkMode: 'always',
      // A refusal stays a refusal, and a server that is gone is told at once: the next round asks again.
      retry: false,
      throwOnError: (error) => {
        if (error instanceof ApiError && error.status === 401 && window.location.pathname !== '/sign-in') {
          void client.invalidateQueries({ queryKey: ['session'] });
          void router.invalidate();
        }
        return false;
      },
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

const root = document.getElementById('root');
if (root !== null)
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
