// Into quarantine, deeper, and out of it: each act shows first what it would come to.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Label, Radio, RadioGroup } from 'react-aria-components';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { serverNow } from '../api/server-clock';
import { link } from '../app/url';
import { Act, ActModal } from '../ui/act';
import { Badge, Foreign, ProblemNote } from '../ui/ui';
import { dayFromNow, endOfDay, enforcedWords, MODES, type Mode, type Quarantined } from './quarantine-words';

type Preview = Schemas['QuarantinePreviewView'];
type Change = Schemas['QuarantineChange'];
type Asked = 'limited' | 'cut';

const REVIEW_DAYS = 7;
const REVIEW_MAX_DAYS = 365;

export interface QuarantineProps {
  device: string;
  /** Told what became of it, in words. */
  onSaid?: (text: string) => void;
  /** How deep is offered first. */
  first?: Asked;
}

function useQuarantine({ device, onSaid, first = 'limited' }: QuarantineProps) {
  const [mode, setMode] = useState<Asked>(first);
  const [review, setReview] = useState(() => dayFromNow(REVIEW_DAYS, serverNow()));
  const [isOverride, setOverride] = useState(false);
  const act = async (reason: string) => {
    const done = await take(
      api.POST('/v1/devices/{device_id}/quarantine', {
        params: { path: { device_id: device } },
        body: { reason, mode, is_override: isOverride, review_at: endOfDay(review) ?? null },
      }),
    );
    onSaid?.(saidOf(device, done));
  };
  const fields = (
    <QuarantineFields
      device={device}
      mode={mode}
      setMode={(to) => {
        setMode(to);
        setOverride(false);
      }}
      review={review}
      setReview={setReview}
      isOverride={isOverride}
      setOverride={setOverride}
    />
  );
  return { act, fields };
}

/** Say what became of an act. */
export function saidOf(device: string, done: Change): string {
  const found = done.quarantine;
  if (!found) return `${device} is out of quarantine. ${enforcedWords(done.enforcement)}`;
  const narrowed = found.narrowed_because ? ` Not ${found.asked_mode}: ${found.narrowed_because}.` : '';
  return `${device} is in quarantine: ${found.mode}.${narrowed} ${enforcedWords(done.enforcement)}`;
}

/** A button that puts a device into quarantine, or deeper. */
export function QuarantineAct({ label = 'Quarantine', ...rest }: QuarantineProps & { label?: string }) {
  const { act, fields } = useQuarantine(rest);
  return (
    <Act label={label} kind="danger" needsReason title={`Quarantine ${rest.device}?`} act={act}>
      {fields}
    </Act>
  );
}

/** The same, opened by whoever shows it. */
export function QuarantineModal({ isOpen, onOpenChange, ...rest }: QuarantineProps & { isOpen: boolean; onOpenChange: (isOpen: boolean) => void }) {
  const { act, fields } = useQuarantine(rest);
  return (
    <ActModal
      label="Quarantine"
      kind="danger"
      needsReason
      title={`Quarantine ${rest.device}?`}
      act={act}
      isOpen={isOpen}
      onOpenChange={onOpenChange}
    >
      {fields}
    </ActModal>
  );
}

interface FieldsProps {
  device: string;
  mode: Asked;
  setMode: (mode: Asked) => void;
  review: string;
  setReview: (date: string) => void;
  isOverride: boolean;
  setOverride: (isOverride: boolean) => void;
}

function QuarantineFields({ device, mode, setMode, review, setReview, isOverride, setOverride }: FieldsProps) {
  const preview = usePreview(device, mode, isOverride);
  const now = serverNow();
  return (
    <>
      <RadioGroup value={mode} onChange={(to) => setMode(to as Asked)} aria-label="How deep" className="choices">
        <Radio value="limited" className="choice">
          <strong>Limited</strong> <span className="muted">{MODES.limited.leaves}</span>
        </Radio>
        <Radio value="cut" className="choice">
          <strong>Cut</strong> <span className="muted">{MODES.cut.leaves}</span>
        </Radio>
      </RadioGroup>
      <Coming device={device} mode={mode} preview={preview.data} error={preview.error} />
      {(preview.data?.may_override || isOverride) && (
        <Label className="row-of">
          <input type="checkbox" checked={isOverride} onChange={(event) => setOverride(event.target.checked)} />
          Cut it off all the same: I know that the budget is spent
        </Label>
      )}
      <div className="field">
        <label htmlFor="review-at">Look at it again by (a reminder; nothing ends by itself)</label>
        <input
          id="review-at"
          type="date"
          className="input"
          value={review}
          min={dayFromNow(0, now)}
          max={dayFromNow(REVIEW_MAX_DAYS - 1, now)}
          onChange={(event) => setReview(event.target.value)}
        />
      </div>
    </>
  );
}

function usePreview(device: string, mode: Asked, isOverride: boolean, isWanted = true) {
  return useQuery({
    queryKey: ['quarantine', device, 'preview', mode, isOverride],
    queryFn: () =>
      take(
        api.GET('/v1/devices/{device_id}/quarantine/preview', {
          params: { path: { device_id: device }, query: { mode, is_override: isOverride } },
        }),
      ),
    enabled: isWanted && device !== '',
    placeholderData: keepPreviousData,
    retry: false,
  });
}

