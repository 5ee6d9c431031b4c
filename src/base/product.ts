export const PRODUCT = 'Restante'
export const VERSION = '0.1.0'

/** OMA SIMPLE IM Appendix F: release version in User-Agent (requests) and Server (responses); DM-INV-05, DM-DLV-07. */
export const RELEASE = `IM-serv/OMA1.0 ${PRODUCT}/${VERSION}`

/** DM-DLV-01: what marks a contact as an OMA SIMPLE IM client. */
export const IM_FEATURE_TAG = '+g.oma.sip-im'
