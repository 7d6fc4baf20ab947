/** Who the caller is and what they may do, so that the page offers no action that the server would refuse. */

import { createContext } from "preact"
import { useContext } from "preact/hooks"
import { useResource } from "./Resource.ts"

export type Permission = "read" | "execute" | "admin"

/** `GET /me`. */
export interface Me {
  readonly principal: { readonly id: string; readonly scheme: string; readonly roles: ReadonlyArray<string> } | null
  readonly is_secured: boolean
  readonly expires_at: string | null
  readonly permissions: ReadonlyArray<Permission>
  readonly pipelines: { readonly [id: string]: ReadonlyArray<Permission> | undefined }
  readonly narrowed_to: { readonly pipeline_id: string; readonly task_id: string | null } | null
}

/** Whether the caller has a permission: on a pipeline, or on all when none is given. */
export type May = (permission: Permission, pipelineId?: string) => boolean

/** The caller. */
export interface Caller {
  readonly me: Me | undefined
  readonly may: May
}

/** Before the server has said otherwise, the caller may do nothing. */
export const CallerContext = createContext<Caller>({ me: undefined, may: () => false })

/** Asks the server. */
export const useMe = (): Caller => {
  const { data: me } = useResource<Me>("/me")
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
