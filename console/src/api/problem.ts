// What the platform says when it does not do what it was asked for (RFC 9457).
export interface Problem {
  title: string;
  status: number;
  code: string;
  detail: string;
  hint: string;
}

/** A request that was refused, or did not get through. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
  }
}
