import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { segmentName } from '../../src/pack/pack.ts';
import { countLines } from '../../src/pack/survey.ts';
import { outputContract } from '../contract/output.ts';
import { fileAppender, readAppended } from './file-appender.ts';

outputContract('file appender', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-appender-'));
  return {
    unit: 'pack',
    open: () => fileAppender(dir),
    lines: async (key) =>
      existsSync(join(dir, segmentName(key).replaceAll('/', '_')))
        ? countLines(await readAppended(dir, key))
        : 0,
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
});
