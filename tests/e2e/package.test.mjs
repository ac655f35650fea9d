// Loads the npm package in a browser, as a module of a page, and runs simulations with it there.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { withPage } from './harness.mjs';

const PACKAGE = new URL('../../target/package/', import.meta.url);

test('the package runs in a browser and gives the digests that it gives in Node', async () => {
  const inNode = await import(new URL('patchbay.js', PACKAGE));
  await inNode.default({ module_or_path: await readFile(new URL('patchbay_bg.wasm', PACKAGE)) });
  await withPage({ name: 'package', hosts: 'target/package', path: '/hosts/package.json' }, async ({ page, server }) => {
    const results = await page.evaluate(async (base) => {
      const patchbay = await import(`${base}patchbay.js`);
      await patchbay.default();
      return patchbay.libraryIds().map((id) => {
        const simulation = new patchbay.Simulation(patchbay.libraryDocument(id), 7);
        simulation.runUntil(5_000);
        return [id, simulation.digest(), simulation.trace(10).length, simulation.summary().steps];
      });
    }, server.hostUrl);
    assert.ok(results.length >= 5);
    for (const [id, digest, events, steps] of results) {
      const simulation = new inNode.Simulation(inNode.libraryDocument(id), 7);
      simulation.runUntil(5_000);
      assert.equal(digest, simulation.digest(), id);
      assert.equal(events, 10, id);
      assert.equal(steps, simulation.summary().steps, id);
    }
  });
});
