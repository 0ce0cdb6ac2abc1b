"""E-mail marketing automation that a small business runs itself."""

__version__ = "0.1.0"
