/** `statevisor install`: a directory or an archive becomes a revision of the device. Checked here first, then missing objects
 *  are sent, then the state: what is refused on the way leaves objects that nobody needs, for the next collection. */

import { isUtf8 } from 'node:buffer';
import { objectIdsIn } from '../../../machines/domain/objects.ts';
import { parseState } from '../../../machines/domain/state-json.ts';
import { isLocalName } from '../../../machines/domain/step-name.ts';
import { UsageError } from '../../settings.ts';
import { EXIT, type ExitCode, painter, type Terminal } from '../output.ts';
import { problemLines } from '../state-file.ts';
import { bytesText } from './bytes.ts';
import type { ObjectEntry } from './documents.ts';
import { type Installable, openInstallable } from './installable.ts';
import { stepPath } from './revision-names.ts';
import { type ClientFlags, type Session, Stop, withSession } from './session.ts';
import { uploadObjects } from './upload.ts';

/** 0 durable · 2 the name cannot be · 3 no such file · 4 the archive is refused, or the name is in use · 5 an update goes to
 *  that name · 8 the state is not valid, or names objects that are nowhere. */
export function install(
  path: string,
  given: string | undefined,
  flags: ClientFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  if (given !== undefined && !isLocalName(given)) {
    throw new UsageError(
      `${JSON.stringify(given)} is no name to install under: write locals/ and 1 to 64 bytes without /, blanks, and a dot at the beginning`,
    );
  }
  return withSession(flags, terminal, async (session) => {
    const installable = await openInstallable(path);
    const text = stateOf(path, installable, terminal);
    if (text === undefined) return EXIT.invalidState;
    const name = given ?? installable.defaultName;
    const missing = await missingObjects(session, path, installable, text);
    const sizes = [...missing].map((sha256) => installable.objects.get(sha256) ?? 0);
    const total = { objects: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
    if (total.objects > 0) await uploadObjects(session, installable.read(missing), total, terminal.err);
    await session.send('PUT', stepPath(name), text);
    if (session.json) session.print(`${JSON.stringify({ revision: name, ...total })}\n`);
    else {
      session.print(`${name}\n`);
      session.say(
        total.objects === 0
          ? 'installed; all its objects were there already'
          : `installed; sent ${total.objects} of ${installable.objects.size} objects, ${bytesText(total.bytes)}`,
      );
    }
    return EXIT.ok;
  });
}

/** Undefined when it is not valid, which has been told. */
function stateOf(path: string, { state }: Installable, terminal: Terminal): string | undefined {
  const file = `${path}:json`;
  const text = isUtf8(state) ? state.toString('utf8') : undefined;
  if (text === undefined) throw new Stop(EXIT.invalidState, `${file} is not UTF-8`);
  const parsed = parseState(text);
  if (parsed.ok) return text;
  terminal.err.write(problemLines(file, parsed, painter(terminal.err, terminal)));
  return undefined;
}

/** What the state names and the store lacks. @throws Stop INVALID_STATE when that is not here either */
async function missingObjects(
  { get }: Session,
  path: string,
  { objects }: Installable,
  text: string,
): Promise<ReadonlySet<string>> {
  const stored = new Set(
    (JSON.parse(await get('/objects')) as readonly ObjectEntry[]).map((one) => one.sha256),
  );
  const missing = [...objectIdsIn(text)].filter((sha256) => !stored.has(sha256));
  const nowhere = missing.filter((sha256) => !objects.has(sha256));
  if (nowhere.length === 0) return new Set(missing);
  throw new Stop(
    EXIT.invalidState,
    `${path} lacks objects that its state names, and the device has not got them either: ${nowhere.join(', ')}`,
  );
}
