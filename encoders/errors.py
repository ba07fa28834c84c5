"""What can go wrong on the encoders floor.

::

    EncoderError
    ├── InvalidSetting      a setting is out of range or unknown; the caller's mistake
    ├── InvalidText         something that is no string was given; the caller's mistake
    ├── ModelUnavailable    no weights where they were looked for; says what to install or set
    ├── ModelMismatch       weights are there, but not the ones or not of the kind that were asked for
    ├── FineTuningUnavailable  peft is not installed; says how it gets there
    ├── DeviceUnavailable   the device that was asked for is not there
    └── CacheUnusable       the cache file is damaged, foreign or of another version
"""


class EncoderError(Exception):
    """Base of every error raised on this floor."""


class InvalidSetting(EncoderError, ValueError):
    """A setting is out of range or unknown; the message names it and what it may be."""


class InvalidText(EncoderError, TypeError):
    """Something other than a string was to be encoded; the message says where and what."""


class ModelUnavailable(EncoderError):
    """A model's files cannot be found or fetched; the message says what to install or set."""


class ModelMismatch(EncoderError):
    """A model's files are not what they should be: another checksum, an unsupported architecture."""


class DeviceUnavailable(EncoderError):
    """The device in the settings does not exist on this machine."""


class FineTuningUnavailable(EncoderError):
    """What fine-tuning needs is not installed; the message says how it gets there."""


class CacheUnusable(EncoderError):
    """A cache file cannot be used; the message says which, why and what to do."""
