// All versions of the plan, and the way back to one.
import { Link } from 'wouter';
import { link } from '../app/url';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Foreign, Time } from '../ui/ui';
import { RollBackPlan } from './zones-acts';
import type { Plan } from './zones-queries';

const TONES = { draft: 'info', approved: 'good', superseded: 'plain' } as const;

export function Versions({ items }: { items: Plan[] }) {
  const columns: Column<Plan>[] = [
    {
      title: 'Version',
      width: '72px',
      cell: (each) => (
        <Link href={link('/zones', { plan: String(each.number), tab: 'review' })} tabIndex={-1}>
          {each.number}
        </Link>
      ),
    },
    { title: 'State', width: '180px', cell: (each) => <StateOf plan={each} /> },
    { title: 'Zones', width: '60px', cell: (each) => <span className="number">{each.zones}</span> },
    { title: 'Conduits', width: '76px', cell: (each) => <span className="number">{each.conduits}</span> },
    { title: 'Approved', width: '120px', cell: (each) => (each.approved_at ? <Time at={each.approved_at} /> : <span className="muted">–</span>) },
    { title: 'By', width: 'minmax(90px, 1fr)', cell: (each) => <Foreign text={each.approved_by || each.created_by} /> },
    { title: 'Why', width: 'minmax(120px, 2fr)', cell: (each) => <Foreign text={each.reason} /> },
    { title: 'Back', width: '130px', cell: (each) => each.state === 'superseded' && each.approved_at && <RollBackPlan plan={each} /> },
  ];
  return (
    <>
      <div className="row-of">
        <CopyAs way={{ cli: ['zone', 'plans'], path: '/v1/segmentation/plans' }} />
      </div>
      <Table label="Versions of the plan" columns={columns} items={items} keyOf={(each) => String(each.number)} empty="There is none." />
    </>
  );
}

function StateOf({ plan }: { plan: Plan }) {
  return (
    <span className="row-of">
      <Badge tone={TONES[plan.state]}>{plan.state}</Badge>
      {plan.state === 'approved' && <span className="muted">{plan.stage === 'enforce' ? 'enforces' : 'monitors'}</span>}
    </span>
  );
}
