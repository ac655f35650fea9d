// Takes pictures of the page in several states, on a desktop and on a phone, light and dark, into target/shots.
//
//   node tests/e2e/shots.mjs                       all of them, of the page in dist
//   node tests/e2e/shots.mjs --only running,log    only these states
//   node tests/e2e/shots.mjs --dist other/folder   another build of the page
//
// To add a state, add an entry to STATES: a name and a function that brings a freshly opened page there.

import { mkdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { centre, contextOptions, launchBrowser, playButton, ready, tap, watchForErrors } from './harness.mjs';
import { ROOT, startServer } from './server.mjs';

const RUN_MS = 3_000;

const VIEWS = [
  { name: 'desktop', width: 1440, height: 900, touch: false },
  { name: 'phone', width: 390, height: 844, touch: true },
];
const THEMES = ['light', 'dark'];

const STATES = [
  { name: 'first', async drive() {} },
  {
    name: 'running',
    async drive(page, view) {
      await press(page, view, playButton(page));
      await page.waitForTimeout(RUN_MS);
    },
  },
  {
    name: 'inspector',
    async drive(page, view) {
      await pressAt(page, view, page.locator('[data-testid="node"][data-kind="producer"]').first());
    },
  },
  {
    name: 'log',
    async drive(page, view) {
      await press(page, view, playButton(page));
      await press(page, view, page.getByRole('tab', { name: /log/i }).first());
      await page.waitForTimeout(RUN_MS);
    },
  },
  {
    name: 'crash',
    path: '?scenario=consumer-crash',
    async drive(page, view) {
      await press(page, view, playButton(page));
      await page.waitForTimeout(2 * RUN_MS);
      await pressAt(page, view, page.locator('[data-testid="node"][data-kind="queue"]').first());
      await page.waitForTimeout(1_000);
    },
  },
  {
    name: 'console',
    path: '?scenario=consumer-crash',
    async drive(page, view) {
      await press(page, view, page.getByRole('tab', { name: 'Console' }).first());
      const line = page.getByLabel('Operation');
      for (const text of ['help', 'depth tasks', 'c1> get tasks']) {
        await line.fill(text);
        await line.press('Enter');
      }
      await page.waitForTimeout(500);
    },
  },
  {
    name: 'inside',
    path: '?scenario=consumer-crash',
    async drive(page, view) {
      await press(page, view, playButton(page));
      await page.waitForTimeout(RUN_MS);
      await pressAt(page, view, page.locator('[data-testid="node"][data-kind="queue"]').first());
      await page.getByRole('tab', { name: 'Inside' }).first().click({ force: true });
      await page.waitForTimeout(500);
    },
  },
  {
    name: 'guarantees',
    path: '?scenario=consumer-crash',
    async drive(page, view) {
      await press(page, view, playButton(page));
      await press(page, view, page.getByRole('tab', { name: 'Guarantees' }).first());
      await page.waitForTimeout(24_000);
      await press(page, view, page.locator('.guarantees td button:not([disabled])').nth(1));
      await page.waitForTimeout(500);
    },
  },
  {
    name: 'subscribers',
    path: '?scenario=pub-sub-notifications',
    async drive(page, view) {
      await press(page, view, playButton(page));
      await page.waitForTimeout(2 * RUN_MS);
    },
  },
  {
    name: 'open',
    async drive(page, view) {
      await press(page, view, page.getByRole('button', { name: 'Open', exact: true }));
    },
  },
  {
    name: 'share',
    async drive(page, view) {
      await press(page, view, page.getByRole('button', { name: 'Share', exact: true }));
    },
  },
  {
    name: 'palette',
    async drive(page, view) {
      if (view.touch) await press(page, view, page.getByRole('button', { name: 'Add a part' }));
      await press(page, view, page.locator('.item[data-kind="queue"]'));
    },
  },
  {
    name: 'counters',
    async drive(page, view) {
      await press(page, view, page.getByRole('button', { name: 'Play', exact: true }).last());
      await press(page, view, page.getByRole('tab', { name: 'Counters' }).first());
      await page.waitForTimeout(RUN_MS);
    },
  },
  {
    name: 'script',
    path: '?scenario=trap-redis-nothing-comes-back',
    async drive(page, view) {
      await press(page, view, playButton(page));
      await page.waitForTimeout(2 * RUN_MS);
    },
  },
  ...['contrast', 'forced'].map((name) => ({
    name,
    context: name === 'contrast' ? { contrast: 'more' } : { forcedColors: 'active' },
    async drive(page, view) {
      await press(page, view, playButton(page));
      await page.waitForTimeout(RUN_MS);
      await pressAt(page, view, page.locator('[data-testid="node"][data-kind="queue"]').first());
    },
  })),
  { name: 'figure', path: '?scenario=pub-sub-notifications&embed=1', async drive() {} },
  {
    name: 'figure-inspector',
    width: 900,
    path: '?scenario=work-queue&embed=1',
    async drive(page, view) {
      await pressAt(page, view, page.locator('[data-testid="node"][data-kind="consumer"]').first());
    },
  },
];

/** Presses the middle of something drawn: the canvas under it takes the pointer. */
async function pressAt(page, view, target) {
  const { x, y } = await centre(target);
  if (view.touch) await page.touchscreen.tap(x, y);
  else await page.mouse.click(x, y);
}

/** Presses with what the view has: a finger or a mouse. */
async function press(page, view, target) {
  if (view.touch) await tap(page, target);
  else await target.click();
}

/** Takes one picture and returns what went wrong on the way to it, if anything; the picture is taken all the same. */
async function shoot(browser, url, state, view, theme) {
  const context = await browser.newContext(contextOptions({ ...view, ...state.context, width: view.touch ? view.width : (state.width ?? view.width), theme }));
  context.setDefaultTimeout(5_000);
  const page = await context.newPage();
  const problems = watchForErrors(page);
  try {
    await page.goto(url + (state.path ?? ''), { waitUntil: 'load' });
    await ready(page);
    await state.drive(page, view);
    await page.waitForTimeout(300);
  } catch (error) {
    problems.push(error.message.split('\n')[0]);
  }
  const path = join(ROOT, 'target/shots', `${state.name}-${view.name}-${theme}.png`);
  await page.screenshot({ path });
  await context.close();
  console.log(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${relative(process.cwd(), path)}`);
  for (const problem of problems) console.log(`       ${problem}`);
  return problems;
}

const { values } = parseArgs({ options: { only: { type: 'string' }, dist: { type: 'string', default: 'dist' } } });
const wanted = values.only?.split(',') ?? STATES.map(({ name }) => name);
const unknown = wanted.filter((name) => !STATES.some((state) => state.name === name));
if (unknown.length > 0) {
  console.error(`There is no state ${unknown.join(', ')}. The states are: ${STATES.map(({ name }) => name).join(', ')}.`);
  process.exit(2);
}

await mkdir(join(ROOT, 'target/shots'), { recursive: true });
const server = await startServer({ dist: values.dist });
const browser = await launchBrowser();
let problemCount = 0;
for (const state of STATES.filter(({ name }) => wanted.includes(name))) {
  for (const view of VIEWS) {
    for (const theme of THEMES) {
      problemCount += (await shoot(browser, server.pageUrl, state, view, theme)).length;
    }
  }
}
await browser.close();
await server.close();
process.exitCode = problemCount === 0 ? 0 : 1;
