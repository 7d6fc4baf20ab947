/** Draws a graph as one SVG that can be moved and enlarged. Only nodes in view are drawn, and no text that is too small to read. */
import type { JSX } from "preact"
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks"
import { Icon } from "../parts/Icon.tsx"
import { wordOf } from "../parts/Status.tsx"
import { durationText } from "../parts/Time.tsx"
import type { StepDetail } from "../run/Outline.ts"
import type { Box, Edge, Layout, Node } from "./Layout.ts"

/** The part of the graph that is in view: its upper left corner, and pixels of the screen per pixel of the layout. */
interface Camera {
  readonly x: number
  readonly y: number
  readonly zoom: number
}

const MAX_ZOOM = 2
const MIN_ZOOM = 0.02
/** Below this zoom texts are too small to read. */
const READABLE = 0.45
const PADDING = 24
/** The most nodes that are drawn with their shapes; beyond, edges are left out. */
const MAX_DRAWN = 1_500

export const Canvas = ({
  layout,
  only,
  stateOf,
  hrefOf
}: {
  readonly layout: Layout
  /** The nodes to show; undefined: all. */
  readonly only: ReadonlySet<number> | undefined
  readonly stateOf: (node: Node) => StepDetail | undefined
  readonly hrefOf: ((step: string) => string) | undefined
}): JSX.Element => {
  const box = useRef<HTMLDivElement>(null)
  const [size, setSize] = useState({ width: 800, height: 480 })
  const [moved, setMoved] = useState<Camera>()
  const fitted = useMemo(() => cameraFor(layout, only, size), [layout, only, size])
  const camera = moved ?? fitted
  useEffect(() => {
    const element = box.current!
    const observer = new ResizeObserver(() =>
      setSize({ width: Math.max(1, element.clientWidth), height: Math.max(1, element.clientHeight) })
    )
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  useEffect(() => setMoved(undefined), [only])

  const zoomBy = useCallback(
    (factor: number, at: { readonly x: number; readonly y: number } = { x: size.width / 2, y: size.height / 2 }) =>
      setMoved((last) => {
        const { x, y, zoom } = last ?? fitted
        const next = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, zoom * factor))
        return { x: x + at.x / zoom - at.x / next, y: y + at.y / zoom - at.y / next, zoom: next }
      }),
    [fitted, size]
  )
  useEffect(() => {
    const element = box.current!
    const wheel = (event: WheelEvent): void => {
      // Without a modifier the wheel scrolls the page, as everywhere.
      if (!event.ctrlKey && !event.metaKey) return
      event.preventDefault()
      const { left, top } = element.getBoundingClientRect()
      zoomBy(Math.exp(-event.deltaY / 300), { x: event.clientX - left, y: event.clientY - top })
    }
    element.addEventListener("wheel", wheel, { passive: false })
    return () => element.removeEventListener("wheel", wheel)
  }, [zoomBy])

  const drag = useRef<{ readonly x: number; readonly y: number; readonly from: Camera }>(undefined)
  const shown = useMemo(() => inView(layout, only, camera, size), [layout, only, camera, size])
  const height = Math.min(640, Math.max(220, (layout.height + 2 * PADDING) * Math.min(1, fitted.zoom)))
  return (
    <div class="canvas">
      <div class="tools">
        <button type="button" aria-label="Enlarge" title="Enlarge" onClick={() => zoomBy(1.4)}>
          <Icon name="plus" />
        </button>
        <button type="button" aria-label="Shrink" title="Shrink (Ctrl and wheel)" onClick={() => zoomBy(1 / 1.4)}>
          <Icon name="minus" />
        </button>
        <button type="button" aria-label="Fit all" title="Fit all" onClick={() => setMoved(undefined)}>
          <Icon name="fit" />
        </button>
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for controls */}
      <div
        ref={box}
        class="paper"
        style={{ height: `${height}px` }}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move the graph
        tabIndex={0}
        role="group"
        aria-label={`Graph of ${layout.nodes.length} nodes. Arrow keys move it, + and − change its size.`}
        onKeyDown={(event) => {
          const way = MOVES[event.key]
          if (way === undefined) return
          event.preventDefault()
          if ("by" in way) zoomBy(way.by)
          else setMoved({ ...camera, x: camera.x + way.x / camera.zoom, y: camera.y + way.y / camera.zoom })
        }}
        onPointerDown={(event) => {
          if (event.button !== 0 || (event.pointerType === "touch" && !event.isPrimary)) return
          drag.current = { x: event.clientX, y: event.clientY, from: camera }
        }}
        onPointerMove={(event) => {
          const { current } = drag
          if (current === undefined || event.buttons === 0) return
          const [x, y] = [event.clientX - current.x, event.clientY - current.y]
          // A small movement is still a click.
          if (Math.abs(x) + Math.abs(y) < 4) return
          event.currentTarget.setPointerCapture(event.pointerId)
          const { from } = current
          setMoved({ ...from, x: from.x - x / from.zoom, y: from.y - y / from.zoom })
        }}
        onPointerUp={() => {
          drag.current = undefined
        }}
      >
        <svg
          width={size.width}
          height={size.height}
          viewBox={`${camera.x} ${camera.y} ${size.width / camera.zoom} ${size.height / camera.zoom}`}
          role="presentation"
        >
          {layout.boxes.map((of) => (
            <BoxShape key={`${of.kind} ${of.name}`} box={of} isReadable={camera.zoom >= READABLE} />
          ))}
          {shown.edges.map((edge) => (
            <EdgeShape key={`${edge.from} ${edge.to} ${edge.arm ?? ""}`} edge={edge} />
          ))}
          {shown.nodes.map((node) => (
            <NodeShape
              key={node.name}
              node={node}
              state={stateOf(node)}
              href={
                node.steps === 1 && node.kind !== "pipeline" && node.kind !== "group" ? hrefOf?.(node.name) : undefined
              }
              isReadable={camera.zoom >= READABLE}
            />
          ))}
        </svg>
      </div>
    </div>
  )
}

