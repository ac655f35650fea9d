// The journeys around broker products: switch one for another with all that it means said before, take it back, look at
// the same load on all of them, and read how faithful one is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { centre, ready, tap, withPage } from './harness.mjs';

const nodes = (page, kind) => page.locator(`[data-testid="node"][data-kind="${kind}"]`);

async function selectQueue(page) {
  await ready(page);
  // The canvas takes the pointer for all of its parts.
  const { x, y } = await centre(nodes(page, 'queue').first());
  await page.mouse.click(x, y);
}

test('a broker is switched after it was said what that means, and one undo takes it back', async () => {
  await withPage({ name: 'switch-product', path: '?scenario=consumer-crash' }, async ({ page }) => {
    await selectQueue(page);
    await page.getByTestId('switch-product').click();
    const dialog = page.getByRole('dialog');
    await dialog.locator('[data-product="sqs"]').click();
    for (const title of ['What has no counterpart', 'What changes', 'What maps']) {
      await dialog.getByRole('heading', { name: title }).waitFor();
    }
    assert.equal(await nodes(page, 'sqs_queue').count(), 0, 'nothing has happened yet');
    await page.getByTestId('switch-now').click();
    await page.getByTestId('differences').waitFor({ timeout: 60_000 });
    assert.equal(await nodes(page, 'sqs_queue').count(), 1);
    assert.equal(await nodes(page, 'queue').count(), 0);
    assert.equal(await nodes(page, 'consumer').count(), 2, 'the clients are still there');
    assert.match(await page.locator('header .document').innerText(), / · on AWS SQS$/, 'the title says the new product');
    const chip = dialog.locator('.chip').first();
    await chip.click();
    assert.equal(await dialog.locator('.ways ol').count(), 2, 'its way before and after');
    await dialog.getByRole('button', { name: 'Follow it in the drawing' }).click();
    await page.getByRole('heading', { name: /^The way of/ }).waitFor();
    await page.getByRole('button', { name: 'Undo' }).first().click();
    assert.equal(await nodes(page, 'queue').count(), 1);
    assert.equal(await nodes(page, 'sqs_queue').count(), 0);
  });
});

test('the same load on every product fits on a phone, and each opens as a drawing', async () => {
  await withPage({ name: 'compare-brokers', path: '?compare=1', width: 390, height: 844, touch: true }, async ({ page }) => {
    await page.getByText('All runs are at their end.').waitFor({ timeout: 60_000 });
    const table = page.getByTestId('brokers');
    const products = await table.locator('thead th[scope="col"]').count();
    assert.ok(products >= 3, 'several products');
    assert.equal(await table.locator('tbody th[scope="row"]').first().innerText(), 'published');
    for (const cell of await table.locator('tbody tr').first().locator('td').all()) assert.equal(await cell.innerText(), '120');
    await tap(page, page.locator('[data-open="sqs"]'));
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal(await nodes(page, 'sqs_queue').count(), 2);
  });
});

test('the sheet of a product says what is modelled, with sources and tests', async () => {
  await withPage({ name: 'fidelity' }, async ({ page }) => {
    await selectQueue(page);
    await page.getByTestId('fidelity').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('heading', { name: 'How faithful is this?' }).waitFor();
    assert.ok((await dialog.getByText('modelled', { exact: true }).count()) > 3);
    assert.ok((await dialog.getByText('left out', { exact: true }).count()) > 0);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  });
});
