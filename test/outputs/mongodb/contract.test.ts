/** The contract suite of outputs, over MongoDB on a real server. */
import { after, it } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { outputContract } from '../../contract/output.ts';
import { notTested } from '../../house/needs.ts';
import { openAnyMongoServer } from '../../servers/mongo-server.ts';
import { openOutputIn } from './output-rig.ts';

const server = await openAnyMongoServer();
after(() => server?.[Symbol.asyncDispose]());

if (server === undefined)
  it('mongodb: contract', (test) => notTested(test, 'mongod, or Go to build FerretDB'));
else {
  let worlds = 0;
  const { uri, client } = server;
  outputContract('mongodb', async () => {
    const database = `contract_${worlds++}`;
    const stateDir = await mkdtemp(join(tmpdir(), 'logd-mongo-contract-'));
    return {
      unit: 'pack',
      open: () => openOutputIn(stateDir, uri, { database, format: 'line' }),
      lines: ({ host, stream, hour }) =>
        client
          .db(database)
          .collection<{ _id: string }>(stream)
          .countDocuments({ _id: { $gte: `${host}/${stream}/${hour}/`, $lt: `${host}/${stream}/${hour}0` } }),
      [Symbol.asyncDispose]: () => rm(stateDir, { recursive: true, force: true }),
    };
  });
}
