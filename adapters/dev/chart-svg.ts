/** A drawing laid out and written as SVG that reads well on light and on dark pages. Same drawing, same bytes. */

import ElkModule, { type ElkEdgeSection, type ElkExtendedEdge, type ElkNode } from 'elkjs/lib/elk.bundled.js';
import type { Drawing, DrawnState } from './chart-model.ts';

/** The package is CommonJS: its default export arrives inside the module object. */
const Elk = ElkModule as unknown as new () => { layout(graph: ElkNode): Promise<ElkNode> };

const LETTER = 6.7;
const LINE = 15;
const DOT = 10;

/** Elk does not hand these down: every node that holds others needs them. Other ways to break cycles fail on nested
 *  graphs or put the initial state in the middle. */
const LAYERED = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.layered.considerModelOrder.strategy': 'NONE',
  'elk.layered.cycleBreaking.strategy': 'BFS_NODE_ORDER',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.nodePlacement.favorStraightEdges': 'true',
  'elk.layered.spacing.nodeNodeBetweenLayers': '26',
  'elk.layered.spacing.edgeNodeBetweenLayers': '14',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '12',
  'elk.spacing.nodeNode': '24',
  'elk.spacing.edgeNode': '16',
  'elk.spacing.edgeEdge': '14',
  'elk.spacing.edgeLabel': '4',
  'elk.json.shapeCoords': 'ROOT',
  'elk.json.edgeCoords': 'ROOT',
};

const STYLE = `
text{font:11px ui-monospace,"DejaVu Sans Mono",monospace;fill:#1f2328}
.name{font-weight:700;font-size:12px}
.frame{fill:#f6f8fa;stroke:#afb8c1;stroke-dasharray:5 4}
.state{fill:#fff;stroke:#0969da;stroke-width:1.5}
.edge{fill:none;stroke:#6e7781;stroke-width:1.2}
.label{fill:#fff;stroke:#d0d7de}
.fill{fill:#6e7781}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}
.frame{fill:#161b22;stroke:#484f58}
.state{fill:#0d1117;stroke:#58a6ff}
.edge{stroke:#8b949e}
.label{fill:#21262d;stroke:#30363d}
.fill{fill:#8b949e}
}`.replaceAll('\n', '');

export async function toSvg(drawing: Drawing, title: string): Promise<string> {
  const graph = await new Elk().layout(graphOf(drawing));
  const [width, height] = [Math.ceil((graph.width ?? 0) + 2), Math.ceil((graph.height ?? 0) + 2)];
  const edges = graph.edges ?? [];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="-1 -1 ${width} ${height}">`,
    `<title>${escaped(title)}</title><style>${STYLE}</style>`,
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">',
    '<path class="fill" d="M0,0L8,4L0,8z"/></marker></defs>',
    ...(graph.children ?? []).flatMap((node) => shapeOf(node)),
    ...edges.flatMap(({ sections = [] }) => sections.map(wayOf)),
    ...edges.flatMap(labelsOf),
    '</svg>\n',
  ].join('\n');
}

function graphOf({ states, initial, edges }: Drawing): ElkNode {
  const starts: ElkExtendedEdge[] = [];
  const children = [...startOf('root', initial, starts), ...states.map((state) => nodeOf(state, starts))];
  const ways = edges.map(({ from, to, lines }): ElkExtendedEdge => {
    const size = { width: widthOf(lines) + 10, height: lines.length * LINE + 4 };
    const label = { text: lines.join('\n'), ...size, layoutOptions: { 'elk.edgeLabels.inline': 'true' } };
    return { id: `${from} ${to}`, sources: [from], targets: [to], labels: [label] };
  });
  return { id: 'root', children, edges: [...starts, ...ways], layoutOptions: LAYERED };
}

function nodeOf({ id, label, children, initial }: DrawnState, starts: ElkExtendedEdge[]): ElkNode {
  const labels = [{ text: label }];
  if (children.length === 0) return { id, labels, width: widthOf([label]) + 34, height: 30 };
  return {
    id,
    labels,
    children: [...startOf(id, initial, starts), ...children.map((child) => nodeOf(child, starts))],
    layoutOptions: { ...LAYERED, 'elk.padding': '[top=34,left=16,bottom=16,right=16]' },
  };
}

/** The dot before the first state. */
function startOf(owner: string, initial: string | undefined, starts: ElkExtendedEdge[]): ElkNode[] {
  if (initial === undefined) return [];
  const id = `${owner} start`;
  starts.push({ id: `${id} ${initial}`, sources: [id], targets: [initial] });
  const layoutOptions = { 'elk.layered.layering.layerConstraint': 'FIRST' };
  return [{ id, width: DOT, height: DOT, layoutOptions }];
}

function shapeOf({ x = 0, y = 0, width = 0, height = 0, labels, children = [] }: ElkNode): string[] {
  const text = labels?.[0]?.text;
  if (text === undefined) {
    return [`<circle class="fill" cx="${x + DOT / 2}" cy="${y + DOT / 2}" r="${DOT / 2}"/>`];
  }
  const box = `x="${x}" y="${y}" width="${width}" height="${height}" rx="8"`;
  if (children.length === 0) {
    const middle = `x="${x + width / 2}" y="${y + 19}" text-anchor="middle"`;
    return [`<rect class="state" ${box}/><text class="name" ${middle}>${escaped(text)}</text>`];
  }
  return [
    `<rect class="frame" ${box}/><text x="${x + 12}" y="${y + 20}">${escaped(text)}</text>`,
    ...children.flatMap(shapeOf),
  ];
}

/** Right angles with rounded corners. */
function wayOf({ startPoint, bendPoints = [], endPoint }: ElkEdgeSection): string {
  const points = [startPoint, ...bendPoints, endPoint];
  const steps = bendPoints.map((bend, index) => {
    const before = points[index] ?? bend;
    const after = points[index + 2] ?? bend;
    const [into, out] = [towards(bend, before), towards(bend, after)];
    return `L${into.x},${into.y}Q${bend.x},${bend.y} ${out.x},${out.y}`;
  });
  const path = `M${startPoint.x},${startPoint.y}${steps.join('')}L${endPoint.x},${endPoint.y}`;
  return `<path class="edge" d="${path}" marker-end="url(#arrow)"/>`;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** The point on the way from `from` to `to` where a corner's curve begins. */
function towards(from: Point, to: Point): Point {
  const distance = Math.hypot(to.x - from.x, to.y - from.y);
  const share = distance === 0 ? 0 : Math.min(7, distance / 2) / distance;
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

function labelsOf({ labels = [] }: ElkExtendedEdge): string[] {
  return labels.map(({ text = '', x = 0, y = 0, width = 0, height = 0 }) => {
    const box = `<rect class="label" x="${x}" y="${y}" width="${width}" height="${height}" rx="4"/>`;
    const lines = text.split('\n').map((line, index) => {
      return `<text x="${x + 5}" y="${y + 13 + index * LINE}">${escaped(line)}</text>`;
    });
    return box + lines.join('');
  });
}

/** Monospaced, so that the layout needs no canvas. */
function widthOf(lines: readonly string[]): number {
  return Math.ceil(Math.max(...lines.map((line) => line.length)) * LETTER);
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
