import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Router } from 'wouter';
import { watchAttendance } from './api/attendance';
import { ApiError } from './api/client';
import { Entrance } from './app/entrance';
import { aroundNav } from './app/leaving';
import { preload } from './app/pages';
import { apply } from './app/preferences';
import './ui/tokens.css';
import './ui/base.css';
import './ui/ui.css';

apply();
watchAttendance();
preload(location.pathname);

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What was refused stays refused; what did not get through is tried again, longer each time.
      retry: (count, error) => !(error instanceof ApiError && error.problem.status >= 400 && error.problem.status < 500) && count < 4,
      staleTime: 2_000,
      refetchOnWindowFocus: true,
    },
  },
});

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <Router aroundNav={aroundNav}>
        <Entrance />
      </Router>
    </QueryClientProvider>
  </StrictMode>,
);
