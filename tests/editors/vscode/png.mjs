// Writes a PNG of at most 256 colours, which takes half the room of one that a browser writes.

import { crc32, deflateSync } from 'node:zlib';

const MOST = 256;

function chunk(name, data) {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const framed = Buffer.alloc(named.length + 8);
  framed.writeUInt32BE(data.length, 0);
  named.copy(framed, 4);
  framed.writeUInt32BE(crc32(named), named.length + 4);
  return framed;
}

const channels = (colour) => [colour >> 16, (colour >> 8) & 255, colour & 255];

function distance(one, other) {
  const there = channels(other);
  return channels(one).reduce((sum, value, at) => sum + (value - there[at]) ** 2, 0);
}

/** The most frequent colours, and the index that every colour gets: its own, or that of the one most like it. */
function palette(colours) {
  const counts = new Map();
  for (const colour of colours) {
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const all = [...counts.keys()].sort((one, other) => counts.get(other) - counts.get(one) || one - other);
  const kept = all.slice(0, MOST);
  // All but edges of letters are drawn in few colours, so those in frequent use stay exact.
  const nearest = (colour) => kept.reduce((best, other, at) => (distance(colour, other) < distance(colour, kept[best]) ? at : best), 0);
  return { kept, index: new Map(all.map((colour, at) => [colour, at < MOST ? at : nearest(colour)])) };
}

/** The bytes of a PNG, from pixels of four bytes: red, green, blue and an opacity that is left out. */
export function png(width, height, pixels) {
  const colours = Uint32Array.from({ length: width * height }, (_, at) => pixels.readUInt32BE(4 * at) >>> 8);
  const { kept, index } = palette(colours);
  const rows = Buffer.alloc((width + 1) * height); // each begins with a 0: not filtered
  colours.forEach((colour, at) => {
    rows[at + Math.floor(at / width) + 1] = index.get(colour);
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3], 8); // eight bits a pixel, each an index
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(kept.flatMap(channels))),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
