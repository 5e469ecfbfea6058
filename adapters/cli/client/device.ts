/** `statevisor reboot` and `statevisor poweroff`: commands to the device (control API §6.5). */

import { EXIT, type ExitCode, type Terminal } from '../output.ts';
import { type ClientFlags, NO_CONTENT, withSession } from './session.ts';

const OPS = { reboot: 'REBOOT_DEVICE', poweroff: 'POWEROFF_DEVICE' } as const;
const WORDS = { reboot: 'reboots', poweroff: 'powers off' } as const;

/** 0 accepted, not done · 5 the one slot for commands is taken, or an update is under way. */
export function device(
  what: keyof typeof OPS,
  message: string,
  flags: ClientFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  return withSession(flags, terminal, async ({ send, say, print, json }) => {
    await send('POST', '/commands', JSON.stringify({ op: OPS[what], payload: message }));
    say(`accepted: the device ${WORDS[what]} when all containers have stopped`);
    if (json) print(NO_CONTENT);
    return EXIT.ok;
  });
}
