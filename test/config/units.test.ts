import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration, parseSize } from '../../src/config/units.ts';

test('durations are read as milliseconds', () => {
  assert.equal(parseDuration('250ms'), 250);
  assert.equal(parseDuration('5s'), 5000);
  assert.equal(parseDuration('1.1s'), 1100);
  assert.equal(parseDuration('4d'), 345_600_000);
});

test('sizes are read as bytes, in powers of 1024 and of 1000', () => {
  assert.equal(parseSize('512'), 512);
  assert.equal(parseSize('64MiB'), 67_108_864);
  assert.equal(parseSize('1MB'), 1_000_000);
  assert.equal(parseSize('1.5KiB'), 1536);
});

test('what is no duration or size is refused with an example', () => {
  for (const text of ['', '5', '-5s', '5 s', '5S', '1e3s', '0.5ms', 's', '99999999999999999d'])
    assert.throws(() => parseDuration(text), /is not a duration: .* such as/, text);
  for (const text of ['', '-1', '1mb', '1Mib', '0.5', '1.0001KiB', 'MiB', '1 MiB', '99999999TiB'])
    assert.throws(() => parseSize(text), /is not a size: .* such as/, text);
});

test('what is written is read back as the same value', () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 45 }), (value) => {
      assert.equal(parseDuration(formatDuration(value)), value);
    }),
  );
  assert.equal(formatDuration(90_000), '90s');
});
