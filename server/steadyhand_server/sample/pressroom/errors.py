"""Errors that are reported to the user without a traceback."""


class PressroomError(Exception):
    """Something is wrong with the input: a post, the settings or a path."""


class FrontMatterError(PressroomError):
    """The front matter of a post cannot be read."""
