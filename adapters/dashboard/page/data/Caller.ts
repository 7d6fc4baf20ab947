/** Who the caller is and what they may do, so that the page offers no action that the server would refuse. */
import { createContext } from "preact"
import { useContext } from "preact/hooks"
import type { Permission } from "../../../../core/values/Principal.ts"
import type { MeJson } from "../../../http/access/AccessWire.ts"
import { useResource } from "./Resource.ts"

/** Whether the caller has a permission: on a pipeline, or on all when none is given. */
export type May = (permission: Permission, pipelineId?: string) => boolean

/** The caller. */
export interface Caller {
  readonly me: MeJson | undefined
  readonly may: May
}

/** Until the server has answered, the caller may do nothing. */
export const CallerContext = createContext<Caller>({ me: undefined, may: () => false })

/** Asks the server. */
export const useMe = (): Caller => {
  const { data: me } = useResource<MeJson>("/me")
  return {
    me,
    // An access control list of a pipeline may allow less than the caller may do in general.
    may: (permission, pipelineId) =>
      me !== undefined &&
      (pipelineId !== undefined && Object.hasOwn(me.pipelines, pipelineId)
        ? me.pipelines[pipelineId]!
        : me.permissions
      ).includes(permission)
  }
}

export const useCaller = (): Caller => useContext(CallerContext)
