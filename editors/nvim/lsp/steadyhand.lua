-- What `vim.lsp.enable('steadyhand')` starts.

return require('steadyhand.config')
