// Whoever is not logged in sees how to be; everybody else sees the console.
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { onLoggedOut } from '../api/client';
import { Card } from '../ui/ui';
import { Shell } from './shell';

export function Entrance() {
  const [isOut, setOut] = useState(false);
  const queries = useQueryClient();
  useEffect(() => onLoggedOut(() => setOut(true)), []);
  const logOut = async () => {
    await fetch('/logout', { method: 'POST' });
    queries.clear();
    setOut(true);
  };
  if (!isOut) return <Shell logOut={() => void logOut()} />;
  return (
    <main className="page">
      <Card title="You are not logged in">
        <p>Make a one-time link on the server and open it here:</p>
        <pre className="code">vedette login-link</pre>
      </Card>
    </main>
  );
}
