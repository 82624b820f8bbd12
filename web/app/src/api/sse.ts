/** One message of a text/event-stream. */
export interface Message {
  /** The event's name, `message` where the stream names none. */
  event: string
  data: string
  /** The id sent with this very message; undefined for an ephemeral one. */
  id: string | undefined
}

/**
 * A parser of text/event-stream (HTML standard, 9.2.6) that is fed with text in
 * pieces of any size. `EventSource` itself is not used: it hides the status of
 * a refused connection, and cannot be told how long to wait or where to resume.
 */
export function parser(emit: (message: Message) => void): (piece: string) => void {
  let rest = ''
  let first = true
  let event = ''
  let data: string[] = []
  let id: string | undefined

  const line = (text: string): void => {
    if (text === '') {
      if (data.length > 0) emit({ event: event || 'message', data: data.join('\n'), id })
      event = ''
      data = []
      id = undefined
      return
    }
    const colon = text.indexOf(':')
    if (colon === 0) return
    const name = colon < 0 ? text : text.slice(0, colon)
    let value = colon < 0 ? '' : text.slice(colon + 1)
    if (value.startsWith(' ')) value = value.slice(1)
    if (name === 'event') event = value
    else if (name === 'data') data.push(value)
    else if (name === 'id' && !value.includes('\0')) id = value
  }

  return (piece) => {
    if (first && piece !== '') {
      first = false
      if (piece.charCodeAt(0) === 0xfeff) piece = piece.slice(1)
    }
    rest += piece
    for (;;) {
      const end = rest.search(/[\r\n]/)
      if (end < 0) return
      // A CR at the very end may be half of a CRLF: wait for what follows.
      if (rest[end] === '\r' && end === rest.length - 1) return
      const width = rest[end] === '\r' && rest[end + 1] === '\n' ? 2 : 1
      line(rest.slice(0, end))
      rest = rest.slice(end + width)
    }
  }
}
