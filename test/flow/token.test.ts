/** Who may send: a clear refusal on both sides, nothing stored, and no sink beyond loopback without a token. */
import assert from 'node:assert/strict';
import { rename, rm, writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { assertSealedEqual } from './compare.ts';
import { linesOf } from './lines.ts';
import { type NodeProcess, runLogd } from './process.ts';
import { flow } from './rig.ts';

const RIGHT = 'the-right-token-of-this-sink';
const WRONG = 'a-wrong-token-of-some-agent!';

flow(
  'token-refused: a wrong token, or none, is refused on both sides; the right one is let in',
  async (rig) => {
    await writeFile(rig.path('token'), `${RIGHT}\n`);
    await writeFile(rig.path('wrong'), `${WRONG}\n`);
    await rig.configureSink({}, { token_file: rig.path('token') });
    const configure = (settings: Record<string, unknown>): Promise<string> =>
      rig.configureAgent({ host: 'web1', streams: ['access'], settings, top: { shutdown_timeout: '1s' } });
    await rig.sources.write('web1', 'access', '2026112216', linesOf('web1', 0, 1000));
    const sink = await rig.start('sink');

    for (const [settings, reason] of [
      [{ token_file: rig.path('wrong') }, /token is wrong/i],
      [{}, /token is required/i],
    ] as const) {
      await configure(settings);
      const before = sink.events.length;
      const agent = await rig.start('web1');
      const { reason: told, level } = await agent.event('send.refused');
      assert.match(String(told), reason);
      assert.equal(level, 'error');
      await rig.until('the sink has said so', () => sink.events.length > before);
      for (const { event, code } of sink.events.slice(before))
        assert.deepEqual([event, code], ['receive.refused', 'token']);
      assert.equal(agent.exit, undefined, 'it goes on trying: the token of the sink may be corrected');
      assert.deepEqual(await agent.end('SIGTERM'), { code: 0, signal: null });
      assert.deepEqual(await rig.segments(), []);
      for (const { tail } of [agent, sink])
        for (const secret of [RIGHT, WRONG]) assert.ok(!tail().includes(secret), 'a token is in the log');
    }

    await configure({ token_file: rig.path('token') });
    rig.spawn('web1');
    await rig.sealed();
    await assertSealedEqual(rig);
  },
);

flow(
  'token-rotated: sink and agent take a new token without a restart; a token file that is gone changes nothing',
  async (rig) => {
    const [first, second] = ['the-first-token-of-this-sink', 'the-second-token-of-the-sink'];
    const put = async (file: string, ...tokens: string[]): Promise<void> => {
      await writeFile(rig.path(`${file}.new`), `${tokens.join('\n')}\n`);
      await rename(rig.path(`${file}.new`), rig.path(file));
    };
    const start = async (host: string, token: string): Promise<NodeProcess> => {
      await put(`${host}-token`, token);
      const settings = { token_file: rig.path(`${host}-token`) };
      await rig.configureAgent({ host, streams: ['access'], settings });
      await rig.sources.write(host, 'access', '2026112216', linesOf(host, 0, 100));
      return rig.start(host);
    };
    await put('sink-token', first);
    await rig.configureSink({}, { token_file: rig.path('sink-token') });
    const sink = await rig.start('sink');

    await put('sink-token', second, first);
    const web1 = await start('web1', first);
    await web1.event('send.connected');
    await sink.event('node.token-changed');

    await put('sink-token', second);
    const web2 = await start('web2', first);
    assert.match(String((await web2.event('send.refused')).reason), /token is wrong/);
    await put('web2-token', second);
    await web2.event('send.connected');
    await web2.event('node.token-changed');

    await rm(rig.path('sink-token'));
    const web3 = await start('web3', second);
    await web3.event('send.connected');
    const { level, reason } = await sink.event('node.token-kept');
    assert.equal(level, 'warn');
    assert.match(String(reason), /ENOENT/);

    await rig.sealed();
    await assertSealedEqual(rig);
    for (const { tail } of [sink, web1, web2, web3])
      for (const secret of [first, second]) assert.ok(!tail().includes(secret), 'a token is in the log');
  },
);

flow('token-needed: beyond loopback neither validate nor run takes a sink without a token', async (rig) => {
  const store = { kind: 'file', dir: rig.path('stored') };
  for (const host of ['0.0.0.0', '[::]']) {
    const config = rig.path('open.yaml');
    const sink = { listen: `${host}:${rig.port}`, store };
    await writeFile(config, stringify({ node: 'open', state_dir: rig.path('state'), sink }));
    for (const args of [
      ['validate', config],
      ['run', '-c', config],
    ]) {
      const { code, stderr, stdout } = await runLogd(args);
      assert.equal(code, 2, `${args.join(' ')}: ${stdout}${stderr}`);
      assert.match(stdout + stderr, /token_file/);
    }
  }
});

flow('token-unusable: an empty or missing token file is no token', async (rig) => {
  await writeFile(rig.path('token'), '\n');
  for (const file of ['token', 'missing']) {
    const config = await rig.configureSink({}, { token_file: rig.path(file) });
    for (const args of [
      ['validate', config],
      ['run', '-c', config],
    ]) {
      const { code, stderr } = await runLogd(args);
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, /token file/);
    }
  }
});
