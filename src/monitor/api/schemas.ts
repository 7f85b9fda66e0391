/** What the API answers. The page's types and the OpenAPI description come from here. Times are Unix milliseconds, sizes bytes. */
import { z } from 'zod';

export const stateLetter = z
  .enum(['R', 'I', 'N', 'L', 'O', 'S', 'E', 'X', '.', ' '])
  .describe(
    'R refused, I incomplete, N silent, L late, O receiving, S sealed, E empty, X removed, . not expected, space: to come',
  );

export const verdict = z.object({
  kind: z.enum(['R', 'I', 'N', 'L', 'unknown', 'nodes', 'sealed', 'nothing']),
  headline: z.string(),
  sentences: z.array(z.string()),
  now: z.number(),
  alerts: z.number().describe('Open alerts'),
  software: z.string(),
});

export const overview = z.object({
  nodes: z.object({
    alive: z.number(),
    all: z.number(),
    restarted: z
      .object({ name: z.string(), at: z.number() })
      .nullable()
      .describe('The last that started within the last hour, unless all did'),
  }),
  sealed: z.object({ hours: z.number(), of: z.number() }).describe('Hours that were due in the last 24 h'),
  lag: z.object({
    seconds: z.number().nullable().describe('Of the agent or relay that has most; null where none says it'),
    node: z.string().nullable(),
    agents: z.number().describe('Agents that answer'),
    agentsBelow: z.number().describe('Of these, with less than 2 s'),
  }),
  linesPerSecond: z.number().nullable().describe('What all sinks store; null where none answers'),
  bytesPerSecond: z.number().nullable(),
  streams: z.array(
    z.object({
      stream: z.string(),
      hosts: z.number(),
      from: z.number(),
      worst: z.string().describe('48 hours, run-length coded'),
      sealed: z.number().describe('Host hours of these'),
      due: z.number(),
    }),
  ),
});

const readings = z.array(z.number().nullable()).describe('One for each time; null where it is unknown');
export const streamLoad = z.object({
  stepMs: z.number(),
  at: z.array(z.number()).describe('When each step begins; the last is not over yet'),
  limitSeconds: z.number().describe('From this lag on an hour may come to be late: late_after'),
  streams: z.array(
    z.object({
      stream: z.string(),
      lagSeconds: readings,
      linesPerSecond: readings,
      bytesPerSecond: readings,
    }),
  ),
});

export const structure = z.object({
  streams: z.array(z.string()),
  stream: z.string(),
  zoom: z.enum(['hours', 'days', 'months']),
  columns: z.array(z.string()),
  hosts: z.array(z.string()),
  expected: z
    .array(z.tuple([z.string(), z.string().nullable()]))
    .describe(
      'By host: the first hour that is expected or known, and the first that is not; null while it is expected',
    ),
  version: z.string().describe('Changes with anything in this answer; also its ETag'),
});

export const states = z.object({
  hosts: z.array(z.tuple([z.string(), z.string()])).describe('Host, and its cells run-length coded: S23L1'),
  worst: z.string(),
  counts: z.record(z.string(), z.number()),
  weights: z.array(z.tuple([z.string(), z.array(z.number())])).optional(),
  unknown: z
    .array(z.string())
    .describe('Hosts whose last states are old, because their sink does not answer'),
  unknownSince: z.number().nullable().describe('Since when a sink has not answered; null where all do'),
  zoom: z.enum(['hours', 'days', 'months']),
  columns: z.number().describe('How many cells each host has'),
  lateAfterMs: z.number().describe('How long after its end an hour is late'),
  problems: z
    .record(z.string(), z.number())
    .describe('Of every stream: host hours of the last days that are refused, incomplete, silent or late'),
});

export const pack = z.object({
  id: z.number(),
  offset: z.number(),
  bytes: z.number(),
  lines: z.number(),
  arrivedAt: z.number(),
  time: z.number(),
  generation: z.number(),
});

