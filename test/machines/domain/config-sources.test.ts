import assert from 'node:assert/strict';
import {
  commandLineSayings,
  environmentSayings,
  fileSayings,
} from '../../../machines/domain/config-sources.ts';

describe('configuration files (logs and metadata §7.2)', () => {
  const cases: readonly {
    why: string;
    text: string;
    said: readonly (readonly [string, string, number])[];
  }[] = [
    {
      why: 'hold a key and a value on each line',
      text: 'A=1\nB=2\n',
      said: [
        ['A', '1', 1],
        ['B', '2', 2],
      ],
    },
    { why: 'may lack the last newline', text: 'A=1', said: [['A', '1', 1]] },
    { why: 'pass over lines without "="', text: '# note\n\nA=1\n', said: [['A', '1', 3]] },
    { why: 'have no comments', text: '#A=1\n', said: [['#A', '1', 1]] },
    { why: 'part at the first "="', text: 'A=b=c\n', said: [['A', 'b=c', 1]] },
    { why: 'do not trim keys', text: ' A =1\n', said: [[' A ', '1', 1]] },
    { why: 'do not trim values but for the newline', text: 'A= 1 \n', said: [['A', ' 1 ', 1]] },
    {
      why: 'lose one white space at their end, where the newline is missing',
      text: 'A=1  ',
      said: [['A', '1 ', 1]],
    },
    { why: 'keep a carriage return', text: 'A=1\r\n', said: [['A', '1\r', 1]] },
    { why: 'have no quotes', text: 'A="x"\n', said: [['A', '"x"', 1]] },
    {
      why: 'say everything that is said twice',
      text: 'A=1\nA=2\n',
      said: [
        ['A', '1', 1],
        ['A', '2', 2],
      ],
    },
    { why: 'may be empty', text: '', said: [] },
  ];
  for (const { why, text, said } of cases) {
    it(why, () => {
      assert.deepEqual(
        fileSayings(text, '/c', 'policy'),
        said.map(([name, value, line]) => ({ level: 'policy', place: `/c:${line}`, name, text: value })),
      );
    });
  }
});

describe('the kernel command line (logs and metadata §7.2, §9)', () => {
  const said = (text: string) =>
    commandLineSayings(text).map(({ level, name, written, text: value }) => [level, name, written, value]);

  it('has words that begin with pv_ and ph_, and leaves the others to others', () => {
    assert.deepEqual(said('root=/dev/x pv_log.level=4 quiet  ph_creds.port=43 pv_PV_POLICY=a=b\n'), [
      ['pv cmdline', 'log.level', 'pv_log.level', '4'],
      ['ph cmdline', 'creds.port', 'ph_creds.port', '43'],
      ['pv cmdline', 'PV_POLICY', 'pv_PV_POLICY', 'a=b'],
    ]);
  });

  it('has words of capitals, which reach PID 1 as environment', () => {
    assert.deepEqual(said('PV_LOG_LEVEL=4 PATH=/x'), [['env', 'PV_LOG_LEVEL', 'PV_LOG_LEVEL', '4']]);
  });

  it('has the command words', () => {
    assert.deepEqual(said('pv_appengine pv_debug pv_other constructor __proto__'), [
      ['args', 'PV_SYSTEM_INIT_MODE', 'pv_appengine', 'appengine'],
      ['args', 'PV_DEBUG_SHELL', 'pv_debug', '1'],
    ]);
  });

  it('keeps what the boot loader says out of the configuration', () => {
    assert.deepEqual(
      said('pv_rev=3 pv_try=4 pv_trying=4 pv_bootloader.dtb=a pv_bootloader.ovl=b pv_quickboot=1'),
      [],
    );
  });
});

describe('the environment (logs and metadata §7.2)', () => {
  const said = (environment: Readonly<Record<string, string | undefined>>, commandLine = '') =>
    environmentSayings(environment, commandLine).map(({ level, name, text }) => [level, name, text]);

  it('has full names in any case (§18 test 25)', () => {
    assert.deepEqual(
      said({ pv_log_level: '3', Ph_Creds_Port: '1', PATH: '/x', PVX: '1', PV: '1', 'log.level': '1' }),
      [
        ['env', 'pv_log_level', '3'],
        ['env', 'Ph_Creds_Port', '1'],
      ],
    );
  });

  it('passes over what is set to nothing at all, and words that are none of ours', () => {
    assert.deepEqual(said({ PV_LOG_LEVEL: undefined, pv_rev: '3', pv_verityoff: '1' }), []);
  });

  it('passes over words of the command line that the kernel handed on and that are no keys here', () => {
    assert.deepEqual(
      said({ pv_PV_POLICY: 'a', pv_policy: 'b', PV_X: '1' }, 'quiet pv_PV_POLICY=a pv_policy=b'),
      [
        ['env', 'pv_policy', 'b'],
        ['env', 'PV_X', '1'],
      ],
    );
  });
});
