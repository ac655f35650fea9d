// Compares the engine as WebAssembly, in Node and in headless Chromium, with the engine as native code.
//
//   node run.mjs <folder that wasm-bindgen wrote with --target web> <native program>
//
// Each round measures every workload once natively, once in Node and once in Chromium, so that all three meet the same
// other work on the machine; the best round of each counts. Exits with 1 if any two digests of a workload differ.
// BENCH_ROUNDS sets the number of rounds, CHROMIUM the browser; without a browser its column stays empty.

import { execFileSync, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const ENGINE = ['mm1', 'mm1-trace', 'ring', 'ring-trace', 'hold'];
const BROKERS = ['rabbitmq', 'kafka', 'sqs', 'redis_streams', 'pubsub'].map((product) => `brokers-${product}`);
const WORKLOADS = [...ENGINE, ...BROKERS];
// The least share of the native speed that WebAssembly is to reach with the brokers.
const RATIO_MIN = 0.5;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const BROWSERS = process.env.CHROMIUM ? [process.env.CHROMIUM] : ['chromium', 'chromium-browser', 'google-chrome'];
const BROWSER_FLAGS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
const MODULE = 'wasm.js';
const BINARY = 'wasm_bg.wasm';
const REPLY_MS_MAX = 120_000;
const [folder, native] = process.argv.slice(2);

/** Runs one workload in this program: what the page does as well. */
function measure(Workload, name) {
  const workload = Workload.named(name);
  const start = performance.now();
  const events = workload.run();
  const seconds = (performance.now() - start) / 1000;
  const digest = workload.digest();
  workload.free();
  return { events, seconds, digest };
}

function measureNative(name) {
  const line = execFileSync(native, [name], { encoding: 'utf8' }).trim();
  const [, events, nanoseconds, digest] = line.split(' ');
  return { events: Number(events), seconds: Number(nanoseconds) / 1e9, digest };
}

const PAGE = `<!doctype html><script type="module">
import start, { Workload } from './${MODULE}';
${measure}
await start();
for (;;) {
  const name = await (await fetch('./next')).text();
  if (!name) break;
  await fetch('./result', { method: 'POST', body: JSON.stringify(measure(Workload, name)) });
}
</script>`;

/** A page in a browser that measures what it is asked to; none if there is no browser. */
async function openBrowser() {
  let hand, report;
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname;
    if (path === '/next') {
      hand = (name) => response.end(name);
      waiting.shift()?.();
    } else if (path === '/result') {
      const parts = [];
      for await (const part of request) parts.push(part);
      response.end();
      report(JSON.parse(Buffer.concat(parts).toString()));
    } else if (path === `/${MODULE}` || path === `/${BINARY}`) {
      response.setHeader('content-type', path.endsWith('.js') ? 'text/javascript' : 'application/wasm');
      response.end(await readFile(join(folder, path)));
    } else {
      response.setHeader('content-type', 'text/html');
      response.end(PAGE);
    }
  });
  const waiting = [];
  const ready = () => (hand ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve)));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const profile = await mkdtemp(join(tmpdir(), 'bench-wasm-'));
  const url = `http://127.0.0.1:${server.address().port}/`;
  const browser = await startBrowser([...BROWSER_FLAGS, `--user-data-dir=${profile}`, url]);
  const close = async () => {
    const gone = browser && new Promise((resolve) => browser.once('exit', resolve));
    browser?.kill();
    await gone;
    server.closeAllConnections();
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  if (!browser) {
    await close();
    return undefined;
  }
  const ask = async (name) => {
    await withLimit(ready());
    const result = new Promise((resolve) => (report = resolve));
    const give = hand;
    hand = undefined;
    give(name);
    return withLimit(result);
  };
  return { ask, close };
}

async function startBrowser(flags) {
  for (const program of BROWSERS) {
    const child = spawn(program, flags, { stdio: 'ignore' });
    const started = await new Promise((resolve) => {
      child.once('spawn', () => resolve(true));
      child.once('error', () => resolve(false));
    });
    if (started) return child;
  }
  return undefined;
}

function withLimit(promise) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('the browser does not answer')), REPLY_MS_MAX);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

const { default: start, Workload } = await import(pathToFileURL(join(folder, MODULE)));
await start({ module_or_path: await readFile(join(folder, BINARY)) });
const browser = await openBrowser();
const places = {
  native: measureNative,
  Node: (name) => measure(Workload, name),
  ...(browser && { Chromium: browser.ask }),
};
const best = {};
let differ = false;
try {
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of WORKLOADS) {
      const digests = new Set();
      for (const [place, run] of Object.entries(places)) {
        const { events, seconds, digest } = await run(name);
        const key = `${name} ${place}`;
        best[key] = Math.max(best[key] ?? 0, events / seconds / 1e6);
        digests.add(digest);
      }
      if (digests.size > 1) {
        differ = true;
        console.error(`${name}: the digests differ: ${[...digests].join(', ')}`);
      }
    }
  }
} finally {
  await browser?.close();
}
const missed = [];
for (const name of WORKLOADS) {
  if (name === ENGINE[0]) console.log(`M events/s, best of ${ROUNDS} rounds, and their ratio to native`);
  if (name === BROKERS[0]) console.log('M messages/s through each broker: one producer, four consumers');
  const cells = Object.keys(places).map((place) => {
    const rate = best[`${name} ${place}`];
    const share = rate / best[`${name} native`];
    if (BROKERS.includes(name) && share < RATIO_MIN) missed.push(`${name} in ${place}`);
    const ratio = place === 'native' ? '' : ` (${share.toFixed(2)})`;
    return `${place} ${rate.toFixed(2).padStart(6)}${ratio}`;
  });
  console.log(`${name.padEnd(22)} ${cells.join('   ')}`);
}
if (missed.length > 0) console.log(`below ${RATIO_MIN} of native: ${missed.join(', ')}`);
if (!browser) console.log('no browser was found, so Chromium was left out');
process.exit(differ ? 1 : 0);
