/** What errors mean, as mongod words them: FerretDB does not name the index of a duplicate, and never steps down. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  explainFailure,
  isBadDocument,
  isRetryable,
  writeFailures,
} from '../../../src/outputs/mongodb/refusals.ts';

const named = (name: string, message: string, more: object = {}): Error =>
  Object.assign(new Error(message), { name }, more);

const bulk = (writeErrors: readonly object[], more: object = {}): Error =>
  named('MongoBulkWriteError', 'bulk', { writeErrors, ...more });

const plain = (text: string): string => text;

describe('an error of a batch', () => {
  it('says of each document which index refused it', () => {
    const failures = writeFailures(
      bulk([
        { index: 0, code: 11000, errmsg: 'dup', err: { keyPattern: { _id: 1 } } },
        { index: 1, code: 11000, errmsg: 'dup', err: { keyPattern: { n: 1 } } },
        { index: 2, code: 11000, errmsg: 'E11000 duplicate key error collection: a.b index: _id_ dup key' },
        { index: 3, code: 11000, errmsg: 'E11000 duplicate key error collection: a.b' },
        { index: 4, code: 121, errmsg: 'Document failed validation' },
      ]),
    );
    assert.deepEqual(
      failures?.map(({ index, isIdIndex }) => [index, isIdIndex]),
      [
        [0, true],
        [1, false],
        [2, true],
        [3, undefined],
        [4, undefined],
      ],
    );
    assert.equal(failures?.some(isRetryable), false);
  });

  it('is one of the whole batch when the write concern was not met, or nothing was written', () => {
    const concern = { getWriteConcernError: () => ({ code: 64 }) };
    assert.equal(writeFailures(bulk([{ index: 0, code: 11000 }], { result: concern })), undefined);
    assert.equal(writeFailures(bulk([])), undefined);
    assert.equal(writeFailures(named('MongoNetworkError', 'reset')), undefined);
  });

  it('comes again when a primary has stepped down, and is no bad document', () => {
    for (const code of [10107, 189, 91, 11600, 112]) assert.ok(isRetryable({ code }), String(code));
    for (const code of [10107, 2, 73, 100])
      assert.equal(isBadDocument(named('MongoServerError', 'no', { code })), false, String(code));
  });

  it('is a bad document when the driver or the server cannot read one', () => {
    assert.ok(isBadDocument(named('MongoInvalidArgumentError', 'Document is larger than the maximum size')));
    assert.ok(isBadDocument(named('BSONError', 'key must not contain null bytes')));
    assert.ok(isBadDocument(named('MongoServerError', 'too large', { code: 10334 })));
    const wrapped = named('MongoInvalidArgumentError', 'Document is larger');
    assert.ok(isBadDocument(bulk([], { errorResponse: wrapped })));
  });

  it('tells a person what to look at, retries, and hides the password', () => {
    const hide = (text: string): string => text.replaceAll('s3cret', '***');
    const error = explainFailure(named('MongoServerError', 'no s3cret', { code: 18 }), hide);
    assert.match(error.message, /refuses the user or the password: no \*\*\*\. Check the user in uri/);
    assert.ok(error.retryable);
    assert.match(
      explainFailure(named('MongoServerError', 'not authorized', { code: 13 }), plain).message,
      /readWrite/,
    );
  });
});
