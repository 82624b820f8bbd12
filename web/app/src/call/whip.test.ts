import { expect, test } from 'vitest'
import { fragmentOf, relaysOf, withSession } from './whip'

const description = [
  'v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0 1', 'a=ice-options:trickle',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'c=IN IP4 0.0.0.0', 'a=rtpmap:111 opus/48000/2', 'a=mid:0', 'a=ice-ufrag:abcd', 'a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa',
  'a=candidate:1 1 udp 1 192.0.2.1 5000 typ host', 'a=end-of-candidates',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'a=mid:1', 'a=ice-ufrag:abcd', 'a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa', '',
].join('\r\n')

test('a fragment has the ICE session of the first section alone', () => {
  expect(fragmentOf(description).split('\r\n')).toEqual([
    'a=group:BUNDLE 0 1', 'a=ice-options:trickle', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:0', 'a=ice-ufrag:abcd',
    'a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa', 'a=candidate:1 1 udp 1 192.0.2.1 5000 typ host', 'a=end-of-candidates', '',
  ])
})

test('another ICE session replaces the former one in every section, and nothing else', () => {
  const other = 'm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:other\r\na=ice-pwd:bbbbbbbbbbbbbbbbbbbbbbbb\r\na=candidate:2 1 udp 1 192.0.2.2 6000 typ host\r\na=end-of-candidates\r\n'
  const changed = withSession(description, other)
  expect(changed).not.toMatch(/abcd|aaaa|192\.0\.2\.1 /)
  expect(changed.match(/a=ice-ufrag:other/g)).toHaveLength(2)
  expect(changed.match(/a=candidate:2/g)).toHaveLength(1)
  expect(changed.indexOf('a=candidate:2')).toBeLessThan(changed.indexOf('m=application'))
  expect(fragmentOf(withSession(changed, fragmentOf(description)))).toBe(fragmentOf(description))
})

test('the servers of an answer are those that are linked as such', () => {
  const link =
    '<turns:turn.example.com:443?transport=tcp>; rel="ice-server"; username="1795:b3duZXI"; credential="aGVsbG8=, or; so"; credential-type="password", ' +
    '<stun:stun.example.com:3478>; rel="ice-server", </api/v1/else>; rel="next"'
  expect(relaysOf(link)).toEqual([
    { urls: 'turns:turn.example.com:443?transport=tcp', username: '1795:b3duZXI', credential: 'aGVsbG8=, or; so' },
    { urls: 'stun:stun.example.com:3478' },
  ])
  expect(relaysOf('')).toEqual([])
})
