// Who the device is: its chain as a picture, its credentials, its place, its modules.
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { link } from '../app/url';
import { Act } from '../ui/act';
import { Badge, Card, Empty, Foreign, ProblemNote, Time } from '../ui/ui';
import { NewPin } from './device-pin';

type Device = Schemas['DeviceView'];
type Certificate = Schemas['CertificateView'];

export function Identity({ device }: { device: Device }) {
  const name = device.device_id;
  const certificates = useQuery({
    queryKey: ['certificates', name],
    queryFn: () =>
      take(api.GET('/v1/devices/{device_id}/certificates', { params: { path: { device_id: name }, query: { limit: 50 } } })),
  });
  const own = useQuery({ queryKey: ['own-authorities'], queryFn: () => take(api.GET('/v1/own-authorities')) });
  const items = certificates.data?.items ?? [];
  const current = items.find((each) => each.standing === 'permitted') ?? items[0];
  const operational = own.data?.items.find((each) => each.purpose === 'operational');
  return (
    <div className="columns">
      <Card title="How it is known">
        <ProblemNote error={certificates.error} />
        {device.authentication.type === 'issued' ? (
          <ol className="chain" aria-label="Chain of trust">
            <Node title="Root" text="offline; devices and gateways trust it" />
            <Node title="Operational authority" text={operational?.subject ?? '…'} end={operational?.not_after} />
            {current ? (
              <Node title={`Certificate of ${name}`} text={`serial ${current.serial}`} end={current.not_after} mark={current.standing} />
            ) : (
              <Node title="No certificate yet" text="it has not enrolled" />
            )}
          </ol>
        ) : device.authentication.type === 'self_signed' ? (
          <>
            <ol className="chain" aria-label="Pinned certificates">
              {[device.authentication.primary_thumbprint, device.authentication.secondary_thumbprint].map(
                (digest, index) =>
                  digest && <Node key={digest} title={index ? 'Secondary thumbprint' : 'Primary thumbprint'} text={digest} />,
              )}
            </ol>
            <NewPin device={device} />
          </>
        ) : device.authentication.type === 'symmetric_key' ? (
          <p>
            By a symmetric key. <Badge tone="warn">weak</Badge> Whoever copies the key is this device; move it to a
            certificate when you can.
          </p>
        ) : (
          <p>By a certificate that a registered authority vouches for.</p>
        )}
        <dl className="facts after">
          <dt>Generation</dt>
          <dd>
            <Foreign text={device.generation_id} mono />
          </dd>
          {device.origin.authority_id && (
            <>
              <dt>Onboarded by</dt>
              <dd>
                <Link href="/authorities">an authority of its maker</Link>
              </dd>
            </>
          )}
          {device.origin.enrollment_id && (
            <>
              <dt>Enrollment</dt>
              <dd>
                <Link href={link('/enrollments', { id: device.origin.enrollment_id })}>the one it came by</Link>
              </dd>
            </>
          )}
        </dl>
      </Card>
      <Card title="Where and what">
        <dl className="facts">
          <dt>Site</dt>
          <dd>
            <Foreign text={device.site} />
          </dd>
          <dt>Zone</dt>
          <dd>
            <Foreign text={device.zone} />
          </dd>
          <dt>Purdue level</dt>
          <dd>{device.purdue_level ?? '–'}</dd>
          <dt>Class</dt>
          <dd>
            {device.device_class}, {device.identity_class}
          </dd>
          <dt>Without control</dt>
          <dd>
            {device.failure_mode}
            {device.failure_mode === 'hold-last' && ` for ${device.hold_s} s`}
          </dd>
          <dt>Client</dt>
          <dd>
            <Foreign text={device.presence?.client} /> {device.presence?.protocol}
          </dd>
          <dt>From</dt>
          <dd>
            <Foreign text={device.presence?.remote_address} mono />
          </dd>
          <dt>Created</dt>
          <dd>
            <Time at={device.created_at} />
          </dd>
          <dt>Status</dt>
          <dd>
            {device.is_enabled ? 'enabled' : 'disabled'} <Time at={device.status_changed_at} />
            {device.status_reason && (
              <>
                : <Foreign text={device.status_reason} />
              </>
            )}
          </dd>
        </dl>
      </Card>
      <Modules device={name} />
      <Card title="Certificates">
        {items.length === 0 ? (
          <Empty>None was issued to it.</Empty>
        ) : (
          <ul className="plain">
            {items.map((each) => (
              <CertificateLine key={each.sha256} device={name} certificate={each} />
            ))}
          </ul>
        )}
      </Card>
    </div>
  );
}

function Node({ title, text, end, mark }: { title: string; text: string; end?: string | null; mark?: string }) {
  return (
    <li>
      <strong>
        <Foreign text={title} />
      </strong>{' '}
      {mark && <Badge tone={mark === 'permitted' ? 'good' : 'bad'}>{mark}</Badge>}
      <div className="muted">
        <Foreign text={text} />
      </div>
      {end && (
        <div className="muted">
          ends <Time at={end} />
        </div>
      )}
    </li>
  );
}

function CertificateLine({ device, certificate }: { device: string; certificate: Certificate }) {
  return (
    <li className="line">
      <span>
        <Foreign text={certificate.serial} mono /> <Badge tone={certificate.standing === 'permitted' ? 'good' : 'plain'}>{certificate.standing}</Badge>
        <div className="muted">
          issued <Time at={certificate.issued_at} />, ends <Time at={certificate.not_after} />
          {certificate.revoked_at && (
            <>
              , revoked <Time at={certificate.revoked_at} />
            </>
          )}
        </div>
      </span>
      {!certificate.revoked_at && (
        <Act
          label="Revoke"
          kind="danger"
          title="Revoke this certificate?"
          act={(reason) =>
            take(
              api.POST('/v1/devices/{device_id}/certificates/{sha256}/revoke', {
                params: { path: { device_id: device, sha256: certificate.sha256 } },
                body: { reason: 'unspecified', comment: reason },
              }),
            )
          }
        >
          <p>A session that rests on it is cut at once.</p>
        </Act>
      )}
    </li>
  );
}

function Modules({ device }: { device: string }) {
  const modules = useQuery({
    queryKey: ['modules', device],
    queryFn: () =>
      take(api.GET('/v1/devices/{device_id}/modules', { params: { path: { device_id: device }, query: { limit: 50 } } })),
    refetchInterval: 5_000,
  });
  const items = modules.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <Card title={`Modules (${items.length})`}>
      <ul className="plain">
        {items.map((each) => (
          <li key={each.module_id} className="line">
            <span>
              <Link href={link(`/devices/${encodeURIComponent(device)}`, { module: each.module_id })}>
                <Foreign text={each.module_id} />
              </Link>{' '}
              <Badge tone={each.presence?.is_connected ? 'good' : 'plain'}>
                {each.presence?.is_connected ? 'connected' : 'not connected'}
              </Badge>
              {!each.is_enabled && <Badge tone="bad">disabled</Badge>}
              <div className="muted">{(each.authentication.type ?? 'issued').replaceAll('_', ' ')}</div>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
