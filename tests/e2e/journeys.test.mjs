// The journeys of the people who use the page: build a work queue by hand, by single clicks and with a finger; change
// it while it runs; come back to it; open files that are none; and meet it as a figure in another page.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { centre, drag, ready, tap, touchDrag, pinch, withPage } from './harness.mjs';

const nodes = (page, kind) => page.locator(kind ? `[data-testid="node"][data-kind="${kind}"]` : '[data-testid="node"]');
const wires = (page) => page.locator('[data-wire]');
const play = (page) => page.locator('.transport').getByRole('button', { name: /^play|^pause/i });
const clock = async (page) => parseFloat(await page.getByTestId('clock').innerText());
const counter = async (page, label) => {
  await page.getByRole('tab', { name: 'Counters' }).first().click();
  return Number((await page.locator(`[data-counter="${label}"]`).first().innerText()).replace(/\D/g, ''));
};
const port = (page, node, side) => node.locator(`[data-port="${side}"]`);

/** A point of the canvas, as parts of its width and height. */
async function spot(page, across, down) {
  const box = await page.getByTestId('canvas').boundingBox();
  return { x: box.x + box.width * across, y: box.y + box.height * down };
}

async function emptyCanvas(page, press = (target) => target.click()) {
  await ready(page);
  await press(page.getByRole('button', { name: 'Open', exact: true }));
  await press(page.getByRole('button', { name: /An empty canvas/ }));
  await page.getByText('An empty canvas. Drag a producer').waitFor();
}

async function click(page, point) {
  await page.mouse.click(point.x, point.y);
}

async function messagesAreConsumed(page) {
  await page.waitForFunction(() => parseFloat(document.querySelector('[data-testid="clock"]').textContent) > 4, null, { timeout: 15_000 });
  const done = await counter(page, 'Done');
  assert.ok(done >= 1, `after four seconds some messages are done, not ${done}`);
}

test('the first visit opens a living scenario with one obvious button', async () => {
  await withPage({ name: 'first-visit' }, async ({ page }) => {
    await ready(page);
    assert.match(await page.title(), /Work queue · Patchbay/);
    assert.ok((await nodes(page).count()) >= 4);
    await page.locator('.greeting').getByRole('button', { name: 'Play' }).click();
    await messagesAreConsumed(page);
  });
});

test('a work queue is built by dragging, and runs', async () => {
  await withPage({ name: 'build-by-dragging' }, async ({ page }) => {
    await emptyCanvas(page);
    await drag(page, page.locator('.item[data-kind="producer"]'), await spot(page, 0.15, 0.4));
    await drag(page, page.locator('.item[data-kind="queue"]'), await spot(page, 0.5, 0.4));
    await drag(page, page.locator('.item[data-kind="consumer"]'), await spot(page, 0.85, 0.4));
    assert.equal(await nodes(page, 'broker').count(), 1, 'a queue brings the broker that it lives in');
    await drag(page, port(page, nodes(page, 'producer'), 'out'), await centre(port(page, nodes(page, 'queue'), 'in')));
    await drag(page, port(page, nodes(page, 'queue'), 'out'), await centre(nodes(page, 'consumer')));
    assert.equal(await wires(page).count(), 2);
    await play(page).click();
    await messagesAreConsumed(page);

    // Moving, deleting and taking it back, while it runs.
    const before = await nodes(page, 'consumer').boundingBox();
    const grip = await centre(nodes(page, 'consumer'));
    await drag(page, grip, { x: grip.x, y: grip.y + 120 });
    const after = await nodes(page, 'consumer').boundingBox();
    assert.ok(after.y > before.y + 80, 'the consumer was moved');
    await click(page, await centre(nodes(page, 'consumer')));
    await page.keyboard.press('Delete');
    assert.equal(await nodes(page, 'consumer').count(), 0);
    await page.keyboard.press('Control+z');
    assert.equal(await nodes(page, 'consumer').count(), 1);
    assert.equal(await wires(page).count(), 2);
    const then = await clock(page);
    await page.waitForTimeout(500);
    assert.ok((await clock(page)) > then, 'it is still running');
  });
});

test('the same by single clicks, without any dragging', async () => {
  await withPage({ name: 'build-by-clicks' }, async ({ page }) => {
    await emptyCanvas(page);
    for (const [kind, across] of [['producer', 0.15], ['queue', 0.5], ['consumer', 0.85]]) {
      await page.locator(`.item[data-kind="${kind}"]`).click();
      await click(page, await spot(page, across, 0.4));
    }
    await click(page, await centre(port(page, nodes(page, 'producer'), 'out')));
    await click(page, await centre(nodes(page, 'queue')));
    await click(page, await centre(port(page, nodes(page, 'queue'), 'out')));
    await click(page, await centre(nodes(page, 'consumer')));
    assert.equal(await wires(page).count(), 2);
    // Moving by clicks: the button, then the place.
    await click(page, await centre(nodes(page, 'consumer')));
    const before = await nodes(page, 'consumer').boundingBox();
    await page.getByTestId('inspector').getByRole('button', { name: 'Move', exact: true }).click();
    await click(page, await spot(page, 0.85, 0.7));
    const after = await nodes(page, 'consumer').boundingBox();
    assert.ok(after.y > before.y + 50);
    await play(page).click();
    await messagesAreConsumed(page);
  });
});

