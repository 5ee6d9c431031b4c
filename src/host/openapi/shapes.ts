import Type, { type TProperties, type TSchema } from 'typebox'

/** What the document says of one route beside what the route itself checks. */
export interface Operation {
  readonly tag: Tag
  readonly summary: string
  readonly detail?: string
  /** Names that may stand behind the `?`. */
  readonly query?: TProperties
  /** Where the route reads its body by itself. */
  readonly body?: TSchema
  /** Where it is not JSON. */
  readonly bodyType?: string
  /** By status: of JSON its schema; of something else its media type; null: nothing follows the head. */
  readonly replies: Readonly<Record<number, TSchema | string | null>>
}

/** By method and path, as they are registered. */
export type Operations = Readonly<Record<string, Operation>>

export type Tag = (typeof TAGS)[number]['name']

export const TAGS = [
  { name: 'watching', description: 'How the box is: status, plots, alarms, the log.' },
  { name: 'messages', description: 'What waits, and what became of it.' },
  { name: 'users', description: 'Accounts, their devices and settings.' },
  { name: 'histories', description: 'What users keep of their messages.' },
  { name: 'jobs', description: 'Long work.' },
  { name: 'configuration', description: 'What stands, what a change would do, and changes on trial.' },
  { name: 'machine', description: 'Certificates, the clock, and tests on the spot.' },
  { name: 'access', description: 'Administrators, sessions, tokens, and the first run.' },
  { name: 'keeping', description: 'Backup, restore and the support bundle.' },
] as const

export const text = Type.String()
export const whole = Type.Integer()
export const yes = Type.Boolean()
export const time = Type.String({ format: 'date-time' })
export const closed = (properties: TProperties): TSchema => Type.Object(properties, { additionalProperties: false })
export const list = (items: TSchema): TSchema => Type.Array(items)
export const orNull = (schema: TSchema): TSchema => Type.Union([schema, Type.Null()])
export const oneOf = (...names: string[]): TSchema => Type.Enum(names)
export const perhaps = (schema: TSchema): TSchema => Type.Optional(schema)

/** What every list that is read page by page takes and gives. */
export const limit = (most: number, usual: number): TSchema =>
  perhaps(Type.Integer({ minimum: 1, maximum: most, default: usual }))
export const place = (description: string): TSchema => perhaps(Type.String({ description }))
export const next = orNull(text)
