/**
 * The floor: two processes that read, hash, compress, send, decompress, hash and write the same packs by the same means as logd,
 * and record nothing: no cuts, no ledger, no fsync, no limits, no names. What logd takes beyond it is the price of its promises.
 * It is not the least that could be, but the least of this way to do it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Figures } from './figures.ts';
import { touchMemory } from './memory.ts';
import { asInstalled, cpuSecondsOf, nodeOn } from './node.ts';
import type { ShipOptions } from './shipment.ts';

const start = (processor: number | undefined, ...args: string[]): ChildProcess => {
  const { flags, env } = asInstalled();
  const node = nodeOn(processor);
  return fork(join(import.meta.dirname, 'floor-node.ts'), args, {
    execPath: node.file,
    execArgv: [...node.args, ...flags],
    env: { ...process.env, ...env },
  });
};

const answer = async (child: ChildProcess): Promise<{ readonly port?: number; readonly sha256?: string }> => {
  const ended = once(child, 'exit').then(() => [undefined]);
  const [message] = await Promise.race([once(child, 'message'), ended]);
  if (message === undefined) throw new Error('A process of the floor has ended before its time.');
  return message;
};

/** Ships the file once, behind a warm-up, and holds both ends' SHA-256 against the file's. */
export const runFloor = async (options: ShipOptions): Promise<Figures> => {
  const { compression, input, warmUp, dir, expectSha256, pin = false } = options;
  const output = join(dir, 'floor.out');
  const writer = start(pin ? 1 : undefined, 'writer', compression, output);
  const { port } = await answer(writer);
  const reader = start(pin ? 0 : undefined, 'reader', String(port));
  const cpuSeconds = (): number => cpuSecondsOf(reader.pid!) + cpuSecondsOf(writer.pid!);
  const ship = async (path: string): Promise<string | undefined> => {
    reader.send({ ship: path });
    return (await answer(reader)).sha256;
  };
  const written = async (): Promise<string | undefined> => {
    writer.send({});
    return (await answer(writer)).sha256;
  };
  try {
    await ship(warmUp);
    await written();
    await touchMemory(dir, 2 * (await stat(input)).size);
    const before = cpuSeconds();
    const started = performance.now();
    const read = await ship(input);
    const figures = { seconds: (performance.now() - started) / 1000, cpuSeconds: cpuSeconds() - before };
    for (const sha256 of [read, await written()])
      if (sha256 !== expectSha256)
        throw new Error(`An end of the floor has ${sha256}, the file is ${expectSha256}.`);
    return figures;
  } finally {
    reader.kill();
    writer.kill();
    await rm(output, { force: true });
  }
};
