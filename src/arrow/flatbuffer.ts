/**
 * Reading flatbuffers, the format of Arrow's metadata, from bytes that may be damaged or hostile: every access is
 * checked, and the number of accesses is bounded by the size of the bytes, since offsets may form cycles and share
 * parts. apache-arrow's own reader checks nothing, and loading it would cost more than opening a file.
 */
export class FlatBytes {
  private readonly view: DataView;
  private accessesLeft: number;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.accessesLeft = 1000 + 16 * bytes.byteLength;
  }

  /** The outermost table. */
  root(): FlatTable {
    return new FlatTable(this, this.uint32(0));
  }

  private check(position: number, length: number): void {
    if (!(position >= 0 && position + length <= this.bytes.byteLength)) {
      throw new RangeError(`offset ${position} is outside of the metadata's ${this.bytes.byteLength} bytes`);
    }
    if (--this.accessesLeft < 0) throw new RangeError("the metadata refers to itself");
  }

  uint8(position: number): number {
    this.check(position, 1);
    return this.view.getUint8(position);
  }

  uint16(position: number): number {
    this.check(position, 2);
    return this.view.getUint16(position, true);
  }

  int16(position: number): number {
    this.check(position, 2);
    return this.view.getInt16(position, true);
  }

  int32(position: number): number {
    this.check(position, 4);
    return this.view.getInt32(position, true);
  }

  uint32(position: number): number {
    this.check(position, 4);
    return this.view.getUint32(position, true);
  }

  /** Sizes and offsets: never negative, never beyond what a number holds exactly. */
  size(position: number): number {
    this.check(position, 8);
    const value = Number(this.view.getBigInt64(position, true));
    if (value < 0 || !Number.isSafeInteger(value)) throw new RangeError(`${value} is no size or offset`);
    return value;
  }

  text(position: number, length: number): string {
    this.check(position, length);
    this.accessesLeft -= length;
    return new TextDecoder().decode(this.bytes.subarray(position, position + length));
  }
}

/** A flatbuffers table; fields go by their index in the schema and have a default when they are left out. */
export class FlatTable {
  private readonly fields: number;
  private readonly fieldsEnd: number;

  constructor(
    readonly bytes: FlatBytes,
    readonly position: number,
  ) {
    this.fields = position - bytes.int32(position);
    this.fieldsEnd = bytes.uint16(this.fields);
    // An odd or huge size would be read differently by others, who are handed what passed here.
    if (this.fieldsEnd % 2 !== 0 || this.fieldsEnd > 0x7fff) {
      throw new RangeError(`a table's list of fields has ${this.fieldsEnd} bytes`);
    }
  }

  private at(field: number): number {
    const entry = 4 + 2 * field;
    if (entry + 2 > this.fieldsEnd) return 0;
    const offset = this.bytes.uint16(this.fields + entry);
    return offset === 0 ? 0 : this.position + offset;
  }

  uint8(field: number, otherwise = 0): number {
    const at = this.at(field);
    return at ? this.bytes.uint8(at) : otherwise;
  }

  boolean(field: number): boolean {
    return this.uint8(field) !== 0;
  }

  int16(field: number, otherwise = 0): number {
    const at = this.at(field);
    return at ? this.bytes.int16(at) : otherwise;
  }

  int32(field: number, otherwise = 0): number {
    const at = this.at(field);
    return at ? this.bytes.int32(at) : otherwise;
  }

  size(field: number): number {
    const at = this.at(field);
    return at ? this.bytes.size(at) : 0;
  }

  table(field: number): FlatTable | undefined {
    const at = this.at(field);
    return at ? new FlatTable(this.bytes, at + this.bytes.uint32(at)) : undefined;
  }

  text(field: number): string {
    const at = this.at(field);
    if (!at) return "";
    const start = at + this.bytes.uint32(at);
    return this.bytes.text(start + 4, this.bytes.uint32(start));
  }

  /** Positions of a vector's elements of the given width in bytes. */
  private *elements(field: number, width: number): Generator<number> {
    const at = this.at(field);
    if (!at) return;
    const start = at + this.bytes.uint32(at);
    const count = this.bytes.uint32(start);
    for (let index = 0; index < count; index++) yield start + 4 + index * width;
  }

  /** Elements of a vector of structures: `read` gets the position of each. */
  structures<Structure>(field: number, width: number, read: (position: number) => Structure): Structure[] {
    return Array.from(this.elements(field, width), read);
  }

  tables(field: number): FlatTable[] {
    return Array.from(this.elements(field, 4), (at) => new FlatTable(this.bytes, at + this.bytes.uint32(at)));
  }
}
