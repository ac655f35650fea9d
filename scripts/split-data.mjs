// Which constants only the second part of the page's WebAssembly needs. The linker tells (build.rs asks it to): where each
// constant lies, which value in the code is the address of which, and which holds the address of which.
//
// The format: https://github.com/WebAssembly/tool-conventions/blob/main/Linking.md

// A piece of data costs some bytes of its own, so a shorter one stays where it is.
const MOVED_BYTES_MIN = 32;

const SYMBOL_TABLE = 8;
const DATA_SYMBOL = 1;
const SECTION_SYMBOL = 3;
const UNDEFINED = 0x10;
const HAS_NAME = 0x40;
const ABSOLUTE = 0x200;
// Kinds of relocations that are addresses of data, and those that have an addend.
const ADDRESSES = new Set([3, 4, 5]);
const WITH_ADDEND = new Set([...ADDRESSES, 8, 9, 11, 14, 15, 16, 17, 21, 22, 23, 25]);

/** Reads the numbers and names of the binary format. */
export class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  byte() {
    return this.bytes[this.at++];
  }

  number() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  }

  signed() {
    let value = 0;
    for (let shift = 0; ; ) {
      const byte = this.byte();
      value |= (byte & 127) << shift;
      shift += 7;
      if (byte < 128) return shift < 32 && byte & 64 ? value | (-1 << shift) : value;
    }
  }

  text() {
    const length = this.number();
    this.at += length;
    return new TextDecoder().decode(this.bytes.subarray(this.at - length, this.at));
  }
}

/** The sections of a module, each with its number, the name of a custom one, and where its content is. */
export function sections(bytes) {
  const reader = new Reader(bytes, 8);
  const found = [];
  while (reader.at < bytes.length) {
    const start = reader.at;
    const id = reader.byte();
    const length = reader.number();
    const content = reader.at;
    const name = id === 0 ? reader.text() : '';
    found.push({ id, name, start, content, body: reader.at, end: content + length });
    reader.at = content + length;
  }
  return found;
}

/** The pieces of data: at which address each begins, and where its bytes are in the module. */
export function dataSegments(bytes) {
  const DATA = 11;
  const section = sections(bytes).find(({ id }) => id === DATA);
  const reader = new Reader(bytes, section.content);
  return Array.from({ length: reader.number() }, () => {
    if (reader.number() !== 0) throw new Error('The module has data that is not simply there at the start.');
    reader.byte(); // i32.const
    const address = reader.signed();
    reader.byte(); // end
    const length = reader.number();
    reader.at += length;
    return { address, start: reader.at - length, end: reader.at };
  });
}

function readSymbols(bytes, { body, end }, segments) {
  const reader = new Reader(bytes, body);
  reader.number(); // version
  const symbols = [];
  while (reader.at < end) {
    const kind = reader.byte();
    const next = reader.number() + reader.at;
    for (let count = kind === SYMBOL_TABLE ? reader.number() : 0; count > 0; count -= 1) symbols.push(readSymbol(reader, segments));
    reader.at = next;
  }
  return symbols;
}

/** The stretch of addresses of a symbol of data; null for every other. */
function readSymbol(reader, segments) {
  const kind = reader.byte();
  const flags = reader.number();
  if (kind !== DATA_SYMBOL) {
    reader.number();
    if (kind !== SECTION_SYMBOL && (!(flags & UNDEFINED) || flags & HAS_NAME)) reader.text();
    return null;
  }
  reader.text();
  if (flags & UNDEFINED) return null;
  const [segment, offset, size] = [reader.number(), reader.number(), reader.number()];
  if (flags & ABSOLUTE || !segments[segment]) return null;
  const start = segments[segment].address + offset;
  return { start, end: start + size };
}

function readRelocations(bytes, { body }) {
  const reader = new Reader(bytes, body);
  reader.number(); // the section that they are about
  return Array.from({ length: reader.number() }, () => {
    const [kind, offset, symbol] = [reader.byte(), reader.number(), reader.number()];
    return { kind, offset, symbol, addend: WITH_ADDEND.has(kind) ? reader.signed() : 0 };
  }).filter(({ kind }) => ADDRESSES.has(kind));
}

/**
 * The pieces of data that can go, as lists of [first address, address after the last].
 *
 * @param {Uint8Array} whole     the module, with what the linker tells
 * @param {Set<number>} values   the constants in the code of the first part, and the offsets of its loads and stores
 */
export function movableData(whole, values) {
  const all = sections(whole);
  const [linking, code, data] = ['linking', 'reloc.CODE', 'reloc.DATA'].map((name) => all.find((section) => section.name === name));
  if (!linking || !code || !data) return [];
  const segments = dataSegments(whole);
  const symbols = readSymbols(whole, linking, segments);
  // What each place in the data holds the addresses of.
  const DATA = 11;
  const base = all.find(({ id }) => id === DATA).content;
  const held = new Map();
  for (const { offset, symbol } of readRelocations(whole, data)) {
    const { address, start } = segments.find((segment) => base + offset >= segment.start && base + offset < segment.end);
    const place = address + base + offset - start;
    held.set(place, [...(held.get(place) ?? []), symbol]);
  }

  // From the symbols whose addresses are in the code of the first part, on to those whose addresses they hold.
  const needed = new Set();
  const waiting = [];
  const need = (index) => {
    if (!symbols[index] || needed.has(index)) return;
    needed.add(index);
    waiting.push(symbols[index]);
  };
  const follow = ({ start, end }) => {
    for (let place = start; place < end; place += 1) {
      if (held.has(place)) held.get(place).forEach(need);
    }
  };
  for (const { symbol, addend } of readRelocations(whole, code)) {
    if (symbols[symbol] && values.has(symbols[symbol].start + addend)) need(symbol);
  }
  while (waiting.length > 0) follow(waiting.pop());
  return segments.flatMap((segment) => stretches(segment, symbols, needed));
}

/** The stretches of a segment in which are only symbols that are not needed. */
function stretches({ address, start, end }, symbols, needed) {
  const goes = new Uint8Array(end - start);
  const mark = (isNeeded, value) => symbols.forEach((symbol, index) => {
    if (symbol && needed.has(index) === isNeeded) goes.fill(value, Math.max(0, symbol.start - address), Math.max(0, symbol.end - address));
  });
  mark(false, 1);
  mark(true, 0);
  const found = [];
  for (let from = goes.indexOf(1); from >= 0; ) {
    const next = goes.indexOf(0, from);
    const to = next < 0 ? goes.length : next;
    if (to - from >= MOVED_BYTES_MIN) found.push([address + from, address + to]);
    from = goes.indexOf(1, to);
  }
  return found;
}
