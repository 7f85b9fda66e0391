/** The whole configuration of a node, made from the registry of roles. The roles that are present are the ones it plays. */
import type { z } from 'zod';
import { rule, section } from '../config/option.ts';
import { defaultNodeName, type NodeConfig, nodeShape } from './node-options.ts';
import type { RoleKind } from './role.ts';
import { type RoleKinds, roleKinds, type RoleName } from './registry.ts';

type Schemas = { [Name in RoleName]: z.ZodOptional<RoleKinds[Name]['schema']> };
type Completed = { [Name in RoleName]?: ReturnType<RoleKinds[Name]['complete']> | undefined };

/** A checked configuration. Durations are milliseconds, sizes bytes, paths absolute. */
export type LogdConfig = NodeConfig & Completed;

/** The names of all roles, in the order in which lines pass through them, which is how a reader expects their options. */
export const roleNames = (Object.keys(roleKinds) as RoleName[]).toReversed();

const schemas = Object.fromEntries(
  roleNames.map((name) => [name, roleKinds[name].schema.optional()]),
) as unknown as Schemas;

const shape = section('A node: one running logd process.', { ...nodeShape, ...schemas });

/** The monitor asks a node for its heartbeats over HTTP. */
const reportNeedsHttp = ({ report, http }: z.output<typeof shape>): string | undefined =>
  report === undefined || http !== undefined
    ? undefined
    : 'report: needs http:, where the monitor asks the node for heartbeats. Add `http: {}` for the default address.';

const withRules = rule(rule(shape, [], reportNeedsHttp), [], (config) =>
  roleNames.every((name) => config[name] === undefined)
    ? `The node has nothing to do: add ${roleNames.map((name) => `${name}:`).join(' or ')}, as \`logd init\` shows them.`
    : undefined,
);

/** A role of the node makes no packs that another of its roles refuses. */
const packsFit = (node: typeof withRules, maker: RoleKind, taker: RoleKind): typeof withRules => {
  const { makes } = maker;
  const { takes } = taker;
  if (makes === undefined || takes === undefined) return node;
  const limit = [taker.name, ...takes.at];
  return rule(node, [[maker.name, ...makes.at], limit], (config: Readonly<Record<string, unknown>>) => {
    const [made, taken] = [config[maker.name], config[taker.name]];
    if (made === undefined || taken === undefined) return undefined;
    // Both were checked by the schema of their kind.
    const fits = makes.bytes(made as never) <= takes.bytes(taken as never);
    return fits
      ? undefined
      : `Packs of this size or with such lines are larger than ${limit.join('.')}: lower them or raise the limit.`;
  });
};

const kinds: readonly RoleKind[] = Object.values(roleKinds);

const withAllRules = kinds
  .flatMap((maker) => kinds.map((taker) => [maker, taker] as const))
  .reduce((node, [maker, taker]) => packsFit(node, maker, taker), withRules);

/** The options of one role with its defaults, undefined where the config does not have it. */
const complete = <Name extends RoleName>(
  name: Name,
  options: z.output<RoleKinds[Name]['schema']> | undefined,
  node: NodeConfig,
): Completed[Name] => {
  const kind: { complete(options: unknown, node: NodeConfig): unknown } = roleKinds[name];
  return options === undefined ? undefined : (kind.complete(options, node) as Completed[Name]);
};

/** The schema of a configuration file. What its defaults derive from other options is filled in. */
export const logdOptions = withAllRules.transform((given): LogdConfig => {
  const { state_dir, log, shutdown_timeout, http, report, node = defaultNodeName() } = given;
  const all: NodeConfig = { node, state_dir, log, shutdown_timeout, http, report };
  const roles = roleNames.map((name) => [name, complete(name, given[name], all)]);
  return { ...all, ...(Object.fromEntries(roles) as Completed) };
});
