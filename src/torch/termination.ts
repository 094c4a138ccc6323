import { addon, isLoaded } from "../engine/addon.js";
import { host } from "../host.js";
import { leaveAutocast } from "./autocast.js";
import { leaveScopes } from "./lifetime.js";

/** An interrupt that had to terminate code leaves no cell without gradients, in half precision or in a dead scope. */
host().onTermination(() => {
  if (!isLoaded()) return;
  leaveScopes();
  leaveAutocast();
  addon().setGradientEnabled(true);
});
