"""This driver beside other load tools: servers whose truth is known, the tools, their reports."""
