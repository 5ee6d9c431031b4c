import { readXml, type XmlElement } from './xml-read.ts'

/** RFC 4826 3. */
export const RESOURCE_LISTS_TYPE = 'application/resource-lists+xml'
const NAMESPACE = 'urn:ietf:params:xml:ns:resource-lists'

/** URIs of the entries of every list, in their order. Throws XmlError. */
export function resourcesListed(bytes: Buffer): string[] {
  const entries: string[] = []
  const look = (element: XmlElement): void => {
    if (element.namespace === NAMESPACE && element.name === 'entry') {
      const uri = element.attributes.find(({ namespace, name }) => namespace === '' && name === 'uri')
      if (uri) entries.push(uri.value)
    }
    for (const child of element.children) look(child)
  }
  look(readXml(bytes).root)
  return entries
}
