import { describe, expect, it } from 'vitest'
import { linkAddress } from './link'

describe('linkAddress', () => {
  it('takes only the web and this service', () => {
    expect(linkAddress('https://a.example/x')).toBe('https://a.example/x')
    for (const bad of ['javascript:alert(1)', 'data:text/html,x', '//evil.example', 'nonsense']) {
      expect(linkAddress(bad)).toBeNull()
    }
  })
})
