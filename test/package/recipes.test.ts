/** The recipes for hourly files, run as they stand with the real programs: each gives an hour that is sealed, and is what was written. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { parse, stringify } from 'yaml';
import { notTested } from '../house/needs.ts';
import { addProgram, blocksOf, openMachine, readDocument, root } from './machine.ts';

const LINES = 300;

interface Recipe {
  readonly what: string;
  readonly page: string;
  /** Programs, or files, that must be there. */
  readonly needs: readonly string[];
  readonly packages: string;
  /** How many lines the hour must have. */
  readonly lines?: number;
  /** Says what is in the agent's configuration beside what the page says. */
  readonly zone?: string;
  /** The script that makes the hour, from what the page shows. */
  script(page: string): string;
}

/** Java without a build: the configuration in a file, and a program that logs lines by it. */
const java = (api: string, logger: string, option: string, jars: string, config: string): string => `
cat > config.xml <<'END'
${config}
END
cat > Main.java <<'END'
public class Main {
  public static void main(String[] args) {
    ${api} log = ${logger};
    for (int n = 0; n < ${LINES}; n++) log.info("line " + n);
  }
}
END
export CLASSPATH=.${jars
  .split(' ')
  .map((jar) => `:/usr/share/java/${jar}.jar`)
  .join('')}
javac Main.java && java ${option}=config.xml Main
`;

const pipe = (page: string, program: string): string => {
  const command = blocksOf(page, 'sh').find((block) => block.includes(`| ${program} `));
  assert.ok(command !== undefined, `the page shows how to use ${program}`);
  // What Apache starts is the same program, about its own directory.
  const apache =
    new RegExp(`^CustomLog "\\\\|(/usr/bin/${program} .*?)" combined$`, 'm').exec(page)?.[1] ?? '';
  assert.equal(
    apache.replace('/usr/bin/', '').replace('/var/log/apache2/', '/var/log/my-program/'),
    command.trim().split('| ')[1],
  );
  return command;
};

const RECIPES: readonly Recipe[] = [
  {
    ...{ what: 'nginx', page: 'nginx.md', needs: ['nginx'], packages: 'nginx-light' },
    script: (page) => `
mkdir -p /var/lib/nginx /var/log/nginx
# As it comes, without what Debian serves by default.
rm -f /etc/nginx/sites-enabled/* /etc/nginx/modules-enabled/*
cat > /etc/nginx/conf.d/site.conf <<'END'
server { listen 127.0.0.1:80 default_server; root /usr/share; location / { return 200 "hello\\n"; } }
END
sed -i 's/^worker_processes .*/worker_processes 1;/' /etc/nginx/nginx.conf
nginx
until [ -s /run/nginx.pid ] && before=$(pgrep -P "$(cat /run/nginx.pid)"); do sleep 0.1; done
${blocksOf(page, 'sh').join('\n')}
while kill -0 $before 2> /dev/null; do sleep 0.1; done
# A connection for each request: the reload closes those that are kept.
node --input-type=module -e '
  import { get } from "node:http";
  import { once } from "node:events";
  for (let n = 0; n < ${LINES}; n++) {
    const [answer] = await once(get("http://127.0.0.1/" + n, { agent: false }), "response");
    if (answer.statusCode !== 200) throw answer;
    await once(answer.resume(), "end");
  }'
nginx -s quit
while pgrep -x nginx > /dev/null; do sleep 0.1; done
`,
  },
  {
    ...{ what: 'rotatelogs', page: 'pipes.md', needs: ['rotatelogs'], packages: 'apache2-utils' },
    script: (page) => pipe(page, 'rotatelogs'),
  },
  {
    ...{ what: 'cronolog', page: 'pipes.md', needs: ['cronolog'], packages: 'cronolog', zone: 'local' },
    // At the end of its input it exits with 3.
    script: (page) => `${pipe(page, 'cronolog').trim()} || [ $? = 3 ]`,
  },
  {
    ...{ what: 'Log4j 2', page: 'java.md', packages: 'default-jdk-headless and liblog4j2-java' },
    needs: ['javac', '/usr/share/java/log4j-core.jar'],
    script: (page) =>
      java(
        'org.apache.logging.log4j.Logger',
        'org.apache.logging.log4j.LogManager.getLogger("x")',
        '-Dlog4j2.configurationFile',
        'log4j-api log4j-core',
        blocksOf(page, 'xml')[0] ?? '',
      ),
  },
  {
    ...{ what: 'Logback', page: 'java.md', packages: 'default-jdk-headless and liblogback-java' },
    needs: ['javac', '/usr/share/java/logback-classic.jar'],
    script: (page) =>
      java(
        'org.slf4j.Logger',
        'org.slf4j.LoggerFactory.getLogger("x")',
        '-Dlogback.configurationFile',
        'slf4j-api logback-core logback-classic',
        blocksOf(page, 'xml')[1] ?? '',
      ),
  },
  {
    ...{ what: 'logrotate', page: 'logrotate.md', needs: ['logrotate'], packages: 'logrotate' },
    script: (page) => `
mkdir -p /var/lib/logd /etc/cron.d
${blocksOf(page, 'sh').join('\n')}
my-program > /var/log/my-program/access.log
command=$(sed -n 's/^0 \\* \\* \\* \\* root //p' /etc/cron.d/logd-logrotate)
[ -n "$command" ] && sh -c "$command --force"
[ -e /var/log/my-program/access.log ]
`,
  },
];

