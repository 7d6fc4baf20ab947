/** What the driver and a server process say to each other. */
import type { Start } from "../../adapters/promise/index.ts"

/** What a server is asked. */
export type Asked =
  | { readonly is: "start"; readonly pipeline: string; readonly seed: number; readonly options: Start.Options }
  | { readonly is: "cancel"; readonly run: string; readonly step: string | undefined }

/** What it answers. */
export type Answer =
  | { readonly is: "ready"; readonly url?: string }
  | { readonly is: "done"; readonly id: number; readonly run: string }
  | { readonly is: "refused"; readonly id: number; readonly why: string }
