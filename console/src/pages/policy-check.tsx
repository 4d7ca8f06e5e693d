// What is to be said of a draft while it is written: flaws with their place, its unit cases, and what it changes.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { api, type Schemas, take } from '../api/client';
import { visible } from '../ui/text';
import { Badge, Button, Card, Empty, Foreign, ProblemNote } from '../ui/ui';
import type { Content } from './policies-queries';
import { DifferenceList } from './policy-difference';
import { useSettled } from './policy-draft';

type Flaw = Schemas['FlawView'];
type Check = Schemas['CheckView'];

/** Check a draft a moment after it has last changed, and compare it with what decides for everyone; `isCurrent`: what is told is about the very text that is there. */
export function useCheck(content: Content, stable: string) {
  const settled = useSettled(content);
  const check = useQuery({
    queryKey: ['policy-check', settled.number],
    queryFn: () => take(api.POST('/v1/policy-check', { body: settled.value })),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  const isReadable = check.data !== undefined && !check.isPlaceholderData && !check.data.flaws.some((each) => each.is_error);
  const difference = useQuery({
    queryKey: ['policy-difference-of', settled.number, stable],
    queryFn: () => take(api.POST('/v1/policy-difference', { body: { ...settled.value, against: 'stable' } })),
    enabled: isReadable,
    placeholderData: keepPreviousData,
    gcTime: 0,
  });
  const isCurrent = settled.value === content && check.data !== undefined && !check.isPlaceholderData;
  return { check, difference, isReadable, isCurrent };
}

export function Checks({ found, onJump }: { found: ReturnType<typeof useCheck>; onJump: (flaw: Flaw) => void }) {
  const { check, difference, isReadable, isCurrent } = found;
  return (
    <div className="stack">
      <Card title="Check" actions={<State check={check.data} isCurrent={isCurrent} />}>
        <ProblemNote error={check.error} />
        {check.data && <Flaws flaws={check.data.flaws} onJump={onJump} />}
      </Card>
      {check.data && <Cases check={check.data} />}
      <Card title="What it changes over the policies in force">
        <ProblemNote error={isReadable ? difference.error : null} />
        {isReadable && difference.data ? (
          <DifferenceList difference={difference.data} />
        ) : (
          <Empty>{check.data && !isReadable ? 'It is told as soon as the policies can be read.' : 'Comparing…'}</Empty>
        )}
      </Card>
    </div>
  );
}

function State({ check, isCurrent }: { check: Check | undefined; isCurrent: boolean }) {
  const errors = check?.flaws.filter((each) => each.is_error).length ?? 0;
  const warnings = (check?.flaws.length ?? 0) - errors;
  const failed = check?.cases.filter((each) => !each.has_passed).length ?? 0;
  const said = [
    errors && `${errors} ${errors === 1 ? 'flaw' : 'flaws'}`,
    failed && `${failed} of ${check?.cases.length} cases fail`,
    warnings && `${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`,
  ].filter(Boolean);
  return (
    <span role="status">
      {!isCurrent || !check ? (
        <Badge>checking…</Badge>
      ) : (
        <Badge tone={!check.is_good || failed ? 'bad' : warnings ? 'warn' : 'good'}>{said.join(', ') || 'good'}</Badge>
      )}
    </span>
  );
}

function Flaws({ flaws, onJump }: { flaws: readonly Flaw[]; onJump: (flaw: Flaw) => void }) {
  if (flaws.length === 0) return <p className="muted">Syntax, schema and style: nothing is wrong.</p>;
  return (
    <ul className="flaws" aria-label="Flaws">
      {flaws.map((each) => (
        <li key={`${each.line}:${each.column} ${each.message}`}>
          <span className="row-of">
            <Badge tone={each.is_error ? 'bad' : 'warn'}>{each.is_error ? 'flaw' : 'warning'}</Badge>
            {each.line > 0 && (
              <Button onPress={() => onJump(each)}>
                line {each.line}, column {each.column}
              </Button>
            )}
            {each.policy && <Foreign text={each.policy} mono />}
          </span>
          <Foreign text={each.message} />
        </li>
      ))}
    </ul>
  );
}

function Cases({ check }: { check: Check }) {
  const failed = check.cases.filter((each) => !each.has_passed);
  const passed = check.cases.filter((each) => each.has_passed);
  return (
    <Card title="Unit cases">
      {check.cases.length === 0 && (
        <Empty>
          {check.flaws.some((each) => each.is_error)
            ? 'They run as soon as the policies can be read.'
            : 'There are none. Write down under “Cases” what must be allowed and denied; it is tried with every change.'}
        </Empty>
      )}
      {failed.length > 0 && (
        <ul className="checks" aria-label="Failed cases">
          {failed.map((each) => (
            <li key={each.name} className="failed">
              <span aria-hidden="true">✗</span>
              <span>
                <Foreign text={each.name} />
                <br />
                <span className="muted">
                  <Foreign text={each.detail} />
                </span>
              </span>
            </li>
          ))}
        </ul>
      )}
      {passed.length > 0 && (
        <details>
          <summary>{failed.length === 0 ? `All ${passed.length} pass` : `${passed.length} pass`}</summary>
          <ul className="checks">
            {passed.map((each) => (
              <li key={each.name}>
                <span className="passed" aria-hidden="true">
                  ✓
                </span>
                <span>{visible(each.name)}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </Card>
  );
}
