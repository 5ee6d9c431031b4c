import type { webcrypto } from 'node:crypto'
import 'reflect-metadata'
import {
  BasicConstraintsExtension,
  type JsonGeneralName,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

export interface Issued {
  readonly certificate: string
  readonly key: string
}

export interface IssueOptions {
  readonly names?: readonly JsonGeneralName[]
  readonly commonName?: string
  readonly notBefore?: Date
  readonly notAfter?: Date
}

/** A certificate authority for tests. */
export class Authority {
  readonly certificate: string
  readonly #key: webcrypto.CryptoKey

  private constructor(certificate: string, key: webcrypto.CryptoKey) {
    this.certificate = certificate
    this.#key = key
  }

  static async make(): Promise<Authority> {
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: '01',
      name: 'CN=Authority',
      notBefore: new Date('2020-01-01'),
      notAfter: new Date('2049-01-01'),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [new BasicConstraintsExtension(true, undefined, true)],
    })
    return new Authority(certificate.toString('pem'), keys.privateKey)
  }

  async issue(options: IssueOptions): Promise<Issued> {
    const { names = [], commonName = 'nobody', notBefore = new Date('2020-01-01') } = options
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
    const certificate = await X509CertificateGenerator.create({
      serialNumber: Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex'),
      subject: `CN=${commonName}`,
      issuer: 'CN=Authority',
      notBefore,
      notAfter: options.notAfter ?? new Date('2049-01-01'),
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey,
      signingKey: this.#key,
      extensions: names.length > 0 ? [new SubjectAlternativeNameExtension([...names])] : [],
    })
    const secret = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
    return { certificate: certificate.toString('pem'), key: PemConverter.encode(secret, 'PRIVATE KEY') }
  }
}

export const dns = (value: string): JsonGeneralName => ({ type: 'dns', value })
export const uri = (value: string): JsonGeneralName => ({ type: 'url', value })
export const ip = (value: string): JsonGeneralName => ({ type: 'ip', value })
