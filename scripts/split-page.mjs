// Splits the WebAssembly of the page in two, so that opening it takes less: the first part is loaded at once, the second
// when a function in it is called, or a little earlier (see scripts/second-part.js). Trunk runs this through
// scripts/split-page when it has built the page, before it puts the page in its place.
//
// In the first part is what runs when the page is opened and a scenario is played. That is measured, not thought:
// scripts/first-visit.txt names the functions, and scripts/measure-first-visit makes that list. Constants are where the
// code is that needs them (scripts/split-data.mjs).
//
// A function of the second part that the first part calls, or that the table or an export names, leaves a stub behind:
// it loads the second part if need be, and calls the real function through a table that the second part fills. In the
// second part everything that stayed behind is an import: functions, memory, tables, globals. So there is one memory and
// one state, and no function knows where it is.
//
//   node scripts/split-page.mjs <folder with the page> <folder with the package binaryen> [measure]
//
// With `measure` the page stays whole, and each function says that it ran.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Constants, functionSizes, takeData, withoutRelocations } from './split-data.mjs';

const [, , page, packageFolder, task] = process.argv;
const { default: binaryen } = await import(pathToFileURL(join(packageFolder, 'index.js')));

// As small as it gets. Functions with one caller stay functions, because that compresses better.
const OPTIMISE = ['-Oz', '--one-caller-inline-max-function-size=0', '--strip-debug', '--strip-producers'];
// A smaller function, with the constants that it names, is hardly larger than its stub.
const MOVED_BYTES_MIN = 80;
// What the parts call each other and their common things; the script beside the page uses these names too.
const FIRST = 'first';
const SECOND = 'second';
const DOORS = 'doors';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** The name of a function without what changes from build to build. */
const plainName = (name) => name.replace(/\[[0-9a-f]+\]/g, '');

/** The functions that run on a first visit, by their plain names. */
const firstVisit = () => new Set(readFileSync(here('first-visit.txt'), 'utf8').split('\n').filter((line) => line && !line.startsWith('#')));

const listed = (count, at, info) => Array.from({ length: count }, (_, index) => info(at(index)));
const functions = (module) =>
  listed(module.getNumFunctions(), (index) => module.getFunctionByIndex(index), (ref) => ({ ref, ...binaryen.getFunctionInfo(ref) }));
const ownFunctions = (module) => functions(module).filter((each) => !each.module);
const tables = (module) => listed(module.getNumTables(), (index) => module.getTableByIndex(index), binaryen.getTableInfo);
const globals = (module) => listed(module.getNumGlobals(), (index) => module.getGlobalByIndex(index), binaryen.getGlobalInfo);
const segments = (module) => listed(module.getNumElementSegments(), (index) => module.getElementSegmentByIndex(index), binaryen.getElementSegmentInfo);

/** All constants in code, and the offsets of loads and stores: each may be an address. */
const values = (text) => Array.from(text.matchAll(/i32\.const (-?\d+)|offset=(\d+)/g), ([, constant, offset]) => Number(constant ?? offset));

/** The names of the functions that are worth moving: not of the first visit, and larger than what they leave behind. */
function chooseMoved(module, sizes, constants) {
  const visited = firstVisit();
  const moved = ownFunctions(module).filter(({ name, body }, index) => {
    if (visited.has(plainName(name))) return false;
    return sizes[index] >= MOVED_BYTES_MIN || sizes[index] + constants.bytesAt(values(binaryen.emitText(body))) >= MOVED_BYTES_MIN;
  });
  if (moved.length === sizes.length) throw new Error('No function of scripts/first-visit.txt is in the module: was it built without names?');
  return new Set(moved.map(({ name }) => name));
}

