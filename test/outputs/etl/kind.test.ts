import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { etlOutput, partName } from '../../../src/outputs/etl/kind.ts';
import type { Form } from '../../../src/outputs/etl/forms.ts';
import type { OutputDeps } from '../../../src/outputs/output.ts';
import { systemClock } from '../../../src/telemetry/clock.ts';
import { countLines } from '../../../src/pack/survey.ts';
import { outputContract } from '../../contract/output.ts';

const deps: OutputDeps = {
  name: 'etl',
  stateDir: tmpdir(),
  ledger: {
    segment: () => Promise.resolve(undefined),
    segments: () => Promise.resolve([]),
    seals: () => Promise.resolve([]),
    days: () => Promise.resolve([]),
    expectations: () => Promise.resolve([]),
    presence: () => Promise.resolve([]),
  },
  clock: systemClock,
  emit: () => undefined,
};

const accessLines = (count: number, seed: number): Buffer[] =>
  Array.from({ length: count }, (_, part) =>
    Buffer.from(
      `10.0.${seed}.${part} - - [22/Nov/2026:16:03:11 +0000] "GET /${part}?a=${seed} HTTP/1.1" 200 5 "-" "curl"\n`.repeat(
        1 + part,
      ),
    ),
  );

for (const form of ['hive', 'tsv', 'jsonl'] as const satisfies readonly Form[])
  outputContract(
    `etl as ${form}`,
    async () => {
      const dir = await mkdtemp(join(tmpdir(), 'logd-etl-'));
      return {
        unit: 'hour',
        open: () =>
          etlOutput.open({ invalid_utf8: 'keep', zone: 'UTC', ...{ format: 'combined', form, dir } }, deps),
        lines: async (key) => {
          const table = join(dir, 'lines');
          if (!existsSync(table)) return 0;
          const names = (await readdir(table, { recursive: true })).filter((name) =>
            name.includes(partName(key)),
          );
          const texts = await Promise.all(names.map((name) => readFile(join(table, name))));
          return texts.reduce((sum, text) => sum + countLines(text), 0);
        },
        [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
      };
    },
    accessLines,
  );

it('gives each hour a name of its own', () => {
  const hour = '2026112216';
  assert.notEqual(partName({ host: 'c', stream: 'a-b', hour }), partName({ host: 'b-c', stream: 'a', hour }));
});
