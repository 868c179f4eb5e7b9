// Reads the PNG pictures that Chromium takes: 8 bits, RGB or RGBA, not interlaced
// (ISO/IEC 15948), as RGBA.
import { inflateSync } from 'node:zlib'

export function picture(png) {
  const width = png.readUInt32BE(16), height = png.readUInt32BE(20), kind = png[25]
  const size = { 2: 3, 6: 4 }[kind]
  if (png[24] !== 8 || !size || png[28]) throw new Error(`a PNG of another kind: ${png[24]} bits, colour ${kind}`)
  const parts = []
  for (let i = 8; i < png.length;) {
    const n = png.readUInt32BE(i)
    if (png.toString('latin1', i + 4, i + 8) === 'IDAT') parts.push(png.subarray(i + 8, i + 8 + n))
    i += 12 + n
  }
  const raw = inflateSync(Buffer.concat(parts)), line = width * size
  const data = new Uint8ClampedArray(width * height * 4)
  let before = new Uint8Array(line)
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (line + 1)], row = Uint8Array.from(raw.subarray(y * (line + 1) + 1, (y + 1) * (line + 1)))
    for (let x = 0; x < line; x++) {
      const a = x >= size ? row[x - size] : 0, b = before[x], c = x >= size ? before[x - size] : 0
      row[x] += [0, a, b, (a + b) >> 1, paeth(a, b, c)][filter]
    }
    for (let x = 0; x < width; x++) {
      for (let i = 0; i < 4; i++) data[(y * width + x) * 4 + i] = i < size ? row[x * size + i] : 255
    }
    before = row
  }
  return { data, width, height }
}

function paeth(a, b, c) {
  const p = a + b - c, pa = Math.abs(p - a), pb = Math.abs(p - b), pc = Math.abs(p - c)
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c
}
