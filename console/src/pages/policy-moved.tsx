// Somebody else has put other policies into force while a draft was written: it is said, and nothing of either is lost.
import { useState } from 'react';
import { Link } from 'wouter';
import { Button, Foreign, ProblemNote, Time } from '../ui/ui';
import { nameOf, pathTo, useBundle, useDifference, useNames, useStaging } from './policies-queries';
import { takeOver } from './policies-text';
import { DifferenceSummary } from './policy-difference';
import type { Draft } from './policy-draft';

export function MovedOn({ draft, onDraft }: { draft: Draft; onDraft: (draft: Draft) => void }) {
  const staging = useStaging().data;
  const nameActor = useNames();
  const stable = staging?.stable ?? draft.stable;
  const isMoved = stable !== draft.stable;
  const bundle = useBundle(isMoved ? stable : '');
  const theirs = useDifference(isMoved ? stable : '', draft.stable);
  const [left, setLeft] = useState<string[] | null>(null);
  if (!isMoved) {
    if (!left) return null;
    return (
      <p className="note" role="status">
        Their changes are taken over.{' '}
        {left.length > 0 && (
          <>
            Both of you have changed <Foreign text={left.join(', ')} mono />: it is as you have it; compare it below.
          </>
        )}
      </p>
    );
  }
  const take = () => {
    const taken = takeOver(draft.content.policies, theirs.data?.changes ?? []);
    onDraft({ ...draft, stable, content: { ...draft.content, policies: taken.text } });
    setLeft(taken.left);
  };
  const keep = () => {
    onDraft({ ...draft, stable });
    setLeft(null);
  };
  return (
    <div className="note warn" role="status">
      <p>
        Meanwhile{' '}
        <Link href={pathTo(bundle.data?.number ?? stable)}>
          bundle <Foreign text={nameOf(bundle.data, stable)} />
        </Link>{' '}
        was put into force by <Foreign text={nameActor(staging?.changed_by ?? '', staging?.changed_by_name)} />, <Time at={staging?.changed_at} />. Your draft is as
        you left it. Put into force as it is, it would undo that:
      </p>
      <ProblemNote error={theirs.error} />
      {theirs.data && <DifferenceSummary difference={theirs.data} />}
      <div className="row-of">
        <Button kind="primary" isDisabled={!theirs.data} onPress={take}>
          Take their changes over
        </Button>
        <Button onPress={keep}>Leave mine as it is</Button>
      </div>
    </div>
  );
}
