import assert from 'node:assert/strict';
import { announcementLine } from '../../../adapters/cli/lines.ts';
import type { Paint } from '../../../adapters/cli/output.ts';
import { duration, openLiveTable, tableText } from '../../../adapters/cli/table.ts';
import type { ContainerRecord } from '../../../machines/domain/record.ts';
import type { Announcement, RevisionView } from '../../../machines/domain/report.ts';

const plain: Paint = (_, text) => text;

function record(
  change: Partial<ContainerRecord> & Pick<ContainerRecord, 'name' | 'status'>,
): ContainerRecord {
  return {
    since: 1000,
    intent: 'run',
    stopReason: undefined,
    pid: undefined,
    startedAt: undefined,
    goalDeadlineAt: undefined,
    signalled: false,
    reached: false,
    stableAt: undefined,
    retries: 0,
    retryAt: undefined,
    killAt: undefined,
    lastExit: undefined,
    fault: undefined,
    ...change,
  };
}

describe('one line per change', () => {
  const container = (from: ContainerRecord['status'], to: ContainerRecord): Announcement => ({
    type: 'container',
    at: 3500,
    group: 'app',
    from,
    goal: 'UNACHIEVED',
    record: to,
  });
  const cases: readonly { announcement: Announcement; line: string }[] = [
    {
      announcement: container('STARTING', record({ name: 'web', status: 'STARTED', pid: 77 })),
      line: '    2.500  container  web: STARTING → STARTED, pid 77\n',
    },
    {
      announcement: container(
        'STARTED',
        record({
          name: 'web',
          status: 'RECOVERING',
          retries: 2,
          retryAt: 8500,
          lastExit: { kind: 'code', code: 7 },
        }),
      ),
      line: '    2.500  container  web: STARTED → RECOVERING, exit status 7, retry 2 in 5.0 s\n',
    },
    {
      announcement: container(
        'STOPPING',
        record({
          name: 'web',
          status: 'STOPPED',
          stopReason: 'user',
          lastExit: { kind: 'signal', signal: 'SIGKILL' },
        }),
      ),
      line: '    2.500  container  web: STOPPING → STOPPED, killed by SIGKILL, because: user\n',
    },
    {
      announcement: { type: 'group', at: 1000, name: 'app', status: 'READY', goal: 'ACHIEVED' },
      line: '    0.000  group      app: READY, goal ACHIEVED\n',
    },
    {
      announcement: {
        type: 'failure',
        at: 1001,
        container: 'web',
        fault: { code: 'MOUNT_FAILED', message: 'mounting a failed', errno: 'EINVAL', fix: 'Rebuild it' },
      },
      line: '    0.001  failure    web: mounting a failed (EINVAL). Rebuild it\n',
    },
    { announcement: { type: 'device', at: 1000, phase: 'stopped' }, line: '    0.000  device     stopped\n' },
  ];
  for (const { announcement, line } of cases) {
    it(line.trim(), () => assert.equal(announcementLine(announcement, 1000, plain), line));
  }
});

describe('the live table', () => {
  const view: RevisionView = {
    status: 'BLOCKED',
    goal: 'UNACHIEVED',
    groups: [
      {
        name: 'platform',
        status: 'RECOVERING',
        goal: 'UNACHIEVED',
        unlocked: true,
        containers: [
          {
            name: 'net',
            group: 'platform',
            goal: 'UNACHIEVED',
            record: record({ name: 'net', status: 'RECOVERING', retries: 3, retryAt: 15_000 }),
          },
        ],
      },
      {
        name: 'app',
        status: 'BLOCKED',
        goal: 'UNACHIEVED',
        unlocked: false,
        containers: [
          {
            name: 'web',
            group: 'app',
            goal: 'UNACHIEVED',
            record: record({ name: 'web', status: 'BLOCKED' }),
          },
          { name: 'new', group: 'app', goal: 'UNACHIEVED', record: undefined },
        ],
      },
    ],
  };

  it('says where each container stands and what comes next', () => {
    const lines = tableText(view, 6000, plain)
      .split('\n')
      .map((line) => line.trimEnd().replaceAll(/ +/g, ' '));
    assert.deepEqual(lines, [
      'GROUP CONTAINER STATUS GOAL SINCE PID RETRIES NEXT',
      'platform net RECOVERING UNACHIEVED 5s 3 starts in 9s',
      'app web BLOCKED UNACHIEVED 5s 0 waits for earlier groups',
      'app new UNACHIEVED waits for earlier groups',
      'revision BLOCKED, goal UNACHIEVED',
    ]);
  });

  it('redraws in place, and puts other lines above itself', () => {
    const written: string[] = [];
    const screen = { rows: 50, write: (text: string) => written.push(text) };
    const table = openLiveTable(
      screen,
      () => view,
      () => 6000,
      plain,
    );
    table.above('first\n');
    written.splice(0);
    table.above('a line\n');
    const [erase, line] = written;
    assert.equal(erase, '\u001b[5A\u001b[0J');
    assert.equal(line, 'a line\n');
    table.close();
  });

  it('never draws more than the screen can erase', () => {
    const written: string[] = [];
    const table = openLiveTable(
      { rows: 5, write: (text: string) => written.push(text) },
      () => view,
      () => 6000,
      plain,
    );
    table.close();
    assert.equal(written.join('').trimEnd().split('\n').length, 4);
    assert.match(written.join(''), /2 more containers; enlarge the window\nrevision BLOCKED/);
  });

  for (const [ms, text] of [
    [0, '0s'],
    [-5, '0s'],
    [1, '1s'],
    [59_999, '1m 00s'],
    [187_000, '3m 07s'],
    [7_500_000, '2h 05m'],
  ] as const) {
    it(`writes ${ms} ms as ${text}`, () => assert.equal(duration(ms), text));
  }
});
