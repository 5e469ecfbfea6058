import fc from 'fast-check';
import { tellLife } from './account.ts';
import { plan } from './plan.ts';
import { live } from './runner.ts';
const plans = fc.sample(plan, { seed: Number(process.argv[3]), numRuns: Number(process.argv[2]) + 1 });
const p = plans[Number(process.argv[2])]!;
console.log(tellLife(p, await live(p)));
