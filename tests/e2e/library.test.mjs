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

test('what a script is answered is seen without looking for it', async () => {
  await withPage({ name: 'script', path: '?scenario=trap-redis-nothing-comes-back' }, async ({ page }) => {
    await ready(page);
    assert.ok(await page.getByRole('tab', { name: 'Console', selected: true }).isVisible());
    await page.getByLabel('Run to the end').click();
    await page.waitForFunction(() => parseFloat(document.querySelector('[data-testid="clock"]').textContent) >= 20);
    const script = page.locator('[data-testid="node"][data-kind="console"]');
    await script.getByText('XPENDING jobs workers - + 10').waitFor();
    await script.getByText('[["1650-0","w2",3000,3]]').waitFor();
    assert.equal(await page.locator('.console .typed').count(), 12, 'each line of the script above its answer');
    // Without a script the sequence is what one follows.
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    await page.locator('[data-scenario="work-queue"]').click();
    assert.ok(await page.getByRole('tab', { name: 'Sequence', selected: true }).isVisible());
  });
});
