/** Clients that send bad packs or floods wait before they come in again, longer each time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createConducts } from '../../src/transport/conduct.ts';

const rig = () => {
  const ticker = { now: 0 };
  return { ticker, conducts: createConducts(ticker) };
};

test('the pause doubles up to five minutes, and is forgotten after an hour', () => {
  const { ticker, conducts } = rig();
  const pauses: number[] = [];
  const misbehave = (): void => {
    const conduct = conducts.watch('web1 10.0.0.1');
    for (let n = 0; n < 200; n++) conduct.answered('corrupt', false);
    const pause = conducts.pauseOf('web1 10.0.0.1');
    pauses.push(pause / 1000);
    ticker.now += pause;
    assert.equal(conducts.pauseOf('web1 10.0.0.1'), 0);
  };
  for (let n = 0; n < 11; n++) misbehave();
  assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  assert.equal(conducts.pauseOf('web2 10.0.0.1'), 0);
  ticker.now += 3_600_001;
  misbehave();
  assert.equal(pauses.at(-1), 1);
});

test('what we could not take is no bad pack, good packs make up for bad ones, a relay may bring more', () => {
  const { conducts } = rig();
  const conduct = conducts.watch('web1');
  for (let n = 0; n < 1000; n++) assert.equal(conduct.answered('storage', false), undefined);
  for (let n = 0; n < 1000; n++)
    for (const code of ['invalid', 'ack']) assert.equal(conduct.answered(code, false), undefined);
  for (let n = 1; n < 200; n++) assert.equal(conduct.answered('invalid', false), undefined);
  assert.equal(conduct.answered('invalid', true), undefined);
  assert.match(conduct.answered('invalid', false)!, /200 more packs were bad than good.*after 1 s/);
});

test('a PING now and then is none too many', () => {
  const { ticker, conducts } = rig();
  const conduct = conducts.watch('web1');
  for (let n = 0; n < 100; n++) {
    for (let pings = 0; pings < 200; pings++) assert.equal(conduct.pinged(), undefined);
    ticker.now += 1000;
  }
  for (let pings = 0; pings < 200; pings++) conduct.pinged();
  assert.match(conduct.pinged()!, /PINGs and PONGs/);
});

test('a client whose connections end with a bad pack each is counted over all of them', () => {
  const { conducts } = rig();
  const answered = (code: string): string | undefined =>
    conducts.watchAll('go 10.0.0.1').answered(code, false);
  for (let n = 1; n < 20; n++) assert.equal(answered('invalid'), undefined);
  for (let n = 0; n < 100; n++)
    for (const code of ['ack', 'invalid', 'storage']) assert.equal(answered(code), undefined);
  assert.equal(conducts.pauseOf('go 10.0.0.1'), 0);
  assert.match(answered('invalid')!, /20 more packs were bad than good.*after 1 s/);
  assert.deepEqual([conducts.pauseOf('go 10.0.0.1'), conducts.pauseOf('go 10.0.0.2')], [1000, 0]);
});
