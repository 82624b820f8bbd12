import type { Problem, Violation } from './types'

/**
 * A request that did not succeed. `status` is 0 where no answer came at all
 * (offline, connection refused).
 */
export class APIError extends Error {
  readonly status: number
  readonly code: string
  readonly violations: readonly Violation[]
  readonly requestId: string | undefined

  constructor(problem: Problem) {
    super([problem.title, problem.detail].filter(Boolean).map(sentence).join(' '))
    this.name = 'APIError'
    this.status = problem.status
    this.code = problem.code ?? ''
    this.violations = problem.violations ?? []
    this.requestId = problem.requestId
  }

  get offline(): boolean {
    return this.status === 0
  }

  get signedOut(): boolean {
    return this.status === 401
  }
}

/** The service's messages are halves of log lines: a person reads sentences. */
function sentence(text: string | undefined): string {
  const trimmed = (text ?? '').trim()
  const whole = /[.!?。؟…]$/.test(trimmed) ? trimmed : `${trimmed}.`
  return whole.charAt(0).toUpperCase() + whole.slice(1)
}

/** Reads problem+json; anything else becomes a problem with the status alone. */
export async function problemOf(response: Response): Promise<APIError> {
  let problem: Problem = { status: response.status }
  try {
    if (response.headers.get('content-type')?.includes('json')) {
      problem = { ...((await response.json()) as Problem), status: response.status }
    }
  } catch {
    // A body that is cut or is no JSON says no more than the status does.
  }
  return new APIError(problem)
}
