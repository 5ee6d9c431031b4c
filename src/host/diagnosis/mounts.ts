import { readFile } from 'node:fs/promises'

interface Mount {
  readonly source: string
  readonly folder: string
  readonly type: string
  readonly options: string
}

/** What that path lies on (proc_pid_mounts(5)); undefined where the system does not tell. `path` has no links. */
export async function mountOf(path: string, file = '/proc/self/mounts'): Promise<Mount | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text
    .split('\n')
    .flatMap(line => mountIn(line))
    .filter(({ folder }) => path === folder || folder === '/' || path.startsWith(`${folder}/`))
    .reduce<Mount | undefined>(
      (best, each) => (best && best.folder.length > each.folder.length ? best : each),
      undefined,
    )
}

/** fstab(5): white space and backslashes are octal. Of two on one folder the later hides the other. */
function mountIn(line: string): Mount[] {
  const [source, folder, type, options] = line
    .split(' ')
    .map(part => part.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8))))
  return source && folder && type && options ? [{ source, folder, type, options }] : []
}
