// What every walk is given: a program that its worker has to itself, and pages that are watched.
import { test as base, expect } from "@playwright/test";
import { startProgram } from "./program.js";

export { expect };

export const PHONE = { viewport: { width: 320, height: 700 }, hasTouch: true };
export const NO_SCRIPT = { javaScriptEnabled: false };

/** What the console says of an answer that a form or an island deals with. */
const ANSWERED = /status of (401|402|404|409|413|422|429)/;

/** What it says of the recorder of traces, which looks into e-mails: their frames run no script, whoever asks. */
const RECORDED = /Blocked script execution in 'about:srcdoc'/;

export const test = base.extend({
  /** What the console will say of that which a walk breaks on purpose. */
  provoked: [undefined, { option: true }],

  program: [
    async ({}, use) => {
      const program = await startProgram();
      await use(program);
      expect(await program.stop(), "SIGTERM ends the program with 0").toBe(0);
    },
    { scope: "worker" },
  ],

  baseURL: ({ program }, use) => use(program.base),

  page: async ({ page, baseURL, provoked }, use) => {
    const complaints = watch(page, baseURL, provoked);
    await use(page);
    expect(complaints).toEqual([]);
  },

  /** Opens a page in another browser, with a script unless said otherwise; `like` brings the cookies of a page along. */
  another: async ({ browser }, use) => {
    const contexts = [];
    await use(async ({ like, ...options } = {}) => {
      const context = await browser.newContext({ javaScriptEnabled: true, ...options });
      contexts.push(context);
      if (like) await context.addCookies(await like.context().cookies());
      return context.newPage();
    });
    for (const context of contexts) await context.close();
  },

  /** A page of a program with these settings, with whatever else the program is said to have. */
  programWith: async ({ browser }, use) => {
    const opened = [];
    await use(async (settings, { port, ...options } = {}) => {
      // The demo is walked through elsewhere, and takes a second of a core.
      const program = await startProgram({ MIXLENS_DEMO_AT_START: "false", ...settings }, port);
      opened.push(program);
      const context = await browser.newContext({ ...options, baseURL: program.base });
      return { program, page: await context.newPage() };
    });
    for (const program of opened) await program.stop();
  },
});

/** Errors in the console, broken policies and requests to anybody else fail a walk [P17]. The page is of either driver. */
export function watch(page, own, provoked) {
  const complaints = [];
  page.on("console", (message) => {
    const text = message.text();
    const expected = [ANSWERED, RECORDED, provoked].some((words) => words?.test(text));
    if (message.type() === "error" && !expected) complaints.push(`console: ${text}`);
  });
  page.on("pageerror", (error) => {
    if (!provoked?.test(String(error))) complaints.push(`script: ${error}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(own) && !/^(data|blob|about):/.test(url)) complaints.push(`request to ${url}`);
  });
  return complaints;
}
