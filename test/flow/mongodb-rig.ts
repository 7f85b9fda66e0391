/** What the flow tests of the MongoDB output share: its settings, what it says of itself, and what it has stored. */
import type { MongoServer } from '../servers/mongo-server.ts';
import { runLogd } from './process.ts';
import type { Rig } from './rig.ts';

export const mongoSettings = (uri: string, more: Readonly<Record<string, unknown>> = {}) => ({
  kind: 'mongodb',
  uri,
  retry_writes: 'false',
  connect_timeout: '500ms',
  database: 'logs',
  ...more,
});

export interface ListedOutput {
  readonly name: string;
  readonly state: string;
  readonly lag: number;
  readonly delivered: number;
  readonly skipped: number;
  readonly rejected: number;
  readonly error?: string;
}

/** What `logd outputs` says, by name. */
export const outputsOf = async (rig: Rig): Promise<Map<string, ListedOutput>> => {
  const { stdout } = await runLogd(['outputs', '-c', rig.path('sink.yaml'), '--json']);
  const { outputs } = JSON.parse(stdout) as { outputs: ListedOutput[] };
  return new Map(outputs.map((each) => [each.name, each]));
};

export const caughtUp = (rig: Rig, name: string, lines: number): Promise<void> =>
  rig.until(`${name} has delivered ${lines} lines`, async () => {
    const output = (await outputsOf(rig)).get(name);
    return output?.lag === 0 && output.delivered === lines;
  });

/** All documents of the stream `access`. */
export const documentsIn = (server: MongoServer, database = 'logs') =>
  server.client.db(database).collection('access').find({}).toArray();
