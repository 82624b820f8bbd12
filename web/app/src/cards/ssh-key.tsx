import { useEffect, useRef, useState } from 'react'
import { api } from '../api/client'
import type { SecretField } from '../api/types'
import { useAction } from '../lib/use-action'
import { t } from '../messages'
import { ErrorText, Labelled } from '../ui/bits'
import { Button, ButtonLink } from '../ui/button'

interface Props {
  field: SecretField
  fqdn: string | undefined
  value: string
  error: string | undefined
  onChange: (publicKey: string) => void
  /** True while a private key exists that has not been downloaded. */
  onUnsaved: (unsaved: boolean) => void
}

/**
 * A public SSH key: pasted, or generated. The private part of a generated pair
 * exists only as a download in this page, once; afterwards its memory is let go.
 */
export function SSHKeyField({ field, fqdn, value, error, onChange, onUnsaved }: Props) {
  const [url, setURL] = useState('')
  const [fingerprint, setFingerprint] = useState('')
  const [downloaded, setDownloaded] = useState(false)
  const current = useRef('')

  const forget = (): void => {
    if (current.current) URL.revokeObjectURL(current.current)
    current.current = ''
    setURL('')
  }
  useEffect(() => () => URL.revokeObjectURL(current.current), [])

  const generate = useAction(async () => {
    const made = await api.generateSSHKey(fqdn)
    forget()
    current.current = URL.createObjectURL(new Blob([made.privateKey], { type: 'application/x-pem-file' }))
    setURL(current.current)
    setFingerprint(made.fingerprint)
    setDownloaded(false)
    onUnsaved(true)
    onChange(made.publicKey)
  })

  return (
    <div className="flex flex-col gap-2">
      <Labelled label={field.label} hint={field.hint} error={error}>
        {(ids) => (
          <textarea
            {...ids}
            dir="ltr"
            rows={3}
            value={value}
            spellCheck={false}
            autoCapitalize="none"
            className="control exact resize-y"
            onChange={(event) => {
              forget()
              setFingerprint('')
              onUnsaved(false)
              onChange(event.target.value)
            }}
          />
        )}
      </Labelled>
      <div className="flex flex-wrap items-center gap-2">
        {url ? (
          <ButtonLink
            variant="primary"
            icon="download"
            href={url}
            download={`${fqdn || 'sovereign'}_ed25519`}
            onClick={() => {
              setDownloaded(true)
              onUnsaved(false)
              // The browser reads the blob after this handler; then it goes.
              setTimeout(forget, 1000)
            }}
          >
            {t('secret.download')}
          </ButtonLink>
        ) : (
          <Button busy={generate.busy} onClick={() => void generate.run()}>
            {t('secret.generate')}
          </Button>
        )}
      </div>
      <p role="status" className="text-sm text-muted">
        {url ? t('secret.generated') : downloaded ? t('secret.downloaded') : ''}
      </p>
      {fingerprint ? (
        <p className="text-sm text-muted">
          {t('secret.fingerprint')}: <span className="exact">{fingerprint}</span>
        </p>
      ) : null}
      <ErrorText>{generate.error}</ErrorText>
    </div>
  )
}
