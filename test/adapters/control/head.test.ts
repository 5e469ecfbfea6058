import assert from 'node:assert/strict';
import { MAX_HEAD_BYTES, normaliseHead } from '../../../adapters/control/head.ts';

const lines = (...all: readonly string[]) => Buffer.from(all.join('\r\n'), 'latin1');

describe('the head of a request (control API §2, §8)', () => {
  const complete = [
    {
      why: 'closes the connection after one answer',
      received: lines('GET / HTTP/1.1', 'Connection: keep-alive', '', ''),
      expected: lines('GET / HTTP/1.1', 'Connection: close', '', ''),
    },
    {
      why: 'drops the transfer encoding that pvcontrol sends, and keeps what follows the head',
      received: lines('PUT /x HTTP/1.1', 'Transfer-Encoding: identity', 'Content-Length: 2', '', 'ab'),
      expected: lines('PUT /x HTTP/1.1', 'Content-Length: 2', 'Connection: close', '', 'ab'),
    },
    {
      why: 'keeps the first numeric length of several',
      received: lines(
        'PUT /x HTTP/1.1',
        'Content-Length:',
        'content-length: 3',
        'Content-Length: 3',
        '',
        'abc',
      ),
      expected: lines('PUT /x HTTP/1.1', 'content-length: 3', 'Connection: close', '', 'abc'),
    },
    {
      why: 'leaves a length that is no number for the parser to refuse',
      received: lines('PUT /x HTTP/1.1', 'Content-Length: -1', '', ''),
      expected: lines('PUT /x HTTP/1.1', 'Content-Length: -1', 'Connection: close', '', ''),
    },
    {
      why: 'leaves chunks alone',
      received: lines('PUT /x HTTP/1.1', 'Transfer-Encoding: chunked', '', '0', '', ''),
      expected: lines('PUT /x HTTP/1.1', 'Transfer-Encoding: chunked', 'Connection: close', '', '0', '', ''),
    },
    {
      why: 'understands bare line feeds',
      received: Buffer.from('POST /signal HTTP/1.0\nContent-Length: 0\n\n'),
      expected: lines('POST /signal HTTP/1.0', 'Content-Length: 0', 'Connection: close', '', ''),
    },
    {
      why: 'keeps every byte',
      received: lines('GET /\xff HTTP/1.1', 'X: \xe4', '', '\x00\xfe'),
      expected: lines('GET /\xff HTTP/1.1', 'X: \xe4', 'Connection: close', '', '\x00\xfe'),
    },
  ];
  for (const { why, received, expected } of complete) {
    it(why, () => {
      const head = normaliseHead(received);
      assert.equal(head.kind, 'complete');
      if (head.kind === 'complete') assert.equal(head.bytes.toString('latin1'), expected.toString('latin1'));
    });
  }

  const hosts = [
    { request: 'GET / HTTP/1.1', host: 'Host: localhost', kind: 'complete' },
    { request: 'GET / HTTP/1.1', host: 'Host: localhost:80', kind: 'complete' },
    { request: 'GET / HTTP/1.1', host: 'Host:', kind: 'complete' },
    { request: 'GET / HTTP/1.1', host: 'Host: example.org', kind: 'foreign' },
    { request: 'GET / HTTP/1.1', host: 'hOST : LOCALHOST', kind: 'foreign' },
    { request: 'GET http://example.org/ HTTP/1.1', host: 'Host: localhost', kind: 'foreign' },
    { request: 'GET http://localhost:8080/ HTTP/1.1', host: 'Accept: */*', kind: 'complete' },
  ];
  for (const { request, host, kind } of hosts) {
    it(`${kind === 'foreign' ? 'is for another' : 'is for us'}: ${request}, ${host}`, () => {
      assert.equal(normaliseHead(lines(request, host, '', '')).kind, kind);
    });
  }

  it('is partial until the empty line, and has an end', () => {
    assert.equal(normaliseHead(Buffer.from('GET / HTTP/1.1\r\nHost: loc')).kind, 'partial');
    assert.equal(normaliseHead(Buffer.alloc(0)).kind, 'partial');
    assert.equal(normaliseHead(Buffer.alloc(MAX_HEAD_BYTES, 'a')).kind, 'tooLong');
  });
});
