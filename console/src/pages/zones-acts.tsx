// Acts on the plan: propose, edit, approve, stage, throw away, go back.
import { useState } from 'react';
import { Checkbox, Input, Label, TextField } from 'react-aria-components';
import { api, take } from '../api/client';
import { useMay } from '../api/people';
import { Act } from '../ui/act';
import { Empty, Foreign, ProblemNote } from '../ui/ui';
import { type Plan, useDifference, usePlanDetail, useReplay } from './zones-queries';
import { blockedInWords, LEVELS, levelInWords } from './zones-words';

export function Propose({ hasDraft, onDone }: { hasDraft: boolean; onDone: () => void }) {
  const may = useMay();
  return (
    <Act
      label="Propose a plan"
      kind="primary"
      title="Propose zones and conduits from what was seen?"
      isDisabled={!may('developPolicies')}
      act={(reason) => take(api.POST('/v1/segmentation/propose', { body: { reason, is_replacing: hasDraft } }))}
      onDone={onDone}
    >
      <p>It becomes a draft, which counts for nothing before a person approves it. The whole network is read for it.</p>
      {hasDraft && <p className="note warn">There is a draft. It is thrown away, with all that was edited in it.</p>}
    </Act>
  );
}

export function NewZone({ onMade }: { onMade: () => void }) {
  const may = useMay();
  const [name, setName] = useState('');
  const [level, setLevel] = useState('');
  const [site, setSite] = useState('');
  const [network, setNetwork] = useState('');
  const [isMicro, setMicro] = useState(false);
  return (
    <Act
      label="Add a zone"
      title="Add a zone to the draft"
      hasReason={false}
      isReady={name.trim() !== ''}
      isDisabled={!may('developPolicies')}
      act={() =>
        take(
          api.POST('/v1/zones', {
            body: {
              name: name.trim(),
              level,
              site: site.trim(),
              kind: isMicro ? 'micro' : 'zone',
              rules: network.trim() ? [{ networks: network.trim().split(/[\s,]+/u) }] : [],
            },
          }),
        )
      }
      onDone={onMade}
    >
      <p className="muted">A draft is begun from the plan in force if there is none.</p>
      <TextField className="field" value={name} onChange={setName} isRequired autoFocus>
        <Label>Name</Label>
        <Input className="input" maxLength={128} />
      </TextField>
      <div className="field">
        <label htmlFor="zone-level">Purdue level</label>
        <select id="zone-level" className="input" value={level} onChange={(event) => setLevel(event.target.value)}>
          {LEVELS.filter((each) => each !== 'external').map((each) => (
            <option key={each} value={each}>
              {levelInWords(each)}
            </option>
          ))}
        </select>
      </div>
      <TextField className="field" value={site} onChange={setSite}>
        <Label>Site</Label>
        <Input className="input" maxLength={128} />
      </TextField>
      <TextField className="field" value={network} onChange={setNetwork}>
        <Label>Takes assets of these networks, such as 10.1.2.0/24</Label>
        <Input className="input" maxLength={1024} />
      </TextField>
      <Checkbox className="check" isSelected={isMicro} onChange={setMicro}>
        <span className="box" aria-hidden="true" /> Hold its members apart from each other too
      </Checkbox>
    </Act>
  );
}

/** Put the draft in force: says what it changes and what it would have stopped. */
export function ApprovePlan({ draft, onDone }: { draft: Plan; onDone: () => void }) {
  const may = useMay();
  return (
    <Act
      label="Approve"
      kind="primary"
      needsReason
      isDisabled={!may('managePolicies')}
      title={`Put version ${draft.number} in force?`}
      act={(reason) => take(api.POST('/v1/segmentation/approve', { body: { revision: draft.revision, reason } }))}
      onDone={onDone}
    >
      <ApprovalPreview draft={draft} />
      <p>Its firewalls count first, whatever the version before did: nothing is dropped before you enforce it.</p>
    </Act>
  );
}

