import { describe, expect, it } from 'vitest'
import { may } from './identity'
import type { Whoami } from './types'

const with_ = (...capabilities: string[]): Whoami => ({ subject: 'a', email: '', localOwner: false, mode: 'concierge', capabilities })

describe('may', () => {
  it('takes a grant for itself and for what is below its stem', () => {
    expect(may(with_('org.member.list'), 'org.member.list')).toBe(true)
    expect(may(with_('org.*'), 'org.member.list')).toBe(true)
    expect(may(with_('org.*'), 'org')).toBe(true)
  })
  it('takes nothing else', () => {
    expect(may(with_('org'), 'org.member.list')).toBe(false)
    expect(may(with_('or.*'), 'org.read')).toBe(false)
    expect(may(with_('.*', '*'), 'org.read')).toBe(false)
    expect(may({ ...with_(), capabilities: undefined } as unknown as Whoami, 'org.read')).toBe(false)
  })
})
