/** One after the other: what must not happen at the same time takes turns, in the order in which it was asked for. */

export type Turn = <T>(work: () => Promise<T>) => Promise<T>;

export function createTurn(): Turn {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    // Whoever asked hears of a failure; the next in line goes ahead all the same.
    last = mine.catch(() => undefined);
    return mine;
  };
}

/** Does `work` for every item, at most `atOnce` at a time, and answers in their order. After a failure nothing more is
 *  begun; the failure of the earliest item is thrown when all that was begun is over. */
export async function eachOf<T, R>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const failures: { readonly at: number; readonly error: unknown }[] = [];
  const queue = [...items].entries();
  async function runner(): Promise<void> {
    for (const [at, item] of queue) {
      try {
        results[at] = await work(item);
      } catch (error) {
        failures.push({ at, error });
      }
      if (failures.length > 0) return;
    }
  }
  await Promise.all(Array.from({ length: atOnce }, runner));
  const [first] = failures.sort((a, b) => a.at - b.at);
  if (first !== undefined) throw first.error;
  return results;
}
