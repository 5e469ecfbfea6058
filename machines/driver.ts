/** One driver alias of the BSP, whoever asks for it (state format §12.3). The upper states are what the control API
 *  shows; within them orders are carried out one after the other, in the order in which they came.
 *
 *  There is no reference count: an unload is an unload, whoever else uses the alias, and a load loads again. */

import { assign, enqueueActions, setup } from 'xstate';
import { unprovidedTask } from './unprovided.ts';

export type DriverCommand =
  /** `ticket` comes back in the answer; each order has its own. */
  | { type: 'driver.load'; ticket: number }
  /** Of an alias that is not loaded: nothing to do. */
  | { type: 'driver.unload'; ticket: number }
  /** Whoever asked for this load does not wait any more: it ends, and is not answered. */
  | { type: 'driver.withdraw'; ticket: number };

/** `error` is set when the order failed; `loaded` is how the alias stands now. */
export type DriverReport = { type: 'driver.answered'; ticket: number; loaded: boolean; error?: unknown };

type Order = Extract<DriverCommand, { type: 'driver.load' | 'driver.unload' }>;

export interface DriverInput {
  readonly alias: string;
  readonly loaded: boolean;
}

export interface DriverContext extends DriverInput {
  /** The first one is being carried out. */
  readonly orders: readonly Order[];
}

const input = ({ context }: { context: DriverContext }) => context.alias;
const ticket = ({ event }: { event: { ticket: number } }) => ({ ticket: event.ticket });
const drop = { type: 'drop', params: ticket } as const;
const isFirst = { type: 'isFirst', params: ticket } as const;
const queue = { type: 'queue', params: ({ event }: { event: Order }) => ({ order: event }) } as const;
const nextIsLoad = { type: 'nextIs', params: { type: 'driver.load' } } as const;
const nextIsUnload = { type: 'nextIs', params: { type: 'driver.unload' } } as const;
const answerLoaded = { type: 'answer', params: { loaded: true } } as const;
const answerUnloaded = { type: 'answer', params: { loaded: false } } as const;
const answerFailed = {
  type: 'answer',
  params: ({ event }: { event: { error: unknown } }) => ({ loaded: false, error: event.error }),
} as const;
/** Not a module that stays: our bug. */
const answerBroken = {
  type: 'answer',
  params: ({ event }: { event: { error: unknown } }) => ({ loaded: true, error: event.error }),
} as const;

export const driverMachine = setup({
  types: {} as {
    input: DriverInput;
    context: DriverContext;
    events: DriverCommand;
    emitted: DriverReport;
  },
  actors: {
    /** Input is the alias. Fails as a whole when one module does; those before it stay (state format §12.3). */
    loadDriver: unprovidedTask<string>(),
    /** Output: whether the alias counts as unloaded now. Never fails. */
    unloadDriver: unprovidedTask<string, boolean>(),
  },
  actions: {
    queue: assign(({ context }, { order }: { order: Order }) => ({ orders: [...context.orders, order] })),
    drop: assign(({ context }, { ticket }: { ticket: number }) => ({
      orders: context.orders.filter((order) => order.ticket !== ticket),
    })),
    answer: enqueueActions(({ context, enqueue }, answer: { loaded: boolean; error?: unknown }) => {
      const [first, ...orders] = context.orders;
      if (first === undefined) return;
      enqueue.assign({ orders, loaded: answer.loaded });
      enqueue.emit({ type: 'driver.answered', ticket: first.ticket, ...answer });
    }),
  },
  guards: {
    beginsLoaded: ({ context }) => context.loaded,
    nextIs: ({ context }, { type }: { type: Order['type'] }) => context.orders[0]?.type === type,
    isFirst: ({ context }, { ticket }: { ticket: number }) => context.orders[0]?.ticket === ticket,
  },
}).createMachine({
  id: 'driver',
  context: ({ input: given }) => ({ ...given, orders: [] }),
  on: {
    'driver.load': { actions: queue },
    'driver.unload': { actions: queue },
    'driver.withdraw': { actions: drop },
  },
  initial: 'entering',
  states: {
    entering: { always: [{ guard: 'beginsLoaded', target: 'LOADED' }, { target: 'UNLOADED' }] },
    UNLOADED: {
      initial: 'idle',
      states: {
        idle: {
          always: [
            { guard: nextIsLoad, target: 'loading' },
            { guard: nextIsUnload, actions: answerUnloaded },
          ],
        },
        loading: {
          invoke: {
            src: 'loadDriver',
            input,
            onDone: { target: '#driver.LOADED', actions: answerLoaded },
            onError: { target: 'idle', actions: answerFailed },
          },
          on: { 'driver.withdraw': { guard: isFirst, target: 'idle', actions: drop } },
        },
      },
    },
    LOADED: {
      initial: 'idle',
      states: {
        idle: {
          always: [
            { guard: nextIsLoad, target: 'loading' },
            { guard: nextIsUnload, target: 'unloading' },
          ],
        },
        /** Once more, as the reference does: a module may have been removed by hand. */
        loading: {
          invoke: {
            src: 'loadDriver',
            input,
            onDone: { target: 'idle', actions: answerLoaded },
            onError: { target: '#driver.UNLOADED', actions: answerFailed },
          },
          on: { 'driver.withdraw': { guard: isFirst, target: 'idle', actions: drop } },
        },
        unloading: {
          invoke: {
            src: 'unloadDriver',
            input,
            onDone: [
              { guard: ({ event }) => event.output, target: '#driver.UNLOADED', actions: answerUnloaded },
              { target: 'idle', actions: answerLoaded },
            ],
            onError: { target: 'idle', actions: answerBroken },
          },
        },
      },
    },
  },
});
