import assert from 'node:assert/strict';
import fc from 'fast-check';
import { controlJson } from '../../../machines/domain/control-text.ts';

describe('JSON on the control socket (control API §5)', () => {
  const cases = [
    { why: 'is compact', value: { a: [1, true, null], b: {} }, text: '{"a":[1,true,null],"b":{}}' },
    { why: 'keeps the order of fields', value: { b: 1, a: 2 }, text: '{"b":1,"a":2}' },
    { why: 'leaves out what is not there', value: { a: undefined, b: 1 }, text: '{"b":1}' },
    { why: 'writes large integers plainly', value: 10 ** 16, text: '10000000000000000' },
    { why: 'does not escape a slash', value: 'locals/blue', text: '"locals/blue"' },
    { why: 'escapes in two characters', value: '"\\\b\f\n\r\t', text: '"\\"\\\\\\b\\f\\n\\r\\t"' },
    {
      why: 'writes control bytes in upper-case hex',
      value: '\u0000\u001f\u000b',
      text: '"\\u0000\\u001F\\u000B"',
    },
    { why: 'leaves text alone that looks like an escape', value: '\\u001f', text: '"\\\\u001f"' },
    { why: 'does so after an escaped backslash', value: '\\\u001f', text: '"\\\\\\u001F"' },
    { why: 'escapes in keys too', value: { '\u001e': 1 }, text: '{"\\u001E":1}' },
    { why: 'leaves UTF-8 as it is', value: 'grün 🚀\u007f', text: '"grün 🚀\u007f"' },
  ];
  for (const { why, value, text } of cases) it(why, () => assert.equal(controlJson(value), text));

  it('means the same as JSON.stringify, whatever the value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.deepEqual(JSON.parse(controlJson(value as object)), JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
