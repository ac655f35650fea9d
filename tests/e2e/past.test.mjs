// A changed past: the run parts in two, and both can be looked at.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { centre, ready, tap, withPage } from './harness.mjs';

const consumer = (page) => page.locator('[data-testid="node"][data-kind="consumer"]').first();
const clock = async (page) => parseFloat(await page.getByTestId('clock').innerText());

/** Runs to six seconds, goes back to two, and crashes a worker there. */
async function changeThePast(page, press) {
  await ready(page);
  assert.equal(await page.getByTestId('branches-button').count(), 0, 'there is one course of things');
  await press(page.locator('.transport .play'));
  await page.waitForFunction(() => parseFloat(document.querySelector('[data-testid="clock"]').textContent) > 3, null, { timeout: 20_000 });
  await press(page.locator('.transport .play'));
  await page.getByLabel('Move through time').fill('20');
  const { x, y } = await centre(consumer(page));
  await press({ x, y });
  // On a phone the sheet takes no tap while it comes.
  await page.waitForFunction(() => document.getAnimations().length === 0);
  await press(page.getByTestId('inspector').getByRole('button', { name: 'Crash' }));
}

test('a changed past leaves a branch that can be taken up again, with the keyboard', async () => {
  await withPage({ name: 'branches' }, async ({ page }) => {
    await changeThePast(page, (target) => (target.click ? target.click() : page.mouse.click(target.x, target.y)));
    const before = await clock(page);
    const button = page.getByTestId('branches-button');
    await button.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('heading', { name: 'Branches of the run' }).waitFor();
    assert.match(await dialog.locator('[aria-current]').innerText(), /crashed at \d/);
    await dialog.locator('[data-branch="0"]').focus();
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    assert.equal(await clock(page), before, 'shown from where the branches part');
    assert.equal(await consumer(page).getByText('down').count(), 0, 'on this branch nothing was broken');
    await page.getByTestId('canvas').press('b');
    await page.getByRole('dialog').getByText(/crashed at \d/).click();
    await page.locator('[data-testid="node"]').getByText(/down/).first().waitFor();
  });
});

test('the same with a finger', async () => {
  await withPage({ name: 'branches-touch', width: 390, height: 844, touch: true }, async ({ page }) => {
    await changeThePast(page, (target) => tap(page, target));
    await tap(page, page.getByRole('button', { name: 'Close the inspector' }));
    await tap(page, page.getByTestId('branches-button'));
    const branch = page.getByRole('dialog').locator('[data-branch="0"]');
    const box = await branch.boundingBox();
    assert.ok(box.height >= 44 && box.width <= 390, 'a finger finds it');
    await tap(page, branch);
    assert.equal(await page.locator('[data-testid="node"]').getByText(/down/).count(), 0);
  });
});
