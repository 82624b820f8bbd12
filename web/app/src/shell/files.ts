/** Files that are put into a session: chosen, pasted or dropped. */
import { useAction } from '../lib/use-action'

/** The files of a paste or a drop. */
export const filesOf = (data: DataTransfer | null): File[] => [...(data?.files ?? [])]

export interface Files {
  /** Puts them there, one after the other; where they are goes to where they were put in. */
  take: (files: File[]) => void
  busy: boolean
  error: string
}

/** `put` gives where a file is then, as the session sees it; `tell` gets all of them. */
export function useFiles(put: (file: File) => Promise<string>, tell: (paths: string) => void): Files {
  const action = useAction(async (files: File[]) => {
    const paths: string[] = []
    for (const file of files) paths.push(await put(file))
    tell(paths.join(' '))
  })
  return { take: (files) => files.length > 0 && void action.run(files), busy: action.busy, error: action.error }
}
