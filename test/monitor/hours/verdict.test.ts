/** The verdict, sentence by sentence. It is Thursday 26 November 2026, 03:17 UTC, unless a case says otherwise. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ProblemLetter } from '../../../src/monitor/hours/cell-states.ts';
import {
  dayInWords,
  type ProblemHours,
  type VerdictFacts,
  verdictOf,
} from '../../../src/monitor/hours/verdict.ts';

const NOW = Date.UTC(2026, 10, 26, 3, 17);
const THREE = Date.UTC(2026, 10, 26, 3);
const [TODAY, YESTERDAY, BEFORE] = ['20261126', '20261125', '20261124'];

const facts = (changes: Partial<VerdictFacts> = {}): VerdictFacts => ({
  ...{ now: NOW, problems: [], awaySinks: [], downNodes: [], nodes: 45, alerts: 0, dueUntil: THREE },
  ...changes,
});

const problem = (
  state: ProblemLetter,
  day: string,
  hosts: readonly string[],
  hours = hosts.length,
  streams: readonly string[] = ['access'],
): ProblemHours => ({ state, day, hosts, hours, streams });

const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `web${n + 1}`);

const CASES: Readonly<Record<string, readonly [Partial<VerdictFacts>, ...string[]]>> = {
  'all well': [{}, 'Everything up to 03:00 is sealed.', 'All 45 nodes are alive. No alerts.'],
  'all well, one node, an alert': [
    { nodes: 1, alerts: 1 },
    'Everything up to 03:00 is sealed.',
    'The node is alive. 1 open alert.',
  ],
  'all well, no node': [{ nodes: 0 }, 'Everything up to 03:00 is sealed.', 'No alerts.'],
  'all well, a ledger alone': [{ nodes: 0, alerts: undefined }, 'Everything up to 03:00 is sealed.'],
  'all well, just after midnight': [
    { now: Date.UTC(2026, 10, 26, 0, 10), dueUntil: Date.UTC(2026, 10, 25, 23) },
    'Everything up to 23:00 of yesterday is sealed.',
    'All 45 nodes are alive. No alerts.',
  ],
  'late today': [
    { problems: [problem('L', TODAY, ['web7', 'web12'])] },
    '2 hours of today are late: web7 and web12.',
    'Everything of yesterday is sealed.',
  ],
  'late today, and older ones': [
    {
      problems: [
        problem('N', BEFORE, ['edge3'], 4),
        problem('R', BEFORE, ['web18']),
        problem('I', BEFORE, ['web23']),
        problem('L', TODAY, ['web7', 'web12']),
      ],
    },
    '2 hours of today are late: web7 and web12.',
    'Everything of yesterday is sealed.',
    '24 November still has 1 refused, 1 incomplete and 4 silent hours.',
  ],
  'one hour': [
    { problems: [problem('R', TODAY, ['web18'])] },
    '1 hour of today is refused: web18.',
    'Everything of yesterday is sealed.',
  ],
  'the worst first, whatever its day': [
    { problems: [problem('L', TODAY, ['web7']), problem('I', YESTERDAY, ['web2', 'web9', 'api4'])] },
    '3 hours of yesterday are incomplete: web2, web9 and api4.',
    '1 hour of today is late: web7.',
    'Everything else up to 03:00 is sealed.',
  ],
  'the same state on both days': [
    { problems: [problem('N', YESTERDAY, ['web1'], 3), problem('N', TODAY, ['web1'])] },
    '1 hour of today is silent: web1.',
    '3 hours of yesterday are silent: web1.',
    'Everything else up to 03:00 is sealed.',
  ],
  'more than three hosts are counted': [
    { problems: [problem('N', TODAY, names(12), 1_284)] },
    '1,284 hours of today are silent: 12 hosts.',
    'Everything of yesterday is sealed.',
  ],
  'streams are named where several are in trouble': [
    {
      problems: [
        problem('L', TODAY, ['web1'], 2, ['access', 'app']),
        problem('I', TODAY, ['web2'], 1, ['app']),
      ],
    },
    '1 hour of today is incomplete: web2, in app.',
    '2 hours of today are late: web1, in access and app.',
    'Everything of yesterday is sealed.',
  ],
  'an older problem alone does not hide that the rest is sealed': [
    { problems: [problem('I', BEFORE, ['web23'])] },
    'Everything of yesterday is sealed, and of today up to 03:00.',
    '24 November still has 1 incomplete hour.',
  ],
  'older problems of several days are one sentence': [
    {
      problems: [
        problem('I', BEFORE, ['web23'], 2),
        problem('I', '20261122', ['web23'], 3),
        problem('N', '20261120', ['web1'], 1),
      ],
    },
    'Everything of yesterday is sealed, and of today up to 03:00.',
    '24 November and 2 days before it still have 5 incomplete and 1 silent hours.',
  ],
  'a sink that does not answer goes before all': [
    {
      awaySinks: [{ name: 'sink1', since: Date.UTC(2026, 10, 26, 2, 58) }],
      problems: [problem('R', TODAY, ['web18'])],
    },
    'Sink sink1 does not answer: what came since 02:58 is unknown.',
    '1 hour of today is refused: web18.',
  ],
  'a sink that is away since another day, and one that never answered': [
    {
      awaySinks: [
        { name: 'sink1', since: Date.UTC(2026, 10, 25, 22, 5) },
        { name: 'sink2', since: 0 },
      ],
    },
    'Sink sink1 does not answer: what came since 22:05 of yesterday is unknown.',
    'Sink sink2 has not answered yet: what it has is unknown.',
  ],
  'nodes come after problems, and before what is sealed': [
    { downNodes: ['relay-b'], problems: [problem('L', TODAY, ['web7'])] },
    '1 hour of today is late: web7.',
    'relay-b does not answer.',
    'Everything of yesterday is sealed.',
  ],
  'only nodes': [{ downNodes: names(4) }, '4 nodes do not answer.', 'Everything up to 03:00 is sealed.'],
  'at most three sentences after the headline': [
    {
      downNodes: ['relay-b'],
      problems: (['R', 'I', 'N', 'L'] as const).map((state) => problem(state, TODAY, ['web1'])),
    },
    '1 hour of today is refused: web1.',
    '1 hour of today is incomplete: web1.',
    '1 hour of today is silent: web1.',
    '1 hour of today is late: web1.',
  ],
  'yesterday is not said to be sealed before its last hour is due': [
    {
      now: Date.UTC(2026, 10, 26, 0, 10),
      dueUntil: Date.UTC(2026, 10, 25, 23),
      problems: [problem('R', TODAY, ['web1'])],
    },
    '1 hour of today is refused: web1.',
    'Everything else up to 23:00 of yesterday is sealed.',
  ],
  'nothing at all': [{ dueUntil: undefined, nodes: 0 }, 'Nothing is expected yet.'],
  'nothing, with nodes': [
    { dueUntil: undefined, nodes: 2 },
    'Nothing is expected yet.',
    'All 2 nodes are alive. No alerts.',
  ],
};

describe('the verdict', () => {
  for (const [what, [changes, headline, ...sentences]] of Object.entries(CASES))
    it(what, () => {
      const verdict = verdictOf(facts(changes));
      assert.deepEqual([verdict.headline, ...verdict.sentences], [headline, ...sentences]);
    });

  it('tells what its headline is of', () => {
    const kinds = [
      facts(),
      facts({ problems: [problem('N', TODAY, ['a'])] }),
      facts({ downNodes: ['a'] }),
      facts({ awaySinks: [{ name: 'a', since: 0 }] }),
      facts({ dueUntil: undefined }),
    ].map((each) => verdictOf(each).kind);
    assert.deepEqual(kinds, ['sealed', 'N', 'nodes', 'unknown', 'nothing']);
  });

  it('never says that something is sealed while a sink is away, nor more than four sentences', () => {
    for (const away of [[], [{ name: 's', since: NOW }]])
      for (let bits = 0; bits < 4096; bits++) {
        const problems = (['R', 'I', 'N', 'L'] as const).flatMap((state, n) =>
          [TODAY, YESTERDAY, BEFORE]
            .filter((_, m) => bits & (1 << (n * 3 + m)))
            .map((day) => problem(state, day, ['web1'])),
        );
        const { headline, sentences } = verdictOf(facts({ problems, awaySinks: away }));
        const text = [headline, ...sentences].join(' ');
        assert.ok(sentences.length <= 3);
        if (away.length > 0) assert.doesNotMatch(text, /sealed/);
        if (problems.some(({ day }) => day === YESTERDAY))
          assert.doesNotMatch(text, /Everything of yesterday|Everything up/);
        if (problems.length > 0) assert.doesNotMatch(text, /Everything up|No alerts/);
      }
  });
});

describe('days in words', () => {
  for (const [day, words] of [
    [TODAY, 'today'],
    [YESTERDAY, 'yesterday'],
    [BEFORE, '24 November'],
    ['20260101', '1 January'],
    ['20251225', '25 December 2025'],
  ] as const)
    it(words, () => assert.equal(dayInWords(day, NOW), words));
});
