import { Fragment, type ReactNode } from 'react'

/**
 * The little Markdown that a model may use: paragraphs, lists, **bold** and
 * `code`. Nothing else is interpreted: no links and no HTML, so that a text can
 * neither lead away from the page nor pretend to be a part of it.
 */
export function RichText({ text }: { text: string }) {
  return <>{blocks(text).map((block, i) => <Block key={i} block={block} />)}</>
}

export type TextBlock = { kind: 'p'; lines: string[] } | { kind: 'ul' | 'ol'; lines: string[] }

const bullet = /^\s*[-*•]\s+/
const number = /^\s*\d{1,3}[.)]\s+/

/** Cuts a text into paragraphs and lists. */
export function blocks(text: string): TextBlock[] {
  const found: TextBlock[] = []
  let current: TextBlock | undefined
  for (const raw of text.split('\n')) {
    const line = raw.replace(/^#{1,4}\s+/, '').trimEnd()
    if (line.trim() === '') {
      current = undefined
      continue
    }
    const kind = bullet.test(line) ? 'ul' : number.test(line) ? 'ol' : 'p'
    const content = line.replace(kind === 'ul' ? bullet : kind === 'ol' ? number : /^/, '')
    if (current?.kind === kind) current.lines.push(content)
    else found.push((current = { kind, lines: [content] }))
  }
  return found
}

function Block({ block }: { block: TextBlock }) {
  if (block.kind === 'p') {
    return (
      <p>
        {block.lines.map((line, i) => (
          <Fragment key={i}>
            {i > 0 ? <br /> : null}
            {inline(line)}
          </Fragment>
        ))}
      </p>
    )
  }
  const List = block.kind
  return (
    <List className={`flex flex-col gap-1 ps-5 ${block.kind === 'ul' ? 'list-disc' : 'list-decimal'}`}>
      {block.lines.map((line, i) => (
        <li key={i}>{inline(line)}</li>
      ))}
    </List>
  )
}

function inline(line: string): ReactNode[] {
  return line.split(/(\*\*[^*]+\*\*|`[^`]+`)/).map((part, i) => {
    if (part.startsWith('**') && part.endsWith('**') && part.length > 4) {
      return (
        <strong key={i} className="font-semibold">
          {part.slice(2, -2)}
        </strong>
      )
    }
    if (part.startsWith('`') && part.endsWith('`') && part.length > 2) {
      return (
        <code key={i} className="exact rounded-sm bg-sunken px-1">
          {part.slice(1, -1)}
        </code>
      )
    }
    return <Fragment key={i}>{part}</Fragment>
  })
}
