// Who outside is talked with, and who answers for it: a person approves each, or says that it should not be.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { Input, Label, TextArea, TextField, ToggleButton } from 'react-aria-components';
import { api, type Schemas, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { link, useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { visible } from '../ui/text';
import { Badge, Button, Card, Foreign, Page, ProblemNote, Time, type Tone } from '../ui/ui';
import { AddressListCard } from './address-list';
import { AssetLink, Download, Search } from './network-parts';

type External = Schemas['ExternalView'];
type Verdict = External['verdict'];

const PAGE = 200;
/** The API takes so many at once. */
const MOST = 500;
const VERDICTS: [Verdict, string, Tone][] = [
  ['undecided', 'undecided', 'warn'],
  ['approved', 'approved', 'good'],
  ['refused', 'refused', 'bad'],
];

function VerdictBadge({ verdict }: { verdict: Verdict }) {
  const [, words, tone] = VERDICTS.find(([each]) => each === verdict) ?? ['undecided', verdict, 'plain'];
  return <Badge tone={tone as Tone}>{words}</Badge>;
}

/** Say whom an address was assigned to. */
function ownerOf(each: External): string {
  return [each.country, each.asn ? `AS${each.asn}` : '', each.network_name].filter(Boolean).join(' ');
}

export const EXTERNAL_COLUMNS: Column<External>[] = [
  { title: 'Of', width: 'minmax(100px, 1fr)', cell: (each) => <AssetLink id={each.asset_id} text={each.local} /> },
  {
    title: 'Outside',
    width: 'minmax(130px, 2fr)',
    cell: (each) => (
      <span className="row-of">
        {each.is_inbound && <Badge tone="bad">comes in</Badge>}
        <Foreign text={each.name || each.address} />
      </span>
    ),
  },
  { title: 'Network', width: 'minmax(80px, 1fr)', cell: (each) => <Foreign text={ownerOf(each)} /> },
  { title: 'Verdict', width: '110px', cell: (each) => <VerdictBadge verdict={each.verdict} /> },
];

export default function ExternalConnections() {
  const [parameters, change] = useQueryState();
  const verdict = VERDICTS.find(([each]) => each === parameters.get('verdict'))?.[0];
  const asset = parameters.get('asset') ?? '';
  const text = parameters.get('text') ?? '';
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const { items, error, ...place } = useLongList(['external-connections', verdict, asset, text], (after) =>
    take(api.GET('/v1/external-connections', { params: { query: { limit: PAGE, after, verdict, asset_id: asset || undefined, text } } })),
  );
  const chosen = items.find((each) => each.external_id === parameters.get('id')) ?? items[0];
  const select = (key: string, isSelected: boolean) => {
    const next = new Set(selected);
    if (isSelected) next.add(key);
    else next.delete(key);
    setSelected(next);
  };
  const search = useCallback((words: string) => change({ text: words }), [change]);
  return (
    <Page
      title="External connections"
      about="what leaves the network, or comes from outside"
      actions={
        <>
          <Download what="external-connections" />
          <CopyAs
            way={{
              cli: ['link', 'external'],
              options: [...(verdict ? ['--verdict', verdict] : []), ...(asset ? ['--asset', asset] : []), ...(text ? ['--text', text] : [])],
              path: link('/v1/external-connections', { verdict: verdict ?? '', asset_id: asset, text }),
            }}
          />
        </>
      }
    >
      <div className="row-of chips" role="group" aria-label="Quick filters">
        {VERDICTS.map(([each, words]) => (
          <ToggleButton key={each} className="chip" isSelected={verdict === each} onChange={(isOn) => change({ verdict: isOn ? each : '' }, true)}>
            {words}
          </ToggleButton>
        ))}
      </div>
      <div className="row-of">
        <Search value={text} onChange={search} label="Name, address, network or owner" />
        {asset && (
          <span className="row-of">
            Only of <AssetLink id={asset} text={asset} />
            <Button kind="quiet" onPress={() => change({ asset: '' }, true)}>
              Of all
            </Button>
          </span>
        )}
      </div>
      <ProblemNote error={error} />
      <Many selected={items.filter((each) => selected.has(each.external_id))} clear={() => setSelected(new Set())} />
      <div className="split">
        <Table
          label="External connections"
          columns={EXTERNAL_COLUMNS}
          items={items}
          keyOf={(each) => each.external_id}
          {...place}
          onCurrent={(each) => change({ id: each.external_id })}
          current={chosen?.external_id}
          selected={selected}
          onSelect={select}
          onSelectAll={(isSelected) => setSelected(new Set(isSelected ? items.map((each) => each.external_id) : []))}
          empty={verdict || asset || text ? 'No connection fits.' : 'Nothing was seen to leave the network.'}
        />
        <div className="explanation">
          {chosen && <Detail key={chosen.external_id} external={chosen} />}
          <AddressListCard />
        </div>
      </div>
    </Page>
  );
}

function Detail({ external }: { external: External }) {
  return (
      <Card title={<Foreign text={external.name || external.address} />} actions={<VerdictBadge verdict={external.verdict} />}>
        <p>
          {external.is_inbound ? 'The outside began: it reaches ' : 'It is talked with by '}
          <AssetLink id={external.asset_id} text={external.local} />.
        </p>
        <dl className="facts">
          <dt>Address</dt>
          <dd>
            <Foreign text={external.address} mono />
          </dd>
          <dt>Country</dt>
          <dd>{external.country ? <Foreign text={external.country} /> : <span className="muted">unknown</span>}</dd>
          <dt>Network</dt>
          <dd>{external.asn ? <Foreign text={`AS${external.asn} ${external.network_name}`} /> : <span className="muted">unknown</span>}</dd>
          <dt>For</dt>
          <dd>
            {external.services.map((each) => (
              <div key={each}>
                <Foreign text={each} mono />
              </div>
            ))}
          </dd>
          <dt>Site</dt>
          <dd>
            <Foreign text={external.site} />
          </dd>
          <dt>First seen</dt>
          <dd>
            <Time at={external.first_at} />, last <Time at={external.last_at} />
          </dd>
          {external.decided_at && (
            <>
              <dt>Decided</dt>
              <dd>
                <Time at={external.decided_at} /> by <Foreign text={external.decided_by} />: <Foreign text={external.justification} />
              </dd>
              <dt>Owner</dt>
              <dd>
                <Foreign text={external.owner} />
              </dd>
            </>
          )}
        </dl>
        <div className="row-of">
          <Decide externals={[external]} verdict="approved" />
          <Decide externals={[external]} verdict="refused" />
          {external.verdict !== 'undecided' && <Decide externals={[external]} verdict="undecided" />}
        </div>
      </Card>
  );
}

const ACTS: Record<Verdict, [label: string, words: string]> = {
  approved: ['Approve…', 'Somebody answers for it from now on. Traffic is not touched.'],
  refused: ['Refuse…', 'It should not be. Traffic is not touched: a rule on the firewall is needed for that, see Zones.'],
  undecided: ['Take back…', 'Nobody answers for it any more.'],
};

async function decide(externals: External[], verdict: Verdict, owner: string, justification: string) {
  for (let start = 0; start < externals.length; start += MOST) {
    const external_ids = externals.slice(start, start + MOST).map((each) => each.external_id);
    await take(api.POST('/v1/bulk/external-connections', { body: { external_ids, verdict, owner, justification } }));
  }
}

function Decide({ externals, verdict, onDone }: { externals: External[]; verdict: Verdict; onDone?: () => void }) {
  const [owner, setOwner] = useState('');
  const [why, setWhy] = useState('');
  const [label, words] = ACTS[verdict];
  const isDecided = verdict !== 'undecided';
  const count = externals.length === 1 ? (externals[0]?.name || externals[0]?.address || '') : `${externals.length} connections`;
  return (
    <Act
      label={label}
      kind={verdict === 'approved' ? 'primary' : verdict === 'refused' ? 'danger' : ''}
      title={`${label.replace('…', '')} ${visible(count)}?`}
      hasReason={false}
      isReady={!isDecided || (why.trim() !== '' && (verdict !== 'approved' || owner.trim() !== ''))}
      act={() => decide(externals, verdict, owner.trim(), why.trim())}
      onDone={onDone}
    >
      <p>{words}</p>
      <ul className="plain">
        {externals.slice(0, 6).map((each) => (
          <li key={each.external_id}>
            <Foreign text={each.local} mono /> – <Foreign text={each.name || each.address} /> <Foreign text={each.services[0] ?? ''} mono />
          </li>
        ))}
        {externals.length > 6 && <li className="muted">and {externals.length - 6} more</li>}
      </ul>
      {isDecided && (
        <>
          <TextField className="field" value={owner} onChange={setOwner} isRequired={verdict === 'approved'} autoFocus>
            <Label>Who answers for it{verdict === 'approved' ? '' : ' (optional)'}</Label>
            <Input className="input" maxLength={256} />
          </TextField>
          <TextField className="field" value={why} onChange={setWhy} isRequired>
            <Label>{verdict === 'approved' ? 'What it is for' : 'Why it should not be'}</Label>
            <TextArea className="input" rows={2} maxLength={1024} />
          </TextField>
        </>
      )}
    </Act>
  );
}

/** How many are approved otherwise; whoever answers for them is to be filled in. */
function approving(external_ids: string[]) {
  return {
    cli: ['link', 'decide'],
    names: [...external_ids, 'approved'],
    options: ['--owner', 'OWNER', '--reason', 'REASON'],
    method: 'POST',
    path: '/v1/bulk/external-connections',
    body: { external_ids, verdict: 'approved', owner: 'OWNER', justification: 'REASON' },
  };
}

function Many({ selected, clear }: { selected: External[]; clear: () => void }) {
  const [done, setDone] = useState<External[]>([]);
  const queries = useQueryClient();
  const undoing = useMutation({
    mutationFn: () => decide(done, 'undecided', '', 'undone'),
    onSuccess: () => {
      setDone([]);
      return queries.invalidateQueries();
    },
  });
  if (selected.length === 0 && done.length === 0) return null;
  const finish = () => {
    setDone(selected.filter((each) => each.verdict === 'undecided'));
    clear();
  };
  return (
    <section className="note row-of" aria-label="Selected connections">
      {selected.length > 0 ? (
        <>
          <strong>{selected.length.toLocaleString('en')} selected</strong>
          <Decide externals={selected} verdict="approved" onDone={finish} />
          <Decide externals={selected} verdict="refused" onDone={finish} />
          <CopyAs way={approving(selected.slice(0, MOST).map((each) => each.external_id))} />
          <Button kind="quiet" onPress={clear}>
            Select none
          </Button>
        </>
      ) : (
        <>
          <span role="status">{done.length} decided.</span>
          <Button autoFocus isDisabled={undoing.isPending} onPress={() => undoing.mutate()}>
            {undoing.isPending ? 'Undoing…' : 'Undo'}
          </Button>
        </>
      )}
      <ProblemNote error={undoing.error} />
    </section>
  );
}
