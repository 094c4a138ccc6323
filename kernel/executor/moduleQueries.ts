/**
 * Node keeps every module that it loaded under its URL, and where each import was found. Queries tell one import, and
 * one version of a file, from another; people never see them.
 */

const importQuery = "moelab-import";
const versionQuery = "moelab-version";

let imports = 0;

/** A URL that Node has not been asked for yet. */
export function freshImport(url: string): string {
  return withQuery(url, importQuery, ++imports);
}

/** The URL of one version of a file; version 0 has none of our queries. */
export function versioned(url: string, version: number): string {
  return version === 0 ? withoutQueries(url) : withQuery(withoutQueries(url), versionQuery, version);
}

/** The URL as the user knows it. */
export function withoutQueries(url: string): string {
  return url.replace(new RegExp(`[?&](${importQuery}|${versionQuery})=\\d+`, "g"), "");
}

function withQuery(url: string, name: string, value: number): string {
  return `${url}${url.includes("?") ? "&" : "?"}${name}=${value}`;
}