/** The first part, without what only the second needs from it, and the functions that are doors to the second. */
function makeFirst(whole, constants) {
  const module = binaryen.readBinary(whole);
  const moved = chooseMoved(module, functionSizes(whole), constants);

  const [table] = tables(module);
  module.addTableExport(table.name, 'table');
  module.addFunctionImport('load', SECOND, 'load', binaryen.i32, binaryen.none);
  module.addGlobal('is there', binaryen.i32, true, module.i32.const(0));
  module.addGlobalExport('is there', SECOND);
  const load = (door) => module.call('load', [module.i32.const(door)], binaryen.none);
  ownFunctions(module).filter(({ name }) => moved.has(name)).forEach(({ ref }) => binaryen.Function.setBody(ref, module.block(null, [load(0), module.unreachable()])));
  // What is left now is reachable without going through a door, or a door.
  module.runPasses(['remove-unused-module-elements']);
  const left = ownFunctions(module);
  const doors = left.filter(({ name }) => moved.has(name));
  module.addTable(DOORS, doors.length, doors.length);
  module.addTableExport(DOORS, DOORS);
  doors.forEach(({ ref, params, results }, door) => {
    const passed = binaryen.expandType(params).map((type, index) => module.local.get(index, type));
    const isMissing = module.i32.eqz(module.global.get('is there', binaryen.i32));
    const enter = module.call_indirect(DOORS, module.i32.const(door), passed, params, results);
    binaryen.Function.setBody(ref, module.block(null, [module.if(isMissing, load(door)), enter], results));
  });
  const stayed = left.filter(({ name }) => !moved.has(name)).map(({ name }) => name);
  return { module, stayed, doors: doors.map(({ name }) => name), table: table.name };
}

/** The second part: the whole, with an import in the place of everything that stayed in the first part. */
function makeSecond(whole, { stayed, doors, table }, data) {
  const module = binaryen.readBinary(whole);
  const names = new Map(stayed.map((name, index) => [name, index.toString(36)]));
  listed(module.getNumExports(), (index) => module.getExportByIndex(index), binaryen.getExportInfo).forEach(({ name }) => module.removeExport(name));
  segments(module).forEach(({ name }) => module.removeElementSegment(name));
  const { initial, max } = module.getMemoryInfo('0');
  module.setMemory(initial, max ?? -1, null, data.map(({ address, bytes }) => ({ offset: module.i32.const(address), data: bytes })), false, false, '0');
  for (const { name, params, results } of functions(module).filter((each) => names.has(each.name))) {
    module.removeFunction(name);
    module.addFunctionImport(name, FIRST, names.get(name), params, results);
  }
  module.addMemoryImport('0', FIRST, 'memory', false);
  tables(module).forEach(({ name }) => module.addTableImport(name, FIRST, name === table ? 'table' : name));
  globals(module).forEach(({ name, type, mutable }) => module.addGlobalImport(name, FIRST, name, type, mutable));
  module.addTable(DOORS, doors.length, doors.length);
  module.addTableImport(DOORS, FIRST, DOORS);
  module.addActiveElementSegment(DOORS, DOORS, doors, module.i32.const(0));
  module.runPasses(['remove-unused-module-elements']);
  return { module, names };
}

function emitted(module) {
  if (!module.validate()) throw new Error('The split made a module that is none.');
  return module.emitBinary();
}

