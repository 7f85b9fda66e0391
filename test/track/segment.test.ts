import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  isReadToTheEnd,
  nextRead,
  observe,
  type TrackedSegment,
  segmentState,
  type SourceState,
  unfinished,
  unread,
} from '../../src/track/segment.ts';
import { EMPTY_SHA256 } from '../../src/pack/digest.ts';

const RULE = { packBytes: 100, maxDelay: 1000, quiet: 5000 };

/** A segment with a source for each pair of size and position, all seen at time 0. */
const segmentOf = (
  ...sources: readonly (readonly [size: number, position: number, stop?: number])[]
): TrackedSegment => {
  const rows = sources.map(([, position, stop], index) => ({
    ...{
      id: index + 1,
      path: `/log/${index}`,
      dev: '1',
      ino: String(index + 1),
      fingerprint: '0:',
      position,
      stop,
    },
  }));
  const totals = { packs: 0, lines: 0, bytes: 0, sha256: EMPTY_SHA256, ended: false, unacked: 0 };
  const segment = segmentState({ id: 1, hour: '2026112216', generation: 1, ...totals, sources: rows }, 0);
  for (const [index, [size]] of sources.entries())
    observe(segment, segment.sources[index]!, { size, mtimeMs: 1 }, 0);
  return segment;
};

const pathOf = (next: { source: SourceState } | undefined): string | undefined => next?.source.path;

describe('what to read next', () => {
  it('a full pack at once, less after the delay', () => {
    assert.equal(pathOf(nextRead(segmentOf([100, 0]), RULE, 0)), '/log/0');
    const little = segmentOf([99, 0]);
    assert.equal(nextRead(little, RULE, 999), undefined);
    assert.deepEqual(nextRead(little, RULE, 1000), { source: little.sources[0], rest: false });
    assert.equal(nextRead(segmentOf([50, 50]), RULE, 99_999), undefined);
    assert.equal(nextRead(segmentOf(), RULE, 0), undefined);
  });
  it('the delay begins with the first byte that waits', () => {
    const segment = segmentOf([10, 10]);
    observe(segment, segment.sources[0]!, { size: 20, mtimeMs: 1 }, 500);
    observe(segment, segment.sources[0]!, { size: 30, mtimeMs: 1 }, 900);
    assert.equal(nextRead(segment, RULE, 1499), undefined);
    assert.notEqual(nextRead(segment, RULE, 1500), undefined);
  });
  it('one file after the other: a last line without newline only when its file is over', () => {
    const segment = segmentOf([10, 0], [500, 0]);
    assert.deepEqual(nextRead(segment, RULE, 0), { source: segment.sources[0], rest: false });
    segment.sources[0]!.unlinedSize = 10;
    assert.equal(nextRead(segment, RULE, 4999), undefined, 'the second waits for the first');
    assert.deepEqual(nextRead(segment, RULE, 5000), { source: segment.sources[0], rest: true });
    segment.sources[0]!.position = 10;
    assert.equal(pathOf(nextRead(segment, RULE, 0)), '/log/1');
  });
  it('all up to a stop at once, nothing behind it', () => {
    const segment = segmentOf([500, 0, 30]);
    assert.equal(unread(segment.sources[0]!), 30);
    assert.deepEqual(nextRead(segment, RULE, 0), { source: segment.sources[0], rest: true });
    segment.sources[0]!.position = 30;
    assert.equal(nextRead(segment, RULE, 99_999), undefined);
    assert.ok(isReadToTheEnd(segment));
  });
  it('growth behind the stop is no change of the segment', () => {
    const segment = segmentOf([30, 30, 30]);
    observe(segment, segment.sources[0]!, { size: 900, mtimeMs: 1 }, 7000);
    assert.equal(segment.changedAt, 0);
    observe(segment, segment.sources[0]!, { size: 900, mtimeMs: 1 }, 8000);
    assert.equal(segment.changedAt, 0);
  });
  it('nothing from a file that cannot be read, nor from those behind it, until the next scan', () => {
    const segment = segmentOf([500, 0], [500, 0]);
    segment.sources[0]!.blocked = true;
    assert.equal(nextRead(segment, RULE, 99_999), undefined);
    assert.equal(isReadToTheEnd(segment), false);
    observe(segment, segment.sources[0]!, { size: 500, mtimeMs: 1 }, 1);
    assert.equal(pathOf(nextRead(segment, RULE, 0)), '/log/0');
  });
  it('no line again where there was none, until the file grows', () => {
    const segment = segmentOf([200, 0]);
    segment.sources[0]!.unlinedSize = 200;
    assert.equal(nextRead(segment, RULE, 99_999), undefined);
    observe(segment, segment.sources[0]!, { size: 201, mtimeMs: 1 }, 1);
    assert.equal(pathOf(nextRead(segment, RULE, 1)), '/log/0');
  });
});

describe('the end of what there is', () => {
  it('is reached when all is cut, or only a last line without newline is left', () => {
    assert.ok(isReadToTheEnd(segmentOf()));
    assert.ok(isReadToTheEnd(segmentOf([10, 10], [20, 20])));
    const segment = segmentOf([10, 10], [20, 15]);
    assert.equal(isReadToTheEnd(segment), false);
    segment.sources[1]!.unlinedSize = 20;
    assert.ok(isReadToTheEnd(segment));
    assert.equal(unfinished(segment), segment.sources[1]);
    assert.equal(unfinished(segmentOf([10, 10])), undefined);
  });
  it('is not reached while a file of the segment could not be opened', () => {
    const segment = segmentOf([10, 10]);
    segment.unopened.set('/log/1', {
      ...{
        path: '/log/1',
        label: '2026112216',
        repeated: undefined,
        exists: true,
        minute: 0,
        dev: '1',
        ino: '9',
      },
      ...{ size: 5, mtimeMs: 1, birthtimeMs: 1 },
    });
    assert.equal(isReadToTheEnd(segment), false);
  });
  it('a file that has shrunk has nothing to cut', () => {
    const segment = segmentOf([10, 20]);
    assert.equal(unread(segment.sources[0]!), 0);
  });
});
