"""The command line: ``build``, ``serve``, ``verify``, ``figure``."""
