import { createSupervisor } from '../../actors/supervisor.ts';
import { quiesce, VirtualClock } from '../../sim/clock.ts';
import { createFakeHost } from '../../sim/host.ts';
import { revisionOf } from '../support/revision.ts';
const N = 100;
const revision = revisionOf({ a: { containers: Object.fromEntries(Array.from({ length: N }, (_, i) => [`c${i}`, { statusGoal: 'READY' as const }])) } });
const clock = new VirtualClock();
const host = createFakeHost({ clock, decide: (op) => (op === 'start' ? { latencyMs: 33, readyAfterMs: 100 } : {}) });
const h = new Map<string, number>();
const { ports } = host.attach((name) => s.send({ type: 'signal.ready', name }));
const s = await createSupervisor(ports, { revision, defaultGoalTimeoutMs: 1e5, listen: () => {}, crashed: console.log, inspect: (e) => {
  if (e.type === '@xstate.microstep' || e.type === '@xstate.event' || e.type === '@xstate.snapshot') { const id = (e.actorRef as { logic?: { config?: { id?: string } } }).logic?.config?.id ?? '-'; const k = `${e.type.slice(8)} ${id} ${e.event.type.replace(/c\d+/, 'c')}`; h.set(k, (h.get(k) ?? 0) + 1); } } });
s.start(); await quiesce(clock);
for (const [k, v] of [...h].sort((a, b) => b[1] - a[1])) console.log((v / N).toFixed(2), k);
