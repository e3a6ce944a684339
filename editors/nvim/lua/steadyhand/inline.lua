-- The preview "inline": in the person's own buffers, what goes is struck through, and what would come
-- is drawn below it. Not one character of those buffers changes. A file that comes has a buffer of ours.

local hunks = require('steadyhand.hunks')
local own_keys = require('steadyhand.own_keys')
local scratch = require('steadyhand.scratch')

local M = {}

local GROUP = 'steadyhand_inline'

---@class steadyhand.Inline
---@field session string
---@field client integer
---@field root string
---@field files steadyhand.File[]
---@field own table<integer, true> buffers of the person's that are drawn in
---@field made table<string, integer> buffers of ours, by path

local shown ---@type steadyhand.Inline?
local asked = 0

M.fetch = hunks.fetch

---@param file steadyhand.File
local function comes(file)
  return file.kind == 'create' or file.kind == 'rename'
end

---The buffer of a file, where it is loaded.
---@param file steadyhand.File
---@return integer?
local function buffer_of(file)
  if not shown then
    return nil
  elseif comes(file) then
    local buf = shown.made[file.path]
    return buf and vim.api.nvim_buf_is_loaded(buf) and buf or nil
  end
  local name = vim.fs.joinpath(shown.root, file.path)
  return vim.iter(vim.api.nvim_list_bufs()):find(function(buf)
    return vim.api.nvim_buf_is_loaded(buf) and vim.api.nvim_buf_get_name(buf) == name
  end)
end

---The lines that would come, as chunks for the screen; what is said of the hunk stands in the first.
---@param buf integer
---@param hunk steadyhand.Hunk
local function coming(buf, hunk)
  local tab, rest = (' '):rep(vim.bo[buf].tabstop), (' '):rep(vim.o.columns)
  local lines = vim.tbl_map(function(line)
    -- Up to the window's edge, as diff mode shows a new line; Neovim cuts off what is too long.
    return { { (line:gsub('\r$', ''):gsub('\t', tab)), 'SteadyhandNew' }, { rest, 'SteadyhandNew' } }
  end, hunks.lines(hunk.new))
  if lines[1] then
    local text, group = unpack(hunks.label(hunk))
    table.insert(lines[1], 2, { text, { 'SteadyhandNew', group } })
  end
  return lines
end

---The id of the mark on a hunk's lines; those of its sign and of the lines that would come follow.
---@param hunk steadyhand.Hunk
---@return integer
local function mark_of(hunk)
  return 3 * tonumber(hunk.id:sub(2))
end

---Neovim hides what is drawn above the first line, where it is not scrolled to.
---@param buf integer
---@param lines integer
local function reveal(buf, lines)
  for _, win in ipairs(vim.fn.win_findbuf(buf)) do
    vim.api.nvim_win_call(win, function()
      if vim.fn.line('w0') == 1 then
        vim.fn.winrestview({ topfill = lines })
      end
    end)
  end
end

