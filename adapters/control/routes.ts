/** All routes, patterns in the order in which they are registered (control API §3). */

import type { Route } from './route.ts';
import { buildInfoRoutes } from './routes/buildinfo.ts';
import { commandRoutes } from './routes/commands.ts';
import { configRoutes } from './routes/config.ts';
import { containerRoutes } from './routes/containers.ts';
import { daemonRoutes } from './routes/daemons.ts';
import { driverRoutes } from './routes/drivers.ts';
import { eventRoutes } from './routes/events.ts';
import { explainRoutes } from './routes/explain.ts';
import { metadataRoutes } from './routes/metadata.ts';
import { metricRoutes } from './routes/metrics.ts';
import { objectRoutes } from './routes/objects.ts';
import { openApiRoutes } from './routes/openapi.ts';
import { signalRoutes } from './routes/signal.ts';
import { statusRoutes } from './routes/status.ts';
import { stepRoutes } from './routes/steps.ts';
import { storageRoutes } from './routes/storage.ts';
import { updateRoutes } from './routes/update.ts';
import { wakelockRoutes } from './routes/wakelocks.ts';
import { xconnectRoutes } from './routes/xconnect.ts';

export function allRoutes(): readonly Route[] {
  return [
    ...containerRoutes,
    ...signalRoutes,
    ...objectRoutes,
    ...stepRoutes,
    ...storageRoutes,
    ...buildInfoRoutes,
    ...metadataRoutes,
    ...driverRoutes,
    ...commandRoutes,
    ...configRoutes,
    ...xconnectRoutes,
    ...daemonRoutes,
    ...wakelockRoutes,
    ...explainRoutes,
    ...eventRoutes,
    ...statusRoutes,
    ...updateRoutes,
    ...metricRoutes(),
    ...openApiRoutes,
  ];
}
