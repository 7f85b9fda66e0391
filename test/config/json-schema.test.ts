import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { jsonSchema } from '../../src/config/json-schema.ts';
import { duration, integer, size, text } from '../../src/config/kind.ts';
import { group, mapOf, option, section, variants } from '../../src/config/option.ts';
import { outline } from '../../src/config/option-tree.ts';
import { reference } from '../../src/config/reference.ts';

const root = outline(
  section('All.', {
    name: option(text(), { summary: 'A name.', example: 'x' }),
    wait: group('Waits.', { time: option(duration(), { summary: 'Time.', default: '5s', example: '1s' }) }),
    count: option(integer(), { summary: 'Count.', default: '3', example: '4', min: '1', max: '9' }),
    parts: mapOf(
      { summary: 'Parts.', key: 'PART', keyExample: 'one', checkKey: () => undefined },
      section('A part.', { room: option(size(), { summary: 'Room.', absent: 'no bound', example: '1MiB' }) }),
    ),
    store: variants('CommitStage.', [
      {
        kind: 'file',
        summary: 'Files.',
        schema: z.strictObject({ dir: option(text(), { summary: 'Dir.', example: '/d' }) }),
      },
    ]).optional(),
  }),
);

test('the editor schema says what must be given, what may be, and what it looks like', () => {
  const { properties, required, additionalProperties } = jsonSchema(root, 'Test') as {
    properties: Record<string, object>;
    required: string[];
    additionalProperties: boolean;
  };
  assert.deepEqual(required, ['name', 'parts']);
  assert.equal(additionalProperties, false);
  assert.deepEqual(properties['count'], {
    description: 'Count.',
    type: 'integer',
    minimum: 1,
    maximum: 9,
    default: 3,
    examples: [4],
  });
  const store = properties['store'] as {
    oneOf: { required: string[]; properties: { kind: { const: string } } }[];
  };
  assert.deepEqual(store.oneOf[0]?.required, ['kind', 'dir']);
  assert.equal(store.oneOf[0].properties.kind.const, 'file');
});

test('the reference has a section for each option, with its variable where it has one', () => {
  const page = reference(root);
  for (const key of ['name', 'wait', 'wait.time', 'count', 'parts', 'parts.PART.room', 'store', 'store.dir'])
    assert.ok(page.includes(`# \`${key}\``), key);
  assert.ok(page.includes('| environment | `LOGD_WAIT_TIME` |'));
  assert.ok(page.includes('| type | integer, from 1 to 9 |'));
  assert.ok(!page.includes('LOGD_PARTS'), 'options of maps have no variable');
});