/** Optimises a module, as a program of its own: the library has no limits to set for inlining. */
function optimised(module) {
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-'));
  try {
    const [before, after] = [join(folder, 'before.wasm'), join(folder, 'after.wasm')];
    writeFileSync(before, module);
    execFileSync(process.execPath, [join(packageFolder, 'bin/wasm-opt'), ...OPTIMISE, before, '-o', after]);
    return readFileSync(after);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function split(whole) {
  const constants = new Constants(whole);
  const bare = withoutRelocations(whole);
  const first = makeFirst(bare, constants);
  const stretches = constants.movable(values(first.module.emitText()));
  const { module, names } = makeSecond(bare, first, takeData(Buffer.from(bare), stretches));
  const second = optimised(emitted(module));
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(second)).filter((each) => each.module === FIRST);
  const used = new Set(imports.map(({ name }) => name));
  names.forEach((short, name) => used.has(short) && first.module.addFunctionExport(name, short));
  globals(first.module).forEach(({ name }) => used.has(name) && first.module.addGlobalExport(name, name));
  const emittedFirst = Buffer.from(emitted(first.module));
  takeData(emittedFirst, stretches);
  return { first: optimised(emittedFirst), second, doors: first.doors };
}

/** The whole, in which each function sets a global of its own to 1 when it runs. The script below asks for them. */
function watched(whole) {
  const module = binaryen.readBinary(withoutRelocations(whole));
  const names = ownFunctions(module).map(({ name, ref, body, results }, index) => {
    module.addGlobal(`ran ${index}`, binaryen.i32, true, module.i32.const(0));
    module.addGlobalExport(`ran ${index}`, `ran ${index}`);
    binaryen.Function.setBody(ref, module.block(null, [module.global.set(`ran ${index}`, module.i32.const(1)), body], results));
    return plainName(name);
  });
  binaryen.setDebugInfo(false);
  const script = `
globalThis.functionsThatRan = () => ${JSON.stringify(names)}.filter((_, index) => wasm[\`ran \${index}\`].value);
`;
  return { module: Buffer.from(emitted(module)), script };
}

const hash = (content) => createHash('sha256').update(content).digest('hex').slice(0, 16);
const integrity = (content) => `sha384-${createHash('sha384').update(content).digest('base64')}`;

/** The page's script with that for the second part. Line ends are all that is read by nobody and can go. */
function scriptWith(script, secondName) {
  const imports = 'const imports = __wbg_get_imports();';
  if (!script.includes(imports)) throw new Error('The script of wasm-bindgen looks different: mend scriptWith in scripts/split-page.mjs.');
  const own = readFileSync(here('second-part.js'), 'utf8').replace('SECOND_PART_NAME', secondName);
  const whole = script.replaceAll(imports, 'const imports = withSecondPart(__wbg_get_imports());') + own;
  return whole.replace(/^\s*(\/\/.*)?\n|^\s+/gm, '');
}

function only(files, ending) {
  const found = files.filter((name) => name.endsWith(ending));
  if (found.length !== 1) throw new Error(`There must be one file that ends with ${ending} in ${page}, and there are ${found.length}.`);
  return found[0];
}

/** Puts others in the place of the module and the script, under names with the hashes of what is in them, so that no cache mixes two builds. */
function replace(module, script) {
  const files = readdirSync(page);
  let html = readFileSync(join(page, 'index.html'), 'utf8');
  for (const [ending, renew] of [['_bg.wasm', module], ['.js', script]]) {
    const name = only(files, ending);
    const before = readFileSync(join(page, name));
    const after = renew(before);
    const renewed = name.replace(/[0-9a-f]{16}/, hash(after));
    html = html.replaceAll(name, renewed).replaceAll(integrity(before), integrity(after));
    renameSync(join(page, name), join(page, renewed));
    writeFileSync(join(page, renewed), after);
  }
  writeFileSync(join(page, 'index.html'), html);
}

function splitPage(whole) {
  const { first, second, doors } = split(whole);
  const secondName = `patchbay-second-${hash(second)}.wasm`;
  replace(() => first, (script) => scriptWith(script.toString(), secondName));
  writeFileSync(join(page, secondName), second);
  mkdirSync(here('../target'), { recursive: true });
  writeFileSync(here('../target/doors.txt'), doors.map((name) => `${plainName(name)}\n`).join(''));
}

function watchPage(whole) {
  const { module, script } = watched(whole);
  replace(() => module, (before) => before + script);
}

// Otherwise functions would lose their names on the way in, and the second part would not find the first.
binaryen.setDebugInfo(true);
const whole = readFileSync(join(page, only(readdirSync(page), '_bg.wasm')));
if (task === 'measure') watchPage(whole);
else splitPage(whole);
