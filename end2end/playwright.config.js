// The browser tests: walks through the real program in Chromium, one also in Firefox, each with an account of its own.
//
//   npx playwright test -g phone          those with "phone" in their name
//   npx playwright show-trace FILE        every step of a walk that failed: its trace is in target/browser
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { defineConfig } from "@playwright/test";

const root = join(import.meta.dirname, "..");

export default defineConfig({
  testDir: "tests",
  outputDir: join(root, "target/browser"),
  fullyParallel: true,
  // Each worker has a program of its own, which measures what is uploaded. Of three, one waits for its server at any time, so that two
  // cores are busy; more would only wait for one another.
  workers: 3,
  forbidOnly: Boolean(process.env.CI),
  // To record every walk takes a fifth to a third of the time: one that fails is walked again for its trace, and has failed all the same.
  retries: 1,
  failOnFlakyTests: !process.env.CI,
  reporter: "list",
  timeout: 120_000,
  expect: { timeout: 15_000 },
  use: {
    browserName: "chromium",
    viewport: { width: 1280, height: 900 },
    actionTimeout: 15_000,
    navigationTimeout: 30_000,
    trace: "on-first-retry",
    launchOptions: {
      executablePath: execFileSync(join(root, "scripts/browser"), ["chromium"]).toString().trim(),
      // The browser talks to nobody by itself.
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
