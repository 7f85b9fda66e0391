/**
 * One heartbeat of one node. A node of ours answers `GET /status` on its HTTP listener; a node of the Go system sends `!` to whoever
 * connects, and closes. Of a node that a person registered it is not known which it is: who speaks first is a Go node.
 */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { LogdError, messageOf } from '../../error.ts';
import type { NodeStatus } from '../../telemetry/status.ts';
import type { RegisteredNode } from './node-table.ts';

/** What a node said: its status, or only that it is alive. */
export type Beat =
  | { readonly kind: 'status'; readonly status: NodeStatus; readonly clockSkewMs: number }
  | { readonly kind: 'alive' };

export interface ProbeOptions {
  readonly timeoutMs: number;
  /** For the HTTP listeners of nodes. */
  readonly token: string | undefined;
  readonly now: () => number;
}

const HELLO_MS = 500;
const MOST_BYTES = 2 << 20;

const unreachable = (message: string): LogdError =>
  new LogdError('unreachable', message, { retryable: true });

const isStatus = (value: unknown): value is NodeStatus =>
  typeof value === 'object' && value !== null && Array.isArray((value as { readonly roles?: unknown }).roles);

/** Reads an answer up to {@link MOST_BYTES}. */
const bodyOf = async (answer: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw unreachable('its status is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
};

/** The text of /status. A connection of its own each time: one that is kept costs more memory, a thousand times. */
const getStatus = async (
  { ip, port }: RegisteredNode,
  { timeoutMs, token }: ProbeOptions,
): Promise<string> => {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const signal = AbortSignal.timeout(timeoutMs);
  const asked = request({ host: ip, port, path: '/status', agent: false, headers, signal }).end();
  try {
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    const { statusCode } = answer;
    if (statusCode === 200) return await bodyOf(answer);
    throw unreachable(
      statusCode === 401
        ? 'it refuses the token of the monitor (monitor.node_token_file)'
        : `HTTP status ${statusCode}`,
    );
  } catch (error) {
    throw signal.aborted ? unreachable(`no answer within ${timeoutMs} ms`) : error;
  } finally {
    asked.on('error', () => undefined).destroy();
  }
};

/** Asks a node of ours. */
const askStatus = async (node: RegisteredNode, options: ProbeOptions): Promise<Beat> => {
  const sentAt = options.now();
  const status: unknown = JSON.parse(await getStatus(node, options));
  if (!isStatus(status)) throw unreachable('what answers there is no node of logd');
  // Nodes of before do not say what their clock is.
  const skew = typeof status.now === 'number' ? Math.round(status.now - (sentAt + options.now()) / 2) : 0;
  return { kind: 'status', status, clockSkewMs: skew };
};

/** Waits for the `!` of a Go node: `alive`, or undefined where nothing came and the connection is still open. */
const listenForGo = (
  { ip, port }: RegisteredNode,
  waitMs: number,
  timeoutMs: number,
): Promise<Beat | undefined> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: ip, port });
    const chunks: Buffer[] = [];
    const end = (act: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      act();
    };
    let timer = setTimeout(() => end(() => reject(unreachable('it takes too long'))), timeoutMs);
    socket.on('connect', () => {
      clearTimeout(timer);
      timer = setTimeout(() => end(() => resolve(undefined)), waitMs);
    });
    socket.on('data', (chunk) => void chunks.push(chunk.subarray(0, 16)));
    socket.on('error', (error) => end(() => reject(unreachable(messageOf(error)))));
    socket.on('end', () =>
      end(() =>
        Buffer.concat(chunks).toString('latin1') === '!'
          ? resolve({ kind: 'alive' })
          : reject(unreachable('it closes the connection without a heartbeat')),
      ),
    );
  });

/** Asks a node for a heartbeat. Rejects, with why, where there is none. */
export const probe = async (node: RegisteredNode, options: ProbeOptions): Promise<Beat> => {
  if (node.name === undefined) {
    const said = await listenForGo(node, Math.min(HELLO_MS, options.timeoutMs), options.timeoutMs);
    if (said !== undefined) return said;
  }
  try {
    return await askStatus(node, options);
  } catch (error) {
    if (error instanceof LogdError) throw error;
    throw unreachable(messageOf(error));
  }
};