---@param buf integer
---@param hunk steadyhand.Hunk
local function draw_hunk(buf, hunk)
  local count = vim.api.nvim_buf_line_count(buf)
  local first, last = math.min(hunk.first, count), math.min(hunk['end'], count)
  local empty = first == last
  local row = empty and math.max(first - 1, 0) or first
  local struck = not empty and (hunk.state == 'open' or hunk.state == 'accepted')
  local function mark(nth, at, what)
    what.id = mark_of(hunk) + nth
    vim.api.nvim_buf_set_extmark(buf, hunks.ns, at, 0, what)
  end
  -- Beyond the text only where no text would show that lines go: empty ones are a stroke to the edge.
  local blank = struck and not hunk.old:find('%S')
  mark(0, row, { end_row = empty and row or last, hl_group = struck and 'SteadyhandOld' or nil, hl_eol = blank })
  local sign = hunks.sign(hunk) ---@type vim.api.keyset.set_extmark
  local new = hunk.state == 'rejected' and {} or coming(buf, hunk)
  if new[1] then
    local above = empty and first == 0
    mark(2, empty and row or last - 1, { virt_lines = new, virt_lines_above = above })
    if above then
      reveal(buf, #new)
    end
  else
    sign.virt_text = { hunks.label(hunk) }
  end
  mark(1, row, sign)
end

---@param buf integer
---@param file steadyhand.File
local function draw(buf, file)
  vim.api.nvim_buf_clear_namespace(buf, hunks.ns, 0, -1)
  if not comes(file) then
    for _, hunk in ipairs(file.hunks) do
      draw_hunk(buf, hunk)
    end
    return
  end
  local hunk = file.hunks[1]
  scratch.write(buf, hunks.lines(hunk.new))
  local sign = hunks.sign(hunk) ---@type vim.api.keyset.set_extmark
  sign.virt_text = { hunks.label(hunk) }
  vim.api.nvim_buf_set_extmark(buf, hunks.ns, 0, 0, sign)
  if hunk.state ~= 'rejected' then
    local all = { end_row = vim.api.nvim_buf_line_count(buf), hl_group = 'SteadyhandNew', hl_eol = true }
    vim.api.nvim_buf_set_extmark(buf, hunks.ns, 0, 0, all)
  end
end

---Takes our marks, keys and variables out of a buffer of the person's.
---@param buf integer
local function release(buf)
  if shown then
    shown.own[buf] = nil
  end
  if vim.api.nvim_buf_is_valid(buf) then
    vim.api.nvim_buf_clear_namespace(buf, hunks.ns, 0, -1)
    vim.api.nvim_clear_autocmds({ group = GROUP, buffer = buf })
    own_keys.restore(buf)
    vim.b[buf].steadyhand_session, vim.b[buf].steadyhand_client = nil, nil
  end
end

---Draws anew after the person has changed the text themselves. Of several answers the last one counts.
local function refresh()
  local at = shown
  local client = at and vim.lsp.get_client_by_id(at.client)
  if not at or not client then
    return
  end
  asked = asked + 1
  local this = asked
  M.fetch(client, at.session, function(files)
    if files and shown == at and this == asked then
      M.update(files)
    end
  end)
end

---@param buf integer
local function adopt(buf)
  if not shown or shown.own[buf] then
    return
  end
  shown.own[buf] = true
  vim.b[buf].steadyhand_session, vim.b[buf].steadyhand_client = shown.session, shown.client
  own_keys.set(buf, {
    ['do'] = { '<Cmd>Steadyhand accept<CR>', 'accept this hunk' },
    dp = { '<Cmd>Steadyhand reject<CR>', 'reject this hunk' },
    [']c'] = { '<Plug>(steadyhand-next)', 'next hunk' },
    ['[c'] = { '<Plug>(steadyhand-prev)', 'hunk before' },
  })
  vim.api.nvim_create_autocmd({ 'TextChanged', 'InsertLeave' }, { group = GROUP, buffer = buf, callback = refresh })
end

---@param file steadyhand.File
local function make(file)
  assert(shown)
  scratch.delete(shown.made[file.path] or -1) -- the person may have unloaded it
  local buf = scratch.new('/' .. file.path, shown.session, shown.client)
  scratch.map(buf, 'do', '<Cmd>Steadyhand accept<CR>', 'accept this file')
  scratch.map(buf, 'dp', '<Cmd>Steadyhand reject<CR>', 'reject this file')
  scratch.map(buf, ']c', '<Plug>(steadyhand-next)', 'next hunk')
  scratch.map(buf, '[c', '<Plug>(steadyhand-prev)', 'hunk before')
  vim.bo[buf].filetype = vim.filetype.match({ filename = file.path }) or ''
  shown.made[file.path] = buf
end

---Shows a buffer of ours below everything; one window is enough for all of them.
---@param buf integer
---@return integer win
local function show_below(buf)
  local win = vim.iter(vim.tbl_values(assert(shown).made)):map(vim.fn.bufwinid):find(function(id)
    return id ~= -1
  end)
  if win then
    vim.api.nvim_win_set_buf(win, buf)
  else
    win = scratch.below(buf, 3)
  end
  local path = scratch.plain(vim.api.nvim_buf_get_name(buf):match('^steadyhand://%w+/(.*)$'))
  vim.wo[win][0].winbar = (' new: %s%%=a accept · r reject · :Steadyhand apply | discard '):format(path)
  return win
end

---@param files steadyhand.File[]
function M.update(files)
  if not shown then
    return
  end
  hunks.highlights()
  shown.files = files
  local used = {} ---@type table<integer, true>
  for _, file in ipairs(files) do
    if comes(file) and not buffer_of(file) then
      make(file)
    end
    local buf = buffer_of(file)
    if buf then
      if not comes(file) then
        adopt(buf)
      end
      draw(buf, file)
      used[buf] = true
    end
  end
  for buf in pairs(shown.own) do
    if not used[buf] then
      release(buf)
    end
  end
  for path, buf in pairs(shown.made) do
    if not used[buf] then
      shown.made[path] = nil
      scratch.delete(buf)
    end
  end
end

---Goes to a file, where it is on screen already or else from here; the person's windows stay.
---@param file steadyhand.File
local function visit(file)
  if comes(file) and not buffer_of(file) then
    M.update(assert(shown).files)
  end
  local buf = buffer_of(file)
  local win = buf and vim.fn.bufwinid(buf) or -1
  if win == -1 and comes(file) then
    win = show_below(assert(buf))
  end
  if win ~= -1 then
    vim.api.nvim_set_current_win(win)
    return
  end
  if vim.bo.buftype ~= '' then
    vim.cmd.wincmd('p')
  end
  if vim.bo.buftype ~= '' or vim.wo.winfixbuf then
    vim.cmd.split()
  end
  vim.cmd.drop(vim.fn.fnameescape(vim.fs.joinpath(assert(shown).root, file.path)))
end

---@param session string
---@param client integer
---@param files steadyhand.File[]
function M.open(session, client, files)
  M.close()
  local asked_of = assert(vim.lsp.get_client_by_id(client))
  local root = asked_of.root_dir or vim.fn.getcwd()
  shown = { session = session, client = client, root = root, files = files, own = {}, made = {} }
  vim.api.nvim_create_augroup(GROUP, { clear = true })
  -- A file that is opened later is drawn in then, and one that is read anew is drawn in again.
  vim.api.nvim_create_autocmd('BufWinEnter', {
    group = GROUP,
    callback = function(args)
      local file = vim.iter(shown and shown.files or {}):find(function(one)
        return not comes(one) and buffer_of(one) == args.buf
      end)
      if file then
        adopt(args.buf)
        draw(args.buf, file)
        refresh()
      end
    end,
  })
  M.update(files)
  local new = vim.iter(files):find(comes)
  if new then
    show_below(assert(buffer_of(new)))
  end
  local existing = vim.tbl_filter(function(file)
    return not comes(file)
  end, files)
  local seen = vim.iter(existing):any(function(file)
    local buf = buffer_of(file)
    return buf and vim.fn.bufwinid(buf) ~= -1
  end)
  if existing[1] and not seen then
    M.walk(1)
  end
end

function M.close()
  if not shown then
    return
  end
  for buf in pairs(shown.own) do
    release(buf)
  end
  for _, buf in pairs(shown.made) do
    scratch.delete(buf)
  end
  vim.api.nvim_del_augroup_by_name(GROUP)
  shown = nil
end

---Where a file's hunks stand now; the marks have moved with what was typed.
---@param file steadyhand.File
---@return steadyhand.Place[]
local function places(file)
  local buf = buffer_of(file)
  return vim.tbl_map(function(hunk)
    local at = buf and vim.api.nvim_buf_get_extmark_by_id(buf, hunks.ns, mark_of(hunk), { details = true }) or {}
    local row = at[1] or hunk.first
    -- Lines that are put in are drawn between two that stay; on either one is at the hunk.
    local last = hunk.old == '' and row + 2 or at[3] and at[3].end_row or row + 1
    return { id = hunk.id, first = row, last = last }
  end, file.hunks)
end

---The number and the file of the current buffer.
---@return integer?
---@return steadyhand.File?
local function here()
  local current = vim.api.nvim_get_current_buf()
  for number, file in ipairs(shown and shown.files or {}) do
    if buffer_of(file) == current then
      return number, file
    end
  end
end

---The hunks of some lines of the current buffer, from 1.
---@param first integer
---@param last integer
---@return string[] ids
function M.at(first, last)
  local _, file = here()
  if not file then
    return {}
  end
  return comes(file) and { file.hunks[1].id } or hunks.touched(places(file), first - 1, last - 1)
end

---@param step 1|-1
function M.walk(step)
  local number, file = here()
  local row = vim.api.nvim_win_get_cursor(0)[1] - 1
  local ordered = vim.iter(file and places(file) or {})
  local target = (step > 0 and ordered or ordered:rev()):find(function(place)
    return (place.first - row) * step > 0
  end)
  if not target and shown then
    file = shown.files[number and number + step or 1]
    if not file then
      return
    end
    visit(file)
    local all = places(file)
    target = step > 0 and all[1] or all[#all]
  end
  if target then
    vim.cmd.normal({ "m'", bang = true })
    vim.api.nvim_win_set_cursor(0, { math.min(target.first + 1, vim.api.nvim_buf_line_count(0)), 0 })
    vim.cmd.normal({ 'zvzz', bang = true })
  end
end

return M
