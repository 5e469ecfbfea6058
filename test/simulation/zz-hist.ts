import fc from 'fast-check';
import { plan } from './plan.ts';
import { live } from './runner.ts';
const plans = fc.sample(plan, { seed: Number(process.argv[3] ?? 5), numRuns: Number(process.argv[2] ?? 200) });
const h = new Map<string, [number, number]>();
for (const [i, p] of plans.entries()) { const l = await live(p); const [c] = l.complaints; if (c) { const k = c.replace(/at \d+ ms: /, '').replace(/g\dc\d/g, 'X').slice(0, 200); const e = h.get(k) ?? [0, i]; h.set(k, [e[0] + 1, e[1]]); } }
console.log([...h].sort((a, b) => b[1][0] - a[1][0]));
