// Measures the main thread's work per frame while 200 nodes and 5,000 messages in flight are shown: script (simulation,
// state and drawing calls) and, beside it, style and layout. The rasteriser of a machine without a GPU is left out.
//
//   node tests/e2e/frames.mjs                 prints the percentiles; the goal is 8 ms at the 95th
//   node tests/e2e/frames.mjs --seconds 20

import { parseArgs } from 'node:util';
import { ready, withPage } from './harness.mjs';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '10' } } });
const CHAINS = 66;
const IN_FLIGHT = 5_000;
const LATENCY_S = 4;

/** 66 chains of producer, queue and consumer in one broker: 199 nodes. The wires hold 5,000 messages at a time. */
function busyDocument() {
  const nodes = [{ id: 'broker', kind: 'broker', name: 'RabbitMQ', at: [0, 0] }];
  const wires = [];
  // Each message spends one latency on the way in, one on the way out, and its acknowledgement one on the way back.
  const rate = IN_FLIGHT / CHAINS / (3 * LATENCY_S);
  const params = { latency: `constant(${LATENCY_S}s)` };
  for (let index = 0; index < CHAINS; index += 1) {
    const x = (index % 6) * 900;
    const y = Math.floor(index / 6) * 110;
    nodes.push({ id: `p-${index}`, kind: 'producer', at: [x, y], params: { arrivals: 'poisson', rate } });
    nodes.push({ id: `q-${index}`, kind: 'queue', in: 'broker', at: [x + 320, y] });
    nodes.push({ id: `c-${index}`, kind: 'consumer', at: [x + 640, y], params: { service_time: 'constant(10ms)', concurrency: 50 } });
    wires.push({ id: `a-${index}`, from: `p-${index}`, to: `q-${index}`, params });
    wires.push({ id: `b-${index}`, from: `q-${index}`, to: `c-${index}`, params });
  }
  return JSON.stringify({ patchbay: 1, title: 'Many messages', until: '10m', nodes, wires });
}

const percentile = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];

/** Sums the outermost events of these names between one frame and the next. */
function perFrame(events, thread, names) {
  const own = events.filter((event) => event.tid === thread.tid && event.pid === thread.pid);
  const frames = own.filter((event) => event.name === 'FireAnimationFrame').map((event) => event.ts).sort((a, b) => a - b);
  const work = own.filter((event) => event.ph === 'X' && names.has(event.name)).sort((a, b) => a.ts - b.ts || b.dur - a.dur);
  const sums = new Array(Math.max(frames.length - 1, 0)).fill(0);
  let end = 0;
  let frame = 0;
  for (const event of work) {
    if (event.ts < end) continue;
    end = event.ts + event.dur;
    while (frame < sums.length && frames[frame + 1] <= event.ts) frame += 1;
    if (frame < sums.length && event.ts >= frames[0]) sums[frame] += event.dur / 1000;
  }
  return sums.sort((a, b) => a - b);
}

await withPage({ name: 'frames' }, async ({ page }) => {
  await ready(page);
  await page.evaluate((text) => localStorage.setItem('patchbay.document', text), busyDocument());
  await page.reload();
  await ready(page);
  await page.locator('.transport .play').click();
  // Long enough for the wires to fill.
  await page.waitForTimeout(3 * LATENCY_S * 1000 + 2_000);
  const cdp = await page.context().newCDPSession(page);
  const events = [];
  cdp.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  const done = new Promise((resolve) => cdp.once('Tracing.tracingComplete', resolve));
  await cdp.send('Tracing.start', { categories: 'devtools.timeline,v8.execute,toplevel', transferMode: 'ReportEvents' });
  await page.waitForTimeout(Number(values.seconds) * 1000);
  await cdp.send('Tracing.end');
  await done;
  const nodes = await page.locator('[data-testid="node"]').count();
  const thread = events.find((event) => event.name === 'FireAnimationFrame');
  if (!thread) throw new Error('No frame was drawn while tracing.');
  const script = new Set(['FunctionCall', 'RunMicrotasks', 'EvaluateScript', 'TimerFire', 'FireAnimationFrame']);
  const layout = new Set(['UpdateLayoutTree', 'Layout', 'PrePaint', 'Layerize']);
  console.log(`${nodes} nodes, about ${IN_FLIGHT} messages in flight, ${values.seconds} s`);
  for (const [label, names] of [['script', script], ['style and layout', layout]]) {
    const sums = perFrame(events, thread, names);
    const figures = [0.5, 0.95, 0.99].map((part) => `p${part * 100} ${percentile(sums, part).toFixed(2)} ms`);
    console.log(`${label.padEnd(18)} ${figures.join('   ')}   (${sums.length} frames)`);
  }
});
