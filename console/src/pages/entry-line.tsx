// One line of the ledger: what was done, why, when, by whom, and where it stands.
import { Link } from 'wouter';
import type { Schemas } from '../api/client';
import { inWords } from '../app/strip';
import { link } from '../app/url';
import { actorName } from '../ui/text';
import { Foreign, Time } from '../ui/ui';

type Entry = Pick<Schemas['EntryView'], 'position' | 'at' | 'action' | 'actor' | 'reason'>;

export function EntryLine({ entry }: { entry: Entry }) {
  return (
    <li className="line">
      <span>
        {inWords(entry.action)}
        {entry.reason && (
          <>
            : <Foreign text={entry.reason} />
          </>
        )}
        <div className="muted">
          <Time at={entry.at} /> by <Foreign text={actorName(entry.actor)} />,{' '}
          <Link href={link('/ledger', { entry: String(entry.position) })}>entry {entry.position}</Link>
        </div>
      </span>
    </li>
  );
}
