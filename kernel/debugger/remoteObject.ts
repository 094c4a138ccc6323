/** A value as V8's inspector tells of it, in the protocol's words; only what is read here. */
export interface RemoteObject {
  type: "object" | "function" | "undefined" | "string" | "number" | "boolean" | "symbol" | "bigint";
  /** "array", "null", "map", "error", "typedarray", … of an object. */
  subtype?: string;
  className?: string;
  value?: unknown;
  /** "NaN", "-0", "Infinity" and bigints, which JSON cannot express. */
  unserializableValue?: string;
  description?: string;
  objectId?: string;
  preview?: ObjectPreview;
}

export interface ObjectPreview {
  type: RemoteObject["type"];
  subtype?: string;
  description?: string;
  overflow: boolean;
  properties: PropertyPreview[];
  /** Of a map, a set or an iterator. */
  entries?: { key?: ObjectPreview; value: ObjectPreview }[];
}

export interface PropertyPreview {
  name: string;
  type: RemoteObject["type"] | "accessor";
  subtype?: string;
  value?: string;
}
