// Runs one scenario and prints one line of JSON: {scenario, ok, seconds, notes, error?, screen?}.

import { SCENARIOS } from './scenarios.mjs';
import { Desk } from './desk.mjs';

const [name] = process.argv.slice(2);
if (name === '--list') {
  console.log(JSON.stringify(Object.keys(SCENARIOS)));
  process.exit(0);
}
const scenario = SCENARIOS[name];
if (!scenario) {
  console.error(`usage: run.mjs --list | ${Object.keys(SCENARIOS).join(' | ')}`);
  process.exit(2);
}
const shots = process.env.STEADYHAND_SHOTS && `${process.env.STEADYHAND_SHOTS}/${name}`;
const result = { scenario: name, ok: false, notes: {} };
const started = Date.now();
let desk;
try {
  desk = await Desk.set({ shots, ...scenario.desk });
  await scenario.run(desk, result.notes);
  result.ok = true;
} catch (error) {
  result.error = String(error?.stack ?? error);
  // What a person would see says more than where the test stood.
  result.screen = await desk?.code.page.locator('body').innerText().catch(() => undefined);
  result.log = (() => { try { return desk?.code.log('Steadyhand').slice(-4000); } catch { return undefined; } })();
  await desk?.shot('failed').catch(() => undefined);
} finally {
  await desk?.clear().catch((error) => { result.leftOver = String(error); });
}
result.seconds = Math.round((Date.now() - started) / 100) / 10;
console.log(JSON.stringify(result));
process.exit(result.ok ? 0 : 1);
