/** A chart as a picture shows it: the states that are reported, and what leads from one to the other.
 *  States in CAPITALS are reported; what lies inside them is folded into them. A lower-case state that holds others stays
 *  as a frame; one that only routes stands for the last of its ways, the one without a condition. */

import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';

export interface DrawnState {
  readonly id: string;
  readonly label: string;
  readonly children: readonly DrawnState[];
  /** The state that a frame is entered by. */
  readonly initial: string | undefined;
}

export interface DrawnEdge {
  readonly from: string;
  readonly to: string;
  /** One line for each transition that takes this way. */
  readonly lines: readonly string[];
}

export interface Drawing {
  readonly states: readonly DrawnState[];
  readonly initial: string | undefined;
  readonly edges: readonly DrawnEdge[];
}

/** The picture of one region of a chart, for instance `life`. */
export function drawingOf(machine: AnyStateMachine, region: string): Drawing {
  const root = machine.root.states[region];
  if (root === undefined) throw new Error(`chart ${machine.id} has no region ${region}`);
  return {
    states: statesOf(root),
    initial: initialOf(root),
    edges: edgesOf(root),
  };
}

function isReported(node: AnyStateNode): boolean {
  return /^[A-Z]+$/.test(node.key);
}

function isDrawn(node: AnyStateNode): boolean {
  return isReported(node) || Object.keys(node.states).length > 0;
}

function statesOf(parent: AnyStateNode): DrawnState[] {
  return Object.values(parent.states)
    .filter(isDrawn)
    .map((node) => ({
      id: node.id,
      label: node.key,
      children: isReported(node) ? [] : statesOf(node),
      initial: isReported(node) ? undefined : initialOf(node),
    }));
}

function initialOf(node: AnyStateNode): string | undefined {
  const target = node.initial?.target?.[0];
  return target === undefined ? undefined : drawnAs(target)?.id;
}

/** Where a transition to `node` ends in the picture. */
function drawnAs(node: AnyStateNode): AnyStateNode | undefined {
  const reported = [...ancestors(node)].reverse().find(isReported);
  if (reported !== undefined) return reported;
  if (isDrawn(node)) return node;
  const way = node.always?.at(-1)?.target?.[0];
  return way === undefined ? undefined : drawnAs(way);
}

/** `node` itself, then what it lies in. */
function ancestors(node: AnyStateNode): AnyStateNode[] {
  const chain: AnyStateNode[] = [];
  for (let at: AnyStateNode | undefined = node; at !== undefined; at = at.parent) chain.push(at);
  return chain;
}

function edgesOf(root: AnyStateNode): DrawnEdge[] {
  const edges = new Map<string, { from: string; to: string; lines: string[] }>();
  for (const node of descendants(root)) {
    const source = isReported(node) || !isDrawn(node) ? drawnSource(node) : node;
    if (source === undefined) continue;
    for (const transition of [...[...node.transitions.values()].flat(), ...(node.always ?? [])]) {
      const target = transition.target?.[0];
      const end = target === undefined ? undefined : drawnAs(target as AnyStateNode);
      if (end === undefined || end === source) continue;
      const key = `${source.id} ${end.id}`;
      const edge = edges.get(key) ?? { from: source.id, to: end.id, lines: [] };
      const line = labelOf(node, transition);
      if (!edge.lines.includes(line)) edge.lines.push(line);
      edges.set(key, edge);
    }
  }
  return [...edges.values()];
}

/** The state that shows what `node` does; none for a state that only routes. */
function drawnSource(node: AnyStateNode): AnyStateNode | undefined {
  return [...ancestors(node)].reverse().find(isReported);
}

function descendants(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states).flatMap((child) => [child, ...descendants(child)]);
}

function labelOf(node: AnyStateNode, { eventType, guard }: AnyTransitionDefinition): string {
  const condition = conditionOf(guard);
  const event = eventName(node, eventType);
  if (event === '') return condition === '' ? 'otherwise' : `[${condition}]`;
  return condition === '' ? event : `${event} [${condition}]`;
}

function eventName(node: AnyStateNode, type: string): string {
  const [, after] = /^xstate\.after\.([^.]+)\./.exec(type) ?? [];
  if (after !== undefined) return `after ${after}`;
  const [, outcome, id] = /^xstate\.(done|error)\.actor\.(.+)$/.exec(type) ?? [];
  if (outcome === undefined) return type;
  const task = node.invoke.find((invoked) => invoked.id === id)?.src;
  return `${typeof task === 'string' ? task : id} ${outcome}`;
}

function conditionOf(guard: unknown): string {
  if (typeof guard === 'string') return guard;
  const { type, params } = (guard ?? {}) as { type?: string; params?: Readonly<Record<string, unknown>> };
  return [type ?? '', ...Object.values(params ?? {})].join(' ').trim();
}
