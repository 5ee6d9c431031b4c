import type { Config } from '../base/config.ts'
import { readConfig } from '../host/config-file.ts'
import { PlainError } from '../host/plain-error.ts'
import type { World } from './world.ts'

/** Validates the configuration and the files that it names, and changes nothing. */
export async function check(world: World, options: { config?: string }): Promise<void> {
  const { file, config } = readConfig(options.config)
  const { errors, warnings } = await lookAtTls(config)
  if (errors.length > 0) throw new PlainError(errors.map(error => `${file}:${error}`).join('\n'))
  for (const warning of warnings) world.out(`${file}:${warning}\n`)
  world.out(`${file}: no errors\n`)
}

interface Findings {
  readonly errors: readonly string[]
  readonly warnings: readonly string[]
}

async function lookAtTls({ tls, hostname, domain }: Config): Promise<Findings> {
  if (tls.certificate === '' && tls.ca === '') return { errors: [], warnings: [] }
  const { readFiles, readAuthorities } = await import('../host/certificates.ts')
  const { isFault, warningsOf } = await import('../host/certificate.ts')
  const errors: string[] = []
  const warnings: string[] = []
  if (tls.certificate !== '') {
    const pair = readFiles(tls.certificate, tls.key)
    if (isFault(pair)) errors.push(`tls.${pair.part}: ${pair.path} ${pair.wrong}, allowed: ${pair.allowed}`)
    else {
      const found = warningsOf(pair, [hostname, domain], Date.now())
      warnings.push(...found.map(warning => `tls.certificate: warning: the certificate ${warning}`))
    }
  }
  const authorities = tls.ca === '' ? '' : readAuthorities(tls.ca)
  if (typeof authorities !== 'string')
    errors.push(`tls.ca: ${tls.ca} ${authorities.wrong}, allowed: ${authorities.allowed}`)
  return { errors, warnings }
}
