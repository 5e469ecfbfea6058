/** The sockets on which control is asked for: `<run-dir>/pv-ctrl` for the host, and one for each container that runs,
 *  in a directory of its own, `<run-dir>/doors/<container>/pv-ctrl`. The runtime binds the directory into the
 *  container at /pantavisor, so which socket is called says who calls, and a new supervisor's socket shows up in a
 *  container that runs already (design §5, §6).
 *
 *  A door is listened at before anything can serve it: that is loaded when the first connection comes. */

import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { fileError } from '../store/files.ts';

/** Whose door it is. */
export type Visitor = { readonly kind: 'host' } | { readonly kind: 'container'; readonly name: string };

/** Speaks with one client. The socket is paused, and stays open when the client closes its side. */
export type Serve = (socket: Socket, visitor: Visitor) => void;

export interface DoorsOptions {
  /** Is there already. */
  readonly runDir: string;
  /** Called at the first connection, again only if it failed. Connections wait for it. */
  readonly load: () => Promise<Serve>;
  /** A connection that could not be accepted, too many of them, or `load` that failed. */
  readonly report: (error: unknown, visitor: Visitor) => void;
}

export interface Doors {
  /** That doors may be opened for these. @throws UNSUPPORTED when a path does not fit into a socket address */
  expect(containers: readonly string[]): void;
  /** For root alone, or whoever runs this. @throws STORE_FAILED */
  openHost(): Promise<void>;
  /** Before the container starts, or when it is adopted; for every user in it. @throws STORE_FAILED */
  open(container: string): Promise<void>;
  /** Once the container has stopped. Cuts what is open and removes the socket; the directory stays. */
  close(container: string): void;
  closeAll(): Promise<void>;
}

interface Door {
  readonly server: Server;
  readonly sockets: Set<Socket>;
}

/** One visitor cannot hold more of the supervisor's descriptors and memory than this; the newest are refused. */
const MAX_CONNECTIONS = { host: 128, container: 32 } as const;
/** `sun_path` of unix(7) with its terminating zero byte; Node would cut a longer one in silence. */
const MAX_PATH_BYTES = 107;

/** @throws UNSUPPORTED when a path does not fit into a socket address */
export function createDoors(options: DoorsOptions): Doors {
  const { runDir, report } = options;
  const hostPath = join(runDir, 'pv-ctrl');
  const pathOf = (container: string) => join(runDir, 'doors', container, 'pv-ctrl');
  refuseLongPath(hostPath, 'of the host');

  const host: Door[] = [];
  const doors = new Map<string, Door>();
  let serve: Promise<Serve> | undefined;

  function load(): Promise<Serve> {
    serve ??= options.load().catch((error: unknown) => {
      serve = undefined;
      throw error;
    });
    return serve;
  }

  function welcome(socket: Socket, visitor: Visitor, { sockets }: Door): void {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // Whoever goes away before being served; afterwards his connection is looked after.
    const gone = () => undefined;
    socket.on('error', gone);
    load().then(
      (ready) => {
        socket.off('error', gone);
        if (!socket.destroyed) ready(socket, visitor);
      },
      (error: unknown) => {
        socket.destroy();
        report(error, visitor);
      },
    );
  }

  function make(path: string, visitor: Visitor): Door {
    // A client may close its side as soon as it has asked (control API §2); nothing is read before it can be served.
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    const door: Door = { server, sockets: new Set() };
    server.maxConnections = MAX_CONNECTIONS[visitor.kind];
    server.on('connection', (socket) => welcome(socket, visitor, door));
    server.once('drop', () => report(tooMany(path, server.maxConnections), visitor));
    return door;
  }

  async function listen({ server }: Door, path: string, visitor: Visitor): Promise<void> {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
      rmSync(path, { force: true });
      await new Promise<void>((done, failed) => {
        server.once('error', failed).once('close', done);
        server.listen(path, done);
        // Bound by now, but nobody is accepted before the event loop turns.
        if (server.listening) chmodSync(path, visitor.kind === 'host' ? 0o600 : 0o666);
      });
    } catch (error) {
      server.close();
      throw fileError('STORE_FAILED', `opening the control socket ${path}`, path, error);
    }
    // A connection that could not be accepted, for want of descriptors: the door stays open.
    server.removeAllListeners('error').on('error', (error) => report(error, visitor));
  }

  function close(container: string): void {
    shut(doors.get(container));
    doors.delete(container);
  }

  return {
    expect(containers) {
      for (const name of containers) refuseLongPath(pathOf(name), `of container ${name}`);
    },
    async openHost() {
      const visitor: Visitor = { kind: 'host' };
      const door = make(hostPath, visitor);
      host.push(door);
      await listen(door, hostPath, visitor);
    },
    async open(container) {
      close(container);
      const path = pathOf(container);
      const visitor: Visitor = { kind: 'container', name: container };
      const door = make(path, visitor);
      doors.set(container, door);
      await listen(door, path, visitor);
    },
    close,
    async closeAll() {
      await Promise.all([...host.splice(0), ...doors.values()].map(shut));
      doors.clear();
    },
  };
}

/** The socket's file is gone at once, its connections soon. */
function shut(door: Door | undefined): Promise<void> {
  return new Promise((closed) => {
    if (door === undefined) return closed();
    door.server.close(() => closed());
    for (const socket of door.sockets) socket.destroy();
  });
}

function tooMany(path: string, limit: number): SupervisorError {
  return new SupervisorError('BUSY', `more than ${limit} connections to ${path}: the newest are refused`, {
    subject: path,
    fix: 'Close connections that are no longer needed.',
  });
}

function refuseLongPath(path: string, whose: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_PATH_BYTES) return;
  throw new SupervisorError(
    'UNSUPPORTED',
    `the control socket ${whose} has a path of ${bytes} bytes, ${MAX_PATH_BYTES} are possible: ${path}`,
    { subject: path, fix: 'Choose a shorter --run-dir' },
  );
}
