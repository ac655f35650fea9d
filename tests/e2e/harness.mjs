// What every end-to-end test stands on: a fresh browser with a fresh server around one page, and the gestures of a
// mouse and of fingers. A test fails by itself when the page writes an error to the console, throws, or asks another
// host for anything. Nothing is tried twice: a test that passes at times is a fault to find.

import { access, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { chromium } from 'playwright-core';
import { ROOT, startServer } from './server.mjs';

const BROWSER = process.env.CHROMIUM || '/usr/bin/chromium';
const BROWSER_ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];
const WAIT_MS_MAX = 15_000;
const FAILURES = join(ROOT, 'target/e2e-failures');

let failureCount = 0;

/** Starts the browser, without a page. */
export async function launchBrowser() {
  await access(BROWSER).catch(() => {
    throw new Error(`There is no browser at ${BROWSER}: run scripts/install-tools test, or set CHROMIUM to the path of one.`);
  });
  return chromium.launch({ executablePath: BROWSER, args: BROWSER_ARGUMENTS });
}

/** The settings of a browser context for a view of the page. */
export function contextOptions({ width = 1440, height = 900, theme = 'light', touch = false, reducedMotion = false, contrast = 'no-preference', forcedColors = 'none' } = {}) {
  return {
    viewport: { width, height },
    colorScheme: theme,
    hasTouch: touch,
    isMobile: touch,
    deviceScaleFactor: touch ? 2 : 1,
    reducedMotion: reducedMotion ? 'reduce' : 'no-preference',
    contrast,
    forcedColors,
    locale: 'en-GB',
    timezoneId: 'UTC',
  };
}

/** Collects what must not happen on a page; the list fills while the page lives. */
export function watchForErrors(page) {
  const errors = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => errors.push(`uncaught: ${error.stack || error}`));
  page.on('crash', () => errors.push('the page crashed'));
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    const own = ['data:', 'blob:', 'about:'].includes(protocol) || ['127.0.0.1', 'localhost'].includes(hostname);
    if (!own) errors.push(`a request to another host: ${request.url()}`);
  });
  return errors;
}

/**
 * Opens the built page in a browser of its own, hands it to `body`, and fails if `body` fails or the page had errors.
 *
 * @param {object}  options
 * @param {number}  [options.width]          of the view, in CSS pixels
 * @param {number}  [options.height]
 * @param {'light'|'dark'} [options.theme]   what the system prefers
 * @param {boolean} [options.touch]          a phone: fingers, no mouse, two device pixels to one
 * @param {string}  [options.path]           what follows the page's address, such as '?x=1#y'; beginning with '/hosts/'
 *                                           it is a page of an embedding host, on another origin
 * @param {boolean} [options.reducedMotion]  the system asks for less movement
 * @param {'more'|'no-preference'} [options.contrast]  the system asks for more contrast
 * @param {'active'|'none'} [options.forcedColors]     the system forces its own colours on the page
 * @param {string}  [options.dist]           folder with the built page
 * @param {string}  [options.hosts]          folder with the pages of hosts
 * @param {string}  [options.name]           names the picture in target/e2e-failures
 * @param {(view: {page: import('playwright-core').Page, url: string, errors: string[], server: object}) => Promise<void>} body
 *   A test that provokes an error on purpose looks for it in `errors` and empties the list with `errors.length = 0`.
 */
export async function withPage(options, body) {
  const { path = '', dist, hosts, name = basename(process.argv[1] ?? 'page', '.test.mjs') } = options;
  const server = await startServer({ dist, hosts });
  let browser;
  try {
    browser = await launchBrowser();
    const context = await browser.newContext(contextOptions(options));
    context.setDefaultTimeout(WAIT_MS_MAX);
    const page = await context.newPage();
    const errors = watchForErrors(page);
    const url = path.startsWith('/hosts/') ? server.hostUrl + path.slice('/hosts/'.length) : server.pageUrl + path;
    try {
      await page.goto(url, { waitUntil: 'load' });
      await body({ page, url, errors, server });
      if (errors.length > 0) throw new Error(`The page had errors:\n${errors.join('\n')}`);
    } catch (error) {
      await keepEvidence(page, name, error, errors);
      throw error;
    }
  } finally {
    await browser?.close();
    await server.close();
  }
}

