/** What becomes of the lines of a pack: documents, dropped and rejected lines, and names that MongoDB dislikes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BSON } from 'mongodb';
import { createPackBuilder, type DocumentOptions, linesOf } from '../../../src/outputs/mongodb/document.ts';
import { largestSize, safeFieldName, safeValue } from '../../../src/outputs/mongodb/field-names.ts';
import { asType } from '../../../src/outputs/mongodb/field-types.ts';
import { goLogdFields } from '../../../src/outputs/mongodb/go-logd-document.ts';
import { formatOf } from '../../../src/formats/registry.ts';
import { checkTemplate, namespaceOf } from '../../../src/outputs/mongodb/namespace.ts';

const KEY = { host: 'web1', stream: 'access', hour: '2026112216' };

const options: DocumentOptions = {
  mode: 'insert',
  key: 'transaction_id',
  withoutKey: 'reject',
  keep: undefined,
  fields: {},
  read: (line) => formatOf('json').read(line),
};

const built = (text: string | Buffer, changed: Partial<DocumentOptions> = {}) => {
  const builder = createPackBuilder(KEY, 3, { ...options, ...changed });
  for (const line of linesOf(Buffer.from(text))) builder.add(line);
  const writes = builder.take(true);
  return {
    documents: writes.map(({ document }) => document),
    writes,
    rejected: builder.rejected,
    dropped: builder.dropped(),
  };
};

describe('documents of a pack', () => {
  it('have an _id that says which line they are', () => {
    const { documents } = built('{"a":1}\n{"a":2}\n{"a":3}');
    assert.deepEqual(documents, [
      { _id: 'web1/access/2026112216/3/1', a: 1 },
      { _id: 'web1/access/2026112216/3/2', a: 2 },
      { _id: 'web1/access/2026112216/3/3', a: 3 },
    ]);
  });

  it('leave out lines that cannot be read, which keep their number and text', () => {
    const { documents, rejected } = built('{"a":1}\nno json\n\n[1]\n{"a":2}\n');
    assert.deepEqual(
      documents.map(({ _id }) => _id.split('/').at(-1)),
      ['1', '5'],
    );
    assert.deepEqual(
      rejected.map(({ line, text }) => [line, text.toString()]),
      [
        [2, 'no json'],
        [3, ''],
        [4, '[1]'],
      ],
    );
  });

  it('have the fields that were chosen, renamed and typed', () => {
    const fields = { s: { as: 'status', type: 'integer' as const }, ip: { type: 'address' as const } };
    const { documents } = built('{"s":"200","ip":"203.0.113.7","x":1}\n', {
      keep: new Set(['s', 'ip']),
      fields,
    });
    assert.deepEqual(documents, [{ _id: 'web1/access/2026112216/3/1', status: 200, ip: 3405803783n }]);
  });

  it('have names that MongoDB takes', () => {
    const hostile =
      '{"":1,"$set":2,"a.b":3,"a_b":4,"__proto__":{"polluted":true},"_id":6,"_bsontype":"ObjectId","n":{"x.y":7,"$z":8}}';
    const [document = { _id: '' }] = built(hostile).documents;
    assert.deepEqual(document, {
      _id: 'web1/access/2026112216/3/1',
      _: 1,
      _set: 2,
      a_b: 3,
      a_b_: 4,
      _proto_: { polluted: true },
      _id_: 6,
      _bsontype_: 'ObjectId',
      n: { x_y: 7, _z: 8 },
    });
    assert.equal('polluted' in document, false);
    assert.deepEqual(BSON.deserialize(BSON.serialize(document)), document);
  });

  it('are refused when they are nested too deep for the server', () => {
    const { rejected } = built(`${'{"a":'.repeat(95)}1${'}'.repeat(95)}\n`);
    assert.match(rejected[0]?.reason ?? '', /more than 90 levels/);
  });

  it('have U+FFFD for bytes that are not UTF-8', () => {
    const line = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xc3]), Buffer.from('"}\n')]);
    assert.equal(built(line).documents[0]?.['a'], '\uFFFD\uFFFD');
  });

  it('are never larger than their bound', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (fields) => {
        const document = Object.fromEntries(
          Object.entries(fields).map(([name, value]) => [safeFieldName(name), safeValue(value)]),
        );
        assert.ok(BSON.calculateObjectSize(document) <= largestSize(document) + 8);
      }),
    );
  });
});

describe('mode upsert', () => {
  const upsert = { mode: 'upsert' as const };

  it('merges lines of one key in the order of the lines', () => {
    const { writes } = built(
      '{"transaction_id":"t","a":1,"b":1}\n{"transaction_id":"u","a":5}\n{"transaction_id":"t","a":2,"c":3}\n',
      upsert,
    );
    assert.deepEqual(
      writes.map(({ document, lines }) => [document, lines]),
      [
        [{ _id: 't', transaction_id: 't', a: 2, b: 1, c: 3 }, [1, 3]],
        [{ _id: 'u', transaction_id: 'u', a: 5 }, [2]],
      ],
    );
  });

  it('rejects or skips lines without the key', () => {
    const text = '{"a":1}\n{"transaction_id":"","a":2}\n{"transaction_id":7}\n';
    assert.deepEqual(
      built(text, upsert).rejected.map(({ line }) => line),
      [1, 2],
    );
    const { dropped, documents } = built(text, { ...upsert, withoutKey: 'skip' });
    assert.equal(dropped, 2);
    assert.deepEqual(documents, [{ _id: '7', transaction_id: 7 }]);
  });
});

describe('the documents of the Go system', () => {
  const line = (request: string): string =>
    `br.example.com 203.0.113.7 - - [22/Nov/2026:00:03:11 +0100] "${request}" 200 43 "-" "agent"`;

  it('have the query as prefixed text, the address as a number, and the time of the line', () => {
    assert.deepEqual(goLogdFields(line('GET /hit?a=1&b=x%20y&a=2&transaction_id=t7 HTTP/1.1')), {
      fields: {
        transaction_id: 't7',
        br_a: '1',
        br_b: 'x y',
        br_ipinlong: 3405803783n,
        br_time: 1795302191,
        br_day: 20261122,
        br_hour: 0,
      },
    });
    assert.equal(Date.UTC(2026, 10, 21, 23, 3, 11) / 1000, 1795302191);
  });

  it('are not made of lines without transaction_id, or with a request of other than three parts', () => {
    for (const request of ['GET /hit?a=1 HTTP/1.1', 'GET /a b?transaction_id=1 HTTP/1.1', '', 'GET'])
      assert.ok('skip' in goLogdFields(line(request)), request);
  });
});

describe('types of fields', () => {
  it('are read, and what has another form stays as it came', () => {
    assert.equal(asType('integer', '42'), 42);
    assert.equal(asType('integer', '4294967296'), 4294967296n);
    assert.equal(asType('integer', '4x'), '4x');
    assert.equal(asType('number', '1.5'), 1.5);
    assert.equal(asType('boolean', 'true'), true);
    assert.equal(asType('text', 7), '7');
    assert.equal(asType('address', '1.2.3.400'), '1.2.3.400');
    for (const text of ['2026-11-22T15:03:11Z', '1795359791', '1795359791000', '22/Nov/2026:16:03:11 +0100'])
      assert.deepEqual(asType('date', text), new Date('2026-11-22T15:03:11Z'), text);
    assert.equal(asType('date', 'yesterday'), 'yesterday');
  });
});

describe('names of databases and collections', () => {
  it('come from the segment', () => {
    const templates = { database: 'logs_{day}', collection: '{stream}_{month}' };
    assert.deepEqual(namespaceOf(templates, KEY), { database: 'logs_20261122', collection: 'access_202611' });
    assert.equal(namespaceOf({ ...templates, database: '{host}' }, { ...KEY, host: 'a.b' }).database, 'a_b');
  });

  it('refuse unknown places and forbidden characters', () => {
    assert.throws(() => checkTemplate('logs_{year}'), /\{year\}.*is unknown: use \{day\}/);
    assert.throws(() => checkTemplate('my logs'), /does not allow/);
  });
});
