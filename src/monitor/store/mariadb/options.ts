/** The options of a monitor's store in MariaDB or MySQL. */
import type { z } from 'zod';
import { integer, path, text } from '../../../config/kind.ts';
import { option, section } from '../../../config/option.ts';

export const mariadbOptions = section('A MariaDB or MySQL database.', {
  host: option(text(), { summary: 'Host name or address.', default: '127.0.0.1', example: 'db1' }),
  port: option(integer(), { summary: 'Port.', default: '3306', example: '3307', min: '1', max: '65535' }),
  socket: option(path(), {
    summary: 'Unix socket to use instead of host and port.',
    absent: 'host and port',
    example: '/run/mysqld/mysqld.sock',
  }),
  user: option(text(), { summary: 'User.', default: 'logd', example: 'monitor' }),
  password_file: option(path(), {
    summary: 'File whose first line is the password. It is read again when the server refuses it.',
    absent: 'no password',
    example: '/etc/logd/mariadb-password',
  }),
  database: option(text(), { summary: 'Database; it must exist.', default: 'logd', example: 'monitor' }),
});

export type MariadbOptions = z.output<typeof mariadbOptions>;
