/**
 * One heartbeat of one node. A node of ours answers `GET /status` on its HTTP listener; a node of the Go system sends `!` to whoever
 * connects, and closes. Of a node that a person registered it is not known which it is: who speaks first is a Go node.
 */
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

const hostOf = (ip: string): string => (ip.includes(':') ? `[${ip}]` : ip);

const isStatus = (value: unknown): value is NodeStatus =>
  typeof value === 'object' && value !== null && Array.isArray((value as { readonly roles?: unknown }).roles);

const bodyOf = async ({ body }: Response): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw unreachable('its status is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
};

/** Asks a node of ours. */
const askStatus = async (
  { ip, port }: RegisteredNode,
  { timeoutMs, token, now }: ProbeOptions,
): Promise<Beat> => {
  const sentAt = now();
  const response = await fetch(`http://${hostOf(ip)}:${port}/status`, {
    signal: AbortSignal.timeout(timeoutMs),
    redirect: 'error',
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  if (response.status === 401)
    throw unreachable('it refuses the token of the monitor (monitor.node_token_file)');
  if (!response.ok) throw unreachable(`HTTP status ${response.status}`);
  const status: unknown = JSON.parse(await bodyOf(response));
  if (!isStatus(status)) throw unreachable('what answers there is no node of logd');
  // Nodes of before do not say what their clock is.
  const skew = typeof status.now === 'number' ? Math.round(status.now - (sentAt + now()) / 2) : 0;
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
    const { cause } = error as { readonly cause?: unknown };
    throw unreachable(messageOf(cause ?? error));
  }
};
