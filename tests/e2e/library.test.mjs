// Every ready scenario plays in the page without an error: each product draws what it sends.

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { playButton, ready, withPage } from './harness.mjs';
import { ROOT } from './server.mjs';

const files = await readdir(join(ROOT, 'src/scenario/library'));
const ids = files.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length));
const PLAYED_MS = 1_500;

test('there are ready scenarios', () => assert.ok(ids.length >= 5));

for (const id of ids) {
  test(`${id} plays`, async () => {
    await withPage({ name: `library-${id}`, path: `?scenario=${id}` }, async ({ page }) => {
      await ready(page);
      await page.locator('.speed select').selectOption('5');
      await playButton(page).click();
      await page.waitForTimeout(PLAYED_MS);
      const seconds = Number.parseFloat(await page.locator('.clock').innerText());
      assert.ok(seconds > 2, `the clock stands at ${seconds} s`);
    });
  });
}
