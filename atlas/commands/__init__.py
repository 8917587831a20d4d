"""The command line: build, figure, verify."""
