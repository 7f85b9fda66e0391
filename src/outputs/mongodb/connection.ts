/** The connection to MongoDB: the driver is loaded only here, and passwords end here. */
import { readFile } from 'node:fs/promises';
import type { MongoClient, MongoClientOptions } from 'mongodb';
import { LogdError, messageOf } from '../../error.ts';
import type { MongoOptions } from './options.ts';

export interface Connection extends AsyncDisposable {
  /** The connected client. While the server has never answered, each call tries again, with the password as it is now. */
  client(): Promise<MongoClient>;
  /** Takes the password out of a text. */
  hide(text: string): string;
}

/** At the start such an error ends the node; later, the password may be put back. */
const noPassword = (message: string, cause?: unknown): LogdError =>
  new LogdError('config', message, { retryable: true, cause });

const readPassword = async ({ password_file, password_env }: MongoOptions): Promise<string | undefined> => {
  if (password_env !== undefined) {
    const value = process.env[password_env];
    if (value !== undefined && value !== '') return value;
    throw noPassword(`The environment variable ${password_env}, named by password_env, is not set.`);
  }
  if (password_file === undefined) return undefined;
  let text: string;
  try {
    text = await readFile(password_file, 'utf8');
  } catch (error) {
    throw noPassword(`Cannot read password_file ${password_file}: ${messageOf(error)}.`, error);
  }
  const [first = ''] = text.split(/\r?\n/, 1);
  if (first !== '') return first;
  throw noPassword(`The first line of password_file ${password_file} is empty: write the password there.`);
};

/** The user of a connection string, decoded; the password after it is of no interest here. */
const userOf = (uri: string): string | undefined => {
  const match = /^mongodb(?:\+srv)?:\/\/([^@/:]*)(?::[^@/]*)?@/.exec(uri);
  return match?.[1] === undefined ? undefined : decodeURIComponent(match[1]);
};

/** The password of a connection string, as it is written and as it is meant. */
const passwordsIn = (uri: string): string[] => {
  const written = /^mongodb(?:\+srv)?:\/\/[^@/:]*:([^@/]*)@/.exec(uri)?.[1];
  return written === undefined ? [] : [written, decodeURIComponent(written)];
};

const clientOptions = (options: MongoOptions, password: string | undefined): MongoClientOptions => {
  const w = options.write_concern === 'majority' ? 'majority' : Number(options.write_concern);
  return {
    appName: 'logd',
    writeConcern: { w, journal: options.journal === 'true', wtimeoutMS: options.timeout },
    readPreference: options.read_preference,
    retryWrites: options.retry_writes === 'true',
    serverSelectionTimeoutMS: options.connect_timeout,
    connectTimeoutMS: options.connect_timeout,
    socketTimeoutMS: options.timeout,
    maxPoolSize: options.savers + 2,
    ...(password !== undefined && { auth: { username: userOf(options.uri) ?? '', password } }),
    ...(options.tls_ca_file !== undefined && { tls: true, tlsCAFile: options.tls_ca_file }),
    ...(options.tls_cert_file !== undefined && { tls: true, tlsCertificateKeyFile: options.tls_cert_file }),
  };
};

/** Prepares a connection, which is made when it is first used. Rejects with `config` for a password that is missing or a uri that cannot be read. */
export const openConnection = async (options: MongoOptions): Promise<Connection> => {
  const { MongoClient: Client } = await import('mongodb');
  const secrets = new Set<string>();
  const hide = (text: string): string =>
    [...secrets].reduce((shown, secret) => shown.replaceAll(secret, '***'), text);
  const prepare = async (): Promise<MongoClient> => {
    const password = await readPassword(options);
    for (const secret of [password, ...passwordsIn(options.uri)])
      if (secret !== undefined && secret !== '') secrets.add(secret);
    try {
      return new Client(options.uri, clientOptions(options, password));
    } catch (error) {
      throw new LogdError(
        'config',
        `The MongoDB connection cannot be set up: ${hide(messageOf(error))} Check uri.`,
        {
          cause: error,
        },
      );
    }
  };
  const connect = async (client: MongoClient): Promise<MongoClient> => {
    try {
      return await client.connect();
    } catch (error) {
      // A client that failed to connect at first cannot be used again.
      connecting = undefined;
      await client.close();
      throw error;
    }
  };

  let first: MongoClient | undefined = await prepare();
  let connecting: Promise<MongoClient> | undefined;
  return {
    hide,
    client() {
      const prepared = first;
      first = undefined;
      return (connecting ??= (prepared === undefined ? prepare() : Promise.resolve(prepared)).then(connect));
    },
    async [Symbol.asyncDispose]() {
      await first?.close();
      const client = await connecting?.catch(() => undefined);
      await client?.close(true);
    },
  };
};
