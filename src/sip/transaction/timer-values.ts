/** RFC 3261 17.1.1.1: an estimate of the round-trip time, in milliseconds. */
export const T1 = 500
/** RFC 3261 17.1.2.1: the longest wait between retransmissions of a non-INVITE request or of an INVITE response. */
export const T2 = 4000
/** RFC 3261 17.1.2.2: how long a message stays in the network. */
export const T4 = 5000
/** Timers B, F, H, J, L and M: how long a client waits for an answer. */
export const TRANSACTION_MS = 64 * T1
/** RFC 3261 17.1.1.2: Timer D is at least 32 s on an unreliable transport. */
export const TIMER_D_MS = 32000
/** RFC 3261 16.6 item 11: Timer C, more than three minutes without a provisional response other than 100. */
export const TIMER_C_MS = 185000
/** RFC 3261 17.2.1: an INVITE that its user has not answered by then is answered 100. */
export const TRYING_MS = 200
/** RFC 4320 4.1: when a client's Timer E reaches T2 (0.5 + 1 + 2 s); no 100 before, one 100 then. */
export const TRYING_NON_INVITE_MS = 3500
