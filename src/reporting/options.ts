/** `report:`: the monitor that a node tells about itself. */
import { path, textWith } from '../config/kind.ts';
import { option, section } from '../config/option.ts';
import { LogdError } from '../error.ts';

const monitorUrl = () =>
  textWith('address of a monitor', (value) => {
    const url = URL.parse(value);
    if (url === null || !/^https?:$/.test(url.protocol) || url.pathname !== '/')
      throw new LogdError(
        'config',
        `${JSON.stringify(value.slice(0, 80))} is no address of a monitor: write http://host:port.`,
      );
    return url.origin;
  });

export const reportOptions = section(
  'Registers the node with a monitor, and sends its warnings and errors there. The monitor then asks its `http` listener for heartbeats.',
  {
    to: option(monitorUrl(), {
      summary: 'The monitor.',
      example: 'http://mon1:7669',
    }),
    token_file: option(path(), {
      summary: "File whose first line is the monitor's token for nodes.",
      absent: 'the monitor asks for none',
      example: '/etc/logd/monitor-token',
    }),
  },
);
