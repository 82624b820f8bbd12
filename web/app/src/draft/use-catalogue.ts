import { useEffect, useState } from 'react'
import { api } from '../api/client'
import type { CatalogueList } from '../api/catalogue'
import type { CatalogueOption } from '../api/types'

const known = new Map<CatalogueList, Promise<CatalogueOption[]>>()

/** The options of a list, asked for once and only when something needs them. */
export function useCatalogue(list: CatalogueList | undefined): {
  options: CatalogueOption[] | null
  failed: boolean
} {
  const [options, setOptions] = useState<CatalogueOption[] | null>(null)
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    if (!list) return
    let live = true
    let asked = known.get(list)
    if (!asked) {
      asked = api.catalogue(list)
      known.set(list, asked)
      asked.catch(() => known.delete(list))
    }
    asked.then(
      (found) => live && setOptions(found),
      () => live && setFailed(true),
    )
    return () => {
      live = false
    }
  }, [list])
  return { options, failed }
}
