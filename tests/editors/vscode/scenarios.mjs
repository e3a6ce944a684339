// What a person does with the extension, one scenario each; each starts from a desk of its own.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './vscode.mjs';

const TASK = 'Add archive_path to the archive';
const FIRST = 1; // the first reply that a held model waits before, of five from 0

const panel = (desk) => desk.code.page.locator('.bulk-edit-panel');

async function task(desk, prompt = TASK) {
  await desk.code.command('Steadyhand: New Task');
  await desk.code.answer(prompt);
}

export const SCENARIOS = {
  finding: {
    async run(desk, notes) {
      await desk.open('pressroom/feeds.py');
      await desk.code.page.locator('.monaco-editor .squiggly-warning').first().waitFor();
      notes.problems = await desk.code.problems();
      await desk.shot('problems');
      notes.status = await desk.code.status();
      assert.match(notes.problems.join('\n'), /_feed_slug.*slugify/);
    },
  },
  quick_fix: {
    async run(desk, notes) {
      await desk.open('pressroom/feeds.py');
      await desk.code.page.locator('.monaco-editor .squiggly-warning').first().waitFor();
      await desk.code.cursor('_feed_slug(text');
      notes.actions = await desk.code.actions();
      await desk.shot('actions');
      await desk.code.act('Use `slugify`');
      await sleep(1500);
      await desk.shot('after');
      notes.tabs = await desk.code.tabs();
      notes.notifications = await desk.code.notifications();
      await desk.code.shows('from pressroom.text import slugify');
      await desk.code.command('File: Save All');
      await until('saved', () => desk.changed() === 'M pressroom/feeds.py');
      assert.ok(!desk.read('pressroom/feeds.py').includes('_feed_slug'));
    },
  },
  task: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      desk.hold(FIRST);
      await task(desk);
      notes.running = await desk.code.says('round 2/20');
      assert.equal(desk.changed(), '', 'nothing is written while it works');
      await desk.shot('running');
      desk.letGo(FIRST);
      await panel(desk).locator('.monaco-list-row').first().waitFor();
      assert.equal(desk.changed(), '', 'nor before it is agreed to');
      await desk.shot('preview');
      // Of three hunks two: what needs consent begins unchecked.
      const rows = panel(desk).locator('.monaco-list-row');
      notes.rows = await rows.allInnerTexts();
      for (const text of ['counted, slugify', 'def archive_path']) {
        await rows.filter({ hasText: text }).locator('.edit-checkbox').click();
      }
      await panel(desk).page().getByRole('button', { name: 'Apply', exact: true }).click();
      await until('the accepted file is written', () => desk.read('pressroom/archive.py').includes('def archive_path'));
      notes.told = await desk.code.notified('applied');
      await desk.shot('applied');
      assert.equal(desk.changed(), 'M pressroom/archive.py');
      assert.ok(!existsSync(desk.path('tests/test_archive.py')));

      await desk.code.command('Steadyhand: Undo Session');
      await until('it is as it was', () => desk.changed() === '');
      notes.undone = await desk.code.notifications();
    },
  },
  discard: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      await task(desk);
      await panel(desk).locator('.monaco-list-row').first().waitFor();
      await desk.code.page.getByRole('button', { name: 'Discard', exact: true }).click();
      await sleep(1000);
      notes.told = await desk.code.notifications();
      assert.equal(desk.changed(), '');
    },
  },
  cancel: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      desk.hold(FIRST);
      await task(desk);
      await desk.code.says('round 2/20');
      await desk.code.command('Steadyhand: Cancel Session');
      notes.status = await until('the status bar no longer says that it runs', async () => {
        const status = await desk.code.status();
        return !status.includes('round 2/20') && status;
      });
      notes.told = await desk.code.notifications();
      await desk.shot('cancelled');
      assert.equal(desk.changed(), '');
    },
  },
  killed: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      desk.hold(FIRST);
      await task(desk);
      await desk.code.says('round 2/20');
      const [first] = desk.servers();
      process.kill(first, 'SIGKILL');
      await until('another server runs', () => desk.servers().some((one) => one !== first));
      notes.told = await desk.code.notified('to resume here');
      await desk.shot('back');
      desk.letGo(FIRST);
      await desk.code.command('Steadyhand: Resume Session');
      await panel(desk).locator('.monaco-list-row').first().waitFor();
      await desk.shot('resumed');
      assert.equal(desk.changed(), '');
    },
  },
  reload: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      desk.hold(FIRST);
      await task(desk);
      await desk.code.says('round 2/20');
      await desk.code.command('Developer: Reload Window');
      await desk.code.page.waitForTimeout(1500);
      await desk.code.page.locator('.monaco-workbench').waitFor();
      notes.told = await desk.code.notified('to resume here', 30_000);
      desk.letGo(FIRST);
      await desk.code.command('Steadyhand: Resume Session');
      await panel(desk).locator('.monaco-list-row').first().waitFor();
      assert.equal(desk.changed(), '');
    },
  },
  stale: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      await task(desk);
      await panel(desk).locator('.monaco-list-row').first().waitFor();
      // The person goes on typing at the very place, and takes the preview all the same.
      await desk.code.cursor('from pressroom.text import counted');
      await desk.code.page.keyboard.press('Home');
      await desk.code.page.keyboard.type('import mine  # ');
      const rows = panel(desk).locator('.monaco-list-row');
      notes.rows = await rows.allInnerTexts().catch(() => []);
      await desk.shot('typed');
      await desk.code.page.getByRole('button', { name: /^(Apply|Discard)$/ }).first().click();
      await sleep(1500);
      notes.told = await desk.code.notifications();
      await desk.code.shows('import mine  # from pressroom.text import counted');
      await desk.shot('after');
    },
  },
  search: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      await task(desk);
      await panel(desk).locator('.monaco-list-row').first().waitFor();
      await desk.code.page.getByRole('button', { name: 'Discard', exact: true }).click();
      notes.kept = await desk.code.notified('Nothing was applied');
      await desk.code.command('Steadyhand: Search Sessions');
      await desk.code.answer('archive_path');
      await until('places are offered', async () => (await desk.code.rows()).some((row) => row.includes('in round')));
      notes.rows = (await desk.code.rows()).length;
      await desk.shot('found');
      await desk.code.page.keyboard.press('Escape');
      await desk.code.command('Steadyhand: Discard Proposal');
      notes.told = await desk.code.notified('Discarded');
      await desk.code.command('Steadyhand: Delete Session');
      await desk.code.page.locator('.monaco-dialog-box').getByRole('button', { name: 'Delete' }).click();
      await desk.code.notified('is deleted');
      assert.equal(desk.changed(), '');
    },
  },
  hunk_by_hunk: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      await task(desk);
      await panel(desk).locator('.monaco-list-row').first().waitFor();
      await desk.code.page.getByRole('button', { name: 'Discard', exact: true }).click();
      await desk.code.notified('Nothing was applied');
      await desk.code.command('Steadyhand: Show Proposal');
      const lens = (text) => desk.code.page.locator('.codelens-decoration a', { hasText: text }).first();
      await lens('Accept h1').waitFor();
      await desk.shot('lenses');
      notes.lenses = await desk.code.page.locator('.codelens-decoration').allInnerTexts();
      await lens('Accept h1').click();
      await desk.code.shows('h1 accepted');
      await lens('Apply the 1 accepted').click();
      await until('the accepted hunk is written', () => desk.changed() === 'M pressroom/archive.py');
      assert.ok(!desk.read('pressroom/archive.py').includes('def archive_path'));
      await desk.shot('applied');
    },
  },
  untrusted: {
    desk: { trust: false },
    async run(desk, notes) {
      await desk.open('pressroom/feeds.py');
      await desk.code.says('Restricted Mode');
      await desk.code.page.locator('.monaco-editor .squiggly-warning').first().waitFor();
      await desk.shot('findings');
      await desk.code.command('Steadyhand: New Task');
      notes.told = await desk.code.notified('trust');
      await desk.shot('task');
      assert.equal(desk.changed(), '');
    },
  },
};