/** What would come of it. */
function Coming({ device, mode, preview, error }: { device: string; mode: Asked; preview: Preview | undefined; error: unknown }) {
  if (error) return <ProblemNote error={error} />;
  if (!preview) return <p className="muted">Looking what would come of it…</p>;
  const { sessions } = preview;
  return (
    <div className={preview.narrowed_because || preview.is_last_gateway ? 'note warn' : 'note'} role="status">
      <p>
        <Foreign text={device} /> would be{' '}
        <Badge tone={MODES[preview.mode].tone}>{preview.mode}</Badge>
        {preview.present_mode && preview.present_mode !== preview.mode && <> instead of {preview.present_mode}</>}
        {preview.present_mode === preview.mode && <>, as it is already</>};{' '}
        {sessions === 0
          ? 'no live session is touched'
          : `${sessions} live ${sessions === 1 ? 'session' : 'sessions'} would be ${preview.mode === 'cut' ? 'cut' : 'narrowed'}`}
        .
      </p>
      {preview.narrowed_because && (
        <p>
          Not {mode}: <Foreign text={preview.narrowed_because} />.{' '}
          {preview.needs_second_person && 'Another person can approve the cut afterwards.'}
        </p>
      )}
      {preview.is_last_gateway && !preview.narrowed_because && <p>It is the last connected gateway of its site.</p>}
      {mode === 'cut' && <Budgets budgets={preview.budgets} />}
    </div>
  );
}

/** How much of each part of the fleet was cut off within the hour, and how much may be. */
export function Budgets({ budgets }: { budgets: Preview['budgets'] }) {
  const groups = useQuery({
    queryKey: ['groups', 'named'],
    queryFn: () => take(api.GET('/v1/groups', { params: { query: { limit: 500 } } })),
    enabled: budgets.some((each) => each.part === 'group'),
    staleTime: 60_000,
  });
  const called = (budget: Preview['budgets'][number]) =>
    budget.part === 'group' ? (groups.data?.items.find((each) => each.group_id === budget.name)?.name ?? budget.name) : budget.name;
  if (budgets.length === 0) return <p className="muted">It belongs to no site or group: no budget is counted.</p>;
  return (
    <ul className="plain" aria-label="Budgets">
      {budgets.map((each) => (
        <li key={`${each.part} ${each.name}`} className="line">
          <span>
            {each.part} <Foreign text={called(each)} />
            {each.members > 0 && <span className="muted">, {each.members.toLocaleString('en')} devices</span>}
          </span>
          <span className="row-of">
            <span className="number">
              {each.cut} of {each.most}
            </span>
            {each.is_spent ? <Badge tone="bad">spent</Badge> : <Badge tone="good">left</Badge>}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** The budgets that a device counts against now. */
export function BudgetsOf({ device }: { device: string }) {
  const preview = usePreview(device, 'cut', false);
  return (
    <>
      <ProblemNote error={preview.error} />
      {preview.data && <Budgets budgets={preview.data.budgets} />}
    </>
  );
}

/** What can be done with a device in quarantine. */
export function WaysOut({ quarantined, onSaid }: { quarantined: Quarantined; onSaid: (text: string) => void }) {
  const device = quarantined.device_id;
  const path = { path: { device_id: device } };
  const said = async (change: Promise<Change>) => onSaid(saidOf(device, await change));
  const { mode } = quarantined;
  return (
    <div className="row-of">
      {quarantined.asked_by && (
        <Act
          label="Approve the cut"
          kind="danger"
          needsReason
          title={`Cut off ${device}, as another person has asked for?`}
          act={(reason) => said(take(api.POST('/v1/devices/{device_id}/quarantine/approve', { params: path, body: { reason } })))}
        >
          <p>It is critical: the word of a second person is needed, not of the one who asked. Its sessions end at once.</p>
        </Act>
      )}
      {mode !== 'probation' && (
        <Act
          label={mode === 'cut' ? 'Ease to limited' : 'Re-check, then probation'}
          kind={quarantined.asked_by ? '' : 'primary'}
          needsReason
          title={mode === 'cut' ? `Let ${device} connect to be repaired?` : `Let ${device} on probation?`}
          act={(reason) => said(take(api.POST('/v1/devices/{device_id}/quarantine/recover', { params: path, body: { reason } })))}
        >
          <p>
            {mode === 'cut'
              ? MODES.limited.leaves
              : 'What is known of it is looked at again: while a finding stands, this is refused and says which. On probation it sends telemetry again, and falls back by itself if its risk becomes high.'}
          </p>
        </Act>
      )}
      {mode === 'probation' && (
        <Act
          label="Sign off"
          kind="primary"
          needsReason
          title={`Sign ${device} off as recovered?`}
          act={(reason) => said(take(api.POST('/v1/devices/{device_id}/quarantine/sign-off', { params: path, body: { reason } })))}
        >
          <p>
            As its owner you say that it is as it should be. After one more re-check it is {quarantined.former_lifecycle} again; your
            reason stands in the ledger.
          </p>
        </Act>
      )}
      {mode === 'probation' && <QuarantineAct device={device} label="Back to limited" onSaid={onSaid} />}
      {mode === 'limited' && !quarantined.asked_by && <QuarantineAct device={device} label="Cut off" first="cut" onSaid={onSaid} />}
      <Act
        label="Undo"
        needsReason
        title={`Was the quarantine of ${device} a mistake?`}
        act={(reason) => said(take(api.POST('/v1/devices/{device_id}/quarantine/release', { params: path, body: { reason } })))}
      >
        <p>
          It is {quarantined.former_lifecycle} again at once, without a re-check. If something was healed, take the way back instead.
        </p>
      </Act>
    </div>
  );
}

/** Lead to the quarantine of a device. */
export function QuarantineLink({ device, mode }: { device: string; mode: Mode }) {
  return (
    <Link href={link('/quarantine', { device })}>
      <Badge tone={MODES[mode].tone}>quarantine: {mode}</Badge>
    </Link>
  );
}
