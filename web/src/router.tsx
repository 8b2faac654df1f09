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
import { ApiError } from './api/client.ts';
import { sessionQuery } from './api/session.ts';
import { Frame } from './frame/frame.tsx';
import { CrashedPage, UnknownPage } from './routes/fallback.tsx';
import { NowPage } from './routes/now.tsx';

/** What stands in an address is text from outside: of these names what is one word or number, the rest is left out. */
function texts<const Name extends string>(...names: readonly Name[]) {
  return {
    parse(search: Record<string, unknown>) {
      const found = names.flatMap((name): [Name, string][] => {
        const value = search[name];
        const isText = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
        return isText ? [[name, String(value)]] : [];
      });
      return Object.fromEntries(found) as { [N in Name]?: string | undefined };
    },
  };
}

const root = createRootRouteWithContext<{ client: QueryClient }>()({
  component: Outlet,
  errorComponent: (props) => createElement('main', { className: 'main' }, createElement(CrashedPage, props)),
  notFoundComponent: () => createElement('main', { className: 'main' }, createElement(UnknownPage)),
});

const framed = createRoute({
  getParentRoute: () => root,
  id: 'framed',
  validateSearch: texts('project'),
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
    validateSearch: texts('group', 'state', 'account', 'label', 'q', 'done'),
    component: lazyRouteComponent(() => import('./routes/board.tsx'), 'BoardPage'),
  }),
  createRoute({
    ...shared,
    path: '/queue',
    validateSearch: texts('state', 'code', 'account', 'stage', 'q'),
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
    validateSearch: texts('tab', 'line', 'find'),
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
    validateSearch: texts('by', 'days'),
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
    validateSearch: texts('part', 'by', 'action', 'surface', 'days', 'q'),
    component: lazyRouteComponent(() => import('./routes/settings.tsx'), 'SettingsPage'),
  }),
  createRoute({ ...shared, path: '$', component: UnknownPage }),
] as const;

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: texts('to', 'invite', 'name'),
  component: lazyRouteComponent(() => import('./routes/sign-in.tsx'), 'SignInPage'),
});
const setup = createRoute({
  getParentRoute: () => root,
  path: '/setup',
  validateSearch: texts('code', 'step'),
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