export const hour = z.object({
  host: z.string(),
  stream: z.string(),
  hour: z.string(),
  label: z.string().describe('The hour as the sink calls it, in the zone of the agents'),
  state: stateLetter,
  sink: z.string().nullable(),
  unknownSince: z.number().nullable().describe('Since when the sink of this host has not answered'),
  segment: z
    .object({
      state: z.string(),
      generation: z.number(),
      packs: z.number(),
      lines: z.number(),
      bytes: z.number(),
      expectedPacks: z.number().nullable(),
      expectedBytes: z.number().nullable(),
      expectedLines: z.number().nullable(),
      firstArrival: z.number(),
      lastArrival: z.number(),
      lastLine: z.number(),
      expectedSha256: z.string().nullable(),
      source: z
        .enum(['same', 'changed', 'gone', 'unchecked'])
        .describe('Whether the files on the host still hold what was sent'),
      sourcePlace: z.string().nullable(),
      removed: z.number().nullable(),
      archived: z.boolean(),
      reason: z.string().optional(),
    })
    .nullable(),
  packs: z.array(pack),
  morePacks: z.boolean(),
  gaps: z.array(
    z.object({
      from: z.number(),
      to: z.number(),
      reason: z.string(),
      why: z.string().optional().describe('Why the agent cannot send it again'),
      bytes: z.number().optional(),
      start: z.number().describe('First byte of the hour that is missing'),
      end: z.number().nullable().describe('The byte after it; null while it is not known'),
    }),
  ),
  seal: z
    .object({
      sha256: z.string(),
      lines: z.number(),
      bytes: z.number(),
      packs: z.number(),
      generation: z.number(),
      sealedAt: z.number(),
    })
    .nullable(),
  outputs: z.array(
    z.object({
      output: z.string(),
      delivered: z.number(),
      dropped: z.number(),
      rejected: z.number(),
      given: z.number().nullable().describe('Lines that it was given; null where they were not counted'),
      done: z.boolean(),
      nextPack: z.number().nullable(),
      error: z.string().optional(),
    }),
  ),
  storedFile: z.string().nullable(),
  hops: z
    .array(z.object({ name: z.string(), detail: z.string() }))
    .describe('How long packs of any hour take over each hop to this sink now; a ledger keeps no routes'),
  begins: z.number(),
  ends: z.number(),
  lateAt: z.number(),
  repull: z
    .object({
      step: z.enum(['asked', 'sending', 'received', 'failed']),
      requestedAt: z.number(),
      note: z.string().nullable(),
    })
    .nullable()
    .describe('What was asked for again last'),
  offer: z
    .object({ packs: z.string(), bytes: z.number().nullable(), sentence: z.string() })
    .nullable()
    .describe('What may be asked for again; null where nothing can be'),
  noOffer: z
    .string()
    .nullable()
    .describe('Why nothing can be asked for again; null where nothing is missing'),
  mayRepull: z.boolean().describe('The caller has the role operate'),
  commands: z.array(z.object({ what: z.string(), command: z.string() })),
  error: z.string().optional().describe('Why the sink could not be asked'),
});

export const node = z.object({
  name: z.string(),
  address: z.string(),
  role: z.string(),
  version: z.string().nullable(),
  beats: z.string().describe('The last 40: a answered, s slow, n no answer; oldest first'),
  down: z.boolean(),
  missed: z.number(),
  lastBeat: z.number(),
  silentSince: z.number(),
  reason: z.string().nullable(),
  startedAt: z.number().nullable(),
  clockSkewMs: z.number(),
  roundTripMs: z.number(),
  state: z.string(),
  lagSeconds: z.number().nullable(),
  lagBytes: z.number().nullable(),
  linesPerSecond: z.number(),
  bytesPerSecond: z.number(),
  openHours: z.number(),
  bars: z.array(
    z.object({ role: z.string(), name: z.string(), help: z.string(), value: z.number(), limit: z.number() }),
  ),
  parts: z.array(
    z.object({
      role: z.string(),
      kind: z.string(),
      name: z.string(),
      state: z.string(),
      detail: z.string().optional(),
      lagSeconds: z.number().nullable(),
    }),
  ),
  errors: z.array(z.object({ at: z.number(), level: z.string(), event: z.string(), text: z.string() })),
});
export const nodes = z.object({ nodes: z.array(node), checkIntervalMs: z.number() });

export const event = z.object({
  id: z.number(),
  at: z.number(),
  node: z.string(),
  address: z.string(),
  role: z.string(),
  level: z.enum(['warn', 'error']),
  event: z.string(),
  message: z.string(),
  fields: z.record(z.string(), z.union([z.string(), z.number()])),
});
export const events = z.object({
  events: z.array(event),
  next: z.number().nullable().describe('`before` of the next page'),
});

export const eventGroups = z.object({
  groups: z.array(
    z.object({
      node: z.string(),
      event: z.string(),
      level: z.enum(['warn', 'error']),
      count: z.number(),
      first: z.number(),
      last: z.number(),
      message: z.string(),
    }),
  ),
});

export const alert = z.object({
  id: z.number(),
  key: z.string(),
  severity: z.enum(['warn', 'error']),
  title: z.string(),
  openedAt: z.number(),
  resolvedAt: z.number().optional(),
});
export const alerts = z.object({
  open: z.array(alert),
  history: z.array(alert),
  notifiers: z.array(z.string()),
});
export const alertTest = z.object({
  results: z.array(z.object({ name: z.string(), error: z.string().optional() })),
});

export const session = z.object({
  name: z.string().nullable(),
  role: z.enum(['view', 'operate']).nullable(),
  mustSignIn: z.boolean(),
});

export const expectations = z.object({
  expected: z.array(
    z.object({
      stream: z.string(),
      host: z.string(),
      origin: z.enum(['history', 'added', 'retired']),
      since: z.string(),
      until: z.string().nullable(),
    }),
  ),
});

export const done = z.object({ ok: z.literal(true) });

export type VerdictAnswer = z.output<typeof verdict>;
export type OverviewAnswer = z.output<typeof overview>;
export type StreamLoadAnswer = z.output<typeof streamLoad>;
export type StructureAnswer = z.output<typeof structure>;
export type StatesAnswer = z.output<typeof states>;
export type HourAnswer = z.output<typeof hour>;
export type NodeEntry = z.output<typeof node>;
export type NodesAnswer = z.output<typeof nodes>;
export type EventsAnswer = z.output<typeof events>;
export type EventGroupsAnswer = z.output<typeof eventGroups>;
export type AlertsAnswer = z.output<typeof alerts>;
export type SessionAnswer = z.output<typeof session>;
export type ExpectationsAnswer = z.output<typeof expectations>;
