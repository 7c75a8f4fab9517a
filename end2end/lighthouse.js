// What Lighthouse says of the pages that people see first and most: every category must reach 95 on a phone.
//
//   node lighthouse.js FOLDER     with `lighthouse` installed below FOLDER, which the reports go to (`make lighthouse`)
import { createRequire } from "node:module";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "@playwright/test";
import config from "./playwright.config.js";
import { music } from "./helpers/audio.js";
import { signUp } from "./helpers/people.js";
import { startProgram } from "./helpers/program.js";
import { file, report } from "./helpers/uploads.js";

const LEAST = 95;
const PORT = 9333;
const folder = resolve(process.argv[2]);
const { default: lighthouse } = await import(
  pathToFileURL(createRequire(join(folder, "x")).resolve("lighthouse/core/index.js")).href
);

const program = await startProgram({});
const { executablePath, args } = config.use.launchOptions;
const browser = await chromium.launch({ executablePath, args: [...args, `--remote-debugging-port=${PORT}`] });
let isBelow = false;
try {
  const page = await browser.newPage({ baseURL: program.base });
  await signUp(page, "Ann Example");
  const analysis = await report(page, file("Night drive.wav", music({ seconds: 60 })));
  const cookies = await page.context().cookies();
  const Cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const pages = { landing: "/", demo: "/demo", pricing: "/pricing", history: "/history", report: analysis };
  for (const [name, path] of Object.entries(pages)) {
    const url = new URL(path, program.base).href;
    // The landing page is for who has no account yet.
    const extraHeaders = ["history", "report"].includes(name) ? { Cookie } : undefined;
    // What a report is for is not to be found: no search engine may have it, and Lighthouse would count that.
    const onlyCategories = ["performance", "accessibility", "best-practices", ...(extraHeaders ? [] : ["seo"])];
    const { lhr } = await lighthouse(url, { port: PORT, extraHeaders, onlyCategories, logLevel: "error" });
    const scores = Object.values(lhr.categories).map(({ id, score }) => [id, Math.round(score * 100)]);
    console.log(name.padEnd(8), scores.map(([id, score]) => `${id} ${score}`).join(", "));
    for (const { id, title, score, displayValue } of Object.values(lhr.audits)) {
      const counts = Object.values(lhr.categories).some(({ auditRefs }) => auditRefs.some((ref) => ref.id === id && ref.weight > 0));
      if (counts && score !== null && score < 0.9) console.log(`  ${score} ${title} ${displayValue ?? ""}`);
    }
    isBelow ||= scores.some(([, score]) => score < LEAST);
    mkdirSync(join(folder, "reports"), { recursive: true });
    writeFileSync(join(folder, "reports", `${name}.json`), JSON.stringify(lhr));
  }
} finally {
  await browser.close();
  await program.stop();
}
process.exitCode = isBelow ? 1 : 0;
