// Access reviews: who may what, listed on one day, and signed off line by line.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Input, Label, TextField } from 'react-aria-components';
import { api, type Schemas, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { useMay, useNameOf } from '../api/people';
import { useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Card, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { ReviewLines } from './reviews-lines';
import { endOf } from './roles-grant';

type Review = Schemas['ReviewView'];

export default function Reviews() {
  const [parameters, change] = useQueryState();
  const may = useMay();
  const reviews = useLongList<Review>(['reviews'], (after) =>
    take(api.GET('/v1/reviews', { params: { query: { limit: 200, after } } })),
  );
  const items = reviews.items;
  const wanted = parameters.get('id') ?? items[0]?.review_id ?? '';
  const chosen = useReview(wanted, items.find((each) => each.review_id === wanted));
  const columns: Column<Review>[] = [
    { title: 'Review', width: 'minmax(110px, 1fr)', cell: (each) => <Foreign text={each.name} /> },
    { title: 'State', width: '150px', cell: (each) => <State review={each} /> },
  ];
  return (
    <Page
      title="Reviews"
      about="who may what, signed off line by line"
      actions={
        <>
          {may('review') && <Begin onBegun={(id) => change({ id })} />}
          <CopyAs way={{ cli: ['review', 'list'], path: '/v1/reviews' }} />
        </>
      }
    >
      <ProblemNote error={reviews.error} />
      {reviews.items.length === 0 && !reviews.isLoading && !reviews.error ? (
        <Card title="No review yet">
          <Empty>
            A review lists every role of a person, every service token and every service policy, with when it was last used.
            Somebody says of each whether it is needed still. Begin one each quarter.
          </Empty>
        </Card>
      ) : (
        <div className="split narrow-first">
          <Table
            label="Reviews"
            columns={columns}
            items={items}
            offset={reviews.offset}
            keyOf={(each) => each.review_id}
            hasMore={reviews.hasMore}
            isLoading={reviews.isLoading}
            onMore={reviews.onMore}
            onBefore={reviews.onBefore}
            onCurrent={(each) => change({ id: each.review_id, line: '' })}
            current={wanted}
            empty="No review yet."
          />
          {chosen && <Detail key={chosen.review_id} review={chosen} maySign={may('review')} />}
        </div>
      )}
    </Page>
  );
}

/** Return a review as it stands now; it may be older than those that are listed. */
function useReview(id: string, listed: Review | undefined): Review | undefined {
  const found = useQuery({
    queryKey: ['review', id],
    queryFn: () => take(api.GET('/v1/reviews/{review_id}', { params: { path: { review_id: id } } })),
    enabled: id !== '',
    placeholderData: listed,
  });
  return found.data;
}

function State({ review }: { review: Review }) {
  if (review.closed_at) return <Badge tone="good">closed</Badge>;
  return <Badge tone={review.is_overdue ? 'bad' : 'warn'}>{review.is_overdue ? 'overdue' : `${review.open_entries} open`}</Badge>;
}

function Detail({ review, maySign }: { review: Review; maySign: boolean }) {
  const nameOf = useNameOf();
  const done = review.total_entries - review.open_entries;
  return (
    <div className="explanation">
      <Card
        title={<Foreign text={review.name} />}
        actions={
          <>
            <State review={review} />
            {maySign && !review.closed_at && (
              <Act
                label="Close with open lines"
                kind="danger"
                needsReason
                title={`Close ${review.name} with ${review.open_entries} open lines?`}
                act={(reason) =>
                  take(
                    api.POST('/v1/reviews/{review_id}/close', {
                      params: { path: { review_id: review.review_id } },
                      body: { reason },
                    }),
                  )
                }
              >
                <p>A review closes by itself with its last line. What is open stays as it is, and stands in the export as open.</p>
              </Act>
            )}
            <CopyAs
              way={{
                cli: ['review', 'show'],
                names: [review.review_id],
                path: `/v1/reviews/${encodeURIComponent(review.review_id)}/entries`,
              }}
            />
          </>
        }
      >
        <p className="muted">
          Begun <Time at={review.created_at} /> by <Foreign text={nameOf(review.created_by)} />,{' '}
          {review.closed_at ? 'closed' : 'due'} <Time at={review.closed_at ?? review.due_at} />. {done} of{' '}
          {review.total_entries} lines are signed off.
        </p>
        <progress aria-label="Lines signed off" max={Math.max(1, review.total_entries)} value={done} />
      </Card>
      <ReviewLines review={review} maySign={maySign} />
    </div>
  );
}

const DAYS_AHEAD = 14;

function inDays(days: number): string {
  const day = new Date(Date.now() + days * 86_400_000);
  const two = (part: number) => String(part).padStart(2, '0');
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

function Begin({ onBegun }: { onBegun: (id: string) => void }) {
  const [name, setName] = useState('');
  const [day, setDay] = useState(() => inDays(DAYS_AHEAD));
  return (
    <Act
      label="Begin a review"
      kind="primary"
      startsAtReason={false}
      hasReason={false}
      title="Begin a review"
      act={async () => {
        const made = await take(api.POST('/v1/reviews', { body: { name: name.trim(), due_at: endOf(day) ?? '' } }));
        onBegun(made.review_id);
      }}
      onDone={() => setName('')}
    >
      <p>Lists every role, service token and service policy that counts now; what comes later is not in it.</p>
      <TextField className="field" value={name} onChange={setName} isRequired autoFocus>
        <Label>Name</Label>
        <Input className="input" maxLength={128} placeholder="Access, fourth quarter" />
      </TextField>
      <div className="field">
        <label htmlFor="review-day">To be signed off until</label>
        <input
          id="review-day"
          className="input"
          type="date"
          required
          value={day}
          min={inDays(0)}
          onChange={(event) => setDay(event.target.value)}
        />
      </div>
    </Act>
  );
}
