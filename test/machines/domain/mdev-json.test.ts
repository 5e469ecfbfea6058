/** `<container>/mdev.json`: rules for device nodes (state format §22). */

import assert from 'node:assert/strict';
import { accepted, container, OBJECT, only, refused, type State, state } from './states.ts';

function withRules(file: unknown): string {
  return state(container('a'), { 'a/mdev.json': file } as State);
}

/** Rules that are kept, and what is told of the others. */
function read(rules: readonly unknown[]) {
  const { revision, warnings } = accepted(withRules({ rules }));
  const told = warnings.filter(({ spec }) => spec === '§22');
  return { kept: revision.containers[0]?.deviceRules, told };
}

describe('mdev.json (state format §22)', () => {
  it('gives its container rules, and only that one', () => {
    const text = state(container('a'), container('b'), { 'a/mdev.json': { rules: ['.* 0:0 666'] } });
    const rules = accepted(text).revision.containers.map(({ deviceRules }) => deviceRules);
    assert.deepEqual(rules, [['.* 0:0 666'], undefined]);
  });

  it('without a rule still wants device nodes, as mdev makes them by itself', () => {
    assert.deepEqual(only(withRules({ rules: [] })).deviceRules, []);
    assert.deepEqual(only(withRules({})).deviceRules, []);
  });

  for (const rule of [
    '.* 0:0 666',
    'ttyUSB[0-9]+ root:dialout 0660',
    'snd/.*\t0:29\t660',
    'sd[a-z].* root:disk 660 >disk/%0',
    'loop([0-9]+) 0:6 660 =loop/%1',
    'ram.* 0:0 600 !',
    '-@8,0-15 0:6 660',
    'SUBSYSTEM=usb;DEVTYPE=usb_device;.* 0:0 660 =bus/usb/',
    '$MODALIAS=.* 0:0 660 @modprobe "$MODALIAS"',
    'mmcblk.* 0:6 660 =mmc/ *logger "$MDEV"',
    'hwrng 0:0 u=rw,g=r,o=',
  ]) {
    it(`takes ${JSON.stringify(rule)} as it is`, () => {
      assert.deepEqual(read([rule]), { kept: [rule], told: [] });
    });
  }

  const ignored: { rule: unknown; reason: RegExp }[] = [
    { rule: 7, reason: /expected a rule .* found 7/ },
    { rule: '', reason: /has no device, owner and mode/ },
    { rule: 'tty.* 0:0', reason: /has no device, owner and mode/ },
    { rule: '# tty.* 0:0 660', reason: /is a comment/ },
    { rule: 'tty.* root 660', reason: /"root" is no USER:GROUP/ },
    { rule: 'tty.* 0:0 rw', reason: /"rw" is no mode/ },
    { rule: 'tty.* 0:0 999', reason: /"999" is no mode/ },
    { rule: 'tty.* 0:0 660\nsda 0:0 666', reason: /not one line/ },
    { rule: 'sda 0:0 660 =../../etc/passwd', reason: /leads out of \/dev/ },
    { rule: 'sda 0:0 660 >/etc/x', reason: /leads out of \/dev/ },
    { rule: 'sda 0:0 660 !x', reason: /leads out of \/dev/ },
    { rule: 'sda 0:0 660 touch', reason: /neither a place .* nor a command/ },
    { rule: '(sda 0:0 660', reason: /"\(sda" is no regular expression/ },
    { rule: 'A=[;sda 0:0 660', reason: /"\[" is no regular expression/ },
    { rule: '@8 0:0 660', reason: /is no @MAJOR,MINOR/ },
  ];
  for (const { rule, reason } of ignored) {
    it(`leaves out ${JSON.stringify(rule)}, says where and why, and keeps the others (R-11)`, () => {
      const { kept, told } = read(['null 0:0 666', rule, 'zero 0:0 666']);
      assert.deepEqual(kept, ['null 0:0 666', 'zero 0:0 666']);
      assert.equal(told.length, 1);
      assert.equal(told[0]?.path, '$["a/mdev.json"].rules[1]');
      assert.match(told[0]?.reason ?? '', reason);
      assert.match(told[0]?.fix ?? '', /ttyUSB\.\* 0:0 660/);
    });
  }

  for (const { why, file } of [
    { why: 'an object id: what the file says is not in the state', file: OBJECT },
    { why: 'an array', file: ['.* 0:0 666'] },
  ]) {
    it(`makes no nodes when it is ${why}; that is told`, () => {
      const { revision, warnings } = accepted(withRules(file));
      assert.equal(revision.containers[0]?.deviceRules, undefined);
      assert.deepEqual(
        warnings.filter(({ spec }) => spec === '§22').map(({ path }) => path),
        ['$["a/mdev.json"]'],
      );
    });
  }

  it('with rules that are no array is as good as one without', () => {
    const { revision, warnings } = accepted(withRules({ rules: '.* 0:0 666' }));
    assert.deepEqual(revision.containers[0]?.deviceRules, []);
    assert.match(warnings.find(({ spec }) => spec === '§22')?.reason ?? '', /expected an array/);
  });

  it('with a key twice is refused (state format §1.5)', () => {
    const text = state(container('a'), { 'a/mdev.json': 0 }).replace(
      '"a/mdev.json":0',
      '"a/mdev.json":{"rules":[],"rules":[]}',
    );
    assert.match(refused(text)[0]?.reason ?? '', /occurs twice/);
  });

  it('of a hostile size is read in linear time', () => {
    const long = `${'a'.repeat(200_000)} ${' '.repeat(200_000)}x ${'='.repeat(200_000)}`;
    const { kept, told } = read([long, ...Array.from({ length: 20_000 }, (_, n) => `tty${n} 0:0 660`)]);
    assert.equal(kept?.length, 20_000);
    assert.equal(told.length, 1);
  });
});