function ApprovalPreview({ draft }: { draft: Plan }) {
  const difference = useDifference('draft', 'approved');
  const replay = useReplay('draft');
  const detail = usePlanDetail('draft');
  const serious = (detail.data?.flaws ?? []).filter((each) => each.weight === 'serious');
  return (
    <>
      <ProblemNote error={difference.error ?? replay.error ?? detail.error} />
      {difference.data && (
        <p>
          {difference.data.base ? `Over version ${difference.data.base}: ` : 'Nothing is in force yet. '}
          {difference.data.zone_changes.toLocaleString('en')} zones and {difference.data.conduit_changes.toLocaleString('en')} conduits
          change, {difference.data.wider.toLocaleString('en')} of them may allow more.
        </p>
      )}
      {replay.isPending ? (
        <Empty>Replaying what was seen…</Empty>
      ) : (
        replay.data && <p>It {blockedInWords(replay.data.blocked_links, replay.data.links, 'links that were seen')}.</p>
      )}
      {serious.length > 0 && (
        <div className="note warn">
          <p>{serious.length} serious remarks:</p>
          <ul className="plain-list">
            {serious.slice(0, 5).map((each) => (
              <li key={each.about + each.message}>
                <Foreign text={each.message} />
              </li>
            ))}
          </ul>
        </div>
      )}
      <p className="muted">Revision {draft.revision} is approved: if somebody edits it meanwhile, this is refused.</p>
    </>
  );
}

export function DiscardDraft({ onDone }: { onDone: () => void }) {
  const may = useMay();
  return (
    <Act
      label="Discard"
      kind="danger"
      title="Throw the draft away?"
      isDisabled={!may('developPolicies')}
      act={(reason) => take(api.POST('/v1/segmentation/discard', { body: { reason } }))}
      onDone={onDone}
    >
      <p>What was edited in it is lost. The version in force stays as it is.</p>
    </Act>
  );
}

/** Monitor, or enforce. */
export function Enforce({ plan }: { plan: Plan }) {
  const may = useMay();
  const isEnforcing = plan.stage === 'enforce';
  return (
    <Act
      label={isEnforcing ? 'Only monitor again' : 'Enforce…'}
      kind={isEnforcing ? '' : 'danger'}
      needsReason
      isDisabled={!may('managePolicies')}
      title={isEnforcing ? 'Have firewalls only count again?' : `Have firewalls drop what version ${plan.number} does not allow?`}
      act={(reason) => take(api.POST('/v1/segmentation/stage', { body: { stage: isEnforcing ? 'monitor' : 'enforce', reason } }))}
    >
      {isEnforcing ? <p>Rule sets are written to count from then on.</p> : <EnforcePreview />}
      <p className="muted">Vedette loads no rules by itself: fetch each zone’s rule set and load it on its firewall afterwards.</p>
    </Act>
  );
}

function EnforcePreview() {
  const replay = useReplay('approved');
  if (replay.isPending) return <Empty>Replaying what was seen…</Empty>;
  return (
    <>
      <ProblemNote error={replay.error} />
      {replay.data && (
        <p className={replay.data.blocked_links ? 'note warn' : 'note good'}>
          It {blockedInWords(replay.data.blocked_links, replay.data.links, 'links that were seen')} (
          {replay.data.blocked_flows.toLocaleString('en')} of {replay.data.flows.toLocaleString('en')} flows).
        </p>
      )}
      <p>Monitor for as long as your plant’s slowest cycle before you do this.</p>
    </>
  );
}

export function RollBackPlan({ plan }: { plan: Plan }) {
  const may = useMay();
  return (
    <Act
      label="Go back to it"
      kind="danger"
      needsReason
      isDisabled={!may('managePolicies')}
      title={`Put version ${plan.number} in force again?`}
      act={(reason) => take(api.POST('/v1/segmentation/roll-back', { body: { number: plan.number, reason } }))}
    >
      <RollBackPreview plan={plan} />
    </Act>
  );
}

function RollBackPreview({ plan }: { plan: Plan }) {
  const difference = useDifference(String(plan.number), 'approved');
  return (
    <>
      <ProblemNote error={difference.error} />
      {difference.data && (
        <p className={difference.data.wider ? 'note warn' : ''}>
          {difference.data.zone_changes} zones and {difference.data.conduit_changes} conduits change; {difference.data.wider} conduits may
          allow more than now.
        </p>
      )}
      <p>It comes back as a new version, and its firewalls count first.</p>
    </>
  );
}
