import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { silentLog } from '../base/log.ts'
import { Certificates } from '../host/certificates.ts'
import { type Authority, dns, type Issued } from './authority.ts'

/** A certificate for edge1.example.org in files of `dir`, as the host has it; `write` puts another in its place. */
export async function writtenCertificate(authority: Authority, dir: string) {
  const files = { certificate: join(dir, 'c.pem'), key: join(dir, 'k.pem') }
  const write = (pair: Issued): void => {
    writeFileSync(files.certificate, pair.certificate)
    writeFileSync(files.key, pair.key)
  }
  write(await authority.issue({ names: [dns('edge1.example.org')] }))
  const names = { hostname: 'edge1.example.org', domain: 'example.org', addresses: [] }
  const certificates = await Certificates.open({ ...files, dataDir: dir, names, log: silentLog, wall: () => undefined })
  return { certificates, write }
}
