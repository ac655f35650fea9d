// What the system asks for: more contrast, or its own colours.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ready, withPage } from './harness.mjs';

/** The contrast of two colours as browsers give them, after WCAG 2.2. */
function contrast(one, other) {
  const luminance = (colour) => {
    const parts = colour.match(/[\d.]+/g).slice(0, 3).map((part) => Number(part) / 255);
    const [red, green, blue] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

/** The colour of each tone, and the grounds that texts stand on. */
async function colours(page) {
  return page.evaluate(() => {
    const probe = document.createElement('i');
    probe.style.forcedColorAdjust = 'none';
    document.body.append(probe);
    const colour = (name) => {
      probe.style.color = `var(--${name})`;
      return getComputedStyle(probe).color;
    };
    const all = (names) => names.map((name) => [name, colour(name)]);
    return { texts: all(['ink', 'soft', 'accent', 'info', 'ok', 'wait', 'lost', 'duplicate']), grounds: all(['paper', 'panel', 'node']) };
  });
}

const CASES = [
  { name: 'as usual', least: 4.5 },
  { name: 'more contrast', options: { contrast: 'more' }, least: 7 },
  { name: 'forced colours', options: { forcedColors: 'active' }, least: 4.5 },
];

for (const { name, options, least } of CASES) {
  for (const theme of ['light', 'dark']) {
    test(`every text is legible, ${name}, ${theme}`, async () => {
      await withPage({ name: `contrast-${theme}`, theme, ...options }, async ({ page }) => {
        await ready(page);
        const { texts, grounds } = await colours(page);
        for (const [text, colour] of texts) {
          for (const [ground, behind] of grounds) {
            const found = contrast(colour, behind);
            assert.ok(found >= least, `${text} on ${ground}: ${found.toFixed(1)}, ${colour} on ${behind}`);
          }
        }
        const word = page.locator('[data-testid="node"] text').first();
        const fill = await word.evaluate((element) => getComputedStyle(element).fill);
        assert.equal(fill, texts[0][1], 'the drawing has the same colours as the page');
      });
    });
  }
}
