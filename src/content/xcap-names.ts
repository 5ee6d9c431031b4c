/** Names of the documents that users have here (OMA IM XDM 1.0; the last is this server's own), and where they are. */

export interface DocumentName {
  readonly auid: string
  readonly document: string
}

export const DEFERRED_LIST = {
  auid: 'org.openmobilealliance.deferred-list',
  document: 'deferred-list',
} as const satisfies DocumentName

export const CONV_HISTORY = {
  auid: 'org.openmobilealliance.conv-history',
  document: 'conv-history',
} as const satisfies DocumentName

export const SERVICE_SETTINGS = {
  auid: 'org.openmobilealliance.im-service-settings',
  document: 'im-settings',
} as const satisfies DocumentName

/** RFC 4825 6.2: behind the XCAP root, escaped as in a URI. */
export const documentPath = ({ auid, document }: DocumentName, aor: string): string =>
  `${auid}/users/${encodeURIComponent(aor).replaceAll('%3A', ':').replaceAll('%40', '@')}/${document}`
