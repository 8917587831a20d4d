"""The command line: ``build``, ``verify``, ``figure``."""
