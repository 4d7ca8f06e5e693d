// The lines of a review: who holds what, when it was last used, and what was said to it.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Input, Label, TextField } from 'react-aria-components';
import { api, type Schemas, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { useGroupName, useMay, useNameOf } from '../api/people';
import { useSession } from '../api/session';
import { useQueryState } from '../app/url';
import { save } from '../ui/code';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Button, Card, Foreign, ProblemNote, Time } from '../ui/ui';
import { placesInWords } from './roles-words';

type Review = Schemas['ReviewView'];
type Entry = Schemas['ReviewEntryView'];

const KINDS: Record<Entry['subject_kind'], string> = {
  person: 'person',
  'service-token': 'service token',
  'service-policy': 'service policy',
};

export function ReviewLines({ review, maySign }: { review: Review; maySign: boolean }) {
  const [parameters, change] = useQueryState();
  const groupName = useGroupName();
  const isOpen = parameters.get('lines') === 'open';
  const path = { review_id: review.review_id };
  const lines = useLongList<Entry>(['review-lines', review.review_id, isOpen], (after) =>
    take(
      api.GET('/v1/reviews/{review_id}/entries', {
        params: { path, query: { limit: 200, after, is_open: isOpen ? true : undefined } },
      }),
    ),
  );
  const columns: Column<Entry>[] = [
    { title: 'Who', width: 'minmax(110px, 1.2fr)', cell: (each) => <Foreign text={each.subject_name || each.subject_id} /> },
    { title: 'Holds', width: 'minmax(100px, 1fr)', cell: (each) => <Foreign text={each.role} /> },
    { title: 'Where', width: 'minmax(90px, 1fr)', cell: (each) => <Foreign text={placesInWords(each, groupName)} /> },
    { title: 'Last used', width: '110px', cell: (each) => <Time at={each.last_used_at} /> },
    { title: 'Said', width: '110px', cell: (each) => <Outcome entry={each} /> },
  ];
  const items = lines.items;
  const chosen = items.find((each) => each.entry_id === parameters.get('line')) ?? items[0];
  // On to the next open line, so that a long review is signed off without a hand on the list.
  const onSigned = () => {
    const at = items.findIndex((each) => each.entry_id === chosen?.entry_id);
    const others = [...items.slice(at + 1), ...items.slice(0, Math.max(0, at))];
    change({ line: others.find((each) => each.outcome === '')?.entry_id ?? '' });
  };
  return (
    <Card
      title="Lines"
      actions={
        <>
          <select
            className="input"
            aria-label="Which lines"
            value={isOpen ? 'open' : ''}
            onChange={(event) => change({ lines: event.target.value, line: '' })}
          >
            <option value="">all</option>
            <option value="open">open ones</option>
          </select>
          <Export review={review} />
        </>
      }
    >
      <ProblemNote error={lines.error} />
      <div className="list">
        <Table
          label="Lines of the review"
          columns={columns}
          items={items}
          offset={lines.offset}
          keyOf={(each) => each.entry_id}
          hasMore={lines.hasMore}
          isLoading={lines.isLoading}
          onMore={lines.onMore}
          onBefore={lines.onBefore}
          onCurrent={(each) => change({ line: each.entry_id })}
          current={chosen?.entry_id}
          empty={isOpen ? 'Every line is signed off.' : 'Nobody held anything when it began.'}
        />
      </div>
      {chosen && <Line key={chosen.entry_id} review={review} entry={chosen} maySign={maySign} onSigned={onSigned} />}
    </Card>
  );
}

function Outcome({ entry }: { entry: Entry }) {
  if (entry.outcome === 'kept') return <Badge tone="good">kept</Badge>;
  if (entry.outcome === 'withdrawn') return <Badge tone="bad">withdrawn</Badge>;
  return <Badge tone="warn">open</Badge>;
}

