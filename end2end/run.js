// The browser tests: starts the real program on a free port with an empty data folder, walks through it in Chromium
// (hydrated, without JavaScript, at phone width), and ends with a line that counts. Each walk makes its own account.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { tests } from "./tests/all.js";

const root = join(import.meta.dirname, "..");
const browserPath = execFileSync(join(root, "scripts/chromium")).toString().trim();
const port = await freePort();
const base = `http://127.0.0.1:${port}`;
const data = mkdtempSync(join(tmpdir(), "mixlens-"));
const program = spawn(process.env.MIXLENS_TEST_PROGRAM ?? join(root, "target/debug/mixlens"), {
  cwd: root,
  env: { ...process.env, MIXLENS_DATA_DIR: data, MIXLENS_LISTEN: `127.0.0.1:${port}`, MIXLENS_LOG: "warn" },
  stdio: ["ignore", "inherit", "inherit"],
});
let passed = 0;
let failed = 0;
try {
  await answers(`${base}/readyz`, 30_000);
  const browser = await chromium.launch({
    executablePath: browserPath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
  for (const { name, run, options = {} } of tests) {
    const context = await browser.newContext({ baseURL: base, viewport: { width: 1280, height: 900 }, ...options });
    context.setDefaultTimeout(15_000);
    const page = await context.newPage();
    const complaints = watch(page, base);
    try {
      await run(page, { base });
      if (complaints.length > 0) throw new Error(complaints.join("\n"));
      passed += 1;
      console.log(`ok      ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n${error.stack ?? error}\nat ${page.url()}\n${complaints.join("\n")}`);
    } finally {
      await context.close();
    }
  }
  await browser.close();
} finally {
  const ended = new Promise((resolve) => program.once("exit", resolve));
  program.kill("SIGTERM");
  const code = await ended;
  if (code !== 0) {
    failed += 1;
    console.log(`FAILED  SIGTERM ends the program with 0, not ${code}`);
  }
  rmSync(data, { recursive: true, force: true });
}
console.log(`browser: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

// Errors in the console, broken policies and requests to anybody else fail a walk [P17].
function watch(page, own) {
  const complaints = [];
  page.on("console", (message) => {
    const expected = /status of (401|402|404|409|413|422|429)/.test(message.text());
    if (message.type() === "error" && !expected) complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`script: ${error}`));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(own) && !/^(data|blob|about):/.test(url)) complaints.push(`request to ${url}`);
  });
  return complaints;
}

async function answers(url, milliseconds) {
  const until = Date.now() + milliseconds;
  while (Date.now() < until) {
    if (await fetch(url).then((answer) => answer.ok, () => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} does not answer`);
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
