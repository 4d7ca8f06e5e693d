// Whom outside an asset talks with.
import { Link, useLocation } from 'wouter';
import { api, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { link } from '../app/url';
import { Table } from '../ui/table';
import { ProblemNote, Time } from '../ui/ui';
import { EXTERNAL_COLUMNS } from './external-connections';

const PAGE = 200;
const COLUMNS: typeof EXTERNAL_COLUMNS = [
  ...EXTERNAL_COLUMNS,
  { title: 'Seen', width: '112px', cell: (each) => <Time at={each.last_at} /> },
];

export function OutsideOf({ asset }: { asset: string }) {
  const [, navigate] = useLocation();
  const { items, error, ...place } = useLongList(['external-connections', 'of', asset], (after) =>
    take(api.GET('/v1/external-connections', { params: { query: { limit: PAGE, after, asset_id: asset } } })),
  );
  return (
    <>
      <ProblemNote error={error} />
      <p>
        <Link href={link('/external-connections', { asset })}>Decide who answers for them</Link>
      </p>
      <Table
        label="External connections"
        columns={COLUMNS}
        items={items}
        keyOf={(each) => each.external_id}
        {...place}
        onOpen={(each) => navigate(link('/external-connections', { asset, id: each.external_id }))}
        empty="It was not seen to talk with the outside."
      />
    </>
  );
}
