/** The document of the wire is enough: a client made from it alone, in another language, gets an hour sealed. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { KEY } from '../../commit/packs.ts';
import { notTested } from '../../house/needs.ts';
import { type SinkNode, startSinkNode } from '../../roles/sink-node.ts';

const TOKEN = 'a token of sixteen and more';
const CLIENT = join(import.meta.dirname, 'python-client.py');
const hasPython = spawnSync('python3', ['--version']).status === 0;

interface Said {
  readonly first: string;
  readonly code: string | null;
  readonly answers: readonly (readonly [seq: number, answer: string, code: string | null])[];
}

const sendBy = async (
  test: TestContext,
  node: SinkNode,
  token: string,
  hour: string,
  parts: readonly Buffer[],
): Promise<Said> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-python-'));
  test.after(() => rm(dir, { recursive: true, force: true }));
  const files = parts.map((_, n) => join(dir, String(n)));
  for (const [n, part] of parts.entries()) await writeFile(files[n]!, part);
  const args = [CLIENT, String(node.address.port), token, KEY.host, KEY.stream, hour, ...files];
  const { stdout } = await promisify(execFile)('python3', args);
  return JSON.parse(stdout) as Said;
};

const PARTS = [
  Buffer.from('one\ntwo\n'),
  Buffer.from(`${'x'.repeat(100_000)}\n`),
  Buffer.from(Array.from({ length: 5_000 }, (_, n) => n % 251)),
  Buffer.from('no newline'),
  Buffer.alloc(0),
];

describe('a client made from docs/PROTOCOL.md, in Python', () => {
  it('has its hour sealed, and may send it again', async (test) => {
    if (!hasPython) return notTested(test, 'python3');
    await using node = await startSinkNode({ token: TOKEN });
    for (let time = 1; time <= 2; time++)
      assert.deepEqual(await sendBy(test, node, TOKEN, KEY.hour, PARTS), {
        ...{ first: 'WELCOME', code: null },
        answers: PARTS.map((_, n) => [n + 1, 'ACK', null]),
      });
    await node.reaches(KEY, 'sealed');
    assert.deepEqual(await node.read(KEY), Buffer.concat(PARTS));
  });

  it('is told what the document says: other bytes are a conflict, a wrong token is refused', async (test) => {
    if (!hasPython) return notTested(test, 'python3');
    await using node = await startSinkNode({ token: TOKEN });
    await sendBy(test, node, TOKEN, '20261122', [Buffer.from('a\n')]);
    const other = await sendBy(test, node, TOKEN, '20261122', [Buffer.from('b\n')]);
    assert.deepEqual(other.answers, [[1, 'NACK', 'conflict']]);
    const refused = await sendBy(test, node, `${TOKEN} not`, KEY.hour, []);
    assert.deepEqual([refused.first, refused.code], ['REFUSE', 'token']);
  });
});
