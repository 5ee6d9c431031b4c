import { alternativeNames, type SelfSignedNames } from './self-signed.ts'

/** RFC 2986: a new key, ECDSA on P-256, and the request to have it certified for these names. PEM. */
export async function makeRequest(names: SelfSignedNames): Promise<{ request: string; key: string }> {
  // Needed seldom, and slow to load.
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [names.hostname] }],
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension(alternativeNames(names))],
  })
  const secret = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { request: `${request.toString('pem')}\n`, key: `${x509.PemConverter.encode(secret, 'PRIVATE KEY')}\n` }
}
