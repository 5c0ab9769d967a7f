"""What can go wrong in a lab."""

from icsframework.errors import IcsError, NoPrivilege

__all__ = ["LabError", "LabSpecError", "LabUnavailable"]


class LabError(IcsError):
    """Something in the lab did not work."""


class LabSpecError(LabError):
    """The lab file has an error; etc/lab.yaml is a commented example."""

    exit_status = 2


class LabUnavailable(LabError, NoPrivilege):
    """A lab needs root, or a kernel that lets this user make user namespaces; try: sudo ics lab."""

    exit_status = 77
