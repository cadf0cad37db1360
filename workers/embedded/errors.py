"""Every error of the embedded runtime, each saying what is wrong, where, and what to do.

PipelineError
 |- EmbeddedError      the embedded runtime cannot do what was asked
     |- PortTaken      a port that is wanted is in use
     |- FolderUnusable a folder cannot be written, is full, or belongs to another run
     |- MemoryShort    too little memory is available
     |- JarsUnavailable  Kafka's jars could not be fetched
     |- JarDiffers     a fetched jar is not the one that the lock file names
     |- StartFailed    a process ended, or did not answer in time, while it started
     |- NotRunning     no system runs in the folder that was named
     |- Interrupted    a signal asked for a stop
"""

import signal

from pipeline.errors import PipelineError


class EmbeddedError(PipelineError):
    """The embedded runtime cannot do what was asked."""


class PortTaken(EmbeddedError):
    """A port that is wanted is in use by another program."""


class FolderUnusable(EmbeddedError):
    """A folder cannot be written, is full, or is in use by another run."""


class MemoryShort(EmbeddedError):
    """Too little memory is available."""


class JarsUnavailable(EmbeddedError):
    """Kafka's jars could not be fetched."""


class JarDiffers(EmbeddedError):
    """A fetched jar is not the one that the lock file names."""


class StartFailed(EmbeddedError):
    """A process ended, or did not answer in time, while it started. The text has the last lines of its log."""


class NotRunning(EmbeddedError):
    """No system runs in the folder that was named, or it was killed and left its file behind."""


class Interrupted(EmbeddedError):
    """A signal asked for a stop. Everything has been stopped in order when this is raised."""

    def __init__(self, signum: signal.Signals) -> None:
        super().__init__(f"stopped by {signum.name}")
        self.signum = signum
