// One advisory: what it is about, what it says to do, and the way to take it away.
import { useQuery } from '@tanstack/react-query';
import { Link, useLocation } from 'wouter';
import { usePathname } from 'wouter/use-browser-location';
import { api, type Schemas, take } from '../api/client';
import { useMay } from '../api/people';
import { link, nameIn } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Card, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { adviceInWords } from './vulnerabilities-words';
import './zones.css';

type Product = Schemas['ProductView'];

const SHOWN = 50;

export default function AdvisoryPage() {
  const key = nameIn(usePathname());
  const may = useMay();
  const [, navigate] = useLocation();
  const found = useQuery({
    queryKey: ['advisory', key],
    queryFn: () => take(api.GET('/v1/advisories/{advisory_key}', { params: { path: { advisory_key: key } } })),
  });
  if (!found.data)
    return (
      <Page title="Advisory">
        <ProblemNote error={found.error} />
        {found.error ? <Link href="/advisories">See all advisories</Link> : <Empty>Reading the advisory…</Empty>}
      </Page>
    );
  const { advisory: line, products, vulnerabilities } = found.data;
  return (
    <Page
      title={<Foreign text={line.advisory_id} />}
      actions={
        <>
          <Act
            label="Take away"
            kind="danger"
            needsReason
            isDisabled={!may('respond')}
            title={`Take ${line.advisory_id} away?`}
            act={(reason) =>
              take(api.POST('/v1/advisories/{advisory_key}/remove', { params: { path: { advisory_key: key } }, body: { reason } }))
            }
            onDone={() => navigate('/advisories')}
          >
            <p>What rests on it alone is no longer told. It can be imported again.</p>
          </Act>
          <CopyAs way={{ cli: ['advisory', 'show'], names: [key], path: `/v1/advisories/${encodeURIComponent(key)}` }} />
        </>
      }
    >
      <Card title={<Foreign text={line.title} />}>
        <dl className="facts">
          <dt>Publisher</dt>
          <dd>
            <Foreign text={line.publisher} />
          </dd>
          <dt>Version</dt>
          <dd>
            <Foreign text={line.version} /> ({line.status}), released <Time at={line.released_at} />, first <Time at={line.first_released_at} />
          </dd>
          <dt>Imported</dt>
          <dd>
            <Time at={line.imported_at} /> by <Foreign text={line.imported_by} />
          </dd>
          <dt>Address</dt>
          <dd>
            <Foreign text={line.url} mono />
          </dd>
          <dt>SHA-256</dt>
          <dd>
            <Foreign text={line.sha256} mono />
          </dd>
        </dl>
      </Card>
      {vulnerabilities.slice(0, SHOWN).map((each) => (
        <Weakness key={each.name} weakness={each} />
      ))}
      {vulnerabilities.length > SHOWN && <p className="muted">{vulnerabilities.length - SHOWN} more: see the command line.</p>}
      <Products products={products} />
    </Page>
  );
}

function Weakness({ weakness }: { weakness: Schemas['WeaknessView'] }) {
  return (
    <Card
      title={<Foreign text={weakness.title ? `${weakness.name}: ${weakness.title}` : weakness.name} />}
      actions={<Link href={link('/vulnerabilities', { name: weakness.name })}>Where it was found</Link>}
    >
      <p>
        <Foreign text={weakness.description} />
      </p>
      <p className="muted">
        Score {weakness.score === null ? 'not told' : weakness.score.toFixed(1)} <Foreign text={weakness.vector || ' '} mono />,{' '}
        {weakness.affected.toLocaleString('en')} products affected
      </p>
      <ul className="plain" aria-label={`What to do about ${weakness.name}`}>
        {weakness.remedies.slice(0, SHOWN).map((each) => (
          <li key={each.category + each.details} className="change">
            <strong>{adviceInWords(each.category)}</strong> <Foreign text={each.details} /> {each.url && <Foreign text={each.url} mono />}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Products({ products }: { products: Product[] }) {
  const columns: Column<Product>[] = [
    { title: 'Maker', width: 'minmax(100px, 1fr)', cell: (each) => <Foreign text={each.vendor} /> },
    { title: 'Product', width: 'minmax(140px, 2fr)', cell: (each) => <Foreign text={each.name} /> },
    { title: 'Versions', width: 'minmax(120px, 1.5fr)', cell: (each) => <Foreign text={each.versions} mono /> },
    { title: 'Order numbers', width: 'minmax(100px, 1fr)', cell: (each) => <Foreign text={each.codes.join(', ')} /> },
  ];
  return (
    <Card title="Products that it names">
      <div className="list">
        <Table label="Products" columns={columns} items={products} keyOf={(each) => each.product_id} empty="It names none." />
      </div>
    </Card>
  );
}