const STEP = 60
const MOVES: {
  readonly [key: string]: { readonly x: number; readonly y: number } | { readonly by: number } | undefined
} = {
  ArrowLeft: { x: -STEP, y: 0 },
  ArrowRight: { x: STEP, y: 0 },
  ArrowUp: { x: 0, y: -STEP },
  ArrowDown: { x: 0, y: STEP },
  "+": { by: 1.4 },
  "=": { by: 1.4 },
  "-": { by: 1 / 1.4 }
}

/** The camera that has all nodes in view, or begins at the top of a graph that would be too small. */
const cameraFor = (
  { nodes, width, height }: Layout,
  only: ReadonlySet<number> | undefined,
  size: { readonly width: number; readonly height: number }
): Camera => {
  const shown = only === undefined ? [{ x: 0, y: 0, width, height }] : [...only].map((at) => nodes[at]!)
  const left = Math.min(...shown.map(({ x }) => x))
  const top = Math.min(...shown.map(({ y }) => y))
  const wide = Math.max(...shown.map(({ x, width }) => x + width)) - left + 2 * PADDING
  const high = Math.max(...shown.map(({ y, height }) => y + height)) - top + 2 * PADDING
  const zoom = Math.max(MIN_ZOOM, Math.min(1, size.width / wide, 640 / high))
  const readable = zoom < READABLE && nodes.length > MANY_NODES ? READABLE : zoom
  return {
    x:
      wide * readable > size.width && readable !== zoom
        ? left - PADDING
        : left - PADDING - (size.width / readable - wide) / 2,
    y: top - PADDING,
    zoom: readable
  }
}

/** A larger graph opens at a readable size instead of as a whole. */
const MANY_NODES = 60

/** What the camera sees. */
const inView = (
  { nodes, edges }: Layout,
  only: ReadonlySet<number> | undefined,
  { x, y, zoom }: Camera,
  size: { readonly width: number; readonly height: number }
): { readonly nodes: ReadonlyArray<Node>; readonly edges: ReadonlyArray<Edge> } => {
  const [right, bottom] = [x + size.width / zoom, y + size.height / zoom]
  const isShown = (at: number): boolean => only === undefined || only.has(at)
  const visible = nodes.filter(
    (node, at) =>
      isShown(at) && node.x <= right && node.x + node.width >= x && node.y <= bottom && node.y + node.height >= y
  )
  if (visible.length > MAX_DRAWN) return { nodes: visible, edges: [] }
  const crossing = edges.filter(({ from, to, points }) => {
    // Each point is below the one before.
    if (!isShown(from) || !isShown(to) || points[0]![1] > bottom || points.at(-1)![1] < y) return false
    const places = points.map(([place]) => place)
    return Math.min(...places) <= right && Math.max(...places) >= x
  })
  return { nodes: visible, edges: crossing.slice(0, 2 * MAX_DRAWN) }
}

