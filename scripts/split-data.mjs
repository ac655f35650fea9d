// Which constants only the second part of the page's WebAssembly needs. The linker says it (scripts/link-page.rs asks it
// to): where each constant lies, which value in the code is the address of which, and which holds the address of which.
//
// The format: https://github.com/WebAssembly/tool-conventions/blob/main/Linking.md

// A piece of data costs some bytes of its own, so a shorter one stays where it is.
const MOVED_BYTES_MIN = 32;

const CODE = 10;
const DATA = 11;
const SYMBOL_TABLE = 8;
const DATA_SYMBOL = 1;
const SECTION_SYMBOL = 3;
const UNDEFINED = 0x10;
const HAS_NAME = 0x40;
const ABSOLUTE = 0x200;
// Kinds of relocations that are addresses of data, and all kinds with an addend.
const ADDRESSES = new Set([3, 4, 5]);
const WITH_ADDEND = new Set([...ADDRESSES, 8, 9, 11, 14, 15, 16, 17, 21, 22, 23, 25]);

/** Reads the numbers and names of the binary format. */
class Reader {
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

  list(item) {
    return Array.from({ length: this.number() }, item);
  }
}

/** The sections of a module, each with its number, the name of a custom one, and where it and its content are. */
function sections(bytes) {
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

const content = (bytes, wanted) => sections(bytes).find(({ id }) => id === wanted).content;

/** The size of each function in bytes, in the order of the module. */
export function functionSizes(bytes) {
  const reader = new Reader(bytes, content(bytes, CODE));
  return reader.list(() => {
    const size = reader.number();
    reader.at += size;
    return size;
  });
}

/** A module without what the linker says, which is not for the browser. */
export const withoutRelocations = (bytes) => Buffer.concat([
  bytes.subarray(0, 8),
  ...sections(bytes).filter(({ name }) => !/^(linking|reloc\..*)$/.test(name)).map(({ start, end }) => bytes.subarray(start, end)),
]);

/** The pieces of data: at which address each begins, and where its bytes are in the module. */
function dataSegments(bytes) {
  const reader = new Reader(bytes, content(bytes, DATA));
  return reader.list(() => {
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
    if (kind === SYMBOL_TABLE) symbols.push(...reader.list(() => readSymbol(reader, segments)));
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

function readRelocations(bytes, { body }, symbols) {
  const reader = new Reader(bytes, body);
  reader.number(); // the section that they are about
  return reader
    .list(() => {
      const [kind, offset, symbol] = [reader.byte(), reader.number(), reader.number()];
      return { kind, offset, symbol: symbols[symbol], addend: WITH_ADDEND.has(kind) ? reader.signed() : 0 };
    })
    .filter(({ kind, symbol }) => ADDRESSES.has(kind) && symbol);
}

/** The constants of a module, and what refers to them. */
export class Constants {
  constructor(whole) {
    const all = sections(whole);
    const [linking, code, data] = ['linking', 'reloc.CODE', 'reloc.DATA'].map((name) => all.find((section) => section.name === name));
    if (!linking || !code || !data) throw new Error('The linker did not say where the constants lie: see scripts/link-page.rs.');
    this.segments = dataSegments(whole);
    this.symbols = readSymbols(whole, linking, this.segments);
    // What a value in the code is the address of. At the end of one constant another may begin, so these are lists.
    this.byValue = new Map();
    for (const { symbol, addend } of readRelocations(whole, code, this.symbols)) {
      const value = symbol.start + addend;
      this.byValue.set(value, (this.byValue.get(value) ?? new Set()).add(symbol));
    }
    this.held = this.readHeld(whole, data);
  }

  /** Whose addresses are at which place in the data, as a list in the order of the places. */
  readHeld(whole, data) {
    const base = content(whole, DATA);
    return readRelocations(whole, data, this.symbols).map(({ offset, symbol, addend }) => {
      const at = base + offset;
      const segment = this.segments.find(({ start, end }) => at >= start && at < end);
      if (!segment || whole.readInt32LE(at) !== symbol.start + addend) throw new Error('The data of the module is not as the linker left it.');
      return { place: segment.address + at - segment.start, symbol };
    }).sort((one, other) => one.place - other.place);
  }

  heldIn({ start, end }) {
    let [low, high] = [0, this.held.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.held[middle].place < start) low = middle + 1;
      else high = middle;
    }
    const found = [];
    for (; low < this.held.length && this.held[low].place < end; low += 1) found.push(this.held[low].symbol);
    return found;
  }

  /** How many bytes the constants have that these values in the code are the addresses of. */
  bytesAt(values) {
    const found = new Set(values.flatMap((value) => [...(this.byValue.get(value) ?? [])]));
    return [...found].reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** From the constants whose addresses are among the values, on to those whose addresses they hold. */
  neededBy(values) {
    const needed = new Set();
    const waiting = [];
    const need = (symbol) => {
      if (needed.has(symbol)) return;
      needed.add(symbol);
      waiting.push(symbol);
    };
    values.forEach((value) => this.byValue.get(value)?.forEach(need));
    // What lies in no constant stays, so what it refers to stays too.
    const known = this.coverage(this.symbols.filter(Boolean));
    this.held.filter(({ place }) => !known(place)).forEach(({ symbol }) => need(symbol));
    while (waiting.length > 0) this.heldIn(waiting.pop()).forEach(need);
    return needed;
  }

  /** A function that says whether an address lies in one of the symbols. */
  coverage(symbols) {
    const lowest = this.segments[0].address;
    const { address, start, end } = this.segments.at(-1);
    const covered = new Uint8Array(address + end - start - lowest);
    symbols.forEach((symbol) => covered.fill(1, symbol.start - lowest, symbol.end - lowest));
    return (place) => covered[place - lowest] === 1;
  }

  /**
   * The stretches of data that can go, as lists of [first address, address after the last].
   *
   * @param {Iterable<number>} values   the constants in the code of the first part, and the offsets of its loads and stores
   */
  movable(values) {
    const isKnown = this.coverage(this.symbols.filter(Boolean));
    const isNeeded = this.coverage([...this.neededBy(values)]);
    return this.segments.flatMap(({ address, start, end }) => {
      const found = [];
      let from = null;
      for (let place = address; place <= address + end - start; place += 1) {
        const goes = place < address + end - start && isKnown(place) && !isNeeded(place);
        if (goes) {
          from ??= place;
        } else if (from !== null) {
          if (place - from >= MOVED_BYTES_MIN) found.push([from, place]);
          from = null;
        }
      }
      return found;
    });
  }
}

/** Takes data out of a module, in place. It becomes zeros, which the optimisation drops. */
export function takeData(module, stretches) {
  const segments = dataSegments(module);
  return stretches.map(([from, to]) => {
    const { address, start } = segments.find((segment) => from >= segment.address && to <= segment.address + segment.end - segment.start);
    const place = module.subarray(start + from - address, start + to - address);
    const bytes = Uint8Array.from(place);
    place.fill(0);
    return { address: from, bytes };
  });
}
