/** Makes PNGs of pages small: at most 256 colours, which is what a page of flat areas and text needs. */
import { crc32, deflateSync, inflateSync } from "node:zlib"

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const MAX_COLOURS = 256

/** A picture with 8 bits for each of red, green and blue. */
interface Picture {
  readonly width: number
  readonly height: number
  readonly pixels: Buffer
}

/** The same picture with a palette; colours that are not in it become the nearest one that is. */
export const withPalette = (png: Buffer): Buffer => {
  const { width, height, pixels } = read(png)
  const counts = new Map<number, number>()
  for (let at = 0; at < pixels.length; at += 3) {
    const colour = pixels.readUIntBE(at, 3)
    counts.set(colour, (counts.get(colour) ?? 0) + 1)
  }
  const palette = chosen([...counts].sort(([, a], [, b]) => b - a).map(([colour]) => colour))
  const places = new Map(palette.map((colour, place) => [colour, place]))
  const rows = Buffer.alloc(height * (width + 1))
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const colour = pixels.readUIntBE(3 * (y * width + x), 3)
      let place = places.get(colour)
      if (place === undefined) {
        place = nearest(colour, palette)
        places.set(colour, place)
      }
      rows[y * (width + 1) + 1 + x] = place
    }
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 3, 0, 0, 0], 8)
  const colours = Buffer.alloc(3 * palette.length)
  for (const [place, colour] of palette.entries()) colours.writeUIntBE(colour, 3 * place, 3)
  const data = deflateSync(rows, { level: 9 })
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("PLTE", colours),
    chunk("IDAT", data),
    chunk("IEND", Buffer.alloc(0))
  ])
}

/** The most frequent ones first; then rare ones, those first that are far from all before. */
const chosen = (colours: ReadonlyArray<number>): ReadonlyArray<number> => {
  const palette = new Set(colours.slice(0, MAX_COLOURS / 4))
  for (const far of [48, 24, 12, 6, 0]) {
    for (const colour of colours) {
      if (palette.size === MAX_COLOURS) return [...palette]
      if (!palette.has(colour) && [...palette].every((other) => distance(colour, other) >= far * far))
        palette.add(colour)
    }
  }
  return [...palette]
}

const distance = (one: number, other: number): number => {
  const red = (one >> 16) - (other >> 16)
  const green = ((one >> 8) & 255) - ((other >> 8) & 255)
  const blue = (one & 255) - (other & 255)
  return red * red + green * green + blue * blue
}

const nearest = (colour: number, palette: ReadonlyArray<number>): number => {
  let best = 0
  let least = Number.POSITIVE_INFINITY
  for (const [place, other] of palette.entries()) {
    const found = distance(colour, other)
    if (found < least) {
      least = found
      best = place
    }
  }
  return best
}

const chunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data])
  const whole = Buffer.alloc(body.length + 8)
  whole.writeUInt32BE(data.length, 0)
  whole.set(body, 4)
  whole.writeUInt32BE(crc32(body), body.length + 4)
  return whole
}

/** Reads a PNG as browsers write it: 8 bits of red, green and blue, with or without opacity, not interlaced. */
const read = (png: Buffer): Picture => {
  let width = 0
  let height = 0
  let samples = 3
  const data: Array<Buffer> = []
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at)
    const type = png.toString("latin1", at + 4, at + 8)
    const body = png.subarray(at + 8, at + 8 + length)
    if (type === "IHDR") {
      width = body.readUInt32BE(0)
      height = body.readUInt32BE(4)
      const [depth, colours, , , interlace] = body.subarray(8)
      if (depth !== 8 || (colours !== 2 && colours !== 6) || interlace !== 0)
        throw new Error(`Not a PNG of a page: depth ${depth}, colour type ${colours}, interlace ${interlace}`)
      samples = colours === 2 ? 3 : 4
    } else if (type === "IDAT") data.push(body)
    at += length + 12
  }
  return { width, height, pixels: unfiltered(inflateSync(Buffer.concat(data)), width, height, samples) }
}

/** Undoes the filters of the rows; leaves the opacity out. */
const unfiltered = (data: Buffer, width: number, height: number, samples: number): Buffer => {
  const length = width * samples
  const pixels = Buffer.alloc(width * height * 3)
  let above = Buffer.alloc(length)
  for (let y = 0; y < height; y++) {
    const start = y * (length + 1)
    const filter = data[start]!
    const row = Buffer.from(data.subarray(start + 1, start + 1 + length))
    for (let x = 0; x < length; x++) {
      const left = x < samples ? 0 : row[x - samples]!
      const up = above[x]!
      const corner = x < samples ? 0 : above[x - samples]!
      row[x] =
        row[x]! +
        (filter === 0
          ? 0
          : filter === 1
            ? left
            : filter === 2
              ? up
              : filter === 3
                ? (left + up) >> 1
                : paeth(left, up, corner))
    }
    for (let x = 0; x < width; x++) row.copy(pixels, 3 * (y * width + x), x * samples, x * samples + 3)
    above = row
  }
  return pixels
}

/** The predictor of PNG's fourth filter. */
const paeth = (left: number, up: number, corner: number): number => {
  const estimate = left + up - corner
  const [byLeft, byUp, byCorner] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - corner)]
  return byLeft <= byUp && byLeft <= byCorner ? left : byUp <= byCorner ? up : corner
}
