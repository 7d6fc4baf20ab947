import { useEffect, useState } from "react"

const POLL_MILLIS = 5000

const read = async (pipelineId, signal) => {
  const response = await fetch(`/pipelines/${encodeURIComponent(pipelineId)}/status`, { signal })
  const body = await response.json()
  return response.ok ? body : { error: body.message }
}

/** Shows where a pipeline is, and asks again every five seconds. */
export const PipelineStatus = ({ pipelineId }) => {
  const [{ status, steps_completed, total_steps, error }, show] = useState({})
  useEffect(() => {
    const unmounted = new AbortController()
    const poll = () =>
      read(pipelineId, unmounted.signal)
        .catch(() => ({ error: "The server does not answer." }))
        .then((shown) => unmounted.signal.aborted || show(shown))
    poll()
    const interval = setInterval(poll, POLL_MILLIS)
    return () => {
      clearInterval(interval)
      unmounted.abort()
    }
  }, [pipelineId])
  return (
    <div>
      <h3>Pipeline: {pipelineId}</h3>
      {error === undefined ? <p>Status: {status}</p> : <p role="alert">{error}</p>}
      {total_steps !== undefined && (
        <p>
          Progress: {steps_completed} / {total_steps}
        </p>
      )}
    </div>
  )
}
