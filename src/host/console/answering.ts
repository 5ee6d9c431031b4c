import { ControlClient } from '../control-client.ts'

const ANSWER_MS = 2000

/** Whether a box serves from that folder and answers. */
export async function isAnswering(dataDir: string): Promise<boolean> {
  let client: ControlClient | undefined
  const { promise: late, resolve } = Promise.withResolvers<false>()
  const timer = setTimeout(() => resolve(false), ANSWER_MS)
  const asked = async (): Promise<boolean> => {
    client = await ControlClient.connect(dataDir)
    if (!client) return false
    await client.hello()
    return true
  }
  try {
    return await Promise.race([asked(), late])
  } catch {
    return false
  } finally {
    clearTimeout(timer)
    client?.close()
  }
}
