// A version read before it is approved: what it changes, what it leaves out, what is questionable, what it would stop.
import { useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { api, type Schemas, take } from '../api/client';
import { Link } from 'wouter';
import { link, useQueryState } from '../app/url';
import { CopyAs } from '../ui/copy';
import { Badge, Button, Card, Empty, Foreign, ProblemNote, type Tone } from '../ui/ui';
import { ApprovePlan, DiscardDraft } from './zones-acts';
import { useZoneNames } from './zones-drift';
import { type Judged, type Plan, type Replay, useDifference, usePlanDetail, useReplay } from './zones-queries';
import { blockedInWords, readAttack, serviceInWords, servicesInWords, verdictInWords } from './zones-words';

const SHOWN = 100;
const KINDS: Record<'added' | 'removed' | 'changed', [Tone, string]> = {
  added: ['good', 'new'],
  removed: ['bad', 'gone'],
  changed: ['info', 'changed'],
};

export function Review({ which, version, approved }: { which: string; version: Plan | undefined; approved: Plan | undefined }) {
  const [, change] = useQueryState();
  const queries = useQueryClient();
  const isDraft = version?.state === 'draft';
  // A draft that is gone is not asked for again.
  const leave = () => {
    queries.setQueryData<Schemas['Page_PlanView_']>(['zones', 'plans'], (before) =>
      before ? { ...before, items: before.items.filter((each) => each.state !== 'draft') } : before,
    );
    change({ plan: '', tab: '' });
  };
  return (
    <div className="stack">
      {isDraft && version && (
        <div className="note">
          <p>
            Version {version.number} is a draft at revision {version.revision}. Read what follows, then approve it; it counts for nothing
            before.
          </p>
          <div className="row-of">
            <ApprovePlan draft={version} onDone={() => change({ plan: String(version.number) })} />
            <DiscardDraft onDone={leave} />
            <CopyAs
              way={{
                cli: ['zone', 'approve'],
                options: ['--reason', 'why'],
                method: 'POST',
                path: '/v1/segmentation/approve',
                body: { revision: version.revision, reason: 'why' },
              }}
            />
          </div>
        </div>
      )}
      {which !== 'approved' && <Difference which={which} approved={approved} />}
      <Remarks which={which} />
      <Replayed which={which} />
      <Attack which={which} />
    </div>
  );
}

function Difference({ which, approved }: { which: string; approved: Plan | undefined }) {
  const difference = useDifference(which, 'approved');
  const found = difference.data;
  return (
    <Card
      title={approved ? `What it changes over version ${approved.number}` : 'What it brings: nothing is in force yet'}
      actions={
        <CopyAs way={{ cli: ['zone', 'diff'], names: [which], path: `/v1/segmentation/plans/${which}/difference` }} />
      }
    >
      <ProblemNote error={difference.error} />
      {difference.isPending && <Empty>Comparing…</Empty>}
      {found && (
        <>
          <p>
            {found.zone_changes.toLocaleString('en')} zones, {found.conduit_changes.toLocaleString('en')} conduits and the zone of{' '}
            {found.moved.toLocaleString('en')} assets change.{' '}
            {found.wider > 0 ? (
              <Badge tone="warn">{found.wider} conduits may allow more than before</Badge>
            ) : (
              <Badge tone="good">no conduit allows more than before</Badge>
            )}
          </p>
          <div className="columns">
            <ul className="plain scrolls" aria-label="Zones that change" tabIndex={0}>
              {found.zones.slice(0, SHOWN).map((each) => (
                <Changed key={each.zone_id} kind={each.kind} title={<Foreign text={each.name} />} changes={each.changes} />
              ))}
            </ul>
            <ul className="plain scrolls" aria-label="Conduits that change" tabIndex={0}>
              {found.conduits.slice(0, SHOWN).map((each) => (
                <Changed
                  key={each.conduit_id}
                  kind={each.kind}
                  isWider={each.is_wider && each.kind === 'changed'}
                  title={<Foreign text={`${each.source} → ${each.target}`} />}
                  changes={each.changes}
                />
              ))}
            </ul>
          </div>
          {Math.max(found.zone_changes, found.conduit_changes) > SHOWN && (
            <p className="muted flat">The first {SHOWN} of each are shown; the command line tells all.</p>
          )}
        </>
      )}
    </Card>
  );
}

function Changed({ kind, title, changes, isWider = false }: {
  kind: 'added' | 'removed' | 'changed';
  title: React.ReactNode;
  changes: string[];
  isWider?: boolean;
}) {
  const [tone, words] = KINDS[kind];
  return (
    <li className="change">
      <span className="row-of">
        <Badge tone={tone}>{words}</Badge> <strong>{title}</strong> {isWider && <Badge tone="warn">wider</Badge>}
      </span>
      <ul className="plain-list">
        {changes.map((each) => (
          <li key={each}>
            <Foreign text={each} />
          </li>
        ))}
      </ul>
    </li>
  );
}

function Remarks({ which }: { which: string }) {
  const detail = usePlanDetail(which);
  const nameOf = useZoneNames(which);
  const found = detail.data;
  return (
    <Card
      title="What a person should know"
      actions={<CopyAs way={{ cli: ['zone', 'plan'], names: [which], path: `/v1/segmentation/plans/${which}` }} />}
    >
      <ProblemNote error={detail.error} />
      {detail.isPending && <Empty>Reading the plan…</Empty>}
      {found && found.flaws.length + found.left_out.length + found.notes.length === 0 && <Empty>Nothing about it is questionable.</Empty>}
      {found && (
        <ul className="plain scrolls" aria-label="Remarks" tabIndex={0}>
          {found.flaws.slice(0, SHOWN).map((each) => (
            <li key={each.about + each.message} className="line">
              <Foreign text={each.message} />
              <Badge tone={each.weight === 'serious' ? 'bad' : 'plain'}>{each.weight}</Badge>
            </li>
          ))}
          {found.left_out.slice(0, SHOWN).map((each) => (
            <li key={`${each.source} ${each.target} ${servicesInWords(each.services)}`} className="line">
              <span>
                Left out: <Foreign text={nameOf(each.source)} /> → <Foreign text={nameOf(each.target)} />,{' '}
                {servicesInWords(each.services)} ({each.links} links): <Foreign text={each.reason} />
              </span>
              <Badge tone="warn">you decide</Badge>
            </li>
          ))}
          {found.notes.map((each) => (
            <li key={each} className="line">
              <Foreign text={each} />
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Replayed({ which }: { which: string }) {
  const replay = useReplay(which);
  const found = replay.data;
  return (
    <Card
      title="What it would have done with all that was seen"
      actions={
        <CopyAs
          way={{ cli: ['segment', 'replay'], options: ['--plan', which], method: 'POST', path: `/v1/segmentation/replay?plan=${which}`, body: { attack: [] } }}
        />
      }
    >
      <ProblemNote error={replay.error} />
      {replay.isPending && <Empty>Replaying what was seen…</Empty>}
      {found && <Outcome replay={found} which={which} />}
    </Card>
  );
}

export function Outcome({ replay, which }: { replay: Replay; which: string }) {
  return (
    <>
      <p className="summary" role="status">
        It {blockedInWords(replay.blocked_links, replay.links, 'links')} ({replay.blocked_flows.toLocaleString('en')} of{' '}
        {replay.flows.toLocaleString('en')} flows){replay.shown.length > 0 ? ', these:' : '.'}
      </p>
      <JudgedList judged={replay.shown} which={which} label="Links that break the plan" />
      {replay.unused.length > 0 && (
        <p className="muted flat">
          {replay.unused.length.toLocaleString('en')} <Link href={link('/zones', { plan: which, tab: 'conduits' })}>conduits</Link> were used
          by nothing that was seen.
        </p>
      )}
    </>
  );
}

export function JudgedList({ judged, which, label }: { judged: Judged[]; which: string; label: string }) {
  const nameOf = useZoneNames(which);
  if (judged.length === 0) return null;
  return (
    <ul className="plain scrolls" aria-label={label} tabIndex={0}>
      {judged.slice(0, SHOWN).map((each, index) => (
        <li key={`${index} ${each.client_address} ${each.server_address}`} className="line">
          <span>
            {each.client_address} (<Foreign text={nameOf(each.source)} />) → {each.server_address} (<Foreign text={nameOf(each.target)} />
            ) <code>{serviceInWords({ ...each, port_last: 0 })}</code> <Foreign text={each.protocol || ' '} />
            {each.reason && (
              <span className="muted">
                {' '}
                · <Foreign text={each.reason} />
              </span>
            )}
          </span>
          <Badge tone={each.verdict === 'blocked' ? 'bad' : each.verdict === 'conduit' ? 'good' : 'warn'}>{verdictInWords(each.verdict)}</Badge>
        </li>
      ))}
      {judged.length > SHOWN && <li className="line muted">and {(judged.length - SHOWN).toLocaleString('en')} more: see the command line</li>}
    </ul>
  );
}

function Attack({ which }: { which: string }) {
  const [text, setText] = useState('');
  const [found, setFound] = useState<Judged[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const run = async () => {
    setError(null);
    setFound(null);
    setBusy(true);
    try {
      const attack = readAttack(text).map((each) => ({ ...each, operations: [] }));
      const replay = await take(api.POST('/v1/segmentation/replay', { params: { query: { plan: which } }, body: { attack } }));
      setFound(replay.attack);
    } catch (problem) {
      setError(problem instanceof Error && problem.name === 'Error' && !('problem' in problem) ? problem.message : problem);
    }
    setBusy(false);
  };
  const stopped = found?.filter((each) => each.verdict === 'blocked').length ?? 0;
  return (
    <Card title="Try an attack on it">
      <div className="field">
        <label htmlFor="attack">Connections, one a line: who, whom, service</label>
        <textarea
          id="attack"
          className="input"
          rows={4}
          spellCheck={false}
          placeholder={'203.0.113.7 10.1.2.3 tcp/502\n10.1.4.9 10.1.2.3 tcp/102'}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </div>
      <div className="row-of">
        <Button onPress={() => void run()} isDisabled={isBusy || text.trim() === ''}>
          {isBusy ? 'Trying…' : 'Try it'}
        </Button>
        <span className="muted">Nothing is sent: the plan judges it.</span>
      </div>
      <ProblemNote error={error} />
      {found && (
        <>
          <p role="status">
            {stopped} of {found.length} connections would be blocked.
          </p>
          <JudgedList judged={found} which={which} label="The attack" />
        </>
      )}
    </Card>
  );
}
