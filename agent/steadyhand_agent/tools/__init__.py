"""What the model may do, one module a tool."""

from __future__ import annotations

from steadyhand_agent.tools.create_file import CreateFile
from steadyhand_agent.tools.edit_file import EditFile
from steadyhand_agent.tools.find_definition import FindDefinition
from steadyhand_agent.tools.find_similar import FindSimilar
from steadyhand_agent.tools.list_files import ListFiles
from steadyhand_agent.tools.read_file import ReadFile
from steadyhand_agent.tools.registry import Registry
from steadyhand_agent.tools.search_text import SearchText


def registry() -> Registry:
    """All tools, in the order in which the model is shown them; the order never changes."""
    return Registry(
        [
            ReadFile(),
            ListFiles(),
            SearchText(),
            FindDefinition(),
            FindSimilar(),
            EditFile(),
            CreateFile(),
        ]
    )
