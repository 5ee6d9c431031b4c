import type { ResetKind } from '../../../services/status.ts'

/** How the run before ended, after "last time:". */
export const resetKinds: Readonly<Record<ResetKind, string>> = {
  first: 'first start',
  stop: 'stopped in order',
  restart: 'started anew, as somebody asked for',
  update: 'another version',
  'factory-reset': 'factory reset',
  failed: 'could not start or go on',
  defect: 'an error of the program',
  watchdog: 'its own decision, as messages did not get on',
  hung: 'the service manager ended it, as it stood still',
  killed: 'ended from outside',
  power: 'the power failed, or the machine was started anew',
  'hardware-watchdog': 'the machine’s watchdog reset it',
}

export const progress = {
  title: 'Watch',
  condition: 'State',
  conditions: {
    starting: 'starting',
    ready: 'messages get on',
    degraded: 'slower than it may be',
    fault: 'messages do not get on',
    stopping: 'stopping',
  },
  selfTest: 'Self-test: a message through store and delivery',
  selfTests: {
    'none yet': 'none yet',
    passed: 'passed',
    'passed over': 'not all could be tested',
    failed: 'failed',
  },
  loopLag: 'Longest standstill of the program lately',
  oldest: 'Oldest unanswered request to the store',
  flushed: 'Written to flash for good',
  notFlushed: 'not yet since the start',
  service: 'Service manager',
  serviceWaits: (seconds: string) => `ends the box after ${seconds} s without progress`,
  serviceNone: 'does not watch',
  device: 'The machine’s watchdog',
  deviceWaits: (seconds: string) => `resets the machine after ${seconds} s without progress`,
  deviceNone: 'none is configured',
  deviceUnknown: 'watches; it does not say how long it waits',
  starts: 'Starts so far',
  resets: 'Starts, and why',
  at: 'When',
  isUntrusted: 'the clock was not to be trusted',
  why: 'Why',
  detail: 'What is known',
  ran: 'Ran before for',
}
