/** One listening socket per container, in a directory of its own: `<run-dir>/doors/<container>/pv-ctrl`. The runtime
 *  binds the directory into the container at /pantavisor, so which socket is called says who calls, and a new
 *  supervisor's socket shows up in a container that runs already (design §5, §6).
 *
 *  A door listens at once. What serves it is loaded when the first connection comes; connections wait for it. */

import { mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { SupervisorError } from '../../machines/domain/fault.ts';

/** Speaks with one client. The socket is paused; `container` is who calls. */
export type Serve = (socket: Socket, container: string) => void;

export interface DoorOptions {
  readonly directory: string;
  readonly containers: readonly string[];
  /** Called once, at the first connection. */
  readonly load: () => Promise<Serve>;
  /** A connection that broke or could not be accepted, or `load` that failed. */
  readonly report: (error: unknown, container: string) => void;
}

export interface Doors {
  /** Cuts what is open and removes the sockets; the directories stay, for they may be bound somewhere. */
  close(): Promise<void>;
}

/** A container cannot hold more of the supervisor's descriptors than this. */
const MAX_CONNECTIONS = 16;
/** From accept to answer; every request of a container is small. */
const LONGEST_MS = 30_000;
/** `sun_path` of unix(7) with its terminating zero byte; Node would cut a longer one in silence. */
const MAX_PATH_BYTES = 107;

/** @throws UNSUPPORTED when a path does not fit into a socket address, UNEXPECTED when listening fails */
export async function openDoors(options: DoorOptions): Promise<Doors> {
  const { load } = options;
  let serve: Promise<Serve> | undefined;
  const loadOnce = () => {
    serve ??= load();
    return serve;
  };
  const open = new Set<Socket>();
  const welcome: Serve = (socket, container) => {
    open.add(socket);
    const deadline = setTimeout(() => socket.destroy(), LONGEST_MS);
    socket.once('close', () => {
      clearTimeout(deadline);
      open.delete(socket);
    });
    socket.on('error', (error) => options.report(error, container));
    loadOnce().then(
      (ready) => ready(socket, container),
      (error: unknown) => {
        socket.destroy();
        options.report(error, container);
      },
    );
  };
  const { directory, containers, report } = options;
  const servers = await Promise.all(
    containers.map((container) => openDoor(directory, container, welcome, report)),
  );
  return {
    close: async () => {
      for (const socket of open) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
    },
  };
}

async function openDoor(
  directory: string,
  container: string,
  welcome: Serve,
  report: DoorOptions['report'],
): Promise<Server> {
  const path = join(directory, container, 'pv-ctrl');
  refuseLongPath(path, container);
  mkdirSync(join(directory, container), { recursive: true, mode: 0o755 });
  rmSync(path, { force: true });
  // A client may close its side as soon as it has asked (control API §2); nothing is read before it can be served.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
    welcome(socket, container),
  );
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    // Users other than root in the container may signal too.
    server.listen({ path, readableAll: true, writableAll: true }, listening);
  });
  // A connection that could not be accepted, for want of descriptors: the door stays open.
  server.removeAllListeners('error').on('error', (error) => report(error, container));
  return server;
}

function refuseLongPath(path: string, container: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_PATH_BYTES) return;
  throw new SupervisorError(
    'UNSUPPORTED',
    `the control socket of container ${container} has a path of ${bytes} bytes, ${MAX_PATH_BYTES} are possible: ${path}`,
    { subject: container, fix: 'Choose a shorter --run-dir' },
  );
}
