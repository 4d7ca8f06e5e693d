// Two clients that use one identity at the same time: one of them has a copied key.
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useCloneAlerts } from '../api/queries';
import { useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Card, Foreign, Page, ProblemNote, Time } from '../ui/ui';

type Alert = Schemas['CloneAlertView'];

const COLUMNS: Column<Alert>[] = [
  { title: 'Last seen', width: '120px', cell: (each) => <Time at={each.last_seen_at} /> },
  { title: 'Identity', width: 'minmax(140px, 1fr)', cell: (each) => <Foreign text={nameOf(each)} /> },
  {
    title: 'State',
    width: '120px',
    cell: (each) => (each.is_open ? <Badge tone="bad">open</Badge> : <Badge tone="good">looked into</Badge>),
  },
  { title: 'Take-overs', width: '90px', cell: (each) => <span className="number">{each.takeovers}</span> },
];

function nameOf(alert: Alert): string {
  return alert.module_id ? `${alert.device_id}/${alert.module_id}` : alert.device_id;
}

export default function CloneAlerts() {
  const alerts = useCloneAlerts();
  const [parameters, change] = useQueryState();
  const items = alerts.data?.items ?? [];
  const chosen = items.find((each) => each.alert_id === parameters.get('id')) ?? items[0];
  return (
    <Page
      title="Clone alerts"
      about={`${items.filter((each) => each.is_open).length} open`}
      actions={<CopyAs way={{ cli: ['clone-alert', 'list'], path: '/v1/clone-alerts' }} />}
    >
      <ProblemNote error={alerts.error} />
      <div className="split">
        <Table
          label="Clone alerts"
          columns={COLUMNS}
          items={items}
          keyOf={(each) => each.alert_id}
          isLoading={alerts.isLoading}
          onCurrent={(each) => change({ id: each.alert_id })}
          current={chosen?.alert_id}
          empty="No identity was used twice at the same time."
        />
        {chosen && <Detail alert={chosen} />}
      </div>
    </Page>
  );
}

function Detail({ alert }: { alert: Alert }) {
  return (
    <div className="explanation">
      <Card title={<Foreign text={nameOf(alert)} />}>
        <p>
          Two clients connected under this identity and displaced each other {alert.takeovers} times.{' '}
          {alert.is_same_certificate
            ? 'They presented the same certificate: the private key exists twice.'
            : 'They presented different credentials of the same identity.'}
        </p>
        <dl className="facts">
          <dt>First seen</dt>
          <dd>
            <Time at={alert.first_seen_at} />
          </dd>
          <dt>Last seen</dt>
          <dd>
            <Time at={alert.last_seen_at} />
          </dd>
          <dt>From</dt>
          <dd>
            <Foreign text={alert.remote_addresses.join(', ')} mono />
          </dd>
          <dt>At</dt>
          <dd>{alert.gateways.join(', ')}</dd>
          <dt>Certificates</dt>
          <dd>
            {alert.certificate_sha256.map((digest) => (
              <div key={digest}>
                <Foreign text={digest} mono />
              </div>
            ))}
          </dd>
          {alert.acknowledged_at && (
            <>
              <dt>Looked into</dt>
              <dd>
                <Time at={alert.acknowledged_at} /> by <Foreign text={alert.acknowledged_by} />:{' '}
                <Foreign text={alert.acknowledged_reason} />
              </dd>
            </>
          )}
        </dl>
      </Card>
      <Card title="What to do">
        <p>Find out which of the addresses is the real device. If the key was copied, revoke it and let the real one enroll again.</p>
        <div className="row-of">
          <Link className="button primary" href={`/devices/${encodeURIComponent(alert.device_id)}`}>
            Open the device
          </Link>
          <Act
            label="Revoke its certificates"
            kind="danger"
            needsReason
            title={`Revoke everything ${alert.device_id} holds?`}
            act={(reason) =>
              take(
                api.POST('/v1/devices/{device_id}/revoke', {
                  params: { path: { device_id: alert.device_id } },
                  body: { reason: 'key_compromise', comment: reason },
                }),
              )
            }
          >
            <p>Both clients are cut off at once. Neither comes back before an operator lets the real device enroll again.</p>
          </Act>
          {alert.is_open && (
            <Act
              label="Looked into"
              needsReason
              title="Close the alert?"
              act={(reason) =>
                take(
                  api.POST('/v1/clone-alerts/{alert_id}/acknowledge', {
                    params: { path: { alert_id: alert.alert_id } },
                    body: { reason },
                  }),
                )
              }
            >
              <p>It opens again by itself if it happens again.</p>
            </Act>
          )}
        </div>
      </Card>
    </div>
  );
}