const isThere = (need: string): boolean =>
  need.startsWith('/') ? existsSync(need) : spawnSync('sh', ['-c', `command -v ${need}`]).status === 0;

/** Both roles in one node, with the streams that the page shows. */
const configOf = (
  page: string,
  zone: string | undefined,
): { readonly yaml: string; readonly zone: string } => {
  const [block = ''] = blocksOf(page, 'yaml');
  const { agent } = parse(block) as { agent: { streams: { access: { path: string; zone?: string } } } };
  const { access } = agent.streams;
  if (zone !== undefined) access.zone = zone;
  const config = {
    ...{ node: 'web1', state_dir: '/var/lib/logd' },
    agent: { send_to: '127.0.0.1:7667', ...agent },
    sink: { listen: '127.0.0.1:7667', store: { kind: 'file', dir: '/srv/logd/store' } },
  };
  return { yaml: stringify(config), zone: access.zone ?? 'local' };
};

const sealsAnHour = async (test: TestContext, recipe: Recipe): Promise<void> => {
  const missing = recipe.needs.filter((need) => !isThere(need));
  if (missing.length > 0) return notTested(test, `${recipe.what} (Debian: ${recipe.packages})`);
  await using machine = await openMachine(test);
  if (machine === undefined) return;
  const page = await readDocument(`docs/recipes/${recipe.page}`);
  const { yaml, zone } = configOf(page, recipe.zone);
  const [, files = ''] = /path: (.*)<%Y%m%d%H>/.exec(yaml) ?? [];
  await writeFile(join(machine.dir, 'logd.yaml'), yaml);
  await addProgram(machine, 'logd', `exec node ${join(root, 'src/cli/main.ts')} "$@"`);
  await addProgram(machine, 'systemctl');
  await addProgram(machine, 'my-program', `seq -f 'line %g' 0 ${LINES - 1}`);
  const { status, said } = machine.run(`
exec 2>&1
# Where local hours are not those of UTC.
export TZ=Asia/Kolkata
mkdir -p /etc/logd /var/log/my-program
now=$(date ${zone === 'UTC' ? '-u' : ''} +%Y%m%d%H)
${recipe.script(page)}
cat ${files}[0-9]* > written
# The first hour, which ends because a later one has a file; a second one, if the clock was at its edge.
set -- ${files}[0-9]*
hour=\${1##*.}
echo "begun in hour $now, file of $hour"
day="$(echo $hour | sed 's/^\\(....\\)\\(..\\)\\(..\\)\\(..\\)$/\\1-\\2-\\3 \\4:00/')"
touch ${files}$(date -u -d "$day UTC + 2 hours" +%Y%m%d%H)
cd ${machine.dir}
logd run &
logd wait --stream access --hour $hour --timeout 60s
logd audit --hour $hour
logd cat web1 access $hour > shipped
cmp shipped $1
[ $# -gt 1 ] || cmp shipped written
wc -l written
`);
  assert.equal(status, 0, said);
  assert.match(said, new RegExp(`^${recipe.lines ?? LINES} written$`, 'm'), said);
  const [, now = '', hour = ''] = /^begun in hour (\d+), file of (\d+)$/m.exec(said) ?? [];
  // logrotate names the hour before.
  assert.ok(hour <= now, said);
};

for (const recipe of RECIPES)
  it(`${recipe.what}: an hour is sealed by docs/recipes/${recipe.page}`, { timeout: 120_000 }, (test) =>
    sealsAnHour(test, recipe),
  );
