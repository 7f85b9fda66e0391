/** `logd users`: who may sign in to the monitor's page. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Command, Option } from 'commander';
import { LogdError } from '../error.ts';
import type { Users } from '../monitor/api/users.ts';
import { systemClock } from '../telemetry/clock.ts';
import { configOption, readConfig } from './config-file.ts';

interface UserFlags {
  readonly config: string;
  readonly role: 'view' | 'operate';
}

const ROLES = ['view', 'operate'] as const;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** The monitor's users, as long as `work` needs them. */
const withUsers = async <T>(config: string, work: (users: Users) => Promise<T>): Promise<T> => {
  const { monitor, state_dir: stateDir } = await readConfig(config);
  if (monitor === undefined)
    throw new LogdError('usage', `${config} has no monitor: name the configuration of the node that is one.`);
  const { openSql } = await import('../monitor/store/registry.ts');
  const { openUsers } = await import('../monitor/api/users.ts');
  await using sql = await openSql(monitor.store, stateDir);
  return await work(await openUsers(sql, () => systemClock.now()));
};

/** Asked for on a terminal without showing it; else the first line of standard input. */
const readPassword = async (): Promise<string> => {
  const isTerminal = process.stdin.isTTY === true;
  if (isTerminal) process.stderr.write('Password: ');
  const hidden = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: hidden, terminal: isTerminal });
  try {
    for await (const line of lines) return line;
    throw new LogdError('usage', 'Give the password on standard input.');
  } finally {
    lines.close();
    if (isTerminal) process.stderr.write('\n');
  }
};

const addCommand = (): Command =>
  new Command('add')
    .description('Add a user, or give one another password and role.')
    .argument('<name>', 'name to sign in with')
    .addOption(configOption())
    .addOption(
      new Option('--role <role>', 'view: look at everything; operate: also act')
        .choices([...ROLES])
        .default('view'),
    )
    .action(async (name: string, { config, role }: UserFlags) => {
      const password = await readPassword();
      await withUsers(config, (users) => users.put(name, password, role));
      say(`${name} may sign in now, with the role ${role}. Sessions of before have ended.`);
    });

const listCommand = (): Command =>
  new Command('list')
    .description('List the users.')
    .addOption(configOption())
    .action(async ({ config }: UserFlags) => {
      const users = await withUsers(config, (all) => all.list());
      if (users.length === 0)
        say('There are no users: on loopback everyone may look and act, from elsewhere nobody.');
      for (const { name, role } of users) say(`${role.padEnd(8)} ${name}`);
    });

const removeCommand = (): Command =>
  new Command('remove')
    .description('Remove a user; their sessions end.')
    .argument('<name>', 'name of the user')
    .addOption(configOption())
    .action(async (name: string, { config }: UserFlags) => {
      if (!(await withUsers(config, (users) => users.remove(name))))
        throw new LogdError('usage', `There is no user called ${name}.`);
      say(`Removed ${name}.`);
    });

export const usersCommand = (): Command =>
  new Command('users')
    .description("Say who may sign in to the monitor's page.")
    .addCommand(addCommand())
    .addCommand(listCommand())
    .addCommand(removeCommand())
    .addHelpText(
      'after',
      `
Examples:
  logd users add anna --role operate -c monitor.yaml
  pass show logd/ben | logd users add ben -c monitor.yaml
  logd users list -c monitor.yaml
  logd users remove ben -c monitor.yaml

The password is asked for, or read from standard input. The monitor may run meanwhile.

Exit codes:
  0  done
  1  the monitor's database does not answer
  2  the command line or the configuration is wrong, or the password is too short`,
    );
