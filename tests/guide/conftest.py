"""The guide's code blocks are run as a user runs them, not collected as tests of ours."""

collect_ignore = ["snippets"]
