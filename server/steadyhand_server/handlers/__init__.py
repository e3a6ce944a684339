"""One module a group of requests; each function gets the server and the typed params."""
