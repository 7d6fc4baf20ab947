/**
 * SHA-256 (FIPS 180-4) of strings. Synchronous, because `pipeline.version` is a plain getter and Web Crypto is asynchronous;
 * core has no other digest that every runtime offers.
 */

const utf8 = new TextEncoder()

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const K: Int32Array = new Int32Array(64)
/** The first 32 bits of the fractional parts of the square roots of the first 8 primes. */
const START: Int32Array = new Int32Array(8)

const fraction = (root: number): number => ((root % 1) * 0x1_0000_0000) | 0

for (let candidate = 2, found = 0; found < 64; candidate++) {
  let factor = 2
  while (factor * factor <= candidate && candidate % factor !== 0) factor++
  if (factor * factor <= candidate) continue
  if (found < 8) START[found] = fraction(Math.sqrt(candidate))
  K[found++] = fraction(Math.cbrt(candidate))
}

const words = new Int32Array(64)
const state = new Int32Array(8)

/** SHA-256 of a string in UTF-8: 64 hexadecimal digits. An unpaired surrogate counts as U+FFFD. */
export const sha256 = (text: string): string => {
  const bytes = utf8.encode(text)
  const { length } = bytes
  state.set(START)
  let at = 0
  for (; at + 64 <= length; at += 64) {
    for (let word = 0, from = at; word < 16; word++, from += 4) {
      words[word] = (bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!
    }
    compress()
  }
  // The last block or two: the remaining bytes, one bit, zeros, and the length in bits.
  words.fill(0, 0, 16)
  for (let rest = 0; at + rest < length; rest++) words[rest >> 2]! |= bytes[at + rest]! << (24 - 8 * (rest & 3))
  const rest = length - at
  words[rest >> 2]! |= 0x80 << (24 - 8 * (rest & 3))
  if (rest >= 56) {
    compress()
    words.fill(0, 0, 16)
  }
  words[14] = Math.floor(length / 0x2000_0000)
  words[15] = length << 3
  compress()
  let hex = ""
  for (let word = 0; word < 8; word++) hex += (state[word]! >>> 0).toString(16).padStart(8, "0")
  return hex
}

const compress = (): void => {
  for (let at = 16; at < 64; at++) {
    const near = words[at - 2]!
    const far = words[at - 15]!
    const nearMixed = ((near >>> 17) | (near << 15)) ^ ((near >>> 19) | (near << 13)) ^ (near >>> 10)
    const farMixed = ((far >>> 7) | (far << 25)) ^ ((far >>> 18) | (far << 14)) ^ (far >>> 3)
    words[at] = (words[at - 16]! + farMixed + words[at - 7]! + nearMixed) | 0
  }
  let a = state[0]!
  let b = state[1]!
  let c = state[2]!
  let d = state[3]!
  let e = state[4]!
  let f = state[5]!
  let g = state[6]!
  let h = state[7]!
  for (let at = 0; at < 64; at++) {
    const eMixed = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const chosen = (e & f) ^ (~e & g)
    const added = (h + eMixed + chosen + K[at]! + words[at]!) | 0
    const aMixed = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const most = (a & b) ^ (a & c) ^ (b & c)
    h = g
    g = f
    f = e
    e = (d + added) | 0
    d = c
    c = b
    b = a
    a = (added + aMixed + most) | 0
  }
  state[0] = state[0]! + a
  state[1] = state[1]! + b
  state[2] = state[2]! + c
  state[3] = state[3]! + d
  state[4] = state[4]! + e
  state[5] = state[5]! + f
  state[6] = state[6]! + g
  state[7] = state[7]! + h
}
