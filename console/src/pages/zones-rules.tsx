// The rule set of a zone: read, fetched, tried, and compared with what a firewall holds.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas, take } from '../api/client';
import { CopyAs } from '../ui/copy';
import { save } from '../ui/save';
import { Button, Card, Empty, Foreign, ProblemNote } from '../ui/ui';
import type { Zone } from './zones-queries';

type Stage = 'monitor' | 'enforce';

export function Rules({ zone, which }: { zone: Zone; which: string }) {
  const [stage, setStage] = useState<Stage | ''>('');
  const id = zone.zone_id;
  const rules = useQuery({
    queryKey: ['zones', 'rules', which, id, stage],
    queryFn: () =>
      take(api.GET('/v1/zones/{zone_id}/rules', { params: { path: { zone_id: id }, query: { plan: which, stage: stage || undefined } } })),
  });
  const found = rules.data;
  const options = [...(which === 'approved' ? [] : ['--plan', which]), ...(stage ? ['--stage', stage] : [])];
  return (
    <div className="stack">
      <Card
        title="Rule set for nftables"
        actions={
          <>
            <label className="row-of">
              <span className="muted">Stage</span>
              <select className="input" value={stage} onChange={(event) => setStage(event.target.value as Stage | '')}>
                <option value="">as the version has it</option>
                <option value="monitor">monitor: count</option>
                <option value="enforce">enforce: drop</option>
              </select>
            </label>
            <Button isDisabled={!found} onPress={() => found && save(`${found.table}.nft`, 'text/plain', found.text)}>
              Download
            </Button>
            <Button kind="quiet" isDisabled={!found} onPress={() => found && save(`${found.table}-away.nft`, 'text/plain', found.rollback)}>
              What takes it away
            </Button>
            <CopyAs
              way={{
                cli: ['segment', 'compile'],
                names: [id],
                options,
                path: `/v1/zones/${encodeURIComponent(id)}/rules?plan=${which}${stage ? `&stage=${stage}` : ''}`,
              }}
            />
          </>
        }
      >
        <ProblemNote error={rules.error} />
        {rules.isPending && <Empty>Writing the rules…</Empty>}
        {found && (
          <>
            <p className="muted">
              {found.rules.toLocaleString('en')} rules, which {found.stage === 'enforce' ? 'drop' : 'only count'} what no conduit allows.
              Ids, numbers and addresses stand in it, nothing that anybody named.
            </p>
            {found.uncovered.length > 0 && (
              <p className="note warn">{found.uncovered.length} of its assets have no IP address: no rule can mean them.</p>
            )}
            <pre className="code" tabIndex={0} aria-label="Rule set">
              {found.text}
            </pre>
          </>
        )}
      </Card>
      {found && <Try table={found.table} />}
      {which === 'approved' && <Verify id={id} table={found?.table ?? ''} />}
    </div>
  );
}

/** A browser holds no firewall, and the platform loads nothing: how to try it where it will run. */
function Try({ table }: { table: string }) {
  return (
    <Card title="Try it before it counts">
      <p>
        Vedette loads no rules and opens no network namespace on its own host. On the firewall, or on any Linux with nftables, this loads
        it into a namespace of its own, where nothing passes, and tells what nftables says of it:
      </p>
      <pre className="code" tabIndex={0} aria-label="How to try it">{`unshare --user --map-root-user --net sh -c 'TZ=UTC nft -f ${table}.nft && TZ=UTC nft list table inet ${table}'`}</pre>
      <p className="muted">
        Where the kernel allows no such namespaces to people, it says so; then <code>TZ=UTC nft -c -f {table}.nft</code> as root reads it and
        changes nothing.
      </p>
    </Card>
  );
}

function Verify({ id, table }: { id: string; table: string }) {
  const [listing, setListing] = useState('');
  const [found, setFound] = useState<Schemas['AppliedView'] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const run = async () => {
    setError(null);
    setFound(null);
    try {
      setFound(await take(api.POST('/v1/zones/{zone_id}/verify', { params: { path: { zone_id: id } }, body: { listing } })));
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <Card
      title="Does the firewall hold it?"
      actions={
        <CopyAs way={{ cli: ['segment', 'verify'], names: [id, '-'], method: 'POST', path: `/v1/zones/${encodeURIComponent(id)}/verify`, body: { listing: '…' } }} />
      }
    >
      <div className="field">
        <label htmlFor="listing">
          What <code>TZ=UTC nft list table inet {table}</code> prints there
        </label>
        <textarea id="listing" className="input" rows={5} spellCheck={false} value={listing} onChange={(event) => setListing(event.target.value)} />
      </div>
      <div className="row-of">
        <Button onPress={() => void run()}>Compare</Button>
        <span className="muted">Counters are left aside. Left empty, it has no such table.</span>
      </div>
      <ProblemNote error={error} />
      {found && (
        <p className={`note ${found.is_applied ? 'good' : 'bad'}`} role="status">
          {found.is_applied ? `It holds version ${found.number}.` : `It does not hold version ${found.number}: ${found.differences.length} lines differ.`}
        </p>
      )}
      {found && !found.is_applied && (
        <pre className="code diff" tabIndex={0} aria-label="Lines that differ">
          {found.differences.map((line) => (
            <span key={line} className={line.startsWith('+') ? 'added' : 'removed'}>
              <Foreign text={line} />
              {'\n'}
            </span>
          ))}
        </pre>
      )}
    </Card>
  );
}
