// What a bundle changes, policy by policy, with what could newly allow something marked.
import { diffTexts } from '../ui/diff';
import { visible } from '../ui/text';
import { Badge, Empty, Foreign } from '../ui/ui';
import type { Difference } from './policies-queries';

const PARTS: Record<string, string> = {
  sites: 'Sites differ: places, networks or hours.',
  cases: 'Unit cases differ.',
  schema: 'The schema differs: the words that policies may use.',
};

export function DifferenceList({ difference }: { difference: Difference }) {
  const { changes, other_parts: parts, may_widen: mayWiden } = difference;
  if (changes.length === 0 && parts.length === 0) return <Empty>Nothing differs.</Empty>;
  return (
    <>
      {mayWiden ? (
        <div className="note warn">
          <p>It may newly allow something. That needs a second person, who has not stored it.</p>
          <ul className="reasons">
            {difference.reasons.map((each) => (
              <li key={each}>
                <Foreign text={each} />
              </li>
            ))}
          </ul>
        </div>
      ) : (
        <p className="note good">It can allow nothing that is not allowed now.</p>
      )}
      <ul className="plain" aria-label="Policies that change">
        {changes.map((each) => (
          <li key={each.policy} className="change">
            <details>
              <summary>
                <Badge tone={each.change === 'removed' ? 'bad' : each.change === 'added' ? 'good' : 'info'}>{each.change}</Badge>{' '}
                {each.effect} <Foreign text={each.policy} mono /> {each.may_widen && <Badge tone="warn">may widen</Badge>}
              </summary>
              {each.why && (
                <p className="muted">
                  <Foreign text={each.why} />
                </p>
              )}
              <pre className="code diff" tabIndex={0} role="region" aria-label={`What changes in ${visible(each.policy)}`}>
                {diffTexts(each.before, each.after).map((line, index) => (
                  // biome-ignore lint: lines have no other key than their place
                  <span key={index} className={line.sign === '+' ? 'added' : line.sign === '-' ? 'removed' : ''}>
                    {line.sign} {visible(line.text.replaceAll('\t', '  '))}
                    {'\n'}
                  </span>
                ))}
              </pre>
            </details>
          </li>
        ))}
        {parts.map((part) => (
          <li key={part} className="change">
            <Badge tone="info">changed</Badge> {PARTS[part] ?? visible(part)}
          </li>
        ))}
      </ul>
    </>
  );
}

/** In a few words, for a dialog that asks whether to go on. */
export function DifferenceSummary({ difference }: { difference: Difference }) {
  const count = (kind: string) => difference.changes.filter((each) => each.change === kind).length;
  const said = [
    [count('added'), 'added'],
    [count('changed'), 'changed'],
    [count('removed'), 'removed'],
  ].flatMap(([number, word]) => (number ? [`${number} ${word}`] : []));
  const names = difference.changes.slice(0, 5).map((each) => each.policy);
  const rest = difference.changes.length - names.length;
  return (
    <p>
      {said.length ? `Policies: ${said.join(', ')}.` : 'No policy differs.'}{' '}
      {names.map((each, index) => (
        <span key={each}>
          {index > 0 && ', '}
          <Foreign text={each} mono />
        </span>
      ))}
      {rest > 0 && ` and ${rest} more`}
      {difference.other_parts.length > 0 && ` ${difference.other_parts.map((part) => PARTS[part] ?? part).join(' ')}`}
    </p>
  );
}
