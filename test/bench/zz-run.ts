import { measureSimulator } from './simulator.ts';
const cpu: number[] = []; const wall: number[] = [];
const K = Number(process.argv[2] ?? 8);
for (let i = 0; i < K; i++) { const c = process.cpuUsage(); const r = await measureSimulator(1000, 10); const u = process.cpuUsage(c); cpu.push((u.user + u.system) / 1000); wall.push(r.ms); }
cpu.sort((a, b) => a - b); wall.sort((a, b) => a - b);
console.log('cpu min', cpu[0]!.toFixed(0), 'median', cpu[K >> 1]!.toFixed(0), 'wall min', wall[0]!.toFixed(0), 'median', wall[K >> 1]!.toFixed(0));
