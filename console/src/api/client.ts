// The one way to the platform: the public REST API, typed from its OpenAPI file.
import createClient from 'openapi-fetch';
import { isAttended, UNATTENDED } from './attendance';
import { confirmingFetch, OWN, Refused } from './confirm';
import { ApiError, type Problem } from './problem';
import type { components, paths } from './schema';
import { noteServerDate } from './server-clock';

export type Schemas = components['schemas'];
export { ApiError, type Problem, type paths };

const listeners = new Set<() => void>();

/** Call back when the platform no longer knows this browser. */
export function onLoggedOut(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const api = createClient<paths>({ baseUrl: '/', headers: OWN, fetch: (request) => confirmingFetch(request) });

api.use({
  onRequest({ request }) {
    if (!isAttended()) for (const [name, value] of Object.entries(UNATTENDED)) request.headers.set(name, value);
    return request;
  },
  onResponse({ response, schemaPath }) {
    noteServerDate(response.headers.get('Date'));
    if (response.status === 401 && schemaPath.startsWith('/v1/')) for (const listener of listeners) listener();
  },
});

interface Result<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Return the body of an answer, or throw the problem in the platform's own words. */
export async function take<T>(request: Promise<Result<T>>): Promise<T> {
  let result: Result<T>;
  try {
    result = await request;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    if (error instanceof Refused) throw new ApiError(problemOf(error.told, error.status, ''));
    throw new ApiError({
      title: 'No answer',
      status: 0,
      code: 'console.no_answer',
      detail: 'The platform does not answer.',
      hint: 'Is it running? This page tries again by itself.',
    });
  }
  if (result.response.ok) return result.data as T;
  throw new ApiError(problemOf((result.error ?? {}) as Partial<Problem>, result.response.status, result.response.statusText));
}

function problemOf(told: Partial<Problem> | Partial<Record<string, string>>, status: number, title: string): Problem {
  return {
    title: told.title ?? title,
    status,
    code: told.code ?? 'console.unknown',
    detail: told.detail ?? `The platform answered ${status}.`,
    hint: told.hint ?? '',
  };
}
