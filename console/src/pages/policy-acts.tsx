// The acts that move a bundle: each says what it means before it is done.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Input, Label, TextField } from 'react-aria-components';
import { Link } from 'wouter';
import { api, take } from '../api/client';
import { Act } from '../ui/act';
import { visible } from '../ui/text';
import { Empty, Foreign, ProblemNote } from '../ui/ui';
import { type Bundle, nameOf, type Staging, type Standing, useDifference } from './policies-queries';
import { DifferenceSummary } from './policy-difference';

const SHARE = 5;

/** Say what a bundle changes and what was foretold of it, in a dialog. */
function Preview({ standing }: { standing: Standing }) {
  const { simulation, difference } = standing;
  return (
    <>
      <DifferenceSummary difference={difference} />
      {simulation && (
        <p>
          The simulation found {simulation.newly_denied.toLocaleString('en')} newly denied and{' '}
          {simulation.newly_allowed.toLocaleString('en')} newly allowed.
        </p>
      )}
    </>
  );
}

function Share({ value, onChange }: { value: number; onChange: (value: number) => void }) {
  return (
    <TextField className="field" type="number" value={String(value)} onChange={(text) => onChange(Number(text))} isRequired>
      <Label>Take it back by itself when so many per cent of those concerned are refused without having been foretold</Label>
      <Input className="input" min={0} max={100} step="any" />
    </TextField>
  );
}

export function Shadow({ bundle, isDisabled }: { bundle: Bundle; isDisabled: boolean }) {
  return (
    <Act
      label="Try in the shadow"
      title={`Try bundle ${bundle.number} in the shadow?`}
      isDisabled={isDisabled}
      act={(reason) =>
        take(api.POST('/v1/policies/{bundle}/shadow', { params: { path: { bundle: bundle.sha256 } }, body: { reason } }))
      }
    >
      <p>Every decision is made a second time with it. It decides nothing; only where it would decide otherwise is counted.</p>
    </Act>
  );
}

export function Canary({ standing, isDisabled }: { standing: Standing; isDisabled: boolean }) {
  const { bundle } = standing;
  const [group, setGroup] = useState('');
  const [share, setShare] = useState(SHARE);
  const groups = useQuery({
    queryKey: ['groups'],
    queryFn: () => take(api.GET('/v1/groups', { params: { query: { limit: 500 } } })),
  });
  const seen = (groups.data?.items ?? []).filter((each) => each.feeds_policies);
  const chosen = seen.find((each) => each.group_id === group) ?? seen[0];
  return (
    <Act
      label="Let it decide for a group"
      title={`Let bundle ${bundle.number} decide for one group?`}
      isDisabled={isDisabled}
      startsAtReason={false}
      act={(reason) =>
        take(
          api.POST('/v1/policies/{bundle}/canary', {
            params: { path: { bundle: bundle.sha256 } },
            body: { group: chosen?.group_id ?? '', denied_share: share / 100, reason },
          }),
        )
      }
    >
      <Preview standing={standing} />
      <ProblemNote error={groups.error} />
      {groups.data && seen.length === 0 ? (
        <Empty>
          There is no group that policies see. Make one of devices that can bear it on the <Link href="/groups">groups page</Link>:
          filled by hand, or by tags.
        </Empty>
      ) : (
        <div className="field">
          <label htmlFor="canary-group">Group</label>
          <select
            id="canary-group"
            className="input"
            // biome-ignore lint: the first field of a dialog that was asked for
            autoFocus
            value={chosen?.group_id ?? ''}
            onChange={(event) => setGroup(event.target.value)}
          >
            {seen.map((each) => (
              <option key={each.group_id} value={each.group_id}>
                {visible(each.name)} ({each.member_count.toLocaleString('en')})
              </option>
            ))}
          </select>
        </div>
      )}
      <Share value={share} onChange={setShare} />
    </Act>
  );
}

export function Promote({ standing, isDisabled }: { standing: Standing; isDisabled: boolean }) {
  const { bundle } = standing;
  const [share, setShare] = useState(SHARE);
  return (
    <Act
      label="Let it decide for all"
      kind="danger"
      title={`Let bundle ${bundle.number} decide for every device?`}
      isDisabled={isDisabled}
      act={(reason) =>
        take(
          api.POST('/v1/policies/{bundle}/promote', {
            params: { path: { bundle: bundle.sha256 } },
            body: { denied_share: share / 100, reason },
          }),
        )
      }
    >
      <Preview standing={standing} />
      <p>
        Live sessions are cut or narrowed at once. For an hour it is watched, and taken back by itself if more are refused than
        foretold. You can go back with one click at any time.
      </p>
      <Share value={share} onChange={setShare} />
    </Act>
  );
}

export function Approve({ standing, isDisabled }: { standing: Standing; isDisabled: boolean }) {
  const { bundle, simulation } = standing;
  return (
    <Act
      label="Approve"
      kind="primary"
      needsReason
      isDisabled={isDisabled}
      title={`Approve that bundle ${bundle.number} newly allows something?`}
      act={(reason) =>
        take(api.POST('/v1/policies/{bundle}/approve', { params: { path: { bundle: bundle.sha256 } }, body: { reason } }))
      }
    >
      <Preview standing={standing} />
      <p>
        Your word stands for {(simulation?.newly_allowed ?? 0).toLocaleString('en')} newly allowed. If a later simulation finds more,
        it must be given again.
      </p>
    </Act>
  );
}

export function Withdraw({ staging, isDisabled }: { staging: Staging; isDisabled: boolean }) {
  const what = staging.canary && staging.shadow ? 'canary and shadow' : staging.canary ? 'the canary' : 'the shadow';
  return (
    <Act
      label={`End ${what}`}
      title={`End ${what}?`}
      isDisabled={isDisabled}
      act={(reason) => take(api.POST('/v1/policy-staging/withdraw', { body: { reason } }))}
    >
      <p>The stable bundle decides for everyone at once. The bundle stays and can be tried again.</p>
    </Act>
  );
}

/** Go back one bundle; says first what becomes different. */
export function RollBack({ staging, former, isDisabled }: { staging: Staging; former: Bundle | undefined; isDisabled: boolean }) {
  return (
    <Act
      label="Roll back"
      kind="danger"
      title={`Go back to bundle ${nameOf(former, staging.former ?? '')}?`}
      isDisabled={isDisabled || !staging.former}
      act={(reason) => take(api.POST('/v1/policy-staging/rollback', { body: { reason } }))}
    >
      <RollBackPreview former={staging.former ?? ''} stable={staging.stable} />
    </Act>
  );
}

function RollBackPreview({ former, stable }: { former: string; stable: string }) {
  const difference = useDifference(former, stable);
  return (
    <>
      <ProblemNote error={difference.error} />
      {difference.data && <DifferenceSummary difference={difference.data} />}
      {difference.data?.may_widen && (
        <p className="note warn">
          Going back may allow what is not allowed now: <Foreign text={difference.data.reasons[0] ?? ''} />. It needs nobody else.
        </p>
      )}
      <p>It decides for every device at once; canary and shadow end too. A second rollback goes one bundle further back.</p>
    </>
  );
}
