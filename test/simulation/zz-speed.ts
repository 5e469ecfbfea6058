import fc from 'fast-check';
import { plan } from './plan.ts';
import { live } from './runner.ts';
const plans = fc.sample(plan, { seed: 5, numRuns: Number(process.argv[2] ?? 200) });
const t = performance.now(); const c = process.cpuUsage(); let steps = 0, lines = 0, bad = 0;
for (const p of plans) { const l = await live(p); steps += l.steps; lines += l.lines.length; if (l.complaints.length) bad++; }
const u = process.cpuUsage(c);
console.log(plans.length, 'lives', (performance.now() - t).toFixed(0), 'ms wall', ((u.user + u.system) / 1000).toFixed(0), 'ms cpu; steps', steps, 'lines', lines, 'bad', bad);
