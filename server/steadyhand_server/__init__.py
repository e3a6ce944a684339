"""The faces of Steadyhand: the language server and the command line."""
