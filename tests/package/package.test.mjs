// Loads the npm package as a program would, from target/package, and runs a simulation with it in Node.
// `wasm-pack build --target web --out-dir target/package` makes it; scripts/test does that first.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, test } from 'node:test';

const PACKAGE = new URL('../../target/package/', import.meta.url);
const SEED = 7;
const RUN_MS = 1_000;

let patchbay;

before(async () => {
  patchbay = await import(new URL('patchbay.js', PACKAGE));
  const bytes = await readFile(new URL('patchbay_bg.wasm', PACKAGE));
  await patchbay.default({ module_or_path: bytes });
});

function firstDocument() {
  const [id] = patchbay.libraryIds();
  return patchbay.libraryDocument(id);
}

/** A run to the end of RUN_MS, and what it left behind. */
function run(document, seed) {
  const simulation = new patchbay.Simulation(document, seed);
  simulation.step();
  simulation.runUntil(RUN_MS);
  const left = { digest: simulation.digest(), trace: simulation.trace(), summary: simulation.summary() };
  simulation.free();
  return left;
}

test('the library has documents, and each of them can be run', () => {
  const ids = [...patchbay.libraryIds()];
  assert.ok(ids.length > 0, 'there is at least one');
  assert.equal(new Set(ids).size, ids.length, 'no id is given twice');
  for (const id of ids) {
    const { digest, trace } = run(patchbay.libraryDocument(id));
    assert.ok(digest, `${id} has a digest`);
    assert.ok(trace.length > 0, `${id} leaves a trace`);
  }
});

test('two runs of one document and seed are the same', () => {
  const [one, other] = [run(firstDocument(), SEED), run(firstDocument(), SEED)];
  assert.equal(one.digest, other.digest);
  assert.deepEqual(one.trace, other.trace);
  assert.deepEqual(one.summary, other.summary);
});

test('stepping on changes the digest', () => {
  const simulation = new patchbay.Simulation(firstDocument(), SEED);
  const atStart = simulation.digest();
  simulation.runUntil(RUN_MS);
  assert.notEqual(simulation.digest(), atStart);
});

test('a document with a bad node is refused by an error that names the place', () => {
  const document = JSON.parse(firstDocument());
  document.nodes[0] = {};
  assert.throws(
    () => new patchbay.Simulation(JSON.stringify(document)),
    (error) => error instanceof Error && error.message.includes('nodes['),
  );
});

test('what is no document at all is refused by an error', () => {
  for (const text of ['', 'not JSON', '[]', '{"nodes": 1}']) {
    assert.throws(() => new patchbay.Simulation(text), Error, JSON.stringify(text));
  }
});
