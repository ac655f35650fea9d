// The page's WebAssembly comes in two parts: opening and playing takes only the first, everything else brings the second.
// When a test here names functions that asked for the second, run scripts/measure-first-visit.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { centre, playButton, ready, withPage } from './harness.mjs';
import { ROOT } from './server.mjs';

const SECOND = /\/patchbay-second-[0-9a-f]{16}\.wasm$/;
const MISSING = /could not be loaded\. Your drawing is kept/;

const nodes = (page) => page.locator('[data-testid="node"]');
const consumer = (page) => page.locator('[data-testid="node"][data-kind="consumer"]').first();

/** The requests for the second part from now on. */
function requestsForSecond(page) {
  const requests = [];
  page.on('request', (request) => SECOND.test(request.url()) && requests.push(request.resourceType()));
  return requests;
}

/** The functions of the second part that were called before it was there. */
async function doorsOpened(page) {
  const marks = await page.evaluate(() => performance.getEntriesByType('mark').map((mark) => mark.name));
  const numbers = marks.flatMap((mark) => mark.match(/^second part, door (\d+)$/)?.[1] ?? []);
  const names = (await readFile(`${ROOT}/target/doors.txt`, 'utf8').catch(() => '')).split('\n');
  return numbers.map((number) => names[number] || `door ${number}`);
}

async function clockIsPast(page, seconds) {
  await page.waitForFunction((least) => parseFloat(document.querySelector('[data-testid="clock"]').textContent) > least, seconds, { timeout: 60_000 });
}

async function select(page, node) {
  const { x, y } = await centre(node);
  await page.mouse.click(x, y);
}

test('opening the page brings only the first part, and playing needs no other', async () => {
  await withPage({ name: 'parts-first' }, async ({ page, errors }) => {
    // From the very beginning, and as if the second part were not there.
    const requests = requestsForSecond(page);
    await page.route(SECOND, (route) => route.abort());
    await page.reload();
    await ready(page);
    await page.waitForTimeout(2_000);
    assert.deepEqual(requests, [], 'nobody has touched the page');
    await playButton(page).click();
    await clockIsPast(page, 8);
    assert.deepEqual(await doorsOpened(page), [], 'playing needs the first part alone');
    assert.deepEqual(requests, ['fetch'], 'but a hand on the mouse brings the second');
    errors.length = 0;
  });
});

for (const mode of ['view', 'play']) {
  test(`a figure in mode ${mode} does without the second part`, async () => {
    const path = `?scenario=consumer-crash&embed=1&mode=${mode}`;
    await withPage({ name: `parts-${mode}`, path, width: 800, height: 420 }, async ({ page }) => {
      const requests = requestsForSecond(page);
      await page.reload();
      await nodes(page).first().waitFor();
      if (mode === 'play') {
        await page.getByLabel('Speed').selectOption({ label: '5×' });
        await playButton(page).click();
        // Past a crash that was planned, and the restart.
        await clockIsPast(page, 30);
      } else {
        await page.waitForTimeout(2_000);
      }
      assert.deepEqual(await doorsOpened(page), []);
      assert.deepEqual(requests, []);
    });
  });
}

test('a click brings the second part', async () => {
  await withPage({ name: 'parts-click' }, async ({ page }) => {
    const requests = requestsForSecond(page);
    await ready(page);
    await page.mouse.move(400, 300);
    await select(page, consumer(page));
    await page.getByTestId('inspector').getByLabel('Prefetch').first().waitFor();
    assert.ok(requests.length > 0);
    const count = await nodes(page).count();
    await page.keyboard.press('Delete');
    assert.equal(await nodes(page).count(), count - 1);
  });
});

test('a call that comes before the second part waits for it', async () => {
  await withPage({ name: 'parts-at-once' }, async ({ page, errors }) => {
    const requests = requestsForSecond(page);
    await page.route(SECOND, (route) => (route.request().resourceType() === 'fetch' ? route.abort() : route.continue()));
    await ready(page);
    const stopped = page.waitForEvent('requestfailed');
    await page.mouse.move(400, 300);
    await stopped;
    await select(page, consumer(page));
    await page.getByTestId('inspector').getByLabel('Prefetch').first().waitFor();
    assert.deepEqual(requests, ['fetch', 'xhr']);
    assert.ok((await doorsOpened(page)).length > 0);
    // Chromium writes the request that was stopped to the console.
    assert.ok(errors.every((error) => error.includes('ERR_FAILED')), errors.join('\n'));
    errors.length = 0;
  });
});

test('without the second part there is a word, and the drawing is as it was', async () => {
  await withPage({ name: 'parts-missing' }, async ({ page, errors }) => {
    await ready(page);
    await select(page, consumer(page));
    await page.getByTestId('inspector').getByLabel('Prefetch').first().waitFor();
    await page.keyboard.press('Delete');
    await page.getByTestId('inspector').getByLabel('Prefetch').first().waitFor({ state: 'detached' });
    const count = await nodes(page).count();
    await page.route(SECOND, (route) => route.fulfill({ status: 404, body: 'There is nothing here.' }));
    await page.reload();
    await ready(page);
    assert.equal(await nodes(page).count(), count);
    await select(page, consumer(page));
    const dialog = page.getByRole('alertdialog');
    await dialog.getByText(MISSING).waitFor();
    await page.keyboard.press('Escape');
    assert.ok(await dialog.isVisible(), 'the page can only be loaded again');
    // Each call of the missing part says so; a click can make several.
    assert.ok(errors.length > 0 && errors.every((error) => /404|The second part of the page is missing/.test(error)), errors.join('\n'));
    errors.length = 0;

    await page.unroute(SECOND);
    await dialog.getByRole('button', { name: 'Reload' }).click();
    await ready(page);
    assert.equal(await nodes(page).count(), count);
    await select(page, consumer(page));
    await page.getByTestId('inspector').getByLabel('Prefetch').first().waitFor();
    await page.keyboard.press('Delete');
    await page.getByTestId('inspector').getByLabel('Prefetch').first().waitFor({ state: 'detached' });
    assert.equal(await nodes(page).count(), count - 1);
  });
});
