/** Lets connections that need more than one go take turns: one of them goes on in each turn of the event loop, and in
 *  between everything else is heard. Were all of them to go on at once, others would wait for all of them. */

export type TakeTurn = (goOn: () => void) => void;

export function createTurns(): TakeTurn {
  const waiting: (() => void)[] = [];
  const next = (): void => {
    waiting.shift()?.();
    if (waiting.length > 0) setImmediate(next);
  };
  return (goOn) => {
    waiting.push(goOn);
    if (waiting.length === 1) setImmediate(next);
  };
}
