// A drawing in the address of the page: made, opened at a first visit, damaged, and opened by somebody with own work.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { centre, ready, withPage } from './harness.mjs';

const consumers = (page) => page.locator('[data-testid="node"][data-kind="consumer"]');

/** Removes a consumer of the open drawing, so that it is somebody's own. */
async function changeDrawing(page) {
  await ready(page);
  const { x, y } = await centre(consumers(page).first());
  await page.mouse.click(x, y);
  const count = await consumers(page).count();
  await page.keyboard.press('Delete');
  assert.equal(await consumers(page).count(), count - 1);
}

/** The link that the page makes of what is open. */
async function linkOf(page) {
  await page.getByRole('button', { name: 'Share', exact: true }).click();
  await page.getByTestId('link-size').waitFor();
  const link = await page.getByLabel('Link').inputValue();
  await page.keyboard.press('Escape');
  return link;
}

test('a link carries the whole drawing to a first visit', async () => {
  await withPage({ name: 'link-first-visit' }, async ({ page, url }) => {
    await changeDrawing(page);
    const count = await page.locator('[data-testid="node"]').count();
    const link = await linkOf(page);
    assert.ok(link.startsWith(`${url}#d=`) && link.length < 3_000, link);
    const other = await (await page.context().browser().newContext()).newPage();
    await other.goto(link);
    await other.getByText('Opened from a link.', { exact: true }).waitFor();
    assert.equal(await other.locator('[data-testid="node"]').count(), count);
    assert.equal(other.url(), url, 'the drawing can change, and the address would not');
    await other.reload();
    await ready(other);
    assert.equal(await other.locator('[data-testid="node"]').count(), count, 'it is kept like any other');
    await other.context().close();
  });
});

test('a link lets own work be, and a damaged one changes nothing', async () => {
  await withPage({ name: 'link-own-work' }, async ({ page, url }) => {
    await changeDrawing(page);
    const link = await linkOf(page);
    await changeDrawing(page);
    const own = await consumers(page).count();

    for (const broken of [link.slice(0, -9), `${link.slice(0, 60)}x${link.slice(61)}`, `${url}#d=hello`, `${url}#d=`]) {
      await page.evaluate((address) => (window.location.href = address), broken);
      await page.getByRole('alert').getByText(/damaged, or was cut off.*still open/).waitFor();
      assert.equal(await consumers(page).count(), own);
      await page.reload();
      await page.getByRole('alert').getByText(/damaged, or was cut off.*still open/).waitFor();
      assert.equal(await consumers(page).count(), own, 'also at the first look');
    }

    await page.goto('about:blank');
    await page.goto(link);
    await page.getByText(/kept aside: see Open/).waitFor();
    assert.equal(await consumers(page).count(), own + 1);
    await page.reload();
    await ready(page);
    assert.equal(await consumers(page).count(), own + 1);
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    await page.getByTestId('aside').first().click();
    assert.equal(await consumers(page).count(), own, 'own work is there again');
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    await page.getByRole('button', { name: /^Forget/ }).first().click();
    assert.equal(await page.getByTestId('aside').count(), 0);
  });
});

test('a figure in another page can be any drawing', async () => {
  await withPage({ name: 'link-figure' }, async ({ page, url }) => {
    await changeDrawing(page);
    const count = await page.locator('[data-testid="node"]').count();
    const link = await linkOf(page);
    await page.goto(`${url}?embed=1&mode=play${link.slice(link.indexOf('#'))}`);
    await page.waitForFunction((expected) => document.querySelectorAll('[data-testid="node"]').length === expected, count);
  });
});

test('a link that is long says so', async () => {
  await withPage({ name: 'link-long' }, async ({ page }) => {
    await ready(page);
    // Letters that no compression makes shorter.
    let state = 1;
    const letter = () => (state = (state * 48271) % 2147483647).toString(36).at(-2);
    const name = () => Array.from({ length: 60 }, letter).join('');
    const nodes = Array.from({ length: 400 }, (_, index) => ({ id: `p${index}`, kind: 'producer', name: name(), at: [index * 10, 0] }));
    await page.evaluate((text) => localStorage.setItem('patchbay.document', text), JSON.stringify({ patchbay: 1, title: 'Many', nodes }));
    await page.reload();
    await ready(page);
    const link = await linkOf(page);
    assert.ok(link.length > 8_000, `${link.length}`);
    await page.getByRole('button', { name: 'Share', exact: true }).click();
    await page.getByText(/^The link is long, \d+\.\d kB.*the file is the better way/i).waitFor();
    assert.equal(await page.getByLabel('Text for a page').count(), 0, 'such a link is no figure either');
  });
});
