"""What the machine refuses, in one line: a full disk, a folder closed to us, too many open files."""

import errno
import os

_TOLD = {
    errno.ENOSPC: "the disk is full; free space",
    errno.EDQUOT: "the disk quota is used up; free space",
    errno.EFBIG: "no file may become so large here; raise the limit (ulimit -f)",
    errno.EROFS: "the disk is mounted read-only; make it writable, or choose another folder",
    errno.EACCES: "permission denied; look whose file it is, or choose another folder",
    errno.EPERM: "not permitted; look whose file it is, or choose another folder",
    errno.EMFILE: "too many open files; raise the limit (ulimit -n)",
    errno.ENFILE: "too many open files on this machine; end what holds them",
    errno.EIO: "the disk does not answer as it should; look at the machine's log",
}
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def refusal_of(error: BaseException) -> str | None:
    """What was refused, where, and what to do; None: the error is something else, a fault of ours perhaps."""
    number = refused_number(error)
    if number is None:
        return None
    where = error.filename if isinstance(error, OSError) else None
    told = _TOLD[number]
    return told if where is None else f"{os.fsdecode(where)}: {told}"


def refused_number(error: BaseException) -> int | None:
    """The system's number of what was refused; None: nothing was.

    NumPy and FAISS write files by themselves and pass no number on: of a full disk NumPy tells that fewer
    values were written than requested, FAISS the system's own words.
    """
    if isinstance(error, OSError) and error.errno in _TOLD:
        return error.errno
    text = str(error)
    if isinstance(error, OSError) and error.errno is None and " requested and " in text:
        return errno.ENOSPC
    if isinstance(error, RuntimeError) and os.strerror(errno.ENOSPC) in text:
        return errno.ENOSPC
    return None