const BoxShape = ({ box, isReadable }: { readonly box: Box; readonly isReadable: boolean }): JSX.Element => (
  <g class="box">
    <rect x={box.x} y={box.y} width={box.width} height={box.height} rx={8} />
    {isReadable && (
      <text x={box.x + 10} y={box.y + 16}>
        {clipped(box.label, box.width - 20)}
      </text>
    )}
  </g>
)

/** A curve through the edge's points, with an arrow at its end. */
const EdgeShape = ({ edge: { points, arm } }: { readonly edge: Edge }): JSX.Element => {
  const [first, ...rest] = points
  const last = points.at(-1)!
  let d = `M${first![0]} ${first![1]}`
  let [fromX, fromY] = first!
  for (const [at, [x, y]] of rest.entries()) {
    const bottom = at === rest.length - 1 ? y - 6 : y
    const middle = (fromY + bottom) / 2
    d += bottom > fromY ? `C${fromX} ${middle} ${x} ${middle} ${x} ${bottom}` : `L${x} ${bottom}`
    ;[fromX, fromY] = [x, y]
  }
  return (
    <g class="edge">
      <path d={d} />
      <path class="head" d={`M${last[0] - 4} ${last[1] - 7}h8l-4 7z`} />
      {arm !== undefined && (
        <text x={(first![0] + last[0]) / 2 + 6} y={(first![1] + last[1]) / 2}>
          {arm}
        </text>
      )}
    </g>
  )
}

/** About how wide a sign of a label is, in pixels. */
const SIGN_WIDTH = 7

const clipped = (text: string, width: number): string => {
  const most = Math.max(3, Math.floor(width / SIGN_WIDTH))
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}

const detailOf = (node: Node, state: StepDetail | undefined): string =>
  [
    node.kind === "task" ? "" : node.steps > 1 ? `${node.kind} of ${node.steps} steps` : node.kind,
    state === undefined ? "" : `${SIGNS[state.status]} ${wordOf(state.status).toLowerCase()}`,
    state?.progress != null && state.status === "RUNNING" ? `${state.progress.done} of ${state.progress.total}` : "",
    state?.duration_ms == null ? "" : durationText(state.duration_ms)
  ]
    .filter((text) => text !== "")
    .join(" · ")

const SIGNS: { readonly [Status in StepDetail["status"]]: string } = {
  PENDING: "○",
  RUNNING: "▶",
  COMPLETED: "✓",
  FAILED: "✗",
  SKIPPED: "↷",
  CANCELLED: "■"
}

const NodeShape = ({
  node,
  state,
  href,
  isReadable
}: {
  readonly node: Node
  readonly state: StepDetail | undefined
  readonly href: string | undefined
  readonly isReadable: boolean
}): JSX.Element => {
  const { x, y, width, height, label, kind } = node
  const detail = detailOf(node, state)
  const middle = x + width / 2
  const shape = (
    <g class={`node ${kind} ${state?.status ?? ""}`}>
      <title>{[node.name, detail].filter((text) => text !== "").join(", ")}</title>
      {(kind === "map" || kind === "filter" || kind === "pipeline" || kind === "group") && (
        <rect x={x + 4} y={y + 4} width={width} height={height} rx={6} />
      )}
      {kind === "branch" ? (
        <polygon
          points={`${x + 12},${y} ${x + width - 12},${y} ${x + width},${y + height / 2} ${x + width - 12},${y + height} ${x + 12},${y + height} ${x},${y + height / 2}`}
        />
      ) : (
        <rect x={x} y={y} width={width} height={height} rx={6} />
      )}
      {isReadable && (
        <>
          <text class="label" x={middle} y={y + (detail === "" ? height / 2 + 5 : height / 2 - 2)}>
            {clipped(label, width - 12)}
          </text>
          {detail !== "" && (
            <text class="detail" x={middle} y={y + height / 2 + 14}>
              {clipped(detail, (width - 8) * 1.15)}
            </text>
          )}
        </>
      )}
    </g>
  )
  return href === undefined ? shape : <a href={href}>{shape}</a>
}
