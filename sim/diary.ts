/** What the fake host was asked and what happened on it, as readable lines, oldest first. */

export interface DiaryEntry {
  readonly at: number;
  /** `call`: the supervisor asked for it (`mount web`). `happening`: it came about (`web exited: exit status 7`).
   *  `violation`: asked for something that reality forbids. */
  readonly kind: 'call' | 'happening' | 'violation';
  /** Container or module; empty for the host itself. */
  readonly subject: string;
  readonly line: string;
}

export class Diary {
  readonly entries: DiaryEntry[] = [];
  readonly #now: () => number;
  readonly #told: ((entry: DiaryEntry) => void) | undefined;

  constructor(now: () => number, told: ((entry: DiaryEntry) => void) | undefined) {
    this.#now = now;
    this.#told = told;
  }

  /** `mount web`, `load can bitrate=500000`. */
  call(subject: string, line: string): void {
    this.#write('call', subject, line);
  }

  happening(subject: string, line: string): void {
    this.#write('happening', subject, line);
  }

  violation(subject: string, line: string): void {
    this.#write('violation', subject, line);
  }

  lines(kind: DiaryEntry['kind']): string[] {
    return this.entries.filter((entry) => entry.kind === kind).map(({ line }) => line);
  }

  #write(kind: DiaryEntry['kind'], subject: string, line: string): void {
    const entry: DiaryEntry = { at: this.#now(), kind, subject, line };
    this.entries.push(entry);
    this.#told?.(entry);
  }
}
