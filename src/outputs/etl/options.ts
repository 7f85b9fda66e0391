/** The options of the ETL output. */
import type { z } from 'zod';
import { choice, path, text, textWith } from '../../config/kind.ts';
import { option, section } from '../../config/option.ts';
import { formatOf, FORMAT_RULE } from '../../formats/registry.ts';
import { resolveColumnZone } from './day-and-hour.ts';
import { FORMS } from './forms.ts';

const lineFormat = textWith('line format', (value) => {
  formatOf(value);
  return value;
});

export const etlOptions = section(
  'Parses the lines of sealed hours into columns, partitioned as Hive does.',
  {
    streams: option(text(), {
      summary: 'Names of the streams, separated by commas.',
      absent: 'all streams',
      example: 'access',
    }),
    format: option(lineFormat, {
      summary: `Format of the lines: ${FORMAT_RULE}.`,
      default: 'combined',
      example: 'vhost_combined',
    }),
    form: option(choice(...FORMS), {
      summary:
        'How rows are written: hive (text), tsv, jsonl, or parquet (needs the package @duckdb/node-api).',
      default: 'hive',
      example: 'parquet',
    }),
    zone: option(textWith('time zone', resolveColumnZone), {
      summary:
        'Time zone of the columns day and hour: an IANA name, local, or line, which takes the offset that each line has.',
      default: 'UTC',
      example: 'Europe/Berlin',
    }),
    dir: option(path(), {
      summary: 'Directory below which tables, rejects and done markers are written.',
      example: '/srv/logd/etl',
    }),
    columns_file: option(path(), {
      summary:
        'Tables with their columns and partitions, as JSON or YAML; the colsmap.json of the Go system is one.',
      absent: 'one table `lines` with the usual columns, partitioned by day',
      example: '/etc/logd/colsmap.json',
    }),
    spiders_file: option(path(), {
      summary: 'Words that mark a user agent as a spider, one a line.',
      absent: 'nothing is marked',
      example: '/etc/logd/spiders.txt',
    }),
    hosts_file: option(path(), {
      summary: 'Regular expressions, one a line: lines of other hosts are dropped, and counted.',
      absent: 'every host',
      example: '/etc/logd/hosts.txt',
    }),
    proxies_file: option(path(), {
      summary:
        'Addresses and ranges of trusted proxies, one a line: column client is the last address of X-Forwarded-For that none of them has.',
      absent: 'no proxy is trusted: client is remote_addr',
      example: '/etc/logd/proxies.txt',
    }),
    lookup_file: option(path(), {
      summary:
        'CSV whose first line names its columns: the first is a column of the line to look up, the others become columns lookup.NAME.',
      absent: 'nothing is looked up',
      example: '/etc/logd/shops.csv',
    }),
    invalid_utf8: option(choice('keep', 'reject'), {
      summary:
        'Lines that are not UTF-8: keep them with U+FFFD in the place of what is none, or reject them.',
      default: 'keep',
      example: 'reject',
    }),
    addresses_file: option(path(), {
      summary: 'Addresses and ranges, one a line: lines of these clients are dropped, and counted.',
      absent: 'no address is listed',
      example: '/etc/logd/addresses.txt',
    }),
  },
);

export type EtlOptions = z.output<typeof etlOptions>;