test('the same with a finger on a narrow screen', async () => {
  await withPage({ name: 'build-by-touch', width: 390, height: 844, touch: true }, async ({ page }) => {
    const press = (target) => tap(page, target);
    await emptyCanvas(page, press);
    for (const [kind, across, down] of [['producer', 0.25, 0.15], ['queue', 0.5, 0.45], ['consumer', 0.75, 0.8]]) {
      await press(page.getByRole('button', { name: 'Add a part' }));
      await press(page.locator(`.item[data-kind="${kind}"]`));
      await tap(page, await spot(page, across, down));
    }
    await touchDrag(page, port(page, nodes(page, 'producer'), 'out'), await centre(nodes(page, 'queue')));
    await touchDrag(page, port(page, nodes(page, 'queue'), 'out'), await centre(nodes(page, 'consumer')));
    assert.equal(await wires(page).count(), 2);
    await tap(page, page.getByRole('button', { name: 'Show everything' }));
    await press(play(page));
    await messagesAreConsumed(page);
    const before = (await nodes(page, 'queue').boundingBox()).width;
    await pinch(page, await spot(page, 0.5, 0.5), { from: 200, to: 80 });
    assert.ok((await nodes(page, 'queue').boundingBox()).width < before, 'two fingers zoom out');
  });
});

test('the work is there after a reload', async () => {
  await withPage({ name: 'reload' }, async ({ page }) => {
    await emptyCanvas(page);
    await drag(page, page.locator('.item[data-kind="queue"]'), await spot(page, 0.5, 0.4));
    await click(page, await centre(nodes(page, 'queue')));
    const name = page.getByTestId('inspector').getByRole('textbox', { name: 'Name' });
    await name.fill('parcels');
    await name.press('Enter');
    await name.blur();
    await page.reload();
    await ready(page);
    assert.equal(await nodes(page, 'queue').count(), 1);
    assert.match(await nodes(page, 'queue').textContent(), /parcels/);
  });
});

test('a parameter takes effect at once, and a wrong one says why', async () => {
  await withPage({ name: 'inspector' }, async ({ page }) => {
    await ready(page);
    await click(page, await centre(nodes(page, 'producer')));
    const rate = page.getByLabel('Rate', { exact: true });
    await rate.fill('200');
    await play(page).click();
    await page.waitForTimeout(1_500);
    assert.ok((await counter(page, 'Published')) > 50, 'the new rate is in force');
    await rate.fill('-3');
    await page.getByText(/must be 0\.001\.\.1000000/).waitFor();
    assert.equal(await rate.inputValue(), '-3', 'what was typed stays to be mended');
  });
});

test('two parts that do not fit say why', async () => {
  await withPage({ name: 'refusal' }, async ({ page }) => {
    await ready(page);
    await drag(page, port(page, nodes(page, 'producer'), 'out'), await centre(nodes(page, 'consumer').first()));
    await page.getByText(/A producer publishes to an exchange or a queue/).waitFor();
  });
});

test('time goes forward, back, by steps, and from the start again', async () => {
  await withPage({ name: 'transport' }, async ({ page }) => {
    await ready(page);
    const button = (name) => page.getByRole('button', { name, exact: true });
    await button('Step one event').click();
    await button('Step one event').click();
    await button('Run to the end').click();
    await page.waitForFunction(() => parseFloat(document.querySelector('[data-testid="clock"]').textContent) >= 60);
    const done = await counter(page, 'Done');
    await button('Step back').click();
    assert.ok((await clock(page)) <= 60);
    await page.getByRole('slider', { name: 'Move through time' }).fill('200');
    assert.ok(Math.abs((await clock(page)) - 12) < 0.1, 'a fifth of a minute');
    assert.ok((await counter(page, 'Done')) < done);
    await button('Run to the end').click();
    await page.waitForFunction(() => parseFloat(document.querySelector('[data-testid="clock"]').textContent) >= 60);
    assert.equal(await counter(page, 'Done'), done, 'the same run has the same end');
    await button('Back to the start').click();
    assert.equal(await clock(page), 0);
  });
});

test('a crash by hand brings redelivery', async () => {
  await withPage({ name: 'crash', path: '?scenario=consumer-crash' }, async ({ page }) => {
    await ready(page);
    await play(page).click();
    await page.waitForTimeout(2_500);
    await click(page, await centre(nodes(page, 'consumer').first()));
    await page.getByTestId('inspector').getByRole('button', { name: 'Crash' }).click();
    await page.getByTestId('inspector').getByRole('button', { name: 'Restart' }).waitFor();
    await page.getByRole('tab', { name: 'Log' }).first().click();
    await page.locator('.log li').getByText('crashed').first().waitFor();
  });
});