/** Saves how the page looked when a test failed, and what it said. */
async function keepEvidence(page, name, error, errors) {
  failureCount += 1;
  const stem = join(FAILURES, `${name.replace(/[^\w-]+/g, '-')}-${process.pid}-${failureCount}`);
  await mkdir(FAILURES, { recursive: true });
  await writeFile(`${stem}.txt`, `${page.url()}\n\n${error.stack || error}\n\n${errors.join('\n')}\n`);
  await page.screenshot({ path: `${stem}.png`, timeout: 5_000 }).catch(() => {});
  console.error(`A picture of the failure is in ${stem}.png`);
}

/** Waits until the page can be used: its Play button is there. */
export async function ready(page) {
  await playButton(page).waitFor();
}

/** The button that starts the run. */
export function playButton(page) {
  return page.getByRole('button', { name: /play/i }).first();
}

/** The middle of an element, scrolled into view; a point stays what it is. */
export async function centre(target) {
  if (typeof target.boundingBox !== 'function') return target;
  await target.scrollIntoViewIfNeeded();
  const box = await target.boundingBox();
  if (!box) throw new Error(`${target} is not visible, so it has no middle.`);
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/**
 * Drags with the mouse from a locator or point to a locator or point, in many small moves as a hand makes them.
 * `hold: true` leaves the button pressed, to look at the page in the middle of a drag; `page.mouse.up()` ends it.
 */
export async function drag(page, from, to, { steps = 12, hold = false } = {}) {
  const start = await centre(from);
  await page.mouse.move(start.x, start.y);
  await page.mouse.down();
  const end = await centre(to);
  await page.mouse.move(end.x, end.y, { steps });
  if (!hold) await page.mouse.up();
}

/** Touches a locator or point once. */
export async function tap(page, target) {
  const { x, y } = await centre(target);
  await page.touchscreen.tap(x, y);
}

/**
 * Moves fingers over the screen, through Chromium's own input events. Each finger is a list of points, all lists of
 * one length; the fingers go down at their first points and up at their last.
 */
export async function touch(page, fingers, { holdMs = 0 } = {}) {
  const session = await page.context().newCDPSession(page);
  const at = (step) => fingers.map((points, id) => ({ ...points[step], id }));
  try {
    await session.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(0) });
    if (holdMs > 0) await page.waitForTimeout(holdMs);
    for (let step = 1; step < fingers[0].length; step += 1) {
      await session.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at(step) });
    }
    await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  } finally {
    await session.detach();
  }
}

/** Points on the straight line between two, both included. */
function line(from, to, steps) {
  return Array.from({ length: steps + 1 }, (_, step) => ({
    x: from.x + ((to.x - from.x) * step) / steps,
    y: from.y + ((to.y - from.y) * step) / steps,
  }));
}

/** Drags with one finger; `holdMs` is how long it rests before it moves, for what needs a long press. */
export async function touchDrag(page, from, to, { steps = 12, holdMs = 0 } = {}) {
  await touch(page, [line(await centre(from), await centre(to), steps)], { holdMs });
}

/** Rests a finger on a locator or point. */
export async function longPress(page, target, holdMs = 700) {
  await touch(page, [[await centre(target)]], { holdMs });
}

/** Pinches with two fingers around a locator or point: apart when `to` is more than `from`, both in CSS pixels. */
export async function pinch(page, target, { from, to, steps = 12 }) {
  const middle = await centre(target);
  const beside = (distance) => ({ x: middle.x + distance / 2, y: middle.y });
  await touch(page, [line(beside(-from), beside(-to), steps), line(beside(from), beside(to), steps)]);
}
