throw new Error("the entry point\nfell over");
