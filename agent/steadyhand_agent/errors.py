"""The exception tree.

    SteadyhandError                 a sentence a person can act on
    ├── SettingsError               a setting is wrong; names its key and where it came from
    ├── PathRefused                 a path leaves the workspace, or is not to be read
    ├── ToolFailed                  told to the model, which may try another way
    │   └── ToolTransient           worth another attempt (the file is busy, too many are open)
    ├── ModelError
    │   ├── ModelKeyMissing         no key is configured
    │   ├── ModelTransient          worth another attempt (5xx, 529, connection, cut stream)
    │   │   └── ModelBusy           429; another key may serve meanwhile
    │   ├── ModelRejected           the endpoint said no; another attempt gives the same answer
    │   │   ├── KeyRefused          401; another key may serve
    │   │   └── ParameterRefused    a 400 that names a parameter; it is left out
    │   └── ReplayDiverged          a replayed session no longer matches what happens
    ├── ReplyUnreadable             a reply that is no action; shown to the model and asked again
    ├── BudgetSpent                 tokens, rounds or time are used up
    ├── SessionError                no such session, or it is in the wrong state
    ├── StaleDocument               a text changed since the proposal was made
    ├── JournalError                a store could not keep or give back a record
    │   ├── StaleWriter             somebody else took the session over
    │   └── CorruptRecord           a record does not match its checksum or its chain
    ├── StoreAway                   a store beside the journal does not answer; nobody waits for it
    └── GitFailed                   git answered with an error

Every message is one sentence or two: what happened, what was kept, what to do.
"""


class SteadyhandError(Exception):
    """A failure that a person can read and act on."""


class SettingsError(SteadyhandError):
    """A setting is wrong.

    Attributes:
        key: The setting's name, as the person wrote it.
        source: Where it came from, such as `environment` or a file's name.
    """

    def __init__(self, key: str, source: str, problem: str) -> None:
        super().__init__(f"The setting `{key}` ({source}) is not usable: {problem}")
        self.key = key
        self.source = source


class PathRefused(SteadyhandError):
    """A path leaves the workspace, or names something that is not to be touched."""


class ToolFailed(SteadyhandError):
    """A tool could not do what was asked; the message is written for the model.

    Attributes:
        code: The error's number where there is one: the system's, or a program's exit code.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class ToolTransient(ToolFailed):
    """A tool failed for a reason that may pass; nothing was done, so it may be tried again."""


class ModelError(SteadyhandError):
    """The model could not be asked.

    Attributes:
        reached: False where certainly nothing can have been charged: nothing was sent, or the
            endpoint turned it away before the model began.
    """

    reached = True


class ModelKeyMissing(ModelError):
    """No API key is configured."""

    reached = False


class ModelTransient(ModelError):
    """A failure that another attempt may mend.

    Attributes:
        retry_after: Seconds that the endpoint asked to wait, or None.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelBusy(ModelTransient):
    """This key has asked too often; another may serve meanwhile."""


class ModelRejected(ModelError):
    """The endpoint refused the request; asking again gives the same answer."""


class KeyRefused(ModelRejected):
    """The endpoint does not accept the key; another may serve."""


class ParameterRefused(ModelRejected):
    """The endpoint does not take a parameter.

    Attributes:
        parameter: Its name on the wire.
    """

    def __init__(self, message: str, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class ReplayDiverged(ModelError):
    """A replayed session no longer matches what its tools answer."""

    reached = False


class ReplyUnreadable(SteadyhandError):
    """A reply that holds no action that can be taken."""


class BudgetSpent(SteadyhandError):
    """Tokens, rounds or time are used up.

    Attributes:
        what: What the person can give more of: `rounds`, `tokens` or `time`; empty where more does
            not help.
    """

    def __init__(self, message: str, what: str = "") -> None:
        super().__init__(message)
        self.what = what


class SessionError(SteadyhandError):
    """There is no such session, or it is in a state that does not allow this."""


class StaleDocument(SteadyhandError):
    """A text changed since the proposal was made; nothing was overwritten."""


class JournalError(SteadyhandError):
    """A store could not keep a record or give one back."""


class StaleWriter(JournalError):
    """Another process has taken the session over; this one may not write any more."""


class CorruptRecord(JournalError):
    """A record does not match its checksum or the chain it stands in."""


class StoreAway(SteadyhandError):
    """Redis or PostgreSQL does not answer in time; the session goes on without it."""


class GitFailed(SteadyhandError):
    """git answered with an error.

    Attributes:
        code: git's exit code.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
