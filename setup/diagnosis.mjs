// What the output of npm, pip, apt and the compiler says about why they failed, in the user's terms.
const known = [
  [/ENOSPC|No space left on device/i, "the disk is full", "free some space (a set-up needs up to 10 GB)"],
  [/EACCES|Permission denied/i, "a file cannot be written", "make the project folder writable for this user"],
  [
    /ECONNREFUSED|Connection refused/i,
    "the connection was refused",
    "check the proxy settings (HTTPS_PROXY, npm config get proxy, pip config list) and try again",
  ],
  [
    /ENOTFOUND|EAI_AGAIN|Temporary failure in name resolution|Name or service not known/i,
    "the package server's name cannot be resolved",
    "check the network connection, or set the registry of your network (npm_config_registry, PIP_INDEX_URL)",
  ],
  [
    /ETIMEDOUT|ESOCKETTIMEDOUT|ReadTimeout|Read timed out|ConnectTimeout|ECONNRESET|IncompleteRead/i,
    "the download broke off",
    "run the same command again; finished parts are kept",
  ],
  [
    /SELF_SIGNED_CERT|UNABLE_TO_VERIFY|CERTIFICATE_VERIFY_FAILED/i,
    "the server's certificate is not trusted",
    "give the certificate of your network to both programs: NODE_EXTRA_CA_CERTS and PIP_CERT",
  ],
  [
    /EINTEGRITY/i,
    "a downloaded package is damaged",
    "run `npm cache clean --force`, then the same command again",
  ],
  [
    /No matching distribution found for (\S+)/i,
    (found) => `pip finds no ${found[1]} for this Python and platform`,
    "check PIP_INDEX_URL, PIP_EXTRA_INDEX_URL and PIP_NO_INDEX, and that `python3 --version` is 3.10 or newer " +
      "on 64-bit Linux or macOS",
  ],
  [
    /internal compiler error: Killed|cc1plus.*Killed|c\+\+: fatal error: Killed/i,
    "the compiler was ended by the system, most likely for want of memory",
    "close other programs, or set CMAKE_BUILD_PARALLEL_LEVEL=1, and run the same command again",
  ],
];

/** The first known cause found in `output`, else undefined. A refused connection explains a missing package. */
export function diagnose(output) {
  for (const [pattern, cause, fix] of known) {
    const found = output.match(pattern);
    if (found) return { cause: typeof cause === "function" ? cause(found) : cause, fix };
  }
  return undefined;
}
