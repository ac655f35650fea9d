// Splits the WebAssembly of the page in two, so that opening it takes less: the first part is loaded at once, the second
// when a function in it is called, or a little earlier (see scripts/second-part.js). scripts/parts.txt says what is where.
// Trunk runs this through scripts/split-page when it has built the page, before it puts the page in its place.
//
// A function of the second part that the first part calls, or that the table or an export names, leaves a stub behind:
// it loads the second part if need be, and calls the real function through a table that the second part fills. In the
// second part everything that stayed behind is an import: functions, memory, tables, globals. So there is one memory and
// one state, and no function knows where it is.
//
//   node scripts/split-page.mjs <folder with the page> <folder with the package binaryen>

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const [, , page, packageFolder] = process.argv;
const { default: binaryen } = await import(pathToFileURL(join(packageFolder, 'index.js')));

// As small as it gets. Functions with one caller stay functions, because that compresses better.
const OPTIMISE = ['-Oz', '--one-caller-inline-max-function-size=0', '--strip-debug', '--strip-producers'];
// A smaller function is hardly larger than its stub. And the compiler merges small functions that are the same, and
// leaves one of their names, which then says nothing about who calls it.
const MOVED_BYTES_MIN = 80;
// Of the library's own functions only larger ones move: the small ones are alike for many types, and are merged.
const MOVED_GENERIC_BYTES_MIN = 160;
// What the parts call each other and their common things; the script beside the page uses these names too.
const FIRST = 'first';
const SECOND = 'second';
const DOORS = 'doors';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** The part of each path that scripts/parts.txt names. */
function readRules() {
  const lines = readFileSync(here('parts.txt'), 'utf8').split('\n').map((line) => line.replace(/#.*/, '').trim());
  return new Map(lines.filter(Boolean).map((line) => {
    const [part, path] = line.split(/\s+/);
    if (![FIRST, SECOND].includes(part) || !path) throw new Error(`scripts/parts.txt has a line that is none: ${line}`);
    return [path, part];
  }));
}

/** The part of a path: what the longest line says that it begins with. */
function partOf(path, rules) {
  for (let end = path.length; end > 0; end = path.lastIndexOf('::', end - 1)) {
    const part = rules.get(path.slice(0, end));
    if (part) return part;
  }
  return FIRST;
}

/** `<patchbay[a1b2]::ui::app::App>::open` becomes `patchbay::ui::app::App::open`. */
function plainName(name) {
  const plain = name.replace(/\[[0-9a-f]+\]/g, '');
  const flat = (text) => text.replace(/<([\w:]+)(?:<[^<>]*>)?>(?=::)/g, '$1');
  for (let before = plain; ; ) {
    const after = flat(before);
    if (after === before) return after;
    before = after;
  }
}

// What Yew makes for each component is alike for all of them, and merged.
const belongsToSecond = (name, rules) =>
  !plainName(name).startsWith('<yew::') &&
  (plainName(name).match(/[A-Za-z_]\w*(::[A-Za-z_]\w*)+/g) ?? []).some((path) => partOf(path, rules) === SECOND);

const bytesMin = (name) => (/^<?(core|alloc|std|hashbrown)\b/.test(plainName(name)) ? MOVED_GENERIC_BYTES_MIN : MOVED_BYTES_MIN);

/** The size of each function in bytes, in the order of the module. */
function functionSizes(bytes) {
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  const CODE = 10;
  for (;;) {
    const section = bytes[at++];
    const length = number();
    if (section === CODE) break;
    at += length;
  }
  return Array.from({ length: number() }, () => {
    const size = number();
    at += size;
    return size;
  });
}

const listed = (count, at, info) => Array.from({ length: count }, (_, index) => info(at(index)));
const functions = (module) =>
  listed(module.getNumFunctions(), (index) => module.getFunctionByIndex(index), (ref) => ({ ref, ...binaryen.getFunctionInfo(ref) }));
const tables = (module) => listed(module.getNumTables(), (index) => module.getTableByIndex(index), binaryen.getTableInfo);
const globals = (module) => listed(module.getNumGlobals(), (index) => module.getGlobalByIndex(index), binaryen.getGlobalInfo);

/** The first part, without what only the second needs from it, and the functions that are doors to the second. */
function makeFirst(whole) {
  const module = binaryen.readBinary(whole);
  const rules = readRules();
  const sizes = functionSizes(whole);
  const all = functions(module).filter((each) => !each.module);
  const moved = new Set(all.filter(({ name }, index) => sizes[index] >= bytesMin(name) && belongsToSecond(name, rules)).map(({ name }) => name));
  if (moved.size === 0) throw new Error('No function is named in scripts/parts.txt: was the module built without names?');

  const [table] = tables(module);
  module.addTableExport(table.name, 'table');
  module.addFunctionImport('load', SECOND, 'load', binaryen.i32, binaryen.none);
  module.addGlobal('is there', binaryen.i32, true, module.i32.const(0));
  module.addGlobalExport('is there', SECOND);
  const load = (door) => module.call('load', [module.i32.const(door)], binaryen.none);
  all.filter(({ name }) => moved.has(name)).forEach(({ ref }) => binaryen.Function.setBody(ref, module.block(null, [load(0), module.unreachable()])));
  // What is left now is reachable without going through a door, or a door.
  module.runPasses(['remove-unused-module-elements']);
  const left = functions(module).filter((each) => !each.module);
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
function makeSecond(whole, { stayed, doors, table }) {
  const module = binaryen.readBinary(whole);
  const names = new Map(stayed.map((name, index) => [name, index.toString(36)]));
  listed(module.getNumExports(), (index) => module.getExportByIndex(index), binaryen.getExportInfo).forEach(({ name }) => module.removeExport(name));
  listed(module.getNumElementSegments(), (index) => module.getElementSegmentByIndex(index), binaryen.getElementSegmentInfo).forEach(({ name }) => module.removeElementSegment(name));
  module.runPasses(['remove-memory-init']);
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

/** Optimises a module, as a program of its own: the library has no limits to set for inlining. */
function optimised(module) {
  if (!module.validate()) throw new Error('The split made a module that is none.');
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-'));
  try {
    const [before, after] = [join(folder, 'before.wasm'), join(folder, 'after.wasm')];
    writeFileSync(before, module.emitBinary());
    execFileSync(process.execPath, [join(packageFolder, 'bin/wasm-opt'), ...OPTIMISE, before, '-o', after]);
    return readFileSync(after);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function split(whole) {
  // Otherwise functions would lose their names on the way in, and the second part would not find the first.
  binaryen.setDebugInfo(true);
  const first = makeFirst(whole);
  const { module, names } = makeSecond(whole, first);
  const second = optimised(module);
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(second)).filter((each) => each.module === FIRST);
  const used = new Set(imports.map(({ name }) => name));
  names.forEach((short, name) => used.has(short) && first.module.addFunctionExport(name, short));
  globals(first.module).forEach(({ name }) => used.has(name) && first.module.addGlobalExport(name, name));
  return { first: optimised(first.module), second, doors: first.doors };
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

/** Writes the parts, under names with the hashes of what is in them, so that no cache mixes two builds. */
function splitPage() {
  const files = readdirSync(page);
  const [module, script] = [only(files, '_bg.wasm'), only(files, '.js')];
  const read = (name) => readFileSync(join(page, name));
  const { first, second, doors } = split(read(module));
  const secondName = `patchbay-second-${hash(second)}.wasm`;
  writeFileSync(join(page, secondName), second);
  let html = read('index.html').toString();
  for (const [name, content] of [[module, first], [script, scriptWith(read(script).toString(), secondName)]]) {
    const renewed = name.replace(/[0-9a-f]{16}/, hash(content));
    html = html.replaceAll(name, renewed).replaceAll(integrity(read(name)), integrity(content));
    renameSync(join(page, name), join(page, renewed));
    writeFileSync(join(page, renewed), content);
  }
  writeFileSync(join(page, 'index.html'), html);
  mkdirSync(here('../target'), { recursive: true });
  writeFileSync(here('../target/doors.txt'), doors.map((name) => `${plainName(name)}\n`).join(''));
}

splitPage();
