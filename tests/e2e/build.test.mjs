// A drawing for each product from the empty canvas: by dragging, and with single touches on a phone. It runs, a worker
// crashes and comes back, and every view of the run has something to say.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { centre, drag, ready, tap, withPage } from './harness.mjs';

const PRODUCTS = [
  { name: 'RabbitMQ', host: 'broker', chain: ['producer', 'exchange', 'queue', 'consumer'] },
  { name: 'Kafka', host: 'kafka', chain: ['producer', 'topic', 'group', 'consumer'] },
  { name: 'AWS SQS', host: 'sqs', chain: ['producer', 'sqs_queue', 'consumer'] },
  { name: 'Redis Streams', host: 'redis', chain: ['producer', 'stream', 'stream_group', 'consumer'] },
  { name: 'Google Pub/Sub', host: 'pubsub', chain: ['producer', 'pubsub_topic', 'subscription', 'consumer'] },
];

const nodes = (page, kind) => page.locator(`[data-testid="node"][data-kind="${kind}"]`);
const out = (page, kind) => nodes(page, kind).locator('[data-port="out"]');
const inspector = (page) => page.getByTestId('inspector');

async function spot(page, across, down) {
  const box = await page.getByTestId('canvas').boundingBox();
  return { x: box.x + box.width * across, y: box.y + box.height * down };
}

async function emptyCanvas(page, press) {
  await ready(page);
  await press(page.getByRole('button', { name: 'Open', exact: true }));
  await press(page.getByRole('button', { name: /An empty canvas/ }));
}

async function showKind(page, product, kind, press) {
  const item = page.locator(`.item[data-kind="${kind}"]`);
  if (!(await item.isVisible())) await press(page.locator('.palette summary', { hasText: product.name }));
  return item;
}

async function runs(page, press) {
  await page.getByLabel('Speed').selectOption({ label: '5×' });
  await press(page.locator('.transport .play'));
  await page.getByRole('tab', { name: 'Counters' }).first().click();
  await page.waitForFunction(() => Number(document.querySelector('[data-counter="Done"]')?.textContent.replace(/\D/g, '')) > 2, null, { timeout: 30_000 });
}

for (const product of PRODUCTS) {
  const { chain } = product;

  test(`${product.name} is drawn by dragging, and survives a crash`, async () => {
    await withPage({ name: `build-${product.host}` }, async ({ page }) => {
      await emptyCanvas(page, (target) => target.click());
      for (const [place, kind] of chain.entries()) {
        const item = await showKind(page, product, kind, (target) => target.click());
        await drag(page, item, await spot(page, 0.12 + (0.76 * place) / (chain.length - 1), 0.45));
      }
      assert.equal(await nodes(page, product.host).count(), 1, 'the broker came by itself');
      for (const [place, kind] of chain.slice(0, -1).entries()) {
        await drag(page, out(page, kind), await centre(nodes(page, chain[place + 1])));
      }
      assert.equal(await page.locator('[data-wire]').count(), chain.length - 1);
      await runs(page, (target) => target.click());
      const { x, y } = await centre(nodes(page, 'consumer'));
      await page.mouse.click(x, y);
      await inspector(page).getByRole('button', { name: 'Crash' }).click();
      await nodes(page, 'consumer').getByText('down').waitFor();
      await inspector(page).getByRole('button', { name: 'Restart' }).click();
      await nodes(page, 'consumer').getByText('down').waitFor({ state: 'detached' });
      const last = chain.at(-2);
      const middle = await centre(nodes(page, last));
      await page.mouse.click(middle.x, middle.y);
      await page.getByRole('tab', { name: 'Inside' }).first().click();
      assert.ok((await page.locator('.inside').first().innerText()).length > 20, 'what is inside');
      await page.getByRole('tab', { name: 'Guarantees' }).first().click();
      assert.equal(await page.locator('.guarantees tbody tr').count(), 1);
      await page.getByRole('tab', { name: 'Console' }).first().click();
      await page.getByLabel('Operation').fill('help');
      await page.getByLabel('Operation').press('Enter');
      await page.locator('.console li').getByText(/Lists the words/).waitFor();
    });
  });

  test(`${product.name} is drawn with single touches on a phone`, async () => {
    await withPage({ name: `touch-${product.host}`, width: 390, height: 844, touch: true }, async ({ page }) => {
      const press = (target) => tap(page, target);
      await emptyCanvas(page, press);
      for (const [place, kind] of chain.entries()) {
        await press(page.getByRole('button', { name: 'Add a part' }));
        await press(await showKind(page, product, kind, press));
        const part = place / (chain.length - 1);
        await tap(page, await spot(page, 0.27 + 0.4 * part, 0.12 + 0.7 * part));
      }
      for (const [place, kind] of chain.slice(0, -1).entries()) {
        await tap(page, await centre(out(page, kind)));
        await tap(page, await centre(nodes(page, chain[place + 1])));
      }
      assert.equal(await page.locator('[data-wire]').count(), chain.length - 1);
      await runs(page, press);
      // The sheet about a part leaves the part itself in sight.
      await tap(page, await centre(nodes(page, 'consumer')));
      const sheet = await page.locator('.inspector-sheet').boundingBox();
      const part = await nodes(page, 'consumer').boundingBox();
      assert.ok(part.y + part.height <= sheet.y, `${part.y + part.height} is above ${sheet.y}`);
      const focused = await page.evaluate(() => document.activeElement.tagName);
      assert.ok(!['INPUT', 'TEXTAREA'].includes(focused), 'no keyboard comes up');
    });
  });
}

test('dead letters are drawn from a port of their own', async () => {
  await withPage({ name: 'dead-port' }, async ({ page }) => {
    await emptyCanvas(page, (target) => target.click());
    for (const down of [0.25, 0.75]) {
      await drag(page, page.locator('.item[data-kind="queue"]'), await spot(page, 0.5, down));
    }
    const [first, second] = [nodes(page, 'queue').nth(0), nodes(page, 'queue').nth(1)];
    const dead = first.locator('[data-port="dead"]');
    const { x, y } = await centre(dead);
    await page.mouse.move(x, y);
    await first.getByText('dead letters', { exact: true }).waitFor();
    await drag(page, { x, y }, await centre(second));
    assert.equal(await page.locator('[data-wire]').count(), 1);
    await inspector(page).getByText(/dead letter/i).first().waitFor();
  });
});