test('files that are none are refused in plain words, and what was open stays', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-'));
  const deep = `{"patchbay":1,"nodes":[{"id":"a","kind":"queue","params":{"x":${'['.repeat(5_000)}${']'.repeat(5_000)}}}]}`;
  const files = [
    ['truncated.json', '{"patchbay":1,"nodes":[{"id":"a"', /truncated\.json can't be opened/],
    ['newer.json', '{"patchbay":7}', /newer Patchbay/],
    ['huge.json', `{"patchbay":1,"title":"${'x'.repeat(10_500_000)}"}`, /huge\.json can't be opened.*MB/],
    ['deep.json', deep, /deep\.json can't be opened/],
    ['picture.svg', '<svg xmlns="http://www.w3.org/2000/svg"></svg>', /picture\.svg can't be opened/],
    ['binary.json', Buffer.from([0xff, 0xfe, 0x00, 0x80]), /binary\.json can't be opened/],
  ];
  await withPage({ name: 'bad-files' }, async ({ page }) => {
    await ready(page);
    const before = await nodes(page).count();
    for (const [name, content, words] of files) {
      const path = join(folder, name);
      await writeFile(path, content);
      await page.getByRole('button', { name: 'Open', exact: true }).click();
      await page.locator('input[type=file]').setInputFiles(path);
      await page.keyboard.press('Escape');
      await page.getByText(words).waitFor();
      assert.equal(await nodes(page).count(), before, `${name} left the drawing alone`);
    }
  });
});

test('a saved document and a saved picture open again', async () => {
  await withPage({ name: 'save-and-open' }, async ({ page }) => {
    await ready(page);
    await page.getByRole('button', { name: 'Share', exact: true }).click();
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: /Save the document/ }).click();
    const document = await (await saved).path();
    assert.equal(JSON.parse(await readFile(document, 'utf8')).patchbay, 1);
    const drawn = page.waitForEvent('download');
    await page.getByRole('button', { name: /Save a picture/ }).last().click();
    const picture = await drawn;
    const path = join(await mkdtemp(join(tmpdir(), 'patchbay-')), picture.suggestedFilename());
    await picture.saveAs(path);
    assert.match(await readFile(path, 'utf8'), /^<svg/);
    await page.keyboard.press('Escape');
    const count = await nodes(page).count();
    await emptyCanvas(page);
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    await page.locator('input[type=file]').setInputFiles(path);
    await page.getByText(/^Opened/).waitFor();
    assert.equal(await nodes(page).count(), count);
  });
});

test('unreadable kept work is put aside with a word, never lost', async () => {
  await withPage({ name: 'unreadable' }, async ({ page }) => {
    await ready(page);
    await page.evaluate(() => localStorage.setItem('patchbay.document', '{"patchbay":1,"nodes":['));
    await page.reload();
    await ready(page);
    await page.getByText(/can't be read/).waitFor();
    assert.equal(await page.evaluate(() => localStorage.getItem('patchbay.document.unreadable')), '{"patchbay":1,"nodes":[');
  });
});

for (const mode of ['view', 'play', 'edit']) {
  test(`the bare figure in mode ${mode}`, async () => {
    await withPage({ name: `embed-${mode}`, width: 800, height: 420, path: `?scenario=pub-sub-notifications&embed=1&mode=${mode}` }, async ({ page }) => {
      await page.getByTestId('canvas').waitFor();
      assert.equal(await page.locator('header').count(), 0);
      assert.equal(await page.locator('.palette').count(), mode === 'edit' ? 1 : 0);
      assert.equal(await play(page).isDisabled(), mode === 'view');
      if (mode !== 'view') {
        await play(page).click();
        await page.waitForFunction(() => parseFloat(document.querySelector('[data-testid="clock"]').textContent) > 0.5);
      }
      const before = await nodes(page).count();
      await click(page, await centre(nodes(page, 'producer')));
      await page.keyboard.press('Delete');
      assert.equal(await nodes(page).count(), mode === 'edit' ? before - 1 : before);
      assert.equal(await page.evaluate(() => localStorage.length), 0, 'a figure keeps nothing');
    });
  });
}

test('the example host page shows two figures', async () => {
  await withPage({ name: 'host', path: 'examples/host.html' }, async ({ page }) => {
    for (const index of [0, 1]) {
      await page.locator('iframe').nth(index).scrollIntoViewIfNeeded();
      const figure = page.frameLocator('iframe').nth(index);
      await figure.locator('.transport .play').click();
      await figure.locator('[data-testid="node"]').first().waitFor();
    }
  });
});

test('in a figure that may be run, a worker can be crashed', async () => {
  await withPage({ name: 'figure-crash', width: 900, height: 460, path: '?scenario=work-queue&embed=1&mode=play' }, async ({ page }) => {
    await page.getByTestId('canvas').waitFor();
    await play(page).click();
    await click(page, await centre(nodes(page, 'consumer').first()));
    await page.getByTestId('inspector').getByRole('button', { name: 'Crash' }).click();
    await page.getByTestId('inspector').getByRole('button', { name: 'Restart' }).waitFor();
    assert.match(await nodes(page, 'consumer').first().textContent(), /down/);
  });
});
