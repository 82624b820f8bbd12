import { address } from '../api/client'
import type { Card, Link, LinkData } from '../api/types'
import { t } from '../messages'
import { ButtonLink } from '../ui/button'
import { Icon } from '../ui/icon'
import { RichText } from '../lib/rich-text'
import { Frame } from './frame'

/** Only http(s) addresses and paths of this service become links. */
export function linkAddress(url: string): string | null {
  if (url.startsWith('/') && !url.startsWith('//')) return address(url)
  try {
    const parsed = new URL(url)
    return parsed.protocol === 'https:' || parsed.protocol === 'http:' ? parsed.toString() : null
  } catch {
    return null
  }
}

export function LinkCard({ card, data }: { card: Card; data: LinkData }) {
  const links = (data.links ?? []).map((link) => ({ link, href: linkAddress(link.url) }))
  const primary = links.filter(({ link }) => link.primary)
  const others = links.filter(({ link }) => !link.primary)
  const intro = card.text.split('\n')[0] ?? ''
  return (
    <Frame id={card.id} title={card.title || links[0]?.link.label || ''} tone={primary.length > 0 ? 'call' : 'plain'}>
      {intro && intro.replace(/[.!]$/, '') !== card.title ? <div dir="auto"><RichText text={intro} /></div> : null}
      {primary.map(({ link, href }) => (
        <div key={link.url} className="flex flex-col gap-1">
          {href ? (
            <ButtonLink variant="primary" href={href} className="min-h-12 self-start">
              {link.label}
            </ButtonLink>
          ) : (
            <Unlinked link={link} />
          )}
          {link.detail ? <p dir="auto" className="text-sm text-muted">{link.detail}</p> : null}
        </div>
      ))}
      {others.length > 0 ? (
        <ul className="flex flex-col">
          {others.map(({ link, href }) => (
            <li key={link.url} className="border-t border-line first:border-t-0">
              {href ? <OtherLink link={link} href={href} /> : <Unlinked link={link} />}
            </li>
          ))}
        </ul>
      ) : null}
    </Frame>
  )
}

function OtherLink({ link, href }: { link: Link; href: string }) {
  const outside = new URL(href).origin !== location.origin
  return (
    <a
      href={href}
      {...(outside ? { target: '_blank', rel: 'noopener noreferrer' } : {})}
      className="calm -mx-2 flex min-h-12 items-center gap-3 rounded-md px-2 py-2 hover:bg-accent-soft"
    >
      <span className="min-w-0 flex-1">
        <span dir="auto" className="block font-medium text-accent">{link.label}</span>
        <span className="exact block text-muted">{link.url}</span>
        {link.detail ? <span dir="auto" className="block text-sm text-muted">{link.detail}</span> : null}
      </span>
      {outside ? (
        <>
          <Icon name="external" className="size-4 text-muted" />
          <span className="sr-only">{t('secret.opens')}</span>
        </>
      ) : null}
    </a>
  )
}

function Unlinked({ link }: { link: Link }) {
  return (
    <p className="py-2">
      {link.label}: <span className="exact">{link.url}</span>
    </p>
  )
}
