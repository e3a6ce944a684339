// What a person does with the extension, one scenario each; each starts from a desk of its own.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './vscode.mjs';

const TASK = 'Add archive_path to the archive';
const FIRST = 1; // the first reply that a held model waits before, of five from 0

const panel = (desk) => desk.code.page.locator('.bulk-edit-panel');

/** Waits until the diff of a proposal stands on the screen. */
const review = (desk) => desk.code.page.locator('.multiDiffEditor .view-line').first().waitFor();

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
      notes.asked = await desk.code.notified('proposes');
      await desk.shot('asked');
      assert.equal(desk.changed(), '', 'nor before it is agreed to');
      await desk.code.press('proposes', 'Show diff');
      await review(desk);
      await desk.shot('proposal');
      // Of three hunks two, by the lenses above them.
      await desk.code.lens('Accept h1').click();
      await desk.code.lens('h1 accepted').waitFor();
      await desk.code.lens('Accept h2').click();
      await desk.code.lens('h2 accepted').waitFor();
      await desk.shot('accepted');
      await desk.code.title('Apply Proposal');
      await until('the accepted hunks are written', () => desk.read('pressroom/archive.py').includes('def archive_path'));
      notes.told = await desk.code.notified('applied');
      await desk.shot('applied');
      assert.equal(desk.changed(), 'M pressroom/archive.py');
      assert.ok(!existsSync(desk.path('tests/test_archive.py')));

      await desk.code.command('Steadyhand: Undo Session');
      await until('it is as it was', () => desk.changed() === '');
      notes.undone = await desk.code.notifications();
    },
  },
  refactor_preview: {
    desk: { settings: { 'steadyhand.preview': 'annotations' } },
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      await task(desk);
      const rows = panel(desk).locator('.monaco-list-row');
      await rows.first().waitFor();
      assert.equal(desk.changed(), '', 'nothing before it is agreed to');
      // Of three hunks two: what needs consent begins unchecked.
      notes.rows = await rows.allInnerTexts();
      for (const text of ['counted, slugify', 'def archive_path']) {
        await rows.filter({ hasText: text }).locator('.edit-checkbox').click();
      }
      await desk.shot('ticked');
      await desk.code.page.getByRole('button', { name: 'Apply', exact: true }).click();
      await until('the accepted file is written', () => desk.read('pressroom/archive.py').includes('def archive_path'));
      notes.told = await desk.code.notified('applied');
      assert.equal(desk.changed(), 'M pressroom/archive.py');
      assert.ok(!existsSync(desk.path('tests/test_archive.py')));
      await desk.code.command('Steadyhand: Undo Session');
      await until('it is as it was', () => desk.changed() === '');
    },
  },
  refactor_preview_closed: {
    desk: { settings: { 'steadyhand.preview': 'annotations' } },
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      await task(desk);
      await panel(desk).locator('.monaco-list-row').first().waitFor();
      await desk.code.page.getByRole('button', { name: 'Discard', exact: true }).click();
      notes.kept = await desk.code.notified('Nothing was applied');
      assert.equal(desk.changed(), '');
      await desk.code.says('a proposal waits');
    },
  },
  discard: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      await task(desk);
      await desk.code.notified('proposes');
      await desk.code.press('proposes', 'Discard');
      await until('it no longer waits', async () => !(await desk.code.status()).includes('waits'));
      notes.told = await desk.code.notifications();
      assert.equal(desk.changed(), '');
    },
  },
  cancel: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      desk.hold(FIRST);
      desk.lateLists();
      await task(desk);
      await desk.code.says('round 2/20');
      await sleep(2500); // every list that was asked for has come, and is older than what was told
      await desk.code.says('round 2/20', 0);
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
      notes.status = await desk.code.says('paused');
      await desk.shot('back');
      desk.letGo(FIRST);
      await desk.code.press('to resume here', 'Resume');
      notes.asked = await desk.code.notified('proposes');
      assert.equal(desk.changed(), '');
    },
  },
  reload: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      desk.hold(FIRST);
      await task(desk);
      await desk.code.says('round 2/20');
      // With no source on the screen, as a window often comes back.
      await desk.code.command('View: Close All Editors');
      await until('nothing is open', async () => !(await desk.code.tabs()).length);
      await desk.code.command('Developer: Reload Window');
      await desk.code.page.waitForTimeout(1500);
      await desk.code.page.locator('.monaco-workbench').waitFor();
      notes.told = await desk.code.notified('to resume here');
      desk.letGo(FIRST);
      await desk.code.command('Steadyhand: Resume Session');
      await desk.code.notified('proposes');
      assert.equal(desk.changed(), '');
    },
  },
  stale: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      const walkthrough = async () => {
        await desk.code.command('Welcome: Open Walkthrough');
        await desk.code.pick('Get started with Steadyhand');
        await desk.code.page.locator('[data-done-step-id$="#review"]').first().waitFor();
      };
      await walkthrough();
      await sleep(1000);
      await desk.code.page.locator('.tabs-container .tab', { hasText: 'archive.py' }).click();
      await sleep(1000);
      await task(desk);
      await desk.code.notified('proposes');
      // The person goes on typing at the very place, and takes the proposal all the same.
      await desk.code.cursor('from pressroom.text import counted');
      await desk.code.page.keyboard.press('Home');
      await desk.code.page.keyboard.type('import mine  # ');
      await desk.shot('typed');
      await desk.code.press('proposes', 'Apply');
      notes.told = await desk.code.notified('same lines');
      await desk.code.shows('import mine  # from pressroom.text import counted');
      await desk.shot('after');
      await desk.code.command('File: Save All Files');
      await until('the rest was applied', () => existsSync(desk.path('tests/test_archive.py')));
      await until('what was typed is saved', () => desk.read('pressroom/archive.py').includes('import mine  # from pressroom.text import counted\n'));
      assert.ok(desk.read('pressroom/archive.py').includes('def archive_path'));
      assert.ok(!desk.read('pressroom/archive.py').includes('counted, slugify'));
      // Whichever way it was applied, that step of the walkthrough is done.
      await walkthrough();
      await desk.code.page.locator('[data-done-step-id$="#review"].complete').waitFor();
      await desk.shot('walkthrough');
    },
  },
  search: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      await task(desk, `${TASK} $(bug)`);
      await desk.code.notified('proposes');
      await desk.code.command('Steadyhand: Search Sessions');
      await desk.code.answer('archive_path');
      await until('places are offered', async () => (await desk.code.rows()).some((row) => row.includes('in round')));
      notes.rows = await desk.code.rows();
      const written = (rows) => rows.every((row) => row.replaceAll('\u200b', '').includes(`${TASK} $(bug)`)); // and no icon
      assert.ok(written(notes.rows));
      await desk.shot('found');
      await desk.code.page.keyboard.press('Escape');
      await desk.code.command('Steadyhand: Sessions');
      await until('the session is offered', async () => written((await desk.code.rows()).slice(0, 1)));
      await desk.code.page.keyboard.press('Escape');
      await desk.code.command('Steadyhand: Discard Proposal');
      notes.told = await desk.code.notified('Discarded');
      await desk.code.command('Steadyhand: Delete Session');
      await desk.code.page.locator('.monaco-dialog-box').getByRole('button', { name: 'Delete' }).click();
      await desk.code.notified('is deleted');
      assert.equal(desk.changed(), '');
    },
  },
  folder_removed: {
    async run(desk, notes) {
      const folders = ['pressroom-sample', 'b', 'c'].map((name) => join(desk.folder, 'work', name));
      folders.forEach((folder) => mkdirSync(folder, { recursive: true }));
      const workspace = join(desk.folder, 'w.code-workspace');
      const open = (paths) => writeFileSync(workspace, JSON.stringify({ folders: paths.map((path) => ({ path })) }));
      open(folders);
      await desk.code.page.goto(`http://127.0.0.1:${desk.code.port}/?workspace=${encodeURIComponent(workspace)}`);
      await desk.code.says('Steadyhand');
      await task(desk);
      await desk.code.says('paused'); // the replay knows no names of roots
      await desk.code.command('Steadyhand: Open Session');
      await desk.code.row(TASK).waitFor();
      open(folders.slice(0, 2));
      await until('the status bar has it no longer', async () => !(await desk.code.status()).includes('paused'));
      await until('nor has the tree', async () => !(await desk.code.tree()).some((row) => row.includes(TASK)));
      await desk.shot('removed');
      open(folders);
      notes.back = await desk.code.says('paused');
      await desk.code.row(TASK).waitFor();
    },
  },
  no_folder: {
    async run(desk, notes) {
      await desk.code.page.goto(`http://127.0.0.1:${desk.code.port}/?ew=true`);
      await desk.code.page.locator('.monaco-workbench').waitFor();
      await until('the extension is there', async () => (await desk.code.offered('Steadyhand: New Task')).some((title) => title.includes('New Task')));
      // Its answer shows that it is awake.
      await desk.code.command('Steadyhand: New Task');
      await desk.code.notified('needs an open folder');
      await sleep(1500);
      notes.status = await desk.code.status();
      assert.ok(!notes.status.includes('Steadyhand'), notes.status);
      assert.deepEqual(desk.servers(), []);
    },
  },
  transcript: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      desk.hold(FIRST + 1);
      await task(desk);
      await desk.code.says('round 3/20');
      await desk.code.command('Steadyhand: Open Transcript');
      await desk.code.shows('# Add archive_path to the archive');
      notes.tabs = await desk.code.tabs();
      await desk.code.page.keyboard.press('Control+End');
      await desk.code.shows('Use what exists.');
      desk.letGo(FIRST + 1);
      await desk.code.notified('proposes');
      await desk.code.page.locator('.editor-instance .view-lines').first().click();
      await desk.code.page.keyboard.press('Control+End');
      await desk.code.shows('## What it came to');
      await desk.shot('transcript');
      assert.equal(desk.changed(), '');
    },
  },
  hunk_at_the_cursor: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      await task(desk);
      await desk.code.notified('proposes');
      await desk.code.command('Steadyhand: Show Proposal');
      await review(desk);
      await desk.code.lens('Accept h2').waitFor();
      await desk.code.page.locator('.multiDiffEditor .modified .view-line', { hasText: 'def archive_path' }).first().click();
      await desk.code.command('Steadyhand: Reject Hunk');
      await desk.code.lens('h2 rejected').waitFor();
      // Once more: it is the same hunk that is meant, and not the next one above.
      await desk.code.command('Steadyhand: Reject Hunk');
      notes.again = await desk.code.notified('h2 is rejected already');
      assert.ok(await desk.code.lens('Accept h1').isVisible());
      await desk.shot('rejected');
      notes.lenses = await desk.code.page.locator('.codelens-decoration').allInnerTexts();
      await desk.code.title('Apply Proposal');
      await until('the others are written', () => existsSync(desk.path('tests/test_archive.py')));
      assert.ok(!desk.read('pressroom/archive.py').includes('def archive_path'));
      assert.ok(desk.read('pressroom/archive.py').includes('counted, slugify'));
      await until('the diff is closed', async () => !(await desk.code.tabs()).some((tab) => tab.includes('Steadyhand')));
      await desk.shot('applied');
    },
  },
  sessions: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      desk.hold(3);
      await task(desk);
      await desk.code.says('round 4/20');
      await desk.code.statusItem('Steadyhand: round').click();
      await desk.code.row('1 refused').click();
      await desk.code.row('edit_file refused').waitFor();
      notes.rows = await desk.code.tree();
      await desk.code.widen(760);
      await desk.code.row('edit_file refused').hover();
      await desk.shot('rounds');
      desk.letGo(3);
      await desk.code.notified('proposes');
      notes.menu = await desk.code.menu('Add archive_path', 'Apply Proposal');
      await desk.shot('menu');
      await desk.code.page.locator('.monaco-menu .action-label', { hasText: 'Apply Proposal' }).first().click();
      await until('it is applied', () => existsSync(desk.path('tests/test_archive.py')));
    },
  },
  duplicates: {
    desk: { settings: { 'steadyhand.lenses': true } },
    async run(desk, notes) {
      await desk.open('pressroom/text.py');
      await desk.code.lens('1 similar').waitFor();
      await desk.shot('lens');
      await desk.code.lens('1 similar').click();
      await desk.code.page.locator('.peekview-widget').waitFor();
      await desk.shot('peek');
      await desk.code.page.keyboard.press('Escape');
      await desk.code.command('Steadyhand: Duplicates in Workspace');
      await desk.code.row('_feed_slug').waitFor();
      notes.rows = await desk.code.tree();
      await desk.code.row('_feed_slug').hover();
      await desk.code.row('_feed_slug').getByRole('button', { name: 'Compare with the One to Use' }).click();
      const compared = async () => (await desk.code.tabs()).some((tab) => tab.includes('↔'));
      await until('the two stand beside each other', compared);
      await desk.shot('compared');
      notes.tabs = await desk.code.tabs();
      // The same without a mouse.
      await desk.code.command('View: Close All Editors');
      await until('it is closed', async () => !await compared());
      await desk.code.command('Steadyhand: Duplicates in Workspace');
      const labels = desk.code.page.locator('.monaco-menu .action-label:not(.separator)');
      await until('the menu of the row', async () => {
        await desk.code.page.keyboard.press('ArrowDown');
        if (!await desk.code.page.locator('.pane-body .monaco-list-row.focused', { hasText: '_feed_slug' }).count()) {
          return false;
        }
        await desk.code.page.keyboard.press('Shift+F10');
        await sleep(500);
        return (await labels.allInnerTexts()).includes('Compare with the One to Use');
      });
      notes.menu = await labels.allInnerTexts();
      assert.deepEqual(notes.menu, ['Go to Definition', 'Compare with the One to Use']);
      await desk.code.page.keyboard.press('ArrowDown');
      await desk.code.page.keyboard.press('Enter');
      await desk.code.shows('def _feed_slug');
      // One that a quick fix takes away leaves the tree.
      await desk.code.page.locator('.monaco-editor .squiggly-warning').first().waitFor();
      await desk.code.cursor('_feed_slug(text');
      await desk.code.actions();
      await desk.code.act('Use `slugify`');
      await until('the tree has it no longer', async () => !(await desk.code.tree()).some((row) => row.includes('_feed_slug')));
      notes.after = await desk.code.tree();
      await desk.shot('renewed');
    },
  },
  prompt: {
    async run(desk, notes) {
      mkdirSync(desk.path('Odd names'));
      writeFileSync(desk.path('Odd names/größe.txt'), '');
      await desk.open('pressroom/archive.py');
      await desk.code.command('Steadyhand: New Task');
      const input = desk.code.page.locator('.quick-input-widget input.input');
      await input.waitFor();
      // What Enter takes while an @ is being typed; a path with a blank is quoted, and capitals do not matter.
      for (const [typed, inserted] of [
        ['Mend @sitem', 'Mend pressroom/sitemap.py '],
        ['Mend @Sitem', 'Mend pressroom/sitemap.py '],
        ['Mend (@GRÖ', 'Mend ("Odd names/größe.txt" '],
        ['Mend @Render_Sitem', 'Mend `render_sitemap` (pressroom/sitemap.py:'],
      ]) {
        await input.fill('');
        await input.pressSequentially(typed);
        await desk.code.page.keyboard.press('Enter');
        await until(`“${typed}” becomes “${inserted}”`, async () => (await input.inputValue()).startsWith(inserted));
      }
      await desk.shot('mentioned');
      await input.fill(TASK);
      await desk.code.page.keyboard.press('Enter');
      await desk.code.notified('proposes');
      await desk.code.press('proposes', 'Discard');
      await desk.code.command('Steadyhand: New Task');
      await desk.code.page.locator('.quick-input-widget .monaco-list-row', { hasText: TASK }).first().waitFor();
      notes.rows = await desk.code.rows();
      await desk.shot('history');
      await desk.code.page.keyboard.press('Escape');
    },
  },
  doctor: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      await desk.code.command('Steadyhand: Doctor');
      await desk.code.shows('Steadyhand for VS Code');
      await desk.shot('doctor');
      notes.text = await desk.code.text();
      assert.match(notes.text, /pressroom-sample/);
    },
  },
  install: {
    desk: { machine: { 'steadyhand.command': [] } },
    async run(desk, notes) {
      await desk.open('pressroom/feeds.py');
      await desk.code.notified('needs its server');
      await desk.shot('asked');
      await desk.code.press('needs its server', 'Install');
      await until('it is installed', () => existsSync(desk.installed('complete')), 180_000);
      await desk.code.page.locator('.monaco-editor .squiggly-warning').first().waitFor();
      await desk.shot('installed');
      notes.status = await desk.code.status();
    },
  },
  old_server: {
    desk: { machine: { 'steadyhand.command': [] } },
    async run(desk, notes) {
      const old = desk.oldServer();
      desk.setMachine({ 'steadyhand.command': [desk.python, '-P', old, 'lsp'] });
      await desk.open('pressroom/feeds.py');
      notes.told = await desk.code.notified('different versions');
      await desk.code.press('different versions', 'Use the Server of the Extension');
      await until('the one of the extension runs', () => desk.code.processes(desk.installed('bin/steadyhand'), 'lsp').length > 0, 180_000);
      await until('the old one is gone', () => desk.code.processes(old).length === 0);
      await desk.code.page.locator('.monaco-editor .squiggly-warning').first().waitFor();
      assert.deepEqual((await desk.code.notifications()).filter((text) => text.includes('different versions')), []);
    },
  },
  all_rejected: {
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      await task(desk);
      await desk.code.notified('proposes');
      await desk.code.command('Steadyhand: Show Proposal');
      await review(desk);
      for (const hunk of ['h1', 'h2', 'h3']) {
        await desk.code.lens(`Reject ${hunk}`).waitFor();
        await desk.code.lens(`Reject ${hunk}`).click();
        await desk.code.lens(`${hunk} rejected`).waitFor();
      }
      notes.told = await desk.code.notified('every hunk is rejected');
      assert.equal(desk.changed(), '');
      // One can change one's mind.
      await desk.code.lens('Accept h1').click();
      await desk.code.lens('h1 accepted').waitFor();
      await desk.code.command('Steadyhand: Apply Proposal');
      await desk.code.notified('applied');
      await desk.code.command('File: Save All Files');
      await until('one file is changed', () => desk.changed() === 'M pressroom/archive.py');
    },
  },
  reply: {
    desk: {
      steps: [
        {
          expect: [{ tool: 'finish', result: 'Offered.' }],
          blocks: [{
            type: 'tool_use', id: 'call_8', name: 'edit_file',
            input: { path: 'tests/test_archive.py', old_text: 'def test_path_of_a_post', new_text: 'def test_year_and_month_come_first', reason: 'The person wants another name.' },
          }],
        },
        {
          expect: [{ tool: 'edit_file', result: 'Edited `tests/test_archive.py` from line 11.' }],
          blocks: [{ type: 'tool_use', id: 'call_9', name: 'finish', input: { summary: 'The test has its new name.', reason: 'That was asked for.' } }],
        },
      ],
    },
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      await task(desk);
      await desk.code.notified('proposes');
      await desk.code.press('proposes', 'Reply…');
      await desk.shot('box');
      await desk.code.answer('Name the test by what it shows');
      notes.asked = await desk.code.notified('The test has its new name');
      assert.equal(desk.changed(), '', 'nothing is written by that');
      await desk.code.press('The test has its new name', 'Show diff');
      await review(desk);
      await desk.code.page.locator('.multiDiffEditor .view-line', { hasText: 'test_year_and_month_come_first' }).first().waitFor();
      await desk.code.command('Steadyhand: Open Session');
      await desk.code.page.locator('.monaco-list-row', { hasText: 'Name the test by what it shows' }).first().waitFor();
      await desk.shot('said');
      await desk.code.command('Steadyhand: Apply Proposal');
      await until('it is written', () => desk.changed().includes('tests/'));
      await until('with its new name', () => desk.read('tests/test_archive.py').includes('test_year_and_month_come_first'));
      // A finished session takes one, too; the script has no more to say to it.
      await desk.code.command('Steadyhand: Reply to Session');
      await desk.code.answer('Thank you');
      notes.over = await desk.code.notified('another was asked for');
      await desk.code.command('Steadyhand: Undo Session');
      await until('all of it goes', () => desk.changed() === '');
    },
  },
  reply_in_the_diff: {
    desk: {
      steps: [
        {
          expect: [{ tool: 'finish', result: 'Offered.' }],
          blocks: [{
            type: 'tool_use', id: 'call_8', name: 'create_file',
            input: { path: 'NOTES.md', text: 'The archive has paths now.\n', reason: 'The person wants a note.' },
          }],
        },
        {
          expect: [{ tool: 'create_file', result: 'Created `NOTES.md`.' }],
          blocks: [{ type: 'tool_use', id: 'call_9', name: 'finish', input: { summary: 'There is a note now.', reason: 'That was asked for.' } }],
        },
      ],
    },
    async run(desk, notes) {
      await desk.open('pressroom/archive.py');
      await task(desk);
      await desk.code.press('proposes', 'Show diff');
      await review(desk);
      await desk.code.command('Steadyhand: Reply to Session');
      await desk.code.answer('And a note, please');
      notes.asked = await desk.code.notified('There is a note now');
      await desk.shot('asked');
      await desk.code.press('There is a note now', 'Show diff');
      await review(desk);
      await desk.shot('shown');
      await desk.code.page.locator('.multiDiffEditor .monaco-icon-label', { hasText: 'NOTES.md' }).first().waitFor();
      await desk.code.command('Steadyhand: Discard Proposal');
      await desk.code.notified('Discarded');
      assert.equal(desk.changed(), '');
    },
  },
  untrusted: {
    desk: { trust: false },
    async run(desk, notes) {
      desk.inTerminal('task', TASK);
      await desk.open('pressroom/feeds.py');
      await desk.code.says('Restricted Mode');
      await desk.code.page.locator('.monaco-editor .squiggly-warning').first().waitFor();
      await desk.shot('findings');
      // A session of another day: it is told of, and nothing here has it go on.
      notes.offered = await desk.code.notified('to resume here');
      assert.match(notes.offered, /once this workspace is trusted/);
      assert.equal(await desk.code.page.getByRole('button', { name: 'Resume', exact: true }).count(), 0);
      await desk.code.command('Steadyhand: New Task');
      notes.told = await desk.code.notified('trust');
      await desk.shot('task');
      assert.equal(desk.changed(), '');
    },
  },
};
