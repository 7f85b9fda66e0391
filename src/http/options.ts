/** `http:`: the node's own listener, for probes, metrics and whoever asks how it is. */
import { formatAddress, isLoopback } from '../config/address.ts';
import { listenAddress, path } from '../config/kind.ts';
import { option, rule, section } from '../config/option.ts';

export const httpOptions = rule(
  section('Answers /health, /ready, /metrics (Prometheus) and /status (JSON) over HTTP.', {
    listen: option(listenAddress(), {
      summary: 'Address to listen on. Beyond loopback a token_file is needed.',
      default: '127.0.0.1:7668',
      example: '0.0.0.0:7668',
    }),
    token_file: option(path(), {
      summary:
        'File whose first line is the token that callers must send as `Authorization: Bearer …`. /health and /ready are open to everyone.',
      absent: 'anyone who can connect may ask',
      example: '/etc/logd/http-token',
    }),
  }),
  ['listen', 'token_file'],
  ({ listen, token_file }) =>
    isLoopback(listen.host) || token_file !== undefined
      ? undefined
      : `${formatAddress(listen)} can be reached from other machines, so a token_file is needed: set it, or listen on 127.0.0.1.`,
);
