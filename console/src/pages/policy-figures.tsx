// What bundles decided on live traffic, and what one in the shadow would decide otherwise.
import { Link } from 'wouter';
import { link } from '../app/url';
import { Foreign } from '../ui/ui';
import { deniedShare, type Staging } from './policies-queries';

/** What a bundle decided since it decides. */
export function Figures({ staging, sha256 }: { staging: Staging; sha256: string }) {
  const counts = staging.counts.find((each) => each.sha256 === sha256);
  if (!counts) return null;
  return (
    <>
      <dt>Decided</dt>
      <dd className="number">
        <Link href={link('/decisions', { bundle: sha256, effect: 'allow' })}>{counts.allowed.toLocaleString('en')} let in</Link>,{' '}
        <Link href={link('/decisions', { bundle: sha256, effect: 'deny' })}>{counts.denied.toLocaleString('en')} refused</Link>:{' '}
        {deniedShare(counts)}
      </dd>
      {counts.unforeseen > 0 && (
        <>
          <dt>Unforeseen</dt>
          <dd className="number">
            {counts.unforeseen.toLocaleString('en')} refused: <Some names={counts.samples} />
          </dd>
        </>
      )}
    </>
  );
}

/** What a bundle in the shadow would decide otherwise. */
export function Differences({ staging, sha256 }: { staging: Staging; sha256: string }) {
  const counts = staging.counts.filter((each) => each.shadow_allows + each.shadow_denies > 0 || each.sha256 === sha256);
  const sum = (name: 'shadow_allows' | 'shadow_denies') => counts.reduce((total, each) => total + each[name], 0);
  const names = [...new Set(counts.flatMap((each) => each.samples))];
  return (
    <>
      <dt>Would refuse</dt>
      <dd className="number">
        <Link href={link('/decisions', { shadow: '1', effect: 'allow' })}>{sum('shadow_denies').toLocaleString('en')} decisions</Link> that are let
        in now
      </dd>
      <dt>Would let in</dt>
      <dd className="number">
        <Link href={link('/decisions', { shadow: '1', effect: 'deny' })}>{sum('shadow_allows').toLocaleString('en')} decisions</Link> that are refused
        now
      </dd>
      {names.length > 0 && (
        <>
          <dt>Such as</dt>
          <dd>
            <Some names={names} />
          </dd>
        </>
      )}
    </>
  );
}

function Some({ names }: { names: readonly string[] }) {
  return names.slice(0, 5).map((each, index) => (
    <span key={each}>
      {index > 0 && ', '}
      <Link href={`/devices/${encodeURIComponent(each.split('/')[0] ?? each)}`}>
        <Foreign text={each} />
      </Link>
    </span>
  ));
}
