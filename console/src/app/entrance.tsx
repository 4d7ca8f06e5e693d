// Whoever is not logged in sees how to be; everybody else sees the console.
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, ApiError, onLoggedOut, take } from '../api/client';
import { useSession } from '../api/session';
import { Button, ProblemNote } from '../ui/ui';
import { Login } from './login';
import { Shell } from './shell';
import { Welcome } from './welcome';

const SKIPPED = 'vedette.skipped';

function hasSkipped(sessionId: string): boolean {
  try {
    return sessionStorage.getItem(SKIPPED) === sessionId;
  } catch {
    return false;
  }
}

export function Entrance() {
  const queries = useQueryClient();
  const session = useSession();
  const [isOut, setOut] = useState(false);
  const [said, setSaid] = useState('');
  const [welcomed, setWelcomed] = useState('');
  useEffect(
    () =>
      onLoggedOut(() => {
        // Who was in until now is told why they are not any more; who never was needs no explanation.
        if (queries.getQueryData(['session'])) setSaid('Your session has ended.');
        queries.clear();
        setOut(true);
      }),
    [queries],
  );
  const enter = () => {
    setSaid('');
    queries.clear();
    setOut(false);
    void session.refetch();
  };
  const logOut = async () => {
    try {
      await take(api.DELETE('/v1/session'));
    } catch (error) {
      if (!(error instanceof ApiError) || error.problem.status !== 401) throw error;
    }
    setSaid('You are logged out.');
    queries.clear();
    setOut(true);
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
  const { kind, session_id: id } = session.data;
  const isGuest = (kind === 'link' || kind === 'recovery') && id !== null;
  // The first page stays until its codes are kept, though the session is a person's by then.
  if (welcomed !== 'done' && (welcomed === 'here' || (isGuest && !hasSkipped(id))))
    return (
      <WelcomeOnce
        onShown={() => setWelcomed('here')}
        render={() => (
          <Welcome
            session={session.data}
            onDone={() => {
              try {
                sessionStorage.setItem(SKIPPED, id ?? '');
              } catch {
                // A browser that keeps nothing: it is asked again after a reload.
              }
              setWelcomed('done');
            }}
          />
        )}
      />
    );
  return <Shell name={session.data.name} logOut={() => void logOut()} />;
}

function WelcomeOnce({ onShown, render }: { onShown: () => void; render: () => React.ReactNode }) {
  useEffect(onShown, []);
  return render();
}
