/** What went wrong, as data: charts store it, records keep it, clients show it. */

export type FaultCode =
  | 'MOUNT_FAILED'
  | 'UNMOUNT_FAILED'
  | 'MODULE_FAILED'
  | 'START_FAILED'
  | 'EXITED'
  | 'UNSUPPORTED'
  | 'JOURNAL_FAILED'
  | 'STORE_FAILED'
  | 'NOT_FOUND'
  | 'REFUSED'
  | 'BUSY'
  | 'UNEXPECTED';

/** Plain data that survives JSON. `message` says what was tried on what and why it failed; `fix` what to do. */
export interface Fault {
  readonly code: FaultCode;
  readonly message: string;
  /** What it happened to: a container, a path, a module. */
  readonly subject?: string;
  /** The system's name of the error (`ENOENT`, `EBUSY`), where there is one. */
  readonly errno?: string;
  readonly fix?: string;
  /** Of an UNEXPECTED fault: for the log and the bug report. */
  readonly stack?: string;
}

export interface FaultDetails {
  readonly subject?: string;
  readonly errno?: string;
  readonly fix?: string;
  readonly cause?: unknown;
}

/** Thrown by an effect that failed; anything else that is thrown is a bug. */
export class SupervisorError extends Error {
  override readonly name = 'SupervisorError';
  readonly fault: Fault;

  constructor(code: FaultCode, message: string, { cause, ...details }: FaultDetails = {}) {
    super(message, { cause });
    this.fault = { code, message, ...details };
  }
}

/** Any thrown value as a fault; what is no SupervisorError is our bug and says so. */
export function toFault(thrown: unknown): Fault {
  if (thrown instanceof SupervisorError) return thrown.fault;
  if (!(thrown instanceof Error)) return { code: 'UNEXPECTED', message: `unexpected: ${String(thrown)}` };
  const { message, stack } = thrown;
  return { code: 'UNEXPECTED', message: `unexpected: ${message}`, ...(stack === undefined ? {} : { stack }) };
}

/** One line for people: message, system error name and remedy. */
export function describeFault(fault: Pick<Fault, 'message' | 'errno' | 'fix'>): string {
  const named =
    fault.errno === undefined || fault.message.includes(fault.errno)
      ? fault.message
      : `${fault.message} (${fault.errno})`;
  return fault.fix === undefined ? named : `${named}. ${fault.fix}`;
}
