/**
 * Spans of the example programs, sent to the OpenTelemetry collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names:
 * `OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 npm start`
 */
import * as Layer from "effect/Layer"
import type { Levada } from "../adapters/promise/index.ts"

const endpoint = process.env["OTEL_EXPORTER_OTLP_ENDPOINT"]

const layer = async (url: string): Promise<Layer.Layer<never>> => {
  const [OtlpTracer, OtlpSerialization, FetchHttpClient] = await Promise.all([
    import("effect/observability/OtlpTracer"),
    import("effect/observability/OtlpSerialization"),
    import("effect/http/FetchHttpClient")
  ])
  const serviceName = process.env["OTEL_SERVICE_NAME"] ?? "levada"
  const resource = { serviceName, attributes: { "process.pid": process.pid } }
  return OtlpTracer.layer({ url: `${url}/v1/traces`, resource, exportInterval: "1 second" }).pipe(
    Layer.provide([OtlpSerialization.layerJson, FetchHttpClient.layer])
  )
}

/** For `Levada.make`: without a collector, nothing is traced and nothing loaded for it. */
export const tracing: Pick<Levada.Options<readonly []>, "telemetry"> = endpoint === undefined
  ? {}
  : { telemetry: await layer(endpoint.replace(/\/$/, "")) }
