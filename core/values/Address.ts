/** IP addresses and networks as numbers. */

/** An IP address. An IPv4 address in IPv6 notation (`::ffff:10.0.0.1`) counts as IPv4. */
export interface Address {
  readonly bits: 32 | 128
  readonly value: bigint
}

/** All addresses with the same first `prefix` bits. */
export interface Network extends Address {
  readonly prefix: number
}

/** Parses an address, with or without brackets and zone; undefined when the text is no address. Source: RFC 4291, 2.2. */
export const parse = (text: string): Address | undefined => {
  const plain = (text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text).split("%")[0]!
  if (plain.length > 45) return undefined
  return plain.includes(":") ? parseV6(plain) : parseV4(plain)
}

const parseV4 = (text: string): Address | undefined => {
  const parts = text.split(".")
  // No leading zeros: some parsers read them as octal.
  if (parts.length !== 4 || parts.some((part) => !/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255))
    return undefined
  return { bits: 32, value: parts.reduce((value, part) => value * 256n + BigInt(part), 0n) }
}

const parseV6 = (text: string): Address | undefined => {
  const dotted = /^(.*:)([\d.]+)$/.exec(text)
  const v4 = dotted === null ? undefined : parseV4(dotted[2]!)
  if (dotted !== null && dotted[2]!.includes(".")) {
    if (v4 === undefined) return undefined
    const low = v4.value
    return parseV6(`${dotted[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`)
  }
  const halves = text.split("::")
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":"))) as [Array<string>, Array<string>?]
  const missing = 8 - head.length - (tail?.length ?? 0)
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...Array.from({ length: missing }, () => "0"), ...(tail ?? [])]
  if (groups.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return undefined
  const value = groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n)
  return value >> 32n === 0xffffn ? { bits: 32, value: value & 0xffffffffn } : { bits: 128, value }
}

/** Parses `10.0.0.0/8`, `fd00::/8` or a single address; undefined when the text is neither. */
export const parseNetwork = (text: string): Network | undefined => {
  const [first = "", length, ...rest] = text.split("/")
  const address = parse(first)
  if (address === undefined || rest.length > 0) return undefined
  if (length === undefined) return { ...address, prefix: address.bits }
  return /^\d{1,3}$/.test(length) && Number(length) <= address.bits ? { ...address, prefix: Number(length) } : undefined
}

/** Whether an address is in a network. */
export const isIn = (address: Address, { bits, value, prefix }: Network): boolean =>
  address.bits === bits && (address.value ^ value) >> BigInt(bits - prefix) === 0n

/**
 * The key under which requests from an address are counted: an IPv4 address itself, or the /64 network of an IPv6 address,
 * because the owner of one such address has the whole network. Any other text is its own key.
 */
export const owner = (text: string): string => {
  const address = text.includes(":") ? parse(text) : undefined
  if (address === undefined) return text
  const { bits, value } = address
  if (bits === 128) return `${(value >> 64n).toString(16)}::/64`
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".")
}
