// Who may do what and where: roles that people hold, what each role gives, and roles that count for a while.
import { useQuery } from '@tanstack/react-query';
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import { api, type Schemas, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { useGroupName, useMay, useNameOf, usePeople } from '../api/people';
import { useSession } from '../api/session';
import { useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Card, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { Elevations, OwnRoles } from './roles-elevation';
import { GrantRole } from './roles-grant';
import { givenBy, placesInWords } from './roles-words';

type Grant = Schemas['GrantView'];

const TABS = [
  { id: 'held', title: 'Who holds what' },
  { id: 'given', title: 'What each role gives' },
  { id: 'elevations', title: 'Elevations' },
];

export default function Roles() {
  const [parameters, change] = useQueryState();
  const may = useMay();
  return (
    <Page
      title="Roles"
      about="who may do what, and where"
      actions={
        <>
          {may('managePeople') && <GrantRole person={parameters.get('person') ?? ''} />}
          <CopyAs way={{ cli: ['role', 'list'], path: '/v1/grants' }} />
        </>
      }
    >
      <OwnRoles />
      <Tabs
        className="tabs grows"
        selectedKey={TABS.find((each) => each.id === parameters.get('tab'))?.id ?? 'held'}
        onSelectionChange={(tab) => change({ tab: tab === 'held' ? '' : String(tab) })}
      >
        <TabList aria-label="Parts of the page" items={TABS}>
          {(tab) => <Tab id={tab.id}>{tab.title}</Tab>}
        </TabList>
        <TabPanel id="held" className="react-aria-TabPanel grows">
          <Held />
        </TabPanel>
        <TabPanel id="given">
          <Given />
        </TabPanel>
        <TabPanel id="elevations">
          <Elevations />
        </TabPanel>
      </Tabs>
    </Page>
  );
}

function Held() {
  const [parameters, change] = useQueryState();
  const session = useSession();
  const may = useMay();
  const nameOf = useNameOf();
  const groupName = useGroupName();
  const people = usePeople();
  // Whoever may not audit sees their own.
  const own = may('audit') ? '' : (session.data?.person_id ?? '');
  const person = own || (parameters.get('person') ?? '');
  const grants = useLongList<Grant>(['grants', person], (after) =>
    take(api.GET('/v1/grants', { params: { query: { limit: 200, after, person_id: person || undefined } } })),
  );
  const columns: Column<Grant>[] = [
    { title: 'Person', width: 'minmax(120px, 1.4fr)', cell: (each) => <Foreign text={nameOf(each.person_id)} /> },
    { title: 'Role', width: '110px', cell: (each) => each.role },
    { title: 'Where', width: 'minmax(120px, 1.6fr)', cell: (each) => <Foreign text={placesInWords(each, groupName)} /> },
    { title: 'Counts', width: '120px', cell: (each) => <Mode grant={each} /> },
    { title: 'Ends', width: '110px', cell: (each) => (each.expires_at ? <Time at={each.expires_at} /> : <span className="muted">–</span>) },
  ];
  const items = grants.items;
  const chosen = items.find((each) => each.grant_id === parameters.get('id')) ?? items[0];
  return (
    <>
      {!own && (
        <div className="row-of">
          <label htmlFor="of-person">Of</label>
          <select
            id="of-person"
            className="input"
            value={person}
            onChange={(event) => change({ person: event.target.value, id: '' })}
          >
            <option value="">everybody</option>
            {(people.data?.items ?? []).map((each) => (
              <option key={each.person_id} value={each.person_id}>
                {nameOf(each.person_id)}
              </option>
            ))}
          </select>
        </div>
      )}
      <ProblemNote error={grants.error} />
      <div className="split">
        <Table
          label="Roles that people hold"
          columns={columns}
          items={items}
          offset={grants.offset}
          keyOf={(each) => each.grant_id}
          hasMore={grants.hasMore}
          isLoading={grants.isLoading}
          onMore={grants.onMore}
          onBefore={grants.onBefore}
          onCurrent={(each) => change({ id: each.grant_id })}
          current={chosen?.grant_id}
          empty={person ? 'They hold no role: they see the state of the platform and look after their own sessions.' : 'Nobody holds a role. Whoever registers a passkey by a one-time link keeps the link’s role.'}
        />
        {chosen && <Detail key={chosen.grant_id} grant={chosen} name={nameOf(chosen.person_id)} givenBy={nameOf(chosen.granted_by)} />}
      </div>
    </>
  );
}

function Mode({ grant }: { grant: Grant }) {
  return grant.mode === 'eligible' ? <Badge tone="info">if elevated</Badge> : <Badge tone="good">always</Badge>;
}

function Detail({ grant, name, givenBy: by }: { grant: Grant; name: string; givenBy: string }) {
  const session = useSession();
  const may = useMay();
  const groupName = useGroupName();
  const roles = useRoles();
  const isOwn = grant.person_id === session.data?.person_id;
  const isLastResort = grant.role === 'admin' && grant.mode === 'active' && placesInWords(grant) === 'everywhere';
  const actions = roles.data?.items.find((each) => each.role === grant.role)?.actions ?? [];
  return (
    <div className="explanation">
      <Card
        title={grant.role}
        actions={
          <CopyAs
            way={{
              cli: ['role', 'list'],
              options: ['--person', grant.person_id],
              path: `/v1/grants?person_id=${encodeURIComponent(grant.person_id)}`,
            }}
          />
        }
      >
        <dl className="facts">
          <dt>Person</dt>
          <dd>
            <Foreign text={name} /> {isOwn && <Badge tone="info">you</Badge>}
          </dd>
          <dt>Where</dt>
          <dd>
            <Foreign text={placesInWords(grant, groupName)} />
          </dd>
          <dt>Counts</dt>
          <dd>{grant.mode === 'eligible' ? 'only while they have elevated themselves to it' : 'always'}</dd>
          <dt>Given</dt>
          <dd>
            <Time at={grant.granted_at} /> by <Foreign text={by} />
          </dd>
          <dt>Ends</dt>
          <dd>{grant.expires_at ? <Time at={grant.expires_at} /> : 'when somebody withdraws it'}</dd>
          <dt>Why</dt>
          <dd>
            <Foreign text={grant.reason} />
          </dd>
          <dt>Gives</dt>
          <dd>{givenBy(actions).join(', ') || '–'}</dd>
        </dl>
        {(isOwn || may('managePeople')) && (
          <Act
            label="Withdraw"
            kind="danger"
            title={isOwn ? `Give up your role ${grant.role}?` : `Withdraw the role ${grant.role} from ${name}?`}
            act={(reason) =>
              take(
                api.DELETE('/v1/grants/{grant_id}', { params: { path: { grant_id: grant.grant_id }, query: { reason } } }),
              )
            }
          >
            <p>It counts no more from their next request on; an elevation to it ends at once.</p>
            {isLastResort && (
              <p className="note warn">
                It administers the whole platform. The last such role cannot be withdrawn: grant it to somebody else first.
              </p>
            )}
            {isOwn && <p className="note warn">It is yours: you cannot give it back to yourself.</p>}
          </Act>
        )}
      </Card>
    </div>
  );
}

function useRoles() {
  return useQuery({ queryKey: ['roles'], queryFn: () => take(api.GET('/v1/roles')), staleTime: 600_000 });
}

function Given() {
  const roles = useRoles();
  return (
    <Card title="What each role gives" actions={<CopyAs way={{ cli: ['role', 'kinds'], path: '/v1/roles' }} />}>
      <p className="muted">
        Roles add up. Whoever is let in at all sees the state of the platform and looks after their own sessions and passkeys.
      </p>
      <ProblemNote error={roles.error} />
      {roles.isPending && <Empty>Loading…</Empty>}
      <dl className="facts wide">
        {(roles.data?.items ?? []).map((each) => (
          <div key={each.role} className="fact">
            <dt>
              <strong>{each.role}</strong>
            </dt>
            <dd>
              {each.summary}
              <ul className="tags" aria-label={`What ${each.role} gives`}>
                {givenBy(each.actions).map((words) => (
                  <li key={words}>{words}</li>
                ))}
              </ul>
            </dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
