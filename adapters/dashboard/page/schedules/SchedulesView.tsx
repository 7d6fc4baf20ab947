/** All schedules. */
import type { JSX } from "preact"
import { ScheduleList } from "./ScheduleList.tsx"

export const SchedulesView = (): JSX.Element => (
  <>
    <header class="view">
      <h1>Schedules</h1>
    </header>
    <ScheduleList />
  </>
)
