import { describe, expect, it } from 'vitest'
import { actionOf } from './decode'

describe('actionOf', () => {
  it('reads what it knows and passes over the rest', () => {
    const message = (event: string, data: string, id?: string) => actionOf({ event, data, id })
    expect(message('card', '{"seq":9,"card":{"id":"a","seq":0}}')).toMatchObject({ type: 'card', event: { seq: 9 } })
    expect(message('turn', '{"turnId":"t","seq":3}')).toMatchObject({ type: 'turn', turn: { seq: 3, text: '' } })
    for (const [event, data] of [['heartbeat', '{}'], ['hologram', '{}'], ['card', '{'], ['card', '{}'], ['turn', 'null'], ['draft', '{}'], ['delta', '1']] as const) {
      expect(message(event, data, '1')).toBeNull()
    }
  })
})
