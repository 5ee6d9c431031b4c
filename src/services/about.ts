/** What the box is made of. */
export interface AboutService {
  /** Packages inside, in order of name. Read once; empty where the box was built without saying. */
  packages(): Promise<readonly InnerPackage[]>
  /** The terms of one, as its authors wrote them; undefined: there is no such package, or it came without a text. */
  licence(name: string, version: string): Promise<string | undefined>
  /** CycloneDX, as JSON; undefined where the box was built without saying what is inside. */
  sbom(): Promise<string | undefined>
  /** A page of the manual that is kept on the box, as Markdown. */
  document(name: string): Promise<string | undefined>
  readonly documents: readonly string[]
  readonly runtime: string
}

export interface InnerPackage {
  readonly name: string
  readonly version: string
  /** SPDX expression. */
  readonly licence: string
  readonly hasText: boolean
}
