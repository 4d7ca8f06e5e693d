// What is urged on the overview until one lost machine locks nobody out.
import { Link } from 'wouter';
import { type CurrentSession, useSession } from '../api/session';

const ENOUGH_PEOPLE = 2;
const FEW_CODES = 3;

/** Say what is missing for people to get in again; empty when nothing is. */
export function whatIsMissing(session: CurrentSession): { title: string; why: string; act: string; to: string } | null {
  if (session.is_demo) return null;
  if (session.people_with_passkeys === 0)
    return {
      title: 'Nobody can log in by passkey yet',
      why: 'When this session ends, only somebody on the server can let you in again.',
      act: 'Register a passkey',
      to: '/account',
    };
  if (session.people_with_passkeys < ENOUGH_PEOPLE)
    return {
      title: 'Only one person can log in by passkey',
      why: 'If that person is away, or their passkey is lost, nobody gets in from here.',
      act: 'Invite a second person',
      to: '/people',
    };
  if (session.person_id !== null && session.recovery_codes_left < FEW_CODES)
    return {
      title: session.recovery_codes_left ? `You have ${session.recovery_codes_left} recovery codes left` : 'You have no recovery codes',
      why: 'They are the way back when your passkeys are lost.',
      act: 'Make new ones',
      to: '/account',
    };
  return null;
}

/** Say it; what is done on the page where one is needs no way there. */
export function PeopleNag({ at = '' }: { at?: string }) {
  const session = useSession();
  const missing = session.data ? whatIsMissing(session.data) : null;
  if (!missing) return null;
  return (
    <section className="note warn line" aria-label="Getting in again">
      <span>
        <strong>{missing.title}.</strong> <span className="muted">{missing.why}</span>
      </span>
      {missing.to !== at && (
        <Link className="button" href={missing.to}>
          {missing.act}
        </Link>
      )}
    </section>
  );
}
