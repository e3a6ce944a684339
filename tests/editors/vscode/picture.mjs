// Makes a picture of a page of HTML, of its element <main>: picture.mjs TOOLS PAGE PNG

import { readFileSync, writeFileSync } from 'node:fs';
import { launch } from './browser.mjs';
import { png } from './png.mjs';

const [tools, page, target] = process.argv.slice(2);
if (!target) {
  console.error('usage: picture.mjs TOOLS PAGE PNG');
  process.exit(2);
}

/** The pixels of an image; run in the browser, which can read what it has written. */
async function pixels(encoded) {
  const image = new Image();
  image.src = `data:image/png;base64,${encoded}`;
  await image.decode();
  const { width, height } = image;
  const canvas = new OffscreenCanvas(width, height).getContext('2d');
  canvas.drawImage(image, 0, 0);
  const read = canvas.getImageData(0, 0, width, height).data;
  return { width, height, data: await new Response(new Blob([read])).bytes().then((bytes) => bytes.toBase64()) };
}

const browser = await launch(tools);
try {
  const tab = await browser.newPage();
  await tab.setContent(readFileSync(page, 'utf8'));
  const shot = await tab.locator('main').screenshot();
  const { width, height, data } = await tab.evaluate(pixels, shot.toString('base64'));
  writeFileSync(target, png(width, height, Buffer.from(data, 'base64')));
} finally {
  await browser.close();
}
