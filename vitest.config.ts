import { availableParallelism } from "node:os";

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global_setup.ts", "test/support/stripe_contract/global_setup.ts"],
    setupFiles: ["test/support/stripe_contract/setup.ts"],
    // Threads start faster than processes, and nothing of ours changes the process they share.
    pool: "threads",
    // A module is loaded once a worker, not once a file, which costs a third of the whole run less.
    // So nothing that a file changes may be kept in a module that others import.
    isolate: false,
    // At least three, even on two cores: a test mostly waits for the server.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    // For what hangs, not for what is slow: a machine may be busy.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 15_000,
    // A test that was left focused must not make the others silent.
    allowOnly: false,
  },
});
