import { onlyEsm45, condition45 } from "esm-package";
import { deep45 } from "esm-package/features/deep";
import dual45, { which45 } from "dual-package";
import cjs45 from "cjs-package";
import { named45 } from "cjs-package";
console.log(onlyEsm45, condition45, deep45, dual45, which45, cjs45.whole, named45);