function Line({ review, entry, maySign, onSigned }: {
  review: Review;
  entry: Entry;
  maySign: boolean;
  onSigned: () => void;
}) {
  const nameOf = useNameOf();
  const groupName = useGroupName();
  const session = useSession();
  const isOwn = entry.subject_kind === 'person' && entry.subject_id === session.data?.person_id;
  const isOpen = entry.outcome === '' && !review.closed_at;
  return (
    <section className="card inner" aria-label={`Line ${entry.entry_id}`}>
      <dl className="facts">
        <dt>{KINDS[entry.subject_kind]}</dt>
        <dd>
          <Foreign text={entry.subject_name || entry.subject_id} /> holds <strong><Foreign text={entry.role} /></strong>{' '}
          <span className="muted">
            <Foreign text={placesInWords(entry, groupName)} />
            {entry.mode === 'eligible' && ', if elevated'}
          </span>
        </dd>
        <dt>Given</dt>
        <dd>
          <Time at={entry.granted_at} />; last used <Time at={entry.last_used_at} />
        </dd>
        {entry.outcome && (
          <>
            <dt>Signed off</dt>
            <dd>
              <Outcome entry={entry} /> <Time at={entry.signed_at} /> by <Foreign text={nameOf(entry.signed_by)} />
              {entry.note && (
                <>
                  : <Foreign text={entry.note} />
                </>
              )}
            </dd>
          </>
        )}
      </dl>
      {isOpen && maySign && isOwn && <p className="note">It is yours: somebody else signs it off.</p>}
      {isOpen && maySign && !isOwn && <Sign review={review} entry={entry} onSigned={onSigned} />}
    </section>
  );
}

function Sign({ review, entry, onSigned }: { review: Review; entry: Entry; onSigned: () => void }) {
  const [note, setNote] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [isWorking, setWorking] = useState(false);
  const queries = useQueryClient();
  const may = useMay();
  const sign = (outcome: 'kept' | 'withdrawn') => {
    setWorking(true);
    setError(null);
    const path = { review_id: review.review_id, entry_id: entry.entry_id };
    take(api.POST('/v1/reviews/{review_id}/entries/{entry_id}/sign', { params: { path }, body: { outcome, note: note.trim() } }))
      .then(async () => {
        onSigned();
        await queries.invalidateQueries();
      })
      .catch(setError)
      .finally(() => setWorking(false));
  };
  return (
    <div className="stack">
      <TextField className="field" value={note} onChange={setNote}>
        <Label>Why (optional), for the record</Label>
        <Input className="input" maxLength={1024} />
      </TextField>
      <ProblemNote error={error} />
      <span className="row-of">
        <Button kind="primary" isDisabled={isWorking} onPress={() => sign('kept')}>
          Keep
        </Button>
        {may('managePeople') ? (
          <Button kind="danger" isDisabled={isWorking} onPress={() => sign('withdrawn')}>
            Withdraw at once
          </Button>
        ) : (
          <span className="muted">To withdraw it takes an administrator.</span>
        )}
        <CopyAs
          way={{
            cli: ['review', 'sign'],
            names: [review.review_id, entry.entry_id, 'kept'],
            method: 'POST',
            path: `/v1/reviews/${encodeURIComponent(review.review_id)}/entries/${encodeURIComponent(entry.entry_id)}/sign`,
            body: { outcome: 'kept', note: note.trim() },
          }}
        />
      </span>
    </div>
  );
}

function Export({ review }: { review: Review }) {
  const [error, setError] = useState<unknown>(null);
  return (
    <>
      <Button
        onPress={() => {
          setError(null);
          take(
            api.GET('/v1/reviews/{review_id}/export', {
              params: { path: { review_id: review.review_id } },
              parseAs: 'text',
            }),
          )
            .then((text) => save(`${review.review_id}.csv`, text, 'text/csv'))
            .catch(setError);
        }}
      >
        Export as CSV
      </Button>
      <ProblemNote error={error} />
    </>
  );
}
