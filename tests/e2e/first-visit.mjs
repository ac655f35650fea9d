// Visits a page that says which of its functions run (scripts/measure-first-visit builds it), as people who have never
// been there do: they open it, press Play and watch, or read a course page with a figure in it. Writes the names down.
//
//   node first-visit.mjs <folder with that page> <file for the names>

import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { playButton, ready, withPage } from './harness.mjs';

const [, , dist, output] = process.argv;
// The chapter's own examples. The brokers and scenarios beyond them come with the second part.
const FIGURES = ['work-queue', 'pub-sub-notifications', 'order-processing-queue', 'email-contact-form', 'consumer-crash'];
const WATCHED_SECONDS = 30;

const ran = new Set();

async function visit(name, options, look) {
  await withPage({ name: `first-visit-${name}`, dist: resolve(dist), ...options }, async ({ page }) => {
    await look(page);
    const before = ran.size;
    (await page.evaluate(() => globalThis.functionsThatRan())).forEach((each) => ran.add(each));
    console.log(`${name}: ${ran.size - before} functions that had not run before`);
  });
}

async function watch(page, speed) {
  if (speed) await page.getByLabel('Speed').selectOption({ label: speed });
  await playButton(page).click();
  const isPast = (seconds) => parseFloat(document.querySelector('[data-testid="clock"]').textContent) > seconds;
  await page.waitForFunction(isPast, WATCHED_SECONDS, { timeout: 120_000 });
}

const open = async (page) => {
  await ready(page);
  await page.waitForTimeout(2_000);
};

for (const [name, options] of [
  ['desktop', { theme: 'light' }],
  ['phone', { theme: 'dark', width: 390, height: 844, touch: true }],
  ['less-movement', { reducedMotion: true }],
]) {
  await visit(`${name}-open`, options, open);
  await visit(name, options, async (page) => {
    await open(page);
    await watch(page);
  });
}
for (const id of FIGURES) {
  const figure = (mode) => ({ path: `?scenario=${id}&embed=1&mode=${mode}`, width: 800, height: 420 });
  await visit(`${id}-view`, figure('view'), async (page) => {
    await page.locator('[data-testid="node"]').first().waitFor();
    await page.waitForTimeout(2_000);
  });
  await visit(`${id}-play`, figure('play'), async (page) => {
    await page.locator('[data-testid="node"]').first().waitFor();
    await watch(page, '5×');
  });
}

const head = `# What runs on a first visit, as scripts/measure-first-visit has seen it. These functions are the first part of the page.\n`;
await writeFile(output, head + [...ran].sort().map((name) => `${name}\n`).join(''));
console.log(`${ran.size} functions ran.`);
