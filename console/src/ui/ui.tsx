// The small parts that pages are made of.
import type { ReactNode } from 'react';
import { useId, useState, useSyncExternalStore } from 'react';
import { Button as AriaButton, type ButtonProps } from 'react-aria-components';
import { Link } from 'wouter';
import { ApiError } from '../api/client';
import { serverNow } from '../api/server-clock';
import { ago, visible } from './text';

export type Tone = 'plain' | 'good' | 'warn' | 'bad' | 'info';

/** Text from outside. */
export function Foreign({ text, mono = false }: { text: string | null | undefined; mono?: boolean }) {
  if (text === null || text === undefined || text === '') return <span className="muted">–</span>;
  const shown = visible(text);
  return mono ? <code className="foreign">{shown}</code> : <bdi className="foreign">{shown}</bdi>;
}

export function Badge({ tone = 'plain', children }: { tone?: Tone; children: ReactNode }) {
  return <span className={`badge ${tone}`}>{children}</span>;
}

export function Button({ kind = '', ...rest }: ButtonProps & { kind?: '' | 'primary' | 'danger' | 'quiet' }) {
  return <AriaButton {...rest} className={`button ${kind}`} />;
}

// One clock for all moments on a page: a list that is scrolled draws thousands of them.
const TICK_MS = 15_000;
let tick = serverNow();
const watchers = new Set<() => void>();

setInterval(() => {
  tick = serverNow();
  for (const watcher of watchers) watcher();
}, TICK_MS);

function onTick(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

function readTick(): number {
  return tick;
}

/** A moment, as far as it is from now; the exact time on hover. */
export function Time({ at }: { at: string | null | undefined }) {
  const [mounted] = useState(serverNow);
  const now = Math.max(mounted, useSyncExternalStore(onTick, readTick));
  if (!at) return <span className="muted">never</span>;
  return (
    <time dateTime={at} title={at}>
      {ago(at, Date.parse(at) > now ? serverNow() : now)}
    </time>
  );
}

export function Page({ title, about, actions, children }: {
  title: ReactNode;
  about?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className="page">
      <div className="page-head">
        <h1>{title}</h1>
        {about && <span className="muted">{about}</span>}
        {actions && <div className="actions">{actions}</div>}
      </div>
      {children}
    </div>
  );
}

export function Card({ title, actions, id, children }: {
  title?: ReactNode;
  actions?: ReactNode;
  id?: string;
  children: ReactNode;
}) {
  const heading = useId();
  return (
    <section className="card" id={id} aria-labelledby={title ? heading : undefined}>
      {(title || actions) && (
        <header>
          {title && <h2 id={heading}>{title}</h2>}
          {actions && <div className="actions">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

/** A number that leads to what it counts. */
export function Stat({ value, label, to, tone = 'plain' }: {
  value: ReactNode;
  label: string;
  to: string;
  tone?: Tone;
}) {
  return (
    <Link href={to} className="stat card">
      <strong>{value}</strong>
      {tone === 'plain' ? <span className="muted">{label}</span> : <Badge tone={tone}>{label}</Badge>}
    </Link>
  );
}

const WAYS_ON: Record<string, ReactNode> = {
  'operators.approval_needed': (
    <>
      It waits under <Link href="/approvals">Approvals</Link>. Once somebody has approved it, do the same once more.
    </>
  ),
  'operators.act_refused': (
    <>
      See what you hold, and what you may elevate yourself to, under <Link href="/roles">Roles</Link>.
    </>
  ),
};

/** What went wrong, why, and what to do, in the platform's own words. */
export function ProblemNote({ error }: { error: unknown }) {
  if (!error) return null;
  const problem = error instanceof ApiError ? error.problem : null;
  return (
    <div className="note bad" role="alert">
      <p>
        <Foreign text={problem ? problem.detail || problem.title : String(error)} />
      </p>
      {problem && problem.code in WAYS_ON && <p>{WAYS_ON[problem.code]}</p>}
      {problem?.hint && (
        <p className="muted">
          What to do: <Foreign text={problem.hint} />
        </p>
      )}
    </div>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return <div className="empty">{children}</div>;
}
