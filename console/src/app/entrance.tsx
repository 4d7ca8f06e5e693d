// Whoever is not logged in sees how to be; everybody else sees the console.
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { api, ApiError, onLoggedOut, take } from '../api/client';
import { type CurrentSession, useSession } from '../api/session';
import { Button, ProblemNote } from '../ui/ui';
import { Login } from './login';
import { ProofAsked } from './proof';
import { Shell } from './shell';
import { Welcome } from './welcome';

const SKIPPED = 'vedette.skipped';

export function Entrance() {
  const queries = useQueryClient();
  const session = useSession();
  const [isOut, setOut] = useState(false);
  const [said, setSaid] = useState('');
  const [guest, setGuest] = useState<CurrentSession | null>(null);
  const isLeaving = useRef(false);
  const leave = (why: string) => {
    isLeaving.current = true;
    setSaid(why);
    setGuest(null);
    setOut(true);
    queries.clear();
  };
  useEffect(
    () =>
      onLoggedOut(() => {
        // Who was in until now is told so; who never was needs no explanation, who has just left knows.
        if (!isLeaving.current) leave(queries.getQueryData(['session']) ? 'Your session has ended.' : '');
      }),
    [queries],
  );
  const enter = () => {
    queries.clear();
    setSaid('');
    setOut(false);
    isLeaving.current = false;
    void session.refetch();
  };
  const logOut = async () => {
    try {
      await take(api.DELETE('/v1/session'));
    } catch (error) {
      if (!(error instanceof ApiError) || error.problem.status !== 401) throw error;
    }
    leave('You are logged out.');
  };
  if (isOut) return <Login said={said} onIn={enter} />;
  if (session.error)
    return (
      <main className="entrance">
        <ProblemNote error={session.error} />
        <Button onPress={() => void session.refetch()}>Try again</Button>
      </main>
    );
  if (!session.data) return null;
  // Kept apart from the session, which is a person's before the recovery codes have been read.
  if (!guest && isGuest(session.data)) setGuest(session.data);
  if (guest)
    return (
      <>
        <Welcome
          session={guest}
          onDone={() => {
            skip(guest);
            setGuest(null);
          }}
        />
        <ProofAsked />
      </>
    );
  return (
    <>
      <Shell name={session.data.name} logOut={() => void logOut()} />
      <ProofAsked />
    </>
  );
}

/** Tell whether somebody came by a link or a code and was not yet asked for a passkey in this session. */
function isGuest({ kind, session_id: id }: CurrentSession): boolean {
  if (kind !== 'link' && kind !== 'recovery') return false;
  return skipped !== id && read() !== id;
}

let skipped: string | null = null;

function read(): string | null {
  try {
    return localStorage.getItem(SKIPPED);
  } catch {
    return null;
  }
}

function skip({ session_id: id }: CurrentSession): void {
  skipped = id;
  try {
    localStorage.setItem(SKIPPED, id ?? '');
  } catch {
    // A browser that keeps nothing: it is asked again after a reload.
  }
}
