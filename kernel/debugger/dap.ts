/** The parts of the Debug Adapter Protocol that are spoken here; lines and columns are one-based. */

export interface DapRequest {
  seq: number;
  command: string;
  arguments?: any;
}

export interface DapResponse {
  seq: number;
  type: "response";
  request_seq: number;
  command: string;
  success: boolean;
  message?: string;
  body?: object;
}

export interface DapEvent {
  seq: number;
  type: "event";
  event: string;
  body?: object;
}

export interface DapBreakpoint {
  id: number;
  verified: boolean;
  line: number;
  message?: string;
  source: { path: string };
}

export interface DapVariable {
  name: string;
  value: string;
  type?: string;
  /** An expression that gives the value. */
  evaluateName?: string;
  /** Zero when there is nothing inside. */
  variablesReference: number;
  indexedVariables?: number;
  presentationHint?: { kind?: string; attributes?: string[]; lazy?: boolean };
}

/** A request that cannot be carried out; the message is for the user. */
export class DapFault extends Error {}
