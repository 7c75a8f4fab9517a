// The browser tests: walks through the real program in Chromium (hydrated, without JavaScript, at phone width), and ends
// with a line that counts. Each walk makes its own account. `node run.js phone` runs those with "phone" in their name.
import { startBrowser, startProgram } from "./program.js";
import { tests as account } from "./tests/account.js";
import { tests as main } from "./tests/all.js";
import { tests as history } from "./tests/history.js";
import { tests as player } from "./tests/player.js";
import { tests as report } from "./tests/report.js";

const [, , wanted = ""] = process.argv;
let passed = 0;
let failed = 0;
const program = await startProgram();
try {
  const browser = await startBrowser();
  for (const { name, run, options = {} } of [...main, ...account, ...history, ...player, ...report].filter((test) => test.name.includes(wanted))) {
    const context = await browser.newContext({ baseURL: program.base, viewport: { width: 1280, height: 900 }, ...options });
    context.setDefaultTimeout(15_000);
    const page = await context.newPage();
    const complaints = watch(page, program.base);
    try {
      await run(page, program);
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
  const code = await program.stop();
  if (code !== 0) {
    failed += 1;
    console.log(`FAILED  SIGTERM ends the program with 0, not ${code}`);
  }
}
console.log(`browser: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

// Errors in the console, broken policies and requests to anybody else fail a walk [P17].
function watch(page, own) {
  const complaints = [];
  page.on("console", (message) => {
    const expected = /status of (401|402|404|409|413|422|429)/.test(message.text());
    // A walk that breaks something on purpose says what the console will say of it.
    const provoked = page.expectsFailure?.test(message.text());
    if (message.type() === "error" && !expected && !provoked) complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`script: ${error}`));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(own) && !/^(data|blob|about):/.test(url)) complaints.push(`request to ${url}`);
  });
  return complaints;
}
