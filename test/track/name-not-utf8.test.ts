/** A file whose name is not UTF-8 is a file like any other. */
import assert from 'node:assert/strict';
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { renderText } from '../../src/telemetry/log.ts';
import { openWorld } from '../cut/world.ts';

const H10 = '2026112210';
const H11 = '2026112211';

it('a file whose name is not UTF-8 is shipped, held, and shown with its bytes escaped', async (context) => {
  const world = await openWorld(context, { pattern: '*.<%Y%m%d%H>.log' });
  const odd = Buffer.concat([
    Buffer.from(join(world.logs, 'caf')),
    Buffer.of(0xe9),
    Buffer.from(`.${H10}.log`),
  ]);
  await writeFile(odd, 'one\n');
  await world.write(`ok.${H10}.log`, 'two\n');
  await world.write(`ok.${H11}.log`, 'three\n');
  world.sink.mode = 'hold';
  world.start();
  await world.still();
  await world.stop();
  // Its packs are not acked: after a restart it is known again, read by its name, and then by its link.
  await appendFile(odd, 'more\n');
  world.sink.mode = 'ack';
  world.start();
  await world.still();
  await rm(odd);
  await world.pass(9000);
  assert.deepEqual(world.fatal, []);
  assert.deepEqual(world.named('tail.lost'), []);
  assert.deepEqual(world.named('tail.unreadable'), []);
  const found = Buffer.concat(world.sink.packs(H10).map(({ body }) => body)).toString();
  assert.deepEqual(found.split('\n').sort(), ['', 'more', 'one', 'two']);
  assert.ok(world.sink.hasEnded(H10));
  const shown = world.named('tail.found').map(({ fields }) => renderText('{path}', fields));
  const odds = shown.filter((path) => path.endsWith(String.raw`/caf\xe9.${H10}.log`));
  assert.equal(odds.length, 2, `at the start, and after the restart: ${shown.join(' ')}`);
});
