import { address } from '../api/client'
import { t } from '../messages'
import { ButtonLink, type Variant } from './button'

/** The way to sign in and back to this page; what it is for stands in it. */
export function SignInLink({ label = t('signIn.title'), variant = 'secondary', className = '' }: { label?: string; variant?: Variant; className?: string }) {
  return (
    <ButtonLink variant={variant} className={className} href={address(`/signin?next=${encodeURIComponent(location.pathname + location.search)}`)}>
      {label}
    </ButtonLink>
  )
}
