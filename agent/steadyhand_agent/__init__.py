"""The agent: index, guard, loop, tools, models, proposals, sessions and their state.

It never imports pygls, lsprotocol or a terminal library; it reaches the outside through the
protocols in `ports`.
"""

__version__ = "0.1.0"
