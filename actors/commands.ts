/** The one slot of `POST /commands`: whoever holds it has been answered 200 and is being carried out; the next
 *  one is told to come again. Reboot and power-off hold it for good. Whether a command is allowed is arithmetic in
 *  `machines/domain/command.ts`. */

import {
  answerToCommand,
  BAD_COMMAND,
  type Command,
  readCommand,
  type Situation,
  STORE_OPS,
  type StoreOp,
} from '../machines/domain/command.ts';
import { type Fault, SupervisorError, toFault } from '../machines/domain/fault.ts';
import type { Commands, Config } from './control-ports.ts';
import type { Clock, DeviceCommand, Supervisor } from './ports.ts';

/** What commands need of installed revisions (control API §6.5, storage). */
export interface RevisionCommands {
  /** From the take-up of an update until its final status is recorded. */
  readonly updating: boolean;
  carryOut(op: StoreOp, payload: string): Promise<void>;
}

export interface CommandPorts {
  /** Undefined until the state is loaded. */
  readonly supervisor: () => Supervisor | undefined;
  readonly config: Config;
  readonly clock: Clock;
  /** Told of a command that was accepted and then failed. Must not throw. */
  readonly complain: (fault: Fault) => void;
  /** Absent: commands on revisions are refused. */
  readonly revisions?: RevisionCommands;
}

export function createCommands(ports: CommandPorts): Commands {
  const { supervisor, config, clock, complain, revisions } = ports;
  const slot = { taken: false };

  const situation = (): Situation => ({
    // No Hub: the device is never claimed and always in local mode.
    remote: false,
    claimed: false,
    hubClient: false,
    remoteAllowed: config.value('PV_CONTROL_REMOTE') === true,
    debugShell: config.value('PV_DEBUG_SHELL') === true,
    store: revisions !== undefined,
    updating: revisions?.updating ?? false,
    busy: slot.taken || (supervisor()?.phase() ?? 'running') !== 'running',
  });

  const carryOut = async (command: Command): Promise<'free' | 'kept'> => {
    const { op, payload } = command;
    const leaving = departure(command);
    if (leaving !== undefined) {
      const answer = supervisor()?.send(leaving);
      if (answer?.ok === true) return 'kept';
      throw new SupervisorError('REFUSED', `${op}: ${answer?.message ?? 'the state is not loaded'}`);
    }
    if (op === 'ENABLE_SSH' || op === 'DISABLE_SSH') {
      config.override('PV_DEBUG_SSH', op === 'ENABLE_SSH' ? '1' : '0');
    }
    const store = STORE_OPS.find((known) => known === op);
    if (store !== undefined) await revisions?.carryOut(store, payload);
    // DEFER_REBOOT: no debug shell holds up a reboot here. The others are accepted and dropped (control API §10).
    return 'free';
  };

  const start = (command: Command): void => {
    slot.taken = true;
    // Not before the answer is on its way: a reboot may end everything at once.
    clock.setTimeout(() => {
      carryOut(command)
        .catch((error: unknown) => {
          complain(toFault(error));
          return 'free' as const;
        })
        .then((outcome) => {
          if (outcome === 'free') slot.taken = false;
        });
    }, 0);
  };

  return {
    submit: async (body) => {
      const command = readCommand(body);
      if (command === undefined) return BAD_COMMAND;
      if (departure(command) !== undefined && supervisor() === undefined) {
        return { status: 500, error: 'State not loaded yet' };
      }
      const answer = answerToCommand(command.op, situation());
      if (answer.status === 200) start(command);
      return answer;
    },
  };
}

/** What reboots or powers off, with the words that came with it: quoted, since a container chose them. */
function departure({
  op,
  payload,
}: Command): Extract<DeviceCommand, { readonly because: string }> | undefined {
  const words = payload === '' ? '' : `: ${JSON.stringify(payload)}`;
  if (op === 'REBOOT_DEVICE') return { type: 'device.reboot', because: `a reboot was asked for${words}` };
  if (op === 'POWEROFF_DEVICE')
    return { type: 'device.powerOff', because: `a power-off was asked for${words}` };
  return undefined;
}
