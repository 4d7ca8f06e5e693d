// What an asset is: each attribute with who says so, how sure and when, and whatever contradicts it.
import { Link } from 'wouter';
import type { Schemas } from '../api/client';
import { link } from '../app/url';
import { Badge, Card, Empty, Foreign, Time } from '../ui/ui';
import { PartAsset } from './asset-acts';
import { AssetLink } from './network-parts';
import { byAttribute, isContradicted, plain, supportOf } from './network-words';

type Asset = Schemas['AssetView'];
type Fact = Schemas['FactView'];

export function IdentityOf({ asset, facts }: { asset: Asset; facts: Fact[] }) {
  return (
    <div className="columns">
      <What asset={asset} facts={facts} />
      <Where asset={asset} />
      <Facts facts={facts} asset={asset} />
    </div>
  );
}

function Unknown() {
  return <span className="muted">unknown</span>;
}

function What({ asset, facts }: { asset: Asset; facts: Fact[] }) {
  const support = supportOf(asset.support);
  const types = facts.filter((each) => each.attribute === 'type' || each.attribute === 'device_type');
  return (
    <Card title="What it is">
      <dl className="facts">
        <dt>Type</dt>
        <dd>
          {asset.device_type ? <Foreign text={plain(asset.device_type)} /> : <Unknown />}
          {types.map((each) => (
            <div key={each.attribute + each.value} className="muted">
              <Foreign text={plain(each.value)} />: <Foreign text={each.source} />, {each.confidence} % sure
            </div>
          ))}
          {types.length === 0 && <div className="muted">Nothing that was seen tells one type from all others.</div>}
        </dd>
        <dt>Role</dt>
        <dd>
          {asset.role ? <Foreign text={plain(asset.role)} /> : <Unknown />} {asset.is_role_set && <Badge tone="info">set by a person</Badge>}
          <div className="muted">{asset.role_because && <Foreign text={asset.role_because} />}</div>
        </dd>
        <dt>Purdue level</dt>
        <dd>
          {asset.level || <Unknown />} {asset.is_level_set && <Badge tone="info">set by a person</Badge>}
          {asset.level_because.map((each) => (
            <div key={each} className="muted">
              <Foreign text={each} />
            </div>
          ))}
        </dd>
        <dt>Maker</dt>
        <dd>{asset.vendor ? <Link href={link('/assets', { vendor: asset.vendor })}><Foreign text={asset.vendor} /></Link> : <Unknown />}</dd>
        <dt>Model</dt>
        <dd>{asset.model || asset.product_code ? <Foreign text={[asset.model, asset.product_code].filter(Boolean).join(' ')} /> : <Unknown />}</dd>
        <dt>Firmware</dt>
        <dd>{asset.firmware ? <Foreign text={asset.firmware} /> : <Unknown />}</dd>
        <dt>Serial number</dt>
        <dd>{asset.serial ? <Foreign text={asset.serial} mono /> : <Unknown />}</dd>
        <dt>System</dt>
        <dd>
          {asset.operating_system ? <Foreign text={asset.operating_system} /> : <Unknown />}
          {support && (
            <div className="muted">
              security updates for <Foreign text={support.system} /> until {support.until}
            </div>
          )}
        </dd>
      </dl>
    </Card>
  );
}

function Where({ asset }: { asset: Asset }) {
  return (
    <Card title="Where it is, and whose">
      <dl className="facts">
        <dt>Addresses</dt>
        <dd>
          {[...asset.ips, ...asset.macs].map((each) => (
            <div key={each}>
              <Foreign text={each} mono />
            </div>
          ))}
        </dd>
        <dt>Site</dt>
        <dd>
          <Link href={link('/assets', { site: asset.site })}>
            <Foreign text={asset.site} />
          </Link>
        </dd>
        <dt>Registered device</dt>
        <dd>
          {asset.management ? (
            <>
              <Link href={`/devices/${encodeURIComponent(asset.management.device_id)}`}>
                <Foreign text={asset.management.device_id} />
              </Link>
              <div className="muted">
                <Foreign text={asset.management.because} />
                {asset.management.by === 'address' && ': an address can be borrowed, so this is probable, not proved'}
              </div>
            </>
          ) : (
            <span className="muted">none: nobody manages it, as far as is known</span>
          )}
        </dd>
        <dt>Owner</dt>
        <dd>{asset.owner ? <Foreign text={asset.owner} /> : <span className="muted">nobody is named</span>}</dd>
        <dt>Criticality</dt>
        <dd>{asset.criticality}</dd>
        {asset.note && (
          <>
            <dt>Note</dt>
            <dd>
              <Foreign text={asset.note} />
            </dd>
          </>
        )}
        <dt>First seen</dt>
        <dd>
          <Time at={asset.first_at} />
        </dd>
        <dt>Sensors</dt>
        <dd>
          <Link href="/sensors">{asset.sensors.length === 1 ? '1 sees it' : `${asset.sensors.length} see it`}</Link>
        </dd>
        {asset.merged.length > 0 && (
          <>
            <dt>Merged into it</dt>
            <dd>
              {asset.merged.map((each) => (
                <div key={each} className="row-of">
                  <Foreign text={each} mono /> <PartAsset head={asset} part={each} />
                </div>
              ))}
            </dd>
          </>
        )}
      </dl>
    </Card>
  );
}

function Facts({ facts, asset }: { facts: Fact[]; asset: Asset }) {
  const groups = byAttribute(facts);
  const contradicted = groups.filter(([attribute, each]) => isContradicted(attribute, each)).length;
  return (
    <Card title="Who says so" actions={contradicted > 0 && <Badge tone="warn">{contradicted} contradicted</Badge>}>
      <p className="muted flat">All that was observed, the surest first. Anybody on a network may lie in it.</p>
      {facts.length === 0 && <Empty>Only its address was seen.</Empty>}
      {groups.map(([attribute, each]) => (
        <div key={attribute} className="stack-line">
          <h3>
            {plain(attribute)} {isContradicted(attribute, each) && <Badge tone="warn">contradicts itself</Badge>}
          </h3>
          <ul className="plain">
            {each.map((fact) => (
              <li key={fact.asset_id + fact.value} className="line">
                <span>
                  <Foreign text={fact.value} />
                  <div className="muted">
                    <Foreign text={fact.source} />, {fact.confidence} % sure, <Time at={fact.last_at} />
                    {fact.times > 1 && `, ${fact.times.toLocaleString('en')} times`}
                    {fact.asset_id !== asset.asset_id && (
                      <>
                        , at <AssetLink id="" text={fact.asset_id} />
                      </>
                    )}
                  </div>
                </span>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </Card>
  );
}
