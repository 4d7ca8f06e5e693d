// Policies of a bundle, each with why it is there, who answers for it, and when it wants to be looked at again.
import { useMemo, useState } from 'react';
import { Input, Label, TextField } from 'react-aria-components';
import { Link } from 'wouter';
import { serverNow } from '../api/server-clock';
import { link } from '../app/url';
import { visible } from '../ui/text';
import { Badge, Empty, Foreign } from '../ui/ui';
import { type PolicyPart, review, splitPolicies } from './policies-text';

const SHOWN = 100;

function Review({ expires }: { expires: string }) {
  const state = review(expires, serverNow());
  if (state === '') return null;
  const tone = state === 'overdue' ? 'bad' : state === 'soon' ? 'warn' : 'plain';
  return (
    <Badge tone={tone}>
      {state === 'overdue' ? 'review overdue since' : state === 'soon' ? 'review soon,' : 'review'} <Foreign text={expires} />
    </Badge>
  );
}

/** How many policies want to be looked at, over and soon. */
export function dueOf(text: string): { overdue: number; soon: number } {
  const states = splitPolicies(text).map((each) => review(each.expires, serverNow()));
  return { overdue: states.filter((each) => each === 'overdue').length, soon: states.filter((each) => each === 'soon').length };
}

export function PolicyList({ text, from }: { text: string; from: string }) {
  const parts = useMemo(() => splitPolicies(text), [text]);
  const [word, setWord] = useState('');
  const found = parts.filter((each) => each.text.toLowerCase().includes(word.toLowerCase().trim()));
  if (parts.length === 0) return <Empty>There is no policy: everything is denied.</Empty>;
  return (
    <>
      <TextField className="field" value={word} onChange={setWord} type="search">
        <Label>Find among {parts.length} policies</Label>
        <Input className="input" />
      </TextField>
      <ul className="plain policies" aria-label="Policies">
        {found.slice(0, SHOWN).map((each) => (
          <Policy key={each.from} policy={each} from={from} />
        ))}
      </ul>
      {found.length === 0 && <Empty>None of them holds that.</Empty>}
      {found.length > SHOWN && <p className="muted">{found.length - SHOWN} more: say more of what you look for.</p>}
    </>
  );
}

function Policy({ policy, from }: { policy: PolicyPart; from: string }) {
  return (
    <li className="change">
      <details>
        <summary>
          <Badge tone={policy.effect === 'permit' ? 'good' : 'warn'}>{policy.effect || '?'}</Badge> <Foreign text={policy.id} mono />{' '}
          <Review expires={policy.expires} />
          <span className="why muted">
            <Foreign text={policy.why} />
          </span>
        </summary>
        <dl className="facts">
          <dt>Owner</dt>
          <dd>
            <Foreign text={policy.owner} />
          </dd>
          <dt>What to do</dt>
          <dd>
            <Foreign text={policy.guidance} />
          </dd>
        </dl>
        <pre className="code" tabIndex={0} role="region" aria-label={`Text of ${visible(policy.id)}`}>
          {policy.text.split('\n').map((line) => visible(line.replaceAll('\t', '  '))).join('\n')}
        </pre>
        <div className="row-of">
          <Link href={link('/policies/edit', { from, tab: 'form', policy: policy.id })}>Change it in a draft</Link>
          <Link href={link('/decisions', { policy: policy.id })}>Decisions that it made</Link>
        </div>
      </details>
    </li>
  );
}
