const core = require("@azure/functions-core");
core.registerFunction({ name: "twice", bindings: {} }, () => undefined);
core.registerFunction({ name: "twice", bindings: {} }, () => undefined);
