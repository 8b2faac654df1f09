import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
  retainSearchParams,
} from '@tanstack/react-router';
import { createElement } from 'react';
import { coerce, object, optional, catch as orElse } from 'zod/mini';
import { ApiError } from './api/client.ts';
import { sessionQuery } from './api/session.ts';
import { Frame } from './frame/frame.tsx';
import { CrashedPage, UnknownPage } from './routes/fallback.tsx';
import { NowPage } from './routes/now.tsx';

/** What stands in an address is text from outside: what does not fit is left out, never an error. */
const text = orElse(optional(coerce.string()), undefined);

const root = createRootRouteWithContext<{ client: QueryClient }>()({
  component: Outlet,
  errorComponent: (props) => createElement('main', { className: 'main' }, createElement(CrashedPage, props)),
  notFoundComponent: () => createElement('main', { className: 'main' }, createElement(UnknownPage)),
});

const framed = createRoute({
  getParentRoute: () => root,
  id: 'framed',
  validateSearch: object({ project: text }),
  search: { middlewares: [retainSearchParams(['project'])] },
  component: Frame,
  errorComponent: CrashedPage,
  notFoundComponent: UnknownPage,
  beforeLoad: async ({ context: { client }, location }) => {
    try {
      await client.ensureQueryData(sessionQuery());
    } catch (error) {
      if (error instanceof ApiError && error.status === 401)
        redirect({
          to: '/sign-in',
          search: { to: location.href === '/' ? undefined : location.href },
          throw: true,
        });
      if (!(error instanceof ApiError) || error.status !== 0) throw error;
    }
  },
});

const shared = { getParentRoute: () => framed, errorComponent: CrashedPage };

const routes = [
  createRoute({ ...shared, path: '/', component: NowPage }),
  createRoute({
    ...shared,
    path: '/board',
    validateSearch: object({ group: text, state: text, account: text, label: text, q: text, done: text }),
    component: lazyRouteComponent(() => import('./routes/board.tsx'), 'BoardPage'),
  }),
  createRoute({
    ...shared,
    path: '/queue',
    validateSearch: object({ state: text, code: text, account: text, stage: text, q: text }),
    component: lazyRouteComponent(() => import('./routes/queue.tsx'), 'QueuePage'),
  }),
  createRoute({
    ...shared,
    path: '/tasks/$key',
    component: lazyRouteComponent(() => import('./routes/task.tsx'), 'TaskPage'),
  }),
  createRoute({
    ...shared,
    path: '/runs/$id',
    validateSearch: object({ tab: text, line: text, find: text }),
    component: lazyRouteComponent(() => import('./routes/run.tsx'), 'RunPage'),
  }),
  createRoute({
    ...shared,
    path: '/approvals/$id',
    component: lazyRouteComponent(() => import('./routes/approval.tsx'), 'ApprovalPage'),
  }),
  createRoute({
    ...shared,
    path: '/accounts',
    component: lazyRouteComponent(() => import('./routes/accounts.tsx'), 'AccountsPage'),
  }),
  createRoute({
    ...shared,
    path: '/usage',
    validateSearch: object({ by: text, days: text }),
    component: lazyRouteComponent(() => import('./routes/usage.tsx'), 'UsagePage'),
  }),
  createRoute({
    ...shared,
    path: '/health',
    component: lazyRouteComponent(() => import('./routes/health.tsx'), 'HealthPage'),
  }),
  createRoute({
    ...shared,
    path: '/settings',
    validateSearch: object({ part: text, by: text, action: text, surface: text, days: text, q: text }),
    component: lazyRouteComponent(() => import('./routes/settings.tsx'), 'SettingsPage'),
  }),
  createRoute({ ...shared, path: '$', component: UnknownPage }),
] as const;

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: object({ to: text, invite: text, name: text }),
  component: lazyRouteComponent(() => import('./routes/sign-in.tsx'), 'SignInPage'),
});
const setup = createRoute({
  getParentRoute: () => root,
  path: '/setup',
  validateSearch: object({ code: text, step: text }),
  component: lazyRouteComponent(() => import('./routes/setup.tsx'), 'SetupPage'),
});

export function createPageRouter(client: QueryClient) {
  return createRouter({
    routeTree: root.addChildren([framed.addChildren([...routes]), signIn, setup]),
    context: { client },
    defaultPreload: 'intent',
    scrollRestoration: false,
    defaultPendingMs: 300,
  });
}
