// Is there a page at all? Whatever else is wrong, this says so first.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { playButton, ready, withPage } from './harness.mjs';

const VIEWS = [
  { name: 'desktop-light', width: 1440, height: 900, theme: 'light', touch: false },
  { name: 'phone-dark', width: 390, height: 844, theme: 'dark', touch: true },
];

for (const view of VIEWS) {
  test(`the page opens below a sub-path and can be played, ${view.name}`, async () => {
    await withPage(view, async ({ page }) => {
      await ready(page);
      assert.match(await page.title(), /Patchbay/);
      assert.ok(await playButton(page).isEnabled(), 'the Play button can be pressed');
    });
  });
}
