/** Actors that a chart names and `actors/` provides. Left alone they refuse to run, as an error of that actor. */

import { fromCallback, fromPromise, type NonReducibleUnknown } from 'xstate';

function refuse(): never {
  throw new Error('this actor is provided in actors/; the chart was started without it');
}

export function unprovidedTask<Input extends NonReducibleUnknown, Output = void>() {
  return fromPromise<Output, Input>(async () => refuse());
}

export function unprovidedProcess<Command extends { type: string }, Input extends NonReducibleUnknown>() {
  return fromCallback<Command, Input>(() => refuse());
}
